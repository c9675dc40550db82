// SPDX-License-Identifier: Apache-2.0
// What lives on the tunnel: requests, lookups, WebSockets. Each takes commands and gives news (protocol.ts), whoever is at the other end:
// a port of the page (serve.ts) or the peer's methods (compat.ts).
import { BLOCKED, Command, DONE, FetchWhat, Flag, OK, Redirect, TIMING, WebSocketWhat, type Out } from './abi.js';
import { ADDRESSES } from './common.js';
import type { Core } from './core.js';
import type { Engine, Operation, OperationKind } from './engine.js';
import { mixError, textOf, toWire, MixError } from './errors.js';
import { errorOf, failureIn, type Failure } from './failures.js';
import type { DnsRecord, FetchCommand, FetchTiming, LookupCommand, Opening, Traffic, WebSocketCommand } from './protocol.js';
import { Settings } from './settings.js';

/** Where news go; none after a last message. */
export type Sink<News> = (news: News, transfer: Transferable[]) => void;

/** Bytes of a request's body that may be under way from the page. */
const UPLOAD_CREDIT = 128 * 1024;
const READ_MOST = 64 * 1024;

abstract class Base<Kind extends OperationKind> implements Operation {
    protected readonly engine: Engine;
    protected readonly opening: Traffic[Kind]['opening'];
    protected id = 0;
    protected over = false;
    readonly #kind: Kind;
    readonly #sink: Sink<Traffic[Kind]['news']>;

    constructor(kind: Kind, engine: Engine, opening: Traffic[Kind]['opening'], sink: Sink<Traffic[Kind]['news']>) {
        this.engine = engine;
        this.opening = opening;
        this.#kind = kind;
        this.#sink = sink;
    }

    abstract begin(): void;
    abstract command(command: Traffic[Kind]['command']): void;
    abstract event(out: Out): void;

    /** The command that begins it in the core; throws `MixError`. */
    protected start(command: number, number: number, ...input: Uint8Array[]): void {
        this.id = this.engine.begin(this.#kind, this, command, number, ...input);
    }

    /** A command for it; the core to read the result from, or undefined: the tunnel is gone. */
    protected tell(command: number, number = 0, ...input: Array<Uint8Array | string>): Told | undefined {
        return this.engine.command(command, this.id, number, ...input);
    }

    protected post(news: Traffic[Kind]['news'], ...transfer: Transferable[]): void {
        if (!this.over) this.#sink(news, transfer);
    }

    protected postError(error: MixError): void {
        this.post({ type: 'error', error: toWire(error) });
    }

    /** No news follows, and no event comes any more; the core drops what it has of it by this command. */
    protected end(command?: number): void {
        this.over = true;
        this.engine.forget(this.#kind, this.id);
        if (command !== undefined) this.tell(command);
    }

    fail(error: MixError): void {
        this.postError(error);
        this.over = true;
    }
}

type Told = NonNullable<ReturnType<Engine['command']>>;

function refusal({ core, status }: Told): MixError {
    return errorOf(core, { status, words: '', detail: 0 });
}

/** As a setting, where 0 would mean the default. */
function timeout(ms: number | undefined): number | undefined {
    return ms === undefined ? undefined : Math.max(1, Math.ceil(ms));
}

// ---- requests ----

class Fetch extends Base<'fetch'> {
    #credit = this.opening.credit;
    /** Of the request's body, what the core has not taken yet. */
    #chunks: Uint8Array[] = [];
    #ends = false;
    #responded = false;
    #failure: Failure | undefined;

    begin(): void {
        const { url, method, headers, body, redirect, maxRedirects, timeoutMs } = this.opening;
        const streams = body !== null && !(body instanceof Uint8Array);
        const settings = new Settings()
            .put('method', method)
            .put('url', url)
            .headers(headers)
            .put('redirect', { follow: Redirect.FOLLOW, error: Redirect.ERROR, manual: Redirect.MANUAL }[redirect])
            .put('max_redirects', maxRedirects === 0 ? -1 : maxRedirects)
            .put('timeout', timeout(timeoutMs));
        if (streams) settings.put('streams', true).put('stream_length', body.length);
        const bytes = body instanceof Uint8Array ? body : undefined;
        this.start(Command.FETCH, bytes ? bytes.length : -1, settings.bytes(), bytes ?? new Uint8Array(0));
        if (streams) this.post({ type: 'credit', bytes: UPLOAD_CREDIT });
    }

    command(command: FetchCommand): void {
        if (this.over) return;
        switch (command.type) {
            case 'chunk':
                this.#chunks.push(command.data);
                return this.#write();
            case 'end':
                this.#ends = true;
                return this.#write();
            case 'credit':
                this.#credit += command.bytes;
                return this.#read();
            case 'abort':
                return this.#close();
        }
    }

    #write(): void {
        for (;;) {
            const chunk = this.#chunks[0];
            if (!chunk) break;
            if (chunk.length === 0) {
                this.#chunks.shift();
                continue;
            }
            const piece = chunk.subarray(0, READ_MOST);
            const result = this.tell(Command.FETCH_WRITE, 0, piece);
            if (result?.status !== OK) return; // BLOCKED until WRITABLE; else FINISHED tells why
            const taken = result.out.number;
            if (taken === chunk.length) this.#chunks.shift();
            else this.#chunks[0] = chunk.subarray(taken);
            this.post({ type: 'credit', bytes: taken });
        }
        if (!this.#ends) return;
        this.#ends = false;
        this.tell(Command.FETCH_END);
    }

    event(out: Out): void {
        switch (out.what) {
            case FetchWhat.RESPONSE:
                this.#respond();
                return this.#read();
            case FetchWhat.READABLE:
                return this.#read();
            case FetchWhat.WRITABLE:
                return this.#write();
            case FetchWhat.FINISHED:
                return this.#finish(out);
        }
    }

    #finish(out: Out): void {
        const core = this.engine.core;
        if (out.code !== OK && core) {
            this.#failure = failureIn(core, out);
            if (!this.#responded) return this.#last(errorOf(core, this.#failure));
        }
        this.#read();
    }

    #respond(): void {
        const result = this.tell(Command.FETCH_RESPONSE);
        if (result?.status !== OK) return;
        const { core, out } = result;
        const statusText = core.latin1(out.text);
        const url = core.text(out.more);
        this.#responded = true;
        this.post({
            type: 'response', status: out.number, statusText, url,
            redirected: (out.flags & Flag.REDIRECTED) !== 0,
            headers: this.#headers(core, out.count),
            nullBody: (out.flags & Flag.NULL_BODY) !== 0,
        });
    }

    #headers(core: Core, count: number): Array<[string, string]> {
        const headers: Array<[string, string]> = [];
        for (let i = 0; i < count; i++) {
            const header = this.tell(Command.FETCH_HEADER, i);
            if (header?.status !== OK) break;
            headers.push([core.latin1(header.out.text).toLowerCase(), core.latin1(header.out.more)]);
        }
        return headers;
    }

