/* SPDX-License-Identifier: Apache-2.0 */
/* Each bound of the gateway, what happens at it, and that it is counted; the file of clients;
 * failing memory. */
#include "alloc_fail.h"
#include "mix/errors.h"
#include "mixnet/gateway/role_testing.h"

static const char ask[] = "{\"type\":\"supportedProtocol\"}";

static void connections_are_bounded(void **state) {
    (void)state;
    test_gateway t;
    test_gateway_setup(&t, (mixnet_gateway_limits){.connections = 2});
    test_open(&t, 1);
    test_open(&t, 2);
    assert_status(mixnet_gateway_opened(t.gateway, 2, t.now), MIX_ERR_ARGUMENT);
    assert_status(mixnet_gateway_opened(t.gateway, 3, t.now), MIX_ERR_LIMIT);
    assert_int_equal(test_stats(&t)->connections_full, 1);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    test_open(&t, 3);
    test_gateway_teardown(&t);
}

static void clients_are_bounded(void **state) {
    (void)state;
    test_gateway t;
    test_client c[2];
    mix_handshake h = {0};
    test_gateway_setup(&t, (mixnet_gateway_limits){.clients = 1});
    test_client_init(&t, &c[0], 1);
    test_client_init(&t, &c[1], 2);
    test_register(&t, 1, &c[0]);
    test_open(&t, 2);
    test_start_registration(&t, 2, &c[1], &h);
    test_expect_refusal(&t, 2, "Internal gateway storage error", 2);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    test_register(&t, 3, &c[0]); /* a known one may */
    test_gateway_teardown(&t);
}

static void long_messages_end_the_connection(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    static uint8_t bytes[MIXNET_GATEWAY_MESSAGE_MAX + 1];
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    memset(bytes, ' ', sizeof bytes);
    test_send(&t, 1, MIXNET_WS_TEXT, mix_bytes_of(bytes, sizeof bytes - 1)); /* is read */
    (void)test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_ERROR);
    test_send(&t, 1, MIXNET_WS_BINARY, MIX_BYTES(bytes));
    test_expect_close(&t, 1, MIXNET_CLOSE_MESSAGE_SIZE);
    test_gateway_teardown(&t);
}

static void answers_that_are_not_read(void **state) {
    (void)state;
    for (int by_bytes = 0; by_bytes < 2; by_bytes++) {
        test_gateway t;
        test_client c;
        mixnet_gateway_ready_conn ready;
        test_gateway_setup(&t, (mixnet_gateway_limits){.replies = by_bytes ? 0 : 5,
                                                       .reply_bytes = by_bytes ? 200 : 0});
        test_client_init(&t, &c, 1);
        test_register(&t, 1, &c);
        while (mixnet_gateway_ready(t.gateway, &ready) == MIX_OK)
            test_expect_nothing(&t, 1);
        for (int i = 0; i < 5; i++) /* 40 bytes each are answered */
            test_send_str(&t, 1, ask);
        assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_OK);
        assert_false(ready.give_up);
        test_send_str(&t, 1, ask);
        assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_OK);
        assert_true(ready.give_up && ready.conn == 1);
        assert_status(mixnet_gateway_feed(t.gateway, 1, MIXNET_WS_TEXT, mix_bytes_str(ask), t.now),
                      MIX_ERR_STATE);
        test_expect_close(&t, 1, MIXNET_CLOSE_SLOW_READER);
        assert_int_equal(test_stats(&t)->active, 0);
        assert_int_equal(t.stats.reply_bytes, 0);
        test_gateway_teardown(&t);
    }
}

