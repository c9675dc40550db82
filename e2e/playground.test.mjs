// SPDX-License-Identifier: Apache-2.0
// The playground: the command, and the page in Chromium, every panel of it; screenshots go to build/screenshots. playground.test.mjs [WORD…]
// runs the tests whose titles contain one. Closes with "playground: N passed, M failed".
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUILD, control, startMixnet } from './mixnet.mjs';
import { openLoopbackBrowser, startPlayground } from './playground.mjs';
import { suite, within } from './runner.mjs';

const AXE = readFileSync(new URL('../playground/node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const SHOTS = fileURLToPath(new URL('../build/screenshots/', import.meta.url));
const SITE = 'site.nym.test';
const { test, run } = suite('playground');
mkdirSync(SHOTS, { recursive: true });

const playground = await startPlayground();
const config = await (await fetch(`${playground.page}config.json`)).json();
const browser = await openLoopbackBrowser();

/** A request as it stands, since fetch does not let us choose the Host. */
function ask(path, { headers = {}, method = 'GET', base = playground.page } = {}) {
    const { hostname, port } = new URL(base);
    return new Promise((resolve, reject) => {
        const request = http.request({ hostname, port, path, method, headers, agent: false }, (response) => {
            const parts = [];
            response.on('data', (part) => parts.push(part));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
        });
        request.on('error', reject);
        request.end();
    });
}

const command = (...args) => spawnSync(join(BUILD, 'lwmix'), ['playground', ...args], { encoding: 'utf8', timeout: 20_000 });
const gone = (pid) => {
    try {
        process.kill(pid, 0);
        return false;
    } catch {
        return true;
    }
};

// ---- the command ----

test('the page is served under a strict policy, to its own names alone', async () => {
    const page = await ask('/');
    assert.equal(page.status, 200);
    assert.match(page.headers['content-type'], /^text\/html/);
    const policy = page.headers['content-security-policy'];
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*/);
    assert.equal(page.headers['x-content-type-options'], 'nosniff');
    assert.deepEqual([(await ask('/app.js')).headers['content-type'], (await ask('/lwmix.wasm')).headers['content-type']], ['text/javascript; charset=utf-8', 'application/wasm']);
    for (const path of ['/nothing', '/../lwmix', '/..%2flwmix', '//etc/passwd', '/app.js/']) assert.notEqual((await ask(path)).status, 200, path);
    assert.equal((await ask('/', { headers: { host: 'evil.example' } })).status, 403);
    assert.equal((await ask('/config.json', { headers: { host: 'evil.example' } })).status, 403);
    assert.equal((await ask('/', { method: 'POST' })).status, 405);
    const head = await ask('/', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body.length, head.headers['content-length']], [200, 0, String(page.body.length)]);
});

test('the site behind the exit: bytes, echo, who asks, redirect, errors', async () => {
    const base = config.site.direct;
    const bytes = (await ask('/bytes?n=70001', { base })).body;
    assert.equal(bytes.length, 70001);
    assert.deepEqual((await ask('/bytes?n=33', { base })).body, bytes.subarray(0, 33), 'the same bytes each time');
    for (const bad of ['/bytes', '/bytes?n=', '/bytes?n=-1', '/bytes?n=1x', '/bytes?n=67108865']) assert.equal((await ask(bad, { base })).status, 400, bad);
    const you = JSON.parse((await ask('/you', { base, headers: { 'x-test-header': 'a "quoted" one' } })).body);
    assert.deepEqual([you.method, you.headers['x-test-header']], ['GET', 'a "quoted" one']);
    const echo = await fetch(`${base}/echo`, { method: 'POST', body: 'said', headers: { 'content-type': 'text/x-own' } });
    assert.deepEqual([echo.headers.get('content-type'), await echo.text()], ['text/x-own', 'said']);
    assert.equal((await ask('/echo', { base, method: 'POST', headers: { 'transfer-encoding': 'chunked' } })).status, 411);
    assert.deepEqual([(await ask('/echo', { base, method: 'POST' })).body.length, (await ask('/echo', { base, method: 'PUT' })).status], [0, 200]);
    assert.equal((await ask('/redirect', { base })).headers.location, '/you');
    assert.equal((await ask('/nothing', { base })).status, 404);
});

