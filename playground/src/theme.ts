// SPDX-License-Identifier: Apache-2.0
// The button that changes the colours.
import { byId } from './dom.js';
import { applyTheme, keepTheme, readTheme, type Theme } from './themes.js';

const WORDS: Record<Theme, string> = { system: 'as the system has them', light: 'light', dark: 'dark' };

/** Calls back at each change, also of the system's. */
export function startTheme(changed: () => void): void {
    const button = byId<HTMLButtonElement>('theme');
    const system = matchMedia('(prefers-color-scheme: dark)');
    let theme = readTheme();
    const show = (): void => {
        applyTheme(theme);
        const words = `Colours: ${WORDS[theme]}`;
        button.setAttribute('aria-label', words);
        button.title = words;
        changed();
    };
    button.addEventListener('click', () => {
        // First the one that differs from what is seen now.
        const order: Theme[] = system.matches ? ['system', 'light', 'dark'] : ['system', 'dark', 'light'];
        theme = order[(order.indexOf(theme) + 1) % order.length] as Theme;
        keepTheme(theme);
        show();
    });
    system.addEventListener('change', show);
    show();
}
