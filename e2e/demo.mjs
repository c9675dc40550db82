// SPDX-License-Identifier: Apache-2.0
// The demonstration: a mixnet and a web site on this machine, the same page through five hops by the command and by the packages in headless
// Chromium, and where to go from here. DEMO_STARTED (milliseconds) is when `make` began.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser } from './browser.mjs';
import { BUILD, startMixnet } from './mixnet.mjs';
import { pattern, sha256, startSite } from './servers.mjs';
import { OURS, serveModules } from './stage.mjs';

const began = Number(process.env.DEMO_STARTED) || Date.now();
const seconds = () => ((Date.now() - began) / 1000).toFixed(1);
const say = (text) => console.log(`${seconds().padStart(6)} s  ${text}`);
const SITE = '93.184.216.34';
const SIZE = 100_000;
const URL_OF_PAGE = `http://site.example/bytes?n=${SIZE}`;
const DIGEST = sha256(pattern(SIZE));
const short = (digest) => `${digest?.slice(0, 16)}…`;
const ms = (value) => `${value.toFixed(0)} ms`;

/** Runs the command with this network; its standard output. */
const lwmix = (network, command, ...args) => new Promise((resolve, reject) => {
    execFile(join(BUILD, 'lwmix'), [command, '--network', network, ...args], (error, out, err) => (error ? reject(new Error(err.trim())) : resolve(out.trim())));
});

function judge(who, got) {
    if (got.status !== 200 || got.sha256 !== DIGEST) throw new Error(`${who}: status ${got.status}, SHA-256 ${got.sha256}, not ${DIGEST}`);
    say(`  status ${got.status}, ${SIZE} bytes, SHA-256 ${short(got.sha256)} as sent`);
}

async function native(mixnet) {
    say('The command: lwmix ping');
    const { exit, ...ping } = JSON.parse(await lwmix(mixnet.folder, 'ping', '--count', '3', '--interval', '100', '--json'));
    if (ping.lost > 0 || !exit) throw new Error(`ping: ${JSON.stringify(ping)}`);
    say(`  to the exit and back in ${ms(ping.median_ms)}: five hops there, five back, each mix waiting at random`);
    say(`The command: lwmix fetch ${URL_OF_PAGE}`);
    const got = JSON.parse(await lwmix(mixnet.folder, 'fetch', '--json', URL_OF_PAGE));
    judge('lwmix fetch', got);
    say(`  tunnel up in ${ms(got.ms.setup)}; then the name ${ms(got.ms.resolved)}, connected ${ms(got.ms.connected)}, first byte ${ms(got.ms.first_byte)}, all ${ms(got.ms.finished)}`);
}

/** In the page: the same by the packages. */
async function inPage(url) {
    const { createMixFetch, disconnectMixTunnel, getFetchTiming } = await import('@lwmix/mix-fetch');
    const { getTunnelStats } = await import('@lwmix/mix-tunnel');
    const mixFetch = await createMixFetch({ ephemeral: true });
    const response = await mixFetch(url);
    const digest = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
    const timing = await getFetchTiming(response);
    const stats = await getTunnelStats();
    await disconnectMixTunnel();
    return { status: response.status, timing, stats, sha256: [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
}

async function inChromium(mixnet) {
    say('A page in headless Chromium: mixFetch of @lwmix/mix-fetch');
    const page = await serveModules(OURS);
    const browser = await openBrowser(mixnet);
    try {
        const tab = await browser.newPage();
        await tab.goto(page.url);
        const got = await tab.evaluate(inPage, URL_OF_PAGE);
        judge('mixFetch', got);
        say(`  tunnel up in ${ms(got.stats.setupMs)}; then connected ${ms(got.timing.connected)}, first byte ${ms(got.timing.firstByte)}, all ${ms(got.timing.finished)}`);
        say(`  ${got.stats.packets.data} packets with data left, ${got.stats.packets.cover} with nothing in them: from outside they look the same`);
    } finally {
        await browser.close();
        page.close();
    }
}

function next() {
    const lines = [
        ['make playground', 'see it live: http://127.0.0.1:8480/'],
        ['build/lwmix mixnet --state /tmp/net', 'a mixnet that stays up; docs/mixnet.md'],
        ['build/lwmix fetch --network /tmp/net URL', 'and something through it; without --network through the public one'],
        ['make examples', 'pages by Vite, webpack, esbuild and none; docs/packages.md'],
        ['make test', 'everything is tested, also against the npm peer'],
    ];
    console.log(`\nNext:\n${lines.map(([command, what]) => `  ${command.padEnd(42)} ${what}`).join('\n')}`);
    console.log('  docs/README.md                             what to read');
}

const version = readFileSync(new URL('../VERSION', import.meta.url), 'utf8').trim();
say(`lwmix ${version} is built; now a mixnet and a web site start on this machine, and nothing leaves it`);
const site = await startSite();
const mixnet = await startMixnet(['--resolve', `site.example=${SITE}`, '--forward', `${SITE}:80=127.0.0.1:${site.port}`]);
say('  you ──► entry gateway ──► mix 1 ──► mix 2 ──► mix 3 ──► exit ──► site.example');
say(`  directory ${mixnet.directory_http}, gateway ${mixnet.gateway_ws}, site 127.0.0.1:${site.port}`);
let failure;
try {
    await native(mixnet);
    await inChromium(mixnet);
} catch (error) {
    failure = error;
}
site.close();
const { code } = await mixnet.stop();
if (failure || code !== 0) {
    say(`FAILED: ${failure?.message ?? `the mixnet ended with ${code}`}`);
    process.exit(1);
}
next();
console.log(`\n${seconds()} s in all, setup and build included.`);
