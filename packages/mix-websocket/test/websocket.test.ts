// SPDX-License-Identifier: Apache-2.0
// MixWebSocket's states, events and checks, the tunnel's end played by the test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MixWebSocketError } from '@lwmix/mix-tunnel';
import { fake, wireError, type Played } from '../../testing/fake.js';
import { BaseWebSocket, type MixWebSocketData, type MixWebSocketOptions } from '../src/websocket.js';

const URL_ = 'wss://site.example/chat';
const CLEAN = { type: 'close', code: 1000, reason: 'bye', wasClean: true } as const;
const LOST = { type: 'close', code: 1006, reason: '', wasClean: false } as const;

function make(protocols?: string | string[], options?: MixWebSocketOptions): { socket: BaseWebSocket; played: Played<'websocket'>; seen: string[] } {
    const tunnel = fake<'websocket'>();
    const socket = new BaseWebSocket(tunnel.open, URL_, protocols, options);
    const seen: string[] = [];
    for (const type of ['open', 'message', 'error', 'close']) socket.addEventListener(type, (event) => {
        const { code, reason, wasClean, message } = event as unknown as Record<string, unknown>;
        seen.push([type, code, reason, wasClean, type === 'error' ? message : undefined].filter((x) => x !== undefined).join(' ') + ` (${socket.readyState})`);
    });
    return { socket, played: tunnel.opened[0]!, seen };
}

function opened(protocols?: string | string[], options?: MixWebSocketOptions): ReturnType<typeof make> {
    const made = make(protocols, options);
    made.played.tell({ type: 'open', protocol: 'chat' });
    return made;
}

test('from connecting to closed', async () => {
    const { socket, played, seen } = make(['chat', 'other'], { headers: { Origin: 'https://app.example' }, timeoutMs: 500 });
    assert.deepEqual(played.opening, { op: 'websocket', url: URL_, protocols: ['chat', 'other'], headers: [['origin', 'https://app.example']], timeoutMs: 500 });
    assert.deepEqual([socket.url, socket.protocols, socket.protocol, socket.extensions, socket.binaryType, socket.bufferedAmount, socket.readyState],
        [URL_, ['chat', 'other'], '', '', 'arraybuffer', 0, 0]);
    const open = socket.opened();
    played.tell({ type: 'open', protocol: 'chat' });
    await open;
    assert.deepEqual([socket.readyState, socket.protocol], [1, 'chat']);
    const closed = socket.close(3001, 'done');
    assert.equal(socket.readyState, 2);
    assert.deepEqual(await played.next(), { type: 'close', code: 3001, reason: 'done' });
    played.tell({ ...CLEAN, code: 3001 });
    await closed;
    await socket.close();
    assert.deepEqual([seen, played.closed], [['open (1)', 'close 3001 bye true (3)'], true]);
});

