// SPDX-License-Identifier: Apache-2.0
// What both sides of the border and the other packages have in common: addresses in an answer, bytes put together.
import type { DnsAnswer } from './protocol.js';

/** As the type of a lookup: addresses of both families. */
export const ADDRESSES = 'A+AAAA';

/** The first of the addresses, IPv4 before IPv6. */
export function firstAddress({ records }: DnsAnswer): string | undefined {
    const of = (wanted: string): string | undefined => records.find(({ type }) => type === wanted)?.text;
    return of('A') ?? of('AAAA');
}

/** Parts one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
        out.set(part, at);
        at += part.length;
    }
    return out;
}
