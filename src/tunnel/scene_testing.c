/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "tunnel/scene_testing.h"

struct scene s;

void scene_begin_with(const world_config *c, const web_options *options) {
    web_options o = *options;
    o.handler = o.handler ? o.handler : web_client_server;
    assert_status(world_init(&s.net, c), MIX_OK);
    world_web_begin(&s.web, &s.net, &o);
    s.config = world_tunnel_config(&s.net);
    s.config.ip_packets = false;
    s.config.pacing_off = s.config.cover_off = true;
    s.config.roots = (const char *)s.web.roots.data;
    s.config.roots_len = s.web.roots.len;
    s.config.only_roots = true;
    s.seed = 1000; /* not the network's own: equal keys would look like replayed packets */
}

void scene_begin(uint64_t seed) {
    scene_begin_with(&(world_config){.plan = {.mixes_per_layer = 2, .gateways = 1, .exits = 1},
                                     .access = MIX_MS(5),
                                     .seed = seed},
                     &(web_options){.link = {.delay = MIX_MS(5), .seed = seed}});
}

bool scene_is_ready(void *user) {
    (void)user;
    return world_client_state(&s.client) == MIX_TUNNEL_READY;
}

bool scene_is_down(void *user) {
    return !scene_is_ready(user);
}

bool scene_is_over(void *user) {
    mix_tunnel_state state = world_client_state(&s.client);
    (void)user;
    return state == MIX_TUNNEL_FAILED || state == MIX_TUNNEL_CLOSED;
}

bool scene_run(bool (*done)(void *user), void *user, mix_time at_most) {
    return world_web_run(&s.web, done, user, s.net.sim.now + at_most);
}

void scene_wait(mix_time time) {
    (void)scene_run(NULL, NULL, time);
}

void scene_open(void) {
    assert_status(world_client_init(&s.client, &s.net, &s.config, s.seed), MIX_OK);
    web_client_begin(&s.asks, &s.client, &s.web);
    assert_status(world_client_start(&s.client), MIX_OK);
    if (!scene_run(scene_is_ready, NULL, MIX_SECONDS(20)))
        fail_msg("not ready: %s: %s", s.client.history, s.client.last.failure.words);
    world_web_run(&s.web, NULL, NULL,
                  s.net.sim.now + MIX_SECONDS(3)); /* the exit's stock is full */
}

static bool has_pong(void *user) {
    return s.client.pongs > *(uint64_t *)user;
}

mix_time scene_round_trip(void) {
    mix_time from = s.net.sim.now;
    uint64_t before = s.client.pongs;
    assert_status(mix_tunnel_ping(s.client.tunnel, from), MIX_OK);
    assert_true(scene_run(has_pong, &before, MIX_SECONDS(10)));
    return s.net.sim.now - from;
}

void scene_end(void) {
    world_client_deinit(&s.client);
    web_client_end(&s.asks);
    world_web_end(&s.web);
    world_deinit(&s.net);
}

void assert_went_well(const web_asked *a, int status, uint64_t size) {
    assert_status(a->status, MIX_OK);
    if (a->failure.code != MIX_OK)
        fail_msg("%s: %s", mix_error_name(a->failure.code), a->failure.words);
    assert_true(a->finished);
    assert_int_equal(a->finishes, 1);
    assert_int_equal(a->responses, 1);
    assert_int_equal(a->response.status, status);
    assert_int_equal(a->got, size);
    assert_true(a->intact);
    assert_true(a->ended);
}

void assert_failed(const web_asked *a, int code) {
    assert_status(a->status, MIX_OK);
    assert_true(a->finished);
    assert_int_equal(a->finishes, 1);
    if (a->failure.code != code)
        fail_msg("%s (%s), not %s", mix_error_name(a->failure.code), a->failure.words,
                 mix_error_name(code));
    assert_true(a->failure.words[0] != 0);
    assert_int_equal(a->read_status, code);
    assert_true(a->intact);
}
