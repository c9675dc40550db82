/* SPDX-License-Identifier: Apache-2.0 */
/* LIONESS, a block cipher over a whole payload: four rounds over a left part of 32 bytes and the
 * rest (1-sphinx.md §1.10). */
#include "crypto/crypto.h"

#include "base/alloc.h"
#include "mix/errors.h"

enum { LEFT = 32, K1 = 0, K2 = 32, K3 = 96, K4 = 128, HASH_KEY = 64 };

static void xor_left(uint8_t out[static LEFT], const uint8_t a[static LEFT],
                     const uint8_t b[static LEFT]) {
    for (size_t i = 0; i < LEFT; i++)
        out[i] = a[i] ^ b[i];
}

/* R ^= S(L xor k) */
static int stream_round(mix_crypto *c, const uint8_t key[static LEFT], uint8_t *data, size_t len) {
    uint8_t k[LEFT];
    xor_left(k, data, key);
    int status = mix_chacha20_zero_nonce(c, k, data + LEFT, len - LEFT);
    mix_wipe(k, sizeof k);
    return status;
}

/* L ^= H(k, R) */
static int hash_round(mix_crypto *c, const uint8_t key[static HASH_KEY], uint8_t *data,
                      size_t len) {
    uint8_t digest[MIX_KEY_LEN];
    int status = mix_blake2b_keyed(c, digest, mix_bytes_of(key, HASH_KEY),
                                   mix_bytes_of(data + LEFT, len - LEFT));
    if (status == MIX_OK)
        xor_left(data, data, digest);
    mix_wipe(digest, sizeof digest);
    return status;
}

static int finished(int status, uint8_t *data, size_t len) {
    if (status != MIX_OK)
        mix_wipe(data, len);
    return status;
}

int mix_lioness_encrypt(mix_crypto *c, const uint8_t key[static MIX_LIONESS_KEY_LEN], uint8_t *data,
                        size_t len) {
    if (len < MIX_LIONESS_LEAST)
        return MIX_ERR_LIONESS_SIZE;
    int status = stream_round(c, key + K1, data, len);
    if (status == MIX_OK)
        status = hash_round(c, key + K2, data, len);
    if (status == MIX_OK)
        status = stream_round(c, key + K3, data, len);
    if (status == MIX_OK)
        status = hash_round(c, key + K4, data, len);
    return finished(status, data, len);
}

int mix_lioness_decrypt(mix_crypto *c, const uint8_t key[static MIX_LIONESS_KEY_LEN], uint8_t *data,
                        size_t len) {
    if (len < MIX_LIONESS_LEAST)
        return MIX_ERR_LIONESS_SIZE;
    int status = hash_round(c, key + K4, data, len);
    if (status == MIX_OK)
        status = stream_round(c, key + K3, data, len);
    if (status == MIX_OK)
        status = hash_round(c, key + K2, data, len);
    if (status == MIX_OK)
        status = stream_round(c, key + K1, data, len);
    return finished(status, data, len);
}
