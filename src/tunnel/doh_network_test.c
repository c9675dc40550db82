/* SPDX-License-Identifier: Apache-2.0 */
/* Names by DNS over HTTPS through a whole network in virtual time, from a resolver behind its exit.
 */
#include "tunnel/scene_testing.h"

#include "alloc_fail.h"

static unsigned questions;
static bool silent;

/* https://b.test/dns-query: every name is at 93.184.216.34, without IPv6. */
static void serve(void *user, web_request *r) {
    mix_buf out = {0};
    size_t end = 12;
    if (strcmp(r->path, "/dns-query") != 0) {
        web_client_server(user, r);
        return;
    }
    questions++;
    if (silent)
        return;
    while (r->body.data[end] != 0)
        end += r->body.data[end] + 1u;
    bool four = mix_get_u16(r->body.data + end + 1) == 1;
    mix_buf_put(&out, four ? "\0\0\x81\x80\0\1\0\1\0\0\0\0" : "\0\0\x81\x80\0\1\0\0\0\0\0\0", 12);
    mix_buf_put(&out, r->body.data + 12, end + 5 - 12);
    if (four)
        mix_buf_put(&out, "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\x5d\xb8\xd8\x22", 16);
    web_respond(r, 200, "content-type: application/dns-message\n", mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

static void begin(mix_time access) {
    questions = 0;
    silent = false;
    scene_begin_with(&(world_config){.plan = {.mixes_per_layer = 1, .gateways = 1, .exits = 1},
                                     .access = access,
                                     .seed = 1},
                     &(web_options){.link = {.seed = 1}, .handler = serve});
    s.config.doh_url = "https://b.test/dns-query";
    scene_open();
}

static void end(void) {
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

static mix_time look_up(const char *name) {
    mix_time from = s.net.sim.now;
    assert_true(
        web_client_look_up(&s.asks, name, MIX_LOOKUP_IP4 | MIX_LOOKUP_IP6, 0, MIX_SECONDS(60)));
    if (s.asks.answer_failure.code != MIX_OK)
        fail_msg("%s: %s", mix_error_name(s.asks.answer_failure.code), s.asks.answer_failure.words);
    assert_string_equal(s.asks.answer, "93.184.216.34");
    return s.net.sim.now - from;
}

/* Delays in the mixes are random, so a round trip is not exactly one. */
static void one_round_trip_on_the_kept_connection(void **state) {
    (void)state;
    begin(MIX_MS(500));
    mix_time trip = scene_round_trip();
    assert_in_range(10 * look_up("x.test") / trip, 35, 45); /* its address, TCP, TLS, question */
    assert_in_range(10 * look_up("y.test") / trip, 8, 12);
    assert_int_equal(s.web.web.lookups, 4);
    assert_int_equal(questions, 4);
    web_asked *a = web_client_get(&s.asks, "https://a.test/bytes/1000");
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(20)));
    assert_int_equal(a->response.status, 200);
    assert_in_range(10 * (a->done - a->begun) / trip, 35, 45); /* name, TCP, TLS, request */
    assert_int_equal(s.web.web.lookups, 4);                    /* and no question by UDP */
    assert_int_equal(questions, 6);
    end();
}

static void after_the_exit_forgot_us(void **state) {
    (void)state;
    begin(MIX_MS(5));
    look_up("x.test");
    assert_status(world_restart_exit(world_find(&s.net, "exit1")), MIX_OK);
    scene_wait(MIX_SECONDS(4)); /* it is not noticed yet */
    assert_int_equal(world_client_state(&s.client), MIX_TUNNEL_READY);
    look_up("y.test"); /* on the way when the connection goes, with our address */
    assert_int_equal(s.web.web.connections, 2);
    end();
}

static void stopped_and_begun_again(void **state) {
    (void)state;
    begin(MIX_MS(5));
    silent = true;
    assert_status(mix_tunnel_lookup(s.client.tunnel, &s.asks.answer_id, "x.test", MIX_LOOKUP_IP4,
                                    s.net.sim.now),
                  MIX_OK);
    world_turn(&s.net);
    scene_wait(MIX_SECONDS(1));
    assert_int_equal(questions, 1);
    world_client_stop(&s.client);
    scene_wait(MIX_SECONDS(2));
    assert_int_equal(s.asks.answers, 1);
    assert_int_not_equal(s.asks.answer_failure.code, MIX_OK);
    silent = false;
    assert_status(world_client_start(&s.client), MIX_OK);
    assert_true(scene_run(scene_is_ready, NULL, MIX_SECONDS(20)));
    look_up("x.test");
    end();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_round_trip_on_the_kept_connection),
    cmocka_unit_test(after_the_exit_forgot_us),
    cmocka_unit_test(stopped_and_begun_again),
};
MIX_TEST_MAIN(doh_network_test, tests)
