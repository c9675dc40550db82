// SPDX-License-Identifier: Apache-2.0
// The web that tests of the packages reach: one site by HTTP and HTTPS (its certificate from a CA of its own) whose paths each do one thing,
// and that remembers what it saw.
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';
import { pattern } from './servers.mjs';
import { CA, authority, leaf } from './sites/certificates.mjs';

/** A CA, and a certificate of it for these names; made by openssl in a folder that is gone afterwards. */
export function makeCertificate(names) {
    const folder = mkdtempSync(join(tmpdir(), 'lwmix-web-'));
    try {
        const issue = authority(folder);
        const { cert: ca } = issue('ca', { subject: 'Test CA of the packages', extensions: CA });
        return { ca, ...issue('site', { by: 'ca', subject: names[0], extensions: leaf(...names.map((name) => `DNS:${name}`)) }) };
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

const ENCODERS = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync };

async function bodyOf(request) {
    const parts = [];
    for await (const part of request) parts.push(part);
    return Buffer.concat(parts);
}

/** Path → answer. What a test has to wait for is an event of `seen`. */
const PATHS = {
    '/bytes': (request, response, { query }) => {
        const body = pattern(Number(query.get('n')));
        response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': body.length }).end(body);
    },
    '/echo': async (request, response) => {
        const body = await bodyOf(request);
        response.writeHead(200, { 'content-type': request.headers['content-type'] ?? 'text/plain', 'x-method': request.method, 'content-length': body.length }).end(body);
    },
    '/headers': async (request, response) => {
        const body = await bodyOf(request);
        response.writeHead(200, { 'content-type': 'application/json' })
            .end(JSON.stringify({ method: request.method, url: request.url, version: request.httpVersion, raw: request.rawHeaders, body: body.toString('latin1') }));
    },
    '/status': (request, response, { query }) => {
        const code = Number(query.get('code'));
        response.writeHead(code, query.get('phrase') ?? undefined, query.has('location') ? { location: query.get('location') } : {});
        response.end([204, 205, 304].includes(code) ? undefined : `status ${code}`);
    },
    '/loop': (request, response) => response.writeHead(302, { location: '/loop' }).end(),
    '/latin1': (request, response) => { // by hand: Node's server writes no such header
        response.socket.end(Buffer.from('HTTP/1.1 200 Sch\xf6n\r\nX-Latin: gr\xfcn\r\nX-Twice: 1\r\nX-Twice: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok', 'latin1'));
    },
    '/encoded': (request, response, { query }) => {
        const by = query.get('by');
        response.writeHead(200, { 'content-encoding': by, 'content-type': 'text/plain' }).end(ENCODERS[by](Buffer.from(`in ${by}: ${'x'.repeat(1000)}`)));
    },
    /** Writes `first`, then waits for the test to call seen.release(). */
    '/slow': (request, response, { seen }) => {
        response.writeHead(200, { 'content-type': 'text/plain' }).write('first');
        seen.release = () => response.end('second');
        request.socket.on('close', () => seen.emit('slow closed'));
        seen.emit('slow');
    },
    /** Never answers. */
    '/silent': (request, response, { seen }) => {
        request.socket.on('close', () => seen.emit('silent closed'));
        seen.emit('silent');
    },
    /** As much as the other side takes, until it is gone. */
    '/endless': (request, response, { seen }) => {
        const piece = Buffer.alloc(16_384, 7);
        seen.counts.endless = 0;
        const write = () => {
            do seen.counts.endless += piece.length;
            while (response.write(piece));
        };
        response.on('drain', write);
        response.on('close', () => seen.emit('endless closed'));
        response.writeHead(200);
        write();
        seen.emit('endless');
    },
    /** Tells of each piece of an upload as it comes. */
    '/upload': (request, response, { seen }) => {
        let size = 0;
        request.on('data', (part) => {
            size += part.length;
            seen.emit('upload', size);
        });
        request.on('end', () => response.end(String(size)));
    },
    '/cut': (request, response) => {
        response.writeHead(200, { 'content-length': 1000 }).write('only this');
        response.socket.end();
    },
    /** Answers, then ends the connection without having said so. */
    '/leave': (request, response, { seen }) => {
        const { socket } = request;
        response.writeHead(200, { 'content-length': 2, connection: 'keep-alive' });
        response.end('ok', () => socket.end(() => {
            socket.destroy();
            seen.emit('left');
        }));
    },
};

/** What the site saw: `counts` by path, connections, and events. */
class Seen {
    counts = {};
    connections = 0;
    resumed = 0;
    #waiting = new Map();

    count(path) {
        this.counts[path] = (this.counts[path] ?? 0) + 1;
    }

    emit(event, value) {
        const waiting = this.#waiting.get(event) ?? [];
        this.#waiting.set(event, waiting.filter(({ wanted, resolve }) => {
            if (!wanted(value)) return true;
            resolve(value);
            return false;
        }));
    }

    /** Resolves with the next event of this name that is wanted. */
    next(event, wanted = () => true) {
        return new Promise((resolve) => this.#waiting.set(event, [...this.#waiting.get(event) ?? [], { wanted, resolve }]));
    }
}

function onSocket(seen, socket, request) {
    const query = new URL(request.url, 'http://x').searchParams;
    seen.counts.websocket = (seen.counts.websocket ?? 0) + 1;
    seen.origin = request.headers.origin;
    socket.on('close', (code, reason) => seen.emit('websocket closed', { code, reason: String(reason) }));
    socket.on('message', (data, binary) => {
        const text = binary ? '' : String(data);
        if (text === 'close') return socket.close();
        if (text.startsWith('close ')) return socket.close(Number(text.split(' ')[1]), text.split(' ').slice(2).join(' '));
        if (text === 'terminate') return socket.terminate();
        socket.send(data, { binary });
    });
    if (query.has('hello')) socket.send(query.get('hello'));
    seen.emit('websocket');
}

/** Listens by HTTP and HTTPS on free ports of 127.0.0.1. */
export async function startWeb(names) {
    const seen = new Seen();
    const certificate = makeCertificate(names);
    const answer = (request, response) => {
        const { pathname, searchParams: query } = new URL(request.url, 'http://x');
        seen.count(pathname);
        response.on('error', () => {});
        const path = PATHS[pathname];
        if (path) Promise.resolve({ query, seen }).then((more) => path(request, response, more)).catch(() => response.destroy());
        else response.writeHead(404, { 'content-type': 'text/plain' }).end('nothing here');
    };
    const servers = [http.createServer(answer), https.createServer({ cert: certificate.cert, key: certificate.key }, answer)];
    const upgrade = (request, socket, head) => {
        if (request.url.startsWith('/refuse')) return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
        if (!request.url.startsWith('/socket')) return socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
        sockets.handleUpgrade(request, socket, head, (one) => onSocket(seen, one, request));
    };
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered].at(-1) });
    for (const server of servers) {
        server.keepAliveTimeout = 120_000;
        server.on('connection', (socket) => {
            seen.connections++;
            socket.on('error', () => {});
        });
        server.on('secureConnection', (socket) => { if (socket.isSessionReused()) seen.resumed++; });
        server.on('upgrade', upgrade);
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    return {
        port: servers[0].address().port,
        securePort: servers[1].address().port,
        ca: certificate.ca,
        seen,
        /** The same answers from another server: for pages that ask it without the mixnet, to compare. */
        answer,
        upgrade,
        paths: Object.keys(PATHS),
        close() {
            for (const client of sockets.clients) client.terminate();
            for (const server of servers) {
                server.closeAllConnections();
                server.close();
            }
        },
    };
}
