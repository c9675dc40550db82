/* SPDX-License-Identifier: Apache-2.0 */
/* TCP through a whole network in virtual time, at default pacing, against hosts without lwIP behind
 * the exit: how fast, and with how many segments too many. */
#include "far.h"
#include "mix/errors.h"
#include "tunnel/stack.h"
#include "world.h"

#include <stdlib.h>

enum { SOURCE = 19, SINK = 9, MEGA = 1000000, OUT = 4096 };

static struct scene {
    world net;
    world_client client;
    far *far;
    world_member *exit;
    mix_buf out[OUT]; /* from the exit, for the far side */
    size_t first, count;
    size_t far_got, size;
    bool far_ended;
    /* one stream of ours */
    int socket;
    size_t written, got;
    bool ended;
    int status;
} s;

/* ---- the exit's internet is the far side, and the far side's near side is the world ---- */

static void to_internet(void *user, world *w, world_member *exit, mix_bytes packet) {
    (void)user, (void)w;
    s.exit = exit;
    assert_true(s.count < OUT);
    mix_buf *b = &s.out[(s.first + s.count++) % OUT];
    mix_buf_truncate(b, 0);
    mix_buf_put_bytes(b, packet);
}

static void near_feed(void *user, mix_bytes packet, mix_time now) {
    (void)user;
    sim_run(&s.net.sim, now);
    world_from_internet(&s.net, s.exit, packet);
    world_turn(&s.net);
}

static bool near_drain(void *user, mix_buf *out, mix_time now) {
    (void)user, (void)now;
    if (s.count == 0)
        return false;
    mix_buf_put_bytes(out, mix_buf_bytes(&s.out[s.first]));
    s.first = (s.first + 1) % OUT;
    s.count--;
    return true;
}

static mix_time near_deadline(void *user) {
    (void)user;
    return sim_next(&s.net.sim);
}

static void use_stream(void);

static void near_tick(void *user, mix_time now) {
    (void)user;
    sim_run(&s.net.sim, now);
    use_stream();
}

/* ---- hosts ---- */

static void far_opened(void *user, far_conn *c) {
    (void)user;
    if (far_port(c) != SOURCE)
        return;
    mix_buf b = {0};
    memset(mix_buf_space(&b, s.size), 7, s.size);
    far_write(c, mix_buf_bytes(&b));
    far_end(c);
    mix_buf_deinit(&b);
}

static void far_received(void *user, far_conn *c, mix_bytes data) {
    (void)user, (void)c;
    s.far_got += data.len;
}

static void far_ended(void *user, far_conn *c) {
    (void)user;
    s.far_ended = true;
    far_end(c);
}

/* ---- our end ---- */

static void use_stream(void) {
    static uint8_t chunk[16384];
    mix_tcpip *t = mix_tunnel_tcpip(s.client.tunnel);
    mix_time now = s.net.sim.now;
    size_t n = 1;
    if (!t || s.socket < 0)
        return;
    while (s.written < s.size && n > 0) {
        size_t rest = s.size - s.written;
        int status = mix_tcpip_write(
            t, s.socket, mix_bytes_of(chunk, rest < sizeof chunk ? rest : sizeof chunk), &n, now);
        n = status == MIX_OK ? n : 0;
        s.written += n;
        if (s.written == s.size)
            mix_tcpip_shutdown(t, s.socket, now);
    }
    while (!s.ended && mix_tcpip_read(t, s.socket, chunk, sizeof chunk, &n, now) == MIX_OK) {
        s.got += n;
        s.ended = n == 0;
    }
    s.status = mix_tcpip_status(t, s.socket);
    mix_tunnel_pump(s.client.tunnel, now);
    world_turn(&s.net);
}

static void connect_to(uint16_t port) {
    mix_address to = {.family = 4, .port = port, .octets = {93, 184, 216, 34}};
    mix_tcpip *t = mix_tunnel_tcpip(s.client.tunnel);
    assert_non_null(t);
    assert_status(mix_tcpip_open(t, &s.socket, MIX_TCPIP_STREAM, 4), MIX_OK);
    assert_status(mix_tcpip_connect(t, s.socket, &to, s.net.sim.now), MIX_OK);
    mix_tunnel_pump(s.client.tunnel, s.net.sim.now);
    world_turn(&s.net);
}

static bool is_ready(void *user) {
    return world_client_state(user) == MIX_TUNNEL_READY;
}

/* A tunnel that is ready and has filled the exit's stock. */
static void begin(const sim_link_config *hop, uint64_t seed) {
    world_config c = {.plan = {.mixes_per_layer = 2, .gateways = 1, .exits = 1},
                      .access = MIX_MS(5),
                      .seed = seed,
                      .hop = *hop};
    far_near near = {NULL, near_feed, near_drain, near_deadline, near_tick, NULL};
    far_handlers handlers = {.opened = far_opened, .received = far_received, .ended = far_ended};
    s = (struct scene){.socket = -1};
    assert_status(world_init(&s.net, &c), MIX_OK);
    s.net.internet = to_internet;
    s.far = far_new(&(far_options){.delay = MIX_MS(5), .seed = seed}, &near, &handlers, NULL);
    far_listen(s.far, SOURCE);
    far_listen(s.far, SINK);
    mix_tunnel_config config = world_tunnel_config(&s.net);
    config.ip_packets = false;
    assert_status(world_client_init(&s.client, &s.net, &config, seed), MIX_OK);
    assert_status(world_client_start(&s.client), MIX_OK);
    assert_true(world_run(&s.net, is_ready, &s.client, MIX_SECONDS(20)));
    far_run(s.far, NULL, s.net.sim.now + MIX_SECONDS(3));
}

