// SPDX-License-Identifier: Apache-2.0
// The tunnel's life in the worker, with a host that answers as the test says, in virtual time.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { Command } from '../src/abi.js';
import { Core } from '../src/core.js';
import { Engine } from '../src/engine.js';
import { MixError, MixTunnelError } from '../src/errors.js';
import { mixDNS, mixFetch } from '../src/compat.js';
import type { SetupMixTunnelOpts, TunnelEvent } from '../src/types.js';
import { hostOf, MODULE, Scripted } from './scripted.js';

interface World { scripted: Scripted; engine: Engine; events: TunnelEvent[]; states(): string[]; pass(ms: number): void }

function world(t: TestContext): World {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const scripted = new Scripted();
    const events: TunnelEvent[] = [];
    const engine = new Engine(MODULE, hostOf(scripted), (event) => events.push(event));
    return {
        scripted, engine, events,
        states: () => events.flatMap((event) => (event.kind === 'state' ? [event.state.state + ('phase' in event.state ? ` ${event.state.phase}` : '')] : [])),
        pass(ms) {
            scripted.clock += ms;
            t.mock.timers.tick(ms);
        },
    };
}

const has = (code: string, phase: string) => (error: unknown): boolean => {
    assert.ok(error instanceof MixError, String(error));
    assert.deepEqual([error.code, error.phase], [code, phase], error.message);
    return true;
};
const stateOf = ({ engine }: World): string => engine.state.state;
const settled = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: unknown) => error);
const DIRECTORIES = ['https://one.example/api/', 'https://two.example/api/'];

test('directories are asked in turn; when none answers, setup fails at that, and leaves nothing', async (t) => {
    const w = world(t);
    const setup = settled(w.engine.setup({ directories: DIRECTORIES }));
    await w.scripted.asked(5);
    assert.ok(w.scripted.gets.every(({ url }) => url.startsWith(DIRECTORIES[0]!)));
    assert.ok(w.scripted.gets.every(({ accept }) => accept !== ''));
    let told = 0;
    let over = false;
    void setup.then(() => { over = true; });
    for (let i = 0; i < 400 && !over; i++) {
        while (told < w.scripted.gets.length) w.scripted.gets[told++]!.answer.failed('no way there');
        w.pass(250);
        await new Promise((resolve) => setImmediate(resolve));
    }
    const error = await setup;
    assert.ok(error instanceof MixTunnelError);
    has('DIRECTORY_UNREACHABLE', 'directory')(error);
    assert.match(error.message, /no way there/);
    assert.ok(w.scripted.gets.some(({ url }) => url.startsWith(DIRECTORIES[1]!)));
    assert.deepEqual(w.states(), ['connecting directory', 'failed']);
    assert.equal(w.scripted.openStorages, 0);
    assert.equal(w.engine.state.state, 'failed');
});

test('preparing asks the host for nothing, and setup goes on from there, also when it comes in the middle', async (t) => {
    const commands = t.mock.method(Core.prototype, 'command');
    const rehearsals = (): number => commands.mock.calls.filter((call) => call.arguments[0] === Command.REHEARSE).length;
    for (const rehearsed of [undefined, 0, 1, 3, 30]) {
        const w = world(t);
        commands.mock.resetCalls();
        const prepared = w.engine.prepare();
        if (rehearsed !== undefined) {
            await prepared;
            w.engine.rehearse();
            for (let i = 0; i < rehearsed; i++) w.pass(1);
        }
        assert.deepEqual([w.scripted.gets.length, w.scripted.openStorages, w.events.length], [0, 0, 0]);
        const setup = settled(w.engine.setup({ directories: [DIRECTORIES[0]!], ephemeral: true }));
        await w.scripted.asked(5);
        await prepared;
        const before = rehearsals();
        assert.equal(before, rehearsed === undefined ? 0 : Math.min(rehearsed + 1, 8));
        w.pass(1);
        assert.equal(rehearsals(), Math.min(before + 1, 8)); // it goes on while the directory is waited for,
        w.scripted.gets[0]!.answer.head(200, 'application/json');
        w.pass(1);
        assert.equal(rehearsals(), Math.min(before + 1, 8)); // and no longer
        assert.equal(stateOf(w), 'connecting');
        await w.engine.disconnect();
        has('SHUT_DOWN', 'tunnel')(await setup);
        t.mock.timers.reset();
    }
});

