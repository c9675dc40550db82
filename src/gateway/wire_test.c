/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway texts and frames beyond the vectors: which member an error names, bounds, memory that
 * runs out, refusals. */
#include "alloc_fail.h"
#include "gateway/wire_handshake.h"
#include "gateway/wire_refusals.h"
#include "mix/errors.h"
#include "testing.h"

#include <string.h>

static void errors_name_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        mix_text_side side;
        int error;
        const char *text, *words;
    } rows[] = {
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_JSON, "{\"type\":\"send\"", "at byte 14"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_JSON, "{} {}", "at byte 3"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_JSON, "{\"type\":\"err\xff\"}", "at byte"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_JSON, "", "empty"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_TYPE, "7", "missing"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_TYPE, "[]", "missing"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_TYPE, "{\"type\":7}", "no string"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_TYPE, "{\"type\":\"claimFreeTestnetBandwidth\"}",
         "'claimFreeTestnetBandwidth'"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD, "{\"type\":\"send\"}",
         "send: remaining_bandwidth is missing"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD,
         "{\"type\":\"send\",\"remaining_bandwidth\":9223372036854775808}",
         "remaining_bandwidth is not a 64-bit"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD,
         "{\"type\":\"send\",\"remaining_bandwidth\":1,\"upgrade_mode\":0}",
         "upgrade_mode is neither"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD,
         "{\"type\":\"send\",\"remaining_bandwidth\":1,\"remaining_bandwidth\":1}",
         "remaining_bandwidth is doubled"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD,
         "{\"type\":\"supportedProtocol\",\"version\":256}",
         "supportedProtocol: version is not an integer of 0 to 255"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD, "{\"type\":\"error\",\"message\":null}",
         "error: message is not a string"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD, "[\"send\",1,true,2]", "too many"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD, "{\"type\":\"typedError\",\"error\":\"x\"}",
         "typedError: error"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD,
         "{\"type\":\"typedError\",\"error\":{\"out_of_bandwidth\":{\"available\":1}}}",
         "required"},
        {MIX_TEXT_RESPONSE, MIX_ERR_GATEWAY_FIELD,
         "{\"type\":\"typedError\",\"error\":{\"out_of_bandwidth\":{\"required\":1,\"available\":1,"
         "\"required\":1}}}",
         "doubled"},
        {MIX_TEXT_HANDSHAKE, MIX_ERR_GATEWAY_FIELD,
         "{\"type\":\"handshakePayload\",\"data\":[1,true]}", "handshakePayload: data holds"},
        {MIX_TEXT_HANDSHAKE, MIX_ERR_GATEWAY_FIELD, "{\"type\":\"handshakePayload\",\"data\":{}}",
         "handshakePayload: data is not an array"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_text t = {.type = MIX_TEXT_TYPES};
        mix_buf scratch = {0};
        mix_error e = {0};
        assert_status(mix_text_decode(&t, &scratch, rows[i].side, mix_bytes_str(rows[i].text), &e),
                      rows[i].error);
        if (!strstr(e.words, rows[i].words))
            fail_msg("%s: \"%s\" does not name \"%s\"", rows[i].text, e.words, rows[i].words);
        assert_int_equal(t.type, MIX_TEXT_TYPES); /* untouched */
        mix_buf_deinit(&scratch);
    }
}

static void an_identity_must_be_a_point(void **state) {
    (void)state;
    mix_text t = {.type = MIX_TEXT_AUTHENTICATE, .version = 6}, back;
    mix_error e = {0};
    for (int good = 0; good < 2; good++) {
        mix_buf out = {0}, scratch = {0};
        for (t.identity[0] = 2; mix_ed25519_is_point(t.identity) != (good == 1); t.identity[0]++) {
        }
        assert_status(mix_text_encode(&out, &t), MIX_OK);
        assert_status(mix_text_decode(&back, &scratch, MIX_TEXT_REQUEST, mix_buf_bytes(&out), &e),
                      good ? MIX_OK : MIX_ERR_GATEWAY_FIELD);
        mix_buf_deinit(&out);
        mix_buf_deinit(&scratch);
    }
    assert_string_equal(e.words, "authenticateV2: clientIdentity is not an Ed25519 key");
}

