// SPDX-License-Identifier: Apache-2.0
// Runs the bench programs natively and as WASM under Node, and prints one table, or with JSON=1 one object a line:
// {"bench","target","value","unit","ratio"}. Programs print such objects themselves (bench/bench.h); ratio is against what the
// program's own description names, measured in the same run. Arguments: names of programs; default all.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

const wanted = process.argv.slice(2);
const rows = [];
let failed = false;
for (const target of ['native', 'wasm']) {
    const folder = `build/${target}/bench`;
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).sort()) {
        if (!/^[a-z0-9_]+_bench(\.wasm)?$/.test(file)) continue;
        if (wanted.length > 0 && !wanted.includes(file.replace('.wasm', ''))) continue;
        const command = target === 'wasm' ? ['node', 'tools/run-wasm.mjs', `${folder}/${file}`] : [`${folder}/${file}`];
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[Kbench: ${target} ${file}`);
        const result = spawnSync(command[0], command.slice(1), { encoding: 'utf8', env: { ...process.env, JSON: '1' } });
        if (result.status !== 0) {
            failed = true;
            console.error(`bench: ${file} (${target}) ended with ${result.status ?? result.signal}\n${result.stderr}`);
        }
        for (const line of result.stdout.split('\n')) {
            if (line.startsWith('{')) rows.push({ ...JSON.parse(line), target });
        }
    }
}
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');

const number = (v) => (v === undefined || v === null ? '' : Number(v).toLocaleString('en', { maximumSignificantDigits: 4 }));
if (process.env.JSON === '1') {
    for (const row of rows) console.log(JSON.stringify(row));
} else {
    const table = [['bench', 'target', 'value', 'unit', 'ratio'], ...rows.map((r) => [r.bench, r.target, number(r.value), r.unit, number(r.ratio)])];
    const widths = table[0].map((_, i) => Math.max(...table.map((row) => row[i].length)));
    for (const row of table) console.log(row.map((cell, i) => (i === 2 || i === 4 ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ').trimEnd());
}
if (rows.length === 0) {
    console.error('bench: no program gave a figure: run make bench');
    failed = true;
}
process.exit(failed ? 1 : 0);
