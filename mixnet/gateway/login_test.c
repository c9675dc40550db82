/* SPDX-License-Identifier: Apache-2.0 */
/* How connections become a client's, or do not: every refusal of §3.6, §3.7, §3.14 and §3.15. */
#include "mix/errors.h"
#include "mixnet/gateway/role_testing.h"

/* ---- the first message ---- */

static void first_messages_that_are_refused(void **state) {
    (void)state;
    static const struct {
        mixnet_ws_kind kind;
        const char *message, *error;
    } rows[] = {
        {MIXNET_WS_TEXT, "", "Only 'Register' or 'Authenticate' requests are allowed"},
        {MIXNET_WS_TEXT, "{\"type\":", "Only 'Register' or 'Authenticate' requests are allowed"},
        {MIXNET_WS_TEXT, "{\"type\":\"noSuchThing\"}",
         "Only 'Register' or 'Authenticate' requests are allowed"},
        {MIXNET_WS_TEXT, "{\"type\":\"claimFreeTestnetBandwidth\"}",
         "Only 'Register' or 'Authenticate' requests are allowed"},
        {MIXNET_WS_TEXT, "{\"type\":\"encryptedRequest\",\"ciphertext\":[1],\"nonce\":[2]}",
         "Only 'Register' or 'Authenticate' requests are allowed"},
        {MIXNET_WS_TEXT, "{\"type\":\"handshakeError\",\"message\":\"x\"}",
         "Only 'Register' or 'Authenticate' requests are allowed"},
        {MIXNET_WS_TEXT, "{\"type\":\"bandwidthCredential\",\"enc_credential\":[1],\"iv\":[3]}",
         "Only 'Register' or 'Authenticate' requests are allowed"},
        {MIXNET_WS_TEXT,
         "{\"type\":\"authenticate\",\"protocol_version\":3,\"address\":\"a\",\"enc_address\":"
         "\"b\",\"iv\":\"c\"}",
         "the legacy authentication method is no longer supported. please update your client"},
        {MIXNET_WS_BINARY, "\2\1 a packet",
         "possibly received a sphinx packet without prior authentication. Request is going to be "
         "ignored"},
        {MIXNET_WS_PING, "",
         "received a Message of type ping which was not expected in this context"},
        {MIXNET_WS_PONG, "",
         "received a Message of type pong which was not expected in this context"},
        {MIXNET_WS_CLOSE, "",
         "received a Message of type close which was not expected in this context"},
    };
    test_gateway t;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_open(&t, i);
        test_send(&t, i, rows[i].kind, mix_bytes_str(rows[i].message));
        test_expect_refusal(&t, i, rows[i].error, 1);
    }
    assert_int_equal(test_stats(&t)->connections, 0);
    assert_int_equal(t.stats.refused[MIX_REFUSAL_FIRST_REQUEST], 7);
    assert_int_equal(t.stats.closed[MIXNET_CLOSE_REFUSED], sizeof rows / sizeof *rows);
    test_gateway_teardown(&t);
}

static void a_silent_connection_ends(void **state) {
    (void)state;
    test_gateway t;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_open(&t, 1);
    test_pass(&t, MIX_SECONDS(9));
    test_send_str(&t, 1, "{\"type\":\"supportedProtocol\"}"); /* the time starts again */
    test_expect_str(&t, 1, "{\"type\":\"supportedProtocol\",\"version\":6}");
    assert_true(mixnet_gateway_deadline(t.gateway) == t.now + MIX_SECONDS(10));
    test_pass(&t, MIX_SECONDS(10) - 1);
    mixnet_gateway_tick(t.gateway, t.now);
    test_expect_nothing(&t, 1);
    test_pass(&t, 1);
    mixnet_gateway_tick(t.gateway, t.now);
    test_expect_error(&t, 1, "timed out while waiting for initial data");
    test_expect_close(&t, 1, MIXNET_CLOSE_TIMEOUT);
    assert_true(mixnet_gateway_deadline(t.gateway) == MIX_NEVER);
    test_gateway_teardown(&t);
}

