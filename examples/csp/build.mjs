// SPDX-License-Identifier: Apache-2.0
// The page of esbuild/ once more; `build.mjs --serve` then serves it on port 8080 with its policy.
import { copyFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import http from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { policy } from './policy.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { resolve } = createRequire(import.meta.url);
await build({ absWorkingDir: here, entryPoints: ['../shared/app.js'], outdir: 'dist', bundle: true, minify: true, format: 'esm', logLevel: 'error' });
for (const file of ['worker.js', 'lwmix.wasm']) copyFileSync(resolve(`@lwmix/mix-tunnel/${file}`), `${here}dist/${file}`);
copyFileSync(`${here}index.html`, `${here}dist/index.html`);

if (process.argv.includes('--serve')) {
    const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
    const files = ['index.html', 'app.js', 'worker.js', 'lwmix.wasm'];
    http.createServer((request, response) => {
        const file = request.url === '/' ? 'index.html' : request.url.slice(1);
        if (!files.includes(file)) return response.writeHead(404).end();
        response.writeHead(200, { 'content-type': types[extname(file)], 'content-security-policy': policy }).end(readFileSync(`${here}dist/${file}`));
    }).listen(8080, '127.0.0.1', () => console.log('http://127.0.0.1:8080/'));
}
