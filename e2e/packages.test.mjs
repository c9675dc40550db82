// SPDX-License-Identifier: Apache-2.0
// The four packages in headless Chromium (or Firefox: BROWSER=firefox) through the local mixnet: packages.test.mjs [WORD…] runs the tests
// whose titles contain one. Closes with "packages-chromium: N passed, M failed".
import assert from 'node:assert/strict';
import { suite, within } from './runner.mjs';
import { expected } from './common-page.mjs';
import { pattern, sha256 } from './servers.mjs';
import { ADDRESS, BROWSER, NAME, OURS, OURS_AS_PEER, PEER, serveModules, startStage } from './stage.mjs';
import { addWeaknesses } from './weaknesses.mjs';

const SIZES = [1000, 100_000];
const stage = await startStage();
const { test, skip, run } = suite(`packages-${BROWSER}`);

/** The same page and the same script; only the import map tells whose packages they are. */
async function runCommon(imports) {
    const page = await serveModules(imports);
    const context = await stage.browser.newContext({ ignoreHTTPSErrors: true });
    try {
        const tab = await context.newPage();
        await tab.goto(page.url);
        const results = await tab.evaluate(async ({ name, address, sizes }) => {
            const { common } = await import('/e2e/common-page.mjs');
            const [tunnel, fetch, dns, websocket] = await Promise.all(['tunnel', 'fetch', 'dns', 'websocket'].map((part) => import(`@nymproject/mix-${part}`)));
            const hash = async (bytes) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((b) => b.toString(16).padStart(2, '0')).join('');
            return common({ tunnel, fetch, dns, websocket }, { name, address, sizes, hash });
        }, { name: NAME, address: ADDRESS, sizes: SIZES });
        assert.deepEqual(results, expected({ sizes: SIZES, hashes: SIZES.map((n) => sha256(pattern(n))), name: NAME })
            .map(([what, value]) => [what, value]));
    } finally {
        await context.close();
        page.close();
    }
}

test('the common page with @nymproject/*', () => runCommon(PEER));
test('the common page with @lwmix/*', () => runCommon(OURS_AS_PEER));

test('fetch, DNS and WebSocket at once from one page: one worker, one module', async () => {
    const tab = await stage.tab();
    const spawned = [];
    tab.on('worker', (worker) => spawned.push(worker.url()));
    const before = stage.page.requests.filter((path) => path.endsWith('.wasm')).length;
    const got = await tab.evaluate(async ({ name }) => {
        const { mixFetch, setupMixTunnel } = mix.fetch;
        await setupMixTunnel({ trustedRoots: fast.trustedRoots }); // the defaults: pacing and cover
        const socket = new mix.websocket.MixWebSocket(`ws://${name}/socket`);
        const message = event(socket, 'message');
        await socket.opened();
        const [response, secured, address, echoed] = await Promise.all([mixFetch(`${site}/bytes?n=30000`), mixFetch(`${secure}/bytes?n=3000`), mix.dns.mixDNS(name), socket.send('all at once').then(() => message)]);
        const out = [(await response.arrayBuffer()).byteLength, (await secured.arrayBuffer()).byteLength, address, echoed.data];
        await socket.close();
        return out;
    }, { name: NAME });
    assert.deepEqual(got, [30_000, 3000, ADDRESS, 'all at once']);
    assert.equal(tab.workers().length, 1);
    assert.ok(spawned.length <= 1);
    assert.equal(stage.page.requests.filter((path) => path.endsWith('.wasm')).length - before, 1, 'the module was loaded once');
    await tab.context().close();
});

test('a body that only its reader holds is read to its end; one that nobody holds ends its request', async () => {
    const tab = await stage.tab();
    const collect = async () => {
        await stage.collect(tab);
        await tab.evaluate(() => new Promise((resolve) => { setTimeout(resolve); })); // a task later what was collected is told
    };
    await tab.evaluate(async () => {
        await mix.tunnel.setupMixTunnel(fast);
        globalThis.reader = (await mix.fetch.mixFetch(`${site}/slow`)).body.getReader();
        globalThis.parts = [new TextDecoder().decode((await reader.read()).value)];
    });
    // Collections of young objects alone: they drop more than they should of what the browser can make again.
    await tab.evaluate(() => {
        for (let i = 0; i < 5e6; i++) globalThis.young = { i, text: `${i}` };
    });
    await collect();
    stage.seen.release();
    assert.deepEqual(await tab.evaluate(async () => {
        for (let part; !(part = await reader.read()).done;) parts.push(new TextDecoder().decode(part.value));
        return parts;
    }), ['first', 'second']);
    const closed = stage.seen.next('endless closed');
    await tab.evaluate(async () => { await mix.fetch.mixFetch(`${site}/endless`); });
    await collect();
    await collect();
    await closed;
    await tab.context().close();
});

