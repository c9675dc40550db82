/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that refuse, are silent or slow; requests that are given up; memory that runs out. */
#include "tunnel/scene_testing.h"

#include "ipr/policy.h"
#include "mixnet/exit/exit.h"
#include "sockets/sockets.h"
#include "tunnel/memory_testing.h"

#include <stdio.h>

/* ---- refused ---- */

static void refused(void **state) {
    mix_policy policy;
    (void)state;
    scene_begin(1);
    scene_open();
    web_asked *closed = web_client_get(&s.asks, "http://a.test:8080/");
    web_asked *unknown = web_client_get(&s.asks, "http://a.example/");
    web_asked *other = web_client_get(&s.asks, "https://c.test/"); /* not in the certificate */
    assert_true(web_client_run_all(&s.asks, MIX_SECONDS(10)));
    assert_failed(closed, MIX_ERR_TCP_REFUSED);
    assert_failed(unknown, MIX_ERR_DNS_NOT_FOUND);
    assert_failed(other, MIX_ERR_TLS_NAME);

    /* The exit's policy: told by the exit, not by silence. */
    assert_status(mix_policy_parse(&policy,
                                   mix_bytes_str("ExitPolicy reject *:81\nExitPolicy accept *:*\n"),
                                   NULL),
                  MIX_OK);
    mixnet_exit_set_policy(world_find(&s.net, "exit1")->exit, &policy);
    for (unsigned i = 1; i <= 10; i++) { /* whichever comes first, words or a reset */
        web_asked *barred = web_client_get(&s.asks, "http://a.test:81/");
        assert_true(web_client_run(&s.asks, barred, MIX_SECONDS(3)));
        assert_failed(barred, MIX_ERR_IPR_REFUSED);
        scene_wait(MIX_MS(500));
        assert_int_equal(s.client.refused, i);
        web_client_close(&s.asks, barred);
    }
    web_asked *fine = web_client_get(&s.asks, "http://a.test/bytes/10");
    assert_true(web_client_run(&s.asks, fine, MIX_SECONDS(3)));
    assert_went_well(fine, 200, 10);
    scene_end();
    mix_policy_deinit(&policy);
    assert_int_equal(mix_alloc_live(), 0);
}

/* ---- silence, and how long it is borne ---- */

static void silent(void **state) {
    (void)state;
    scene_begin(2);
    s.config.stream_timeout = MIX_SECONDS(9);
    scene_open();
    far_silence(s.web.web.far, 8080);
    web_asked *tcp = web_client_get(&s.asks, "http://a.test:8080/");
    web_asked *tls = web_client_get(&s.asks, "https://a.test:81/"); /* takes all, says nothing */
    web_asked *answer = web_client_get(&s.asks, "http://b.test/never");
    web_asked *limited = web_client_ask(
        &s.asks, &(mix_request){.url = "http://b.test/never", .timeout = MIX_SECONDS(4)});
    assert_true(web_client_run_all(&s.asks, MIX_SECONDS(200)));
    assert_true(tcp->failure.code == MIX_ERR_TCP_TIMEOUT ||
                tcp->failure.code == MIX_ERR_HTTP_CONNECT_TIMEOUT);
    assert_in_range(tcp->done - tcp->begun, MIX_SECONDS(9), MIX_SECONDS(10));
    assert_failed(tls, MIX_ERR_HTTP_CONNECT_TIMEOUT);
    assert_in_range(tls->done - tls->begun, MIX_SECONDS(9), MIX_SECONDS(10));
    assert_failed(answer, MIX_ERR_HTTP_RESPONSE_TIMEOUT);
    assert_in_range(answer->done - answer->begun, MIX_SECONDS(120), MIX_SECONDS(121));
    assert_failed(limited, MIX_ERR_HTTP_TIMEOUT);
    assert_int_equal(limited->done - limited->begun, MIX_SECONDS(4));
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

static void no_name_server(void **state) {
    (void)state;
    scene_begin(3);
    s.config.dns_timeout = MIX_SECONDS(3);
    scene_open();
    far_silence(s.web.web.far, 53);
    mix_time from = s.net.sim.now;
    assert_true(web_client_look_up(&s.asks, "a.test", MIX_LOOKUP_IP4, 0, MIX_SECONDS(5)));
    assert_int_equal(s.asks.answer_failure.code, MIX_ERR_DNS_TIMEOUT);
    assert_int_equal(s.net.sim.now - from, MIX_SECONDS(3));
    web_asked *a = web_client_get(&s.asks, "http://a.test/");
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(30)));
    assert_failed(a, MIX_ERR_DNS_TIMEOUT);
    web_asked *number = web_client_get(&s.asks, "http://93.184.216.34/bytes/5");
    assert_true(web_client_run(&s.asks, number, MIX_SECONDS(5)));
    assert_went_well(number, 200, 5);
    scene_end();
}

/* ---- a reader that takes its time ---- */

static void slow_reader(void **state) {
    (void)state;
    scene_begin(4);
    scene_open();
    web_asked *a = web_client_get(&s.asks, "http://a.test/bytes/3000000");
    a->slow = true;
    scene_wait(MIX_SECONDS(30));
    size_t held = mix_alloc_live_bytes(); /* of everything; the far side is not counted */
    uint64_t left = far_unacked(web_far_conn(s.web.web.last));
    scene_wait(MIX_SECONDS(300));
    assert_int_equal(far_unacked(web_far_conn(s.web.web.last)), left);
    assert_in_range(left, 1000000, 3000000); /* the server waits: what we hold has a bound */
    assert_in_range(mix_alloc_live_bytes(), 0, held + 100000);
    web_asked *other = web_client_get(&s.asks, "http://a.test/bytes/100000");
    assert_true(web_client_run(&s.asks, other, MIX_SECONDS(20)));
    assert_went_well(other, 200, 100000);
    assert_false(a->finished);
    a->slow = false;
    web_client_read(&s.asks, a);
    world_turn(&s.net);
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(60)));
    assert_went_well(a, 200, 3000000);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

