/* SPDX-License-Identifier: Apache-2.0 */
/* The session when things go wrong: lost connections, refusals, hostile gateways, clocks, secrets
 * in logs. */
#include "alloc_fail.h"
#include "base/text.h"
#include "gateway/peer_testing.h"
#include "mix/errors.h"

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

/* ---- connections ---- */

static void a_lost_connection_comes_back_with_the_same_keys(void **state) {
    (void)state;
    world w;
    world_ready(&w, 1);
    uint8_t key[MIX_KEY_LEN];
    memcpy(key, w.peer.key, sizeof key);
    for (unsigned i = 1; i <= 20; i++) {
        world_pass(&w, MIX_SECONDS(40)); /* long enough to count as a good session */
        w.peer.drop = true;
        world_settle(&w);
        assert_int_equal(w.seen.lost, i);
        assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_CLOSED);
        assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_PAUSING);
        assert_true(mix_gateway_deadline(w.g) <= w.now + MIX_MS(500));
        world_until(&w, MIX_GATEWAY_IS_READY);
        assert_int_equal(w.seen.ready, i);
        send_one(&w);
        assert_int_equal(w.peer.packets, i);
    }
    assert_int_equal(w.peer.registrations, 1);
    assert_int_equal(w.peer.authentications, 20);
    assert_int_equal(w.peer.asked_version,
                     1 + 20); /* once, and a sign of life in each silence; none on reconnection */
    assert_bytes(MIX_BYTES(key), MIX_BYTES(mix_gateway_identity(w.g)->registration.shared_key));
    world_deinit(&w);
}

static void reconnecting_within_the_same_second_is_no_trouble(void **state) {
    (void)state;
    world w;
    world_ready(&w, 2);
    for (int i = 0; i < 4; i++) {
        w.peer.drop = true;
        world_settle(&w);
        mix_gateway_nudge(w.g, w.now);
        world_settle(&w);
        assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_READY);
    }
    assert_int_equal(w.peer.authentications,
                     4); /* each at the first try: no timestamp comes twice */
    world_deinit(&w);
}

static void pauses_grow_to_their_bound_and_have_jitter(void **state) {
    (void)state;
    mix_time seen[2][7];
    for (size_t run = 0; run < 2; run++) {
        world w;
        world_ready(&w, 3 + run);
        w.peer.refuse_connections = true;
        w.peer.drop = true;
        world_settle(&w);
        mix_time full = MIX_MS(500);
        for (size_t i = 0; i < 7; i++) {
            assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_PAUSING);
            seen[run][i] = mix_gateway_deadline(w.g) - w.now;
            assert_in_range(seen[run][i], full / 2, full);
            full = full * 2 < MIX_SECONDS(30) ? full * 2 : MIX_SECONDS(30);
            world_pass(&w, seen[run][i]);
        }
        assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_CHOOSING); /* eight tries */
        assert_int_equal(w.seen.wanted, 1);
        assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_CONNECT);
        assert_int_equal(w.seen.error.number, 1006);
        assert_non_null(strstr(w.seen.error.words, "connection refused"));
        world_deinit(&w);
    }
    assert_memory_not_equal(seen[0], seen[1], sizeof seen[0]);
}

static void failing_gateways_are_replaced_until_too_many(void **state) {
    (void)state;
    world w;
    world_init(&w, 5);
    w.peer.refuse_connections = true;
    mix_time before = w.now;
    begin(&w);
    for (uint8_t n = 2; n <= 6; n++) {
        world_until(&w, MIX_GATEWAY_IS_CHOOSING);
        assert_int_equal(w.seen.wanted, n - 1);
        uint8_t seed[MIX_KEY_LEN] = {n}, identity[MIX_KEY_LEN];
        assert_status(mix_ed25519_public(w.crypto, identity, seed), MIX_OK);
        assert_status(mix_gateway_choose(w.g, identity, mix_bytes_str("ws://next/"), w.now),
                      MIX_OK);
    }
    world_until(&w, MIX_GATEWAY_IS_FAILED);
    mix_gateway_stats stats;
    mix_gateway_stats_get(w.g, &stats);
    assert_int_equal(stats.connections, 6 * 3); /* three tries each */
    assert_int_equal(w.seen.failed, 1);
    assert_true(w.now - before < MIX_SECONDS(20));
    assert_true(mix_gateway_deadline(w.g) == MIX_NEVER);
    /* A failed session can be begun anew. */
    w.peer.refuse_connections = false;
    assert_status(mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://a/"), w.now),
                  MIX_OK);
    world_settle(&w);
    assert_int_equal(w.seen.ready, 1);
    world_deinit(&w);
}