/** Asks the same questions of the browser's own and of ours. */
async function compare(what) {
    const routes = Object.fromEntries(stage.web.paths.map((path) => [path, stage.web.answer]));
    const page = await serveModules(OURS, { routes: { ...routes, '/nothing-here': stage.web.answer }, upgrade: stage.web.upgrade });
    const context = await stage.browser.newContext();
    try {
        const tab = await context.newPage();
        await tab.goto(page.url);
        const [platform, ours] = await tab.evaluate(async ({ what, site }) => {
            const like = await import('/e2e/like-platform.mjs');
            const { mixFetch, setupMixTunnel } = await import('@lwmix/mix-fetch');
            const { MixWebSocket } = await import('@lwmix/mix-websocket');
            await setupMixTunnel({ disablePoissonTraffic: true, disableCoverTraffic: true });
            if (what === 'fetch') return [await like.fetchLike(fetch, location.origin), await like.fetchLike(mixFetch, site)];
            return [await like.socketLike(WebSocket, location.origin), await like.socketLike(MixWebSocket, site)];
        }, { what, site: `http://${NAME}` });
        return { platform: Object.fromEntries(platform), ours: Object.fromEntries(ours) };
    } finally {
        await context.close();
        page.close();
    }
}

/** Row by row, except for those differences that are ours on purpose: [title, member, reason]. */
function same({ platform, ours }, but = []) {
    const differences = [];
    for (const [title, wanted] of Object.entries(platform)) {
        const got = ours[title];
        const members = typeof wanted === 'object' && typeof got === 'object' ? [...new Set([...Object.keys(wanted), ...Object.keys(got)])] : [undefined];
        for (const member of members) {
            const [w, g] = [wanted, got].map((one) => JSON.stringify(member === undefined ? one : one[member]));
            if (w !== g && !but.some(([t, m]) => t.test(title) && m === member)) differences.push(`${title}${member === undefined ? '' : `, ${member}`}: ${g}, the platform ${w}`);
        }
    }
    assert.deepEqual(differences, []);
}

test('mixFetch gives what fetch gives', async () => {
    const results = await compare('fetch');
    assert.ok(Object.keys(results.platform).length > 100);
    const none = /^HEAD$|^status (204|205|304)$|^304|after HEAD$/; // the standard gives no body here, Chromium an empty one
    same(results, [[none, 'hasBody'], [none, 'used']]);
});

test('MixWebSocket does what WebSocket does', async () => {
    // A connection that just ends: Chromium tells it by close alone, ours by an error with its reason as well.
    const hangsUp = [[/^the server hangs up$/, '3'], [/^the server hangs up$/, '4']];
    // Closed while it connects: the standard has 1006, not clean; Firefox may tell 1005, clean.
    const early = BROWSER === 'firefox' ? [[/^closed before it is open$/, '2']] : [];
    same(await compare('websocket'), [...hangsUp, ...early]);
});

test('a response that is dropped is collected, and its request ended', async () => {
    const tab = await stage.tab();
    await tab.evaluate(() => mix.tunnel.setupMixTunnel(fast));
    const ended = stage.seen.next('endless closed');
    await tab.evaluate(async () => (await mix.fetch.mixFetch(`${site}/endless`)).status);
    await stage.collect(tab);
    await within(ended, 'the server to learn that nobody reads', 20_000);
    await tab.context().close();
});

