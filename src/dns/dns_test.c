/* SPDX-License-Identifier: Apache-2.0 */
/* dns/ against scripted name servers on the far side, in virtual time. */
#include "dns/dns.h"

#include "alloc_fail.h"
#include "mix/errors.h"
#include "sockets/sockets.h"
#include "tcpip/near_testing.h"

#include <stdlib.h>

enum { SERVERS = 2, EVENTS = 256 };

typedef struct outcome {
    uint32_t id;
    int status;
    uint32_t ttl;
    bool cached;
    size_t count;
    char canonical[256], first[600], last[600];
    mix_time at;
} outcome;

static struct {
    mix_test_env env;
    mix_tcpip *t;
    mix_dns *d;
    far *f;
    mix_address servers[SERVERS];
    unsigned asked[SERVERS], by_tcp;
    uint16_t ports[100];
    size_t port_count;
    size_t drop[SERVERS];  /* of the next queries */
    bool forged;           /* before each answer come some that others made */
    bool garbage[SERVERS]; /* instead of answers */
    outcome events[EVENTS];
    size_t count, wanted;
    mix_buf stream; /* of the one TCP connection */
    bool fails;
} w;

typedef struct zone {
    const char *name;
    uint16_t type;
    int rcode;
    const char
        *answer; /* "rr rr …": A 1.2.3.4, M (MX), C name., T text; S: a negative answer's SOA */
    bool truncated;
} zone;

static const zone zones[] = {
    {"a.test", 1, 0, "A:192.0.2.1 A:192.0.2.2", false},
    {"a.test", 28, 0, "6:2001:db8::1", false},
    {"four.test", 1, 0, "A:192.0.2.4", false},
    {"four.test", 28, 0, "S", false},
    {"none.test", 1, 3, "S", false},
    {"none.test", 28, 3, "S", false},
    {"broken.test", 1, 2, "", false},
    {"alias.test", 1, 0, "C:a.test A@a.test:192.0.2.1", false},
    {"half.test", 1, 0, "C:four.test", false},
    {"loop.test", 1, 0, "C:pool.test", false},
    {"pool.test", 1, 0, "C:loop.test", false},
    {"big.test", 16, 0, "T:long", true},
    {"mail.test", 15, 0, "M:10:mx.test M:20:mx2.test", false},
    {"foreign.test", 1, 0, "A@other.test:6.6.6.6", false},
    {"huge.test", 1, 0, "H:2600", true},
};

static void put_name(mix_buf *out, const char *name) {
    while (*name) {
        size_t n = strcspn(name, ".");
        mix_buf_put_u8(out, (uint8_t)n);
        mix_buf_put(out, name, n);
        name += n + (name[n] == '.');
    }
    mix_buf_put_u8(out, 0);
}

static void put_rr(mix_buf *out, const char *owner, uint16_t type, uint32_t ttl, mix_bytes data) {
    put_name(out, owner);
    mix_buf_put_u16(out, type);
    mix_buf_put_u16(out, 1);
    mix_buf_put_u32(out, ttl);
    mix_buf_put_u16(out, (uint16_t)data.len);
    mix_buf_put_bytes(out, data);
}

