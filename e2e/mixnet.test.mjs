// SPDX-License-Identifier: Apache-2.0
// The running local mixnet against garbage, crowds and wrong options; the control socket and the metrics page. Plain sockets and
// WebSockets of Node. Closes with "mixnet: N passed, M failed".
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import WebSocket from 'ws';
import { BUILD, control, startMixnet } from './mixnet.mjs';
import { makeReport, within } from './report.mjs';
import { pattern } from './servers.mjs';

const LIMIT_MS = 15_000; // for a command that should end at once
const IDLE = 1000;
const REGULAR = 2413; // bytes of a packet, behind a frame's head
const NO_FRAME = Buffer.from([99, 99, 99]); // whoever sends it to a node is done with what came before, and hung up on
const only = process.argv[2];
const report = makeReport('mixnet');
const { check, same } = report;

// --- sockets ---

/** A connected socket that collects what it gets; ended resolves with that when the other side has ended it. */
function dial(port, { secure } = {}) {
    const options = { port, host: '127.0.0.1' };
    return within(new Promise((resolve, reject) => {
        const socket = secure ? tls.connect({ ...options, rejectUnauthorized: false }) : net.connect(options);
        const parts = [];
        socket.on('data', (part) => parts.push(part));
        socket.got = () => Buffer.concat(parts);
        socket.ended = new Promise((done) => socket.on('close', () => done(Buffer.concat(parts))));
        socket.on('error', () => {}); // a reset is an end as well
        socket.on('end', () => socket.end());
        socket.once(secure ? 'secureConnect' : 'connect', () => resolve(socket));
        socket.once('close', () => reject(new Error(`no connection to ${port}`)));
    }), `a connection to ${port}`);
}

/** Sends bytes and waits for the other side to hang up. */
async function sendAndWait(port, bytes, options) {
    const socket = await dial(port, options);
    socket.write(bytes);
    return within(socket.ended, `the end of a connection to ${port}`);
}

/** A WebSocket that is open. */
function openWebSocket(url, options) {
    return within(new Promise((resolve, reject) => {
        const socket = new WebSocket(url, options);
        socket.closed = new Promise((done) => socket.on('close', (code, reason) => done({ code, reason: String(reason) })));
        socket.next = () => new Promise((done) => socket.once('message', (data) => done(JSON.parse(data))));
        socket.on('open', () => resolve(socket));
        socket.on('error', reject);
    }), `a WebSocket to ${url}`);
}

async function ask(url, options) {
    const socket = await openWebSocket(url, options);
    socket.send('{"type":"supportedProtocol"}');
    const answer = await within(socket.next(), `an answer from ${url}`);
    socket.close();
    await socket.closed;
    return answer;
}

const PROTOCOL = { type: 'supportedProtocol', version: 6 };
const network = (mixnet) => JSON.parse(readFileSync(join(mixnet.folder, 'network.json'), 'utf8'));
const node = (mixnet, name) => network(mixnet).nodes.find((n) => n.name === name);
const stats = (mixnet) => control(mixnet.folder, { do: 'stats' });

/** Every listener does its work. */
async function alive(mixnet, after) {
    const { nodes } = network(mixnet);
    for (const { name, ws_port: port } of nodes.filter((n) => n.ws_port)) same(await ask(`ws://127.0.0.1:${port}`), PROTOCOL, `${name} answers after ${after}`);
    const response = await fetch(`${mixnet.directory_http}v1/epoch/key-rotation-info`);
    check(response.status === 200 && 'progress' in await response.json(), `the directory answers after ${after}`, response.status);
    for (const { name, mix_port: port } of nodes) {
        const before = (await stats(mixnet))[name].packets.received;
        await sendAndWait(port, Buffer.concat([badFrame(), NO_FRAME]));
        check((await stats(mixnet))[name].packets.received === before + 1, `${name} takes frames after ${after}`);
    }
}

/** A frame as it should be, around a packet that nobody can open. */
const badFrame = () => Buffer.concat([Buffer.from([7, 1, 0]), pattern(REGULAR)]);

const upgrade = (extra = '') => `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${extra}\r\n`;