test('the commands use its mixnet and its site too', () => {
    const fetched = (url) => spawnSync(join(BUILD, 'lwmix'), ['fetch', '--network', playground.network, url], { timeout: 60_000 });
    const { status, stdout, stderr } = fetched(`https://${SITE}/you`);
    assert.equal(status, 0, String(stderr));
    assert.equal(JSON.parse(stdout).headers.host, SITE);
});

test('wrong options are one line and status 2', () => {
    const empty = mkdtempSync(join(tmpdir(), 'lwmix-test-'));
    const rows = [
        [['--listen', 'here'], /--listen takes IP:PORT.*here/],
        [['--listen', '0.0.0.0:0'], /0\.0\.0\.0:0: the page works on this machine alone/],
        [['--listen', new URL(playground.page).host], /cannot be listened on/],
        [['--page', empty], /index\.html/],
        [['--page', join(empty, 'none')], /No such file/],
        [['--network', empty, '--listen', '127.0.0.1:0'], /ready\.json: does 'lwmix mixnet' run there/],
        [['--mixes', '0'], /--mixes/],
        [['word'], /word/],
    ];
    for (const [args, words] of rows) {
        const { status, stderr } = command(...args);
        assert.deepEqual([args, status, stderr.trim().split('\n').length], [args, 2, 1], stderr);
        assert.match(stderr, words);
    }
    rmSync(empty, { recursive: true });
    assert.match(command('--help').stdout, /usage: lwmix playground/);
});

test('however it ends, the mixnet ends with it, and the folder goes when it may', async () => {
    for (const [signal, expected] of [['SIGTERM', { code: 0, signal: null }], ['SIGINT', { code: 0, signal: null }], ['SIGKILL', { code: null, signal: 'SIGKILL' }]]) {
        const one = await startPlayground();
        const { pid } = JSON.parse(readFileSync(join(one.network, 'ready.json'), 'utf8'));
        assert.ok(!gone(pid));
        const mixnetEnded = control(one.network, { do: 'stats' }).then((stats) => assert.ok(stats.ok));
        await mixnetEnded;
        const { code, signal: by } = await one.stop(signal); // its stderr is the mixnet's too: closed when both have ended
        assert.deepEqual({ code, signal: by }, expected);
        assert.ok(!existsSync(join(one.network, 'ready.json')), 'the mixnet has taken its leave');
        assert.equal(existsSync(one.network), signal === 'SIGKILL');
        rmSync(one.network, { recursive: true, force: true });
    }
});

test('without its mixnet it ends, and says so', async () => {
    const one = await startPlayground();
    const { pid } = JSON.parse(readFileSync(join(one.network, 'ready.json'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    const { code, errors } = await one.ended;
    assert.deepEqual([code, errors], [1, 'lwmix playground: the local mixnet has ended by itself, with signal 9\n']);
    assert.ok(!existsSync(one.network));
});

test('--network: a mixnet that runs already; one with host names is refused', async () => {
    const named = await startMixnet();
    const { status, stderr } = command('--network', named.folder, '--listen', '127.0.0.1:0');
    assert.deepEqual([status, /--nameless/.test(stderr)], [2, true], stderr);
    await named.stop();
    const mixnet = await startMixnet(['--nameless', '--mixes', '3']);
    const one = await startPlayground(['--network', mixnet.folder]);
    const context = await browser.newContext();
    try {
        const tab = await context.newPage();
        await tab.goto(one.page);
        await begin(tab);
        assert.match(await tab.getAttribute('#path svg', 'aria-label'), /Mix 2: one of 3/);
        assert.equal(await tab.locator('#path .tag').count(), 9);
        assert.equal((await tab.textContent('#path .tag')).trim(), 'mix1');
        await tab.click('#tab-compare');
        await tab.fill('#compare-url', 'http://site.example/');
        await tab.click('#compare-send');
        await settled(tab, 'compare');
        assert.match(await tab.textContent('#compare-status'), /no direct way to site\.example/);
    } finally {
        await context.close();
        await one.stop();
        await mixnet.stop();
    }
});

// ---- the page ----

const LOOKS = {
    light: { viewport: { width: 1360, height: 1000 }, colorScheme: 'light' },
    dark: { viewport: { width: 1360, height: 1000 }, colorScheme: 'dark' },
    phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, colorScheme: 'light' },
};

/** A page with what it complained of and where it went. */
async function open(look = 'light') {
    const context = await browser.newContext(LOOKS[look]);
    const tab = await context.newPage();
    const complaints = [];
    const hosts = new Set();
    tab.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()); });
    tab.on('pageerror', (error) => complaints.push(error.stack));
    tab.on('request', (request) => hosts.add(new URL(request.url()).hostname));
    await tab.goto(playground.page);
    await tab.waitForSelector('body[data-page=ready]');
    return { tab, complaints, hosts, close: () => context.close() };
}

