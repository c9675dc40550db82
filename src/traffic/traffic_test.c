/* SPDX-License-Identifier: Apache-2.0 */
/* The traffic engine by itself: what it takes, when it sends, what it says of the end of each
 * fragment. The far side is here only by its acknowledgements, which the test seals itself; sim/
 * has whole networks. */
#include "alloc_fail.h"
#include "base/alloc.h"
#include "mix/errors.h"
#include "testing.h"
#include "traffic/poisson.h"
#include "traffic/route.h"
#include "traffic/traffic_testing.h"

#include <math.h>
#include <stdlib.h>

/* ---- times ---- */

/* The Kolmogorov–Smirnov statistic of sorted samples against the exponential distribution, times
 * √n. 1.63 is exceeded by one honest sample in a hundred. */
static double kolmogorov(const double *sorted, size_t n, double mean) {
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double cdf = 1 - exp(-sorted[i] / mean), below = cdf - (double)i / (double)n;
        double above = (double)(i + 1) / (double)n - cdf;
        worst = fmax(worst, fmax(below, above));
    }
    return worst * sqrt((double)n);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int zero_bits(void *user, uint8_t *out, size_t len) {
    memset(out, *(int *)user, len);
    return 0;
}

static void test_exponential(void **state) {
    (void)state;
    enum { N = 20000 };
    static double samples[N];
    mix_test_env env;
    mix_test_env_init(&env, 5);
    double sum = 0;
    for (size_t i = 0; i < N; i += 10) {
        uint64_t out[10];
        assert_status(mix_exponential(&env.env, 15000000, out, 10), MIX_OK);
        for (size_t j = 0; j < 10; j++)
            sum += samples[i + j] = (double)out[j];
    }
    qsort(samples, N, sizeof *samples, by_size);
    assert_true(fabs(sum / (double)N / 15e6 - 1) < 0.02);
    assert_true(kolmogorov(samples, N, 15e6) < 1.63);
    uint64_t out[2] = {9, 9};
    assert_status(mix_exponential(&env.env, 0, out, 2), MIX_OK);
    assert_true(out[0] == 0 && out[1] == 0);
    /* The ends: u = 1 gives 0; no leading one at all gives the longest, 64·ln 2. */
    int byte = 0xff;
    mix_env fixed = {.user = &byte, .random = zero_bits};
    assert_status(mix_exponential(&fixed, 1000000, out, 1), MIX_OK);
    assert_int_equal(out[0], 693147); /* fraction all ones, no zeros: −ln(1/2 + 2^-54) */
    byte = 0;
    assert_status(mix_exponential(&fixed, 1000000, out, 1), MIX_OK);
    assert_int_equal(out[0], 44361420);
    env.fail_random = 1;
    assert_status(mix_exponential(&env.env, 15, out, 2), MIX_ERR_RANDOM);
}

/* Against the system's logarithm, for every size of u. */
static void test_exponential_values(void **state) {
    (void)state;
    mix_test_env env;
    mix_test_env_init(&env, 6);
    for (int i = 0; i < 2000; i++) {
        mix_test_env copy = env;
        copy.env.user = &copy;
        uint8_t raw[16];
        assert_status(mix_random(&copy.env, raw, sizeof raw), MIX_OK);
        uint64_t got, mean = (uint64_t)1 << 50;
        assert_status(mix_exponential(&env.env, mean, &got, 1), MIX_OK);
        double f = 1 - (double)(mix_get_u64(raw + 8) >> 11) * 0x1p-54;
        double want = -log(ldexp(f, -__builtin_clzll(mix_get_u64(raw)))) * 0x1p50;
        assert_true(fabs((double)got - want) <= want * 1e-15 + 1);
    }
}

