// SPDX-License-Identifier: Apache-2.0
// `lwmix ping` through a local mixnet of real processes, and what it says when something is wrong. Closes with
// "ping: N passed, M failed".
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lwmix, startMixnet } from './mixnet.mjs';
import { makeReport } from './report.mjs';

const report = makeReport('ping');
const check = (what, holds, detail) => report.check(holds, what, detail);

/** Runs `lwmix ping` with these arguments: exit status and both outputs. */
const ping = async (...args) => {
    const result = await lwmix(['ping', ...args]);
    return { ...result, out: String(result.out) };
};

/** It ended with this status and said so in one line that contains these words. */
async function refuses(what, code, words, ...args) {
    const result = await ping(...args);
    check(what, result.code === code && result.out === '' && result.err.split('\n').length === 2 && words.test(result.err), result);
}

function checkFigures(what, result, count, mixnet) {
    check(`${what}: exit status`, result.code === 0 && result.err === '', result);
    if (result.code !== 0) return null;
    const f = JSON.parse(result.out);
    check(`${what}: all answered`, f.sent === count && f.received === count && f.lost === 0, f);
    check(`${what}: times`, f.min_ms > 1 && f.min_ms <= f.median_ms && f.median_ms <= f.max_ms && f.max_ms < 10_000, f);
    check(`${what}: set-up`, f.setup_ms > 1 && f.setup_ms < 20_000, f);
    check(`${what}: way`, f.gateway !== '' && f.exit === mixnet.exit, f);
    check(`${what}: packets`, f.packets.data >= count && f.packets.replies >= count && f.surbs > 0, f);
    return f;
}

const mixnet = await startMixnet();
const storage = mkdtempSync(join(tmpdir(), 'lwmix-storage-'));
try {
    const network = ['--network', mixnet.folder];
    checkFigures('default', await ping(...network, '--count', '5', '--interval', '200', '--json'), 5, mixnet);
    const unpaced = checkFigures('unpaced', await ping(...network, '--count', '3', '--interval', '0', '--json', '--no-pacing', '--no-cover'), 3, mixnet);
    check('no cover', unpaced?.packets.cover === 0, unpaced);

    const first = checkFigures('new storage', await ping(...network, '--storage', storage, '--count', '1', '--json'), 1, mixnet);
    const file = join(storage, 'identity');
    check('the identity is kept for its owner alone', existsSync(file) && (statSync(file).mode & 0o777) === 0o600, file);
    const second = checkFigures('known storage', await ping(...network, '--storage', storage, '--count', '1', '--json'), 1, mixnet);
    check('the gateway stays', first?.gateway === second?.gateway, { first, second });
    const list = join(storage, 'directory');
    check('what the directory said is kept too', existsSync(list) && (statSync(list).mode & 0o777) === 0o600, list);
    const begins = async (what, from) => {
        const { code, err } = await ping(...network, '--storage', storage, '--count', '1', '-v');
        check(what, code === 0 && from.test(err), { code, err });
    };
    await begins('the next run asks for nothing', /^(?![^]*directory: topology of)[^]*directory: stored topology of[^]*tunnel: ready/);
    truncateSync(list, statSync(list).size - 1);
    await begins('a damaged list is no error: it is asked for', /^(?![^]*stored topology)[^]*directory: topology of[^]*tunnel: ready/);
    await begins('and kept again', /directory: stored topology of/);

    const chosen = checkFigures('chosen gateway', await ping(...network, '--gateway', mixnet.gateway, '--count', '1', '--json'), 1, mixnet);
    check('it is the one', chosen?.gateway === mixnet.gateway, chosen);
    const words = await ping(...network, '--count', '1');
    check('in words', words.code === 0 && words.out.includes(mixnet.exit) && /1 sent, 1 answered, 0 lost/.test(words.out), words);

    await refuses('a stranger\'s certificate', 4, /certificate|cert/, '--directory', mixnet.directory);
    await refuses('no directory', 4, /port 1: /, '--directory', 'http://127.0.0.1:1/api/');
    await refuses('no mixnet', 2, /ready\.json/, '--network', storage);
    await refuses('no exit', 2, /the exit 'nobody'/, ...network, '--exit', 'nobody');
    await refuses('no gateway', 2, /the gateway 'abc'/, ...network, '--gateway', 'abc');
    await refuses('a gateway that is not there', 5, /gateway/, ...network, '--gateway', mixnet.exit.split('.')[0]);
    await refuses('no certificates', 2, /certificates/, ...network, '--cacert', '/dev/null');
    await refuses('no number', 2, /--count/, ...network, '--count', 'many');
    writeFileSync(file, 'nonsense');
    await refuses('damaged storage', 3, /stored identity/, ...network, '--storage', storage);
} finally {
    const end = await mixnet.stop();
    check('the mixnet ends well', end.code === 0, end);
    rmSync(storage, { recursive: true, force: true });
}
report.close();