    /** As much as is there and may be sent. */
    #read(): void {
        while (this.#responded && !this.over && this.#credit > 0) {
            const result = this.tell(Command.FETCH_READ, Math.min(this.#credit, READ_MOST));
            if (!result || result.status === DONE || result.status === BLOCKED) return;
            const { status, core, out } = result;
            if (status !== OK) return this.#last(this.#failure ? errorOf(core, this.#failure) : refusal(result));
            if (out.len === 0) return this.#complete();
            const data = core.copy(out.data, out.len);
            this.#credit -= data.length;
            this.post({ type: 'data', data }, data.buffer);
        }
    }

    #complete(): void {
        const timing = this.#timing();
        this.post({ type: 'end', timing });
        this.#close();
    }

    #timing(): FetchTiming {
        const result = this.tell(Command.FETCH_TIMING);
        const values = result?.status === OK ? result.core.doubles(result.out.data, TIMING.length) : [];
        const at = (name: (typeof TIMING)[number]): number => values[TIMING.indexOf(name)] ?? -1;
        const ms = (name: (typeof TIMING)[number]): number => (at(name) < 0 ? -1 : at(name) / 1000);
        return {
            started: ms('started'), resolved: ms('resolved'), connected: ms('connected'), secured: ms('secured'), sent: ms('sent'),
            firstByte: ms('firstByte'), finished: ms('finished'), received: at('received'), uploaded: at('uploaded'),
            reused: ((result?.out.flags ?? 0) & Flag.REUSED) !== 0,
        };
    }

    #last(error: MixError): void {
        this.postError(error);
        this.#close();
    }

    #close(): void {
        this.#chunks = [];
        this.end(Command.FETCH_CLOSE);
    }
}

// ---- names ----

class Lookup extends Base<'lookup'> {
    begin(): void {
        const { name, type } = this.opening;
        const number = type === ADDRESSES ? 0 : this.#typeNumber(type);
        this.start(Command.LOOKUP, number, new TextEncoder().encode(name));
    }

    #typeNumber(type: string): number {
        if (!this.engine.ready) throw this.engine.notReady();
        const number = /^TYPE\d{1,5}$/i.test(type) ? Number(type.slice(4)) : this.engine.command(Command.RECORD_TYPE, 0, 0, type)?.out.number ?? 0;
        if (number < 1 || number > 65535)
            throw mixError(`DNS error: unknown type of records '${type}'`, { code: 'ARGUMENT', phase: 'dns' });
        return number;
    }

    command(command: LookupCommand): void {
        if (!this.over && command.type === 'abort') this.end(Command.LOOKUP_CANCEL);
    }

    event(out: Out): void {
        const core = this.engine.core;
        if (!core) return;
        if (out.code !== OK) {
            this.postError(errorOf(core, failureIn(core, out)));
            return this.end();
        }
        const canonical = core.text(out.text);
        const records: DnsRecord[] = [];
        for (let i = 0; i < out.count; i++) {
            const record = this.engine.command(Command.LOOKUP_RECORD, 0, i);
            if (record?.status !== OK) break;
            const type = core.text(record.out.more) || `TYPE${record.out.what}`;
            records.push({ type, ttl: record.out.ttl, text: core.text(record.out.text) });
        }
        this.post({ type: 'answer', answer: { records, ttl: out.ttl, cached: (out.flags & Flag.CACHED) !== 0, canonical } });
        this.end();
    }
}

