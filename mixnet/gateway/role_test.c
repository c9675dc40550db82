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

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_client_registers_claims_sends_and_receives),
    cmocka_unit_test(a_client_comes_back),
    cmocka_unit_test(free_bandwidth_is_void_the_next_day),
};
MIX_TEST_MAIN(gateway_role_test, tests)