/* ---- registration ---- */

static void expect_handshake_failure(test_gateway *t, uint64_t conn, const char *error) {
    char words[256];
    (void)snprintf(words, sizeof words, "Failed to perform registration handshake: %s", error);
    mix_text text = test_expect_text(t, conn, MIX_TEXT_HANDSHAKE, MIX_TEXT_FAILURE);
    assert_bytes(text.text, mix_bytes_str(error));
    test_expect_error(t, conn, words);
    test_expect_error(t, conn, words);
}

static void malformed_first_messages_of_a_registration(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    uint8_t init[81] = {0};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    memcpy(init, c.identity, MIX_KEY_LEN);
    memset(init + 32, 0x11, 49);
    static const size_t lengths[] = {32, 64, 79, 81};
    for (size_t i = 0; i < 4; i++) {
        test_open(&t, 1);
        test_send_text(&t, 1,
                       &(mix_text){.type = MIX_TEXT_PAYLOAD,
                                   .version = 6,
                                   .data = mix_bytes_of(init, lengths[i])});
        expect_handshake_failure(&t, 1, "sent request was malformed");
        test_expect_close(&t, 1, MIXNET_CLOSE_REFUSED);
    }
    test_open(&t, 1); /* a point that would make a key known to all */
    memset(init + 32, 0, 32);
    test_send_text(
        &t, 1,
        &(mix_text){.type = MIX_TEXT_REGISTER, .version = 6, .data = mix_bytes_of(init, 80)});
    expect_handshake_failure(&t, 1, "sent request was malformed");
    test_expect_close(&t, 1, MIXNET_CLOSE_REFUSED);
    memset(init, 2, 32); /* no point at all; and no identity at all: in front of the exchange */
    assert_false(mix_ed25519_is_point(init));
    for (size_t len = 80; len <= 80; len -= 49) {
        test_open(&t, 1);
        test_send_text(
            &t, 1,
            &(mix_text){.type = MIX_TEXT_PAYLOAD, .version = 6, .data = mix_bytes_of(init, len)});
        test_expect_refusal(
            &t, 1, "Failed to perform registration handshake: sent request was malformed", 2);
    }
    assert_int_equal(test_stats(&t)->clients, 0);
    test_gateway_teardown(&t);
}

/* Goes up to message 2; message 3 is in out then. */
static void half_register(test_gateway *t, uint64_t conn, const test_client *c, mix_buf *out) {
    mix_handshake h = {0};
    test_open(t, conn);
    test_start_registration(t, conn, c, &h);
    mix_text answer = test_expect_text(t, conn, MIX_TEXT_HANDSHAKE, MIX_TEXT_PAYLOAD);
    mix_buf_truncate(out, 0);
    assert_status(
        mix_handshake_answer(&h, out, t->crypto, &t->env.env, c->seed, t->identity, answer.data),
        MIX_OK);
}

static void malformed_second_messages_of_a_registration(void **state) {
    (void)state;
    static const struct {
        size_t cut, flip;
        const char *error;
    } rows[] = {
        {1, 0, "received response was malformed:"},
        {92, 0, "received response was malformed:"},
        {0, 1, "failed to either encrypt or decrypt provided message"},
    };
    test_gateway t;
    test_client c, other;
    mix_buf proof = {0};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_client_init(&t, &other, 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        half_register(&t, 1, &c, &proof);
        proof.data[0] ^= (uint8_t)rows[i].flip;
        test_send_text(
            &t, 1,
            &(mix_text){.type = MIX_TEXT_PAYLOAD,
                        .data = mix_bytes_slice(mix_buf_bytes(&proof), 0, 92 - rows[i].cut)});
        expect_handshake_failure(&t, 1, rows[i].error);
        test_expect_close(&t, 1, MIXNET_CLOSE_REFUSED);
    }
    memcpy(c.seed, other.seed, sizeof c.seed); /* another's signature */
    half_register(&t, 1, &c, &proof);
    test_send_text(&t, 1, &(mix_text){.type = MIX_TEXT_PAYLOAD, .data = mix_buf_bytes(&proof)});
    expect_handshake_failure(&t, 1, "received invalid signature");
    test_expect_close(&t, 1, MIXNET_CLOSE_REFUSED);
    assert_int_equal(test_stats(&t)->clients, 0);
    assert_false(mixnet_gateway_dirty(t.gateway));
    mix_buf_deinit(&proof);
    test_gateway_teardown(&t);
}

