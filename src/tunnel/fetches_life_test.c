/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of requests when the tunnel below them breaks, moves, ends and begins anew. */
#include "tunnel/scene_testing.h"

#include "mixnet/exit/exit.h"
#include "tunnel/memory_testing.h"

#include <stdio.h>

static mix_time now_of(void) {
    return s.net.sim.now;
}

static int ask(const mix_request *r) {
    uint32_t id;
    return mix_tunnel_fetch(s.client.tunnel, &id, r, now_of());
}

static const mix_request simple = {.url = "https://a.test/bytes/1000"};

/* ---- options, and too early ---- */

static void bad_options(void **state) {
    static const char *const five[] = {"1.1.1.1:53", "1.1.1.2:53", "1.1.1.3:53", "1.1.1.4:53",
                                       "1.1.1.5:53"};
    static const char *const bad_server[] = {"8.8.8.8:53", "dns.example:53"};
    static const char *const no_port[] = {"8.8.8.8"};
    const struct {
        mix_tunnel_config c;
        int status;
        const char *names;
    } rows[] = {
        {{.dns_servers = five, .dns_server_count = 5}, MIX_ERR_ARGUMENT, "5 name servers"},
        {{.dns_servers = bad_server, .dns_server_count = 2}, MIX_ERR_ARGUMENT, "dns.example:53"},
        {{.dns_servers = no_port, .dns_server_count = 1}, MIX_ERR_ARGUMENT, "'8.8.8.8'"},
        {{.dns_timeout = -1}, MIX_ERR_ARGUMENT, "dns_timeout"},
        {{.stream_timeout = MIX_SECONDS(86401)}, MIX_ERR_ARGUMENT, "stream_timeout"},
        {{.keepalive = -2}, MIX_ERR_ARGUMENT, "keepalive"},
        {{.per_host = 65}, MIX_ERR_ARGUMENT, "per_host"},
        {{.max_redirects = -2}, MIX_ERR_ARGUMENT, "max_redirects"},
        {{.only_roots = true}, MIX_ERR_TLS_ROOTS, "only_roots"},
        {{.roots = "no PEM", .roots_len = 6}, MIX_ERR_TLS_ROOTS, "roots"},
    };
    mix_test_env env;
    (void)state;
    mix_test_env_init(&env, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_tunnel *t = (mix_tunnel *)&env; /* set in any case */
        mix_failure why = {0};
        assert_status(mix_tunnel_new(&t, &rows[i].c, &env.env, &why), rows[i].status);
        assert_null(t);
        if (!strstr(why.words, rows[i].names))
            fail_msg("row %zu: %s", i, why.words);
        mix_tunnel_config packets = rows[i].c; /* then none of it is looked at */
        packets.ip_packets = true;
        assert_status(mix_tunnel_new(&t, &packets, &env.env, &why), MIX_OK);
        mix_tunnel_free(t);
    }
    assert_int_equal(mix_alloc_live(), 0);
}

static void one_stack_to_a_process(void **state) {
    mix_tunnel *first, *second = (mix_tunnel *)&first, *packets;
    mix_tunnel_config c = {0}, p = {.ip_packets = true};
    mix_failure why = {0};
    mix_test_env env;
    (void)state;
    mix_test_env_init(&env, 3);
    assert_status(mix_tunnel_new(&first, &c, &env.env, &why), MIX_OK);
    assert_status(mix_tunnel_new(&second, &c, &env.env, &why), MIX_ERR_LIMIT);
    assert_null(second);
    assert_non_null(strstr(why.words, "another tunnel"));
    assert_status(mix_tunnel_new(&packets, &p, &env.env, &why), MIX_OK);
    mix_tunnel_free(first);
    assert_status(mix_tunnel_new(&second, &c, &env.env, &why), MIX_OK);
    mix_tunnel_free(second);
    mix_tunnel_free(packets);
    assert_int_equal(mix_alloc_live(), 0);
}

