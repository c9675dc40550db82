/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted client. */
#include "mixnet/gateway/role_testing.h"

#include "mix/errors.h"

void test_gateway_setup(test_gateway *t, mixnet_gateway_limits limits) {
    *t = (test_gateway){.now = MIX_SECONDS(1000)};
    mix_test_env_init(&t->env, 11);
    t->env.wall = (int64_t)1790000000 * 1000000;
    assert_status(mix_crypto_new(&t->crypto), MIX_OK);
    mixnet_gateway_config config = {.limits = limits};
    memset(config.seed, 9, sizeof config.seed);
    memcpy(t->seed, config.seed, MIX_KEY_LEN);
    assert_status(mix_ed25519_public(t->crypto, t->identity, config.seed), MIX_OK);
    assert_status(mixnet_gateway_new(&t->gateway, &config, t->crypto, &t->env.env), MIX_OK);
}

void test_gateway_teardown(test_gateway *t) {
    mixnet_gateway_free(t->gateway);
    mix_buf_deinit(&t->text);
    mix_buf_deinit(&t->scratch);
    mix_buf_deinit(&t->plain);
    mix_crypto_free(t->crypto);
}

void test_client_init(test_gateway *t, test_client *c, uint8_t number) {
    *c = (test_client){0};
    memset(c->seed, number, sizeof c->seed);
    assert_status(mix_ed25519_public(t->crypto, c->identity, c->seed), MIX_OK);
}

void test_pass(test_gateway *t, mix_time time) {
    t->now += time;
    t->env.wall += time;
}

const mixnet_gateway_stats *test_stats(test_gateway *t) {
    mixnet_gateway_get_stats(t->gateway, &t->stats);
    return &t->stats;
}

/* ---- sending ---- */

void test_open(test_gateway *t, uint64_t conn) {
    assert_status(mixnet_gateway_opened(t->gateway, conn, t->now), MIX_OK);
}

void test_send(test_gateway *t, uint64_t conn, mixnet_ws_kind kind, mix_bytes message) {
    assert_status(mixnet_gateway_feed(t->gateway, conn, kind, message, t->now), MIX_OK);
}

void test_send_str(test_gateway *t, uint64_t conn, const char *text) {
    test_send(t, conn, MIXNET_WS_TEXT, mix_bytes_str(text));
}

