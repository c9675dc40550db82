// SPDX-License-Identifier: Apache-2.0
// The module's border: numbers that both sides know, input that is malformed, memory that grows, an instance that breaks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command, Kind, OK, OUT_SIZE } from '../src/abi.js';
import { Core, CoreBroken } from '../src/core.js';
import { ERROR_NUMBERS } from '../src/error-table.js';
import { fromWire, mixError, toWire } from '../src/errors.js';
import { Settings } from '../src/settings.js';
import { hostOf, MODULE, Scripted } from './scripted.js';

const { ARGUMENT, STATE } = ERROR_NUMBERS;
const start = (scripted = new Scripted()): Promise<Core> => Core.start(MODULE, hostOf(scripted));

test('the table of errors is the module\'s', async () => {
    const core = await start();
    const names = Object.entries(ERROR_NUMBERS);
    assert.ok(names.length > 150);
    for (const [name, number] of names) {
        assert.equal(core.errorName(number), `MIX_ERR_${name}`);
        assert.notEqual(core.errorText(number), 'unknown error');
    }
});

test('an error has the number that the table gives its code', () => {
    const lost = mixError('lost', { code: 'WEBSOCKET_LOST', phase: 'websocket' });
    assert.equal(lost.number, ERROR_NUMBERS.WEBSOCKET_LOST);
    assert.equal(fromWire(toWire(lost)).number, ERROR_NUMBERS.WEBSOCKET_LOST);
    assert.equal(mixError('an option', { code: 'OPTION', phase: 'options' }).number, 0);
});

test('exports are few, and all of them are called by core.ts', () => {
    const names = WebAssembly.Module.exports(MODULE).map(({ name }) => name).sort();
    assert.deepEqual(names, ['_initialize', 'memory', 'mix_command', 'mix_deadline', 'mix_error_name', 'mix_error_text', 'mix_input', 'mix_next',
        'mix_output', 'mix_setup']);
});

test('a result stands where abi.ts looks for it', async () => {
    const core = await start();
    for (const [name, number] of [['A', 1], ['mx', 15], ['AAAA', 28], ['HTTPS', 65], ['nothing', 0]] as const) {
        assert.equal(core.command(Command.RECORD_TYPE, 0, 0, name), OK);
        assert.equal(core.out().number, number);
    }
    assert.equal(OUT_SIZE % 8, 0);
});

test('commands that are unknown, need a tunnel, or have a zero in a text', async () => {
    const core = await start();
    assert.equal(core.command(9, 0, 0), ARGUMENT);
    assert.equal(core.command(-1, 0, 0), ARGUMENT);
    assert.equal(core.command(1_000_000, 0, 0), ARGUMENT);
    assert.equal(core.command(Command.FETCH, 0, -1, 'x'), STATE);
    assert.equal(core.command(Command.STOP), STATE);
    assert.equal(core.command(Command.RECORD_TYPE, 0, 0, 'A\0A'), ARGUMENT);
    assert.equal(core.next(false), Kind.NOTHING);
    assert.equal(core.deadline(), Infinity);
    assert.equal(core.command(Command.FREE), OK);
});

test('settings that are cut, unknown or too many are refused with words', async () => {
    const core = await start();
    const whole = new Settings().put('gateway', 'x').put('max_redirects', 3).bytes();
    const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
    for (const bytes of [whole.subarray(0, -1), whole.subarray(0, 4), encode('gateway\0'), encode('gateway\0x\0'), encode('gateway\0x\0\0more')]) {
        assert.equal(core.setup(bytes, undefined), ARGUMENT);
        assert.equal(core.text(core.out().words), 'the settings are malformed');
    }
    assert.equal(core.setup(new Settings().put('colour', 'red').bytes(), undefined), ARGUMENT);
    const many = new Settings();
    for (let i = 0; i < 9; i++) many.put('directory', `https://d${i}.example/`);
    assert.equal(core.setup(many.bytes(), undefined), ARGUMENT);
    assert.equal(core.text(core.out().words), 'a setting is unknown, or given too often');
});

test('a wrong option is named, and another try may follow', async () => {
    const core = await start();
    assert.equal(core.setup(new Settings().put('exit', 'nonsense').bytes(), undefined), ERROR_NUMBERS.RECIPIENT_TEXT);
    assert.equal(core.out().code, ERROR_NUMBERS.RECIPIENT_TEXT);
    assert.notEqual(core.text(core.out().words), '');
    assert.equal(core.setup(new Settings().bytes(), new Uint8Array([1, 2, 3])), ERROR_NUMBERS.IDENTITY_DAMAGED);
    assert.equal(core.setup(new Settings().bytes(), undefined), OK);
    assert.equal(core.setup(new Settings().bytes(), undefined), STATE);
    assert.equal(core.command(Command.FREE), OK);
});

test('an input larger than the memory there was', async () => {
    const core = await start();
    const before = core.memorySize;
    const huge = new Uint8Array(8 * 1024 * 1024).fill(120);
    assert.equal(core.command(Command.RECORD_TYPE, 0, 0, huge), OK);
    assert.equal(core.out().number, 0);
    assert.ok(core.memorySize > before);
    assert.equal(core.command(Command.RECORD_TYPE, 0, 0, 'TXT'), OK);
    assert.equal(core.out().number, 16);
});

test('what the memory cannot hold is an error of that call', async () => {
    const core = await start();
    const parts = Array.from({ length: 5 }, () => new Uint8Array(1024 * 1024 * 1024)); // never touched: no pages of it exist
    assert.equal(core.command(Command.RECORD_TYPE, 0, 0, ...parts.slice(0, 3), parts[3]!.subarray(1)), ERROR_NUMBERS.MEMORY);
    assert.equal(core.command(Command.RECORD_TYPE, 0, 0, 'A'), OK);
});

test('randomness is asked for in few pieces, and a host that has none is an error', async () => {
    const scripted = new Scripted();
    const asked: number[] = [];
    let none = true;
    scripted.random = (out) => {
        if (none) throw new Error('no randomness');
        asked.push(out.length);
        out.fill(asked.length);
    };
    const core = await start(scripted);
    assert.equal(core.setup(new Settings().bytes(), undefined), ERROR_NUMBERS.RANDOM);
    none = false;
    assert.equal(core.setup(new Settings().bytes(), undefined), OK);
    assert.equal(core.command(Command.START), OK);
    while (core.next(false) !== Kind.NOTHING) continue;
    assert.ok(asked.length > 0 && asked.length < 4, `${asked.join()}`);
    assert.equal(core.command(Command.FREE), OK);
});

test('after a trap the instance refuses everything', async () => {
    const scripted = new Scripted();
    const core = await start(scripted);
    scripted.trap = true;
    assert.throws(() => {
        core.setup(new Settings().bytes(), undefined);
        core.command(Command.START);
        core.next(false);
    }, CoreBroken);
    scripted.trap = false;
    assert.throws(() => core.command(Command.RECORD_TYPE, 0, 0, 'A'), CoreBroken);
});