static void too_early(void **state) {
    uint32_t id;
    uint8_t byte;
    size_t n;
    mix_response r;
    mix_fetch_timing timing;
    (void)state;
    scene_begin(1);
    assert_status(world_client_init(&s.client, &s.net, &s.config, 7), MIX_OK);
    mix_tunnel *t = s.client.tunnel;
    for (int round = 0; round < 2; round++) {
        assert_status(ask(&simple), MIX_ERR_STATE);
        assert_status(mix_tunnel_lookup(t, &id, "a.test", MIX_LOOKUP_IP4, now_of()), MIX_ERR_STATE);
        assert_status(mix_tunnel_query(t, &id, "a.test", 1, now_of()), MIX_ERR_STATE);
        assert_int_equal(id, 0);
        assert_status(mix_tunnel_fetch_read(t, 1, &byte, 1, &n, now_of()), MIX_ERR_ARGUMENT);
        assert_status(mix_tunnel_fetch_write(t, 1, &byte, 1, &n, now_of()), MIX_ERR_ARGUMENT);
        assert_status(mix_tunnel_fetch_end(t, 1, now_of()), MIX_ERR_ARGUMENT);
        assert_status(mix_tunnel_fetch_response(t, 1, &r), MIX_ERR_ARGUMENT);
        assert_status(mix_tunnel_fetch_timing(t, 1, &timing), MIX_ERR_ARGUMENT);
        mix_tunnel_fetch_close(t, 1, now_of());
        mix_tunnel_lookup_cancel(t, 1);
        mix_tunnel_forget_names(t);
        if (round == 0)
            assert_status(world_client_start(&s.client), MIX_OK);
    }
    scene_end();

    scene_begin(1); /* and with IP packets there is no time for it at all */
    s.config.ip_packets = true;
    scene_open();
    assert_status(ask(&simple), MIX_ERR_STATE);
    assert_status(mix_tunnel_lookup(s.client.tunnel, &id, "a.test", 1, now_of()), MIX_ERR_STATE);
    assert_status(mix_tunnel_fetch_read(s.client.tunnel, 1, &byte, 1, &n, now_of()), MIX_ERR_STATE);
    mix_tunnel_forget_names(s.client.tunnel);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

static void bad_requests(void **state) {
    const struct {
        mix_request r;
        int status;
    } rows[] = {
        {{.url = "nothing"}, MIX_ERR_HTTP_URL},
        {{.url = "ftp://a.test/"}, MIX_ERR_HTTP_SCHEME},
        {{.url = "http://a b/"}, MIX_ERR_HTTP_URL},
        {{.url = "http://a.test/", .method = "TRACE"}, MIX_ERR_FETCH_METHOD},
        {{.url = "http://a.test/", .has_body = true}, MIX_ERR_FETCH_METHOD},
        {{.url = "http://a.test/", .headers = &(mix_header){"a b", "c"}, .header_count = 1},
         MIX_ERR_HTTP_REQUEST},
        {{.url = "http://a..test/"}, MIX_ERR_DNS_NAME},
    };
    (void)state;
    scene_begin(2);
    scene_open();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_status(ask(&rows[i].r), rows[i].status);
    for (int i = 0; i < 1024; i++)
        assert_status(ask(&(mix_request){.url = "http://a.test/never"}), MIX_OK);
    assert_status(ask(&simple), MIX_ERR_LIMIT);
    for (uint32_t id = 1; id <= 1024; id++)
        mix_tunnel_fetch_close(s.client.tunnel, id, now_of());
    web_asked *a = web_client_get(&s.asks, simple.url);
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(10)));
    assert_went_well(a, 200, 1000);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

/* ---- cut off ---- */

static bool has_some(void *user) {
    const web_asked *a = user;
    return a->got > 100000;
}

static void lose_the_gateway(void) {
    world_find(&s.net, "gateway1")->dead = true;
    world_cut(&s.net, NULL);
    assert_int_equal(world_client_state(&s.client), MIX_TUNNEL_DEGRADED);
}

static void find_the_gateway(void) {
    world_find(&s.net, "gateway1")->dead = false;
    mix_tunnel_nudge(s.client.tunnel, now_of()); /* or the next try comes up to 30 s later */
    world_turn(&s.net);
}

/* Without a gateway: what began meanwhile waits, a time limit of the user's own is kept all the
 * same, and connections go on. */
