/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/: what the header promises about aliasing, edges and failure. Known answers:
 * vectors_crypto.c. */
#include "crypto/crypto.h"

#include "alloc_fail.h"
#include "mix/errors.h"
#include "testing.h"

#include <openssl/err.h>

static mix_crypto *crypto;

static int setup(void **state) {
    (void)state;
    return mix_crypto_new(&crypto);
}

static int teardown(void **state) {
    (void)state;
    mix_crypto_free(crypto);
    return ERR_peek_error() !=
           0; /* no call leaves its failure in OpenSSL's queue, where tls/ would find it */
}

static void fill(uint8_t *out, size_t len, uint8_t seed) {
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(i * 167 + seed);
}

static bool only_zeros(const uint8_t *data, size_t len) {
    uint8_t all = 0;
    for (size_t i = 0; i < len; i++)
        all |= data[i];
    return all == 0;
}

static void no_memory_for_a_context(void **state) {
    (void)state;
    mix_crypto *c = (mix_crypto *)1;
    mix_alloc_fail_at(1, 1);
    assert_status(mix_crypto_new(&c), MIX_ERR_MEMORY);
    assert_null(c);
    mix_alloc_fail_at(0, 0);
    size_t live = mix_alloc_live();
    assert_status(mix_crypto_new(&c), MIX_OK);
    mix_crypto_free(c);
    mix_crypto_free(NULL);
    assert_int_equal(mix_alloc_live(), live);
}

static void equal_means_all_bytes(void **state) {
    (void)state;
    uint8_t a[33], b[33];
    fill(a, sizeof a, 1);
    memcpy(b, a, sizeof a);
    assert_true(mix_equal(a, b, sizeof a));
    assert_true(mix_equal(NULL, NULL, 0));
    for (size_t i = 0; i < sizeof a; i++)
        for (int bit = 0; bit < 8; bit++) {
            b[i] ^= (uint8_t)(1 << bit);
            assert_false(mix_equal(a, b, sizeof a));
            assert_true(mix_equal(a, b, i));
            b[i] = a[i];
        }
}

static void x25519_a_thousand_times(void **state) {
    (void)state;
    static const uint8_t want[32] = {0x68, 0x4c, 0xf5, 0x9b, 0xa8, 0x33, 0x09, 0x55,
                                     0x28, 0x00, 0xef, 0x56, 0x6f, 0x2f, 0x4d, 0x3c,
                                     0x1c, 0x38, 0x87, 0xc4, 0x93, 0x60, 0xe3, 0x87,
                                     0x5f, 0x2e, 0xb9, 0x4d, 0x99, 0x53, 0x2c, 0x51};
    uint8_t k[32] = {9}, u[32] = {9}, out[32];
    for (int i = 0; i < 1000; i++) { /* RFC 7748 §5.2 */
        mix_x25519(out, k, u);
        memcpy(u, k, 32);
        memcpy(k, out, 32);
    }
    assert_bytes(MIX_BYTES(k), MIX_BYTES(want));
}

/* Points of low order give zeros, and the top bit of a point does not count. */
static void x25519_takes_any_point(void **state) {
    (void)state;
    uint8_t secret[32], low[32] = {1}, point[32] = {9}, a[32], b[32];
    fill(secret, sizeof secret, 5);
    fill(a, sizeof a, 6);
    mix_x25519(a, secret, low);
    assert_true(only_zeros(a, sizeof a));
    mix_x25519(a, secret, point);
    point[31] |= 0x80;
    mix_x25519(b, secret, point);
    assert_bytes(MIX_BYTES(b), MIX_BYTES(a));
    mix_x25519_public(b, secret);
    assert_bytes(MIX_BYTES(b), MIX_BYTES(a));
    mix_x25519_public(secret, secret);
    assert_bytes(MIX_BYTES(secret), MIX_BYTES(a));
}

/* Whether keys that come in turns give what the plain way gives, at each of their uses. */
static void check_peers(mix_test_env *t, size_t peers, size_t uses) {
    enum { MOST = 8 };
    static const uint8_t low[][32] = {
        {0}, /* of order 4, 2 and 8 */
        {1},
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
         0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
         0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    };
    uint8_t key[MOST][32], secret[32], public[32], shared[32], want[32];
    for (size_t i = 0; i < peers; i++) /* half of random keys are of the twist */
        t->env.random(t, key[i], 32);
    if (peers > 3)
        memcpy(key[3], low[mix_test_below(t, 3)], 32);
    for (size_t n = 0; n < uses; n++) {
        const uint8_t *peer = key[n % peers];
        t->env.random(t, secret, 32);
        mix_x25519_ephemeral(crypto, public, shared, secret, peer);
        mix_x25519_public(want, secret);
        assert_bytes(MIX_BYTES(public), MIX_BYTES(want));
        mix_x25519(want, secret, peer);
        assert_bytes(MIX_BYTES(shared), MIX_BYTES(want));
    }
}