/* One record of a zone's line; returns whether it belongs to the answer section. */
static bool put_answer(mix_buf *out, const char *name, char *rr) {
    uint8_t storage[2000];
    mix_buf data = mix_buf_fixed(storage, sizeof storage);
    char kind = *rr++, owner[300];
    mix_address ip;
    strcpy(owner, name);
    if (*rr == '@') {
        size_t n = strcspn(rr + 1, ":");
        memcpy(owner, rr + 1, n);
        owner[n] = 0;
        rr += n + 1;
    }
    rr += *rr == ':';
    if (kind == 'A' || kind == '6') {
        assert_status(mix_ip_parse(&ip, mix_bytes_str(rr)), MIX_OK);
        mix_buf_put(&data, ip.octets, kind == 'A' ? 4 : 16);
        put_rr(out, owner, kind == 'A' ? 1 : 28, 300, mix_buf_bytes(&data));
    } else if (kind == 'C') {
        put_name(&data, rr);
        put_rr(out, owner, 5, 120, mix_buf_bytes(&data));
    } else if (kind == 'M') {
        mix_buf_put_u16(&data, (uint16_t)atoi(rr));
        put_name(&data, strchr(rr, ':') + 1);
        put_rr(out, owner, 15, 600, mix_buf_bytes(&data));
    } else if (kind == 'T') {
        for (int i = 0; i < 6; i++) {
            mix_buf_put_u8(&data, 250);
            memset(mix_buf_space(&data, 250), 't', 250);
        }
        put_rr(out, owner, 16, 60, mix_buf_bytes(&data));
    } else if (kind == 'H') { /* so many addresses */
        for (int i = 0; i < atoi(rr); i++)
            put_rr(out, owner, 1, 300, mix_bytes_of("\xc0\0\2\x08", 4));
    } else {
        put_name(&data, "ns.test");
        put_name(&data, "mail.test");
        for (int i = 0; i < 5; i++)
            mix_buf_put_u32(&data, 30);
        put_rr(out, "test", 6, 30, mix_buf_bytes(&data));
    }
    return kind != 'S';
}

static void answer(mix_buf *out, mix_bytes query, bool tcp) {
    char name[300] = "";
    mix_reader r = {.in = query};
    uint16_t id = mix_read_u16(&r), type;
    mix_skip(&r, 10);
    for (uint8_t n; (n = mix_read_u8(&r)) > 0;) {
        size_t at = strlen(name);
        mix_read_into(&r, (uint8_t *)name + at, n);
        strcpy(name + at + n, ".");
    }
    assert_false(r.bad);
    name[strlen(name) - 1] = 0;
    type = mix_read_u16(&r);
    const zone *z = NULL;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (strcmp(zones[i].name, name) == 0 && zones[i].type == type)
            z = &zones[i];
    bool cut = z && z->truncated && !tcp;
    char line[200];
    uint16_t answers = 0, authorities = 0;
    mix_buf body = {0};
    strcpy(line, z && !cut ? z->answer : "");
    for (char *rr = line; *rr;) {
        char *end = rr + strcspn(rr, " "), *next = end + (*end == ' ');
        *end = 0;
        if (*rr == 'H')
            answers = (uint16_t)(answers + atoi(rr + 2) - 1);
        if (put_answer(&body, name, rr))
            answers++;
        else
            authorities++;
        rr = next;
    }
    mix_buf_put_u16(out, id);
    mix_buf_put_u16(out, (uint16_t)(0x8180 | (cut ? 0x0200 : 0) | (z ? z->rcode : 3)));
    mix_buf_put_u16(out, 1);
    mix_buf_put_u16(out, answers);
    mix_buf_put_u16(out, authorities);
    mix_buf_put_u16(out, 0);
    put_name(out, name);
    mix_buf_put_u16(out, type);
    mix_buf_put_u16(out, 1);
    mix_buf_put_bytes(out, mix_buf_bytes(&body));
    mix_buf_deinit(&body);
}

/* Answers that say 6.6.6.6, each wrong in one point: id, question, sender's address, its port. */
static void forge(far *f, const mix_address *from, const mix_address *to, mix_bytes query) {
    for (int i = 0; i < 4; i++) {
        mix_buf out = {0};
        mix_address sender = *to;
        answer(&out, query, false);
        memset(out.data + out.len - 4, 6, 4);
        if (i == 0)
            out.data[1] ^= 1;
        else if (i == 1)
            out.data[13] ^= 1;
        else if (i == 2)
            sender.octets[3] = 77;
        else
            sender.port = 54;
        far_send_datagram(f, &sender, from, mix_buf_bytes(&out));
        mix_buf_deinit(&out);
    }
}