static void cut_off_for_a_while(void **state) {
    (void)state;
    scene_begin(3);
    scene_open();
    web_asked *body = web_client_get(&s.asks, "https://a.test/bytes/1000000");
    assert_true(scene_run(has_some, body, MIX_SECONDS(20)));
    lose_the_gateway();
    web_asked *waits = web_client_get(&s.asks, "http://b.test/bytes/77");
    web_asked *limited = web_client_ask(
        &s.asks, &(mix_request){.url = "https://b.test/bytes/77", .timeout = MIX_SECONDS(5)});
    assert_true(web_client_run(&s.asks, limited, MIX_SECONDS(6)));
    assert_failed(limited, MIX_ERR_HTTP_TIMEOUT);
    assert_non_null(strstr(limited->failure.words, "5000 ms"));
    assert_non_null(strstr(limited->failure.words, "nothing gets to the exit (gateway)"));
    assert_int_equal(limited->done - limited->begun, MIX_SECONDS(5));
    scene_wait(MIX_SECONDS(35));
    assert_false(body->finished || waits->finished);
    find_the_gateway();
    assert_true(web_client_run_all(&s.asks, MIX_SECONDS(60)));
    assert_went_well(body, 200, 1000000);
    assert_went_well(waits, 200, 77);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

/* It failed for the gateway's absence, and says so. */
static void assert_blamed(const web_asked *a, mix_time least, mix_time most) {
    assert_failed(a, MIX_ERR_GATEWAY_CONNECT);
    assert_non_null(strstr(a->failure.words, "nothing gets to the exit (gateway): "));
    assert_in_range(a->done, least, most);
}

/* For longer than anyone should wait without a word. What had ended is at an end, and what begins
 * when the gateway is back goes well. */
static void cut_off_for_minutes(void **state) {
    (void)state;
    scene_begin(3);
    scene_open();
    web_asked *body = web_client_get(&s.asks, "https://a.test/bytes/1000000");
    web_asked *silent = web_client_get(&s.asks, "http://a.test/never");
    assert_true(scene_run(has_some, body, MIX_SECONDS(20)));
    lose_the_gateway();
    mix_time from = now_of();
    web_asked *waits = web_client_get(&s.asks, "http://b.test/bytes/77");
    web_asked *connects = web_client_get(&s.asks, "http://a.test:8080/");
    s.asks.answers = 0;
    assert_status(
        mix_tunnel_lookup(s.client.tunnel, &s.asks.answer_id, "c.test", MIX_LOOKUP_IP4, from),
        MIX_OK);
    scene_wait(MIX_SECONDS(60));
    assert_false(body->finished || silent->finished || waits->finished || connects->finished);
    assert_int_equal(s.asks.answers, 0);
    scene_wait(MIX_SECONDS(140));
    assert_blamed(waits, from + MIX_SECONDS(65), from + MIX_SECONDS(71));
    assert_blamed(connects, from + MIX_SECONDS(80), from + MIX_SECONDS(91));
    assert_blamed(silent, from + MIX_SECONDS(160), from + MIX_SECONDS(181));
    assert_blamed(body, from + MIX_SECONDS(60), from + MIX_SECONDS(121));
    assert_int_equal(s.asks.answers, 1);
    assert_int_equal(s.asks.answer_failure.code, MIX_ERR_GATEWAY_CONNECT);
    web_asked *late =
        web_client_get(&s.asks, "http://b.test/bytes/77"); /* has no minute of its own */
    scene_wait(MIX_SECONDS(31));
    assert_blamed(late, from + MIX_SECONDS(205), from + MIX_SECONDS(231));
    find_the_gateway();
    assert_true(scene_run(scene_is_ready, NULL, MIX_SECONDS(30)));
    late = web_client_get(&s.asks, "https://b.test/bytes/77");
    assert_true(web_client_run(&s.asks, late, MIX_SECONDS(10)));
    assert_went_well(late, 200, 77);
    lose_the_gateway(); /* the minute begins anew */
    late = web_client_get(&s.asks, "https://b.test/bytes/77");
    scene_wait(MIX_SECONDS(50));
    find_the_gateway();
    assert_true(web_client_run(&s.asks, late, MIX_SECONDS(30)));
    assert_went_well(late, 200, 77);
    lose_the_gateway(); /* however long: it is looked for again and again, without haste */
    mix_tunnel_stats before, after;
    mix_tunnel_get_stats(s.client.tunnel, &before);
    scene_wait(MIX_SECONDS(3600));
    mix_tunnel_get_stats(s.client.tunnel, &after);
    assert_int_equal(world_client_state(&s.client), MIX_TUNNEL_DEGRADED);
    print_message("%d tries to connect in an hour\n", (int)(after.links - before.links));
    assert_in_range(after.links - before.links, 100, 1500);
    world_find(&s.net, "gateway1")->dead = false;
    assert_true(scene_run(scene_is_ready, NULL, MIX_SECONDS(45)));
    world_client_stop(&s.client);
    scene_wait(MIX_SECONDS(1));
    assert_int_equal(mix_tunnel_deadline(s.client.tunnel), MIX_NEVER);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

/* A cut link that is mended at once costs a download nothing but time. */
static void link_cut_in_a_download(void **state) {
    (void)state;
    scene_begin(4);
    scene_open();
    web_asked *a = web_client_get(&s.asks, "https://a.test/bytes/1000000");
    assert_true(scene_run(has_some, a, MIX_SECONDS(20)));
    mix_time cut = now_of();
    world_cut(&s.net, NULL);
    assert_true(scene_run(scene_is_ready, NULL, MIX_SECONDS(10)));
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(30)));
    assert_went_well(a, 200, 1000000);
    assert_true(a->done - cut < MIX_SECONDS(20));
    scene_end();
}

