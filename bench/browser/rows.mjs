// SPDX-License-Identifier: Apache-2.0
// The rows of the browser bench: what each figure is, and what it should be.

/**
 * `target`: the most that ours : peer may be. `within`: ours in the row's unit instead, where the peer never gets there or not always.
 * `needs`: the step of a course (courses.mjs) that gives the figure; null: whichever are run, all if no other row is named.
 */
export const ROWS = [
    { bench: 'load', unit: 'ms', target: 0.4, what: 'page start to worker ready' },
    { bench: 'transfer', unit: 'kB', target: 0.2, what: 'bytes of the packages until ready, gzip', needs: 'setup-cold' },
    { bench: 'setup-cold', unit: 'ms', target: 0.8, what: 'setupMixTunnel, nothing stored' },
    { bench: 'setup-warm', unit: 'ms', target: 0.7, what: 'setupMixTunnel, identity and gateway stored' },
    { bench: 'first-fetch', unit: 'ms', target: 0.9, what: 'first fetch by a new name, 1 KB' },
    { bench: 'warm-fetch', unit: 'ms', target: 0.95, what: 'the same again, each of 20', needs: 'sequence-20' },
    { bench: 'sequence-20', unit: 'ms', target: 0.95, what: '20 of them in sequence' },
    { bench: 'parallel-6-first', unit: 'ms', target: 0.7, what: '6 at once from a new origin' },
    { bench: 'parallel-6', unit: 'ms', target: 0.4, what: '6 at once, repeated' },
    { bench: 'dns', unit: 'ms', target: 0.9, what: 'mixDNS of a new name' },
    { bench: 'echo-p50', unit: 'ms', target: 0.95, what: 'WebSocket echo, median of 80', needs: 'echo' },
    { bench: 'echo-p95', unit: 'ms', what: 'WebSocket echo, 95 of 100', needs: 'echo' },
    { bench: 'cpu-idle', unit: 's', target: 0.35, what: 'CPU of the renderer in 30 s idle' },
    { bench: 'down-100k', unit: 'ms', target: 0.6, what: 'download 100 KB, paced' },
    { bench: 'down-1m', unit: 'ms', target: 0.3, what: 'download 1 MB, paced' },
    { bench: 'cpu-down', unit: 's', target: 0.2, what: 'CPU of the renderer for that MB', needs: 'down-1m' },
    { bench: 'memory', unit: 'MB', target: 0.3, what: 'renderer after it, above a blank page', needs: 'down-1m' },
    { bench: 'up-100k', unit: 'ms', target: 0.4, what: 'upload 100 KB, paced' },
    { bench: 'up-1m', unit: 'ms', within: 20_000, what: 'upload 1 MB, paced' },
    { bench: 'fast-down-1m', unit: 'ms', target: 0.15, what: 'download 1 MB, pacing and cover off' },
    { bench: 'fast-up-100k', unit: 'ms', target: 0.2, what: 'upload 100 KB, pacing and cover off' },
    { bench: 'fast-up-1m', unit: 'ms', within: 6000, what: 'upload 1 MB, pacing and cover off' },
    { bench: 'after-silence', unit: 'ms', within: 5000, what: 'first fetch, 65 s after setup' },
    { bench: 'failures', unit: '', within: 0, what: 'operations that failed or took too long', needs: null },
];

/** Steps that rows of these names need; no names: all. Throws for a name that is none. */
export function stepsFor(names) {
    const wanted = names.length === 0 ? ROWS : names.map((name) => {
        const row = ROWS.find(({ bench }) => bench === name);
        if (!row) throw new Error(`no row is called '${name}'; there are ${ROWS.map(({ bench }) => bench).join(', ')}`);
        return row;
    });
    const stepsOf = (rows) => new Set(rows.map(({ bench, needs = bench }) => needs).filter((step) => step !== null));
    const steps = stepsOf(wanted);
    return { rows: wanted, steps: steps.size > 0 ? steps : stepsOf(ROWS) };
}

/** Infinity stands for "not within the limit". */
export function median(values) {
    if (values.length === 0) return undefined;
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    if (sorted.length % 2 === 1) return sorted[half];
    return sorted[half - 1] === Infinity || sorted[half] === Infinity ? Infinity : (sorted[half - 1] + sorted[half]) / 2;
}

const finite = (value) => (value === undefined || value === Infinity ? null : Number(value.toPrecision(5)));

/**
 * One result a row from figures of both sides (row → numbers). Where the peer is over its limit, `bound` says that the ratio is at
 * most this.
 */
export function judge(row, ours, peer, limits) {
    const [mine, theirs] = [median(ours), median(peer)];
    const limit = limits[row.bench];
    const bound = theirs === Infinity && mine !== Infinity && limit !== undefined;
    const over = bound ? limit : theirs;
    const ratio = mine === undefined || over === undefined || over === Infinity || over === 0 || mine === Infinity ? undefined : mine / over;
    const met = mine === undefined ? undefined
        : row.within !== undefined ? mine <= row.within
        : row.target === undefined ? undefined
        : ratio !== undefined && ratio <= row.target;
    return {
        bench: row.bench, unit: row.unit, ours: finite(mine), peer: finite(theirs), ratio: finite(ratio), target: row.target ?? row.within ?? null,
        of: row.target === undefined ? (row.within === undefined ? null : 'ours') : 'ratio', better: 'lower', met: met ?? null,
        ...(bound ? { bound: true, peer_limit: limit } : {}), rounds: [ours.length, peer.length],
    };
}
