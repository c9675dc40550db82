/* SPDX-License-Identifier: Apache-2.0 */
/* The client's session (src/gateway) and the gateway tied together in virtual time: registration,
 * reconnection, packets both ways, and what the one does when the other forgets, sleeps or dies. */
#include "gateway/gateway.h"

#include "mix/errors.h"
#include "mixnet/gateway/gateway.h"
#include "testing.h"

static const char url[] = "ws://127.0.0.1:9000/";

typedef struct pair {
    mix_test_env env;
    mix_crypto *crypto;
    mix_identity identity;
    mix_gateway *client;
    mixnet_gateway *gateway;
    uint8_t gateway_identity[MIX_KEY_LEN];
    mix_time now;
    uint32_t link; /* the client's connection */
    bool linked;   /* from its point of view */
    bool deaf;     /* what is for the client is lost, and the gateway does not notice */
    unsigned ready, lost, wanted;
    bool registered;
    mix_buf received; /* what was pushed, each ended by a zero */
    unsigned packets; /* that reached the forwarder */
    mix_buf last_packet;
} pair;

static void setup(pair *p, uint64_t seed) {
    *p = (pair){.now = MIX_SECONDS(100)};
    mix_test_env_init(&p->env, seed);
    p->env.wall = (int64_t)1790000000 * 1000000;
    assert_status(mix_crypto_new(&p->crypto), MIX_OK);
    assert_status(mix_identity_new(&p->identity, p->crypto, &p->env.env), MIX_OK);
    mixnet_gateway_config config = {0};
    config.seed[0] = 77;
    assert_status(mix_ed25519_public(p->crypto, p->gateway_identity, config.seed), MIX_OK);
    assert_status(mixnet_gateway_new(&p->gateway, &config, p->crypto, &p->env.env), MIX_OK);
    mix_gateway_config cfg;
    mix_gateway_config_init(&cfg);
    cfg.crypto = p->crypto;
    cfg.identity = &p->identity;
    cfg.tries_known = 1000; /* there is no other gateway to go to */
    assert_status(mix_gateway_new(&p->client, &cfg, &p->env.env), MIX_OK);
    assert_status(mix_gateway_choose(p->client, p->gateway_identity, mix_bytes_str(url), p->now),
                  MIX_OK);
    assert_status(mix_gateway_start(p->client, p->now), MIX_OK);
}

static void teardown(pair *p) {
    mix_gateway_free(p->client);
    mixnet_gateway_free(p->gateway);
    mix_identity_wipe(&p->identity);
    mix_crypto_free(p->crypto);
    mix_buf_deinit(&p->received);
    mix_buf_deinit(&p->last_packet);
}

static uint64_t conn_of(const pair *p) {
    return p->link;
}

/* ---- the host's part ---- */

static void hang_up(pair *p) {
    p->linked = false;
    mix_gateway_closed(p->client, p->link, 1006, "cut", p->now);
}

static bool pump_client(pair *p) {
    mix_gateway_order order;
    mix_buf out = {0};
    bool any = false;
    while (mix_gateway_drain(p->client, &order, &out, p->now) == MIX_OK) {
        any = true;
        if (order.act == MIX_GATEWAY_CONNECT) {
            assert_bytes(mix_buf_bytes(&out), mix_bytes_str(url));
            p->link = order.link;
            p->linked = true;
            p->deaf = false;
            assert_status(mixnet_gateway_opened(p->gateway, conn_of(p), p->now), MIX_OK);
            mix_gateway_opened(p->client, order.link, p->now);
        } else if (order.act == MIX_GATEWAY_CLOSE) {
            p->linked = false;
            mixnet_gateway_closed(p->gateway, order.link, p->now);
        } else if (p->linked && !p->deaf) {
            (void)mixnet_gateway_feed(p->gateway, conn_of(p),
                                      order.act == MIX_GATEWAY_SEND_TEXT ? MIXNET_WS_TEXT
                                                                         : MIXNET_WS_BINARY,
                                      mix_buf_bytes(&out), p->now);
        }
        mix_buf_truncate(&out, 0);
    }
    mix_buf_deinit(&out);
    return any;
}

