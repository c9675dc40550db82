// SPDX-License-Identifier: Apache-2.0
// `lwmix proxy` for tests, and a SOCKS5 client that shows each step of the protocol.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BUILD } from './mixnet.mjs';

/** Starts `lwmix proxy` on a free port; resolves with its ready line and the means to end it. `under`: a command that runs it. */
export async function startProxy(args, { listen = '127.0.0.1:0', under = [] } = {}) {
    const [command, ...rest] = [...under, join(BUILD, 'lwmix'), 'proxy', '--listen', listen, ...args];
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    process.once('exit', () => child.kill('SIGKILL'));
    let err = '';
    child.stderr.on('data', (chunk) => { err += chunk; });
    const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, err })));
    const line = await Promise.race([
        new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
        ended.then(({ code, signal }) => { throw new Error(`lwmix proxy ended with ${code ?? signal}: ${err}`); }),
    ]);
    const ready = JSON.parse(line);
    return {
        ...ready,
        host: ready.proxy.slice(0, ready.proxy.lastIndexOf(':')).replace(/[[\]]/g, ''),
        port: Number(ready.proxy.slice(ready.proxy.lastIndexOf(':') + 1)),
        child,
        ended,
        /** When stderr, from now on, says this. */
        says: (words) => new Promise((resolve) => {
            let text = '';
            child.stderr.on('data', function look(chunk) {
                text += chunk;
                if (!words.test(text)) return;
                child.stderr.off('data', look);
                resolve(text);
            });
        }),
        async stop() {
            child.kill('SIGTERM');
            return ended;
        },
    };
}

/** Bytes of a stream on demand. */
export class Reader {
    #buffer = Buffer.alloc(0);
    #ended = false;
    #wake = () => {};

    constructor(socket) {
        socket.on('data', (chunk) => { this.#buffer = Buffer.concat([this.#buffer, chunk]); this.#wake(); });
        for (const event of ['end', 'error', 'close']) socket.on(event, () => { this.#ended = true; this.#wake(); });
    }

    /** The next n bytes, or fewer if the stream ends before. */
    async take(n) {
        while (this.#buffer.length < n && !this.#ended) await new Promise((resolve) => { this.#wake = resolve; });
        const out = this.#buffer.subarray(0, n);
        this.#buffer = this.#buffer.subarray(out.length);
        return out;
    }

    /** Up to and with these bytes, or to the end. */
    async until(mark) {
        while (this.#buffer.indexOf(mark) < 0 && !this.#ended) await new Promise((resolve) => { this.#wake = resolve; });
        const at = this.#buffer.indexOf(mark);
        return this.take(at < 0 ? Infinity : at + mark.length);
    }

    rest() {
        return this.take(Infinity);
    }
}

/** A connection to the proxy, with a reader. */
export async function dial(proxy) {
    const socket = net.connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true });
    socket.on('error', () => {}); // it shows as an end
    const reader = new Reader(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    return { socket, reader };
}

/** An address as SOCKS writes it. */
export function socksAddress(host, port) {
    const tail = Buffer.from([port >> 8, port & 255]);
    if (net.isIPv4(host)) return Buffer.concat([Buffer.from([1, ...host.split('.').map(Number)]), tail]);
    if (net.isIPv6(host)) {
        const [head, end = null] = host.split('::');
        const words = (text) => (text ? text.split(':') : []);
        const zeros = end === null ? [] : Array(8 - words(head).length - words(end).length).fill('0');
        const all = [...words(head), ...zeros, ...words(end)].flatMap((w) => [parseInt(w, 16) >> 8, parseInt(w, 16) & 255]);
        return Buffer.concat([Buffer.from([4, ...all]), tail]);
    }
    return Buffer.concat([Buffer.from([3, host.length]), Buffer.from(host), tail]);
}

/** A SOCKS5 request without a password: the reply's code and address, and the connection. */
export async function socks(proxy, command, host, port) {
    const { socket, reader } = await dial(proxy);
    socket.write(Buffer.from([5, 1, 0]));
    await reader.take(2);
    socket.write(Buffer.concat([Buffer.from([5, command, 0]), socksAddress(host, port)]));
    const head = await reader.take(4);
    const bound = await reader.take(head[3] === 4 ? 18 : 6);
    return { socket, reader, reply: head[1], bound: { kind: head[3], host: bound.subarray(0, -2), port: bound.readUInt16BE(bound.length - 2) } };
}
