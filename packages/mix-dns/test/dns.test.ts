// SPDX-License-Identifier: Apache-2.0
// mixDNS, the tunnel's end played by the test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MixDnsError } from '@lwmix/mix-tunnel';
import { fake, wireError } from '../../testing/fake.js';
import type { DnsAnswer } from '../../mix-tunnel/src/protocol.js';
import { mixDnsBy } from '../src/dns.js';

const answer = (...records: [type: string, text: string, ttl: number][]): DnsAnswer => ({
    records: records.map(([type, text, ttl]) => ({ type, text, ttl })), ttl: Math.min(...records.map(([, , ttl]) => ttl)), cached: true, canonical: 'site.example' });

test('one address, IPv4 first', async () => {
    const tunnel = fake<'lookup'>();
    const mixDNS = mixDnsBy(tunnel.open);
    for (const [records, wanted] of [[answer(['AAAA', '2001:db8::1', 9], ['A', '192.0.2.1', 9]), '192.0.2.1'], [answer(['AAAA', '2001:db8::1', 9]), '2001:db8::1']] as const) {
        const address = mixDNS('site.example');
        const played = await tunnel.next();
        assert.deepEqual(played.opening, { op: 'lookup', name: 'site.example', type: 'A+AAAA' });
        played.tell({ type: 'answer', answer: records });
        assert.equal(await address, wanted);
        assert.equal(played.closed, true);
    }
});

test('records of one type, and of several at once', async () => {
    const tunnel = fake<'lookup'>();
    const mixDNS = mixDnsBy(tunnel.open);
    const mx = mixDNS('site.example', 'MX');
    const one = await tunnel.next();
    assert.equal(one.opening.type, 'MX');
    one.tell({ type: 'answer', answer: answer(['MX', '10 mail.site.example.', 60]) });
    assert.deepEqual((await mx).records, [{ type: 'MX', text: '10 mail.site.example.', ttl: 60 }]);
    const both = mixDNS('site.example', { types: ['A', 'TXT', 'AAAA', 'A'] });
    const [a, txt, aaaa] = [await tunnel.next(), await tunnel.next(), await tunnel.next()];
    assert.deepEqual([a, txt, aaaa].map(({ opening }) => opening.type), ['A', 'TXT', 'AAAA']);
    aaaa.tell({ type: 'error', error: wireError('DNS_NO_DATA', 'dns') });
    txt.tell({ type: 'answer', answer: { ...answer(['TXT', '"x"', 5]), cached: false } });
    a.tell({ type: 'answer', answer: answer(['A', '192.0.2.1', 30]) });
    assert.deepEqual(await both, { records: [{ type: 'A', text: '192.0.2.1', ttl: 30 }, { type: 'TXT', text: '"x"', ttl: 5 }], ttl: 5, cached: false, canonical: 'site.example' });
    assert.equal(tunnel.opened.length, 4);
});

test('errors: of one type for all, no data only when none has any', async () => {
    const tunnel = fake<'lookup'>();
    const mixDNS = mixDnsBy(tunnel.open);
    const failing = mixDNS('site.example', { types: ['A', 'AAAA'] });
    (await tunnel.next()).tell({ type: 'error', error: wireError('DNS_TIMEOUT', 'dns') });
    const other = await tunnel.next();
    await assert.rejects(failing, (error) => error instanceof MixDnsError && error.code === 'DNS_TIMEOUT');
    assert.deepEqual([other.commands, other.closed], [[{ type: 'abort' }], true]);
    const none = mixDNS('site.example', { types: ['A', 'AAAA'] });
    for (let i = 0; i < 2; i++) (await tunnel.next()).tell({ type: 'error', error: wireError('DNS_NO_DATA', 'dns') });
    await assert.rejects(none, { code: 'DNS_NO_DATA' });
});

test('abort and time limit', async () => {
    const tunnel = fake<'lookup'>();
    const mixDNS = mixDnsBy(tunnel.open);
    const reason = new Error('enough');
    await assert.rejects(mixDNS('site.example', { signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(mixDNS('site.example', 'MX', { signal: AbortSignal.abort(reason) }), reason);
    assert.equal(tunnel.opened.length, 0);
    for (const act of [(options: object) => mixDNS('site.example', options), (options: object) => mixDNS('site.example', 'MX', options)]) {
        const controller = new AbortController();
        const aborted = act({ signal: controller.signal });
        const played = await tunnel.next();
        controller.abort(reason);
        await assert.rejects(aborted, reason);
        assert.deepEqual([played.commands, played.closed], [[{ type: 'abort' }], true]);
        const late = act({ timeoutMs: 1 });
        const slow = await tunnel.next();
        await assert.rejects(late, { name: 'MixDnsError', code: 'DNS_TIMEOUT' });
        assert.deepEqual([slow.commands, slow.closed], [[{ type: 'abort' }], true]);
    }
});

test('arguments', async () => {
    const mixDNS = mixDnsBy(fake<'lookup'>().open);
    await assert.rejects(mixDNS('x', { types: [] }), TypeError);
    await assert.rejects(mixDNS('x', { types: ['A+AAAA' as 'A'] }), TypeError);
    await assert.rejects(mixDNS('x', '' as 'A'), TypeError);
    await assert.rejects(mixDNS('x', { timeoutMs: 0 }), TypeError);
});
