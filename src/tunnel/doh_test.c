/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over HTTPS with the engines that it moves questions between, against resolvers on the far
 * side, in virtual time. */
#include "tunnel/doh.h"

#include "alloc_fail.h"
#include "http/web_testing.h"
#include "mix/errors.h"
#include "mix/tunnel.h"

enum { MANY = 32 };
#define ROUND_TRIP MIX_MS(100)

typedef enum kind {
    GOOD,
    STATUS,  /* 502 */
    HTML,    /* 200, but no message */
    TYPED,   /* the type in capitals with a parameter, and an age */
    LARGE,   /* 65536 bytes */
    GARBAGE, /* a message that is none */
    EMPTY,
    CUT_ONCE,  /* the first connection ends instead of an answer */
    CUT,       /* each does */
    DEAD_ONCE, /* nothing comes on the first connection */
    DEAD,
} kind;

static struct {
    web web;
    mix_tunnel_doh *d;
    kind kind;
    char seen[4000]; /* headers of the last request */
    size_t seen_len;
    unsigned asked;
    struct outcome {
        uint32_t id;
        int status;
        int64_t number;
        uint32_t ttl;
        char words[MIX_ERROR_WORDS], first[64];
        mix_time at;
    } outcomes[MANY];
    size_t count, wanted;
    bool fetched;
    mix_time fetched_at;
} s;

/* ---- the resolver ---- */

/* 192.0.2.9 for every A; "slow.test" is never answered. */
static bool answer(mix_buf *out, const web_request *r) {
    size_t end = 12;
    assert_true(r->body.len == 128);
    assert_int_equal(mix_get_u16(r->body.data), 0);
    while (r->body.data[end] != 0)
        end += r->body.data[end] + 1u;
    if (memcmp(r->body.data + 12, "\4slow", 5) == 0)
        return false;
    bool four = mix_get_u16(r->body.data + end + 1) == 1;
    mix_buf_put(out, four ? "\0\0\x81\x80\0\1\0\1\0\0\0\0" : "\0\0\x81\x80\0\1\0\0\0\0\0\0", 12);
    mix_buf_put(out, r->body.data + 12, end + 5 - 12);
    if (four)
        mix_buf_put(out, "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\300\0\2\x09", 16);
    return true;
}

