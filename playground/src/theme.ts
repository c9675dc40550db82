// SPDX-License-Identifier: Apache-2.0
// Light, dark, or as the system has it; kept for the next visit.
import { byId } from './dom.js';

const KEY = 'lwmix-playground-theme';
const WORDS = { system: 'as the system has them', light: 'light', dark: 'dark' } as const;
type Theme = keyof typeof WORDS;

function read(): Theme {
    try {
        const kept = localStorage.getItem(KEY);
        return kept === 'light' || kept === 'dark' ? kept : 'system';
    } catch {
        return 'system';
    }
}

/** Calls back at each change, also of the system's. */
export function startTheme(changed: () => void): void {
    const button = byId<HTMLButtonElement>('theme');
    const system = matchMedia('(prefers-color-scheme: dark)');
    let theme = read();
    const show = (): void => {
        if (theme === 'system') delete document.documentElement.dataset['theme'];
        else document.documentElement.dataset['theme'] = theme;
        const words = `Colours: ${WORDS[theme]}`;
        button.setAttribute('aria-label', words);
        button.title = words;
        changed();
    };
    button.addEventListener('click', () => {
        // First the one that differs from what is seen now.
        const order: Theme[] = system.matches ? ['system', 'light', 'dark'] : ['system', 'dark', 'light'];
        theme = order[(order.indexOf(theme) + 1) % order.length] as Theme;
        try {
            if (theme === 'system') localStorage.removeItem(KEY);
            else localStorage.setItem(KEY, theme);
        } catch { /* for this visit only */ }
        show();
    });
    system.addEventListener('change', show);
    show();
}
