// SPDX-License-Identifier: Apache-2.0
// The client commands through a local mixnet of real processes, each in its usual uses and with what goes wrong. Closes with
// "client: N passed, M failed".
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { BUILD, lwmix, startMixnet } from './mixnet.mjs';
import { makeReport } from './report.mjs';
import { pattern, sha256 } from './servers.mjs';

const IP = '93.184.216.34';
const report = makeReport('client');
const check = (what, holds, detail) => report.check(holds, what, detail);

/** Waits for an event that holds. */
const once = (source, name, holds) => new Promise((resolve) => {
    source.on(name, (...args) => { if (holds(...args)) resolve(); });
}).finally(() => source.close());

/** A site that shows what it was sent, redirects, and misbehaves. */
function serve(request, response) {
    const url = new URL(request.url, 'http://x');
    const n = Number(url.searchParams.get('n') ?? 0);
    const answer = (status, headers, body = '') => response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
    const routes = {
        '/bytes': () => answer(200, { 'content-type': 'application/octet-stream' }, pattern(n)),
        '/dir/name.bin': () => answer(200, {}, pattern(1000)),
        '/hop': () => answer(302, { location: n > 0 ? `/hop?n=${n - 1}` : '/bytes?n=10' }, 'elsewhere'),
        '/loop': () => answer(307, { location: '/loop' }),
        '/never': () => request.socket.on('close', () => response.destroy()),
        '/slowly': () => { response.writeHead(200, { 'content-length': 2000 }); response.write(pattern(1000)); },
        '/cut': () => { response.writeHead(200, { 'content-length': 1000 }); response.write(pattern(500), () => request.socket.destroySoon()); },
        '/headers': () => answer(200, { 'content-type': 'application/json', 'x-name': 'caf\u00e9', 'set-cookie': ['a=1', 'b=2'] },
            JSON.stringify(request.rawHeaders)),
        '/echo': () => {
            const parts = [];
            request.on('data', (part) => parts.push(part));
            request.on('end', () => {
                const body = Buffer.concat(parts);
                answer(200, { 'x-method': request.method, 'x-type': request.headers['content-type'] ?? '', 'x-sum': sha256(body) }, body);
            });
        },
    };
    (routes[url.pathname] ?? (() => answer(404, {}, 'nothing here')))();
}

/** /ws echoes; /leave closes with a code of its own after the first message; /big sends much at once. */
const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has('chat') ? 'chat' : false) });
function upgrade(request, socket, head) {
    const path = request.url;
    if (path === '/never') return;
    if (!['/ws', '/leave', '/big', '/cut'].includes(path)) {
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
        return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
        ws.on('error', () => {});
        if (path === '/big') for (let i = 0; i < 40; i++) ws.send(pattern(50000));
        ws.on('message', (data, binary) => {
            if (path === '/leave') ws.close(4000, 'enough\u0007');
            else if (path === '/cut') socket.destroy();
            else ws.send(`${request.headers['x-front'] ?? ''}` && !binary ? `${request.headers['x-front']} ${data}` : data, { binary });
        });
    });
}

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
const plain = http.createServer(serve);
const secure = https.createServer(serve);
for (const server of [plain, secure]) server.on('upgrade', upgrade);
const ports = [await listen(plain), await listen(secure)];
const mixnet = await startMixnet(['--resolve', `site.nym.test=${IP}`, '--resolve', `other.example=${IP},60`, '--resolve', 'six.nym.test=2001:db8::7',
    '--forward', `${IP}:80=127.0.0.1:${ports[0]}`, '--forward', `${IP}:443=127.0.0.1:${ports[1]}`]);
const inMixnet = (name) => join(mixnet.folder, name);
secure.setSecureContext({ cert: readFileSync(inMixnet('server.pem')), key: readFileSync(inMixnet('server.key')) });
const folder = mkdtempSync(join(tmpdir(), 'lwmix-client-'));
const file = (name) => join(folder, name);
const network = ['--network', mixnet.folder];
const fast = ['--no-pacing', '--no-cover'];
const fetch = (args, options) => lwmix(['fetch', ...network, ...args], options);
const SITE = 'https://site.nym.test';

