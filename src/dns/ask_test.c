/* SPDX-License-Identifier: Apache-2.0 */
/* Which server is asked when, with a stack whose packets leave when a test lets them. */
#include "dns/dns.h"

#include "alloc_fail.h"
#include "mix/errors.h"
#include "sockets/sockets.h"
#include "tcpip/near_testing.h"

enum { SERVERS = 4, EVENTS = 64, LOG = 256 };
#define DELAY MIX_MS(1)
#define NEXT_MOST MIX_MS(100)

static struct {
    mix_test_env env;
    mix_tcpip *t;
    mix_dns *d;
    far *f;
    size_t held;   /* so many packets at the end of the queue do not leave */
    char log[LOG]; /* packets that left, by their servers, with a | before each turn's */
    size_t logged;
    unsigned asked[SERVERS];
    char last_name[SERVERS][64];
    uint8_t rcode[SERVERS];
    mix_dns_event events[EVENTS]; /* without what they point at */
    size_t count, wanted;
} w;

static void note(char c) {
    bool again = c == '|' && w.logged > 0 && w.log[w.logged - 1] == '|';
    if (!again && w.logged < LOG - 1)
        w.log[w.logged++] = c;
}

static bool drain(void *user, mix_buf *out, mix_time now) {
    if (mix_tcpip_waiting(w.t) <= w.held || !near_drain(user, out, now))
        return false;
    note((char)('0' + out->data[19] - 1)); /* the address ends in the server's number */
    return true;
}

static mix_time deadline(void *user) {
    return mix_earlier(near_deadline(user), mix_dns_deadline(w.d));
}

static void pump(void *user, mix_time now) {
    mix_dns_event ev;
    (void)user;
    note('|');
    mix_dns_tick(w.d, now);
    while (mix_dns_next(w.d, &ev, now) == MIX_OK) {
        assert_true(w.count < EVENTS);
        w.events[w.count++] = ev;
    }
}

/* The name's labels with dots; returns where its type begins. */
static size_t read_name(char *out, size_t cap, mix_bytes query) {
    size_t at = 12, len = 0;
    for (size_t n; at < query.len && (n = query.data[at]) > 0; at += n + 1) {
        assert_true(at + 1 + n < query.len && len + n + 1 < cap);
        memcpy(out + len, query.data + at + 1, n);
        len += n;
        out[len++] = '.';
    }
    out[len] = 0;
    return at + 1;
}

