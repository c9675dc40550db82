// SPDX-License-Identifier: Apache-2.0
// One question or several through the tunnel, and their answers as one.
import { fromWire, type Channel, type DnsAnswer, type LookupCommand, type LookupNews, type LookupOpening } from '@lwmix/mix-tunnel/internal';
import { MixDnsError } from '@lwmix/mix-tunnel';

export type OpenLookup = (opening: LookupOpening, take: (news: LookupNews) => void) => Channel<LookupCommand>;

export interface LookupLimits {
    signal?: AbortSignal | null | undefined;
    timeoutMs?: number | undefined;
}

/** Rejects with the signal's reason, or a `MixDnsError` and the like. */
export function lookup(open: OpenLookup, name: string, type: string, { signal, timeoutMs }: LookupLimits = {}): Promise<DnsAnswer> {
    return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        let timer: ReturnType<typeof setTimeout> | undefined;
        const over = (): void => {
            clearTimeout(timer);
            signal?.removeEventListener('abort', onAbort);
            channel.close();
        };
        const abandon = (error: unknown): void => {
            channel.send({ type: 'abort' });
            over();
            reject(error as Error);
        };
        const onAbort = (): void => abandon(signal?.reason);
        const channel = open({ op: 'lookup', name, type }, (news) => {
            over();
            if (news.type === 'answer') resolve(news.answer);
            else reject(fromWire(news.error));
        });
        signal?.addEventListener('abort', onAbort, { once: true });
        if (timeoutMs !== undefined)
            timer = setTimeout(() => abandon(new MixDnsError(`DNS error: no answer for ${name} within ${timeoutMs} ms`,
                { code: 'DNS_TIMEOUT', phase: 'dns' })), timeoutMs);
    });
}

/** All of these types at once. A type of which the name has no records adds none, unless that is so of all. */
export async function lookupAll(open: OpenLookup, name: string, types: readonly string[], limits: LookupLimits = {}): Promise<DnsAnswer> {
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(limits.signal?.reason);
    if (limits.signal?.aborted) onAbort();
    limits.signal?.addEventListener('abort', onAbort, { once: true });
    const none: unknown[] = [];
    const asked = types.map((type) => lookup(open, name, type, { timeoutMs: limits.timeoutMs, signal: stop.signal }).catch((error: unknown) => {
        if (!(error instanceof MixDnsError && error.code === 'DNS_NO_DATA')) throw error;
        none.push(error);
        return undefined;
    }));
    try {
        const answers = (await Promise.all(asked)).filter((answer) => answer !== undefined);
        const [first] = answers;
        if (!first) throw none[0];
        return answers.length === 1 ? first : merged(first, answers);
    } finally {
        limits.signal?.removeEventListener('abort', onAbort);
        stop.abort(); // when one failed, nobody waits for the others
    }
}

function merged(first: DnsAnswer, answers: DnsAnswer[]): DnsAnswer {
    return {
        records: answers.flatMap((answer) => answer.records),
        ttl: Math.min(...answers.map((answer) => answer.ttl)),
        cached: answers.every((answer) => answer.cached),
        canonical: first.canonical,
    };
}
