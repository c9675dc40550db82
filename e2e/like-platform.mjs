// SPDX-License-Identifier: Apache-2.0
// Runs in a page, once with the browser's own fetch and WebSocket and once with ours, against the same paths of the same web: what an
// application sees of either. Served as it is.

const BODIES = {
    none: () => undefined,
    null: () => null,
    string: () => 'tëxt \ud800',
    empty: () => '',
    params: () => new URLSearchParams({ a: '1 2', ü: 'ö' }),
    bytes: () => new Uint8Array([0, 1, 250, 13, 10]),
    view: () => new Uint16Array([0x4142, 0x4344]).subarray(1),
    buffer: () => new Uint8Array([65, 66]).buffer,
    blob: () => new Blob(['blob'], { type: 'A/B' }),
    untyped: () => new Blob(['blob']),
};
const HEADERS = {
    none: undefined,
    object: { 'X-A': ' 1 ', 'Content-Type': 'x/y' },
    pairs: [['X-A', '1'], ['x-a', '2']],
    headers: () => new Headers({ 'X-A': 'gr\xfcn' }),
    empty: { 'X-A': '' },
};

/** Each row: a title, and the arguments of fetch by the site's origin. */
export function requests() {
    const rows = [];
    const add = (title, make) => rows.push([title, make]);
    for (const method of ['get', 'POST', 'put', 'DELETE', 'patch', 'PATCH', 'OPTIONS', 'CUSTOM', 'TRACE', 'bad method', '']) {
        add(`method '${method}'`, (site) => [`${site}/headers`, { method }]);
        add(`method '${method}' with a body`, (site) => [`${site}/headers`, { method, body: 'x' }]);
    }
    add('HEAD', (site) => [`${site}/bytes?n=5`, { method: 'HEAD' }]);
    for (const [name, body] of Object.entries(BODIES)) {
        add(`body ${name}`, (site) => [`${site}/headers`, { method: 'POST', body: body() }]);
        add(`body ${name} of a Request`, (site) => [new Request(`${site}/headers`, { method: 'POST', body: body() })]);
    }
    for (const [name, headers] of Object.entries(HEADERS)) add(`headers ${name}`, (site) => [`${site}/headers`, { method: 'POST', body: 'x', headers: typeof headers === 'function' ? headers() : headers }]);
    for (const bad of [{ 'a b': '1' }, { a: '\n1\n2' }, { a: '\u0100' }, [['a']], { 'X-A': 'fine', '': 'x' }]) add(`headers ${JSON.stringify(bad)}`, (site) => [`${site}/headers`, { headers: bad }]);
    for (const code of [200, 201, 204, 205, 206, 300, 304, 400, 401, 404, 418, 500, 503, 599]) add(`status ${code}`, (site) => [`${site}/status?code=${code}&phrase=Own%20phrase`]);
    for (const code of [301, 302, 303, 307, 308]) {
        for (const method of ['GET', 'POST', 'PUT', 'HEAD'])
            add(`${code} after ${method}`, (site) => [`${site}/status?code=${code}&location=/headers`, { method, body: /P/.test(method) ? 'x' : undefined, headers: { 'X-A': '1', 'Content-Language': 'en' } }]);
        add(`${code} and redirect: error`, (site) => [`${site}/status?code=${code}&location=/headers`, { redirect: 'error' }]);
        add(`${code} of a stream`, (site) => [`${site}/status?code=${code}&location=/headers`, { method: 'POST', redirect: 'follow', body: new Blob(['again']) }]);
    }
    add('302 without a Location', (site) => [`${site}/status?code=302`]);
    add('304 with a Location', (site) => [`${site}/status?code=304&location=/headers`]);
    add('302 relative', (site) => [`${site}/status?code=302&location=${encodeURIComponent('headers?q=1#new')}`]);
    add('302 and a fragment', (site) => [`${site}/status?code=302&location=/headers#old`]);
    add('302 to another scheme', (site) => [`${site}/status?code=302&location=data:,x`]);
    add('302 to nonsense', (site) => [`${site}/status?code=302&location=http://`]);
    add('302 for ever', (site) => [`${site}/loop`]);
    for (const by of ['gzip', 'br', 'deflate']) add(`encoded ${by}`, (site) => [`${site}/encoded?by=${by}`]);
    add('cut off', (site) => [`${site}/cut`]);
    add('a fragment', (site) => [`${site}/headers?a=b#part`]);
    add('a URL', (site) => [new URL(`${site}/headers?ä=ö&[x]|"`)]);
    add('a Request and init', (site) => [new Request(`${site}/headers`, { method: 'POST', body: 'one', headers: { 'X-A': '1' } }), { body: 'two', headers: { 'X-B': '2' } }]);
    add('a Request without its body', (site) => [new Request(`${site}/headers`, { method: 'PUT', body: 'one' }), { method: 'GET' }]);
    add('a user name in the URL', (site) => [`${site.replace('//', '//user:word@')}/headers`]);
    add('nonsense', () => ['http://[']);
    add('redirect: nonsense', (site) => [`${site}/headers`, { redirect: 'nonsense' }]);
    add('an aborted signal', (site) => [`${site}/headers`, { signal: AbortSignal.abort() }]);
    add('an aborted signal with a reason', (site) => [`${site}/headers`, { signal: AbortSignal.abort(new RangeError('mine')) }]);
    return rows;
}

/** Of the request's headers, those that the application is the author of. */
const OWN = /^(x-|content-type$|content-length$|content-language$)/;