// ---- WebSockets ----

type Message = { text: boolean; data: string | Uint8Array };

class Socket extends Base<'websocket'> {
    /** What the core has not taken yet, in order. */
    #waiting: Message[] = [];
    #close: { code: number; reason: string } | undefined;

    begin(): void {
        const { url, protocols, headers, timeoutMs } = this.opening;
        const settings = new Settings().put('url', url);
        for (const protocol of protocols) settings.put('protocol', protocol);
        settings.headers(headers).put('open_timeout', timeout(timeoutMs));
        this.start(Command.WEBSOCKET, 0, settings.bytes());
    }

    command(command: WebSocketCommand): void {
        if (this.over) return;
        switch (command.type) {
            case 'text':
            case 'binary':
                this.#waiting.push({ text: command.type === 'text', data: command.data });
                return this.#write();
            case 'close':
                this.#close = { code: command.code ?? 0, reason: command.reason ?? '' };
                return this.#write();
            case 'abort':
                return this.end(Command.WEBSOCKET_DROP);
        }
    }

    #write(): void {
        for (let message = this.#waiting[0]; message; message = this.#waiting[0]) {
            const bytes = typeof message.data === 'string' ? new TextEncoder().encode(message.data) : message.data;
            const result = this.tell(message.text ? Command.WEBSOCKET_TEXT : Command.WEBSOCKET_BINARY, 0, bytes);
            if (!result || result.status === BLOCKED) return; // until OPEN or WRITABLE
            this.#waiting.shift();
            if (result.status === OK) this.post({ type: 'sent' });
            else this.post({ type: 'refused', error: toWire(refusal(result)) });
        }
        const close = this.#close;
        if (!close) return;
        this.#close = undefined;
        const result = this.tell(Command.WEBSOCKET_CLOSE, close.code, close.reason);
        if (result && result.status !== OK) this.postError(refusal(result));
    }

    event(out: Out): void {
        const core = this.engine.core;
        if (!core) return;
        switch (out.what) {
            case WebSocketWhat.OPEN:
                this.post({ type: 'open', protocol: core.text(out.text) });
                return this.#write();
            case WebSocketWhat.MESSAGE:
                return this.#message(core, out);
            case WebSocketWhat.WRITABLE:
                return this.#write();
            case WebSocketWhat.CLOSING:
                return this.post({ type: 'closing', code: out.number, reason: core.text(out.text) });
            case WebSocketWhat.ERROR:
                return this.postError(errorOf(core, failureIn(core, out)));
            case WebSocketWhat.CLOSED:
                this.post({ type: 'close', code: out.number, reason: core.text(out.text), wasClean: (out.flags & Flag.CLEAN) !== 0 });
                return this.end();
        }
    }

    #message(core: Core, out: Out): void {
        if ((out.flags & Flag.TEXT) !== 0) return this.post({ type: 'text', data: core.textOf(out.data, out.len) });
        const data = core.copy(out.data, out.len).buffer;
        this.post({ type: 'binary', data }, data);
    }

    override fail(error: MixError): void {
        this.postError(error);
        this.post({ type: 'close', code: 1006, reason: '', wasClean: false });
        this.over = true;
    }
}

// ---- all three ----

/** Takes the commands of one operation. */
export type Handle<O extends Opening> = (command: Traffic[O['op']]['command']) => void;

function make(engine: Engine, opening: Opening, sink: Sink<unknown>): Fetch | Lookup | Socket {
    switch (opening.op) {
        case 'fetch': return new Fetch('fetch', engine, opening, sink);
        case 'lookup': return new Lookup('lookup', engine, opening, sink);
        case 'websocket': return new Socket('websocket', engine, opening, sink);
    }
}

/** Begins an operation; what is wrong with it from the start is its first and last news. */
export function begin<O extends Opening>(engine: Engine, opening: O, sink: Sink<Traffic[O['op']]['news']>): Handle<O> {
    const operation = make(engine, opening, sink as Sink<unknown>);
    try {
        operation.begin();
    } catch (error) {
        operation.fail(error instanceof MixError ? error
            : mixError(textOf(error), { code: 'ARGUMENT', phase: 'tunnel', cause: error }));
    }
    return (command) => operation.command(command as never);
}
