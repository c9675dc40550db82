// SPDX-License-Identifier: Apache-2.0
// Unit tests and type tests of the packages: test.mjs [PACKAGE…]. packages/*/test/*.test.ts are bundled and run by node:test; *.types.ts are
// only compiled, together with the tests. Closes with "packages: N passed, M failed".
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const BUILD = join(HERE, '../build/packages-test');
const ALL = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8')).workspaces;
const wanted = process.argv.length > 2 ? process.argv.slice(2) : ALL;
let passed = 0;
let failed = 0;
const tested = new Set(); // files; one without tests is told of as a test of its own name that passed

function count(good, what) {
    if (good) passed++;
    else {
        failed++;
        console.log(`packages: ${what}`);
    }
}

/** Rules that the compiler does not know. */
function checkRules(name, folder) {
    for (const file of readdirSync(join(folder, 'src')).filter((one) => one.endsWith('.ts'))) {
        const text = readFileSync(join(folder, 'src', file), 'utf8');
        count(text.startsWith('// SPDX-License-Identifier: Apache-2.0\n'), `${name}/src/${file}: the first line is the licence's`);
        count(!/[:<,|]\s*any\b|\bas any\b|@ts-ignore|@ts-expect-error/.test(text), `${name}/src/${file}: an any, or an error that is hidden`);
        count(!/^export default\b/m.test(text), `${name}/src/${file}: a default export`);
        count(name === 'mix-tunnel' || !/from 'comlink'/.test(text), `${name}/src/${file}: only mix-tunnel imports Comlink`); // its marks do not survive a second copy
        count(text.split('\n').length <= 800, `${name}/src/${file}: more than 800 lines`);
    }
}

/** Tests compile under the same rules as what they test; a type test is one that must not compile where it says so. */
function checkTypes(name, folder) {
    const config = join(BUILD, `tsconfig.${name}.json`);
    writeFileSync(config, JSON.stringify({ extends: join(HERE, 'tsconfig.base.json'),
        compilerOptions: { noEmit: true, emitDeclarationOnly: false, declaration: false, rootDir: join(HERE, '..'), typeRoots: [join(HERE, 'node_modules/@types')] },
        include: [join(folder, 'test/*.ts')] }));
    const result = spawnSync(process.execPath, [join(HERE, 'node_modules/typescript/bin/tsc'), '-p', config], { encoding: 'utf8' });
    count(result.status === 0, `${name}: types: ${result.stdout}${result.stderr}`);
}

rmSync(BUILD, { recursive: true, force: true });
const files = [];
for (const name of wanted) checkRules(name, join(HERE, name));
const folders = wanted.map((name) => [name, join(HERE, name)]).filter(([, folder]) => existsSync(join(folder, 'test')));
for (const [name, folder] of folders) {
    const tests = readdirSync(join(folder, 'test')).filter((file) => file.endsWith('.test.ts'));
    await esbuild.build({ absWorkingDir: folder, entryPoints: tests.map((file) => `test/${file}`), outdir: join(BUILD, name), outExtension: { '.js': '.mjs' },
        bundle: true, platform: 'node', target: 'node20', format: 'esm', external: ['node:*'], conditions: ['node'], sourcemap: 'inline', logLevel: 'warning',
        define: { VERSION: '"test"' }, banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' } });
    files.push(...tests.map((file) => join(BUILD, name, file.replace(/\.ts$/, '.mjs'))));
    checkTypes(name, folder);
}
const stream = run({ files, concurrency: 2, timeout: 60_000 });
stream.on('test:pass', ({ name, file, details }) => {
    if (details.type === 'suite' || name === file) return;
    tested.add(file);
    passed++;
});
stream.on('test:fail', ({ name, file, details }) => {
    if (details.type === 'suite') return;
    count(false, `${file}: ${name}: ${details.error?.cause?.stack ?? details.error?.cause ?? details.error}`);
});
stream.on('test:stderr', ({ message }) => process.stderr.write(message));
stream.on('end', () => {
    for (const file of files) if (!tested.has(file)) count(false, `${file}: none of its tests passed`);
    console.log(`packages: ${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 ? 1 : 0;
});
stream.resume();