static void a_stored_gateway_that_is_gone_is_replaced(void **state) {
    (void)state;
    world w;
    world_ready(&w, 6);
    world_another_run(&w);
    w.peer.refuse_connections = true;
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    uint8_t storage[2422];
    assert_status(mix_gateway_write(w.g, world_packet(storage, 2413, 1), w.now), MIX_OK);
    mix_time before = w.now;
    world_until(&w, MIX_GATEWAY_IS_CHOOSING);
    assert_int_equal(mix_gateway_backlog(w.g), 0); /* it was for the gateway that is given up */
    assert_status(mix_gateway_write(w.g, world_packet(storage, 2413, 1), w.now), MIX_ERR_STATE);
    mix_gateway_stats stats;
    mix_gateway_stats_get(w.g, &stats);
    assert_int_equal(stats.connections, 4);
    assert_true(w.now - before < MIX_SECONDS(4));
    /* What is stored changes only when another one has registered us. */
    assert_int_equal(w.seen.store, 0);
    peer_deinit(&w.peer);
    peer_init(&w.peer, w.crypto, &w.env, 7);
    assert_status(mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://other/"), w.now),
                  MIX_OK);
    world_settle(&w);
    assert_int_equal(w.seen.ready, 1);
    assert_int_equal(w.seen.store, 1);
    mix_identity id;
    assert_status(
        mix_identity_open(&id, &w.vault, w.crypto, mix_buf_bytes(&w.stored), (mix_bytes){0}, NULL),
        MIX_OK);
    assert_bytes(MIX_BYTES(id.registration.gateway), MIX_BYTES(w.peer.identity));
    assert_bytes(MIX_BYTES(id.seed), MIX_BYTES(w.identity.seed)); /* the same client */
    world_deinit(&w);
}

