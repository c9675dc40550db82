// SPDX-License-Identifier: Apache-2.0
// Tabs as the ARIA practices have them: arrow keys, Home and End move; one tab is in the order of the Tab key.
import { byId } from './dom.js';

export function startTabs(): void {
    const tabs = [...document.querySelectorAll<HTMLButtonElement>('[role=tab]')];
    const panelOf = (tab: HTMLButtonElement): HTMLElement => byId(tab.getAttribute('aria-controls') ?? '');
    const choose = (chosen: HTMLButtonElement): void => {
        for (const tab of tabs) {
            const on = tab === chosen;
            tab.setAttribute('aria-selected', String(on));
            tab.tabIndex = on ? 0 : -1;
            panelOf(tab).hidden = !on;
        }
    };
    for (const [i, tab] of tabs.entries()) {
        tab.addEventListener('click', () => choose(tab));
        tab.addEventListener('keydown', ({ key }) => {
            const n = tabs.length;
            const to = { ArrowRight: (i + 1) % n, ArrowLeft: (i + n - 1) % n, Home: 0, End: n - 1 }[key];
            const next = to === undefined ? undefined : tabs[to];
            if (!next) return;
            choose(next);
            next.focus();
        });
    }
}
