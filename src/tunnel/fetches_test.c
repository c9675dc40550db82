/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and lookups through a whole network in virtual time, to servers behind its exit. */
#include "tunnel/scene_testing.h"

/* ---- round trips ---- */

static double trips(const char *url, mix_time trip) {
    web_asked *a = web_client_get(&s.asks, url);
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(20)));
    assert_went_well(a, 200, 1000);
    double n = (double)(a->done - a->begun) / (double)trip;
    print_message("%s: %.2f round trips\n", url, n);
    return n;
}

/* A name's first request: its lookup, TCP, TLS, request. Delays in the mixes are random, so a round
 * trip is not exactly one. */
static void in_four_round_trips(void **state) {
    (void)state;
    scene_begin_with(&(world_config){.plan = {.mixes_per_layer = 1, .gateways = 1, .exits = 1},
                                     .access = MIX_MS(500),
                                     .seed = 1},
                     &(web_options){.link = {.seed = 1}});
    scene_open();
    mix_time trip = scene_round_trip();
    assert_in_range(10 * trips("https://a.test/bytes/1000", trip), 35, 45);
    assert_in_range(10 * trips("https://a.test/bytes/1000", trip), 8, 12); /* kept */
    assert_int_equal(s.web.web.connections, 1);
    web_close(s.web.web.last);
    scene_wait(MIX_SECONDS(5));
    assert_in_range(10 * trips("https://a.test/bytes/1000", trip), 26, 34); /* resumed */
    assert_int_equal(s.web.web.resumed, 1);
    scene_end();
}

static mix_fetch_timing timing_of(const web_asked *a) {
    mix_fetch_timing t;
    assert_status(mix_tunnel_fetch_timing(s.client.tunnel, a->id, &t), MIX_OK);
    return t;
}

static void assert_times(const web_asked *a, const int want[6]) {
    mix_fetch_timing t = timing_of(a);
    const mix_time got[] = {t.resolved, t.connected, t.secured, t.sent, t.first_byte, t.finished};
    for (int i = 0; i < 6; i++)
        if ((got[i] + MIX_MS(500)) / MIX_SECONDS(1) != want[i])
            fail_msg("time %d is %lld µs, not %d s", i, (long long)got[i], want[i]);
}

/* Where a request's time went: each step costs the one second that a round trip takes. */
static void timing(void **state) {
    (void)state;
    scene_begin_with(&(world_config){.plan = {.mixes_per_layer = 1, .gateways = 1, .exits = 1},
                                     .access = MIX_MS(450),
                                     .seed = 6},
                     &(web_options){.link = {.seed = 1}});
    scene_open();
    web_asked *a = web_client_get(&s.asks, "https://a.test/bytes/1000");
    assert_int_equal(timing_of(a).resolved, -1);
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(20)));
    assert_times(a, (int[]){1, 2, 3, 3, 4, 4});
    assert_int_equal(timing_of(a).received, 1000);
    assert_false(timing_of(a).reused);
    assert_int_equal(timing_of(a).finished, a->done - a->begun);
    a = web_client_get(&s.asks, "https://a.test/bytes/1000");
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(20)));
    assert_times(a, (int[]){0, 0, 0, 0, 1, 1});
    assert_true(timing_of(a).reused);
    a = web_client_get(&s.asks, "http://a.test/to//bytes/10");
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(20)));
    assert_times(a, (int[]){2, 2, 2, 2, 3, 3});
    assert_int_equal(timing_of(a).started, timing_of(a).resolved);
    assert_int_equal(a->redirects, 1);
    a = web_client_ask(&s.asks, &(mix_request){.method = "PUT",
                                               .url = "http://b.test/echo",
                                               .has_body = true,
                                               .body = (const uint8_t *)"12345",
                                               .body_len = 5});
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(20)));
    assert_times(a, (int[]){1, 2, 2, 2, 3, 3});
    assert_int_equal(timing_of(a).uploaded, 5);
    scene_end();
}

/* ---- bodies ---- */

static void bodies_both_ways(void **state) {
    static const size_t sizes[] = {0, 1, 2, 1459, 1460, 1461, 16384, 65537, 100000, 1000000};
    (void)state;
    scene_begin(2);
    scene_open();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mix_buf body = {0};
        mix_header h;
        web_body(&body, sizes[i]);
        web_asked *a = web_client_ask(&s.asks, &(mix_request){.method = "POST",
                                                              .url = "https://a.test/echo",
                                                              .has_body = true,
                                                              .body = body.data,
                                                              .body_len = body.len});
        assert_true(web_client_run(&s.asks, a, MIX_SECONDS(60)));
        assert_went_well(a, 200, sizes[i]);
        assert_int_equal(a->response.version, 20);
        assert_string_equal(a->response.url, "https://a.test/echo");
        bool intact = false;
        for (size_t k = 0; mix_tunnel_fetch_header(s.client.tunnel, a->id, k, &h); k++)
            intact |= strcmp(h.name, "x-intact") == 0 && strcmp(h.value, "yes") == 0;
        assert_true(intact);
        web_client_close(&s.asks, a);
        mix_buf_deinit(&body);
    }
    assert_int_equal(s.web.web.connections, 1);
    scene_end();
}

static void many_at_once(void **state) {
    (void)state;
    scene_begin(3);
    scene_open();
    for (int i = 0; i < 30; i++)
        web_client_get(&s.asks, i % 2 ? "https://a.test/bytes/20000" : "http://b.test/bytes/20000");
    assert_true(web_client_run_all(&s.asks, MIX_SECONDS(60)));
    for (size_t i = 0; i < s.asks.count; i++)
        assert_went_well(&s.asks.asked[i], 200, 20000);
    assert_in_range(s.web.web.connections, 2, 7); /* HTTP/2 shares one; six to a host else */
    scene_end();
}

