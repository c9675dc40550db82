// SPDX-License-Identifier: Apache-2.0
// Writes the seeds of the fuzz target websocket: scripts for step() in src/websocket/websocket_fuzz.c.
import { mkdirSync, writeFileSync } from 'node:fs';

const FOLDER = 'testdata/fuzz/websocket';
mkdirSync(FOLDER, { recursive: true });
const bytes = (...parts) => Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p, 'latin1') : Buffer.from(p))));

/** One step: which call, its small argument, what the call reads. */
const server = (...frames) => { const b = bytes(...frames); return bytes([0, b.length], b); };
const text = (t) => bytes([1, t.length | 1], (t + ' ').slice(0, t.length | 1));
const binary = (t) => bytes([1, t.length & ~1], t.slice(0, t.length & ~1));
const close = (code, reason = '') => bytes([2, reason.length, code >> 8, code & 255], reason);
const time = (tenths) => bytes([3, tenths]);
const ping = (t) => bytes([4, t.length], t);
const eof = (orderly) => bytes([5, orderly ? 1 : 0]);
const drain = (n) => bytes([6, n]);
const pull = bytes([7, 0]);
/** Options, then whether the handshake is done at the start. */
const script = (fragments, open, ...steps) => bytes([fragments, open], ...steps);
const frame = (first, payload) => bytes([first, payload.length], payload);

const scripts = {
    echo: script(0, 1, pull, server(frame(0x81, 'hello')), pull, text('hello'), drain(255), close(1000), drain(255), server(frame(0x88, '\x03\xe8')), pull, eof(true), pull),
    fragments: script(1, 1, pull, server(frame(0x01, 'ab\xc3'), frame(0x89, 'p'), frame(0x80, '\xa4')), pull, text('x'.repeat(99)), drain(20), ping('y'), drain(255)),
    'closed-by-server': script(0, 1, pull, text('waits'), drain(3), server(frame(0x88, '\x03\xe9going away')), pull, drain(255), time(200), pull),
    'bad-frame': script(0, 1, pull, server(frame(0xc1, 'x')), pull, drain(255), pull),
    'bad-text': script(0, 1, pull, server(frame(0x81, '\xed\xa0\x80')), pull, drain(255), pull),
    'too-large': script(0, 1, pull, server([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]), pull, drain(255), pull),
    'long-length': script(0, 1, pull, server([0x82, 126, 0, 200], 'z'.repeat(200)), pull, binary('z'.repeat(200)), drain(255)),
    redirected: script(0, 0, drain(10), server('HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n'), pull),
    'early-hints': script(0, 0, server('HTTP/1.1 103 x\r\nA: b\r\n\r\nHTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: a, upgrade\r\n\r\n'), pull),
    'no-answer': script(0, 0, drain(255), time(255), time(255), time(255), pull),
    aborted: script(0, 0, close(1000), pull),
    lost: script(0, 1, pull, ping('there?'), drain(255), server(frame(0x8a, 'there?')), pull, eof(false), pull),
};
for (const [name, seed] of Object.entries(scripts)) writeFileSync(`${FOLDER}/${name}`, seed);
