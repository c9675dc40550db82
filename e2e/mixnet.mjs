// SPDX-License-Identifier: Apache-2.0
// Starts a local mixnet for a test: build/lwmix with a state folder of its own, ended and removed afterwards.
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

process.setMaxListeners(100); // one for each process that a test starts

/** The folder that holds the built command. */
export const BUILD = process.env.LWMIX_BUILD ?? fileURLToPath(new URL('../build', import.meta.url));

/**
 * Starts `lwmix mixnet` with these extra arguments; resolves with its ready line and the means to end it.
 * `state` keeps a folder over several starts; it is then the caller's to remove.
 */
export async function startMixnet(args = [], { state } = {}) {
    const folder = state ?? mkdtempSync(join(tmpdir(), 'lwmix-mixnet-'));
    const log = join(folder, 'log');
    const child = spawn(join(BUILD, 'lwmix'), ['mixnet', '--state', folder, '--log', log, '--log-level', '4', ...args],
        { stdio: ['ignore', 'pipe', openSync(join(folder, 'stderr'), 'a')] });
    process.once('exit', () => child.kill('SIGKILL')); // a test that breaks leaves nothing running
    const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
    const line = await Promise.race([
        new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
        ended.then(({ code, signal }) => {
            throw new Error(`lwmix mixnet ended with ${code ?? signal}: ${readFileSync(join(folder, 'stderr'), 'utf8')}`);
        }),
    ]);
    return {
        ...JSON.parse(line),
        folder,
        pid: child.pid,
        log: () => readFileSync(log, 'utf8'),
        /** Ends it by SIGTERM; its exit status. */
        async stop() {
            child.kill('SIGTERM');
            const result = await ended;
            if (!state) rmSync(folder, { recursive: true, force: true });
            return result;
        },
    };
}

/**
 * Runs a program to its end: exit status, standard output as bytes, standard error as text. `input` is a string, or takes the stream and
 * the process.
 */
export function run(command, args, { input, cwd, env } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(command, args, { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], cwd, env });
        const out = [];
        let err = '';
        child.on('error', reject);
        child.stdout.on('data', (chunk) => out.push(chunk));
        child.stderr.on('data', (chunk) => { err += chunk; });
        child.stdin?.on('error', () => {}); // it takes no more
        child.on('close', (code, signal) => resolve({ code, signal, out: Buffer.concat(out), err }));
        if (typeof input === 'function') input(child.stdin, child);
        else if (input !== undefined) child.stdin.end(input);
    });
}

/** The command, as it was built. */
export const lwmix = (args, options) => run(join(BUILD, 'lwmix'), args, options);

/** One request to a mixnet's control socket; its answer. */
export function control(folder, request, socket = 'control') {
    return new Promise((resolve, reject) => {
        const connection = net.connect(join(folder, socket));
        connection.on('error', reject);
        createInterface({ input: connection }).once('line', (line) => {
            connection.end();
            resolve(JSON.parse(line));
        });
        connection.write(`${JSON.stringify(request)}\n`);
    });
}
