/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the exit's internet without servers: options, memory, the table of flows, packets,
 * odd DNS questions. */
#include "internet.h"

#include "alloc_fail.h"
#include "internet_dns.h"
#include "internet_flows.h"
#include "internet_forward.h"
#include "testing.h"

static void on_packet(void *user, mix_bytes packet) {
    (void)user;
    (void)packet;
    fail_msg("a packet that nobody asked for");
}

static void bad_options(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"web.example", "web.example"},  {"=1.2.3.4", "=1.2.3.4"}, {"a..b=1.2.3.4", "a..b"},
        {"a=1.2.3", "a=1.2.3"},          {"a=1.2.3.4,", "TTL"},    {"a=1.2.3.4,x", "TTL"},
        {"a=1.2.3.4,9999999999", "TTL"}, {"a=::g", "address"},
    };
    static const char *const wrong[] = {"1.2.3.4:80",
                                        "1.2.3.4=127.0.0.1:80",
                                        "1.2.3.4:0=127.0.0.1:80",
                                        "1.2.3.4:80=host:80",
                                        "1.2.3.4:80=localhost",
                                        "::1:80=127.0.0.1:80",
                                        "1.2.3.4:80=127.0.0.1:99999"};
    uv_loop_t loop;
    uv_loop_init(&loop);
    mix_test_env env;
    mix_test_env_init(&env, 1);
    internet *net;
    mix_error e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        internet_options opt = {.resolve = bad[i], .resolves = 1};
        assert_status(internet_new(&net, &loop, &opt, &env.env, on_packet, NULL, &e),
                      MIX_ERR_ARGUMENT);
        assert_null(net);
        assert_non_null(strstr(e.words, bad[i][1]));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        internet_options opt = {.forward = wrong + i, .forwards = 1};
        assert_status(internet_new(&net, &loop, &opt, &env.env, on_packet, NULL, &e),
                      MIX_ERR_ARGUMENT);
        assert_non_null(strstr(e.words, wrong[i]));
    }
    static const char *const twice[] = {"1.2.3.4:80=127.0.0.1:80", "1.2.3.4:80=127.0.0.1:81"};
    assert_status(internet_new(&net, &loop, &(internet_options){.forward = twice, .forwards = 2},
                               &env.env, on_packet, NULL, &e),
                  MIX_ERR_ARGUMENT);
    assert_status(
        internet_new(&net, &loop, &(internet_options){.mtu = 1000}, &env.env, on_packet, NULL, &e),
        MIX_ERR_ARGUMENT);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(mix_alloc_live(), 0);
}

