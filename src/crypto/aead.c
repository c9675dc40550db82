/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM-SIV for what passes between client and gateway, AES-256-GCM for the links between
 * nodes. */
#include "crypto/context.h"

#include "base/alloc.h"
#include "mix/errors.h"

#include <limits.h>

enum { TAG = MIX_AEAD_TAG_LEN };

/* A pointer that is not NULL, which OpenSSL would take for "no such input" rather than for one of
 * no bytes. */
static const uint8_t *pointer(mix_bytes in) {
    static const uint8_t none[1];
    return in.len > 0 ? in.data : none;
}

/* Sets key and nonce and takes the associated data. GCM-SIV keeps those of the last call until it
 * is told "none". */
static int start(EVP_CIPHER_CTX *ctx, int seal, const uint8_t *key, const uint8_t *nonce,
                 mix_bytes aad) {
    int made = 0;
    return EVP_CipherInit_ex2(ctx, NULL, key, nonce, seal, NULL) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &made, pointer((mix_bytes){0}), 0) == 1 &&
           (aad.len == 0 || EVP_CipherUpdate(ctx, NULL, &made, aad.data, (int)aad.len) == 1);
}

static int seal(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *key, const uint8_t *nonce,
                mix_bytes aad, mix_bytes in) {
    int made = 0, rest = 0;
    if (in.len > INT_MAX - TAG || aad.len > INT_MAX)
        return MIX_ERR_ARGUMENT;
    if (start(ctx, 1, key, nonce, aad) &&
        EVP_CipherUpdate(ctx, out, &made, pointer(in), (int)in.len) == 1 &&
        EVP_CipherFinal_ex(ctx, out + in.len, &rest) == 1 && (size_t)made == in.len && rest == 0 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + in.len) == 1)
        return MIX_OK;
    mix_wipe(out, in.len + TAG);
    return mix_crypto_end(MIX_ERR_CRYPTO);
}

static int open(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *key, const uint8_t *nonce,
                mix_bytes aad, mix_bytes in) {
    int made = 0, rest = 0;
    uint8_t tag[TAG], none[1];
    if (in.len < TAG)
        return MIX_ERR_AEAD;
    if (in.len > INT_MAX || aad.len > INT_MAX)
        return MIX_ERR_ARGUMENT;
    size_t len = in.len - TAG;
    memcpy(tag, in.data + len, TAG); /* first: out may be in */
    if (!start(ctx, 0, key, nonce, aad) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1 ||
        EVP_CipherUpdate(ctx, len > 0 ? out : none, &made, in.data, (int)len) != 1) {
        mix_wipe(out, len);
        return mix_crypto_end(MIX_ERR_CRYPTO);
    }
    if (EVP_CipherFinal_ex(ctx, none, &rest) == 1)
        return MIX_OK;
    mix_wipe(out, len);
    return mix_crypto_end(MIX_ERR_AEAD);
}

int mix_gcm_siv_seal(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                     const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad, mix_bytes in) {
    return seal(c->gcm_siv, out, key, nonce, aad, in);
}

int mix_gcm_siv_open(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                     const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad, mix_bytes in) {
    return open(c->gcm_siv, out, key, nonce, aad, in);
}

int mix_aes256_gcm_seal(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                        const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad,
                        mix_bytes in) {
    return seal(c->gcm, out, key, nonce, aad, in);
}

int mix_aes256_gcm_open(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                        const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad,
                        mix_bytes in) {
    return open(c->gcm, out, key, nonce, aad, in);
}