static void messages_that_are_not_read_are_kept(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    test_gateway_setup(&t, (mixnet_gateway_limits){.live_bytes = 10});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    for (int i = 0; i < 4; i++) { /* what is read does not count */
        test_deliver(&t, &c, "12345678");
        test_expect_message(&t, 1, &c, mix_bytes_str("12345678"));
    }
    test_deliver(&t, &c, "1");
    for (int i = 0; i < 10; i++) { /* also if it never catches up */
        test_deliver(&t, &c, "1");
        test_expect_message(&t, 1, &c, mix_bytes_str("1"));
    }
    test_expect_message(&t, 1, &c, mix_bytes_str("1"));
    test_deliver(&t, &c, "123");
    test_deliver(&t, &c, "4");
    test_expect_message(&t, 1, &c, mix_bytes_str("123"));
    test_deliver(&t, &c, "12345");
    test_deliver(&t, &c, "6789");
    test_deliver(&t, &c, "!");
    test_expect_close(&t, 1, MIXNET_CLOSE_SLOW_READER);
    test_pass(&t, MIX_SECONDS(1));
    test_open(&t, 2);
    test_send_login(&t, 2, &c, 0);
    test_deliver(&t, &c, "+"); /* what was stored before the login is no fault of the connection */
    test_expect_message(&t, 2, &c, mix_bytes_str("4"));
    test_expect_message(&t, 2, &c, mix_bytes_str("12345"));
    test_expect_message(&t, 2, &c, mix_bytes_str("6789"));
    test_expect_message(&t, 2, &c, mix_bytes_str("!"));
    (void)test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    test_expect_message(&t, 2, &c, mix_bytes_str("+"));
    test_gateway_teardown(&t);
}

static void early_requests_are_bounded(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    test_gateway_setup(&t, (mixnet_gateway_limits){.early = 2});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    test_pass(&t, MIX_SECONDS(1));
    test_open(&t, 2);
    test_send_login(&t, 2, &c, 0); /* waits for the pong of the other connection */
    test_send_str(&t, 2, ask);
    test_send_str(&t, 2, ask);
    test_expect_nothing(&t, 2);
    test_send_str(&t, 2, ask);
    test_expect_close(&t, 2, MIXNET_CLOSE_EARLY);
    assert_int_equal(test_stats(&t)->reply_bytes, 8); /* the ping */
    test_gateway_teardown(&t);
}

static void all_connections_together_are_bounded(void **state) {
    (void)state;
    test_gateway t;
    test_client c[2];
    test_gateway_setup(&t, (mixnet_gateway_limits){.connection_bytes = 1000});
    for (uint8_t i = 0; i < 2; i++) {
        test_client_init(&t, &c[i], (uint8_t)(i + 1));
        test_register(&t, i, &c[i]);
    }
    for (int i = 0; i < 14; i++)
        test_send_str(&t, 0, ask); /* 40 bytes each are answered */
    for (int i = 0; i < 12; i++)
        test_send_str(&t, 1, ask);
    test_expect_close(&t, 0, MIXNET_CLOSE_NO_ROOM); /* the one that holds most goes */
    assert_int_equal(test_stats(&t)->reply_bytes, 480);
    for (int i = 0; i < 12; i++)
        (void)test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_PROTOCOL);
    test_expect_nothing(&t, 1);
    assert_int_equal(test_stats(&t)->active, 1);
    test_gateway_teardown(&t);
}

static void a_close_does_not_wait_for_ever(void **state) {
    (void)state;
    test_gateway t;
    mixnet_gateway_ready_conn ready;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_open(&t, 1);
    test_send(&t, 1, MIXNET_WS_BINARY, (mix_bytes){0});
    assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_OK);
    assert_false(ready.give_up);
    assert_true(mixnet_gateway_deadline(t.gateway) == t.now + MIX_SECONDS(5));
    test_pass(&t, MIX_SECONDS(5));
    mixnet_gateway_tick(t.gateway, t.now);
    assert_status(mixnet_gateway_ready(t.gateway, &ready), MIX_OK);
    assert_true(ready.give_up);
    test_expect_close(&t, 1, MIXNET_CLOSE_REFUSED);
    assert_true(mixnet_gateway_deadline(t.gateway) == MIX_NEVER);
    assert_int_equal(test_stats(&t)->closed[MIXNET_CLOSE_REFUSED], 1);
    test_gateway_teardown(&t);
}

static void a_full_forwarder_drops_in_silence(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_packet packet;
    static uint8_t plain[2 + 7 + 386] = {0, 0, 4, 6, 253, 127, 0, 0, 1};
    test_gateway_setup(&t, (mixnet_gateway_limits){.forward = 2});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    test_claim(&t, 1);
    for (int i = 0; i < 3; i++) {
        test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(plain));
        (void)test_expect_text(&t, 1, MIX_TEXT_RESPONSE, MIX_TEXT_SENT);
    }
    assert_int_equal(test_stats(&t)->forwarder_full, 1);
    assert_int_equal(t.stats.packets, 2);
    assert_int_equal(t.stats.packet_bytes, 2 * 386);
    assert_status(mixnet_gateway_next(t.gateway, &packet), MIX_OK);
    assert_status(mixnet_gateway_next(t.gateway, &packet), MIX_OK);
    assert_status(mixnet_gateway_next(t.gateway, &packet), MIX_DONE);
    test_gateway_teardown(&t);
}

