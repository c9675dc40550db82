/* SPDX-License-Identifier: Apache-2.0 */
/* dns/ over HTTPS, with the answers of a resolver written by hand. What dns/ asks of whom when both
 * ways are there: dns_test.c. */
#include "dns/dns.h"

#include "alloc_fail.h"
#include "base/buf.h"
#include "mix/errors.h"
#include "sockets/sockets.h"
#include "testing.h"

static struct {
    mix_test_env env;
    mix_dns *d;
    mix_time now;
    mix_dns_event event;
    mix_buf message;
} w;

static void begin(void) {
    mix_dns_config c = {.doh = "192.0.2.53"};
    memset(&w, 0, sizeof w);
    mix_alloc_fail_at(0, 0);
    mix_test_env_init(&w.env, 1);
    w.now = MIX_SECONDS(1);
    assert_status(mix_sockets_begin(&w.env.env), MIX_OK);
    assert_status(mix_dns_new(&w.d, &c), MIX_OK);
}

static void finish(void) {
    mix_buf_deinit(&w.message);
    mix_dns_free(w.d);
    assert_int_equal(mix_sockets_open(), 0); /* nothing ever went by UDP */
    mix_sockets_end();
    assert_int_equal(mix_alloc_live(), 0);
}

static uint32_t query(const char *name, const char *type) {
    uint32_t id;
    assert_status(mix_dns_query(w.d, &id, name, mix_dns_type(type), w.now), MIX_OK);
    return id;
}

static mix_dns_call call(void) {
    mix_dns_call c;
    assert_int_equal(mix_dns_deadline(w.d), w.now);
    assert_status(mix_dns_drain(w.d, &c, w.now), MIX_OK);
    return c;
}

static void no_call(void) {
    mix_dns_call c;
    assert_status(mix_dns_drain(w.d, &c, w.now), MIX_DONE);
}

static const mix_dns_event *event(void) {
    assert_status(mix_dns_tick(w.d, w.now), MIX_OK);
    assert_status(mix_dns_next(w.d, &w.event, w.now), MIX_OK);
    return &w.event;
}

static void no_event(void) {
    assert_status(mix_dns_tick(w.d, w.now), MIX_OK);
    assert_status(mix_dns_next(w.d, &w.event, w.now), MIX_DONE);
}

static void put_name(const char *name) {
    while (*name) {
        size_t n = strcspn(name, ".");
        mix_buf_put_u8(&w.message, (uint8_t)n);
        mix_buf_put(&w.message, name, n);
        name += n + (name[n] == '.');
    }
    mix_buf_put_u8(&w.message, 0);
}

/* Begins w.message: a header, and one question unless name is NULL. */
static void head(uint16_t flags, const char *name, uint16_t type, uint16_t answers) {
    mix_buf_truncate(&w.message, 0);
    const uint16_t fields[] = {0, flags, name != NULL, answers, 0, 0};
    for (size_t i = 0; i < 6; i++)
        mix_buf_put_u16(&w.message, fields[i]);
    if (!name)
        return;
    put_name(name);
    mix_buf_put_u16(&w.message, type);
    mix_buf_put_u16(&w.message, 1);
}

static void record(const char *owner, uint16_t type, uint16_t class, uint32_t ttl, mix_bytes data) {
    put_name(owner);
    mix_buf_put_u16(&w.message, type);
    mix_buf_put_u16(&w.message, class);
    mix_buf_put_u32(&w.message, ttl);
    mix_buf_put_u16(&w.message, (uint16_t)data.len);
    mix_buf_put_bytes(&w.message, data);
}

static void address(const char *owner, uint32_t ttl) {
    record(owner, 1, 1, ttl, mix_bytes_of("\xc0\0\2\7", 4));
}

static void feed_aged(uint32_t number, uint32_t age) {
    mix_dns_reply r = {.message = mix_buf_bytes(&w.message), .age = age};
    mix_dns_feed(w.d, number, &r, w.now);
}

static void feed(uint32_t number) {
    feed_aged(number, 0);
}