/** It ended with this status, and said so in one line on standard error that contains these words. */
function refuses(what, result, code, words, out = '') {
    check(what, result.code === code && result.err.split('\n').length === 2 && words.test(result.err) && result.out.toString() === out, result);
}

async function bodies() {
    const one = await fetch(['http://site.nym.test/bytes?n=1']);
    check('1 byte', one.code === 0 && one.err === '' && one.out.equals(pattern(1)), one);
    const middle = await fetch([`${SITE}/bytes?n=100000`]);
    check('100 kB by https', middle.code === 0 && middle.out.equals(pattern(100000)), middle);
    const large = await fetch([...fast, `${SITE}/bytes?n=1000000`, '--json']);
    const told = large.code === 0 ? JSON.parse(large.out) : {};
    check('1 MB, by its sum', told.bytes === 1000000 && told.sha256 === sha256(pattern(1000000)) && told.error === null, large);
    const ms = told.ms ?? {};
    check('times in their order', told.received === 1000000 && !told.reused && 0 <= ms.started && ms.started <= ms.resolved && ms.resolved < ms.connected &&
        ms.connected < ms.secured && ms.secured <= ms.sent && ms.sent < ms.first_byte && ms.first_byte <= ms.finished, told);
    const none = await fetch(['-o', file('none'), `${SITE}/bytes?n=0`]);
    check('an empty body makes an empty file', none.code === 0 && statSync(file('none')).size === 0, none);
    const guessed = await fetch(['-s', 'site.nym.test/bytes?n=3']);
    check('no scheme: https', guessed.code === 0 && guessed.out.equals(pattern(3)), guessed);
}

async function uploads() {
    const post = await fetch(['-d', 'a=1', '-d', 'b=2', '-i', `${SITE}/echo`]);
    check('-d twice', post.code === 0 && /^HTTP\/1\.1 200 OK\r\n/.test(post.out) && post.out.toString().endsWith('\r\n\r\na=1&b=2') &&
        /x-method: POST\r\n/.test(post.out) && /x-type: application\/x-www-form-urlencoded\r\n/.test(post.out), post);
    writeFileSync(file('lines'), 'one\r\ntwo\n');
    const stripped = await fetch(['-d', `@${file('lines')}`, '-H', 'Content-Type: text/plain', '-i', `${SITE}/echo`]);
    check('-d @FILE', stripped.out.toString().endsWith('\r\n\r\nonetwo') && /x-type: text\/plain\r\n/.test(stripped.out), stripped);
    const binary = await fetch(['--data-binary', `@${file('lines')}`, `${SITE}/echo`]);
    check('--data-binary @FILE', binary.out.toString() === 'one\r\ntwo\n', binary);
    const raw = await fetch(['--data-raw', '@lines', '-XPATCH', '-i', `${SITE}/echo`]);
    check('--data-raw, -X', raw.out.toString().endsWith('@lines') && /x-method: PATCH\r\n/.test(raw.out), raw);
    const large = pattern(1500000);
    writeFileSync(file('large'), large);
    const put = await fetch([...fast, '-T', file('large'), '--json', `${SITE}/echo`]);
    const told = put.code === 0 ? JSON.parse(put.out) : {};
    check('-T of a large file streams', told.sha256 === sha256(large), put);
    const piped = await fetch(['-T', '-', '-i', 'http://site.nym.test/echo'], {
        input: (stdin) => { stdin.write('first '); setImmediate(() => stdin.end('second')); },
    });
    check('-T - from a pipe', /x-method: PUT\r\n/.test(piped.out) && piped.out.toString().endsWith('first second'), piped);
    const typed = await fetch(['-d', '@-', `${SITE}/echo`], { input: 'x\ny\n' });
    check('-d @- from a pipe', typed.out.toString() === 'xy', typed);
    refuses('no such file', await fetch(['-T', file('absent'), SITE]), 2, /absent: No such file/);
}

