// SPDX-License-Identifier: Apache-2.0
// The web that tests reach through the mixnet, on loopback: bytes by number, an echo, uploads counted, a WebSocket echo.
import { createHash } from 'node:crypto';
import http from 'node:http';
import { WebSocketServer } from 'ws';

/** n bytes that are the same at every call and hardly compress. */
export function pattern(n) {
    const out = Buffer.alloc(n);
    let x = 0x9e3779b9;
    for (let i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        out[i] = x;
    }
    return out;
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function answer(request, response) {
    const url = new URL(request.url, 'http://x');
    if (url.pathname === '/bytes') {
        const body = pattern(Number(url.searchParams.get('n')));
        response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': body.length }).end(body);
    } else if (url.pathname === '/echo') {
        const parts = [];
        request.on('data', (part) => parts.push(part));
        request.on('end', () => {
            const body = Buffer.concat(parts);
            response.writeHead(200, { 'content-type': request.headers['content-type'] ?? 'text/plain', 'x-method': request.method,
                'content-length': body.length }).end(body);
        });
    } else if (url.pathname === '/upload') { // how much came, and its hash
        const hash = createHash('sha256');
        let length = 0;
        request.on('data', (part) => {
            length += part.length;
            hash.update(part);
        });
        request.on('end', () => response.writeHead(200, { 'content-type': 'text/plain' }).end(`${length} ${hash.digest('hex')}`));
    } else {
        response.writeHead(404, { 'content-type': 'text/plain' }).end('nothing here');
    }
}

/** Listens on a free port of 127.0.0.1. */
export async function startSite() {
    const server = http.createServer(answer);
    server.keepAliveTimeout = 120_000; // the npm peer does not try a POST again on a connection that was just closed
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        port: server.address().port,
        close() {
            for (const client of sockets.clients) client.terminate();
            sockets.close();
            server.closeAllConnections();
            server.close();
        },
    };
}
