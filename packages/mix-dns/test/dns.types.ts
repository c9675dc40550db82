// SPDX-License-Identifier: Apache-2.0
// Compiles only while the public types are as promised.
import { sameType, type Same } from '../../testing/types.js';
import { mixDNS, setupMixTunnel, type DnsAnswer, type SetupMixTunnelOpts } from '@lwmix/mix-dns';

export async function neverRun(): Promise<void> {
    const one = await mixDNS('x');
    sameType<Same<typeof one, string>>();
    const limited = await mixDNS('x', { signal: AbortSignal.timeout(5) });
    sameType<Same<typeof limited, string>>();
    const records = await mixDNS('x', 'AAAA');
    sameType<Same<typeof records, DnsAnswer>>();
    const several = await mixDNS('x', { types: ['A', 'TYPE257'], timeoutMs: 5 });
    sameType<Same<typeof several, DnsAnswer>>();
    // @ts-expect-error no such type of records
    await mixDNS('x', 'BOGUS');
    // @ts-expect-error a name is needed
    await mixDNS();
    const peer: (hostname: string) => Promise<string> = mixDNS;
    const setup: (opts?: SetupMixTunnelOpts) => Promise<void> = setupMixTunnel;
    void [peer, setup];
}
