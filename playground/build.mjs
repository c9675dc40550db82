// SPDX-License-Identifier: Apache-2.0
// Builds the playground's page into build/playground, from packages/*/dist: types by tsc, one script by esbuild.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const PACKAGES = join(HERE, '../packages');
const OUT = process.argv[2] ?? join(HERE, '../build/playground');
const esbuild = createRequire(join(PACKAGES, 'package.json'))('esbuild');
const TUNNEL = join(PACKAGES, 'mix-tunnel/dist');

for (const name of ['mix-tunnel', 'mix-fetch', 'mix-dns', 'mix-websocket']) {
    if (!existsSync(join(PACKAGES, name, 'dist/index.js'))) throw new Error(`packages/${name}/dist is missing: run make packages first`);
}
const types = spawnSync(process.execPath, [join(PACKAGES, 'node_modules/typescript/bin/tsc'), '-p', HERE], { stdio: 'inherit' });
if (types.status !== 0) throw new Error('playground: types are wrong');

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const common = { absWorkingDir: HERE, outdir: OUT, bundle: true, minify: true, platform: 'browser', target: ['chrome111', 'firefox114', 'safari16.4'],
    nodePaths: [join(PACKAGES, 'node_modules')], legalComments: 'none', logLevel: 'warning', banner: { js: '/* SPDX-License-Identifier: Apache-2.0 */' } };
await esbuild.build({ ...common, entryPoints: { app: 'src/main.ts' }, format: 'esm' });
await esbuild.build({ ...common, entryPoints: { first: 'src/first.ts' }, format: 'iife' });
// Fonts and pictures there are none; uPlot's few rules go in front of ours.
const css = ['node_modules/uplot/dist/uPlot.min.css', 'style.css'].map((file) => readFileSync(join(HERE, file), 'utf8')).join('\n');
const { code } = await esbuild.transform(css, { loader: 'css', minify: true, target: ['chrome111', 'firefox114', 'safari16.4'] });
writeFileSync(join(OUT, 'app.css'), code);
for (const file of ['index.html', 'icon.svg']) copyFileSync(join(HERE, file), join(OUT, file));
const uplot = JSON.parse(readFileSync(join(HERE, 'node_modules/uplot/package.json'), 'utf8'));
writeFileSync(join(OUT, 'THIRD-PARTY.txt'), `${readFileSync(join(TUNNEL, 'THIRD-PARTY.txt'), 'utf8').trimEnd()}\n\n`
    + `${'='.repeat(100)}\nuplot: ${uplot.license}\n${'='.repeat(100)}\n\n${readFileSync(join(HERE, 'node_modules/uplot/LICENSE'), 'utf8')}`);
for (const file of ['worker.js', 'lwmix.wasm']) copyFileSync(join(TUNNEL, file), join(OUT, file));
