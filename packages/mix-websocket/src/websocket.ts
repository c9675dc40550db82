// SPDX-License-Identifier: Apache-2.0
// The WebSocket of the web over a channel to the tunnel: states, events, the queue of what is being sent.
import { fromWire, type Channel, type WebSocketCommand, type WebSocketNews, type WebSocketOpening } from '@lwmix/mix-tunnel/internal';
import { MixWebSocketError, type MixError } from '@lwmix/mix-tunnel';
import { checkClose, readProtocols, readUrl, utf8Length } from './arguments.js';
import { closeEvent, Handlers, MixErrorEvent, type Handler, type MixWebSocketEventMap } from './events.js';

export type OpenWebSocket = (opening: WebSocketOpening, take: (news: WebSocketNews) => void) => Channel<WebSocketCommand>;

export type MixWebSocketReadyState = 0 | 1 | 2 | 3;
const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

export interface MixWebSocketOptions {
    /** Besides those of the handshake. `Origin` replaces the page's own; an empty value sends none. */
    headers?: HeadersInit | undefined;
    /** Milliseconds until `open`. Default 60 s. */
    timeoutMs?: number | undefined;
    /** Ends the connection without a handshake, also when it is open. */
    signal?: AbortSignal | null | undefined;
}

export type MixWebSocketData = string | ArrayBufferLike | ArrayBufferView | Blob;

type Message = { type: 'text'; data: string } | { type: 'binary'; data: Uint8Array<ArrayBuffer> };

/** A message between `send` and the tunnel. */
interface Sending {
    readonly bytes: number;
    resolve(): void;
    reject(error: unknown): void;
}

export interface BaseWebSocket {
    addEventListener<Type extends keyof MixWebSocketEventMap>(type: Type,
        listener: (this: BaseWebSocket, event: MixWebSocketEventMap[Type]) => unknown, options?: boolean | AddEventListenerOptions): void;
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
    removeEventListener<Type extends keyof MixWebSocketEventMap>(type: Type,
        listener: (this: BaseWebSocket, event: MixWebSocketEventMap[Type]) => unknown, options?: boolean | EventListenerOptions): void;
    removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

/** index.ts gives it the page's tunnel. */
export class BaseWebSocket extends EventTarget {
    declare static readonly CONNECTING: 0;
    declare static readonly OPEN: 1;
    declare static readonly CLOSING: 2;
    declare static readonly CLOSED: 3;
    declare readonly CONNECTING: 0;
    declare readonly OPEN: 1;
    declare readonly CLOSING: 2;
    declare readonly CLOSED: 3;

    /** As the URL standard writes it. */
    readonly url: string;
    /** As asked for; `protocol` is what the server chose. */
    readonly protocols: string[];

    readonly #handlers = new Handlers(this);
    readonly #sending: Sending[] = [];
    readonly #origin: string;
    readonly #signal: AbortSignal | null;
    readonly #closed: Promise<void>;
    readonly #channel: Channel<WebSocketCommand>;
    #resolveClosed: () => void = () => {};
    #order: Promise<void> | undefined;
    #state: MixWebSocketReadyState = CONNECTING;
    #protocol = '';
    #buffered = 0;
    #binaryType: BinaryType = 'arraybuffer';
    #failure: MixError | undefined;

    /** Throws as the standard's does; connecting has begun when it returns. */
    constructor(open: OpenWebSocket, url: string | URL, protocols?: string | Iterable<string>, options: MixWebSocketOptions = {}) {
        super();
        const target = readUrl(url);
        this.protocols = readProtocols(protocols);
        this.url = target.href;
        this.#origin = target.origin;
        this.#signal = options.signal ?? null;
        this.#signal?.throwIfAborted();
        this.#closed = new Promise((resolve) => { this.#resolveClosed = resolve; });
        this.#channel = open({ op: 'websocket', url: this.url, protocols: [...this.protocols], headers: headersOf(options.headers),
            timeoutMs: options.timeoutMs }, (news) => this.#take(news));
        this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    }