static void respond(web_request *r, int status, const char *headers, size_t body) {
    mix_buf out = {0};
    mix_buf_put_zeros(&out, body);
    web_respond(r, status, headers, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

static void serve(void *user, web_request *r) {
    static const char plain[] = "content-type: application/dns-message\n";
    bool first = s.web.connections == 1;
    mix_buf out = {0};
    (void)user;
    if (strcmp(r->path, "/page") == 0) {
        web_respond(r, 200, "", mix_bytes_str("page"));
        return;
    }
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->path, "/dns-query");
    s.asked++;
    s.seen_len = (size_t)snprintf(s.seen, sizeof s.seen, "%.*s", (int)r->headers.len,
                                  (const char *)r->headers.data);
    if (s.kind == STATUS)
        respond(r, 502, plain, 10);
    else if (s.kind == HTML)
        respond(r, 200, "content-type: text/html\n", 10);
    else if (s.kind == LARGE)
        respond(r, 200, plain, 65536);
    else if (s.kind == GARBAGE || s.kind == EMPTY)
        respond(r, 200, plain, s.kind == EMPTY ? 0 : 100);
    else if (s.kind == CUT || (s.kind == CUT_ONCE && first))
        web_close(r->conn);
    else if (s.kind == DEAD || (s.kind == DEAD_ONCE && first) || !answer(&out, r))
        ;
    else
        web_respond(r, 200,
                    s.kind == TYPED ? "content-type: Application/DNS-Message; x=y\nage: 250\n"
                                    : plain,
                    mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

/* ---- the near side ---- */

static void pump(void *user, mix_time now) {
    mix_http_event ev;
    (void)user;
    bool any = true;
    while (any) { /* as transport.c does */
        any = mix_tunnel_doh_turn(s.d, now);
        mix_http_tick(s.web.http, now);
        while (mix_http_next(s.web.http, &ev) == MIX_OK) {
            any = true;
            if (!mix_tunnel_doh_exchanged(s.d, &ev, now) && ev.kind == MIX_HTTP_FINISHED) {
                assert_status(ev.status, MIX_OK);
                s.fetched = true;
                s.fetched_at = now;
            }
        }
    }
}

static mix_time deadline(void *user) {
    (void)user;
    return mix_tunnel_doh_deadline(s.d);
}

static bool resolved(void *user, const mix_dns_event *ev) {
    (void)user;
    struct outcome *o = &s.outcomes[s.count++];
    *o = (struct outcome){.id = ev->id,
                          .status = ev->status,
                          .number = ev->failure.number,
                          .ttl = ev->ttl,
                          .at = web_now(&s.web)};
    snprintf(o->words, sizeof o->words, "%s", ev->failure.words);
    snprintf(o->first, sizeof o->first, "%s", ev->count > 0 ? ev->records[0].text : "");
    return true;
}

static void begin_with(kind k, const char *url, bool no_h2) {
    char host[MIX_DNS_NAME_MAX + 1];
    if (s.web.far) {
        mix_tunnel_doh_free(s.d);
        web_end(&s.web);
    }
    memset(&s, 0, sizeof s);
    s.kind = k;
    mix_alloc_fail_at(0, 0);
    assert_status(mix_tunnel_doh_host(host, url, NULL), MIX_OK);
    web_begin(&s.web, &(web_options){.link = {.delay = ROUND_TRIP / 2, .seed = 1},
                                     .doh = host,
                                     .no_h2 = no_h2,
                                     .handler = serve,
                                     .pump = pump,
                                     .deadline = deadline,
                                     .resolved = resolved});
    assert_status(mix_tunnel_doh_new(&s.d, url, host, s.web.dns, s.web.http), MIX_OK);
}

static void begin_at(kind k, const char *url) {
    begin_with(k, url, false);
}

static void begin(kind k) {
    begin_at(k, "https://b.test/dns-query{?dns}");
}

static void end(void) {
    mix_tunnel_doh_free(s.d);
    web_end(&s.web);
    s.web.far = NULL;
}

static bool enough(void *user) {
    (void)user;
    return s.count >= s.wanted && s.wanted > 0;
}

static void ask(const char *name, unsigned families) {
    uint32_t id;
    assert_status(mix_dns_lookup(s.web.dns, &id, name, families, web_now(&s.web)), MIX_OK);
}

/* Runs until n events came from now on; gives the first of them. */
static struct outcome *wait(size_t n) {
    size_t first = s.count;
    s.wanted = first + n;
    web_run(&s.web, enough, MIX_SECONDS(30));
    assert_int_equal(s.count, first + n);
    return &s.outcomes[first];
}

static struct outcome *lookup(const char *name) {
    ask(name, MIX_DNS_IP4);
    return wait(1);
}

static void takes(mix_time start, mix_time end, mix_time expected) {
    assert_in_range(end - start, expected, expected + MIX_MS(5));
}

/* ---- tests ---- */

static void one_round_trip_on_a_kept_connection(void **state) {
    (void)state;
    begin(GOOD);
    mix_time start = web_now(&s.web);
    struct outcome *o = lookup("first.test");
    assert_status(o->status, MIX_OK);
    assert_string_equal(o->first, "192.0.2.9");
    assert_int_equal(o->ttl, 300);
    takes(start, o->at, 4 * ROUND_TRIP); /* the resolver's address, TCP, TLS, the question */
    unsigned by_servers = s.web.lookups;
    assert_int_equal(by_servers, 4); /* A and AAAA of the resolver, of two servers */
    start = o->at;
    o = lookup("second.test");
    takes(start, o->at, ROUND_TRIP);
    start = o->at;
    for (int i = 0; i < 10; i++) {
        char name[20];
        snprintf(name, sizeof name, "n%d.test", i);
        ask(name, MIX_DNS_IP4 | MIX_DNS_IP6);
    }
    o = wait(10);
    takes(start, o[0].at, ROUND_TRIP);
    takes(start, o[9].at, ROUND_TRIP);
    assert_int_equal(s.web.connections, 1);
    assert_int_equal(s.asked, 22);
    assert_int_equal(s.web.lookups, by_servers); /* and nothing else by UDP */
    assert_non_null(strstr(s.seen, "content-type: application/dns-message\n"));
    assert_non_null(strstr(s.seen, "accept: application/dns-message\n"));
    assert_null(strstr(s.seen, "user-agent")); /* nobody's business */
    start = web_now(&s.web);
    takes(start, lookup("n3.test")->at, 0); /* from the cache */
    for (int i = 0; i < 12; i++) { /* also when the resolver's address has run out: 256 s */
        char name[20];
        web_run(&s.web, NULL, MIX_SECONDS(50));
        snprintf(name, sizeof name, "m%d.test", i);
        start = web_now(&s.web);
        takes(start, lookup(name)->at, ROUND_TRIP);
    }
    assert_int_equal(s.web.connections, 1);
    end();
}

static void without_http2_on_several_connections(void **state) {
    (void)state;
    begin_with(GOOD, "https://b.test/dns-query", true);
    for (int i = 0; i < 20; i++) {
        char name[20];
        snprintf(name, sizeof name, "n%d.test", i);
        ask(name, MIX_DNS_IP4);
    }
    struct outcome *o = wait(20);
    for (int i = 0; i < 20; i++)
        assert_status(o[i].status, MIX_OK);
    assert_in_range(s.web.connections, 2, 6);
    end();
}

static bool has_fetched(void *user) {
    (void)user;
    return s.fetched;
}

static void a_request_by_name_asks_the_resolver(void **state) {
    uint32_t id;
    (void)state;
    begin(GOOD);
    lookup("first.test");
    unsigned by_servers = s.web.lookups, asked = s.asked;
    mix_http_request r = {
        .method = "GET", .url = "http://page.test/page", .body = MIX_HTTP_NO_BODY};
    mix_time start = web_now(&s.web);
    assert_status(mix_http_start(s.web.http, &id, &r, start), MIX_OK);
    assert_true(web_run(&s.web, has_fetched, MIX_SECONDS(1)));
    takes(start, s.fetched_at, 3 * ROUND_TRIP); /* name, TCP, request */
    assert_int_equal(s.asked, asked + 2);
    assert_int_equal(s.web.lookups, by_servers);
    mix_http_close(s.web.http, id, web_now(&s.web));
    end();
}

static void what_resolvers_may_answer(void **state) {
    static const struct {
        kind kind;
        int status;
        int64_t number;
        const char *words;
    } rows[] = {
        {STATUS, MIX_ERR_DNS_SERVER, 502, "a.test: b.test answered 502 "},
        {HTML, MIX_ERR_DNS_SERVER, 200,
         "a.test: b.test answered with text/html instead of application/dns-message"},
        {LARGE, MIX_ERR_DNS_MALFORMED, 0, "a.test: b.test answered with more than 65535 bytes"},
        {GARBAGE, MIX_ERR_DNS_MALFORMED, 0, "a.test: Misformatted DNS reply"},
        {EMPTY, MIX_ERR_DNS_MALFORMED, 0, "a.test: Misformatted DNS reply"},
        {CUT, MIX_ERR_DNS_SERVER, -1, "a.test: b.test: the connection ended"},
        {TYPED, MIX_OK, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].kind);
        struct outcome *o = lookup("a.test");
        assert_status(o->status, rows[i].status);
        if (rows[i].number >= 0)
            assert_int_equal(o->number, rows[i].number);
        if (strncmp(o->words, rows[i].words, strlen(rows[i].words)) != 0)
            assert_string_equal(o->words, rows[i].words);
        assert_int_equal(s.asked, rows[i].kind == CUT ? 2 : 1); /* once more if it breaks */
        if (rows[i].kind == TYPED)
            assert_int_equal(o->ttl, 50);
        unsigned connections = s.web.connections;
        s.kind = GOOD; /* and nothing of it stays */
        assert_status(lookup("c.test")->status, MIX_OK);
        assert_int_equal(s.web.connections, connections + (rows[i].kind == CUT));
    }
    end();
}

static void a_connection_that_breaks_is_made_anew(void **state) {
    (void)state;
    begin(CUT_ONCE);
    mix_time start = web_now(&s.web);
    ask("x.test", MIX_DNS_IP4);
    ask("y.test", MIX_DNS_IP4);
    struct outcome *o = wait(2);
    assert_status(o[0].status, MIX_OK);
    assert_status(o[1].status, MIX_OK);
    takes(start, o[1].at, 7 * ROUND_TRIP);
    assert_int_equal(s.web.connections, 2);
    end();
}

static void a_connection_that_is_dead_is_left(void **state) {
    (void)state;
    begin(DEAD_ONCE);
    ask("x.test", MIX_DNS_IP4);
    ask("y.test", MIX_DNS_IP4);
    struct outcome *o = wait(2);
    assert_status(o[0].status, MIX_OK);
    assert_status(o[1].status, MIX_OK);
    assert_in_range(o[1].at, MIX_SECONDS(1) + MIX_MS(3800), MIX_SECONDS(1) + MIX_MS(3850));
    assert_int_equal(s.web.connections, 2);
    mix_time start = web_now(&s.web);
    takes(start, lookup("z.test")->at, ROUND_TRIP); /* and not used any more */
    s.kind = DEAD;
    start = web_now(&s.web);
    o = lookup("a.test");
    assert_status(o->status, MIX_ERR_DNS_TIMEOUT);
    takes(start, o->at, MIX_SECONDS(10));
    assert_int_equal(mix_tunnel_doh_deadline(s.d), MIX_NEVER);
    end();
}

static void one_slow_question_does_not_cost_the_connection(void **state) {
    (void)state;
    begin(GOOD);
    lookup("first.test");
    mix_time start = web_now(&s.web);
    ask("slow.test", MIX_DNS_IP4);
    web_run(&s.web, NULL, MIX_SECONDS(2));
    assert_status(lookup("a.test")->status, MIX_OK);
    struct outcome *o = wait(1);
    assert_status(o->status, MIX_ERR_DNS_TIMEOUT);
    takes(start, o->at, MIX_SECONDS(10));
    assert_int_equal(s.web.connections, 1);
    assert_int_equal(s.asked, 3);
    start = web_now(&s.web);
    takes(start, lookup("c.test")->at, ROUND_TRIP);
    end();
}

static void a_resolver_that_is_not_there(void **state) {
    static const struct {
        const char *url, *words;
    } rows[] = {
        {"https://b.test:4433/dns-query", "a.test: b.test: the connection was refused"},
        {"https://c.test/dns-query", "a.test: c.test: "}, /* its certificate is for others */
        {"https://dns.example/dns-query", "a.test: dns.example: there is no such host name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin_at(GOOD, rows[i].url);
        struct outcome *o = lookup("a.test");
        assert_status(o->status, MIX_ERR_DNS_SERVER);
        if (strncmp(o->words, rows[i].words, strlen(rows[i].words)) != 0)
            assert_string_equal(o->words, rows[i].words);
        assert_int_equal(s.asked, 0);
    }
    end();
}

static void a_resolver_by_its_number(void **state) {
    (void)state;
    begin_at(GOOD, "https://192.0.2.53/dns-query"); /* its certificate has names only */
    assert_status(lookup("a.test")->status, MIX_ERR_DNS_SERVER);
    assert_int_equal(s.web.lookups, 0);
    end();
}

static void ended_while_asking(void **state) {
    mix_error why = {0};
    (void)state;
    begin(DEAD);
    ask("x.test", MIX_DNS_IP4 | MIX_DNS_IP6);
    web_run(&s.web, NULL, MIX_SECONDS(1));
    mix_error_note(&why, MIX_ERR_DNS_SERVER, "tunnel", 7, "stopped");
    mix_tunnel_doh_end(s.d, &why, web_now(&s.web));
    struct outcome *o = wait(1);
    assert_status(o->status, MIX_ERR_DNS_SERVER);
    assert_string_equal(o->words, "x.test: stopped");
    ask("y.test", MIX_DNS_IP4);
    end(); /* with one under way */
}

static void hosts_of_urls(void **state) {
    static const struct {
        const char *url, *host;
    } rows[] = {{"https://dns.google/dns-query", "dns.google"},
                {"https://DNS.Quad9.net:5053/dns-query{?dns}", "DNS.Quad9.net"},
                {"https://[2001:db8::1]/q", "2001:db8::1"},
                {"https://192.0.2.1/", "192.0.2.1"},
                {"http://dns.google/dns-query", NULL},
                {"dns.google", NULL},
                {"", NULL},
                {"{?dns}", NULL},
                {"ftp://dns.google/", NULL},
                {"https://", NULL}};
    char host[MIX_DNS_NAME_MAX + 1], longest[400] = "https://";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_error why = {0};
        int status = mix_tunnel_doh_host(host, rows[i].url, &why);
        assert_status(status, rows[i].host ? MIX_OK : MIX_ERR_ARGUMENT);
        if (rows[i].host)
            assert_string_equal(host, rows[i].host);
        else
            assert_non_null(strstr(why.words, "is not an https URL"));
    }
    memset(longest + 8, 'a', 254);
    assert_status(mix_tunnel_doh_host(host, longest, NULL), MIX_ERR_ARGUMENT);
}

static void as_an_option(void **state) {
    static const struct {
        const char *url;
        int status;
        const char *words;
    } rows[] = {
        {"http://dns.test/q", MIX_ERR_ARGUMENT, "doh_url 'http://dns.test/q' is not an https URL"},
        {"https://local_host.localhost/q", MIX_ERR_ARGUMENT,
         "doh_url: 'local_host.localhost' is no host name"},
        {"https://dns.test/q{?dns}", MIX_OK, ""},
        {"https://[2001:db8::1]/q", MIX_OK, ""},
    };
    mix_test_env env;
    (void)state;
    mix_test_env_init(&env, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_tunnel *t = NULL;
        mix_failure why = {0};
        mix_tunnel_config c = {.doh_url = rows[i].url};
        assert_status(mix_tunnel_new(&t, &c, &env.env, &why), rows[i].status);
        assert_string_equal(why.words, rows[i].words);
        mix_tunnel_free(t);
        assert_int_equal(mix_alloc_live(), 0);
    }
}

static void without_memory_at_any_point(void **state) {
    (void)state;
    for (size_t n = 1;; n += n < 40 ? 1 : 17) {
        begin(GOOD);
        assert_status(lookup("first.test")->status, MIX_OK);
        mix_alloc_fail_at(n, 0);
        uint32_t id;
        int status =
            mix_dns_lookup(s.web.dns, &id, "a.test", MIX_DNS_IP4 | MIX_DNS_IP6, web_now(&s.web));
        if (status == MIX_OK)
            status = wait(1)->status;
        assert_true(status == MIX_OK || status == MIX_ERR_MEMORY || status == MIX_ERR_DNS_SERVER);
        size_t count = mix_alloc_count();
        mix_alloc_fail_at(0, 0);
        assert_status(lookup("b2.test")->status, MIX_OK); /* nothing of it stays */
        end();
        assert_int_equal(mix_alloc_live(), 0);
        if (count < n)
            break;
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_round_trip_on_a_kept_connection),
    cmocka_unit_test(without_http2_on_several_connections),
    cmocka_unit_test(a_request_by_name_asks_the_resolver),
    cmocka_unit_test(what_resolvers_may_answer),
    cmocka_unit_test(a_connection_that_breaks_is_made_anew),
    cmocka_unit_test(a_connection_that_is_dead_is_left),
    cmocka_unit_test(one_slow_question_does_not_cost_the_connection),
    cmocka_unit_test(a_resolver_that_is_not_there),
    cmocka_unit_test(a_resolver_by_its_number),
    cmocka_unit_test(ended_while_asking),
    cmocka_unit_test(hosts_of_urls),
    cmocka_unit_test(as_an_option),
    cmocka_unit_test(without_memory_at_any_point),
};
MIX_TEST_MAIN(tunnel_doh_test, tests)
