/* SPDX-License-Identifier: Apache-2.0 */
/* The session against a gateway of the same wire files, in virtual time: what works. What fails is
 * recovery_test.c's. */
#include "alloc_fail.h"
#include "gateway/peer_testing.h"
#include "mix/errors.h"

#include <string.h>

static void send_some(world *w, size_t count) {
    uint8_t storage[2422];
    for (size_t i = 0; i < count; i++) {
        assert_status(mix_gateway_write(w->g, world_packet(storage, 2413, (uint8_t)i), w->now),
                      MIX_OK);
        world_settle(w);
    }
}

static void a_first_run_registers_and_claims(void **state) {
    (void)state;
    world w;
    world_init(&w, 1);
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    world_settle(&w);
    assert_int_equal(w.seen.wanted, 1); /* nothing is registered yet */
    assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_NONE);
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_CHOOSING);
    assert_true(mix_gateway_deadline(w.g) == MIX_NEVER);
    assert_status(mix_gateway_choose(w.g, w.peer.identity,
                                     mix_bytes_str("wss://gateway.example:9001/"), w.now),
                  MIX_OK);
    world_settle(&w);
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_READY);
    assert_int_equal(w.seen.ready, 1);
    assert_true(w.seen.registered);
    assert_int_equal(w.peer.asked_version + w.peer.registrations + w.peer.claims, 3);
    assert_int_equal(w.peer.authentications, 0); /* one connection does it all */
    assert_true(w.seen.remaining == (int64_t)64 << 30);
    assert_int_equal(w.seen.store, 1);
    send_some(&w, 40);
    assert_int_equal(w.peer.packets, 40);
    assert_int_equal(w.peer.last_kind, MIX_FRAME_PACKET_V2);
    assert_int_equal(w.peer.last_packet, 2422);
    assert_true(w.seen.remaining == ((int64_t)64 << 30) - 40 * 2413);
    mix_gateway_stats stats;
    mix_gateway_stats_get(w.g, &stats);
    assert_true(stats.packets_sent == 40 && stats.packets_accepted == 40 && stats.in_flight == 0 &&
                stats.sessions == 1);
    world_deinit(&w);
}

static void the_stored_identity_comes_back_without_asking(void **state) {
    (void)state;
    world w;
    world_ready(&w, 2);
    mix_identity was = w.identity;
    assert_status(mix_identity_open(&w.identity, &w.vault, w.crypto, mix_buf_bytes(&w.stored),
                                    (mix_bytes){0}, NULL),
                  MIX_OK);
    assert_bytes(MIX_BYTES(w.identity.seed), MIX_BYTES(was.seed));
    assert_bytes(MIX_BYTES(w.identity.registration.shared_key), MIX_BYTES(w.peer.key));
    assert_string_equal(w.identity.registration.url, "wss://gateway.example:9001/");
    assert_int_equal(w.identity.registration.version, 6);
    w.env.wall += MIX_SECONDS(60);
    world_new_gateway(&w);
    w.peer.stored = 3; /* what came while we were away is pushed before the answer */
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    world_settle(&w);
    assert_int_equal(w.seen.ready, 1);
    assert_false(w.seen.registered);
    assert_int_equal(w.seen.store, 0); /* nothing is new */
    assert_int_equal(w.seen.pushed, 3);
    assert_int_equal(w.peer.asked_version, 1); /* only in the first run */
    assert_int_equal(w.peer.authentications, 1);
    assert_int_equal(w.peer.registrations, 1);
    assert_int_equal(w.peer.claims, 1); /* 64 GiB are left */
    world_deinit(&w);
}

static void a_passphrase_seals_what_is_stored(void **state) {
    (void)state;
    world w;
    world_init(&w, 3);
    mix_bytes passphrase = mix_bytes_str("only mine");
    assert_status(mix_vault_new(&w.vault, w.crypto, &w.env.env, passphrase), MIX_OK);
    world_new_gateway(&w);
    assert_status(
        mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://127.0.0.1:9000/"), w.now),
        MIX_OK);
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    world_settle(&w);
    assert_int_equal(w.seen.store, 1);
    mix_identity id;
    mix_vault vault;
    assert_status(
        mix_identity_open(&id, &vault, w.crypto, mix_buf_bytes(&w.stored), (mix_bytes){0}, NULL),
        MIX_ERR_IDENTITY_SEALED);
    assert_status(
        mix_identity_open(&id, &vault, w.crypto, mix_buf_bytes(&w.stored), passphrase, NULL),
        MIX_OK);
    assert_bytes(MIX_BYTES(id.registration.shared_key), MIX_BYTES(w.peer.key));
    world_deinit(&w);
}

