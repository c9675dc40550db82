// SPDX-License-Identifier: Apache-2.0
// A link on the platform's WebSocket: how each platform tells of a connection that fails or breaks, and that it is told once.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { linkByWebSocket } from '../src/platform.js';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;
const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');

/** As much of a WebSocket as a link uses; the test tells what happens to it. */
class Scripted {
    static readonly CONNECTING = CONNECTING;
    static readonly OPEN = OPEN;
    readyState = CONNECTING;
    bufferedAmount = 0;
    onopen: () => void = () => {};
    onerror: (event: object) => void = () => {};
    onclose: (event: object) => void = () => {};
    onmessage: (event: object) => void = () => {};
    close(): void {}
    send(): void {}
}

/** A link, the WebSocket under it, and what it told. */
function make(t: TestContext): { socket: Scripted; told: string[]; close(): void } {
    const made: Scripted[] = [];
    const define = (value: unknown): void => void Object.defineProperty(globalThis, 'WebSocket', { value, configurable: true });
    define(class extends Scripted {
        constructor() {
            super();
            made.push(this);
        }
    });
    t.after(() => {
        if (own) Object.defineProperty(globalThis, 'WebSocket', own);
        else Reflect.deleteProperty(globalThis, 'WebSocket');
    });
    const told: string[] = [];
    const link = linkByWebSocket('ws://gateway.example/', {
        opened: () => told.push('opened'), message: () => told.push('message'), writable: () => told.push('writable'),
        closed: (code, reason) => told.push(`closed ${code} ${reason}`),
    });
    return { socket: made[0]!, told, close: () => link.close() };
}

test('no connection, as the standard has it and browsers and Node 24 do: CLOSED, error, close', (t) => {
    const { socket, told } = make(t);
    socket.readyState = CLOSED;
    socket.onerror({});
    assert.deepEqual(told, []);
    socket.onclose({ code: 1006, reason: '' });
    assert.deepEqual(told, ['closed 1006 ']);
});

test('no connection, as Node 22 has it: error, and that was all', (t) => {
    const { socket, told } = make(t);
    socket.onerror({ message: 'non-101 status code' });
    assert.deepEqual(told, ['closed 1006 non-101 status code']);
    socket.onerror({ message: 'again' });
    socket.onclose({ code: 1006, reason: '' });
    assert.equal(told.length, 1);
});

test('a connection that breaks: the reason is the server\'s, else what the error said', (t) => {
    for (const [reason, wanted] of [['', 'closed 1006 invalid UTF-8'], ['its own', 'closed 1006 its own']] as const) {
        const { socket, told } = make(t);
        socket.readyState = OPEN;
        socket.onopen();
        socket.onerror({ message: 'invalid UTF-8' });
        socket.onclose({ code: 1006, reason });
        assert.deepEqual(told, ['opened', wanted]);
    }
});

test('closed by ourselves: nothing is told any more', (t) => {
    const { socket, told, close } = make(t);
    close();
    socket.onerror({ message: 'closed before it was established' }); // as Node 22 does
    socket.onclose({ code: 1006, reason: '' });
    assert.deepEqual(told, []);
});

test('the WebSocket of this Node, where it has one: a server that is not there, one that refuses', { skip: typeof WebSocket === 'undefined' }, async (t) => {
    const plain = createServer((_, response) => response.writeHead(403).end('no'));
    await new Promise<void>((resolve) => { plain.listen(0, '127.0.0.1', resolve); });
    t.after(() => plain.close());
    for (const port of [1, (plain.address() as AddressInfo).port]) {
        const code = await new Promise<number>((resolve) => {
            linkByWebSocket(`ws://127.0.0.1:${port}/`, {
                opened: () => assert.fail('opened'), message: () => assert.fail('message'), writable() {}, closed: resolve,
            });
        });
        assert.equal(code, 1006);
    }
});
