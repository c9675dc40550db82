// SPDX-License-Identifier: Apache-2.0
// Requests through a whole local mixnet to nginx and to a web of our own: methods, redirects, encodings, sizes, many at a time, slow readers,
// aborts, time limits, resumption, IPv6. sites.test.mjs [PART]. Closes with "sites: N passed, M failed".
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeReport, within } from './report.mjs';
import { pattern, sha256 } from './servers.mjs';
import { makeChains } from './sites/certificates.mjs';
import { FILE_BYTES, TEXT, startNginx } from './sites/nginx.mjs';
import { FAST, SITE, SITE6, openPlace } from './sites/place.mjs';
import { startSilence } from './sites/silence.mjs';
import { startWeb } from './sites/web.mjs';

const SILENT = '93.184.216.50'; // a host that is there and says nothing
const SILENT_DNS = '9.9.9.9';
const LARGE = 10_000_000;
const report = makeReport('sites');
const { check, same } = report;

const folder = mkdtempSync(join(tmpdir(), 'lwmix-sites-'));
const chains = makeChains(join(folder, 'pki'));
const nginx = await startNginx(folder, chains.good);
const web = await startWeb(chains.good);
const silence = await startSilence();
const HTTP = 'http://site.example';
const HTTPS = 'https://site.example';
const NGINX = { http: 'http://site.example:8080', https1: 'https://site.example:8443', https2: 'https://site.example:9443', tls12: 'https://site.example:7443', once2: 'https://site.example:6443' };
const local = (port) => `127.0.0.1:${port}`;
const place = await openPlace({
    names: { 'site.example': SITE, 'other.example': SITE, 'six.example': SITE6, 'both.example': [SITE, SITE6], 'silent.example': SILENT },
    ports: {
        [`${SITE}:80`]: local(web.ports.http), [`${SITE}:443`]: local(web.ports.https), [`[${SITE6}]:80`]: `[::1]:${web.ports.http6}`,
        [`${SITE}:8080`]: local(nginx.ports.http), [`${SITE}:8443`]: local(nginx.ports.https1), [`${SITE}:9443`]: local(nginx.ports.https2),
        [`${SITE}:7443`]: local(nginx.ports.tls12), [`${SITE}:6443`]: local(nginx.ports.once2), [`[${SITE6}]:443`]: `[::1]:${nginx.ports.https2}`,
        [`${SILENT}:80`]: local(silence.full), [`${SILENT}:443`]: local(silence.mute), [`${SILENT}:90`]: local(silence.mute),
        [`${SILENT_DNS}:53`]: local(silence.dns),
    },
    root: chains.root,
    args: ['--no-cover'],
});
const t = await place.driver([...FAST, '--connect-timeout', '3']);
const ok = (result, what) => check(result.error === null && result.response?.status === 200, what, result);
const json = (result) => (result.text ? JSON.parse(result.text) : {});
const fails = (result, code, what) => same(result.error?.code ?? result.response?.status, `MIX_ERR_${code}`, `${what} (${result.error?.words ?? ''})`);
const digest = (n) => sha256(pattern(n));
const each = (list, run) => Promise.all(list.map(run));
/** The tunnel serves others. */
async function works(after) {
    const result = await within(t.fetch(`${HTTP}/bytes?n=1000`), `a page after ${after}`);
    same(result.sha256, digest(1000), `a page after ${after}`);
}