static void strings_are_escaped_as_the_original_does(void **state) {
    (void)state;
    const char plain[] = "\"\\/\b\t\n\v\f\r\x01\x1f\x7f\xc3\xa9";
    const char *want = "{\"type\":\"error\",\"message\":\"\\\"\\\\/"
                       "\\b\\t\\n\\u000b\\f\\r\\u0001\\u001f\x7f\xc3\xa9\"}";
    mix_buf out = {0}, scratch = {0};
    mix_text t = {.type = MIX_TEXT_ERROR, .text = mix_bytes_str(plain)};
    assert_status(mix_text_encode(&out, &t), MIX_OK);
    assert_bytes(mix_buf_bytes(&out), mix_bytes_str(want));
    mix_text back;
    assert_status(mix_text_decode(&back, &scratch, MIX_TEXT_RESPONSE, mix_buf_bytes(&out), NULL),
                  MIX_OK);
    assert_bytes(back.text, mix_bytes_str(plain));
    mix_buf_deinit(&out);
    mix_buf_deinit(&scratch);
}

static void long_texts_are_refused_unread(void **state) {
    (void)state;
    mix_buf text = {0}, scratch = {0};
    mix_text t;
    mix_buf_put_str(&text, "{\"type\":\"error\",\"message\":\"");
    while (text.len < MIX_GATEWAY_TEXT_MAX - 2)
        mix_buf_put_u8(&text, 'a');
    mix_buf_put_str(&text, "\"}");
    assert_status(mix_text_decode(&t, &scratch, MIX_TEXT_RESPONSE, mix_buf_bytes(&text), NULL),
                  MIX_OK);
    mix_buf_put_u8(&text, ' ');
    mix_alloc_fail_at(1, 1);
    assert_status(mix_text_decode(&t, &scratch, MIX_TEXT_RESPONSE, mix_buf_bytes(&text), NULL),
                  MIX_ERR_GATEWAY_LONG);
    mix_alloc_fail_at(0, 0);
    mix_buf_deinit(&text);
    mix_buf_deinit(&scratch);
}

/* The worst text within the bound must not cost more than some fixed multiple of it. */
static void memory_stays_bounded(void **state) {
    (void)state;
    static const char *const fillers[] = {"[", "[1,", "{\"a\":", "1,", "\"\",", "[],"};
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        mix_buf text = {0}, scratch = {0};
        mix_text t;
        mix_buf_put_str(&text, i < 3 ? "" : "[");
        while (text.len + 8 < MIX_GATEWAY_TEXT_MAX)
            mix_buf_put_str(&text, fillers[i]);
        if (i >= 3)
            mix_buf_put_str(&text, "1]");
        size_t before = mix_alloc_live_bytes();
        mix_alloc_fail_at(0, 0);
        assert_int_not_equal(
            mix_text_decode(&t, &scratch, MIX_TEXT_RESPONSE, mix_buf_bytes(&text), NULL), MIX_OK);
        size_t peak = mix_alloc_peak_bytes() - before;
        if (peak > (size_t)40 * MIX_GATEWAY_TEXT_MAX)
            fail_msg("%zu bytes for a text of %zu", peak, text.len);
        mix_buf_deinit(&text);
        mix_buf_deinit(&scratch);
    }
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    const char *text = "{\"type\":\"handshakePayload\",\"protocol_version\":6,\"data\":[1,2,3]}";
    size_t live = mix_alloc_live();
    for (size_t n = 1; n < 50; n++) {
        mix_buf scratch = {0}, out = {0};
        mix_text t = {0};
        mix_alloc_fail_at(n, 1);
        int status = mix_text_decode(&t, &scratch, MIX_TEXT_HANDSHAKE, mix_bytes_str(text), NULL);
        if (status == MIX_OK)
            status = mix_text_encode(&out, &t);
        mix_alloc_fail_at(0, 0);
        if (status == MIX_OK) {
            assert_true(n > 3);
            n = 50;
        } else {
            assert_status(status, MIX_ERR_MEMORY);
            assert_int_equal(out.len, 0);
        }
        mix_buf_deinit(&scratch);
        mix_buf_deinit(&out);
        assert_int_equal(mix_alloc_live(), live);
    }
}

