/* SPDX-License-Identifier: Apache-2.0 */
/* Stream ciphers: AES-128-CTR and ChaCha20. */
#include "crypto/context.h"

#include "base/alloc.h"
#include "mix/errors.h"

/* OpenSSL counts with int. */
static const size_t piece_most = (size_t)1 << 30;

static int apply(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *iv, uint8_t *data,
                 size_t len) {
    int ok = EVP_EncryptInit_ex2(ctx, NULL, key, iv, NULL);
    for (size_t at = 0; ok == 1 && at < len;) {
        size_t n = len - at < piece_most ? len - at : piece_most;
        int made = 0;
        ok = EVP_EncryptUpdate(ctx, data + at, &made, data + at, (int)n);
        at += n;
    }
    if (ok == 1)
        return MIX_OK;
    mix_wipe(data, len);
    return mix_crypto_end(MIX_ERR_CRYPTO);
}

int mix_aes128_ctr(mix_crypto *c, const uint8_t key[static MIX_AES128_KEY_LEN],
                   const uint8_t iv[static MIX_AES128_KEY_LEN], uint8_t *data, size_t len) {
    return apply(c->aes128_ctr, key, iv, data, len);
}

int mix_chacha20_zero_nonce(mix_crypto *c, const uint8_t key[static MIX_KEY_LEN], uint8_t *data,
                            size_t len) {
    static const uint8_t start[16] = {0}; /* OpenSSL's form: counter, then nonce */
    return apply(c->chacha20, key, start, data, len);
}