async function begin(tab) {
    await tab.click('#power');
    await tab.waitForSelector('#status[data-kind=ready]');
}

const settled = (tab, tool) => tab.waitForSelector(`#${tool}-result[data-busy=false]`);

async function fetchHere(tab, chip) {
    await tab.click(`#fetch-examples >> text="${chip}"`);
    await tab.click('#fetch-send');
    await settled(tab, 'fetch');
    return tab.textContent('#fetch-status');
}

/** What the page shows of the statistics: exact values by their names. */
const shown = (tab) => tab.evaluate(() => Object.fromEntries([...document.querySelectorAll('#figures dd')].map((dd) => [dd.dataset.stat, Number(dd.dataset.value)])));
const statsOf = (tab) => tab.evaluate(async () => (await import('/app.js')).getTunnelStats());
const valueOf = (stats, name) => name.split('.').reduce((part, key) => part[key], stats);

async function accessible(tab, what) {
    await tab.evaluate(AXE);
    const found = await tab.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] })
        .then(({ violations }) => violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, where: nodes.slice(0, 4).map(({ target, any }) => [target.join(' '), any[0]?.message]) }))));
    assert.deepEqual(found.filter(({ impact }) => impact === 'serious' || impact === 'critical'), [], what);
}

/** The whole page, with packets under way. */
async function picture(tab, look, name) {
    const { viewport } = LOOKS[look];
    const height = await tab.evaluate(() => document.documentElement.scrollHeight);
    await tab.setViewportSize({ ...viewport, height });
    await tab.waitForFunction(() => document.querySelectorAll('.pulse[visibility=visible]').length > 3);
    await tab.screenshot({ path: join(SHOTS, `playground-${look}-${name}.png`) });
    await tab.setViewportSize(viewport);
}

