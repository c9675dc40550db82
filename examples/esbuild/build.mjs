// SPDX-License-Identifier: Apache-2.0
// esbuild does not follow new URL(…, import.meta.url), so the worker and its module are copied to where the bundle looks for them.
import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const { resolve } = createRequire(import.meta.url);
await build({ absWorkingDir: here, entryPoints: ['../shared/app.js'], outdir: 'dist', bundle: true, minify: true, format: 'esm', logLevel: 'error' });
for (const file of ['worker.js', 'lwmix.wasm']) copyFileSync(resolve(`@lwmix/mix-tunnel/${file}`), `${here}dist/${file}`);
copyFileSync(`${here}index.html`, `${here}dist/index.html`);
