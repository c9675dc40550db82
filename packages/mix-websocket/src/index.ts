// SPDX-License-Identifier: Apache-2.0
// The web's WebSocket through the mixnet.
import { open } from '@lwmix/mix-tunnel/internal';
import { BaseWebSocket, type MixWebSocketOptions } from './websocket.js';

export { disconnectMixTunnel, getTunnelState, MixError, MixWebSocketError, setupMixTunnel } from '@lwmix/mix-tunnel';
export type { SetupMixTunnelOpts } from '@lwmix/mix-tunnel';
export type { MixErrorEvent, MixWebSocketEventMap } from './events.js';
export type { MixWebSocketData, MixWebSocketOptions, MixWebSocketReadyState } from './websocket.js';

/**
 * A `WebSocket` through the tunnel, which must be set up. The standard's surface, and: `opened()`, `protocols`; `send` and `close`
 * return promises; an `error` event has `error` (a `MixError`) and `message`; binary messages come as ArrayBuffer by default.
 */
export class MixWebSocket extends BaseWebSocket {
    constructor(url: string | URL, protocols?: string | Iterable<string>, options?: MixWebSocketOptions) {
        super(open, url, protocols, options);
    }
}