static void far_datagram(void *user, far *f, const mix_address *from, const mix_address *to,
                         mix_bytes data) {
    (void)user;
    int server = to->octets[0] == 8 ? 0 : 1;
    assert_int_equal(to->port, 53);
    w.asked[server]++;
    if (w.port_count < 100)
        w.ports[w.port_count++] = from->port;
    if (w.drop[server] > 0) {
        w.drop[server]--;
        return;
    }
    mix_buf out = {0};
    if (w.forged)
        forge(f, from, to, data);
    answer(&out, data, false);
    if (w.garbage[server])
        memset(out.data + 2, 0xc0, out.len - 2);
    far_send_datagram(f, to, from, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

static void far_received(void *user, far_conn *c, mix_bytes data) {
    (void)user;
    mix_buf_put_bytes(&w.stream, data);
    while (w.stream.len >= 2 && w.stream.len >= 2u + mix_get_u16(w.stream.data)) {
        mix_buf out = {0}, framed = {0};
        size_t n = mix_get_u16(w.stream.data);
        answer(&out, mix_bytes_of(w.stream.data + 2, n), true);
        assert_in_range(out.len, 12, 65535);
        mix_buf_put_u16(&framed, (uint16_t)out.len);
        mix_buf_put_bytes(&framed, mix_buf_bytes(&out));
        mix_buf_consume(&w.stream, n + 2);
        w.by_tcp++;
        far_write(c, mix_buf_bytes(&framed));
        mix_buf_deinit(&framed);
        mix_buf_deinit(&out);
    }
}

static mix_time deadline(void *user) {
    return mix_earlier(near_deadline(user), mix_dns_deadline(w.d));
}
static void pump(void *user, mix_time now) {
    mix_dns_event ev;
    (void)user;
    mix_dns_tick(w.d, now);
    while (mix_dns_next(w.d, &ev, now) == MIX_OK) {
        outcome *o = &w.events[w.count++];
        *o = (outcome){.id = ev.id,
                       .status = ev.status,
                       .ttl = ev.ttl,
                       .cached = ev.cached,
                       .count = ev.count,
                       .at = now};
        strcpy(o->canonical, ev.canonical);
        if (ev.count > 0) {
            snprintf(o->first, sizeof o->first, "%s", ev.records[0].text);
            snprintf(o->last, sizeof o->last, "%s", ev.records[ev.count - 1].text);
        }
    }
}

static void begin_with(mix_dns_config config) {
    static const far_near near = {&w.t, near_feed, near_drain, deadline, near_tick, pump};
    static const far_handlers handlers = {.datagram = far_datagram, .received = far_received};
    far_options o = {.delay = MIX_MS(100), .seed = 1};
    mix_tcpip_config c = {.ip4 = {.family = 4, .octets = {10, 0, 0, 2}},
                          .ip6 = {.family = 6, .octets = {0xfd, [15] = 2}}};
    memset(&w, 0, sizeof w);
    mix_alloc_fail_at(0, 0);
    mix_test_env_init(&w.env, 1);
    w.f = far_new(&o, &near, &handlers, NULL);
    far_listen(w.f, 53);
    assert_status(mix_sockets_begin(&w.env.env), MIX_OK);
    assert_status(mix_tcpip_new(&w.t, &c, &w.env.env, far_now(w.f)), MIX_OK);
    mix_sockets_attach(w.t);
    mix_sockets_set_time(far_now(w.f));
    w.servers[0] = (mix_address){.family = 4, .port = 53, .octets = {8, 8, 8, 8}};
    w.servers[1] = (mix_address){.family = 4, .port = 53, .octets = {1, 1, 1, 1}};
    config.servers[0] = w.servers[0];
    config.servers[1] = w.servers[1];
    assert_status(mix_dns_new(&w.d, &config), MIX_OK);
}

static void finish(void) {
    mix_dns_free(w.d);
    assert_int_equal(mix_sockets_open(), 0);
    mix_sockets_end();
    mix_tcpip_free(w.t);
    far_free(w.f);
    mix_buf_deinit(&w.stream);
    assert_int_equal(mix_alloc_live(), 0);
}

static bool enough(void *user) {
    (void)user;
    return w.count >= w.wanted;
}

/* Runs until n events came from now on; returns the first of them. */
static outcome *wait(size_t n) {
    size_t first = w.count;
    w.wanted = first + n;
    far_run(w.f, enough, far_now(w.f) + MIX_SECONDS(60));
    assert_int_equal(w.count, first + n);
    return &w.events[first];
}

static outcome *lookup(const char *name, unsigned families) {
    uint32_t id;
    assert_status(mix_dns_lookup(w.d, &id, name, families, far_now(w.f)), MIX_OK);
    outcome *o = wait(1);
    assert_int_equal(o->id, id);
    return o;
}

static outcome *query(const char *name, const char *type) {
    uint32_t id;
    assert_status(mix_dns_query(w.d, &id, name, mix_dns_type(type), far_now(w.f)), MIX_OK);
    return wait(1);
}

static void both_families_of_both_servers_in_one_round_trip(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    mix_time start = far_now(w.f);
    outcome *o = lookup("A.Test.", MIX_DNS_IP4 | MIX_DNS_IP6);
    assert_status(o->status, MIX_OK);
    assert_int_equal(o->count, 3);
    assert_string_equal(o->first, "192.0.2.1");
    assert_string_equal(o->last, "2001:db8::1");
    assert_string_equal(o->canonical, "a.test");
    assert_int_equal(o->ttl, 300);
    assert_in_range(o->at - start, MIX_MS(200), MIX_MS(201));
    assert_int_equal(w.asked[0], 2);
    assert_int_equal(w.asked[1], 2);
    for (size_t i = 0; i < w.port_count; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(w.ports[i], w.ports[j]);
    finish();
}

static void answers_are_kept_for_as_long_as_they_say(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    lookup("a.test", MIX_DNS_IP4);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(299));
    outcome *o = lookup("a.test", MIX_DNS_IP4);
    assert_true(o->cached);
    assert_int_equal(o->ttl, 1);
    assert_int_equal(w.asked[0], 1);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
    o = lookup("a.test", MIX_DNS_IP4);
    assert_false(o->cached);
    assert_int_equal(w.asked[0], 2);
    o = lookup("none.test", MIX_DNS_IP4); /* there is none, for 30 s */
    assert_status(o->status, MIX_ERR_DNS_NOT_FOUND);
    o = lookup("none.test", MIX_DNS_IP4);
    assert_true(o->cached);
    assert_int_equal(w.asked[0], 3);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(31));
    lookup("none.test", MIX_DNS_IP4);
    assert_int_equal(w.asked[0], 4);
    mix_dns_forget(w.d);
    lookup("a.test", MIX_DNS_IP4);
    assert_int_equal(w.asked[0], 5);
    finish();
}

static void equal_questions_share_one_exchange(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    uint32_t id[10];
    for (int i = 0; i < 10; i++)
        assert_status(mix_dns_lookup(w.d, &id[i], "a.test", MIX_DNS_IP4, far_now(w.f)), MIX_OK);
    mix_dns_cancel(w.d, id[3]);
    mix_dns_cancel(w.d, 12345);
    outcome *o = wait(9);
    for (int i = 0; i < 9; i++)
        assert_int_equal(o[i].id, id[i < 3 ? i : i + 1]);
    assert_int_equal(w.asked[0] + w.asked[1], 2);
    finish();
}

static void lost_questions_are_asked_again_soon(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    w.drop[0] = w.drop[1] = 1;
    mix_time start = far_now(w.f);
    outcome *o = lookup("four.test", MIX_DNS_IP4);
    assert_status(o->status, MIX_OK);
    assert_in_range(o->at - start, MIX_MS(1000), MIX_MS(2500));
    w.drop[0] = 1000; /* one server is down: the other one's answer comes without delay */
    start = far_now(w.f);
    o = lookup("a.test", MIX_DNS_IP4);
    assert_in_range(o->at - start, MIX_MS(200), MIX_MS(201));
    unsigned asked = w.asked[0];
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(30));
    assert_int_equal(w.asked[0], asked); /* and the silent one is not asked on */
    w.drop[1] = 1000;
    mix_dns_forget(w.d);
    start = far_now(w.f);
    o = lookup("a.test", MIX_DNS_IP4 | MIX_DNS_IP6);
    assert_status(o->status, MIX_ERR_DNS_TIMEOUT);
    assert_in_range(o->at - start, MIX_SECONDS(3), MIX_SECONDS(10));
    assert_int_equal(mix_dns_deadline(w.d), MIX_NEVER);
    finish();
}

