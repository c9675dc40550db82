// SPDX-License-Identifier: Apache-2.0
// A local mixnet whose state folder's disk fills up: it says so, works on, keeps the last whole table of clients, and saves the next one when
// there is room again. The disk is a tmpfs in a mount namespace of its own. Closes with "full-disk: N passed, M failed, K skipped".
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, unlinkSync, watch, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BUILD, control, startMixnet } from './mixnet.mjs';
import { makeReport } from './report.mjs';

const DISK = '512k';
const report = makeReport('full-disk');
const { check } = report;

/** How a namespace with mounts of its own can be had here, or null. */
function namespace() {
    return [['-Urm'], ['-m']].find((flags) => spawnSync('unshare', [...flags, 'mount', '-t', 'tmpfs', 'none', tmpdir()]).status === 0) ?? null;
}

/** `lwmix mixnet` on a small disk: its ready line, lines of its log as events, the folder as seen from outside. */
async function startOnSmallDisk(flags, mountpoint) {
    const script = `mount -t tmpfs -o size=${DISK} none "$1" && exec "$2" mixnet --state "$1/state" --log-level 2`;
    const child = spawn('unshare', [...flags, 'sh', '-c', script, 'sh', mountpoint, join(BUILD, 'lwmix')], { stdio: ['ignore', 'pipe', 'pipe'] });
    process.once('exit', () => child.kill('SIGKILL'));
    const ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
    const lines = createInterface({ input: child.stderr });
    const seen = [];
    lines.on('line', (line) => seen.push(line));
    const ready = JSON.parse(await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve)));
    const disk = join('/proc', String(ready.pid), 'root', mountpoint);
    return {
        ...ready, disk, folder: join(disk, 'state'), seen,
        /** The next line of its log with these words. */
        line: (words) => new Promise((resolve) => lines.on('line', (line) => line.includes(words) && resolve(line))),
        stop: () => { child.kill('SIGTERM'); return ended; },
    };
}

/** Resolves when the table of clients in this folder has been replaced. */
function saved(folder) {
    return new Promise((resolve) => {
        const watcher = watch(folder, (event, name) => {
            if (event !== 'rename' || name !== 'clients-gateway1') return;
            watcher.close();
            resolve();
        });
    });
}

/** Fills the disk to the last byte; gives the file's path. */
function fill(disk) {
    const path = join(disk, 'filler');
    const file = openSync(path, 'w');
    for (let size = 4096; size > 0;) {
        try {
            if (writeSync(file, Buffer.alloc(size)) < size) size >>= 1;
        } catch (error) {
            if (error.code !== 'ENOSPC') throw error;
            size >>= 1;
        }
    }
    closeSync(file);
    return path;
}

/** A client that registers, or comes back with what its storage has. */
function ping(folder, storage) {
    const child = spawn(join(BUILD, 'lwmix'), ['ping', '--network', folder, '--storage', storage, '--count', '1', '--interval', '0', '--no-pacing', '--no-cover'], { stdio: ['ignore', 'ignore', 'inherit'] });
    return new Promise((resolve) => child.on('exit', resolve));
}

async function main(flags) {
    const place = mkdtempSync(join(tmpdir(), 'lwmix-disk-'));
    const path = (name) => join(place, name);
    mkdirSync(path('disk'));
    const small = await startOnSmallDisk(flags, path('disk'));
    const table = join(small.folder, 'clients-gateway1');
    const clients = async () => (await control(small.folder, { do: 'stats' })).gateway1.gateway.clients;

    const written = saved(small.folder);
    check(await ping(small.folder, path('one')) === 0, 'a client with room on the disk');
    await written;
    const before = readFileSync(table);
    check(before.length > 0, 'there is a table', before.length);

    const failure = small.line('clients-gateway1 cannot be saved');
    const filler = fill(small.disk);
    check(await ping(small.folder, path('two')) === 0, 'a second client with a full disk');
    check(/No space left on device/.test(await failure), 'the log says why', small.seen);
    check(before.equals(readFileSync(table)), 'the table on disk is the last whole one');
    check(!existsSync(`${table}.new`), 'nothing half written lies about');
    check(await clients() === 2, 'the gateway knows both', await clients());

    cpSync(small.folder, path('copy'), { recursive: true, filter: (file) => !file.endsWith('/control') });
    const again = saved(small.folder);
    unlinkSync(filler);
    await again;
    check(readFileSync(table).length > before.length, 'with room on the disk again both clients are saved');
    check(await small.stop() === 0, 'it ends well');
    await comesBack(path('copy'), path('one'), 1);
    rmSync(place, { recursive: true, force: true });
}

/** The folder as a crash would have left it: this client logs in with its stored key. */
async function comesBack(state, storage, clients) {
    const mixnet = await startMixnet([], { state });
    check(await ping(state, storage) === 0, 'after a start on that folder the client comes back');
    const { gateway } = (await control(state, { do: 'stats' })).gateway1;
    check(gateway.logins.authenticated === 1 && gateway.logins.registered === 0 && gateway.clients === clients, 'with its registration', gateway);
    check((await mixnet.stop()).code === 0, 'and that one ends well');
}

/** A folder on a disk without any room: one line, status 2, no folder that a later start takes for a network. */
function noRoomAtAll(flags) {
    const place = mkdtempSync(join(tmpdir(), 'lwmix-disk-'));
    const script = 'mount -t tmpfs -o size=4k none "$1" && { "$2" mixnet --state "$1/state"; status=$?; ls "$1/state"; exit $status; }';
    const got = spawnSync('unshare', [...flags, 'sh', '-c', script, 'sh', place, join(BUILD, 'lwmix')], { encoding: 'utf8' });
    check(got.status === 2 && got.stderr.split('\n').length === 2 && got.stderr.includes('No space left on device') && !got.stdout.includes('network.json'),
        'no room to make a network', got);
    rmSync(place, { recursive: true });
}

const flags = namespace();
if (flags) {
    noRoomAtAll(flags);
    await main(flags);
} else {
    report.skip('full disks', 'this machine lets nobody make a namespace with mounts of its own');
}
report.close();
