// SPDX-License-Identifier: Apache-2.0
// Writes the seeds of directory/'s fuzz targets from testdata/directory: directory-seeds.mjs
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const KINDS = { 'described.json': 1, 'rewarded-set.json': 2, 'key-rotation-info.json': 3 };
const folder = 'testdata/directory';
mkdirSync('testdata/fuzz/directory_wire', { recursive: true });
mkdirSync('testdata/fuzz/directory', { recursive: true });

for (const name of ['min/entry-gateways.json', 'min/mixnodes-active.json', 'entry-gateways.branches.json', 'min/described.json',
    'min/rewarded-set.json', 'min/key-rotation-info.json']) {
    const answer = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
    const list = answer.nodes?.data ?? answer.data;
    if (list) list.splice(0, list.length - 1); // one node is enough, and small
    const kind = KINDS[name.split('/').at(-1)] ?? 0;
    const seed = Buffer.concat([Buffer.from([kind, 40]), Buffer.from(JSON.stringify(answer))]);
    writeFileSync(`testdata/fuzz/directory_wire/${name.replace('/', '-').replace('.json', '')}`, seed);
}
for (const { of, hex } of JSON.parse(readFileSync(`${folder}/bincode.json`, 'utf8'))) {
    const seed = Buffer.concat([Buffer.from([4, 40]), Buffer.from(hex, 'hex')]);
    writeFileSync(`testdata/fuzz/directory_wire/bincode-${of.replace('.json', '')}`, seed);
}

// The engine's script: see step() in src/directory/directory_fuzz.c.
const well = (kind) => [0, kind, 0];
const scripts = {
    good_start: [0, ...[0, 1, 2, 3, 4].flatMap(well), 6, 1],
    refresh: [0, ...[0, 1, 2].flatMap(well), 5, 0x42, 0x68, ...[0, 1, 2].flatMap(well), 6, 2],
    two_urls: [1, 4, 0, 4, 1, ...[0, 1, 2].flatMap(well), 7, ...well(4)],
    damaged: [0, 0, 1, 2, 0, 99, 0x22, 1, 0, 0x31, ...well(0)],
    pieces: [0, 2, 4, 0, 5, 0x7b, 0x22, 0x64, 0x61, 0x74, 2, 4, 8, 3, 0x61, 0x22, 0x3a],
    silence: [0, 5, 6, 0, 5, 6, 0, 5, 6, 0, 5, 6, 0, 5, 0xff, 0xff, 5, 0xff, 0xff, 5, 0xff, 0xff],
};
for (const [name, bytes] of Object.entries(scripts)) writeFileSync(`testdata/fuzz/directory/${name}`, Buffer.from(bytes));
