// SPDX-License-Identifier: Apache-2.0
// ninja's output into a log, and how far it is to whoever waits: on a terminal a line that is written over, else one at each quarter of
// what takes more than ten seconds.   ninja … 2>&1 | progress.mjs NAME LOG
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

const [name, file] = process.argv.slice(2);
const log = createWriteStream(file);
const terminal = process.stdout.isTTY;
const started = performance.now();
let quarter = 0;
let at; // "12 of 34"
function show() {
    const seconds = Math.floor((performance.now() - started) / 1000);
    if (at !== undefined) process.stdout.write(`\rbuild: ${name} ${at}, ${seconds} s\x1b[K`);
}
const clock = terminal ? setInterval(show, 1000) : undefined; // the last steps may take long
createInterface({ input: process.stdin }).on('line', (line) => {
    log.write(`${line}\n`);
    const [, done, all] = line.match(/^\[(\d+)\/(\d+)\]/) ?? [];
    if (all === undefined || Number(all) < 5) return;
    if (terminal) {
        at = `${done} of ${all}`;
        show();
    } else if (performance.now() - started > 10_000 && Math.floor(4 * done / all) > quarter) {
        quarter = Math.floor(4 * done / all);
        if (quarter < 4) console.log(`build: ${name} ${done} of ${all}`);
    }
}).on('close', () => {
    clearInterval(clock);
    if (at !== undefined) process.stdout.write('\r\x1b[K');
    log.end(() => console.log(`build: ${name}`));
});
