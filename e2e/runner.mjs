// SPDX-License-Identifier: Apache-2.0
// Tests of whole processes, one after the other: suite('name') collects them, run() closes with "name: N passed, M failed".

import { within } from './report.mjs';

const LIMIT_MS = 90_000;

export { within };

/** `only`: words of which a test's title must contain one (default: the command line's). */
export function suite(name, only = process.argv.slice(2)) {
    const tests = [];
    let skipped = 0;
    return {
        /** A test that cannot run here, and why. */
        skip(title, why) {
            skipped++;
            console.log(`${name}: skipped ${title}: ${why}`);
        },
        test(title, act, { ms = LIMIT_MS } = {}) {
            tests.push({ title, act, ms });
        },
        /** `lines` gives what is worth reading when a test fails. */
        async run({ lines = () => '' } = {}) {
            let passed = 0;
            let failed = 0;
            const wanted = tests.filter(({ title }) => only.length === 0 || only.some((word) => title.includes(word)));
            for (const { title, act, ms } of wanted) {
                const started = performance.now();
                try {
                    await within(act(), title, ms);
                    passed++;
                    console.log(`${name}: ok ${((performance.now() - started) / 1000).toFixed(1)} s  ${title}`);
                } catch (error) {
                    failed++;
                    console.log(`${name}: FAILED ${title}: ${error?.stack ?? error}\n${lines()}`);
                }
            }
            if (wanted.length === 0) failed++;
            console.log(`${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
            process.exitCode = failed > 0 ? 1 : 0;
        },
    };
}
