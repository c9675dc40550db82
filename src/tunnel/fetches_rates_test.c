/* SPDX-License-Identifier: Apache-2.0 */
/* A mega byte each way by HTTP at default pacing, while the mixes delay packets by 0, 15 and 50 ms
 * each (mean, exponential): what is sent in order comes in none. */
#include "tunnel/scene_testing.h"

#include "messages/messages.h"
#include "mixnet/exit/exit.h"
#include "traffic/traffic.h"
#include "tunnel/internal.h"

enum { MEGA = 1000000 };

/* ---- the delays that the tunnel asks of mixes, in both directions ---- */

static mix_time hop_delay;

void __real_mix_traffic_config_init(mix_traffic_config *c);
void __wrap_mix_traffic_config_init(mix_traffic_config *c);
void __real_mix_messages_config_client(mix_messages_config *c);
void __wrap_mix_messages_config_client(mix_messages_config *c);

void __wrap_mix_traffic_config_init(mix_traffic_config *c) {
    __real_mix_traffic_config_init(c);
    c->hop_delay = c->ack_delay = hop_delay;
}

void __wrap_mix_messages_config_client(mix_messages_config *c) {
    __real_mix_messages_config_client(c);
    c->hop_delay = hop_delay;
}

/* ---- */

/* Five round trips are no matter of rates: request and first byte, three from the server's first
 * ten segments to the fifty that are under way at 50 ms, and the reply blocks under way at the end.
 */
enum { SEEDS = 4, TRIPS = 5 };

/* Of all seeds. */
typedef struct sums {
    mix_time trip;     /* one there and back, while nothing else was on its way */
    mix_time down, up; /* what a mega byte took, by slots */
    uint64_t up_segments, down_segments, lost, again; /* lost: by the exit's full queue */
} sums;

/* The main stream's slots so far. */
static mix_time slots(void) {
    mix_traffic_counts c = mix_traffic_count(s.client.tunnel->layers.traffic);
    return (mix_time)(c.data + c.retransmitted + c.copies + c.slot_cover);
}

/* How long it took, if each slot came after 20 ms: they come at random, and among the 200 that a
 * download needs chance alone makes a difference of 7 %. */
static mix_time took(const mix_request *r, int status, uint64_t size) {
    mix_time before = slots();
    web_asked *a = web_client_ask(&s.asks, r);
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(90)));
    assert_went_well(a, status, size);
    return (slots() - before) * MIX_MS(20);
}

static void measure(sums *out, uint64_t seed) {
    mix_buf body = {0};
    mixnet_exit_stats exit;
    scene_begin_with(&(world_config){.plan = {.mixes_per_layer = 2, .gateways = 1, .exits = 1},
                                     .access = MIX_MS(5),
                                     .seed = seed},
                     &(web_options){.link = {.delay = MIX_MS(5), .seed = seed, .careful = true}});
    s.config.pacing_off = s.config.cover_off = false;
    s.seed = seed;
    scene_open();
    const far_stats *far = far_get_stats(s.web.web.far);
    (void)took(&(mix_request){.url = "http://a.test/bytes/1"}, 200, 1); /* the connection */
    for (int i = 0; i < 5; i++)
        out->trip += scene_round_trip() / 5;
    out->down += took(&(mix_request){.url = "http://a.test/bytes/1000000"}, 200, MEGA);
    uint64_t segments = far->data_segments;
    scene_wait(MIX_SECONDS(5)); /* the exit's stock of reply blocks is full again */
    web_body(&body, MEGA);
    out->up += took(&(mix_request){.method = "POST",
                                   .url = "http://a.test/status/204",
                                   .has_body = true,
                                   .body = body.data,
                                   .body_len = body.len},
                    204, 0);
    mixnet_exit_get_stats(world_find(&s.net, "exit1")->exit, &exit);
    out->up_segments += far->data_segments - segments;
    out->lost += exit.router.downlink_full;
    out->again += far->sent_again;
    mix_buf_deinit(&body);
    assert_int_equal(s.web.web.connections, 1);
    scene_end();
}

/* Bytes a second, without the round trips that any transfer needs. */
static double rate(mix_time time, mix_time trip) {
    return 1e12 * (double)SEEDS / (double)(time - TRIPS * trip);
}

static void disorder_costs_nothing(void **state) {
    static const mix_time delays[] = {0, MIX_MS(15), MIX_MS(50)};
    const uint64_t least = SEEDS * (MEGA / 1460);
    double down[3], up[3];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        sums x = {0};
        hop_delay = delays[i];
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
            measure(&x, seed);
        down[i] = rate(x.down, x.trip);
        up[i] = rate(x.up, x.trip);
        print_message("hops of %2d ms: round trip %3d ms, download %.1f kB/s, upload %.1f kB/s; "
                      "%llu segments up of %llu, %llu down sent again of which %llu were lost\n",
                      (int)(delays[i] / 1000), (int)(x.trip / SEEDS / 1000), down[i] / 1000,
                      up[i] / 1000, (unsigned long long)x.up_segments, (unsigned long long)least,
                      (unsigned long long)x.again, (unsigned long long)x.lost);
        assert_true(x.up_segments <= least + SEEDS * 4 + least / 100);
        assert_true(x.again <= x.lost + SEEDS * (MEGA / 1400) / 100);
        /* At the usual delays with its round trips. */
        double whole = 1e12 * (double)SEEDS / (double)x.up;
        assert_true((delays[i] <= MIX_MS(15) ? whole : up[i]) >= 0.8 * 50 * 1500);
        assert_true(1e12 * (double)SEEDS / (double)x.down >= 0.8 * 150 * 1440);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_true(down[i] > 0.9 * down[1] && down[i] < down[1] / 0.9);
        assert_true(up[i] > 0.9 * up[1] && up[i] < up[1] / 0.9);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(disorder_costs_nothing),
};
MIX_TEST_MAIN(tunnel_fetches_rates_test, tests)
