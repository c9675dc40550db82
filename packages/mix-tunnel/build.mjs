// SPDX-License-Identifier: Apache-2.0
// What dist/ of mix-tunnel has: one file with everything on the page's side (all.js), of which index.js and internal.js hand on their
// part; the worker; the module, from build/wasm, and the licences of what is in it; and inline.js, where worker and module are texts
// in one file.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { licenceTexts } from '../../tools/licences.mjs';

export async function build(tools) {
    const module = join(tools.folder, '../../build/wasm/lwmix.wasm');
    if (!existsSync(module)) throw new Error(`${module} is missing: run make wasm first`);
    for (const table of ['error-table', 'wasm-abi']) await import(`../../tools/${table}.mjs`);
    const wasm = readFileSync(module);
    writeFileSync(join(tools.dist, 'lwmix.wasm'), wasm);
    const comlink = ['comlink', 'Apache-2.0', [join(tools.folder, '../node_modules/comlink/LICENSE')]];
    writeFileSync(join(tools.dist, 'THIRD-PARTY.txt'), licenceTexts('wasm', [comlink]));
    tools.types();
    await tools.browser('all');
    await tools.browser('worker');
    await tools.node('all');
    await tools.node('worker.node');
    for (const entry of ['index', 'internal']) tools.handOn(entry, 'all', await tools.names(entry));
    const { outputFiles: [worker] } = await tools.browser('worker.inline', { write: false });
    const texts = { WORKER: JSON.stringify(worker.text), MODULE: JSON.stringify(gzipSync(wasm, { level: 9 }).toString('base64')) };
    await tools.browser('inline', { define: { ...tools.define, ...texts }, external: ['./all.js'] });
}
