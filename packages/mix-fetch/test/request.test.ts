// SPDX-License-Identifier: Apache-2.0
// What mixFetch makes of its arguments.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WHOLE_MAX, type ExtractedBody } from '../src/body.js';
import { readRequest, withType, type MixRequestInit } from '../src/request.js';

const URL_ = 'http://site.example/a?b=c';
const post = (body: NonNullable<MixRequestInit['body']>, more: MixRequestInit = {}) => readRequest(URL_, { method: 'POST', body, ...more });

function text({ body }: ExtractedBody): string {
    assert.equal(body.kind, 'whole');
    return new TextDecoder().decode((body as { bytes: Uint8Array }).bytes);
}

test('a string, a URL and a Request are the same', async () => {
    for (const input of [URL_, new URL(URL_), new Request(URL_)]) {
        const { head, body, signal } = readRequest(input);
        assert.deepEqual({ ...head, headers: [] }, { method: 'GET', url: URL_, headers: [], redirect: 'follow', timeoutMs: 0 });
        assert.deepEqual(await body, { body: { kind: 'none' }, type: null });
        assert.equal(signal?.aborted ?? false, false);
    }
});

test('what a Request says holds, unless init says otherwise', async () => {
    const controller = new AbortController();
    const request = new Request(URL_, { method: 'PUT', headers: { 'x-a': '1' }, body: 'from the request', redirect: 'manual', signal: controller.signal });
    const kept = readRequest(request.clone());
    assert.equal(kept.head.method, 'PUT');
    assert.equal(kept.head.redirect, 'manual');
    assert.deepEqual(kept.head.headers.filter(([name]) => name === 'x-a'), [['x-a', '1']]);
    assert.equal(text(await kept.body), 'from the request');
    controller.abort();
    assert.equal(kept.signal?.aborted, true);
    const changed = readRequest(request, { method: 'post', headers: { 'x-b': '2' }, body: 'from init', redirect: 'error', signal: null });
    assert.deepEqual(changed.head, { method: 'POST', url: URL_, headers: [['x-b', '2']], redirect: 'error', timeoutMs: 0 });
    assert.equal(text(await changed.body), 'from init');
    assert.equal(changed.signal, null);
});

test('a Request whose body was used is refused', async () => {
    const request = new Request(URL_, { method: 'POST', body: 'x' });
    await request.text();
    await assert.rejects(async () => readRequest(request).body, { name: 'TypeError' });
});

test('methods: six are known in any case, others stay as they are, three are forbidden', () => {
    for (const [given, sent] of [['get', 'GET'], ['Put', 'PUT'], ['patch', 'patch'], ['PROPFIND', 'PROPFIND']] as const)
        assert.equal(readRequest(URL_, { method: given }).head.method, sent);
    for (const bad of ['CONNECT', 'trace', 'Track', '', 'A B', 'A\n']) assert.throws(() => readRequest(URL_, { method: bad }), TypeError, bad);
});

test('headers as object, pairs and Headers, in order; names that browsers forbid stay', () => {
    const pairs: [string, string][] = [['User-Agent', 'me'], ['Cookie', 'a=1'], ['Origin', 'https://x'], ['X-Two', '1'], ['X-Two', ' 2 ']];
    const trimmed = [...pairs.slice(0, 3), ['X-Two', '1, 2']];
    assert.deepEqual(readRequest(URL_, { headers: pairs }).head.headers, trimmed);
    assert.deepEqual(readRequest(URL_, { headers: Object.fromEntries(pairs.slice(0, 4)) }).head.headers, pairs.slice(0, 4));
    assert.deepEqual(readRequest(URL_, { headers: new Headers(pairs.slice(0, 2)) }).head.headers, [['cookie', 'a=1'], ['user-agent', 'me']]);
    assert.deepEqual(readRequest(URL_, { headers: { 'x-empty': '', 'x-latin': '\xfc' } }).head.headers, [['x-empty', ''], ['x-latin', '\xfc']]);
});

test('malformed headers are refused', () => {
    for (const headers of [{ 'a b': '1' }, { a: 'x\ny' }, { a: '\u0100' }, [['a']], [['a', '1', '2']], { '': 'x' }])
        assert.throws(() => readRequest(URL_, { headers: headers as HeadersInit }), TypeError, JSON.stringify(headers));
});

