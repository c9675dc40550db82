// SPDX-License-Identifier: Apache-2.0
// Where the time of a request went, as bars below one another.
import type { FetchTiming } from '@lwmix/mix-fetch';
import { h } from './dom.js';
import { milliseconds } from './format.js';

interface Step { name: string; from: number; to: number; kind: string }

/** Steps in order; those that did not take place are left out. */
export function steps(t: FetchTiming): Step[] {
    const out: Step[] = [];
    let at = 0;
    const add = (name: string, until: number, kind: string): void => {
        if (until < 0) return;
        if (until > at) out.push({ name, from: at, to: until, kind });
        at = Math.max(at, until);
    };
    add('Queue, redirects', t.started, 'queue');
    if (!t.reused) {
        add('DNS', t.resolved, 'dns');
        add('TCP', t.connected, 'tcp');
        add('TLS', t.secured, 'tls');
    }
    add('Sending', t.sent, 'sending');
    add('First byte', t.firstByte, 'wait');
    add('Body', t.finished, 'body');
    return out;
}

export function waterfall(t: FetchTiming): HTMLElement {
    const whole = Math.max(t.finished, 1);
    const rows = steps(t).map(({ name, from, to, kind }) => {
        const bar = h('i', { class: kind });
        bar.style.left = `${(from / whole) * 100}%`;
        bar.style.width = `max(2px, ${((to - from) / whole) * 100}%)`;
        return h('tr', {}, h('th', { scope: 'row' }, name), h('td', { class: 'track' }, bar), h('td', { class: 'num right', 'data-step': kind }, milliseconds(to - from)));
    });
    return h('table', { class: 'waterfall' }, h('caption', {}, `Where ${milliseconds(t.finished)} went${t.reused ? ', on a connection that was open' : ''}`),
        h('thead', { class: 'hidden' }, h('tr', {}, h('th', { scope: 'col' }, 'Step'), h('th', { scope: 'col' }, 'When'), h('th', { scope: 'col' }, 'Time'))),
        h('tbody', {}, ...rows));
}
