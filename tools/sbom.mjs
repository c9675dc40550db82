// SPDX-License-Identifier: Apache-2.0
// The bill of materials in CycloneDX's JSON: what of others is in the release files, which version, from where, under which terms.
//   sbom.mjs > FILE     The same input gives the same bytes; SOURCE_DATE_EPOCH is the time in it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DEBIAN, TERMS } from './licences.mjs';
import { version } from './version.mjs';

const ROOT = new URL('..', import.meta.url);
const read = (path) => readFileSync(new URL(path, ROOT), 'utf8');
const lines = (text) => text.split('\n').filter((line) => line && !line.startsWith('#'));

/** Which release files a part is in: by the targets of its recipe. */
function holders(name) {
    const targets = read(`third_party/recipes/${name}.sh`).match(/^targets=(\S+)$/m)?.[1];
    return { native: 'lwmix', wasm: 'lwmix.wasm' }[targets] ?? 'lwmix, liblwmix.a, lwmix.wasm';
}

const licence = (expression) => [/ (AND|OR|WITH) /.test(expression) ? { expression } : { license: { id: expression } }];

/** Parts that third_party/ builds. Of several places the first is named: all have the same content. */
function parts() {
    const seen = new Map();
    for (const line of lines(read('third_party/parts.list'))) {
        const [name, its, kind, sha256, location] = line.split(/\s+/);
        if (seen.has(name)) continue;
        const real = kind === 'crate' || kind === 'pypi' ? location : name.replace(/-client$/, '');
        const purl = { crate: `pkg:cargo/${real}@${its}`, pypi: `pkg:pypi/${real}@${its}` }[kind] ?? `pkg:generic/${real}@${its}`;
        seen.set(name, {
            type: 'library', 'bom-ref': `part:${name}`, name: real, version: its, licenses: licence(TERMS.get(name)), purl,
            hashes: [{ alg: 'SHA-256', content: sha256 }],
            ...(kind === 'url' ? { externalReferences: [{ type: 'distribution', url: location }] } : {}),
            properties: [{ name: 'lwmix:in', value: holders(name) }, ...patches(name)],
        });
    }
    return [...seen.values()];
}

function patches(name) {
    const all = readdirSync(new URL('third_party/patches', ROOT)).sort();
    return all.filter((file) => new RegExp(`^${name}-\\d`).test(file)).map((file) => ({ name: 'lwmix:patch', value: `third_party/patches/${file}` }));
}

/** What of the machine's own packages is linked in. */
function systems() {
    return Object.entries(DEBIAN).flatMap(([target, names]) => names.map((name) => {
        const its = execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' });
        return { type: 'library', 'bom-ref': `debian:${name}`, name, version: its, licenses: licence(TERMS.get(name)),
            purl: `pkg:deb/debian/${name}@${encodeURIComponent(its)}`, properties: [{ name: 'lwmix:in', value: target === 'wasm' ? 'lwmix.wasm' : 'lwmix (static)' }] };
    }));
}

/** npm packages that ours need or contain, of the lock files of what is released. */
function modules() {
    const found = new Map();
    for (const [file, holder] of [['packages/package-lock.json', '@lwmix/mix-tunnel'], ['playground/package-lock.json', 'playground']]) {
        if (!existsSync(new URL(file, ROOT))) continue;
        for (const [where, its] of Object.entries(JSON.parse(read(file)).packages)) {
            const name = where.match(/^node_modules\/(.+)$/)?.[1];
            if (!name || its.dev || its.link) continue;
            found.set(name, { type: 'library', 'bom-ref': `npm:${name}`, name, version: its.version, licenses: licence(its.license),
                purl: `pkg:npm/${name.replace('@', '%40')}@${its.version}`, properties: [{ name: 'lwmix:in', value: holder }] });
        }
    }
    return [...found.values()];
}

export function sbom() {
    const without = lines(read('third_party/parts.list')).map((line) => line.split(/\s+/)[0]).filter((name) => !TERMS.has(name));
    if (without.length > 0) throw new Error(`third_party/licences.list has no line of ${[...new Set(without)].join(', ')}`);
    const components = [...parts(), ...systems(), ...modules()];
    const id = createHash('sha256').update(JSON.stringify(components)).digest('hex');
    const main = { type: 'application', 'bom-ref': 'lwmix', name: 'lwmix', version: version(), licenses: licence('Apache-2.0') };
    return {
        bomFormat: 'CycloneDX', specVersion: '1.5',
        serialNumber: `urn:uuid:${id.slice(0, 8)}-${id.slice(8, 12)}-5${id.slice(13, 16)}-8${id.slice(17, 20)}-${id.slice(20, 32)}`, version: 1,
        metadata: { timestamp: new Date(Number(process.env.SOURCE_DATE_EPOCH ?? 0) * 1000).toISOString(), component: main },
        components,
        dependencies: [{ ref: 'lwmix', dependsOn: components.map((part) => part['bom-ref']) }],
    };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(sbom(), null, 2));
