// SPDX-License-Identifier: Apache-2.0
// Servers that break every rule, each through one tunnel that serves others meanwhile: which error each gives, and that nothing else comes of it.
// Then by `lwmix fetch`: exit status and sentence. hostile.test.mjs [PART | one KIND]. Closes with "hostile: N passed, M failed".
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILD } from './mixnet.mjs';
import { makeReport, within } from './report.mjs';
import { pattern, sha256 } from './servers.mjs';
import { makeChains } from './sites/certificates.mjs';
import { startHostile } from './sites/hostile.mjs';
import { FAST, SITE, openPlace } from './sites/place.mjs';
import { startWeb } from './sites/web.mjs';

const BAD = '93.184.216.66';
const AT_ONCE = 5;
const MEMORY = 8e6; // what all of it may leave behind or hold at a time
const LIMIT_MS = 2500; // for what would go on for ever
const report = makeReport('hostile');
const { check, same } = report;

/** kind: the error it gives; or what is right, as [bytes or text]. "late": only a time limit ends it. */
const PLAIN = {
    silent: 'HTTP_TIMEOUT', 'closes-at-once': 'HTTP_CUT', 'resets-at-once': 'TCP_RESET', drip: ['letter after letter.'],
    'headers-endless': 'HTTP_TOO_LARGE', 'header-endless': 'HTTP_TOO_LARGE', 'status-endless': 'HTTP_TOO_LARGE', 'informational-endless': 'HTTP_TOO_LARGE',
    'chunks-endless': 'HTTP_TIMEOUT', 'chunks-empty-extension': 'HTTP_TIMEOUT', 'trailers-endless': 'HTTP_TOO_LARGE',
    'chunk-size-bad': 'HTTP_PROTOCOL', 'chunk-size-huge': 'HTTP_PROTOCOL', 'chunk-cut': 'HTTP_CUT',
    'length-short': 'HTTP_CUT', 'length-reset': 'TCP_RESET', 'length-long': ['right'], 'length-twice': 'HTTP_PROTOCOL', 'length-negative': 'HTTP_PROTOCOL',
    'length-word': 'HTTP_PROTOCOL', 'length-huge': 'HTTP_PROTOCOL', 'length-and-chunked': ['right'], 'transfer-encoding-unknown': 'HTTP_ENCODING',
    'head-cut': 'HTTP_CUT', 'header-no-colon': 'HTTP_PROTOCOL', 'header-nul': 'HTTP_PROTOCOL', 'header-bytes': ['right'], 'header-folded': ['right'],
    'not-http': 'HTTP_PROTOCOL', 'http-0.9': 'HTTP_PROTOCOL', 'http-9': 'HTTP_PROTOCOL', 'status-word': 'HTTP_PROTOCOL', 'status-999': [''],
    'status-99': 'HTTP_PROTOCOL', switches: 'HTTP_PROTOCOL', garbage: 'HTTP_PROTOCOL', bomb: 'HTTP_ENCODING',
    'gzip-cut': [undefined], 'gzip-garbage': 'HTTP_ENCODING', 'gzip-trailing': 'HTTP_PROTOCOL', 'br-garbage': 'HTTP_ENCODING', 'br-window': 'HTTP_ENCODING',
    'zstd-window': 'HTTP_ENCODING', 'codings-many': 'HTTP_ENCODING', 'coding-unknown': 'HTTP_ENCODING',
};
const SECURE = {
    expired: 'TLS_EXPIRED', 'not-yet': 'TLS_EXPIRED', 'wrong-name': 'TLS_NAME', 'no-name': 'TLS_NAME', 'self-signed': 'TLS_UNTRUSTED',
    stranger: 'TLS_UNTRUSTED', 'no-intermediate': 'TLS_UNTRUSTED', 'not-permitted': 'TLS_CERTIFICATE', excluded: 'TLS_CERTIFICATE',
    'too-long': 'TLS_CERTIFICATE', 'no-authority': 'TLS_CERTIFICATE', 'old-intermediate': 'TLS_EXPIRED', 'for-clients': 'TLS_CERTIFICATE',
    'short-key': 'TLS_CERTIFICATE',
    'tls-silent': 'HTTP_TIMEOUT', 'tls-closes': 'TLS_HANDSHAKE', 'tls-resets': 'TCP_RESET', 'tls-alert': 'TLS_HANDSHAKE', 'tls-alert-name': 'TLS_HANDSHAKE',
    'tls-alert-internal': 'TLS_HANDSHAKE', 'tls-plain-http': 'TLS_HANDSHAKE', 'tls-garbage': 'TLS_HANDSHAKE', 'tls-endless': 'TLS_HANDSHAKE',
    'tls-record-huge': 'TLS_HANDSHAKE', 'tls-1.1': 'TLS_HANDSHAKE',
};
const HTTP2 = {
    'h2-silent': 'HTTP_TIMEOUT', 'h2-closes': 'HTTP_CUT', 'h2-garbage': 'HTTP_PROTOCOL', 'h2-frame-huge': 'HTTP_PROTOCOL', 'h2-refuses': 'HTTP_CUT',
    'h2-rapid-reset': 'HTTP_PROTOCOL', 'h2-cut': 'HTTP_CUT', 'h2-short': 'HTTP_PROTOCOL', 'h2-goaway': 'HTTP_CUT', 'h2-goaway-error': 'HTTP_CUT|HTTP_PROTOCOL',
    'h2-ping-flood': 'HTTP_PROTOCOL', 'h2-settings-flood': 'HTTP_PROTOCOL', 'h2-empty-data-flood': 'HTTP_TIMEOUT', 'h2-priority-flood': 'HTTP_TIMEOUT',
    'h2-window-flood': 'HTTP_TIMEOUT', 'h2-window-overflow': 'HTTP_PROTOCOL', 'h2-headers-flood': 'HTTP_TOO_LARGE|HTTP_PROTOCOL', 'h2-continuation-flood': 'HTTP_PROTOCOL',
    'h2-hpack-bomb': 'HTTP_TOO_LARGE|HTTP_PROTOCOL', 'h2-hpack-bad': 'HTTP_PROTOCOL', 'h2-header-uppercase': 'HTTP_PROTOCOL', 'h2-no-status': 'HTTP_PROTOCOL',
    'h2-push': 'HTTP_PROTOCOL', 'h2-stream-unknown': 'HTTP_PROTOCOL', 'h2-data-unasked': 'HTTP_PROTOCOL', 'h2-window-exceeded': 'HTTP_TIMEOUT',
    'h2-data-endless': 'HTTP_TIMEOUT',
};
const url = (kind) => (kind in PLAIN || kind === 'drip-forever' ? `http://bad.example/${kind}` : `https://${kind}.bad.example/`);

