// SPDX-License-Identifier: Apache-2.0
// Node as the engine's host: fetch, a WebSocket, files, crypto.
import { webcrypto } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { getByFetch, linkByWebSocket, type Host, type Storage } from './platform.js';
import { linkBySocket } from './websocket.node.js';

/** Where users' programs keep data. */
function defaultFolder(): string {
    const { XDG_DATA_HOME: data, APPDATA: roaming } = process.env;
    if (process.platform === 'win32') return join(roaming ?? join(homedir(), 'AppData', 'Roaming'), 'lwmix');
    if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'lwmix');
    return join(data ?? join(homedir(), '.local', 'share'), 'lwmix');
}

function isMissing(error: unknown): boolean {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** As a whole or not at all: beside it, then renamed. */
async function replace(file: string, value: Uint8Array): Promise<void> {
    const beside = `${file}.${process.pid}.new`;
    const handle = await open(beside, 'w', 0o600);
    try {
        await handle.writeFile(value);
        await handle.sync();
    } finally {
        await handle.close();
    }
    await rename(beside, file);
}

async function openStorage(clientId: string, folder: string = defaultFolder()): Promise<Storage> {
    const own = join(folder, encodeURIComponent(clientId).replace(/\./g, '%2E'));
    await mkdir(own, { recursive: true, mode: 0o700 });
    await chmod(own, 0o700);
    return {
        async read(name) {
            try {
                return await readFile(join(own, name));
            } catch (error) {
                if (isMissing(error)) return undefined;
                throw error;
            }
        },
        write: (name, value) => (value ? replace(join(own, name), value) : rm(join(own, name), { force: true })),
        close() {},
    };
}

export const host: Host = {
    random: (out) => void webcrypto.getRandomValues(out),
    wallTime: () => Date.now(),
    now: () => performance.now(),
    log: (_level, layer, text) => console.error(`[lwmix] ${layer}: ${text}`),
    connect: (url, events) => (typeof WebSocket === 'undefined' ? linkBySocket(url, events) : linkByWebSocket(url, events)),
    get: getByFetch,
    openStorage,
    onNetwork() {},
};
