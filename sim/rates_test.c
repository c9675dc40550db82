/* SPDX-License-Identifier: Apache-2.0 */
/* What default pacing lets through: uplink, download by replies, and what an idle client looks like
 * from outside. X25519 and Sphinx are in clear (clear.c). */
#include "client.h"
#include "mix/errors.h"

#include <math.h>
#include <stdlib.h>

static const double SLOTS = 50;  /* a second */
static const double ROOM = 1603; /* bytes of message in a packet */
static const double SURBS_IN_ONE = 1604.0 / 460.0;
enum {
    SAMPLES = 10000,
    UPLOAD = 2000000,
    UPLOAD_EACH = 100000,
    DOWNLOAD = 10000000,
    BUNDLE = 1440,
    ACK = 40,
    WINDOW =
        900 * 1024, /* of room that is left: about 100 KiB wait, as a window of TCP lets them */
    LIMIT = 200
};

typedef struct world {
    sim_net net;
    sim_client alice, bob;
    uint64_t received; /* bytes by Bob, then replies by Alice */
    uint64_t acks, acked;
    mix_time last, longest_gap;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    bool tagged;
    size_t most_stock;
    uint64_t left; /* replies that Bob still has to write */
    double *samples;
    size_t count;
} world;

static void start(world *w, const sim_client_config *alice, const sim_client_config *bob,
                  double loss, uint64_t seed) {
    sim_net_config cfg = {.per_layer = 3,
                          .hop = {.delay = MIX_MS(2), .loss = loss},
                          .access = {.delay = MIX_MS(10), .ordered = true}};
    assert_status(sim_net_init(&w->net, &cfg, seed), MIX_OK);
    assert_status(sim_client_init(&w->bob, &w->net, bob, seed * 2), MIX_OK);
    sim_client_config with_exit = *alice;
    if (alice->exit)
        with_exit.exit = &w->bob.address;
    assert_status(sim_client_init(&w->alice, &w->net, &with_exit, seed * 2 + 1), MIX_OK);
}

static void end(world *w) {
    assert_status(w->alice.error, MIX_OK);
    assert_status(w->bob.error, MIX_OK);
    sim_client_deinit(&w->alice);
    sim_client_deinit(&w->bob);
    sim_net_deinit(&w->net);
}

/* ---- idle ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The Kolmogorov–Smirnov statistic against the exponential distribution, times √n; an honest sample
 * exceeds 1.36 once in twenty, 1.63 once in a hundred. */
static double kolmogorov(double *samples, size_t n, double mean) {
    double worst = 0;
    qsort(samples, n, sizeof *samples, by_size);
    for (size_t i = 0; i < n; i++) {
        double cdf = 1 - exp(-samples[i] / mean);
        worst = fmax(worst, fmax(cdf - (double)i / (double)n, (double)(i + 1) / (double)n - cdf));
    }
    return worst * sqrt((double)n);
}

static void on_idle_packet(void *user, sim_client *c, size_t len) {
    world *w = user;
    mix_traffic_counts now = mix_traffic_count(c->traffic);
    assert_int_equal(len, 2 + MIX_ADDRESS_V4_LEN + MIX_SPHINX_REGULAR_LEN); /* all look alike */
    assert_int_equal(now.data + now.retransmitted, 0);
    if (w->count > SAMPLES)
        return;
    if (w->count > 0)
        w->samples[w->count - 1] = (double)(c->net->sim.now - w->last);
    w->count++;
    w->last = c->net->sim.now;
}