async function methods() {
    for (const [base, version, major] of [[HTTP, 11, '1.1'], [HTTPS, 20, '2.0']]) {
        await each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'REPORT'], async (method) => {
            const body = ['GET', 'OPTIONS', 'DELETE'].includes(method) ? undefined : `the body of ${method}`;
            const got = await t.fetch(`${base}/echo?x=%20y`, { method, body, headers: [['X-Word', 'a b'], ['Content-Type', 'text/x-test']] });
            const seen = json(got);
            ok(got, `${method} over ${version}`);
            same([seen.method, seen.httpVersion, seen.sha256, seen.headers?.['x-word'], seen.headers?.['content-type'], got.response?.version],
                [method, major, sha256(body ?? ''), 'a b', 'text/x-test', version], `${method} as the server saw it`);
        });
        const empty = json(await t.fetch(`${base}/echo`, { method: 'POST', body: '' }));
        same([empty.length, empty.headers['content-length'], empty.headers['user-agent']], [0, '0', 'lwmix'], 'a POST of nothing');
        const bare = json(await t.fetch(`${base}/echo`, { method: 'DELETE' }));
        same([bare.length, bare.headers['transfer-encoding']], [0, undefined], 'a DELETE without a body');
        const head = await t.fetch(`${base}/bytes?n=12345`, { method: 'HEAD' });
        ok(head, 'HEAD');
        same([head.bytes, head.response.header('content-length'), head.response.null_body], [0, '12345', true], 'HEAD has the length and no body');
        const mirrored = await t.fetch(`${base}/mirror`, { method: 'POST', pattern: 50_000, streams: true });
        same(mirrored.sha256, digest(50_000), 'a body of unknown length that streams both ways');
    }
    await each([[204, 0], [304, 0], [404, 10], [500, 10], [418, 10]], async ([code, bytes]) => {
        const got = await t.fetch(`${HTTP}/status?code=${code}`);
        same([got.response?.status, got.bytes, got.error], [code, bytes, null], `status ${code}`);
    });
    fails(await t.fetch(`${HTTP}/`, { method: 'CONNECT' }), 'FETCH_METHOD', 'CONNECT');
    fails(await t.fetch(`${HTTP}/`, { method: 'TRACE' }), 'FETCH_METHOD', 'TRACE');
    fails(await t.fetch(`${HTTP}/`, { method: 'GET', body: 'x' }), 'FETCH_METHOD', 'GET with a body');
    fails(await t.fetch(`${HTTP}/`, { headers: [['X-A', 'b\r\nX-Evil: c']] }), 'HTTP_REQUEST', 'a header with a line break');
    fails(await t.fetch('ftp://site.example/'), 'HTTP_SCHEME', 'ftp');
    fails(await t.fetch('http://site.example:99999/'), 'HTTP_URL', 'a port that cannot be');
}

async function redirects() {
    const to = (code, path = '/echo') => `/redirect?code=${code}&to=${encodeURIComponent(path)}`;
    for (const base of [HTTP, HTTPS])
        await each([[301, 'GET', 'PUT'], [302, 'GET', 'PUT'], [303, 'GET', 'GET'], [307, 'POST', 'PUT'], [308, 'POST', 'PUT']], ([code, posted, put]) =>
            each([['GET', 'GET'], ['POST', posted], ['PUT', put]], async ([method, expected]) => {
                const body = method === 'GET' ? undefined : 'said once';
                const got = await t.fetch(base + to(code), { method, body, headers: body ? [['Content-Type', 'text/x-test']] : [] });
                const seen = json(got);
                same([seen.method, seen.sha256, seen.headers?.['content-type'], got.response?.redirected, got.response?.url],
                    [expected, sha256(expected === 'GET' ? '' : body), expected === 'GET' ? undefined : 'text/x-test', true, `${base}/echo`], `${method} after ${code}`);
            }));
    for (const mode of ['manual', 'error']) {
        const got = await t.fetch(HTTP + to(302), { redirect: mode });
        if (mode === 'manual') same([got.response?.status, got.response?.header('location'), got.response?.redirected, got.text], [302, '/echo', false, 'moved'], 'manual');
        else fails(got, 'FETCH_REDIRECT_REFUSED', 'error');
    }
    fails(await t.fetch(`${HTTP}/loop`), 'FETCH_REDIRECTS', 'a loop');
    const few = await t.fetch(`${HTTP}/loop`, { max_redirects: 3 });
    fails(few, 'FETCH_REDIRECTS', 'at most 3');
    same(few.redirects, 3, 'three were followed');
    fails(await t.fetch(HTTPS + to(302, `${HTTP}/echo`)), 'FETCH_DOWNGRADE', 'from https to http');
    const up = await t.fetch(HTTP + to(302, `${HTTPS}/echo`));
    same([json(up).httpVersion, up.response?.url], ['2.0', `${HTTPS}/echo`], 'from http to https');
    await each(['ftp://site.example/', 'http://[nothing', 'data:text/plain,x', 'http://site.example:70000/'], async (bad) =>
        fails(await t.fetch(HTTP + to(302, bad)), 'FETCH_REDIRECT_URL', `to ${bad}`));
    fails(await t.fetch(HTTP + to(307), { method: 'POST', pattern: 1000, streams: true }), 'FETCH_BODY_ONCE', 'a streaming body cannot be sent twice');
    const secret = { headers: [['Authorization', 'Basic eDp5'], ['Cookie', 'a=b'], ['X-Word', 'kept']] };
    const elsewhere = json(await t.fetch(HTTP + to(302, 'http://other.example/echo'), secret)).headers;
    same([elsewhere.authorization, elsewhere['x-word'], elsewhere.host], [undefined, 'kept', 'other.example'], 'credentials do not go to another host');
    same(json(await t.fetch(HTTP + to(302, `${HTTP}/echo`), secret)).headers.authorization, 'Basic eDp5', 'credentials stay with the host');
    const nowhere = await t.fetch(`${HTTP}/status?code=302`);
    same([nowhere.response?.status, nowhere.text], [302, 'status 302'], 'a redirect without Location is an answer');
    same((await t.fetch(`${NGINX.http}/moved`)).sha256, sha256(TEXT), 'nginx\'s relative one');
}

