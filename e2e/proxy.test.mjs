// SPDX-License-Identifier: Apache-2.0
// `lwmix proxy` through a local mixnet, used by curl, git, Chromium and by hand. Closes with "proxy: N passed, M failed".
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { FLAGS } from './browser.mjs';
import { answerGit, makeRepository } from './git.mjs';
import { BUILD, control, run as runToEnd, startMixnet } from './mixnet.mjs';
import { dial, socks, socksAddress, startProxy } from './proxy.mjs';
import { makeReport } from './report.mjs';
import { pattern, sha256 } from './servers.mjs';

const IP = '93.184.216.34'; // public addresses that lead to loopback
const IP6 = '2606:2800:220:1:248:1893:25c8:1946';
const NAME = 'site.nym.test'; // the local mixnet's authority vouches for it
const MEGABYTE = 1_000_000;

const report = makeReport('proxy');
const check = (what, holds, detail) => report.check(holds, what, detail);

const folder = mkdtempSync(join(tmpdir(), 'lwmix-proxy-'));

async function run(command, args, { input = '', env = {} } = {}) {
    const result = await runToEnd(command, args, { input, env: { PATH: process.env.PATH, HOME: folder, ...env } });
    return { ...result, text: result.out.toString('latin1').slice(0, 1000) };
}
const curl = (...args) => run('curl', ['-sS', '-m', '90', ...args]);
const upload = (input, ...args) => run('curl', ['-sS', '-m', '90', '--data-binary', '@-', ...args], { input });

// ---- the web behind the exit ----

const images = 6;
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const seen = []; // of each request: the connection's number, method, headers
let connections = 0;

function answer(request, response) {
    const url = new URL(request.url, 'http://x');
    const send = (type, body) => response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
    seen.push({ connection: request.socket.number, method: request.method, url: request.url, headers: request.headers });
    if (url.pathname === '/bytes') return send('application/octet-stream', pattern(Number(url.searchParams.get('n'))));
    if (url.pathname.startsWith('/git/')) return answerGit(folder, request, response);
    if (url.pathname === '/echo') {
        const parts = [];
        request.on('data', (part) => parts.push(part));
        request.on('end', () => send('application/octet-stream', Buffer.concat(parts)));
        return undefined;
    }
    if (url.pathname === '/page') {
        const all = Array.from({ length: images }, (_, i) => `<img src="/pixel?${i}">`).join('');
        return send('text/html', `<!doctype html><title>page</title><link rel=stylesheet href=/style>${all}<script src=/script></script>`);
    }
    if (url.pathname === '/pixel') return send('image/gif', pixel);
    if (url.pathname === '/style') return send('text/css', 'body { color: rgb(1, 2, 3) }');
    if (url.pathname === '/script') return send('text/javascript', 'window.ran = true;');
    if (url.pathname === '/endless') {
        response.writeHead(200, { 'content-type': 'application/octet-stream' });
        const more = () => { while (response.write(pattern(10_000))); };
        response.on('drain', more);
        more();
        return undefined;
    }
    return response.writeHead(404, { 'content-length': 0 }).end();
}

const closed = new Map(); // of endless answers: when their connection is gone
function count(socket) {
    socket.number = ++connections;
    socket.on('error', () => {});
    socket.on('close', () => closed.get(socket.number)?.());
}

async function listen(server, host = '127.0.0.1') {
    await new Promise((resolve) => server.listen(0, host, resolve));
    return server.address().port;
}

const plain = http.createServer(answer).on('connection', count);
const secure = https.createServer(answer);
plain.keepAliveTimeout = secure.keepAliveTimeout = 120_000;
let rawHandler = () => {};
const raw = net.createServer({ allowHalfOpen: true }, (socket) => { socket.on('error', () => {}); rawHandler(socket); });
const echo = dgram.createSocket('udp4').on('message', (message, from) => echo.send(Buffer.concat([Buffer.from('heard '), message]), from.port, from.address));
const ports = { plain: await listen(plain), secure: await listen(secure), raw: await listen(raw) };
echo.bind(0, '127.0.0.1');
await once(echo, 'listening');

// ---- wrong use ----

async function refuses(what, words, ...args) {
    const result = await run(join(BUILD, 'lwmix'), ['proxy', ...args]);
    check(what, result.code === 2 && result.out.length === 0 && result.err.trim().split('\n').length === 1 && words.test(result.err), result);
}