static void ephemeral_keys_agree_with_x25519(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 17);
    for (size_t peers = 1; peers <= 6; peers++)
        for (int round = 0; round < 4; round++)
            check_peers(&t, peers, 20 * peers);
    uint8_t both[64], want[64]; /* outputs on inputs, with tables */
    fill(both, sizeof both, 77);
    for (int i = 0; i < 20; i++) {
        mix_x25519_public(want, both);
        mix_x25519(want + 32, both, both + 32);
        mix_x25519_ephemeral(crypto, both, both + 32, both, both + 32);
        assert_bytes(MIX_BYTES(both), MIX_BYTES(want));
        memset(both + 32, 0, 32);
        both[32] = 9;
    }
}

static void ephemeral_keys_do_without_memory(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 5);
    for (size_t n = 1; n <= 5; n++) {
        mix_alloc_fail_at(n, 0);
        check_peers(&t, 2, 80);
    }
    mix_alloc_fail_at(1, 1);
    check_peers(&t, 2, 80);
    mix_alloc_fail_at(0, 0);
}

static void ed25519_refuses(void **state) {
    (void)state;
    uint8_t seed[32], key[32], signature[64], message[3] = {1, 2, 3};
    fill(seed, sizeof seed, 1);
    assert_status(mix_ed25519_public(crypto, key, seed), MIX_OK);
    assert_status(mix_ed25519_sign(crypto, signature, seed, MIX_BYTES(message)), MIX_OK);
    assert_status(mix_ed25519_verify(crypto, key, signature, MIX_BYTES(message)), MIX_OK);
    assert_status(mix_ed25519_verify(crypto, key, signature, mix_bytes_of(message, 2)),
                  MIX_ERR_SIGNATURE);
    assert_status(mix_ed25519_verify(crypto, key, signature, (mix_bytes){0}), MIX_ERR_SIGNATURE);
    key[0] ^= 1;
    assert_status(mix_ed25519_verify(crypto, key, signature, MIX_BYTES(message)),
                  MIX_ERR_SIGNATURE);
    memset(key, 0, sizeof key);
    key[0] = 2; /* no point of the curve has this y */
    assert_status(mix_ed25519_verify(crypto, key, signature, MIX_BYTES(message)),
                  MIX_ERR_SIGNATURE);
}

static void hkdf_has_limits(void **state) {
    (void)state;
    static uint8_t out[MIX_HKDF_MOST + 1], info[MIX_HKDF_INFO_MOST + 1];
    uint8_t ikm[32] = {1};
    memset(out, 0xaa, sizeof out);
    assert_status(
        mix_hkdf_sha256(crypto, out, sizeof out, MIX_BYTES(ikm), (mix_bytes){0}, (mix_bytes){0}),
        MIX_ERR_ARGUMENT);
    assert_status(mix_hkdf_sha256(crypto, out, 32, MIX_BYTES(ikm), (mix_bytes){0}, MIX_BYTES(info)),
                  MIX_ERR_ARGUMENT);
    assert_status(mix_hkdf_sha256(crypto, out, 0, MIX_BYTES(ikm), (mix_bytes){0}, (mix_bytes){0}),
                  MIX_OK);
    assert_int_equal(out[0], 0xaa);
    assert_status(mix_hkdf_sha256(crypto, out, 1, MIX_BYTES(ikm), (mix_bytes){0}, (mix_bytes){0}),
                  MIX_OK);
    assert_int_equal(out[1], 0xaa);
}

static void hkdf_over_its_own_input(void **state) {
    (void)state;
    uint8_t data[64], want[64];
    fill(data, sizeof data, 3);
    assert_status(mix_hkdf_sha256(crypto, want, 64, mix_bytes_of(data, 32), mix_bytes_of(data, 16),
                                  MIX_BYTES(data)),
                  MIX_OK);
    assert_status(mix_hkdf_sha256(crypto, data, 64, mix_bytes_of(data, 32), mix_bytes_of(data, 16),
                                  MIX_BYTES(data)),
                  MIX_OK);
    assert_bytes(MIX_BYTES(data), MIX_BYTES(want));
}