/* ---- another exit ---- */

static world_member *exit_in_use(void) {
    return s.web.clients[(s.web.next_client - 1) % WORLD_WEB_ADDRESSES].exit;
}

/* The exit dies in the middle of things; the tunnel finds the other one. */
static void another_exit(void **state) {
    (void)state;
    scene_begin_with(&(world_config){.plan = {.mixes_per_layer = 1, .gateways = 1, .exits = 2},
                                     .access = MIX_MS(5),
                                     .seed = 5},
                     &(web_options){.link = {.delay = MIX_MS(5), .seed = 5}});
    scene_open();
    web_asked *first = web_client_get(&s.asks, simple.url);
    assert_true(web_client_run(&s.asks, first, MIX_SECONDS(10)));
    unsigned lookups = s.web.web.lookups;
    web_asked *body = web_client_get(&s.asks, "https://a.test/bytes/1000000");
    assert_true(scene_run(has_some, body, MIX_SECONDS(20)));
    world_member *old = exit_in_use();
    old->dead = true;
    web_asked *late =
        web_client_get(&s.asks, "https://b.test/bytes/5000"); /* nothing is sent yet */
    assert_true(scene_run(scene_is_down, NULL, MIX_SECONDS(60)));
    assert_true(scene_run(scene_is_ready, NULL, MIX_SECONDS(90)));
    assert_true(web_client_run_all(&s.asks, MIX_SECONDS(60)));
    assert_ptr_not_equal(exit_in_use(), old);
    assert_failed(body, MIX_ERR_TCP_MOVED);
    assert_in_range(body->got, 100000, 999999); /* what came before it could be read */
    assert_int_equal(body->response.status, 200);
    assert_went_well(late, 200, 5000);
    /* Name and ticket outlived the address. */
    unsigned connections = s.web.web.connections, resumed = s.web.web.resumed;
    unsigned asked = s.web.web.lookups;
    web_asked *again = web_client_get(&s.asks, simple.url);
    assert_true(web_client_run(&s.asks, again, MIX_SECONDS(10)));
    assert_went_well(again, 200, 1000);
    assert_int_equal(s.web.web.connections, connections + 1);
    assert_int_equal(s.web.web.resumed, resumed + 1);
    assert_int_equal(s.web.web.lookups, asked);
    assert_true(asked >= lookups);
    assert_went_well(first, 200, 1000);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

static bool is_answered(void *user) {
    (void)user;
    return s.asks.answers > 0;
}

/* A lookup and a request that begin when the exit has just forgotten us with our reply blocks,
 * which nobody knows yet: time stands still before their limits are reached. */
static void forgotten_by_the_exit(void **state) {
    (void)state;
    scene_begin(8);
    s.config.dns_timeout = MIX_SECONDS(8);
    scene_open();
    assert_int_equal(mixnet_exit_forget(world_find(&s.net, "exit1")->exit, NULL), 1);
    mix_time from = now_of();
    s.asks.answers = 0;
    assert_status(
        mix_tunnel_lookup(s.client.tunnel, &s.asks.answer_id, "c.test", MIX_LOOKUP_IP4, from),
        MIX_OK);
    web_asked *fresh = web_client_get(&s.asks, "https://b.test/bytes/77");
    assert_true(scene_run(is_answered, NULL, MIX_SECONDS(30)));
    assert_int_equal(s.asks.answer_failure.code, MIX_OK);
    assert_in_range(now_of() - from, MIX_SECONDS(9), MIX_SECONDS(10)); /* two probes and a ping */
    assert_true(web_client_run(&s.asks, fresh, MIX_SECONDS(2)));
    assert_went_well(fresh, 200, 77);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

/* ---- the end, and another beginning ---- */

static void stopped_in_the_middle(void **state) {
    uint8_t bytes[70000];
    size_t got, live = 0;
    (void)state;
    scene_begin(6);
    scene_open();
    memory_owned = 0;
    s.client.enter = memory_count;
    s.client.leave = memory_counted;
    for (int round = 0; round < 9; round++) {
        web_asked *whole = web_client_get(&s.asks, simple.url);
        assert_true(web_client_run(&s.asks, whole, MIX_SECONDS(10)));
        web_asked *body = web_client_get(&s.asks, "https://a.test/bytes/1000000");
        body->slow = true;
        web_client_get(&s.asks, "http://b.test/never");
        web_client_ask(&s.asks, &(mix_request){.method = "POST",
                                               .url = "http://b.test/echo",
                                               .streams = true,
                                               .stream_length = 3000000});
        scene_wait(MIX_SECONDS(2));
        web_client_get(&s.asks, "https://b.test/bytes/1"); /* at its lookup, or connecting */
        memory_count(NULL);
        assert_status(mix_tunnel_lookup(s.client.tunnel, &s.asks.answer_id, "c.test",
                                        MIX_LOOKUP_IP4, now_of()),
                      MIX_OK);
        memory_counted(NULL);
        s.asks.answers = 0;
        mix_time stop = now_of();
        world_client_stop(&s.client);
        for (size_t i = 1; i < 5; i++) {
            web_asked *a = &s.asks.asked[i];
            assert_true(a->finished);
            assert_int_equal(a->failure.code, MIX_ERR_STATE);
            assert_non_null(strstr(a->failure.words, "closed"));
            assert_int_equal(a->done, stop);
        }
        assert_int_equal(s.asks.answers, 1);
        assert_int_equal(s.asks.answer_failure.code, MIX_ERR_STATE);
        assert_status(ask(&simple), MIX_ERR_STATE);
        assert_true(scene_run(scene_is_over, NULL, MIX_SECONDS(1)));
        scene_wait(MIX_SECONDS(2));
        /* What came before is still to be had, then the reason. */
        assert_status(
            mix_tunnel_fetch_read(s.client.tunnel, body->id, bytes, sizeof bytes, &got, now_of()),
            MIX_OK);
        assert_int_equal(got, sizeof bytes);
        web_client_read(&s.asks, body);
        assert_int_equal(body->read_status, MIX_ERR_STATE);
        if (round % 2 == 0)
            while (s.asks.count > 0)
                web_client_close(&s.asks, &s.asks.asked[0]);
        s.client.history[0] = 0;
        assert_status(world_client_start(&s.client), MIX_OK);
        assert_true(scene_run(scene_is_ready, NULL, MIX_SECONDS(10)));
        while (s.asks.count > 0)
            web_client_close(&s.asks, &s.asks.asked[0]);
        unsigned resumed = s.web.web.resumed; /* nothing links this tunnel to the one before */
        web_asked *a = web_client_get(&s.asks, simple.url);
        assert_true(web_client_run(&s.asks, a, MIX_SECONDS(10)));
        assert_went_well(a, 200, 1000);
        assert_int_equal(s.web.web.resumed, resumed);
        web_client_close(&s.asks, a);
        scene_wait(MIX_SECONDS(5));
        if (round == 2)
            live = memory_owned;
    }
    assert_in_range(memory_owned - live + 30, 0, 60); /* but for what is cached */
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

/* The host's randomness fails while c-ares draws an id, which cannot be told. */
static void randomness_fails(void **state) {
    (void)state;
    scene_begin(7);
    scene_open();
    web_asked *a = web_client_get(&s.asks, "http://a.test/never");
    scene_wait(MIX_SECONDS(2));
    for (int i = 0; i < 100 && !scene_is_over(NULL); i++) { /* it draws for many at once */
        char name[16];
        (void)snprintf(name, sizeof name, "d%d.test", i);
        s.client.env.fail_random = 1;
        (void)mix_tunnel_lookup(s.client.tunnel, &s.asks.answer_id, name, MIX_LOOKUP_IP4, now_of());
        s.client.env.fail_random = 0;
        world_turn(&s.net);
        scene_wait(MIX_SECONDS(1));
    }
    assert_int_equal(world_client_state(&s.client), MIX_TUNNEL_FAILED);
    assert_int_equal(s.client.last.failure.code, MIX_ERR_RANDOM);
    assert_failed(a, MIX_ERR_RANDOM);
    assert_status(world_client_start(&s.client), MIX_OK);
    assert_true(scene_run(scene_is_ready, NULL, MIX_SECONDS(10)));
    a = web_client_get(&s.asks, simple.url);
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(10)));
    assert_went_well(a, 200, 1000);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bad_options),
    cmocka_unit_test(one_stack_to_a_process),
    cmocka_unit_test(too_early),
    cmocka_unit_test(bad_requests),
    cmocka_unit_test(cut_off_for_a_while),
    cmocka_unit_test(cut_off_for_minutes),
    cmocka_unit_test(link_cut_in_a_download),
    cmocka_unit_test(another_exit),
    cmocka_unit_test(forgotten_by_the_exit),
    cmocka_unit_test(stopped_in_the_middle),
    cmocka_unit_test(randomness_fails),
};
MIX_TEST_MAIN(tunnel_fetches_life_test, tests)
