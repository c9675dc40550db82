// SPDX-License-Identifier: Apache-2.0
// For mix-fetch, mix-dns and mix-websocket of the same version; no part of the public API.
export { ADDRESSES, firstAddress, joined } from './common.js';
export { open, ensureTunnel, fromWire } from './tunnel.js';
export type { Channel } from './tunnel.js';
export type * from './protocol.js';
