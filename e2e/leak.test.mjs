// SPDX-License-Identifier: Apache-2.0
// Nothing of an application leaves outside the tunnel: the client runs in a network namespace of its own, behind one virtual cable
// over which it could reach anything, and every packet on that cable is looked at. Closes with "leak: N passed, M failed".
//
// The test runs itself again inside a namespace (A: the mixnet, the web, the capture) and makes another one (B: the client, curl).
import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BUILD, control, startMixnet } from './mixnet.mjs';
import { socks, socksAddress, startProxy } from './proxy.mjs';
import { makeReport } from './report.mjs';
import { pattern } from './servers.mjs';

const ME = fileURLToPath(import.meta.url);
const HERE = '10.99.0.1'; // A's end of the cable, and the way to everything else
const CLIENT = '10.99.0.2';
const IP = '93.184.216.34';
const NAME = 'site.nym.test';

const report = makeReport('leak');
const check = (what, holds, detail) => report.check(holds, what, detail);

function skip(why) {
    report.skip('what leaves the machine', why);
    report.close();
}

/** Runs this file in a namespace, if the machine allows one. */
function enter() {
    if (process.platform !== 'linux') skip('network namespaces are Linux\'s');
    for (const command of ['ip', 'unshare', 'nsenter', 'python3'])
        if (spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0) throw new Error(`there is no ${command}: tools/setup.sh build e2e installs it`);
    const cable = 'ip link set lo up && ip link add t0 type veth peer name t1 && python3 -c "import socket; socket.socket(17, 3)"';
    const flags = ['-rn', '-n'].find((f) => spawnSync('unshare', [f, 'sh', '-c', cable], { stdio: 'ignore' }).status === 0);
    if (!flags) skip('this machine lets nobody make network namespaces with virtual cables');
    const { status } = spawnSync('unshare', [flags, process.execPath, ME, 'inside'], { stdio: 'inherit' });
    process.exit(status ?? 1);
}