/* The examples of RFC 8484 §4.1.1 and §4.2.2. */
static const uint8_t rfc_query[] = {0,   0,   1,   0,   0,   1,   0,   0,   0,   0,   0,
                                    0,   3,   'w', 'w', 'w', 7,   'e', 'x', 'a', 'm', 'p',
                                    'l', 'e', 3,   'c', 'o', 'm', 0,   0,   1,   0,   1};
static const uint8_t rfc_answer[] = {
    0x00, 0x00, 0x81, 0x80, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x03, 0x77, 0x77, 0x77,
    0x07, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x03, 0x63, 0x6f, 0x6d, 0x00, 0x00, 0x1c, 0x00,
    0x01, 0xc0, 0x0c, 0x00, 0x1c, 0x00, 0x01, 0x00, 0x00, 0x0e, 0x7d, 0x00, 0x10, 0x20, 0x01, 0x0d,
    0xb8, 0xab, 0xcd, 0x00, 0x12, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04};

static void the_question_of_the_standard_padded(void **state) {
    uint8_t expected[128] = {0};
    (void)state;
    begin();
    query("www.Example.com", "A");
    mix_dns_call c = call();
    memcpy(expected, rfc_query, sizeof rfc_query);
    expected[11] = 1; /* one additional record: */
    memcpy(expected + 33, "\0\0\x29\x10\0\0\0\0\0\0\x54\0\x0c\0\x50", 15); /* OPT, 80 zeros in it */
    assert_bytes(c.message, mix_bytes_of(expected, sizeof expected));
    assert_false(c.cancel);
    assert_int_equal(c.give_up, w.now + MIX_SECONDS(10));
    no_call();
    finish();
}

static void every_length_of_name_is_padded(void **state) {
    char name[254];
    (void)state;
    begin();
    for (size_t len = 1; len <= 253; len++) {
        for (size_t i = 0; i < len; i++)
            name[i] = i % 64 == 63 ? '.' : 'a';
        if (name[len - 1] == '.')
            continue;
        name[len] = 0;
        query(name, "A");
        mix_dns_call c = call();
        size_t bare = 12 + len + 2 + 4 + 15;
        assert_int_equal(c.message.len, (bare + 127) / 128 * 128);
        assert_int_equal(c.message.data[12 + len + 1], 0); /* the name ends here */
        assert_int_equal(mix_get_u16(c.message.data + bare - 6), c.message.len - bare + 4);
    }
    finish();
}

static void the_answer_of_the_standard(void **state) {
    (void)state;
    begin();
    uint32_t id = query("www.example.com", "AAAA");
    mix_dns_call c = call();
    mix_buf_put(&w.message, rfc_answer, sizeof rfc_answer);
    no_event();
    feed(c.number);
    const mix_dns_event *e = event();
    assert_int_equal(e->id, id);
    assert_status(e->status, MIX_OK);
    assert_int_equal(e->ttl, 3600); /* says 3709; kept for an hour at most */
    assert_int_equal(e->count, 1);
    assert_string_equal(e->records[0].text, "2001:db8:abcd:12:1:2:3:4");
    query("www.example.com", "AAAA");
    no_call();
    assert_true(event()->cached);
    feed(c.number); /* once more: ignored */
    feed(77);
    no_event();
    assert_int_equal(mix_dns_deadline(w.d), MIX_NEVER);
    finish();
}

