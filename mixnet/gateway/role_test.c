/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway against a scripted client: every state, every refusal, every limit, in virtual time.
 */
#include "mix/errors.h"
#include "mixnet/gateway/role_testing.h"

static const int64_t gift = (int64_t)64 << 30;

static void packet_of(uint8_t out[static 2 + 7 + 2413], uint8_t rotation) {
    static const uint8_t front[] = {0, 0, 4, 6, 253, 10, 20, 30, 40};
    memset(out, 5, 2 + 7 + 2413);
    memcpy(out, front, sizeof front);
    out[1] = rotation;
}

/* ---- the ordinary life ---- */

static void a_client_registers_claims_sends_and_receives(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_packet packet;
    uint8_t plain[2 + 7 + 2413];
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    test_expect_nothing(&t, 1);
    packet_of(plain, 2);
    test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(plain)); /* nothing to pay with yet */
    test_expect_str(&t, 1,
                    "{\"type\":\"typedError\",\"error\":{\"out_of_bandwidth\":{\"required\":2413,"
                    "\"available\":0}}}");
    assert_status(mixnet_gateway_next(t.gateway, &packet), MIX_DONE);
    test_send_str(&t, 1, "{\"type\":\"claimFreeTestnetBandwidth\"}");
    test_expect_str(
        &t, 1, "{\"type\":\"bandwidth\",\"available_total\":68719476736,\"upgrade_mode\":false}");
    test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(plain));
    test_expect_str(
        &t, 1, "{\"type\":\"send\",\"remaining_bandwidth\":68719474323,\"upgrade_mode\":false}");
    assert_status(mixnet_gateway_next(t.gateway, &packet), MIX_OK);
    assert_int_equal(packet.rotation, MIX_ROTATION_EVEN);
    assert_int_equal(packet.next_hop.port, 6 << 8 | 253);
    assert_bytes(packet.packet, mix_bytes_of(plain + 9, 2413));
    assert_status(mixnet_gateway_next(t.gateway, &packet), MIX_DONE);
    memmove(plain + 1, plain + 2, sizeof plain - 2);
    test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V1, mix_bytes_of(plain, sizeof plain - 1));
    mix_text sent = test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_SENT);
    assert_true(sent.amount == gift - 2 * 2413);
    assert_status(mixnet_gateway_next(t.gateway, &packet), MIX_OK);
    assert_int_equal(packet.rotation, MIX_ROTATION_UNKNOWN);
    test_deliver(&t, &c, "hello");
    test_deliver(&t, &c, "");
    test_expect_message(&t, 1, &c, mix_bytes_str("hello"));
    test_expect_message(&t, 1, &c, mix_bytes_str(""));
    test_expect_nothing(&t, 1);
    assert_int_equal(test_stats(&t)->packets, 2);
    assert_int_equal(t.stats.no_bandwidth, 1);
    assert_int_equal(t.stats.pushed, 2);
    assert_int_equal(t.stats.stored_bytes, 0);
    test_gateway_teardown(&t);
}

static void a_client_comes_back(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    test_claim(&t, 1);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    test_deliver(&t, &c, "one");
    test_deliver(&t, &c, "two");
    test_open(&t, 2);
    test_send_str(&t, 2, "{\"type\":\"supportedProtocol\"}");
    test_expect_str(&t, 2, "{\"type\":\"supportedProtocol\",\"version\":6}");
    test_send_login(&t, 2, &c, 0);
    test_send_str(&t, 2, "{\"type\":\"supportedProtocol\"}"); /* is answered after the login */
    test_deliver(&t, &c, "three");
    test_expect_message(&t, 2, &c, mix_bytes_str("one"));
    test_expect_message(&t, 2, &c, mix_bytes_str("two"));
    test_expect_str(&t, 2,
                    "{\"type\":\"authenticate\",\"protocol_version\":6,\"status\":true,"
                    "\"bandwidth_remaining\":68719476736,\"upgrade_mode\":false}");
    test_expect_str(&t, 2, "{\"type\":\"supportedProtocol\",\"version\":6}");
    test_expect_message(&t, 2, &c, mix_bytes_str("three"));
    test_expect_nothing(&t, 2);
    test_gateway_teardown(&t);
}

