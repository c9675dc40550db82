// SPDX-License-Identifier: Apache-2.0
// The web's fetch through the mixnet.
import { ensureTunnel, open } from '@lwmix/mix-tunnel/internal';
import type { SetupMixTunnelOpts } from '@lwmix/mix-tunnel';
import type { FetchTiming } from '@lwmix/mix-tunnel/internal';
import { runFetch } from './fetch.js';
import { timingOf } from './response.js';
import { readRequest, type MixRequestInfo, type MixRequestInit } from './request.js';

export { disconnectMixTunnel, getTunnelState, MixError, MixFetchError, setupMixTunnel } from '@lwmix/mix-tunnel';
export type { SetupMixTunnelOpts } from '@lwmix/mix-tunnel';
export type { FetchTiming } from '@lwmix/mix-tunnel/internal';
export type { MixRequestInfo, MixRequestInit } from './request.js';

/**
 * `fetch` through the tunnel, which must be set up. Takes what `fetch` takes, and `timeoutMs`. Rejects with the signal's reason
 * after an abort, with TypeError for arguments that `fetch` would refuse too, and with a `MixError` (code, phase) for all that
 * fails on the way. Cookies, caches and CORS do not exist here: every header may be sent, and every one of the answer is given.
 */
export async function mixFetch(input: MixRequestInfo, init?: MixRequestInit): Promise<Response> {
    return runFetch(open, readRequest(input, init));
}

/** A tunnel, and `mixFetch` through it. May be called again: a tunnel that is up or coming up is shared. */
export async function createMixFetch(opts?: SetupMixTunnelOpts): Promise<typeof mixFetch> {
    await ensureTunnel(opts);
    return mixFetch;
}

/**
 * Where the time of a response of `mixFetch` went: when its name was known, when TCP and TLS were up, when the first byte came, when
 * the last one. Resolves when the body has come to its end, and rejects with what broke it off; TypeError for any other response.
 */
export async function getFetchTiming(response: Response): Promise<FetchTiming> {
    const timing = timingOf(response);
    if (!timing) throw new TypeError('getFetchTiming: the response is not one of mixFetch');
    return timing;
}