static void one_family_does_not_wait_long_for_the_other(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    outcome *o = lookup("four.test", MIX_DNS_IP4 | MIX_DNS_IP6); /* no AAAA: no failure */
    assert_status(o->status, MIX_OK);
    assert_int_equal(o->count, 1);
    w.drop[0] = w.drop[1] = 0;
    uint32_t id;
    mix_time start = far_now(w.f);
    assert_status(mix_dns_lookup(w.d, &id, "a.test", MIX_DNS_IP4, start), MIX_OK);
    far_run(w.f, NULL, start + MIX_MS(110));
    w.drop[0] = w.drop[1] = 100; /* AAAA is lost */
    assert_status(mix_dns_lookup(w.d, &id, "a.test", MIX_DNS_IP4 | MIX_DNS_IP6, far_now(w.f)),
                  MIX_OK);
    o = wait(2);
    assert_status(o[1].status, MIX_OK);
    assert_int_equal(o[1].count, 2);
    assert_in_range(o[1].at - start, MIX_MS(300), MIX_MS(340));
    finish();
}

static void what_servers_may_say(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    assert_status(lookup("broken.test", MIX_DNS_IP4)->status, MIX_ERR_DNS_SERVER);
    assert_status(lookup("four.test", MIX_DNS_IP6)->status, MIX_ERR_DNS_NO_DATA);
    assert_status(lookup("none.test", MIX_DNS_IP4 | MIX_DNS_IP6)->status, MIX_ERR_DNS_NOT_FOUND);
    assert_status(lookup("foreign.test", MIX_DNS_IP4)->status,
                  MIX_ERR_DNS_NO_DATA); /* a record of another name */
    outcome *o = lookup("alias.test", MIX_DNS_IP4);
    assert_status(o->status, MIX_OK);
    assert_string_equal(o->canonical, "a.test");
    assert_int_equal(o->ttl, 120);
    o = lookup("half.test", MIX_DNS_IP4); /* the alias alone: asked on */
    assert_status(o->status, MIX_OK);
    assert_string_equal(o->first, "192.0.2.4");
    assert_string_equal(o->canonical, "four.test");
    assert_status(lookup("loop.test", MIX_DNS_IP4)->status, MIX_ERR_DNS_CHAIN);
    finish();
}