static void free_bandwidth_is_void_the_next_day(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    uint8_t plain[2 + 7 + 2413];
    packet_of(plain, 0);
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    test_claim(&t, 1);
    t.env.wall += (int64_t)86399 * 1000000 -
                  t.env.wall % ((int64_t)86400 * 1000000); /* a second to midnight */
    test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(plain));
    (void)test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_SENT);
    test_pass(&t, MIX_SECONDS(1));
    test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(plain));
    mix_text error = test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_TYPED_ERROR);
    assert_true(error.out_of_bandwidth && error.amount == 0 && error.required == 2413);
    test_claim(&t, 1);
    test_claim(&t, 1); /* they add up */
    test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(plain));
    mix_text sent = test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_SENT);
    assert_true(sent.amount == 2 * gift - 2413);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    test_pass(&t, MIX_SECONDS(86400));
    test_open(&t, 2);
    test_send_login(&t, 2, &c, 0);
    mix_text answer = test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    assert_true(answer.amount == 0);
    test_gateway_teardown(&t);
}

/* ---- requests that are refused; the connection stays ---- */

static void expect_front(test_gateway *t, uint64_t conn, const char *front) {
    mix_text text = test_expect_text(t, conn, MIX_TEXT_RESPONSE, MIX_TEXT_ERROR);
    assert_bytes(mix_bytes_slice(text.text, 0, strlen(front)), mix_bytes_str(front));
}

static void bad_requests_are_answered_and_survived(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_text login = {.type = MIX_TEXT_AUTHENTICATE, .version = 6};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    memcpy(login.identity, c.identity, sizeof c.identity);
    test_register(&t, 1, &c);
    test_send_str(&t, 1, "");
    expect_front(&t, 1, "Provided text request was malformed - ");
    test_send_str(&t, 1, "{\"type\":\"noSuchThing\"}");
    expect_front(&t, 1, "Provided text request was malformed - the type 'noSuchThing' is unknown");
    test_send_text(&t, 1, &login);
    test_expect_error(&t, 1, "received a text request of an unknown type");
    test_send(&t, 1, MIXNET_WS_BINARY, (mix_bytes){0});
    test_expect_error(&t, 1, "Provided binary request was malformed - the request is too short");
    static const uint8_t zeros[40000];
    test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(zeros));
    expect_front(
        &t, 1,
        "Provided binary request was malformed - failed to serialise created sphinx packet: ");
    test_claim(&t, 1);
    assert_int_equal(test_stats(&t)->refused[MIX_REFUSAL_TEXT], 2);
    assert_int_equal(t.stats.refused[MIX_REFUSAL_BINARY], 2);
    assert_int_equal(t.stats.packets, 0);
    test_send(&t, 1, MIXNET_WS_CLOSE, (mix_bytes){0});
    test_expect_close(&t, 1, MIXNET_CLOSE_PEER);
    test_gateway_teardown(&t);
}

static void send_sealed(test_gateway *t, const test_client *c, mix_text_type type, mix_bytes plain,
                        bool damaged, size_t nonce) {
    mix_buf text = {0};
    mix_text request;
    assert_status(mix_text_seal(&text, t->crypto, &t->env.env, c->key, type, plain), MIX_OK);
    assert_status(
        mix_text_decode(&request, &t->scratch, MIX_TEXT_REQUEST, mix_buf_bytes(&text), NULL),
        MIX_OK);
    uint8_t sealed[256];
    memcpy(sealed, request.data.data, request.data.len);
    sealed[0] ^= damaged;
    request.data.data = sealed;
    request.nonce.len = nonce;
    test_send_text(t, 1, &request);
    mix_buf_deinit(&text);
}

