// SPDX-License-Identifier: Apache-2.0
// A browser's worker as the engine's host: WebSocket, fetch, IndexedDB, crypto.
import { getByFetch, linkByWebSocket, type Host, type Storage } from './platform.js';

const STORE = 'values';

function done<T>(request: IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'));
    });
}

function finished(transaction: IDBTransaction): Promise<void> {
    return new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error('IndexedDB failed'));
    });
}

async function openStorage(clientId: string): Promise<Storage> {
    if (typeof indexedDB === 'undefined') throw new Error('there is no IndexedDB');
    const request = indexedDB.open(`lwmix-${clientId}`, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    const database = await done(request);
    database.onversionchange = () => database.close(); // another page deletes it: not held up
    return {
        async read(name) {
            const value: unknown = await done(database.transaction(STORE).objectStore(STORE).get(name));
            return value instanceof Uint8Array ? value : undefined;
        },
        async write(name, value) {
            const transaction = database.transaction(STORE, 'readwrite');
            if (value) transaction.objectStore(STORE).put(value, name);
            else transaction.objectStore(STORE).delete(name);
            await finished(transaction);
        },
        close: () => database.close(),
    };
}

const LEVELS = ['debug', 'error', 'warn', 'info', 'debug', 'debug'] as const;

export const host: Host = {
    random: (out) => void crypto.getRandomValues(out as Uint8Array<ArrayBuffer>),
    wallTime: () => Date.now(),
    now: () => performance.now(),
    log: (level, layer, text) => console[LEVELS[level] ?? 'debug'](`[lwmix] ${layer}: ${text}`),
    connect: linkByWebSocket,
    get: getByFetch,
    openStorage,
    onNetwork: (take) => globalThis.addEventListener?.('online', take),
};
