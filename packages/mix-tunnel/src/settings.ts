// SPDX-License-Identifier: Apache-2.0
// Settings as hosts/wasm/settings.h reads them: names and values in turn, each ending with a zero byte, then one more.
import { joined } from './common.js';

const encoder = new TextEncoder();

export class Settings {
    readonly #parts: Uint8Array[] = [];

    /** Nothing is written for undefined. Text with a zero byte in it would end early: it is refused. */
    put(name: string, value: string | number | boolean | undefined): this {
        if (value === undefined) return this;
        return this.#pair(name, encoder.encode(typeof value === 'boolean' ? (value ? '1' : '0') : String(value)));
    }

    /** Headers: names and values as bytes of Latin-1. */
    headers(headers: ReadonlyArray<readonly [string, string]>): this {
        for (const [name, value] of headers) {
            this.#pair('header', latin1(name));
            this.#pair('value', latin1(value));
        }
        return this;
    }

    #pair(name: string, value: Uint8Array): this {
        if (value.includes(0)) throw new TypeError(`${name}: text with a zero character`);
        this.#parts.push(encoder.encode(`${name}\0`), value, new Uint8Array(1));
        return this;
    }

    bytes(): Uint8Array {
        return joined([...this.#parts, new Uint8Array(1)]);
    }
}

/** A character above 255 has no byte: the caller's mistake. */
function latin1(text: string): Uint8Array {
    const out = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code > 255) throw new TypeError('a header has a character above U+00FF');
        out[i] = code;
    }
    return out;
}