/* Each step of the way may meet silence. */
static void silence_has_an_end_at_each_step(void **state) {
    (void)state;
    static const struct {
        mix_gateway_state at;
        mix_time within;
    } rows[] = {
        {MIX_GATEWAY_IS_ASKING, MIX_SECONDS(15)},
        {MIX_GATEWAY_IS_REGISTERING, MIX_SECONDS(5)},
        {MIX_GATEWAY_IS_AUTHENTICATING, MIX_SECONDS(15)},
        {MIX_GATEWAY_IS_CLAIMING, MIX_SECONDS(15)},
        {MIX_GATEWAY_IS_READY, MIX_SECONDS(40)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        world_ready(&w, 7);
        if (rows[i].at != MIX_GATEWAY_IS_READY) {
            w.peer.drop = true;
            world_settle(&w);
            if (rows[i].at == MIX_GATEWAY_IS_CLAIMING)
                w.peer.balance = 0;
            if (rows[i].at == MIX_GATEWAY_IS_ASKING || rows[i].at == MIX_GATEWAY_IS_REGISTERING)
                world_new_gateway(&w); /* which knows nothing */
            w.peer.registered = rows[i].at != MIX_GATEWAY_IS_ASKING;
            if (mix_gateway_state_of(w.g) == MIX_GATEWAY_IS_STOPPED) {
                assert_status(
                    mix_gateway_choose(w.g, w.peer.identity, mix_bytes_str("ws://a/"), w.now),
                    MIX_OK);
                assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
            } else {
                mix_gateway_nudge(w.g, w.now);
            }
            /* Order by order and answer by answer, until the step begins; then nothing more comes.
             */
            mix_gateway_order order;
            for (int moves = 0; mix_gateway_state_of(w.g) != rows[i].at; moves++) {
                mix_buf out = {0};
                mix_bytes message;
                assert_in_range(moves, 0, 20);
                if (mix_gateway_drain(w.g, &order, &out, w.now) == MIX_OK) {
                    w.link = order.link;
                    if (order.act == MIX_GATEWAY_CONNECT) {
                        peer_connect(&w.peer);
                        mix_gateway_opened(w.g, w.link, w.now);
                    } else {
                        peer_take(&w.peer, false, mix_buf_bytes(&out));
                    }
                } else {
                    assert_true(mix_queue_peek(&w.peer.out, &message, NULL));
                    assert_status(mix_gateway_feed(w.g, w.link, false, message, w.now), MIX_OK);
                    mix_queue_pop(&w.peer.out);
                }
                mix_buf_deinit(&out);
            }
            w.linked = true;
            mix_queue_deinit(&w.peer.out);
        }
        w.peer.mute = true;
        mix_time before = w.now;
        unsigned lost = w.seen.lost;
        world_settle(&w);
        while (mix_gateway_state_of(w.g) == rows[i].at)
            world_pass(&w, mix_gateway_deadline(w.g) - w.now);
        assert_true(w.now - before == rows[i].within);
        assert_int_equal(mix_gateway_error(w.g)->code, MIX_ERR_GATEWAY_TIMEOUT);
        assert_int_equal(w.seen.lost - lost, rows[i].at == MIX_GATEWAY_IS_READY);
        world_deinit(&w);
    }
}

/* Up to where the client has sent its authentication and waits. */
static void begin_authentication(world *w) {
    world_ready(w, 33);
    w->peer.drop = true;
    world_settle(w);
    w->peer.mute = true;
    mix_gateway_nudge(w->g, w->now);
    world_settle(w);
    assert_int_equal(mix_gateway_state_of(w->g), MIX_GATEWAY_IS_AUTHENTICATING);
}

/* Stored messages come before the answer and may be many; but not without end. */
static void stored_messages_may_take_their_time(void **state) {
    (void)state;
    static const uint8_t message[21] = {1};
    world w;
    begin_authentication(&w);
    mix_time opened = w.now;
    unsigned pushed = 0;
    for (; mix_gateway_error(w.g)->code != MIX_ERR_GATEWAY_TIMEOUT; pushed++) {
        peer_push(&w.peer, MIX_BYTES(message));
        world_settle(&w);
        world_pass(&w, MIX_SECONDS(14)); /* each within the time for an answer */
    }
    assert_int_equal(pushed, 5); /* at 0, 14, 28, 42 and 56 s; the setup has 60 */
    assert_int_equal(w.seen.pushed, 5);
    assert_true(w.now - opened == MIX_SECONDS(5 * 14));
    world_deinit(&w);
}

static void packets_without_answers_end_the_session(void **state) {
    (void)state;
    world w;
    world_ready(&w, 8);
    w.peer.silent_after_ready = true;
    world_pass(&w, MIX_SECONDS(3));
    send_one(&w);
    mix_time sent = w.now;
    world_pass(&w, MIX_SECONDS(10));
    send_one(&w); /* a later packet does not put it off */
    while (w.seen.lost == 0)
        world_pass(&w, MIX_MS(100));
    assert_true(w.now - sent == MIX_SECONDS(15));
    assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_TIMEOUT);
    world_deinit(&w);
}

static void nothing_of_an_old_connection_reaches_a_new_one(void **state) {
    (void)state;
    world w;
    world_ready(&w, 9);
    uint32_t old = w.link;
    uint8_t message[21] = {1};
    mix_buf frame = {0};
    assert_status(mix_gateway_frame_seal(&frame, w.crypto, &w.env.env, w.peer.key, 1,
                                         MIX_BYTES(message), (mix_bytes){0}),
                  MIX_OK);
    w.peer.drop = true;
    world_settle(&w);
    for (int round = 0; round < 2; round++) { /* while it pauses, and when it is ready again */
        unsigned lost = w.seen.lost;
        assert_status(mix_gateway_feed(w.g, old, true, mix_buf_bytes(&frame), w.now), MIX_OK);
        assert_status(
            mix_gateway_feed(w.g, old, false,
                             mix_bytes_str("{\"type\":\"send\",\"remaining_bandwidth\":0}"), w.now),
            MIX_OK);
        assert_status(mix_gateway_feed(w.g, old, false, mix_bytes_str("nonsense"), w.now), MIX_OK);
        mix_gateway_opened(w.g, old, w.now);
        mix_gateway_closed(w.g, old, 1000, NULL, w.now);
        mix_gateway_closed(w.g, old + 7, 1000, NULL, w.now);
        world_settle(&w);
        assert_int_equal(w.seen.pushed, 0);
        assert_int_equal(w.seen.lost, lost);
        world_until(&w, MIX_GATEWAY_IS_READY);
        assert_int_not_equal(w.link, old);
    }
    assert_true(w.seen.remaining > 0);
    mix_buf_deinit(&frame);
    world_deinit(&w);
}

/* ---- refusals ---- */