async function encodings() {
    const n = 5000;
    const expected = sha256(pattern(n).toString('base64'));
    for (const base of [HTTP, HTTPS]) {
        const offered = json(await t.fetch(`${base}/echo`)).headers['accept-encoding'];
        same(offered, 'gzip, deflate, br, zstd', 'what is offered');
        await each(['identity', 'gzip', 'x-gzip', 'deflate', 'deflate-raw', 'br', 'zstd', 'gzip,br', 'zstd,gzip'], async (coding) => {
            const got = await t.fetch(`${base}/encoded?coding=${coding}&n=${n}`);
            ok(got, coding);
            same(got.sha256, expected, `${coding}, decoded`);
        });
    }
    await each([`${NGINX.http}/gzip/text`, `${NGINX.https1}/precompressed/text`, `${NGINX.https2}/text.br`, `${NGINX.https2}/text`], async (url) =>
        same((await t.fetch(url)).sha256, sha256(TEXT), url));
    const size = 200_000;
    const large = await t.fetch(`${HTTPS}/encoded?coding=zstd&n=${size}`);
    same(large.sha256, sha256(pattern(size).toString('base64')), 'a quarter of a megabyte of zstd');
}

async function sizes() {
    await each([0, 1, 2, 1439, 1440, 1441, 16384, 65535, 65536, 100_000], async (n) => {
        const both = [HTTP, HTTPS].flatMap((base) => [t.fetch(`${base}/bytes?n=${n}`), t.fetch(`${base}/echo`, { method: 'PUT', pattern: n })]);
        const [down, up, secureDown, secureUp] = await Promise.all(both);
        same([down.sha256, secureDown.sha256], [digest(n), digest(n)], `${n} bytes down`);
        same([json(up).sha256, json(secureUp).sha256], [digest(n), digest(n)], `${n} bytes up`);
    });
    same((await t.fetch(`${NGINX.https2}/bytes`)).sha256, digest(FILE_BYTES), 'nginx\'s megabyte over HTTP/2');
    const put = await t.fetch(`${NGINX.https1}/upload/new`, { method: 'PUT', pattern: 100_000 });
    same(put.response?.status, 201, 'a file for nginx');
    same((await t.fetch(`${NGINX.http}/upload/new`)).sha256, digest(100_000), 'and back');
    same((await t.fetch(`${NGINX.http}/upload/new`, { method: 'DELETE' })).response?.status, 204, 'and away');
}

async function ranges() {
    const bytes = pattern(FILE_BYTES);
    const part = await t.fetch(`${NGINX.https2}/bytes`, { headers: [['Range', 'bytes=999000-']] });
    same([part.response?.status, part.response?.header('content-range'), part.sha256], [206, `bytes 999000-999999/${FILE_BYTES}`, sha256(bytes.subarray(999000))], 'the end of a file');
    const none = await t.fetch(`${NGINX.http}/bytes`, { headers: [['Range', 'bytes=9000000-']] });
    same(none.response?.status, 416, 'behind its end');
}

async function many() {
    for (const [base, count, most] of [[HTTP, 6, 6], [HTTP, 30, 6], [HTTPS, 6, 1], [HTTPS, 30, 1]]) {
        const fresh = await place.driver();
        const before = { ...web.counts };
        const got = await Promise.all(Array.from({ length: count }, (_, i) => fresh.fetch(`${base}/bytes?n=${1000 * (i + 1)}`)));
        same(got.map((r) => r.sha256), got.map((_, i) => digest(1000 * (i + 1))), `${count} at a time from ${base}`);
        const made = web.counts[base === HTTP ? 'plain' : 'secure'] - before[base === HTTP ? 'plain' : 'secure'];
        check(made <= most, `${count} at a time need at most ${most} connections`, made);
        const after = web.counts.plain + web.counts.secure;
        ok(await fresh.fetch(`${base}/bytes?n=10`), 'one more');
        same(web.counts.plain + web.counts.secure, after, 'on a kept connection');
    }
}

