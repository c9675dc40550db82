// SPDX-License-Identifier: Apache-2.0
// What a page costs: the process that draws it and runs its workers, as the kernel counts.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICKS = Number(execFileSync('getconf', ['CLK_TCK']));

const commands = (pid) => readdirSync(`/proc/${pid}/task`).map((task) => readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').trim());

/** Process numbers of renderers of pages: not of those that draw Chromium's own window. */
async function renderers(cdp) {
    const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
    return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
        .filter((pid) => !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--top-chrome-webui'));
}

/** The process of the only page there is, by its worker's thread: Chromium keeps a renderer or two in stock. */
export async function rendererWithWorker(cdp) {
    const found = (await renderers(cdp)).filter((pid) => commands(pid).some((name) => name.startsWith('DedicatedWorker')));
    if (found.length !== 1) throw new Error(`${found.length} renderers have a worker: no telling which is the page's`);
    return found[0];
}

/** Megabytes of the only page there is, which has no worker: what is in stock is smaller. */
export async function megabytesOfBlank(cdp) {
    return Math.max(...(await renderers(cdp)).map(megabytes));
}

/** CPU seconds of a process so far, all threads, user and system. */
export function cpuSeconds(pid) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Megabytes (10⁶) that a process holds, what it shares counted in part. */
export function megabytes(pid) {
    const [, kib] = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return (Number(kib) * 1024) / 1e6;
}
