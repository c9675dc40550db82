/* SPDX-License-Identifier: Apache-2.0 */
/* One whole scene, from the first connection to a gateway to a message and its answer, in which
 * every allocation is made to fail in turn. The client's session and the gateway's are the real
 * ones; X25519 and Sphinx are in clear. */
#include "alloc_fail.h"
#include "client.h"
#include "gateway/gateway.h"
#include "mix/errors.h"
#include "mixnet/gateway/gateway.h"

enum { QUESTION = 3000, ANSWER = 2000, SURBS = 14, STEP = 10000, LONGEST = 120 };

typedef struct scene {
    sim_net net;
    mix_test_env env;
    mixnet_gateway *role;
    mix_identity identity;
    mix_gateway *session;
    mix_client_keys keys;
    sim_client alice, bob;
    bool up, asked, owes, answered;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    int error; /* the first that any call gave, whether or not it mattered in the end */
} scene;

static int note(scene *s, int status) {
    if (status < 0 && s->error == MIX_OK)
        s->error = status;
    return status;
}

/* ---- between client and session ---- */

static int wire_send(void *user, mix_bytes packet) {
    scene *s = user;
    return note(s, mix_gateway_write(s->session, packet, s->net.sim.now));
}

static size_t wire_room(void *user, size_t *waiting) {
    scene *s = user;
    *waiting = mix_gateway_backlog(s->session);
    return mix_gateway_room(s->session);
}

static void received(void *user, sim_client *c, const mix_messages_event *ev) {
    scene *s = user;
    if (ev->kind != MIX_MESSAGES_RECEIVED)
        return;
    if (c == &s->alice) {
        s->answered = ev->data.len == ANSWER;
    } else {
        memcpy(s->tag, ev->tag, sizeof s->tag);
        s->owes = true;
    }
}

static void start_alice(scene *s) {
    sim_client_config cfg;
    sim_wire wire = {s, wire_send, wire_room};
    sim_client_config_init(&cfg, false);
    memcpy(s->keys.identity_public, s->identity.public_key, MIX_KEY_LEN);
    memcpy(s->keys.encryption_secret, s->identity.encryption_secret, MIX_KEY_LEN);
    memcpy(s->keys.encryption_public, s->identity.encryption_public, MIX_KEY_LEN);
    memcpy(s->keys.ack_key, s->identity.ack_key, MIX_AES128_KEY_LEN);
    memcpy(s->keys.gateway, sim_net_gateway(&s->net, 0)->entry.identity, MIX_KEY_LEN);
    cfg.keys = &s->keys;
    cfg.wire = &wire;
    cfg.traffic.pacing_off = cfg.traffic.cover_off = true;
    cfg.received = received;
    cfg.user = s;
    if (note(s, sim_client_init(&s->alice, &s->net, &cfg, 3)) == MIX_OK)
        s->up = true;
    else
        sim_client_deinit(&s->alice); /* and again at the next chance */
}

/* Messages are written again until they are taken. */
static void converse(scene *s) {
    static const uint8_t bytes[QUESTION];
    if (s->up && !s->asked) {
        mix_message m = {.type = MIX_NYM_REPLIABLE,
                         .data = MIX_BYTES(bytes),
                         .to = &s->bob.address,
                         .surbs = SURBS,
                         .limit = MIX_RETRANSMIT_FOREVER};
        s->asked = note(s, mix_messages_write(s->alice.messages, &m, s->net.sim.now)) == MIX_OK;
        sim_client_pump(&s->alice);
    }
    if (s->owes) {
        mix_message m = {.type = MIX_NYM_REPLY, .data = mix_bytes_of(bytes, ANSWER), .limit = 10};
        memcpy(m.tag, s->tag, sizeof m.tag);
        s->owes = note(s, mix_messages_write(s->bob.messages, &m, s->net.sim.now)) != MIX_OK;
        sim_client_pump(&s->bob);
    }
}

/* ---- between session and gateway ---- */

static int choose(scene *s) {
    return mix_gateway_choose(s->session, sim_net_gateway(&s->net, 0)->entry.identity,
                              mix_bytes_str("wss://gateway.example/"), s->net.sim.now);
}