test('start, path, figures and stop: what is shown is what the tunnel says', async () => {
    const { tab, complaints, hosts, close } = await open();
    assert.match(await tab.textContent('#status'), /Not started/);
    await begin(tab);
    assert.deepEqual(await tab.$$eval('#phases li', (all) => all.map((li) => [li.dataset.phase, li.className, /ms|s/.test(li.querySelector('b').textContent)])),
        ['directory', 'gateway', 'exit', 'ready'].map((phase) => [phase, 'done', true]));

    // The path names the nodes that the tunnel uses.
    const stats = await statsOf(tab);
    const nameOf = (identity) => config.nodes.find((node) => node.identity === identity).name;
    const path = await tab.getAttribute('#path svg', 'aria-label');
    assert.ok(path.includes(`Entry gateway: ${nameOf(stats.gateway)}`) && path.includes(`Exit: ${nameOf(stats.exit.split('@')[1])}`), path);
    for (const layer of [1, 2, 3]) assert.ok(path.includes(config.nodes.filter((node) => node.layer === layer).map(({ name }) => name).join(' · ')), path);
    assert.ok(path.includes(`Site: ${SITE}`), path);
    await tab.waitForSelector('.pulse[visibility=visible]', { state: 'attached' });

    // Between two questions of our own everything counted lies in between.
    assert.match(await fetchHere(tab, '100 kB'), /^200 OK, /);
    const before = await statsOf(tab);
    await tab.evaluate(async () => {
        const { onSample } = await import('/app.js');
        let seen = 0; // the first may have been on its way
        await new Promise((resolve) => { onSample(() => { if (++seen === 2) resolve(); }); });
    });
    const figures = await shown(tab);
    const after = await statsOf(tab);
    for (const name of ['packets.data', 'packets.cover', 'packets.acknowledged', 'packets.retransmitted', 'packets.replies', 'bytes.sent', 'bytes.received']) {
        const [low, value, high] = [valueOf(before, name), figures[name], valueOf(after, name)];
        assert.ok(low <= value && value <= high, `${name}: ${low} ≤ ${value} ≤ ${high}`);
    }
    assert.ok(figures['packets.data'] > 20 && figures['packets.replies'] > 60, JSON.stringify(figures));

    // Stopped, they stand still and are exactly the tunnel's; the plots' last values follow from the last samples.
    await tab.click('#power');
    await tab.waitForSelector('#status[data-kind=off]');
    const final = await statsOf(tab);
    const frozen = await shown(tab);
    for (const [name, value] of Object.entries(frozen)) assert.equal(value, valueOf(final, name), name);
    const { samples, legends } = await tab.evaluate(async () => ({ samples: (await import('/app.js')).samples,
        legends: Object.fromEntries([...document.querySelectorAll('figure[data-plot]')].map((f) => [f.dataset.plot, [...f.querySelectorAll('.legend b')].map((b) => b.textContent)])) }));
    const pairs = samples.map((now, i) => [samples[i - 1], now]).filter(([was, now]) => was && now.at - was.at >= 0.1);
    const [was, now] = pairs.at(-1);
    const rate = (read) => (read(now.stats) - read(was.stats)) / (now.at - was.at);
    const one = (value) => (value < 9.95 ? value.toFixed(1) : value.toFixed(0));
    assert.deepEqual(legends.packets, [rate((s) => s.packets.data + s.packets.retransmitted), rate((s) => s.packets.cover), rate((s) => s.packets.acknowledged)].map(one));
    assert.deepEqual(legends.throughput.slice(0, 2), [rate((s) => s.bytes.sent) / 1000, rate((s) => s.bytes.received) / 1000].map(one));
    assert.deepEqual(legends.surbs, [String(now.stats.surbs)]);
    assert.deepEqual(legends.rtt, [one(now.stats.roundTripMs), one(now.stats.gatewayRoundTripMs)]);
    assert.deepEqual(legends.queue, [now.stats.queue.waiting, now.stats.queue.unacknowledged].map(String));
    assert.equal(samples.at(-1).payload, 100_000, 'the payload counted is the body fetched');

    assert.deepEqual([complaints, [...hosts]], [[], ['127.0.0.1']]);
    await close();
});

