/* SPDX-License-Identifier: Apache-2.0 */
/* Argon2id: keys from passphrases, slow on purpose. */
#include "crypto/context.h"

#include "base/alloc.h"
#include "mix/errors.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>

int mix_argon2id(mix_crypto *c, uint8_t *out, size_t len, mix_bytes passphrase, mix_bytes salt,
                 uint32_t memory_kib, uint32_t passes) {
    uint32_t one = 1, version = 0x13;
    uint8_t none[1] = {0};
    void *secret = passphrase.len > 0 ? (void *)(uintptr_t)passphrase.data : none;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, secret, passphrase.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.data,
                                          salt.len),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_MEMCOST, &memory_kib),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ITER, &passes),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_LANES, &one),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_THREADS, &one),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_VERSION, &version),
        OSSL_PARAM_END,
    };
    if (len < 4 || len > UINT32_MAX || salt.len < 8 || memory_kib < 8 ||
        passes < 1) /* what RFC 9106 asks for */
        return MIX_ERR_ARGUMENT;
    mix_crypto_end(MIX_OK);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(c->argon2id);
    /* Without memory for its first hash, OpenSSL's Argon2 goes on with whatever there is, and
     * succeeds. */
    bool ok = ctx && EVP_KDF_derive(ctx, out, len, params) == 1 && !mix_crypto_no_memory();
    EVP_KDF_CTX_free(ctx);
    if (ok)
        return mix_crypto_end(MIX_OK);
    mix_wipe(out, len);
    return mix_crypto_end(MIX_ERR_CRYPTO);
}
