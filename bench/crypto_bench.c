/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds of each primitive at the sizes of a packet. The ratio, where there is one, is how
 * many times faster it is in the same run than through OpenSSL's EVP interface, or for ephemeral
 * keys than by plain X25519. */
#include "bench.h"

#include "crypto/crypto.h"
#include "mix/errors.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

enum { HEADER_STREAM = 360, HEADER_MAC = 300, PAYLOAD = 2065, FRAGMENT = 1611, FRAME = 2427 };

typedef struct context {
    mix_crypto *c;
    EVP_KDF *hkdf;
    EVP_CIPHER *siv;
    uint8_t peer[MIX_KEY_LEN], public[MIX_KEY_LEN], signature[MIX_SIGNATURE_LEN];
    uint8_t key[MIX_LIONESS_KEY_LEN], data[FRAME], out[FRAME + MIX_AEAD_TAG_LEN],
        sealed[FRAME + MIX_AEAD_TAG_LEN];
} context;

static const char info[] = "Dwste mou enan moxlo arketa makru kai ena upomoxlio gia na ton "
                           "topothetisw kai tha kinisw thn gh.";

static void must(int ok) {
    if (!ok)
        mix_bench_die("crypto_bench", MIX_ERR_CRYPTO);
}

static void x25519(void *ctx) {
    context *t = ctx;
    mix_x25519(t->out, t->key, t->peer);
}
static void x25519_public(void *ctx) {
    context *t = ctx;
    mix_x25519_public(t->out, t->key);
}
static void x25519_evp(void *ctx) {
    context *t = ctx;
    size_t len = MIX_KEY_LEN;
    EVP_PKEY *secret = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, t->key, MIX_KEY_LEN);
    EVP_PKEY *point = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, t->peer, MIX_KEY_LEN);
    EVP_PKEY_CTX *derive = EVP_PKEY_CTX_new(secret, NULL);
    must(EVP_PKEY_derive_init(derive) == 1 && EVP_PKEY_derive_set_peer(derive, point) == 1 &&
         EVP_PKEY_derive(derive, t->out, &len) == 1);
    EVP_PKEY_CTX_free(derive);
    EVP_PKEY_free(point);
    EVP_PKEY_free(secret);
}
static void ephemeral(void *ctx) {
    context *t = ctx;
    mix_x25519_ephemeral(t->c, t->out, t->out + 32, t->key, t->peer);
}
static void ephemeral_plain(void *ctx) {
    x25519(ctx);
    x25519_public(ctx);
}
static void ed25519_sign(void *ctx) {
    context *t = ctx;
    must(mix_ed25519_sign(t->c, t->out, t->key, mix_bytes_of(t->data, 64)) == MIX_OK);
}
static void ed25519_verify(void *ctx) {
    context *t = ctx;
    must(mix_ed25519_verify(t->c, t->public, t->signature, mix_bytes_of(t->key, 64)) == MIX_OK);
}

static void hkdf(void *ctx) {
    context *t = ctx;
    must(mix_hkdf_sha256(t->c, t->out, 288, mix_bytes_of(t->key, 32), (mix_bytes){0},
                         mix_bytes_str(info)) == MIX_OK);
}
static void hkdf_evp(void *ctx) {
    context *t = ctx;
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, t->key, 32),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info,
                                          sizeof info - 1),
        OSSL_PARAM_END,
    };
    EVP_KDF_CTX *derive = EVP_KDF_CTX_new(t->hkdf);
    must(derive && EVP_KDF_derive(derive, t->out, 288, params) == 1);
    EVP_KDF_CTX_free(derive);
}
static void hkdf_blake3(void *ctx) {
    context *t = ctx;
    mix_hkdf_blake3(t->out, 16, mix_bytes_of(t->key, 32), (mix_bytes){0}, (mix_bytes){0});
}
static void hmac(void *ctx) {
    context *t = ctx;
    must(mix_hmac_sha256(t->c, t->out, mix_bytes_of(t->key, 16),
                         mix_bytes_of(t->data, HEADER_MAC)) == MIX_OK);
}
static void blake2b(void *ctx) {
    context *t = ctx;
    must(mix_blake2b_keyed(t->c, t->out, mix_bytes_of(t->key, 64),
                           mix_bytes_of(t->data, PAYLOAD - 32)) == MIX_OK);
}
static void aes_header(void *ctx) {
    context *t = ctx;
    must(mix_aes128_ctr(t->c, t->key, t->key, t->data, HEADER_STREAM) == MIX_OK);
}
static void aes_fragment(void *ctx) {
    context *t = ctx;
    must(mix_aes128_ctr(t->c, t->key, t->key, t->data, FRAGMENT) == MIX_OK);
}
static void chacha20(void *ctx) {
    context *t = ctx;
    must(mix_chacha20_zero_nonce(t->c, t->key, t->data, PAYLOAD - 32) == MIX_OK);
}
static void lioness(void *ctx) {
    context *t = ctx;
    must(mix_lioness_encrypt(t->c, t->key, t->data, PAYLOAD) == MIX_OK);
}

