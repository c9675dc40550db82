// SPDX-License-Identifier: Apache-2.0
// The worker in a browser: a module worker from a file beside this one. spawn.node.ts is Node's.
import type { Endpoint } from 'comlink';
import type { NetworkMessage } from './protocol.js';

/** A worker as tunnel.ts sees it, in a browser and in Node alike. */
export interface Spawned {
    readonly endpoint: Endpoint;
    post(message: unknown, transfer: Transferable[]): void;
    /** Called for each message, Comlink's included. */
    onMessage(take: (data: unknown) => void): void;
    /** It could not be started, or broke down; once. */
    onEnd(take: (reason: string) => void): void;
    end(): void;
}

export type Spawn = () => Spawned | Promise<Spawned>;

/** The page learns that the network is back, or that it is looked at again; its worker does not everywhere. */
function tellOfNetwork(post: (message: NetworkMessage) => void, signal: AbortSignal): void {
    if (typeof document === 'undefined') return;
    const tell = (): void => post({ kind: 'Network' });
    addEventListener('online', tell, { signal });
    document.addEventListener('resume', tell, { signal });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) tell(); }, { signal });
}

/** A browser's worker, however it was made. */
export function browserWorker(worker: Worker): Spawned {
    const over = new AbortController();
    tellOfNetwork((message) => worker.postMessage(message), over.signal);
    return {
        endpoint: worker,
        post: (message, transfer) => worker.postMessage(message, transfer),
        onMessage: (take) => worker.addEventListener('message', (event: MessageEvent<unknown>) => take(event.data)),
        onEnd(take) {
            worker.addEventListener('error', (event) => take(event.message || 'the worker could not be started'), { once: true });
            worker.addEventListener('messageerror', () => take('a message could not be read'), { once: true });
        },
        end() {
            over.abort();
            worker.terminate();
        },
    };
}

export const spawn: Spawn = () => {
    if (typeof Worker === 'undefined') throw new Error('this environment has no Worker');
    return browserWorker(new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'mix-tunnel' }));
};