async function answers() {
    const head = await fetch(['-I', `${SITE}/bytes?n=77`]);
    check('-I', head.code === 0 && /^HTTP\/1\.1 200 OK\r\n/.test(head.out) && /content-length: 77\r\n/i.test(head.out) &&
        head.out.toString().endsWith('\r\n\r\n'), head);
    const stays = await fetch(['-i', `${SITE}/hop?n=1`]);
    check('redirects are not followed', /^HTTP\/1\.1 302 /.test(stays.out) && stays.out.toString().endsWith('elsewhere'), stays);
    const follows = await fetch(['-L', '--json', `${SITE}/hop?n=2`]);
    const told = follows.code === 0 ? JSON.parse(follows.out) : {};
    check('-L follows', told.status === 200 && told.redirected && told.final_url === `${SITE}/bytes?n=10` && told.bytes === 10, follows);
    refuses('--max-redirs', await fetch(['-L', '--max-redirs', '3', `${SITE}/loop`]), 10, /too many redirects/);
    const headers = await fetch(['-H', 'X-One: 1', '-H', 'X-Empty;', '-A', 'probe/1', '--json', '-o', file('headers'), `${SITE}/headers`]);
    const sent = headers.code === 0 ? JSON.parse(readFileSync(file('headers'), 'utf8')) : [];
    const of = (name) => sent[sent.findIndex((text) => text.toLowerCase() === name) + 1];
    check('headers that are sent', of('x-one') === '1' && of('x-empty') === '' && of('user-agent') === 'probe/1' && of('host') === 'site.nym.test' &&
        /gzip/.test(of('accept-encoding')), sent);
    const got = headers.code === 0 ? JSON.parse(headers.out) : {};
    check('headers that come, in JSON', got.headers?.filter(([name]) => name === 'set-cookie').length === 2 &&
        got.headers.some(([name, value]) => name === 'x-name' && value === 'caf\u00e9') && got.file === file('headers') && got.ms.setup > 1, got);
    const missing = await fetch([`${SITE}/nothing`]);
    check('a 404 is an answer', missing.code === 0 && missing.out.toString() === 'nothing here', missing);
    refuses('-f', await fetch(['-f', `${SITE}/nothing`]), 10, /answered 404/);
}

async function files() {
    const names = await fetch(['-O', `${SITE}/dir/name.bin?x=/y`], { cwd: folder });
    check('-O', names.code === 0 && readFileSync(file('name.bin')).equals(pattern(1000)) && !existsSync(file('name.bin.part')), names);
    refuses('-O without a name', await fetch(['-O', `${SITE}/dir/`]), 2, /names no file/);
    const six = [1, 2, 3, 4, 5, 6, 7].map((n) => [`${SITE}/bytes?n=${n}000`, '-o', file(`many${n}`)]).flat();
    const many = await fetch([...six, '--json']);
    check('seven at once', many.code === 0 && many.out.toString().trim().split('\n').length === 7 &&
        [1, 2, 3, 4, 5, 6, 7].every((n) => readFileSync(file(`many${n}`)).equals(pattern(n * 1000))), many);
    const row = await fetch([`${SITE}/bytes?n=5000`, 'http://site.nym.test/bytes?n=3000']);
    check('two to standard output, in order', row.out.equals(Buffer.concat([pattern(5000), pattern(3000)])), row);
    writeFileSync(file('old'), 'old', { mode: 0o600 });
    symlinkSync('old', file('link'));
    const cut = await fetch(['-o', file('link'), 'http://site.nym.test/cut']);
    check('what was there stays when the answer breaks off', cut.code === 10 && readFileSync(file('old'), 'utf8') === 'old' &&
        readFileSync(file('old.part')).equals(pattern(500)) && /old\.part/.test(cut.err), cut);
    const whole = await fetch(['-o', file('link'), `${SITE}/bytes?n=20`]);
    check('it is replaced when all is there', whole.code === 0 && readFileSync(file('old')).equals(pattern(20)) && !existsSync(file('old.part')) &&
        (statSync(file('old')).mode & 0o777) === 0o600, whole);
    const device = await fetch(['-o', '/dev/null', `${SITE}/bytes?n=20`]);
    check('a device is written to', device.code === 0 && !existsSync('/dev/null.part'), device);
    refuses('no such folder', await fetch(['-o', file('no/where'), SITE]), 3, /no\/where: No such file/);
    const mixed = await fetch(['--json', `${SITE}/bytes?n=1`, `${SITE.replace('site', 'nobody')}/`]);
    const lines = mixed.out.toString().trim().split('\n').map((line) => JSON.parse(line));
    check('one of two fails', mixed.code === 8 && lines.length === 2 && lines.filter((l) => l.error === null).length === 1 &&
        lines.find((l) => l.error)?.error.code === 'MIX_ERR_DNS_NOT_FOUND', mixed);
}

