// SPDX-License-Identifier: Apache-2.0
// What the engine needs of a browser or of Node. host.browser.ts and host.node.ts are the two that there are.
import type { Surroundings } from './core.js';
import { textOf } from './errors.js';

/** A WebSocket to a gateway. */
export interface Link {
    send(data: Uint8Array | string): void;
    /** What was sent still goes out; no event follows. */
    close(): void;
    /** So much waits that no more should be sent until `writable`. */
    readonly busy: boolean;
}

export interface LinkEvents {
    opened(): void;
    message(data: Uint8Array | string): void;
    closed(code: number, reason: string): void;
    /** After `busy`. */
    writable(): void;
}

/** A GET to the directory. */
export interface Answer {
    head(status: number, contentType: string): void;
    /** False: no more is wanted. */
    piece(data: Uint8Array): boolean;
    end(): void;
    failed(reason: string): void;
}

export interface Storage {
    /** The values of these names, in their order; undefined: there is none. */
    read(names: readonly string[]): Promise<Array<Uint8Array | undefined>>;
    /** undefined: delete it. As a whole or not at all. */
    write(name: string, value: Uint8Array | undefined): Promise<void>;
    close(): void;
}

export interface Host extends Surroundings {
    connect(url: string, events: LinkEvents): Link;
    /** The function returned cancels it; nothing is told then. */
    get(url: string, accept: string, answer: Answer): () => void;
    openStorage(clientId: string, folder: string | undefined): Promise<Storage>;
}

/** A GET with the platform's fetch: no cookies, no referrer, no cache of its own. */
export function getByFetch(url: string, accept: string, answer: Answer): () => void {
    const abort = new AbortController();
    const read = async (): Promise<void> => {
        const response = await fetch(url, {
            credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer', headers: { accept }, signal: abort.signal,
        });
        answer.head(response.status, response.headers.get('content-type') ?? '');
        const reader = response.body?.getReader();
        for (;;) {
            const piece = await reader?.read();
            if (!piece || piece.done) break;
            if (!answer.piece(piece.value)) {
                abort.abort();
                return;
            }
        }
        answer.end();
    };
    read().catch((error: unknown) => {
        if (!abort.signal.aborted) answer.failed(reasonOf(error));
    });
    return () => abort.abort();
}

/** Node hides the reason in the cause. */
function reasonOf(error: unknown): string {
    return error instanceof Error && error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : textOf(error);
}

const BUSY_ABOVE = 64 * 1024;
const LOOK_AGAIN_MS = 10;
const ABNORMAL = 1006;

/** A link on the platform's WebSocket. It does not tell when its queue is shorter: it is asked, while it is long. */
export function linkByWebSocket(url: string, events: LinkEvents): Link {
    let socket: WebSocket | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let done = false;
    let why = '';
    const finish = (): void => {
        done = true;
        clearTimeout(timer);
    };
    const closed = (code: number, reason: string): void => {
        if (done) return;
        finish();
        events.closed(code, reason || why);
    };
    const look = (): void => {
        timer = undefined;
        if (done) return;
        if (socket && socket.bufferedAmount > BUSY_ABOVE) timer = setTimeout(look, LOOK_AGAIN_MS);
        else events.writable();
    };
    try {
        socket = new WebSocket(url);
    } catch (error) {
        queueMicrotask(() => {
            if (!done) events.closed(0, textOf(error));
        });
        return { busy: false, send() {}, close: finish };
    }
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => { if (!done) events.opened(); };
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
        if (!done) events.message(typeof data === 'string' ? data : new Uint8Array(data));
    };
    socket.onerror = (event) => {
        if ('message' in event) why = String(event.message); // in Node
        // Node 22 says no more of a connection that does not come about; by the standard the state is CLOSED here, and `close` follows.
        if (socket?.readyState === WebSocket.CONNECTING) closed(ABNORMAL, '');
    };
    socket.onclose = ({ code, reason }) => closed(code, reason);
    return {
        get busy() {
            if (socket.bufferedAmount <= BUSY_ABOVE) return false;
            timer ??= setTimeout(look, LOOK_AGAIN_MS);
            return true;
        },
        send: (data) => { if (socket.readyState === WebSocket.OPEN) socket.send(data as Uint8Array<ArrayBuffer> | string); },
        close() {
            finish();
            socket.close();
        },
    };
}
