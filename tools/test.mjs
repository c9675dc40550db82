// SPDX-License-Identifier: Apache-2.0
// Runs test programs on the targets named and closes with "N passed, M failed". As many programs at a time as there are cores, less one
// while there are suites.
//   test.mjs [--checks] [--suites] [--vectors] [--fuzz SECONDS] [TARGET…]     TARGET: native asan wasm
// A test program ends with a line "NAME: N passed, M failed"; one that doesn't has failed.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';

const options = { checks: false, suites: false, vectors: false, fuzz: 0, targets: [] };
for (let i = 2; i < process.argv.length; i++) {
    const arg = process.argv[i];
    if (arg === '--checks') options.checks = true;
    else if (arg === '--suites') options.suites = true;
    else if (arg === '--vectors') options.vectors = true;
    else if (arg === '--fuzz') options.fuzz = Number(process.argv[++i]);
    else if (/^(native|asan|wasm)$/.test(arg)) options.targets.push(arg);
    else {
        console.error(`test: unknown argument '${arg}'`);
        process.exit(2);
    }
}

/** Seconds after which a program counts as hung. */
const LIMIT = 600;

/**
 * Programs that are no part of the CMake build: each prints the same closing line. They wait more than they work, so two go at a time,
 * the longest first; those that judge speed go one at a time behind them. Programs that compute give way to all of them.
 */
const SUITES = [
    { name: 'packages-chromium', command: ['node', 'e2e/packages.test.mjs'] },
    { name: 'playground', command: ['node', 'e2e/playground.test.mjs'] },
    { name: 'client', command: ['node', 'e2e/client.test.mjs'] },
    { name: 'sites', command: ['node', 'e2e/sites.test.mjs'] },
    { name: 'proxy', command: ['node', 'e2e/proxy.test.mjs'] },
    { name: 'docs', command: ['node', 'tools/docs-test.mjs'] },
    { name: 'hostile', command: ['node', 'e2e/hostile.test.mjs'] },
    { name: 'peer-faults', command: ['node', 'e2e/peer-faults.mjs'] },
    { name: 'tunnel-chromium', command: ['node', 'e2e/tunnel.test.mjs'] },
    { name: 'dist', command: ['node', 'e2e/dist.test.mjs'] },
    { name: 'firefox', command: ['node', 'e2e/firefox.test.mjs'] },
    { name: 'packages-node', command: ['node', 'e2e/packages-node.test.mjs'] },
    { name: 'bundlers', command: ['node', 'e2e/bundlers.test.mjs'] },
    { name: 'mixnet', command: ['node', 'e2e/mixnet.test.mjs'] },
    { name: 'third_party', command: ['bash', 'third_party/test.sh'] },
    { name: 'leak', command: ['node', 'e2e/leak.test.mjs'] },
    { name: 'names', command: ['node', 'e2e/names.test.mjs'] },
    { name: 'autobahn', command: ['node', 'e2e/autobahn.test.mjs'] },
    { name: 'ping', command: ['node', 'e2e/ping.test.mjs'] },
    { name: 'pack', command: ['node', 'e2e/pack.test.mjs'] },
    { name: 'full-disk', command: ['node', 'e2e/full-disk.test.mjs'] },
    { name: 'install', command: ['node', 'e2e/install.test.mjs'] },
    { name: 'packages', command: ['node', 'packages/test.mjs'] },
    { name: 'noise', command: ['node', 'e2e/noise.test.mjs'] },
    { name: 'faults', command: ['node', 'e2e/faults.test.mjs'], alone: true },
    { name: 'peer', command: ['node', 'e2e/peer.mjs'], alone: true },
    { name: 'bench-browser', command: ['node', 'bench/browser.test.mjs'], alone: true },
];

function programsOf(target) {
    const listing = JSON.parse(execFileSync('ctest', ['--test-dir', `build/${target}`, '--show-only=json-v1'], { encoding: 'utf8' }));
    return listing.tests
        .filter((t) => !options.vectors || t.name.startsWith('vectors_'))
        .map((t) => ({
            name: t.name,
            target,
            command: target === 'wasm' ? ['node', 'tools/run-wasm.mjs', ...t.command] : t.command,
        }));
}