async function refusals() {
    const slow = process.hrtime.bigint();
    refuses('time is up', await fetch(['-m', '2.5', `${SITE}/never`]), 12, /took longer than its time limit/);
    const seconds = Number(process.hrtime.bigint() - slow) / 1e9;
    check('when it should be', seconds >= 2.4 && seconds < 30, seconds); // the next limit is at 120 s
    refuses('bad URL', await fetch(['http://[::1/']), 2, /URL is malformed/);
    refuses('bad scheme', await fetch(['gopher://site.nym.test/']), 2, /scheme/);
    refuses('unknown host', await fetch(['https://nobody.nym.test/']), 8, /no such host name/);
    refuses('refused', await fetch(['http://site.nym.test:81/']), 7, /refused/);
    refuses('against the exit\'s policy', await fetch(['http://10.1.2.3/']), 6, /policy/);
    refuses('a certificate for another name', await fetch(['https://other.example/']), 9, /for another name/);
    refuses('a broken answer', await fetch(['http://site.nym.test/cut'], {}), 10, /ended|broke/, pattern(500).toString());
    refuses('no such option', await lwmix(['fetch', '-k', SITE]), 2, /no option '-k'/);
    refuses('a bad header', await fetch(['-H', 'nothing', SITE]), 2, /-H takes/);
    refuses('no such name server', await fetch(['--dns', 'ns.example', SITE]), 2, /--dns takes a number/);
    const unreachable = await lwmix(['fetch', '--directory', 'http://127.0.0.1:1/', '--json', SITE]);
    check('no tunnel, in JSON', unreachable.code === 4 && JSON.parse(unreachable.out).error.exit_status === 4, unreachable);
}

