/* SPDX-License-Identifier: Apache-2.0 */
/* The session with gateways that mean ill or are broken: bandwidth, senseless messages, memory,
 * secrets in logs. */
#include "alloc_fail.h"
#include "base/text.h"
#include "gateway/peer_testing.h"
#include "mix/errors.h"

#include <stdlib.h>
#include <string.h>

static void begin(world *w) {
    assert_status(mix_gateway_choose(w->g, w->peer.identity,
                                     mix_bytes_str("wss://gateway.example:9001/"), w->now),
                  MIX_OK);
    assert_status(mix_gateway_start(w->g, w->now), MIX_OK);
    world_settle(w);
}

static void send_one(world *w) {
    uint8_t storage[2422];
    assert_status(mix_gateway_write(w->g, world_packet(storage, 2413, 1), w->now), MIX_OK);
    world_settle(w);
}

static int feed(world *w, const char *text) {
    return mix_gateway_feed(w->g, w->link, false, mix_bytes_str(text), w->now);
}

/* ---- bandwidth ---- */

static void gateways_without_free_bandwidth_are_left(void **state) {
    (void)state;
    static const struct {
        bool paid_only;
        int64_t gift;
    } rows[] = {{true, 0}, {false, 0}, {false, 39999999}, {false, INT64_MIN / 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        world_init(&w, 21);
        w.peer.paid_only = rows[i].paid_only;
        w.peer.gift = rows[i].gift;
        begin(&w);
        assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_CHOOSING);
        assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_BANDWIDTH);
        assert_int_equal(w.peer.claims, 1);
        world_deinit(&w);
    }
}

static void claims_that_never_help_end(void **state) {
    (void)state;
    world w;
    uint8_t storage[2422];
    world_ready(&w, 22);
    w.peer.mute = true;
    unsigned claims = 0;
    /* It gives what is asked for, and then refuses each packet for want of it. */
    for (int i = 0; mix_gateway_state_of(w.g) == MIX_GATEWAY_IS_READY; i++) {
        mix_gateway_order order;
        mix_buf out = {0};
        assert_in_range(i, 0, 50);
        (void)mix_gateway_write(w.g, world_packet(storage, 2413, 1), w.now);
        if (mix_gateway_drain(w.g, &order, &out, w.now) == MIX_OK) {
            bool claim = order.act == MIX_GATEWAY_SEND_TEXT;
            claims += claim;
            assert_status(feed(&w, claim
                                       ? "{\"type\":\"bandwidth\",\"available_total\":99999999999}"
                                       : "{\"type\":\"typedError\",\"error\":{\"out_of_bandwidth\":"
                                         "{\"required\":2413,"
                                         "\"available\":99999999999}}}"),
                          MIX_OK);
        }
        mix_buf_deinit(&out);
    }
    assert_in_range(claims, 1, 4);
    assert_int_equal(mix_gateway_error(w.g)->code, MIX_ERR_GATEWAY_BANDWIDTH);
    world_deinit(&w);
}

static void refused_packets_are_lost_alone(void **state) {
    (void)state;
    world w;
    world_ready(&w, 23);
    w.peer.mute = true;
    for (int i = 0; i < 100; i++) {
        send_one(&w);
        const char *answer =
            i % 16 == 15
                ? "{\"type\":\"send\",\"remaining_bandwidth\":99999999999}"
                : "{\"type\":\"error\",\"message\":\"Provided binary request was malformed - "
                  "failed to serialise created sphinx packet: address field was incorrectly "
                  "encoded\"}";
        assert_status(feed(&w, answer), MIX_OK);
        assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_READY);
    }
    /* When none is accepted any more, something is wrong with the session. */
    for (int i = 0; i < 16; i++) {
        send_one(&w);
        (void)feed(&w, "{\"type\":\"error\",\"message\":\"no idea\"}");
    }
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_PAUSING);
    world_deinit(&w);
}

static void errors_belong_to_the_oldest_request(void **state) {
    (void)state;
    world w;
    world_ready(&w, 24);
    w.peer.mute = true;
    send_one(&w);
    send_one(&w);
    assert_status(feed(&w, "{\"type\":\"send\",\"remaining_bandwidth\":30000000}"),
                  MIX_OK); /* low: a claim follows packet 2 */
    world_settle(&w);
    assert_bytes(mix_buf_bytes(&w.last_text),
                 mix_bytes_str("{\"type\":\"claimFreeTestnetBandwidth\"}"));
    assert_status(feed(&w, "{\"type\":\"error\",\"message\":\"about packet 2\"}"), MIX_OK);
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_READY);
    assert_status(feed(&w, "{\"type\":\"error\",\"message\":\"This gateway is only accepting "
                           "coconut credentials for bandwidth\"}"),
                  MIX_OK);
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_CHOOSING);
    assert_int_equal(mix_gateway_error(w.g)->code, MIX_ERR_GATEWAY_BANDWIDTH);
    world_deinit(&w);
}

