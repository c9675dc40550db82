// SPDX-License-Identifier: Apache-2.0
// One request through the tunnel: the web's types on this side, messages on the other.
import {
    fromWire, type Channel, type FetchCommand, type FetchNews, type FetchOpening, type FetchResponse, type FetchTiming,
} from '@lwmix/mix-tunnel/internal';
import type { ExtractedBody, OutgoingBody } from './body.js';
import { Download, WINDOW } from './download.js';
import { checkIntegrity } from './integrity.js';
import { withType, type OutgoingRequest } from './request.js';
import { MixResponse } from './response.js';
import { Upload } from './upload.js';

export type OpenFetch = (opening: FetchOpening, take: (news: FetchNews) => void, transfer?: Transferable[]) => Channel<FetchCommand>;

/** Rejects with what the signal was aborted for, with a `MixError`, or with what the body's own stream failed with. */
export async function runFetch(open: OpenFetch, request: OutgoingRequest): Promise<Response> {
    const { signal } = request;
    let extracted: ExtractedBody;
    try {
        signal?.throwIfAborted();
        extracted = await unlessAborted(request.body, signal);
    } catch (error) {
        request.body.then(({ body }) => { if (body.kind === 'stream') body.stream.cancel(error).catch(() => {}); }, () => {});
        throw error;
    }
    const response = await new Exchange(request, extracted).run(open);
    return request.integrity === '' ? response : checked(response, request.integrity);
}

/** A body that is to be checked is read whole before anything of it is given. */
async function checked(response: MixResponse, integrity: string): Promise<Response> {
    const bytes = await response.arrayBuffer();
    await checkIntegrity(bytes, integrity);
    return response.withBody(bytes);
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | null): Promise<T> {
    if (!signal) return promise;
    return new Promise<T>((resolve, reject) => {
        const abort = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', abort, { once: true });
        promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
}

interface Deferred<T> { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void }

/** Nobody has to look at it. */
function deferred<T>(): Deferred<T> {
    const out = {} as Deferred<T>;
    out.promise = new Promise((resolve, reject) => Object.assign(out, { resolve, reject }));
    out.promise.catch(() => {});
    return out;
}

/** From opening to the last message. */
class Exchange {
    readonly #request: OutgoingRequest;
    readonly #extracted: ExtractedBody;
    readonly #download: Download;
    readonly #onAbort = (): void => this.#abort(this.#request.signal?.reason);
    /** Settles with the exchange; must not lead to the response, which may be dropped before. */
    readonly #timing = deferred<FetchTiming>();
    #upload: Upload | undefined;
    #channel: Channel<FetchCommand> | undefined;
    #answer: { resolve: (response: MixResponse) => void; reject: (error: unknown) => void } | undefined;

    constructor(request: OutgoingRequest, extracted: ExtractedBody) {
        this.#request = request;
        this.#extracted = extracted;
        this.#download = new Download({
            read: (bytes) => this.#channel?.send({ type: 'credit', bytes }),
            abandoned: (reason) => this.#abort(reason),
        });
    }

    run(open: OpenFetch): Promise<MixResponse> {
        return new Promise((resolve, reject) => {
            this.#answer = { resolve, reject };
            const { body, type } = this.#extracted;
            const { timeoutMs, ...head } = withType(this.#request.head, type);
            const opening: FetchOpening = { op: 'fetch', ...head, timeoutMs: timeoutMs || undefined, body: bodyMessage(body), credit: WINDOW };
            const channel = open(opening, (news) => this.#take(news), body.kind === 'whole' ? [body.bytes.buffer] : []);
            this.#channel = channel;
            this.#request.signal?.addEventListener('abort', this.#onAbort, { once: true });
            if (body.kind !== 'stream') return;
            this.#upload = new Upload(body.stream, {
                chunk: (data) => channel.send({ type: 'chunk', data }, [data.buffer]),
                end: () => channel.send({ type: 'end' }),
                failed: (error) => this.#abort(error),
            });
            this.#upload.start();
        });
    }

    #take(news: FetchNews): void {
        switch (news.type) {
            case 'credit': return this.#upload?.allow(news.bytes);
            case 'response': return this.#respond(news);
            case 'data': return this.#download.push(news.data as Uint8Array<ArrayBuffer>);
            case 'end':
                this.#over(undefined);
                this.#timing.resolve(news.timing);
                return this.#download.finish();
            case 'error': return this.#fail(fromWire(news.error));
        }
    }

    #respond(news: FetchResponse): void {
        const { status, statusText, url, redirected, headers, nullBody } = news;
        try {
            const body = nullBody ? null : this.#download.stream();
            this.#answer?.resolve(new MixResponse({ status, statusText, url, redirected, headers, nullBody }, body, this.#timing.promise));
            this.#answer = undefined;
        } catch (error) { // what this platform cannot make a Response of
            this.#abort(error);
        }
    }

    #fail(error: unknown): void {
        this.#over(error);
        this.#timing.reject(error);
        this.#answer?.reject(error);
        this.#download.fail(error);
    }

    #abort(reason: unknown): void {
        this.#channel?.send({ type: 'abort' });
        this.#over(reason);
        this.#timing.reject(reason);
        this.#answer?.reject(reason);
        this.#download.abort(reason);
    }

    /** Nothing more comes or is wanted. */
    #over(reason: unknown): void {
        this.#request.signal?.removeEventListener('abort', this.#onAbort);
        this.#channel?.close();
        this.#channel = undefined;
        this.#upload?.stop(reason);
    }
}

function bodyMessage(body: OutgoingBody): FetchOpening['body'] {
    switch (body.kind) {
        case 'none': return null;
        case 'whole': return body.bytes;
        case 'stream': return { length: body.length ?? -1 };
    }
}
