// SPDX-License-Identifier: Apache-2.0
// The tunnel in Chromium (or Firefox: BROWSER=firefox) beyond single calls: kinds of TLS servers, events, setups that fail, two pages at a
// time, the module in one file, the worker's own methods. Closes with "tunnel-chromium: N passed, M failed".
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from './runner.mjs';
import { CA, authority, leaf } from './sites/certificates.mjs';
import { BROWSER, NAME, OURS, serveModules, startStage } from './stage.mjs';

const { test, run } = suite(`tunnel-${BROWSER}`);

// ---- servers of each kind ----

const folder = mkdtempSync(join(tmpdir(), 'lwmix-tunnel-'));
const issue = authority(folder);
const EC = (curve) => ['ec', `ec_paramgen_curve:${curve}`];
const RSA = (bits, kind = 'rsa') => [kind, `rsa_keygen_bits:${bits}`];

/** A server's certificate by the CA, or by another one. */
const certificate = (name, { by = 'ca', san = `${name}.example`, ...options } = {}) => issue(name, { by, extensions: leaf(`DNS:${san}`), ...options });

const { cert: trusted } = issue('ca', { subject: 'Test CA of the tunnel', extensions: CA });
issue('stranger', { subject: 'Nobody knows it', extensions: CA });
const between = issue('between', { by: 'ca', extensions: CA });
const behind = certificate('chain', { by: 'between' });

