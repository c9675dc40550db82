// SPDX-License-Identifier: Apache-2.0
// The packages in headless Firefox through the local mixnet: what an application uses of them, and what browsers differ in: workers, storage
// (kept, sealed, private, refused), streams. `make test-firefox` runs Chromium's tests in Firefox besides.
// Closes with "firefox: N passed, M failed".
import assert from 'node:assert/strict';
import { common, expected } from './common-page.mjs';
import { openFirefox } from './firefox.mjs';
import { suite, within } from './runner.mjs';
import { pattern, sha256 } from './servers.mjs';
import { ADDRESS, NAME, OURS, startStage } from './stage.mjs';

const SIZES = [1000, 100_000];
const COOKIES_AND_STORAGE_REFUSED = 2;
const stage = await startStage({ browser: 'firefox', imports: { ...OURS, 'mix-inline': '/packages/mix-tunnel/dist/inline.js' } });
const { test, run } = suite('firefox');
console.log(`firefox: version ${stage.browser.version}`);

/** Runs in a page of its own, whose storage is new. */
async function inTab(act, argument, { context } = {}) {
    const tab = await stage.tab({ context });
    try {
        return await tab.evaluate(act, argument);
    } finally {
        await tab.context().close();
    }
}

const clients = async () => (await stage.tell({ do: 'stats' })).gateway1.gateway.clients;

test('the common page', async () => {
    const results = await inTab(`async ({ name, address, sizes }) => (${common})(mix, { name, address, sizes, hash })`, { name: NAME, address: ADDRESS, sizes: SIZES });
    assert.deepEqual(results, expected({ sizes: SIZES, hashes: SIZES.map((n) => sha256(pattern(n))), name: NAME }).map(([what, value]) => [what, value]));
});

test('https by name, an upload, an abort, DNS and WebSocket at once, by default options: one worker, one module', async () => {
    const tab = await stage.tab();
    const modules = () => stage.page.requests.filter((path) => path.endsWith('.wasm')).length;
    const before = modules();
    const states = await tab.evaluate(async () => {
        const states = [];
        mix.tunnel.onTunnelEvent((event) => { if (event.kind === 'state') states.push(event.state.phase ?? event.state.state); });
        await mix.fetch.setupMixTunnel({ trustedRoots: fast.trustedRoots });
        return states;
    });
    assert.deepEqual(states, ['directory', 'gateway', 'exit', 'ready']);
    const reached = stage.seen.next('silent');
    const left = stage.seen.next('silent closed');
    await tab.evaluate(() => {
        globalThis.controller = new AbortController();
        globalThis.aborted = failure(mix.fetch.mixFetch(`${site}/silent`, { signal: controller.signal }));
    });
    const got = await tab.evaluate(async ({ name }) => {
        const socket = new mix.websocket.MixWebSocket(`wss://${name}/socket`);
        const message = event(socket, 'message');
        await socket.opened();
        const [response, echo, address] = await Promise.all([mix.fetch.mixFetch(`${secure}/bytes?n=1000`),
            mix.fetch.mixFetch(`${site}/echo`, { method: 'POST', body: new Blob(['a blob']) }), mix.dns.mixDNS(name), socket.send('through wss')]);
        const closed = event(socket, 'close');
        await socket.close(1000, 'done');
        return [response.status, await hash(await response.arrayBuffer()), await echo.text(), address, (await message).data, (await closed).wasClean];
    }, { name: NAME });
    assert.deepEqual(got, [200, sha256(pattern(1000)), 'a blob', ADDRESS, 'through wss', true]);
    await reached;
    assert.equal((await tab.evaluate(() => (controller.abort(), aborted))).name, 'AbortError');
    await within(left, 'the server to learn of the abort', 20_000);
    assert.deepEqual(tab.workers().map((worker) => new URL(worker.url()).pathname), ['/packages/mix-tunnel/dist/worker.js']);
    assert.equal(modules() - before, 1);
    await tab.context().close();
});

test('a body streams to its reader while the server still writes it', async () => {
    const tab = await stage.tab();
    const first = await tab.evaluate(async () => {
        await mix.tunnel.setupMixTunnel(fast);
        globalThis.reader = (await mix.fetch.mixFetch(`${site}/slow`)).body.getReader();
        return new TextDecoder().decode((await reader.read()).value);
    });
    stage.seen.release();
    const [second, sum, pieces] = await tab.evaluate(async (size) => {
        const second = new TextDecoder().decode((await reader.read()).value);
        const parts = [];
        for await (const part of (await mix.fetch.mixFetch(`${site}/bytes?n=${size}`)).body) parts.push(part);
        return [second, await hash(await new Blob(parts).arrayBuffer()), parts.length];
    }, 100_000);
    assert.deepEqual([first, second, sum], ['first', 'second', sha256(pattern(100_000))]);
    assert.ok(pieces > 1, 'it comes in pieces');
    await tab.context().close();
});