static void stray_messages_do_not_disturb_a_registration(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_buf proof = {0};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    half_register(&t, 1, &c, &proof);
    test_pass(&t, MIX_SECONDS(4));
    test_send_str(&t, 1, "{\"type\":\"supportedProtocol\"}");
    test_send_str(&t, 1, "nonsense");
    test_send(&t, 1, MIXNET_WS_BINARY, mix_bytes_str("nonsense"));
    test_send(&t, 1, MIXNET_WS_PING, mix_bytes_str("ping"));
    test_send(&t, 1, MIXNET_WS_PONG, mix_bytes_str("pong"));
    test_expect_nothing(&t, 1);
    assert_int_equal(test_stats(&t)->handshake_noise, 5);
    assert_true(mixnet_gateway_deadline(t.gateway) ==
                t.now + MIX_SECONDS(1)); /* the time goes on */
    test_send_text(&t, 1, &(mix_text){.type = MIX_TEXT_PAYLOAD, .data = mix_buf_bytes(&proof)});
    test_expect_str(&t, 1, "{\"type\":\"handshakePayload\",\"protocol_version\":6,\"data\":[1]}");
    (void)test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_REGISTERED);
    mix_buf_deinit(&proof);
    test_gateway_teardown(&t);
}

static void a_registration_may_be_given_up_or_forgotten(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_buf proof = {0};
    char text[400], expected[200];
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    half_register(&t, 1, &c, &proof);
    test_send_str(&t, 1,
                  "{\"type\":\"handshakeError\",\"message\":\"received invalid signature\"}");
    expect_handshake_failure(&t, 1, "error on the remote: received invalid signature");
    test_expect_close(&t, 1, MIXNET_CLOSE_REFUSED);
    half_register(&t, 1, &c, &proof);
    memset(text, 'x', sizeof text);
    memset(expected, 'x', sizeof expected);
    (void)snprintf(text, sizeof text, "{\"type\":\"handshakeError\",\"message\":\"%.*s\xc3\xa4\"}",
                   127, expected);
    test_send_str(&t, 1, text); /* is cut, but not within a character */
    (void)snprintf(text, sizeof text, "error on the remote: %.*s", 127, expected);
    expect_handshake_failure(&t, 1, text);
    test_expect_close(&t, 1, MIXNET_CLOSE_REFUSED);
    half_register(&t, 1, &c, &proof);
    test_pass(&t, MIX_SECONDS(5));
    mixnet_gateway_tick(t.gateway, t.now);
    expect_handshake_failure(&t, 1, "timed out waiting for a handshake message");
    test_expect_close(&t, 1, MIXNET_CLOSE_TIMEOUT);
    half_register(&t, 1, &c, &proof);
    test_send(&t, 1, MIXNET_WS_CLOSE, (mix_bytes){0});
    test_expect_close(&t, 1, MIXNET_CLOSE_PEER);
    mix_buf_deinit(&proof);
    test_gateway_teardown(&t);
}