async function slowReader() {
    const door = web.door();
    const before = (await t.stats()).memory;
    const request = t.request(HTTP + door.path, { hold: true });
    const { response } = await door.asked;
    let sent = 0;
    let ended = false;
    const piece = pattern(65536);
    const pour = () => { // as fast as it goes
        while (!ended && response.write(piece)) sent += piece.length;
        sent += piece.length;
    };
    response.writeHead(200);
    response.on('drain', pour);
    response.on('close', () => { ended = true; });
    pour();
    await request.response;
    same((await t.fetch(`${HTTP}/bytes?n=200000`)).sha256, digest(200_000), 'others do not wait for a reader that pauses');
    const paused = sent;
    const { memory } = await t.stats();
    check(memory - before < 4e6, 'what nobody reads stays small', { before, memory });
    same((await t.fetch(`${HTTP}/bytes?n=200000`)).sha256, digest(200_000), 'and again');
    check(sent - paused < 1e6, 'the server is held back', { paused, sent });
    let got = 0;
    while (got < 500_000) got = await request.read(20_000);
    check((await t.stats()).memory - before < 4e6, 'half a megabyte read in small pieces', await t.stats());
    console.log(`slow reader: ${paused} bytes poured when it paused; memory ${before} → ${memory}`);
    const gone = new Promise((resolve) => response.on('close', resolve));
    request.abort();
    await within(gone, 'the server\'s end of an aborted download');
}

async function aborts() {
    const begun = async (url, options, seen) => {
        const request = t.request(url, options);
        await within(seen, `${url} begins`);
        request.abort();
    };
    await begun('http://silent.example/', {}, works('the first SYN to a silent host')); // which is on its way then
    await works('an abort at TCP');
    const mute = silence.asked('mute');
    await begun('https://silent.example/', {}, mute);
    await within((await mute).closed, 'the end of a connection in its TLS handshake');
    await works('an abort at TLS');
    for (const base of [HTTP, HTTPS]) {
        const unanswered = web.door();
        await begun(base + unanswered.path, {}, unanswered.asked);
        const { response } = await unanswered.asked;
        await within(new Promise((resolve) => response.on('close', resolve)), 'the server notices that nobody waits for its headers');
        await works(`an abort before headers of ${base}`);
        const half = web.door();
        const request = t.request(base + half.path, {});
        const answer = (await half.asked).response;
        answer.writeHead(200, { 'content-length': 100_000 });
        answer.write(pattern(50_000));
        await request.response;
        request.abort();
        await within(new Promise((resolve) => answer.on('close', resolve)), 'the server notices that nobody reads its body');
        await works(`an abort in the body of ${base}`);
        const upload = web.door();
        await begun(base + upload.path, { method: 'POST', pattern: 5_000_000 }, upload.asked);
        const { request: incoming } = await upload.asked;
        const cut = new Promise((resolve) => incoming.on('close', resolve));
        incoming.resume();
        await within(cut, 'the server notices that nobody sends');
        await works(`an abort of an upload to ${base}`);
    }
}

async function timeLimits() {
    const took = async (promise) => {
        const began = performance.now();
        const result = await promise;
        return { ...result, ms: performance.now() - began };
    };
    const early = (result, from, to, what) => check(result.ms >= from - 20 && result.ms < to, `${what}: in time`, result.ms);
    await each([['TCP', 'http://silent.example/'], ['TLS', 'https://silent.example/']], async ([what, url]) => {
        const limited = await took(t.fetch(url, { timeout_ms: 500 }));
        fails(limited, 'HTTP_TIMEOUT', `a time limit at ${what}`);
        early(limited, 500, 2000, what);
        const connect = await took(t.fetch(url));
        check(['MIX_ERR_HTTP_CONNECT_TIMEOUT', 'MIX_ERR_TCP_TIMEOUT'].includes(connect.error?.code), `the limit for connections at ${what}`, connect);
        early(connect, 3000, 5000, what);
    });
    const whole = { timeout_ms: 700 };
    fails(await took(t.fetch(`http://silent.example:90/`, whole)), 'HTTP_TIMEOUT', 'no headers');
    const half = web.door();
    const body = t.fetch(HTTPS + half.path, whole);
    const { response } = await half.asked;
    response.writeHead(200, { 'content-length': 1000 });
    response.write(pattern(500));
    const late = await body;
    fails(late, 'HTTP_TIMEOUT', 'half a body');
    same(late.bytes, 500, 'what had come was given');
    fails(await t.fetch(`${HTTP}/loop`, { timeout_ms: 600 }), 'HTTP_TIMEOUT', 'redirects');
    const upload = web.door();
    fails(await t.fetch(HTTP + upload.path, { method: 'POST', pattern: 5_000_000, timeout_ms: 1000 }), 'HTTP_TIMEOUT', 'an upload that nobody takes');
    await works('time limits');
}

