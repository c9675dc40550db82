// SPDX-License-Identifier: Apache-2.0
// A place for tests of the whole: a test internet on loopback under public names, a local mixnet that leads there, drivers on it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMixnet } from '../mixnet.mjs';
import { within } from '../report.mjs';
import { startDriver } from './driver.mjs';

export const SITE = '93.184.216.34';
export const SITE6 = '2606:2800:220:1::34';
export const FAST = ['--no-pacing', '--no-cover'];

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
