// SPDX-License-Identifier: Apache-2.0
// The four packages in Node through the local mixnet: the script that the pages run, and what only Node has.
// Closes with "packages-node: N passed, M failed". With the argument `child` it is the program under test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { get } from 'node:https';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { common, expected } from './common-page.mjs';
import { pattern, sha256 } from './servers.mjs';

const SIZES = [1000, 100_000];
const packages = createRequire(new URL('../packages/package.json', import.meta.url));
const esm = (name) => import(new URL(`../packages/${name}/dist/node/index.mjs`, import.meta.url).href);
const PARTS = ['mix-tunnel', 'mix-fetch', 'mix-dns', 'mix-websocket'];

/** In a process of its own, which must end by itself. */
const PROGRAMS = {
    async common({ directory, folder, name, address, cjs }) {
        const [tunnel, fetch, dns, websocket] = await Promise.all(PARTS.map((part) => cjs ? packages(`@lwmix/${part}`) : esm(part)));
        const options = { directories: [directory], storageFolder: folder };
        return common({ tunnel, fetch, dns, websocket }, { name, address, sizes: SIZES, hash: async (bytes) => sha256(Buffer.from(bytes)), options });
    },
    /** A process that forgets to disconnect ends all the same, and one that waits for an answer does not. */
    async careless({ directory, name }) {
        const { createMixFetch } = await esm('mix-fetch');
        const mixFetch = await createMixFetch({ directories: [directory], ephemeral: true, disablePoissonTraffic: true, disableCoverTraffic: true });
        return [(await mixFetch(`http://${name}/bytes?n=10`)).status, typeof WebSocket];
    },
    async stored({ directory, folder }) {
        const { setupMixTunnel, disconnectMixTunnel, getTunnelStats } = await esm('mix-tunnel');
        await setupMixTunnel({ directories: [directory], storageFolder: folder, storagePassphrase: 'secret', clientId: 'kept' });
        const { gateway } = await getTunnelStats();
        await disconnectMixTunnel();
        return gateway;
    },
};

if (process.argv[2] === 'child') {
    const result = await PROGRAMS[process.argv[3]](JSON.parse(process.argv[4]));
    process.stdout.write(`${JSON.stringify(result, (key, value) => value === undefined ? '(undefined)' : value)}\n`);
} else await test();

async function test() {
    const { suite } = await import('./runner.mjs');
    const { ADDRESS, NAME } = await import('./stage.mjs');
    const { startMixnet } = await import('./mixnet.mjs');
    const { startWeb } = await import('./web.mjs');
    const { test, skip, run } = suite('packages-node');
    const web = await startWeb([NAME]);
    const mixnet = await startMixnet(['--resolve', `${NAME}=${ADDRESS}`, '--forward', `${ADDRESS}:80=127.0.0.1:${web.port}`]);
    const folder = mkdtempSync(join(tmpdir(), 'lwmix-node-'));

    async function program(name, more = {}) {
        const env = { ...process.env, NODE_EXTRA_CA_CERTS: mixnet.ca, NODE_OPTIONS: `--require "${fileURLToPath(new URL('names.cjs', import.meta.url))}" ${more.flags ?? ''}` };
        const argument = JSON.stringify({ directory: mixnet.directory, folder, name: NAME, address: ADDRESS, ...more });
        const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'child', name, argument], { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 80_000 });
        let out = '';
        let err = '';
        let printed = 0;
        child.stdout.on('data', (part) => {
            out += part;
            printed = performance.now();
        });
        child.stderr.on('data', (part) => { err += part; });
        const [status, signal] = await once(child, 'close');
        assert.equal(status ?? signal, 0, `${status ?? signal}: ${out}${err}`.slice(-2000));
        const late = performance.now() - printed;
        assert.ok(late < 4000, `done, and then alive for ${late} ms`);
        return JSON.parse(out);
    }

    for (const cjs of [false, true]) {
        test(`the common script, ${cjs ? 'CommonJS' : 'ES modules'}`, async () => {
            const wanted = expected({ sizes: SIZES, hashes: SIZES.map((n) => sha256(pattern(n))), name: NAME });
            assert.deepEqual(await program('common', { cjs }), wanted.map(([what, value]) => [what, value === undefined ? '(undefined)' : value]));
        });
    }
    test('a process ends though its tunnel is up', async () => assert.equal((await program('careless'))[0], 200));
    test('two processes at a time have an identity each', async () => {
        const gateways = await Promise.all([program('stored'), program('stored')]);
        assert.ok(gateways.every((gateway) => gateway.length > 40));
    });
    for (const [title, flags, type] of [['with Node\'s own WebSocket', '--experimental-websocket', 'function'], ['without one', '--no-experimental-websocket', 'undefined']]) {
        if (process.allowedNodeEnvironmentFlags.has(flags)) test(title, async () => assert.deepEqual(await program('careless', { flags }), [200, type]));
        else skip(title, `${process.version} knows no ${flags}`);
    }
    test('the identity is kept in a file of its owner, with its gateway', async () => {
        const first = await program('stored');
        assert.equal(await program('stored'), first);
        const files = readdirSync(folder).flatMap((one) => readdirSync(join(folder, one)).map((file) => join(folder, one, file))).filter((file) => statSync(file).isFile());
        assert.ok(files.length > 0);
        for (const file of files) assert.equal(statSync(file).mode & 0o77, 0, file);
    });
    test('a process that begins soon after another asks the directory for nothing', async () => {
        let asked = 0;
        const counting = createServer((request, response) => {
            asked++;
            get(new URL(request.url, mixnet.directory), { ca: readFileSync(mixnet.ca) }, (answer) => {
                response.writeHead(answer.statusCode, answer.headers);
                answer.pipe(response);
            });
        }).listen(0, '127.0.0.1');
        await once(counting, 'listening');
        try {
            const directory = `http://127.0.0.1:${counting.address().port}/api/`;
            await program('stored', { directory });
            assert.equal(asked, 5);
            await program('stored', { directory });
            assert.equal(asked, 5);
        } finally {
            counting.close();
        }
    });
    await run({ lines: () => mixnet.log().slice(-1000) });
    await mixnet.stop();
    web.close();
    rmSync(folder, { recursive: true, force: true });
}
