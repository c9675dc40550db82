// SPDX-License-Identifier: Apache-2.0
// The texts of the licences of what is built into a release file: of parts (third_party/build.sh puts them beside each), and of Debian
// packages whose libraries are linked in.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const table = readFileSync(join(ROOT, 'third_party/licences.list'), 'utf8').split('\n').filter((line) => line && !line.startsWith('#'))
    .map((line) => [line.split(/\s+/)[0], line.replace(/^\S+\s+/, '')]);

/** Debian packages of which something is in the module, and in the static command. */
export const DEBIAN = { wasm: ['wasi-libc', 'libclang-rt-19-dev-wasm32'], native: ['libc6-dev', 'libuv1-dev', 'libglib2.0-dev', 'libpcre2-dev'] };
/** Under which terms: of parts and Debian packages. */
export const TERMS = new Map(table);

/** [name, terms, [file…]] of each part that is built for this target. */
export function partsOf(target) {
    const folder = join(ROOT, 'build/third_party', target);
    return table.filter(([name]) => existsSync(join(folder, name))).map(([name, terms]) => [name, terms,
        readdirSync(join(folder, name)).filter((file) => /^(LICENSE|COPYING|COPYRIGHT)/.test(file)).map((file) => join(folder, name, file))]);
}

/** The same of Debian packages. */
export const debianOf = (target) => DEBIAN[target].map((name) => [name, TERMS.get(name), [`/usr/share/doc/${name}/copyright`]]);

/** All of them one after another. `more` are further entries. */
export function licenceTexts(target, more = []) {
    const seen = new Set();
    const entries = [...partsOf(target), ...debianOf(target), ...more].map(([name, terms, files]) => {
        if (files.length === 0) throw new Error(`licences: nothing beside ${name}`);
        const texts = files.map((file) => readFileSync(file, 'utf8').trim()).filter((text) => !seen.has(text) && seen.add(text));
        return `${'='.repeat(100)}\n${name}: ${terms}\n${'='.repeat(100)}\n\n${texts.join('\n\n') || 'The text is above.'}\n`;
    });
    return `What of others is in this package, under which terms.\n\n${entries.join('\n')}`;
}
