// SPDX-License-Identifier: Apache-2.0
// What happened, with levels. Everything is kept (up to a bound) and the level chosen says what is shown.
import { byId, h } from './dom.js';

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

const MOST = 1000;
const started = performance.now();
const list = byId('log');
const view = list.parentElement as HTMLElement;
const chosen = byId<HTMLSelectElement>('log-level');

function isShown(level: Level): boolean {
    return LEVELS.indexOf(level) <= LEVELS.indexOf(chosen.value as Level);
}

export function log(level: Level, text: string): void {
    const atEnd = view.scrollTop + view.clientHeight >= view.scrollHeight - 8;
    const time = ((performance.now() - started) / 1000).toFixed(2);
    const line = h('li', { 'data-level': level }, h('time', {}, time), h('b', {}, level), h('span', {}, text));
    line.hidden = !isShown(level);
    list.append(line);
    while (list.childElementCount > MOST) list.firstElementChild?.remove();
    if (atEnd) view.scrollTop = view.scrollHeight;
}

export function startLog(): void {
    chosen.addEventListener('change', () => {
        for (const line of list.children as Iterable<HTMLElement> & HTMLCollection) (line as HTMLElement).hidden = !isShown((line as HTMLElement).dataset['level'] as Level);
        view.scrollTop = view.scrollHeight;
    });
    byId('log-clear').addEventListener('click', () => list.replaceChildren());
    byId('log-copy').addEventListener('click', () => {
        const text = [...list.querySelectorAll<HTMLElement>('li:not([hidden])')].map((line) => [...line.children].map((part) => part.textContent).join('  ')).join('\n');
        navigator.clipboard.writeText(text).then(() => log('debug', 'the log was copied'), (error: unknown) => log('warn', `the log could not be copied: ${String(error)}`));
    });
}
