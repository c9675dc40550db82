// SPDX-License-Identifier: Apache-2.0
// A Response of the web made from what the tunnel tells of one.
import type { FetchTiming } from '@lwmix/mix-tunnel/internal';

/** What the tunnel tells before the body comes. Strings hold one character a byte where they come from the server. */
export interface ResponseHead {
    readonly status: number;
    readonly statusText: string;
    readonly url: string;
    readonly redirected: boolean;
    readonly headers: readonly (readonly [name: string, value: string])[];
    /** There is no body, by the status or because of HEAD. */
    readonly nullBody: boolean;
}

/** Where the time went; known when the body has come to its end. */
const timings = new WeakMap<Response, Promise<FetchTiming>>();

export function timingOf(response: Response): Promise<FetchTiming> | undefined {
    return timings.get(response);
}

type ResponseBody = ReadableStream<Uint8Array<ArrayBuffer>> | ArrayBuffer | null;

const NULL_BODY = new Set([204, 205, 304]);
const NO_PHRASE = /[^\t\x20-\x7e\x80-\xff]/g;

/**
 * A Response that knows where it came from. `headers` has every header of the server, Set-Cookie too (a Response made by script
 * drops it in browsers): there is no cookie store behind the tunnel, so cookies are the application's.
 */
export class MixResponse extends Response {
    readonly #head: ResponseHead;
    readonly #headers: Headers;

    constructor(head: ResponseHead, body: ResponseBody, timing?: Promise<FetchTiming>) {
        const headers = readable(head.headers);
        super(NULL_BODY.has(head.status) || head.nullBody ? null : body, {
            status: head.status,
            statusText: head.statusText.replace(NO_PHRASE, ''),
            headers,
        });
        this.#head = head;
        this.#headers = headers;
        if (timing) timings.set(this, timing);
    }

    override get url(): string {
        return this.#head.url;
    }

    override get redirected(): boolean {
        return this.#head.redirected;
    }

    override get headers(): Headers {
        return this.#headers;
    }

    override clone(): MixResponse {
        return this.withBody(super.clone().body as ReadableStream<Uint8Array<ArrayBuffer>> | null);
    }

    /** The same answer with another body. */
    withBody(body: ResponseBody): MixResponse {
        return new MixResponse({ ...this.#head, headers: [...this.#headers] }, body, timings.get(this));
    }
}

/** Header by header: one that no Headers can hold is left out, the others stay. */
function readable(pairs: ResponseHead['headers']): Headers {
    const headers = new Headers();
    for (const [name, value] of pairs) {
        try {
            headers.append(name, value);
        } catch {
            continue;
        }
    }
    return headers;
}
