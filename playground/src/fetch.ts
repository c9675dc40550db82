// SPDX-License-Identifier: Apache-2.0
// The tool that fetches: a request by hand, its answer as it comes, where the time went.
import { getFetchTiming, mixFetch, type MixRequestInit } from '@lwmix/mix-fetch';
import { byId, h, say } from './dom.js';
import { bytes, milliseconds } from './format.js';
import { log } from './log.js';
import type { Site } from './network.js';
import { showSite } from './path.js';
import { preview } from './preview.js';
import { countPayload, describeError } from './tunnel.js';
import { waterfall } from './waterfall.js';

/** So much of a body is kept for the preview; the rest is counted. */
const KEEP_MOST = 8 << 20;

const url = byId<HTMLInputElement>('fetch-url');
const method = byId<HTMLSelectElement>('fetch-method');
const headers = byId<HTMLTextAreaElement>('fetch-headers');
const body = byId<HTMLTextAreaElement>('fetch-body');
const send = byId<HTMLButtonElement>('fetch-send');
const abort = byId<HTMLButtonElement>('fetch-abort');
const status = byId('fetch-status');
const progress = byId<HTMLProgressElement>('fetch-progress');
const amount = byId('fetch-bytes');

interface Body { data: Uint8Array<ArrayBuffer>; length: number }

/** Lines "Name: value". Throws for a line that is none. */
export function readHeaders(text: string): [string, string][] {
    return text.split('\n').map((line) => line.trim()).filter((line) => line !== '').map((line) => {
        const colon = line.indexOf(':');
        if (colon <= 0) throw new TypeError(`“${line}” is no header; expected “Name: value”`);
        return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    });
}

function readInit(signal: AbortSignal): MixRequestInit {
    const init: MixRequestInit = { method: method.value, headers: readHeaders(headers.value), signal,
        redirect: byId<HTMLSelectElement>('fetch-redirect').value as RequestRedirect };
    const limit = byId<HTMLInputElement>('fetch-timeout').valueAsNumber;
    if (limit > 0) init.timeoutMs = limit;
    if (body.value !== '') init.body = body.value;
    return init;
}

async function readBody(response: Response, began: number): Promise<Body> {
    const total = Number(response.headers.get('content-encoding') ? NaN : response.headers.get('content-length') ?? NaN);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    let kept = 0;
    if (Number.isFinite(total) && total > 0) progress.value = 0;
    else progress.removeAttribute('value');
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
    for (;;) {
        const { done, value } = reader ? await reader.read() : { done: true, value: undefined };
        if (done || !value) break;
        length += value.length;
        countPayload(value.length);
        if (kept + value.length <= KEEP_MOST) {
            parts.push(value);
            kept += value.length;
        }
        const seconds = (performance.now() - began) / 1000;
        say(amount, `${bytes(length)}${total > 0 ? ` of ${bytes(total)}` : ''} · ${bytes(Math.round(length / Math.max(seconds, 0.001)))}/s`);
        if (total > 0) progress.value = length / total;
    }
    progress.value = 1;
    const data = new Uint8Array(kept);
    let at = 0;
    for (const part of parts) {
        data.set(part, at);
        at += part.length;
    }
    return { data, length };
}

async function digest(data: Uint8Array<ArrayBuffer>): Promise<string> {
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
    return [...sum].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function showHeaders(response: Response): void {
    const list = byId('fetch-headers-out').querySelector('dl') as HTMLElement;
    const all = [...response.headers];
    say(byId('fetch-headers-out').querySelector('.count') as HTMLElement, String(all.length));
    list.replaceChildren(...all.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

async function run(init: MixRequestInit, target: string): Promise<void> {
    const began = performance.now();
    const response = await mixFetch(target, init);
    const head = `${response.status} ${response.statusText}`.trim();
    status.className = response.ok ? 'good' : 'bad';
    say(status, head);
    showHeaders(response);
    const { data, length } = await readBody(response, performance.now());
    const timing = await getFetchTiming(response);
    byId('fetch-waterfall').replaceChildren(waterfall(timing));
    byId('fetch-preview').replaceChildren(...preview(data, response.headers.get('content-type') ?? ''));
    const sum = data.length === length && length > 0 ? `, SHA-256 ${(await digest(data)).slice(0, 16)}…` : '';
    say(amount, `${bytes(length)}${sum}`);
    amount.dataset['value'] = String(length);
    const from = response.redirected ? ` from ${response.url}` : '';
    say(status, `${head}${from}, ${milliseconds(performance.now() - began)}`);
    log('info', `${init.method ?? 'GET'} ${target}: ${head}, ${bytes(length)} in ${milliseconds(performance.now() - began)}`);
}

async function submit(): Promise<void> {
    const control = new AbortController();
    const stop = (): void => control.abort(new DOMException('Aborted by you.', 'AbortError'));
    abort.addEventListener('click', stop);
    byId('fetch-result').hidden = false;
    byId('fetch-result').dataset['busy'] = 'true';
    send.disabled = true;
    abort.hidden = false;
    status.className = '';
    say(status, 'Waiting for the answer…');
    say(amount, '');
    delete amount.dataset['value'];
    progress.removeAttribute('value');
    byId('fetch-waterfall').replaceChildren();
    byId('fetch-preview').replaceChildren();
    try {
        showSite(url.value);
        await run(readInit(control.signal), url.value);
    } catch (error) {
        status.className = 'bad';
        progress.value = 0;
        say(status, describeError(error));
        log('error', `${method.value} ${url.value}: ${describeError(error)}`);
    } finally {
        abort.removeEventListener('click', stop);
        send.disabled = false;
        abort.hidden = true;
        byId('fetch-result').dataset['busy'] = 'false';
    }
}

interface Example { words: string; method: string; url: string; headers?: string; body?: string }

function examplesOf(site: Site | undefined): Example[] {
    if (!site) return [
        { words: 'example.com', method: 'GET', url: 'https://example.com/' },
        { words: 'your exit’s address', method: 'GET', url: 'https://api.ipify.org/?format=json' },
    ];
    return [
        { words: 'A page', method: 'GET', url: `${site.http}/` },
        { words: 'Over TLS', method: 'GET', url: `${site.https}/you` },
        { words: '100 kB', method: 'GET', url: `${site.http}/bytes?n=100000` },
        { words: '1 MB', method: 'GET', url: `${site.https}/bytes?n=1000000` },
        { words: 'A picture', method: 'GET', url: `${site.http}/image.svg` },
        { words: 'A redirect', method: 'GET', url: `${site.http}/redirect` },
        { words: 'An echo', method: 'POST', url: `${site.http}/echo`, headers: 'Content-Type: application/json', body: '{ "through": "five hops" }' },
    ];
}

/** Examples of this network, the first one filled in. */
export function showExamples(site: Site | undefined): void {
    const all = examplesOf(site);
    const use = (example: Example): void => {
        method.value = example.method;
        url.value = example.url;
        headers.value = example.headers ?? '';
        body.value = example.body ?? '';
        (headers.closest('details') as HTMLDetailsElement).open = example.body !== undefined;
    };
    byId('fetch-examples').replaceChildren(...all.map((example) => {
        const chip = h('button', { type: 'button', class: 'chip' }, example.words);
        chip.addEventListener('click', () => {
            use(example);
            showSite(example.url);
        });
        return chip;
    }));
    if (all[0]) use(all[0]);
}

export function startFetch(): void {
    byId<HTMLFormElement>('fetch-form').addEventListener('submit', (event) => {
        event.preventDefault();
        void submit();
    });
}