static void memory_that_fails(void **state) {
    (void)state;
    static const char *const names[] = {"a.example=1.2.3.4"}, *const rules[] = {
                                                                  "1.2.3.4:80=127.0.0.1:80"};
    internet_options opt = {.resolve = names, .resolves = 1, .forward = rules, .forwards = 1};
    uv_loop_t loop;
    uv_loop_init(&loop);
    mix_test_env env;
    mix_test_env_init(&env, 1);
    internet *net = NULL;
    mix_error e;
    size_t n = 0;
    for (int rc = MIX_ERR_MEMORY; rc != MIX_OK;) {
        mix_alloc_fail_at(++n, 0);
        rc = internet_new(&net, &loop, &opt, &env.env, on_packet, NULL, &e);
        mix_alloc_fail_at(0, 0);
        if (rc != MIX_OK)
            assert_status(rc, MIX_ERR_MEMORY);
        if (rc != MIX_OK)
            uv_run(&loop, UV_RUN_DEFAULT);
    }
    assert_true(n > 6);
    internet_close(net, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    internet_free(net);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(mix_alloc_live(), 0);
}

/* Packets of the code under test; internet_test.c has its own. */

static mix_address addr(const char *text) {
    mix_address a;
    assert_status(mix_address_parse(&a, text), MIX_OK);
    return a;
}

static packet_fault read_as(packet *p, mix_buf *storage, uint8_t protocol, const char *from,
                            const char *to, mix_bytes t) {
    mix_address f = addr(from), d = addr(to);
    mix_buf_truncate(storage, 0);
    packet_make(storage, protocol, &f, &d, t);
    assert_status(mix_buf_status(storage), MIX_OK);
    return packet_read(p, mix_buf_bytes(storage));
}

static packet tcp(mix_buf *storage, const char *from, const char *to, uint8_t flags, uint32_t ack) {
    uint8_t t[20] = {0};
    packet p;
    mix_put_u16(t, addr(from).port);
    mix_put_u16(t + 2, addr(to).port);
    mix_put_u32(t + 8, ack);
    t[12] = 0x50;
    t[13] = flags;
    assert_int_equal(read_as(&p, storage, PACKET_TCP, from, to, MIX_BYTES(t)), PACKET_OK);
    return p;
}

static const char *const places[2][4] = {
    {"10.0.0.2:1000", "203.0.113.1:80", "192.0.0.2:2000", "127.0.0.1:3000"},
    {"[fc00::2]:1000", "[2001:db8::1]:80", "[fd00::2]:2000", "[::1]:3000"}};

/* Over all pairs of families: good stays good, damaged stays damaged, payload untouched. */
static void readdressing(void **state) {
    (void)state;
    mix_test_env env;
    mix_test_env_init(&env, 3);
    mix_buf in = {0}, out = {0};
    for (size_t round = 0; round < 4000; round++) {
        uint8_t t[64];
        size_t len = 20 + mix_test_below(&env, 45);
        for (size_t i = 0; i < sizeof t; i++)
            t[i] = (uint8_t)(round % 3 ? mix_test_random(&env) : 0xff);
        bool udp = round & 4, damaged = mix_test_below(&env, 4) == 0;
        mix_put_u16(t, 1000);
        mix_put_u16(t + 2, 80);
        t[12] = udp ? t[12] : 0x50;
        if (udp)
            mix_put_u16(t + 4, (uint16_t)len);
        const char *const *near = places[round & 1], *const *far = places[round >> 1 & 1];
        packet p, q;
        assert_int_equal(
            read_as(&p, &in, udp ? PACKET_UDP : PACKET_TCP, near[0], near[1], mix_bytes_of(t, len)),
            PACKET_OK);
        assert_true(packet_checksum_good(&p));
        if (damaged)
            in.data[in.len - 1] ^= 1;
        mix_address from = addr(far[2]), to = addr(far[3]);
        mix_buf_truncate(&out, 0);
        packet_readdress(&out, &p, &from, &to);
        assert_int_equal(packet_read(&q, mix_buf_bytes(&out)), PACKET_OK);
        assert_int_equal(packet_checksum_good(&q), !damaged);
        assert_memory_equal(&q.from, &from, sizeof from);
        assert_memory_equal(&q.to, &to, sizeof to);
        assert_int_equal(q.transport.len, len);
        if (!udp) {
            assert_int_equal(q.transport.data[13] & 0x20, 0); /* urgent no more */
            assert_int_equal(q.transport.data[13] | 0x20, p.transport.data[13] | 0x20);
        }
    }
    mix_buf_deinit(&in);
    mix_buf_deinit(&out);
}

static void datagrams_without_checksum(void **state) {
    (void)state;
    uint8_t t[12] = {3, 232, 0, 80, 0, 12, 0, 0, 'a', 'b', 'c', 'd'};
    mix_buf in = {0}, out = {0};
    packet p, q;
    for (size_t family = 0; family < 2; family++) {
        assert_int_equal(read_as(&p, &in, PACKET_UDP, places[0][0], places[0][1], MIX_BYTES(t)),
                         PACKET_OK);
        mix_put_u16(in.data + 26, 0);
        mix_address from = addr(places[family][2]), to = addr(places[family][3]);
        mix_buf_truncate(&out, 0);
        packet_readdress(&out, &p, &from, &to);
        assert_int_equal(packet_read(&q, mix_buf_bytes(&out)), PACKET_OK);
        assert_true(packet_checksum_good(&q));
        assert_int_equal(mix_get_u16(q.transport.data + 6) == 0, family == 0);
    }
    mix_buf_deinit(&in);
    mix_buf_deinit(&out);
}

/* Every length of a good packet but its own is malformed; extension headers are skipped. */
static void lengths(void **state) {
    (void)state;
    mix_buf in = {0};
    packet p;
    for (size_t family = 0; family < 2; family++) {
        uint8_t t[24] = {[12] = 0x60, [13] = PACKET_SYN};
        assert_int_equal(
            read_as(&p, &in, PACKET_TCP, places[family][0], places[family][1], MIX_BYTES(t)),
            PACKET_OK);
        for (size_t len = 0; len < in.len; len++)
            assert_int_equal(packet_read(&p, mix_bytes_of(in.data, len)), PACKET_MALFORMED);
        mix_buf_put_zeros(&in, 3); /* a link's padding is no harm */
        assert_int_equal(packet_read(&p, mix_buf_bytes(&in)), PACKET_OK);
        assert_int_equal(p.transport.len, sizeof t);
    }
    uint8_t options[8 + 16 + 8] = {60, 0, 1, 4, 0, 0, 0, 0, PACKET_UDP, 1, 1, 12};
    mix_put_u16(options + 24, 7);
    mix_put_u16(options + 28, 8);
    assert_int_equal(read_as(&p, &in, 0, places[1][0], places[1][1], MIX_BYTES(options)),
                     PACKET_OK);
    assert_int_equal(p.protocol, PACKET_UDP);
    assert_int_equal(p.from.port, 7);
    assert_int_equal(p.transport.len, 8);
    in.data[40 + 9] = 2; /* longer than the packet */
    assert_int_equal(packet_read(&p, mix_buf_bytes(&in)), PACKET_MALFORMED);
    in.data[6] = 44;
    assert_int_equal(packet_read(&p, mix_buf_bytes(&in)), PACKET_FRAGMENT);
    mix_buf_deinit(&in);
}

typedef struct ends {
    size_t count;
    uint16_t last_port;
} ends;

static void on_end(void *user, const flow *f) {
    ends *e = user;
    e->count++;
    e->last_port = f->client.port;
}

static flows *make_flows(size_t max, ends *e, mix_test_env *env) {
    flows *t;
    mix_address guest4 = addr("192.0.0.2:1"), guest6 = addr("[fd00::2]:1");
    mix_test_env_init(env, 1);
    assert_status(flows_new(&t, max, &guest4, &guest6, on_end, e, &env->env), MIX_OK);
    return t;
}

static void flows_expire(void **state) {
    (void)state;
    ends e = {0};
    mix_test_env env;
    flows *t = make_flows(16, &e, &env);
    mix_buf s = {0};
    mix_address server = addr("127.0.0.1:80");
    packet p = tcp(&s, "10.0.0.2:1000", "203.0.113.1:80", PACKET_SYN, 0);
    flow *f = flows_add(t, &p, &server, 0);
    assert_non_null(f);
    assert_ptr_equal(flows_find(t, &p), f);
    assert_true(flows_deadline(t) == MIX_SECONDS(240)); /* half open */
    packet answer = {
        .protocol = PACKET_TCP, .from = server, .to = f->guest, .transport = p.transport};
    assert_ptr_equal(flows_find_answer(t, &answer), f);
    answer.from.port++;
    assert_null(flows_find_answer(t, &answer)); /* another port of the server */
    answer.from = server;
    answer.protocol = PACKET_UDP;
    assert_null(flows_find_answer(t, &answer));
    mix_buf s2 = {0};
    packet ack = tcp(&s2, "10.0.0.2:1000", "203.0.113.1:80", PACKET_SYN | PACKET_ACK, 4711);
    flows_touch(t, f, &ack, false, MIX_SECONDS(100));
    assert_int_equal(f->next, 4711);
    assert_true(flows_deadline(t) == MIX_SECONDS(100 + 7440));
    flows_tick(t, MIX_SECONDS(7539));
    assert_int_equal(e.count, 0);
    ack = tcp(&s2, "10.0.0.2:1000", "203.0.113.1:80", PACKET_ACK, 4712);
    flows_touch(t, f, &ack, true, MIX_SECONDS(7000));
    flows_tick(t, MIX_SECONDS(7540)); /* too early: used since */
    assert_int_equal(e.count, 0);
    assert_true(flows_deadline(t) == MIX_SECONDS(7000 + 7440));
    ack = tcp(&s2, "10.0.0.2:1000", "203.0.113.1:80", PACKET_RST, 0);
    flows_touch(t, f, &ack, true, MIX_SECONDS(8000));
    assert_true(flows_deadline(t) == MIX_SECONDS(8010));
    flows_tick(t, MIX_SECONDS(8010));
    assert_int_equal(e.count, 1);
    assert_null(flows_find(t, &p));
    assert_true(flows_deadline(t) == MIX_NEVER);
    flows_free(t);
    mix_buf_deinit(&s);
    mix_buf_deinit(&s2);
    assert_int_equal(mix_alloc_live(), 0);
}

static void flows_make_place(void **state) {
    (void)state;
    ends e = {0};
    mix_test_env env;
    flows *t = make_flows(8, &e, &env);
    mix_buf s = {0};
    mix_address server = addr("[2001:db8::5]:80");
    for (unsigned i = 0; i < 100; i++) {
        char from[40];
        snprintf(from, sizeof from, "[fc00::2]:%u", 1000 + i);
        packet p = tcp(&s, from, "[2001:db8::1]:80", PACKET_SYN, 0);
        assert_non_null(flows_add(t, &p, &server, (mix_time)i));
        packet first = tcp(&s, "[fc00::2]:1000", "[2001:db8::1]:80", PACKET_ACK, 0);
        flow *f = flows_find(t, &first);
        assert_non_null(f); /* used all the time, so it stays */
        flows_touch(t, f, &first, true, (mix_time)i);
        assert_int_equal(flows_count(t), i < 8 ? i + 1 : 8);
        if (i >= 8)
            assert_int_equal(e.last_port, 1000 + i - 7);
    }
    assert_int_equal(e.count, 92);
    env.fail_random = 1;
    packet p = tcp(&s, "[fc00::2]:1", "[2001:db8::1]:80", PACKET_SYN, 0);
    assert_null(flows_add(t, &p, &server, 0));
    for (size_t n = 1; n <= 2; n++) {
        mix_alloc_fail_at(n, 0);
        flow *f = flows_add(t, &p, &server, 0);
        mix_alloc_fail_at(0, 0);
        if (f)
            flows_drop(t, f);
    }
    flows_free(t);
    mix_buf_deinit(&s);
    assert_int_equal(mix_alloc_live(), 0);
}

static void odd_questions(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int status;
        unsigned code;
    } rows[] = {
        {"", 0, MIX_ERR_TRUNCATED, 0},
        {"\0\1\1\0\0\1\0\0\0\0\0", 11, MIX_ERR_TRUNCATED, 0},
        {"\0\1\x81\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", 19, MIX_ERR_TRUNCATED, 0}, /* an answer */
        {"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", 19, MIX_OK, 0x8580},
        {"\0\1\0\0\0\1\0\0\0\0\0\0\1A\0\0\1\0\1", 19, MIX_OK, 0x8480},   /* no recursion desired */
        {"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\3", 19, MIX_OK, 0x8185},   /* class CHAOS: refused */
        {"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\x0f\0\1", 19, MIX_OK, 0x8580}, /* MX: no data */
        {"\0\1\1\0\0\1\0\0\0\0\0\0\1b\0\0\1\0\1", 19, MIX_OK, 0x8583},
        {"\0\1\x11\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", 19, MIX_OK, 0x9184}, /* a status request */
        {"\0\1\1\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1", 19, MIX_OK, 0x8181},   /* two questions */
        {"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0", 18, MIX_OK, 0x8181},
        {"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 18, MIX_OK,
         0x8181}, /* a name that points to itself */
        {"\0\1\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1", 17, MIX_OK, 0x8583}, /* the root */
    };
    static const char *const entries[] = {"a=192.0.2.1,0"};
    dns_names *names;
    assert_status(dns_names_new(&names, entries, 1, NULL), MIX_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_buf out = {0};
        assert_status(dns_answer(names, &out, mix_bytes_of(rows[i].bytes, rows[i].len), false),
                      rows[i].status);
        if (rows[i].status == MIX_OK)
            assert_int_equal(mix_get_u16(out.data + 2), rows[i].code);
        else
            assert_int_equal(out.len, 0);
        mix_buf_deinit(&out);
    }
    mix_buf out = {0};
    assert_status(dns_answer(names, &out, mix_bytes_of(rows[7].bytes, 19), true),
                  MIX_DONE); /* b is another server's */
    assert_int_equal(out.len, 0);
    /* EDNS: asked with an OPT record, answered with one */
    static const char edns[] = "\0\1\1\0\0\1\0\0\0\0\0\1\1a\0\0\1\0\1\0\0\x29\x10\0\0\0\0\0\0\0";
    assert_status(dns_answer(names, &out, mix_bytes_of(edns, sizeof edns - 1), false), MIX_OK);
    assert_bytes(mix_bytes_slice(mix_buf_bytes(&out), 4, 8), mix_bytes_of("\0\1\0\1\0\0\0\1", 8));
    assert_bytes(mix_bytes_slice(mix_buf_bytes(&out), 35, 99),
                 mix_bytes_of("\0\0\x29\x04\xd0\0\0\0\0\0\0", 11));
    mix_buf_deinit(&out);
    dns_names_free(names);
}

