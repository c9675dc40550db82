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

// The value that is stored after the answers of min/: src/directory/wire_stored.h. The digest of the URLs is the fuzz target's to write.
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const key = (base58) => Buffer.from([...base58].reduce((n, c) => n * 58n + BigInt(ALPHABET.indexOf(c)), 0n).toString(16).padStart(64, '0'), 'hex');
const number = (bytes) => (value) => Buffer.from(BigInt(value).toString(16).padStart(2 * bytes, '0'), 'hex');
const [u8, u16, u32, u64] = [1, 2, 4, 8].map(number);
const text = (value = '') => Buffer.concat([u8(value.length), Buffer.from(value)]);
const min = (name) => JSON.parse(readFileSync(`${folder}/min/${name}.json`, 'utf8'));
const microseconds = (time) => BigInt(Date.parse(time.replace(' +00:00:00', 'Z').replace(' ', 'T'))) * 1000n;
const list = ({ nodes: { data } }, put) => Buffer.concat([u32(data.length), ...data.map(put)]);
const ip = (address) => Buffer.concat([u8(4), Buffer.from(address.split('.').map(Number))]);
const node = (n) => Buffer.concat([u32(n.node_id), key(n.ed25519_identity_pubkey), key(n.x25519_sphinx_pubkey), u8(Number(n.performance) * 100),
    u8((n.supported_roles?.exit_ipr ? 1 : 0) + (n.entry ? 2 : 0) + (n.entry?.wss_port ? 4 : 0)), u16(n.mix_port), u16(n.entry?.ws_port ?? 0),
    u16(n.entry?.wss_port ?? 0), u8(n.ip_addresses.length), ...n.ip_addresses.map(ip), text(n.entry?.hostname)]);
const [rewarded, mixnodes, gateways, info] = ['rewarded-set', 'mixnodes-active', 'entry-gateways', 'key-rotation-info'].map(min);
const routers = min('described').data.map(({ description: d }) => [d.ip_packet_router?.address, d.build_information.build_version]).filter(([address]) => address);
const fetched = u64(microseconds('2026-11-22T20:01:00Z'));
mkdirSync('testdata/fuzz/directory_stored', { recursive: true });
writeFileSync('testdata/fuzz/directory_stored/min', Buffer.concat([
    u8(1), fetched, fetched, Buffer.alloc(32), u32(mixnodes.metadata.absolute_epoch_id), u32(mixnodes.metadata.rotation_id),
    u64(microseconds(mixnodes.metadata.refreshed_at)), u32(info.key_rotation_state.validity_epochs), u32(info.key_rotation_state.initial_epoch_id),
    u32(info.current_absolute_epoch_id), u64(microseconds(info.current_epoch_start)), u64(info.epoch_duration.secs * 1e6),
    ...['layer1', 'layer2', 'layer3', 'entry_gateways', 'exit_gateways', 'standby'].flatMap((set) => [u32(rewarded[set].length), ...rewarded[set].map(u32)]),
    list(mixnodes, node), list(gateways, node),
    u32(routers.length), ...routers.flatMap(([address, release]) => [...address.split(/[.@]/).map(key), u8(9), text(release)]),
]));