    get readyState(): MixWebSocketReadyState {
        return this.#state;
    }

    /** Chosen by the server; '' until open, or if there is none. */
    get protocol(): string {
        return this.#protocol;
    }

    /** None are ever negotiated. */
    get extensions(): string {
        return '';
    }

    /** Bytes of messages that were given to `send` and that the tunnel has not taken yet. */
    get bufferedAmount(): number {
        return this.#buffered;
    }

    /** What binary messages come as. Unlike the standard's the default is 'arraybuffer', as in the package that this one replaces. */
    get binaryType(): BinaryType {
        return this.#binaryType;
    }

    set binaryType(type: BinaryType) {
        if (type === 'arraybuffer' || type === 'blob') this.#binaryType = type; // else ignored, as Web IDL says of enumerations
    }

    get onopen(): Handler<'open'> { return this.#handlers.get('open'); }
    set onopen(handler: Handler<'open'>) { this.#handlers.set('open', handler); }
    get onmessage(): Handler<'message'> { return this.#handlers.get('message'); }
    set onmessage(handler: Handler<'message'>) { this.#handlers.set('message', handler); }
    get onerror(): Handler<'error'> { return this.#handlers.get('error'); }
    set onerror(handler: Handler<'error'>) { this.#handlers.set('error', handler); }
    get onclose(): Handler<'close'> { return this.#handlers.get('close'); }
    set onclose(handler: Handler<'close'>) { this.#handlers.set('close', handler); }

    /** Resolves when connecting is over, well or not: look at `readyState`, or at the `error` event. */
    opened(): Promise<void> {
        if (this.#state !== CONNECTING) return Promise.resolve();
        return new Promise((resolve) => {
            const over = new AbortController();
            const done = (): void => {
                over.abort();
                resolve();
            };
            for (const type of ['open', 'error', 'close'] as const) this.addEventListener(type, done, { signal: over.signal });
        });
    }

    /**
     * Resolves when the tunnel has taken the message: who awaits it is held back as the network is. Rejects with InvalidStateError
     * when the socket is not open, and when it ends before. Nobody has to listen to it: after `close` a rejection is silent.
     */
    send(data: MixWebSocketData): Promise<void> {
        if (this.#state !== OPEN) {
            const rejected = Promise.reject(new DOMException(`MixWebSocket.send: state is ${this.#state}, expected OPEN`, 'InvalidStateError'));
            if (this.#state !== CONNECTING) rejected.catch(() => {});
            return rejected;
        }
        const message = messageOf(data);
        if (message === undefined)
            return Promise.reject(new TypeError('unsupported data type (expected string, Uint8Array, or ArrayBuffer; another view or a Blob)'));
        this.#buffered += message.bytes;
        const sent = new Promise<void>((resolve, reject) => {
            this.#inOrder(message.command, (command) => {
                if (this.#failure) return reject(this.#failure);
                this.#sending.push({ bytes: message.bytes, resolve, reject });
                this.#channel.send(command, command.type === 'binary' ? [command.data.buffer] : []);
            }, (error) => {
                this.#buffered -= message.bytes;
                reject(error);
            });
        });
        sent.catch(() => {}); // the error and close events tell it as well
        return sent;
    }

    /** The closing handshake, after what was sent; resolves when the connection is gone. Throws as the standard's does. */
    close(code = 1000, reason = ''): Promise<void> {
        checkClose(code, reason);
        if (this.#state === CONNECTING || this.#state === OPEN) {
            this.#state = CLOSING;
            this.#inOrder<WebSocketCommand>({ type: 'close', code, reason }, (command) => this.#channel.send(command), () => {});
        }
        return this.#closed;
    }

    /** Commands leave in the order of the calls, though a Blob has to be read first. */
    #inOrder<Command>(command: Command | Promise<Command>, act: (command: Command) => void, fail: (error: unknown) => void): void {
        if (!(command instanceof Promise) && !this.#order) return act(command);
        const turn = Promise.allSettled([command, this.#order]).then(([result]) => {
            if (this.#order === turn) this.#order = undefined;
            if (result.status === 'fulfilled') act(result.value);
            else fail(result.reason);
        });
        this.#order = turn;
    }

    #take(news: WebSocketNews): void {
        switch (news.type) {
            case 'open': return this.#opened(news.protocol);
            case 'text': return this.#message(news.data);
            case 'binary': return this.#message(this.#binaryType === 'blob' ? new Blob([news.data]) : news.data);
            case 'sent': return this.#settle()?.resolve();
            case 'refused': return this.#settle()?.reject(fromWire(news.error));
            case 'closing':
                this.#state = CLOSING;
                return;
            case 'error': return this.#error(fromWire(news.error));
            case 'close': return this.#end(news);
        }
    }

    #opened(protocol: string): void {
        if (this.#state !== CONNECTING) return; // closed meanwhile
        this.#state = OPEN;
        this.#protocol = protocol;
        this.dispatchEvent(new Event('open'));
    }

    #message(data: string | ArrayBuffer | Blob): void {
        this.dispatchEvent(new MessageEvent('message', { data, origin: this.#origin }));
    }

    /** The oldest message of which nothing was told yet. */
    #settle(): Sending | undefined {
        const sending = this.#sending.shift();
        if (sending) this.#buffered -= sending.bytes;
        return sending;
    }

    #error(error: MixError): void {
        this.#state = CLOSED;
        this.#failure = error;
        this.dispatchEvent(new MixErrorEvent(error));
    }

    #end(init: { code: number; reason: string; wasClean: boolean }): void {
        this.#state = CLOSED;
        this.#signal?.removeEventListener('abort', this.#onAbort);
        this.#channel.close();
        this.#failure ??= new MixWebSocketError('WebSocket error: closed before the message was sent', { code: 'WEBSOCKET_LOST', phase: 'websocket' });
        for (const { reject } of this.#sending.splice(0)) reject(this.#failure); // bufferedAmount stays, as the standard says
        this.#resolveClosed();
        this.dispatchEvent(closeEvent({ code: init.code, reason: init.reason, wasClean: init.wasClean }));
    }

    readonly #onAbort = (): void => {
        this.#channel.send({ type: 'abort' });
        const cause: unknown = this.#signal?.reason;
        this.#error(new MixWebSocketError('WebSocket error: aborted', { code: 'WEBSOCKET_ABORTED', phase: 'websocket', cause }));
        this.#end({ code: 1006, reason: '', wasClean: false });
    };
}

for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED }))
    for (const holder of [BaseWebSocket, BaseWebSocket.prototype]) Object.defineProperty(holder, name, { value, enumerable: true });

/** What goes to the tunnel, copied: the application may change its buffer after the call. */
function messageOf(data: unknown): { bytes: number; command: Message | Promise<Message> } | undefined {
    if (typeof data === 'string') return { bytes: utf8Length(data), command: { type: 'text', data } };
    if (data instanceof Blob)
        return { bytes: data.size, command: data.arrayBuffer().then((buffer) => ({ type: 'binary', data: new Uint8Array(buffer) })) };
    const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : data instanceof ArrayBuffer || isShared(data) ? new Uint8Array(data) : undefined;
    return bytes && { bytes: bytes.byteLength, command: { type: 'binary', data: new Uint8Array(bytes) } };
}

function isShared(data: unknown): data is ArrayBufferLike {
    return typeof SharedArrayBuffer !== 'undefined' && data instanceof SharedArrayBuffer;
}

/** A page's Origin is told, as a browser does; behind the mixnet it is the only thing that tells where the page came from. */
function headersOf(init: HeadersInit | undefined): [string, string][] {
    const headers = new Headers(init);
    const origin = (globalThis as { location?: { origin?: string } }).location?.origin;
    if (!headers.has('origin') && origin !== undefined) headers.set('origin', origin);
    return [...headers].filter(([name, value]) => name !== 'origin' || value !== '');
}