test('fetch: every example, headers, an echo, an abort, errors; waterfall and preview', async () => {
    const { tab, complaints, close } = await open();
    await tab.click('#fetch-send');
    await settled(tab, 'fetch');
    assert.match(await tab.textContent('#fetch-status'), /not ready|not set up|tunnel/i, 'without a tunnel it says so');
    await begin(tab);

    assert.match(await fetchHere(tab, 'A page'), /^200 OK/);
    assert.match(await tab.textContent('#fetch-preview pre'), /<h1>It works\.<\/h1>/, 'markup is shown as text');
    assert.equal(await tab.locator('#fetch-preview h1').count(), 0);
    const steps = await tab.$$eval('#fetch-waterfall [data-step]', (all) => all.map((td) => td.dataset.step));
    assert.deepEqual(steps.filter((step) => ['dns', 'tcp', 'tls', 'wait'].includes(step)), ['dns', 'tcp', 'wait'], 'plain http on a new connection');

    assert.match(await fetchHere(tab, 'Over TLS'), /^200 OK/);
    assert.ok((await tab.$$eval('#fetch-waterfall [data-step]', (all) => all.map((td) => td.dataset.step))).includes('tls'));
    assert.equal(JSON.parse(await tab.textContent('#fetch-preview pre')).headers.host, SITE);

    assert.match(await fetchHere(tab, '100 kB'), /^200 OK/);
    const expected = createHash('sha256').update((await ask('/bytes?n=100000', { base: config.site.direct })).body).digest('hex');
    assert.equal(await tab.getAttribute('#fetch-bytes', 'data-value'), '100000');
    assert.ok((await tab.textContent('#fetch-bytes')).includes(expected.slice(0, 16)), 'every byte is as the site sent it');
    assert.match(await tab.textContent('#fetch-waterfall caption'), /on a connection that was open/);
    assert.match(await tab.textContent('#fetch-preview pre'), /^000000  [0-9a-f]{2} /, 'bytes as numbers');
    assert.equal(await tab.getAttribute('#fetch-progress', 'value'), '1');

    await fetchHere(tab, 'A picture');
    assert.ok(await tab.$eval('#fetch-preview img', (img) => img.decode().then(() => img.naturalWidth > 0)));
    assert.match(await fetchHere(tab, 'A redirect'), new RegExp(`^200 OK from http://${SITE}/you`));
    await fetchHere(tab, 'An echo');
    assert.equal(await tab.textContent('#fetch-preview pre'), JSON.stringify({ through: 'five hops' }, null, 2));
    await tab.click('#fetch-headers-out summary');
    assert.match(await tab.textContent('#fetch-headers-out dl'), /content-typeapplication\/json/);

    await tab.fill('#fetch-url', `http://${SITE}/you`);
    await tab.selectOption('#fetch-method', 'GET');
    await tab.fill('#fetch-body', '');
    await tab.fill('#fetch-headers', 'X-Mine: one: two\nUser-Agent: myself');
    await tab.click('#fetch-send');
    await settled(tab, 'fetch');
    const { headers } = JSON.parse(await tab.textContent('#fetch-preview pre'));
    assert.deepEqual([headers['x-mine'], headers['user-agent']], ['one: two', 'myself']);

    await tab.fill('#fetch-headers', 'no header');
    await tab.click('#fetch-send');
    await settled(tab, 'fetch');
    assert.match(await tab.textContent('#fetch-status'), /“no header” is no header/);
    await tab.fill('#fetch-headers', '');
    await tab.fill('#fetch-url', 'http://nothing.nym.test/');
    await tab.click('#fetch-send');
    await settled(tab, 'fetch');
    assert.match(await tab.textContent('#fetch-status'), /DNS_NOT_FOUND/);
    assert.match(await tab.textContent('#log'), /DNS_NOT_FOUND/);

    await tab.fill('#fetch-url', `http://${SITE}/bytes?n=5000000`);
    await tab.click('#fetch-send');
    await tab.waitForFunction(() => document.querySelector('#fetch-progress').value > 0 && /\/s$/.test(document.querySelector('#fetch-bytes').textContent));
    await tab.click('#fetch-abort');
    await settled(tab, 'fetch');
    assert.match(await tab.textContent('#fetch-status'), /Aborted by you/);
    assert.deepEqual(complaints, []);
    await close();
});

test('names: records, times to live, an error; nothing chosen', async () => {
    const { tab, close } = await open();
    await begin(tab);
    await tab.click('#tab-dns');
    assert.equal(await tab.inputValue('#dns-name'), SITE);
    await tab.click('#dns-send');
    await settled(tab, 'dns');
    assert.match(await tab.textContent('#dns-status'), /^1 record in /);
    const [type, ttl, value] = await tab.$$eval('#dns-records tr:first-child > *', (cells) => cells.map((cell) => cell.textContent));
    assert.deepEqual([type, value], ['A', '93.184.216.34']);
    assert.ok(Number.parseInt(ttl, 10) > 280 && Number.parseInt(ttl, 10) <= 300, ttl);
    await tab.click('#dns-send');
    await settled(tab, 'dns');
    assert.match(await tab.textContent('#dns-status'), /from the cache/);
    await tab.fill('#dns-name', 'nothing.nym.test');
    await tab.click('#dns-send');
    await settled(tab, 'dns');
    assert.match(await tab.textContent('#dns-status'), /DNS_NOT_FOUND/);
    for (const type_ of ['A', 'AAAA']) await tab.click(`#dns-types input[value=${type_}]`);
    await tab.click('#dns-send');
    await settled(tab, 'dns');
    assert.match(await tab.textContent('#dns-status'), /No type of records is chosen/);
    await close();
});

