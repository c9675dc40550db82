// SPDX-License-Identifier: Apache-2.0
// The packages as they are packed: four tarballs, installed into an empty project, used there by ES modules, CommonJS and the compiler.
// Closes with "pack: N passed, M failed".
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startMixnet } from './mixnet.mjs';
import { PACKAGES, pack } from './packing.mjs';
import { suite } from './runner.mjs';
import { startSite } from './servers.mjs';
import { ADDRESS, NAME } from './stage.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'lwmix-pack-'));
const { test, run } = suite('pack');
const npm = (...args) => execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
let site;
let mixnet;

/** Runs a program of the project; what it printed. Not spawnSync: the site is in this process. */
async function node(file, ...args) {
    const env = { ...process.env, MIX_DIRECTORY: mixnet.directory, NODE_EXTRA_CA_CERTS: mixnet.ca, NODE_NO_WARNINGS: '1', NODE_OPTIONS: `--require "${fileURLToPath(new URL('names.cjs', import.meta.url))}"` };
    const child = spawn(process.execPath, [file, ...args], { cwd: project, env, timeout: 60_000, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (part) => { out += part; });
    child.stderr.on('data', (part) => { err += part; });
    const [status, signal] = await once(child, 'close');
    assert.equal(status ?? signal, 0, `${out}${err}`.slice(-1500));
    return out;
}

test('npm pack: only what is needed', () => {
    for (const { name, tarball } of pack(project)) {
        const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n').map((file) => file.replace('package/', ''));
        for (const file of ['README.md', 'dist/LICENSE']) assert.ok(files.includes(file), `${name}: ${file}`);
        const extra = files.filter((file) => !/^(package\.json|README\.md|dist\/LICENSE|dist\/THIRD-PARTY\.txt|dist\/.*\.(js|mjs|d\.ts|wasm|json))$/.test(file));
        assert.deepEqual(extra, [], name);
    }
});

test('they install into an empty project', () => {
    writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }\n');
    npm('install', ...pack(project).map(({ tarball }) => tarball));
    for (const name of PACKAGES) assert.ok(existsSync(join(project, 'node_modules/@lwmix', name, 'package.json')), name);
    assert.ok(!existsSync(join(project, 'node_modules/@lwmix/mix-fetch/node_modules')), 'one mix-tunnel for all');
});

const PROGRAM = `
    const { createMixFetch, disconnectMixTunnel, getTunnelState, MixError } = fetch;
    const mixFetch = await createMixFetch({ ephemeral: true, directories: [process.env.MIX_DIRECTORY], disablePoissonTraffic: true, disableCoverTraffic: true });
    const response = await mixFetch(process.argv[2] + '/echo', { method: 'POST', body: 'through five hops' });
    const socket = new websocket.MixWebSocket(process.argv[2].replace('http', 'ws'));
    const message = new Promise((resolve) => { socket.onmessage = ({ data }) => resolve(data); });
    await socket.opened();
    await socket.send('and back');
    const error = await mixFetch('http://nowhere.example/').catch((e) => e);
    console.log(JSON.stringify([response.status, await response.text(), await dns.mixDNS('${NAME}'), await message, error instanceof MixError && error.code]));
    await socket.close();
    await disconnectMixTunnel();
    console.log((await getTunnelState()).state);
`;
const WANTED = `${JSON.stringify([200, 'through five hops', ADDRESS, 'and back', 'DNS_NOT_FOUND'])}\nshutdown\n`;

test('ES modules in Node', async () => {
    writeFileSync(join(project, 'program.mjs'), `import * as fetch from '@lwmix/mix-fetch';\nimport * as dns from '@lwmix/mix-dns';\nimport * as websocket from '@lwmix/mix-websocket';\n${PROGRAM}`);
    assert.equal(await node('program.mjs', `http://${NAME}`), WANTED);
});

test('CommonJS in Node', async () => {
    writeFileSync(join(project, 'program.cjs'), `const [fetch, dns, websocket] = ['fetch', 'dns', 'websocket'].map((x) => require('@lwmix/mix-' + x));\n(async () => {${PROGRAM}})();\n`);
    assert.equal(await node('program.cjs', `http://${NAME}`), WANTED);
});

test('both forms in one process share one tunnel', async () => {
    writeFileSync(join(project, 'both.mjs'), `
        import { createRequire } from 'node:module';
        import { setupMixTunnel, disconnectMixTunnel, MixError } from '@lwmix/mix-fetch';
        const { mixDNS, ...other } = createRequire(import.meta.url)('@lwmix/mix-dns');
        await setupMixTunnel({ ephemeral: true, directories: [process.env.MIX_DIRECTORY] });
        console.log(await mixDNS('${NAME}'), other.setupMixTunnel === setupMixTunnel, other.MixError === MixError);
        await disconnectMixTunnel();`);
    assert.equal(await node('both.mjs'), `${ADDRESS} true true\n`);
});

