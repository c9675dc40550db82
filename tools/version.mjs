// SPDX-License-Identifier: Apache-2.0
// The version is in the file VERSION. CMake reads it there; what npm reads has to repeat it: version.mjs says whether all agree,
// version.mjs X.Y.Z writes it everywhere. CHANGELOG.md's first entry is written by hand.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('..', import.meta.url);
const PACKAGES = ['mix-tunnel', 'mix-fetch', 'mix-dns', 'mix-websocket'];
const read = (path) => readFileSync(new URL(path, ROOT), 'utf8');
const isOurs = (name) => name.startsWith('@lwmix/');

export const version = () => read('VERSION').trim();

/** The version, and those of our own packages that it depends on, of every package as npm's files have it: [where, which]. */
function* repeated() {
    for (const name of PACKAGES) {
        const file = `packages/${name}/package.json`;
        const its = JSON.parse(read(file));
        yield [file, its.version];
        for (const [other, which] of Object.entries(its.dependencies ?? {})) if (isOurs(other)) yield [`${file}: ${other}`, which];
    }
    if (!existsSync(new URL('packages/package-lock.json', ROOT))) return;
    for (const [where, its] of Object.entries(JSON.parse(read('packages/package-lock.json')).packages)) {
        if (!PACKAGES.includes(where)) continue;
        yield [`packages/package-lock.json: ${where}`, its.version];
        for (const [other, which] of Object.entries(its.dependencies ?? {})) if (isOurs(other)) yield [`packages/package-lock.json: ${where}: ${other}`, which];
    }
}

/** What does not say the version of VERSION, a line each. */
export function disagreements() {
    const wanted = version();
    const lines = [...repeated()].filter(([, which]) => which !== wanted).map(([where, which]) => `${where} has ${which}, VERSION has ${wanted}`);
    if (!/^\d+\.\d+\.\d+$/.test(wanted)) lines.push(`VERSION: '${wanted}' is not like 1.2.3`);
    const latest = read('CHANGELOG.md').match(/^## (\S+)/m)?.[1];
    if (latest !== wanted) lines.push(`CHANGELOG.md begins with ${latest}, VERSION has ${wanted}`);
    return lines;
}

function write(next) {
    if (!/^\d+\.\d+\.\d+$/.test(next)) {
        console.error(`version: '${next}' is not like 1.2.3`);
        process.exit(2);
    }
    const old = version().replaceAll('.', '\\.');
    const swap = (path, ...patterns) => {
        const text = read(path);
        writeFileSync(new URL(path, ROOT), patterns.reduce((all, [pattern, flags]) => all.replace(new RegExp(pattern, flags), (m) => m.replace(new RegExp(`${old}`), next)), text));
    };
    writeFileSync(new URL('VERSION', ROOT), `${next}\n`);
    for (const name of PACKAGES) swap(`packages/${name}/package.json`, [`^  "version": "${old}"`, 'm'], [`"@lwmix/[a-z-]+": "${old}"`, 'g']);
    swap('packages/package-lock.json', [`"mix-[a-z]+": \\{\\s+"name": "@lwmix/[a-z-]+",\\s+"version": "${old}"`, 'g'], [`"@lwmix/[a-z-]+": "${old}"`, 'g']);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    if (process.argv[2]) write(process.argv[2]);
    const lines = disagreements();
    for (const line of lines) console.log(`version: ${line}`);
    if (lines.length === 0) console.log(`version: ${version()} everywhere`);
    process.exit(lines.length > 0 ? 1 : 0);
}
