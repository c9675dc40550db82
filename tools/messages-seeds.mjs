// SPDX-License-Identifier: Apache-2.0
// Writes the seeds of the fuzz targets messages_nym, messages_reassembly and messages_engine: the first from testdata/messages.json,
// the others as scripts (the steps are explained in src/messages/*_fuzz.c).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const vectors = JSON.parse(readFileSync('testdata/messages.json', 'utf8'));
const hex = (s) => Buffer.from(s, 'hex');
const seed = (target, name, ...parts) => {
    mkdirSync(`testdata/fuzz/${target}`, { recursive: true });
    const bytes = parts.map((p) => (Buffer.isBuffer(p) ? p : Buffer.from(p)));
    writeFileSync(`testdata/fuzz/${target}/${name.replace(/[^A-Za-z0-9._-]+/g, '-')}`, Buffer.concat(bytes));
};

for (const m of vectors.nym_messages) if (m.bytes.length < 4000) seed('messages_nym', m.name, hex(m.bytes));
for (const m of vectors.nym_messages_rejected) seed('messages_nym', `rejected ${m.why}`, hex(m.bytes));

// messages_reassembly: a fragment as it is, or steps. A run: op < 0xc0, flags, sets, total, current, more.
for (const f of vectors.fragments_rejected) seed('messages_reassembly', `rejected ${f.why}`, hex(f.bytes));
for (const c of vectors.fragmentation.filter((c) => c.space < 40 && c.fragments_count < 10)) {
    seed('messages_reassembly', `fragment of ${c.message_pattern_len}`, hex(c.fragments[0]));
}
const run = (flags, set, link, total, current, count) => [0, flags, (set - 1) | ((link - 1) << 4), total, current, count - 1];
const tick = (n) => [0xe0 | n];
seed('messages_reassembly', 'one set', run(4, 1, 1, 3, 1, 3), run(4, 1, 1, 3, 1, 3));
seed('messages_reassembly', 'two linked sets', run(0x21, 1, 2, 255, 1, 255), run(0x11, 2, 1, 5, 1, 5));
seed('messages_reassembly', 'three linked sets backwards', run(0x11, 3, 2, 5, 1, 5), run(0x31, 2, 3, 255, 255, 1),
    run(0x11, 2, 1, 255, 1, 254), run(0x21, 1, 2, 255, 1, 255));
seed('messages_reassembly', 'ring', run(0x31, 1, 2, 255, 1, 255), run(0x31, 2, 1, 255, 1, 255));
seed('messages_reassembly', 'contradiction and age', run(4, 1, 1, 3, 1, 1), run(4, 1, 1, 4, 4, 1), tick(31), run(4, 1, 1, 3, 2, 2));

// messages_engine: op (bit 7: from the client; lane in bits 4-6), argument, and what the step reads.
const CLIENT = 0x80;
const u16 = (n) => [n >> 8, n & 255];
const write = (from, type, length, surbs) => [from, 0, type, ...u16(length), ...(type === 1 ? [surbs] : []), 0];
const LANE = { general: [0x00, 0x90], requests: [0x10, 0xa0], surbs: [0x20, 0x80] };
const move = (from, lane, fates) => [LANE[lane][from ? 1 : 0] | 2, (fates.length - 1) * 8, ...fates];
const ok = (n) => Array(n).fill(2);
const fetch = (from) => [from | 6, 0];
const wait = (arg) => [5, arg];
const hello = [write(CLIENT, 1, 100, 20), move(CLIENT, 'general', ok(8)), fetch(CLIENT)].flat();
seed('messages_engine', 'plain both ways', write(CLIENT, 0, 5000), write(0, 0, 10), move(CLIENT, 'general', ok(5)),
    move(0, 'general', ok(2)), fetch(CLIENT), fetch(0));
seed('messages_engine', 'reply', hello, write(0, 2, 3000), move(0, 'general', ok(3)), fetch(0));
seed('messages_engine', 'long reply with requests', hello, write(0, 2, 19000), ...Array(4).fill([move(0, 'general', ok(12)),
    move(0, 'requests', ok(2)), fetch(0), move(CLIENT, 'surbs', ok(20)), fetch(CLIENT)].flat()));
seed('messages_engine', 'lost, repeated, damaged', hello, write(0, 2, 3000), move(0, 'general', [0]), [9, 0], move(0, 'general', [1, 6]),
    [9, 0], move(0, 'general', ok(3)), fetch(0));
seed('messages_engine', 'no answer to requests', write(CLIENT, 1, 10, 10), move(CLIENT, 'general', ok(4)), fetch(CLIENT),
    write(0, 2, 100), ...Array(12).fill([move(0, 'requests', [0]), wait(60)].flat()), fetch(CLIENT));
seed('messages_engine', 'rotation', write(CLIENT, 1, 10, 25), move(CLIENT, 'general', ok(2)), [13, 0], wait(10),
    move(CLIENT, 'general', ok(8)), fetch(CLIENT), write(0, 2, 500), [13, 0], wait(10), move(0, 'requests', ok(1)),
    move(0, 'general', ok(1)), move(CLIENT, 'surbs', ok(12)), fetch(0));
seed('messages_engine', 'gifts, cancel, forget', [CLIENT | 10, 10], move(CLIENT, 'surbs', ok(3)), fetch(CLIENT), write(CLIENT, 0, 9000),
    move(CLIENT, 'general', ok(2)), [CLIENT | 11, 0], write(0, 2, 100), [12, 0], move(0, 'general', ok(1)));
for (const m of vectors.nym_messages.filter((m) => m.bytes.length < 500)) {
    seed('messages_engine', `forged ${m.name}`, hello, [8, 0, m.bytes.length / 2], hex(m.bytes), [7], fetch(0));
}