static bool obey_session(scene *s) {
    mix_time now = s->net.sim.now;
    mix_gateway_order order;
    mix_buf out = {0};
    int status = note(s, mix_gateway_drain(s->session, &order, &out, now));
    if (status == MIX_OK && order.act == MIX_GATEWAY_CONNECT) {
        if (note(s, mixnet_gateway_opened(s->role, order.link, now)) == MIX_OK)
            mix_gateway_opened(s->session, order.link, now);
        else
            mix_gateway_closed(s->session, order.link, 0, "refused", now);
    } else if (status == MIX_OK && order.act == MIX_GATEWAY_CLOSE) {
        mixnet_gateway_closed(s->role, order.link, now);
    } else if (status == MIX_OK) {
        mixnet_ws_kind kind =
            order.act == MIX_GATEWAY_SEND_TEXT ? MIXNET_WS_TEXT : MIXNET_WS_BINARY;
        (void)mixnet_gateway_feed(s->role, order.link, kind, mix_buf_bytes(&out),
                                  now); /* a closing one drops it */
    }
    mix_buf_deinit(&out);
    return status == MIX_OK;
}

static void take_events(scene *s) {
    mix_gateway_event ev;
    while (note(s, mix_gateway_next(s->session, &ev)) == MIX_OK) {
        note(s, ev.error ? ev.error->code : MIX_OK);
        if (ev.kind == MIX_GATEWAY_READY && !s->up)
            start_alice(s);
        else if (ev.kind == MIX_GATEWAY_PUSHED && s->up)
            note(s, sim_client_delivered(&s->alice, ev.bytes));
        else if (ev.kind == MIX_GATEWAY_WANTED)
            note(s, choose(s));
    }
}

static bool obey_role(scene *s) {
    mix_time now = s->net.sim.now;
    mixnet_gateway_ready_conn ready;
    if (mixnet_gateway_ready(s->role, &ready) != MIX_OK)
        return false;
    mixnet_gateway_out out;
    while (mixnet_gateway_drain(s->role, ready.conn, &out, now) == MIX_OK) {
        if (out.kind == MIXNET_WS_CLOSE) {
            mix_gateway_closed(s->session, (uint32_t)ready.conn, out.code, NULL, now);
            break;
        }
        note(s, mix_gateway_feed(s->session, (uint32_t)ready.conn, out.kind == MIXNET_WS_BINARY,
                                 out.bytes, now));
        take_events(s);
    }
    return true;
}

static bool forward_packets(scene *s) {
    mix_packet packet;
    bool any = false;
    while (mixnet_gateway_next(s->role, &packet) == MIX_OK) {
        sim_net_forward(sim_net_gateway(&s->net, 0), &packet);
        any = true;
    }
    return any;
}

static void settle(scene *s) {
    for (int steps = 0; steps < 1000; steps++) {
        bool any = obey_session(s);
        any |= obey_role(s);
        any |= forward_packets(s);
        take_events(s);
        if (!any)
            return;
    }
    fail_msg("session and gateway never come to rest");
}

static void to_role(void *user, uint64_t number, mix_bytes message) {
    scene *s = user;
    (void)number;
    note(s, mixnet_gateway_deliver(s->role, s->identity.public_key, message, s->net.sim.now));
}

/* ---- the scene ---- */

static int set_up(scene *s) {
    sim_net_config net = {.per_layer = 1, .hop = {.delay = MIX_MS(2)}};
    int status = sim_net_init(&s->net, &net, 1);
    mix_test_env_init(&s->env, 2);
    mixnet_gateway_config role = {0};
    memcpy(role.seed, sim_net_gateway(&s->net, 0)->seed, MIX_KEY_LEN);
    if (status == MIX_OK)
        status = mixnet_gateway_new(&s->role, &role, s->net.crypto, &s->env.env);
    if (status == MIX_OK)
        status = mix_identity_new(&s->identity, s->net.crypto, &s->env.env);
    mix_gateway_config session;
    mix_gateway_config_init(&session);
    session.crypto = s->net.crypto;
    session.identity = &s->identity;
    if (status == MIX_OK)
        status = mix_gateway_new(&s->session, &session, &s->env.env);
    sim_client_config bob;
    sim_client_config_init(&bob, true);
    bob.gateway = 1;
    bob.traffic.pacing_off = bob.traffic.cover_off = true;
    bob.received = received;
    bob.user = s;
    if (status == MIX_OK)
        status = sim_client_init(&s->bob, &s->net, &bob, 4);
    if (status == MIX_OK)
        sim_net_connect(&s->net, 0, s->identity.public_key, to_role, s);
    if (status == MIX_OK)
        status = choose(s);
    return status == MIX_OK ? mix_gateway_start(s->session, s->net.sim.now) : status;
}

