// SPDX-License-Identifier: Apache-2.0
// All that crosses the border between page and worker.
//
// Three kinds of traffic share the worker's one message channel:
// - Comlink calls of `IMixTunnelWorker` (types.ts): the peer's methods, and setup;
// - `WorkerMessage`s from the worker: loaded, failed to load, tunnel events;
// - `OpenMessage`s to the worker. Each brings a MessagePort: one request, lookup or WebSocket lives on it, with the
//   messages below, and ends with it. So operations of one page never wait for each other, and an abort is one message.
//
// Bytes cross as transferred buffers. Streams have credit: a side sends no more bytes than the other has asked for.
import type { IMixTunnelWorker, LoadedEvent, MixPhase, TunnelEvent } from './types.js';

export type { IMixTunnelWorker };

// ---- the worker itself ----

/** To a worker that is made from text (`inline`): the module, as gzip. */
export interface LoadMessage { kind: 'Load'; wasm: ArrayBuffer }
/** To the worker: the network is back, or may be another. */
export interface NetworkMessage { kind: 'Network' }
export interface LoadFailedMessage { kind: 'LoadFailed'; error: WireError }
export interface TunnelEventMessage { kind: 'TunnelEvent'; event: TunnelEvent }
export type WorkerMessage = LoadedEvent | LoadFailedMessage | TunnelEventMessage;

/** To the worker; the port is transferred. */
export interface OpenMessage<O extends Opening = Opening> { kind: 'Open'; opening: O; port: MessagePort }
export type Opening = FetchOpening | LookupOpening | WebSocketOpening;

// ---- errors ----

/** A `MixError` in transit (errors.ts makes it one again). */
export interface WireError {
    /** Name in the table without `MIX_ERR_`: `DNS_NOT_FOUND`; or one of the host's own (errors.ts). */
    code: string;
    /** Number in the table, negative; 0: the host's own. */
    number: number;
    phase: MixPhase;
    message: string;
    /** What the layer tells besides: an HTTP status, a TLS alert, a close code; else 0. */
    detail: number;
    /** The error behind it, as text. */
    cause?: string | undefined;
}

// ---- fetch ----

export interface FetchOpening {
    op: 'fetch';
    /** Absolute, http or https. */
    url: string;
    /** As it goes on the wire. */
    method: string;
    headers: Array<[string, string]>;
    /** The whole body (transferred), or that it streams: `length` is −1 if it isn't known. null: none. */
    body: Uint8Array | { length: number } | null;
    redirect: 'follow' | 'error' | 'manual';
    /** Undefined: the tunnel's. */
    maxRedirects?: number | undefined;
    /** Of the whole, body included. */
    timeoutMs?: number | undefined;
    /** Bytes of the response's body that may come before more are asked for. */
    credit: number;
}

export type FetchCommand =
    /** Within the credit that was given. */
    | { type: 'chunk'; data: Uint8Array }
    /** That was all of the request's body. */
    | { type: 'end' }
    /** So many more bytes of the response may come. */
    | { type: 'credit'; bytes: number }
    /** Forget it; nothing comes any more. Also when the response's body is cancelled. */
    | { type: 'abort' };

export interface FetchTiming {
    /** Milliseconds since the call; −1: not reached. */
    started: number; resolved: number; connected: number; secured: number; sent: number; firstByte: number; finished: number;
    /** Bytes of the response's body and of the request's. */
    received: number;
    uploaded: number;
    /** The connection was there already. */
    reused: boolean;
}

export interface FetchResponse {
    type: 'response';
    /** 200…999: as the server gave it. */
    status: number;
    /** The server's phrase, may be empty. */
    statusText: string;
    /** Of the last request, without fragment. */
    url: string;
    redirected: boolean;
    /** In the server's order, names in lower case, values decoded as Latin-1. */
    headers: Array<[string, string]>;
    /** The status, or HEAD, has no body: no `data` follows, but `end` does. */
    nullBody: boolean;
}

export type FetchNews =
    /** So many more bytes of the request's body may be sent. */
    | { type: 'credit'; bytes: number }
    | FetchResponse
    /** A piece of the body, decoded; within the credit. */
    | { type: 'data'; data: Uint8Array }
    /** All has come: the last message. */
    | { type: 'end'; timing: FetchTiming }
    /** Instead of `response`, or after it instead of the rest of the body: the last message. */
    | { type: 'error'; error: WireError };

// ---- names ----

export interface LookupOpening {
    op: 'lookup';
    name: string;
    /** A type of records (`MX`, …), or `ADDRESSES` (common.ts). */
    type: string;
}

export type LookupCommand = { type: 'abort' };

export interface DnsRecord {
    type: string;
    /** Seconds left. */
    ttl: number;
    /** As in a zone file; of A and AAAA the number. */
    text: string;
}

export interface DnsAnswer {
    records: DnsRecord[];
    ttl: number;
    cached: boolean;
    /** The name at the end of the aliases. */
    canonical: string;
}

/** One comes, and it is the last message. */
export type LookupNews = { type: 'answer'; answer: DnsAnswer } | { type: 'error'; error: WireError };

// ---- WebSockets ----

export interface WebSocketOpening {
    op: 'websocket';
    url: string;
    protocols: string[];
    /** Besides those of the handshake: Origin and the like. */
    headers: Array<[string, string]>;
    /** For everything until `open`. */
    timeoutMs?: number | undefined;
}

export type WebSocketCommand =
    | { type: 'text'; data: string }
    | { type: 'binary'; data: Uint8Array }
    /** The closing handshake, after what was sent. */
    | { type: 'close'; code?: number | undefined; reason?: string | undefined }
    /** Without a handshake; nothing comes any more. */
    | { type: 'abort' };

export type WebSocketNews =
    | { type: 'open'; protocol: string }
    | { type: 'text'; data: string }
    | { type: 'binary'; data: ArrayBuffer }
    /** The oldest message not yet told of is in the tunnel's hands. */
    | { type: 'sent' }
    /** The oldest message not yet told of was not taken. */
    | { type: 'refused'; error: WireError }
    /** The server closes; `close` follows. */
    | { type: 'closing'; code: number; reason: string }
    /** `close` follows. */
    | { type: 'error'; error: WireError }
    /** The last message. 1005: no code, 1006: no close frame came. */
    | { type: 'close'; code: number; reason: string; wasClean: boolean };

/** Commands and news by the kind of opening. */
export interface Traffic {
    fetch: { opening: FetchOpening; command: FetchCommand; news: FetchNews };
    lookup: { opening: LookupOpening; command: LookupCommand; news: LookupNews };
    websocket: { opening: WebSocketOpening; command: WebSocketCommand; news: WebSocketNews };
}
