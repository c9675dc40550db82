// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.

export function bytes(n: number): string {
    if (n < 1000) return `${n} B`;
    const units = ['kB', 'MB', 'GB'];
    let value = n / 1000;
    let unit = 0;
    while (value >= 999.5 && unit < units.length - 1) {
        value /= 1000;
        unit++;
    }
    return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

export function milliseconds(ms: number): string {
    if (!(ms >= 0)) return '–';
    if (ms < 10) return `${ms.toFixed(1)} ms`;
    return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function count(n: number): string {
    return n.toLocaleString('en');
}

/** An identity, cut where one still sees which it is. */
export function shorten(identity: string): string {
    return identity.length > 14 ? `${identity.slice(0, 6)}…${identity.slice(-4)}` : identity;
}

export function median(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    const n = sorted.length;
    return n === 0 ? NaN : ((sorted[n >> 1] as number) + (sorted[(n - 1) >> 1] as number)) / 2;
}