static void take_event(pair *p, const mix_gateway_event *ev) {
    p->ready += ev->kind == MIX_GATEWAY_READY;
    p->lost += ev->kind == MIX_GATEWAY_LOST;
    p->wanted += ev->kind == MIX_GATEWAY_WANTED;
    if (ev->kind == MIX_GATEWAY_READY)
        p->registered = ev->registered;
    if (ev->kind == MIX_GATEWAY_PUSHED) {
        mix_buf_put_bytes(&p->received, ev->bytes);
        mix_buf_put_u8(&p->received, 0);
    }
}

static bool pump_events(pair *p) {
    mix_gateway_event ev;
    mix_packet packet;
    bool any = false;
    for (; mix_gateway_next(p->client, &ev) == MIX_OK; any = true)
        take_event(p, &ev);
    for (; mixnet_gateway_next(p->gateway, &packet) == MIX_OK; any = true) {
        mix_buf_truncate(&p->last_packet, 0);
        assert_status(mix_packet_encode_v2(&p->last_packet, &packet), MIX_OK);
        p->packets++;
    }
    return any;
}

/* One message of a connection to the client, if it is that of the client. */
static void pass_to_client(pair *p, uint64_t conn, const mixnet_gateway_out *out) {
    if (!p->linked || p->deaf || conn != conn_of(p))
        return;
    if (out->kind == MIXNET_WS_PING) { /* as every WebSocket library does */
        (void)mixnet_gateway_feed(p->gateway, conn, MIXNET_WS_PONG, out->bytes, p->now);
    } else if (out->kind == MIXNET_WS_CLOSE) {
        p->linked = false;
        mix_gateway_closed(p->client, p->link, out->code, "closed by the gateway", p->now);
    } else if (out->kind != MIXNET_WS_PONG) {
        int status;
        while ((status = mix_gateway_feed(p->client, p->link, out->kind == MIXNET_WS_BINARY,
                                          out->bytes, p->now)) == MIX_BLOCKED)
            assert_true(pump_events(p));
        assert_true(status == MIX_OK || status == MIX_ERR_GATEWAY_NOT_REGISTERED ||
                    status == MIX_ERR_GATEWAY_STALE || status == MIX_ERR_GATEWAY_DUPLICATE);
    }
}

static bool pump_gateway(pair *p) {
    mixnet_gateway_ready_conn ready;
    mixnet_gateway_out out;
    bool any = false;
    for (; mixnet_gateway_ready(p->gateway, &ready) == MIX_OK; any = true) {
        if ((ready.conn != conn_of(p) || !p->linked) && !ready.give_up)
            continue; /* nobody reads there: it cannot be written to */
        while (mixnet_gateway_drain(p->gateway, ready.conn, &out, p->now) == MIX_OK)
            pass_to_client(p, ready.conn, &out);
    }
    return any;
}

static void settle(pair *p) {
    bool any = true;
    while (any) {
        any = pump_client(p);
        any |= pump_gateway(p);
        any |= pump_events(p);
    }
}

/* Lets time pass, with all deadlines in it. */
static void pass(pair *p, mix_time span) {
    mix_time end = p->now + span;
    settle(p);
    while (p->now < end) {
        mix_time client = mix_gateway_deadline(p->client),
                 gateway = mixnet_gateway_deadline(p->gateway);
        mix_time next = client < gateway ? client : gateway;
        if (next > end)
            next = end;
        if (next > p->now) {
            p->env.wall += next - p->now;
            p->now = next;
        }
        if (client <= p->now)
            mix_gateway_tick(p->client, p->now);
        if (gateway <= p->now)
            mixnet_gateway_tick(p->gateway, p->now);
        settle(p);
    }
}

static void until_ready(pair *p) {
    for (int seconds = 0; mix_gateway_state_of(p->client) != MIX_GATEWAY_IS_READY; seconds++) {
        assert_true(seconds < 120);
        pass(p, MIX_SECONDS(1));
    }
}

static void deliver(pair *p, const char *text) {
    assert_status(
        mixnet_gateway_deliver(p->gateway, p->identity.public_key, mix_bytes_str(text), p->now),
        MIX_OK);
}

