// SPDX-License-Identifier: Apache-2.0
// Node's own WebSocket client against a server written by hand: handshake, frames at any cut, everything that breaks the protocol.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import type { Link } from '../src/platform.js';
import { encodeFrame, FrameReader, linkBySocket } from '../src/websocket.node.js';

/** A server's frame: not masked. */
function frame(kind: number, data: Uint8Array | string, { final = true, bits = 0, masked = false } = {}): Buffer {
    const body = Buffer.from(data);
    const head = [kind | bits | (final ? 0x80 : 0)];
    const mask = masked ? 0x80 : 0;
    if (body.length < 126) head.push(body.length | mask);
    else if (body.length < 65536) head.push(126 | mask, body.length >> 8, body.length & 255);
    else head.push(127 | mask, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (body.length >> shift) & 255));
    return Buffer.concat([Buffer.from(head), ...(masked ? [Buffer.alloc(4)] : []), body]);
}

/** Unmasks what a client sent; whole frames only. */
function* clientFrames(bytes: Buffer): Generator<{ kind: number; data: Buffer }> {
    for (let at = 0; at < bytes.length;) {
        const short = bytes[at + 1]! & 0x7f;
        assert.ok(bytes[at + 1]! & 0x80, 'a client\'s frame is masked');
        const long = short === 126 ? 2 : short === 127 ? 8 : 0;
        const length = long === 2 ? bytes.readUInt16BE(at + 2) : long === 8 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
        const mask = bytes.subarray(at + 2 + long, at + 6 + long);
        const start = at + 6 + long;
        yield { kind: bytes[at]! & 15, data: Buffer.from(bytes.subarray(start, start + length).map((byte, i) => byte ^ mask[i & 3]!)) };
        at = start + length;
    }
}

type Told = ['opened'] | ['text', string] | ['binary', string] | ['closed', number, string] | ['writable'];

interface Server {
    url: string;
    connected: Promise<Duplex>;
    link(): Link;
    /** The next thing that the client told its user. */
    next(): Promise<Told>;
}

async function serve(t: TestContext, upgrade: (socket: Duplex, accept: string, request: IncomingMessage) => void = (socket, accept) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
}): Promise<Server> {
    const server = createServer((_, response) => response.writeHead(403).end('no'));
    const sockets = new Set<Duplex>();
    let arrived: (socket: Duplex) => void;
    const connected = new Promise<Duplex>((resolve) => { arrived = resolve; });
    server.on('upgrade', (request, socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        upgrade(socket, accept, request);
        arrived(socket);
    });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    t.after(() => {
        for (const socket of sockets) socket.destroy();
        server.close();
        server.closeAllConnections();
    });
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/path?x=1`;
    const told: Told[] = [];
    const waiting: Array<(told: Told) => void> = [];
    const tell = (what: Told): void => {
        const take = waiting.shift();
        if (take) take(what);
        else told.push(what);
    };
    return {
        url,
        connected,
        link: () => linkBySocket(url, {
            opened: () => tell(['opened']),
            message: (data) => tell(typeof data === 'string' ? ['text', data] : ['binary', Buffer.from(data).toString('hex')]),
            closed: (code, reason) => tell(['closed', code, reason]),
            writable: () => tell(['writable']),
        }),
        next: () => new Promise((resolve) => {
            const first = told.shift();
            if (first) resolve(first);
            else waiting.push(resolve);
        }),
    };
}

/** All that comes until the socket ends. */
async function received(socket: Duplex): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    return Buffer.concat(parts);
}

test('messages of every length both ways, and the closing handshake', async (t) => {
    const server = await serve(t);
    const link = server.link();
    assert.deepEqual(await server.next(), ['opened']);
    const socket = await server.connected;
    const all = received(socket);
    link.send('grüße');
    for (const length of [0, 1, 125, 126, 65535, 65536, 100_000]) {
        const data = Buffer.alloc(length, length & 255);
        link.send(data);
        socket.write(frame(2, data));
        assert.deepEqual(await server.next(), ['binary', data.toString('hex')]);
    }
    socket.write(frame(1, 'auch so'));
    assert.deepEqual(await server.next(), ['text', 'auch so']);
    link.close();
    const sent = [...clientFrames(await all)];
    assert.deepEqual(sent.map(({ kind }) => kind), [1, 2, 2, 2, 2, 2, 2, 2, 8]);
    assert.equal(sent[0]!.data.toString(), 'grüße');
    assert.deepEqual(sent.slice(1, 8).map(({ data }) => data.length), [0, 1, 125, 126, 65535, 65536, 100_000]);
    assert.deepEqual([...sent[8]!.data], [3, 232]);
});

test('a stream of frames, whole, byte by byte and at other cuts', () => {
    const stream = Buffer.concat([frame(1, 'one', { final: false }), frame(9, 'ping'), frame(0, 'two'), frame(2, Buffer.alloc(300, 7)), frame(2, Buffer.alloc(70_000, 8)), frame(8, '')]);
    const read = (cuts: (at: number) => number): string => {
        const reader = new FrameReader();
        const out: string[] = [];
        for (let at = 0; at < stream.length;) {
            const next = Math.min(stream.length, at + cuts(at));
            reader.feed(stream.subarray(at, next));
            at = next;
            for (let one = reader.next(); one; one = reader.next()) out.push(`${one.kind} ${one.final} ${createHash('sha256').update(one.data).digest('hex')}`);
        }
        return out.join('\n');
    };
    const whole = read(() => stream.length);
    assert.equal(whole.split('\n').length, 6);
    assert.equal(read(() => 1), whole);
    for (let seed = 1; seed <= 50; seed++) assert.equal(read((at) => 1 + (Math.imul(at + seed, 2654435761) >>> 8) % (seed * 7)), whole);
});

test('a client\'s frame opens again', () => {
    for (const length of [0, 5, 126, 65536]) {
        const data = Buffer.alloc(length, 3);
        const [only] = [...clientFrames(encodeFrame(2, data))];
        assert.deepEqual(only, { kind: 2, data });
    }
});

test('fragments, a ping between them, and frames right behind the handshake', async (t) => {
    const server = await serve(t, (socket, accept) => socket.write(Buffer.concat([
        Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`),
        frame(1, 'a ', { final: false }), frame(9, 'ping'), frame(0, 'text'), frame(10, 'pong')])));
    const link = server.link();
    assert.deepEqual(await server.next(), ['opened']);
    assert.deepEqual(await server.next(), ['text', 'a text']);
    const all = received(await server.connected);
    link.close();
    const sent = [...clientFrames(await all)];
    assert.deepEqual(sent.map(({ kind, data }) => `${kind} ${data.toString('latin1')}`), ['10 ping', '8 \x03\xe8']);
});

