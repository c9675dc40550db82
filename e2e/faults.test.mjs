// SPDX-License-Identifier: Apache-2.0
// Our own client while the network fails under it: loss, disorder, duplicates; its gateway's link cut and its gateway's process gone in
// mid-download; an exit that forgets it; a mix that is gone. And its rates at default pacing. faults.test.mjs [PART]. Closes with "faults: N passed, M failed".
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { control, startMixnet } from './mixnet.mjs';
import { makeReport, within } from './report.mjs';
import { pattern, sha256, startSite } from './servers.mjs';
import { startDriver } from './sites/driver.mjs';
import { FAST, SITE } from './sites/place.mjs';

const URL_OF = `http://${SITE}`;
const MEGABYTE = 1_000_000;
const READY_S = 10; // after the gateway's link was cut
const RECOVERED_S = 15; // after the exit forgot us
const UP = 50 * 1500; // bytes a second: what default pacing allows
const DOWN = 150 * 1440;
const SHARE = 0.8;
const report = makeReport('faults');
const { check, same } = report;
const digest = (n) => sha256(pattern(n));
const site = await startSite();
const INTERNET = ['--forward', `${SITE}:80=127.0.0.1:${site.port}`];
const seconds = (since) => (performance.now() - since) / 1000;

/** A mixnet with these options and a tunnel through it, for the time of run(). */
async function through(args, driverArgs, run) {
    const mixnet = await startMixnet([...INTERNET, ...args]);
    const driver = await startDriver(mixnet.folder, driverArgs);
    try {
        await run(driver, (request) => control(mixnet.folder, request).then((answer) => (check(answer.ok, 'the control socket', answer), answer)), mixnet);
    } finally {
        same(await within(driver.stop(), 'the driver\'s end'), 0, 'the tunnel ends well');
        same((await mixnet.stop()).code, 0, 'the mixnet ends well');
    }
}

/** Bytes a second. */
async function download(driver, what) {
    const began = performance.now();
    const down = await driver.fetch(`${URL_OF}/bytes?n=${MEGABYTE}`);
    const took = seconds(began);
    same([down.error, down.sha256], [null, digest(MEGABYTE)], `1 MB down, ${what}`);
    console.log(`${what}: 1 MB down in ${took.toFixed(1)} s`);
    return MEGABYTE / took;
}

async function upload(driver, what) {
    const began = performance.now();
    const up = await driver.fetch(`${URL_OF}/upload`, { method: 'POST', pattern: MEGABYTE });
    const took = seconds(began);
    same([up.error, up.text], [null, `${MEGABYTE} ${digest(MEGABYTE)}`], `1 MB up, ${what}`);
    console.log(`${what}: 1 MB up in ${took.toFixed(1)} s`);
    return MEGABYTE / took;
}

async function bothWays(driver, what) {
    await download(driver, what);
    await upload(driver, what);
}

const loss = () => through(['--loss', '0.01'], FAST, (driver) => bothWays(driver, 'every link loses 1 %'));
const disorder = () => through(['--reorder', '0.1', '--duplicate', '0.05'], FAST, (driver) => bothWays(driver, 'one of ten overtaken, one of twenty twice'));

/** Begins a download; resolves when a third of it has been read. */
async function midDownload(driver, limit = 60_000) {
    const request = driver.request(`${URL_OF}/bytes?n=${MEGABYTE}`, { hold: true, timeout_ms: limit });
    await request.response;
    for (let got = 0; got < MEGABYTE / 3;) got = await within(request.readMore(got), 'more of a download');
    request.flow();
    return request;
}

/** After a break: the tunnel says so and is ready again in time; the download ends, one way or another; what follows works. */
async function mended(driver, going, limit, what) {
    const began = performance.now();
    await within(driver.state((line) => line.state === 'ready'), `ready again: ${what}`, limit * 1000);
    const ready = seconds(began);
    check(ready < limit, `${what}: ready again within ${limit} s`, ready);
    const result = await within(going.done, `the download's end: ${what}`, 70_000);
    check(result.error ? result.error.words !== '' : result.sha256 === digest(MEGABYTE), `${what}: the download ends well or says why`, result);
    console.log(`${what}: ready after ${ready.toFixed(1)} s; the download ${result.error ? `failed: ${result.error.text}` : 'went on to its end'}`);
    same((await within(driver.fetch(`${URL_OF}/bytes?n=1000`), `a page after ${what}`)).sha256, digest(1000), `a page after ${what}`);
}

const gatewayCut = () => through([], FAST, async (driver, ctl) => {
    for (const [what, request] of [['kicked', { do: 'kick' }], ['cut for 3 s', { do: 'cut', ms: 3000 }]]) {
        const download = await midDownload(driver);
        const lost = within(driver.state((line) => line.state === 'degraded'), 'the tunnel notices');
        await ctl(request);
        same((await lost).error !== null, true, 'the state says what is missing');
        await mended(driver, download, READY_S + (request.ms ?? 0) / 1000, what);
    }
});