/* ---- stored messages ---- */

static void collect(test_gateway *t, uint64_t conn, const test_client *c, const char *expected) {
    test_pass(t, MIX_SECONDS(1));
    test_open(t, conn);
    test_send_login(t, conn, c, 0);
    for (; *expected; expected++)
        test_expect_message(t, conn, c, mix_bytes_of(expected, 1));
    (void)test_expect_text(t, conn, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    test_expect_nothing(t, conn);
    mixnet_gateway_closed(t->gateway, conn, t->now);
}

static void the_oldest_messages_give_way(void **state) {
    (void)state;
    test_gateway t;
    test_client c[2];
    static const uint8_t large[4 * 129 - 128 + 1];
    test_gateway_setup(&t,
                       (mixnet_gateway_limits){.stored_client = 4 * 129, .stored_total = 6 * 129});
    for (uint8_t i = 0; i < 2; i++) {
        test_client_init(&t, &c[i], (uint8_t)(i + 1));
        test_register(&t, i, &c[i]);
        mixnet_gateway_closed(t.gateway, i, t.now);
    }
    static const char *const letters[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++)
        test_deliver(&t, &c[0], letters[i]);
    assert_int_equal(test_stats(&t)->client_full, 1);
    for (int i = 0; i < 3; i++)
        test_deliver(&t, &c[1], letters[i]);
    assert_int_equal(test_stats(&t)->store_full, 1);
    assert_int_equal(t.stats.stored, 6);
    assert_int_equal(t.stats.stored_bytes, 6 * 129);
    assert_status(mixnet_gateway_deliver(t.gateway, c[0].identity, MIX_BYTES(large), t.now),
                  MIX_ERR_LIMIT);
    assert_int_equal(test_stats(&t)->message_size, 1);
    collect(&t, 1, &c[0], "cde");
    collect(&t, 2, &c[1], "abc");
    assert_int_equal(test_stats(&t)->stored_bytes, 0);
    test_gateway_teardown(&t);
}

static void messages_for_strangers_are_stored_as_well(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_deliver(&t, &c, "before it was known");
    test_register(&t, 1, &c);
    test_expect_message(&t, 1, &c, mix_bytes_str("before it was known"));
    test_gateway_teardown(&t);
}

static void stored_messages_expire(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    test_deliver(&t, &c, "a");
    test_pass(&t, MIX_SECONDS(3600));
    test_deliver(&t, &c, "b");
    mix_time day = MIX_SECONDS(24 * 3600);
    assert_true(mixnet_gateway_deadline(t.gateway) == t.now - MIX_SECONDS(3600) + day);
    test_pass(&t, day - MIX_SECONDS(3600));
    mixnet_gateway_tick(t.gateway, t.now);
    assert_int_equal(test_stats(&t)->expired, 1);
    collect(&t, 2, &c, "b");
    assert_true(mixnet_gateway_deadline(t.gateway) == MIX_NEVER);
    test_gateway_teardown(&t);
}

static void many_stored_messages_come_in_order(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    char text[16];
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    mixnet_gateway_closed(t.gateway, 1, t.now);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        test_deliver(&t, &c, text);
    }
    test_pass(&t, MIX_SECONDS(1));
    test_open(&t, 2);
    test_send_login(&t, 2, &c, 0);
    for (int i = 0; i < 500; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        test_expect_message(&t, 2, &c, mix_bytes_str(text));
    }
    mixnet_gateway_closed(t.gateway, 2, t.now); /* half way: the rest is for the next time */
    test_pass(&t, MIX_SECONDS(1));
    test_open(&t, 3);
    test_send_login(&t, 3, &c, 0);
    for (int i = 500; i < 1000; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        test_expect_message(&t, 3, &c, mix_bytes_str(text));
    }
    (void)test_expect_text(&t, 3, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    test_gateway_teardown(&t);
}

/* ---- the file of clients ---- */

static mixnet_gateway *successor(test_gateway *t) {
    mixnet_gateway *g;
    mixnet_gateway_config config = {.limits = {.clients = 3}};
    memcpy(config.seed, t->seed, MIX_KEY_LEN);
    assert_status(mixnet_gateway_new(&g, &config, t->crypto, &t->env.env), MIX_OK);
    return g;
}

static void clients_survive_a_restart(void **state) {
    (void)state;
    test_gateway t;
    test_client c[2];
    mix_buf saved = {0};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    assert_false(mixnet_gateway_dirty(t.gateway));
    for (uint8_t i = 0; i < 2; i++) {
        test_client_init(&t, &c[i], (uint8_t)(i + 1));
        test_register(&t, i, &c[i]);
    }
    mixnet_gateway_closed(t.gateway, 0, t.now);
    test_login(&t, 0, &c[0]);
    test_claim(&t, 0);
    assert_true(mixnet_gateway_dirty(t.gateway));
    assert_status(mixnet_gateway_save(t.gateway, &saved), MIX_OK);
    assert_false(mixnet_gateway_dirty(t.gateway));
    assert_status(mixnet_gateway_load(t.gateway, mix_buf_bytes(&saved), NULL), MIX_ERR_STATE);
    mixnet_gateway_free(t.gateway);
    t.gateway = successor(&t);
    assert_status(mixnet_gateway_load(t.gateway, mix_buf_bytes(&saved), NULL), MIX_OK);
    assert_false(mixnet_gateway_dirty(t.gateway));
    assert_int_equal(test_stats(&t)->clients, 2);
    test_open(&t, 1);
    test_send_login(&t, 1, &c[0], 0); /* the same second as before the restart */
    test_expect_refusal(
        &t, 1, "the provided request timestamp is smaller or equal to one previously used", 2);
    test_pass(&t, MIX_SECONDS(1));
    test_open(&t, 2);
    test_send_login(&t, 2, &c[0], 0);
    mix_text answer = test_expect_text(&t, 2, MIX_TEXT_RESPONSE, MIX_TEXT_AUTHENTICATED);
    assert_true(answer.amount == (int64_t)64 << 30);
    test_login(&t, 3, &c[1]); /* registered, never authenticated */
    mix_buf_deinit(&saved);
    test_gateway_teardown(&t);
}

/* The table with another balance for its first client. */
static void set_balance(mix_buf *saved, uint64_t balance) {
    enum { FRONT = 10 + 2 * MIX_KEY_LEN + 8 }; /* head, identity, key, last authentication */
    size_t len = saved->len - MIX_KEY_LEN;
    mix_put_u64(saved->data + FRONT, balance);
    mix_blake3(saved->data + len, mix_bytes_of(saved->data, len));
}

static void bandwidth_is_counted_to_the_byte(void **state) {
    (void)state;
    static uint8_t plain[2 + 7 + 386] = {0, 0, 4, 6, 253, 127, 0, 0, 1};
    for (uint64_t spare = 0; spare < 3; spare++) {
        test_gateway t;
        test_client c;
        mix_buf saved = {0};
        test_gateway_setup(&t, (mixnet_gateway_limits){0});
        test_client_init(&t, &c, 1);
        test_register(&t, 1, &c);
        test_claim(&t, 1);
        assert_status(mixnet_gateway_save(t.gateway, &saved), MIX_OK);
        set_balance(&saved, 385 + spare);
        mixnet_gateway_free(t.gateway);
        t.gateway = successor(&t);
        assert_status(mixnet_gateway_load(t.gateway, mix_buf_bytes(&saved), NULL), MIX_OK);
        test_pass(&t, MIX_SECONDS(1));
        test_login(&t, 1, &c);
        test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(plain));
        if (spare == 0)
            test_expect_str(&t, 1,
                            "{\"type\":\"typedError\",\"error\":{\"out_of_bandwidth\":{"
                            "\"required\":386,\"available\":385}}}");
        else
            test_expect_str(
                &t, 1,
                spare == 1
                    ? "{\"type\":\"send\",\"remaining_bandwidth\":0,\"upgrade_mode\":false}"
                    : "{\"type\":\"send\",\"remaining_bandwidth\":1,\"upgrade_mode\":false}");
        mix_buf_deinit(&saved);
        test_gateway_teardown(&t);
    }
}

