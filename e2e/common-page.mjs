// SPDX-License-Identifier: Apache-2.0
// Runs in a page or in Node: what an application does with the packages of the peer, and with ours in their place. Served as it is; what the
// names in the imports lead to is said by the import map (in Node: by the caller).

/** Each check gives [name, value]; the values do not depend on whose packages these are. */
export async function common({ tunnel, fetch, dns, websocket }, { name, address, sizes, hash, options = {} }) {
    const results = [];
    const note = (what, value) => results.push([what, value]);
    const attempt = (promise) => promise.then(() => 'resolved', (error) => error instanceof Error || error instanceof DOMException ? 'rejected with an Error' : 'rejected');
    const site = `http://${name}`;

    // The same functions, by whichever package they are imported.
    note('controls', [fetch, dns, websocket].every((one) => one.setupMixTunnel === tunnel.setupMixTunnel
        && one.disconnectMixTunnel === tunnel.disconnectMixTunnel && one.getTunnelState === tunnel.getTunnelState));
    note('names', [tunnel.proxy, tunnel.getMixTunnel, fetch.mixFetch, fetch.createMixFetch, dns.mixDNS, websocket.MixWebSocket].every((one) => typeof one === 'function'));
    note('EventKinds', tunnel.EventKinds.Loaded);
    note('state before', (await tunnel.getTunnelState()).state);
    note('fetch before setup', await attempt(fetch.mixFetch(`${site}/bytes?n=1`)));
    note('disconnect before setup', await attempt(tunnel.disconnectMixTunnel()));
    note('bad exit', await attempt(tunnel.setupMixTunnel({ preferredIpr: 'nonsense' })));
    note('bad name server', await attempt(tunnel.setupMixTunnel({ primaryDns: '1.1.1.1' })));

    note('createMixFetch', await fetch.createMixFetch({ clientId: 'common', debug: false, maxRedirects: 3, primaryDns: '8.8.8.8:53', forceTls: true,
        disablePoissonTraffic: false, disableCoverTraffic: false, openReplySurbs: 10, dataReplySurbs: 2, tcpBufferSize: 65535, tcpKeepaliveMs: 10000,
        connectTimeoutMs: 60000, dnsTimeoutMs: 30000, storagePassphrase: undefined, unknownOption: 1, ...options }) === fetch.mixFetch);
    note('state', JSON.stringify(await tunnel.getTunnelState()));
    note('second setup', await attempt(tunnel.setupMixTunnel({})));

    for (const size of sizes) {
        const response = await fetch.mixFetch(`${site}/bytes?n=${size}`);
        note(`download ${size}`, `${response.status} ${response.ok} ${await hash(await response.arrayBuffer())}`);
    }
    for (const [kind, body] of [['string', 'tëxt'], ['bytes', new Uint8Array([1, 2, 250])], ['buffer', new Uint8Array([9, 8]).buffer]]) {
        const response = await fetch.mixFetch(`${site}/echo`, { method: 'POST', body, headers: { 'Content-Type': 'application/x-thing' } });
        const bytes = new Uint8Array(await response.arrayBuffer());
        note(`post ${kind}`, [response.headers.get('x-method'), response.headers.get('content-type'), ...bytes].join(' '));
    }
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        const seen = await (await fetch.mixFetch(`${site}/headers`, { method, headers: { 'X-One': '1', 'User-Agent': 'mine', Cookie: 'a=b' } })).json();
        const sent = Object.fromEntries(seen.raw.flatMap((x, i, all) => i % 2 ? [] : [[x.toLowerCase(), all[i + 1]]]));
        note(`method ${method}`, [seen.method, sent['x-one'], sent['user-agent'], sent.cookie, sent.host].join(' '));
    }
    const missing = await fetch.mixFetch(`${site}/nothing`);
    note('404', [missing.status, missing.ok, missing.statusText, await missing.text()].join(' '));
    note('500', (await fetch.mixFetch(`${site}/status?code=500`)).status);
    const moved = await fetch.mixFetch(`${site}/status?code=302&location=/bytes%3Fn=5`);
    note('redirect', [moved.status, (await moved.arrayBuffer()).byteLength].join(' '));
    note('a scheme of its own', await attempt(fetch.mixFetch('ftp://x/')));
    note('six at once', (await Promise.all([1, 2, 3, 4, 5, 6].map(async (n) => (await (await fetch.mixFetch(`${site}/bytes?n=${n}`)).arrayBuffer()).byteLength))).join(' '));

    note('dns', await dns.mixDNS(name) === address);
    note('dns of a number', await dns.mixDNS('192.0.2.7'));
    note('dns of nothing', await attempt(dns.mixDNS('nothing.invalid')));

    const socket = new websocket.MixWebSocket(`ws://${name}/socket`, ['a', 'b']);
    note('websocket before', [socket.readyState, socket.protocols.join(), socket.url, socket instanceof EventTarget].join(' '));
    const next = (type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
    await socket.opened();
    note('websocket open', socket.readyState);
    for (const data of ['a text', new Uint8Array([1, 2, 3, 250]), new Uint8Array([5, 6]).buffer]) {
        const message = next('message');
        note('websocket send', await socket.send(data));
        const got = (await message).data;
        note('websocket message', typeof got === 'string' ? got : [got instanceof ArrayBuffer, ...new Uint8Array(got)].join(' '));
    }
    const closed = next('close');
    await socket.close(1000, 'done');
    await closed;
    note('websocket closed', socket.readyState);
    note('websocket send when closed', await attempt(socket.send('x')));
    const refused = new websocket.MixWebSocket(`ws://${name}/refuse`);
    await refused.opened();
    note('websocket refused', refused.readyState);

    const worker = await tunnel.getMixTunnel();
    note('worker state', (await worker.getTunnelState()).state);
    const raw = await worker.mixFetch(`${site}/bytes?n=3`, { method: 'GET' });
    note('worker fetch', [raw.status, raw.statusText, raw.body instanceof Uint8Array, raw.body.length, raw.headers.some(([k, v]) => k === 'content-length' && v === '3')].join(' '));
    note('worker dns', await worker.mixDNS(name) === address);
    const events = [];
    let over;
    const ended = new Promise((resolve) => { over = resolve; });
    let greeted;
    const greeting = new Promise((resolve) => { greeted = resolve; });
    const handle = await worker.mixWebSocket(`ws://${name}/socket?hello=hi`, undefined, tunnel.proxy((id, type, data) => {
        events.push(`${typeof id} ${type}${type === 'text' ? ` ${data}` : ''}`);
        if (type === 'text') greeted();
        if (type === 'close') over();
    }));
    await greeting;
    note('worker websocket', typeof handle);
    await worker.wsSend(handle, 'close 1000 bye');
    await ended;
    note('worker websocket events', [...new Set(events)].join(', '));

    await tunnel.disconnectMixTunnel();
    note('state after', (await tunnel.getTunnelState()).state);
    note('disconnect again', await attempt(tunnel.disconnectMixTunnel()));
    note('fetch after', await attempt(fetch.mixFetch(`${site}/bytes?n=1`)));
    return results;
}