for (const [title, options] of [['as it is', {}], ['sealed by a passphrase', { storagePassphrase: 'open it' }]]) {
    test(`the identity is stored ${title}: a second setup, and one after a reload, are the same client`, async () => {
        const tab = await stage.tab();
        const before = await clients();
        const up = (options) => tab.evaluate(async (options) => {
            const mix = await import('@lwmix/mix-fetch');
            await mix.setupMixTunnel({ disablePoissonTraffic: true, disableCoverTraffic: true, ...options });
            const { status } = await mix.mixFetch('http://site.example/bytes?n=1');
            await mix.disconnectMixTunnel();
            return status;
        }, options);
        assert.deepEqual([await up(options), await up(options)], [200, 200]);
        await tab.goto(stage.page.url);
        assert.equal(await up(options), 200);
        assert.equal(await clients() - before, 1, 'one client for three setups');
        if (options.storagePassphrase) {
            await assert.rejects(up({ storagePassphrase: 'another' }), /passphrase/);
            await assert.rejects(up({}), /passphrase/);
        }
        assert.equal(await up({ ephemeral: true }), 200);
        await tab.context().close();
    });
}

test('a private window: the first setup and the next work', async () => {
    const own = await openFirefox(stage.mixnet, { 'browser.privatebrowsing.autostart': true });
    try {
        const statuses = await inTab(async () => {
            const out = [];
            for (let i = 0; i < 2; i++) {
                await mix.tunnel.setupMixTunnel(fast);
                out.push((await mix.fetch.mixFetch(`${site}/bytes?n=1`)).status);
                await mix.tunnel.disconnectMixTunnel();
            }
            return out;
        }, {}, { context: await own.newContext() });
        assert.deepEqual(own.strangers, []);
        assert.deepEqual(statuses, [200, 200]);
    } finally {
        await own.close();
    }
});

test('storage that the user has refused: an error that says so, and ephemeral works', async () => {
    const own = await openFirefox(stage.mixnet, { 'network.cookie.cookieBehavior': COOKIES_AND_STORAGE_REFUSED });
    try {
        const [refused, state, status] = await inTab(async () => {
            const refused = await failure(mix.tunnel.setupMixTunnel(fast));
            const { state } = await mix.tunnel.getTunnelState();
            await mix.tunnel.setupMixTunnel({ ...fast, ephemeral: true });
            return [refused, state, (await mix.fetch.mixFetch(`${site}/bytes?n=1`)).status];
        }, {}, { context: await own.newContext() });
        assert.deepEqual([refused.name, refused.code, refused.phase, state, status], ['MixTunnelError', 'STORAGE', 'storage', 'failed', 200], refused.message);
        assert.match(refused.message, /^tunnel error: storage error: .{10}/);
    } finally {
        await own.close();
    }
});

test('everything in one file, in a page that is blocked for three seconds', async () => {
    const tab = await stage.tab();
    const asked = stage.page.requests.length;
    await tab.goto(stage.page.url);
    const got = await tab.evaluate(async ({ name, size }) => {
        await import('mix-inline');
        const { mixFetch, setupMixTunnel } = await import('@lwmix/mix-fetch');
        const { MixWebSocket } = await import('@lwmix/mix-websocket');
        await setupMixTunnel({ disablePoissonTraffic: true, disableCoverTraffic: true });
        const socket = new MixWebSocket(`ws://${name}/socket`);
        await socket.opened();
        const messages = [];
        socket.onmessage = ({ data }) => messages.push(data);
        for (let i = 0; i < 20; i++) socket.send(`message ${i}`);
        const download = mixFetch(`http://${name}/bytes?n=${size}`).then((response) => response.arrayBuffer());
        const until = performance.now() + 3000;
        while (performance.now() < until);
        const sum = [...new Uint8Array(await crypto.subtle.digest('SHA-256', await download))].map((b) => b.toString(16).padStart(2, '0')).join('');
        const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
        await socket.close();
        return [sum, messages.length, messages.at(-1), (await closed).wasClean];
    }, { name: NAME, size: 300_000 });
    assert.deepEqual(got, [sha256(pattern(300_000)), 20, 'message 19', true]);
    assert.deepEqual(stage.page.requests.slice(asked).filter((path) => /worker\.js|\.wasm/.test(path)), []);
    assert.equal(tab.workers().length, 1);
    await tab.context().close();
});

test('Firefox asked for no other name in all of this', async () => assert.deepEqual(stage.browser.strangers, []));

await run({ lines: stage.lines });
await stage.close();
