// SPDX-License-Identifier: Apache-2.0
// The unmodified npm peer in headless Chromium through our mixnet: peer.mjs [RUNS]. Closes with "peer: N passed, M failed".
import { openBrowser, servePage } from './browser.mjs';
import { startMixnet } from './mixnet.mjs';
import { pattern, sha256, startSite } from './servers.mjs';

const RUNS = Number(process.argv[2] ?? 1);
const SITE = '93.184.216.34'; // a public address and name that lead to loopback
const NAME = 'site.example';
const LIMIT_MS = 240_000;
const IMPORTS = {
    '@nymproject/mix-tunnel': '@nymproject/mix-tunnel/dist/esm/index.js',
    '@nymproject/mix-fetch': '@nymproject/mix-fetch/dist/index.js',
    '@nymproject/mix-dns': '@nymproject/mix-dns/dist/index.js',
    '@nymproject/mix-websocket': '@nymproject/mix-websocket/dist/index.js',
    comlink: 'comlink/dist/esm/comlink.mjs',
};

/** Runs in the page: everything that an application does with the peer. One entry a check: [name, value]. */
async function inPage({ name, sizes }) {
    const results = [];
    const started = performance.now();
    const note = (what, value) => results.push([what, value, Math.round(performance.now() - started)]);
    const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, '0')).join('');
    const sha = async (buffer) => hex(await crypto.subtle.digest('SHA-256', buffer));
    try {
        const tunnel = await import('@nymproject/mix-tunnel');
        const { mixFetch } = await import('@nymproject/mix-fetch');
        const { mixDNS } = await import('@nymproject/mix-dns');
        const { MixWebSocket } = await import('@nymproject/mix-websocket');
        await tunnel.setupMixTunnel({ debug: true });
        note('state', (await tunnel.getTunnelState()).state);
        for (const size of sizes) {
            const response = await mixFetch(`http://${name}/bytes?n=${size}`);
            note(`download ${size}`, `${response.status} ${await sha(await response.arrayBuffer())}`);
        }
        const echo = await mixFetch(`http://${name}/echo`, { method: 'POST', body: 'said once', headers: { 'content-type': 'text/plain' } });
        note('post', `${echo.status} ${echo.headers.get('x-method')} ${await echo.text()}`);
        note('dns', await mixDNS(name));
        const socket = new MixWebSocket(`ws://${name}/`);
        const next = () => new Promise((resolve) => socket.addEventListener('message', (e) => resolve(e.data), { once: true }));
        await socket.opened();
        let got = next();
        await socket.send('a text');
        note('websocket text', await got);
        got = next();
        await socket.send(new Uint8Array([1, 2, 3, 250]));
        note('websocket binary', hex(await got));
        await socket.close();
        await tunnel.disconnectMixTunnel();
        note('state after disconnect', (await tunnel.getTunnelState()).state);
    } catch (error) {
        note('error', String(error?.message ?? error));
    }
    return results;
}

const SIZES = [1000, 100_000, 1_000_000];
const EXPECTED = [
    ['state', 'ready'],
    ...SIZES.map((n) => [`download ${n}`, `200 ${sha256(pattern(n))}`]),
    ['post', '200 POST said once'],
    ['dns', SITE],
    ['websocket text', 'a text'],
    ['websocket binary', '010203fa'],
    ['state after disconnect', 'shutdown'],
];

async function run(number) {
    const site = await startSite();
    const mixnet = await startMixnet(['--resolve', `${NAME}=${SITE}`, '--forward', `${SITE}:80=127.0.0.1:${site.port}`]);
    const page = await servePage(IMPORTS);
    const browser = await openBrowser(mixnet);
    const lines = [];
    let failed = 0;
    let results = [];
    try {
        const tab = await browser.newPage();
        tab.on('console', (m) => lines.push(`${m.type()}: ${m.text()}`));
        await tab.goto(page.url);
        const limit = new Promise((resolve) => setTimeout(() => resolve([['error', `not done after ${LIMIT_MS / 1000} s`]]), LIMIT_MS).unref());
        results = await Promise.race([tab.evaluate(inPage, { name: NAME, sizes: SIZES }), limit]);
    } finally {
        await browser.close();
        page.close();
        site.close();
    }
    for (const [what, value] of EXPECTED) {
        const got = results.find(([name]) => name === what);
        if (got?.[1] === value) continue;
        failed++;
        console.log(`run ${number}: ${what}: expected ${value}, got ${got?.[1]}`);
    }
    const error = results.find(([name]) => name === 'error');
    if (error) console.log(`run ${number}: ${error[1]}\n${lines.slice(-40).join('\n')}\n${mixnet.log().slice(-3000)}`);
    const { code } = await mixnet.stop();
    if (code !== 0) {
        failed++;
        console.log(`run ${number}: the mixnet ended with ${code}`);
    }
    console.log(`run ${number}: ${results.map(([name, , ms]) => `${name} ${ms} ms`).join(', ')}`);
    return { passed: EXPECTED.length + 1 - failed, failed };
}

let passed = 0;
let failed = 0;
for (let number = 1; number <= RUNS; number++) {
    const result = await run(number);
    passed += result.passed;
    failed += result.failed;
}
console.log(`peer: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
