// SPDX-License-Identifier: Apache-2.0
// The playground: brings its parts together, and says which network they use.
import { disconnectMixTunnel } from '@lwmix/mix-tunnel';
import { startCompare } from './compare.js';
import { byId } from './dom.js';
import { showExamples, startFetch } from './fetch.js';
import { log, startLog } from './log.js';
import { startNames } from './names.js';
import { directUrl, loadLocal, needed, type NetworkName } from './network.js';
import { givenOptions, startOptions } from './options.js';
import { showNetwork, startPath } from './path.js';
import { redraw, startPlots } from './plots.js';
import { startSocket } from './socket.js';
import { startTabs } from './tabs.js';
import { startTheme } from './theme.js';
import { onSample, samples, startTunnel, state } from './tunnel.js';

const local = await loadLocal();
let network: NetworkName = local ? 'local' : 'main';

const options = startOptions(() => needed(network, local));

function useNetwork(name: NetworkName): void {
    const { state: now } = state();
    if (name !== network && (now === 'ready' || now === 'connecting')) void disconnectMixTunnel();
    network = name;
    for (const radio of document.querySelectorAll<HTMLInputElement>('#network input')) radio.checked = radio.value === name;
    byId('main-notice').hidden = name !== 'main';
    document.body.dataset['network'] = name;
    const site = name === 'local' ? local?.site : undefined;
    showExamples(site);
    byId<HTMLInputElement>('dns-name').value = site ? new URL(site.http).hostname : 'example.com';
    byId<HTMLInputElement>('socket-url').value = site?.ws ?? '';
    byId<HTMLInputElement>('compare-url').value = site ? `${site.http}/bytes?n=20000` : 'https://example.com/';
    showNetwork(name, site?.http ?? 'https://example.com/');
    options.refresh();
    log('info', name === 'local' ? `the local mixnet: ${local?.nodes.length ?? 0} nodes on this machine` : 'the main network: nodes that others run');
}

/** The main network only after a notice was read. */
function startNetwork(): void {
    const dialog = byId<HTMLDialogElement>('main-dialog');
    const radios = [...document.querySelectorAll<HTMLInputElement>('#network input')];
    for (const radio of radios) {
        radio.addEventListener('change', () => {
            if (radio.value === 'local') return useNetwork('local');
            for (const other of radios) other.checked = other.value === network; // until it is confirmed
            dialog.returnValue = 'stay';
            dialog.showModal();
        });
        if (radio.value === 'local' && !local) {
            radio.disabled = true;
            (radio.parentElement as HTMLElement).title = 'There is a local mixnet where lwmix playground serves this page';
        }
    }
    dialog.addEventListener('close', () => {
        if (dialog.returnValue === 'go') useNetwork('main');
    });
}

startLog();
startTabs();
startTunnel(() => ({ ...needed(network, local), ...givenOptions() }));
startPath(local);
startPlots();
startTheme(redraw);
startFetch();
startNames();
startSocket();
startCompare((url) => directUrl(url, network, local));
startNetwork();
useNetwork(network);
document.body.dataset['page'] = 'ready';

// For the browser's console: const { getTunnelStats } = await import('/app.js').
export { getTunnelState, getTunnelStats } from '@lwmix/mix-tunnel';
export { mixFetch } from '@lwmix/mix-fetch';
export { mixDNS } from '@lwmix/mix-dns';
export { MixWebSocket } from '@lwmix/mix-websocket';
export { onSample, samples };
