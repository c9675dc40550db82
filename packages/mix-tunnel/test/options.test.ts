// SPDX-License-Identifier: Apache-2.0
// Options: what is taken, what is refused and with which words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MixTunnelError } from '../src/errors.js';
import { checkOptions, settingsOf } from '../src/options.js';
import { Settings } from '../src/settings.js';
import type { SetupMixTunnelOpts } from '../src/types.js';

const pairs = (settings: Settings): string[][] => {
    const texts = new TextDecoder('latin1').decode(settings.bytes()).split('\0');
    assert.deepEqual(texts.splice(-2), ['', '']);
    return Array.from({ length: texts.length / 2 }, (_, i) => [texts[2 * i]!, texts[2 * i + 1]!]);
};
const refused = (opts: unknown, message: RegExp | string): void => assert.throws(() => checkOptions(opts as SetupMixTunnelOpts), (error: unknown) => {
    assert.ok(error instanceof MixTunnelError && error.code === 'OPTION' && error.phase === 'options');
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
});

test('undefined, null and unknown members are "not given"', () => {
    assert.deepEqual(checkOptions(undefined), {});
    assert.deepEqual(checkOptions(null), {});
    assert.deepEqual(checkOptions({ forceTls: undefined, debug: null, clientId: undefined, colour: () => 1, openReplySurbs: 3 } as never), { openReplySurbs: 3 });
});

test('wrong types and ranges name the option, and repeat no text', () => {
    refused({ clientId: 5 }, "tunnel error: option 'clientId' must be a string, not 5");
    refused({ maxRedirects: 300 }, "tunnel error: option 'maxRedirects' must be an integer from 0 to 255, not 300");
    refused({ connectTimeoutMs: -1 }, /'connectTimeoutMs' must be an integer from 0 to 4294967295, not -1/);
    refused({ connectTimeoutMs: 1.5 }, /not 1\.5/);
    refused({ forceTls: 'yes' }, "tunnel error: option 'forceTls' must be a boolean, not such a string");
    refused({ storagePassphrase: { secret: 1 } }, /not an object$/);
    refused({ directories: 'https://x.example/' }, /must be an array of strings/);
    refused({ clientId: '' }, /must not be empty/);
    refused({ userAgent: 'a\0b' }, /'userAgent' must be a string/);
    refused('clientId', /must be an object/);
});

test('the peer\'s words where it has good ones', () => {
    for (const text of ['nonsense', 'a@b@c', '']) refused({ preferredIpr: text }, /^tunnel error: invalid IPR address: recipient is malformed/);
    for (const text of ['1.1.1.1', '1.1.1.1:', '1.1.1.1:99999', '256.1.1.1:53', 'dns.example:53', '::1:53', '[::1]'])
        refused({ primaryDns: text }, `tunnel error: invalid DNS resolver '${text}': invalid socket address syntax`);
    assert.deepEqual(checkOptions({ primaryDns: '9.9.9.9:53', fallbackDns: '[2620:fe::fe]:53' }), { primaryDns: '9.9.9.9:53', fallbackDns: '[2620:fe::fe]:53' });
});

test('as settings: defaults, and what 0 means', () => {
    assert.deepEqual(pairs(settingsOf({})), [['dns_server', '8.8.8.8:53'], ['dns_server', '1.1.1.1:53'], ['max_redirects', '5']]);
    const all = Object.fromEntries(pairs(settingsOf({ forceTls: false, disablePoissonTraffic: true, disableCoverTraffic: false, disableCopies: true, tcpKeepaliveMs: 0, maxRedirects: 0,
        connectTimeoutMs: 0, dnsTimeoutMs: 7, storagePassphrase: 'grün', userAgent: '', ephemeral: true, connectionsPerHost: 2 })));
    assert.equal(all.plain_gateway, '1');
    assert.equal(all.pacing_off, '1');
    assert.equal(all.cover_off, '0');
    assert.equal(all.copies_off, '1');
    assert.equal(all.keepalive, '-1');
    assert.equal(all.max_redirects, '-1');
    assert.equal(all.connect_timeout, '1');
    assert.equal(all.dns_timeout, '7');
    assert.equal(all.passphrase, 'gr\xc3\xbcn');
    assert.equal(all.user_agent, '');
    assert.equal(all.forget, '1');
    assert.equal(all.per_host, '2');
    assert.equal(pairs(settingsOf({ forceTls: true })).some(([name]) => name === 'plain_gateway'), false);
});

test('headers go as bytes; what has none is refused', () => {
    assert.deepEqual(pairs(new Settings().headers([['x-a', 'gr\xfcn'], ['x-b', '']])), [['header', 'x-a'], ['value', 'gr\xfcn'], ['header', 'x-b'], ['value', '']]);
    assert.throws(() => new Settings().headers([['x', '\u20ac']]), TypeError);
    assert.throws(() => new Settings().put('url', 'http://a\0b/'), TypeError);
});
