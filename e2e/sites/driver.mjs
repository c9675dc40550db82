// SPDX-License-Identifier: Apache-2.0
// The test program fetch-driver: one tunnel, many requests at a time.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BUILD } from '../mixnet.mjs';

const PROGRAM = join(BUILD, 'native/tests/fetch-driver');

/** Resolves when the tunnel is ready. */
export async function startDriver(folder, args = []) {
    const child = spawn(PROGRAM, ['--network', folder, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    process.once('exit', () => child.kill('SIGKILL'));
    const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)));
    const jobs = new Map();
    const states = [];
    const others = { ready: [], stats: [], state: [] };
    const say = (line) => child.stdin.write(`${JSON.stringify(line)}\n`);
    const next = (what) => new Promise((resolve) => others[what].push(resolve));
    createInterface({ input: child.stdout }).on('line', (text) => {
        const line = JSON.parse(text);
        if (line.is === 'state') states.push(line);
        if (line.id) jobs.get(line.id)?.(line);
        else others[line.is]?.splice(0).forEach((resolve) => resolve(line));
    });
    let last = 0;
    const ready = await Promise.race([next('ready'), ended]);
    if (ready.is !== 'ready') throw new Error(`fetch-driver ended with ${ready}`);
    return {
        pid: child.pid,
        states, // so far, all of them
        /** Resolves with the next line about the tunnel's state in which this holds. */
        async state(holds) {
            for (;;) {
                const line = await next('state');
                if (holds(line)) return line;
            }
        },
        stats: () => { say({ do: 'stats' }); return next('stats'); },
        /**
         * Begins a request. `done` resolves with its end: {response?, error?, bytes, sha256, text, redirects, …}; `response` with the response's
         * head or that end; read(n) reads once when it was begun with hold, and resolves with what has been read so far.
         */
        request(url, options = {}) {
            const id = ++last;
            const result = { redirects: 0 };
            let done, response, read = [], finished, readable, nowReadable;
            const handle = {
                done: new Promise((resolve) => { done = resolve; }),
                response: new Promise((resolve) => { response = resolve; }),
                finished: new Promise((resolve) => { finished = resolve; }),
                read: (bytes) => new Promise((resolve) => { read.push(resolve); say({ do: 'read', id, bytes }); }),
                /** Reads until it is more than this. */
                async readMore(than) {
                    for (;;) {
                        readable = new Promise((resolve) => { nowReadable = resolve; });
                        const got = await handle.read();
                        if (got > than) return got;
                        await Promise.race([readable, handle.done]);
                        if ('bytes' in result) return result.bytes; // it has ended
                    }
                },
                flow: () => say({ do: 'flow', id }),
                abort: () => { say({ do: 'abort', id }); jobs.delete(id); },
            };
            jobs.set(id, (line) => {
                if (line.is === 'redirected') result.redirects++;
                if (line.is === 'readable') nowReadable?.();
                if (line.is === 'finished') finished(line);
                if (line.is === 'read') read.shift()?.(line.bytes);
                if (line.is === 'response') {
                    result.response = { ...line, header: (name) => line.headers.filter(([n]) => n.toLowerCase() === name).map(([, v]) => v).join(', ') };
                    response(result);
                }
                if (line.is !== 'end' && line.is !== 'error') return;
                Object.assign(result, line, { error: line.error ?? null });
                jobs.delete(id);
                response(result);
                finished(result);
                done(result);
            });
            say({ do: 'fetch', id, url, ...options });
            return handle;
        },
        fetch(url, options) { return this.request(url, options).done; },
        /** The exit status. */
        stop() {
            child.stdin.end();
            return ended;
        },
    };
}