/** What all of it gives. */
export function expected({ sizes, hashes, name }) {
    return [
        ['controls', true], ['names', true], ['EventKinds', 'Loaded'], ['state before', 'connecting'], ['fetch before setup', 'rejected with an Error'],
        ['disconnect before setup', 'resolved'], ['bad exit', 'rejected with an Error'], ['bad name server', 'rejected with an Error'],
        ['createMixFetch', true], ['state', '{"state":"ready"}'], ['second setup', 'rejected with an Error'],
        ...sizes.map((size, i) => [`download ${size}`, `200 true ${hashes[i]}`]),
        ['post string', 'POST application/x-thing 116 195 171 120 116'], ['post bytes', 'POST application/x-thing 1 2 250'], ['post buffer', 'POST application/x-thing 9 8'],
        ...['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'].map((method) => [`method ${method}`, `${method} 1 mine a=b ${name}`]),
        ['404', '404 false Not Found nothing here'], ['500', 500], ['redirect', '200 5'], ['a scheme of its own', 'rejected with an Error'], ['six at once', '1 2 3 4 5 6'],
        ['dns', true], ['dns of a number', '192.0.2.7'], ['dns of nothing', 'rejected with an Error'],
        ['websocket before', `0 a,b ws://${name}/socket true`], ['websocket open', 1],
        ['websocket send', undefined], ['websocket message', 'a text'], ['websocket send', undefined], ['websocket message', 'true 1 2 3 250'],
        ['websocket send', undefined], ['websocket message', 'true 5 6'], ['websocket closed', 3], ['websocket send when closed', 'rejected with an Error'],
        ['websocket refused', 3], ['worker state', 'ready'], ['worker fetch', '200 OK true 3 true'], ['worker dns', true], ['worker websocket', 'number'],
        ['worker websocket events', 'number open, number text hi, number close'], ['state after', 'shutdown'], ['disconnect again', 'resolved'], ['fetch after', 'rejected with an Error'],
    ];
}
