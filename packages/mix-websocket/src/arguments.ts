// SPDX-License-Identifier: Apache-2.0
// The checks of the WebSocket standard (https://websockets.spec.whatwg.org) on what an application gives.

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
export const REASON_MAX = 123;

export function utf8Length(text: string): number {
    return new TextEncoder().encode(text).byteLength;
}

/** The URL as the standard's constructor makes it (section 3.1): ws or wss, without fragment. Throws SyntaxError. */
export function readUrl(given: string | URL): URL {
    let url: URL;
    try {
        const { document, location } = globalThis as { document?: { baseURI: string }; location?: { href: string } };
        url = new URL(String(given), document?.baseURI ?? location?.href);
    } catch {
        throw syntax(`'${String(given)}' is not a valid URL`);
    }
    if (url.protocol === 'http:') url.protocol = 'ws:';
    else if (url.protocol === 'https:') url.protocol = 'wss:';
    if (url.protocol !== 'ws:' && url.protocol !== 'wss:')
        throw syntax(`the URL's scheme '${url.protocol.slice(0, -1)}' is neither ws nor wss (nor http or https)`);
    if (url.hash !== '' || url.href.endsWith('#')) throw syntax('the URL has a fragment');
    return url;
}

/** Tokens, each once. Throws SyntaxError. */
export function readProtocols(given: string | Iterable<string> | undefined): string[] {
    const list = given === undefined ? [] : typeof given === 'string' ? [given] : [...given].map(String);
    const bad = list.find((protocol) => !TOKEN.test(protocol));
    if (bad !== undefined) throw syntax(`the sub-protocol '${bad}' is no token`);
    if (new Set(list.map((protocol) => protocol.toLowerCase())).size !== list.length) throw syntax('a sub-protocol is named twice');
    return list;
}

/** Throws InvalidAccessError for a code that only the protocol itself may use, SyntaxError for a reason that does not fit. */
export function checkClose(code: number, reason: string): void {
    if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999))
        throw new DOMException(`MixWebSocket.close: the code ${code} is neither 1000 nor in 3000 to 4999`, 'InvalidAccessError');
    if (utf8Length(reason) > REASON_MAX)
        throw syntax(`the reason has ${utf8Length(reason)} bytes, more than ${REASON_MAX}`);
}

function syntax(what: string): DOMException {
    return new DOMException(`MixWebSocket: ${what}`, 'SyntaxError');
}
