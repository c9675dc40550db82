// SPDX-License-Identifier: Apache-2.0
// What suites share: checks that are counted and told of when they fail, and promises that must come in time.

const LIMIT_MS = 60_000;

/** A promise that must come in time: its value, or an error that says what did not come. */
export function within(promise, what, ms = LIMIT_MS) {
    let timer;
    const error = new Error(`not in ${ms / 1000} s: ${what}`); // here, where the stack tells who waits
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(error), ms); });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A value as a failure shows it: no more than can be read, of bytes their number. */
function show(value) {
    const text = typeof value === 'string' ? value : JSON.stringify(value, (key, part) => (part?.type === 'Buffer' ? `${part.data.length} bytes` : part));
    return text?.slice(0, 2000);
}

/** What is counted and printed by a suite: check, same, and the closing line "NAME: N passed, M failed[, K skipped]". */
export function makeReport(name) {
    let passed = 0;
    let failed = 0;
    let skipped = 0;
    const report = {
        check(holds, what, got) {
            if (holds) passed++;
            else failed++;
            if (!holds) console.log(`FAILED ${what}${got === undefined ? '' : `: ${show(got)}`}`);
            return holds;
        },
        same(got, expected, what) {
            return report.check(JSON.stringify(got) === JSON.stringify(expected), what, `got ${show(got)}, expected ${show(expected)}`);
        },
        /** What cannot be tested here, and why. */
        skip(what, why) {
            skipped++;
            console.log(`${name}: skipped ${what}: ${why}`);
        },
        /** Runs parts one after another, each with its time; a part named on the command line alone. */
        async run(parts, ...context) {
            const only = process.argv[2];
            for (const [part, run] of Object.entries(parts)) {
                if (only && only !== part) continue;
                const began = performance.now();
                try {
                    await run(...context);
                } catch (error) {
                    report.check(false, part, error.stack);
                }
                console.log(`${part}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
            }
        },
        close() {
            console.log(`${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
            process.exit(failed > 0 ? 1 : 0);
        },
    };
    return report;
}