static void each_refusal_finds_itself(void **state) {
    (void)state;
    for (int i = 0; i < MIX_REFUSAL_UNKNOWN; i++) {
        mix_bytes text = mix_bytes_str(mix_refusal_text((mix_refusal)i));
        assert_int_equal(mix_refusal_find(text), i);
        for (size_t cut = 0; cut < text.len; cut++) /* no text is the beginning of another */
            assert_int_not_equal(mix_refusal_find(mix_bytes_slice(text, 0, cut)), i);
        assert_true(mix_refusal_error((mix_refusal)i) <= -500 &&
                    mix_refusal_error((mix_refusal)i) > -600);
    }
    assert_int_equal(mix_refusal_find((mix_bytes){0}), MIX_REFUSAL_UNKNOWN);
    assert_int_equal(
        mix_refusal_find(mix_bytes_str("error on the remote: error on the remote: nonsense")),
        MIX_REFUSAL_REMOTE);
    assert_int_equal(mix_refusal_remedy(MIX_REFUSAL_UNKNOWN), MIX_REMEDY_RECONNECT);
}

static void clock_texts_go_both_ways(void **state) {
    (void)state;
    static const int64_t seconds[] = {0,          59,         951782400,  951868799,
                                      1709164800, 1735689599, 4102444800, 253402300799};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        mix_buf out = {0};
        int64_t back = -1;
        assert_status(mix_refusal_clock_encode(&out, UINT64_MAX, seconds[i] * 1000000 + 120),
                      MIX_OK);
        assert_true(mix_refusal_clock_decode(&back, mix_buf_bytes(&out)));
        assert_true(back == seconds[i]);
        assert_int_equal(mix_refusal_find(mix_buf_bytes(&out)), MIX_REFUSAL_CLOCK);
        for (size_t cut = 0; cut < out.len; cut++)
            assert_false(mix_refusal_clock_decode(&back, mix_bytes_of(out.data, cut)));
        mix_buf_deinit(&out);
    }
    mix_buf out = {0};
    assert_status(mix_refusal_clock_encode(&out, 951825600, 951868799000000),
                  MIX_OK); /* a leap day */
    assert_non_null(strstr((const char *)out.data, "got 2000-02-29 12:00:00.0 +00:00:00 whilst"));
    mix_buf_put_u8(&out, 0);
    assert_non_null(strstr((const char *)out.data, "is 2000-02-29 23:59:59.0 +00:00:00"));
    mix_buf_deinit(&out);
}

static void low_order_points_are_refused(void **state) {
    (void)state;
    mix_test_env env;
    mix_test_env_init(&env, 3);
    mix_crypto *crypto;
    assert_status(mix_crypto_new(&crypto), MIX_OK);
    static const uint8_t seed[MIX_KEY_LEN] = {1};
    uint8_t identity[MIX_KEY_LEN], message[124] = {0};
    assert_status(mix_ed25519_public(crypto, identity, seed), MIX_OK);
    mix_handshake h = {0};
    mix_buf out = {0};
    assert_status(mix_handshake_start(&h, &out, &env.env, identity), MIX_OK);
    mix_buf_truncate(&out, 0);
    assert_status(
        mix_handshake_answer(&h, &out, crypto, &env.env, seed, identity, MIX_BYTES(message)),
        MIX_ERR_GATEWAY_HANDSHAKE);
    memcpy(message, identity, sizeof identity);
    assert_status(mix_handshake_accept(&h, &out, crypto, &env.env, seed, mix_bytes_of(message, 80)),
                  MIX_ERR_GATEWAY_HANDSHAKE);
    assert_int_equal(out.len, 0);
    mix_buf_deinit(&out);
    mix_crypto_free(crypto);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(errors_name_what_is_wrong),
    cmocka_unit_test(an_identity_must_be_a_point),
    cmocka_unit_test(strings_are_escaped_as_the_original_does),
    cmocka_unit_test(long_texts_are_refused_unread),
    cmocka_unit_test(memory_stays_bounded),
    cmocka_unit_test(memory_may_run_out_anywhere),
    cmocka_unit_test(each_refusal_finds_itself),
    cmocka_unit_test(clock_texts_go_both_ways),
    cmocka_unit_test(low_order_points_are_refused),
};
MIX_TEST_MAIN(gateway_wire_test, tests)