static void a_refused_sign_of_life_is_one(void **state) {
    (void)state;
    world w;
    world_ready(&w, 25);
    w.peer.mute = true;
    world_pass(&w, MIX_SECONDS(25));
    assert_bytes(mix_buf_bytes(&w.last_text), mix_bytes_str("{\"type\":\"supportedProtocol\"}"));
    assert_status(feed(&w, "{\"type\":\"error\",\"message\":\"what?\"}"), MIX_OK);
    world_pass(&w, MIX_SECONDS(20));
    assert_int_equal(w.seen.lost, 0);
    world_deinit(&w);
}

/* ---- hostile gateways ---- */

static void senseless_messages_are_refused_and_bounded(void **state) {
    (void)state;
    static const struct {
        bool binary;
        int error;
        mix_bytes message;
    } rows[] = {
#define TEXT(error, text) {false, error, {(const uint8_t *)(text), sizeof(text) - 1}}
#define FRAME(error, bytes) {true, error, {(const uint8_t *)(bytes), sizeof(bytes) - 1}}
        TEXT(MIX_ERR_GATEWAY_JSON, "{"),
        TEXT(MIX_ERR_GATEWAY_TYPE, "{\"type\":\"newThing\"}"),
        TEXT(MIX_ERR_GATEWAY_FIELD, "{\"type\":\"send\"}"),
        TEXT(MIX_ERR_GATEWAY_UNEXPECTED, "{\"type\":\"send\",\"remaining_bandwidth\":1}"),
        TEXT(MIX_ERR_GATEWAY_UNEXPECTED, "{\"type\":\"bandwidth\",\"available_total\":1}"),
        TEXT(MIX_ERR_GATEWAY_UNEXPECTED, "{\"type\":\"register\",\"status\":true}"),
        TEXT(MIX_ERR_GATEWAY_UNEXPECTED,
             "{\"type\":\"authenticate\",\"status\":true,\"bandwidth_remaining\":1}"),
        TEXT(MIX_ERR_GATEWAY_UNEXPECTED, "{\"type\":\"supportedProtocol\",\"version\":4}"),
        TEXT(MIX_ERR_GATEWAY_UNEXPECTED,
             "{\"type\":\"error\",\"message\":\"the client is not registered\"}"),
        TEXT(MIX_ERR_GATEWAY_UNEXPECTED, "{\"type\":\"typedError\",\"error\":\"ticket_replay\"}"),
        TEXT(MIX_ERR_GATEWAY_UNEXPECTED, "{\"type\":\"typedError\",\"error\":{\"out_of_bandwidth\":"
                                         "{\"required\":1,\"available\":0}}}"),
        TEXT(MIX_ERR_GATEWAY_UNEXPECTED,
             "{\"type\":\"encryptedResponse\",\"ciphertext\":[],\"nonce\":[]}"),
        TEXT(MIX_ERR_GATEWAY_TYPE, "{\"type\":\"handshakePayload\",\"data\":[1]}"),
        FRAME(MIX_ERR_GATEWAY_FRAME_SHORT, ""),
        FRAME(MIX_ERR_GATEWAY_FRAME_SHORT, "\1\1abcdefghijk"),
        FRAME(MIX_ERR_GATEWAY_FRAME_FLAG, "\1\2abcdefghijkl"),
        FRAME(MIX_ERR_GATEWAY_FRAME_KIND, "\2\1abcdefghijklmnopqrstuvwxyz0123456789"),
        FRAME(MIX_ERR_GATEWAY_PLAINTEXT, "\1\0abcdefghijkla message without a seal"),
        FRAME(MIX_ERR_AEAD, "\1\1abcdefghijkl"),
        FRAME(MIX_ERR_AEAD, "\1\1abcdefghijklmnopqrstuvwxyz0123456789"),
#undef TEXT
#undef FRAME
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        world_ready(&w, 26);
        int64_t remaining = w.peer.balance;
        for (int n = 0; n < 15; n++) {
            assert_status(mix_gateway_feed(w.g, w.link, rows[i].binary, rows[i].message, w.now),
                          rows[i].error);
            assert_int_equal(mix_gateway_error(w.g)->code, rows[i].error);
            assert_true(mix_gateway_error(w.g)->words[0] != 0);
        }
        world_settle(&w);
        assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_READY); /* nothing changed */
        assert_int_equal(w.seen.pushed + w.seen.lost + w.seen.bandwidth + w.seen.store, 0);
        send_one(&w); /* an answer that makes sense forgives them */
        assert_true(w.seen.remaining == remaining - 2413);
        for (int n = 0; n < 16; n++)
            assert_status(mix_gateway_feed(w.g, w.link, rows[i].binary, rows[i].message, w.now),
                          rows[i].error);
        assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_PAUSING);
        world_settle(&w);
        assert_int_equal(w.seen.lost, 1);
        assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_NOISE);
        world_deinit(&w);
    }
}