static void names(void **state) {
    (void)state;
    scene_begin(4);
    scene_open();
    assert_true(web_client_look_up(&s.asks, "a.test", MIX_LOOKUP_IP4, 0, MIX_SECONDS(5)));
    assert_string_equal(s.asks.answer, "93.184.216.34");
    assert_false(s.asks.cached);
    assert_true(web_client_look_up(&s.asks, "A.Test.", 0, mix_record_type("a"), MIX_MS(1)));
    assert_string_equal(s.asks.answer, "93.184.216.34");
    assert_true(s.asks.cached);
    mix_tunnel_forget_names(s.client.tunnel);
    assert_true(
        web_client_look_up(&s.asks, "a.test", MIX_LOOKUP_IP4 | MIX_LOOKUP_IP6, 0, MIX_SECONDS(5)));
    assert_false(s.asks.cached);
    assert_true(web_client_look_up(&s.asks, "a.example", MIX_LOOKUP_IP4, 0, MIX_SECONDS(5)));
    assert_int_equal(s.asks.answer_failure.code, MIX_ERR_DNS_NOT_FOUND);
    assert_true(web_client_look_up(&s.asks, "192.0.2.1", MIX_LOOKUP_IP4, 0, MIX_MS(1)));
    assert_string_equal(s.asks.answer, "192.0.2.1");
    scene_end();
}

/* Two name servers are two ways: what comes in one packet comes at one moment. */
static void each_name_server_is_asked_by_a_packet_of_its_own(void **state) {
    enum { NAMES = 20 };
    (void)state;
    scene_begin(9);
    scene_open();
    for (int i = 0; i < NAMES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%d.test", i);
        assert_true(web_client_look_up(&s.asks, name, MIX_LOOKUP_IP4, 0, MIX_SECONDS(5)));
        scene_wait(MIX_SECONDS(1));
    }
    assert_int_equal(s.web.web.lookups, 2 * NAMES);
    assert_int_equal(s.web.web.lookup_moments, 2 * NAMES);
    scene_end();
}

static void by_ipv6(void **state) {
    (void)state;
    scene_begin(7);
    scene_open();
    web_asked *a =
        web_client_get(&s.asks, "http://[2606:2800:220:1:248:1893:25c8:1946]/bytes/30000");
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(10)));
    assert_went_well(a, 200, 30000);
    scene_end();
}

/* ---- options ---- */

static char agent[64];

static void tell_agent(void *user, web_request *r) {
    if (!web_header(r, "user-agent", agent, sizeof agent))
        agent[0] = 0;
    web_client_server(user, r);
}

static const char *agent_with(const char *option, const mix_header *header) {
    scene_begin_with(&(world_config){.plan = {.mixes_per_layer = 1, .gateways = 1, .exits = 1},
                                     .access = MIX_MS(5),
                                     .seed = 8},
                     &(web_options){.handler = tell_agent, .link = {.seed = 1}});
    char copy[32] = "";
    if (option)
        memcpy(copy, option, strlen(option) + 1);
    s.config.user_agent = option ? copy : NULL;
    s.config.max_redirects = 1;
    s.config.per_host = 2;
    scene_open();
    memset(copy, 'x', sizeof copy - 1); /* it was copied */
    web_asked *a = web_client_ask(&s.asks, &(mix_request){.url = "http://a.test/bytes/1",
                                                          .headers = header,
                                                          .header_count = header ? 1 : 0});
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(10)));
    assert_went_well(a, 200, 1);
    return agent;
}

static void options(void **state) {
    (void)state;
    assert_string_equal(agent_with(NULL, NULL), "lwmix");
    scene_end();
    assert_string_equal(agent_with("", NULL), "");
    scene_end();
    assert_string_equal(agent_with("mine/1", &(mix_header){"User-Agent", "theirs"}), "theirs");
    scene_end();
    assert_string_equal(agent_with("mine/1", NULL), "mine/1");

    web_asked *a = web_client_get(&s.asks, "http://a.test/to//bytes/3");
    web_asked *b = web_client_get(&s.asks, "http://a.test/to//to//bytes/3");
    web_asked *c = web_client_ask(
        &s.asks, &(mix_request){.url = "http://a.test/to//to//bytes/3", .max_redirects = 2});
    assert_true(web_client_run_all(&s.asks, MIX_SECONDS(20)));
    assert_went_well(a, 200, 3);
    assert_failed(b, MIX_ERR_FETCH_REDIRECTS);
    assert_went_well(c, 200, 3);
    unsigned connections = s.web.web.connections;
    for (int i = 0; i < 20; i++)
        web_client_get(&s.asks, "http://b.test/bytes/5000");
    assert_true(web_client_run_all(&s.asks, MIX_SECONDS(60)));
    assert_int_equal(s.web.web.connections - connections, 2);
    scene_end();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bodies_both_ways),
    cmocka_unit_test(many_at_once),
    cmocka_unit_test(names),
    cmocka_unit_test(each_name_server_is_asked_by_a_packet_of_its_own),
    cmocka_unit_test(by_ipv6),
    cmocka_unit_test(options),
    cmocka_unit_test(in_four_round_trips),
    cmocka_unit_test(timing),
};
MIX_TEST_MAIN(tunnel_fetches_test, tests)
