// SPDX-License-Identifier: Apache-2.0
// The unmodified npm peer while the network changes under it: keys rotate in mid-download; its gateway, a process of its own, is ended
// and started again. Why the peer (0.2.1) then opens no new connection is in docs/decisions/mixnet.md; its next start comes back with
// the stored registration. Closes with "peer-faults: N passed, M failed".
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBrowser, servePage } from './browser.mjs';
import { control, startMixnet } from './mixnet.mjs';
import { pattern, sha256, startSite } from './servers.mjs';

const SITE = '93.184.216.34';
const INTERNET = (port) => ['--resolve', `site.example=${SITE}`, '--forward', `${SITE}:80=127.0.0.1:${port}`];
const IMPORTS = {
    '@nymproject/mix-tunnel': '@nymproject/mix-tunnel/dist/esm/index.js',
    '@nymproject/mix-fetch': '@nymproject/mix-fetch/dist/index.js',
    comlink: 'comlink/dist/esm/comlink.mjs',
};
const SILENT_SENDS = 200; // a few seconds of the peer's stream of packets
let passed = 0;
let failed = 0;
function check(holds, what) {
    if (holds) passed++;
    else failed++;
    console.log(`${holds ? 'ok    ' : 'FAILED'} ${what}`);
}

/** Runs in the page: tells on the console what workers do with their WebSockets: each new one, each closing, each hundredth message sent on one that is closed. */
function watchWebSockets() {
    const watch = () => {
        const Original = self.WebSocket;
        self.WebSocket = class extends Original {
            constructor(...args) {
                super(...args);
                console.debug('socket opens');
                this.addEventListener('close', (event) => console.debug(`socket closed ${event.code}`), { once: true });
            }
            send(data) {
                const dead = this.readyState > Original.OPEN;
                super.send(data); // without an error, as browsers have it
                this.dead = (this.dead ?? 0) + dead;
                if (dead && this.dead % 100 === 0) console.debug(`socket is closed, messages: ${this.dead}`);
            }
        };
    };
    const Original = self.Blob; // the peer makes its worker of one
    self.Blob = function Blob(parts, options) {
        const script = parts?.some((part) => typeof part === 'string' && part.length > 1e6);
        return new Original(script ? [`(${watch})();`, ...parts] : parts, options);
    };
}

/** A page with the peer's tunnel up; fetch(path) gives {status, digest} or {error}. */
async function openPeer(mixnet, options) {
    const page = await servePage(IMPORTS);
    const browser = await openBrowser(mixnet);
    const tab = await browser.newPage();
    let wait = null; // {bytes, resolve}
    let silent = null; // resolves when the peer has sent so many messages to nobody
    const sockets = { opened: 0, code: null };
    await tab.addInitScript(watchWebSockets);
    tab.on('console', (message) => {
        if (message.text() === 'socket opens') sockets.opened++;
        const closed = message.text().match(/^socket closed (\d+)/);
        if (closed) sockets.code = Number(closed[1]);
        const dead = message.text().match(/^socket is closed, messages: (\d+)/);
        if (dead && Number(dead[1]) >= SILENT_SENDS) silent?.();
        const progress = message.text().match(/\[http\] progress: (\d+) \//);
        if (wait && progress && Number(progress[1]) >= wait.bytes) wait.resolve();
    });
    await tab.goto(page.url);
    const setup = () => tab.evaluate(async (o) => (await import('@nymproject/mix-tunnel')).setupMixTunnel(o), options);
    await setup();
    return {
        fetch: (path) => tab.evaluate(async (url) => {
            try {
                const { mixFetch } = await import('@nymproject/mix-fetch');
                const response = await mixFetch(url);
                const digest = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
                return { status: response.status, digest: [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join('') };
            } catch (error) {
                return { error: String(error?.message ?? error) };
            }
        }, `http://site.example${path}`),
        /** Resolves when so many bytes of a download have come. */
        reached: (bytes) => new Promise((resolve) => { wait = { bytes, resolve }; }),
        sockets,
        /** Resolves when it has sent SILENT_SENDS messages on a WebSocket that is closed. */
        sendsToNobody: () => new Promise((resolve) => { silent = resolve; }),
        /** A new start of the page, with what the peer has stored. */
        async again() {
            await tab.reload();
            await setup();
        },
        async close() {
            await browser.close();
            page.close();
        },
    };
}

const right = (got, n) => got.status === 200 && got.digest === sha256(pattern(n));

async function keysRotate() {
    const site = await startSite();
    const mixnet = await startMixnet(INTERNET(site.port));
    const peer = await openPeer(mixnet, { debug: true });
    check(right(await peer.fetch('/bytes?n=1000'), 1000), 'a page before the rotation');
    const download = peer.fetch('/bytes?n=600000');
    await peer.reached(200_000);
    const answer = await control(mixnet.folder, { do: 'rotate' });
    check(answer.ok, `rotation in mid-download: ${JSON.stringify(answer)}`);
    check(right(await download, 600000), 'the download goes on to its end');
    check(right(await peer.fetch('/bytes?n=1000'), 1000), 'a page after it');
    await peer.close();
    site.close();
    check((await mixnet.stop()).code === 0, 'the mixnet ends well');
}

async function gatewayRestarts() {
    const site = await startSite();
    const state = mkdtempSync(join(tmpdir(), 'lwmix-roles-'));
    await (await startMixnet([], { state })).stop(); // makes keys and ports
    const roles = {};
    for (const role of ['directory', 'mix1', 'mix2', 'mix3', 'gateway1', 'exit1'])
        roles[role] = await startMixnet(['--role', role, ...(role === 'exit1' ? INTERNET(site.port) : [])], { state });
    const peer = await openPeer(roles.directory, { preferredGateway: roles.gateway1.gateway });
    check(right(await peer.fetch('/bytes?n=1000'), 1000), 'six processes, one a role: a page');
    const { opened } = peer.sockets;
    const silence = peer.sendsToNobody();
    check((await roles.gateway1.stop()).code === 0, 'the gateway ends');
    roles.gateway1 = await startMixnet(['--role', 'gateway1'], { state });
    await silence;
    check(opened === 2 && peer.sockets.code === 1006, `the peer's browser knows that the connection is closed: ${JSON.stringify(peer.sockets)}`);
    check(peer.sockets.opened === opened, `with the gateway up again the peer has sent ${SILENT_SENDS} messages on the closed one and opened none`);
    await peer.again();
    check(right(await peer.fetch('/bytes?n=1000'), 1000), 'the peer starts again and fetches on');
    const { logins } = (await control(state, { do: 'stats' }, 'control-gateway1')).gateway1.gateway;
    check(logins.authenticated >= 1 && logins.registered === 0, 'with the registration that the gateway kept');
    await peer.close();
    site.close();
    for (const role of Object.values(roles)) check((await role.stop()).code === 0, `a role ends well (${role.pid})`);
    rmSync(state, { recursive: true, force: true });
}

await keysRotate();
await gatewayRestarts();
console.log(`peer-faults: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
