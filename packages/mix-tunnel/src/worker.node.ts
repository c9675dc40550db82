// SPDX-License-Identifier: Apache-2.0
// The worker in Node: a thread, with the module in a file of the package.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { host } from './host.node.js';
import { listenersOf } from './listeners.node.js';
import { serve } from './serve.js';

if (!parentPort) throw new Error('mix-tunnel: this file is a worker thread');
const port = parentPort;
void serve({
    postMessage: (message, transfer) => port.postMessage(message, transfer as never),
    ...listenersOf(port),
    onMessage: (take) => port.on('message', take),
}, host, async () => WebAssembly.compile(await readFile(join(__dirname, '..', 'lwmix.wasm'))));