/* No salt, and a salt of zeros of a hash's length, are the same (RFC 5869 §2.2). */
static void hkdf_without_salt(void **state) {
    (void)state;
    uint8_t ikm[32], zeros[32] = {0}, a[40], b[40];
    fill(ikm, sizeof ikm, 9);
    assert_status(mix_hkdf_sha256(crypto, a, 40, MIX_BYTES(ikm), (mix_bytes){0}, (mix_bytes){0}),
                  MIX_OK);
    assert_status(mix_hkdf_sha256(crypto, b, 40, MIX_BYTES(ikm), MIX_BYTES(zeros), (mix_bytes){0}),
                  MIX_OK);
    assert_bytes(MIX_BYTES(a), MIX_BYTES(b));
    mix_hkdf_blake3(a, 40, MIX_BYTES(ikm), (mix_bytes){0}, (mix_bytes){0});
    mix_hkdf_blake3(b, 40, MIX_BYTES(ikm), MIX_BYTES(zeros), (mix_bytes){0});
    assert_bytes(MIX_BYTES(a), MIX_BYTES(b));
}

static void blake2b_keys_have_a_length(void **state) {
    (void)state;
    uint8_t key[65] = {0}, out[32], again[32];
    assert_status(mix_blake2b_keyed(crypto, out, (mix_bytes){0}, (mix_bytes){0}), MIX_ERR_ARGUMENT);
    assert_status(mix_blake2b_keyed(crypto, out, MIX_BYTES(key), (mix_bytes){0}), MIX_ERR_ARGUMENT);
    /* a context is reused: a long key must leave nothing behind a short one */
    assert_status(mix_blake2b_keyed(crypto, out, mix_bytes_of(key, 1), MIX_BYTES(key)), MIX_OK);
    memset(key, 0xff, sizeof key);
    assert_status(mix_blake2b_keyed(crypto, again, mix_bytes_of(key, 64), MIX_BYTES(key)), MIX_OK);
    memset(key, 0, sizeof key);
    assert_status(mix_blake2b_keyed(crypto, again, mix_bytes_of(key, 1), MIX_BYTES(key)), MIX_OK);
    assert_bytes(MIX_BYTES(again), MIX_BYTES(out));
}

/* A stream XORed twice is gone, whatever ran in between, and no bytes are fine. */
static void streams_start_anew(void **state) {
    (void)state;
    uint8_t key[32], data[100], other[77] = {0}, want[100];
    fill(key, sizeof key, 1);
    fill(data, sizeof data, 2);
    memcpy(want, data, sizeof data);
    for (int i = 0; i < 2; i++) {
        assert_status(mix_aes128_ctr(crypto, key, key + 16, data, sizeof data), MIX_OK);
        assert_status(mix_aes128_ctr(crypto, key + 16, key, other, sizeof other), MIX_OK);
        assert_status(mix_aes128_ctr(crypto, key, key + 16, NULL, 0), MIX_OK);
        assert_true((memcmp(data, want, sizeof data) == 0) == (i == 1));
    }
    for (int i = 0; i < 2; i++) {
        assert_status(mix_chacha20_zero_nonce(crypto, key, data, sizeof data), MIX_OK);
        assert_status(mix_chacha20_zero_nonce(crypto, other + 32, other, 32), MIX_OK);
        assert_status(mix_chacha20_zero_nonce(crypto, key, NULL, 0), MIX_OK);
        assert_true((memcmp(data, want, sizeof data) == 0) == (i == 1));
    }
}

typedef int seal(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                 const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad, mix_bytes in);

static void aead_in_place(seal *seal_it, seal *open_it) {
    uint8_t key[32], plain[100], apart[116], buffer[116];
    fill(key, sizeof key, 1);
    fill(plain, sizeof plain, 2);
    for (size_t len = 0; len <= sizeof plain; len++) {
        mix_bytes aad = mix_bytes_of(plain, len % 40);
        assert_status(seal_it(crypto, apart, key, key, aad, mix_bytes_of(plain, len)), MIX_OK);
        memcpy(buffer, plain, len);
        assert_status(seal_it(crypto, buffer, key, key, aad, mix_bytes_of(buffer, len)), MIX_OK);
        assert_bytes(mix_bytes_of(buffer, len + 16), mix_bytes_of(apart, len + 16));
        assert_status(open_it(crypto, buffer, key, key, aad, mix_bytes_of(buffer, len + 16)),
                      MIX_OK);
        assert_bytes(mix_bytes_of(buffer, len), mix_bytes_of(plain, len));
    }
}

