// SPDX-License-Identifier: Apache-2.0
// A local mixnet whose nodes speak Noise with each other: `lwmix ping` through it, and its listeners against a second implementation of
// Noise XKpsk3, written here from the specification on Node's own cryptography. Closes with "noise: N passed, M failed".
import { createCipheriv, createDecipheriv, createHash, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { control, lwmix, startMixnet } from './mixnet.mjs';
import { makeReport, within } from './report.mjs';

const REGULAR = 2413; // bytes of a packet
const report = makeReport('noise');
const check = (what, holds, detail) => report.check(holds, what, detail);

// --- keys ---

const empty = Buffer.alloc(0);
const hkdf = (key, salt, info, length) => Buffer.from(hkdfSync('sha256', key, salt, info, length));
const sha = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const publicOf = (raw) => createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), raw]), format: 'der', type: 'spki' });
const rawOf = (key) => createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);

function base58(text) {
    const digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
    const number = [...text].reduce((n, c) => n * 58n + BigInt(digits.indexOf(c)), 0n);
    return Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
}

// --- Noise_XKpsk3_25519_AESGCM_SHA256, the side that connects (1-sphinx.md §2.3) ---

class Initiator {
    constructor(responder) {
        this.static = generateKeyPairSync('x25519').privateKey;
        this.ephemeral = generateKeyPairSync('x25519').privateKey;
        this.responder = responder;
        this.psk = sha(Buffer.from('NYMTECH_NOISE_dQw4w9WgXcQ'), responder);
        this.chain = Buffer.from('Noise_XKpsk3_25519_AESGCM_SHA256');
        this.hash = sha(sha(this.chain), responder);
    }

    mix(secret, keys) {
        const out = hkdf(secret, this.chain, '', 32 * keys);
        this.chain = out.subarray(0, 32);
        if (keys === 3) this.hash = sha(this.hash, out.subarray(32, 64));
        this.key = out.subarray(32 * (keys - 1));
        this.count = 0n;
    }

    agree(secret, point) {
        this.mix(diffieHellman({ privateKey: secret, publicKey: publicOf(point) }), 2);
    }

    nonce() {
        const nonce = Buffer.alloc(12);
        nonce.writeBigUInt64BE(this.count++, 4);
        return nonce;
    }

    seal(plain, bound = this.hash) {
        const cipher = createCipheriv('aes-256-gcm', this.key, this.nonce()).setAAD(bound);
        return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    }

    sealAndHash(plain) {
        const sealed = this.seal(plain);
        this.hash = sha(this.hash, sealed);
        return sealed;
    }

    /** e, es */
    first() {
        const e = rawOf(this.ephemeral);
        this.hash = sha(this.hash, e);
        this.mix(e, 2);
        this.agree(this.ephemeral, this.responder);
        return Buffer.concat([e, this.sealAndHash(empty)]);
    }

    /** Reads e, ee; writes s, se, psk. */
    second(message) {
        const e = message.subarray(0, 32);
        this.hash = sha(this.hash, e);
        this.mix(e, 2);
        this.agree(this.ephemeral, e);
        const open = createDecipheriv('aes-256-gcm', this.key, this.nonce()).setAAD(this.hash).setAuthTag(message.subarray(32));
        open.final(); // throws when it is wrong
        this.hash = sha(this.hash, message.subarray(32));
        const s = this.sealAndHash(rawOf(this.static));
        this.agree(this.static, e);
        this.mix(this.psk, 3);
        const third = Buffer.concat([s, this.sealAndHash(empty)]);
        this.key = hkdf(empty, this.chain, '', 64).subarray(0, 32); // of what we send from now on
        this.count = 0n;
        return third;
    }

    data(plain) {
        return this.seal(plain, empty);
    }
}

// --- connections ---

const message = (kind, body) => Buffer.concat([Buffer.from([1, 1, kind, body.length >> 8, body.length & 255, 0, 0, 0]), body]);
/** A frame as it should be around a packet that nobody can open, and then none: the listener counts the first and hangs up. */
const FRAMES = Buffer.concat([Buffer.from([7, 1, 0]), Buffer.alloc(REGULAR, 0x5a), Buffer.from([99, 99, 99])]);

/** A connection: next(n) gives so many bytes, ended resolves when the other side has hung up. */
async function dial(port) {
    const socket = net.connect(port, '127.0.0.1');
    let got = empty;
    let wake = () => {};
    socket.on('data', (chunk) => { got = Buffer.concat([got, chunk]); wake(); });
    socket.on('error', () => {}); // a reset is an end as well
    socket.ended = new Promise((resolve) => socket.on('close', () => resolve(got)));
    socket.next = async (n) => {
        while (got.length < n) await new Promise((resolve) => { wake = resolve; });
        const head = got.subarray(0, n);
        got = got.subarray(n);
        return head;
    };
    await within(new Promise((resolve) => socket.once('connect', resolve)), `a connection to ${port}`);
    return socket;
}

const figures = (mixnet) => control(mixnet.folder, { do: 'stats' });
const nodesOf = (mixnet) => JSON.parse(readFileSync(join(mixnet.folder, 'network.json'), 'utf8')).nodes;

