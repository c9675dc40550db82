// SPDX-License-Identifier: Apache-2.0
// Writes packages/mix-tunnel/src/abi.ts from hosts/wasm/abi.h and the enums of include/mix; packages/mix-tunnel/build.mjs runs it.
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const target = new URL('packages/mix-tunnel/src/abi.ts', root);
const read = (file) => readFileSync(new URL(file, root), 'utf8');
const abi = read('hosts/wasm/abi.h').replace(/\/\*[\s\S]*?\*\//g, '').replace(/\\\n/g, ' ');

/** Rows "X(a, b)" of a table that is defined as a macro. */
function rows(macro) {
    const line = new RegExp(`#define ${macro}\\((\\w)\\)(.*)`).exec(abi);
    return [...line[2].matchAll(/\w\((\w+), (\w+)\)/g)].map((m) => [m[1], m[2]]);
}

/** Members with their offsets, as C lays them out: each at a multiple of its size. */
function layout(macro) {
    const sizes = { double: 8, uint32_t: 4, int32_t: 4 };
    let at = 0;
    const members = rows(macro).map(([type, name]) => {
        const size = sizes[type];
        at = Math.ceil(at / size) * size;
        const member = { name, type, at };
        at += size;
        return member;
    });
    return { members, size: Math.ceil(at / 8) * 8 };
}

const out = layout('MIX_WASM_OUT');
const getter = { double: 'getFloat64', uint32_t: 'getUint32', int32_t: 'getInt32' };
const camel = (name) => name.replace(/_(\w)/g, (_, c) => c.toUpperCase());
const table = (name, pairs) => `export const ${name} = {\n${pairs.map(([k, n]) => `    ${k}: ${n},\n`).join('')}} as const;\n`;

/** An enum of a public header whose members count on from a first number. */
function cEnum(file, first, strip) {
    const text = read(file).replace(/\/\*[\s\S]*?\*\//g, '');
    const body = new RegExp(`\\{\\s*(${first} = [\\s\\S]*?)\\}`).exec(text)[1];
    let next = 0;
    return body.split(',').map((m) => m.trim()).filter(Boolean).map((member) => {
        const [name, value] = member.split('=').map((p) => p.trim());
        next = value === undefined ? next + 1 : Number(value);
        return [name.replace(strip, ''), next];
    });
}

const doubles = (name, macro) => {
    const { members } = layout(macro);
    return `/** Doubles, in this order. */\nexport const ${name} = [${members.map((m) => `'${camel(m.name)}'`).join(', ')}] as const;\n`;
};

const text = `// SPDX-License-Identifier: Apache-2.0
// Made by tools/wasm-abi.mjs from hosts/wasm/abi.h and include/mix.

/** What mix_next and mix_command leave: numbers, and offsets of text and bytes that live until the next call. */
export interface Out {
${out.members.map((m) => `    ${m.name}: number;\n`).join('')}}
export const OUT_SIZE = ${out.size};
export function readOut(view: DataView, at: number): Out {
    return {
${out.members.map((m) => `        ${m.name}: view.${getter[m.type]}(at + ${m.at}, true),\n`).join('')}    };
}

${table('Kind', rows('MIX_WASM_KINDS'))}
${table('Command', rows('MIX_WASM_COMMANDS'))}
${table('Flag', rows('MIX_WASM_FLAGS'))}
${table('State', cEnum('include/mix/tunnel.h', 'MIX_TUNNEL_CLOSED', 'MIX_TUNNEL_'))}
${table('FetchWhat', cEnum('include/mix/fetch.h', 'MIX_FETCH_WHAT_REDIRECTED', 'MIX_FETCH_WHAT_'))}
${table('WebSocketWhat', cEnum('include/mix/websocket.h', 'MIX_WEBSOCKET_WHAT_OPEN', 'MIX_WEBSOCKET_WHAT_'))}
${table('Redirect', cEnum('include/mix/fetch.h', 'MIX_REDIRECT_FOLLOW', 'MIX_REDIRECT_'))}
${doubles('STATS', 'MIX_WASM_STATS')}
${doubles('TIMING', 'MIX_WASM_TIMING')}
/** Results of calls that are no errors. */
export const OK = 0;
export const DONE = 1;
export const BLOCKED = 2;
`;
writeFileSync(target, text);
