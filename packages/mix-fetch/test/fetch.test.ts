// SPDX-License-Identifier: Apache-2.0
// A request from call to last message, the tunnel's end played by the test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MixError, MixFetchError } from '@lwmix/mix-tunnel';
import { fake, wireError, type Fake, type Played } from '../../testing/fake.js';
import type { FetchNews, FetchResponse } from '../../mix-tunnel/src/protocol.js';
import { runFetch } from '../src/fetch.js';
import { readRequest, type MixRequestInit } from '../src/request.js';
import { WINDOW } from '../src/download.js';
import { timingOf } from '../src/response.js';

const URL_ = 'http://site.example/';
const END: FetchNews = { type: 'end', timing: { started: 0, resolved: 0, connected: 0, secured: 0, sent: 0, firstByte: 0, finished: 0, received: 0, uploaded: 0, reused: false } };
const answer = (more: Partial<FetchResponse> = {}): FetchResponse => ({ type: 'response', status: 200, statusText: 'OK', url: URL_, redirected: false,
    headers: [], nullBody: false, ...more });
const data = (text: string): FetchNews => ({ type: 'data', data: new TextEncoder().encode(text) });

async function begin(init?: MixRequestInit, tunnel: Fake<'fetch'> = fake<'fetch'>()): Promise<{ response: Promise<Response>; played: Played<'fetch'> }> {
    const response = runFetch(tunnel.open, readRequest(URL_, init));
    response.catch(() => {}); // looked at later
    return { response, played: await tunnel.next() };
}