static void without_a_vault_nothing_is_stored(void **state) {
    (void)state;
    world w;
    world_init(&w, 4);
    w.cfg.vault = NULL;
    world_new_gateway(&w);
    assert_status(
        mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://127.0.0.1:9000/"), w.now),
        MIX_OK);
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    world_settle(&w);
    assert_int_equal(w.seen.ready, 1);
    assert_int_equal(w.seen.store, 0);
    world_deinit(&w);
}

static void older_gateways_get_packets_without_rotation(void **state) {
    (void)state;
    static const struct {
        uint8_t newest, agreed, kind;
    } rows[] = {{4, 4, MIX_FRAME_PACKET_V1},
                {5, 5, MIX_FRAME_PACKET_V2},
                {6, 6, MIX_FRAME_PACKET_V2},
                {200, 6, MIX_FRAME_PACKET_V2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        world_init(&w, 5);
        w.peer.version = rows[i].newest;
        assert_status(
            mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://127.0.0.1:9000/"), w.now),
            MIX_OK);
        assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
        world_settle(&w);
        send_some(&w, 1);
        assert_int_equal(w.peer.packets, 1);
        assert_int_equal(w.peer.last_kind, rows[i].kind);
        assert_int_equal(w.peer.last_packet, rows[i].kind == MIX_FRAME_PACKET_V1 ? 2421 : 2422);
        assert_int_equal(mix_gateway_identity(w.g)->registration.version, rows[i].agreed);
        world_deinit(&w);
    }
}

static void a_version_agreed_in_the_handshake_counts(void **state) {
    (void)state;
    world w;
    world_init(&w, 6);
    w.peer.answer_version = 4;
    assert_status(
        mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://127.0.0.1:9000/"), w.now),
        MIX_OK);
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    world_settle(&w);
    send_some(&w, 1);
    assert_int_equal(w.peer.last_kind, MIX_FRAME_PACKET_V1);
    world_deinit(&w);
}

static void packets_wait_in_bounds_and_in_order(void **state) {
    (void)state;
    world w;
    uint8_t storage[2422];
    world_ready(&w, 7);
    w.peer.silent_after_ready = true;
    assert_int_equal(mix_gateway_room(w.g), 32);
    for (size_t i = 0; i < 32; i++)
        assert_status(mix_gateway_write(w.g, world_packet(storage, 386, (uint8_t)i), w.now),
                      MIX_OK);
    assert_int_equal(mix_gateway_room(w.g), 0);
    assert_int_equal(mix_gateway_backlog(w.g), 32);
    assert_status(mix_gateway_write(w.g, world_packet(storage, 386, 32), w.now), MIX_BLOCKED);
    mix_gateway_order order;
    for (size_t i = 0; i < 32; i++) {
        mix_buf out = {0}, plain = {0};
        mix_gateway_frame f;
        assert_status(mix_gateway_drain(w.g, &order, &out, w.now), MIX_OK);
        assert_int_equal(order.act, MIX_GATEWAY_SEND_BINARY);
        assert_int_equal(order.link, w.link);
        assert_status(mix_gateway_frame_decode(&f, MIX_TEXT_REQUEST, mix_buf_bytes(&out)), MIX_OK);
        assert_status(mix_gateway_frame_open(&plain, w.crypto, w.peer.key, &f), MIX_OK);
        assert_bytes(mix_buf_bytes(&plain), world_packet(storage, 386, (uint8_t)i));
        mix_buf_deinit(&out);
        mix_buf_deinit(&plain);
    }
    /* What is sent and not answered is bounded too. */
    mix_buf out = {0};
    for (size_t i = 32; i < 300; i++) {
        (void)mix_gateway_write(w.g, world_packet(storage, 386, 0), w.now);
        (void)mix_gateway_drain(w.g, &order, &out, w.now);
    }
    mix_gateway_stats stats;
    mix_gateway_stats_get(w.g, &stats);
    assert_int_equal(stats.in_flight, 256);
    assert_int_equal(mix_gateway_backlog(w.g), 32);
    mix_buf_deinit(&out);
    world_deinit(&w);
}

static void only_packets_are_taken(void **state) {
    (void)state;
    world w;
    uint8_t storage[2422];
    world_ready(&w, 8);
    mix_bytes good = world_packet(storage, 386, 1);
    assert_status(mix_gateway_write(w.g, mix_bytes_slice(good, 0, good.len - 1), w.now),
                  MIX_ERR_GATEWAY_PACKET);
    assert_status(mix_gateway_write(w.g, (mix_bytes){0}, w.now), MIX_ERR_GATEWAY_PACKET);
    storage[2] = 5;
    assert_status(mix_gateway_write(w.g, good, w.now), MIX_ERR_GATEWAY_PACKET);
    mix_gateway_stop(w.g, false, w.now);
    storage[2] = 4;
    assert_status(mix_gateway_write(w.g, good, w.now), MIX_ERR_STATE);
    world_deinit(&w);
}

static void packets_written_early_leave_when_it_is_ready(void **state) {
    (void)state;
    world w;
    uint8_t storage[2422];
    world_init(&w, 9);
    assert_status(mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://a/"), w.now),
                  MIX_OK);
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    for (int i = 0; i < 5; i++)
        assert_status(mix_gateway_write(w.g, world_packet(storage, 2413, 1), w.now), MIX_OK);
    world_settle(&w);
    assert_int_equal(w.peer.packets, 5);
    world_deinit(&w);
}

static void bandwidth_is_claimed_before_it_runs_out(void **state) {
    (void)state;
    world w;
    world_ready(&w, 10);
    w.peer.balance = 40000000 + 3 * 2413;
    send_some(&w, 4);
    assert_int_equal(w.peer.claims, 2);  /* the first was at the registration */
    assert_int_equal(w.peer.packets, 4); /* none was refused */
    send_some(&w, 10);
    assert_int_equal(w.peer.claims, 2);
    world_deinit(&w);
}

static void packets_refused_for_want_of_bandwidth_lead_to_a_claim(void **state) {
    (void)state;
    world w;
    world_ready(&w, 11);
    send_some(&w, 1);
    w.peer.balance = 0;
    send_some(&w, 3);
    assert_int_equal(w.peer.claims, 2);
    assert_int_equal(w.peer.packets, 3); /* one of the four was lost */
    mix_gateway_stats stats;
    mix_gateway_stats_get(w.g, &stats);
    assert_true(stats.packets_refused == 1 && stats.packets_accepted == 3);
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_READY);
    world_deinit(&w);
}

