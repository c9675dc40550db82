// SPDX-License-Identifier: Apache-2.0
// The same request directly and through the mixnet, in turn, side by side.
import { mixFetch } from '@lwmix/mix-fetch';
import { byId, h, say } from './dom.js';
import { median, milliseconds } from './format.js';
import { log } from './log.js';
import { showSite } from './path.js';
import { countPayload, describeError } from './tunnel.js';

type Way = 'direct' | 'mixnet';
interface Run { run: number; way: Way; firstByte: number; whole: number }

const url = byId<HTMLInputElement>('compare-url');
const send = byId<HTMLButtonElement>('compare-send');
const status = byId('compare-status');
const table = byId('compare-rows');

async function timed(run: number, way: Way, request: () => Promise<Response>): Promise<Run> {
    const began = performance.now();
    const response = await request();
    const firstByte = performance.now() - began;
    const { byteLength } = await response.arrayBuffer();
    if (way === 'mixnet') countPayload(byteLength);
    return { run, way, firstByte, whole: performance.now() - began };
}

function show(runs: readonly Run[]): void {
    const most = Math.max(...runs.map(({ whole }) => whole));
    table.replaceChildren(...runs.map(({ run, way, firstByte, whole }) => {
        const bar = h('i', { class: way });
        bar.style.width = `max(2px, ${(whole / most) * 100}%)`;
        return h('tr', {}, h('td', { class: 'num' }, run), h('th', { scope: 'row' }, way), h('td', { class: 'num right' }, milliseconds(firstByte)),
            h('td', { class: 'num right', 'data-whole': String(whole) }, milliseconds(whole)), h('td', { class: 'track' }, bar));
    }));
}

function verdict(runs: readonly Run[]): string {
    const of = (way: Way): number => median(runs.filter((run) => run.way === way).map(({ whole }) => whole));
    const [direct, mixnet] = [of('direct'), of('mixnet')];
    const ratio = mixnet / Math.max(direct, 0.1);
    return `Median: direct ${milliseconds(direct)}, mixnet ${milliseconds(mixnet)}: ${ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0)} times as long.`;
}

/** `directOf` gives the same page without the mixnet. */
async function submit(directOf: (url: URL) => string | undefined): Promise<void> {
    byId('compare-result').hidden = false;
    byId('compare-result').dataset['busy'] = 'true';
    send.disabled = true;
    status.className = '';
    table.replaceChildren();
    const runs: Run[] = [];
    try {
        const target = new URL(url.value);
        const direct = directOf(target);
        if (direct === undefined) throw new TypeError(`There is no direct way to ${target.host}: it is known behind the exit only.`);
        showSite(target.href);
        for (let run = 1; run <= Number(byId<HTMLSelectElement>('compare-runs').value); run++) {
            say(status, `Run ${run}: direct…`);
            // Without CORS: other sites' answers cannot be read, but they can be timed.
            runs.push(await timed(run, 'direct', () => fetch(direct, { cache: 'no-store', credentials: 'omit', mode: 'no-cors', referrerPolicy: 'no-referrer' })));
            show(runs);
            say(status, `Run ${run}: through the mixnet…`);
            runs.push(await timed(run, 'mixnet', () => mixFetch(target)));
            show(runs);
        }
        status.className = 'good';
        say(status, verdict(runs));
        log('info', `${target.href}: ${verdict(runs)}`);
    } catch (error) {
        status.className = 'bad';
        say(status, describeError(error));
        log('error', `compare ${url.value}: ${describeError(error)}`);
    } finally {
        send.disabled = false;
        byId('compare-result').dataset['busy'] = 'false';
    }
}

export function startCompare(directOf: (url: URL) => string | undefined): void {
    byId<HTMLFormElement>('compare-form').addEventListener('submit', (event) => {
        event.preventDefault();
        void submit(directOf);
    });
}
