// SPDX-License-Identifier: Apache-2.0
// The public types: every export of the old package, with its signatures, and what is new.
import type { Remote } from 'comlink';
import {
    disconnectMixTunnel, EventKinds, getMixTunnel, getTunnelState, getTunnelStats, MixDnsError, MixError, onTunnelEvent, proxy, setupMixTunnel,
    type FailureReason, type IMixTunnelWorker, type LoadedEvent, type MixErrorCode, type MixFetchResponseInit, type SetupMixTunnelOpts, type TaskName,
    type TunnelConnecting, type TunnelEvent, type TunnelFailed, type TunnelReady, type TunnelShutdown, type TunnelShuttingDown, type TunnelState,
    type TunnelStateName, type TunnelStats, type WsEventCallback, type WsEventType,
} from '@lwmix/mix-tunnel';
import { sameType, type Same } from '../../testing/types.js';

// As documented for the old package: a value of ours goes where one of its types is wanted.
const setup: (opts?: SetupMixTunnelOpts) => Promise<void> = setupMixTunnel;
const disconnect: () => Promise<void> = disconnectMixTunnel;
const state: () => Promise<TunnelState> = getTunnelState;
const tunnel: () => Promise<Remote<IMixTunnelWorker>> = getMixTunnel;
const kind: 'Loaded' = EventKinds.Loaded;
const loaded: LoadedEvent = { kind: EventKinds.Loaded, args: { loaded: true } };
const callback: WsEventCallback = proxy((handleId: number, type: WsEventType, data: unknown) => void [handleId, type, data]);
const old = async (worker: IMixTunnelWorker): Promise<[MixFetchResponseInit, string, number]> => {
    await worker.wsSend(1, new ArrayBuffer(1));
    await worker.wsClose(1, 1000, '');
    return [await worker.mixFetch('', {}), await worker.mixDNS(''), await worker.mixWebSocket('', undefined, callback)];
};
const options: SetupMixTunnelOpts = {
    preferredIpr: undefined, preferredGateway: 'x', clientId: 'x', forceTls: true, disablePoissonTraffic: false, disableCoverTraffic: false, disableCopies: false, openReplySurbs: 10,
    dataReplySurbs: 2, primaryDns: '1.1.1.1:53', fallbackDns: undefined, storagePassphrase: 'x', connectTimeoutMs: 1, dnsTimeoutMs: 1, tcpKeepaliveMs: 1,
    tcpBufferSize: 1, maxRedirects: 1, debug: true,
};
const body: Uint8Array = ({} as MixFetchResponseInit).body;
const headers: Array<[string, string]> = ({} as MixFetchResponseInit).headers;
void [setup, disconnect, state, tunnel, kind, loaded, old, options, body, headers];

sameType<Same<TaskName, 'bridge' | 'reactor'>>();
sameType<Same<TunnelStateName, 'connecting' | 'ready' | 'shutting_down' | 'shutdown' | 'failed'>>();
sameType<Same<TunnelState['state'], TunnelStateName>>();
sameType<Same<TunnelState, TunnelConnecting | TunnelReady | TunnelShuttingDown | TunnelShutdown | TunnelFailed>>();
sameType<Same<TunnelFailed['reason'], FailureReason>>();
sameType<Same<WsEventType, 'open' | 'text' | 'binary' | 'close' | 'error'>>();

// A state is told apart by its name.
const tell = (now: TunnelState): string => {
    switch (now.state) {
        case 'failed': return now.reason.kind === 'error' ? `${now.reason.code} ${now.reason.message}` : now.reason.kind;
        case 'ready': return now.degraded?.message ?? 'ready';
        case 'connecting': return now.phase ?? 'connecting';
        case 'shutting_down':
        case 'shutdown': return now.state;
    }
};
const stop: () => void = onTunnelEvent((event: TunnelEvent) => void (event.kind === 'state' ? tell(event.state) : event), { statsMs: 1000 });
const stats: Promise<TunnelStats> = getTunnelStats();
const error: MixError = new MixDnsError('x', { code: 'DNS_NOT_FOUND', phase: 'dns' });
const code: MixErrorCode = error.code;
void [stop, stats, code];

// @ts-expect-error a misspelt option
void setupMixTunnel({ preferredGatway: 'x' });
// @ts-expect-error a wrong type
void setupMixTunnel({ maxRedirects: '5' });
// @ts-expect-error a code that there is none of
void (code === 'DNS_NOT_FUOND');
// @ts-expect-error codes are not for writing
error.code = 'STATE';