static void check_idle(const char *name, double mean, bool slots, bool loop) {
    static double samples[SAMPLES];
    static world w;
    memset(&w, 0, sizeof w);
    w.samples = samples;
    sim_client_config alice, bob;
    sim_client_config_init(&alice, false);
    sim_client_config_init(&bob, true);
    bob.traffic.pacing_off = bob.traffic.cover_off = true;
    alice.traffic.pacing_off = !slots;
    alice.traffic.cover_off = !loop;
    alice.sent = on_idle_packet;
    alice.user = &w;
    start(&w, &alice, &bob, 0, 1);
    while (w.count <= SAMPLES)
        sim_run(&w.net.sim, w.net.sim.now + MIX_SECONDS(1));
    double sum = 0;
    for (size_t i = 0; i < SAMPLES; i++)
        sum += samples[i];
    sum /= (double)SAMPLES;
    double ks = kolmogorov(samples, SAMPLES, mean);
    printf("%s: mean %.3f ms of %.3f, Kolmogorov-Smirnov %.3f\n", name, sum / 1000, mean / 1000,
           ks);
    assert_true(w.net.opened_258 > 0 && w.net.opened_others == 0); /* cover's version, acks too */
    assert_true(fabs(sum / mean - 1) < 0.03);
    assert_true(ks < 1.36);
    end(&w);
}

static void test_idle(void **state) {
    (void)state;
    check_idle("idle, main stream", 20000, true, false);
    check_idle("idle, loop cover", 200000, false, true);
    check_idle("idle, both", 1e6 / 55, true, true);
}

/* ---- uplink ---- */

static void on_upload(void *user, sim_client *c, const mix_messages_event *ev) {
    world *w = user;
    if (ev->kind == MIX_MESSAGES_RECEIVED && c == &w->bob)
        w->received += ev->data.len;
}

static void test_uplink(void **state) {
    (void)state;
    static world w;
    static uint8_t bytes[UPLOAD_EACH];
    memset(&w, 0, sizeof w);
    sim_client_config alice, bob;
    sim_client_config_init(&alice, false);
    sim_client_config_init(&bob, true);
    bob.traffic.pacing_off = bob.traffic.cover_off = alice.traffic.cover_off = true;
    bob.received = on_upload;
    bob.user = &w;
    start(&w, &alice, &bob, 0, 3);
    uint64_t written = 0;
    while (w.received < UPLOAD) {
        mix_message m = {
            .data = MIX_BYTES(bytes), .to = &w.bob.address, .limit = MIX_RETRANSMIT_FOREVER};
        while (written < UPLOAD &&
               mix_messages_write(w.alice.messages, &m, w.net.sim.now) == MIX_OK)
            written += sizeof bytes;
        sim_client_pump(&w.alice);
        sim_run(&w.net.sim, w.net.sim.now + MIX_MS(10));
        assert_true(w.net.sim.now < MIX_SECONDS(100));
    }
    double rate = (double)w.received / ((double)w.net.sim.now / 1e6), share = rate / (SLOTS * ROOM);
    printf("uplink: %.1f kB/s, %.3f of what 50 packets a second hold\n", rate / 1000, share);
    assert_true(share >= 0.85);
    assert_true(w.net.opened_others > 5 * w.net.opened_258); /* data, but for a few idle slots */
    end(&w);
}

/* ---- download ---- */

/* The server's acknowledgements leave when nothing else waits in their lane, bundled, with the
 * SURBs that fit. */
static void send_acks(world *w) {
    static const uint8_t bytes[4 * ACK];
    sim_client *a = &w->alice;
    if (w->acks == 0 ||
        mix_traffic_room(a->traffic, MIX_LANE_GENERAL) < a->cfg.traffic.lane_packets)
        return;
    uint64_t bundled = w->acks < 4 ? w->acks : 4;
    mix_message m = {.type = MIX_NYM_REPLIABLE,
                     .data = mix_bytes_of(bytes, (size_t)bundled * ACK),
                     .to = &w->bob.address,
                     .limit = MIX_RETRANSMIT_FOREVER};
    m.surbs = mix_economy_attach(&a->economy, m.data.len, 0);
    assert_status(mix_messages_write(a->messages, &m, w->net.sim.now), MIX_OK);
    mix_economy_sent(&a->economy, m.surbs, false, w->net.sim.now);
    w->acks -= bundled;
}

static void write_replies(world *w) {
    static const uint8_t bytes[BUNDLE];
    mix_message m = {.type = MIX_NYM_REPLY, .data = MIX_BYTES(bytes), .limit = 0};
    memcpy(m.tag, w->tag, sizeof m.tag);
    bool any = false;
    while (w->left > 0 && w->tagged && mix_messages_room(w->bob.messages, w->tag) > WINDOW) {
        assert_status(mix_messages_write(w->bob.messages, &m, w->net.sim.now), MIX_OK);
        w->left--;
        any = true;
    }
    size_t stock = w->tagged ? mix_messages_stock(w->bob.messages, w->tag) : 0;
    w->most_stock = stock > w->most_stock ? stock : w->most_stock;
    if (any)
        sim_client_pump(&w->bob);
}

