/* SPDX-License-Identifier: Apache-2.0 */
/* Stored identities: both forms there and back, every damage found, passphrases, bounds of the
 * derivation's cost. */
#include "alloc_fail.h"
#include "base/text.h"
#include "gateway/identity.h"
#include "mix/errors.h"
#include "testing.h"

#include <string.h>

static const mix_bytes none;
static mix_crypto *crypto;
static mix_test_env env;

static int setup(void **state) {
    (void)state;
    mix_test_env_init(&env, 11);
    return mix_crypto_new(&crypto) == MIX_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    mix_crypto_free(crypto);
    return 0;
}

static mix_identity sample(bool registered) {
    mix_identity id;
    assert_status(mix_identity_new(&id, crypto, &env.env), MIX_OK);
    if (registered) {
        id.registration = (mix_registration){.present = true, .version = 6, .since = 1790000000};
        memset(id.registration.gateway, 0x11, MIX_KEY_LEN);
        memset(id.registration.shared_key, 0x22, MIX_KEY_LEN);
        strcpy(id.registration.url, "wss://gateway.example:9001/");
    }
    return id;
}

static void assert_same(const mix_identity *a, const mix_identity *b) {
    assert_bytes(MIX_BYTES(a->seed), MIX_BYTES(b->seed));
    assert_bytes(MIX_BYTES(a->public_key), MIX_BYTES(b->public_key));
    assert_bytes(MIX_BYTES(a->encryption_secret), MIX_BYTES(b->encryption_secret));
    assert_bytes(MIX_BYTES(a->encryption_public), MIX_BYTES(b->encryption_public));
    assert_bytes(MIX_BYTES(a->ack_key), MIX_BYTES(b->ack_key));
    assert_int_equal(a->registration.present, b->registration.present);
    assert_bytes(MIX_BYTES(a->registration.gateway), MIX_BYTES(b->registration.gateway));
    assert_bytes(MIX_BYTES(a->registration.shared_key), MIX_BYTES(b->registration.shared_key));
    assert_int_equal(a->registration.version, b->registration.version);
    assert_true(a->registration.since == b->registration.since);
    assert_string_equal(a->registration.url, b->registration.url);
}

static void there_and_back(void **state) {
    (void)state;
    for (int form = 0; form < 4; form++) {
        mix_identity id = sample(form & 1), back;
        mix_bytes passphrase = form & 2 ? mix_bytes_str("correct horse") : none;
        mix_vault vault, again;
        mix_buf stored = {0}, next = {0};
        mix_error e = {0};
        assert_status(mix_vault_new(&vault, crypto, &env.env, passphrase), MIX_OK);
        assert_status(mix_identity_seal(&stored, crypto, &env.env, &vault, &id), MIX_OK);
        assert_true(stored.len <= MIX_IDENTITY_MAX);
        assert_status(
            mix_identity_open(&back, &again, crypto, mix_buf_bytes(&stored), passphrase, &e),
            MIX_OK);
        assert_same(&back, &id);
        /* The vault that opening gives seals for the same passphrase, and never twice alike. */
        assert_status(mix_identity_seal(&next, crypto, &env.env, &again, &back), MIX_OK);
        assert_int_equal(mix_bytes_equal(mix_buf_bytes(&stored), mix_buf_bytes(&next)),
                         !(form & 2));
        assert_status(
            mix_identity_open(&back, &again, crypto, mix_buf_bytes(&next), passphrase, &e), MIX_OK);
        assert_same(&back, &id);
        mix_buf_deinit(&stored);
        mix_buf_deinit(&next);
    }
}

/* The format of what is stored somewhere must never change: bytes made by other libraries (Python's
 * blake3, argon2-cffi and cryptography) from the description in identity.c. */
static const struct {
    const char *hex, *passphrase;
} stored_before[] = {
    {"6c776d69782d696401000101010101010101010101010101010101010101010101010101010101010101"
     "020202020202020202020202020202020202020202020202020202020202020203030303030303030303"
     "030303030303010404040404040404040404040404040404040404040404040404040404040404050505"
     "050505050505050505050505050505050505050505050505050505050505000000006ab13b8000117773"
     "733a2f2f67772e6578616d706c652f12fb851bbe54eff0879994ddf53ae45d9328e758c7fd47c17894d9"
     "d0543baa49",
     NULL},
    {"6c776d69782d696401010000004000000003000102030405060708090a0b0c0d0e0f6465666768696a6b"
     "6c6d6e6f41bc0922bd0af8da35fd0b37be77149eb88ad4cd46d497d9a343d72117502440b4db7c114069"
     "5cec4060af6de7caff3e951be552b276ea93684ad127caf3b245d3bc40dc2a30d2df2d34b6622de0470e"
     "894b4dcb4e16de194c1a5fddb89fdb4c7083c53725adad306ee8271c51348023cdb82036a7b2dfb1634e"
     "01026c7704c745faf04abd4e2c2e99aaa962667864b57eaef9388194c153a4b774f6cc0cb43e5aa7fb09"
     "a21895db2a3c1e41df8d8d5640db6f25c2e7cd7d348b38f0b7",
     "p\xc3\xa4ss"},
};

