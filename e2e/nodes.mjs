// SPDX-License-Identifier: Apache-2.0
// The packages in several versions of Node, each fetched by npm into build/nodes: nodes.mjs VERSION…
//   22        the newest of these when it was fetched: the unit tests and packages-node.test.mjs
//   20.0.0    this one: packages-node.test.mjs; unit tests need what node:test has learned since
// Closes with "nodes: N passed, M failed".
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const UNIT_TESTS = 'packages/test.mjs';
const WHOLE = 'e2e/packages-node.test.mjs';

/** Its executable. */
function nodeOf(version) {
    const folder = join(ROOT, 'build/nodes', version);
    const name = `node-${process.platform}-${process.arch}`;
    const file = join(folder, 'node_modules', name, 'bin/node');
    if (existsSync(file)) return file;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    return file;
}

let passed = 0;
let failed = 0;
const versions = process.argv.slice(2);
for (const version of versions) {
    const node = nodeOf(version);
    const exact = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    for (const program of /^\d+$/.test(version) ? [UNIT_TESTS, WHOLE] : [WHOLE]) {
        const { stdout, stderr, status } = spawnSync(node, [join(ROOT, program)], { cwd: ROOT, encoding: 'utf8' });
        const [line, good, bad] = [...stdout.matchAll(/^.*: (\d+) passed, (\d+) failed.*$/gm)].at(-1) ?? ['no closing line', '0', '1'];
        passed += Number(good);
        failed += status === 0 ? Number(bad) : Math.max(1, Number(bad));
        console.log(`nodes: ${exact}  ${line}`);
        if (status !== 0) console.log((stdout + stderr).slice(-6000));
    }
}
console.log(`nodes: ${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || versions.length === 0 ? 1 : 0;