static mixnet_gateway_stats stats_of(const pair *p) {
    mixnet_gateway_stats s;
    mixnet_gateway_get_stats(p->gateway, &s);
    return s;
}

static void packet_of(uint8_t out[static 2 + 7 + 2413], uint8_t fill) {
    static const uint8_t front[] = {0, 1, 4, 6, 253, 10, 20, 30, 40};
    memset(out, fill, 2 + 7 + 2413);
    memcpy(out, front, sizeof front);
}

/* ---- tests ---- */

static void registration_and_packets_both_ways(void **state) {
    (void)state;
    pair p;
    uint8_t packet[2 + 7 + 2413];
    setup(&p, 1);
    until_ready(&p);
    assert_true(p.registered && p.ready == 1 && p.lost == 0);
    for (uint8_t i = 0; i < 200; i++) {
        packet_of(packet, i);
        assert_status(mix_gateway_write(p.client, MIX_BYTES(packet), p.now), MIX_OK);
        settle(&p);
        assert_int_equal(p.packets, i + 1);
        assert_bytes(mix_buf_bytes(&p.last_packet), MIX_BYTES(packet));
    }
    deliver(&p, "one");
    deliver(&p, "two");
    settle(&p);
    assert_bytes(mix_buf_bytes(&p.received), mix_bytes_of("one\0two", 8));
    mixnet_gateway_stats s = stats_of(&p);
    assert_int_equal(s.registered, 1);
    assert_int_equal(s.packets, 200);
    assert_int_equal(s.claims, 1);
    teardown(&p);
}

static void a_lost_connection_is_made_again(void **state) {
    (void)state;
    pair p;
    setup(&p, 2);
    until_ready(&p);
    pass(&p, MIX_SECONDS(60));
    mixnet_gateway_closed(p.gateway, conn_of(&p), p.now);
    hang_up(&p);
    deliver(&p, "while away");
    until_ready(&p);
    assert_true(p.ready == 2 && p.lost == 1 && !p.registered);
    assert_bytes(mix_buf_bytes(&p.received), mix_bytes_of("while away", 11));
    assert_int_equal(stats_of(&p).authenticated, 1);
    assert_int_equal(stats_of(&p).registered, 1);
    teardown(&p);
}

/* The network fails without a word: the gateway still holds the old connection when the client
 * comes. */
static void an_old_connection_that_nobody_closed(void **state) {
    (void)state;
    pair p;
    setup(&p, 3);
    until_ready(&p);
    pass(&p, MIX_SECONDS(60));
    hang_up(&p);
    until_ready(&p);
    assert_true(p.ready == 2 && !p.registered);
    assert_int_equal(stats_of(&p).closed[MIXNET_CLOSE_REPLACED], 1);
    assert_int_equal(stats_of(&p).connections, 1);
    deliver(&p, "to the new one");
    settle(&p);
    assert_bytes(mix_buf_bytes(&p.received), mix_bytes_of("to the new one", 15));
    teardown(&p);
}

/* The gateway hears nothing more, and answers nothing: the client finds out, and comes again. */
static void a_connection_that_went_deaf(void **state) {
    (void)state;
    pair p;
    setup(&p, 4);
    until_ready(&p);
    p.deaf = true;
    pass(&p, MIX_SECONDS(120));
    assert_true(p.ready == 2 && p.lost == 1);
    assert_int_equal(mix_gateway_state_of(p.client), MIX_GATEWAY_IS_READY);
    teardown(&p);
}

static void a_forgotten_client_registers_anew(void **state) {
    (void)state;
    pair p;
    uint8_t packet[2 + 7 + 2413];
    setup(&p, 5);
    until_ready(&p);
    pass(&p, MIX_SECONDS(60));
    mixnet_gateway_forget(p.gateway, NULL);
    mixnet_gateway_kick(p.gateway, NULL, p.now);
    pass(&p, MIX_SECONDS(1));
    until_ready(&p);
    assert_int_equal(p.ready, 2);
    assert_int_equal(stats_of(&p).registered, 2);
    packet_of(packet, 1);
    assert_status(mix_gateway_write(p.client, MIX_BYTES(packet), p.now), MIX_OK);
    settle(&p);
    assert_int_equal(p.packets, 1);
    teardown(&p);
}