static void known_values_still_open(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof stored_before / sizeof *stored_before; i++) {
        mix_buf stored = {0};
        mix_identity id;
        mix_vault vault;
        mix_error e = {0};
        uint8_t want[MIX_KEY_LEN];
        const char *passphrase = stored_before[i].passphrase;
        assert_status(mix_hex_decode(&stored, mix_bytes_str(stored_before[i].hex)), MIX_OK);
        assert_status(mix_identity_open(&id, &vault, crypto, mix_buf_bytes(&stored),
                                        passphrase ? mix_bytes_str(passphrase) : none, &e),
                      MIX_OK);
        memset(want, 1, sizeof want);
        assert_bytes(MIX_BYTES(id.seed), MIX_BYTES(want));
        memset(want, 2, sizeof want);
        assert_bytes(MIX_BYTES(id.encryption_secret), MIX_BYTES(want));
        memset(want, 3, sizeof want);
        assert_bytes(MIX_BYTES(id.ack_key), mix_bytes_of(want, MIX_ACK_KEY_LEN));
        assert_true(id.registration.present && id.registration.version == 5 &&
                    id.registration.since == 1790000000);
        memset(want, 4, sizeof want);
        assert_bytes(MIX_BYTES(id.registration.gateway), MIX_BYTES(want));
        memset(want, 5, sizeof want);
        assert_bytes(MIX_BYTES(id.registration.shared_key), MIX_BYTES(want));
        assert_string_equal(id.registration.url, "wss://gw.example/");
        mix_buf_deinit(&stored);
    }
}

static void any_damage_is_found(void **state) {
    (void)state;
    mix_identity id = sample(true), out;
    mix_vault vault = {0}, other;
    mix_buf stored = {0};
    assert_status(mix_identity_seal(&stored, crypto, &env.env, &vault, &id), MIX_OK);
    memset(&out, 0x5a, sizeof out);
    const mix_identity untouched = out;
    for (size_t i = 0; i < stored.len * 8; i++) {
        stored.data[i / 8] ^= (uint8_t)(1 << i % 8);
        mix_error e = {0};
        int status = mix_identity_open(&out, &other, crypto, mix_buf_bytes(&stored), none, &e);
        int want = i / 8 == 8 ? MIX_ERR_IDENTITY_VERSION
                   : i == 72  ? MIX_ERR_IDENTITY_SEALED
                              : MIX_ERR_IDENTITY_DAMAGED;
        assert_status(status, want);
        assert_true(e.code == status && e.words[0]);
        stored.data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t cut = 0; cut < stored.len; cut++)
        assert_status(
            mix_identity_open(&out, &other, crypto, mix_bytes_of(stored.data, cut), none, NULL),
            MIX_ERR_IDENTITY_DAMAGED);
    assert_memory_equal(&out, &untouched, sizeof out);
    mix_buf_deinit(&stored);
}

static void wrong_passphrases_and_costs(void **state) {
    (void)state;
    mix_identity id = sample(true), out;
    mix_vault vault, other;
    mix_buf stored = {0}, plain = {0};
    mix_bytes right = mix_bytes_str("right"), wrong = mix_bytes_str("wrong"),
              empty = mix_bytes_str("");
    assert_status(mix_vault_new(&vault, crypto, &env.env, empty), MIX_ERR_ARGUMENT);
    assert_status(mix_vault_new(&vault, crypto, &env.env, right), MIX_OK);
    assert_status(mix_identity_seal(&stored, crypto, &env.env, &vault, &id), MIX_OK);
    mix_bytes value = mix_buf_bytes(&stored);
    assert_status(mix_identity_open(&out, &other, crypto, value, wrong, NULL),
                  MIX_ERR_IDENTITY_PASSPHRASE);
    assert_status(mix_identity_open(&out, &other, crypto, value, none, NULL),
                  MIX_ERR_IDENTITY_SEALED);
    assert_status(mix_identity_open(&out, &other, crypto, value, empty, NULL), MIX_ERR_ARGUMENT);
    mix_vault open_vault = {0};
    assert_status(mix_identity_seal(&plain, crypto, &env.env, &open_vault, &id), MIX_OK);
    assert_status(mix_identity_open(&out, &other, crypto, mix_buf_bytes(&plain), right, NULL),
                  MIX_ERR_IDENTITY_PLAIN);
    /* Costs beyond the bounds are refused before they are paid: 4 GiB, no memory, no pass, a
     * thousand passes. */
    static const uint32_t costs[][2] = {
        {0xffffffff, 2}, {7, 2}, {262145, 1}, {19456, 0}, {19456, 1000}};
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        mix_put_u32(stored.data + 10, costs[i][0]);
        mix_put_u32(stored.data + 14, costs[i][1]);
        assert_status(mix_identity_open(&out, &other, crypto, value, right, NULL),
                      MIX_ERR_IDENTITY_DAMAGED);
    }
    /* The head is bound to the content: cheaper costs open nothing. */
    mix_put_u32(stored.data + 10, 64);
    mix_put_u32(stored.data + 14, 1);
    assert_status(mix_identity_open(&out, &other, crypto, value, right, NULL),
                  MIX_ERR_IDENTITY_PASSPHRASE);
    /* Nothing secret is readable in what is stored. */
    for (size_t i = 0; i + 8 <= stored.len; i++)
        assert_true(memcmp(stored.data + i, id.seed, 8) != 0 &&
                    memcmp(stored.data + i, "gateway.", 8) != 0);
    mix_buf_deinit(&stored);
    mix_buf_deinit(&plain);
}