async function gatewayRestarts() {
    const state = mkdtempSync(join(tmpdir(), 'lwmix-faults-'));
    await (await startMixnet([], { state })).stop(); // makes keys and ports
    const roles = {};
    for (const role of ['mix1', 'mix2', 'mix3', 'gateway1', 'exit1', 'directory'])
        roles[role] = await startMixnet(['--role', role, ...(role === 'exit1' ? INTERNET : [])], { state });
    const driver = await startDriver(state, [...FAST, '--gateway', roles.gateway1.gateway]);
    const download = await midDownload(driver);
    const lost = driver.state((line) => line.state === 'degraded');
    process.kill(roles.gateway1.pid, 'SIGKILL');
    await roles.gateway1.stop();
    await within(lost, 'the tunnel notices');
    roles.gateway1 = await startMixnet(['--role', 'gateway1'], { state });
    await mended(driver, download, READY_S, 'the gateway killed and started again');
    const { logins } = (await control(state, { do: 'stats' }, 'control-gateway1')).gateway1.gateway;
    check(logins.authenticated + logins.registered >= 1, 'the new process has let the client in', logins);
    same(await within(driver.stop(), 'the driver\'s end'), 0, 'the tunnel ends well');
    for (const role of Object.values(roles)) same((await role.stop()).code, 0, 'a role ends well');
    rmSync(state, { recursive: true, force: true });
}

const exitForgets = () => through([], FAST, async (driver, ctl) => {
    same((await driver.fetch(`${URL_OF}/bytes?n=1000`)).sha256, digest(1000), 'a page before');
    const began = performance.now();
    await ctl({ do: 'forget-session', exit: 'exit1', ip: 'all' });
    let tries = 0;
    for (let ok = false; !ok && seconds(began) < RECOVERED_S + 15; tries++) ok = (await driver.fetch(`${URL_OF}/bytes?n=1000`, { timeout_ms: 20_000 })).sha256 === digest(1000);
    const took = seconds(began);
    check(took < RECOVERED_S, `the exit forgot us: recovered within ${RECOVERED_S} s`, took);
    console.log(`the exit forgot us: the next page after ${took.toFixed(1)} s, in ${tries} requests`);
});

/** One of six mixes goes: half of all routes, until it is found out and the reply blocks over it are used up. */
const mixStops = () => through(['--mixes', '2'], FAST, async (driver, ctl) => {
    same((await driver.fetch(`${URL_OF}/bytes?n=50000`)).sha256, digest(50000), 'a page before');
    await ctl({ do: 'stop', node: 'mix3' });
    const times = [];
    for (let i = 0; i < 5; i++) {
        const began = performance.now();
        const result = await within(driver.fetch(`${URL_OF}/bytes?n=50000`), 'a page without a mix');
        same(result.sha256, digest(50000), 'a page without a mix');
        times.push(seconds(began));
    }
    check(times[0] < 40 && times.at(-1) < 5, 'requests go on without a mix', times);
    console.log(`one of six mixes stopped: 50 kB in ${times.map((s) => s.toFixed(1)).join(', ')} s`);
});

/** On a machine that does other things too: the best of three. */
const rates = () => through([], [], async (driver) => {
    await driver.fetch(`${URL_OF}/bytes?n=1000`); // the exit has reply blocks, the connection is there
    let [down, up] = [0, 0]; // uploads first: right after a download the exit's stock of reply blocks is low, and they have it to fill
    for (let i = 0; i < 5 && up < SHARE * UP; i++) up = Math.max(up, await upload(driver, 'default pacing'));
    for (let i = 0; i < 3 && down < SHARE * DOWN; i++) down = Math.max(down, await download(driver, 'default pacing'));
    check(down >= SHARE * DOWN, `download at ${SHARE * 100} % of ${DOWN} bytes/s`, Math.round(down));
    check(up >= SHARE * UP, `upload at ${SHARE * 100} % of ${UP} bytes/s`, Math.round(up));
    console.log(`default pacing: down ${Math.round(down)} bytes/s (${Math.round(100 * down / DOWN)} % of ${DOWN}), up ${Math.round(up)} (${Math.round(100 * up / UP)} % of ${UP})`);
});

let losing; // it waits more than it works, so others go on meanwhile
const parts = {
    rates,
    async lossBegins() { losing = loss().catch((error) => check(false, 'loss', error.stack)); },
    disorder, gatewayCut, gatewayRestarts, exitForgets, mixStops,
    lossEnds: () => within(losing, 'a megabyte each way over links that lose', 200_000),
};
await report.run(parts);
site.close();
report.close();
