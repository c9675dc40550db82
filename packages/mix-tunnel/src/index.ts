// SPDX-License-Identifier: Apache-2.0
// @lwmix/mix-tunnel: the tunnel's life, for applications.
export { setupMixTunnel, disconnectMixTunnel, getTunnelState, getTunnelStats, getMixTunnel, onTunnelEvent, proxy } from './tunnel.js';
export {
    MixError, MixTunnelError, MixDnsError, MixConnectError, MixTlsError, MixFetchError, MixWebSocketError,
    type MixErrorCode, type HostErrorCode,
} from './errors.js';
export * from './types.js';
