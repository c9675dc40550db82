// SPDX-License-Identifier: Apache-2.0
// Makes liblwmix.a: the core and all third parties that it uses in one archive, in which only the functions of include/mix are visible.
// So a program needs -llwmix alone, and may have another OpenSSL, libcurl or zlib of its own.
//   archive.mjs OUT.a INCLUDE-FOLDER LIBRARY.a…
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [, , out, include, ...libraries] = process.argv;
const run = (tool, args) => execFileSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] });

/** The functions that the headers declare: all names in front of a parenthesis, without comments. */
const declared = new Set(readdirSync(include).filter((name) => name.endsWith('.h'))
    .flatMap((name) => [...readFileSync(join(include, name), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '').matchAll(/\b(mix_\w+)\(/g)])
    .map((match) => match[1]));
const defined = new Set(run('nm', ['-g', '--defined-only', ...libraries.filter((l) => l.includes('libmix_'))])
    .split('\n').map((line) => line.split(' ')[2]));
const missing = [...declared].filter((name) => !defined.has(name));
if (missing.length > 0) {
    console.error(`archive: declared in ${include}, but nowhere defined: ${missing.join(', ')}`);
    process.exit(1);
}
const folder = mkdtempSync(join(dirname(out), 'archive-'));
try {
    const [object, names] = [join(folder, 'lwmix.o'), join(folder, 'names')];
    writeFileSync(names, [...declared].sort().join('\n'));
    // -d: what has no place yet (a common symbol of OpenSSL) gets one, or it could not be hidden.
    run('ld', ['-r', '-d', '--gc-sections', ...[...declared].flatMap((name) => ['-u', name]), '-o', object, '--start-group', ...libraries, '--end-group']);
    run('objcopy', [`--keep-global-symbols=${names}`, '--strip-debug', object]);
    run('ar', ['rcsD', join(folder, 'out.a'), object]);
    renameSync(join(folder, 'out.a'), out);
} finally {
    rmSync(folder, { recursive: true, force: true });
}