static void on_download(void *user, sim_client *c, const mix_messages_event *ev) {
    world *w = user;
    if (c == &w->bob) {
        memcpy(w->tag, ev->tag, sizeof w->tag);
        w->tagged = true;
        return;
    }
    if (ev->kind != MIX_MESSAGES_RECEIVED)
        return;
    w->received++;
    mix_time gap = c->net->sim.now - w->last;
    w->longest_gap = gap > w->longest_gap ? gap : w->longest_gap;
    w->last = c->net->sim.now;
    w->acks += w->received % 3 == 0;
    send_acks(w);
}

static void on_packet(void *user, sim_client *c, size_t len) {
    (void)c, (void)len;
    send_acks(user);
}

static void begin_download(world *w, uint64_t seed) {
    static const mix_recipient any_exit;
    memset(w, 0, sizeof *w);
    sim_client_config alice, bob;
    sim_client_config_init(&alice, false);
    sim_client_config_init(&bob, true);
    alice.messages.answer_requests = false; /* the economy does */
    alice.messages.surbs_together = 10;
    alice.exit = &any_exit;
    bob.traffic.pacing_off = bob.traffic.cover_off = true;
    alice.received = bob.received = on_download;
    alice.sent = on_packet;
    alice.user = bob.user = w;
    start(w, &alice, &bob, 0, seed);
    mix_message connect = {.type = MIX_NYM_REPLIABLE,
                           .data = mix_bytes_str("connect"),
                           .to = &w->bob.address,
                           .limit = MIX_RETRANSMIT_FOREVER};
    connect.surbs =
        mix_economy_attach(&w->alice.economy, connect.data.len, w->alice.economy.cfg.first);
    assert_status(mix_messages_write(w->alice.messages, &connect, 0), MIX_OK);
    mix_economy_sent(&w->alice.economy, connect.surbs, false, 0);
    sim_client_pump(&w->alice);
    sim_run(&w->net.sim, MIX_SECONDS(5));
}

static void test_download(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        static world w;
        begin_download(&w, seed);
        mix_time began = w.last = w.net.sim.now;
        w.left = DOWNLOAD / BUNDLE;
        uint64_t want = w.left;
        while (w.received < want && w.net.sim.now < MIX_SECONDS(300)) {
            write_replies(&w);
            sim_run(&w.net.sim, w.net.sim.now + MIX_MS(5));
        }
        double rate = (double)w.received / ((double)(w.net.sim.now - began) / 1e6);
        double share = rate / (SLOTS * SURBS_IN_ONE);
        /* Idle again: the stock is filled up, and then nothing leaves but cover. */
        for (int i = 0; i < 1000; i++) {
            write_replies(&w);
            sim_run(&w.net.sim, w.net.sim.now + MIX_MS(10));
        }
        mix_traffic_counts full = mix_traffic_count(w.alice.traffic);
        sim_run(&w.net.sim, w.net.sim.now + MIX_SECONDS(60));
        mix_traffic_counts later = mix_traffic_count(w.alice.traffic);
        printf("download: %.1f kB/s, %.3f of what SURBs at 50 packets a second allow; longest gap "
               "%.0f ms, most in stock %d\n",
               rate * (double)BUNDLE / 1000, share, (double)w.longest_gap / 1000,
               (int)w.most_stock);
        assert_true(w.received == want);
        assert_true(share >= 0.85);
        assert_true(w.longest_gap < MIX_MS(500));
        assert_true(w.most_stock <= LIMIT);
        assert_int_equal(later.data, full.data);
        assert_true(later.slot_cover > full.slot_cover + 2500);
        end(&w);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_idle),
    cmocka_unit_test(test_uplink),
    cmocka_unit_test(test_download),
};
MIX_TEST_MAIN(sim_rates_test, tests)