/** What an application sees: [title, outcome] of each row. */
export async function fetchLike(fetch, site) {
    const own = (text) => text.replaceAll(site, '').replaceAll(new URL(site).host, '');
    async function seen(make) {
        let response;
        try {
            response = await fetch(...make(site));
        } catch (error) {
            return `rejected${/^(AbortError|RangeError)$/.test(error.name) ? ` ${error.name} ${error.name === 'RangeError' ? error.message : ''}` : ''}`;
        }
        const { status, ok, statusText, redirected, bodyUsed } = response;
        const out = { status, ok, statusText, redirected, bodyUsed, url: own(response.url), hasBody: response.body !== null, response: response instanceof Response,
            type: response.headers.get('content-type'), length: response.headers.get('content-length') };
        try {
            const text = await response.clone().text();
            if (out.type === 'application/json') {
                const { method, url, body, raw } = JSON.parse(text);
                const sent = raw.flatMap((x, i, all) => i % 2 || !OWN.test(x.toLowerCase()) ? [] : [`${x.toLowerCase()}: ${all[i + 1]}`]).sort();
                Object.assign(out, { method, path: url, body, sent, length: undefined });
            } else out.text = text;
            out.blob = (await response.blob()).type;
            out.used = response.bodyUsed;
        } catch (error) {
            out.broken = error instanceof Error;
        }
        return out;
    }
    const results = [];
    for (const [title, make] of requests()) results.push([title, await seen(make)]);
    return results;
}

/** Each row: a title, arguments of WebSocket, and what to do when it is open. */
const DIALOGUES = [
    ['echo', '/socket', undefined, (s) => s.send('hällo')],
    ['a server that speaks first', '/socket?hello=hi', undefined, () => {}],
    ['two protocols', '/socket', ['one', 'two'], (s) => s.send('x')],
    ['one protocol', '/socket', 'one', (s) => s.send('x')],
    ['binary', '/socket', undefined, (s) => { s.binaryType = 'arraybuffer'; s.send(new Uint8Array([1, 2, 3]).subarray(1)); }],
    ['a blob', '/socket', undefined, (s) => { s.binaryType = 'blob'; s.send(new Blob(['abc'])); }],
    ['empty messages', '/socket', undefined, (s) => { s.binaryType = 'arraybuffer'; s.send(new ArrayBuffer(0)); }],
    ['a large message', '/socket', undefined, (s) => s.send('x'.repeat(200_000))],
    ['a lone surrogate', '/socket', undefined, (s) => s.send('a\ud800b')],
    ['the server closes', '/socket', undefined, (s) => s.send('close 4321 so long')],
    ['the server closes without a code', '/socket?bare', undefined, (s) => s.send('close')],
    ['the server hangs up', '/socket', undefined, (s) => s.send('terminate')],
    ['refused', '/refuse', undefined, () => {}],
    ['no such place', '/nothing-here', undefined, () => {}],
    ['we close', '/socket', undefined, (s) => s.close(3456, 'dön')],
    ['we close plainly', '/socket', undefined, (s) => s.close(1000)],
    ['close, then send and close again', '/socket', undefined, (s) => { s.close(1000); s.send('lost'); s.close(3000); }],
    ['closed before it is open', '/socket', undefined, 'close'],
];
const ENDS = /^(the server closes|the server hangs|refused|no such place|we close|close)/;
const ARGUMENTS = [['ftp://x'], ['nonsense://'], ['ws://x/#'], ['ws://x/', 'a b'], ['ws://x/', ['a', 'a']], ['ws://x/', ['']], ['http://[']];

/** The same for WebSockets: the log of each dialogue. */
export async function socketLike(WebSocket, site) {
    const results = [];
    const named = (act) => { try { act(); return 'fine'; } catch (error) { return error.name; } };
    for (const args of ARGUMENTS) results.push([args.join(' '), named(() => new WebSocket(...args))]);
    for (const [title, path, protocols, act] of DIALOGUES) {
        const log = [];
        const socket = new WebSocket(`${site.replace('http', 'ws')}${path}`, protocols);
        log.push(`state ${socket.readyState}, protocol '${socket.protocol}', extensions '${socket.extensions}', buffered ${socket.bufferedAmount}`);
        await new Promise((resolve) => {
            const note = (text) => log.push(`${text} (${socket.readyState})`);
            socket.addEventListener('open', () => {
                note(`open '${socket.protocol}'`);
                if (typeof act === 'function') note(`act ${named(() => { const sent = act(socket); sent?.catch?.(() => {}); })}`);
            });
            socket.onmessage = async ({ data, origin }) => {
                const content = typeof data === 'string' ? (data.length > 50 ? data.length : data) : data instanceof Blob ? `Blob ${await data.text()}` : [data.constructor.name, ...new Uint8Array(data)].join(' ');
                note(`message ${content} from ${origin.replace(site.replace('http', 'ws'), '')}`);
                if (!ENDS.test(title)) socket.close(1000);
            };
            socket.onerror = () => note('error');
            socket.onclose = ({ code, reason, wasClean }) => {
                note(`close ${code} '${reason}' ${wasClean}`);
                resolve();
            };
            if (act === 'close') socket.close();
        });
        if (title === 'echo') for (const [code, reason] of [[1001, ''], [999, ''], [5000, ''], [3000, 'x'.repeat(124)]]) log.push(named(() => socket.close(code, reason)));
        results.push([title, log]);
    }
    return results;
}
