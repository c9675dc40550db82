// SPDX-License-Identifier: Apache-2.0
// Mozilla's root certificates as a table for src/tls: roots.mjs CACERT.pem OUT.c. Of each certificate only what a trust anchor needs:
// name, serial number, dates, key, name constraints. Its own signature proves nothing and is left out, as are most extensions.
import { readFileSync, writeFileSync } from 'node:fs';
import { argv, exit } from 'node:process';

const [input, output] = argv.slice(2);

/** One DER element at `at`: its tag, whole bytes, content and what lies behind it. */
function element(der, at = 0) {
    let length = der[at + 1];
    let start = at + 2;
    if (length & 0x80) {
        const n = length & 0x7f;
        length = 0;
        for (let i = 0; i < n; i++) length = length * 256 + der[start + i];
        start += n;
    }
    if (start + length > der.length) throw new Error('an element ends behind its certificate');
    return { tag: der[at], whole: der.subarray(at, start + length), content: der.subarray(start, start + length), end: start + length };
}

function children(der) {
    const out = [];
    for (let at = 0; at < der.length;) {
        const e = element(der, at);
        out.push(e);
        at = e.end;
    }
    return out;
}

const BASIC_CONSTRAINTS = '551d13';
const KEY_USAGE = '551d0f';
const NAME_CONSTRAINTS = '551d1e';

function anchor(der) {
    const fields = children(children(element(der).content)[0].content);
    if (fields[0].tag === 0xa0) fields.shift(); // version
    const [serial, , issuer, validity, subject, key] = fields;
    if (!issuer.whole.equals(subject.whole)) throw new Error('a root that is not its own issuer');
    let constraints = Buffer.alloc(0);
    const extensions = fields.find((f) => f.tag === 0xa3);
    for (const extension of extensions ? children(element(extensions.content).content) : []) {
        const parts = children(extension.content);
        const oid = parts[0].content.toString('hex');
        const critical = parts[1].tag === 1 && parts[1].content[0] !== 0;
        if (oid === NAME_CONSTRAINTS) constraints = extension.whole;
        else if (critical && oid !== BASIC_CONSTRAINTS && oid !== KEY_USAGE) throw new Error(`a critical extension ${oid} that the table does not carry`);
    }
    return [subject.whole, serial.whole, validity.whole, key.whole, constraints];
}

const pem = readFileSync(input, 'latin1').replace(/\r/g, '');
const certificates = [...pem.matchAll(/-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----/g)]
    .map((m) => Buffer.from(m[1], 'base64'));
if (certificates.length < 50) {
    console.error(`roots: only ${certificates.length} certificates in ${input}`);
    exit(1);
}
const parts = [];
for (const fields of certificates.map(anchor)) {
    for (const field of fields) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(field.length);
        parts.push(length, field);
    }
}
const table = Buffer.concat(parts);
const lines = [];
for (let at = 0; at < table.length; at += 24) lines.push(`    ${[...table.subarray(at, at + 24)].join(',')},`);
writeFileSync(output, `/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tools/roots.mjs from certifi's cacert.pem (MPL-2.0): ${certificates.length} trust anchors. */
#include "tls/roots.h"

const size_t mix_roots_count = ${certificates.length};
const size_t mix_roots_len = ${table.length};
const uint8_t mix_roots[${table.length}] = {
${lines.join('\n')}
};
`);