async function keysOf(mixnet) {
    const answer = await fetch(`${mixnet.directory_http}v2/unstable/nym-nodes/semi-skimmed?page=0`);
    const { nodes } = await answer.json();
    return new Map(nodes.data.map((n) => [n.basic.mix_port, n.x25519_noise_versioned_key]));
}

/** How much the figures of a node and of all links grow while this happens. */
async function growth(mixnet, name, what) {
    const before = await figures(mixnet);
    await what();
    const after = await figures(mixnet);
    return {
        bad: after[name].dropped.bad - before[name].dropped.bad,
        streams: after.process.links_events.bad_streams - before.process.links_events.bad_streams,
        handshakes: after.process.links_events.handshakes - before.process.links_events.handshakes,
    };
}
const is = (got, bad, streams, handshakes) => got.bad === bad && got.streams === streams && got.handshakes === handshakes;

async function plain(port) {
    const socket = await dial(port);
    socket.write(FRAMES);
    await within(socket.ended, `the end of a plain connection to ${port}`);
}

async function secured(port, key, body = FRAMES) {
    const socket = await dial(port);
    const noise = new Initiator(key);
    socket.write(message(0, noise.first()));
    const head = await within(socket.next(56), `an answer from ${port}`);
    check('the answer is a handshake of 48 bytes', head.subarray(0, 8).equals(Buffer.from([1, 1, 0, 0, 48, 0, 0, 0])), head.toString('hex'));
    socket.write(message(0, noise.second(head.subarray(8))));
    socket.write(message(1, noise.data(body)));
    await within(socket.ended, `the end of a connection to ${port}`);
}

async function wrongKey(port) {
    const socket = await dial(port);
    socket.write(message(0, new Initiator(rawOf(generateKeyPairSync('x25519').privateKey)).first()));
    check('no answer to a handshake for another key', (await within(socket.ended, `the end of a connection to ${port}`)).length === 0);
}

/** Connects and says nothing, or half of it; the listener hangs up by itself. */
async function silent(port, bytes) {
    const socket = await dial(port);
    socket.write(bytes);
    await within(socket.ended, `the end of a silent connection to ${port}`);
}

async function ping(mixnet) {
    const { code, out } = await within(lwmix(['ping', '--network', mixnet.folder, '--count', '3', '--interval', '0', '--json']), 'ping');
    return code === 0 ? JSON.parse(out) : { code };
}

// --- the checks ---

async function speaksNoise(mixnet) {
    const answered = await ping(mixnet);
    check('pings pass', answered.received === 3, answered);
    const now = await figures(mixnet);
    for (const name of ['mix1', 'mix2', 'mix3', 'exit1']) check(`${name} got frames`, now[name].packets.received > 0, now[name].packets);
    const { bad_streams: bad, connect_failures: failures, connects, handshakes } = now.process.links_events;
    check('no link broke', bad === 0 && failures === 0 && now.process.links_dropped.broken === 0, now.process);
    check('each link made a handshake at both ends', connects >= 4 && handshakes === 2 * connects, now.process.links_events);

    const keys = await keysOf(mixnet);
    for (const { name, mix_port: port } of nodesOf(mixnet)) {
        const { supported_version: version, x25519_pubkey: key } = keys.get(port);
        check(`${name} has a key`, version === 1 && new Set([...keys.values()].map((k) => k.x25519_pubkey)).size === 5, [...keys]);
        let got = await growth(mixnet, name, () => secured(port, base58(key)));
        check(`${name} reads frames within Noise`, is(got, 1, 1, 1), got);
        got = await growth(mixnet, name, () => plain(port));
        check(`${name} refuses frames in the clear`, is(got, 0, 1, 0), got);
        got = await growth(mixnet, name, () => wrongKey(port));
        check(`${name} refuses a handshake with another`, is(got, 0, 1, 0), got);
    }
    const { mix_port: port } = nodesOf(mixnet)[0];
    const got = await growth(mixnet, 'mix1', () => Promise.all([silent(port, empty), silent(port, Buffer.from([1, 1, 0, 0, 48]))]));
    check('who does not finish a handshake is hung up on', is(got, 0, 2, 0), got);
}

async function speaksPlain(mixnet) {
    const [{ name, mix_port: port }] = nodesOf(mixnet);
    check('no keys', [...(await keysOf(mixnet)).values()].every((key) => key === null), [...await keysOf(mixnet)]);
    let got = await growth(mixnet, name, () => plain(port));
    check('frames in the clear are read', is(got, 1, 1, 0), got);
    got = await growth(mixnet, name, () => silent(port, message(0, Buffer.alloc(48))));
    check('Noise is refused', is(got, 0, 1, 0), got);
}

const state = mkdtempSync(join(tmpdir(), 'lwmix-noise-'));
await (await startMixnet(['--noise'], { state })).stop();
for (const [args, checks, options] of [[['--no-cover'], speaksNoise, { state }], [['--no-cover'], speaksPlain]]) { // the first folder remembers
    const mixnet = await startMixnet(args, options);
    try {
        await checks(mixnet);
    } catch (error) {
        check('no error', false, String(error.stack));
    } finally {
        const { code } = await mixnet.stop();
        check('it ends well', code === 0, code);
    }
}
rmSync(state, { recursive: true });
report.close();