test('the server closes: with a code, without one, or not at all', async (t) => {
    for (const [bytes, code, reason] of [[frame(8, Buffer.from([0x0f, 0xa0, 98, 121, 101])), 4000, 'bye'], [frame(8, ''), 1005, ''], [Buffer.alloc(0), 1006, '']] as const) {
        const server = await serve(t);
        server.link();
        await server.next();
        const socket = await server.connected;
        const all = received(socket).catch(() => Buffer.alloc(0)); // it may be cut by the client
        socket.end(bytes);
        assert.deepEqual(await server.next(), ['closed', code, reason]);
        if (bytes.length > 0) assert.deepEqual([...clientFrames(await all)].map(({ kind }) => kind), [8]);
    }
});

test('what breaks the protocol ends the connection with its code', async (t) => {
    const rows: Array<[string, Buffer[], number]> = [
        ['masked', [frame(1, 'x', { masked: true })], 1002],
        ['reserved bits', [frame(1, 'x', { bits: 0x40 })], 1002],
        ['unknown kind', [frame(3, 'x')], 1002],
        ['long ping', [frame(9, Buffer.alloc(126))], 1002],
        ['fragmented ping', [frame(9, 'x', { final: false })], 1002],
        ['continues nothing', [frame(0, 'x')], 1002],
        ['message in a message', [frame(1, 'x', { final: false }), frame(1, 'y')], 1002],
        ['no UTF-8', [frame(1, Buffer.from([0xff]))], 1007],
        ['huge frame', [Buffer.from([0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0])], 1009],
    ];
    for (const [what, frames, code] of rows) {
        const server = await serve(t);
        server.link();
        await server.next();
        const socket = await server.connected;
        socket.write(Buffer.concat(frames));
        const told = await server.next();
        assert.deepEqual(told.slice(0, 2), ['closed', code], what);
        assert.notEqual(told[2], '', what);
    }
});

test('handshakes that fail say why', async (t) => {
    const plain = createServer((_, response) => response.writeHead(403).end('no'));
    await new Promise<void>((resolve) => { plain.listen(0, '127.0.0.1', resolve); });
    t.after(() => plain.close());
    const closed = (url: string): Promise<[number, string]> => new Promise((resolve) => {
        linkBySocket(url, { opened: () => assert.fail('opened'), message: () => assert.fail('message'), writable() {}, closed: (code, reason) => resolve([code, reason]) });
    });
    assert.deepEqual(await closed(`ws://127.0.0.1:${(plain.address() as AddressInfo).port}/`), [1006, 'the gateway answered 403']);
    const wrong = await serve(t, (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n'));
    assert.deepEqual(await closed(wrong.url), [1006, 'the gateway answered the handshake wrongly']);
    const extended = await serve(t, (socket, accept) => socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n`));
    assert.deepEqual(await closed(extended.url), [1006, 'the gateway answered the handshake wrongly']);
    assert.match((await closed('ws://127.0.0.1:1/'))[1], /ECONNREFUSED/);
    assert.match((await closed('nonsense'))[1], /URL/);
});

test('closed by ourselves: nothing is told any more', async (t) => {
    const server = await serve(t);
    const link = server.link();
    await server.next();
    const socket = await server.connected;
    link.close();
    socket.write(frame(1, 'late'));
    await received(socket);
    const early = server.link();
    early.close();
    const nothing = await Promise.race([server.next(), new Promise((resolve) => setImmediate(() => setImmediate(() => resolve('nothing'))))]);
    assert.equal(nothing, 'nothing');
});

test('a queue that is full says so, and when it is not', async (t) => {
    const server = await serve(t);
    const link = server.link();
    await server.next();
    const socket = await server.connected;
    assert.equal(link.busy, false);
    while (!link.busy) link.send(Buffer.alloc(64 * 1024));
    socket.resume();
    assert.deepEqual(await server.next(), ['writable']);
    assert.equal(link.busy, false);
    link.close();
});