static void aead_refuses(seal *seal_it, seal *open_it) {
    enum { LEN = 21 };
    uint8_t key[32], nonce[12], plain[LEN], sealed[LEN + 16], out[LEN];
    fill(key, sizeof key, 1);
    fill(nonce, sizeof nonce, 2);
    fill(plain, sizeof plain, 3);
    mix_bytes aad = mix_bytes_of(key, 7), in = MIX_BYTES(sealed);
    assert_status(seal_it(crypto, sealed, key, nonce, aad, MIX_BYTES(plain)), MIX_OK);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 0x10;
        memset(out, 0xaa, sizeof out);
        assert_status(open_it(crypto, out, key, nonce, aad, in), MIX_ERR_AEAD);
        assert_true(only_zeros(out, sizeof out));
        sealed[i] ^= 0x10;
    }
    for (size_t len = 0; len < sizeof sealed; len++) {
        memset(out, 0xaa, sizeof out);
        assert_status(open_it(crypto, out, key, nonce, aad, mix_bytes_of(sealed, len)),
                      MIX_ERR_AEAD);
        assert_true(len <= 16 || only_zeros(out, len - 16));
        assert_int_equal(out[sizeof out - 1], 0xaa); /* nothing behind in.len − 16 */
    }
    assert_status(open_it(crypto, out, key, key, aad, in), MIX_ERR_AEAD);
    key[31] ^= 1;
    assert_status(open_it(crypto, out, key, nonce, aad, in), MIX_ERR_AEAD);
    key[31] ^= 1;
    /* the associated data of the last call do not stay */
    assert_status(open_it(crypto, out, key, nonce, (mix_bytes){0}, in), MIX_ERR_AEAD);
    assert_status(open_it(crypto, out, key, nonce, aad, in), MIX_OK);
    assert_bytes(MIX_BYTES(out), MIX_BYTES(plain));
    assert_status(seal_it(crypto, sealed, key, nonce, (mix_bytes){0}, MIX_BYTES(plain)), MIX_OK);
    assert_status(open_it(crypto, out, key, nonce, (mix_bytes){0}, in), MIX_OK);
    assert_status(open_it(crypto, out, key, nonce, aad, in), MIX_ERR_AEAD);
}

static void gcm_siv(void **state) {
    (void)state;
    aead_in_place(mix_gcm_siv_seal, mix_gcm_siv_open);
    aead_refuses(mix_gcm_siv_seal, mix_gcm_siv_open);
}

static void gcm(void **state) {
    (void)state;
    aead_in_place(mix_aes256_gcm_seal, mix_aes256_gcm_open);
    aead_refuses(mix_aes256_gcm_seal, mix_aes256_gcm_open);
}

static void lioness_sizes(void **state) {
    (void)state;
    uint8_t key[MIX_LIONESS_KEY_LEN], data[200], want[200];
    fill(key, sizeof key, 1);
    fill(data, sizeof data, 2);
    memcpy(want, data, sizeof data);
    for (size_t len = 0; len < MIX_LIONESS_LEAST; len++) {
        assert_status(mix_lioness_encrypt(crypto, key, data, len), MIX_ERR_LIONESS_SIZE);
        assert_status(mix_lioness_decrypt(crypto, key, data, len), MIX_ERR_LIONESS_SIZE);
        assert_bytes(MIX_BYTES(data), MIX_BYTES(want));
    }
    for (size_t len = MIX_LIONESS_LEAST; len <= sizeof data; len++) {
        assert_status(mix_lioness_encrypt(crypto, key, data, len), MIX_OK);
        assert_memory_not_equal(data, want, len);
        assert_status(mix_lioness_decrypt(crypto, key, data, len), MIX_OK);
        assert_bytes(MIX_BYTES(data), MIX_BYTES(want));
    }
}

static void argon2_has_limits(void **state) {
    (void)state;
    uint8_t out[32], salt[16] = {0};
    const mix_bytes word = mix_bytes_str("word"), s = MIX_BYTES(salt);
    memset(out, 0xaa, sizeof out);
    assert_status(mix_argon2id(crypto, out, 3, word, s, 8, 1), MIX_ERR_ARGUMENT);
    assert_status(mix_argon2id(crypto, out, 32, word, mix_bytes_of(salt, 7), 8, 1),
                  MIX_ERR_ARGUMENT);
    assert_status(mix_argon2id(crypto, out, 32, word, s, 7, 1), MIX_ERR_ARGUMENT);
    assert_status(mix_argon2id(crypto, out, 32, word, s, 8, 0), MIX_ERR_ARGUMENT);
    assert_int_equal(out[0], 0xaa);
    assert_status(mix_argon2id(crypto, out, 32, word, s, 8, 1), MIX_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
    TEST(no_memory_for_a_context),
    TEST(equal_means_all_bytes),
    TEST(x25519_a_thousand_times),
    TEST(x25519_takes_any_point),
    TEST(ephemeral_keys_agree_with_x25519),
    TEST(ephemeral_keys_do_without_memory),
    TEST(ed25519_refuses),
    TEST(hkdf_has_limits),
    TEST(hkdf_over_its_own_input),
    TEST(hkdf_without_salt),
    TEST(blake2b_keys_have_a_length),
    TEST(streams_start_anew),
    TEST(gcm_siv),
    TEST(gcm),
    TEST(lioness_sizes),
    TEST(argon2_has_limits),
};
MIX_TEST_MAIN(crypto_test, tests)