static void test_slots(void **state) {
    (void)state;
    mix_test_env env;
    mix_test_env_init(&env, 7);
    mix_slots s = {0};
    assert_true(mix_slots_deadline(&s) == MIX_NEVER);
    assert_status(mix_slots_start(&s, &env.env, MIX_MS(20), 0), MIX_OK);
    /* A host that is always up to 30 ms late still gets 50 slots a second. */
    int n = 0;
    for (mix_time now = 0; now < MIX_SECONDS(400); now += MIX_MS(30)) {
        for (; mix_slots_due(&s, now); n++)
            assert_status(mix_slots_after(&s, &s, &env.env, MIX_MS(20), now), MIX_OK);
    }
    assert_true(n > 19400 && n < 20600);
    /* One that slept gets no more than the slot that waited. */
    mix_time woke = MIX_SECONDS(9000);
    assert_status(mix_slots_after(&s, &s, &env.env, MIX_MS(20), woke), MIX_OK);
    assert_true(mix_slots_deadline(&s) >= woke);
    mix_slots_stop(&s);
    assert_true(mix_slots_deadline(&s) == MIX_NEVER);
}

/* ---- keys ---- */

static void test_keys(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    mix_recipient self = mix_client_recipient(&f.keys), again;
    assert_status(mix_recipient_format(&f.out, &self), MIX_OK);
    assert_status(mix_recipient_parse(&again, mix_buf_bytes(&f.out)), MIX_OK);
    assert_memory_equal(&again, &self, sizeof self);
    assert_status(mix_recipient_parse(&again, mix_bytes_str("")), MIX_ERR_RECIPIENT_TEXT);
    assert_status(mix_recipient_parse(&again, mix_bytes_str("@.")), MIX_ERR_RECIPIENT_TEXT);
    assert_status(mix_recipient_parse(&again, mix_bytes_str(".@")), MIX_ERR_BASE58_LENGTH);
    assert_status(mix_recipient_decode(&again, mix_bytes_of(&self, 95)), MIX_ERR_RECIPIENT_LENGTH);
    f.env.fail_random = 2;
    mix_client_keys keys = f.keys, wiped;
    memset(&wiped, 0, sizeof wiped);
    assert_status(mix_client_keys_init(&keys, &f.env.env, f.keys.identity_public, f.keys.gateway),
                  MIX_ERR_RANDOM);
    assert_memory_equal(&keys, &wiped, sizeof keys);
    teardown(&f);
}

/* ---- what is taken ---- */

static void test_bad_items(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    start_unpaced(&f);
    mix_traffic_item item = item_of(&f, 1, 1);
    item.fragment.len--;
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_ERR_FRAGMENT_SIZE);
    item.fragment.len++;
    item.size = MIX_SIZE_ACK;
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_ERR_FRAGMENT_SIZE);
    item.size = (mix_packet_size)99;
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_ERR_FRAGMENT_SIZE);
    item = item_of(&f, 1, 1);
    item.lane = MIX_LANES;
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_ERR_ARGUMENT);
    item = item_of(&f, 0, 1);
    item.id[4] = 0;
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_ERR_ARGUMENT);
    item = item_of(&f, 1, 1);
    item.recipient = NULL;
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_ERR_ARGUMENT);
    item.surb_key = f.keys.ack_key;
    item.surb = mix_bytes_str("not a SURB");
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_ERR_SPHINX_SURB);
    assert_status(write_one(&f, 1), MIX_OK);
    assert_status(write_one(&f, 1), MIX_ERR_FRAGMENT_TWICE);
    f.cfg.send_interval = 0;
    mix_traffic *none = NULL;
    assert_status(mix_traffic_new(&none, &f.cfg, &f.env.env), MIX_ERR_ARGUMENT);
    assert_null(none);
    teardown(&f);
}

static void test_bounds(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    f.cfg.lane_packets = 4;
    f.cfg.max_packets = 10;
    start_unpaced(&f);
    for (uint32_t i = 1; i <= 4; i++)
        assert_status(write_one(&f, i), MIX_OK);
    assert_int_equal(mix_traffic_room(f.t, MIX_LANE_GENERAL), 0);
    assert_int_equal(mix_traffic_room(f.t, MIX_LANE_SURBS), 4);
    assert_status(write_one(&f, 5), MIX_BLOCKED);
    for (uint32_t i = 5; i <= 10;
         i++) { /* each one sent makes room for one, up to the bound of all */
        assert_int_equal(drain(&f) > 0, 1);
        assert_status(write_one(&f, i), MIX_OK);
    }
    assert_true(drain(&f) > 0);
    assert_int_equal(mix_traffic_room(f.t, MIX_LANE_GENERAL),
                     0); /* ten are unacknowledged or wait */
    feed_ack(&f, 1, 1);
    assert_int_equal(mix_traffic_room(f.t, MIX_LANE_GENERAL), 0); /* its event waits */
    expect_event(&f, MIX_TRAFFIC_ACKED, 1, 0);
    expect_no_event(&f);
    assert_int_equal(mix_traffic_room(f.t, MIX_LANE_GENERAL), 1);
    teardown(&f);
}

