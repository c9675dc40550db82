// SPDX-License-Identifier: Apache-2.0
// Runs in the page: what is timed. Whose packages the four names are is said by the import map.
import * as tunnel from 'mix-tunnel';
import { mixFetch } from 'mix-fetch';
import { mixDNS } from 'mix-dns';
import { MixWebSocket } from 'mix-websocket';

/** Milliseconds of an async function. */
async function timed(act) {
    const started = performance.now();
    await act();
    return performance.now() - started;
}

async function hash(bytes) {
    return [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((b) => b.toString(16).padStart(2, '0')).join('');
}

async function get(url, length) {
    const response = await mixFetch(url);
    const body = await response.arrayBuffer();
    if (response.status !== 200 || body.byteLength !== length) throw new Error(`${url}: status ${response.status}, ${body.byteLength} bytes`);
    return body;
}

const KB = 1000;
const small = (name) => get(`http://${name}/bytes?n=${KB}`, KB);

/** Milliseconds from the page's start to a worker that can be called. */
export const ready = tunnel.getMixTunnel().then(() => performance.now());

/** Each step's answer: milliseconds, or a list of them. */
export const steps = {
    load: () => ready,
    setup: (options) => timed(() => tunnel.setupMixTunnel(options)),
    fetch: ({ name }) => timed(() => small(name)),
    async sequence({ name, count }) {
        const times = [];
        for (let i = 0; i < count; i++) times.push(await timed(() => small(name)));
        return times;
    },
    parallel: ({ name, count }) => timed(() => Promise.all(Array.from({ length: count }, () => small(name)))),
    async dns({ names, address }) {
        const times = [];
        for (const name of names) {
            times.push(await timed(async () => {
                const got = await mixDNS(name);
                if (got !== address) throw new Error(`${name} is ${got}`);
            }));
        }
        return times;
    },
    async down({ name, length, sha256 }) {
        let body;
        const time = await timed(async () => { body = await get(`http://${name}/bytes?n=${length}`, length); });
        const got = await hash(body);
        if (got !== sha256) throw new Error(`a download of ${length} bytes came damaged`);
        return time;
    },
    async up({ name, length }) {
        const body = new Uint8Array(length);
        for (let i = 0; i < length; i += 65536) crypto.getRandomValues(body.subarray(i, i + 65536));
        const sha256 = await hash(body);
        return timed(async () => {
            const response = await mixFetch(`http://${name}/upload`, { method: 'POST', body, headers: { 'Content-Type': 'application/octet-stream' } });
            const text = await response.text();
            if (text !== `${length} ${sha256}`) throw new Error(`an upload of ${length} bytes arrived as ${response.status} ${text}`);
        });
    },
    async echo({ name, count }) {
        const socket = new MixWebSocket(`ws://${name}/`);
        await socket.opened();
        const times = [];
        for (let i = 0; i < count; i++) {
            times.push(await timed(async () => {
                const answer = new Promise((resolve, reject) => {
                    socket.addEventListener('message', ({ data }) => resolve(data), { once: true });
                    socket.addEventListener('close', () => reject(new Error('the WebSocket was closed')), { once: true });
                });
                await socket.send(`echo ${i}`);
                const got = await answer;
                if (got !== `echo ${i}`) throw new Error(`an echo came as '${got}'`);
            }));
        }
        await socket.close();
        return times;
    },
    stats: async () => (tunnel.getTunnelStats ? tunnel.getTunnelStats() : undefined),
};

globalThis.bench = steps;