static void an_active_client_cannot_register_again(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_handshake h = {0};
    mix_buf proof = {0};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    half_register(&t, 1, &c, &proof);
    test_register(&t, 2, &c); /* is faster */
    test_send_text(&t, 1, &(mix_text){.type = MIX_TEXT_PAYLOAD, .data = mix_buf_bytes(&proof)});
    test_expect_str(&t, 1, "{\"type\":\"handshakePayload\",\"protocol_version\":6,\"data\":[1]}");
    test_expect_refusal(&t, 1, "There is already an open connection to this client", 2);
    test_open(&t, 3);
    test_start_registration(&t, 3, &c, &h);
    test_expect_refusal(&t, 3, "There is already an open connection to this client", 2);
    test_claim(&t, 2);
    mixnet_gateway_closed(t.gateway, 2, t.now);
    test_deliver(&t, &c, "kept");
    test_client again;
    test_client_init(&t, &again, 1);
    test_register(&t, 4, &again); /* a new key; bandwidth and messages survive */
    assert_memory_not_equal(again.key, c.key, MIX_KEY_LEN);
    test_expect_message(&t, 4, &again, mix_bytes_str("kept"));
    mixnet_gateway_closed(t.gateway, 4, t.now);
    test_pass(&t, MIX_SECONDS(1));
    test_open(&t, 5);
    test_send_login(&t, 5, &c, 0);
    test_expect_refusal(&t, 5, "failed to verify provided address ciphertext", 2);
    test_open(&t, 6);
    test_send_login(&t, 6, &again, 0);
    mix_text answer = test_expect_text(&t, 6, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    assert_true(answer.amount == (int64_t)64 << 30);
    mix_buf_deinit(&proof);
    test_gateway_teardown(&t);
}

static void versions_of_a_registration_are_cut_to_ours(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    for (unsigned version = 0; version < 256; version += 3) {
        mix_handshake h = {0};
        mix_buf message = {0};
        test_open(&t, 1);
        assert_status(mix_handshake_start(&h, &message, &t.env.env, c.identity), MIX_OK);
        test_send_text(&t, 1,
                       &(mix_text){.type = MIX_TEXT_PAYLOAD,
                                   .version = (uint8_t)version,
                                   .data = mix_buf_bytes(&message)});
        mix_text answer = test_expect_text(&t, 1, MIX_TEXT_HANDSHAKE, MIX_TEXT_PAYLOAD);
        assert_int_equal(answer.version, version > 6 ? 6 : version);
        mixnet_gateway_closed(t.gateway, 1, t.now);
        mix_buf_deinit(&message);
    }
    test_gateway_teardown(&t);
}

/* ---- authentication ---- */

static void request_of(test_gateway *t, mix_text *out, const test_client *c, uint8_t version,
                       uint64_t timestamp) {
    mix_buf text = {0};
    assert_status(mix_authenticate_write(&text, t->crypto, &t->env.env, c->seed, c->identity,
                                         c->key, version, timestamp),
                  MIX_OK);
    assert_status(mix_text_decode(out, &t->plain, MIX_TEXT_REQUEST, mix_buf_bytes(&text), NULL),
                  MIX_OK);
    mix_buf_deinit(&text);
}

static void sign(test_gateway *t, mix_text *request, const test_client *c) {
    mix_buf payload = {0};
    mix_authenticate_payload(&payload, request);
    assert_status(mix_ed25519_sign(t->crypto, request->signature, c->seed, mix_buf_bytes(&payload)),
                  MIX_OK);
    mix_buf_deinit(&payload);
}

static void try_login(test_gateway *t, const mix_text *request, const char *error) {
    test_open(t, 77);
    test_send_text(t, 77, request);
    test_expect_refusal(t, 77, error, 2);
}

static void authentications_that_are_refused(void **state) {
    (void)state;
    test_gateway t;
    test_client c, stranger;
    mix_text request;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_client_init(&t, &stranger, 2);
    test_register(&t, 1, &c);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    test_pass(&t, MIX_SECONDS(1));
    uint64_t now = (uint64_t)(t.env.wall / 1000000);
    request_of(&t, &request, &c, 3, now);
    try_login(&t, &request,
              "Attempted to negotiate connection with client using incompatible protocol version. "
              "Ours is 6 and the client reports 3");
    request_of(&t, &request, &c, 7, now);
    try_login(&t, &request,
              "Attempted to negotiate connection with client using incompatible protocol version. "
              "Ours is 6 and the client reports 7");
    request_of(&t, &request, &c, 6, now + 121);
    try_login(&t, &request,
              "the provided request timestamp is excessively skewed. got 2026-09-21 14:15:22.0 "
              "+00:00:00 whilst the server time is 2026-09-21 14:13:21.0 +00:00:00");
    request_of(&t, &request, &c, 6, now - 121);
    try_login(&t, &request,
              "the provided request timestamp is excessively skewed. got 2026-09-21 14:11:20.0 "
              "+00:00:00 whilst the server time is 2026-09-21 14:13:21.0 +00:00:00");
    request_of(&t, &request, &c, 6, UINT64_MAX);
    try_login(&t, &request,
              "the provided request timestamp is excessively skewed. got 9999-12-31 23:59:59.0 "
              "+00:00:00 whilst the server time is 2026-09-21 14:13:21.0 +00:00:00");
    request_of(&t, &request, &c, 6, now);
    request.signature[5] ^= 1;
    try_login(&t, &request, "failed to verify request signature");
    request_of(&t, &request, &c, 6, now);
    request.timestamp++; /* is signed */
    try_login(&t, &request, "failed to verify request signature");
    request_of(&t, &request, &stranger, 6, now);
    try_login(&t, &request, "the client is not registered");
    memset(stranger.key, 3, sizeof stranger.key);
    memcpy(stranger.seed, c.seed, sizeof c.seed);
    memcpy(stranger.identity, c.identity, sizeof c.identity);
    request_of(&t, &request, &stranger, 6, now); /* his identity, another key */
    try_login(&t, &request, "failed to verify provided address ciphertext");
    request_of(&t, &request, &c, 6, now);
    request.nonce.len = 11;
    sign(&t, &request, &c);
    try_login(&t, &request, "the provided nonce (or legacy IV) did not have the expected length");
    request_of(&t, &request, &c, 6, now);
    request.data.len = 47;
    sign(&t, &request, &c);
    try_login(&t, &request, "failed to verify provided address ciphertext");
    request_of(&t, &request, &c, 4, now + 120); /* the limits are within */
    test_open(&t, 2);
    test_send_text(&t, 2, &request);
    mix_text answer = test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    assert_int_equal(answer.version, 4);
    assert_int_equal(test_stats(&t)->active, 1);
    test_gateway_teardown(&t);
}

static void an_authentication_counts_once(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_text request;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    request_of(&t, &request, &c, 6, (uint64_t)(t.env.wall / 1000000));
    test_open(&t, 2);
    test_send_text(&t, 2, &request);
    (void)test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    mixnet_gateway_closed(t.gateway, 2, t.now);
    try_login(&t, &request,
              "the provided request timestamp is smaller or equal to one previously used");
    request_of(&t, &request, &c, 6, (uint64_t)(t.env.wall / 1000000) - 1);
    try_login(&t, &request,
              "the provided request timestamp is smaller or equal to one previously used");
    test_pass(&t, MIX_SECONDS(1));
    test_login(&t, 3, &c);
    test_gateway_teardown(&t);
}

/* ---- one connection a client ---- */

static mixnet_gateway_out expect_ping(test_gateway *t, uint64_t conn) {
    mixnet_gateway_out out = test_take(t, conn);
    assert_int_equal(out.kind, MIXNET_WS_PING);
    assert_int_equal(out.bytes.len, 8);
    return out;
}

/* Client c is active on connection 1, and asks on connection 2 to take its place. */
static void come_again(test_gateway *t, test_client *c) {
    test_gateway_setup(t, (mixnet_gateway_limits){0});
    test_client_init(t, c, 1);
    test_register(t, 1, c);
    test_pass(t, MIX_SECONDS(1));
    test_open(t, 2);
    test_send_login(t, 2, c, 0);
    test_expect_nothing(t, 2);
}

static void a_live_connection_stays(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    come_again(&t, &c);
    mixnet_gateway_out ping = expect_ping(&t, 1);
    uint8_t payload[8], wrong[8];
    memcpy(payload, ping.bytes.data, 8);
    memcpy(wrong, payload, 8);
    wrong[7] ^= 1;
    test_open(&t, 3); /* a third one, while the answer is awaited */
    test_send_login(&t, 3, &c, 1);
    test_expect_refusal(&t, 3, "There is already an open connection to this client", 2);
    test_send(&t, 1, MIXNET_WS_PONG, MIX_BYTES(wrong));
    test_send(&t, 1, MIXNET_WS_PONG, mix_bytes_of(payload, 7));
    test_expect_nothing(&t, 2);
    test_deliver(&t, &c, "waits");
    test_expect_nothing(&t, 1);
    test_pass(&t, MIX_SECONDS(1) - 1);
    test_send(&t, 1, MIXNET_WS_PONG, MIX_BYTES(payload));
    test_expect_refusal(&t, 2, "There is already an open connection to this client", 2);
    mixnet_gateway_ready_conn ready;
    bool named = false;
    while (mixnet_gateway_ready(t.gateway, &ready) == MIX_OK)
        named |= ready.conn == 1;
    assert_true(named);
    test_expect_message(&t, 1, &c, mix_bytes_str("waits"));
    assert_true(mixnet_gateway_deadline(t.gateway) == MIX_NEVER);
    test_claim(&t, 1);
    test_send(&t, 1, MIXNET_WS_PING, mix_bytes_str("are you there"));
    mixnet_gateway_out pong = test_take(&t, 1);
    assert_int_equal(pong.kind, MIXNET_WS_PONG);
    assert_bytes(pong.bytes, mix_bytes_str("are you there"));
    test_gateway_teardown(&t);
}

static void a_dead_connection_gives_way(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mixnet_gateway_ready_conn ready;
    come_again(&t, &c);
    test_send_str(&t, 2, "{\"type\":\"claimFreeTestnetBandwidth\"}"); /* waits for its turn */
    while (mixnet_gateway_ready(t.gateway, &ready) == MIX_OK)
        assert_int_equal(ready.conn, 1);
    (void)expect_ping(&t, 1);
    test_deliver(&t, &c, "for the successor");
    test_expect_nothing(&t, 1); /* it may not reach the client any more */
    test_pass(&t, MIX_SECONDS(1));
    mixnet_gateway_tick(t.gateway, t.now);
    bool given_up = false;
    while (mixnet_gateway_ready(t.gateway, &ready) == MIX_OK)
        given_up |= ready.conn == 1 && ready.give_up; /* although it was named before */
    assert_true(given_up);
    test_expect_close(&t, 1, MIXNET_CLOSE_REPLACED);
    test_expect_message(&t, 2, &c, mix_bytes_str("for the successor"));
    (void)test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    (void)test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_BANDWIDTH);
    test_deliver(&t, &c, "live");
    test_expect_message(&t, 2, &c, mix_bytes_str("live"));
    test_gateway_teardown(&t);
}

