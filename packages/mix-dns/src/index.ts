// SPDX-License-Identifier: Apache-2.0
// Host names looked up through the mixnet.
import { open } from '@lwmix/mix-tunnel/internal';
import { mixDnsBy, type MixDNS } from './dns.js';

export { disconnectMixTunnel, getTunnelState, MixDnsError, MixError, setupMixTunnel } from '@lwmix/mix-tunnel';
export type { SetupMixTunnelOpts } from '@lwmix/mix-tunnel';
export type { DnsAnswer, DnsRecord } from '@lwmix/mix-tunnel/internal';
export type { DnsOptions, DnsRecordsOptions, DnsRecordType, MixDNS } from './dns.js';

/**
 * `await mixDNS('example.org')`: one address. `await mixDNS('example.org', 'MX')`, or `{ types: ['A', 'AAAA'] }`: records with their
 * time to live. The tunnel must be set up. Rejects with a `MixError` (codes `DNS_…`), or the signal's reason.
 */
export const mixDNS: MixDNS = /* @__PURE__ */ mixDnsBy(open);