static void run(scene *s) {
    while (!s->answered && s->net.sim.now < MIX_SECONDS(LONGEST)) {
        mix_time now = s->net.sim.now;
        if (mix_gateway_deadline(s->session) <= now)
            mix_gateway_tick(s->session, now);
        if (mixnet_gateway_deadline(s->role) <= now)
            mixnet_gateway_tick(s->role, now);
        settle(s);
        converse(s);
        settle(s);
        sim_run(&s->net.sim, now + STEP);
        s->env.wall += STEP;
    }
    sim_run(&s->net.sim, s->net.sim.now + MIX_SECONDS(1));
}

static void tear_down(scene *s) {
    if (s->up)
        sim_client_deinit(&s->alice);
    sim_client_deinit(&s->bob);
    mix_gateway_free(s->session);
    mixnet_gateway_free(s->role);
    mix_identity_wipe(&s->identity);
    sim_net_deinit(&s->net);
}

/* Plays the scene. True when the answer came; *error is what any layer reported. */
static bool play(int *error, int *setup) {
    static scene s;
    memset(&s, 0, sizeof s);
    *setup = note(&s, set_up(&s));
    if (*setup == MIX_OK)
        run(&s);
    note(&s, s.alice.error);
    note(&s, s.bob.error);
    note(&s, s.session ? mix_gateway_error(s.session)->code : MIX_OK);
    note(&s, s.alice.warnings + s.bob.warnings > 0 ? MIX_ERR_MEMORY : MIX_OK);
    if (s.role) {
        mixnet_gateway_stats stats;
        mixnet_gateway_get_stats(s.role, &stats);
        note(&s, stats.no_memory > 0 || stats.closed[MIXNET_CLOSE_INTERNAL] > 0 ? MIX_ERR_MEMORY
                                                                                : MIX_OK);
    }
    note(&s, s.net.lost_for_memory > 0 ? MIX_ERR_MEMORY : MIX_OK);
    *error = s.error;
    bool answered = s.answered;
    tear_down(&s);
    return answered;
}

static void test_all_is_well(void **state) {
    (void)state;
    int error, setup;
    mix_alloc_fail_at(0, 0);
    assert_true(play(&error, &setup));
    assert_status(setup, MIX_OK);
    assert_status(error, MIX_OK);
    assert_int_equal(mix_alloc_live(), 0);
}

static size_t count_allocations(void) {
    int error, setup;
    mix_alloc_fail_at(0, 0);
    assert_true(play(&error, &setup));
    return mix_alloc_count();
}

/* Builds that move buffers at each append make do with the old place when there is no new one: a
 * failure of that kind is none. */
#ifdef MIX_DEBUG_MOVE
enum { EACH_MATTERS = 0, STRIDE = 3 };
#else
enum { EACH_MATTERS = 1, STRIDE = 1 };
#endif

/* One allocation fails: an error is reported, nothing leaks, and the scene goes on to its end but
 * where the error told of a loss (a message that was acknowledged by its gateway comes only once).
 */
static void test_each_allocation_fails(void **state) {
    (void)state;
    size_t silent = 0, lost = 0, total = count_allocations();
    for (size_t n = 1; n <= total; n += STRIDE) {
        int error, setup;
        mix_alloc_fail_at(n, 0);
        bool answered = play(&error, &setup);
        bool failed = mix_alloc_count() >= n;
        mix_alloc_fail_at(0, 0);
        if (failed && error == MIX_OK && (EACH_MATTERS || !answered))
            fprintf(stderr, "allocation %d: no error was reported\n", (int)n), silent++;
        lost += setup == MIX_OK && !answered;
        if (mix_alloc_live() != 0)
            fail_msg("allocation %d: %d blocks leak", (int)n, (int)mix_alloc_live());
    }
    printf(
        "each of %d allocations (of %d a run) failed once; after %d of them there was no answer\n",
        (int)((total + STRIDE - 1) / STRIDE), (int)total, (int)lost);
    assert_int_equal(silent, 0);
}

/* From one allocation on all fail: no crash, no leak, an error. */
static void test_all_allocations_fail_from_one_on(void **state) {
    (void)state;
    size_t total = count_allocations();
    for (size_t n = 1; n < total; n += 7) {
        int error, setup;
        mix_alloc_fail_at(n, 1);
        bool answered = play(&error, &setup);
        mix_alloc_fail_at(0, 0);
        assert_true(error != MIX_OK);
        assert_true(!answered || n > total / 2);
        assert_int_equal(mix_alloc_live(), 0);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_all_is_well),
    cmocka_unit_test(test_each_allocation_fails),
    cmocka_unit_test(test_all_allocations_fail_from_one_on),
};
MIX_TEST_MAIN(sim_failing_test, tests)