static void a_connection_that_goes_gives_way(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    come_again(&t, &c);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    (void)test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    test_pass(&t, MIX_SECONDS(5));
    mixnet_gateway_tick(t.gateway, t.now);
    test_claim(&t, 2);
    test_gateway_teardown(&t);
}

static void a_challenger_may_go_too(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    come_again(&t, &c);
    mixnet_gateway_closed(t.gateway, 2, t.now);
    test_open(&t, 2); /* the same number for somebody else */
    mixnet_gateway_out ping = expect_ping(&t, 1);
    uint8_t payload[8];
    memcpy(payload, ping.bytes.data, 8);
    test_send(&t, 1, MIXNET_WS_PONG, MIX_BYTES(payload));
    test_expect_nothing(&t, 2);
    test_claim(&t, 1);
    test_gateway_teardown(&t);
}

/* The number of a challenger that went is that of another client's challenger: the verdict on the
 * one is none on the other. */
static void verdicts_are_not_mixed_up(void **state) {
    (void)state;
    for (int alive = 0; alive < 2; alive++) {
        test_gateway t;
        test_client c, other;
        come_again(&t, &c);
        test_client_init(&t, &other, 2);
        mixnet_gateway_closed(t.gateway, 2, t.now);
        test_register(&t, 3, &other);
        test_pass(&t, MIX_MS(999));
        test_open(&t, 2);
        test_send_login(&t, 2, &other, 1);
        mixnet_gateway_out ping = expect_ping(&t, 1);
        uint8_t payload[8];
        memcpy(payload, ping.bytes.data, 8);
        if (alive)
            test_send(&t, 1, MIXNET_WS_PONG, MIX_BYTES(payload));
        else
            mixnet_gateway_closed(t.gateway, 1, t.now);
        test_expect_nothing(&t, 2);
        mixnet_gateway_closed(t.gateway, 3, t.now);
        (void)test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
        test_gateway_teardown(&t);
    }
}