/* What each sentence leads to when it answers the authentication of a known client. */
static void each_refusal_has_its_consequence(void **state) {
    (void)state;
    for (int r = 0; r <= MIX_REFUSAL_UNKNOWN; r++) {
        world w;
        world_ready(&w, 10);
        w.peer.drop = true;
        world_settle(&w);
        memset(&w.seen, 0, sizeof w.seen);
        const char *text =
            r == MIX_REFUSAL_UNKNOWN ? "something new" : mix_refusal_text((mix_refusal)r);
        w.peer.refuse_with = text;
        unsigned registrations = w.peer.registrations;
        mix_gateway_nudge(w.g, w.now);
        world_settle(&w);
        int error = mix_refusal_error((mix_refusal)r);
        mix_remedy remedy = mix_refusal_remedy((mix_refusal)r);
        assert_int_equal(mix_gateway_error(w.g)->code, error);
        assert_non_null(strstr(mix_gateway_error(w.g)->words, "the gateway says: "));
        bool again = remedy != MIX_REMEDY_REPLACE || r == MIX_REFUSAL_VERSION ||
                     r == MIX_REFUSAL_HANDSHAKE_VERSION;
        again &= r != MIX_REFUSAL_CLOCK; /* this text holds no time */
        assert_int_equal(mix_gateway_state_of(w.g),
                         again ? MIX_GATEWAY_IS_PAUSING : MIX_GATEWAY_IS_CHOOSING);
        w.peer.refuse_with = NULL;
        if (again) {
            world_until(&w, MIX_GATEWAY_IS_READY);
            assert_int_equal(w.peer.registrations - registrations, remedy == MIX_REMEDY_REREGISTER);
            assert_int_equal(w.seen.registered, remedy == MIX_REMEDY_REREGISTER);
        }
        world_deinit(&w);
    }
}

/* The same while it registers, wrapped as the gateway does. */
static void refused_registrations(void **state) {
    (void)state;
    static const mix_refusal rows[] = {MIX_REFUSAL_HANDSHAKE_REQUEST, MIX_REFUSAL_SEAL,
                                       MIX_REFUSAL_HANDSHAKE_SLOW,    MIX_REFUSAL_SHUTDOWN,
                                       MIX_REFUSAL_DUPLICATE,         MIX_REFUSAL_STORAGE};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        world_init(&w, 11);
        mix_buf words = {0};
        mix_buf_put_str(&words, mix_refusal_text(MIX_REFUSAL_REGISTRATION));
        mix_buf_put_str(&words, mix_refusal_text(rows[i]));
        mix_buf_put_u8(&words, 0);
        w.peer.refuse_with = (const char *)words.data;
        begin(&w);
        mix_remedy remedy = mix_refusal_remedy(rows[i]);
        bool again = remedy == MIX_REMEDY_RECONNECT || remedy == MIX_REMEDY_INSIST;
        assert_int_equal(mix_gateway_state_of(w.g),
                         again ? MIX_GATEWAY_IS_PAUSING : MIX_GATEWAY_IS_CHOOSING);
        assert_int_equal(mix_gateway_error(w.g)->code, mix_refusal_error(rows[i]));
        mix_buf_deinit(&words);
        world_deinit(&w);
    }
}

static void a_gateway_that_forgot_us_registers_us_again_but_once(void **state) {
    (void)state;
    world w;
    world_ready(&w, 12);
    uint8_t key[MIX_KEY_LEN];
    memcpy(key, w.peer.key, sizeof key);
    w.peer.registered = false;
    w.peer.drop = true;
    world_settle(&w);
    world_until(&w, MIX_GATEWAY_IS_READY);
    assert_int_equal(w.peer.registrations, 2);
    assert_true(w.seen.registered && w.seen.store == 1);
    assert_memory_not_equal(key, w.peer.key, sizeof key);
    /* One that forgets at once is no use. */
    for (int i = 0; i < 2; i++) {
        w.peer.registered = false;
        w.peer.drop = true;
        world_settle(&w);
        mix_gateway_tick(w.g, mix_gateway_deadline(w.g));
        world_settle(&w);
        if (mix_gateway_state_of(w.g) == MIX_GATEWAY_IS_CHOOSING)
            break;
        world_until(&w, MIX_GATEWAY_IS_READY);
    }
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_CHOOSING);
    assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_NOT_REGISTERED);
    world_deinit(&w);
}

