// SPDX-License-Identifier: Apache-2.0
// One round of two rows of the browser bench: that it prints what is promised. Closes with "bench-browser: N passed, M failed".
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { judge, median, stepsFor } from './browser/rows.mjs';

let passed = 0;
let failed = 0;

function test(title, act) {
    try {
        act();
        passed++;
    } catch (error) {
        failed++;
        console.log(`bench-browser: ${title}: ${error.message}`);
    }
}

function bench(env) {
    return spawnSync(process.execPath, [fileURLToPath(new URL('browser.mjs', import.meta.url))],
        { encoding: 'utf8', env: { ...process.env, ROUNDS: '1', JSON: '1', ...env }, timeout: 120_000 });
}

test('a round of two rows', () => {
    const { status, stdout, stderr } = bench({ BENCH: 'load,first-fetch' });
    assert.equal(status, 0, stderr);
    const rows = stdout.trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(rows.map(({ bench }) => bench), ['load', 'first-fetch']);
    for (const { bench, ours, peer, ratio, target, better, rounds } of rows) {
        assert.ok(ours > 0 && peer > 0, `${bench}: ${ours}, ${peer}`);
        assert.ok(Math.abs(ratio - ours / peer) < 1e-3, `${bench}: ratio ${ratio} of ${ours} and ${peer}`);
        assert.ok(target > 0);
        assert.equal(better, 'lower');
        assert.deepEqual(rounds, [1, 1]);
    }
});

test('a row that there is not', () => {
    const { status, stderr } = bench({ BENCH: 'loads' });
    assert.equal(status, 2);
    assert.match(stderr, /no row is called 'loads'; there are load, /);
});

test('failures are those of the rows named with it, else of all', () => {
    assert.deepEqual([...stepsFor(['failures', 'dns']).steps], ['dns']);
    assert.ok(stepsFor(['failures']).steps.has('after-silence'));
    assert.deepEqual(stepsFor(['failures']).steps, stepsFor([]).steps);
});

test('medians and verdicts', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.equal(median([1, Infinity, Infinity]), Infinity);
    assert.equal(median([]), undefined);
    const row = (name) => stepsFor([name]).rows[0];
    const met = judge(row('down-1m'), [2000], [10_000], {});
    assert.deepEqual([met.ratio, met.met], [0.2, true]);
    assert.equal(judge(row('down-1m'), [4000], [10_000], {}).met, false);
    const bound = judge(row('up-100k'), [2000], [Infinity], { 'up-100k': 100_000 });
    assert.deepEqual([bound.peer, bound.ratio, bound.bound, bound.met], [null, 0.02, true, true]);
    assert.equal(judge(row('up-1m'), [Infinity], [1], {}).met, false);
    assert.equal(judge(row('up-1m'), [19_000], [1], {}).met, true);
    assert.equal(judge(row('failures'), [1], [3], {}).met, false);
    assert.equal(judge(row('load'), [], [3], {}).met, null);
});

console.log(`bench-browser: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