test('WebSocket: open, text and binary, close; a page that is none', async () => {
    const { tab, complaints, close } = await open();
    await begin(tab);
    await tab.click('#tab-socket');
    await tab.click('#socket-open');
    await tab.waitForSelector('#socket-status.good');
    const line = (n) => tab.waitForSelector(`#socket-lines li:nth-child(${n})`).then((li) => li.textContent());
    await tab.fill('#socket-text', 'hello, grüße');
    await tab.click('#socket-send');
    assert.match(await line(1), /→sent: hello, grüße14 B/);
    assert.match(await line(2), /←received: hello, grüße14 B, \d+ ms after/);
    await tab.check('#socket-binary');
    await tab.fill('#socket-text', 'AZ');
    await tab.press('#socket-text', 'Enter');
    assert.match(await line(4), /←received: 41 5a2 B, binary/);
    await tab.click('#socket-open');
    await tab.waitForFunction(() => document.querySelector('#socket-status').textContent === 'Closed: 1000');
    assert.ok(await tab.isDisabled('#socket-send'));
    await tab.fill('#socket-url', 'wss://nothing.nym.test/');
    await tab.click('#socket-open');
    await tab.waitForSelector('#socket-status.bad');
    assert.match(await tab.textContent('#socket-lines'), /DNS_NOT_FOUND/);
    await tab.fill('#socket-url', 'gopher:');
    await tab.click('#socket-open');
    assert.match(await tab.textContent('#socket-status.bad'), /gopher|URL|scheme/i);
    assert.deepEqual(complaints, []);
    await close();
});

test('compare: direct and through the mixnet, in turn', async () => {
    const { tab, complaints, close } = await open();
    await begin(tab);
    await tab.click('#tab-compare');
    await tab.selectOption('#compare-runs', '3');
    await tab.click('#compare-send');
    await settled(tab, 'compare');
    const rows = await tab.$$eval('#compare-rows tr', (all) => all.map((tr) => [tr.querySelector('th').textContent, Number(tr.querySelector('[data-whole]').dataset.whole)]));
    assert.deepEqual(rows.map(([way]) => way), ['direct', 'mixnet', 'direct', 'mixnet', 'direct', 'mixnet']);
    const median = (way) => rows.filter((row) => row[0] === way).map((row) => row[1]).sort((a, b) => a - b)[1];
    assert.ok(median('direct') > 0 && median('mixnet') > median('direct'), JSON.stringify(rows));
    const words = await tab.textContent('#compare-status');
    const ratio = median('mixnet') / Math.max(median('direct'), 0.1);
    assert.ok(words.endsWith(`${ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0)} times as long.`), words);
    assert.deepEqual(complaints, []);
    await close();
});