test('constants of class and instance', () => {
    const { socket } = make();
    for (const [i, name] of (['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const).entries()) assert.deepEqual([BaseWebSocket[name], socket[name]], [i, i]);
    assert.throws(() => { (socket as { OPEN: number }).OPEN = 9; }, TypeError);
});

test('messages: text, ArrayBuffer, Blob', async () => {
    const { socket, played } = opened();
    const got: unknown[] = [];
    socket.onmessage = ({ data, origin }) => got.push(data, origin);
    const bytes = new Uint8Array([1, 2, 3]);
    played.tell({ type: 'text', data: 'tëxt' });
    played.tell({ type: 'binary', data: bytes.slice().buffer });
    socket.binaryType = 'blob';
    socket.binaryType = 'bogus' as BinaryType;
    played.tell({ type: 'binary', data: bytes.slice().buffer });
    assert.deepEqual(got.slice(0, 4), ['tëxt', 'wss://site.example', bytes.buffer, 'wss://site.example']);
    assert.ok(got[4] instanceof Blob);
    assert.deepEqual(await got[4].arrayBuffer(), bytes.buffer);
});

test('everything that can be sent, copied and in order though a Blob has to be read', async () => {
    const { socket, played } = opened();
    const bytes = new Uint8Array([1, 2, 3, 4]);
    const given: MixWebSocketData[] = ['hé', new Blob(['blob']), bytes, bytes.buffer, new DataView(bytes.buffer, 1, 2), new Uint16Array(bytes.buffer), 'end'];
    const sent = given.map((data) => socket.send(data));
    bytes.fill(9);
    assert.equal(socket.bufferedAmount, 3 + 4 + 4 + 4 + 2 + 4 + 3);
    const closed = socket.close();
    const commands = [];
    for (let i = 0; i <= given.length; i++) commands.push(await played.next());
    assert.deepEqual(commands.map((c) => c.type === 'text' ? c.data : c.type === 'binary' ? [...c.data] : c.type),
        ['hé', [...Buffer.from('blob')], [1, 2, 3, 4], [1, 2, 3, 4], [2, 3], [1, 2, 3, 4], 'end', 'close']);
    for (let i = 0; i < 6; i++) played.tell({ type: 'sent' });
    await Promise.all(sent.slice(0, 6));
    assert.equal(socket.bufferedAmount, 3);
    played.tell({ type: 'refused', error: wireError('WEBSOCKET_TEXT', 'websocket') });
    await assert.rejects(sent[6]!, (error) => error instanceof MixWebSocketError && error.code === 'WEBSOCKET_TEXT');
    assert.equal(socket.bufferedAmount, 0);
    played.tell(CLEAN);
    await closed;
});

test('send in another state, or of something else', async () => {
    const { socket, played } = make();
    await assert.rejects(socket.send('early'), { name: 'InvalidStateError', message: 'MixWebSocket.send: state is 0, expected OPEN' });
    played.tell({ type: 'open', protocol: '' });
    await assert.rejects(socket.send(5 as unknown as string), { name: 'TypeError', message: /^unsupported data type/ });
    const pending = socket.send('never taken');
    played.tell(LOST);
    await assert.rejects(pending, { code: 'WEBSOCKET_LOST' });
    await assert.rejects(socket.send('late'), { name: 'InvalidStateError', message: /state is 3/ });
});

test('a failure: error, then close; opened() resolves; pending sends reject with the reason', async () => {
    const { socket, played, seen } = make();
    const open = socket.opened();
    let told: unknown;
    socket.onerror = ({ error }) => { told = error; };
    played.tell({ type: 'error', error: wireError('WEBSOCKET_STATUS', 'websocket') });
    played.tell(LOST);
    await open;
    assert.deepEqual(seen, ['error HTTP error: WEBSOCKET_STATUS (3)', 'close 1006  false (3)']);
    assert.ok(told instanceof MixWebSocketError && told.code === 'WEBSOCKET_STATUS');
    const late = opened();
    const pending = late.socket.send('x');
    late.played.tell({ type: 'error', error: wireError('WEBSOCKET_FRAME', 'websocket') });
    late.played.tell(LOST);
    await assert.rejects(pending, { code: 'WEBSOCKET_FRAME' });
});

test('the server closes', () => {
    const { socket, played, seen } = opened();
    played.tell({ type: 'closing', code: 4000, reason: 'go' });
    assert.equal(socket.readyState, 2);
    played.tell({ type: 'close', code: 4000, reason: 'go', wasClean: true });
    assert.deepEqual(seen, ['open (1)', 'close 4000 go true (3)']);
});

test('close while connecting: an open that crosses it is not told', async () => {
    const { socket, played, seen } = make();
    const closed = socket.close();
    assert.equal(socket.readyState, 2);
    assert.deepEqual(await played.next(), { type: 'close', code: 1000, reason: '' });
    played.tell({ type: 'open', protocol: '' });
    played.tell({ type: 'error', error: wireError('WEBSOCKET_ABORTED', 'websocket') });
    played.tell(LOST);
    await closed;
    assert.deepEqual(seen, ['error HTTP error: WEBSOCKET_ABORTED (3)', 'close 1006  false (3)']);
});

test('abort', async () => {
    const reason = new Error('enough');
    assert.throws(() => make(undefined, { signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    const { socket, played, seen } = opened(undefined, { signal: controller.signal });
    socket.onerror = ({ error }) => assert.equal(error.cause, reason);
    const pending = socket.send('x');
    await played.next();
    controller.abort(reason);
    assert.deepEqual(await played.next(), { type: 'abort' });
    await assert.rejects(pending, { code: 'WEBSOCKET_ABORTED' });
    assert.deepEqual([seen, played.closed], [['open (1)', 'error WebSocket error: aborted (3)', 'close 1006  false (3)'], true]);
});

test('handlers are listeners in the place where they were first set', () => {
    const { socket, played } = make();
    const order: string[] = [];
    socket.onopen = () => order.push('replaced');
    socket.addEventListener('open', () => order.push('listener'));
    socket.onopen = function (event) {
        assert.equal(this, socket);
        assert.equal(event.type, 'open');
        order.push('handler');
    };
    socket.onclose = () => order.push('removed');
    socket.onclose = null;
    assert.equal(socket.onclose, null);
    socket.onmessage = 'nothing' as unknown as null;
    assert.equal(socket.onmessage, null);
    played.tell({ type: 'open', protocol: '' });
    played.tell(CLEAN);
    assert.deepEqual(order, ['handler', 'listener']);
});

test('arguments, as the standard checks them', () => {
    const { open } = fake<'websocket'>();
    const url = (text: string) => new BaseWebSocket(open, text).url;
    assert.deepEqual([url('ws://a'), url('http://a:80/b'), url('https://a?c'), url('wss://a:443')], ['ws://a/', 'ws://a/b', 'wss://a/?c', 'wss://a/']);
    for (const bad of ['', 'a', 'ftp://a', 'ws://a/#', 'ws://a/#x', 'ws://']) assert.throws(() => url(bad), { name: 'SyntaxError' }, bad);
    for (const bad of ['', 'a b', 'a,b', ['a', 'a'], ['a', 'A'], ['\xe4']]) assert.throws(() => new BaseWebSocket(open, URL_, bad), { name: 'SyntaxError' }, String(bad));
    const { socket } = opened();
    for (const code of [0, 999, 1001, 1005, 1006, 2999, 5000, 3000.5, NaN]) assert.throws(() => void socket.close(code), { name: 'InvalidAccessError' }, String(code));
    assert.throws(() => void socket.close(1000, 'ä'.repeat(62)), { name: 'SyntaxError' });
    assert.equal(socket.readyState, 1);
});