static void records_of_other_types(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    outcome *o = query("mail.test", "mx");
    assert_status(o->status, MIX_OK);
    assert_int_equal(o->count, 2);
    assert_string_equal(o->first, "10 mx.test");
    assert_string_equal(o->last, "20 mx2.test");
    o = query("half.test", "A");
    assert_status(o->status, MIX_OK);
    o = query("big.test", "TXT"); /* truncated by UDP */
    assert_status(o->status, MIX_OK);
    assert_in_range(w.by_tcp, 1, 2);
    assert_int_equal(o->count, 1);
    assert_int_equal(strlen(o->first), 599); /* cut by this test: six strings in quotes are 1517 */
    assert_int_equal(mix_dns_type("https"), 65);
    assert_int_equal(mix_dns_type("AX"), 0);
    assert_int_equal(mix_dns_type(""), 0);
    assert_string_equal(mix_dns_type_name(28), "AAAA");
    assert_null(mix_dns_type_name(3));
    finish();
}

static void forged_answers_change_nothing(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    w.forged = true;
    mix_time start = far_now(w.f);
    outcome *o = lookup("four.test", MIX_DNS_IP4);
    assert_status(o->status, MIX_OK);
    assert_int_equal(o->count, 1);
    assert_string_equal(o->first, "192.0.2.4");
    assert_in_range(o->at - start, MIX_MS(200), MIX_MS(201));
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(5));
    assert_string_equal(lookup("four.test", MIX_DNS_IP4)->first, "192.0.2.4");
    finish();
}