function must(command, ...args) {
    const result = spawnSync(command, args, { encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`);
}

/** A program that says a line when it is ready, and lives until its input ends. */
async function companion(command, ...args) {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    await once(lines, 'line');
    return { child, last: () => { child.stdin.end(); return once(lines, 'line'); } };
}

/** Namespace B at the other end of a cable whose near end is `cable`. */
async function makeClientSide() {
    const holder = await companion('unshare', '-n', 'sh', '-c', 'echo there; exec cat');
    const inside = ['nsenter', '-t', String(holder.child.pid), '-n'];
    const b = (...args) => must(...inside, 'ip', ...args);
    must('ip', 'link', 'set', 'lo', 'up');
    must('ip', 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'wire', 'netns', String(holder.child.pid));
    must('ip', 'addr', 'add', `${HERE}/24`, 'dev', 'cable');
    must('ip', 'addr', 'add', 'fd99::1/64', 'dev', 'cable', 'nodad');
    must('ip', 'link', 'set', 'cable', 'up');
    b('link', 'set', 'lo', 'up');
    b('addr', 'add', `${CLIENT}/24`, 'dev', 'wire');
    b('addr', 'add', 'fd99::2/64', 'dev', 'wire', 'nodad');
    b('link', 'set', 'wire', 'up');
    b('route', 'add', 'default', 'via', HERE);
    b('-6', 'route', 'add', 'default', 'via', 'fd99::1');
    return { inside, close: () => holder.child.stdin.end() };
}

function run(inside, command, ...args) {
    return new Promise((resolve) => {
        const child = spawn(inside[0], [...inside.slice(1), command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } });
        let out = '';
        let err = '';
        child.stdout.on('data', (chunk) => { out += chunk.toString('latin1'); });
        child.stderr.on('data', (chunk) => { err += chunk; });
        child.on('close', (code) => resolve({ code, out, err }));
    });
}

/** Runs within B: one datagram by the proxy, its answer on stdout. */
async function sendDatagram(address) {
    const proxy = { host: '127.0.0.1', port: Number(address.split(':')[1]) };
    const { socket, bound } = await socks(proxy, 3, '0.0.0.0', 0);
    const udp = dgram.createSocket('udp4');
    for (const host of ['nowhere.test', NAME])
        udp.send(Buffer.concat([Buffer.from([0, 0, 0]), socksAddress(host, 5300), Buffer.from('asked')]), bound.port, '127.0.0.1');
    const [answer] = await once(udp, 'message');
    console.log(answer.subarray(10).toString());
    udp.close();
    socket.destroy();
}

/** A state folder for the client: the mixnet's, but its directory is asked without TLS, since no certificate names A's address. */
function clientFolder(mixnet, directory) {
    const folder = mkdtempSync(join(tmpdir(), 'lwmix-leak-'));
    for (const file of ['network.json', 'ca.pem']) copyFileSync(join(mixnet.folder, file), join(folder, file));
    writeFileSync(join(folder, 'ready.json'), JSON.stringify({ ready: true, directory: `http://${directory}/api/` }));
    return folder;
}

/** Everything that the client can do, and all that can go wrong with it. */
async function useProxy(inside, network, mixnet, body) {
    const proxy = await startProxy([...network, '--no-pacing', '--no-cover', '-v'], { under: inside });
    const curl = (...args) => run(inside, 'curl', '-sS', '-m', '60', '--cacert', join(mixnet.folder, 'ca.pem'), ...args);
    const good = await Promise.all([
        curl('--socks5-hostname', proxy.proxy, `http://${NAME}/`), curl('--socks5-hostname', proxy.proxy, `https://${NAME}/`),
        curl('-x', `http://${proxy.proxy}`, `http://${NAME}/`), curl('-x', `http://${proxy.proxy}`, `https://${NAME}/`),
    ]);
    check('curl through the proxy', good.every((r) => r.out === body), good);
    const datagram = await run(inside, process.execPath, ME, 'datagram', proxy.proxy);
    check('a datagram through the proxy', datagram.out === 'heard asked\n', datagram);
    const bad = await Promise.all([
        curl('-f', '-x', `http://${proxy.proxy}`, 'http://nowhere.test/'), curl('-f', '-x', `http://${proxy.proxy}`, `http://${IP}:82/`),
        curl('--socks5-hostname', proxy.proxy, 'http://nowhere.test/'), curl('--socks5-hostname', proxy.proxy, `https://${HERE}/`),
    ]);
    check('what cannot be reached', bad.every((r) => r.code !== 0), bad);
    const broken = proxy.says(/tunnel: degraded/);
    await control(mixnet.folder, { do: 'cut' });
    await broken;
    const waiting = [curl('--socks5-hostname', proxy.proxy, `http://${NAME}/`), curl('-x', `http://${proxy.proxy}`, `https://${NAME}/`)];
    await control(mixnet.folder, { do: 'restore' });
    const late = await Promise.all(waiting);
    check('curl while the gateway is away', late.every((r) => r.out === body), late);
    const end = await proxy.stop();
    check('the proxy ends', end.code === 0, end);
}

async function useCommands(inside, network, mixnet, body) {
    const lwmix = (...args) => run(inside, join(BUILD, 'lwmix'), args[0], ...network, '--no-pacing', '--no-cover', ...args.slice(1));
    for (const scheme of ['http', 'https']) {
        const result = await lwmix('fetch', `${scheme}://${NAME}/`);
        check(`lwmix fetch ${scheme}`, result.code === 0 && result.out === body, result);
    }
    const unknown = await lwmix('fetch', 'https://nowhere.test/');
    check('lwmix fetch of an unknown name', unknown.code !== 0, unknown);
    const name = await lwmix('dns', NAME);
    check('lwmix dns', name.code === 0 && name.out.includes(IP), name);
    await control(mixnet.folder, { do: 'cut' });
    const away = await lwmix('fetch', `http://${NAME}/`, '--max-time', '3');
    check('lwmix fetch without a gateway', away.code !== 0, away);
    await control(mixnet.folder, { do: 'restore' });
}

/** Packets from B, by destination, while this runs. */
async function capture(what) {
    const tap = await companion('python3', join(ME, '..', 'capture.py'), 'cable');
    await what();
    const { found, missed } = JSON.parse((await tap.last())[0]);
    check('the capture missed nothing', missed === 0, missed);
    return found;
}

async function inside() {
    const body = pattern(30_000).toString('hex');
    const answer = (request, response) => response.end(body);
    const plain = http.createServer(answer);
    const secure = https.createServer(answer);
    const echo = dgram.createSocket('udp4').on('message', (message, from) => echo.send(`heard ${message}`, from.port, from.address));
    for (const server of [plain, secure]) await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    echo.bind(0, '127.0.0.1');
    await once(echo, 'listening');
    const client = await makeClientSide();
    const mixnet = await startMixnet(['--host', HERE, '--resolve', `${NAME}=${IP}`,
        ...[[80, plain], [443, secure], [5300, echo]].flatMap(([port, to]) => ['--forward', `${IP}:${port}=127.0.0.1:${to.address().port}`])]);
    secure.setSecureContext({ key: readFileSync(join(mixnet.folder, 'server.key')), cert: readFileSync(join(mixnet.folder, 'server.pem')) });
    const directory = `${HERE}:${new URL(mixnet.directory_http).port}`;
    const folder = clientFolder(mixnet, directory);
    try {
        // The cable shows what is not in the tunnel: a direct request, and a question to a name server.
        const seen = await capture(async () => {
            await run(client.inside, 'curl', '-sS', '-m', '1', `http://${IP}:80/`);
            await run(client.inside, 'python3', '-c', 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("8.8.8.8", 53))');
            await run(client.inside, 'python3', '-c', 'import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("2001:4860::8888", 53))');
        });
        const leaks = [`tcp ${IP}:80`, 'udp 8.8.8.8:53', 'udp [2001:4860::8888]:53'];
        check('leaks would be seen', leaks.every((to) => seen[to] > 0), seen);

        const found = await capture(async () => {
            await useProxy(client.inside, ['--network', folder], mixnet, body);
            await useCommands(client.inside, ['--network', folder], mixnet, body);
        });
        if (process.env.VERBOSE) console.log(found);
        const network = JSON.parse(readFileSync(join(mixnet.folder, 'network.json'), 'utf8'));
        const gateways = network.nodes.flatMap((node) => [node.wss_port, node.ws_port]).filter(Boolean).map((port) => `tcp ${HERE}:${port}`);
        const expected = (to) => to === `tcp ${directory}` || gateways.includes(to);
        check('the directory and gateways were reached', found[`tcp ${directory}`] > 0 && gateways.some((to) => found[to] > 0), found);
        check('nothing else was', Object.keys(found).every(expected), found);
    } finally {
        plain.closeAllConnections();
        secure.closeAllConnections();
        for (const server of [plain, secure, echo]) server.close();
        const end = await mixnet.stop();
        check('the mixnet ends well', end.code === 0, end);
        rmSync(folder, { recursive: true, force: true });
        client.close();
    }
    report.close();
}

if (process.argv[2] === 'datagram') await sendDatagram(process.argv[3]);
else if (process.argv[2] === 'inside') await inside();
else enter();
