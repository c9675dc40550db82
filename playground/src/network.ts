// SPDX-License-Identifier: Apache-2.0
// Which network: the local one, of which config.json tells, or the main one.
import type { SetupMixTunnelOpts } from '@lwmix/mix-tunnel';

export interface NetworkNode { name: string; kind: 'mix' | 'gateway' | 'exit'; identity: string; layer?: number }
export interface Site { http: string; https: string; ws: string; wss: string; direct: string }

/** What `lwmix playground` tells of its mixnet. */
export interface LocalNetwork {
    network: 'local';
    directory: string;
    /** The certificate authority of its sites, in PEM. */
    roots: string;
    nodes: NetworkNode[];
    /** Behind its exit; missing when the mixnet is not the playground's own. */
    site?: Site;
}

export type NetworkName = 'local' | 'main';

/** Undefined where only files are served: then there is just the main network. */
export async function loadLocal(): Promise<LocalNetwork | undefined> {
    try {
        const response = await fetch('config.json');
        if (!response.ok) return undefined;
        const config = await response.json() as LocalNetwork;
        return config.network === 'local' ? config : undefined;
    } catch {
        return undefined;
    }
}

/** Options without which the network cannot be used from a browser; those that the user gives come on top. */
export function needed(name: NetworkName, local: LocalNetwork | undefined): SetupMixTunnelOpts {
    if (name === 'main' || !local) return { clientId: 'playground' };
    // On loopback browsers allow ws:// and http://; a certificate of the mixnet's own they would not take.
    return { directories: [local.directory], forceTls: false, ephemeral: true, trustedRoots: local.roots };
}

/** The same page without the mixnet, or undefined where there is no such way. */
export function directUrl(url: URL, name: NetworkName, local: LocalNetwork | undefined): string | undefined {
    if (name === 'main' || !local) return url.href;
    const site = local.site;
    if (!site || (url.origin !== site.http && url.origin !== site.https)) return undefined;
    return site.direct + url.pathname + url.search;
}
