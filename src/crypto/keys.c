/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 and Ed25519. */
#include "crypto/context.h"

#include "base/alloc.h"
#include "mix/errors.h"

/* Inside libcrypto, not in its headers: our OpenSSL is pinned, and the vectors of RFC 7748 would
 * notice a change. EVP_PKEY makes two objects and a multiplication of the base point in front of
 * each exchange (docs/decisions/crypto-internals.md). */
int ossl_x25519(uint8_t out[32], const uint8_t secret[32], const uint8_t point[32]);
void ossl_x25519_public_from_private(uint8_t out[32], const uint8_t secret[32]);

void mix_x25519(uint8_t out[static MIX_KEY_LEN], const uint8_t secret[static MIX_KEY_LEN],
                const uint8_t point[static MIX_KEY_LEN]) {
    uint8_t copy[MIX_KEY_LEN]; /* out may be point */
    memcpy(copy, point, sizeof copy);
    (void)ossl_x25519(
        out, secret,
        copy); /* says whether the result is all zeros, which is written all the same */
}

void mix_x25519_public(uint8_t out[static MIX_KEY_LEN], const uint8_t secret[static MIX_KEY_LEN]) {
    uint8_t copy[MIX_KEY_LEN];
    memcpy(copy, secret, sizeof copy);
    ossl_x25519_public_from_private(out, copy);
    mix_wipe(copy, sizeof copy);
}

int mix_ed25519_public(mix_crypto *c, uint8_t out[static MIX_KEY_LEN],
                       const uint8_t seed[static MIX_KEY_LEN]) {
    (void)c;
    size_t made = MIX_KEY_LEN;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, MIX_KEY_LEN);
    bool ok = key && EVP_PKEY_get_raw_public_key(key, out, &made) == 1 && made == MIX_KEY_LEN;
    EVP_PKEY_free(key);
    if (ok)
        return mix_crypto_end(MIX_OK);
    mix_wipe(out, MIX_KEY_LEN);
    return mix_crypto_end(MIX_ERR_CRYPTO);
}

int mix_ed25519_sign(mix_crypto *c, uint8_t out[static MIX_SIGNATURE_LEN],
                     const uint8_t seed[static MIX_KEY_LEN], mix_bytes message) {
    (void)c;
    size_t made = MIX_SIGNATURE_LEN;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, MIX_KEY_LEN);
    EVP_MD_CTX *ctx = key ? EVP_MD_CTX_new() : NULL;
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(ctx, out, &made, message.data, message.len) == 1 &&
              made == MIX_SIGNATURE_LEN;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    if (ok)
        return mix_crypto_end(MIX_OK);
    mix_wipe(out, MIX_SIGNATURE_LEN);
    return mix_crypto_end(MIX_ERR_CRYPTO);
}

int mix_ed25519_verify(mix_crypto *c, const uint8_t key[static MIX_KEY_LEN],
                       const uint8_t signature[static MIX_SIGNATURE_LEN], mix_bytes message) {
    (void)c;
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, MIX_KEY_LEN);
    EVP_MD_CTX *ctx = public ? EVP_MD_CTX_new() : NULL;
    int status = MIX_ERR_CRYPTO;
    if (ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public) == 1) {
        mix_crypto_end(MIX_OK);
        if (EVP_DigestVerify(ctx, signature, MIX_SIGNATURE_LEN, message.data, message.len) == 1)
            status = MIX_OK;
        else if (!mix_crypto_no_memory()) /* which says "no" as a bad signature does */
            status = MIX_ERR_SIGNATURE;
    }
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(public);
    return mix_crypto_end(status);
}
