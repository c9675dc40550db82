// SPDX-License-Identifier: Apache-2.0
// src/websocket, through build/native/tests/ws-client, against others' servers on loopback: the cases of the Autobahn test suite, and
// the npm package ws. Reports are left in build/conformance/reports. Closes with "conformance: N passed, M failed".
//   WSTEST=/path/to/wstest node e2e/conformance.mjs     the same cases by the suite's own server (it needs Python 2.7)
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { WebSocketServer } from 'ws';

const CLIENT = 'build/native/tests/ws-client';
const FOLDER = 'build/conformance';
const REPORTS = `${FOLDER}/reports`;
const LIST = 'e2e/conformance.txt';
/** 12 and 13 are about compression, which we do not offer. */
const WITHOUT = ['12.*', '13.*'];
const LIMIT_MS = 300_000;

let passed = 0;
let failed = 0;
function check(holds, what) {
    if (holds) passed++;
    else {
        failed++;
        console.log(`FAILED ${what}`);
    }
}

/** A virtual environment with what conformance.txt names, made anew when the list has changed. */
function install() {
    const list = readFileSync(LIST, 'utf8');
    const stamp = `${FOLDER}/installed.txt`;
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === list) return;
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    execFileSync('/usr/bin/python3', ['-m', 'venv', `${FOLDER}/venv`]);
    execFileSync(`${FOLDER}/venv/bin/pip`, ['install', '--quiet', '--disable-pip-version-check', '--require-hashes', '--only-binary', ':all:',
        '-r', LIST], { stdio: ['ignore', 'ignore', 'inherit'] });
    writeFileSync(stamp, list);
}

/** Runs the client to its end; { code, output }. */
function client(...args) {
    return new Promise((resolve, reject) => {
        const child = spawn(CLIENT, ['127.0.0.1', ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'], timeout: LIMIT_MS });
        let output = '';
        child.stdout.on('data', (part) => { output += part; });
        child.on('error', reject);
        child.on('close', (code) => resolve({ code, output }));
    });
}

/** Starts a fuzzing server and waits for the line that says it listens; { port, ended, stop }. */
function startFuzzer() {
    const own = process.env.WSTEST;
    rmSync(REPORTS, { recursive: true, force: true });
    const port = own ? 9222 : 0;
    let command = [`${FOLDER}/venv/bin/kosoku`, '-m', 'fuzzingserver', '127.0.0.1:0', ...WITHOUT.flatMap((c) => ['-x', c]), '-o', REPORTS];
    if (own) {
        const spec = { url: `ws://127.0.0.1:${port}`, outdir: REPORTS, cases: ['*'], 'exclude-cases': WITHOUT, 'exclude-agent-cases': {} };
        mkdirSync(FOLDER, { recursive: true });
        writeFileSync(`${FOLDER}/spec.json`, JSON.stringify(spec));
        command = [own, '-m', 'fuzzingserver', '-s', `${FOLDER}/spec.json`];
    }
    return new Promise((resolve, reject) => {
        const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
        const ended = new Promise((done) => child.on('close', done));
        let said = '';
        const look = (part) => {
            said += part;
            const there = said.match(/listening on ws:\/\/127\.0\.0\.1:(\d+)/) ?? said.match(/Ok, will run (\d+) test cases/);
            if (there) resolve({ port: own ? port : Number(there[1]), ended: own ? Promise.resolve() : ended, stop: () => child.kill() });
        };
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        child.on('error', reject);
        ended.then(() => reject(new Error(`the fuzzing server ended: ${said.slice(-2000)}`)));
    });
}

async function autobahn() {
    const server = await startFuzzer();
    try {
        const { code } = await client(server.port, 'suite', 'lwmix');
        check(code === 0, 'the client went through the suite');
        if (code === 0) await server.ended;
    } finally {
        server.stop();
    }
    const counts = {};
    for (const [id, result] of Object.entries(JSON.parse(readFileSync(`${REPORTS}/index.json`, 'utf8')).lwmix)) {
        const verdict = `${result.behavior}/${result.behaviorClose}`;
        counts[verdict] = (counts[verdict] ?? 0) + 1;
        check(/^(OK|INFORMATIONAL)\/(OK|INFORMATIONAL)$/.test(verdict), `case ${id}: ${verdict}`);
    }
    console.log(`autobahn: ${Object.entries(counts).map(([verdict, n]) => `${n} ${verdict}`).join(', ')}`);
}

/** What a server of the npm package ws does, and what our client has to see. */
const ROWS = [
    {
        name: 'echo, compression on offer',
        options: { perMessageDeflate: true },
        serve: (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })),
        messages: ['one', 'zwölf €'],
        want: ['open ', 'text one', 'text zwölf €', 'closed 1000 done clean'],
    },
    { name: 'the server closes', serve: (socket) => socket.close(4001, 'bye'), messages: [], want: ['open ', 'closed 4001 bye clean'] },
    { name: 'the server closes without a code', serve: (socket) => socket.close(), messages: [], want: ['open ', 'closed 1005  clean'] },
    {
        name: 'the server vanishes',
        serve: (socket) => socket.terminate(),
        messages: [],
        want: ['open ', /^error MIX_ERR_(WEBSOCKET_LOST|TCP_RESET): /, 'closed 1006 '],
    },
    {
        name: 'refused',
        options: { verifyClient: (info, done) => done(false, 401, 'Unauthorized') },
        serve: () => {},
        messages: [],
        want: ['error MIX_ERR_WEBSOCKET_STATUS: the server answered 401 Unauthorized', 'closed 1006 '],
    },
];

async function against(row) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...row.options });
    await new Promise((done) => server.on('listening', done));
    server.on('connection', row.serve);
    const { output } = await client(server.address().port, 'echo', '/', ...row.messages);
    server.close();
    const got = output.split('\n').slice(0, -1);
    const same = got.length === row.want.length && got.every((line, i) => (row.want[i] instanceof RegExp ? row.want[i].test(line) : row.want[i] === line));
    check(same, `ws, ${row.name}: ${JSON.stringify(got)}`);
}

if (!process.env.WSTEST) install();
await autobahn();
for (const row of ROWS) await against(row);
console.log(`conformance: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