void test_send_text(test_gateway *t, uint64_t conn, const mix_text *text) {
    mix_buf out = {0};
    assert_status(mix_text_encode(&out, text), MIX_OK);
    test_send(t, conn, MIXNET_WS_TEXT, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

void test_send_frame(test_gateway *t, uint64_t conn, const test_client *c, uint8_t kind,
                     mix_bytes plain) {
    mix_buf out = {0};
    assert_status(
        mix_gateway_frame_seal(&out, t->crypto, &t->env.env, c->key, kind, plain, (mix_bytes){0}),
        MIX_OK);
    test_send(t, conn, MIXNET_WS_BINARY, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

void test_send_login(test_gateway *t, uint64_t conn, const test_client *c, int64_t seconds) {
    mix_buf out = {0};
    uint64_t timestamp = (uint64_t)(t->env.wall / 1000000 + seconds);
    assert_status(mix_authenticate_write(&out, t->crypto, &t->env.env, c->seed, c->identity, c->key,
                                         6, timestamp),
                  MIX_OK);
    test_send(t, conn, MIXNET_WS_TEXT, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

/* ---- receiving ---- */

mixnet_gateway_out test_take(test_gateway *t, uint64_t conn) {
    mixnet_gateway_out out = {0};
    assert_status(mixnet_gateway_drain(t->gateway, conn, &out, t->now), MIX_OK);
    return out;
}

void test_expect_str(test_gateway *t, uint64_t conn, const char *text) {
    mixnet_gateway_out out = test_take(t, conn);
    assert_bytes(out.bytes, mix_bytes_str(text));
    assert_int_equal(out.kind, MIXNET_WS_TEXT);
}

mix_text test_expect_text(test_gateway *t, uint64_t conn, mix_text_side side, mix_text_type type) {
    mix_text text = {0};
    mixnet_gateway_out out = test_take(t, conn);
    assert_int_equal(out.kind, MIXNET_WS_TEXT);
    assert_status(mix_text_decode(&text, &t->scratch, side, out.bytes, NULL), MIX_OK);
    assert_string_equal(mix_text_name(text.type), mix_text_name(type));
    assert_int_equal(text.type, type);
    return text;
}

void test_expect_error(test_gateway *t, uint64_t conn, const char *message) {
    mix_text text = test_expect_text(t, conn, MIX_TEXT_RESPONSE, MIX_TEXT_ERROR);
    assert_bytes(text.text, mix_bytes_str(message));
}

void test_expect_close(test_gateway *t, uint64_t conn, mixnet_close reason) {
    mixnet_gateway_out out = test_take(t, conn);
    assert_int_equal(out.kind, MIXNET_WS_CLOSE);
    assert_bytes(out.bytes, mix_bytes_str(mixnet_close_text(reason)));
    assert_true(out.code >= 1000 && out.bytes.len <= MIXNET_GATEWAY_REASON_MAX);
    assert_status(mixnet_gateway_feed(t->gateway, conn, MIXNET_WS_TEXT, (mix_bytes){0}, t->now),
                  MIX_ERR_STATE);
}

void test_expect_refusal(test_gateway *t, uint64_t conn, const char *message, int times) {
    while (times-- > 0)
        test_expect_error(t, conn, message);
    test_expect_close(t, conn, MIXNET_CLOSE_REFUSED);
}

void test_expect_nothing(test_gateway *t, uint64_t conn) {
    mixnet_gateway_out out;
    assert_status(mixnet_gateway_drain(t->gateway, conn, &out, t->now), MIX_DONE);
}

void test_expect_message(test_gateway *t, uint64_t conn, const test_client *c, mix_bytes content) {
    mixnet_gateway_out out = test_take(t, conn);
    mix_gateway_frame frame;
    assert_int_equal(out.kind, MIXNET_WS_BINARY);
    assert_status(mix_gateway_frame_decode(&frame, MIX_TEXT_RESPONSE, out.bytes), MIX_OK);
    assert_true(frame.sealed && frame.kind == MIX_FRAME_PUSHED);
    mix_buf_truncate(&t->plain, 0);
    assert_status(mix_gateway_frame_open(&t->plain, t->crypto, c->key, &frame), MIX_OK);
    assert_bytes(mix_buf_bytes(&t->plain), content);
}

/* ---- whole steps ---- */

void test_start_registration(test_gateway *t, uint64_t conn, const test_client *c,
                             mix_handshake *h) {
    mix_buf message = {0};
    assert_status(mix_handshake_start(h, &message, &t->env.env, c->identity), MIX_OK);
    test_send_text(
        t, conn,
        &(mix_text){.type = MIX_TEXT_PAYLOAD, .version = 6, .data = mix_buf_bytes(&message)});
    mix_buf_deinit(&message);
}

void test_register(test_gateway *t, uint64_t conn, test_client *c) {
    mix_handshake h = {0};
    mix_buf message = {0};
    test_open(t, conn);
    test_start_registration(t, conn, c, &h);
    mix_text answer = test_expect_text(t, conn, MIX_TEXT_HANDSHAKE, MIX_TEXT_PAYLOAD);
    assert_int_equal(answer.version, 6);
    assert_status(mix_handshake_answer(&h, &message, t->crypto, &t->env.env, c->seed, t->identity,
                                       answer.data),
                  MIX_OK);
    test_send_text(
        t, conn,
        &(mix_text){.type = MIX_TEXT_PAYLOAD, .version = 6, .data = mix_buf_bytes(&message)});
    answer = test_expect_text(t, conn, MIX_TEXT_HANDSHAKE, MIX_TEXT_PAYLOAD);
    assert_status(mix_handshake_done_decode(answer.data), MIX_OK);
    test_expect_str(
        t, conn,
        "{\"type\":\"register\",\"protocol_version\":6,\"status\":true,\"upgrade_mode\":false}");
    memcpy(c->key, h.key, MIX_KEY_LEN);
    mix_buf_deinit(&message);
}

void test_login(test_gateway *t, uint64_t conn, const test_client *c) {
    test_open(t, conn);
    test_send_login(t, conn, c, 0);
    mix_text answer = test_expect_text(t, conn, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    assert_true(answer.status && !answer.upgrade_mode && answer.version == 6);
}

void test_claim(test_gateway *t, uint64_t conn) {
    test_send_str(t, conn, "{\"type\":\"claimFreeTestnetBandwidth\"}");
    (void)test_expect_text(t, conn, MIX_TEXT_RESPONSE, MIX_TEXT_BANDWIDTH);
}

void test_deliver(test_gateway *t, const test_client *c, const char *message) {
    assert_status(mixnet_gateway_deliver(t->gateway, c->identity, mix_bytes_str(message), t->now),
                  MIX_OK);
}
