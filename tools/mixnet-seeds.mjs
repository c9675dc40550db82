// SPDX-License-Identifier: Apache-2.0
// Writes the seeds of the fuzz targets link and mixnet_gateway from testdata/sphinx.json and testdata/gateway.json.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const read = (name) => JSON.parse(readFileSync(`testdata/${name}.json`, 'utf8'));
const hex = (s) => Buffer.from(s, 'hex');
const seed = (target, name, ...parts) => {
    mkdirSync(`testdata/fuzz/${target}`, { recursive: true });
    writeFileSync(`testdata/fuzz/${target}/${name.replace(/[^A-Za-z0-9._-]+/g, '-')}`, Buffer.concat(parts));
};

// link: where to cut (two bytes), then the stream.
const { framing, noise } = read('sphinx');
const cut = (n) => Buffer.from([n >> 8, n & 255]);
framing.full_ack_frames.forEach((f, i) => seed('link', `ack-frame-${i}`, cut(5), hex(f.frame)));
seed('link', 'two-frames', cut(391), ...framing.full_ack_frames.slice(0, 2).map((f) => hex(f.frame)));
seed('link', 'rejected', cut(1), hex(framing.rejected_headers[0].bytes));
noise.handshake_frames.forEach((f, i) => seed('link', `noise-handshake-${i}`, cut(8), hex(f)));
seed('link', 'noise-all', cut(60), ...noise.handshake_frames.map(hex), hex(noise.data_frames[0].frame));