test('a directory that answers nonsense', async (t) => {
    const w = world(t);
    const setup = settled(w.engine.setup({ directories: [DIRECTORIES[0]!], ephemeral: true }));
    await w.scripted.asked(1);
    let told = 0;
    let over = false;
    void setup.then(() => { over = true; });
    for (let i = 0; i < 400 && !over; i++) {
        while (told < w.scripted.gets.length) {
            const { answer } = w.scripted.gets[told++]!;
            answer.head(200, 'application/json');
            answer.piece(new TextEncoder().encode('{"nodes": [}'));
            answer.end();
        }
        w.pass(250);
        await new Promise((resolve) => setImmediate(resolve));
    }
    has('DIRECTORY_MALFORMED', 'directory')(await setup);
});

test('setup that nobody answers ends at its time', async (t) => {
    const w = world(t);
    const setup = settled(w.engine.setup({ directories: [DIRECTORIES[0]!], setupTimeoutMs: 5000 }));
    await w.scripted.asked(5);
    w.pass(4999);
    assert.equal(w.engine.state.state, 'connecting');
    w.pass(2);
    assert.ok(await setup instanceof MixTunnelError);
    assert.equal(w.engine.state.state, 'failed');
    assert.ok(w.scripted.gets.every(({ cancelled }) => cancelled));
});

test('a second setup is refused in the peer\'s words', async (t) => {
    const w = world(t);
    const first = settled(w.engine.setup({ directories: DIRECTORIES }));
    await assert.rejects(w.engine.setup({}), (error: unknown) => has('ALREADY_SET_UP', 'tunnel')(error)
        && (error as Error).message === 'tunnel error: tunnel already initialised; setupMixTunnel can only be called once per WASM module instance');
    await w.engine.disconnect();
    has('SHUT_DOWN', 'tunnel')(await first);
});

test('disconnect: before setup, at each moment of it, twice; then setup begins again', async (t) => {
    const w = world(t);
    await w.engine.disconnect();
    assert.equal(w.engine.state.state, 'connecting');
    for (const wait of [0, 1, 2, 5]) {
        const asked = w.scripted.gets.length;
        const setup = settled(w.engine.setup({ directories: DIRECTORIES }));
        for (let i = 0; i < wait; i++) await Promise.resolve();
        if (wait === 5) await w.scripted.asked(asked + 1);
        const both = Promise.all([w.engine.disconnect(), w.engine.disconnect()]);
        for (let i = 0; i < 10 && stateOf(w) !== 'shutdown'; i++) w.pass(100);
        await both;
        has('SHUT_DOWN', 'tunnel')(await setup);
        assert.equal(w.engine.state.state, 'shutdown');
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(w.scripted.openStorages, 0);
        assert.ok(w.scripted.gets.every(({ cancelled }) => cancelled));
    }
});

test('storage that cannot be opened', async (t) => {
    const w = world(t);
    w.scripted.storageError = new Error('there is no IndexedDB');
    await assert.rejects(w.engine.setup({}), (error: unknown) => has('STORAGE', 'storage')(error) && /storage error: there is no IndexedDB/.test((error as Error).message));
    w.scripted.storageError = undefined;
    const setup = settled(w.engine.setup({ directories: DIRECTORIES }));
    await w.scripted.asked(1);
    await w.engine.disconnect();
    await setup;
});

test('storage that cannot be read is closed again', async (t) => {
    const w = world(t);
    w.scripted.readError = new Error('the disk is broken');
    await assert.rejects(w.engine.setup({}), (error: unknown) => has('STORAGE', 'storage')(error) && /the disk is broken/.test((error as Error).message));
    assert.equal(w.scripted.openStorages, 0);
});

test('a stored identity that is damaged, and wrong options', async (t) => {
    const w = world(t);
    w.scripted.stored.set('identity', new Uint8Array([9, 9, 9]));
    await assert.rejects(w.engine.setup({}), has('IDENTITY_DAMAGED', 'storage'));
    assert.equal(w.scripted.openStorages, 0);
    w.scripted.stored.clear();
    await assert.rejects(w.engine.setup({ preferredGateway: 'not base58 0OIl' }), (error: unknown) => has('BASE58_CHAR', 'options')(error));
    await assert.rejects(w.engine.setup({ trustedRoots: 'no certificate' }), (error: unknown) => (error as MixError).phase === 'options');
});