test('options: a field for each, used at the next start, wrong ones told; the code beside them', async () => {
    const { tab, close } = await open();
    await tab.click('#tab-options');
    const names = await tab.$$eval('[id^=option-]', (all) => all.map(({ id }) => id.slice('option-'.length)));
    const known = [...readFileSync(new URL('../packages/mix-tunnel/src/types.ts', import.meta.url), 'utf8').split('export interface SetupMixTunnelOpts {')[1].split('\n}')[0]
        .matchAll(/^ {4}(\w+)\?:/gm)].map(([, name]) => name);
    assert.deepEqual(names.sort(), known.filter((name) => name !== 'storageFolder').sort());
    await tab.selectOption('#option-disableCoverTraffic', 'true');
    await tab.selectOption('#option-disablePoissonTraffic', 'true');
    await tab.fill('#option-userAgent', 'chosen here');
    await tab.fill('#option-storagePassphrase', 'secret words');
    const code = await tab.textContent('#options-code');
    assert.match(code, /disableCoverTraffic: true/);
    assert.doesNotMatch(code, /secret words/);
    await begin(tab);
    await tab.click('#tab-fetch');
    await fetchHere(tab, 'Over TLS');
    assert.equal(JSON.parse(await tab.textContent('#fetch-preview pre')).headers['user-agent'], 'chosen here');
    assert.equal((await statsOf(tab)).packets.cover, 0, 'no cover, as was chosen');
    await tab.click('#power');
    await tab.waitForSelector('#status[data-kind=off]');
    await tab.click('#tab-options');
    await tab.fill('#option-primaryDns', 'nowhere');
    await tab.click('#power');
    await tab.waitForSelector('#status[data-kind=failed]');
    assert.match(await tab.textContent('#status'), /invalid DNS resolver 'nowhere'/);
    await tab.click('#options-reset');
    assert.doesNotMatch(await tab.textContent('#options-code'), /nowhere|disableCover/);
    await begin(tab);
    await close();
});

test('what breaks is shown: the gateway cuts, the tunnel mends', async () => {
    const { tab, close } = await open();
    await begin(tab);
    await control(playground.network, { do: 'cut', ms: 1500 });
    await tab.waitForSelector('#status[data-kind=degraded]');
    await tab.waitForSelector('#status[data-kind=ready]');
    assert.match(await tab.textContent('#log'), /warndegraded at gateway/);
    assert.match(await fetchHere(tab, 'A page'), /^200 OK/);
    await close();
});

test('the main network is used only after its notice; the log has levels', async () => {
    const { tab, hosts, close } = await open();
    await tab.click('#network input[value=main]'); // it springs back until it is confirmed
    await tab.waitForSelector('#main-dialog[open]');
    assert.match(await tab.textContent('#main-dialog'), /validator\.nymtech\.net/);
    await tab.click('text=Stay local');
    assert.ok(await tab.isChecked('#network input[value=local]'));
    assert.ok(await tab.isHidden('#main-notice'));
    await tab.click('#network input[value=main]');
    await tab.click('#main-go');
    await tab.waitForSelector('body[data-network=main]');
    assert.ok(await tab.isVisible('#main-notice'));
    await tab.click('#tab-options');
    assert.doesNotMatch(await tab.textContent('#options-code'), /127\.0\.0\.1|forceTls/);
    assert.deepEqual([...hosts], ['127.0.0.1'], 'nothing was asked before Start');
    await tab.fill('#option-setupTimeoutMs', '3000');
    await tab.click('#power'); // there is no such name here: it fails, and says at what
    await tab.waitForSelector('#status[data-kind=failed]');
    assert.match(await tab.textContent('#phases .failed'), /Directory/);
    assert.ok(hosts.has('validator.nymtech.net'));
    const visible = () => tab.$$eval('#log li:not([hidden])', (all) => all.map((li) => li.dataset.level));
    assert.ok((await visible()).includes('info'));
    await tab.selectOption('#log-level', 'error');
    assert.deepEqual([...new Set(await visible())], ['error']);
    await tab.selectOption('#log-level', 'debug');
    assert.ok((await visible()).includes('debug'));
    await tab.click('#log-clear');
    assert.equal(await tab.locator('#log li').count(), 0);
    await tab.click('#network input[value=local]');
    await tab.fill('#option-setupTimeoutMs', '');
    await begin(tab);
    await close();
});