static void another_client_with_our_identity_is_not_pushed_aside(void **state) {
    (void)state;
    world w;
    world_ready(&w, 13);
    w.peer.drop = true;
    world_settle(&w);
    w.peer.refuse_with = mix_refusal_text(MIX_REFUSAL_DUPLICATE);
    world_until(&w, MIX_GATEWAY_IS_FAILED);
    assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_DUPLICATE);
    assert_int_equal(mix_error_ends(w.seen.error.code), MIX_ENDS_TUNNEL);
    assert_int_equal(w.seen.wanted, 0);
    world_deinit(&w);
}

static void clocks_may_differ(void **state) {
    (void)state;
    static const int64_t skews[] = {-86400, -125, 125, 3600, 400 * 86400};
    for (size_t i = 0; i < sizeof skews / sizeof *skews; i++) {
        world w;
        world_ready(&w, 14);
        w.peer.drop = true;
        w.peer.clock_skew = skews[i];
        world_settle(&w);
        world_until(&w, MIX_GATEWAY_IS_READY);
        assert_int_equal(w.peer.authentications, 2); /* refused, then with its own time */
        assert_int_equal(w.peer.registrations, 1);
        world_deinit(&w);
    }
}

static void another_run_in_the_same_second_is_no_trouble(void **state) {
    (void)state;
    world w;
    world_ready(&w, 16);
    w.peer.last_timestamp = (uint64_t)(w.env.wall / 1000000);
    world_another_run(&w);
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    world_settle(&w); /* no time passes */
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_READY);
    assert_int_equal(w.peer.authentications, 2);
    world_deinit(&w);
}

static void a_clock_that_goes_back_catches_up(void **state) {
    (void)state;
    world w;
    world_ready(&w, 15);
    w.peer.last_timestamp =
        (uint64_t)(w.env.wall / 1000000) + 20; /* of another run, before the clock was set back */
    world_another_run(&w);
    assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
    world_settle(&w);
    assert_int_equal(w.peer.authentications,
                     2); /* the second at once, a second later in its words */
    assert_int_equal(mix_gateway_error(w.g)->code, MIX_ERR_GATEWAY_STALE);
    world_until(&w, MIX_GATEWAY_IS_READY);
    assert_in_range(w.peer.authentications, 2, 6);
    assert_int_equal(w.seen.wanted, 0);
    world_deinit(&w);
}

static void versions_that_do_not_fit(void **state) {
    (void)state;
    static const struct {
        uint8_t version, answer;
        const char *said;
    } rows[] = {
        {3, 0, ""},
        {0, 0, ""},
        {6, 7,
         "the gateway requests protocol version that's not supported by this client. it wants to "
         "use v7 whilst we only "
         "understand up to v6"},
        {6, 3,
         "the gateway requests protocol version that's not supported by this client. it wants to "
         "use v3 whilst we only "
         "understand up to v6"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        world_init(&w, 16);
        w.peer.version = rows[i].version;
        w.peer.answer_version = rows[i].answer;
        begin(&w);
        assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_CHOOSING);
        assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_VERSION);
        assert_string_equal(w.peer.last_failure, rows[i].said);
        assert_false(w.linked);
        world_deinit(&w);
    }
}

static void a_remembered_version_may_be_too_new(void **state) {
    (void)state;
    world w;
    world_ready(&w, 17);
    w.peer.version = 5; /* the gateway was downgraded */
    w.peer.drop = true;
    world_settle(&w);
    world_until(&w, MIX_GATEWAY_IS_READY);
    assert_int_equal(mix_gateway_identity(w.g)->registration.version, 5);
    assert_int_equal(w.peer.registrations, 1);
    assert_int_equal(w.seen.store, 1);
    world_deinit(&w);
}

static void an_impostor_is_told_and_left(void **state) {
    (void)state;
    world w;
    world_init(&w, 18);
    w.peer.wrong_identity = true;
    begin(&w);
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_CHOOSING);
    assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_IDENTITY);
    assert_string_equal(w.peer.last_failure, "received invalid signature");
    assert_int_equal(w.seen.store, 0);
    world_deinit(&w);
}