static void test_delivered_is_bounded(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    f.cfg.max_delivered = 2;
    start_unpaced(&f);
    uint8_t message[1643] = {7};
    assert_status(mix_traffic_feed(f.t, MIX_BYTES(message), f.now), MIX_OK);
    assert_status(mix_traffic_feed(f.t, mix_bytes_of(message, 49), f.now), MIX_OK);
    assert_status(mix_traffic_feed(f.t, MIX_BYTES(message), f.now), MIX_BLOCKED);
    mix_traffic_event ev;
    assert_status(mix_traffic_next(f.t, &ev), MIX_OK);
    assert_int_equal(ev.kind, MIX_TRAFFIC_DELIVERED);
    assert_bytes(ev.bytes, MIX_BYTES(message));
    assert_status(mix_traffic_next(f.t, &ev), MIX_OK);
    assert_bytes(ev.bytes, mix_bytes_of(message, 49));
    expect_no_event(&f);
    for (size_t len = 0; len <= 48; len++) {
        if (len != MIX_ACK_PLAINTEXT_LEN)
            assert_status(mix_traffic_feed(f.t, mix_bytes_of(message, len), f.now), MIX_ERR_ACK);
    }
    teardown(&f);
}

/* ---- what is sent ---- */

static void test_packet_forms(void **state) {
    (void)state;
    for (uint8_t form = 1; form <= 2; form++) {
        fixture f;
        setup(&f);
        f.cfg.packet_form = form;
        start_unpaced(&f);
        assert_status(write_one(&f, 1), MIX_OK);
        assert_true(drain(&f) > 0);
        mix_packet p;
        if (form == 1)
            assert_status(mix_packet_decode_v1(&p, mix_buf_bytes(&f.out)), MIX_OK);
        else
            assert_status(mix_packet_decode_v2(&p, mix_buf_bytes(&f.out)), MIX_OK);
        assert_int_equal(p.packet.len, MIX_SPHINX_REGULAR_LEN);
        assert_int_equal(p.rotation, form == 1 ? MIX_ROTATION_UNKNOWN : MIX_ROTATION_EVEN);
        assert_true(p.next_hop.octets[3] == 1 ||
                    p.next_hop.octets[3] == 2); /* of the first layer */
        teardown(&f);
    }
}

static void test_lanes_take_turns(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    start_unpaced(&f);
    for (uint32_t i = 0; i < 12; i++) {
        mix_traffic_item item = item_of(&f, i + 1, i);
        item.lane = (mix_lane)(i / 4);
        assert_status(mix_traffic_write(f.t, &item, f.now), MIX_OK);
    }
    for (uint32_t i = 0; i < 12;
         i += 3) { /* each three packets are one of each lane, whose order is kept */
        for (int j = 0; j < 3; j++)
            assert_true(drain(&f) > 0);
        feed_ack(&f, i / 3 + 1, 1);
        feed_ack(&f, i / 3 + 5, 1);
        feed_ack(&f, i / 3 + 9, 1);
    }
    assert_int_equal(mix_traffic_count(f.t).acked, 12);
    assert_int_equal(mix_traffic_count(f.t).stray_acks, 0);
    teardown(&f);
}

