/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/ when OpenSSL gets no memory, at each of its allocations in turn: an error, nothing
 * leaked, and the same context works again as soon as there is memory. A program of its own, since
 * OpenSSL takes an allocator only before its first use. */
#include "crypto/crypto.h"

#include "mix/errors.h"
#include "testing.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

static struct {
    size_t fail_at, count;
    long live;
} heap;

static int refuse(void) {
    return ++heap.count == heap.fail_at;
}

static void *take(size_t size, const char *file, int line) {
    (void)file, (void)line;
    void *p = refuse() ? NULL : malloc(size);
    heap.live += p != NULL;
    return p;
}

static void *retake(void *old, size_t size, const char *file, int line) {
    (void)file, (void)line;
    void *p = refuse() ? NULL : realloc(old, size);
    heap.live += p && !old;
    return p;
}

static void give(void *p, const char *file, int line) {
    (void)file, (void)line;
    heap.live -= p != NULL;
    free(p);
}

static mix_crypto *crypto;
static uint8_t out[100], key[MIX_LIONESS_KEY_LEN], data[84];

static int context(void) {
    mix_crypto *c = NULL;
    int status = mix_crypto_new(&c);
    assert_true((status == MIX_OK) == (c != NULL));
    mix_crypto_free(c);
    return status;
}
static int aes(void) {
    return mix_aes128_ctr(crypto, key, key, data, sizeof data);
}
static int chacha(void) {
    return mix_chacha20_zero_nonce(crypto, key, data, sizeof data);
}
static int blake2b(void) {
    return mix_blake2b_keyed(crypto, out, mix_bytes_of(key, 64), MIX_BYTES(data));
}
static int lioness(void) {
    return mix_lioness_encrypt(crypto, key, data, sizeof data);
}
static int siv_seal(void) {
    return mix_gcm_siv_seal(crypto, out, key, key, mix_bytes_of(key, 9), MIX_BYTES(data));
}
static int siv_open(void) {
    int status = mix_gcm_siv_seal(crypto, out, key, key, mix_bytes_of(key, 9), MIX_BYTES(data));
    return status != MIX_OK
               ? status
               : mix_gcm_siv_open(crypto, out, key, key, mix_bytes_of(key, 9), MIX_BYTES(out));
}
static int gcm_seal(void) {
    return mix_aes256_gcm_seal(crypto, out, key, key, mix_bytes_of(key, 9), MIX_BYTES(data));
}
static int ed25519_public(void) {
    return mix_ed25519_public(crypto, out, key);
}
static int ed25519_sign(void) {
    return mix_ed25519_sign(crypto, out, key, MIX_BYTES(data));
}
static int ed25519_verify(void) {
    uint8_t public[MIX_KEY_LEN], signature[MIX_SIGNATURE_LEN];
    int status = mix_ed25519_public(crypto, public, key);
    if (status == MIX_OK)
        status = mix_ed25519_sign(crypto, signature, key, MIX_BYTES(data));
    return status != MIX_OK ? status
                            : mix_ed25519_verify(crypto, public, signature, MIX_BYTES(data));
}
static int argon2id(void) {
    return mix_argon2id(crypto, out, 32, MIX_BYTES(data), mix_bytes_of(key, 16), 8, 1);
}

static const struct {
    const char *name;
    int (*run)(void);
    bool takes_none; /* works without memory: it is on the way of each packet */
} calls[] = {
    {"context", context, false},
    {"aes", aes, true},
    {"chacha20", chacha, true},
    {"blake2b", blake2b, true},
    {"lioness", lioness, true},
    {"gcm-siv seal", siv_seal, false},
    {"gcm-siv open", siv_open, false},
    {"gcm seal", gcm_seal, true},
    {"ed25519 public", ed25519_public, false},
    {"ed25519 sign", ed25519_sign, false},
    {"ed25519 verify", ed25519_verify, false},
    {"argon2id", argon2id, false},
};

/* One call whose n-th allocation fails; false when it makes fewer. */
static bool fails_at(size_t i, size_t n, const uint8_t *want) {
    memset(out, 0, sizeof out);
    heap.count = 0;
    heap.fail_at = n;
    int status = calls[i].run();
    bool reached = heap.count >= n;
    heap.fail_at = 0;
    if (status != MIX_OK)
        assert_status(status, MIX_ERR_CRYPTO);
    if (status == MIX_OK) /* OpenSSL could do without */
        assert_bytes(MIX_BYTES(out), mix_bytes_of(want, sizeof out));
    else if (calls[i].run != siv_open)
        for (size_t at = 0; at < sizeof out; at++)
            assert_int_equal(out[at], 0);
    assert_int_equal(ERR_peek_error(), 0);
    return reached;
}

static void each_allocation_fails_once(void **state) {
    (void)state;
    uint8_t want[sizeof out];
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        memset(out, 0, sizeof out);
        assert_status(calls[i].run(), MIX_OK); /* OpenSSL's own caches fill */
        memcpy(want, out, sizeof want);
        long live = heap.live;
        size_t n = 1;
        for (; fails_at(i, n, want); n++) {
            assert_status(calls[i].run(), MIX_OK);
            if (heap.live != live) /* only now: a context may have given up what it had kept */
                fail_msg("%s: after allocation %zu failed, %ld more are live", calls[i].name, n,
                         heap.live - live);
        }
        printf("  %s: %zu allocations\n", calls[i].name, n - 1);
        assert_int_equal(n == 1, calls[i].takes_none);
    }
}

static int setup(void **state) {
    (void)state;
    /* The first failure of a process loads texts, and each slot of the queue keeps its words. */
    for (int slot = 0; slot < 2 * ERR_NUM_ERRORS; slot++)
        ERR_raise_data(ERR_LIB_USER, 1, "%0200d", slot);
    ERR_clear_error();
    return mix_crypto_new(&crypto);
}

static int teardown(void **state) {
    (void)state;
    mix_crypto_free(crypto);
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(each_allocation_fails_once, setup, teardown),
};

int main(void) {
    if (CRYPTO_set_mem_functions(take, retake, give) != 1)
        return 1;
    int failed = cmocka_run_group_tests_name("memory_test", tests, NULL, NULL);
    printf("crypto_memory_test: %d passed, %d failed\n", 1 - failed, failed);
    return failed != 0;
}