static void both_families_are_two_calls(void **state) {
    uint32_t id;
    (void)state;
    begin();
    assert_status(mix_dns_lookup(w.d, &id, "a.test", MIX_DNS_IP4 | MIX_DNS_IP6, w.now), MIX_OK);
    assert_status(mix_dns_lookup(w.d, &id, "a.test", MIX_DNS_IP4, w.now), MIX_OK); /* shares */
    mix_dns_call four = call();
    assert_int_equal(four.message.data[12 + 8 + 1], 1);
    uint32_t first = four.number;
    mix_dns_call six = call();
    assert_int_equal(six.message.data[12 + 8 + 1], 28);
    no_call();
    head(0x8180, "A.tEst", 1, 1);
    address("a.test", 60);
    feed(first);
    assert_int_equal(event()->count, 1); /* the second lookup's; the first waits a little */
    no_event();
    w.now += MIX_MS(120);
    assert_int_equal(event()->count, 1);
    no_call(); /* the late one is not cancelled: its answer is kept */
    head(0x8180, "a.test", 28, 1);
    record("a.test", 28, 1, 60, mix_bytes_of("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16));
    feed(six.number);
    assert_status(mix_dns_lookup(w.d, &id, "a.test", MIX_DNS_IP4 | MIX_DNS_IP6, w.now), MIX_OK);
    assert_int_equal(event()->count, 2);
    assert_true(w.event.cached);
    finish();
}

static void the_age_of_an_answer_counts(void **state) {
    (void)state;
    begin();
    query("a.test", "A");
    head(0x8180, "a.test", 1, 1);
    address("a.test", 300);
    feed_aged(call().number, 250);
    assert_int_equal(event()->ttl, 50);
    w.now += MIX_SECONDS(50);
    query("a.test", "A");
    head(0x8180, "a.test", 1, 1);
    address("a.test", 300);
    feed_aged(call().number, 4000000000u);
    assert_int_equal(event()->ttl, 10); /* the least for which anything is kept */
    query("no.test", "A");
    head(0x8183, "no.test", 1, 0);
    w.message.data[9] = 1;
    record("test", 6, 1, 40, mix_bytes_of("\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x28", 22));
    feed_aged(call().number, 30);
    assert_status(event()->status, MIX_ERR_DNS_NOT_FOUND);
    w.now += MIX_SECONDS(10) - 1;
    query("no.test", "A");
    assert_true(event()->cached);
    w.now += 1;
    query("no.test", "A");
    call();
    finish();
}

static void aliases_are_asked_on(void **state) {
    (void)state;
    begin();
    query("alias.test", "A");
    uint32_t first = call().number;
    head(0x8180, "alias.test", 1, 1);
    record("alias.test", 5, 1, 60, mix_bytes_of("\1a\4test", 8));
    feed(first);
    no_event();
    mix_dns_call c = call();
    assert_int_not_equal(c.number, first);
    assert_memory_equal(c.message.data + 12, "\1a\4test", 8);
    head(0x8180, "a.test", 1, 1);
    address("a.test", 60);
    feed(c.number);
    assert_status(event()->status, MIX_OK);
    assert_string_equal(w.event.canonical, "a.test");
    query("loop.test", "A"); /* an alias of itself by way of another, for ever */
    for (int i = 0; i <= 8; i++) {
        const char *now = i % 2 ? "pool.test" : "loop.test";
        uint32_t number = call().number;
        head(0x8180, now, 1, 1);
        record(now, 5, 1, 60, mix_bytes_of(i % 2 ? "\4loop\4test" : "\4pool\4test", 11));
        feed(number);
    }
    no_call();
    assert_status(event()->status, MIX_ERR_DNS_CHAIN);
    finish();
}

static void expect(int status, const char *what) {
    query("a.test", "A");
    feed(call().number);
    if (event()->status != status)
        fprintf(stderr, "%s\n", what);
    assert_status(w.event.status, status);
    if (status != MIX_OK)
        assert_memory_equal(w.event.failure.words, "a.test", 6);
    mix_dns_forget(w.d);
}

static void answers_that_are_none(void **state) {
    (void)state;
    begin();
    for (int i = 0; i < 9; i++) {
        head(i == 0   ? 0x0180
             : i == 1 ? 0x8380
             : i == 2 ? 0x9180
                      : 0x8180,
             i == 3   ? "b.test"
             : i == 4 ? NULL
                      : "a.test",
             i == 5 ? 28 : 1, 1);
        address("a.test", 60);
        if (i == 6)
            w.message.data[1] = 1; /* the id */
        if (i == 7)
            w.message.data[12 + 8 + 3] = 3; /* the class */
        expect(i < 8 ? MIX_ERR_DNS_MALFORMED : MIX_OK, "a field of the header or question");
    }
    mix_buf_truncate(&w.message, 0);
    expect(MIX_ERR_DNS_MALFORMED, "nothing");
    mix_buf_put_zeros(&w.message, MIX_DNS_MESSAGE_MAX);
    expect(MIX_ERR_DNS_MALFORMED, "zeros");
    head(0x8180, "a.test", 1, 1);
    address("a.test", 60);
    mix_buf whole = w.message;
    for (size_t n = 0; n < whole.len; n++) { /* cut anywhere */
        w.message = whole;
        w.message.len = n;
        expect(MIX_ERR_DNS_MALFORMED, "a cut");
    }
    w.message = whole;
    head(0x8180, "a.test", 1, 3); /* of another name, another class, an alias of another class */
    address("b.test", 60);
    record("a.test", 1, 3, 60, mix_bytes_of("\6\6\6\6", 4));
    record("a.test", 5, 4, 60, mix_bytes_of("\1b\4test", 8));
    expect(MIX_ERR_DNS_NO_DATA, "foreign records");
    mix_buf_truncate(&w.message, 2); /* a name that points to itself */
    mix_buf_put(&w.message, "\x81\x80\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 16);
    expect(MIX_ERR_DNS_MALFORMED, "a loop of pointers");
    finish();
}

static void a_huge_answer_costs_no_more_than_its_bounds(void **state) {
    (void)state;
    begin();
    head(0x8180, "a.test", 1, 2500);
    for (int i = 0; i < 2500; i++)
        address("a.test", (uint32_t)(1000 + i));
    query("a.test", "A");
    mix_alloc_fail_at(0, 0);
    feed(call().number);
    assert_status(event()->status, MIX_OK);
    assert_int_equal(w.event.count, MIX_DNS_RECORDS_MAX);
    query("long.test", "TXT");
    head(0x8180, "long.test", 16, 4);
    mix_buf data = {0};
    for (int i = 0; i < 63; i++) {
        mix_buf_put_u8(&data, 255);
        memset(mix_buf_space(&data, 255), 1, 255); /* four characters each when written */
    }
    for (int i = 0; i < 4; i++)
        record("long.test", 16, 1, 60, mix_buf_bytes(&data));
    mix_buf_deinit(&data);
    feed(call().number);
    assert_status(event()->status, MIX_OK);
    assert_int_equal(w.event.count, 1);
    finish();
}

static void what_the_resolver_says_of_itself(void **state) {
    (void)state;
    begin();
    head(0x8182, "a.test", 1, 0);
    expect(MIX_ERR_DNS_SERVER, "SERVFAIL");
    assert_int_equal(w.event.failure.number, 2);
    head(0x8185, "a.test", 1, 0);
    expect(MIX_ERR_DNS_SERVER, "REFUSED");
    head(0x8181, "a.test", 1, 0);
    expect(MIX_ERR_DNS_MALFORMED, "FORMERR");
    head(0x8183, "a.test", 1, 0);
    expect(MIX_ERR_DNS_NOT_FOUND, "NXDOMAIN");
    head(0x8180, "a.test", 1, 0);
    expect(MIX_ERR_DNS_NO_DATA, "nothing of the kind");
    finish();
}

static void failures_are_carried_up(void **state) {
    mix_error why = {0};
    (void)state;
    begin();
    query("a.test", "A");
    mix_error_note(&why, MIX_ERR_DNS_SERVER, "http", 502, "the resolver answered 502 Bad Gateway");
    mix_dns_feed(w.d, call().number, &(mix_dns_reply){.failure = &why}, w.now);
    assert_status(event()->status, MIX_ERR_DNS_SERVER);
    assert_status(w.event.failure.code, MIX_ERR_DNS_SERVER);
    assert_int_equal(w.event.failure.number, 502);
    assert_string_equal(w.event.failure.words, "a.test: the resolver answered 502 Bad Gateway");
    query("a.test", "A"); /* failures are not kept */
    call();
    finish();
}

static void time_limits_and_cancelled_lookups(void **state) {
    (void)state;
    begin();
    query("a.test", "A");
    mix_dns_call c = call();
    assert_int_equal(mix_dns_deadline(w.d), w.now + MIX_SECONDS(10));
    w.now += MIX_SECONDS(10);
    assert_status(event()->status, MIX_ERR_DNS_TIMEOUT);
    assert_string_equal(w.event.failure.words, "a.test");
    mix_dns_call cancel = call();
    assert_true(cancel.cancel);
    assert_int_equal(cancel.number, c.number);
    feed(c.number);
    no_event();
    uint32_t id = query("b.test", "A"); /* not drained yet: nothing to cancel */
    mix_dns_cancel(w.d, id);
    no_event();
    no_call();
    int cancelled = 0;
    for (int i = 0; i < 20; i++) { /* cancelled after that: a few go on */
        char name[20];
        snprintf(name, sizeof name, "n%d.test", i);
        id = query(name, "A");
        while (call().cancel)
            cancelled++;
        mix_dns_cancel(w.d, id);
        no_event();
    }
    assert_int_equal(cancelled, 3);
    assert_true(call().cancel);
    no_call();
    w.now += MIX_SECONDS(6); /* one of those that go on, and perhaps hang: asked anew */
    query("n19.test", "A");
    assert_false(call().cancel);
    finish();
}

static void the_resolvers_name_must_be_one(void **state) {
    mix_test_env env;
    mix_dns *d;
    (void)state;
    mix_test_env_init(&env, 1);
    mix_address server = {.family = 4, .port = 53, .octets = {8, 8, 8, 8}};
    const struct {
        const char *host;
        bool server;
        int status;
    } cases[] = {{"a..b", true, MIX_ERR_DNS_NAME},      {"localhost", true, MIX_ERR_DNS_NAME},
                 {"dns.test", false, MIX_ERR_ARGUMENT}, {"dns.test", true, MIX_OK},
                 {"2001:db8::1", false, MIX_OK},        {NULL, false, MIX_ERR_ARGUMENT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mix_dns_config c = {.doh = cases[i].host};
        if (cases[i].server)
            c.servers[0] = server;
        assert_status(mix_dns_new(&d, &c), cases[i].status);
        mix_dns_free(d);
    }
}

static void without_memory_at_any_point(void **state) {
    (void)state;
    for (size_t n = 1;; n++) {
        mix_dns_call c;
        uint32_t id;
        begin();
        mix_buf_reserve(&w.message, 200);
        mix_alloc_fail_at(n, 0);
        int status = mix_dns_query(w.d, &id, "alias.test", 1, w.now);
        if (status == MIX_OK) {
            while (mix_dns_drain(w.d, &c, w.now) == MIX_OK) {
                bool first = c.message.data[12] == 5;
                mix_alloc_fail_pause(1);
                head(0x8180, first ? "alias.test" : "a.test", 1, 1);
                if (first)
                    record("alias.test", 5, 1, 60, mix_bytes_of("\1a\4test", 8));
                else
                    address("a.test", 60);
                mix_alloc_fail_pause(0);
                feed(c.number);
            }
            status = event()->status;
        }
        size_t count = mix_alloc_count();
        assert_true(status == MIX_OK || status == MIX_ERR_MEMORY);
        assert_true(status == MIX_OK || count >= n);
        finish();
        if (count < n)
            break;
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_question_of_the_standard_padded),
    cmocka_unit_test(every_length_of_name_is_padded),
    cmocka_unit_test(the_answer_of_the_standard),
    cmocka_unit_test(both_families_are_two_calls),
    cmocka_unit_test(the_age_of_an_answer_counts),
    cmocka_unit_test(aliases_are_asked_on),
    cmocka_unit_test(answers_that_are_none),
    cmocka_unit_test(a_huge_answer_costs_no_more_than_its_bounds),
    cmocka_unit_test(what_the_resolver_says_of_itself),
    cmocka_unit_test(failures_are_carried_up),
    cmocka_unit_test(time_limits_and_cancelled_lookups),
    cmocka_unit_test(the_resolvers_name_must_be_one),
    cmocka_unit_test(without_memory_at_any_point),
};
MIX_TEST_MAIN(doh_test, tests)