static void garbage_from_one_server_waits_for_the_other(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    w.garbage[0] = true;
    mix_time start = far_now(w.f);
    outcome *o = lookup("a.test", MIX_DNS_IP4 | MIX_DNS_IP6);
    assert_status(o->status, MIX_OK);
    assert_int_equal(o->count, 3);
    assert_in_range(o->at - start, MIX_MS(200), MIX_MS(201));
    w.garbage[1] = true;
    w.asked[0] = w.asked[1] = 0;
    start = far_now(w.f);
    o = lookup("four.test", MIX_DNS_IP4);
    assert_status(o->status, MIX_ERR_DNS_MALFORMED);
    assert_in_range(o->at - start, MIX_MS(200), MIX_SECONDS(10));
    assert_in_range(w.asked[0] + w.asked[1], 2, 10); /* at most four more times each */
    finish();
}

static void what_is_too_long_comes_by_tcp(void **state) {
    (void)state;
    begin_with((mix_dns_config){0});
    outcome *o = lookup("huge.test", MIX_DNS_IP4); /* 65 kB: no more is kept than the bound */
    assert_status(o->status, MIX_OK);
    assert_int_equal(o->count, MIX_DNS_RECORDS_MAX);
    assert_in_range(w.by_tcp, 1, 2);
    far_silence(w.f, 53); /* cut by UDP, and nobody answers by TCP */
    mix_time start = far_now(w.f);
    o = query("big.test", "TXT");
    assert_status(o->status, MIX_ERR_DNS_TIMEOUT);
    assert_in_range(o->at - start, MIX_SECONDS(1), MIX_SECONDS(10));
    assert_int_equal(mix_dns_deadline(w.d), MIX_NEVER);
    finish();
}

static void with_doh_only_the_resolvers_addresses_are_asked_of_servers(void **state) {
    mix_dns_call c;
    uint32_t id;
    (void)state;
    begin_with((mix_dns_config){.doh = "Half.Test."});
    outcome *o = lookup("half.test", MIX_DNS_IP4); /* an alias, by which nothing changes */
    assert_status(o->status, MIX_OK);
    assert_string_equal(o->first, "192.0.2.4");
    assert_int_equal(w.asked[0] + w.asked[1], 4);
    assert_status(mix_dns_drain(w.d, &c, far_now(w.f)), MIX_DONE);
    assert_status(mix_dns_lookup(w.d, &id, "a.test", MIX_DNS_IP4, far_now(w.f)), MIX_OK);
    assert_status(mix_dns_query(w.d, &id, "half.test", 65, far_now(w.f)), MIX_OK);
    for (int i = 0; i < 2; i++)
        assert_status(mix_dns_drain(w.d, &c, far_now(w.f)), MIX_OK);
    o = wait(2); /* nobody answers there: that is no reason to ask the others */
    assert_status(o[0].status, MIX_ERR_DNS_TIMEOUT);
    assert_status(o[1].status, MIX_ERR_DNS_TIMEOUT);
    assert_int_equal(w.asked[0] + w.asked[1], 4);
    finish();
}

static void the_resolvers_addresses_are_renewed_without_a_wait(void **state) {
    (void)state;
    begin_with((mix_dns_config){.doh = "four.test"}); /* A for 300 s, and no AAAA, which holds 30 */
    lookup("four.test", MIX_DNS_IP4 | MIX_DNS_IP6);
    assert_int_equal(w.asked[0], 2);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(400));
    mix_time start = far_now(w.f);
    outcome *o = lookup("four.test", MIX_DNS_IP4 | MIX_DNS_IP6);
    assert_status(o->status, MIX_OK);
    assert_true(o->cached);
    assert_int_equal(o->ttl, 0);
    assert_int_equal(o->at - start, 0);
    lookup("four.test", MIX_DNS_IP4 | MIX_DNS_IP6); /* asked anew once */
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
    assert_int_equal(w.asked[0], 4);
    assert_int_equal(lookup("four.test", MIX_DNS_IP4 | MIX_DNS_IP6)->ttl, 299);
    mix_dns_stats stats;
    mix_dns_get_stats(w.d, &stats);
    assert_int_equal(stats.cached, 2);
    w.drop[0] = w.drop[1] = 1000; /* from now on no server answers */
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(3500));
    assert_status(lookup("four.test", MIX_DNS_IP4)->status, MIX_OK);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(60));
    assert_int_equal(mix_dns_deadline(w.d), MIX_NEVER); /* it is not asked for ever */
    assert_status(lookup("four.test", MIX_DNS_IP4)->status, MIX_OK);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(400));
    assert_status(lookup("four.test", MIX_DNS_IP4)->status, MIX_ERR_DNS_TIMEOUT);
    finish();
}