test('every kind of body that fetch takes, with its Content-Type', async () => {
    const form = new FormData();
    form.append('field', 'value');
    const bytes = new TextEncoder().encode('xbytesx');
    const rows: [NonNullable<MixRequestInit['body']>, string | null, string | RegExp][] = [
        ['tëxt', 'text/plain;charset=UTF-8', 'tëxt'],
        ['', 'text/plain;charset=UTF-8', ''],
        [new URLSearchParams({ a: '1 2' }), 'application/x-www-form-urlencoded;charset=UTF-8', 'a=1+2'],
        [bytes, null, 'xbytesx'],
        [bytes.subarray(1, 6), null, 'bytes'],
        [new DataView(bytes.buffer, 1, 5), null, 'bytes'],
        [bytes.buffer, null, 'xbytesx'],
        [new Blob(['blob'], { type: 'a/b' }), 'a/b', 'blob'],
        [new Blob(['blob']), null, 'blob'],
        [form, 'multipart/form-data; boundary=', /form-data; name="field"\r\n\r\nvalue/],
    ];
    for (const [given, type, content] of rows) {
        const extracted = await post(given).body;
        if (typeof content === 'string') assert.equal(text(extracted), content);
        else assert.match(text(extracted), content);
        if (type?.endsWith('=')) assert.ok(extracted.type?.startsWith(type), String(extracted.type));
        else assert.equal(extracted.type, type);
    }
});

test('bytes are copied before the call returns', async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const { body } = post(bytes);
    bytes.fill(9);
    assert.deepEqual((await body).body, { kind: 'whole', bytes: new Uint8Array([1, 2, 3]) });
});

test('Content-Type of the caller wins', async () => {
    const { head, body } = post('x', { headers: { 'CONTENT-TYPE': 'a/b' } });
    assert.deepEqual(withType(head, (await body).type).headers, [['CONTENT-TYPE', 'a/b']]);
    assert.deepEqual(withType(readRequest(URL_).head, 'c/d').headers, [['Content-Type', 'c/d']]);
    assert.deepEqual(withType(readRequest(URL_).head, null).headers, []);
});

test('streams and async iterables stream, without a length', async () => {
    const stream = new ReadableStream();
    assert.deepEqual((await post(stream).body).body, { kind: 'stream', stream, length: undefined });
    async function* parts() {
        yield new Uint8Array([1]);
        yield new Uint8Array([2]);
    }
    const { body } = await post(parts()).body;
    assert.ok(body.kind === 'stream');
    assert.deepEqual(new Uint8Array(await new Response(body.stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer()), new Uint8Array([1, 2]));
    stream.getReader();
    assert.throws(() => post(stream), TypeError);
});

test('large blobs stream with their length', async () => {
    const { body } = await post(new Blob([new Uint8Array(WHOLE_MAX), 'x'])).body;
    assert.ok(body.kind === 'stream');
    assert.equal(body.length, WHOLE_MAX + 1);
});

test('a long Request streams: nothing is lost between what was read already and the rest', async () => {
    const whole = new Uint8Array(WHOLE_MAX + 300_000).map((_, i) => i * 31 + (i >> 8));
    let at = 0;
    const source = new ReadableStream<Uint8Array<ArrayBuffer>>({ pull(controller) {
        if (at >= whole.length) return controller.close();
        controller.enqueue(whole.slice(at, at += 100_000));
    } });
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body: source, duplex: 'half' };
    const { body } = await readRequest(new Request(URL_, init)).body;
    assert.ok(body.kind === 'stream');
    const got = new Uint8Array(await new Response(body.stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
    assert.equal(Buffer.compare(got, whole), 0);
});

test('GET and HEAD cannot have a body; URLs, modes and limits are checked', () => {
    assert.throws(() => readRequest(URL_, { body: 'x' }), TypeError);
    assert.throws(() => readRequest(URL_, { method: 'HEAD', body: 'x' }), TypeError);
    assert.throws(() => readRequest('not a url'), { name: 'TypeError', message: /^URL error: / });
    assert.throws(() => readRequest('/relative'), TypeError); // Node has no page to resolve it against
    assert.throws(() => readRequest('http://user@site.example/'), TypeError);
    assert.throws(() => readRequest(URL_, { redirect: 'never' as RequestRedirect }), TypeError);
    for (const timeoutMs of [0, -1, NaN, '5' as unknown as number]) assert.throws(() => readRequest(URL_, { timeoutMs }), TypeError, String(timeoutMs));
    assert.equal(readRequest(URL_, { timeoutMs: 1.5 }).head.timeoutMs, 2);
    assert.equal(readRequest(URL_, { timeoutMs: Infinity }).head.timeoutMs, 0);
});