test('a whole request and its answer', async () => {
    const { response, played } = await begin({ method: 'POST', body: 'hello', headers: { 'X-A': '1' }, timeoutMs: 500, redirect: 'error' });
    const { body, ...opening } = played.opening;
    assert.deepEqual(opening, { op: 'fetch', method: 'POST', url: URL_, headers: [['X-A', '1'], ['Content-Type', 'text/plain;charset=UTF-8']],
        redirect: 'error', timeoutMs: 500, credit: WINDOW });
    assert.equal(new TextDecoder().decode(body as Uint8Array), 'hello');
    assert.deepEqual(played.transfer, [(body as Uint8Array).buffer]);
    played.tell(answer({ status: 201, statusText: 'Made \xfc', url: 'http://other.example/x', redirected: true,
        headers: [['x-twice', '1'], ['x-twice', '2'], ['x-latin', 'gr\xfcn'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['bad name', 'x']] }));
    const got = await response;
    assert.ok(got instanceof Response);
    assert.deepEqual([got.status, got.ok, got.statusText, got.url, got.redirected], [201, true, 'Made \xfc', 'http://other.example/x', true]);
    assert.equal(got.headers.get('x-twice'), '1, 2');
    assert.equal(got.headers.get('x-latin'), 'gr\xfcn');
    assert.deepEqual(got.headers.getSetCookie(), ['a=1', 'b=2']);
    played.tell(data('one '));
    played.tell(data('two'));
    played.tell(END);
    assert.equal(played.closed, true);
    const copy = got.clone();
    assert.deepEqual([copy.url, copy.redirected, copy.headers.getSetCookie().length], ['http://other.example/x', true, 2]);
    assert.equal(await got.text(), 'one two');
    assert.equal(await copy.text(), 'one two');
});

test('where the time went, known at the end of the body, for copies too; nothing of the kind for other responses', async () => {
    const { response, played } = await begin();
    played.tell(answer());
    const got = await response;
    const copy = got.clone();
    const timing = { started: 0, resolved: 10, connected: 20, secured: 30, sent: 31, firstByte: 50, finished: 60, received: 3, uploaded: 0, reused: false };
    let told = false;
    const asked = timingOf(got)!.then((value) => { told = true; return value; });
    played.tell(data('abc'));
    await got.body!.getReader().read();
    assert.equal(told, false);
    played.tell({ type: 'end', timing });
    assert.deepEqual([await asked, await timingOf(copy)], [timing, timing]);
    assert.equal(timingOf(new Response('')), undefined);

    const other = await begin();
    other.played.tell(answer());
    const broken = await other.response;
    other.played.tell({ type: 'error', error: wireError('HTTP_PARTIAL') });
    await assert.rejects(timingOf(broken)!, { code: 'HTTP_PARTIAL' });
});

test('204, 205 and 304 have no body, nor has an answer to HEAD', async () => {
    for (const status of [204, 205, 304, 200]) {
        const { response, played } = await begin({ method: status === 200 ? 'HEAD' : 'GET' });
        played.tell(answer({ status, nullBody: true }));
        played.tell(END);
        const got = await response;
        assert.deepEqual([got.status, got.body, await got.text()], [status, null, '']);
        assert.equal(played.closed, true);
    }
});

test('no more is asked for than is read', async () => {
    const { response, played } = await begin();
    played.tell(answer());
    const reader = (await response).body!.getReader();
    played.tell(data('12345'));
    played.tell(data('678'));
    assert.deepEqual(played.commands, []);
    assert.equal((await reader.read()).value?.byteLength, 5);
    assert.deepEqual(await played.next(), { type: 'credit', bytes: 5 });
    assert.deepEqual(played.commands, []);
    const waiting = Promise.all([reader.read(), reader.read()]);
    assert.deepEqual(await played.next(), { type: 'credit', bytes: 3 });
    played.tell(data('9'));
    assert.deepEqual((await waiting).map(({ value }) => value?.byteLength), [3, 1]);
    const last = reader.read();
    played.tell(END);
    assert.deepEqual(await last, { done: true, value: undefined });
    await reader.closed;
});

test('a reader that brings its own buffer', async () => {
    const { response, played } = await begin();
    played.tell(answer());
    const reader = (await response).body!.getReader({ mode: 'byob' });
    const first = reader.read(new Uint8Array(4));
    played.tell(data('abcdef'));
    assert.equal(new TextDecoder().decode((await first).value), 'abcd');
    assert.equal(new TextDecoder().decode((await reader.read(new Uint8Array(4))).value), 'ef');
    const last = reader.read(new Uint8Array(4));
    played.tell(END);
    assert.equal((await last).done, true);
});

test('where the platform has no byte streams, the body is a plain one', async (t) => {
    const own = ReadableStream;
    t.mock.method(globalThis, 'ReadableStream', function make(source: UnderlyingByteSource, strategy: QueuingStrategy) {
        if (source.type === 'bytes') throw new TypeError('ReadableByteStreamController is not implemented'); // as WebKit does
        return new own(source, strategy);
    });
    const whole = await begin();
    whole.played.tell(answer());
    const reader = (await whole.response).body!.getReader();
    const first = reader.read();
    whole.played.tell(data('12345'));
    whole.played.tell(data('678'));
    assert.equal((await first).value?.byteLength, 5);
    assert.deepEqual(await whole.played.next(), { type: 'credit', bytes: 5 });
    assert.deepEqual(whole.played.commands, []); // no more is asked for than is read
    whole.played.tell(END);
    assert.equal((await reader.read()).value?.byteLength, 3);
    assert.equal((await reader.read()).done, true);
    const broken = await begin();
    broken.played.tell(answer());
    broken.played.tell(data('some'));
    broken.played.tell({ type: 'error', error: wireError('HTTP_CUT') });
    await assert.rejects((await broken.response).text(), { code: 'HTTP_CUT' });
    const cancelled = await begin();
    cancelled.played.tell(answer());
    await (await cancelled.response).body!.cancel('enough');
    assert.deepEqual(await cancelled.played.next(), { type: 'abort' });
});

test('an answer of which no Response can be made rejects, and ends the request', async () => {
    const { response, played } = await begin();
    played.tell(answer({ status: 999 })); // some servers do
    await assert.rejects(response, RangeError);
    assert.deepEqual(await played.next(), { type: 'abort' });
    assert.equal(played.closed, true);
});

test('an error before the answer rejects, one after it breaks the body behind what came', async () => {
    const early = await begin();
    early.played.tell({ type: 'error', error: wireError('TCP_REFUSED') });
    await assert.rejects(early.response, (error) => error instanceof MixFetchError && error.code === 'TCP_REFUSED' && error.phase === 'http');
    assert.equal(early.played.closed, true);
    const late = await begin();
    late.played.tell(answer());
    late.played.tell(data('some'));
    late.played.tell({ type: 'error', error: wireError('HTTP_CUT') });
    const reader = (await late.response).body!.getReader();
    assert.equal((await reader.read()).value?.byteLength, 4);
    await assert.rejects(reader.read(), (error) => error instanceof MixError && error.code === 'HTTP_CUT');
});

test('abort: before the call, before the answer, within the body', async () => {
    const reason = new Error('enough');
    const tunnel = fake<'fetch'>();
    await assert.rejects(runFetch(tunnel.open, readRequest(URL_, { signal: AbortSignal.abort(reason) })), reason);
    assert.equal(tunnel.opened.length, 0);
    for (const answered of [false, true]) {
        const controller = new AbortController();
        const { response, played } = await begin({ signal: controller.signal });
        if (answered) played.tell(answer());
        const reader = answered ? (await response).body!.getReader() : undefined;
        played.tell(data('never seen'));
        controller.abort();
        assert.deepEqual(await played.next(), { type: 'abort' });
        assert.equal(played.closed, true);
        await assert.rejects(reader ? reader.read() : response, { name: 'AbortError' });
        if (reader) await assert.rejects(reader.closed, { name: 'AbortError' });
    }
});

test('an abort after the end changes nothing', async () => {
    const controller = new AbortController();
    const { response, played } = await begin({ signal: controller.signal });
    played.tell(answer());
    played.tell(data('all'));
    played.tell(END);
    controller.abort();
    assert.equal(await (await response).text(), 'all');
    assert.deepEqual(played.commands.filter(({ type }) => type === 'abort'), []);
});

test('cancelling the body ends the request', async () => {
    const { response, played } = await begin();
    played.tell(answer());
    await (await response).body!.cancel('not needed');
    assert.deepEqual(await played.next(), { type: 'abort' });
    assert.equal(played.closed, true);
});

test('a response that is dropped ends the request; one that is awaited does not', { timeout: 20_000 }, async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: object) => Promise<void>;
    const dropped = await begin();
    dropped.played.tell(answer());
    const kept = await begin();
    kept.played.tell(answer());
    const reading = (await kept.response).body!.getReader().read();
    await dropped.response;
    (dropped as { response?: unknown }).response = undefined;
    (kept as { response?: unknown }).response = undefined;
    const told = dropped.played.next();
    await collect({ type: 'major', execution: 'async' });
    assert.deepEqual(await told, { type: 'abort' });
    assert.equal(kept.played.closed, false);
    kept.played.tell(data('still here'));
    assert.equal(new TextDecoder().decode((await reading).value), 'still here');
});