static void tickets_and_sealed_requests_are_told_apart(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_buf ticket = {0};
    uint8_t info[MIX_TICKET_PAY_INFO] = {0};
    mix_ticket_encode(&ticket, &(mix_ticket){.payment = mix_bytes_str("money"), .pay_info = info});
    mix_bytes good = mix_buf_bytes(&ticket);
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    send_sealed(&t, &c, MIX_TEXT_TICKET, good, false, 12);
    test_expect_error(
        &t, 1,
        "The received request is not valid in the current context: this gateway takes no tickets");
    send_sealed(&t, &c, MIX_TEXT_TICKET, good, true, 12);
    test_expect_error(&t, 1,
                      "Provided binary request was malformed - failed to either encrypt or decrypt "
                      "provided message");
    send_sealed(&t, &c, MIX_TEXT_TICKET, good, false, 11);
    test_expect_error(
        &t, 1, "Provided binary request was malformed - the received encrypted data was malformed");
    good.len--;
    send_sealed(&t, &c, MIX_TEXT_TICKET, good, false, 12);
    test_expect_error(
        &t, 1, "Provided binary request was malformed - the received encrypted data was malformed");
    mix_bytes inner = mix_bytes_str("{\"RememberMe\":{\"session_type\":\"Wasm\"}}");
    send_sealed(&t, &c, MIX_TEXT_SEALED_REQUEST, inner, true, 12);
    test_expect_error(&t, 1, "failed to decrypt provided text request");
    send_sealed(&t, &c, MIX_TEXT_SEALED_REQUEST, inner, false, 0);
    test_expect_error(&t, 1, "failed to decrypt provided text request");
    send_sealed(&t, &c, MIX_TEXT_SEALED_REQUEST, mix_bytes_str("{\"UpgradeKey\":{}}"), false, 12);
    test_expect_error(&t, 1, "failed to decrypt provided text request");
    send_sealed(&t, &c, MIX_TEXT_SEALED_REQUEST, inner, false, 12);
    (void)test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_SEALED_RESPONSE);
    assert_int_equal(test_stats(&t)->clients, 1);
    mix_buf_deinit(&ticket);
    test_gateway_teardown(&t);
}

static void a_client_that_asks_is_forgotten(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    uint8_t plain[2 + 7 + 2413];
    mix_buf saved = {0};
    packet_of(plain, 0);
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    test_claim(&t, 1);
    test_deliver(&t, &c, "never read");
    assert_status(mixnet_gateway_save(t.gateway, &saved), MIX_OK);
    send_sealed(&t, &c, MIX_TEXT_SEALED_REQUEST,
                mix_bytes_str("{\"ForgetMe\":{\"client\":false,\"stats\":true}}"), false, 12);
    (void)test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_SEALED_RESPONSE);
    assert_false(mixnet_gateway_dirty(t.gateway)); /* only statistics */
    test_expect_message(&t, 1, &c, mix_bytes_str("never read"));
    test_deliver(&t, &c, "never read either");
    send_sealed(&t, &c, MIX_TEXT_SEALED_REQUEST,
                mix_bytes_str("{\"ForgetMe\":{\"client\":true,\"stats\":false}}"), false, 12);
    mix_text answer = test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_SEALED_RESPONSE);
    mix_buf_truncate(&t.plain, 0);
    assert_status(mix_text_open(&t.plain, t.crypto, c.key, &answer), MIX_OK);
    assert_bytes(mix_buf_bytes(&t.plain), mix_bytes_str("{\"ForgetMeAck\":{}}"));
    test_expect_nothing(&t, 1);
    assert_true(mixnet_gateway_dirty(t.gateway));
    assert_int_equal(test_stats(&t)->clients, 0);
    assert_int_equal(t.stats.forgotten, 1);
    test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2,
                    MIX_BYTES(plain)); /* the connection is still good */
    mix_text sent = test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_SENT);
    assert_true(sent.amount == gift - 2413);
    test_deliver(&t, &c, "live");
    test_expect_message(&t, 1, &c, mix_bytes_str("live"));
    mixnet_gateway_closed(t.gateway, 1, t.now);
    test_pass(&t, MIX_SECONDS(1));
    test_open(&t, 2);
    test_send_login(&t, 2, &c, 0);
    test_expect_refusal(&t, 2, "the client is not registered", 2);
    mix_buf_deinit(&saved);
    test_gateway_teardown(&t);
}

