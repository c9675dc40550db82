// SPDX-License-Identifier: Apache-2.0
// The body of a request: whole bytes where it is small or in memory anyway, else a stream.
import { joined } from '@lwmix/mix-tunnel/internal';

/** What a request sends. `whole` can be sent again after a redirect or on another connection; `stream` only once. */
export type OutgoingBody =
    | { readonly kind: 'none' }
    | { readonly kind: 'whole'; readonly bytes: Uint8Array<ArrayBuffer> }
    | { readonly kind: 'stream'; readonly stream: ReadableStream<unknown>; readonly length: number | undefined };

export interface ExtractedBody {
    readonly body: OutgoingBody;
    /** The Content-Type that the body implies, if any. */
    readonly type: string | null;
}

/** Blobs, forms and bodies of a Request up to this size are sent whole, larger ones are streamed. */
export const WHOLE_MAX = 8 * 1024 * 1024;

const NONE: ExtractedBody = { body: { kind: 'none' }, type: null };

/** Extracts a body as the Fetch standard does (section 5.2). What may change after the call is copied before this returns. */
export function extractBody(body: BodyInit | AsyncIterable<Uint8Array> | null | undefined): Promise<ExtractedBody> {
    if (body === null || body === undefined) return Promise.resolve(NONE);
    if (body instanceof ReadableStream) return Promise.resolve(streamed(body));
    if (isAsyncIterable(body)) return Promise.resolve(streamed(fromIterable(body)));
    if (body instanceof Blob) return fromBlob(body, body.type === '' ? null : body.type);
    const source = new Response(body); // copies bytes, writes forms out
    const type = source.headers.get('content-type');
    if (body instanceof FormData) return source.blob().then((blob) => fromBlob(blob, type));
    return source.arrayBuffer().then((buffer) => ({ body: { kind: 'whole', bytes: new Uint8Array(buffer) }, type }));
}

/** The body of a Request; its source is not told, so what is short is read whole and only the rest stays a stream. */
export async function requestBody(request: Request, limit = WHOLE_MAX): Promise<ExtractedBody> {
    if (request.bodyUsed) throw new TypeError('mixFetch: the body of the Request has been used');
    if (request.body === null) return NONE;
    // Firefox has no Request.body; there a Request's body is read whole.
    if (request.body === undefined) return fromBlob(await request.blob(), null, Infinity);
    const reader: ReadableStreamDefaultReader<unknown> = request.body.getReader();
    const parts: Uint8Array[] = [];
    let size = 0;
    while (size <= limit) {
        const { done, value } = await reader.read();
        if (done) return { body: { kind: 'whole', bytes: joined(parts) }, type: null };
        const part = chunk(value);
        parts.push(part);
        size += part.byteLength;
    }
    return { body: { kind: 'stream', stream: resumed(parts, reader), length: undefined }, type: null };
}

/** One chunk of a body that streams: the Fetch standard allows Uint8Array only. */
export function chunk(value: unknown): Uint8Array {
    if (value instanceof Uint8Array) return value;
    throw new TypeError('mixFetch: a streaming body gave something else than a Uint8Array');
}

function streamed(stream: ReadableStream<unknown>): ExtractedBody {
    if (stream.locked) throw new TypeError('mixFetch: the stream of the body is locked or has been read');
    return { body: { kind: 'stream', stream, length: undefined }, type: null };
}

async function fromBlob(blob: Blob, type: string | null, limit = WHOLE_MAX): Promise<ExtractedBody> {
    if (blob.size > limit) return { body: { kind: 'stream', stream: blob.stream(), length: blob.size }, type };
    return { body: { kind: 'whole', bytes: new Uint8Array(await blob.arrayBuffer()) }, type };
}

function isAsyncIterable(body: BodyInit | AsyncIterable<Uint8Array>): body is AsyncIterable<Uint8Array> {
    return typeof body === 'object' && Symbol.asyncIterator in body && !(body instanceof FormData);
}

function fromIterable(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
    const iterator = source[Symbol.asyncIterator]();
    return new ReadableStream<Uint8Array>({
        async pull(controller) {
            const { done, value } = await iterator.next();
            if (done) controller.close();
            else controller.enqueue(value);
        },
        async cancel(reason) {
            await iterator.return?.(reason);
        },
    }, { highWaterMark: 0 });
}

/** What was read already, then the rest. */
function resumed(parts: Uint8Array[], reader: ReadableStreamDefaultReader<unknown>): ReadableStream<unknown> {
    return new ReadableStream<unknown>({
        async pull(controller) {
            const first = parts.shift();
            if (first) return controller.enqueue(first);
            const { done, value } = await reader.read();
            if (done) controller.close();
            else controller.enqueue(value);
        },
        cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 });
}