static void names_and_numbers(void **state) {
    (void)state;
    char longest[256], label[70];
    uint32_t id;
    begin_with((mix_dns_config){0});
    outcome *o = lookup("192.0.2.9", MIX_DNS_IP4 | MIX_DNS_IP6);
    assert_status(o->status, MIX_OK);
    assert_string_equal(o->first, "192.0.2.9");
    o = lookup("2001:db8::9", MIX_DNS_IP4 | MIX_DNS_IP6);
    assert_string_equal(o->first, "2001:db8::9");
    memset(longest, 'a', 255);
    longest[255] = 0;
    memset(label, 'a', 64);
    label[64] = 0;
    const char *bad[] = {
        "",        ".",        "a..b",          "a b",   "localhost", "x.LocalHost",
        "x.onion", "a.test\n", "\xc3\xa9.test", longest, label};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_status(mix_dns_lookup(w.d, &id, bad[i], MIX_DNS_IP4, far_now(w.f)),
                      MIX_ERR_DNS_NAME);
    assert_status(mix_dns_lookup(w.d, &id, "a.test", 0, far_now(w.f)), MIX_ERR_ARGUMENT);
    assert_status(mix_dns_query(w.d, &id, "a.test", 0, far_now(w.f)), MIX_ERR_ARGUMENT);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
    assert_int_equal(w.asked[0] + w.asked[1], 0);
    finish();
}

static void the_cache_is_bounded(void **state) {
    (void)state;
    begin_with((mix_dns_config){.cache_entries = 8});
    mix_dns_stats stats;
    for (int i = 0; i < 40; i++) {
        char name[30];
        snprintf(name, sizeof name, "n%d.test", i);
        assert_status(lookup(name, MIX_DNS_IP4)->status, MIX_ERR_DNS_NOT_FOUND);
        mix_dns_get_stats(w.d, &stats);
        assert_in_range(stats.cached, 1, 9);
    }
    finish();
}

/* A question of its own for each number, for both families. */
static uint32_t ask_numbered(int i, mix_time now) {
    char name[30];
    uint32_t id;
    snprintf(name, sizeof name, "n%d.test", i);
    assert_status(mix_dns_lookup(w.d, &id, name, MIX_DNS_IP4 | MIX_DNS_IP6, now), MIX_OK);
    return id;
}

/* More datagrams than the stack's queue takes: the rest leaves as soon as there is room. */
static void a_full_queue_costs_no_time(void **state) {
    enum { NAMES = 12 };
    (void)state;
    begin_with((mix_dns_config){0});
    mix_time start = far_now(w.f);
    for (int i = 0; i < NAMES; i++)
        (void)ask_numbered(i, start);
    outcome *o = wait(NAMES);
    for (int i = 0; i < NAMES; i++) /* room is seen when the first answers come */
        assert_in_range(o[i].at - start, MIX_MS(200), MIX_MS(401));
    finish();
}

