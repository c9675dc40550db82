// SPDX-License-Identifier: Apache-2.0
// Shows the local mixnet at work: starts one and a web site, pings the exit and fetches a page with our own client, and fetches one in
// headless Chromium through five hops with the npm peer.
import { execFile } from 'node:child_process';
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
/** Runs our own client with --network; its standard output, or '' and what it said. */
const lwmix = (command, ...args) => new Promise((resolve) => {
    execFile(join(BUILD, 'lwmix'), [command, '--network', mixnet.folder, ...args], (error, out, err) => {
        if (error) say(`  ${err.trim()}`);
        resolve(error ? '' : out.trim());
    });
});
say('our own client: lwmix ping');
const ping = await lwmix('ping', '--count', '5');
for (const line of ping.split('\n')) say(`  ${line}`);
say('lwmix fetch http://site.example/bytes?n=100000');
const fetched = JSON.parse(await lwmix('fetch', '--json', 'http://site.example/bytes?n=100000') || '{}');
const whole = fetched.sha256 === sha256(pattern(100000));
say(`  status ${fetched.status}, ${fetched.bytes} bytes, SHA-256 ${fetched.sha256?.slice(0, 16)}… ${whole ? 'as sent' : 'WRONG'}`);
if (whole) {
    say(`  after setting up the tunnel in ${fetched.ms.setup.toFixed(0)} ms: name ${fetched.ms.resolved.toFixed(0)} ms, connection ` +
        `${fetched.ms.connected.toFixed(0)} ms, first byte ${fetched.ms.first_byte.toFixed(0)} ms, all ${fetched.ms.finished.toFixed(0)} ms`);
}
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
    good = ping !== '' && whole && got.status === 200 && got.digest === sha256(pattern(20000));
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
