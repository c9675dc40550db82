/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that the built parts hold what lwmix needs of them; run by test.sh for each target. Prints what is missing. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include <blake3.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <yyjson.h>
#if UINTPTR_MAX > 0xffffffff
#include <fiat/curve25519_64.h>
#else
#include <fiat/curve25519_32.h>
#endif

static int bad;

static void check(const char *what, int there) {
    if (!there) {
        printf("missing: %s\n", what);
        bad = 1;
    }
}

static const char hex_of_abc_sha256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char hex_of_nothing_blake3[] = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

static int is_hex(const uint8_t bytes[32], const char *hex) {
    char got[65];
    for (int i = 0; i < 32; i++)
        snprintf(got + 2 * i, 3, "%02x", bytes[i]);
    return strcmp(got, hex) == 0;
}

int main(void) {
    static const char *const ciphers[] = {"AES-256-GCM-SIV", "AES-256-GCM", "ChaCha20-Poly1305", "ChaCha20", "AES-128-CTR"};
    static const char *const digests[] = {"SHA2-256", "SHA2-512", "BLAKE2b512", "SHA1"};
    static const char *const kdfs[] = {"HKDF", "ARGON2ID"};
    static const char *const keys[] = {"X25519", "ED25519", "EC", "RSA", "ML-KEM-768"};
    uint8_t out[32];

    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
        check(ciphers[i], EVP_CIPHER_fetch(NULL, ciphers[i], NULL) != NULL);
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
        check(digests[i], EVP_MD_fetch(NULL, digests[i], NULL) != NULL);
    for (size_t i = 0; i < sizeof kdfs / sizeof *kdfs; i++)
        check(kdfs[i], EVP_KDF_fetch(NULL, kdfs[i], NULL) != NULL);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        check(keys[i], EVP_PKEY_CTX_new_from_name(NULL, keys[i], NULL) != NULL);
    check("BLAKE2BMAC", EVP_MAC_fetch(NULL, "BLAKE2BMAC", NULL) != NULL);

    SHA256_CTX sha;
    SHA256_Init(&sha);
    SHA256_Update(&sha, "abc", 3);
    SHA256_Final(out, &sha);
    check("SHA256 of abc", is_hex(out, hex_of_abc_sha256));

    blake3_hasher b3;
    blake3_hasher_init(&b3);
    blake3_hasher_finalize(&b3, out, sizeof out);
    check("BLAKE3 of nothing", is_hex(out, hex_of_nothing_blake3));

    yyjson_doc *doc = yyjson_read("{\"a\":[1]}", 9, 0);
    check("yyjson", doc != NULL && yyjson_read("{\"a\":[1],}", 10, YYJSON_READ_ALLOW_TRAILING_COMMAS) == NULL);
    yyjson_doc_free(doc);

#ifdef PROBE_TLS /* needs randomness, which the wasm build leaves to us */
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    check("TLS group X25519MLKEM768", ctx && SSL_CTX_set1_groups_list(ctx, "X25519MLKEM768:X25519:P-256"));
    SSL_CTX_free(ctx);
#endif
    if (!bad)
        puts("all there");
    return bad;
}
