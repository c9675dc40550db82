// SPDX-License-Identifier: Apache-2.0
// The peer's methods of the worker, on the same operations as ours: whole bodies, one address, handles.
import { releaseProxy, transfer } from 'comlink';
import { ADDRESSES, firstAddress, joined } from './common.js';
import type { Engine } from './engine.js';
import { fromWire, mixError } from './errors.js';
import { begin, type Handle } from './operations.js';
import type { FetchResponse, WebSocketNews, WebSocketOpening } from './protocol.js';
import type { MixFetchResponseInit, WsEventCallback } from './types.js';

const encoder = new TextEncoder();
const CREDIT = 1024 * 1024;

function bodyOf(body: unknown): Uint8Array | null {
    if (body === undefined || body === null) return null;
    if (typeof body === 'string') return encoder.encode(body);
    if (body instanceof Uint8Array) return body;
    if (body instanceof ArrayBuffer) return new Uint8Array(body);
    throw mixError('HTTP error: unsupported body type (expected string, Uint8Array, or ArrayBuffer)', { code: 'ARGUMENT', phase: 'http' });
}

function headersOf(headers: unknown): Array<[string, string]> {
    if (typeof headers !== 'object' || headers === null) return [];
    return Object.entries(headers).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
}

export async function mixFetch(engine: Engine, url: string, init: unknown): Promise<MixFetchResponseInit> {
    const { method, headers, body } = (typeof init === 'object' && init !== null ? init : {}) as Record<string, unknown>;
    const opening = {
        op: 'fetch', url: String(url), method: typeof method === 'string' ? method : 'GET', headers: headersOf(headers), body: bodyOf(body),
        redirect: 'follow', credit: CREDIT,
    } as const;
    return new Promise((resolve, reject) => {
        let response: FetchResponse | undefined;
        const parts: Uint8Array[] = [];
        const handle: Handle<typeof opening> = begin(engine, opening, (news) => {
            if (news.type === 'response') response = news;
            else if (news.type === 'error') reject(fromWire(news.error));
            else if (news.type === 'data') {
                parts.push(news.data);
                handle({ type: 'credit', bytes: news.data.length });
            } else if (news.type === 'end' && response) {
                const whole = joined(parts);
                const { status, statusText, headers: list } = response;
                resolve(transfer({ body: whole, status, statusText, headers: list }, [whole.buffer]));
            }
        });
    });
}

export async function mixDNS(engine: Engine, hostname: string): Promise<string> {
    return new Promise((resolve, reject) => {
        begin(engine, { op: 'lookup', name: String(hostname), type: ADDRESSES }, (news) => {
            if (news.type === 'error') return reject(fromWire(news.error));
            const address = firstAddress(news.answer);
            if (address !== undefined) resolve(address);
            else reject(mixError(`DNS error: no A, AAAA, or CNAME records for ${hostname}`, { code: 'DNS_NO_DATA', phase: 'dns' }));
        });
    });
}

/** WebSockets by handles. */
export class Handles {
    readonly #engine: Engine;
    readonly #sockets = new Map<number, { handle: Handle<WebSocketOpening>; waiting: Array<{ resolve(): void; reject(error: unknown): void }> }>();
    #last = 0;

    constructor(engine: Engine) {
        this.#engine = engine;
    }

    async open(url: string, protocols: string[] | undefined, onEvent: WsEventCallback): Promise<number> {
        if (!this.#engine.ready) throw this.#engine.notReady();
        const id = ++this.#last;
        const waiting: Array<{ resolve(): void; reject(error: unknown): void }> = [];
        const opening: WebSocketOpening = { op: 'websocket', url: String(url), protocols: protocols ?? [], headers: [] };
        const early: WebSocketNews[] = [];
        let told = false;
        const take = (news: WebSocketNews): void => this.#take(id, waiting, news, onEvent);
        const handle = begin(this.#engine, opening, (news) => { // never within begin(): the caller has no handle yet
            if (told) take(news);
            else early.push(news);
        });
        this.#sockets.set(id, { handle, waiting });
        setTimeout(() => {
            told = true;
            early.forEach(take);
        });
        return id;
    }

    #take(id: number, waiting: Array<{ resolve(): void; reject(error: unknown): void }>, news: WebSocketNews, onEvent: WsEventCallback): void {
        switch (news.type) {
            case 'open': return onEvent(id, 'open', news.protocol);
            case 'text': return onEvent(id, 'text', news.data);
            case 'binary': return onEvent(id, 'binary', new Uint8Array(news.data));
            case 'sent': return waiting.shift()?.resolve();
            case 'refused': return waiting.shift()?.reject(fromWire(news.error));
            case 'error': return onEvent(id, 'error', news.error.message);
            case 'close':
                this.#sockets.delete(id);
                for (const { reject } of waiting) reject(this.#unknown(id));
                onEvent(id, 'close', this.#closeText(news.code, news.reason));
                (onEvent as { [releaseProxy]?: () => void })[releaseProxy]?.(); // its port would keep a process of Node alive
                return;
        }
    }

    #closeText(code: number, reason: string): string {
        if (code === 1005) return '1005';
        return code === 1006 ? '1006 connection lost' : `${code} ${reason}`;
    }

    #unknown(id: number): Error {
        return mixError(this.#sockets.size === 0 ? 'no active WebSocket connections' : `WebSocket handle ${id} not found`,
            { code: 'STATE', phase: 'websocket' });
    }

    send(id: number, data: unknown): Promise<void> {
        const socket = this.#sockets.get(id);
        if (!socket) return Promise.reject(this.#unknown(id));
        const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
        if (typeof bytes !== 'string' && !(bytes instanceof Uint8Array))
            return Promise.reject(mixError('unsupported data type (expected string, Uint8Array, or ArrayBuffer)', { code: 'ARGUMENT', phase: 'websocket' }));
        const sent = new Promise<void>((resolve, reject) => socket.waiting.push({ resolve, reject }));
        socket.handle(typeof bytes === 'string' ? { type: 'text', data: bytes } : { type: 'binary', data: bytes });
        return sent;
    }

    async close(id: number, code: number, reason: string): Promise<void> {
        const socket = this.#sockets.get(id);
        if (!socket) throw this.#unknown(id);
        socket.handle({ type: 'close', code, reason });
    }
}

