// SPDX-License-Identifier: Apache-2.0
// Serves the bench's pages as a good server would: files compressed once by gzip, and counted. A page a maker, which differ by their
// import map; and a blank one.
import { readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
const folder = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const ROOTS = [['/bench/', folder('.')], ['/modules/', folder('../../e2e/node_modules/')], ['/packages/', folder('../../packages/')]];

const PARTS = ['tunnel', 'fetch', 'dns', 'websocket'];
const file = { peer: (part) => `/modules/@nymproject/mix-${part}/dist/${part === 'tunnel' ? 'esm/' : ''}index.js`, ours: (part) => `/packages/mix-${part}/dist/index.js` };
const scope = { peer: '@nymproject', ours: '@lwmix' };
const more = { peer: { comlink: '/modules/comlink/dist/esm/comlink.mjs' }, ours: { '@lwmix/mix-tunnel/internal': '/packages/mix-tunnel/dist/internal.js' } };

/** The two sides. */
export const MAKERS = ['ours', 'peer'];

function importsOf(maker) {
    const names = PARTS.flatMap((part) => [`mix-${part}`, `${scope[maker]}/mix-${part}`].map((name) => [name, file[maker](part)]));
    return { ...Object.fromEntries(names), ...more[maker] };
}

const head = '<!doctype html><meta charset=utf-8><title>bench</title><link rel=icon href=data:,>';
const pages = new Map([
    ['/blank', head],
    ...MAKERS.map((maker) => [`/${maker}`, `${head}<script type=importmap>${JSON.stringify({ imports: importsOf(maker) })}</script><script type=module src=/bench/page.mjs></script>`]),
]);

/** `sent()` gives the bytes of files sent since it was last called. */
export async function servePages() {
    const packed = new Map();
    let bytes = 0;
    const fileOf = (pathname) => {
        if (!packed.has(pathname)) {
            const [prefix, root] = ROOTS.find(([start]) => pathname.startsWith(start)) ?? [];
            const name = root && path.join(root, path.normalize(`/${pathname.slice(prefix.length)}`));
            const there = name && statSync(name, { throwIfNoEntry: false })?.isFile();
            packed.set(pathname, there ? gzipSync(readFileSync(name), { level: 9 }) : undefined);
        }
        return packed.get(pathname);
    };
    const server = http.createServer((request, response) => {
        const { pathname } = new URL(request.url, 'http://x');
        if (pages.has(pathname)) return response.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-cache' }).end(pages.get(pathname));
        const body = fileOf(pathname);
        if (!body) return response.writeHead(404).end();
        bytes += body.length;
        response.writeHead(200, { 'content-type': TYPES[path.extname(pathname)] ?? 'application/octet-stream', 'content-encoding': 'gzip',
            'content-length': body.length, 'cache-control': 'max-age=3600' }).end(body);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        url: `http://127.0.0.1:${server.address().port}/`,
        sent() {
            const sum = bytes;
            bytes = 0;
            return sum;
        },
        close() {
            server.closeAllConnections();
            server.close();
        },
    };
}