/* Free bandwidth ends at midnight UTC; a claim goes ahead of the first packet of the day. */
static void midnight_costs_no_packet(void **state) {
    (void)state;
    world w;
    world_ready(&w, 20);
    mix_time to_midnight = MIX_SECONDS(86400) - w.env.wall % MIX_SECONDS(86400);
    world_pass(&w, to_midnight - 1);
    send_some(&w, 1);
    assert_int_equal(w.peer.claims, 1);
    world_pass(&w, MIX_SECONDS(1));
    assert_int_equal(w.peer.claims, 1); /* not before there is something to send */
    w.peer.balance = 0;
    send_some(&w, 5);
    assert_int_equal(w.peer.claims, 2);
    assert_int_equal(w.peer.packets, 6);
    mix_gateway_stats stats;
    mix_gateway_stats_get(w.g, &stats);
    assert_true(stats.packets_refused == 0);
    world_deinit(&w);
}

static void the_round_trip_is_measured(void **state) {
    (void)state;
    world w;
    mix_gateway_stats stats;
    world_ready(&w, 21);
    w.peer.mute = true;
    world_pass(&w, MIX_SECONDS(25));
    world_pass(&w, MIX_MS(120));
    assert_status(mix_gateway_feed(w.g, w.link, false,
                                   mix_bytes_str("{\"type\":\"supportedProtocol\",\"version\":6}"),
                                   w.now),
                  MIX_OK);
    mix_gateway_stats_get(w.g, &stats);
    assert_true(stats.round_trip == MIX_MS(120));
    world_deinit(&w);
}

static void pushed_messages_come_out_whole_and_in_order(void **state) {
    (void)state;
    static const size_t sizes[] = {21, 1643, 7787, 15979, 32363, 1, 48};
    static uint8_t message[32363];
    world w;
    world_ready(&w, 12);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(message, (int)i, sizeof message);
        peer_push(&w.peer, mix_bytes_of(message, sizes[i]));
        mix_bytes frame;
        assert_true(mix_queue_peek(&w.peer.out, &frame, NULL));
        assert_status(mix_gateway_feed(w.g, w.link, true, frame, w.now), MIX_OK);
        mix_queue_pop(&w.peer.out);
    }
    mix_gateway_event ev;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_status(mix_gateway_next(w.g, &ev), MIX_OK);
        assert_int_equal(ev.kind, MIX_GATEWAY_PUSHED);
        memset(message, (int)i, sizeof message);
        assert_bytes(ev.bytes, mix_bytes_of(message, sizes[i]));
    }
    assert_status(mix_gateway_next(w.g, &ev), MIX_DONE);
    world_deinit(&w);
}