static void siv_seal(void *ctx) {
    context *t = ctx;
    must(mix_gcm_siv_seal(t->c, t->sealed, t->key, t->key, (mix_bytes){0},
                          mix_bytes_of(t->data, FRAME)) == MIX_OK);
}
static void siv_open(void *ctx) {
    context *t = ctx;
    must(mix_gcm_siv_open(t->c, t->out, t->key, t->key, (mix_bytes){0}, MIX_BYTES(t->sealed)) ==
         MIX_OK);
}
static void siv_evp(void *ctx) {
    context *t = ctx;
    int made = 0, rest = 0;
    EVP_CIPHER_CTX *e = EVP_CIPHER_CTX_new();
    must(e && EVP_EncryptInit_ex2(e, t->siv, t->key, t->key, NULL) == 1 &&
         EVP_EncryptUpdate(e, t->out, &made, t->data, FRAME) == 1 &&
         EVP_EncryptFinal_ex(e, t->out + FRAME, &rest) == 1 &&
         EVP_CIPHER_CTX_ctrl(e, EVP_CTRL_AEAD_GET_TAG, MIX_AEAD_TAG_LEN, t->out + FRAME) == 1);
    EVP_CIPHER_CTX_free(e);
}
static void gcm_seal(void *ctx) {
    context *t = ctx;
    must(mix_aes256_gcm_seal(t->c, t->out, t->key, t->key, (mix_bytes){0},
                             mix_bytes_of(t->data, FRAME)) == MIX_OK);
}
int main(void) {
    static context t;
    must(mix_crypto_new(&t.c) == MIX_OK);
    t.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    t.siv = EVP_CIPHER_fetch(NULL, "AES-256-GCM-SIV", NULL);
    for (size_t i = 0; i < sizeof t.key; i++)
        t.key[i] = (uint8_t)(i * 3);
    mix_x25519_public(t.peer, t.key);
    mix_bench_case cases[] = {
        {"x25519-dh", x25519, &t, 0},
        {"", x25519_evp, &t, 0}, /* for the ratio of the row before it */
        {"x25519-public", x25519_public, &t, 0},
        {"x25519-ephemeral", ephemeral, &t, 0},
        {"", ephemeral_plain, &t, 0},
        {"ed25519-sign", ed25519_sign, &t, 0},
        {"ed25519-verify", ed25519_verify, &t, 0},
        {"hkdf-sha256-hop", hkdf, &t, 0},
        {"", hkdf_evp, &t, 0},
        {"hkdf-blake3-16", hkdf_blake3, &t, 0},
        {"hmac-sha256-header", hmac, &t, 0},
        {"aes-128-ctr-header", aes_header, &t, 0},
        {"aes-128-ctr-fragment", aes_fragment, &t, 0},
        {"blake2b-payload", blake2b, &t, 0},
        {"chacha20-payload", chacha20, &t, 0},
        {"lioness-payload", lioness, &t, 0},
        {"aes-256-gcm-siv-seal-packet", siv_seal, &t, 0},
        {"", siv_evp, &t, 0},
        {"aes-256-gcm-siv-open-packet", siv_open, &t, 0},
        {"aes-256-gcm-seal-packet", gcm_seal, &t, 0},
    };
    const size_t count = sizeof cases / sizeof *cases;
    siv_seal(&t); /* something to open, and to verify */
    must(mix_ed25519_public(t.c, t.public, t.key) == MIX_OK &&
         mix_ed25519_sign(t.c, t.signature, t.key, mix_bytes_of(t.key, 64)) == MIX_OK);
    mix_bench_times(cases, count, 0.1);
    for (size_t i = 0; i < count; i++) {
        bool compared = i + 1 < count && *cases[i + 1].name == 0;
        if (*cases[i].name)
            mix_bench_row(cases[i].name, 1e9 * cases[i].seconds, "ns",
                          compared ? cases[i + 1].seconds / cases[i].seconds : 0);
    }
    EVP_CIPHER_free(t.siv);
    EVP_KDF_free(t.hkdf);
    mix_crypto_free(t.c);
    return mix_bench_status();
}