static void damaged_files_are_refused(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_buf saved = {0}, whole = {0};
    mix_error e = {0};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    assert_status(mixnet_gateway_save(t.gateway, &saved), MIX_OK);
    mixnet_gateway *g = successor(&t);
    for (size_t len = 0; len < saved.len; len++)
        assert_status(mixnet_gateway_load(g, mix_bytes_of(saved.data, len), NULL),
                      MIX_ERR_NETWORK_FILE);
    for (size_t at = 0; at < saved.len; at++) {
        saved.data[at] ^= 1;
        assert_status(mixnet_gateway_load(g, mix_buf_bytes(&saved), &e), MIX_ERR_NETWORK_FILE);
        assert_true(e.words[0] != 0);
        saved.data[at] ^= 1;
    }
    mix_buf_put_u8(&saved, 0);
    assert_status(mixnet_gateway_load(g, mix_buf_bytes(&saved), NULL), MIX_ERR_NETWORK_FILE);
    saved.len--;
    for (uint8_t i = 2; i < 6; i++) { /* five clients, where three are the most */
        test_client_init(&t, &c, i);
        test_register(&t, i, &c);
    }
    assert_status(mixnet_gateway_save(t.gateway, &whole), MIX_OK);
    assert_status(mixnet_gateway_load(g, mix_buf_bytes(&whole), NULL), MIX_ERR_LIMIT);
    mixnet_gateway_stats stats;
    mixnet_gateway_get_stats(g, &stats);
    assert_int_equal(stats.clients, 0);
    assert_status(mixnet_gateway_load(g, mix_buf_bytes(&saved), NULL), MIX_OK);
    mixnet_gateway_free(g);
    mix_buf_deinit(&saved);
    mix_buf_deinit(&whole);
    test_gateway_teardown(&t);
}

