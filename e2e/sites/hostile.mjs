// SPDX-License-Identifier: Apache-2.0
// Web servers that break every rule: over plain HTTP by path (http://bad.example/KIND), over TLS by name (https://KIND.bad.example/), the ones
// of HTTP/2 among them. Each tells when it was reached, and stops when its client has gone.
import net from 'node:net';
import tls from 'node:tls';
import { brotliCompressSync, constants, createGzip, gzipSync } from 'node:zlib';
import { pattern } from '../servers.mjs';

const GIGABYTE = 1 << 30;

/** Writes what make() gives as fast as it goes, until so many bytes or the client's end. */
function pour(socket, make, most = GIGABYTE) {
    let sent = 0;
    const more = () => {
        while (!socket.destroyed && sent < most) {
            const piece = make();
            sent += piece.length;
            if (!socket.write(piece)) return;
        }
        if (!socket.destroyed) socket.end();
    };
    socket.on('drain', more);
    more();
}

/** Writes these bytes one at a time, each in a packet of its own. */
function drip(socket, bytes, done = () => socket.end()) {
    let at = 0;
    socket.setNoDelay(true);
    const next = () => {
        if (socket.destroyed) return;
        if (at === bytes.length) done();
        else socket.write(bytes.subarray(at, ++at), () => setImmediate(next));
    };
    next();
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const chunk = (bytes) => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), Buffer.from(bytes), Buffer.from('\r\n')]);
const say = (text, then = 'stay') => (socket) => {
    socket.write(Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1'), () => {
        if (then === 'end') socket.end();
        if (then === 'reset') socket.resetAndDestroy();
    });
};
const letter = Buffer.alloc(16384, 'a');
const many = (line, n) => Buffer.from(line.repeat(n), 'latin1');

/** A gigabyte of zeros in about a megabyte. */
function bomb(socket) {
    const gzip = createGzip({ level: 1 });
    const zeros = Buffer.alloc(1 << 20);
    let n = 0;
    const feed = () => {
        while (n++ < 1024 && !socket.destroyed) if (!gzip.write(zeros)) return;
        gzip.end();
    };
    socket.write(`${OK}Content-Encoding: gzip\r\nConnection: close\r\n\r\n`);
    gzip.on('drain', feed);
    gzip.pipe(socket);
    socket.on('close', () => gzip.destroy());
    feed();
}

