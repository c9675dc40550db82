// SPDX-License-Identifier: Apache-2.0
// Node as the engine's host: fetch, a WebSocket, files, crypto.
import { createHash, webcrypto } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { getByFetch, linkByWebSocket, type Host, type Storage } from './platform.js';
import { linkBySocket } from './websocket.node.js';

const PROCESSES_MOST = 16;
/** Of a Unix socket; a folder with a longer name has no lock. */
const SOCKET_NAME_MOST = 100;

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

/** Listens at an address that only one process can have; undefined: another has it. */
async function listenAt(address: string): Promise<Server | undefined> {
    for (let left = 2; left > 0; left--) {
        const server = createServer((socket) => socket.destroy());
        const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
            server.once('error', resolve);
            server.listen(address, () => resolve(undefined));
        });
        if (!error) return server.unref();
        if (error.code !== 'EADDRINUSE') throw error;
        if (await answers(address)) return undefined;
        await rm(address, { force: true }); // of a process that was killed
    }
    return undefined;
}

function answers(address: string): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect(address, () => {
            socket.destroy();
            resolve(true);
        });
        socket.on('error', () => resolve(false));
    });
}

function lockOf(own: string): string {
    const address = join(own, 'lock');
    if (process.platform !== 'win32') return address;
    return `\\\\.\\pipe\\lwmix-${createHash('sha256').update(own).digest('hex')}`;
}

/** An identity is for one connection: processes that run at a time have one each. */
async function claim(folder: string, clientId: string): Promise<{ own: string; server: Server | undefined }> {
    const plain = encodeURIComponent(clientId).replace(/\./g, '%2E');
    for (let i = 0; i < PROCESSES_MOST; i++) {
        const own = join(folder, i === 0 ? plain : `${plain}~${i}`);
        await mkdir(own, { recursive: true, mode: 0o700 });
        await chmod(own, 0o700);
        if (process.platform !== 'win32' && Buffer.byteLength(lockOf(own)) > SOCKET_NAME_MOST) return { own, server: undefined };
        const server = await listenAt(lockOf(own));
        if (server) return { own, server };
    }
    throw new Error(`${PROCESSES_MOST} processes use the clientId '${clientId}' already`);
}

async function openStorage(clientId: string, folder: string = defaultFolder()): Promise<Storage> {
    const { own, server } = await claim(folder, clientId);
    return {
        read: (names) => Promise.all(names.map(async (name) => {
            try {
                return await readFile(join(own, name));
            } catch (error) {
                if (isMissing(error)) return undefined;
                throw error;
            }
        })),
        write: (name, value) => (value ? replace(join(own, name), value) : rm(join(own, name), { force: true })),
        close: () => void server?.close(),
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
};