test('a body streams up as it is asked for', async () => {
    const parts = [new Uint8Array(100_000).fill(1), new Uint8Array(10).fill(2)];
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({ pull(controller) {
        const part = parts[pulled++];
        if (part) controller.enqueue(part);
        else controller.close();
    } }, { highWaterMark: 0 });
    const { response, played } = await begin({ method: 'POST', body, duplex: 'half' });
    assert.deepEqual(played.opening.body, { length: -1 });
    assert.equal(pulled, 0);
    played.tell({ type: 'credit', bytes: 70_000 });
    const sizes: number[] = [];
    for (let i = 0; i < 2; i++) sizes.push(sizeOf(await played.next()));
    assert.deepEqual(sizes, [65_536, 4464]);
    assert.deepEqual([pulled, played.commands], [1, []]);
    played.tell({ type: 'credit', bytes: 1_000_000 });
    assert.equal(sizeOf(await played.next()), 30_000);
    assert.equal(sizeOf(await played.next()), 10);
    assert.deepEqual(await played.next(), { type: 'end' });
    assert.equal(parts[0]!.byteLength, 100_000, 'the application keeps its buffer');
    played.tell(answer());
    played.tell(END);
    assert.equal((await response).status, 200);

    function sizeOf(command: Awaited<ReturnType<typeof played.next>>): number {
        assert.equal(command.type, 'chunk');
        return (command as { data: Uint8Array }).data.byteLength;
    }
});

test('a body that fails, or gives strings, fails the request; an answer in between ends the upload', async () => {
    const trouble = new Error('disk');
    for (const [source, wanted] of [[{ pull: () => { throw trouble; } }, trouble],
        [{ pull: (c: ReadableStreamDefaultController) => c.enqueue('text') }, { name: 'TypeError' }]] as const) {
        const { response, played } = await begin({ method: 'POST', body: new ReadableStream(source) });
        played.tell({ type: 'credit', bytes: 10 });
        assert.deepEqual(await played.next(), { type: 'abort' });
        await assert.rejects(response, wanted);
    }
    const cancelled = new Promise((resolve) => {
        void begin({ method: 'POST', body: new ReadableStream({ cancel: resolve }) }).then(async ({ played, response }) => {
            played.tell({ type: 'error', error: wireError('HTTP_CUT') });
            await response.catch(() => {});
        });
    });
    assert.equal((await cancelled as MixError).code, 'HTTP_CUT');
});

test('integrity: the strongest digest counts', async () => {
    const good = 'sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='; // of "hello"
    for (const [integrity, ok] of [[good, true], [`sha256-AAAA ${good}`, true], ['sha256-AAAA', false], [`${good} sha512-AAAA`, false], ['md5-xx', true]] as const) {
        const { response, played } = await begin({ integrity });
        played.tell(answer({ url: 'http://x.example/' }));
        played.tell(data('hello'));
        played.tell(END);
        if (!ok) await assert.rejects(response, { name: 'TypeError' });
        else assert.deepEqual([await (await response).text(), (await response).url], ['hello', 'http://x.example/']);
    }
});
