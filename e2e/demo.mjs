// SPDX-License-Identifier: Apache-2.0
// Shows the local mixnet at work: starts one and a web site, pings the exit with our own client, and fetches a page in headless Chromium
// through five hops with the npm peer.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { openBrowser, servePage } from './browser.mjs';
import { BUILD, startMixnet } from './mixnet.mjs';
import { pattern, sha256, startSite } from './servers.mjs';

const started = performance.now();
const say = (text) => console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${text}`);
const SITE = '93.184.216.34';
const site = await startSite();
const mixnet = await startMixnet(['--resolve', `site.example=${SITE}`, '--forward', `${SITE}:80=127.0.0.1:${site.port}`]);
say(`a mixnet runs: directory ${mixnet.directory}, gateway ${mixnet.gateway_wss}`);
say(`its exit: ${mixnet.exit}`);
say('our own client: lwmix ping');
const ping = spawnSync(join(BUILD, 'lwmix'), ['ping', '--network', mixnet.folder, '--count', '5'], { encoding: 'utf8' });
for (const line of ping.stdout.trim().split('\n')) say(`  ${line}`);
const page = await servePage({
    '@nymproject/mix-tunnel': '@nymproject/mix-tunnel/dist/esm/index.js',
    '@nymproject/mix-fetch': '@nymproject/mix-fetch/dist/index.js',
    comlink: 'comlink/dist/esm/comlink.mjs',
});
const browser = await openBrowser(mixnet);
let good = false;
try {
    const tab = await browser.newPage();
    await tab.goto(page.url);
    say('Chromium is open; setting up the tunnel (directory, gateway, three mixes, exit)');
    await tab.evaluate(async () => (await import('@nymproject/mix-tunnel')).setupMixTunnel({}));
    say('the tunnel is ready');
    const got = await tab.evaluate(async () => {
        const { mixFetch } = await import('@nymproject/mix-fetch');
        const response = await mixFetch('http://site.example/bytes?n=20000');
        const digest = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
        return { status: response.status, digest: [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join('') };
    });
    good = ping.status === 0 && got.status === 200 && got.digest === sha256(pattern(20000));
    say(`http://site.example/bytes?n=20000: status ${got.status}, SHA-256 ${got.digest.slice(0, 16)}… ${good ? 'as sent' : 'WRONG'}`);
} finally {
    await browser.close();
    page.close();
    site.close();
    await mixnet.stop();
}
say('ended');
console.log('\nNext: build/lwmix mixnet --help for a mixnet of your own; docs/architecture.md for how it works; make test for everything.');
process.exit(good ? 0 : 1);