static void frames_beyond_the_longest_are_refused_unread(void **state) {
    (void)state;
    world w;
    world_ready(&w, 27);
    uint8_t *huge = calloc(1, 1 << 24);
    assert_non_null(huge);
    huge[0] = huge[1] = 1;
    mix_alloc_fail_at(1, 1);
    assert_status(mix_gateway_feed(w.g, w.link, true, mix_bytes_of(huge, 1 << 24), w.now),
                  MIX_ERR_GATEWAY_LONG);
    assert_status(mix_gateway_feed(w.g, w.link, false, mix_bytes_of(huge, 1 << 24), w.now),
                  MIX_ERR_GATEWAY_LONG);
    mix_alloc_fail_at(0, 0);
    free(huge);
    world_deinit(&w);
}

/* Whatever it sends without end, the memory in use has a bound. */
static void memory_stays_under_its_bound(void **state) {
    (void)state;
    static uint8_t message[32363];
    world w;
    world_ready(&w, 28);
    mix_buf frame = {0}, text = {0};
    assert_status(mix_gateway_frame_seal(&frame, w.crypto, &w.env.env, w.peer.key, 1,
                                         MIX_BYTES(message), (mix_bytes){0}),
                  MIX_OK);
    mix_buf_put_str(&text, "{\"type\":\"error\",\"message\":\"");
    while (text.len < MIX_GATEWAY_TEXT_MAX - 2)
        mix_buf_put_u8(&text, 'a');
    mix_buf_put_str(&text, "\"}");
    size_t before = mix_alloc_live_bytes();
    mix_alloc_fail_at(0, 0);
    uint8_t storage[2422];
    for (int i = 0; i < 2000; i++) {
        (void)mix_gateway_feed(w.g, w.link, true, mix_buf_bytes(&frame), w.now);
        if (i % 10 == 0)
            (void)mix_gateway_feed(w.g, w.link, false, mix_buf_bytes(&text), w.now);
        (void)mix_gateway_write(w.g, world_packet(storage, 2413, 1), w.now);
        assert_true(mix_alloc_live_bytes() - before < (2u << 20));
    }
    assert_true(mix_alloc_peak_bytes() - before < (3u << 20));
    mix_buf_deinit(&frame);
    mix_buf_deinit(&text);
    world_deinit(&w);
}

static void a_gateway_that_accepts_and_drops_is_left(void **state) {
    (void)state;
    world w;
    world_ready(&w, 29);
    for (int i = 0; mix_gateway_state_of(w.g) != MIX_GATEWAY_IS_CHOOSING; i++) {
        assert_in_range(i, 0, 8); /* no matter that each session got ready */
        w.peer.drop = true;
        world_settle(&w);
        if (mix_gateway_state_of(w.g) == MIX_GATEWAY_IS_PAUSING)
            world_pass(&w, mix_gateway_deadline(w.g) - w.now);
    }
    world_deinit(&w);
}

/* ---- secrets ---- */

static char *logged;
static size_t logged_len;
static void keep(void *user, mix_log_level level, const char *layer, const char *text) {
    (void)user;
    (void)level;
    size_t more = strlen(layer) + strlen(text) + 2;
    logged = realloc(logged, logged_len + more + 1);
    assert_non_null(logged);
    logged_len += (size_t)snprintf(logged + logged_len, more + 1, "%s %s\n", layer, text);
}