test('by keyboard alone: tabs by arrows, a request by Enter', async () => {
    const { tab, close } = await open();
    await tab.keyboard.press('Tab');
    assert.equal(await tab.evaluate(() => document.activeElement.className), 'skip');
    await tab.focus('#power');
    await tab.keyboard.press('Enter');
    await tab.waitForSelector('#status[data-kind=ready]');
    await tab.focus('#tab-fetch');
    const selected = () => tab.evaluate(() => [document.activeElement.id, document.querySelector('[role=tab][aria-selected=true]').id, document.querySelector('[role=tabpanel]:not([hidden])').id]);
    await tab.keyboard.press('ArrowRight');
    assert.deepEqual(await selected(), ['tab-dns', 'tab-dns', 'panel-dns']);
    await tab.keyboard.press('End');
    assert.deepEqual(await selected(), ['tab-options', 'tab-options', 'panel-options']);
    await tab.keyboard.press('ArrowRight');
    assert.deepEqual(await selected(), ['tab-fetch', 'tab-fetch', 'panel-fetch']);
    await tab.focus('#fetch-url');
    await tab.keyboard.press('Enter');
    await settled(tab, 'fetch');
    assert.match(await tab.textContent('#fetch-status'), /^200 OK/);
    await close();
});

test('colours: the system’s, light, dark; kept for the next visit', async () => {
    const { tab, close } = await open('dark');
    const ground = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await tab.click('#theme');
    const light = await ground();
    assert.notEqual(light, dark);
    await tab.reload();
    assert.equal(await ground(), light);
    await tab.click('#theme');
    assert.equal(await ground(), dark);
    await close();
});

test('static hosting: without the command there is the main network', async () => {
    const files = fileURLToPath(new URL('../build/playground', import.meta.url));
    const server = http.createServer((request, response) => {
        const name = request.url === '/' ? 'index.html' : request.url.slice(1);
        const type = { html: 'text/html', js: 'text/javascript', css: 'text/css', wasm: 'application/wasm', svg: 'image/svg+xml' }[name.split('.').at(-1)];
        if (!type || !existsSync(join(files, name))) response.writeHead(404).end();
        else response.writeHead(200, { 'content-type': type }).end(readFileSync(join(files, name)));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const context = await browser.newContext();
    const tab = await context.newPage();
    await tab.goto(`http://127.0.0.1:${server.address().port}/`);
    await tab.waitForSelector('body[data-network=main]');
    assert.ok(await tab.isDisabled('#network input[value=local]'));
    assert.ok(await tab.isVisible('#main-notice'));
    await context.close();
    server.closeAllConnections();
    server.close();
});

for (const look of Object.keys(LOOKS)) {
    test(`${look}: no serious finding for a screen reader, nothing wider than the screen; screenshots`, async () => {
        const { tab, complaints, close } = await open(look);
        await accessible(tab, 'before the start');
        await begin(tab);
        await fetchHere(tab, '100 kB');
        await fetchHere(tab, 'Over TLS');
        await tab.click('#tab-dns');
        await tab.click('#dns-send');
        await settled(tab, 'dns');
        await tab.click('#tab-socket');
        await tab.click('#socket-open');
        await tab.waitForSelector('#socket-status.good');
        for (const [i, words] of ['hello', 'is anybody there?'].entries()) {
            await tab.fill('#socket-text', words);
            await tab.click('#socket-send');
            await tab.waitForSelector(`#socket-lines li:nth-child(${2 * i + 2})`);
        }
        await tab.click('#tab-compare');
        await tab.click('#compare-send');
        await settled(tab, 'compare');
        for (const panel of ['fetch', 'dns', 'socket', 'compare', 'options']) {
            await tab.click(`#tab-${panel}`);
            await accessible(tab, panel);
            assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${panel}: scrolls sideways`);
            await picture(tab, look, panel);
        }
        await tab.click('#tab-fetch');
        await tab.click('#network input[value=main]');
        await tab.waitForSelector('#main-dialog[open]');
        await accessible(tab, 'notice');
        await tab.screenshot({ path: join(SHOTS, `playground-${look}-notice.png`) });
        assert.deepEqual(complaints, []);
        await close();
    }, { ms: 180_000 });
}

await run({ lines: () => playground.errors() });
await browser.close();
await within(playground.stop(), 'the playground ends');
