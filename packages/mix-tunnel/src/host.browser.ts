// SPDX-License-Identifier: Apache-2.0
// A browser's worker as the engine's host: WebSocket, fetch, IndexedDB, crypto.
import { getByFetch, linkByWebSocket, type Host, type Storage } from './platform.js';

const STORE = 'values';
const PAGES_MOST = 16;

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

/** Holds a lock by this name until the function returned is called; undefined: another page or worker has it. */
function lock(name: string): Promise<(() => void) | undefined> {
    return new Promise((resolve, reject) => {
        navigator.locks.request(name, { ifAvailable: true }, (got) => (got ? new Promise<void>((release) => resolve(release)) : resolve(undefined)))
            .catch(reject);
    });
}

/** An identity is for one connection: pages of one origin that are open at a time have one each. */
async function claim(clientId: string): Promise<{ name: string; release: () => void }> {
    if (typeof navigator.locks === 'undefined') return { name: clientId, release() {} }; // a page without https
    for (let i = 0; i < PAGES_MOST; i++) {
        const name = i === 0 ? clientId : `${clientId}~${i}`;
        const release = await lock(`lwmix-${name}`);
        if (release) return { name, release };
    }
    throw new Error(`${PAGES_MOST} pages use the clientId '${clientId}' already`);
}

async function openDatabase(name: string): Promise<IDBDatabase> {
    const request = indexedDB.open(`lwmix-${name}`, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    return done(request);
}

async function openStorage(clientId: string): Promise<Storage> {
    if (typeof indexedDB === 'undefined') throw new Error('there is no IndexedDB');
    const { name, release } = await claim(clientId);
    const database = await openDatabase(name).catch((error: unknown) => {
        release();
        throw error;
    });
    database.onversionchange = () => database.close(); // another page deletes it: not held up
    return {
        async read(names) {
            const store = database.transaction(STORE).objectStore(STORE);
            const values: unknown[] = await Promise.all(names.map((name) => done(store.get(name))));
            return values.map((value) => (value instanceof Uint8Array ? value : undefined));
        },
        async write(name, value) {
            const transaction = database.transaction(STORE, 'readwrite');
            if (value) transaction.objectStore(STORE).put(value, name);
            else transaction.objectStore(STORE).delete(name);
            await finished(transaction);
        },
        close() {
            database.close();
            release();
        },
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
};
