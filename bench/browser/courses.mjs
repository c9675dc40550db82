// SPDX-License-Identifier: Apache-2.0
// What a maker's page goes through in a round: courses of steps, each in a browser context with nothing stored.
import { pattern, sha256 } from '../../e2e/servers.mjs';
import { cpuSeconds, megabytes, megabytesOfBlank, rendererWithWorker } from './renderer.mjs';
import { median } from './rows.mjs';

export const ADDRESS = '93.184.216.34'; // public, leads to loopback
const NAME = 'site.example';
const OTHER = 'six.example';
const names = (letter, count) => Array.from({ length: count }, (_, i) => `${letter}${i}.example`);
const FRESH = names('dns', 30);
const NEW = names('new', 4);
export const NAMES = [NAME, OTHER, ...FRESH, ...NEW];

const KB = 1000;
const MB = 1_000_000;
const IDLE_MS = 30_000;
const SILENCE_MS = 65_000;
const REST_MS = 1000;
// A round trip's time is chance by a third and more: what is one is measured so often.
const SEQUENCES = 2;
const WARM = 3;
const FAST = { disablePoissonTraffic: true, disableCoverTraffic: true };
const BLOBS = Object.fromEntries([100 * KB, MB].map((n) => [n, sha256(pattern(n))]));

/** Milliseconds after which a step counts as not done. `scale` makes all of them shorter or longer. */
export function limitsOf(scale) {
    const given = { 'up-100k': 120_000, 'up-1m': 300_000, 'fast-down-1m': 120_000, 'fast-up-100k': 120_000, 'fast-up-1m': 120_000, 'down-1m': 120_000, 'after-silence': 60_000 };
    return Object.fromEntries(Object.entries(given).map(([name, ms]) => [name, ms * scale]));
}
const LIMIT_MS = 90_000;

/** A step took too long: what follows in this page would measure the wreck. */
export class TooLong extends Error {}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const down = (length) => ({ name: NAME, length, sha256: BLOBS[length] });
const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];

/** A page of this maker. */
async function openPage(stage, maker, context) {
    const tab = await context.newPage();
    const lines = [];
    tab.on('console', (message) => lines.push(message.text()));
    tab.on('pageerror', (error) => lines.push(`uncaught: ${error.message}`));
    await tab.goto(`${stage.pages.url}${maker}`);
    return { tab, lines };
}

class Runner {
    constructor(stage, maker, note) {
        Object.assign(this, { stage, maker, note });
    }

    /** Runs one step in the page; `as` is its row. A failure is noted, and thrown on. */
    async step(page, as, name, argument) {
        this.stage.progress(this.maker, as);
        const limit = this.stage.limits[as] ?? LIMIT_MS;
        const { promise: late, stop } = deadline(limit);
        try {
            const result = await Promise.race([page.tab.evaluate(([step, value]) => bench[step](value), [name, argument]), late]);
            if (this.stage.trace && this.maker === 'ours') {
                const stats = await page.tab.evaluate(() => bench.stats());
                process.stderr.write(`${as}: ${JSON.stringify(result)} ${JSON.stringify(stats)}\n`);
            }
            this.note.done();
            return result;
        } catch (error) {
            this.note.failed(as, error instanceof TooLong ? `not within ${limit / 1000} s` : `${error.message.split('\n')[0]} ${page.lines.slice(-3).join(' | ')}`);
            if (error instanceof TooLong) this.note.value(as, Infinity);
            throw error;
        } finally {
            stop();
        }
    }

    wants(...names) {
        return names.some((name) => this.stage.steps.has(name));
    }

    /** Page, worker, tunnel. */
    async begin(context, options, { cold }) {
        this.stage.pages.sent();
        const page = await openPage(this.stage, this.maker, context);
        await page.tab.waitForFunction(() => globalThis.bench);
        const load = await this.step(page, 'load', 'load');
        page.pid = await rendererWithWorker(this.stage.cdp);
        if (cold) this.note.value('load', load);
        const row = cold ? 'setup-cold' : 'setup-warm';
        const setup = await this.step(page, row, 'setup', options);
        if (options === undefined) this.note.value(row, setup);
        if (cold) this.note.value('transfer', this.stage.pages.sent() / KB);
        return page;
    }
}

function deadline(ms) {
    let timer;
    const promise = new Promise((_, reject) => { timer = setTimeout(() => reject(new TooLong()), ms); });
    promise.catch(() => {});
    return { promise, stop: () => clearTimeout(timer) };
}

// ---- the courses ----

