// SPDX-License-Identifier: Apache-2.0
// Headless Chromium for tests: a page from loopback that can import packages from node_modules, and names that lead to the local mixnet only.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--ignore-certificate-errors'];
const MODULES = fileURLToPath(new URL('node_modules/', import.meta.url));

const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html', '.json': 'application/json' };

/**
 * Serves a page at / with this import map (name → path below node_modules, or one that begins with a slash). `folders` are served
 * too (prefix → folder), and `routes` answer first (path → function of Node's request and response), `upgrade` takes WebSockets;
 * `headers` go with every file.
 */
export async function servePage(imports, { folders = {}, routes = {}, upgrade, headers = {} } = {}) {
    const map = Object.fromEntries(Object.entries(imports).map(([name, file]) => [name, file.startsWith('/') ? file : `/modules/${file}`]));
    const html = `<!doctype html><meta charset=utf-8><title>test</title><link rel=icon href=data:,><script type=importmap>${JSON.stringify({ imports: map })}</script>`;
    const roots = Object.entries({ ...folders, '/modules/': MODULES });
    const requests = [];
    const server = http.createServer((request, response) => {
        const { pathname } = new URL(request.url, 'http://x');
        requests.push(pathname);
        const [prefix, root] = roots.find(([start]) => pathname.startsWith(start)) ?? [];
        const file = root && path.join(root, path.normalize(`/${pathname.slice(prefix.length)}`));
        if (routes[pathname]) routes[pathname](request, response);
        else if (pathname === '/' && !file) response.writeHead(200, { 'content-type': 'text/html', ...headers }).end(html);
        else if (!file || !fs.statSync(file, { throwIfNoEntry: false })?.isFile()) response.writeHead(404).end();
        else {
            response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream', ...headers });
            fs.createReadStream(file).pipe(response);
        }
    });
    if (upgrade) server.on('upgrade', upgrade);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${server.address().port}/`, requests, close: () => { server.closeAllConnections(); server.close(); } };
}

/** Opens Chromium in which the directory's public name and the gateways' names lead to this mixnet and all others nowhere. */
export async function openBrowser(mixnet) {
    const directory = new URL(mixnet.directory).host;
    const rules = [`MAP validator.nymtech.net ${directory}`, 'MAP *.nym.test 127.0.0.1', 'EXCLUDE 127.0.0.1', 'EXCLUDE localhost', 'MAP * ~NOTFOUND'];
    return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
        args: [...FLAGS, `--host-resolver-rules=${rules.join(', ')}`] });
}