static void malformed_handshakes_are_declined(void **state) {
    (void)state;
    static const struct {
        const char *answer, *said;
        int error;
    } rows[] = {
        {"{\"type\":\"handshakePayload\",\"protocol_version\":6,\"data\":[1,2]}",
         "received response was malformed:", MIX_ERR_GATEWAY_HANDSHAKE},
        {"{\"type\":\"handshakePayload\",\"protocol_version\":6,\"data\":[]}",
         "received response was malformed:", MIX_ERR_GATEWAY_HANDSHAKE},
        {"{\"type\":\"handshakePayload\",\"data\":[1]}", "", MIX_ERR_GATEWAY_VERSION},
        {"{\"type\":\"handshakeError\",\"message\":\"sent request was malformed\"}", "",
         MIX_ERR_GATEWAY_REGISTRATION},
        {"{\"type\":\"handshakeError\",\"message\":\"what ever\"}", "", MIX_ERR_GATEWAY_REFUSED},
        {"{\"type\":\"error\",\"message\":\"error on the remote: received shutdown\"}", "",
         MIX_ERR_GATEWAY_CLOSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        world_init(&w, 19);
        w.peer.refuse_with = "unused";
        begin(&w);
        mix_gateway_stop(w.g, false, w.now);
        world_settle(&w);
        assert_status(mix_gateway_start(w.g, w.now), MIX_OK);
        /* Up to message 1, which the peer never sees. */
        mix_gateway_order order;
        for (int moves = 0; mix_gateway_state_of(w.g) != MIX_GATEWAY_IS_REGISTERING; moves++) {
            mix_buf out = {0};
            assert_in_range(moves, 0, 3);
            if (mix_gateway_drain(w.g, &order, &out, w.now) == MIX_OK &&
                order.act == MIX_GATEWAY_CONNECT)
                mix_gateway_opened(w.g, order.link, w.now);
            else
                assert_status(mix_gateway_feed(
                                  w.g, order.link, false,
                                  mix_bytes_str("{\"type\":\"supportedProtocol\",\"version\":6}"),
                                  w.now),
                              MIX_OK);
            mix_buf_deinit(&out);
        }
        w.link = order.link;
        w.linked = true;
        peer_connect(&w.peer);
        mix_buf one = {0};
        assert_status(mix_gateway_drain(w.g, &order, &one, w.now), MIX_OK);
        mix_buf_deinit(&one);
        w.peer.refuse_with = NULL;
        w.peer.step = 1;
        peer_say_raw(&w.peer, rows[i].answer);
        world_settle(&w);
        assert_int_equal(mix_gateway_error(w.g)->code, rows[i].error);
        if (rows[i].error != MIX_ERR_GATEWAY_VERSION)
            assert_string_equal(w.peer.last_failure, rows[i].said);
        world_deinit(&w);
    }
}

static void status_false_is_no(void **state) {
    (void)state;
    world w;
    world_init(&w, 20);
    w.peer.status_false = true;
    begin(&w);
    assert_int_equal(mix_gateway_state_of(w.g), MIX_GATEWAY_IS_CHOOSING);
    assert_int_equal(w.seen.error.code, MIX_ERR_GATEWAY_REGISTRATION);
    assert_int_equal(w.seen.store, 0);
    world_deinit(&w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_lost_connection_comes_back_with_the_same_keys),
    cmocka_unit_test(reconnecting_within_the_same_second_is_no_trouble),
    cmocka_unit_test(pauses_grow_to_their_bound_and_have_jitter),
    cmocka_unit_test(failing_gateways_are_replaced_until_too_many),
    cmocka_unit_test(a_stored_gateway_that_is_gone_is_replaced),
    cmocka_unit_test(silence_has_an_end_at_each_step),
    cmocka_unit_test(stored_messages_may_take_their_time),
    cmocka_unit_test(packets_without_answers_end_the_session),
    cmocka_unit_test(nothing_of_an_old_connection_reaches_a_new_one),
    cmocka_unit_test(each_refusal_has_its_consequence),
    cmocka_unit_test(refused_registrations),
    cmocka_unit_test(a_gateway_that_forgot_us_registers_us_again_but_once),
    cmocka_unit_test(another_client_with_our_identity_is_not_pushed_aside),
    cmocka_unit_test(clocks_may_differ),
    cmocka_unit_test(another_run_in_the_same_second_is_no_trouble),
    cmocka_unit_test(a_clock_that_goes_back_catches_up),
    cmocka_unit_test(versions_that_do_not_fit),
    cmocka_unit_test(a_remembered_version_may_be_too_new),
    cmocka_unit_test(an_impostor_is_told_and_left),
    cmocka_unit_test(malformed_handshakes_are_declined),
    cmocka_unit_test(status_false_is_no),
};
MIX_TEST_MAIN(gateway_recovery_test, tests)