/** Name → what the server is, and the error's code if it must not be reached. */
const SERVERS = {
    rsa: { options: certificate('rsa', { key: RSA(2048) }) },
    p384: { options: certificate('p384', { key: EC('P-384'), digest: 'sha384' }) },
    p521: { options: certificate('p521', { key: EC('P-521'), digest: 'sha512' }) },
    ed25519: { options: certificate('ed25519', { key: ['ed25519'] }) },
    pss: { options: certificate('pss', { key: RSA(2048, 'rsa-pss') }) },
    chain: { options: { key: behind.key, cert: behind.cert + between.cert } },
    'rsa12-gcm': { options: { ...certificate('rsa12-gcm', { key: RSA(2048) }), maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } },
    'rsa12-gcm256': { options: { ...certificate('rsa12-gcm256', { key: RSA(3072) }), maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES256-GCM-SHA384' } },
    'ec12-chacha': { options: { ...certificate('ec12-chacha'), maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' } },
    'group-p256': { options: { ...certificate('group-p256'), ecdhCurve: 'prime256v1' } },
    'group-p384': { options: { ...certificate('group-p384'), ecdhCurve: 'secp384r1' } },
    aes256: { options: { ...certificate('aes256'), ciphers: 'TLS_AES_256_GCM_SHA384' } },
    expired: { options: certificate('expired', { from: -2, until: -1 }), code: 'TLS_EXPIRED' },
    misnamed: { options: certificate('misnamed', { san: 'another.example' }), code: 'TLS_NAME' },
    stranger: { options: certificate('stranger-site', { by: 'stranger', san: 'stranger.example' }), code: 'TLS_UNTRUSTED' },
    cbc: { options: { ...certificate('cbc', { key: RSA(2048) }), maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-SHA256' }, code: 'TLS_HANDSHAKE' },
    curve448: { options: { ...certificate('curve448'), ecdhCurve: 'X448' }, code: 'TLS_HANDSHAKE' },
};

async function startServers() {
    const args = [];
    const servers = [];
    for (const [i, [name, { options }]] of Object.entries(SERVERS).entries()) {
        const server = https.createServer(options, (request, response) => response.end(`${request.socket.getProtocol()} ${request.socket.getCipher().standardName}`));
        server.on('tlsClientError', () => {});
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
        args.push('--resolve', `${name}.example=93.184.217.${i + 1}`, '--forward', `93.184.217.${i + 1}:443=127.0.0.1:${server.address().port}`);
        servers.push(server);
    }
    return { args, close: () => servers.forEach((server) => { server.closeAllConnections(); server.close(); }) };
}

const servers = await startServers();
const stage = await startStage({ args: servers.args });
rmSync(folder, { recursive: true, force: true });

/** A tab whose tunnel is up. */
async function upTab(options = {}) {
    const tab = await stage.tab();
    await tab.evaluate((more) => mix.tunnel.setupMixTunnel({ ...fast, ...more }), options);
    return tab;
}

// ---- tests ----

test('every kind of TLS server that the web has, and what must not be reached', async () => {
    const tab = await stage.tab();
    await tab.evaluate((ca) => mix.tunnel.setupMixTunnel({ ...fast, trustedRoots: ca }), trusted);
    const got = await tab.evaluate((names) => Promise.all(names.map(async (name) => {
        try {
            return [name, await (await mix.fetch.mixFetch(`https://${name}.example/`)).text()];
        } catch (error) {
            return [name, error.code, error.phase, error.message];
        }
    })), Object.keys(SERVERS));
    for (const [name, answer, phase, message] of got) {
        const { code, options } = SERVERS[name];
        if (!code) assert.match(answer, options.maxVersion === 'TLSv1.2' ? /^TLSv1\.2 TLS_ECDHE/ : /^TLSv1\.3 TLS_/, `${name}: ${answer} ${message}`);
        else {
            assert.deepEqual([answer, phase], [code, 'tls'], `${name}: ${message}`);
            assert.match(message, /^IO error: .*: .{8,}/, `${name} says what is wrong`);
        }
    }
    await tab.context().close();
}, { ms: 60_000 });

test('events: phases of setup in order, figures at intervals, an end by a signal', async () => {
    const tab = await stage.tab();
    const got = await tab.evaluate(async () => {
        const states = [];
        const abort = new AbortController();
        mix.tunnel.onTunnelEvent((event) => { if (event.kind === 'state') states.push(event.state.phase ?? event.state.state); }, { signal: abort.signal });
        const figures = new Promise((resolve) => {
            const stop = mix.tunnel.onTunnelEvent((event) => {
                if (event.kind !== 'stats' || event.stats.roundTripMs === 0) return;
                stop();
                resolve(event.stats);
            }, { statsMs: 100 });
        });
        await mix.tunnel.setupMixTunnel(fast);
        await mix.fetch.mixFetch(`${site}/bytes?n=10`);
        const stats = await figures;
        abort.abort();
        await mix.tunnel.disconnectMixTunnel();
        return { states, stats };
    });
    assert.deepEqual(got.states, ['directory', 'gateway', 'exit', 'ready']);
    assert.ok(got.stats.bytes.sent > 1000 && got.stats.roundTripMs > 0 && got.stats.gateway.length > 40, JSON.stringify(got.stats));
    await tab.context().close();
});

test('a failed setup says at what, and the next one works', async () => {
    const tab = await stage.tab();
    const tries = await tab.evaluate(async () => {
        const stranger = '8yGm5u2NgNrzPsvrH1QJ5zLGUdXHqbqvTZhWFdXyzRwQ';
        const out = [];
        for (const options of [{ preferredGateway: stranger }, { directories: ['https://nowhere.example/api/'], setupTimeoutMs: 4000 }, { preferredIpr: 'x' }])
            out.push(await failure(mix.tunnel.setupMixTunnel({ ...fast, clientId: 'other', ...options })), (await mix.tunnel.getTunnelState()).state);
        await mix.tunnel.setupMixTunnel({ ...fast, storagePassphrase: 'one', clientId: 'sealed' });
        await mix.tunnel.disconnectMixTunnel();
        out.push(await failure(mix.tunnel.setupMixTunnel({ ...fast, storagePassphrase: 'two', clientId: 'sealed' })), await failure(mix.tunnel.setupMixTunnel({ ...fast, clientId: 'sealed' })));
        await mix.tunnel.setupMixTunnel({ ...fast, storagePassphrase: 'one', clientId: 'sealed' });
        out.push((await mix.tunnel.getTunnelState()).state);
        return out.map((x) => (typeof x === 'string' ? x : `${x.code} ${x.phase} ${x.mix}`));
    });
    assert.deepEqual(tries, ['PREFERRED_GATEWAY gateway true', 'failed', 'DIRECTORY_UNREACHABLE directory true', 'failed', 'OPTION options true', 'failed',
        'IDENTITY_PASSPHRASE storage true', 'IDENTITY_SEALED storage true', 'ready']);
    await tab.context().close();
});

test('two pages of one origin at a time: an identity each, and the first again afterwards', async () => {
    const first = await upTab();
    const second = await stage.tab({ context: first.context() });
    const fetchOne = (tab) => tab.evaluate(async () => (await mix.fetch.mixFetch(`${site}/bytes?n=10`)).status);
    const databases = (tab) => tab.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name).sort());
    await second.evaluate(() => mix.tunnel.setupMixTunnel(fast));
    assert.deepEqual([await fetchOne(second), await fetchOne(first), await fetchOne(second)], [200, 200, 200]);
    assert.deepEqual(await databases(first), ['lwmix-lwmix', 'lwmix-lwmix~1']);
    await first.close();
    await second.evaluate(() => mix.tunnel.disconnectMixTunnel());
    await second.evaluate(() => mix.tunnel.setupMixTunnel(fast));
    assert.deepEqual(await databases(second), ['lwmix-lwmix', 'lwmix-lwmix~1']);
    await second.context().close();
});

test('the next page of a site asks the directory for nothing; an ephemeral tunnel keeps nothing', async () => {
    const first = await stage.tab();
    const context = first.context();
    let asked = 0;
    context.on('request', (request) => { asked += /\/api\/v\d\//.test(request.url()); });
    const up = (tab, options) => tab.evaluate(async (more) => {
        await mix.tunnel.setupMixTunnel({ ...fast, ...more });
        const { state } = await mix.tunnel.getTunnelState();
        await mix.tunnel.disconnectMixTunnel();
        return state;
    }, options);
    const counts = [];
    for (const options of [{ ephemeral: true }, {}]) {
        assert.equal(await up(first, options), 'ready');
        counts.push(asked);
    }
    await first.close();
    const second = await stage.tab({ context });
    assert.equal(await up(second, {}), 'ready');
    assert.deepEqual([...counts, asked], [5, 10, 10]);
    await context.close();
});

test('everything in one file: no other is asked for', async () => {
    const page = await serveModules({ ...OURS, 'mix-inline': '/packages/mix-tunnel/dist/inline.js' });
    const context = await stage.browser.newContext({ ignoreHTTPSErrors: true });
    try {
        const tab = await context.newPage();
        await tab.goto(page.url);
        const status = await tab.evaluate(async (name) => {
            const { setupMixTunnel } = await import('mix-inline');
            const { mixFetch } = await import('@lwmix/mix-fetch');
            await setupMixTunnel({ disablePoissonTraffic: true, disableCoverTraffic: true });
            return (await mixFetch(`http://${name}/bytes?n=10`)).status;
        }, NAME);
        assert.equal(status, 200);
        assert.equal(page.requests.filter((path) => /worker\.js|\.wasm/.test(path)).length, 0, page.requests.join(' '));
        assert.equal(tab.workers().length, 1);
    } finally {
        await context.close();
        page.close();
    }
});

test('the worker\'s own methods, as the peer has them', async () => {
    const tab = await upTab();
    const got = await tab.evaluate(async ({ name }) => {
        const worker = await mix.tunnel.getMixTunnel();
        const out = {};
        const response = await worker.mixFetch(`${site}/echo`, { method: 'POST', headers: { 'content-type': 'text/x' }, body: new Uint8Array([1, 2]) });
        out.fetch = [response.status, [...response.body], response.headers.find(([header]) => header === 'content-type')];
        out.dns = await worker.mixDNS(name);
        out.state = await worker.getTunnelState();
        const events = [];
        const closed = new Promise((resolve) => { out.resolve = resolve; });
        const opened = new Promise((resolve) => { out.opened = resolve; });
        const handle = await worker.mixWebSocket(`ws://${name}/socket`, undefined, mix.tunnel.proxy((id, type, data) => {
            events.push([id, type, data instanceof Uint8Array ? [...data] : data]);
            if (type === 'open') out.opened();
            if (events.length === 3) worker.wsClose(id, 1000, 'done');
            if (type === 'close') out.resolve();
        }));
        await opened;
        await worker.wsSend(handle, 'text');
        await worker.wsSend(handle, new Uint8Array([7, 8]));
        await closed;
        out.events = events.map(([id, ...rest]) => [id === handle, ...rest]);
        out.after = await failure(worker.wsSend(handle, 'late'));
        out.body = await failure(worker.mixFetch(`${site}/echo`, { method: 'POST', body: 5 }));
        return { fetch: out.fetch, dns: out.dns, state: out.state, events: out.events, after: out.after, body: out.body };
    }, { name: NAME });
    assert.deepEqual(got.fetch, [200, [1, 2], ['content-type', 'text/x']]);
    assert.match(got.dns, /^\d+\.\d+\.\d+\.\d+$/);
    assert.deepEqual(got.state, { state: 'ready' });
    assert.deepEqual(got.events, [[true, 'open', ''], [true, 'text', 'text'], [true, 'binary', [7, 8]], [true, 'close', '1000 done']]);
    assert.equal(got.after.message, 'no active WebSocket connections');
    assert.equal(got.body.message, 'HTTP error: unsupported body type (expected string, Uint8Array, or ArrayBuffer)');
    await tab.context().close();
});

await run({ lines: stage.lines });
await stage.close();
servers.close();
