// SPDX-License-Identifier: Apache-2.0
// Builds the last commit twice with `make dist`, in folders of different names, with different time zones, languages and umasks and without a
// compiler cache, and compares the sums. Only the third parties come from the same cache. Closes with "dist-check: N passed, M failed".
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const started = performance.now();
const say = (text) => console.log(`dist-check: ${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${text}`);
const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
const archive = execFileSync('git', ['archive', '--prefix=source/', commit], { cwd: ROOT, maxBuffer: 1 << 28 });
const place = mkdtempSync(join(tmpdir(), 'lwmix-dist-check-'));

/** The lines of SHA256SUMS of a build in this folder. */
function build(name, variables, umask) {
    const folder = join(place, name);
    mkdirSync(folder, { recursive: true });
    execFileSync('tar', ['-x', '-C', folder], { input: archive });
    const { CMAKE_C_COMPILER_LAUNCHER: _, SOURCE_DATE_EPOCH: __, MAKEFLAGS: ___, ...env } = process.env;
    const result = spawnSync('bash', ['-c', `umask ${umask}; exec make dist`], { cwd: join(folder, 'source'), encoding: 'utf8', env: { ...env, CCACHE_DISABLE: '1', ...variables } });
    if (result.status !== 0) throw new Error(`make dist in ${folder} ended with ${result.status}: ${(result.stdout + result.stderr).slice(-3000)}`);
    say(`built in ${folder}`);
    return readFileSync(join(folder, 'source/build/dist/SHA256SUMS'), 'utf8').trim().split('\n');
}

let passed = 0;
let failed = 0;
try {
    say(`commit ${commit.slice(0, 12)}`);
    const first = build('a', { TZ: 'UTC', LC_ALL: 'C' }, '022');
    const second = build('a-folder/with/a-longer-name', { TZ: 'Asia/Kolkata', LC_ALL: 'C.UTF-8', JOBS: '1' }, '027');
    for (const line of new Set([...first, ...second])) {
        const [sum, name] = line.split(/\s+/);
        if (first.includes(line) && second.includes(line)) {
            passed++;
            console.log(`same       ${sum}  ${name}`);
        } else {
            failed++;
            console.log(`DIFFERENT  ${sum}  ${name}`);
        }
    }
} catch (error) {
    failed++;
    console.log(String(error));
} finally {
    if (process.env.KEEP) say(`left in ${place}`);
    else rmSync(place, { recursive: true, force: true });
}
if (passed === 0) failed++;
say('ended');
console.log(`dist-check: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