const folder = mkdtempSync(join(tmpdir(), 'lwmix-hostile-'));
const chains = makeChains(join(folder, 'pki'));
const hostile = await startHostile(chains);
const web = await startWeb(chains.good);
const local = (port) => `127.0.0.1:${port}`;
const names = Object.fromEntries([...Object.keys(SECURE), ...Object.keys(HTTP2)].map((kind) => [`${kind}.bad.example`, BAD]));
const place = await openPlace({
    names: { 'site.example': SITE, 'bad.example': BAD, ...names },
    ports: { [`${SITE}:80`]: local(web.ports.http), [`${SITE}:443`]: local(web.ports.https), [`${BAD}:80`]: local(hostile.http), [`${BAD}:443`]: local(hostile.https) },
    root: chains.root,
    args: ['--no-cover'],
});
const t = await place.driver();
const digest = (n) => sha256(pattern(n));

/** One of them, with another request on the same tunnel while it lasts. */
async function meet(kind, expected) {
    const reached = hostile.reached(kind);
    const done = t.fetch(url(kind), { timeout_ms: expected.includes('HTTP_TIMEOUT') ? LIMIT_MS : 30_000 });
    const { closed } = await within(reached, `${kind} is reached`);
    const others = Promise.all(['http', 'https'].map((scheme) => t.fetch(`${scheme}://site.example/bytes?n=3000`)));
    const result = await within(done, `the end of ${kind}`);
    if (Array.isArray(expected)) same([result.error?.code ?? null, expected[0] === undefined ? undefined : result.text], [null, expected[0]], kind);
    else check(expected.split('|').some((code) => result.error?.code === `MIX_ERR_${code}`), `${kind}: ${expected}`, result);
    if (result.error) check(result.error.words !== '' && result.error.text !== '', `${kind} has words`, result.error);
    same((await within(others, `others beside ${kind}`)).map((r) => r.sha256), Array(2).fill(digest(3000)), `others beside ${kind}`);
    if (result.error && !(kind in HTTP2)) await within(closed, `${kind}: its connection's end`);
}