static void bandwidth_is_written_by_the_mib(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_buf saved = {0};
    mix_packet packet;
    static uint8_t plain[2 + 7 + 33133] = {0, 0, 4, 6, 253, 127, 0, 0, 1};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    test_claim(&t, 1);
    assert_status(mixnet_gateway_save(t.gateway, &saved), MIX_OK);
    for (size_t sent = 33133; sent < 1 << 20; sent += 33133) {
        assert_false(mixnet_gateway_dirty(t.gateway));
        test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(plain));
        while (mixnet_gateway_next(t.gateway, &packet) == MIX_OK)
            continue;
    }
    assert_false(mixnet_gateway_dirty(t.gateway));
    test_send_frame(&t, 1, &c, MIX_FRAME_PACKET_V2, MIX_BYTES(plain));
    assert_true(mixnet_gateway_dirty(t.gateway));
    mix_buf_deinit(&saved);
    test_gateway_teardown(&t);
}

/* ---- memory ---- */

/* A life in short; each call's outcome is looked at by the one that lets memory fail. */
static void live(mixnet_gateway *g, const test_client *c, mix_bytes login, mix_bytes frame) {
    mixnet_gateway_out out;
    mix_packet packet;
    mix_buf saved = {0};
    (void)mixnet_gateway_opened(g, 1, 0);
    (void)mixnet_gateway_feed(g, 1, MIXNET_WS_TEXT, mix_bytes_str(ask), 0);
    (void)mixnet_gateway_deliver(g, c->identity, mix_bytes_str("stored"), 0);
    (void)mixnet_gateway_feed(g, 1, MIXNET_WS_TEXT, login, 0);
    (void)mixnet_gateway_feed(g, 1, MIXNET_WS_TEXT,
                              mix_bytes_str("{\"type\":\"claimFreeTestnetBandwidth\"}"), 0);
    (void)mixnet_gateway_feed(g, 1, MIXNET_WS_BINARY, frame, 0);
    (void)mixnet_gateway_deliver(g, c->identity, mix_bytes_str("live"), 0);
    while (mixnet_gateway_drain(g, 1, &out, 0) == MIX_OK)
        continue;
    while (mixnet_gateway_next(g, &packet) == MIX_OK)
        continue;
    (void)mixnet_gateway_save(g, &saved);
    mix_buf_deinit(&saved);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_buf saved = {0}, login = {0}, frame = {0};
    static uint8_t plain[2 + 7 + 386] = {0, 0, 4, 6, 253, 127, 0, 0, 1};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_register(&t, 1, &c);
    test_pass(&t, MIX_SECONDS(1));
    assert_status(mixnet_gateway_save(t.gateway, &saved), MIX_OK);
    assert_status(mix_authenticate_write(&login, t.crypto, &t.env.env, c.seed, c.identity, c.key, 6,
                                         (uint64_t)(t.env.wall / 1000000)),
                  MIX_OK);
    assert_status(mix_gateway_frame_seal(&frame, t.crypto, &t.env.env, c.key, MIX_FRAME_PACKET_V2,
                                         MIX_BYTES(plain), (mix_bytes){0}),
                  MIX_OK);
    size_t live_before = mix_alloc_live(), n = 1;
    for (bool all = false; !all; n++) {
        mixnet_gateway *g = NULL;
        mixnet_gateway_config config = {0};
        mix_alloc_fail_at(n, 0);
        int status = mixnet_gateway_new(&g, &config, t.crypto, &t.env.env);
        if (status == MIX_OK) {
            status = mixnet_gateway_load(g, mix_buf_bytes(&saved), NULL);
            live(g, &c, mix_buf_bytes(&login), mix_buf_bytes(&frame));
            all = mix_alloc_count() < n;
            mix_alloc_fail_at(0, 0);
            mixnet_gateway_stats stats;
            mixnet_gateway_get_stats(g, &stats);
            if (all)
                assert_true(stats.packets == 1 && stats.pushed == 2 && stats.authenticated == 1);
            assert_true(stats.closed[MIXNET_CLOSE_INTERNAL] == 0 || !all);
            mixnet_gateway_free(g);
        } else {
            assert_status(status, MIX_ERR_MEMORY);
        }
        mix_alloc_fail_at(0, 0);
        assert_int_equal(mix_alloc_live(), live_before);
    }
    assert_in_range(n, 20, 400);
    mix_buf_deinit(&saved);
    mix_buf_deinit(&login);
    mix_buf_deinit(&frame);
    test_gateway_teardown(&t);
}