static void test_retransmission(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    f.cfg.hop_delay = f.cfg.ack_delay = 0; /* the timeout is the addition alone */
    start_unpaced(&f);
    mix_traffic_item item = item_of(&f, 1, 42);
    item.limit = 2;
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_OK);
    f.now += MIX_SECONDS(60); /* waiting costs nothing: the timer starts when the packet leaves */
    assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
    assert_true(mix_traffic_deadline(f.t) == MIX_NEVER);
    assert_true(drain(&f) > 0);
    uint8_t before[MIX_SPHINX_REGULAR_LEN];
    for (int i = 0; i < 2; i++) {
        memcpy(before, f.out.data + f.out.len - sizeof before, sizeof before);
        assert_true(mix_traffic_deadline(f.t) == f.now + MIX_MS(1500));
        f.now += MIX_MS(1500) - 1;
        assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
        assert_int_equal(drain(&f), 0);
        f.now += 1;
        assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
        assert_true(drain(&f) > 0); /* another packet in all its parts */
        assert_memory_not_equal(f.out.data + f.out.len - sizeof before, before, MIX_KEY_LEN);
    }
    f.now += MIX_MS(1500);
    assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
    assert_int_equal(drain(&f), 0);
    mix_traffic_event ev;
    assert_status(mix_traffic_next(f.t, &ev), MIX_OK);
    assert_int_equal(ev.kind, MIX_TRAFFIC_GAVE_UP);
    assert_status(ev.why, MIX_ERR_LIMIT);
    assert_int_equal(ev.user, 42);
    expect_no_event(&f);
    mix_traffic_counts counts = mix_traffic_count(f.t);
    assert_true(counts.data == 1 && counts.retransmitted == 2 && counts.gave_up == 1);
    assert_int_equal(mix_traffic_unacknowledged(f.t), 0);
    teardown(&f);
}

/* The engine's own limit holds for fragments without one. */
static void test_limit_of_all(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    f.cfg.max_retransmissions = 1;
    start_unpaced(&f);
    assert_status(write_one(&f, 1), MIX_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(drain(&f) > 0);
        f.now += MIX_SECONDS(10);
        assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
    }
    expect_event(&f, MIX_TRAFFIC_GAVE_UP, 1, 1);
    teardown(&f);
}

/* The timeout grows with the delays drawn: 1.5 times their sum, and 1500 ms. */
static void test_timeout_follows_delays(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    start_unpaced(&f);
    double sum = 0;
    for (uint32_t i = 1; i <= 400; i++) {
        assert_status(write_one(&f, i), MIX_OK);
        assert_true(drain(&f) > 0);
        mix_time wait = mix_traffic_deadline(f.t) - f.now;
        assert_true(wait > MIX_MS(1500));
        sum += (double)(wait - MIX_MS(1500));
        feed_ack(&f, i, 1);
        expect_event(&f, MIX_TRAFFIC_ACKED, i, 0);
    }
    assert_true(fabs(sum / 400 - 1.5 * 6 * 15000) < 1.5 * 6 * 15000 * 0.08);
    teardown(&f);
}

/* An acknowledgement that comes late, when the fragment waits to be sent again, still settles it.
 */
static void test_late_ack(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    start_unpaced(&f);
    feed_ack(&f, 1, 1);
    assert_status(write_one(&f, 1), MIX_OK);
    feed_ack(&f, 1, 1); /* never sent: cannot be acknowledged */
    assert_int_equal(mix_traffic_count(f.t).stray_acks, 2);
    assert_true(drain(&f) > 0);
    f.now += MIX_SECONDS(10);
    assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
    assert_int_equal(mix_traffic_waiting(f.t), 1);
    feed_ack(&f, 1, 1);
    assert_int_equal(drain(&f), 0);
    expect_event(&f, MIX_TRAFFIC_ACKED, 1, 1);
    feed_ack(&f, 1, 1);
    feed_ack(&f, 1, 2); /* another position */
    assert_int_equal(mix_traffic_count(f.t).stray_acks, 4);
    expect_no_event(&f);
    teardown(&f);
}

static void make_surb(fixture *f, mix_buf *out) {
    mix_sphinx_route route;
    assert_status(mix_route_draw(&route, NULL, NULL,
                                 &(mix_route_source){f->topology, NULL, &f->env.env},
                                 f->peer.gateway, f->peer.identity, MIX_MS(15)),
                  MIX_OK);
    assert_status(mix_surb_make(f->sphinx, out, &route, 1, MIX_SPHINX_V259), MIX_OK);
}