/** A reader that takes nothing holds the transfer back; one that goes away ends it; so does a signal. */
async function readers() {
    const child = spawn(join(BUILD, 'lwmix'), ['fetch', ...network, ...fast, `${SITE}/bytes?n=1000000`], { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
    await new Promise((resolve) => child.stdout.once('readable', resolve));
    const held = child.stdout.readableLength; // node stops reading at its own limit, and the pipe fills
    const parts = [];
    child.stdout.on('data', (chunk) => parts.push(chunk));
    check('a slow reader gets all', await ended === 0 && held < 1000000 && Buffer.concat(parts).equals(pattern(1000000)), { held });
    const gone = spawn(join(BUILD, 'lwmix'), ['fetch', ...network, ...fast, `${SITE}/bytes?n=3000000`], { stdio: ['ignore', 'pipe', 'pipe'] });
    gone.stdout.once('data', () => gone.stdout.destroy());
    const code = await new Promise((resolve) => gone.on('exit', resolve));
    check('a reader that leaves', code === 3, code);
    const stuck = spawn(join(BUILD, 'lwmix'), ['fetch', ...network, ...fast, `${SITE}/bytes?n=3000000`], { stdio: ['ignore', 'pipe', 'pipe'] });
    await new Promise((resolve) => stuck.stdout.once('readable', resolve));
    stuck.kill('SIGTERM');
    const status = await new Promise((resolve) => stuck.on('exit', resolve));
    check('a signal ends it, whoever does not read', status === 130, status);
    stuck.stdout.destroy();
    const written = once(watch(folder), 'change', (kind, name) => name === 'broken.part' && statSync(file(name)).size === 1000);
    const broken = spawn(join(BUILD, 'lwmix'), ['fetch', ...network, '-o', file('broken'), `${SITE}/slowly`], { stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    broken.stderr.on('data', (text) => { words += text; });
    await written;
    broken.kill('SIGINT');
    const interrupted = await new Promise((resolve) => broken.on('close', resolve));
    check('what came before a signal stays', interrupted === 130 && /^lwmix fetch: ended early; what came is in .*broken\.part\n$/.test(words) &&
        readFileSync(file('broken.part')).equals(pattern(1000)) && !existsSync(file('broken')), { interrupted, words });
}

async function names() {
    const dns = (...args) => lwmix(['dns', ...network, ...args]);
    const both = await dns('site.nym.test');
    check('addresses', both.code === 0 && /^site\.nym\.test\t\d+\tA\t93\.184\.216\.34\n$/.test(both.out), both);
    const six = await dns('six.nym.test', 'AAAA', '--short');
    check('AAAA', six.code === 0 && six.out.toString() === '2001:db8::7\n', six);
    const json = await dns('other.example', 'a', '--json');
    const told = json.code === 0 ? JSON.parse(json.out) : {};
    check('in JSON, with its time to live', told.records?.length === 1 && told.records[0].text === IP && told.records[0].ttl > 50 &&
        told.records[0].ttl <= 60 && told.type === 'A' && !told.cached && told.error === null, json);
    refuses('no such name', await dns('nobody.nym.test'), 8, /no such host name/);
    refuses('no such records', await dns('site.nym.test', 'AAAA'), 8, /no such records/);
    refuses('no name', await dns('a..b'), 8, /not a host name/);
    refuses('no type', await dns('site.nym.test', 'NIX'), 2, /'NIX'/);
    const failing = await dns('nobody.nym.test', '--json');
    check('a failure in JSON', failing.code === 8 && JSON.parse(failing.out).error.code === 'MIX_ERR_DNS_NOT_FOUND', failing);
}

async function webSockets() {
    const ws = (args, input) => lwmix(['ws', ...network, ...args], { input });
    const WS = 'wss://site.nym.test';
    const echo = await ws([`${WS}/ws`], 'one\n\nthr\u00e9e\nwithout an end');
    check('lines there and back', echo.code === 0 && echo.err === '' && echo.out.toString() === 'one\n\nthr\u00e9e\nwithout an end\n', echo);
    const asked = await ws(['ws://site.nym.test/ws', '-H', 'X-Front: front', '--protocol', 'other', '--protocol', 'chat', '--json'], 'a\n');
    const events = asked.out.toString().trim().split('\n').map((line) => JSON.parse(line));
    check('header, sub-protocol, events as JSON', asked.code === 0 && events.length === 3 && events[0].event === 'open' && events[0].protocol === 'chat' &&
        events[1].text === 'front a' && events[2].code === 1000 && events[2].clean, asked);
    const bytes = pattern(200000);
    const binary = await ws([...fast, '--binary', `${WS}/ws`], bytes);
    check('--binary', binary.code === 0 && binary.out.equals(bytes), binary);
    const long = `${'x'.repeat(300000)}\n`;
    const line = await ws([...fast, `${WS}/ws`], long);
    check('a long line', line.code === 0 && line.out.toString() === long, line);
    const pings = await ws([`${WS}/ws`, '--ping', '0.2', '-v'], (stdin, child) => {
        child.stderr.on('data', (text) => { if (String(text).includes('pong 2')) stdin.end(); });
    });
    check('pings', pings.code === 0 && /open\n/.test(pings.err) && /pong 1\n/.test(pings.err) && /closed, code 1000/.test(pings.err), pings);
    refuses('the server closes with its own code', await ws([`${WS}/leave`], (stdin) => stdin.write('a\n')), 11, /closed: code 4000, enough\?/);
    refuses('the connection is cut', await ws([`${WS}/cut`], (stdin) => stdin.write('a\n')), 11, /closing handshake|connection/);
    refuses('no WebSocket there', await ws([`${WS}/nothing`], ''), 11, /did not switch/);
    refuses('no answer', await ws([`${WS}/never`, '--open-timeout', '2'], ''), 12, /in time/);
    refuses('no such host', await ws(['wss://nobody.nym.test/'], ''), 8, /no such host name/);
    refuses('refused', await ws(['ws://site.nym.test:81/'], ''), 7, /refused/);
    refuses('a certificate for another name', await ws(['wss://other.example/ws'], ''), 9, /for another name/);
    refuses('bad scheme', await ws(['ftp://site.nym.test/'], ''), 2, /scheme/);
    refuses('no text', await ws([`${WS}/ws`], Buffer.from('ok\n\xff\n', 'latin1')), 11, /not UTF-8: line 2/, 'ok\n');
    const slow = spawn(join(BUILD, 'lwmix'), ['ws', ...network, ...fast, '--binary', '--stay', `${WS}/big`], { stdio: ['pipe', 'pipe', 'pipe'] });
    await new Promise((resolve) => slow.stdout.once('readable', resolve));
    let got = 0;
    await new Promise((resolve) => slow.stdout.on('data', (chunk) => { got += chunk.length; if (got >= 2000000) resolve(); }));
    slow.kill('SIGINT');
    const status = await new Promise((resolve) => slow.on('exit', resolve));
    check('much at once for a reader who pauses; a signal', status === 130 && got === 2000000, { status, got });
}

/** Each line a figure with its unit; those that must be there are, and say what can be. */
function figures(what, result, mode, units) {
    const lines = result.code === 0 ? result.out.toString().trim().split('\n').map((line) => JSON.parse(line)) : [];
    const value = Object.fromEntries(lines.map((l) => [l.bench, l.value]));
    check(`${what}: all figures`, lines.map((l) => `${l.bench} ${l.unit}`).join() === units && lines.every((l) => l.mode === mode), result);
    check(`${what}: figures that can be`, lines.length > 0 && lines.every((l) => l.value > 0.001 && l.value < 60_000) && value.setup > 20 &&
        value.ping_min > 5 && value.ping_min <= value.ping_median && value.warm_request > value.ping_min / 2 && value.first_request > value.ping_min &&
        value.websocket_echo_p50 <= value.websocket_echo_p95 && value.upload_100kb > 1 && value.cpu_upload < 20, result);
    return value;
}

/** lwmix bench: against a mixnet and a site of its own, and through ours to ours. */
async function benches() {
    const temporary = mkdtempSync(join(folder, 'bench-'));
    const own = (args, act) => lwmix(['bench', '--quick', '--no-pacing', ...args], { input: act, env: { ...process.env, TMPDIR: temporary } });
    const empty = (what) => check(`${what}: nothing is left`, readdirSync(temporary).length === 0, readdirSync(temporary));
    const alone = await own(['--json']);
    const value = figures('bench', alone, 'unpaced', 'setup ms,ping_min ms,ping_median ms,first_request ms,warm_request ms,parallel_6 ms,dns_lookup ms,' +
        'download_100kb kB/s,cpu_download s/MB,upload_100kb kB/s,cpu_upload s/MB,websocket_open ms,websocket_echo_p50 ms,websocket_echo_p95 ms');
    check('bench: a first request needs the most', value.first_request > value.warm_request && value.download_100kb > 1, value);
    empty('bench');
    const stopped = await own(['--json'], (stdin, child) => child.stdout.once('data', () => child.kill('SIGINT')));
    check('bench: interrupted', stopped.code === 130, stopped);
    empty('bench, interrupted');
    const ours = await lwmix(['bench', ...network, '--quick', '--no-pacing', `${SITE}/bytes?n=20000`, '--upload', `${SITE}/echo`,
        '--websocket', 'wss://site.nym.test/ws', '--json']);
    figures('bench URL', ours, 'unpaced', 'setup ms,ping_min ms,ping_median ms,first_request ms,warm_request ms,parallel_6 ms,dns_lookup ms,download kB/s,' +
        'cpu_download s/MB,upload_100kb kB/s,cpu_upload s/MB,websocket_open ms,websocket_echo_p50 ms,websocket_echo_p95 ms');
    refuses('bench: a network and no URL', await lwmix(['bench', ...network]), 2, /a URL is needed/);
    const missing = await lwmix(['bench', ...network, '--quick', '--no-pacing', `${SITE}/nothing`]);
    check('bench: a page that is not there', missing.code === 10 && /first_request: .*answered 404\n$/.test(missing.err) &&
        /^ +unpaced\nsetup +[\d.]+  ms\nping_min +[\d.]+  ms\n/.test(missing.out), missing);
}

async function chains() {
    const [ca, chain] = [inMixnet('ca.pem'), inMixnet('server.pem')];
    const verify = (...args) => lwmix(['verify', '--chain', chain, ...args]);
    const good = await verify('--name', 'a.nym.test', '--cacert', ca);
    check('a good chain', good.code === 0 && good.out.toString() === 'a.nym.test: the chain is good\n', good);
    const only = await verify('--name', '127.0.0.1', '--roots', ca, '--json');
    check('for a number, by these roots alone', only.code === 0 && JSON.parse(only.out).ok === true, only);
    refuses('another name', await verify('--name', 'a.example', '--cacert', ca), 9, /for another name/);
    refuses('Mozilla does not know it', await verify('--name', 'a.nym.test'), 9, /does not lead to a trusted root/);
    refuses('too early', await verify('--name', 'a.nym.test', '--cacert', ca, '--at', '2001-01-01'), 9, /not valid yet/);
    refuses('too late', await verify('--name', 'a.nym.test', '--cacert', ca, '--at', '2199-01-01T00:00:00Z'), 9, /expired/);
    const late = await verify('--name', 'a.nym.test', '--cacert', ca, '--at', '7258118400', '--json');
    check('why, in JSON', late.code === 9 && JSON.parse(late.out).error.code === 'MIX_ERR_TLS_EXPIRED' && JSON.parse(late.out).at === 7258118400, late);
    refuses('no chain', await lwmix(['verify', '--name', 'a', '--chain', '/dev/null']), 9, /no PEM certificate/);
    refuses('no roots', await verify('--name', 'a', '--roots', '/dev/null'), 2, /root certificates/);
    refuses('no time', await verify('--name', 'a', '--at', '2025-02-30'), 2, /--at takes/);
}

try {
    await Promise.all([bodies(), answers()]);
    await Promise.all([uploads(), files()]);
    await Promise.all([refusals(), names(), chains()]);
    await webSockets();
    await readers();
    await benches();
} finally {
    const end = await mixnet.stop();
    check('the mixnet ends well', end.code === 0, end);
    rmSync(folder, { recursive: true, force: true });
    for (const client of sockets.clients) client.terminate();
    for (const server of [plain, secure]) {
        server.closeAllConnections();
        server.close();
    }
}
report.close();
