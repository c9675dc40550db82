// SPDX-License-Identifier: Apache-2.0
// Compiles only while the public types are as promised.
import { sameType, type Same } from '../../testing/types.js';
import { createMixFetch, getFetchTiming, getTunnelState, mixFetch, type MixRequestInit, type SetupMixTunnelOpts } from '@lwmix/mix-fetch';
import type { TunnelState } from '@lwmix/mix-tunnel';

export async function neverRun(): Promise<void> {
    const response = await mixFetch('https://x', { method: 'POST', headers: [['a', 'b']], body: new FormData(), signal: null, timeoutMs: 5 });
    sameType<Same<typeof response, Response>>();
    const { firstByte, reused } = await getFetchTiming(response);
    sameType<Same<typeof firstByte, number>>();
    sameType<Same<typeof reused, boolean>>();
    await mixFetch(new URL('https://x'));
    await mixFetch(new Request('https://x'), { redirect: 'manual' });
    const peer: (url: string, init?: RequestInit) => Promise<Response> = mixFetch;
    const made: typeof mixFetch = await createMixFetch({ preferredIpr: undefined, disablePoissonTraffic: true });
    const options: SetupMixTunnelOpts = { forceTls: undefined };
    const state = await getTunnelState();
    sameType<Same<typeof state, TunnelState>>();
    const init: MixRequestInit = { body: (async function* () { yield new Uint8Array(1); })() };
    // @ts-expect-error a number is no body
    const bad: MixRequestInit = { body: 5 };
    // @ts-expect-error no such option
    const wrong: SetupMixTunnelOpts = { preferredIPR: 'x' };
    void [peer, made, options, init, bad, wrong];
}