static void test_replies(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    f.cfg.ack_delay = 0;
    start_unpaced(&f);
    mix_buf surb = {0};
    make_surb(&f, &surb);
    mix_traffic_item item = item_of(&f, 1, 5);
    item.recipient = NULL;
    item.surb = mix_buf_bytes(&surb);
    item.surb_key = f.keys.ack_key;
    item.surb_rotation = MIX_ROTATION_ODD;
    item.limit = 2;
    for (uint32_t count = 0; count <= 2; count++) {
        item.count = count;
        assert_status(mix_traffic_write(f.t, &item, f.now), MIX_OK);
        assert_true(drain(&f) > 0);
        mix_packet p;
        assert_status(mix_packet_decode_v2(&p, mix_buf_bytes(&f.out)), MIX_OK);
        assert_int_equal(p.rotation, MIX_ROTATION_ODD); /* the SURB's, not the topology's */
        assert_bytes(mix_bytes_slice(p.packet, 0, MIX_SPHINX_HEADER_LEN),
                     mix_bytes_slice(item.surb, 0, MIX_SPHINX_HEADER_LEN));
        /* Its delays are unknown: three means stand for them. */
        assert_true(mix_traffic_deadline(f.t) == f.now + MIX_MS(1500) + 3 * MIX_MS(15) * 3 / 2);
        f.now = mix_traffic_deadline(f.t);
        assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
        assert_int_equal(drain(&f), 0); /* never again with the same SURB */
        mix_traffic_event ev;
        assert_status(mix_traffic_next(f.t, &ev), MIX_OK);
        assert_int_equal(ev.kind, count < 2 ? MIX_TRAFFIC_EXPIRED : MIX_TRAFFIC_GAVE_UP);
        assert_int_equal(ev.count, count < 2 ? count + 1 : 2);
        if (count < 2)
            assert_bytes(ev.bytes, item.fragment);
    }
    mix_buf_deinit(&surb);
    teardown(&f);
}

static void test_routes_fail(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    start_unpaced(&f);
    /* No topology: all waits. */
    assert_status(mix_traffic_set_topology(f.t, NULL, f.now), MIX_OK);
    assert_status(write_one(&f, 1), MIX_OK);
    assert_int_equal(drain(&f), 0);
    assert_true(mix_traffic_deadline(f.t) == MIX_NEVER);
    assert_status(mix_traffic_set_topology(f.t, f.topology, f.now), MIX_OK);
    assert_true(drain(&f) > 0);
    /* A recipient whose gateway nobody knows: given up, and the next one goes. */
    mix_recipient lost = f.peer;
    lost.gateway[0] ^= 1;
    mix_traffic_item item = item_of(&f, 2, 2);
    item.recipient = &lost;
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_OK);
    assert_status(write_one(&f, 3), MIX_OK);
    assert_true(drain(&f) > 0);
    mix_traffic_event ev;
    assert_status(mix_traffic_next(f.t, &ev), MIX_OK);
    assert_int_equal(ev.kind, MIX_TRAFFIC_GAVE_UP);
    assert_status(ev.why, MIX_ERR_NO_ROUTE);
    assert_int_equal(ev.user, 2);
    expect_no_event(&f);
    /* A gateway that leaves while a fragment is unacknowledged: tried again later, without
     * counting. */
    mix_topology *smaller;
    assert_status(mix_topology_new(&smaller, f.topology->nodes, 7, 2, 7), MIX_OK);
    assert_status(mix_traffic_set_topology(f.t, smaller, f.now), MIX_OK);
    for (int i = 0; i < 3; i++) {
        f.now += MIX_SECONDS(4);
        assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
        assert_int_equal(drain(&f), 0);
    }
    assert_int_equal(mix_traffic_unacknowledged(f.t), 2);
    assert_status(mix_traffic_set_topology(f.t, f.topology, f.now), MIX_OK);
    f.now += MIX_SECONDS(4);
    assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
    assert_true(drain(&f) > 0 && drain(&f) > 0);
    feed_ack(&f, 1, 1);
    expect_event(&f, MIX_TRAFFIC_ACKED, 1, 1);
    /* The own gateway leaves: nothing can be sent. */
    assert_status(
        mix_topology_new(&smaller, (mix_topology_free(smaller), f.topology->nodes), 6, 2, 7),
        MIX_OK);
    assert_status(mix_traffic_set_topology(f.t, smaller, f.now), MIX_ERR_NO_ROUTE);
    assert_status(write_one(&f, 4), MIX_OK);
    assert_int_equal(drain(&f), 0);
    mix_topology_free(smaller);
    teardown(&f);
}

