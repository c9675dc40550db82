// SPDX-License-Identifier: Apache-2.0
// What an application gives to mixFetch, as one plain description of a request.
import { extractBody, requestBody, type ExtractedBody } from './body.js';

/** What `mixFetch` takes as its second argument: everything `fetch` takes, and a time limit. */
export interface MixRequestInit extends Omit<RequestInit, 'body'> {
    /** As for `fetch`, and any async iterable of Uint8Arrays. */
    body?: BodyInit | AsyncIterable<Uint8Array> | null;
    /** Milliseconds until the whole body of the response must be there. None: no such limit. */
    timeoutMs?: number;
    /** Read by `fetch` for bodies that stream; not needed here. */
    duplex?: 'half';
}

export type MixRequestInfo = string | URL | Request;

export type RedirectMode = 'follow' | 'error' | 'manual';

/** A request without its body: strings and numbers only. */
export interface RequestHead {
    readonly method: string;
    readonly url: string;
    readonly headers: [name: string, value: string][];
    readonly redirect: RedirectMode;
    readonly timeoutMs: number;
}

export interface OutgoingRequest {
    readonly head: RequestHead;
    /** Resolves with the body; the head is complete only then, since a body may add its Content-Type. */
    readonly body: Promise<ExtractedBody>;
    readonly signal: AbortSignal | null;
    readonly integrity: string;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NORMALISED = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK']);
const LONGEST_MS = 0xffffffff;

/** Reads everything that may change after the call, and throws TypeError where `fetch` would. */
export function readRequest(input: MixRequestInfo, init: MixRequestInit = {}): OutgoingRequest {
    const given = input instanceof Request ? input : undefined;
    const method = readMethod(init.method ?? given?.method ?? 'GET');
    const redirect = readRedirect(init.redirect ?? given?.redirect ?? 'follow');
    const timeoutMs = readTimeout(init.timeoutMs);
    const url = readUrl(given ? given.url : String(input));
    const headers = readHeaders(init.headers ?? given?.headers);
    const ownBody = init.body !== undefined && init.body !== null;
    const bodied = ownBody || (given !== undefined && given.body !== null && given.body !== undefined);
    if (bodied && (method === 'GET' || method === 'HEAD'))
        throw new TypeError(`mixFetch: a ${method} request cannot have a body`);
    const body = ownBody || !given ? extractBody(init.body) : requestBody(given);
    const signal = init.signal === undefined ? (given?.signal ?? null) : init.signal;
    return { head: { method, url, headers, redirect, timeoutMs }, body, signal, integrity: init.integrity ?? given?.integrity ?? '' };
}

/** Fetch, section 5.4: six methods are known in any case, three are forbidden. */
function readMethod(method: unknown): string {
    const text = String(method);
    if (!TOKEN.test(text)) throw new TypeError(`mixFetch: '${text}' is not a valid HTTP method`);
    const upper = text.toUpperCase();
    if (FORBIDDEN.has(upper)) throw new TypeError(`mixFetch: the method ${upper} is forbidden`);
    return NORMALISED.has(upper) ? upper : text;
}

function readRedirect(mode: unknown): RedirectMode {
    if (mode === 'follow' || mode === 'error' || mode === 'manual') return mode;
    throw new TypeError(`mixFetch: '${String(mode)}' is not a redirect mode (follow, error or manual)`);
}

function readTimeout(value: unknown): number {
    if (value === undefined || value === null) return 0;
    if (typeof value === 'number' && value > 0 && (value <= LONGEST_MS || value === Infinity))
        return value === Infinity ? 0 : Math.ceil(value);
    throw new TypeError(`mixFetch: timeoutMs is ${String(value)}, expected a number of milliseconds above 0`);
}

/** Relative ones are resolved against the page, as `fetch` does. Schemes are the tunnel's to refuse. */
function readUrl(text: string): string {
    let url: URL;
    try {
        url = new URL(text, pageUrl());
    } catch {
        throw new TypeError(`URL error: '${text}' is not a valid URL`);
    }
    if (url.username !== '' || url.password !== '')
        throw new TypeError('URL error: a request cannot have a user name or password in its URL');
    return url.href;
}

function pageUrl(): string | undefined {
    const { document, location } = globalThis as { document?: { baseURI: string }; location?: { href: string } };
    return document?.baseURI ?? location?.href;
}

/**
 * The caller's headers as [name, value] in their order and case; what is named twice is joined, as Headers does it. No name is
 * forbidden: there is no browser's connection to protect, and the mixnet adds none of its own. What is malformed the platform's Headers
 * refuses with TypeError.
 */
export function readHeaders(init: HeadersInit | undefined): [string, string][] {
    if (init === undefined || init === null) return [];
    const pairs = Symbol.iterator in init ? [...(init as Iterable<[string, string]>)] : Object.entries(init as Record<string, string>);
    const named = new Map<string, [string, string]>();
    for (const pair of pairs) {
        const [name, value, ...more] = [...pair].map(String);
        if (name === undefined || value === undefined || more.length > 0) throw new TypeError('mixFetch: a header is not a pair of name and value');
        const clean = new Headers([[name, value]]).get(name) ?? '';
        const before = named.get(name.toLowerCase());
        if (before) before[1] += `${name.toLowerCase() === 'cookie' ? '; ' : ', '}${clean}`;
        else named.set(name.toLowerCase(), [name, clean]);
    }
    return [...named.values()];
}

/** Adds the Content-Type that the body implies where the caller gave none. */
export function withType(head: RequestHead, type: string | null): RequestHead {
    if (type === null || head.headers.some(([name]) => name.toLowerCase() === 'content-type')) return head;
    return { ...head, headers: [...head.headers, ['Content-Type', type]] };
}
