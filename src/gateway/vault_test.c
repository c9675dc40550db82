/* SPDX-License-Identifier: Apache-2.0 */
/* gateway/: values sealed as the identity is, or readable without a passphrase. */
#include "alloc_fail.h"
#include "base/alloc.h"
#include "gateway/identity.h"
#include "testing.h"

#include <stdlib.h>

static const char magic[] = "lwmix-xx", other_magic[] = "lwmix-id";
static mix_crypto *crypto;
static mix_test_env env;

static void begin(void) {
    mix_test_env_init(&env, 1);
    assert_status(mix_crypto_new(&crypto), MIX_OK);
}

/* Of a cheap derivation: what new ones cost is identity_test.c's. */
static mix_vault vault_of(const char *passphrase) {
    mix_vault v = {.sealed = passphrase != NULL, .memory_kib = 8, .passes = 1};
    if (passphrase)
        assert_status(mix_vault_derive(&v, crypto, mix_bytes_str(passphrase)), MIX_OK);
    return v;
}

static int open_copy(const mix_vault *v, const char *as, const uint8_t *value, size_t len) {
    mix_buf out = {0};
    uint8_t *copy = malloc(len + 1); /* of its own, so that a read past the end is seen */
    memcpy(copy, value, len);
    mix_buf_put_str(&out, "before");
    int status = mix_vault_open(&out, crypto, v, as, mix_bytes_of(copy, len));
    if (status != MIX_OK)
        assert_int_equal(out.len, 6);
    mix_buf_deinit(&out);
    free(copy);
    return status;
}

static void what_is_sealed_opens(void **state) {
    static const size_t sizes[] = {0, 1, 100, 200000};
    (void)state;
    begin();
    for (size_t i = 0; i < 8; i++) {
        mix_vault v = vault_of(i < 4 ? "word" : NULL);
        mix_buf content = {0}, value = {0}, again = {0}, twice = {0};
        for (size_t k = 0; k < sizes[i % 4]; k++)
            mix_buf_put_u8(&content, (uint8_t)(k * 7));
        assert_status(mix_vault_seal(&value, crypto, &env.env, &v, magic, mix_buf_bytes(&content)),
                      MIX_OK);
        assert_true(value.len <= content.len + MIX_VAULT_AROUND);
        assert_status(mix_vault_open(&again, crypto, &v, magic, mix_buf_bytes(&value)), MIX_OK);
        assert_bytes(mix_buf_bytes(&again), mix_buf_bytes(&content));
        assert_status(mix_vault_seal(&twice, crypto, &env.env, &v, magic, mix_buf_bytes(&content)),
                      MIX_OK);
        bool same = mix_bytes_equal(mix_buf_bytes(&value), mix_buf_bytes(&twice));
        assert_int_equal(same, !v.sealed); /* each time with a nonce of its own */
        mix_buf_deinit(&content);
        mix_buf_deinit(&value);
        mix_buf_deinit(&again);
        mix_buf_deinit(&twice);
    }
    mix_crypto_free(crypto);
}

static void nothing_else_opens(void **state) {
    (void)state;
    begin();
    for (int sealed = 0; sealed < 2; sealed++) {
        mix_vault v = vault_of(sealed ? "word" : NULL), stranger = vault_of("Word"),
                  other = vault_of(sealed ? NULL : "word");
        mix_buf value = {0};
        assert_status(
            mix_vault_seal(&value, crypto, &env.env, &v, magic, mix_bytes_str("some content")),
            MIX_OK);
        for (size_t len = 0; len < value.len; len++)
            assert_status(open_copy(&v, magic, value.data, len), MIX_ERR_AEAD);
        for (size_t bit = 0; bit < 8 * value.len; bit++) {
            value.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_status(open_copy(&v, magic, value.data, value.len), MIX_ERR_AEAD);
            value.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_status(open_copy(&v, other_magic, value.data, value.len), MIX_ERR_AEAD);
        assert_status(open_copy(&stranger, magic, value.data, value.len), MIX_ERR_AEAD);
        assert_status(open_copy(&other, magic, value.data, value.len), MIX_ERR_AEAD);
        assert_status(open_copy(&v, magic, value.data, value.len), MIX_OK);
        mix_buf_deinit(&value);
    }
    mix_crypto_free(crypto);
}

/* A sealed identity's bytes are no value of another name, though the key is one. */
static void an_identity_is_no_other_value(void **state) {
    mix_identity id;
    mix_buf value = {0};
    (void)state;
    begin();
    mix_vault v = vault_of("word");
    assert_status(mix_identity_new(&id, crypto, &env.env), MIX_OK);
    assert_status(mix_identity_seal(&value, crypto, &env.env, &v, &id), MIX_OK);
    memcpy(value.data, magic, MIX_VAULT_MAGIC);
    assert_status(open_copy(&v, magic, value.data, value.len), MIX_ERR_AEAD);
    mix_buf_deinit(&value);
    mix_identity_wipe(&id);
    mix_crypto_free(crypto);
}

static void what_is_missing_is_an_error(void **state) {
    mix_buf out = {0};
    (void)state;
    begin();
    mix_vault v = vault_of("word");
    env.fail_random = 1;
    assert_status(mix_vault_seal(&out, crypto, &env.env, &v, magic, mix_bytes_str("x")),
                  MIX_ERR_RANDOM);
    assert_int_equal(out.len, 0);
    mix_alloc_fail_at(1, 0);
    assert_status(mix_vault_seal(&out, crypto, &env.env, &v, magic, mix_bytes_str("x")),
                  MIX_ERR_MEMORY);
    mix_alloc_fail_at(0, 0);
    mix_buf_deinit(&out);
    assert_status(mix_vault_seal(&out, crypto, &env.env, &v, magic, mix_bytes_str("x")), MIX_OK);
    mix_buf content = {0};
    mix_alloc_fail_at(1, 0);
    assert_status(mix_vault_open(&content, crypto, &v, magic, mix_buf_bytes(&out)), MIX_ERR_MEMORY);
    mix_alloc_fail_at(0, 0);
    mix_buf_deinit(&content);
    mix_buf_deinit(&out);
    mix_crypto_free(crypto);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_sealed_opens),
    cmocka_unit_test(nothing_else_opens),
    cmocka_unit_test(an_identity_is_no_other_value),
    cmocka_unit_test(what_is_missing_is_an_error),
};

MIX_TEST_MAIN(gateway_vault_test, tests)