static void test_cancel(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    start_unpaced(&f);
    for (uint32_t i = 1; i <= 6; i++) {
        mix_traffic_item item = item_of(&f, i, i % 2);
        assert_status(mix_traffic_write(f.t, &item, f.now), MIX_OK);
    }
    assert_true(drain(&f) > 0 && drain(&f) > 0 && drain(&f) > 0);
    feed_ack(&f, 1, 1);
    mix_traffic_cancel(f.t, 1);
    expect_no_event(&f);
    assert_int_equal(mix_traffic_unacknowledged(f.t), 1);
    assert_int_equal(mix_traffic_waiting(f.t), 2);
    assert_status(write_one(&f, 3), MIX_OK); /* its identifier is free again */
    teardown(&f);
}

/* ---- slots ---- */

static void test_paced(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    f.cfg.cover_off = true;
    start(&f);
    assert_true(mix_traffic_deadline(f.t) == f.now && drain(&f) > 0); /* the first slot is now */
    assert_status(write_one(&f, 1), MIX_OK);
    mix_time slot = mix_traffic_deadline(f.t);
    f.now = slot - 1;
    assert_int_equal(drain(&f), 0);
    assert_false(mix_traffic_idle(f.t, f.now));
    f.now = slot;
    assert_false(mix_traffic_idle(f.t, f.now)); /* has something to carry */
    size_t len = drain(&f);
    assert_int_equal(mix_traffic_count(f.t).data, 1);
    while (mix_traffic_deadline(f.t) == f.now)
        drain(&f);
    f.now = mix_traffic_deadline(f.t);
    assert_true(mix_traffic_idle(f.t, f.now));
    assert_int_equal(drain(&f), len); /* cover looks the same */
    assert_true(mix_traffic_count(f.t).slot_cover > 0);
    f.now = mix_traffic_deadline(f.t);
    assert_true(mix_traffic_idle(f.t, f.now));
    assert_status(write_one(&f, 2), MIX_OK); /* what an idle slot is for */
    assert_false(mix_traffic_idle(f.t, f.now));
    drain(&f);
    assert_int_equal(mix_traffic_count(f.t).data, 2);
    teardown(&f);
}

static void test_backlog(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    start(&f);
    mix_traffic_set_backlog(f.t, 32, 0, f.now);
    assert_true(mix_traffic_deadline(f.t) == MIX_NEVER); /* more room is the caller's news */
    f.now += MIX_MS(500);
    assert_int_equal(drain(&f), 0);
    assert_false(mix_traffic_idle(f.t, f.now));
    mix_traffic_set_backlog(f.t, 30, 2, f.now);
    assert_true(drain(&f) > 0 && drain(&f) > 0);
    assert_int_equal(drain(&f), 0); /* two and no more until told anew */
    uint32_t want[] = {2, 3, 4, 5, 6, 6};
    for (size_t i = 0; i < 6; i++) { /* full for more than a second, each time */
        f.now += MIX_MS(1001);
        mix_traffic_set_backlog(f.t, 32, 0, f.now);
        assert_int_equal(mix_traffic_multiplier(f.t), want[i]);
    }
    mix_time began = f.now;
    mix_traffic_counts before = mix_traffic_count(f.t);
    uint64_t slots = 0;
    while (slots < 300) { /* as long as the backlog stays high, slots come at a sixth of the rate */
        mix_traffic_set_backlog(f.t, 11, 21, f.now);
        if (drain(&f) == 0)
            f.now = mix_traffic_deadline(f.t);
        slots = mix_traffic_count(f.t).slot_cover - before.slot_cover;
    }
    assert_true(fabs((double)(f.now - began) / 300 / 120000 - 1) < 0.15);
    f.now += MIX_MS(1999);
    mix_traffic_set_backlog(f.t, 0, 32, f.now);
    assert_int_equal(mix_traffic_multiplier(f.t), 6);
    for (uint32_t m = 5; m >= 1; m--) {
        f.now += MIX_MS(2001);
        mix_traffic_set_backlog(f.t, 10, 22, f.now);
        assert_int_equal(mix_traffic_multiplier(f.t), m);
    }
    teardown(&f);
}

/* ---- failures ---- */

/* Every allocation of one round trip fails in turn: an error is given, nothing is lost, and the
 * next try goes on. */