/** Small things with default pacing and cover: latency. */
async function latency(run, context) {
    const page = await run.begin(context, undefined, { cold: true });
    const { note } = run;
    if ([...run.stage.steps].every((step) => ['load', 'setup-cold'].includes(step))) return page.tab.close();
    const first = [await run.step(page, 'first-fetch', 'fetch', { name: NAME })]; // a connection for all that follows
    if (run.wants('first-fetch')) {
        for (const name of NEW) first.push(await run.step(page, 'first-fetch', 'fetch', { name }));
        note.value('first-fetch', median(first));
    }
    if (run.wants('sequence-20')) {
        for (let i = 0; i < SEQUENCES; i++) {
            const times = await run.step(page, 'sequence-20', 'sequence', { name: NAME, count: 20 });
            note.value('warm-fetch', median(times));
            note.value('sequence-20', times.reduce((sum, time) => sum + time, 0));
        }
    }
    if (run.wants('dns')) note.value('dns', median(await run.step(page, 'dns', 'dns', { names: FRESH, address: ADDRESS })));
    if (run.wants('parallel-6-first', 'parallel-6')) note.value('parallel-6-first', await run.step(page, 'parallel-6-first', 'parallel', { name: OTHER, count: 6 }));
    if (run.wants('parallel-6')) {
        const times = [];
        for (let i = 0; i < 3; i++) times.push(await run.step(page, 'parallel-6', 'parallel', { name: OTHER, count: 6 }));
        note.value('parallel-6', median(times));
    }
    if (run.wants('echo')) {
        const times = await run.step(page, 'echo', 'echo', { name: NAME, count: 80 });
        note.value('echo-p50', median(times));
        note.value('echo-p95', quantile(times, 0.95));
    }
    if (run.wants('cpu-idle')) note.value('cpu-idle', await idle(run, page));
    await bulk(run, page);
    await page.tab.close();
}

async function idle(run, page) {
    run.stage.progress(run.maker, 'cpu-idle');
    await sleep(REST_MS);
    const before = cpuSeconds(page.pid);
    await sleep(IDLE_MS);
    return cpuSeconds(page.pid) - before;
}

/** Bodies, in the same page, each from rest; the largest upload last, as nothing is to be measured after one that hangs. */
async function bulk(run, page) {
    const { note } = run;
    if (run.wants('down-100k')) {
        await sleep(REST_MS);
        note.value('down-100k', await run.step(page, 'down-100k', 'down', down(100 * KB)));
    }
    if (run.wants('down-1m')) {
        await sleep(REST_MS);
        const before = cpuSeconds(page.pid);
        note.value('down-1m', await run.step(page, 'down-1m', 'down', down(MB)));
        note.value('cpu-down', cpuSeconds(page.pid) - before);
        note.value('memory', megabytes(page.pid) - run.stage.blank);
    }
    if (run.wants('up-100k')) {
        await sleep(REST_MS);
        note.value('up-100k', await run.step(page, 'up-100k', 'up', { name: NAME, length: 100 * KB }));
    }
}

/** The same client again and again: its identity and gateway are stored. */
async function warm(run, context) {
    for (let i = 0; i < WARM; i++) {
        const page = await run.begin(context, undefined, { cold: false });
        await run.step(page, 'first-fetch', 'fetch', { name: NAME });
        await page.tab.close();
    }
}

async function uploadPaced(run, context) {
    const page = await run.begin(context, undefined, { cold: true });
    await run.step(page, 'first-fetch', 'fetch', { name: NAME });
    run.note.value('up-1m', await run.step(page, 'up-1m', 'up', { name: NAME, length: MB }));
    await page.tab.close();
}

async function fast(run, context) {
    const page = await run.begin(context, FAST, { cold: true });
    await run.step(page, 'first-fetch', 'fetch', { name: NAME });
    if (run.wants('fast-down-1m')) run.note.value('fast-down-1m', await run.step(page, 'fast-down-1m', 'down', down(MB)));
    if (run.wants('fast-up-100k')) run.note.value('fast-up-100k', await run.step(page, 'fast-up-100k', 'up', { name: NAME, length: 100 * KB }));
    if (run.wants('fast-up-1m')) run.note.value('fast-up-1m', await run.step(page, 'fast-up-1m', 'up', { name: NAME, length: MB }));
    await page.tab.close();
}

/** No connection is open meanwhile that would be kept alive. */
async function silence(run, context) {
    const page = await run.begin(context, undefined, { cold: true });
    run.stage.progress(run.maker, 'after-silence');
    await sleep(SILENCE_MS);
    run.note.value('after-silence', await run.step(page, 'after-silence', 'fetch', { name: NAME }));
    await page.tab.close();
}

/** `most`: rounds that are enough for what takes minutes with the peer. `follows`: in the context of the one before. */
const COURSES = [
    { run: latency, steps: ['load', 'setup-cold', 'first-fetch', 'sequence-20', 'dns', 'parallel-6-first', 'parallel-6', 'echo', 'cpu-idle', 'down-100k', 'down-1m', 'up-100k', 'setup-warm'] },
    { run: warm, steps: ['setup-warm'], follows: true },
    { run: fast, steps: ['fast-down-1m', 'fast-up-100k', 'fast-up-1m'] },
    { run: uploadPaced, steps: ['up-1m'], most: { peer: 2 } },
    { run: silence, steps: ['after-silence'], most: { peer: 1, ours: 1 } },
];

/** All courses of one maker once. */
export async function runRound(stage, maker, round, note) {
    const run = new Runner(stage, maker, note);
    let context;
    for (const course of COURSES) {
        if (!run.wants(...course.steps) || round > (course.most?.[maker] ?? Infinity)) continue;
        if (course.follows && !context) continue; // nothing is stored: what it follows has failed
        if (!course.follows) {
            await context?.close();
            context = await stage.browser.newContext({ ignoreHTTPSErrors: true });
        }
        try {
            await course.run(run, context);
        } catch {
            await context.close(); // noted; the next course begins anew
            context = undefined;
        }
    }
    await context?.close();
}

/** Megabytes of a renderer with an empty page. */
export async function blankPage(stage) {
    const context = await stage.browser.newContext();
    await openPage(stage, 'blank', context);
    await sleep(1500); // until it has settled
    const size = await megabytesOfBlank(stage.cdp);
    await context.close();
    return size;
}