/* An address, or of alias.test that it is a.test. */
static void far_datagram(void *user, far *f, const mix_address *from, const mix_address *to,
                         mix_bytes query) {
    static const uint8_t address[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 77},
                         alias[] = {0xc0, 12, 0, 5,   0, 1,   0,   0,   1,   0,
                                    0,    8,  1, 'a', 4, 't', 'e', 's', 't', 0};
    size_t server = to->octets[3] - 1u;
    char *name = w.last_name[server];
    mix_buf out = {0};
    (void)user;
    size_t end = read_name(name, sizeof w.last_name[server], query) + 4;
    bool is_alias = strcmp(name, "alias.test.") == 0;
    w.asked[server]++;
    mix_buf_put(&out, query.data, 2);
    mix_buf_put_u16(&out, (uint16_t)(0x8180 | w.rcode[server]));
    mix_buf_put_u16(&out, 1);
    mix_buf_put_u16(&out, w.rcode[server] == 0);
    mix_buf_put_u32(&out, 0);
    mix_buf_put(&out, query.data + 12, end - 12);
    if (w.rcode[server] == 0)
        mix_buf_put(&out, is_alias ? alias : address, is_alias ? sizeof alias : sizeof address);
    far_send_datagram(f, to, from, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

static void begin(size_t servers) {
    static const far_near near = {&w.t, near_feed, drain, deadline, near_tick, pump};
    static const far_handlers handlers = {.datagram = far_datagram};
    far_options o = {.delay = DELAY, .seed = 1};
    mix_tcpip_config c = {.ip4 = {.family = 4, .octets = {10, 0, 0, 2}}};
    mix_dns_config config = {0};
    memset(&w, 0, sizeof w);
    mix_alloc_fail_at(0, 0);
    mix_test_env_init(&w.env, 1);
    w.f = far_new(&o, &near, &handlers, NULL);
    assert_status(mix_sockets_begin(&w.env.env), MIX_OK);
    assert_status(mix_tcpip_new(&w.t, &c, &w.env.env, far_now(w.f)), MIX_OK);
    mix_sockets_attach(w.t);
    mix_sockets_set_time(far_now(w.f));
    for (size_t i = 0; i < servers; i++)
        config.servers[i] =
            (mix_address){.family = 4, .port = 53, .octets = {192, 0, 2, (uint8_t)(i + 1)}};
    assert_status(mix_dns_new(&w.d, &config), MIX_OK);
}

static void finish(void) {
    mix_dns_free(w.d);
    assert_int_equal(mix_sockets_open(), 0);
    mix_sockets_end();
    mix_tcpip_free(w.t);
    far_free(w.f);
    assert_int_equal(mix_alloc_live(), 0);
}

static uint32_t ask(const char *name) {
    uint32_t id;
    assert_status(mix_dns_lookup(w.d, &id, name, MIX_DNS_IP4, far_now(w.f)), MIX_OK);
    return id;
}

static void run(mix_time time) {
    far_run(w.f, NULL, far_now(w.f) + time);
}

static bool enough(void *user) {
    (void)user;
    return w.count >= w.wanted;
}

/* Runs until n events came in all. */
static mix_dns_event *wait(size_t n) {
    w.wanted = n;
    assert_true(far_run(w.f, enough, far_now(w.f) + MIX_SECONDS(60)));
    return &w.events[n - 1];
}

static uint64_t questions(void) {
    mix_dns_stats stats;
    mix_dns_get_stats(w.d, &stats);
    return stats.questions;
}

static void the_next_server_is_asked_when_what_was_asked_before_has_left(void **state) {
    (void)state;
    begin(3);
    w.held = SIZE_MAX;
    ask("a.test");
    ask("b.test");
    ask("c.test");
    run(MIX_MS(30));
    assert_int_equal(questions(), 3);
    assert_int_equal(mix_tcpip_waiting(w.t), 3);
    w.held = 1;
    run(0); /* two of three */
    assert_int_equal(questions(), 3);
    w.held = 0;
    run(0); /* the same moment: each server's share packets, but not with another's */
    w.log[w.logged] = 0;
    assert_string_equal(w.log, "|00|0|111|222");
    assert_int_equal(questions(), 9);
    assert_true(mix_dns_deadline(w.d) > far_now(w.f) + DELAY);
    assert_status(wait(3)->status, MIX_OK);
    finish();
}

static void a_queue_that_never_empties_holds_nobody_up(void **state) {
    (void)state;
    begin(3);
    w.held = SIZE_MAX;
    mix_time start = far_now(w.f);
    ask("a.test");
    assert_int_equal(mix_dns_deadline(w.d), start + NEXT_MOST);
    run(NEXT_MOST - 1);
    assert_int_equal(questions(), 1);
    ask("b.test"); /* has a time of its own */
    run(1);
    assert_int_equal(questions(), 3);
    assert_int_equal(mix_dns_deadline(w.d), start + 2 * NEXT_MOST - 1);
    run(NEXT_MOST);
    assert_int_equal(questions(), 5);
    assert_int_equal(mix_dns_deadline(w.d), start + 3 * NEXT_MOST - 1);
    run(NEXT_MOST);
    assert_int_equal(questions(), 6);
    assert_int_equal(far_get_stats(w.f)->ticks, 4); /* one for each that was due */
    finish();
}

static void who_fails_has_the_next_one_asked_at_once(void **state) {
    (void)state;
    begin(2);
    mix_time start = far_now(w.f);
    w.rcode[0] = 2;
    w.held = 1; /* one's packet leaves when the other one's is behind it: it is never empty */
    uint32_t first = ask("a.test");
    ask("b.test");
    mix_dns_event *ev = wait(1);
    assert_int_equal(ev->id, first);
    assert_status(ev->status, MIX_OK);
    assert_int_equal(w.asked[1], 1);
    assert_true(w.asked[0] > 1); /* c-ares asks again before it gives up */
    assert_true(far_now(w.f) - start < NEXT_MOST);
    w.held = 0;
    assert_status(wait(2)->status, MIX_OK);
    assert_int_equal(w.asked[1], 2);
    w.rcode[1] = 2; /* and if all fail, so does the lookup */
    ask("c.test");
    assert_status(wait(3)->status, MIX_ERR_DNS_SERVER);
    assert_int_equal(mix_dns_deadline(w.d), MIX_NEVER);
    finish();
}

static void who_cannot_be_asked_is_passed_over(void **state) {
    static const mix_dns_config config = {
        .servers = {{.family = 6, .port = 53, .octets = {0xfd, [15] = 9}}, /* not of this stack */
                    {.family = 4, .port = 53, .octets = {192, 0, 2, 2}}}};
    (void)state;
    begin(1);
    mix_dns_free(w.d);
    assert_status(mix_dns_new(&w.d, &config), MIX_OK);
    ask("a.test");
    assert_int_equal(questions(), 2);
    assert_status(wait(1)->status, MIX_OK);
    assert_int_equal(w.asked[1], 1);
    mix_sockets_attach(NULL); /* without a stack nobody can be asked */
    ask("b.test");
    assert_status(wait(2)->status, MIX_ERR_DNS_SERVER);
    mix_sockets_attach(w.t);
    finish();
}

/* Forty times: a place at a server that was kept for nothing would be missed. */
static void who_answers_first_spares_the_next_one_the_question(void **state) {
    enum { TIMES = 40 };
    char name[16];
    (void)state;
    begin(2);
    w.held = 1;
    for (size_t i = 0; i < TIMES; i++) {
        (void)snprintf(name, sizeof name, "n%zu.test", i);
        ask(name);
        uint32_t behind = ask("behind.test"); /* is in the queue for as long as the other takes */
        assert_status(wait(i + 1)->status, MIX_OK);
        mix_dns_cancel(w.d, behind);
        run(NEXT_MOST);
        assert_int_equal(w.asked[1], 0);
    }
    w.held = 0;
    ask("a.test");
    wait(TIMES + 1);
    assert_string_equal(w.last_name[1], "a.test.");
    assert_int_equal(w.asked[1], 1);
    finish();
}

static void what_nobody_waits_for_is_asked_no_further(void **state) {
    (void)state;
    begin(2);
    w.held = SIZE_MAX;
    uint32_t gone = ask("a.test");
    run(MIX_MS(10));
    mix_dns_cancel(w.d, gone);
    w.held = 0;
    run(MIX_SECONDS(1));
    assert_int_equal(questions(), 1);
    assert_int_equal(w.asked[1], 0);
    assert_int_equal(mix_dns_deadline(w.d), MIX_NEVER);
    w.held = SIZE_MAX; /* while another lookup goes on */
    gone = ask("b.test");
    ask("c.test");
    mix_dns_cancel(w.d, gone);
    run(NEXT_MOST);
    assert_int_equal(questions(), 4);
    ask("b.test"); /* and if somebody does again, it begins anew */
    assert_int_equal(questions(), 5);
    w.held = 0;
    wait(2);
    assert_int_equal(w.asked[0], 4);
    assert_int_equal(w.asked[1], 2);
    finish();
}

static void an_alias_is_what_the_next_one_is_asked(void **state) {
    (void)state;
    begin(2);
    w.held = 1;
    uint32_t id = ask("alias.test");
    ask("b.test");
    assert_int_not_equal(wait(1)->id, id); /* where the alias leads waits in the queue */
    w.held = 0;
    mix_dns_event *ev = wait(2);
    assert_int_equal(ev->id, id);
    assert_status(ev->status, MIX_OK);
    assert_int_equal(w.asked[0], 3);
    assert_int_equal(w.asked[1], 1);
    assert_string_equal(w.last_name[1], "a.test.");
    finish();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_next_server_is_asked_when_what_was_asked_before_has_left),
    cmocka_unit_test(a_queue_that_never_empties_holds_nobody_up),
    cmocka_unit_test(who_fails_has_the_next_one_asked_at_once),
    cmocka_unit_test(who_cannot_be_asked_is_passed_over),
    cmocka_unit_test(who_answers_first_spares_the_next_one_the_question),
    cmocka_unit_test(what_nobody_waits_for_is_asked_no_further),
    cmocka_unit_test(an_alias_is_what_the_next_one_is_asked),
};
MIX_TEST_MAIN(ask_test, tests)