static void test_memory_fails(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    warm(&f);
    mix_buf surb = {0};
    make_surb(&f, &surb);
    size_t before = mix_alloc_live(), failed = 0;
    for (size_t n = 1;; n++) {
        mix_buf out = {0};
        mix_traffic *t = NULL;
        uint8_t message[1643] = {1};
        int status[5];
        f.cfg.pacing_off = f.cfg.cover_off = true;
        mix_alloc_fail_at(n, 0);
        while ((status[0] = mix_traffic_new(&t, &f.cfg, &f.env.env)) == MIX_ERR_MEMORY)
            failed++;
        assert_status(status[0], MIX_OK);
        assert_status(mix_traffic_set_topology(t, f.topology, f.now), MIX_OK);
        mix_traffic_item forward = item_of(&f, 1, 1), reply = item_of(&f, 2, 2);
        reply.recipient = NULL;
        reply.surb = mix_buf_bytes(&surb);
        reply.surb_key = f.keys.ack_key;
        while ((status[1] = mix_traffic_write(t, &forward, f.now)) == MIX_ERR_MEMORY)
            failed++;
        while ((status[2] = mix_traffic_write(t, &reply, f.now)) == MIX_ERR_MEMORY)
            failed++;
        assert_true(status[1] == MIX_OK && status[2] == MIX_OK);
        for (int sent = 0; sent < 2;) {
            status[3] = mix_traffic_drain(t, &out, f.now);
            assert_true(status[3] == MIX_OK || status[3] == MIX_ERR_MEMORY ||
                        status[3] == MIX_ERR_CRYPTO);
            sent += status[3] == MIX_OK;
            failed += status[3] != MIX_OK;
        }
        assert_int_equal(out.len, 2 * (2 + 7 + MIX_SPHINX_REGULAR_LEN));
        while ((status[4] = mix_traffic_feed(t, MIX_BYTES(message), f.now)) == MIX_ERR_MEMORY)
            failed++;
        assert_status(mix_traffic_tick(t, f.now + MIX_SECONDS(20)), MIX_OK);
        size_t count = mix_alloc_count();
        mix_alloc_fail_at(0, 0);
        mix_buf_deinit(&out);
        mix_traffic_free(t);
        assert_int_equal(mix_alloc_live(), before);
        if (count < n)
            break;
    }
    assert_true(failed > 8);
    mix_buf_deinit(&surb);
    teardown(&f);
    assert_int_equal(mix_alloc_live(), 0);
}

static void test_random_fails(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    start(&f);
    assert_status(write_one(&f, 1), MIX_OK);
    f.now = mix_traffic_deadline(f.t);
    for (int n = 1;; n++) {
        mix_buf_truncate(&f.out, 0);
        mix_time slot = mix_traffic_deadline(f.t);
        f.env.fail_random = n;
        int status = mix_traffic_drain(f.t, &f.out, f.now);
        f.env.fail_random = 0;
        if (status == MIX_OK) {
            assert_true(n > 6);
            break;
        }
        assert_status(status, MIX_ERR_RANDOM);
        assert_int_equal(f.out.len, 0);
        assert_true(mix_traffic_deadline(f.t) == slot);
    }
    teardown(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_exponential),
    cmocka_unit_test(test_exponential_values),
    cmocka_unit_test(test_slots),
    cmocka_unit_test(test_keys),
    cmocka_unit_test(test_bad_items),
    cmocka_unit_test(test_bounds),
    cmocka_unit_test(test_delivered_is_bounded),
    cmocka_unit_test(test_packet_forms),
    cmocka_unit_test(test_lanes_take_turns),
    cmocka_unit_test(test_retransmission),
    cmocka_unit_test(test_limit_of_all),
    cmocka_unit_test(test_timeout_follows_delays),
    cmocka_unit_test(test_late_ack),
    cmocka_unit_test(test_replies),
    cmocka_unit_test(test_routes_fail),
    cmocka_unit_test(test_cancel),
    cmocka_unit_test(test_paced),
    cmocka_unit_test(test_backlog),
    cmocka_unit_test(test_memory_fails),
    cmocka_unit_test(test_random_fails),
};
MIX_TEST_MAIN(traffic_test, tests)