/* The host's generator fails: that connection ends, others and the table stay. */
static void randomness_may_fail(void **state) {
    (void)state;
    test_gateway t;
    test_client c;
    mix_handshake h = {0};
    test_gateway_setup(&t, (mixnet_gateway_limits){0});
    test_client_init(&t, &c, 1);
    test_open(&t, 1);
    mix_buf init = {0};
    assert_status(mix_handshake_start(&h, &init, &t.env.env, c.identity), MIX_OK);
    t.env.fail_random = 1;
    test_send_text(&t, 1, &(mix_text){.type = MIX_TEXT_PAYLOAD, .data = mix_buf_bytes(&init)});
    test_expect_close(&t, 1, MIXNET_CLOSE_INTERNAL);
    test_register(&t, 2, &c);
    test_deliver(&t, &c, "kept");
    t.env.fail_random = 1;
    test_expect_close(&t, 2, MIXNET_CLOSE_INTERNAL);
    test_pass(&t, MIX_SECONDS(1));
    test_open(&t, 3);
    test_send_login(&t, 3, &c, 0);
    test_expect_message(&t, 3, &c, mix_bytes_str("kept"));
    mix_buf_deinit(&init);
    test_gateway_teardown(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(connections_are_bounded),
    cmocka_unit_test(clients_are_bounded),
    cmocka_unit_test(long_messages_end_the_connection),
    cmocka_unit_test(answers_that_are_not_read),
    cmocka_unit_test(messages_that_are_not_read_are_kept),
    cmocka_unit_test(early_requests_are_bounded),
    cmocka_unit_test(all_connections_together_are_bounded),
    cmocka_unit_test(a_close_does_not_wait_for_ever),
    cmocka_unit_test(a_full_forwarder_drops_in_silence),
    cmocka_unit_test(the_oldest_messages_give_way),
    cmocka_unit_test(messages_for_strangers_are_stored_as_well),
    cmocka_unit_test(stored_messages_expire),
    cmocka_unit_test(many_stored_messages_come_in_order),
    cmocka_unit_test(clients_survive_a_restart),
    cmocka_unit_test(bandwidth_is_counted_to_the_byte),
    cmocka_unit_test(damaged_files_are_refused),
    cmocka_unit_test(bandwidth_is_written_by_the_mib),
    cmocka_unit_test(any_allocation_may_fail),
    cmocka_unit_test(randomness_may_fail),
};
MIX_TEST_MAIN(gateway_limits_test, tests)
