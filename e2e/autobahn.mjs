// SPDX-License-Identifier: Apache-2.0
// The fuzzing server of the Autobahn test suite on loopback, and what it says of a client.
//   WSTEST=/path/to/wstest     the suite's own server instead (it needs Python 2.7)
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const FOLDER = 'build/conformance';
const LIST = 'e2e/conformance.txt';
const own = process.env.WSTEST;

/** A virtual environment with what conformance.txt names, made anew when the list has changed. */
export function installFuzzer() {
    const list = readFileSync(LIST, 'utf8');
    const stamp = `${FOLDER}/installed.txt`;
    if (own || (existsSync(stamp) && readFileSync(stamp, 'utf8') === list)) return;
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    execFileSync('/usr/bin/python3', ['-m', 'venv', `${FOLDER}/venv`]);
    execFileSync(`${FOLDER}/venv/bin/pip`, ['install', '--quiet', '--disable-pip-version-check', '--require-hashes', '--only-binary', ':all:',
        '-r', LIST], { stdio: ['ignore', 'ignore', 'inherit'] });
    writeFileSync(stamp, list);
}

/**
 * Starts a server with the cases of these patterns and waits for the line that says it listens: port; ended, a promise; stop(); verdicts(agent),
 * after the client asked for the reports: [id, 'OK/OK'] of each case.
 */
export function startFuzzer({ include = [], exclude = [], reports }) {
    const folder = `${FOLDER}/${reports}`;
    rmSync(folder, { recursive: true, force: true });
    const port = own ? 9222 : 0;
    const each = (option, cases) => cases.flatMap((c) => [option, c]);
    let command = [`${FOLDER}/venv/bin/kosoku`, '-m', 'fuzzingserver', '127.0.0.1:0', ...each('-i', include), ...each('-x', exclude), '-o', folder];
    if (own) {
        const spec = { url: `ws://127.0.0.1:${port}`, outdir: folder, cases: include.length > 0 ? include : ['*'], 'exclude-cases': exclude,
            'exclude-agent-cases': {} };
        mkdirSync(FOLDER, { recursive: true });
        writeFileSync(`${FOLDER}/spec.json`, JSON.stringify(spec));
        command = [own, '-m', 'fuzzingserver', '-s', `${FOLDER}/spec.json`];
    }
    const verdicts = (agent) => Object.entries(JSON.parse(readFileSync(`${folder}/index.json`, 'utf8'))[agent])
        .map(([id, result]) => [id, `${result.behavior}/${result.behaviorClose}`]);
    return new Promise((resolve, reject) => {
        const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
        process.once('exit', () => child.kill('SIGKILL')); // a test that breaks leaves nothing running
        const ended = new Promise((done) => child.on('close', done));
        let said = '';
        const look = (part) => {
            said += part;
            const there = said.match(/listening on ws:\/\/127\.0\.0\.1:(\d+)/) ?? said.match(/Ok, will run (\d+) test cases/);
            if (there) resolve({ port: own ? port : Number(there[1]), ended: own ? Promise.resolve() : ended, stop: () => child.kill(), verdicts });
        };
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        child.on('error', reject);
        ended.then(() => reject(new Error(`the fuzzing server ended: ${said.slice(-2000)}`)));
    });
}

/** Whether it is one that the suite counts as no failure. */
export const isGood = (verdict) => /^(OK|INFORMATIONAL)\/(OK|INFORMATIONAL)$/.test(verdict);

/** "295 OK/OK, 3 INFORMATIONAL/OK" */
export function tally(verdicts) {
    const counts = {};
    for (const [, verdict] of verdicts) counts[verdict] = (counts[verdict] ?? 0) + 1;
    return Object.entries(counts).map(([verdict, n]) => `${n} ${verdict}`).join(', ');
}