/* A streaming body is held back by a server that does not read it. */
static void slow_server(void **state) {
    (void)state;
    scene_begin(5);
    scene_open();
    web_asked *a = web_client_ask(&s.asks, &(mix_request){.method = "POST",
                                                          .url = "http://a.test/echo",
                                                          .streams = true,
                                                          .stream_length = 1500000});
    scene_wait(MIX_MS(400));
    far_conn *c = web_far_conn(s.web.web.last);
    far_stop_reading(c, true);
    scene_wait(MIX_SECONDS(20));
    assert_in_range(a->sent, 10000, 1300000);
    uint64_t sent = a->sent;
    scene_wait(MIX_SECONDS(20));
    assert_int_equal(a->sent, sent);
    far_stop_reading(c, false);
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(90)));
    assert_went_well(a, 200, 1500000);
    scene_end();
}

/* ---- given up ---- */

/* Closed at any moment: nothing follows, nothing stays, and others go on. */
static void aborted(void **state) {
    (void)state;
    scene_begin(6);
    s.config.per_host = 64;
    scene_open();
    for (mix_time at = 0; at < MIX_MS(800); at += MIX_MS(33)) {
        web_asked *up = web_client_ask(&s.asks, &(mix_request){.method = "PUT",
                                                               .url = "https://a.test/echo",
                                                               .streams = true,
                                                               .stream_length = 200000});
        web_asked *down = web_client_get(&s.asks, "http://b.test/bytes/200000");
        uint32_t ids[] = {up->id, down->id};
        scene_wait(at);
        while (s.asks.count > 0)
            web_client_close(&s.asks, &s.asks.asked[0]);
        mix_tunnel_forget_names(s.client.tunnel);
        for (int i = 0; i < 2; i++) {
            mix_response r;
            assert_status(mix_tunnel_fetch_response(s.client.tunnel, ids[i], &r), MIX_ERR_ARGUMENT);
        }
    }
    scene_wait(MIX_SECONDS(5));
    assert_true(mix_sockets_open() <= 4); /* kept connections, not one for each that was given up */
    web_asked *a = web_client_get(&s.asks, "https://a.test/bytes/1000");
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(10)));
    assert_went_well(a, 200, 1000);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

/* ---- memory ---- */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
enum { EACH_UP_TO = 200 }; /* then every few: each costs several times as much here */
#else
enum { EACH_UP_TO = 100000 };
#endif

/* Every allocation of one https fetch with a body each way, from its begin to its end: it goes well
 * or says that it did not, once, and the tunnel goes on. */
static void every_allocation_fails(void **state) {
    mix_buf body = {0};
    size_t n = 1, well = 0, badly = 0;
    bool over = false;
    (void)state;
    web_body(&body, 3000);
    size_t ours = mix_alloc_live();
    while (!over) {
        scene_begin(7);
        scene_open();
        for (int i = 0; i < 40 && !over; i++, n += 1 + n / EACH_UP_TO) {
            mix_tunnel_forget_names(s.client.tunnel);
            memory_budget = n;
            s.client.enter = memory_may_fail;
            s.client.leave = memory_may_not_fail;
            web_asked *a = web_client_ask(&s.asks, &(mix_request){.method = "POST",
                                                                  .url = "https://a.test/echo",
                                                                  .has_body = true,
                                                                  .body = body.data,
                                                                  .body_len = body.len});
            if (!web_client_run(&s.asks, a, MIX_SECONDS(150)))
                fail_msg("allocation %zu: it waits for ever", n);
            over = memory_budget > 0;
            s.client.enter = s.client.leave = NULL;
            if (a->status != MIX_OK)
                assert_status(a->status, MIX_ERR_MEMORY);
            else if (a->failure.code == MIX_OK)
                assert_went_well(a, 200, 3000);
            else
                assert_true(a->failure.words[0] != 0);
            well += a->finishes && a->failure.code == MIX_OK;
            badly += !a->finishes || a->failure.code != MIX_OK;
            if (a->id != 0)
                web_client_close(&s.asks, a);
            else
                s.asks.count = 0;
            if (s.web.web.last)
                web_close(s.web.web.last); /* the next one connects anew */
            if (!scene_run(scene_is_ready, NULL, MIX_SECONDS(60)))
                fail_msg("allocation %zu: %s", n, s.client.history);
        }
        web_asked *a = web_client_get(&s.asks, "https://a.test/bytes/1000");
        assert_true(web_client_run(&s.asks, a, MIX_SECONDS(60)));
        assert_went_well(a, 200, 1000);
        scene_end();
        if (mix_alloc_live() != ours)
            fail_msg("allocation %zu: %zu are left", n, mix_alloc_live() - ours);
    }
    mix_buf_deinit(&body);
    print_message("up to %zu allocations: %zu went well all the same, %zu said no\n", n, well,
                  badly);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(refused),
    cmocka_unit_test(silent),
    cmocka_unit_test(no_name_server),
    cmocka_unit_test(slow_reader),
    cmocka_unit_test(slow_server),
    cmocka_unit_test(aborted),
    cmocka_unit_test(every_allocation_fails),
};
MIX_TEST_MAIN(tunnel_fetches_faults_test, tests)