/** kind: what is done with a socket whose request has been read. */
export const plainKinds = {
    silent: () => {},
    'closes-at-once': (socket) => socket.end(),
    'resets-at-once': (socket) => socket.resetAndDestroy(),
    drip: (socket) => drip(socket, Buffer.from(`${OK}Content-Length: 20\r\nX-Slow: yes\r\n\r\nletter after letter.`)),
    'drip-forever': (socket) => { const more = () => drip(socket, Buffer.from('x'), more); drip(socket, Buffer.from(`${OK}\r\n`), more); },
    'headers-endless': (socket) => { socket.write(OK); pour(socket, () => many(`X-Header: ${'v'.repeat(100)}\r\n`, 200)); },
    'header-endless': (socket) => { socket.write(`${OK}X-Long: `); pour(socket, () => letter); },
    'status-endless': (socket) => { socket.write('HTTP/1.1 200 '); pour(socket, () => letter); },
    'informational-endless': (socket) => pour(socket, () => many('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n', 400)),
    'chunks-endless': (socket) => { socket.write(CHUNKED); pour(socket, () => chunk(letter)); },
    'chunks-empty-extension': (socket) => { socket.write(`${CHUNKED}1;a=`); pour(socket, () => letter); },
    'trailers-endless': (socket) => { socket.write(`${CHUNKED}0\r\n`); pour(socket, () => many(`X-Trailer: ${'v'.repeat(100)}\r\n`, 200)); },
    'chunk-size-bad': say(`${CHUNKED}zz\r\nabc\r\n0\r\n\r\n`),
    'chunk-size-huge': say(`${CHUNKED}fffffffffffffffff\r\nabc`),
    'chunk-cut': say(`${CHUNKED}10\r\nabc`, 'end'),
    'length-short': say(`${OK}Content-Length: 100\r\n\r\n${'x'.repeat(50)}`, 'end'),
    'length-reset': say(`${OK}Content-Length: 100\r\n\r\n${'x'.repeat(50)}`, 'reset'),
    'length-long': say(`${OK}Content-Length: 5\r\n\r\nright${'x'.repeat(500)}`),
    'length-twice': say(`${OK}Content-Length: 5\r\nContent-Length: 500\r\n\r\nright${'x'.repeat(495)}`),
    'length-negative': say(`${OK}Content-Length: -5\r\n\r\nabc`),
    'length-word': say(`${OK}Content-Length: five\r\n\r\nabc`),
    'length-huge': say(`${OK}Content-Length: 99999999999999999999999\r\n\r\nabc`),
    'length-and-chunked': say(`${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n0\r\n\r\n`),
    'transfer-encoding-unknown': say(`${OK}Transfer-Encoding: rot13\r\nContent-Length: 3\r\n\r\nabc`),
    'head-cut': say(`${OK}X-Half: `, 'end'),
    'header-no-colon': say(`${OK}nothing here\r\nContent-Length: 0\r\n\r\n`),
    'header-nul': say(`${OK}X-Nul: a\0b\r\nContent-Length: 0\r\n\r\n`),
    'header-bytes': say(`${OK}X-Bytes: caf\xe9 \xff\xfe\xc0\x80\r\nContent-Length: 5\r\n\r\nright`),
    'header-folded': say(`${OK}X-Fold: a\r\n b\r\nContent-Length: 5\r\n\r\nright`),
    'not-http': say('220 mail.example ESMTP\r\n'),
    'http-0.9': say('just a page', 'end'),
    'http-9': say('HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n'),
    'status-word': say('HTTP/1.1 two OK\r\nContent-Length: 0\r\n\r\n'),
    'status-999': say('HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n'),
    'status-99': say('HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n'),
    switches: say('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    garbage: (socket) => socket.end(pattern(5000)),
    bomb,
    'gzip-cut': (socket) => say(Buffer.concat([Buffer.from(`${OK}Content-Encoding: gzip\r\n\r\n`), gzipSync(pattern(5000)).subarray(0, 2000)]), 'end')(socket),
    'gzip-garbage': (socket) => say(Buffer.concat([Buffer.from(`${OK}Content-Encoding: gzip\r\nContent-Length: 3000\r\n\r\n`), pattern(3000)]))(socket),
    'gzip-trailing': (socket) => say(Buffer.concat([Buffer.from(`${OK}Content-Encoding: gzip\r\n\r\n`), gzipSync('right'), pattern(500)]), 'end')(socket),
    'br-garbage': (socket) => say(Buffer.concat([Buffer.from(`${OK}Content-Encoding: br\r\nContent-Length: 3000\r\n\r\n`), pattern(3000)]))(socket),
    'br-window': (socket) => { // asks for a window of 1 GB
        const params = { [constants.BROTLI_PARAM_LARGE_WINDOW]: 1, [constants.BROTLI_PARAM_LGWIN]: 30 };
        say(Buffer.concat([Buffer.from(`${OK}Content-Encoding: br\r\n\r\n`), brotliCompressSync(pattern(5000), { params })]), 'end')(socket);
    },
    'zstd-window': say(Buffer.concat([Buffer.from(`${OK}Content-Encoding: zstd\r\n\r\n`), Buffer.from('28b52ffd00b0', 'hex'), pattern(200)]), 'end'), // of 4 GB
    'codings-many': say(`${OK}Content-Encoding: ${Array(50).fill('gzip').join(', ')}\r\nContent-Length: 3\r\n\r\nabc`),
    'coding-unknown': say(`${OK}Content-Encoding: rot13\r\nContent-Length: 5\r\n\r\nright`),
    'answers-before-it-reads': say(`${OK}Content-Length: 5\r\n\r\nright`, 'end'),
};

// --- HTTP/2, frame by frame ---

const frame = (type, flags, stream, payload = Buffer.alloc(0)) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
};
const [DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION] = Array.from({ length: 10 }, (_, i) => i);
const END_STREAM = 1;
const END_HEADERS = 4;
const u32 = (...numbers) => Buffer.concat(numbers.map((n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n >>> 0); return b; }));
const OK2 = Buffer.from([0x88]); // :status 200
/** A literal header without indexing. */
const literal = (name, value) => Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([127, ...varint(value.length - 127)]), Buffer.from(value, 'latin1')]);
const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
const head = (stream, flags = END_HEADERS, more = Buffer.alloc(0)) => frame(HEADERS, flags, stream, Buffer.concat([OK2, more]));
const repeat = (bytes, n) => Buffer.concat(Array(n).fill(bytes));