static void end(void) {
    far_free(s.far);
    world_client_deinit(&s.client);
    world_deinit(&s.net);
    for (size_t i = 0; i < OUT; i++)
        mix_buf_deinit(&s.out[i]);
}

static bool is_up(void *user) {
    (void)user;
    return s.far_ended || s.status != MIX_OK;
}

static bool is_down(void *user) {
    (void)user;
    return s.ended || s.status != MIX_OK;
}

/* One mega byte each way; bytes a second. */
static double upload(void) {
    mix_time from = s.net.sim.now;
    s.size = MEGA;
    connect_to(SINK);
    assert_true(far_run(s.far, is_up, from + MIX_SECONDS(120)));
    assert_status(s.status, MIX_OK);
    assert_int_equal(s.far_got, MEGA);
    return (double)MEGA * 1e6 / (double)(s.net.sim.now - from);
}

static double download(void) {
    mix_time from = s.net.sim.now;
    s.size = MEGA;
    s.written = MEGA; /* nothing of ours */
    connect_to(SOURCE);
    assert_true(far_run(s.far, is_down, from + MIX_SECONDS(120)));
    assert_status(s.status, MIX_OK);
    assert_int_equal(s.got, MEGA);
    return (double)MEGA * 1e6 / (double)(s.net.sim.now - from);
}

/* The exit answers a connect when eleven reply blocks are there: four packets, 80 ms of slots,
 * before the way there and back through three mixes of 15 ms each. Nothing else may take their
 * slots. */
static void connects(void **state) {
    enum { TUNNELS = 16 };
    const sim_link_config clean = {.delay = MIX_MS(0)};
    mix_time sum = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= TUNNELS; seed++) {
        mix_tunnel_stats stats;
        begin(&clean, seed);
        mix_tunnel_get_stats(s.client.tunnel, &stats);
        sum += stats.setup;
        end();
    }
    print_message("set-up: %.0f ms on the average\n", (double)sum / 1000 / (double)TUNNELS);
    assert_true(sum / TUNNELS < MIX_MS(270));
}

static void uploads(void **state) {
    const sim_link_config clean = {.delay = MIX_MS(1)};
    (void)state;
    begin(&clean, 1);
    double rate = upload();
    uint64_t segments = far_get_stats(s.far)->data_segments, least = (MEGA + 1459) / 1460;
    print_message("upload: %.1f kB/s, %llu segments, %llu are needed\n", rate / 1000,
                  (unsigned long long)segments, (unsigned long long)least);
    assert_true(rate >= 0.8 * 50 * 1500);
    assert_true(segments <= least + least / 100);
    end();
}

static void downloads(void **state) {
    const sim_link_config clean = {.delay = MIX_MS(1)};
    (void)state;
    begin(&clean, 2);
    double rate = download();
    print_message("download: %.1f kB/s\n", rate / 1000);
    assert_true(rate >= 0.8 * 150 * 1440);
    end();
}

/* Every hop loses, doubles and disorders. */
static void both_ways_with_loss(void **state) {
    const sim_link_config bad = {
        .delay = MIX_MS(1), .jitter = MIX_MS(2), .loss = 0.01, .duplicate = 0.005};
    (void)state;
    begin(&bad, 3);
    double up = upload();
    end();
    begin(&bad, 4);
    double down = download();
    print_message("1 %% loss a hop: upload %.1f kB/s, download %.1f kB/s\n", up / 1000,
                  down / 1000);
    assert_true(up > 10000 && down > 10000);
    end();
}

/* The link to the gateway breaks in the middle of a download, and the connection goes on. */
static bool half(void *user) {
    (void)user;
    return s.got > MEGA / 2;
}

static void cut_in_the_middle(void **state) {
    const sim_link_config clean = {.delay = MIX_MS(1)};
    (void)state;
    begin(&clean, 5);
    s.size = s.written = MEGA;
    connect_to(SOURCE);
    assert_true(far_run(s.far, half, s.net.sim.now + MIX_SECONDS(60)));
    world_cut(&s.net, NULL);
    mix_time cut = s.net.sim.now;
    assert_true(far_run(s.far, is_down, cut + MIX_SECONDS(60)));
    assert_int_equal(s.got, MEGA);
    assert_true(is_ready(&s.client));
    print_message("%.1f s after the cut all was there\n", (double)(s.net.sim.now - cut) / 1e6);
    end();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(connects),          cmocka_unit_test(uploads),
    cmocka_unit_test(downloads),         cmocka_unit_test(both_ways_with_loss),
    cmocka_unit_test(cut_in_the_middle),
};
MIX_TEST_MAIN(tunnel_rates_test, tests)