static void messages_pushed_during_registration_can_be_read(void **state) {
    (void)state;
    world w;
    world_init(&w, 13);
    w.peer.stored =
        2; /* between messages 4 and 5 of the handshake, where the original throws them away */
    assert_status(mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://a/"), w.now),
                  MIX_OK);
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    world_settle(&w);
    assert_int_equal(w.seen.pushed, 2);
    assert_int_equal(w.seen.ready, 1);
    world_deinit(&w);
}

static void too_many_pushed_messages_have_to_wait(void **state) {
    (void)state;
    static uint8_t message[1643];
    world w;
    world_ready(&w, 14);
    unsigned taken = 0;
    mix_bytes frame;
    peer_push(&w.peer, MIX_BYTES(message));
    assert_true(mix_queue_peek(&w.peer.out, &frame, NULL));
    while (mix_gateway_feed(w.g, w.link, true, frame, w.now) == MIX_OK)
        taken++;
    assert_int_equal(taken, 256);
    assert_status(mix_gateway_feed(w.g, w.link, true, frame, w.now), MIX_BLOCKED);
    mix_gateway_event ev;
    assert_status(mix_gateway_next(w.g, &ev), MIX_OK);
    assert_status(mix_gateway_next(w.g, &ev), MIX_OK); /* drops the one before */
    assert_status(mix_gateway_feed(w.g, w.link, true, frame, w.now), MIX_OK);
    world_deinit(&w);
}

static void a_silent_session_is_kept_alive(void **state) {
    (void)state;
    world w;
    world_ready(&w, 15);
    unsigned asked = w.peer.asked_version;
    world_pass(&w, MIX_SECONDS(600));
    assert_int_equal(w.peer.asked_version - asked, 600 / 25);
    assert_int_equal(w.seen.lost, 0);
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_READY);
    world_deinit(&w);
}

static void stopping_closes_and_forgets(void **state) {
    (void)state;
    for (int forget = 0; forget < 2; forget++) {
        world w;
        world_ready(&w, 16);
        send_some(&w, 1);
        mix_gateway_stop(w.g, forget, w.now);
        world_settle(&w);
        assert_false(w.linked);
        assert_int_equal(w.peer.forgotten, forget);
        assert_int_equal(mix_gateway_identity(w.g)->registration.present, !forget);
        assert_int_equal(w.seen.lost + w.seen.wanted + w.seen.failed, 0);
        assert_true(mix_gateway_deadline(w.g) == MIX_NEVER);
        /* And again: with a new registration if the old one is forgotten. */
        world_pass(&w, MIX_SECONDS(1));
        assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
        assert_status(mix_gateway_start(w.g, w.now), MIX_ERR_STATE);
        world_settle(&w);
        assert_int_equal(w.seen.ready, 1);
        assert_int_equal(w.seen.registered, forget);
        world_deinit(&w);
    }
}

static void another_gateway_can_be_chosen_at_any_time(void **state) {
    (void)state;
    world w;
    uint8_t storage[2422];
    world_ready(&w, 17);
    peer second;
    peer_init(&second, w.crypto, &w.env, 2);
    assert_status(mix_gateway_write(w.g, world_packet(storage, 2413, 1), w.now), MIX_OK);
    /* The same one: nothing happens but a new URL. */
    assert_status(mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://elsewhere/"), w.now),
                  MIX_OK);
    world_settle(&w);
    assert_int_equal(w.peer.packets, 1);
    assert_status(mix_gateway_write(w.g, world_packet(storage, 2413, 1), w.now), MIX_OK);
    assert_status(mix_gateway_choose(w.g, second.identity, mix_bytes_str("ws://second/"), w.now),
                  MIX_OK);
    assert_int_equal(mix_gateway_backlog(w.g), 0); /* its acknowledgement would go to the old one */
    mix_gateway_order order;
    mix_buf out = {0};
    assert_status(mix_gateway_drain(w.g, &order, &out, w.now), MIX_OK);
    assert_int_equal(order.act, MIX_GATEWAY_CLOSE);
    assert_int_equal(order.link, w.link);
    mix_buf_deinit(&out);
    w.linked = false;
    peer_deinit(&w.peer);
    w.peer = second;
    world_settle(&w);
    assert_int_equal(w.seen.ready, 1);
    assert_true(w.seen.registered);
    assert_bytes(MIX_BYTES(mix_gateway_identity(w.g)->registration.gateway),
                 MIX_BYTES(second.identity));
    assert_string_equal(mix_gateway_identity(w.g)->registration.url, "ws://second/");
    /* What is no gateway is refused and changes nothing. */
    uint8_t no_point[MIX_KEY_LEN];
    memset(no_point, 0, sizeof no_point);
    for (no_point[0] = 2; mix_ed25519_is_point(no_point); no_point[0]++) {
    }
    assert_status(mix_gateway_choose(w.g, no_point, mix_bytes_str("ws://a/"), w.now), MIX_ERR_KEY);
    assert_status(mix_gateway_choose(w.g, second.identity, mix_bytes_str("http://a/"), w.now),
                  MIX_ERR_GATEWAY_URL);
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_READY);
    world_deinit(&w);
}

