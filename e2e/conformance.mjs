// SPDX-License-Identifier: Apache-2.0
// src/websocket, through build/native/tests/ws-client, against others' servers on loopback: the cases of the Autobahn test suite, and
// the npm package ws. Reports are left in build/conformance/reports. Closes with "conformance: N passed, M failed".
//   WSTEST=/path/to/wstest node e2e/conformance.mjs     the same cases by the suite's own server (it needs Python 2.7)
import { spawn } from 'node:child_process';
import { WebSocketServer } from 'ws';
import { installFuzzer, isGood, startFuzzer, tally } from './autobahn.mjs';
import { makeReport } from './report.mjs';

const CLIENT = 'build/native/tests/ws-client';
/** 12 and 13 are about compression, which we do not offer. */
const WITHOUT = ['12.*', '13.*'];
const LIMIT_MS = 300_000;

const report = makeReport('conformance');
const { check } = report;

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

async function autobahn() {
    const server = await startFuzzer({ exclude: WITHOUT, reports: 'reports' });
    try {
        const { code } = await client(server.port, 'suite', 'lwmix');
        check(code === 0, 'the client went through the suite');
        if (code === 0) await server.ended;
    } finally {
        server.stop();
    }
    const verdicts = server.verdicts('lwmix');
    for (const [id, verdict] of verdicts) check(isGood(verdict), `case ${id}: ${verdict}`);
    console.log(`autobahn: ${tally(verdicts)}`);
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

installFuzzer();
await autobahn();
for (const row of ROWS) await against(row);
report.close();
