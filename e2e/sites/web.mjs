// SPDX-License-Identifier: Apache-2.0
// A well-behaved web for tests, over HTTP/1.1, TLS and HTTP/2 alike: echo, bytes by number, encodings, redirects, and doors that tests open.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import http2 from 'node:http2';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { pattern } from '../servers.mjs';

const zstd = (bytes) => {
    const { status, stdout, error } = spawnSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: 1 << 26 });
    if (status !== 0) throw error ?? new Error(`zstd: ${status}`);
    return stdout;
};
const CODINGS = { identity: (b) => b, gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync, 'deflate-raw': deflateRawSync, br: brotliCompressSync, zstd };
const coded = new Map();

/** What /encoded?coding=a,b gives: first a, then b, as Content-Encoding lists them. */
function encode(codings, bytes) {
    const key = `${codings} ${bytes.length}`;
    if (!coded.has(key)) coded.set(key, codings.reduce((b, coding) => CODINGS[coding](b), bytes));
    return coded.get(key);
}

/** Collects a request's body by hash. */
function digestOf(request) {
    return new Promise((resolve) => {
        const hash = createHash('sha256');
        let length = 0;
        request.on('data', (part) => {
            hash.update(part);
            length += part.length;
        });
        request.on('end', () => resolve({ length, sha256: hash.digest('hex') }));
        request.on('error', () => {});
    });
}

const TEXT = { 'content-type': 'text/plain' };
const pages = {
    '/bytes': (url, request, response) => {
        const n = Number(url.searchParams.get('n'));
        response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': n });
        response.end(request.method === 'HEAD' ? undefined : pattern(n));
    },
    '/echo': async (url, request, response) => {
        const body = await digestOf(request);
        const { method, headers, httpVersion } = request;
        response.writeHead(200, { 'content-type': 'application/json' }).end(request.method === 'HEAD' ? undefined : JSON.stringify({ method, httpVersion, headers, ...body }));
    },
    '/mirror': (url, request, response) => { // the body as it comes
        response.writeHead(200, TEXT);
        request.pipe(response);
    },
    '/encoded': (url, request, response) => {
        const codings = url.searchParams.get('coding').split(',');
        const body = encode(codings, pattern(Number(url.searchParams.get('n') ?? 5000)).toString('base64'));
        response.writeHead(200, { ...TEXT, 'content-encoding': codings.map((c) => c.replace('-raw', '')).join(', '), 'content-length': body.length }).end(body);
    },
    '/redirect': (url, request, response) => {
        request.resume();
        response.writeHead(Number(url.searchParams.get('code')), { location: url.searchParams.get('to') }).end('moved');
    },
    '/loop': (url, request, response) => response.writeHead(302, { location: `/loop?${Number(url.search.slice(1) || 0) + 1}` }).end(),
    '/status': (url, request, response) => {
        const code = Number(url.searchParams.get('code'));
        response.writeHead(code, TEXT).end(code === 204 || code === 304 ? undefined : `status ${code}`);
    },
};

/**
 * Listens on free ports of loopback: plain, and TLS (HTTP/2 and 1.1) with this certificate. `connections` counts; `door(path)` makes a page
 * that answers when it is opened: it resolves with {request, response} when somebody asks for it.
 */
export async function startWeb({ key, cert }) {
    const doors = new Map();
    const counts = { plain: 0, secure: 0, requests: 0 };
    const answer = (request, response) => {
        const url = new URL(request.url, 'http://x');
        counts.requests++;
        request.on('error', () => {}); // clients go away on purpose
        response.on('error', () => {});
        if (doors.has(url.pathname)) doors.get(url.pathname)({ request, response });
        else if (pages[url.pathname]) pages[url.pathname](url, request, response);
        else response.writeHead(404, TEXT).end('nothing here');
    };
    const plain = http.createServer(answer);
    const secure = http2.createSecureServer({ key, cert, allowHTTP1: true }, answer);
    const plain6 = http.createServer(answer);
    const sockets = new Set();
    for (const [server, name] of [[plain, 'plain'], [secure, 'secure'], [plain6, 'plain']]) {
        server.keepAliveTimeout = 120_000;
        server.on(name === 'plain' ? 'connection' : 'secureConnection', (socket) => {
            counts[name]++;
            socket.on('error', () => {});
            sockets.add(socket);
            socket.on('close', () => sockets.delete(socket));
        });
        server.on('tlsClientError', () => {});
        server.on('sessionError', () => {});
        await new Promise((resolve) => server.listen(0, server === plain6 ? '::1' : '127.0.0.1', resolve));
    }
    let made = 0;
    return {
        ports: { http: plain.address().port, https: secure.address().port, http6: plain6.address().port },
        counts,
        /** A page of its own: {path, asked: a promise of {request, response}}. */
        door() {
            const path = `/door-${made++}`;
            return { path, asked: new Promise((resolve) => doors.set(path, resolve)) };
        },
        close() {
            for (const socket of sockets) socket.destroy();
            for (const server of [plain, secure, plain6]) server.close();
        },
    };
}
