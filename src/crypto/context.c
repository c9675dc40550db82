/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches algorithms once: a fetch by name costs more than the work on a packet. */
#include "crypto/context.h"

#include "base/alloc.h"
#include "mix/errors.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>

int mix_crypto_end(int status) {
    ERR_clear_error();
    return status;
}

bool mix_crypto_no_memory(void) {
    bool found = false;
    for (unsigned long e = ERR_get_error(); e != 0; e = ERR_get_error())
        found |= ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
    return found;
}

/* A context with the algorithm set, but neither key nor nonce; NULL on failure. */
static EVP_CIPHER_CTX *cipher_new(const char *name) {
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
    if (ctx && EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher); /* the context holds its own reference */
    return ctx;
}

static EVP_MAC_CTX *blake2b_new(void) {
    size_t size = MIX_KEY_LEN;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_END};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "BLAKE2BMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    if (ctx && EVP_MAC_CTX_set_params(ctx, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MAC_free(mac);
    return ctx;
}

int mix_crypto_new(mix_crypto **out) {
    *out = NULL;
    mix_crypto *c = mix_alloc_zero(1, sizeof *c);
    if (!c)
        return MIX_ERR_MEMORY;
    c->aes128_ctr = cipher_new("AES-128-CTR");
    c->chacha20 = cipher_new("ChaCha20");
    c->gcm_siv = cipher_new("AES-256-GCM-SIV");
    c->gcm = cipher_new("AES-256-GCM");
    c->blake2b = blake2b_new();
    c->argon2id = EVP_KDF_fetch(NULL, "ARGON2ID", NULL);
    if (!c->aes128_ctr || !c->chacha20 || !c->gcm_siv || !c->gcm || !c->blake2b || !c->argon2id) {
        mix_crypto_free(c);
        return mix_crypto_end(MIX_ERR_CRYPTO);
    }
    mix_hmac_key_init(&c->no_salt, (mix_bytes){0});
    *out = c;
    return mix_crypto_end(MIX_OK);
}

void mix_crypto_free(mix_crypto *c) {
    if (!c)
        return;
    EVP_CIPHER_CTX_free(c->aes128_ctr); /* these wipe what they hold */
    EVP_CIPHER_CTX_free(c->chacha20);
    EVP_CIPHER_CTX_free(c->gcm_siv);
    EVP_CIPHER_CTX_free(c->gcm);
    EVP_MAC_CTX_free(c->blake2b);
    EVP_KDF_free(c->argon2id);
    mix_known_peers_deinit(c);
    mix_free_wiped(c, sizeof *c);
}

bool mix_equal(const void *a, const void *b, size_t len) {
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}