test('a page that is blocked for five seconds loses nothing', async () => {
    const tab = await stage.tab();
    const got = await tab.evaluate(async ({ name, size }) => {
        await mix.tunnel.setupMixTunnel(fast);
        const socket = new mix.websocket.MixWebSocket(`ws://${name}/socket`);
        await socket.opened();
        const messages = [];
        socket.onmessage = ({ data }) => messages.push(data);
        for (let i = 0; i < 20; i++) socket.send(`message ${i}`);
        const download = mix.fetch.mixFetch(`${site}/bytes?n=${size}`).then((response) => response.arrayBuffer()).then(hash);
        const until = performance.now() + 5000;
        while (performance.now() < until);
        const sum = await download;
        const closed = event(socket, 'close');
        await socket.close();
        return [sum, messages.length, messages.at(-1), (await closed).wasClean];
    }, { name: NAME, size: 300_000 });
    assert.deepEqual(got, [sha256(pattern(300_000)), 20, 'message 19', true]);
    await tab.context().close();
});

const FROZEN = 'a page that is frozen in the background goes on where it was';
if (BROWSER === 'firefox') skip(FROZEN, 'nothing tells Firefox to freeze a page');
else test(FROZEN, async () => {
    const tab = await stage.tab();
    const cdp = await tab.context().newCDPSession(tab);
    const first = await tab.evaluate(async () => {
        await mix.tunnel.setupMixTunnel(fast);
        globalThis.slow = (await mix.fetch.mixFetch(`${site}/slow`)).body.getReader();
        return new TextDecoder().decode((await slow.read()).value);
    });
    const front = await tab.context().newPage(); // now the other is in the background
    await front.bringToFront();
    await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
    stage.seen.release();
    await front.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 3000); })); // so long it is frozen
    await cdp.send('Page.setWebLifecycleState', { state: 'active' });
    await tab.bringToFront();
    const second = await tab.evaluate(async () => [new TextDecoder().decode((await slow.read()).value), (await mix.fetch.mixFetch(`${site}/bytes?n=3`)).status]);
    assert.deepEqual([first, ...second], ['first', 'second', 200]);
    await tab.context().close();
});

test('the network goes and comes back: requests wait, the tunnel mends itself', async () => {
    const tab = await stage.tab();
    await tab.evaluate(async () => {
        await mix.tunnel.setupMixTunnel(fast);
        globalThis.degraded = tunnelEvent(({ kind, state }) => kind === 'state' && state.degraded);
    });
    await stage.tell({ do: 'cut' });
    await tab.context().setOffline(true);
    await tab.evaluate(() => degraded);
    const answer = tab.evaluate(async () => (await mix.fetch.mixFetch(`${site}/bytes?n=7`)).status);
    await stage.tell({ do: 'restore' });
    await tab.context().setOffline(false);
    assert.equal(await answer, 200);
    assert.deepEqual(await tab.evaluate(() => mix.tunnel.getTunnelState()), { state: 'ready' });
    await tab.context().close();
});

test('50 setups and disconnects in one page: no growth', async () => {
    const tab = await stage.tab();
    const heap = async () => { // that of Firefox cannot be asked for
        await stage.collect(tab);
        return BROWSER === 'chromium' ? (await (await tab.context().newCDPSession(tab)).send('Runtime.getHeapUsage')).usedSize : 0;
    };
    const rounds = async (n) => {
        const memory = await tab.evaluate(async (n) => {
            let memory;
            for (let i = 0; i < n; i++) {
                await mix.tunnel.setupMixTunnel({ ...fast, ephemeral: true });
                if ((await mix.fetch.mixFetch(`${site}/bytes?n=1000`)).status !== 200) throw new Error('no answer');
                ({ memory } = await mix.tunnel.getTunnelStats());
                await mix.tunnel.disconnectMixTunnel();
            }
            return memory;
        }, n);
        return { memory, heap: await heap() };
    };
    const early = await rounds(15);
    const late = await rounds(35);
    assert.ok(late.memory <= early.memory + 65_536, `the module's memory: ${early.memory}, then ${late.memory}`);
    assert.ok(late.heap < early.heap + 500_000, `the page's heap: ${early.heap}, then ${late.heap}`);
    assert.equal(tab.workers().length, 1);
    await tab.context().close();
}, { ms: 180_000 });

addWeaknesses({ test, skip }, stage);
await run({ lines: stage.lines });
await stage.close();
