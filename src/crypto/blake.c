/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE3 with HMAC and HKDF over it (2-messages.md §0), and keyed BLAKE2b. */
#include "crypto/context.h"

#include "base/alloc.h"
#include "mix/errors.h"

#include <assert.h>
#include <blake3.h>

enum { BLOCK = 64, DIGEST = MIX_KEY_LEN, BLAKE2B_KEY_MOST = 64 };

static void absorb(blake3_hasher *h, mix_bytes in) {
    if (in.len > 0)
        blake3_hasher_update(h, in.data, in.len);
}

void mix_blake3(uint8_t out[static MIX_KEY_LEN], mix_bytes in) {
    blake3_hasher h;
    blake3_hasher_init(&h);
    absorb(&h, in);
    blake3_hasher_finalize(&h, out, DIGEST);
    mix_wipe(&h, sizeof h);
}

/* HMAC over up to three pieces of message. */
static void hmac(uint8_t out[static DIGEST], mix_bytes key, mix_bytes a, mix_bytes b, mix_bytes c) {
    uint8_t block[BLOCK] = {0}, digest[DIGEST];
    blake3_hasher h;
    if (key.len > BLOCK)
        mix_blake3(block, key);
    else if (key.len > 0)
        memcpy(block, key.data, key.len);
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= 0x36;
    blake3_hasher_init(&h);
    absorb(&h, MIX_BYTES(block));
    absorb(&h, a);
    absorb(&h, b);
    absorb(&h, c);
    blake3_hasher_finalize(&h, digest, DIGEST);
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= 0x36 ^ 0x5c;
    blake3_hasher_init(&h);
    absorb(&h, MIX_BYTES(block));
    absorb(&h, MIX_BYTES(digest));
    blake3_hasher_finalize(&h, out, DIGEST);
    mix_wipe(block, sizeof block);
    mix_wipe(digest, sizeof digest);
    mix_wipe(&h, sizeof h);
}

void mix_hmac_blake3(uint8_t out[static MIX_KEY_LEN], mix_bytes key, mix_bytes in) {
    hmac(out, key, in, (mix_bytes){0}, (mix_bytes){0});
}

void mix_hkdf_blake3(uint8_t *out, size_t len, mix_bytes ikm, mix_bytes salt, mix_bytes info) {
    assert(len <= MIX_HKDF_MOST);
    uint8_t prk[DIGEST], t[DIGEST];
    mix_hmac_blake3(prk, salt, ikm);
    for (uint8_t i = 1; len > 0; i++) {
        hmac(t, MIX_BYTES(prk), mix_bytes_of(t, i == 1 ? 0 : DIGEST), info, mix_bytes_of(&i, 1));
        size_t n = len < DIGEST ? len : DIGEST;
        memcpy(out, t, n);
        out += n;
        len -= n;
    }
    mix_wipe(prk, sizeof prk);
    mix_wipe(t, sizeof t);
}

int mix_blake2b_keyed(mix_crypto *c, uint8_t out[static MIX_KEY_LEN], mix_bytes key, mix_bytes in) {
    size_t made = 0;
    if (key.len == 0 || key.len > BLAKE2B_KEY_MOST)
        return MIX_ERR_ARGUMENT;
    if (EVP_MAC_init(c->blake2b, key.data, key.len, NULL) == 1 &&
        EVP_MAC_update(c->blake2b, in.data, in.len) == 1 &&
        EVP_MAC_final(c->blake2b, out, &made, DIGEST) == 1 && made == DIGEST)
        return MIX_OK;
    mix_wipe(out, DIGEST);
    return mix_crypto_end(MIX_ERR_CRYPTO);
}