static void urls(void **state) {
    (void)state;
    static const char *const good[] = {"ws://a", "wss://gateway.example:9001/",
                                       "ws://127.0.0.1:9000/"};
    static const char *const bad[] = {"",        "ws://",    "wss://",   "http://a",     "WSS://a",
                                      " ws://a", "ws://a b", "ws://a\n", "ws://\xc3\xa9"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(mix_gateway_url_ok(mix_bytes_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mix_gateway_url_ok(mix_bytes_str(bad[i])));
    char url[MIX_GATEWAY_URL_MAX + 2] = "ws://";
    memset(url + 5, 'a', sizeof url - 6);
    assert_false(mix_gateway_url_ok(mix_bytes_str(url)));
    url[MIX_GATEWAY_URL_MAX] = 0;
    assert_true(mix_gateway_url_ok(mix_bytes_str(url)));
}

static void the_longest_fits(void **state) {
    (void)state;
    mix_identity id = sample(true), back;
    memset(id.registration.url + 5, 'a', MIX_GATEWAY_URL_MAX - 5);
    memcpy(id.registration.url, "ws://", 5);
    mix_vault vault, other;
    mix_buf stored = {0};
    assert_status(mix_vault_new(&vault, crypto, &env.env, mix_bytes_str("p")), MIX_OK);
    assert_status(mix_identity_seal(&stored, crypto, &env.env, &vault, &id), MIX_OK);
    assert_status(
        mix_identity_open(&back, &other, crypto, mix_buf_bytes(&stored), mix_bytes_str("p"), NULL),
        MIX_OK);
    assert_same(&back, &id);
    mix_buf_deinit(&stored);
}

static void failures_leave_nothing(void **state) {
    (void)state;
    mix_identity id = {0};
    mix_vault vault = {0};
    for (int n = 1; n <= 3; n++) {
        env.fail_random = n;
        assert_status(mix_identity_new(&id, crypto, &env.env), MIX_ERR_RANDOM);
    }
    env.fail_random = 1;
    assert_status(mix_vault_new(&vault, crypto, &env.env, mix_bytes_str("p")), MIX_ERR_RANDOM);
    static const mix_identity blank;
    assert_memory_equal(&id, &blank, sizeof id);
    mix_buf out = {0};
    mix_alloc_fail_at(1, 1);
    assert_status(mix_identity_seal(&out, crypto, &env.env, &vault, &id), MIX_ERR_MEMORY);
    mix_alloc_fail_at(0, 0);
    vault.sealed = true;
    env.fail_random = 1;
    mix_buf_truncate(&out, 0);
    assert_status(mix_identity_seal(&out, crypto, &env.env, &vault, &id), MIX_ERR_RANDOM);
    assert_int_equal(out.len, 0);
    mix_buf_deinit(&out);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
    cmocka_unit_test_setup_teardown(known_values_still_open, setup, teardown),
    cmocka_unit_test_setup_teardown(any_damage_is_found, setup, teardown),
    cmocka_unit_test_setup_teardown(wrong_passphrases_and_costs, setup, teardown),
    cmocka_unit_test_setup_teardown(the_longest_fits, setup, teardown),
    cmocka_unit_test_setup_teardown(failures_leave_nothing, setup, teardown),
    cmocka_unit_test(urls),
};
MIX_TEST_MAIN(gateway_identity_test, tests)
