// SPDX-License-Identifier: Apache-2.0
// mixDNS over any way to ask: what its arguments mean, and what it resolves with.
import { ADDRESSES, firstAddress, type DnsAnswer } from '@lwmix/mix-tunnel/internal';
import { lookup, lookupAll, type OpenLookup } from './lookup.js';

/** Types of records that are known by name; others by number, as `TYPE257`. */
export type DnsRecordType = 'A' | 'AAAA' | 'CAA' | 'CNAME' | 'DNSKEY' | 'DS' | 'HTTPS' | 'MX' | 'NAPTR' | 'NS' | 'PTR' | 'SOA' | 'SRV' | 'SVCB' | 'TLSA'
    | 'TXT' | `TYPE${number}`;

export interface DnsOptions {
    /** Rejects with its reason. */
    signal?: AbortSignal | null | undefined;
    /** Milliseconds. Default: the tunnel's `dnsTimeoutMs`. */
    timeoutMs?: number | undefined;
}

export interface DnsRecordsOptions extends DnsOptions {
    types: readonly DnsRecordType[];
}

export interface MixDNS {
    /** One address of the name, IPv4 where there is one. */
    (hostname: string, options?: DnsOptions & { types?: undefined }): Promise<string>;
    /** The name's records of this type, or of these types, with their time to live. */
    (hostname: string, type: DnsRecordType, options?: DnsOptions): Promise<DnsAnswer>;
    (hostname: string, options: DnsRecordsOptions): Promise<DnsAnswer>;
}

const TYPE = /^[A-Za-z][A-Za-z0-9]*$/;

export function mixDnsBy(open: OpenLookup): MixDNS {
    async function mixDNS(hostname: string, what?: DnsRecordType | (DnsOptions & { types?: readonly DnsRecordType[] | undefined }),
        more: DnsOptions = {}): Promise<string | DnsAnswer> {
        const name = String(hostname);
        const options = typeof what === 'object' && what !== null ? what : more;
        const types = typeof what === 'string' ? [what] : typeof what === 'object' && what !== null ? what.types : undefined;
        checkTimeout(options.timeoutMs);
        if (types === undefined) return address(await lookup(open, name, ADDRESSES, options));
        return lookupAll(open, name, checkTypes(types), options);
    }
    return mixDNS as MixDNS;
}

function address(answer: DnsAnswer): string {
    const first = firstAddress(answer);
    if (first === undefined) throw new TypeError('mixDNS: an answer without an address');
    return first;
}

function checkTypes(types: readonly unknown[]): string[] {
    const list = [...new Set([...types].map((type) => String(type).toUpperCase()))];
    if (list.length === 0) throw new TypeError('mixDNS: no type of records is named');
    const bad = list.find((type) => !TYPE.test(type));
    if (bad !== undefined) throw new TypeError(`mixDNS: '${bad}' is no type of records`);
    return list;
}

function checkTimeout(value: unknown): void {
    if (value !== undefined && !(typeof value === 'number' && value > 0 && value <= 0x7fffffff))
        throw new TypeError(`mixDNS: timeoutMs is ${String(value)}, expected a number of milliseconds above 0`);
}