function fuzzTargets() {
    const folder = 'build/fuzz/fuzz';
    return readdirSync(folder).filter((f) => f.startsWith('fuzz_')).map((f) => {
        const name = f.slice(5);
        const corpus = `build/fuzz/corpus/${name}`;
        mkdirSync(corpus, { recursive: true });
        const seeds = existsSync(`testdata/fuzz/${name}`) ? [`testdata/fuzz/${name}`] : [];
        mkdirSync('build/fuzz/found', { recursive: true });
        return {
            name,
            target: 'fuzz',
            command: [`${folder}/${f}`, `-max_total_time=${options.fuzz}`, ...(options.fuzz < 30 ? ['-seed=1'] : []), '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1',
                `-artifact_prefix=build/fuzz/found/${name}-`, corpus, ...seeds],
            fuzz: true,
        };
    });
}

function run(job) {
    return new Promise((resolve) => {
        const started = Date.now();
        const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=1', UBSAN_OPTIONS: 'print_stacktrace=1' };
        const [tool, ...args] = job.target === 'suite' ? job.command : ['nice', '-n', '15', ...job.command];
        const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
        let output = '';
        const take = (chunk) => { output = (output + chunk).slice(-200000); };
        child.stdout.on('data', take);
        child.stderr.on('data', take);
        const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT * 1000);
        child.on('error', (error) => { output += String(error); });
        child.on('close', (code, signal) => {
            clearTimeout(timer);
            resolve({ ...job, code, signal, output, seconds: (Date.now() - started) / 1000 });
        });
    });
}

/** {passed, failed} of a finished program. */
function judge(result) {
    if (result.fuzz) {
        const runs = result.output.match(/stat::number_of_executed_units:\s*(\d+)/);
        return { passed: result.code === 0 && runs ? 1 : 0, failed: result.code === 0 && runs ? 0 : 1, note: runs ? `${runs[1]} runs` : '' };
    }
    const lines = [...result.output.matchAll(/^(?:.*: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)];
    const last = lines.at(-1);
    if (!last) return { passed: 0, failed: 1, note: 'no closing line' };
    const [passed, failed, skipped] = last.slice(1).map((count) => Number(count ?? 0));
    const notes = [...(skipped > 0 ? [`${skipped} skipped`] : []), ...(passed + failed + skipped === 0 ? ['nothing was tested'] : [])];
    return { passed, failed: failed === 0 && (result.code !== 0 || passed + skipped === 0) ? 1 : failed, note: notes.join(', ') };
}

const programs = []; // CPU-bound
const suites = [];
if (options.checks) programs.push({ name: 'check', target: 'tree', command: ['node', 'tools/check.mjs'] });
for (const target of options.targets) programs.push(...programsOf(target));
if (options.suites) suites.push(...SUITES.map((s) => ({ ...s, target: 'suite' })));
if (options.fuzz > 0) programs.push(...fuzzTargets());
const together = suites.filter((s) => !s.alone);
const alone = suites.filter((s) => s.alone);
const count = programs.length + suites.length;

let passed = 0;
let failed = 0;
async function work(queue) {
    for (let job; (job = queue.shift());) {
        const result = await run(job);
        const verdict = judge(result);
        passed += verdict.passed;
        failed += verdict.failed;
        if (verdict.failed > 0) console.log(result.output.slice(-6000));
        const note = verdict.note ? ` (${verdict.note})` : '';
        if (options.vectors && verdict.passed + verdict.failed > 0)
            console.log(`vectors ${result.name.slice('vectors_'.length)} ${result.target}: ${verdict.passed} passed, ${verdict.failed} failed`);
        else
            console.log(`${verdict.failed ? 'FAILED' : 'ok    '} ${result.target.padEnd(6)} ${result.name}: ${verdict.passed} passed, ` +
                `${verdict.failed} failed${note} in ${result.seconds.toFixed(1)} s` + (result.signal ? `, ended by ${result.signal}` : ''));
    }
}
/** Both queues of suites, then it helps with what is left of the programs. */
async function workOnSuites() {
    await Promise.all([work(together), work(together)]);
    await work(alone);
    await work(programs);
}
const cores = Math.max(2, cpus().length);
await Promise.all([workOnSuites(), ...Array.from({ length: cores - 1 }, () => work(programs))]);
if (count === 0) failed++;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