async function testWrongUse(network) {
    const password = join(folder, 'empty');
    const taken = net.createServer();
    const port = await listen(taken);
    writeFileSync(password, '\nsecond line\n');
    await refuses('other machines', /--allow-remote/, ...network, '--listen', '0.0.0.0:0');
    await refuses('other machines, IPv6', /--allow-remote/, ...network, '--listen', '[::]:0');
    await refuses('other machines without credentials', /--password-file/, ...network, '--listen', '0.0.0.0:0', '--allow-remote');
    await refuses('no address', /IP:PORT/, ...network, '--listen', 'localhost:1080');
    await refuses('a taken port', /already in use/, ...network, '--listen', `127.0.0.1:${port}`);
    await refuses('half of the credentials', /go together/, ...network, '--user', 'bob');
    await refuses('a colon in the name', /--user/, ...network, '--user', 'b:b', '--password-file', password);
    await refuses('an empty password', /first line/, ...network, '--user', 'bob', '--password-file', password);
    await refuses('no password file', /no such file/i, ...network, '--user', 'bob', '--password-file', join(folder, 'none'));
    taken.close();
    const help = await run(join(BUILD, 'lwmix'), ['proxy', '--help']);
    check('help', help.code === 0 && /socks5h:\/\//.test(help.text), help);
}

// ---- curl ----

async function testCurl(proxy, what) {
    const byName = ['--socks5-hostname', proxy.proxy];
    const byHttp = ['-x', `http://${proxy.proxy}`];
    const ca = ['--cacert', join(mixnet.folder, 'ca.pem')];
    for (const [how, args] of [['SOCKS', byName], ['HTTP', byHttp]]) {
        const http_ = await curl(...args, `http://${NAME}/bytes?n=2000`);
        check(`${what}: ${how}, http`, http_.out.equals(pattern(2000)), http_);
        const https_ = await curl(...args, ...ca, `https://${NAME}/bytes?n=2000`);
        check(`${what}: ${how}, https`, https_.out.equals(pattern(2000)), https_);
    }
}

async function testMegabyte(proxy) {
    const body = pattern(MEGABYTE);
    const [socksDown, httpDown, socksUp, httpUp, tunnelUp] = await Promise.all([
        curl('--socks5-hostname', proxy.proxy, `http://${NAME}/bytes?n=${MEGABYTE}`),
        curl('-x', `http://${proxy.proxy}`, `http://${NAME}/bytes?n=${MEGABYTE}`),
        upload(body, '--socks5-hostname', proxy.proxy, `http://${NAME}/echo`),
        upload(body, '-x', `http://${proxy.proxy}`, '-H', 'Transfer-Encoding: chunked', `http://${NAME}/echo`),
        upload(body, '-p', '-x', `http://${proxy.proxy}`, `http://${NAME}/echo`),
    ]);
    for (const [what, result] of Object.entries({ socksDown, httpDown, socksUp, httpUp, tunnelUp }))
        check(`1 MB: ${what}`, sha256(result.out) === sha256(body), { code: result.code, err: result.err, length: result.out.length });
}

async function testAddresses(proxy) {
    const six = await curl('--socks5-hostname', proxy.proxy, '-g', `http://[${IP6}]/bytes?n=500`);
    check('IPv6 by SOCKS', six.out.equals(pattern(500)), six);
    const six6 = await curl('-x', `http://${proxy.proxy}`, '-g', `http://[${IP6}]/bytes?n=500`);
    check('IPv6 by HTTP', six6.out.equals(pattern(500)), six6);
    const four = await curl('--socks5', proxy.proxy, `http://${IP}/bytes?n=500`);
    check('an IPv4 number', four.out.equals(pattern(500)), four);
}

// ---- what cannot be reached ----

async function testRefusals(proxy) {
    const rows = [
        ['a refused connection', IP, 82, 5, 502, /refused/],
        ['an unknown name', 'nowhere.test', 80, 4, 502, /no such host name/],
        ['a name that is none', 'no_name..test', 80, 4, 502, /name/],
    ];
    for (const [what, host, port, code, status, words] of rows) {
        const bySocks = await socks(proxy, 1, host, port);
        check(`${what}, by SOCKS`, bySocks.reply === code && (await bySocks.reader.rest()).length === 0, bySocks.reply);
        bySocks.socket.destroy();
        const byHttp = await curl('-i', '-x', `http://${proxy.proxy}`, `http://${host}:${port}/`);
        check(`${what}, by HTTP`, byHttp.text.startsWith(`HTTP/1.1 ${status} `) && words.test(byHttp.text) && /close/.test(byHttp.text), byHttp);
        const byConnect = await curl('-p', '-x', `http://${proxy.proxy}`, '-w', '%{http_connect}', `http://${host}:${port}/`);
        check(`${what}, by CONNECT`, byConnect.code === 56 && byConnect.text === String(status), byConnect);
    }
    await control(mixnet.folder, { do: 'refuse', exit: 'exit1', destination: `${IP}:8443` });
    const replies = [];
    for (let i = 0; i < 3; i++) { // the exit's words may come behind its reset
        const { socket, reply } = await socks(proxy, 1, IP, 8443);
        const byHttp = await curl('-i', '-x', `http://${proxy.proxy}`, `http://${IP}:8443/`);
        replies.push(reply, Number(byHttp.text.slice(9, 12)));
        socket.destroy();
    }
    check('the exit\'s policy', replies.join() === '2,403,2,403,2,403', replies);
    const bind = await socks(proxy, 2, IP, 80);
    check('BIND is not there', bind.reply === 7, bind.reply);
    bind.socket.destroy();
}

// ---- credentials ----

async function testCredentials(network) {
    const file = join(folder, 'password');
    writeFileSync(file, 's3 cret:\n', { mode: 0o600 });
    const proxy = await startProxy([...network, '--user', 'bob', '--password-file', file, '--allow-remote'], { listen: '0.0.0.0:0' });
    const at = `127.0.0.1:${proxy.port}`;
    const url = `http://${NAME}/bytes?n=100`;
    const right = ['-U', 'bob:s3 cret:'];
    const good = [await curl('-x', `http://${at}`, ...right, url), await curl('-p', '-x', `http://${at}`, ...right, url),
        await curl('--socks5-hostname', at, ...right, url)];
    check('right credentials', good.every((r) => r.out.equals(pattern(100))), good);
    check('they go no further', seen.slice(-3).every((s) => !JSON.stringify(s.headers).includes('proxy')), seen.slice(-3));
    for (const wrong of [[], ['-U', 'bob:s3 cret'], ['-U', 'bo:s3 cret:'], ['-U', 'bob:']]) {
        const byHttp = await curl('-i', '-x', `http://${at}`, ...wrong, url);
        check(`407 for ${wrong}`, byHttp.text.startsWith('HTTP/1.1 407 ') && /proxy-authenticate: basic/i.test(byHttp.text), byHttp);
        const bySocks = await curl('--socks5-hostname', at, ...wrong, url);
        check(`SOCKS refuses ${wrong}`, bySocks.code === 97 && bySocks.out.length === 0, bySocks);
    }
    const { socket, reader } = await dial({ host: '127.0.0.1', port: proxy.port });
    socket.write(Buffer.from([5, 1, 0]));
    const method = await reader.take(2);
    check('SOCKS without a password', method[1] === 0xff && (await reader.rest()).length === 0, [...method]);
    socket.destroy();
    const end = await proxy.stop();
    check('SIGTERM, with credentials', end.code === 0 && !end.err.includes('s3'), end);
}

// ---- datagrams ----

function query(name, type) {
    const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
    return Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
}

async function testDatagrams(proxy) {
    const { socket, reply, bound } = await socks(proxy, 3, '0.0.0.0', 0);
    check('UDP ASSOCIATE', reply === 0 && bound.kind === 1 && bound.host.equals(Buffer.from([127, 0, 0, 1])) && bound.port > 0, { reply, bound });
    const udp = dgram.createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const ask = async (host, port, payload) => {
        const got = once(udp, 'message');
        udp.send(Buffer.concat([Buffer.from([0, 0, 0]), socksAddress(host, port), payload]), bound.port, '127.0.0.1');
        return (await got)[0];
    };
    // none of these is answered
    udp.send(Buffer.from([0, 0]), bound.port, '127.0.0.1');
    udp.send(Buffer.concat([Buffer.from([0, 0, 1]), socksAddress(IP, 5300), Buffer.from('fragment')]), bound.port, '127.0.0.1');
    udp.send(Buffer.concat([Buffer.from([0, 0, 0]), socksAddress('nowhere.test', 5300), Buffer.from('lost')]), bound.port, '127.0.0.1');
    udp.send(Buffer.concat([Buffer.from([0, 0, 0]), socksAddress(IP, 0), Buffer.from('port 0')]), bound.port, '127.0.0.1');
    udp.send(Buffer.concat([Buffer.from([0, 0, 0]), socksAddress(IP, 5300), pattern(60_000)]), bound.port, '127.0.0.1');
    const dns = await ask('8.8.8.8', 53, query(NAME, 1));
    check('a DNS query by UDP', dns.subarray(0, 10).equals(Buffer.concat([Buffer.from([0, 0, 0]), socksAddress('8.8.8.8', 53)])) &&
        dns.readUInt16BE(10) === 0x1234 && dns.subarray(-4).equals(Buffer.from(IP.split('.').map(Number))), dns.toString('hex'));
    const byNumber = await ask(IP, 5300, Buffer.from('one'));
    check('a datagram to a number', byNumber.subarray(10).toString() === 'heard one', byNumber.toString('latin1'));
    const byName = await ask(NAME, 5300, Buffer.from('two'));
    check('a datagram to a name', byName.subarray(0, 10).equals(byNumber.subarray(0, 10)) && byName.subarray(10).toString() === 'heard two', byName.toString('latin1'));
    const bySix = await ask(IP6, 5300, Buffer.from('three'));
    check('a datagram by IPv6', bySix[3] === 4 && bySix.subarray(22).toString() === 'heard three', bySix.toString('latin1'));
    const stranger = dgram.createSocket('udp4');
    stranger.on('message', () => check('a stranger is not heard', false));
    stranger.send(Buffer.concat([Buffer.from([0, 0, 0]), socksAddress(IP, 5300), Buffer.from('stranger')]), bound.port, '127.0.0.1');
    await ask(IP, 5300, Buffer.from('four'));
    socket.destroy();
    const again = await socks(proxy, 3, '0.0.0.0', 0);
    check('another association', again.reply === 0 && again.bound.port !== bound.port, again.bound);
    again.socket.destroy();
    udp.close();
    stranger.close();
}

// ---- HTTP by hand ----

/** Bytes to the proxy, and all that comes until it ends the connection, or up to a mark. */
async function talk(proxy, bytes, mark) {
    const { socket, reader } = await dial(proxy);
    socket.write(bytes);
    const text = (await (mark ? reader.until(Buffer.from(mark)) : reader.rest())).toString('latin1');
    return { socket, reader, text };
}

/** The raw server answers each connection's first bytes with these, then ends it. */
function rawAnswer(...pieces) {
    rawHandler = (socket) => socket.once('data', () => {
        for (const piece of pieces) socket.write(piece);
        socket.end();
    });
}

async function testHttp(proxy) {
    const get = (path, more = '') => `GET http://${NAME}${path} HTTP/1.1\r\nHost: ${NAME}\r\n${more}\r\n`;
    seen.length = 0;
    const two = await talk(proxy, get('/bytes?n=3') + get('/bytes?n=4', 'Connection: close\r\n'));
    check('two requests, one after the other', two.text.match(/HTTP\/1\.1 200/g)?.length === 2 && two.text.endsWith(pattern(4).toString('latin1')), two.text);
    check('over one connection', seen.length === 2 && seen[0].connection === seen[1].connection, seen);
    check('nothing about the client', seen.every((s) => Object.keys(s.headers).every((h) => ['host', 'connection'].includes(h)) && s.headers.host === NAME), seen);
    seen.length = 0;
    const post = `POST http://${NAME}/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`;
    const mixed = await talk(proxy, post + get('/bytes?n=0') + post.replace('\r\n\r\n3', '\r\nConnection: close\r\n\r\n3'));
    check('bodies by chunks', mixed.text.match(/abcde/g)?.length === 2 && mixed.text.match(/ 200 OK/g)?.length === 3, mixed.text);
    const other = await talk(proxy, get('/bytes?n=1') + get('/bytes?n=1', 'Connection: close\r\n').replace(`http://${NAME}/`, `http://${IP}/`));
    check('another server, another connection', other.text.match(/ 200 OK/g)?.length === 2 && seen.at(-1).connection !== seen.at(-2).connection, other.text);
    const head = await talk(proxy, get('/bytes?n=9').replace('GET', 'HEAD') + get('/bytes?n=1', 'Connection: close\r\n'));
    check('an answer to HEAD has no body', /content-length: 9/i.test(head.text) && head.text.match(/ 200 OK/g)?.length === 2, head.text);
    const old = await talk(proxy, `GET http://${NAME}/bytes?n=3 HTTP/1.0\r\n\r\n`);
    check('HTTP/1.0', / 200 OK/.test(old.text) && /connection: close/i.test(old.text), old.text);
    const expects = await upload(pattern(3000), '-x', `http://${proxy.proxy}`, '-H', 'Expect: 100-continue', `http://${NAME}/echo`);
    check('Expect: 100-continue', expects.out.equals(pattern(3000)), expects);
}

async function testHttpServers(proxy) {
    const at = `http://${IP}:8080/`;
    const get = `GET ${at} HTTP/1.1\r\n\r\n`;
    rawAnswer('HTTP/1.1 200 OK\r\nX-Hop: 1\r\nConnection: x-hop\r\n\r\n', 'until the end');
    const untilEnd = await talk(proxy, get);
    check('a body until the end', untilEnd.text === 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end', untilEnd.text);
    rawAnswer('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\nProxy-Authenticate: Basic\r\n\r\n');
    const early = await talk(proxy, get, '204 No Content\r\n\r\n');
    check('an interim answer', early.text.startsWith('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'), early.text);
    early.socket.destroy();
    rawAnswer('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    const half = await curl('-x', `http://${proxy.proxy}`, at);
    check('a body that is cut', half.code === 18 || half.code === 56, half);
    rawAnswer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense');
    const nonsense = await curl('-x', `http://${proxy.proxy}`, at);
    check('chunks that are none', nonsense.code === 18 || nonsense.code === 56, nonsense);
    rawAnswer('SSH-2.0-x\r\n\r\n');
    const ssh = await curl('-i', '-x', `http://${proxy.proxy}`, at);
    check('no HTTP', ssh.text.startsWith('HTTP/1.1 502 '), ssh);
    rawAnswer();
    const silent = await curl('-i', '-x', `http://${proxy.proxy}`, at);
    check('no answer', silent.text.startsWith('HTTP/1.1 502 ') && /without an answer/.test(silent.text), silent);
    rawAnswer(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`);
    const long = await curl('-i', '-x', `http://${proxy.proxy}`, at);
    check('a head that is too long', long.text.startsWith('HTTP/1.1 502 '), long);
    let answers = 0; // a server that closes each connection after its first answer, without saying so
    rawHandler = (socket) => socket.once('data', () => { socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${++answers}`); });
    const kept = await talk(proxy, get, '\r\n\r\n1');
    kept.socket.write(get);
    const second = (await kept.reader.until(Buffer.from('\r\n\r\n2'))).toString();
    check('a kept connection that the server closed', second === 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2', second);
    kept.socket.destroy();
}

// ---- the relay ----

async function testHalves(proxy) {
    rawHandler = (socket) => { // answers when the other side has ended
        let got = 0;
        socket.on('data', (chunk) => { got += chunk.length; });
        socket.on('end', () => socket.end(`got ${got}`));
    };
    const up = await socks(proxy, 1, IP, 8080);
    up.socket.end(pattern(50_000));
    check('the client ends first', up.reply === 0 && (await up.reader.rest()).toString() === 'got 50000', up.reply);
    let whole;
    const rest = new Promise((resolve) => { whole = resolve; });
    rawHandler = (socket) => { // ends at once, and goes on listening
        let got = 0;
        socket.end('bye');
        socket.on('data', (chunk) => { got += chunk.length; });
        socket.on('end', () => whole(got));
    };
    const down = await talk(proxy, `CONNECT ${IP}:8080 HTTP/1.1\r\n\r\n`);
    check('the server ends first', down.text.endsWith('\r\n\r\nbye'), down.text);
    down.socket.end(pattern(40_000));
    check('and still hears', await rest === 40_000, await rest);
}

async function testVanishing(proxy) {
    seen.length = 0;
    const clients = [await talk(proxy, `GET http://${NAME}/endless HTTP/1.1\r\n\r\n`, '\r\n\r\n'),
        await talk(proxy, `CONNECT ${NAME}:80 HTTP/1.1\r\n\r\n`, '\r\n\r\n')];
    clients[1].socket.write(`GET /endless HTTP/1.1\r\nHost: x\r\n\r\n`);
    await clients[1].reader.take(1000);
    const gone = seen.map((s) => new Promise((resolve) => closed.set(s.connection, resolve)));
    for (const client of clients) client.socket.resetAndDestroy();
    await Promise.all(gone);
    check('who vanishes is told to the server', gone.length === 2, gone.length);
    const connecting = await dial(proxy);
    connecting.socket.write(`CONNECT ${NAME}:80 HTTP/1.1\r\n\r\n`);
    connecting.socket.resetAndDestroy();
}

const memory = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]); // in kB

/** A server that does not read: the proxy takes from the client what fits, and no more. */
async function testBackPressure(proxy) {
    rawHandler = () => {};
    const { socket, reply } = await socks(proxy, 1, IP, 8080);
    const before = memory(proxy.pid);
    socket.write(Buffer.alloc(64 << 20));
    const other = await curl('-x', `http://${proxy.proxy}`, `http://${NAME}/bytes?n=300000`);
    const grown = memory(proxy.pid) - before;
    check('a server that does not read', reply === 0 && other.out.equals(pattern(300_000)) && grown < 16_000 && socket.writableLength > 0, { reply, grown });
    socket.resetAndDestroy();
}

const LIMIT = 192; // of clients at a time

async function testCrowds(proxy) {
    const idle = await Promise.all(Array.from({ length: LIMIT - 20 }, () => dial(proxy)));
    const among = await curl('--socks5-hostname', proxy.proxy, `http://${NAME}/bytes?n=100`);
    check('among idle clients', among.out.equals(pattern(100)), among);
    const kept = await Promise.all(Array.from({ length: 20 }, () => talk(proxy, `GET http://${NAME}/pixel HTTP/1.1\r\n\r\n`, pixel)));
    const first = await curl('--socks5-hostname', proxy.proxy, `http://${NAME}/bytes?n=100`);
    check('who may have another request makes room', kept.every((k) => k.text.includes(' 200 OK')) && first.out.equals(pattern(100)), first);
    for (const { socket } of kept) socket.destroy();
    idle.push(...await Promise.all(Array.from({ length: 100 }, () => dial(proxy))));
    const waiting = curl('--socks5-hostname', proxy.proxy, `http://${NAME}/bytes?n=100`); // until some of them are gone
    for (const { socket } of idle) socket.destroy();
    check('after idle clients', (await waiting).out.equals(pattern(100)), await waiting);
}

/** Begun with the first test, looked at after the last: both take half a minute. */
async function beginIdling() {
    const proxy = await startProxy([...network, '--no-pacing', '--no-cover']);
    const started = performance.now();
    const stalled = await dial(proxy);
    stalled.socket.write('GET http://');
    const kept = await talk(proxy, `GET http://${NAME}/pixel HTTP/1.1\r\n\r\n`, pixel);
    const until = ({ reader, socket }) => reader.rest().then((rest) => {
        socket.destroy();
        return { rest: rest.length, seconds: (performance.now() - started) / 1000 };
    });
    const results = await Promise.all([until(stalled), until(kept)]);
    await proxy.stop();
    return results;
}

/** SOCKS and HTTP in pieces of one byte, and all at once without waiting for answers. */
async function testPieces(proxy) {
    const get = Buffer.from(`GET /bytes?n=50 HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n\r\n`);
    const ways = {
        SOCKS: Buffer.concat([Buffer.from([5, 1, 0, 5, 1, 0]), socksAddress(NAME, 80), get]),
        CONNECT: Buffer.concat([Buffer.from(`CONNECT ${NAME}:80 HTTP/1.1\r\nHost: ${NAME}:80\r\n\r\n`), get]),
        HTTP: Buffer.from(get.toString().replace('GET /', `GET http://${NAME}/`)),
    };
    for (const [what, bytes] of Object.entries(ways)) {
        const whole = await talk(proxy, bytes);
        check(`${what} at once`, whole.text.endsWith(pattern(50).toString('latin1')), whole.text);
        const { socket, reader } = await dial(proxy);
        socket.setNoDelay(true);
        for (const byte of bytes) await new Promise((resolve) => { socket.write(Buffer.from([byte]), resolve); });
        check(`${what} byte by byte`, (await reader.rest()).toString('latin1').replace(/Date: .*/, '') === whole.text.replace(/Date: .*/, ''), whole.text);
        socket.destroy();
        whole.socket.destroy();
    }
}

async function testGarbage(proxy) {
    let x = 12345;
    const random = () => { x = (x * 1103515245 + 12345) & 0x7fffffff; return x >>> 8; };
    const pieces = Array.from({ length: 60 }, (_, i) => {
        const bytes = Buffer.from(Array.from({ length: 1 + random() % 300 }, () => random() & 255));
        if (i % 3 === 0) bytes[0] = 5;
        if (i % 3 === 1) bytes.set(Buffer.from('GET ').subarray(0, bytes.length));
        return bytes;
    });
    const results = await Promise.all(pieces.map(async (bytes) => {
        const { socket, reader } = await dial(proxy);
        socket.end(bytes);
        const text = await reader.rest();
        socket.destroy();
        return text.length;
    }));
    check('garbage is ended', results.every((n) => n < 1000), results);
    const rows = [
        ['TLS', Buffer.from([0x16, 3, 1, 2, 0]), /^$/],
        ['SOCKS4', Buffer.from([4, 1, 0, 80, 1, 2, 3, 4, 0]), /^\0\x5b\0{6}$/],
        ['a web server\'s request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 400 [^]*This is a proxy/],
        ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1\.1 505 /],
        ['a long head', `GET http://${NAME}/${'x'.repeat(70_000)}`, /^HTTP\/1\.1 431 /],
        ['two lengths', `POST http://${NAME}/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ];
    for (const [what, bytes, words] of rows) {
        const { text } = await talk(proxy, bytes);
        check(what, words.test(text), text);
    }
}

// ---- git, Chromium ----

async function testGit(proxy) {
    const files = { 'a.txt': 'first\n', 'b.bin': pattern(60_000), 'c.txt': 'third\n' };
    const head = makeRepository(folder, 'thing.git', files);
    for (const [how, url] of [['SOCKS', `socks5h://${proxy.proxy}`], ['HTTP', `http://${proxy.proxy}`]]) {
        const secureUrl = how === 'HTTP';
        const to = join(folder, `clone-${how}`);
        const result = await run('git', ['-c', `http.proxy=${url}`, '-c', `http.sslCAInfo=${join(mixnet.folder, 'ca.pem')}`, 'clone', '-q',
            `${secureUrl ? 'https' : 'http'}://${NAME}/git/thing.git`, to]);
        const got = await run('git', ['-C', to, 'rev-parse', 'HEAD']);
        check(`git clone by ${how}`, result.code === 0 && got.text.trim() === head && readFileSync(join(to, 'b.bin')).equals(files['b.bin']), result);
    }
}

async function testChromium(proxy) {
    for (const scheme of ['socks5', 'http']) {
        const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
            args: [...FLAGS, `--proxy-server=${scheme}://${proxy.proxy}`, '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'] });
        try {
            const page = await browser.newPage();
            for (const url of [`http://${NAME}/page`, `https://${NAME}/page`]) {
                await page.goto(url, { waitUntil: 'load', timeout: 90_000 });
                const got = await page.evaluate(() => ({ title: document.title, ran: window.ran, color: getComputedStyle(document.body).color,
                    images: [...document.images].filter((i) => i.complete && i.naturalWidth === 1).length }));
                check(`Chromium by ${scheme}, ${url}`, got.title === 'page' && got.ran && got.images === images && got.color === 'rgb(1, 2, 3)', got);
            }
        } finally {
            await browser.close();
        }
    }
}

// ---- the tunnel breaks ----

/** A network in which packets no longer arrive: nothing is answered within the proxy's time limit. */
async function testTimeout() {
    const proxy = await startProxy([...network, '--no-pacing', '--no-cover', '--connect-timeout', '1.5']);
    await control(mixnet.folder, { do: 'stop', node: 'mix1' });
    const bySocks = await socks(proxy, 1, IP, 80);
    check('no answer in time, by SOCKS', bySocks.reply === 6, bySocks.reply);
    const byHttp = await curl('-i', '-x', `http://${proxy.proxy}`, `http://${IP}/`);
    check('no answer in time, by HTTP', byHttp.text.startsWith('HTTP/1.1 504 '), byHttp);
    bySocks.socket.destroy();
    await control(mixnet.folder, { do: 'start', node: 'mix1' });
    const end = await proxy.stop();
    check('SIGTERM, after that', end.code === 0, end);
}

async function testCut(proxy) {
    let restored = false;
    const broken = proxy.says(/tunnel: degraded/);
    await control(mixnet.folder, { do: 'cut' });
    await broken;
    const { socket, reader } = await dial(proxy);
    socket.write(`GET http://${NAME}/bytes?n=700 HTTP/1.1\r\nConnection: close\r\n\r\n`);
    const answered = reader.rest().then((text) => ({ text: text.toString('latin1'), restored }));
    const { text } = await talk(proxy, 'GET / HTTP/1.1\r\n\r\n'); // an answer of the proxy itself: it has read the other request
    check('the proxy listens while there is no gateway', text.startsWith('HTTP/1.1 400 '), text);
    restored = true;
    await control(mixnet.folder, { do: 'restore' });
    const got = await answered;
    check('a request waits for the gateway', got.restored && got.text.endsWith(pattern(700).toString('latin1')), got);
    socket.destroy();
}

const forwards = [`${IP}:80=127.0.0.1:${ports.plain}`, `${IP}:443=127.0.0.1:${ports.secure}`, `${IP}:8080=127.0.0.1:${ports.raw}`,
    `${IP}:5300=127.0.0.1:${echo.address().port}`, `[${IP6}]:80=127.0.0.1:${ports.plain}`, `[${IP6}]:5300=127.0.0.1:${echo.address().port}`];
const mixnet = await startMixnet(['--resolve', `${NAME}=${IP}`, ...forwards.flatMap((f) => ['--forward', f])]);
secure.setSecureContext({ key: readFileSync(join(mixnet.folder, 'server.key')), cert: readFileSync(join(mixnet.folder, 'server.pem')) });
const network = ['--network', mixnet.folder];
const only = process.argv[2]; // the name of one test
const tests = { testCurl, testMegabyte, testAddresses, testRefusals, testDatagrams, testHttp, testHttpServers, testPieces, testHalves, testVanishing, testBackPressure, testCrowds,
    testGarbage, testGit, testChromium, testCut, testTimeout };
try {
    if (!only) {
        await testWrongUse(network);
        const paced = await startProxy(network, { listen: '[::1]:0' });
        check('ready line', paced.ready === true && paced.host === '::1' && paced.port > 0 && paced.gateway !== '' && paced.exit === mixnet.exit, paced);
        await testCurl(paced, 'default pacing');
        const six = await socks(paced, 3, '::', 0);
        check('UDP ASSOCIATE for a client by IPv6', six.reply === 0 && six.bound.kind === 4 && six.bound.host.equals(Buffer.from([...Array(15).fill(0), 1])), six.bound);
        six.socket.destroy();
        const end = await paced.stop();
        check('SIGTERM', end.code === 0 && end.err === '', end);
        await testCredentials([...network, '--no-pacing', '--no-cover']);
    }
    const proxy = await startProxy([...network, '--no-pacing', '--no-cover', '-v']);
    const idling = only ? Promise.resolve([]) : beginIdling();
    for (const [name, test] of Object.entries(tests)) {
        const started = performance.now();
        if (!only || only === name) await test(proxy, 'no pacing');
        if (process.env.VERBOSE) console.log(`${name}: ${Math.round(performance.now() - started)} ms`);
    }
    for (const { rest, seconds } of await idling) check('an idle client is ended', rest === 0 && seconds > 25 && seconds < 60, { rest, seconds });
    const busy = await socks(proxy, 1, NAME, 80);
    const end = await proxy.stop();
    check('SIGTERM with a client', busy.reply === 0 && end.code === 0, end);
    busy.socket.destroy();
} finally {
    plain.closeAllConnections();
    secure.closeAllConnections();
    for (const server of [plain, secure, raw, echo]) server.close();
    const end = await mixnet.stop();
    check('the mixnet ends well', end.code === 0, end);
    rmSync(folder, { recursive: true, force: true });
}
report.close();
