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

// mixnet_gateway: steps of four bytes (what, connection, client or detail, length / 16) and the bytes that belong to them.
const gateway = read('gateway');
const step = (what, conn, detail, bytes = '') => {
    const body = Buffer.from(bytes);
    const padded = Buffer.concat([body, Buffer.alloc((16 - (body.length % 16)) % 16, ' ')]);
    return Buffer.concat([Buffer.from([what, conn, detail, Math.min(padded.length / 16, 255)]), padded.subarray(0, 255 * 16)]);
};
const [OPEN, FEED, CLOSED, DRAIN, PASS, DELIVER, REGISTER, LOGIN, SEALED, FORGET, KICK, SAVE] = Array(12).keys();
const [TEXT, BINARY, PING, PONG, CLOSE] = Array(5).keys();
const claim = step(FEED, 0, TEXT, '{"type":"claimFreeTestnetBandwidth"}');
const joined = [step(OPEN, 0, 0), step(REGISTER, 0, 0), step(DRAIN, 0, 99)];
const packet = gateway.mix_packets.find((p) => p.bandwidth_cost === 386);
gateway.control_requests.forEach((r) => {
    seed('mixnet_gateway', `fresh-${r.name}`, step(OPEN, 0, 0), step(FEED, 0, TEXT, r.text), step(DRAIN, 0, 99));
    seed('mixnet_gateway', `active-${r.name}`, ...joined, step(FEED, 0, TEXT, r.text), step(DRAIN, 0, 99));
});
seed('mixnet_gateway', 'frames', ...[TEXT, BINARY, PING, PONG, CLOSE].flatMap((k) => [step(OPEN, k, 0), step(FEED, k, k, '1234')]));
seed('mixnet_gateway', 'packets', ...joined, claim, step(SEALED, 0, 3, hex(packet.v2_hex)), step(SEALED, 0, 0, hex(packet.v1_hex)), step(DRAIN, 0, 98));
seed('mixnet_gateway', 'sealed-request', ...joined, step(SEALED, 0, 6, '{"ForgetMe":{"client":true,"stats":false}}'), step(DRAIN, 0, 99));
seed('mixnet_gateway', 'stored', ...joined, step(CLOSED, 0, 0), step(DELIVER, 0, 0, 'one'), step(DELIVER, 0, 0, 'two'), step(PASS, 0, 20),
    step(OPEN, 1, 0), step(LOGIN, 1, 0), claim, step(DRAIN, 1, 1), step(DELIVER, 0, 0, 'three'), step(DRAIN, 1, 99));
seed('mixnet_gateway', 'twice', ...joined, step(PASS, 0, 20), step(OPEN, 1, 0), step(LOGIN, 1, 0), step(OPEN, 2, 0), step(LOGIN, 2, 0), step(PASS, 0, 20),
    step(DRAIN, 0, 99), step(DRAIN, 1, 99), step(DRAIN, 2, 99));
seed('mixnet_gateway', 'slow-reader', ...joined, ...Array(8).fill(step(DELIVER, 0, 0, 'x'.repeat(200))), step(DRAIN, 0, 99));
seed('mixnet_gateway', 'operator', ...joined, step(SAVE, 0, 0, 'mgwc'), step(FORGET, 1, 0), step(KICK, 1, 0), step(DRAIN, 0, 99), step(KICK, 0, 0));
