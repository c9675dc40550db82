// SPDX-License-Identifier: Apache-2.0
// WebSockets of include/mix/websocket.h through a whole mixnet, judged by the fuzzing server of the Autobahn test suite behind the exit:
// those of its cases that need no long transfers. Reports are left in build/conformance/mixnet. All of them, without a mixnet:
// make conformance. Closes with "autobahn: N passed, M failed".
import { spawn } from 'node:child_process';
import { installFuzzer, isGood, startFuzzer, tally } from './autobahn.mjs';
import { BUILD, startMixnet } from './mixnet.mjs';
import { makeReport } from './report.mjs';

/**
 * Framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, fragments of its own. Of section 9 up to 256 KiB: the others move 1 to 16
 * MiB, or need a thousand round trips within a minute.
 */
const CASES = ['1.*', '2.*', '3.*', '4.*', '5.*', '6.*', '7.*', '9.1.1', '9.1.2', '9.2.1', '9.2.2', '10.*'];
const LEAST = 250; // so that a pattern that fits nothing is noticed
const IP = '93.184.216.34';
const LIMIT_MS = 150_000;

const report = makeReport('autobahn');
const { check } = report;

/** Runs the client to its end; { code, output }. */
function client(...args) {
    return new Promise((resolve, reject) => {
        const child = spawn(`${BUILD}/native/tests/ws-suite`, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
        let output = '';
        const take = (part) => { output += part; };
        child.stdout.on('data', take);
        child.stderr.on('data', take);
        child.on('error', reject);
        child.on('close', (code) => resolve({ code, output }));
    });
}

installFuzzer();
const server = await startFuzzer({ include: CASES, reports: 'mixnet' });
const mixnet = await startMixnet(['--forward', `${IP}:80=127.0.0.1:${server.port}`]);
const started = performance.now();
const { code, output } = await client('--network', mixnet.folder, '--no-pacing', '--no-cover', `ws://${IP}`, 'lwmix');
const seconds = (performance.now() - started) / 1000;
check(code === 0, `the client went through the suite: ${code} ${output.slice(0, 2000)}`);
if (code === 0) await server.ended;
server.stop();
const verdicts = code === 0 ? server.verdicts('lwmix') : [];
check(verdicts.length >= LEAST, `${verdicts.length} cases, ${LEAST} at least`);
for (const [id, verdict] of verdicts) check(isGood(verdict), `case ${id}: ${verdict}`);
console.log(`autobahn: ${tally(verdicts)} through the mixnet in ${seconds.toFixed(1)} s`);
await mixnet.stop();
report.close();