async function resumption() {
    for (const [name, base] of [['https1', NGINX.https1], ['tls12', NGINX.tls12], ['once2', NGINX.once2]]) {
        const fresh = await place.driver();
        const seen = [];
        for (let i = 0; i < 3; i++) {
            const path = `/once/text?${name}${i}`;
            same((await fresh.fetch(base + path)).sha256, sha256(TEXT), path);
            seen.push(await within(nginx.line(path), 'a line in nginx\'s log'));
        }
        same(seen.map((l) => l.reused), ['.', 'r', 'r'], `nginx sees sessions resumed on ${name}`);
        same(seen[0].tls, name === 'tls12' ? 'TLSv1.2' : 'TLSv1.3', 'its protocol');
        same(new Set(seen.map((l) => l.connection)).size, 3, 'on three connections');
        same(seen[0].http, name === 'once2' ? 'HTTP/2.0' : 'HTTP/1.1', 'its HTTP');
    }
}

async function addresses() {
    const six = await t.fetch('http://six.example/echo');
    same(json(six).headers?.host, 'six.example', 'a name with an IPv6 address alone');
    const number = await t.fetch(`https://[${SITE6}]/text`);
    same(number.sha256, sha256(TEXT), 'an IPv6 address, and a certificate for it');
    same((await t.fetch(`https://${SITE}/bytes?n=5`)).sha256, digest(5), 'an IPv4 address, and a certificate for it');
    same((await t.fetch('http://both.example/bytes?n=5')).sha256, digest(5), 'a name with both');
    fails(await t.fetch('http://nobody.example/'), 'DNS_NOT_FOUND', 'a name that is not there');
    fails(await t.fetch(`http://${SITE}:81/`), 'TCP_REFUSED', 'a port that nobody has');
    fails(await t.fetch('https://other.example/'), 'TLS_NAME', 'a name that the certificate lacks');
    await works('failures to connect');
}

async function names() {
    const silent = await place.driver([...FAST, '--dns', SILENT_DNS, '--dns-timeout', '1.5']);
    const asked = silence.asked('dns');
    const aborted = silent.request('http://site.example/bytes?n=5');
    await within(asked, 'a question to the silent server');
    aborted.abort();
    const began = performance.now();
    fails(await silent.fetch('http://site.example/bytes?n=5'), 'DNS_TIMEOUT', 'the only name server is silent');
    check(performance.now() - began < 9000, 'within its limit', performance.now() - began); // those who set none have 10 s
    same((await silent.fetch(`http://${SITE}/bytes?n=5`)).sha256, digest(5), 'numbers need no name server');
    let ms = Infinity;
    for (let i = 0; i < 3 && ms >= 1500; i++) { // the machine may be busy
        const second = await place.driver([...FAST, '--dns', SILENT_DNS, '--dns', '1.1.1.1']);
        const start = performance.now();
        same((await second.fetch(`${HTTP}/bytes?n=5`)).sha256, digest(5), 'the second name server answers');
        ms = performance.now() - start;
        console.log(`first request with a silent name server beside: ${Math.round(ms)} ms`);
    }
    check(ms < 1500, 'without a visible delay', ms);
}

// 10 MB each way, on tunnels of their own, while the rest goes on.
const large = process.argv[2] && process.argv[2] !== 'large' ? null : Promise.all([
    place.driver().then((d) => d.fetch(`${HTTP}/bytes?n=${LARGE}`)),
    place.driver().then((d) => d.fetch(`${HTTPS}/echo`, { method: 'POST', pattern: LARGE })),
]);
const parts = { methods, redirects, encodings, sizes, ranges, many, slowReader, aborts, timeLimits, resumption, addresses, names,
    async large() {
        const [down, up] = await within(large, '10 MB each way', 200_000);
        same([down.bytes, down.sha256], [LARGE, digest(LARGE)], '10 MB down');
        same([json(up).length, json(up).sha256], [LARGE, digest(LARGE)], '10 MB up');
    } };
await report.run(parts);
await place.close(report);
nginx.close();
web.close();
silence.close();
rmSync(folder, { recursive: true, force: true });
report.close();