/** kind: what is done when the first request has come, on its stream; `each` for all later ones too. */
export const http2Kinds = {
    'h2-silent': () => {},
    'h2-closes': (socket) => socket.end(),
    'h2-garbage': (socket) => socket.write(pattern(2000)),
    'h2-frame-huge': (socket) => socket.write(Buffer.from('ffffff000000000001', 'hex')),
    'h2-refuses': (socket, stream) => socket.write(frame(RST, 0, stream, u32(7))),
    'h2-rapid-reset': (socket, stream) => pour(socket, () => Buffer.concat([frame(RST, 0, stream, u32(8)), repeat(Buffer.concat([head(stream), frame(RST, 0, stream, u32(8))]), 50)])),
    'h2-cut': (socket, stream) => { socket.write(Buffer.concat([head(stream), frame(DATA, 0, stream, letter)])); socket.end(); },
    'h2-short': (socket, stream) => socket.write(Buffer.concat([head(stream, END_HEADERS, literal('content-length', ' '.repeat(127) + '500')), frame(DATA, END_STREAM, stream, letter.subarray(0, 50))])),
    'h2-goaway': (socket, stream) => { socket.write(frame(GOAWAY, 0, 0, u32(0, 0))); socket.end(); },
    'h2-goaway-error': (socket, stream) => { socket.write(frame(GOAWAY, 0, 0, Buffer.concat([u32(stream, 11), Buffer.from('enough')]))); socket.end(); },
    'h2-ping-flood': (socket) => pour(socket, () => repeat(frame(PING, 0, 0, Buffer.alloc(8)), 500)),
    'h2-settings-flood': (socket) => pour(socket, () => repeat(frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), u32(65535)])), 500)),
    'h2-empty-data-flood': (socket, stream) => { socket.write(head(stream)); pour(socket, () => repeat(frame(DATA, 0, stream), 500)); },
    'h2-priority-flood': (socket, stream) => pour(socket, () => repeat(frame(PRIORITY, 0, stream, Buffer.concat([u32(0), Buffer.from([1])])), 500)),
    'h2-window-flood': (socket, stream) => pour(socket, () => repeat(frame(WINDOW, 0, 0, u32(1)), 500)),
    'h2-window-overflow': (socket, stream) => socket.write(repeat(frame(WINDOW, 0, stream, u32(0x7fffffff)), 2)),
    'h2-headers-flood': (socket, stream) => pour(socket, () => repeat(frame(HEADERS, END_HEADERS, stream, Buffer.concat([Buffer.from([8, 3]), Buffer.from('103')])), 200)),
    'h2-continuation-flood': (socket, stream) => {
        socket.write(frame(HEADERS, 0, stream, OK2));
        pour(socket, () => repeat(frame(CONTINUATION, 0, stream, literal('x-a', 'v'.repeat(200))), 50));
    },
    'h2-hpack-bomb': (socket, stream) => { // one large entry in the table, then references of one byte
        const entry = Buffer.concat([Buffer.from([0x40, 1]), Buffer.from('x'), Buffer.from([127, ...varint(4000 - 127)]), Buffer.from('v'.repeat(4000))]);
        socket.write(frame(HEADERS, END_HEADERS, stream, Buffer.concat([OK2, entry, Buffer.alloc(8000, 0xbe)])));
    },
    'h2-hpack-bad': (socket, stream) => socket.write(frame(HEADERS, END_HEADERS, stream, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]))),
    'h2-header-uppercase': (socket, stream) => socket.write(head(stream, END_HEADERS | END_STREAM, literal('X-Upper', 'v'.repeat(127)))),
    'h2-no-status': (socket, stream) => socket.write(frame(HEADERS, END_HEADERS | END_STREAM, stream, literal('x-a', 'v'.repeat(127)))),
    'h2-push': (socket, stream) => socket.write(frame(PUSH, END_HEADERS, stream, Buffer.concat([u32(2), Buffer.from([0x82, 0x84, 0x87])]))),
    'h2-stream-unknown': (socket, stream) => socket.write(frame(HEADERS, END_HEADERS, stream + 100, OK2)),
    'h2-data-unasked': (socket, stream) => socket.write(frame(DATA, 0, stream, letter)),
    'h2-window-exceeded': (socket, stream) => { socket.write(head(stream)); pour(socket, () => frame(DATA, 0, stream, letter)); },
    'h2-data-endless': (socket, stream) => { // within its windows
        let window = 65535;
        socket.write(head(stream));
        const more = () => {
            while (window >= letter.length && !socket.destroyed) {
                window -= letter.length;
                socket.write(frame(DATA, 0, stream, letter));
            }
        };
        socket.onWindow = (at, n) => { if (at === 0) window += n; more(); };
        more();
    },
};

