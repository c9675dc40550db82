// SPDX-License-Identifier: Apache-2.0
// The web's fetch through the mixnet.
import { ensureTunnel, open } from '@lwmix/mix-tunnel/internal';
import type { SetupMixTunnelOpts } from '@lwmix/mix-tunnel';
import { runFetch } from './fetch.js';
import { readRequest, type MixRequestInfo, type MixRequestInit } from './request.js';

export { disconnectMixTunnel, getTunnelState, MixError, MixFetchError, setupMixTunnel } from '@lwmix/mix-tunnel';
export type { SetupMixTunnelOpts } from '@lwmix/mix-tunnel';
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