/** Answers all requests with the vectors' files until nothing more is asked for. */
async function answerAll({ scripted }: World): Promise<void> {
    const files: Array<[string, string]> = [['rewarded-set', 'rewarded-set'], ['mixnodes/active', 'mixnodes-active'], ['entry-gateways', 'entry-gateways'],
        ['key-rotation-info', 'key-rotation-info'], ['described', 'described']];
    for (const { url, answer } of scripted.gets.splice(0)) {
        const name = files.find(([part]) => url.includes(part))?.[1];
        answer.head(200, 'application/json');
        answer.piece(readFileSync(new URL(`../../../testdata/directory/min/${name}.json`, import.meta.url)));
        answer.end();
    }
    await new Promise((resolve) => setImmediate(resolve));
}

/** A client that is registered nowhere: src/gateway/identity.c. */
const IDENTITY = Buffer.concat([Buffer.from('lwmix-id\x01\0'), Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(16, 3), Buffer.alloc(1),
    Buffer.from('e7ecfec2832c9c74e4544c5f50207a910fb0ca44601476a736f0efaf207af250', 'hex')]);

test('what the directory said is stored beside the identity; the next setup reads both at once and asks for nothing', async (t) => {
    const w = world(t);
    const connect = async (options: SetupMixTunnelOpts): Promise<number> => {
        const links = w.scripted.links.length;
        const setup = settled(w.engine.setup({ directories: [DIRECTORIES[0]!], ...options }));
        for (let i = 0; i < 20 && w.scripted.gets.length === 0 && w.scripted.links.length === links; i++) await new Promise((resolve) => setImmediate(resolve));
        const asked = w.scripted.gets.length;
        await answerAll(w);
        assert.equal(w.scripted.links.length, links + 1);
        await w.engine.disconnect();
        await setup;
        return asked;
    };
    assert.equal(await connect({ ephemeral: true }), 5);
    assert.deepEqual([[...w.scripted.stored.keys()], w.scripted.reads], [[], []]);
    w.scripted.stored.set('identity', new Uint8Array(IDENTITY));
    assert.equal(await connect({}), 5);
    const directory = w.scripted.stored.get('directory')?.slice();
    assert.ok(directory);
    assert.equal(await connect({}), 0);
    assert.deepEqual(w.scripted.reads, [['identity', 'directory'], ['identity', 'directory']]);
    assert.deepEqual(w.scripted.stored.get('directory'), directory);
    assert.equal(await connect({ directories: [DIRECTORIES[1]!] }), 5);
    w.scripted.stored.set('directory', new Uint8Array([9, 9, 9]));
    assert.equal(await connect({}), 5);
    w.pass(300_000);
    assert.equal(await connect({}), 5);
    assert.equal(await connect({}), 0);
});

test('a module that breaks down fails the tunnel, and the next setup has another', async (t) => {
    const w = world(t);
    w.scripted.trap = true;
    has('WORKER_LOST', 'tunnel')(await settled(w.engine.setup({ directories: DIRECTORIES })));
    assert.deepEqual(w.engine.state.state === 'failed' && w.engine.state.reason.kind, 'task_panicked');
    w.scripted.trap = false;
    const asked = w.scripted.gets.length;
    const again = settled(w.engine.setup({ directories: DIRECTORIES }));
    await w.scripted.asked(asked + 5);
    assert.equal(w.engine.state.state, 'connecting');
    await w.engine.disconnect();
    has('SHUT_DOWN', 'tunnel')(await again);
});

test('what is asked before and after there is a tunnel', async (t) => {
    const w = world(t);
    await assert.rejects(mixFetch(w.engine, 'http://x.example/', {}), (error: unknown) => has('STATE', 'tunnel')(error) && (error as Error).message === 'tunnel not connected');
    await assert.rejects(mixDNS(w.engine, 'x.example'), { message: 'tunnel not connected' });
    const setup = settled(w.engine.setup({ directories: DIRECTORIES }));
    await w.scripted.asked(1);
    await w.engine.disconnect();
    await setup;
    await assert.rejects(mixFetch(w.engine, 'http://x.example/', {}), { message: 'tunnel error: tunnel not ready: Shutdown', code: 'SHUT_DOWN' });
});