static void assert_not_logged(mix_bytes secret) {
    mix_buf forms[3] = {{0}};
    assert_status(mix_hex_encode(&forms[0], mix_bytes_slice(secret, 0, 8)), MIX_OK);
    assert_status(mix_base58_encode(&forms[1], secret), MIX_OK);
    assert_status(mix_base64_encode(&forms[2], mix_bytes_slice(secret, 0, 9)), MIX_OK);
    for (size_t i = 0; i < 3; i++) {
        mix_buf_put_u8(&forms[i], 0);
        assert_null(strstr(logged, (const char *)forms[i].data));
        mix_buf_deinit(&forms[i]);
    }
    char list[64];
    (void)snprintf(list, sizeof list, "%u,%u,%u,%u", secret.data[0], secret.data[1], secret.data[2],
                   secret.data[3]);
    assert_null(strstr(logged, list));
    for (size_t at = 0; at + 6 <= logged_len; at++)
        assert_memory_not_equal(logged + at, secret.data, 6);
}

static void nothing_of_the_identity_is_logged(void **state) {
    (void)state;
    world w;
    world_init(&w, 30);
    w.env.env.log = keep;
    w.env.env.log_level = MIX_LOG_TRACE;
    begin(&w);
    send_one(&w);
    w.peer.drop = true;
    world_settle(&w);
    w.peer.registered = false;
    world_until(&w, MIX_GATEWAY_IS_READY);
    (void)feed(&w, "{\"type\":\"error\",\"message\":\"noise\"}");
    w.peer.refuse_connections = w.peer.drop = true;
    world_settle(&w);
    world_until(&w, MIX_GATEWAY_IS_CHOOSING);
    assert_true(logged_len > 200); /* there is something to look into */
    const mix_identity *id = mix_gateway_identity(w.g);
    assert_not_logged(MIX_BYTES(id->seed));
    assert_not_logged(MIX_BYTES(id->public_key));
    assert_not_logged(MIX_BYTES(id->encryption_secret));
    assert_not_logged(MIX_BYTES(id->encryption_public));
    assert_not_logged(MIX_BYTES(id->ack_key));
    assert_not_logged(MIX_BYTES(id->registration.shared_key));
    free(logged);
    logged = NULL;
    world_deinit(&w);
}

static void randomness_may_fail(void **state) {
    (void)state;
    for (int n = 1; n < 12; n++) {
        world w;
        world_init(&w, 31);
        w.env.fail_random = 0;
        assert_status(mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://a/"), w.now),
                      MIX_OK);
        assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
        mix_gateway_order order;
        mix_buf out = {0};
        assert_status(mix_gateway_drain(w.g, &order, &out, w.now), MIX_OK);
        mix_gateway_opened(w.g, order.link, w.now);
        w.env.fail_random = n > 2 ? 0 : n; /* the ephemeral key, the salt */
        (void)mix_gateway_feed(w.g, order.link, false,
                               mix_bytes_str("{\"type\":\"supportedProtocol\",\"version\":6}"),
                               w.now);
        assert_int_equal(mix_gateway_state_of(w.g),
                         n > 2 ? MIX_GATEWAY_IS_REGISTERING : MIX_GATEWAY_IS_PAUSING);
        if (n <= 2)
            assert_int_equal(mix_gateway_error(w.g)->code, MIX_ERR_RANDOM);
        mix_buf_deinit(&out);
        world_deinit(&w);
    }
    world w;
    uint8_t storage[2422];
    world_ready(&w, 32);
    assert_status(mix_gateway_write(w.g, world_packet(storage, 2413, 1), w.now), MIX_OK);
    w.env.fail_random = 1;
    mix_gateway_order order;
    mix_buf out = {0};
    assert_status(mix_gateway_drain(w.g, &order, &out, w.now), MIX_ERR_RANDOM);
    assert_int_equal(out.len, 0);
    assert_int_equal(mix_gateway_backlog(w.g), 1);
    world_settle(&w);
    assert_int_equal(w.peer.packets, 1);
    mix_buf_deinit(&out);
    world_deinit(&w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(gateways_without_free_bandwidth_are_left),
    cmocka_unit_test(claims_that_never_help_end),
    cmocka_unit_test(refused_packets_are_lost_alone),
    cmocka_unit_test(errors_belong_to_the_oldest_request),
    cmocka_unit_test(a_refused_sign_of_life_is_one),
    cmocka_unit_test(senseless_messages_are_refused_and_bounded),
    cmocka_unit_test(frames_beyond_the_longest_are_refused_unread),
    cmocka_unit_test(memory_stays_under_its_bound),
    cmocka_unit_test(a_gateway_that_accepts_and_drops_is_left),
    cmocka_unit_test(nothing_of_the_identity_is_logged),
    cmocka_unit_test(randomness_may_fail),
};
MIX_TEST_MAIN(gateway_hostile_test, tests)