/* More than there are sockets for: they take turns. */
static void many_names_at_once(void **state) {
    enum { NAMES = 200, AT_A_TIME = 32 };
    mix_dns_stats stats;
    uint32_t id = 0;
    (void)state;
    begin_with((mix_dns_config){0});
    mix_time start = far_now(w.f);
    for (int i = 0; i < NAMES; i++) {
        id = ask_numbered(i, start);
        assert_in_range(mix_sockets_open(), 1, SERVERS * AT_A_TIME);
    }
    mix_dns_cancel(w.d, id); /* the last one, before it was asked */
    outcome *o = wait(NAMES - 1);
    for (int i = 0; i < NAMES - 1; i++) {
        mix_time trips = 2 * (i + 1 + AT_A_TIME) / AT_A_TIME + 1;
        assert_status(o[i].status, MIX_ERR_DNS_NOT_FOUND);
        assert_in_range(o[i].at - start, MIX_MS(200), MIX_MS(201) * trips);
    }
    mix_dns_get_stats(w.d, &stats);
    assert_in_range(stats.questions, (NAMES - 1) * 2, (NAMES - 1) * 2 * SERVERS);
    finish();
}

/* A server that is down holds nobody up. */
static void many_names_and_one_server(void **state) {
    enum { NAMES = 200 };
    (void)state;
    begin_with((mix_dns_config){0});
    mix_time start = far_now(w.f);
    w.drop[1] = 100000;
    for (int i = 0; i < NAMES; i++)
        (void)ask_numbered(i, start);
    outcome *o = wait(NAMES);
    for (int i = 0; i < NAMES; i++)
        assert_status(o[i].status, MIX_ERR_DNS_NOT_FOUND);
    assert_true(o[NAMES - 1].at - start < MIX_SECONDS(6)); /* 400 questions, 16 or more a trip */
    finish();
}

static void freed_while_asking(void **state) {
    (void)state;
    uint32_t id;
    begin_with((mix_dns_config){0});
    assert_status(mix_dns_lookup(w.d, &id, "a.test", MIX_DNS_IP4 | MIX_DNS_IP6, far_now(w.f)),
                  MIX_OK);
    assert_status(mix_dns_query(w.d, &id, "big.test", 16, far_now(w.f)), MIX_OK);
    far_run(w.f, NULL, far_now(w.f) + MIX_MS(250));
    finish();
}

static void without_memory_at_any_point(void **state) {
    (void)state;
    for (size_t n = 1;; n += n < 200 ? 1 : 13) {
        begin_with((mix_dns_config){0});
        uint32_t id;
        mix_alloc_fail_at(n, 0);
        int status =
            mix_dns_lookup(w.d, &id, "alias.test", MIX_DNS_IP4 | MIX_DNS_IP6, far_now(w.f));
        assert_true(status == MIX_OK || status == MIX_ERR_MEMORY);
        if (status == MIX_OK) {
            outcome *o = wait(1);
            assert_true(o->status == MIX_OK || o->status == MIX_ERR_MEMORY ||
                        o->status == MIX_ERR_DNS_SERVER || o->status == MIX_ERR_DNS_NOT_FOUND);
        }
        size_t count = mix_alloc_count();
        finish();
        if (count < n)
            break;
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(both_families_of_both_servers_in_one_round_trip),
    cmocka_unit_test(answers_are_kept_for_as_long_as_they_say),
    cmocka_unit_test(equal_questions_share_one_exchange),
    cmocka_unit_test(lost_questions_are_asked_again_soon),
    cmocka_unit_test(one_family_does_not_wait_long_for_the_other),
    cmocka_unit_test(what_servers_may_say),
    cmocka_unit_test(records_of_other_types),
    cmocka_unit_test(forged_answers_change_nothing),
    cmocka_unit_test(garbage_from_one_server_waits_for_the_other),
    cmocka_unit_test(what_is_too_long_comes_by_tcp),
    cmocka_unit_test(with_doh_only_the_resolvers_addresses_are_asked_of_servers),
    cmocka_unit_test(the_resolvers_addresses_are_renewed_without_a_wait),
    cmocka_unit_test(names_and_numbers),
    cmocka_unit_test(the_cache_is_bounded),
    cmocka_unit_test(a_full_queue_costs_no_time),
    cmocka_unit_test(many_names_at_once),
    cmocka_unit_test(many_names_and_one_server),
    cmocka_unit_test(freed_while_asking),
    cmocka_unit_test(without_memory_at_any_point),
};
MIX_TEST_MAIN(dns_test, tests)