/** Speaks just enough HTTP/2 to come to the first request. */
function serveHttp2(socket, kind, tell) {
    let buffer = Buffer.alloc(0);
    let preface = true;
    let asked = false;
    socket.write(frame(SETTINGS, 0, 0));
    socket.on('data', (data) => {
        buffer = Buffer.concat([buffer, data]);
        if (preface && buffer.length >= 24) {
            buffer = buffer.subarray(24);
            preface = false;
        }
        while (!preface && buffer.length >= 9) {
            const length = buffer.readUIntBE(0, 3);
            if (buffer.length < 9 + length) break;
            const [type, flags, stream] = [buffer[3], buffer[4], buffer.readUInt32BE(5)];
            const payload = buffer.subarray(9, 9 + length);
            buffer = buffer.subarray(9 + length);
            if (type === SETTINGS && !(flags & 1)) socket.write(frame(SETTINGS, 1, 0));
            if (type === WINDOW) socket.onWindow?.(stream, payload.readUInt32BE(0));
            if (type !== HEADERS || asked) continue;
            asked = true;
            tell();
            http2Kinds[kind](socket, stream);
        }
    });
}

// --- below HTTP ---

const alert = (description) => Buffer.from([21, 3, 3, 0, 2, 2, description]);
/** kind: what is done with a connection whose ClientHello has come. */
export const tlsKinds = {
    'tls-silent': () => {},
    'tls-closes': (socket) => socket.end(),
    'tls-resets': (socket) => socket.resetAndDestroy(),
    'tls-alert': (socket) => socket.end(alert(40)), // handshake_failure
    'tls-alert-name': (socket) => socket.end(alert(112)), // unrecognized_name
    'tls-alert-internal': (socket) => socket.end(alert(80)),
    'tls-plain-http': (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
    'tls-garbage': (socket) => socket.end(pattern(500)),
    'tls-endless': (socket) => { const record = Buffer.concat([Buffer.from([22, 3, 3, 0x40, 0]), Buffer.alloc(0x4000, 1)]); pour(socket, () => record); },
    'tls-record-huge': (socket) => socket.write(Buffer.concat([Buffer.from([22, 3, 3, 0xff, 0xff]), pattern(65535)])),
    'tls-1.1': (socket, terms) => serveTls(socket, { ...terms, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }, () => {}),
};

function serveTls(socket, terms, then) {
    const secure = new tls.TLSSocket(socket, { isServer: true, ...terms });
    secure.on('error', () => {});
    secure.on('secure', () => then(secure));
}

/** A ClientHello names its server in the clear. */
const nameIn = (hello) => hello.toString('latin1').match(/([a-z0-9.-]+)\.bad\.example/)?.[1];

/**
 * chains: of makeChains(). Gives ports and reached(kind): resolves with {closed} when that kind was next asked for; `open` counts sockets.
 */
export async function startHostile(chains) {
    const waiting = new Map();
    const sockets = new Set();
    const take = (socket) => {
        sockets.add(socket);
        socket.gone = new Promise((resolve) => socket.on('close', resolve));
        socket.on('close', () => sockets.delete(socket));
        socket.on('error', () => {});
    };
    const tell = (kind, socket) => {
        for (const resolve of waiting.get(kind)?.splice(0) ?? []) resolve({ closed: socket.gone });
    };
    const plain = net.createServer((socket) => {
        take(socket);
        socket.on('data', (data) => {
            const kind = String(data).match(/^[A-Z]+ \/([^ ?]*)/)?.[1];
            if (!plainKinds[kind]) return;
            tell(kind, socket);
            plainKinds[kind](socket);
        });
    });
    const secure = net.createServer((socket) => {
        take(socket);
        let hello = Buffer.alloc(0);
        const read = (data) => {
            hello = Buffer.concat([hello, data]);
            const kind = nameIn(hello);
            if (!kind) return;
            socket.off('data', read);
            if (tlsKinds[kind]) {
                tell(kind, socket);
                socket.resume();
                tlsKinds[kind](socket, { ...chains.good });
                if (kind !== 'tls-1.1') return;
            }
            socket.pause();
            socket.unshift(hello);
            if (chains.bad[kind]) serveTls(socket, chains.bad[kind], (s) => s.end());
            if (chains.bad[kind]) tell(kind, socket);
            if (http2Kinds[kind]) serveTls(socket, { ...chains.good, ALPNProtocols: ['h2'] }, (s) => serveHttp2(s, kind, () => tell(kind, socket)));
        };
        socket.on('data', read);
    });
    for (const server of [plain, secure]) await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        http: plain.address().port, https: secure.address().port,
        reached: (kind) => new Promise((resolve) => waiting.set(kind, [...(waiting.get(kind) ?? []), resolve])),
        get open() { return sockets.size; },
        close() {
            for (const socket of sockets) socket.destroy();
            plain.close();
            secure.close();
        },
    };
}
