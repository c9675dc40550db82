// SPDX-License-Identifier: Apache-2.0
// The worker in Node: a thread.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Endpoint } from 'comlink';
import type { Spawn, Spawned } from './spawn.js';

export type { Spawn, Spawned };

/** Node's worker with the listeners of a browser's. */
function endpointOf(worker: Worker): Endpoint {
    const wrapped = new WeakMap<object, (data: unknown) => void>();
    return {
        postMessage: (message: unknown, transfer?: Transferable[]) => worker.postMessage(message, transfer as never),
        addEventListener(_type, listener) {
            const take = (data: unknown): void => {
                const event = { data } as MessageEvent;
                if ('handleEvent' in listener) listener.handleEvent(event);
                else listener(event);
            };
            wrapped.set(listener, take);
            worker.on('message', take);
        },
        removeEventListener(_type, listener) {
            const take = wrapped.get(listener);
            if (take) worker.off('message', take);
        },
    };
}

export const spawn: Spawn = () => {
    const worker = new Worker(join(__dirname, 'worker.js'), { name: 'mix-tunnel' });
    return {
        endpoint: endpointOf(worker),
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
        hold: (alive) => (alive ? worker.ref() : worker.unref()),
        end: () => void worker.terminate(),
    };
};