/** A WebSocket frame as a client sends it. */
function clientFrame(text, { opcode = 1, final = true } = {}) {
    const body = Buffer.from(text);
    const head = body.length < 126 ? [body.length | 128] : [126 | 128, body.length >> 8, body.length & 255];
    return Buffer.concat([Buffer.from([opcode | (final ? 128 : 0), ...head, 0, 0, 0, 0]), body]);
}

// --- listeners ---

async function nodeLinks(mixnet) {
    for (const { name, mix_port: port } of network(mixnet).nodes) {
        same((await sendAndWait(port, pattern(100_000))).length, 0, `${name} hangs up on random bytes`);
        for (const head of [[7, 200, 0], [9, 1, 0], [7, 1, 9], [8, 1, 0, 7], [0, 0, 0], [255, 255, 255]]) {
            same((await sendAndWait(port, Buffer.from(head))).length, 0, `${name} hangs up on a frame that begins with ${head}`);
        }
        const before = (await stats(mixnet))[name].dropped.bad;
        await sendAndWait(port, Buffer.concat([badFrame(), badFrame(), badFrame(), NO_FRAME]));
        same((await stats(mixnet))[name].dropped.bad - before, 3, `${name} counts packets that cannot be opened`);
    }
    const { mix_port: port } = node(mixnet, 'mix1');
    const slow = await dial(port); // byte by byte, the others go on
    slow.setNoDelay(true);
    const before = (await stats(mixnet)).mix1.packets.received;
    for (const byte of badFrame().subarray(0, 300)) await new Promise((done) => slow.write(Buffer.from([byte]), done));
    same((await stats(mixnet)).mix1.packets.received, before, 'part of a frame is none');
    slow.write(badFrame().subarray(300));
    slow.end(NO_FRAME);
    await within(slow.ended, 'the end of the slow sender');
    same((await stats(mixnet)).mix1.packets.received, before + 1, 'a frame that came byte by byte counts');
    const half = await dial(port);
    half.write(badFrame().subarray(0, 100));
    half.destroy();
    await alive(mixnet, 'garbage between nodes');
}