test('types: as an ES module and as CommonJS, strictly', () => {
    const source = `import { mixFetch, type SetupMixTunnelOpts } from '@lwmix/mix-fetch';
import { mixDNS } from '@lwmix/mix-dns';
import { MixWebSocket } from '@lwmix/mix-websocket';
import { getMixTunnel, onTunnelEvent, MixError, type TunnelState } from '@lwmix/mix-tunnel';
export const options: SetupMixTunnelOpts = { ephemeral: true };
export const status: Promise<number> = mixFetch('https://x', { timeoutMs: 5 }).then((response: Response) => response.status);
export const address: Promise<string> = mixDNS('x');
export const make = (): MixWebSocket => new MixWebSocket('wss://x');
export const state = (): Promise<TunnelState> => getMixTunnel().then(async (worker) => await worker.getTunnelState());
onTunnelEvent((event) => { if (event.kind === 'state') console.log(event.state.state, event.stats.surbs, MixError.name); });
`;
    for (const extension of ['mts', 'cts']) writeFileSync(join(project, `use.${extension}`), source);
    compile(['use.*']);
});

test('types: whoever used the peer compiles with ours', () => {
    symlinkSync(join(root, 'e2e/node_modules/@nymproject'), join(project, 'node_modules/@nymproject'));
    writeFileSync(join(project, 'peer.mts'), `
import type * as peerTunnel from '@nymproject/mix-tunnel';
import type * as peerFetch from '@nymproject/mix-fetch';
import type * as peerDns from '@nymproject/mix-dns';
import type * as peerSocket from '@nymproject/mix-websocket';
import * as tunnel from '@lwmix/mix-tunnel';
import * as fetch from '@lwmix/mix-fetch';
import * as dns from '@lwmix/mix-dns';
import * as socket from '@lwmix/mix-websocket';

// Functions, by value: ours can stand wherever the peer's did.
type Functions<M> = Pick<M, Extract<keyof M, 'setupMixTunnel' | 'disconnectMixTunnel' | 'getTunnelState' | 'mixFetch' | 'createMixFetch' | 'mixDNS' | 'proxy'>>;
type Without<M, K> = Omit<M, K & keyof M>;
export const all: [Without<Functions<typeof peerTunnel>, 'getTunnelState'>, Without<Functions<typeof peerFetch>, 'getTunnelState'>,
    Without<Functions<typeof peerDns>, 'getTunnelState'>, Without<Functions<typeof peerSocket>, 'getTunnelState'>] = [tunnel, fetch, dns, socket];

// A class with private members has no equal: its public part.
type Public<T> = { [K in keyof T]: T[K] };
export const one: Without<Public<peerSocket.MixWebSocket>, 'addEventListener' | 'removeEventListener'> = new socket.MixWebSocket('wss://x', ['a']);
export const ready: peerSocket.MixWebSocketReadyState = new socket.MixWebSocket('wss://x').readyState;

// Types that an application names: what it writes for the peer is right for ours, what ours gives is known to it.
export const options = (given: peerTunnel.SetupMixTunnelOpts): tunnel.SetupMixTunnelOpts => given;
// @ts-expect-error the peer's types are really there
export const wrong: peerTunnel.SetupMixTunnelOpts = { maxRedirects: 'five' };
export const names: peerTunnel.TunnelStateName extends tunnel.TunnelStateName ? tunnel.TunnelStateName extends peerTunnel.TunnelStateName ? true : never : never = true;
export const init = (given: tunnel.MixFetchResponseInit): peerTunnel.MixFetchResponseInit => given;
export const event = (given: peerTunnel.WsEventCallback): tunnel.WsEventCallback => given;
export const worker = (given: tunnel.IMixTunnelWorker): Without<peerTunnel.IMixTunnelWorker, 'getTunnelState'> => given;
export const told = (given: tunnel.TunnelState): string => given.state === 'failed' ? given.reason.kind : given.state;
export type Named = [tunnel.TaskName, tunnel.FailureReason, tunnel.TunnelConnecting, tunnel.TunnelReady, tunnel.TunnelShuttingDown, tunnel.TunnelShutdown, tunnel.TunnelFailed,
    tunnel.WsEventType, tunnel.LoadedEvent];
export const kinds: 'Loaded' extends \`\${tunnel.EventKinds}\` ? true : never = true;
`);
    compile(['peer.mts'], { skipLibCheck: true, module: 'esnext', moduleResolution: 'bundler' }); // under NodeNext the peer's own types are not found
});

/** By the compiler that builds the packages. */
function compile(include, options = {}) {
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: { strict: true, noEmit: true, module: 'nodenext', target: 'es2022', lib: ['es2022', 'dom', 'dom.iterable'],
        skipLibCheck: false, types: [], ...options }, include }));
    const result = spawnSync(process.execPath, [join(root, 'packages/node_modules/typescript/bin/tsc'), '-p', project], { encoding: 'utf8' });
    assert.equal(result.status, 0, result.stdout);
}

test('the examples for Node', async () => {
    for (const file of ['fetch.mjs', 'fetch.cjs']) {
        writeFileSync(join(project, file), readFileSync(join(root, 'examples/node', file)));
        assert.match(await node(file, `http://${NAME}/nothing`), /^404 Not Found\nnothing here/);
    }
});

site = await startSite();
mixnet = await startMixnet(['--resolve', `${NAME}=${ADDRESS}`, '--forward', `${ADDRESS}:80=127.0.0.1:${site.port}`]);
await run();
await mixnet.stop();
site.close();
rmSync(project, { recursive: true, force: true });