async function all(kinds) {
    const before = (await t.stats()).memory;
    const queue = Object.entries(kinds);
    let most = before;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        for (let next; (next = queue.shift());) {
            await meet(...next).catch((error) => check(false, next[0], error.stack));
            most = Math.max(most, (await t.stats()).memory);
        }
    }));
    check(most - before < MEMORY, 'memory', { before, most });
    console.log(`memory: ${(before / 1e6).toFixed(1)} MB, at most ${(most / 1e6).toFixed(1)} MB`);
    same((await t.stats()).state, 'ready', 'the tunnel');
}

const one = process.argv[3]; // hostile.test.mjs one KIND
/** `lwmix fetch` with these arguments; interrupt: a promise after which it gets SIGINT. */
function lwmix(args, interrupt) {
    const child = spawn(join(BUILD, 'lwmix'), ['fetch', ...place.cli, ...FAST, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = 0;
    let err = '';
    child.stdout.on('data', (data) => { out += data.length; });
    child.stderr.on('data', (data) => { err += data; });
    const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code: code ?? signal, out, err })));
    interrupt?.then(() => child.kill('SIGINT'));
    return ended;
}

/** kind: exit status and a word of the sentence. */
const SENTENCES = {
    silent: [12, 'time limit'], 'closes-at-once': [10, 'ended in the middle|reset'], 'headers-endless': [10, 'headers are too large'], 'chunk-size-bad': [10, 'breaks the protocol'],
    'length-short': [10, 'ended in the middle|reset'], 'gzip-garbage': [10, 'encoding'], bomb: [10, '200 times'], expired: [9, 'expired'], 'wrong-name': [9, 'another name'],
    'self-signed': [9, 'trusted root'], 'not-permitted': [9, 'not acceptable'], 'tls-alert': [9, 'handshake'], 'h2-garbage': [10, 'breaks the protocol'], 'h2-ping-flood': [10, 'breaks the protocol'],
};
async function command() {
    const queue = Object.entries(SENTENCES);
    const worker = async () => {
        for (let next; (next = queue.shift());) {
            const [kind, [code, words]] = next;
            const got = await lwmix(['-m', kind === 'silent' ? '4' : '30', '-o', '/dev/null', url(kind)]);
            check(got.code === code && got.err.split('\n').length === 2 && new RegExp(words).test(got.err), `lwmix fetch of ${kind}: status ${code}, one line with '${words}'`, got);
        }
    };
    await Promise.all([worker(), worker(), worker()]);
}

/** SIGINT while a request is in each of its phases. */
async function interrupts() {
    await Promise.all(['tls-silent', 'silent', 'drip-forever', 'chunks-endless', 'h2-silent', 'h2-data-endless'].map(async (kind) => {
        const reached = hostile.reached(kind);
        const got = await within(lwmix(['-o', '/dev/null', url(kind)], reached), `the end of ${kind} after SIGINT`);
        check(got.code === 130 && got.err.split('\n').length <= 2, `SIGINT in ${kind}`, got);
        await reached;
    }));
}

const parts = { one: () => one && all(Object.fromEntries([[one, { ...PLAIN, ...SECURE, ...HTTP2 }[one]]])), plain: () => all(PLAIN), secure: () => all(SECURE), http2: () => all(HTTP2), command, interrupts };
await report.run(parts);
await place.close(report);
hostile.close();
web.close();
rmSync(folder, { recursive: true, force: true });
report.close();