static void a_stale_login_does_not_replace(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    t.env.wall += 500000; /* within the second of the registration */
    test_register(&t, 1, &c);
    test_open(&t, 2);
    test_send_login(&t, 2, &c, 0);
    test_expect_refusal(&t, 2, "attempted to overwrite client session with a stale authentication",
                        2);
    test_expect_nothing(&t, 1);
    test_gateway_teardown(&t);
}

/* A successor is not thrown out when its predecessor ends late. */
static void places_are_not_mixed_up(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    come_again(&t, &c);
    (void)expect_ping(&t, 1);
    test_pass(&t, MIX_SECONDS(1));
    mixnet_gateway_tick(t.gateway, t.now);
    (void)test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    assert_int_equal(test_stats(&t)->active, 1);
    test_deliver(&t, &c, "here");
    test_expect_message(&t, 2, &c, mix_bytes_str("here"));
    test_gateway_teardown(&t);
}

static void a_client_forgotten_while_it_waits(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    come_again(&t, &c);
    mixnet_gateway_forget(t.gateway, c.identity);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    test_expect_refusal(&t, 2, "the client is not registered", 2);
    test_gateway_teardown(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(first_messages_that_are_refused),
    cmocka_unit_test(a_silent_connection_ends),
    cmocka_unit_test(malformed_first_messages_of_a_registration),
    cmocka_unit_test(malformed_second_messages_of_a_registration),
    cmocka_unit_test(stray_messages_do_not_disturb_a_registration),
    cmocka_unit_test(a_registration_may_be_given_up_or_forgotten),
    cmocka_unit_test(an_active_client_cannot_register_again),
    cmocka_unit_test(versions_of_a_registration_are_cut_to_ours),
    cmocka_unit_test(authentications_that_are_refused),
    cmocka_unit_test(an_authentication_counts_once),
    cmocka_unit_test(a_live_connection_stays),
    cmocka_unit_test(a_dead_connection_gives_way),
    cmocka_unit_test(a_connection_that_goes_gives_way),
    cmocka_unit_test(a_challenger_may_go_too),
    cmocka_unit_test(verdicts_are_not_mixed_up),
    cmocka_unit_test(a_stale_login_does_not_replace),
    cmocka_unit_test(places_are_not_mixed_up),
    cmocka_unit_test(a_client_forgotten_while_it_waits),
};
MIX_TEST_MAIN(gateway_login_test, tests)