static void bandwidth_is_claimed_again_at_midnight(void **state) {
    (void)state;
    pair p;
    uint8_t packet[2 + 7 + 2413];
    packet_of(packet, 1);
    setup(&p, 6);
    until_ready(&p);
    p.env.wall += (int64_t)24 * 3600 * 1000000;
    for (int i = 0; i < 5; i++) {
        assert_status(mix_gateway_write(p.client, MIX_BYTES(packet), p.now), MIX_OK);
        pass(&p, MIX_SECONDS(1));
    }
    assert_int_equal(stats_of(&p).claims, 2);
    assert_int_equal(stats_of(&p).no_bandwidth, 0); /* the client knows what day it is */
    assert_int_equal(p.packets, 5);
    assert_true(p.ready == 1 && p.lost == 0);
    teardown(&p);
}

static void a_gateway_restarts_with_its_table(void **state) {
    (void)state;
    pair p;
    mix_buf saved = {0};
    setup(&p, 7);
    until_ready(&p);
    assert_true(mixnet_gateway_dirty(p.gateway));
    assert_status(mixnet_gateway_save(p.gateway, &saved), MIX_OK);
    pass(&p, MIX_SECONDS(5));
    mixnet_gateway_free(p.gateway);
    mixnet_gateway_config config = {0};
    config.seed[0] = 77;
    assert_status(mixnet_gateway_new(&p.gateway, &config, p.crypto, &p.env.env), MIX_OK);
    assert_status(mixnet_gateway_load(p.gateway, mix_buf_bytes(&saved), NULL), MIX_OK);
    hang_up(&p);
    until_ready(&p);
    assert_int_equal(stats_of(&p).authenticated, 1);
    assert_int_equal(stats_of(&p).registered, 0);
    assert_int_equal(stats_of(&p).claims, 0); /* its bandwidth was kept as well */
    mix_buf_deinit(&saved);
    teardown(&p);
}

/* The connection breaks in every way at every moment; each message comes once and in order. */
static void no_message_is_lost_or_doubled_by_reconnections(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        pair p;
        mix_buf expected = {0};
        setup(&p, 100 + seed);
        until_ready(&p);
        for (int i = 0; i < 200; i++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%d", i);
            deliver(&p, text);
            mix_buf_put_str(&expected, text);
            mix_buf_put_u8(&expected, 0);
            switch (mix_test_below(&p.env, 12)) {
            case 0: /* both notice */
                mixnet_gateway_closed(p.gateway, conn_of(&p), p.now);
                if (p.linked)
                    hang_up(&p);
                break;
            case 1: /* only the client does */
                if (p.linked)
                    hang_up(&p);
                break;
            case 2: /* only the gateway does, for a while */
                mixnet_gateway_kick(p.gateway, p.identity.public_key, p.now);
                break;
            default:
                settle(&p);
                break;
            }
            if (mix_test_below(&p.env, 3) == 0)
                pass(&p, (mix_time)mix_test_below(&p.env, (uint64_t)MIX_SECONDS(4)));
        }
        until_ready(&p);
        pass(&p, MIX_SECONDS(5));
        until_ready(&p);
        settle(&p);
        assert_bytes(mix_buf_bytes(&p.received), mix_buf_bytes(&expected));
        assert_int_equal(p.wanted, 0);
        assert_in_range(p.ready, 2, 200);
        mix_buf_deinit(&expected);
        teardown(&p);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(registration_and_packets_both_ways),
    cmocka_unit_test(a_lost_connection_is_made_again),
    cmocka_unit_test(an_old_connection_that_nobody_closed),
    cmocka_unit_test(a_connection_that_went_deaf),
    cmocka_unit_test(a_forgotten_client_registers_anew),
    cmocka_unit_test(bandwidth_is_claimed_again_at_midnight),
    cmocka_unit_test(a_gateway_restarts_with_its_table),
    cmocka_unit_test(no_message_is_lost_or_doubled_by_reconnections),
};
MIX_TEST_MAIN(gateway_both_test, tests)
