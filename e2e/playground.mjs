// SPDX-License-Identifier: Apache-2.0
// Starts `lwmix playground` for a test, and a Chromium that can reach nothing but loopback.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { FLAGS } from './browser.mjs';
import { BUILD } from './mixnet.mjs';

/** Resolves with its ready line and the means to end it. */
export async function startPlayground(args = []) {
    const child = spawn(join(BUILD, 'lwmix'), ['playground', '--listen', '127.0.0.1:0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    process.once('exit', () => child.kill('SIGKILL')); // a test that breaks leaves nothing running: the mixnet ends with it
    let errors = '';
    child.stderr.on('data', (chunk) => { errors += chunk; });
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, errors }));
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, 'line').then(([line]) => line), ended]);
    if (typeof first !== 'string') throw new Error(`lwmix playground ended with ${first.code ?? first.signal}: ${first.errors}`);
    return {
        ...JSON.parse(first),
        process: child,
        ended,
        errors: () => errors,
        async stop(signal = 'SIGTERM') {
            child.kill(signal);
            return ended;
        },
    };
}

/** No name but those of loopback is found: what the page asks for from elsewhere fails. */
export function openLoopbackBrowser() {
    const flags = FLAGS.filter((flag) => flag !== '--ignore-certificate-errors'); // as a user's browser is
    return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
        args: [...flags, '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'] });
}
