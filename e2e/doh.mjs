// SPDX-License-Identifier: Apache-2.0
// A DNS over HTTPS resolver on loopback, with a certificate of a local mixnet's authority: HTTP/2, a zone of A records, a log.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authority, leaf } from './sites/certificates.mjs';

/** {key, cert} for these names, signed by the authority in a mixnet's state folder. */
export function issue(state, names) {
    const folder = mkdtempSync(join(tmpdir(), 'lwmix-doh-'));
    try {
        for (const name of ['ca.pem', 'ca.key']) copyFileSync(join(state, name), join(folder, name));
        return authority(folder)('resolver', { by: 'ca', subject: names[0], extensions: leaf(...names.map((name) => `DNS:${name}`)) });
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** The name and type that a message asks for, and where its question ends. */
function read(message) {
    const labels = [];
    let at = 12;
    for (; message[at] > 0; at += message[at] + 1) labels.push(message.toString('latin1', at + 1, at + 1 + message[at]));
    return { id: message.readUInt16BE(0), name: labels.join('.'), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function write(message, question, addresses) {
    const head = Buffer.from(message.subarray(0, question.end));
    head.writeUInt16BE(addresses ? 0x8180 : 0x8183, 2); // an answer, recursion available; no such name
    head.writeUInt16BE(question.type === 1 && addresses ? addresses.length : 0, 6);
    head.writeUInt32BE(0, 8);
    const records = question.type === 1 && addresses ? addresses : [];
    return Buffer.concat([head, ...records.map((ip) => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 120, 0, 4, ...ip.split('.').map(Number)]))]);
}

/**
 * Listens on a free port of 127.0.0.1. `zone` has the addresses of each name. `log` has a line for each request, `sessions` counts
 * connections. A test sets `answer(stream)` to say something else.
 */
export async function startResolver(certificate, zone) {
    const resolver = { log: [], sessions: 0, answer: null };
    const server = http2.createSecureServer(certificate);
    const open = new Set();
    server.on('session', (session) => {
        resolver.sessions++;
        open.add(session);
        session.on('close', () => open.delete(session));
        session.on('error', () => {});
    });
    server.on('stream', (stream, headers) => {
        const parts = [];
        stream.on('error', () => {});
        stream.on('data', (part) => parts.push(part));
        stream.on('end', () => {
            const message = Buffer.concat(parts);
            const question = read(message);
            resolver.log.push({ method: headers[':method'], path: headers[':path'], media: headers['content-type'], agent: headers['user-agent'],
                length: message.length, ...question });
            if (resolver.answer) resolver.answer(stream);
            else {
                stream.respond({ ':status': 200, 'content-type': 'application/dns-message' });
                stream.end(write(message, question, zone[question.name]));
            }
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    resolver.port = server.address().port;
    resolver.close = () => {
        for (const session of open) session.destroy();
        server.close();
    };
    return resolver;
}
