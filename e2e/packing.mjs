// SPDX-License-Identifier: Apache-2.0
// The packages as npm packs them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../packages/', import.meta.url));
export const PACKAGES = ['mix-tunnel', 'mix-fetch', 'mix-dns', 'mix-websocket'];

/** Tarballs of what packages/*\/dist holds, in this folder. */
export function pack(folder) {
    const out = execFileSync('npm', ['pack', '--json', '--pack-destination', folder, ...PACKAGES.map((name) => `./${name}`)],
        { cwd: SOURCE, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return PACKAGES.map((name, i) => ({ name, tarball: join(folder, JSON.parse(out)[i].filename) }));
}

/** Puts them where a project would find them: FOLDER/node_modules/@lwmix. */
export function unpackInto(folder, tarballs) {
    for (const { name, tarball } of tarballs) {
        const target = join(folder, 'node_modules/@lwmix', name);
        rmSync(target, { recursive: true, force: true });
        mkdirSync(target, { recursive: true });
        execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
    }
}
