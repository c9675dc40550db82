// SPDX-License-Identifier: Apache-2.0
// The worker in Node: a thread.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { listenersOf } from './listeners.node.js';
import type { Spawn, Spawned } from './spawn.js';

export type { Spawn, Spawned };

/** The thread keeps the process alive while it loads and while a call is under way; ports of operations do that themselves. */
class Calls {
    readonly #worker: Worker;
    readonly #ids = new Set<unknown>();

    constructor(worker: Worker) {
        this.#worker = worker;
        worker.on('message', (data: { id?: unknown }) => this.#over(data.id));
    }

    begin(message: unknown): void {
        const { id } = message as { id?: unknown };
        if (id === undefined) return;
        this.#ids.add(id);
        this.#worker.ref();
    }

    #over(id: unknown): void {
        this.#ids.delete(id);
        if (this.#ids.size === 0) this.#worker.unref();
    }
}

export const spawn: Spawn = () => {
    const worker = new Worker(join(__dirname, 'worker.js'), { name: 'mix-tunnel' });
    const calls = new Calls(worker);
    return {
        endpoint: {
            postMessage(message: unknown, transfer?: Transferable[]) {
                calls.begin(message);
                worker.postMessage(message, transfer as never);
            },
            ...listenersOf(worker),
        },
        post: (message, transfer) => worker.postMessage(message, transfer as never),
        onMessage: (take) => worker.on('message', take),
        onEnd(take) {
            let told = false;
            const tell = (reason: string): void => {
                if (!told) take(reason);
                told = true;
            };
            worker.once('error', (error) => tell(error.message));
            worker.once('exit', (code) => tell(`the thread ended with ${code}`));
        },
        end: () => void worker.terminate(),
    };
};
