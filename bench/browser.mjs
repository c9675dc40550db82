// SPDX-License-Identifier: Apache-2.0
// The npm peer and our packages in the same Chromium through the same local mixnet, in turns: a table of medians and ratios, or with JSON=1
// one object a line. ROUNDS (5), BENCH=name,name (all rows), ONLY=ours|peer, MIXNET='--tun …' (options of lwmix mixnet besides), SCALE (1, of
// the limits after which a step is not waited for), TRACE=1 (statistics of our tunnel after each step).
import { openBrowser } from '../e2e/browser.mjs';
import { startMixnet } from '../e2e/mixnet.mjs';
import { startSite } from '../e2e/servers.mjs';
import { ADDRESS, blankPage, limitsOf, NAMES, runRound } from './browser/courses.mjs';
import { judge, stepsFor } from './browser/rows.mjs';
import { MAKERS, servePages } from './browser/site.mjs';

function settings() {
    const rounds = Number(process.env.ROUNDS ?? 5);
    if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`ROUNDS must be a whole number above 0, not '${process.env.ROUNDS}'`);
    const scale = Number(process.env.SCALE ?? 1);
    if (!(scale > 0)) throw new Error(`SCALE must be a number above 0, not '${process.env.SCALE}'`);
    const makers = (process.env.ONLY ?? '').split(',').filter(Boolean);
    for (const maker of makers) if (!MAKERS.includes(maker)) throw new Error(`ONLY must be ${MAKERS.join(' or ')}, not '${maker}'`);
    const { rows, steps } = stepsFor((process.env.BENCH ?? '').split(',').filter(Boolean));
    return { rounds, rows, steps, limits: limitsOf(scale), json: process.env.JSON === '1', mixnet: (process.env.MIXNET ?? '').split(' ').filter(Boolean), trace: process.env.TRACE === '1', makers: makers.length ? makers : MAKERS };
}

/** What was measured of one maker. */
class Notes {
    values = new Map();
    operations = 0;
    failures = [];

    done() { this.operations++; }
    failed(row, why) {
        this.operations++;
        this.failures.push(`${row}: ${why}`);
    }
    value(row, value) { this.values.set(row, [...this.values.get(row) ?? [], value]); }
    of(row) { return row === 'failures' ? [this.failures.length] : this.values.get(row) ?? []; }
}

async function openStage({ steps, limits, trace, mixnet: more }, progress) {
    const site = await startSite();
    const mixnet = await startMixnet([...NAMES.flatMap((name) => ['--resolve', `${name}=${ADDRESS}`]), '--forward', `${ADDRESS}:80=127.0.0.1:${site.port}`, ...more]);
    const pages = await servePages();
    const browser = await openBrowser(mixnet);
    const cdp = await browser.newBrowserCDPSession();
    const stage = { steps, limits, trace, pages, browser, cdp, progress, mixnet };
    return {
        stage,
        async close() {
            await browser.close();
            pages.close();
            site.close();
            await mixnet.stop();
        },
    };
}

const text = (value, unit) => (value === null ? '–' : `${value.toLocaleString('en', { maximumSignificantDigits: value >= 1000 ? 5 : 3 })}${unit ? ` ${unit}` : ''}`);

function print(results, rows) {
    const cells = results.map((r, i) => {
        const peer = r.bound ? `> ${text(r.peer_limit, r.unit)}` : text(r.peer, r.unit);
        const target = r.target === null ? '' : r.of === 'ours' ? `${text(r.target, r.unit)} of ours` : `≤ ${r.target}`;
        return [r.bench, text(r.ours, r.unit), peer, r.ratio === null ? '–' : `${r.bound ? '< ' : ''}${r.ratio.toPrecision(2)}`, target, r.met === null ? '' : r.met ? 'met' : 'MISSED', rows[i].what];
    });
    const table = [['bench', 'ours', 'peer', 'ratio', 'target', '', 'what'], ...cells];
    const widths = table[0].map((_, i) => Math.max(...table.map((row) => row[i].length)));
    for (const row of table) console.log(row.map((cell, i) => (i > 0 && i < 5 ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ').trimEnd());
}

async function main() {
    const chosen = settings();
    const tell = (line) => { if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`); };
    let round = 1;
    const { stage, close } = await openStage(chosen, (maker, step) => tell(`bench: round ${round} of ${chosen.rounds}, ${maker}: ${step}`));
    const notes = Object.fromEntries(MAKERS.map((maker) => [maker, new Notes()]));
    try {
        for (; round <= chosen.rounds; round++) {
            if (chosen.steps.has('down-1m')) stage.blank = await blankPage(stage);
            const order = round % 2 === 1 ? chosen.makers : [...chosen.makers].reverse();
            for (const maker of order) await runRound(stage, maker, round, notes[maker]);
        }
    } finally {
        tell('');
        await close();
    }
    const results = chosen.rows.map((row) => judge(row, notes.ours.of(row.bench), notes.peer.of(row.bench), chosen.limits));
    if (chosen.json) for (const result of results) console.log(JSON.stringify(result));
    else print(results, chosen.rows);
    for (const maker of chosen.makers) for (const failure of notes[maker].failures) console.error(`${maker}: ${failure}`);
    process.exitCode = results.some(({ ours }) => ours === null) && chosen.makers.includes('ours') ? 1 : 0;
}

await main().catch((error) => {
    console.error(`bench: ${error.message}`);
    process.exitCode = 2;
});
process.exit(); // what a failure left half open does not keep it alive
