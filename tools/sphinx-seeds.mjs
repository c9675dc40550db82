// SPDX-License-Identifier: Apache-2.0
// Writes the seeds of the fuzz targets sphinx_process, surb, framing and address from testdata/sphinx.json.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const vectors = JSON.parse(readFileSync('testdata/sphinx.json', 'utf8'));
const hex = (s) => Buffer.from(s, 'hex');
const seed = (target, name, ...parts) => {
    mkdirSync(`testdata/fuzz/${target}`, { recursive: true });
    writeFileSync(`testdata/fuzz/${target}/${name.replace(/[^A-Za-z0-9._-]+/g, '-')}`, Buffer.concat(parts));
};

// Secret of a hop, and the packet as that hop gets it.
for (const p of vectors.packets) {
    if (p.payload_size > 200) continue;
    const last = p.hops.length - 1;
    seed('sphinx_process', `${p.name}-first`, hex(p.route[0].secret), hex(p.packet));
    if (last > 0) seed('sphinx_process', `${p.name}-last`, hex(p.route[last].secret), hex(p.hops[last - 1].next_packet));
}

for (const s of vectors.surbs) seed('surb', s.name, hex(s.surb));
const single = vectors.single_seed_surb;
seed('surb', 'single-seed', hex(single.surb));
const seeds = hex(single.recovery).subarray(16);
seed('surb', 'recovery', Buffer.from([seeds.length]), seeds, hex(single.sealed_payload_at_final_hop));

const { framing, mix_packet: mix, ack } = vectors;
framing.full_ack_frames.forEach((f, i) => seed('framing', `full-ack-${i}`, hex(f.frame)));
seed('framing', 'two-frames', ...framing.full_ack_frames.map((f) => hex(f.frame)));
for (const r of framing.rejected_headers) seed('framing', `rejected-${r.bytes}`, hex(r.bytes));
for (const c of mix.cases.filter((c) => c.key_rotation === 1)) {
    const family = c.next_hop.startsWith('[') ? 'v6' : 'v4';
    seed('framing', `mix-packet-v1-${family}`, hex(c.v1_prefix), hex(mix.packet));
    seed('framing', `mix-packet-v2-${family}`, hex(c.v2_prefix), hex(mix.packet));
}
seed('framing', 'surb-ack', hex(ack.surb_ack), Buffer.from('message'));

vectors.addresses.valid.forEach((a, i) => {
    seed('address', `compact-${i}`, hex(a.compact));
    seed('address', `padded-${i}`, hex(a.padded32));
    seed('address', `text-${i}`, Buffer.from(a.socket_address));
});
for (const a of vectors.addresses.rejected) if (a.bytes) seed('address', `rejected-${a.bytes.slice(0, 16)}-${a.bytes.length / 2}`, hex(a.bytes));
