// SPDX-License-Identifier: Apache-2.0
// Node's workers and ports with the listeners of a browser's, as Comlink calls them.
import type { Endpoint } from 'comlink';

interface Emitter {
    on(event: 'message', take: (data: unknown) => void): unknown;
    off(event: 'message', take: (data: unknown) => void): unknown;
}

export function listenersOf(emitter: Emitter): Pick<Endpoint, 'addEventListener' | 'removeEventListener'> {
    const takers = new WeakMap<object, (data: unknown) => void>();
    return {
        addEventListener(_type, listener) {
            const take = (data: unknown): void => {
                const event = { data } as MessageEvent;
                if ('handleEvent' in listener) listener.handleEvent(event);
                else listener(event);
            };
            takers.set(listener, take);
            emitter.on('message', take);
        },
        removeEventListener(_type, listener) {
            const take = takers.get(listener);
            if (take) emitter.off('message', take);
        },
    };
}