static void configurations_are_checked(void **state) {
    (void)state;
    world w;
    world_init(&w, 18);
    mix_gateway *g = NULL;
    mix_gateway_config bad = w.cfg;
    bad.crypto = NULL;
    assert_status(mix_gateway_new(&g, &bad, &w.env.env), MIX_ERR_ARGUMENT);
    bad = w.cfg;
    bad.keepalive = 0;
    assert_status(mix_gateway_new(&g, &bad, &w.env.env), MIX_ERR_ARGUMENT);
    bad = w.cfg;
    bad.tries_new = 0;
    assert_status(mix_gateway_new(&g, &bad, &w.env.env), MIX_ERR_ARGUMENT);
    mix_alloc_fail_at(1, 0);
    assert_status(mix_gateway_new(&g, &w.cfg, &w.env.env), MIX_ERR_MEMORY);
    mix_alloc_fail_at(0, 0);
    assert_null(g);
    world_deinit(&w);
}

/* Every allocation of a whole life fails once; the session must come to the same end without it. */
static void memory_may_run_out_at_any_point(void **state) {
    (void)state;
    size_t live = mix_alloc_live();
    for (size_t n = 1;; n++) {
        world w;
        world_init(&w, 19);
        assert_status(mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://a/"), w.now),
                      MIX_OK);
        assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
        w.fail_after = n;
        world_until(&w, MIX_GATEWAY_IS_READY);
        w.peer.stored = 2;
        w.peer.drop = true;
        world_settle(&w);
        world_until(&w, MIX_GATEWAY_IS_READY);
        send_some(&w, 3);
        world_pass(&w, MIX_SECONDS(60));
        world_until(&w, MIX_GATEWAY_IS_READY);
        send_some(&w, 1);
        bool done = w.fail_after > 0;
        w.fail_after = 0;
        world_settle(&w);
        assert_true(w.peer.packets >= 3);
        assert_true(w.seen.store > 0);
        world_deinit(&w);
        assert_int_equal(mix_alloc_live(), live);
        if (done) {
            assert_in_range(n, 20, 2000);
            return;
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_first_run_registers_and_claims),
    cmocka_unit_test(the_stored_identity_comes_back_without_asking),
    cmocka_unit_test(a_passphrase_seals_what_is_stored),
    cmocka_unit_test(without_a_vault_nothing_is_stored),
    cmocka_unit_test(older_gateways_get_packets_without_rotation),
    cmocka_unit_test(a_version_agreed_in_the_handshake_counts),
    cmocka_unit_test(packets_wait_in_bounds_and_in_order),
    cmocka_unit_test(only_packets_are_taken),
    cmocka_unit_test(packets_written_early_leave_when_it_is_ready),
    cmocka_unit_test(bandwidth_is_claimed_before_it_runs_out),
    cmocka_unit_test(packets_refused_for_want_of_bandwidth_lead_to_a_claim),
    cmocka_unit_test(midnight_costs_no_packet),
    cmocka_unit_test(the_round_trip_is_measured),
    cmocka_unit_test(pushed_messages_come_out_whole_and_in_order),
    cmocka_unit_test(messages_pushed_during_registration_can_be_read),
    cmocka_unit_test(too_many_pushed_messages_have_to_wait),
    cmocka_unit_test(a_silent_session_is_kept_alive),
    cmocka_unit_test(stopping_closes_and_forgets),
    cmocka_unit_test(another_gateway_can_be_chosen_at_any_time),
    cmocka_unit_test(configurations_are_checked),
    cmocka_unit_test(memory_may_run_out_at_any_point),
};
MIX_TEST_MAIN(gateway_test, tests)