/* The longest name with as many addresses as it may have fits into what anyone takes. */
static void longest_answer(void **state) {
    (void)state;
    char name[254], text[9][300];
    const char *entries[9];
    memset(name, 'x', sizeof name);
    for (size_t i = 63; i < 253; i += 64)
        name[i] = '.';
    name[253] = 0;
    for (size_t i = 0; i < 9; i++) {
        snprintf(text[i], sizeof text[i], "%s=2001:db8::%zu", name, i);
        entries[i] = text[i];
    }
    dns_names *names;
    mix_error e;
    assert_status(dns_names_new(&names, entries, 9, &e), MIX_ERR_ARGUMENT);
    assert_status(dns_names_new(&names, entries, 8, &e), MIX_OK);
    mix_buf q = {0};
    mix_buf_put(&q, "\0\1\1\0\0\1\0\0\0\0\0\1", 12);
    for (size_t i = 0; i < 253; i += 64) {
        size_t len = strcspn(name + i, ".");
        mix_buf_put_u8(&q, (uint8_t)len);
        mix_buf_put(&q, name + i, len);
    }
    mix_buf_put(&q, "\0\0\x1c\0\1\0\0\x29\x10\0\0\0\0\0\0\0", 16);
    uint8_t storage[DNS_ANSWER_MAX];
    mix_buf out = mix_buf_fixed(storage, sizeof storage);
    assert_status(dns_answer(names, &out, mix_buf_bytes(&q), false), MIX_OK);
    assert_int_equal(out.len, 12 + 259 + 8 * 28 + 11);
    mix_buf_deinit(&q);
    dns_names_free(names);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bad_options),
    cmocka_unit_test(memory_that_fails),
    cmocka_unit_test(readdressing),
    cmocka_unit_test(lengths),
    cmocka_unit_test(datagrams_without_checksum),
    cmocka_unit_test(flows_expire),
    cmocka_unit_test(odd_questions),
    cmocka_unit_test(flows_make_place),
    cmocka_unit_test(longest_answer),
};

MIX_TEST_MAIN(internet_parts_test, tests)