async function gateways(mixnet) {
    const { ws_port: plain, wss_port: secure, hostname } = node(mixnet, 'gateway1');
    await sendAndWait(plain, pattern(100_000));
    await sendAndWait(secure, pattern(100_000));
    await sendAndWait(secure, 'GET / HTTP/1.1\r\n\r\n');
    await sendAndWait(secure, pattern(100_000), { secure: true });
    check(/^HTTP\/1\.1 404 /.test(await sendAndWait(plain, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')), 'a gateway has no pages');
    await sendAndWait(plain, `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n`);
    await sendAndWait(plain, upgrade(`X-Long: ${'a'.repeat(100_000)}\r\n`));
    same(await ask(`wss://127.0.0.1:${secure}`, { ca: readFileSync(mixnet.ca), servername: hostname }), PROTOCOL, 'the certificate is of the CA in the ready line');

    const refused = async (what, send, code, options) => {
        const socket = await openWebSocket(`ws://127.0.0.1:${plain}`, options);
        send(socket);
        const end = await within(socket.closed, what);
        same(end.code, code, `a gateway ends a WebSocket for ${what}`);
    };
    await refused('a message of 70,000 bytes', (s) => s.send(Buffer.alloc(70_000)), 1009);
    await refused('70,000 bytes in pieces', (s) => { for (let i = 0; i < 70; i++) s.send('x'.repeat(1000), { fin: i === 69 }); }, 1009);
    await refused('a packet without a login', (s) => s.send(pattern(3000)), 1008);
    await refused('a text that is no request', (s) => s.send('nonsense'), 1008);
    await refused('a text that is not UTF-8', (s) => s.send(pattern(500), { binary: false }), 1008);
    for (const [what, bytes] of [
        ['random bytes', pattern(50_000)],
        ['a frame without a mask', Buffer.from([0x81, 0x02, 0x68, 0x69])],
        ['a length of 2⁶³', Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
        ['an unknown opcode', clientFrame('x', { opcode: 5 })],
        ['a ping that is too long', clientFrame('x'.repeat(300), { opcode: 9 })],
    ]) {
        const got = await sendAndWait(plain, Buffer.concat([Buffer.from(upgrade()), bytes]));
        check(String(got).startsWith('HTTP/1.1 101 '), `a gateway ends a WebSocket for ${what}`, String(got).slice(0, 60));
    }
    await alive(mixnet, 'garbage to a gateway');
}

async function directory(mixnet) {
    const port = Number(new URL(mixnet.directory_http).port);
    const secure = Number(new URL(mixnet.directory).port);
    await sendAndWait(port, pattern(100_000));
    await sendAndWait(secure, pattern(100_000));
    await sendAndWait(secure, pattern(100_000), { secure: true });
    await sendAndWait(port, `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n`);
    const path = '/api/v1/unstable/nym-nodes/by-addresses';
    await sendAndWait(port, `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`);
    const bad = await fetch(`${mixnet.directory_http.slice(0, -5)}${path}`, { method: 'POST', body: '{"addresses":' });
    same(bad.status, 400, 'a body that is no JSON');
    for (const [line, status] of [['GET /api/v1/nothing', 404], ['GET /', 404], ['GET /api/../../etc/passwd', 404], ['POST /api/v1/epoch/key-rotation-info', 405], ['DELETE /api/v1/epoch/key-rotation-info', 405]]) {
        const got = String(await sendAndWait(port, `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`));
        check(got.startsWith(`HTTP/1.1 ${status} `), `${line} is ${status}`, got.slice(0, 40));
    }
    await alive(mixnet, 'garbage to the directory');
}

async function crowds(mixnet) {
    const gateway = node(mixnet, 'gateway1');
    const before = (await stats(mixnet)).process;
    const many = (open) => Promise.all(Array.from({ length: IDLE }, open));
    const crowd = [];
    for (const port of [node(mixnet, 'mix1').mix_port, gateway.ws_port, gateway.wss_port, Number(new URL(mixnet.directory_http).port)]) crowd.push(...await many(() => dial(port)));
    for (const socket of crowd) socket.write('G');
    const sockets = await many(() => openWebSocket(`ws://127.0.0.1:${gateway.ws_port}`));
    const now = (await stats(mixnet)).process;
    same(now.web_connections - before.web_connections, IDLE, 'a thousand WebSockets are open');
    check(now.memory_bytes - before.memory_bytes < 200e6, 'five thousand idle connections take less than 200 MB', now.memory_bytes - before.memory_bytes);
    await alive(mixnet, 'five thousand idle connections came');
    for (const socket of crowd) socket.destroy();
    for (const socket of sockets) socket.terminate();
    await alive(mixnet, 'five thousand connections went');
}

/** Questions without end from one who never reads the answers. */
async function neverReads(mixnet) {
    const { ws_port: port } = node(mixnet, 'gateway1');
    const reason = /lwmix_gateway_closed_total\{node="gateway1",reason="the client does not read"\} (\d+)/;
    const count = async () => Number((await (await fetch(mixnet.metrics)).text()).match(reason)[1]);
    const before = await count();
    const socket = await dial(port);
    socket.write(upgrade());
    await within(new Promise((done) => socket.once('data', done)), 'an upgrade');
    socket.pause();
    const question = clientFrame('{"type":"supportedProtocol"}');
    const questions = Buffer.concat(Array.from({ length: 1000 }, () => question));
    const fill = () => { while (!socket.destroyed && socket.write(questions)); };
    socket.on('drain', fill);
    fill();
    await within(socket.ended, 'the end of one who does not read');
    same(await count() - before, 1, 'one who never reads is told from the others');
    const { memory_bytes: memory } = (await stats(mixnet)).process;
    check(memory < 300e6, 'its answers did not pile up', memory);
    await alive(mixnet, 'one who never reads');
}

// --- control ---

function ctl(folder, ...words) {
    const { status, stdout, stderr } = spawnSync(join(BUILD, 'lwmix'), ['mixnet', 'ctl', '--state', folder, ...words], { encoding: 'utf8' });
    return { status, stderr, ...(stdout.startsWith('{') ? JSON.parse(stdout) : { stdout }) };
}

async function controlSocket(mixnet) {
    const path = join(mixnet.folder, 'control');
    same(statSync(path).mode & 0o777, 0o600, 'the control socket is its owner\'s alone');
    const talk = (bytes) => within(new Promise((resolve) => {
        const socket = net.connect(path);
        let text = '';
        socket.on('data', (part) => { text += part; });
        socket.on('error', () => {});
        socket.on('close', () => resolve(text.split('\n').filter(Boolean).map((line) => JSON.parse(line))));
        socket.end(bytes);
    }), 'an answer on the control socket');
    for (const [what, line] of [['no JSON', 'hello'], ['a list', '[1]'], ['nothing', ''], ['no word', '{}'], ['an unknown word', '{"do":"dance"}'], ['a number', '{"do":5}'],
        ['a wrong type', '{"do":"cut","ms":"5"}'], ['an unknown field', '{"do":"rotate","to":"5"}'], ['a missing field', '{"do":"stop"}'], ['bytes', pattern(1000).map((b) => b === 10 ? 11 : b)]]) {
        const [answer, ...more] = await talk(Buffer.concat([Buffer.from(line), Buffer.from('\n')]));
        check(answer?.ok === false && typeof answer.error === 'string' && more.length === 0, `${what} on the control socket is answered`, answer);
    }
    same(await talk('x'.repeat(100_000)), [{ ok: false, error: 'the line is too long' }], 'a line without end');
    same((await talk('{"do":"clear-faults"}\n{"do":"restore"}\n{"do":"clear-faults"}\n')).length, 3, 'each line gets its answer');
    const crowd = await within(Promise.all(Array.from({ length: 100 }, () => new Promise((resolve, reject) => {
        const socket = net.connect(path, () => resolve(socket));
        socket.on('error', reject).resume();
    }))), 'a crowd on the control socket');
    const gone = crowd.map((socket) => new Promise((done) => socket.on('close', done)));
    await within(Promise.all(gone.slice(-36)), 'the end of those above the limit');
    for (const socket of crowd) socket.end();
    await within(Promise.all(gone), 'the end of the crowd');
    same((await control(mixnet.folder, { do: 'clear-faults' })).ok, true, 'the control socket answers after a crowd');
}

async function verbs(mixnet) {
    const { folder } = mixnet;
    const { ws_port: port } = node(mixnet, 'gateway1');
    const url = `ws://127.0.0.1:${port}`;
    const refusedNow = () => new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.on('close', () => resolve(true));
        socket.on('error', () => resolve(true));
        socket.on('open', () => { socket.send('{"type":"supportedProtocol"}'); socket.on('message', () => resolve(false)); });
    });
    const victim = await openWebSocket(url);
    const { ok, connections } = ctl(folder, 'cut', 'gateway1');
    check(ok && connections >= 1, 'cut counts connections', connections);
    same((await within(victim.closed, 'a cut')).code, 1001, 'cut ends connections');
    check(await within(refusedNow(), 'a refusal'), 'while cut, clients are refused');
    same(ctl(folder, 'restore', 'gateway1').ok, true, 'restore');
    same(await ask(url), PROTOCOL, 'restored, clients are taken');
    const other = await openWebSocket(url);
    same(ctl(folder, 'kick').ok, true, 'kick');
    same((await within(other.closed, 'a kick')).code, 1001, 'kick ends connections');
    same(await ask(url), PROTOCOL, 'who was kicked may come back');
    ctl(folder, 'cut', 'gateway1', '1000');
    const patient = spawnSync(join(BUILD, 'lwmix'), ['ping', '--network', folder, '--count', '1', '--json'], { encoding: 'utf8', timeout: 60_000 }); // it tries again
    check(patient.status === 0 && JSON.parse(patient.stdout).received === 1, 'a cut for a second ends by itself', patient);

    same(ctl(folder, 'stop', 'mix1').ok, true, 'stop');
    await sendAndWait(node(mixnet, 'mix1').mix_port, Buffer.concat([badFrame(), NO_FRAME]));
    const { mix1 } = ctl(folder, 'stats', 'mix1');
    check(mix1.stopped === 1 && mix1.dropped.stopped >= 1, 'a stopped mix drops frames', mix1);
    same(ctl(folder, 'start', 'mix1').ok, true, 'start');

    const current = async () => (await (await fetch(`${mixnet.directory_http}v1/epoch/key-rotation-info`)).json()).current_absolute_epoch_id;
    const { epoch, rotation } = ctl(folder, 'rotate');
    check(rotation >= 4 && await current() === epoch && network(mixnet).clock.epoch === epoch, 'rotate: the directory and network.json agree', epoch);
    same(ctl(folder, 'rotate').rotation, rotation + 1, 'rotate again');
    for (const words of [['exhaust-surbs'], ['exhaust-surbs', 'exit1'], ['forget-client', 'gateway1', 'all'], ['forget-client', 'gateway1', mixnet.gateway], ['forget-session', 'exit1', 'all'],
        ['forget-session', 'exit1', '10.0.0.9'], ['refuse', 'exit1', '93.184.216.34:80'], ['refuse', 'exit1', '[2001:db8::1]:443'], ['refuse', 'exit1', '2001:db8::1'], ['allow'],
        ['fault', 'mix1', 'mix2', 'delay=5,5'], ['fault', 'loss=0.1', 'to=mix1'], ['clear-faults']]) {
        const got = ctl(folder, ...words);
        check(got.ok === true && got.status === 0, words.join(' '), got);
    }
    for (const words of [['stop', 'mix9'], ['cut', 'mix1'], ['forget-client', 'gateway1', 'x'], ['forget-session', 'exit1', 'x'], ['refuse', 'exit1', 'x'], ['refuse', 'exit1', '1.2.3.4:99999'],
        ['fault'], ['fault', 'mix1', 'mix9', 'loss=1'], ['fault', 'loss=2'], ['fault', 'delay=x'], ['stop'], ['cut', 'gateway1', 'ms=-1'], ['stats', 'nobody']]) {
        const got = ctl(folder, ...words);
        check(got.ok === false && got.status === 1 && got.error, words.join(' '), got);
    }
    for (const [words, error] of [[['dance'], 'dance'], [[], 'a word is missing'], [['stop', 'mix1', 'mix2'], 'mix2'], [['--fast', 'stop'], '--fast']]) {
        const got = ctl(folder, ...words);
        check(got.status === 2 && got.stderr.split('\n').length === 2 && got.stderr.includes(error), `ctl ${words.join(' ')}`, got);
    }
    same(ctl('/nowhere', 'rotate').status, 2, 'ctl without a mixnet');
    const help = spawnSync(join(BUILD, 'lwmix'), ['mixnet', 'ctl', '--help'], { encoding: 'utf8' }).stdout;
    for (const word of ['cut', 'restore', 'kick', 'forget-client', 'stop', 'start', 'rotate', 'exhaust-surbs', 'forget-session', 'refuse', 'allow', 'fault', 'clear-faults', 'stats'])
        check(help.includes(`\n  ${word} `), `the help tells of ${word}`);
}

// --- metrics ---

/** {name: {type, samples: [[labels, value]]}}; throws at what is not the text format. */
function parseMetrics(text) {
    const families = {};
    let current = null;
    for (const line of text.trimEnd().split('\n')) {
        const head = line.match(/^# (HELP|TYPE) ([a-z_]+) (.+)$/);
        if (head?.[1] === 'HELP') {
            if (families[head[2]]) throw new Error(`${head[2]} stands in two places`);
            current = families[head[2]] = { name: head[2], help: head[3], samples: [] };
        } else if (head) {
            if (head[2] !== current.name || !/^(counter|gauge|histogram)$/.test(head[3])) throw new Error(line);
            current.type = head[3];
        } else {
            const [, name, labels, value] = line.match(/^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([0-9.e+-]+)$/) ?? [];
            if (!name || !(name === current.name || (current.type === 'histogram' && name.startsWith(current.name)))) throw new Error(line);
            current.samples.push([name, labels ?? '', Number(value)]);
        }
    }
    return families;
}

async function metrics(mixnet) {
    const response = await fetch(mixnet.metrics);
    same(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8', 'the type of the metrics page');
    const families = parseMetrics(await response.text());
    for (const { name, type, samples } of Object.values(families)) {
        check(samples.length > 0 && (type === 'counter') === name.endsWith('_total'), `${name} has samples, and the name of a ${type}`);
        same(new Set(samples.map(([n, labels]) => n + labels)).size, samples.length, `no two samples of ${name} are one`);
    }
    const { nodes } = network(mixnet);
    const of = (name, labels) => families[name].samples.filter(([, l]) => l.includes(labels));
    for (const { name, kind } of nodes) {
        same(of('lwmix_node_packets_total', `node="${name}",role="${kind}"`).length, 5, `${name} counts packets by kind`);
        const buckets = of('lwmix_node_lateness_seconds', `node="${name}"`);
        const values = buckets.filter(([n]) => n.endsWith('_bucket')).map(([, , v]) => v);
        check(values.every((v, i) => i === 0 || v >= values[i - 1]) && values.at(-1) === buckets.at(-1)[2], `${name}: a histogram adds up`, values);
    }
    same(of('lwmix_exit_sessions', '').length, nodes.filter((n) => n.kind === 'exit').length, 'sessions of exits');
    same(of('lwmix_exit_internet_flows', '').length, nodes.filter((n) => n.kind === 'exit').length, 'flows of exits');
    same(families.lwmix_rotation.samples[0][2], ctl(mixnet.folder, 'rotate').rotation - 1, 'the rotation');
    const at = (path, options) => fetch(new URL(path, mixnet.metrics), options).then((r) => r.status);
    same([await at('/'), await at('/metrics/x'), await at('/metrics', { method: 'POST' }), await at('/metrics', { method: 'DELETE' })], [404, 404, 405, 405], 'only GET /metrics');
    const port = Number(new URL(mixnet.metrics).port);
    await sendAndWait(port, pattern(100_000));
    const got = String(await sendAndWait(port, upgrade()));
    check(!got.startsWith('HTTP/1.1 101'), 'the metrics page is no WebSocket', got.slice(0, 40));
    same(await at('/metrics'), 200, 'the metrics page after garbage');
}

// --- start and end ---

const run = (args) => spawnSync(join(BUILD, 'lwmix'), args, { encoding: 'utf8', timeout: LIMIT_MS });

async function wrongStarts(mixnet) {
    const folder = mkdtempSync(join(tmpdir(), 'lwmix-wrong-'));
    const taken = net.createServer();
    await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address();
    writeFileSync(join(folder, 'file'), 'x');
    for (const [name, text] of [['broken', '{"format":1'], ['strange', '{"format":1,"version":"1.37.0","clock":{},"nodes":[]}']]) {
        run(['mixnet', '--state', join(folder, name), '--loss', '7']); // makes nothing
        check(!existsSync(join(folder, name)), 'wrong options leave no folder');
        spawnSync('mkdir', [join(folder, name)]);
        writeFileSync(join(folder, name, 'network.json'), text);
    }
    for (const [args, words] of [
        [[], '--state'],
        [['--state'], '--state'],
        [['--state', folder, '--mixes', '0'], '--mixes'],
        [['--state', folder, '--mixes', 'x'], '--mixes'],
        [['--state', folder, '--gateways', '17'], '--gateways'],
        [['--state', folder, '--fly'], '--fly'],
        [['--state', folder, 'word'], 'word'],
        [['--state', folder, '--host', '1.2.3'], '1.2.3'],
        [['--state', folder, '--loss', '1.5'], '--loss'],
        [['--state', folder, '--delay', '5,'], '--delay'],
        [['--state', folder, '--seed', '-1'], '--seed'],
        [['--state', folder, '--metrics', '70000'], '--metrics'],
        [['--state', folder, '--log', '/nowhere/log'], '/nowhere/log'],
        [['--state', join(folder, 'file')], join(folder, 'file')],
        [['--state', join(folder, 'broken')], 'network.json'],
        [['--state', join(folder, 'strange')], 'clock'],
        [['--state', join(folder, 'a'.repeat(120))], 'too long'],
        [['--state', join(folder, 'd1'), '--directory-port', port], `127.0.0.1:${port}`],
        [['--state', join(folder, 'd2'), '--directory-http-port', port], `127.0.0.1:${port}`],
        [['--state', join(folder, 'd3'), '--metrics', port], `127.0.0.1:${port}`],
        [['--state', mixnet.folder], 'another mixnet'],
        [['--state', mixnet.folder, '--mixes', '2'], '3 mixes'],
        [['--state', join(folder, 'd4'), '--role', 'mix4'], 'mix4'],
    ]) {
        const { status, stdout, stderr } = run(['mixnet', ...args.map(String)]);
        check(status === 2 && stdout === '' && stderr.split('\n').length === 2 && stderr.includes(words), `one line and status 2: ${args.slice(2).join(' ') || args.join(' ')}`, { status, stdout, stderr });
    }
    taken.close();
    rmSync(folder, { recursive: true });
}

/** A mixnet on fixed ports whose node port somebody else took. */
async function takenNodePort() {
    const state = mkdtempSync(join(tmpdir(), 'lwmix-state-'));
    const first = await startMixnet([], { state });
    const { mix_port: port } = node(first, 'mix2');
    await first.stop();
    const thief = net.createServer();
    await new Promise((resolve) => thief.listen(port, '127.0.0.1', resolve));
    const { status, stderr } = run(['mixnet', '--state', state]);
    check(status === 2 && stderr.split('\n').length === 2 && stderr.includes(`127.0.0.1:${port}`), 'a node\'s port that is taken', { status, stderr });
    thief.close();
    rmSync(state, { recursive: true });
}

async function restart() {
    const state = mkdtempSync(join(tmpdir(), 'lwmix-state-'));
    const kept = ['network.json', 'keys.json', 'ca.pem', 'ca.key', 'server.pem', 'server.key'];
    const contents = () => kept.map((name) => readFileSync(join(state, name), 'utf8'));
    const began = performance.now();
    const first = await startMixnet(['--metrics', '0'], { state });
    const cold = performance.now() - began;
    const files = contents();
    same(kept.map((name) => statSync(join(state, name)).mode & 0o077).filter((_, i) => /key/.test(kept[i])), [0, 0, 0], 'keys are their owner\'s alone');
    const crowd = await Promise.all(Array.from({ length: 50 }, () => openWebSocket(first.gateway_ws)));
    await dial(Number(new URL(first.directory_http).port));
    same(await within(first.stop(), 'the end'), { code: 0, signal: null }, 'SIGTERM ends it with 0, connections or not');
    await within(Promise.all(crowd.map((s) => s.closed)), 'the end of all connections');
    check(!existsSync(join(state, 'control')), 'the control socket is gone');
    const ports = network(first).nodes.flatMap((n) => [n.mix_port, n.ws_port, n.wss_port]).filter(Boolean);
    ports.push(...[first.directory, first.directory_http, first.metrics].map((url) => Number(new URL(url).port)));
    for (const port of ports) {
        const server = net.createServer();
        const free = await new Promise((resolve) => server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));
        check(free, `port ${port} is free again`);
        await new Promise((resolve) => server.close(resolve));
    }
    const again = performance.now();
    const second = await startMixnet([], { state });
    const warm = performance.now() - again;
    for (const name of ['gateway', 'exit', 'gateway_ws', 'gateway_wss', 'ca']) same(second[name], first[name], `${name} after a restart`);
    same(contents(), files, 'what the state folder keeps, after a restart');
    check(warm < 2000 + 2 * cold, 'ready within 2 s, or on a busy machine no later than without the folder', { warm, cold });
    console.log(`ready in ${Math.round(cold)} ms, with a state folder in ${Math.round(warm)} ms`);
    const child = spawn('kill', ['-KILL', String(second.pid)]);
    await new Promise((resolve) => child.on('exit', resolve));
    await second.stop();
    check(existsSync(join(state, 'control')), 'a mixnet that was killed leaves its control socket');
    const third = await startMixnet([], { state });
    same(third.gateway_ws, first.gateway_ws, 'a start after that');
    same((await third.stop()).code, 0, 'its end');
    rmSync(state, { recursive: true });
}

/** Two roles as processes of their own, on one state folder. */
async function rolesAlone() {
    const state = mkdtempSync(join(tmpdir(), 'lwmix-state-'));
    const mix = await startMixnet(['--role', 'mix1'], { state });
    const gateway = await startMixnet(['--role', 'gateway1', '--metrics', '0'], { state });
    same(Object.keys(await control(state, { do: 'stats' }, 'control-mix1')), ['ok', 'process', 'mix1'], 'a role tells of itself');
    same(ctl(state, '--role', 'gateway1', 'stats', 'mix1').error, "no node 'mix1' runs here", 'a role knows what runs elsewhere');
    same(ctl(state, 'stats').status, 2, 'a process of a role has a socket of its own');
    same(ctl(state, '--role', 'gateway1', 'cut').ok, true, 'ctl --role');
    same((await (await fetch(gateway.metrics)).text()).match(/lwmix_node_waiting\{node="(\w+)"/g).length, 1, 'metrics of one role');
    const { status, stderr } = run(['mixnet', '--state', state, '--role', 'mix1']);
    check(status === 2 && stderr.includes('another mixnet'), 'a role runs once', stderr);
    same([(await mix.stop()).code, (await gateway.stop()).code], [0, 0], 'roles end with 0');
    rmSync(state, { recursive: true });
}

/** Elsewhere than on 127.0.0.1: what the ready line says can be reached, by the certificate too; a folder may move. */
async function elsewhere() {
    const state = mkdtempSync(join(tmpdir(), 'lwmix-state-'));
    for (const [host, name] of [['127.0.0.2', '127.0.0.2'], ['::1', '[::1]'], ['127.0.0.3', '127.0.0.3']]) {
        const folder = name === '127.0.0.3' ? state : mkdtempSync(join(state, 'other-'));
        if (folder === state) await (await startMixnet([], { state })).stop(); // its certificate does not name the next address
        const here = await startMixnet(['--host', host], { state: folder });
        const [https, plain] = [new URL(here.directory), new URL(here.directory_http)];
        same([https.hostname, plain.hostname], [name, name], `the ready line, ${host}`);
        check(here.gateway_ws.startsWith(`ws://${folder === state ? '127.0.0.1' : name}:`), `the gateway's URL, ${host}`, here.gateway_ws);
        check((await fetch(new URL('v1/health', plain))).status !== undefined, `the directory, ${host}`);
        const authorized = await within(new Promise((resolve, reject) => {
            // Node.js 22.23 takes no IPv6 address for a name in a certificate: the certificate itself is asked.
            const socket = tls.connect({ host, port: Number(https.port), ca: readFileSync(here.ca), checkServerIdentity: () => undefined }, () => {
                resolve(socket.authorized && socket.getPeerX509Certificate().checkIP(host) !== undefined);
                socket.destroy();
            });
            socket.on('error', reject);
        }), 'TLS');
        check(authorized, `the certificate is for ${host}`);
        const { status, stdout, stderr } = run(['ping', '--network', folder, '--count', '1', '--json', '--no-pacing']);
        check(status === 0 && JSON.parse(stdout).received === 1, `a tunnel through it, ${host}`, { stdout, stderr });
        same((await here.stop()).code, 0, 'its end');
    }
    rmSync(state, { recursive: true });
}

// --- all of it ---

const mixnet = await startMixnet(['--no-cover', '--metrics', '0']); // no packets but ours
const parts = { nodeLinks, gateways, directory, crowds, neverReads, controlSocket, verbs, metrics, wrongStarts, takenNodePort, restart, rolesAlone, elsewhere };
for (const [name, part] of Object.entries(parts)) {
    if (only && only !== name) continue;
    const began = performance.now();
    try {
        await part(mixnet);
    } catch (error) {
        check(false, name, error.stack);
    }
    console.log(`${name}: ${Math.round(performance.now() - began)} ms`);
}
same(await within(mixnet.stop(), 'the end'), { code: 0, signal: null }, 'it ends with 0 after all that');
report.close();
