// SPDX-License-Identifier: Apache-2.0
// A place for tests of the whole: a test internet on loopback under public names, a local mixnet that leads there, drivers on it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMixnet } from '../mixnet.mjs';
import { startDriver } from './driver.mjs';

export const SITE = '93.184.216.34';
export const SITE6 = '2606:2800:220:1::34';
export const FAST = ['--no-pacing', '--no-cover'];

/** What is counted and printed by a suite: check, same, and the closing line. */
export function makeReport(name) {
    let passed = 0;
    let failed = 0;
    const show = (value) => (typeof value === 'string' ? value : JSON.stringify(value))?.slice(0, 600);
    const report = {
        check(holds, what, got) {
            if (holds) passed++;
            else failed++;
            if (!holds) console.log(`FAILED ${what}${got === undefined ? '' : `: ${show(got)}`}`);
            return holds;
        },
        same(got, expected, what) {
            return report.check(JSON.stringify(got) === JSON.stringify(expected), what, `got ${show(got)}, expected ${show(expected)}`);
        },
        /** Runs parts one after another, each with its time; a part named on the command line alone. */
        async run(parts, ...context) {
            const only = process.argv[2];
            for (const [part, run] of Object.entries(parts)) {
                if (only && only !== part) continue;
                const began = performance.now();
                try {
                    await run(...context);
                } catch (error) {
                    report.check(false, part, error.stack);
                }
                console.log(`${part}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
            }
        },
        close() {
            console.log(`${name}: ${passed} passed, ${failed} failed`);
            process.exit(failed > 0 ? 1 : 0);
        },
    };
    return report;
}

/** A promise that must come in time: its value, or an error that says what did not come. */
export function within(promise, what, seconds = 60) {
    let timer;
    const error = new Error(`not within ${seconds} s: ${what}`);
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(error), seconds * 1000); });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * names: {name: address}; ports: {"address:port": "host:port"}; root: PEM for clients. driver(args) starts a driver on the mixnet; cli gives
 * the arguments that point `lwmix fetch` there.
 */
export async function openPlace({ names, ports, root, args = [] }) {
    const folder = mkdtempSync(join(tmpdir(), 'lwmix-place-'));
    writeFileSync(join(folder, 'root.pem'), root);
    const mixnet = await startMixnet([
        ...Object.entries(names).flatMap(([name, address]) => [address].flat().flatMap((a) => ['--resolve', `${name}=${a}`])),
        ...Object.entries(ports).flatMap(([from, to]) => ['--forward', `${from}=${to}`]),
        ...args,
    ]);
    const drivers = [];
    const trust = ['--cacert', join(folder, 'root.pem')];
    return {
        mixnet, folder,
        cli: ['--network', mixnet.folder, ...trust],
        async driver(more = FAST) {
            const driver = await startDriver(mixnet.folder, [...trust, ...more]);
            drivers.push(driver);
            return driver;
        },
        async close(report) {
            for (const driver of drivers) report.same(await within(driver.stop(), 'a driver\'s end'), 0, 'a tunnel ends well');
            report.same((await mixnet.stop()).code, 0, 'the mixnet ends well');
            rmSync(folder, { recursive: true, force: true });
        },
    };
}