static void a_paid_gateway_gives_nothing_for_free(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    mixnet_gateway_free(t.gateway);
    mixnet_gateway_config config = {.refuse_free = true};
    memcpy(config.seed, t.seed, MIX_KEY_LEN);
    assert_status(mixnet_gateway_new(&t.gateway, &config, t.crypto, &t.env.env), MIX_OK);
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    test_send_str(&t, 1, "{\"type\":\"claimFreeTestnetBandwidth\"}");
    test_expect_error(&t, 1, "This gateway is only accepting coconut credentials for bandwidth");
    test_gateway_teardown(&t);
}

/* ---- the operator's switches ---- */

static void clients_can_be_forgotten_and_thrown_out(void **state) {
    (void)state;
    test_gateway t;
    test_client c[3];
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    for (uint8_t i = 0; i < 3; i++) {
        test_client_init(&t, &c[i], (uint8_t)(i + 1));
        test_register(&t, i, &c[i]);
    }
    mixnet_gateway_kick(t.gateway, c[0].identity, t.now);
    test_expect_close(&t, 0, MIXNET_CLOSE_KICKED);
    test_pass(&t, MIX_SECONDS(1));
    test_login(&t, 0, &c[0]); /* at once: its place is free */
    mixnet_gateway_forget(t.gateway, c[1].identity);
    assert_int_equal(test_stats(&t)->clients, 2);
    mixnet_gateway_kick(t.gateway, NULL, t.now);
    for (uint64_t i = 0; i < 3; i++)
        test_expect_close(&t, i, MIXNET_CLOSE_KICKED);
    test_pass(&t, MIX_SECONDS(1));
    test_open(&t, 1);
    test_send_login(&t, 1, &c[1], 0);
    test_expect_refusal(&t, 1, "the client is not registered", 2);
    test_login(&t, 2, &c[2]);
    mixnet_gateway_forget(t.gateway, NULL);
    assert_int_equal(test_stats(&t)->clients, 0);
    assert_int_equal(t.stats.active, 1);
    test_claim(&t, 2);
    test_gateway_teardown(&t);
}

/* ---- what the host sees ---- */

static void a_connection_is_named_once_until_it_is_empty(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mixnet_gateway_ready_conn ready;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_DONE);
    test_register(&t, 1, &c);
    test_expect_nothing(&t, 1);
    while (mixnet_gateway_ready(t.gateway, &ready) == MIX_OK)
        test_expect_nothing(&t, ready.conn);
    test_open(&t, 2);
    test_send_str(&t, 2, "{\"type\":\"supportedProtocol\"}");
    test_deliver(&t, &c, "one");
    test_deliver(&t, &c, "two");
    assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_OK);
    assert_true(ready.conn == 2 && !ready.give_up);
    assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_OK);
    assert_true(ready.conn == 1 && !ready.give_up);
    assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_DONE);
    test_expect_message(&t, 1, &c, mix_bytes_str("one"));
    test_deliver(&t, &c, "three");
    assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_DONE); /* it knows */
    test_expect_message(&t, 1, &c, mix_bytes_str("two"));
    test_expect_message(&t, 1, &c, mix_bytes_str("three"));
    test_expect_nothing(&t, 1);
    test_deliver(&t, &c, "four");
    assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_OK);
    assert_true(ready.conn == 1);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    mixnet_gateway_closed(t.gateway, 2, t.now);
    mixnet_gateway_closed(t.gateway, 3, t.now); /* unknown */
    assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_DONE);
    assert_status(mixnet_gateway_feed(t.gateway, 1, MIXNET_WS_TEXT, (mix_bytes){0}, t.now),
                  MIX_ERR_STATE);
    test_expect_nothing(&t, 1);
    test_gateway_teardown(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_client_registers_claims_sends_and_receives),
    cmocka_unit_test(a_client_comes_back),
    cmocka_unit_test(free_bandwidth_is_void_the_next_day),
    cmocka_unit_test(bad_requests_are_answered_and_survived),
    cmocka_unit_test(tickets_and_sealed_requests_are_told_apart),
    cmocka_unit_test(a_client_that_asks_is_forgotten),
    cmocka_unit_test(a_paid_gateway_gives_nothing_for_free),
    cmocka_unit_test(clients_can_be_forgotten_and_thrown_out),
    cmocka_unit_test(a_connection_is_named_once_until_it_is_empty),
};
MIX_TEST_MAIN(gateway_role_test, tests)
