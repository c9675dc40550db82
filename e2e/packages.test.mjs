// SPDX-License-Identifier: Apache-2.0
// The four packages in headless Chromium through the local mixnet: packages.test.mjs [WORD…] runs the tests whose titles contain one.
// Closes with "packages-chromium: N passed, M failed".
import assert from 'node:assert/strict';
import { suite } from './runner.mjs';
import { expected } from './common-page.mjs';
import { pattern, sha256 } from './servers.mjs';
import { ADDRESS, NAME, OURS_AS_PEER, PEER, serveModules, startStage } from './stage.mjs';
import { addWeaknesses } from './weaknesses.mjs';

const SIZES = [1000, 100_000];
const stage = await startStage();
const { test, run } = suite('packages-chromium');

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

addWeaknesses(test, stage);
await run({ lines: stage.lines });
await stage.close();
