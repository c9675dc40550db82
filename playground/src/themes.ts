// SPDX-License-Identifier: Apache-2.0
// Light, dark, or as the system has it: where the choice is kept, and how the page takes it.

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'lwmix-playground-theme';

export function readTheme(): Theme {
    try {
        const kept = localStorage.getItem(KEY);
        return kept === 'light' || kept === 'dark' ? kept : 'system';
    } catch {
        return 'system';
    }
}

export function keepTheme(theme: Theme): void {
    try {
        if (theme === 'system') localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, theme);
    } catch { /* for this visit only */ }
}

export function applyTheme(theme: Theme): void {
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
}
