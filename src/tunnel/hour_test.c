/* SPDX-License-Identifier: Apache-2.0 */
/* An hour of use in virtual time: requests of all sizes, uploads, names that are there and that are
 * not, links that are cut. What the tunnel holds does not grow. */
#include "tunnel/scene_testing.h"

#include "alloc_fail.h"

#include <stdio.h>

enum {
    STEPS = 240,  /* in the hour */
    SETTLED = 60, /* steps after which everything has been used */
    SLACK_BYTES =
        64 * 1024, /* names that are kept, tickets, windows: they have bounds of their own */
};

/* The network shares the heap: what changes within calls on the tunnel is the tunnel's. */
static struct {
    size_t entered_with;
    int64_t bytes;
} held;

static void enter(void *user) {
    (void)user;
    held.entered_with = mix_alloc_live_bytes();
}

static void leave(void *user) {
    (void)user;
    held.bytes += (int64_t)mix_alloc_live_bytes() - (int64_t)held.entered_with;
}

/* The client's list of what was asked is not made for an hour. */
static void forget(web_asked *a) {
    web_client_close(&s.asks, a);
    mix_buf_deinit(&a->text);
    s.asks.count = 0;
}

static void get(unsigned step) {
    static const unsigned sizes[] = {0, 1, 700, 1400, 9000, 40000};
    char url[80];
    unsigned size = sizes[step % 6];
    snprintf(url, sizeof url, "%s://%c.test/bytes/%u", step % 2 ? "https" : "http",
             step % 4 < 2 ? 'a' : 'b', size);
    web_asked *a = web_client_get(&s.asks, url);
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(60)));
    assert_went_well(a, 200, size);
    forget(a);
}

static void post(unsigned step) {
    uint64_t size = 500 + 97 * (step % 60);
    mix_request r = {.method = "POST",
                     .url = "https://a.test/echo",
                     .streams = true,
                     .stream_length = (int64_t)size};
    web_asked *a = web_client_ask(&s.asks, &r);
    a->to_send = size;
    assert_true(web_client_run(&s.asks, a, MIX_SECONDS(60)));
    assert_went_well(a, 200, size);
    forget(a);
}

static void look_up(unsigned step) {
    char name[40];
    bool there = step % 3 != 0;
    snprintf(name, sizeof name, "n%u.%s", step, there ? "test" : "nowhere");
    assert_true(web_client_look_up(&s.asks, name, MIX_LOOKUP_IP4, 0, MIX_SECONDS(30)));
    assert_int_equal(s.asks.answer_failure.code == MIX_OK, there);
}

/* The gateway's link breaks, and is made again by the tunnel. */
static void cut(void) {
    world_cut(&s.net, world_find(&s.net, "gateway1"));
    assert_true(scene_run(scene_is_down, NULL, MIX_SECONDS(60)));
    assert_true(scene_run(scene_is_ready, NULL, MIX_SECONDS(60)));
}

static void an_hour(void **state) {
    int64_t settled = 0;
    (void)state;
    held.bytes = 0;
    scene_begin(20);
    scene_open();
    s.client.enter = enter; /* from here on: what it takes more */
    s.client.leave = leave;
    mix_time began = s.net.sim.now;
    for (unsigned step = 1; step <= STEPS; step++) {
        get(step);
        if (step % 3 == 0)
            post(step);
        look_up(step);
        if (step % 40 == 0)
            cut();
        mix_time left = began + step * (MIX_SECONDS(3600) / STEPS) - s.net.sim.now;
        if (left > 0)
            scene_wait(left);
        if (step == SETTLED)
            settled = held.bytes;
    }
    print_message("after %d and %d steps the tunnel holds %lld and %lld bytes more than at first\n",
                  SETTLED, STEPS, (long long)settled, (long long)held.bytes);
    assert_in_range(s.net.sim.now - began, MIX_SECONDS(3600), MIX_SECONDS(4200));
    assert_true(held.bytes <= settled + SLACK_BYTES);
    scene_end();
    assert_int_equal(mix_alloc_live(), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_hour),
};
MIX_TEST_MAIN(tunnel_hour_test, tests)
