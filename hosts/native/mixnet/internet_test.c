/* SPDX-License-Identifier: Apache-2.0 */
/* The exit's internet on a real loop with servers on loopback: clients are packets written by hand,
 * with checksums of their own. */
#include "internet.h"

#include "alloc_fail.h"
#include "base/address.h"
#include "base/buf.h"
#include "testing.h"

#include <stdlib.h>

enum {
    TCP = 6,
    UDP = 17,
    FIN = 1,
    SYN = 2,
    RST = 4,
    PSH = 8,
    ACK = 16,
    GIVE_UP_MS = 10000,
    WINDOW = 60000
};

typedef struct client {
    mix_address at, to;
    uint32_t seq, ack, acked;
    bool open, ended, reset, deaf; /* deaf: acknowledges nothing */
    mix_buf got;
} client;

typedef struct world {
    uv_loop_t loop;
    uv_timer_t alarm;
    mix_test_env env;
    internet *net;
    uv_tcp_t tcp_server, connection;
    uv_udp_t udp_server;
    bool accepted, server_reads, net_closed;
    uint16_t tcp_port, udp_port;
    client *clients[32];
    size_t count;
    mix_buf last; /* the last packet that no client took */
    size_t given;
    uint32_t fragments_len;
} world;

static mix_address addr(const char *text) {
    mix_address a;
    assert_status(mix_address_parse(&a, text), MIX_OK);
    return a;
}

/* Packets by hand. */

static uint16_t checksum(mix_bytes a, mix_bytes b) {
    uint64_t s = 0;
    for (size_t i = 0; i < a.len; i++)
        s += (uint64_t)a.data[i] << (i & 1 ? 0 : 8);
    for (size_t i = 0; i < b.len; i++)
        s += (uint64_t)b.data[i] << (i & 1 ? 0 : 8);
    while (s > 0xffff)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

static uint16_t transport_checksum(uint8_t protocol, const mix_address *from, const mix_address *to,
                                   mix_bytes t) {
    uint8_t p[40] = {0};
    size_t n = from->family == 4 ? 4 : 16;
    if (protocol == 1)
        return checksum(t, mix_bytes_of(NULL, 0));
    memcpy(p, from->octets, n);
    memcpy(p + n, to->octets, n);
    mix_put_u32(p + 2 * n, (uint32_t)t.len);
    p[2 * n + 7] = protocol;
    return checksum(mix_bytes_of(p, 2 * n + 8), t);
}

static mix_buf build(uint8_t protocol, const mix_address *from, const mix_address *to, uint8_t *t,
                     size_t len) {
    mix_buf b = {0};
    uint8_t *check = t + (protocol == TCP ? 16 : protocol == UDP ? 6 : 2);
    mix_put_u16(check, 0);
    mix_put_u16(check, transport_checksum(protocol, from, to, mix_bytes_of(t, len)));
    uint8_t h[40] = {0};
    size_t header = from->family == 4 ? 20 : 40;
    if (from->family == 4) {
        h[0] = 0x45;
        mix_put_u16(h + 2, (uint16_t)(20 + len));
        h[8] = 64;
        h[9] = protocol;
        memcpy(h + 12, from->octets, 4);
        memcpy(h + 16, to->octets, 4);
        mix_put_u16(h + 10, checksum(mix_bytes_of(h, 20), mix_bytes_of(NULL, 0)));
    } else {
        h[0] = 0x60;
        mix_put_u16(h + 4, (uint16_t)len);
        h[6] = protocol;
        h[7] = 64;
        memcpy(h + 8, from->octets, 16);
        memcpy(h + 24, to->octets, 16);
    }
    mix_buf_put(&b, h, header);
    mix_buf_put(&b, t, len);
    return b;
}

static void send_packet(world *w, mix_buf b) {
    internet_send(w->net, mix_buf_bytes(&b));
    mix_buf_deinit(&b);
}

static void send_udp(world *w, const char *from, const char *to, mix_bytes payload) {
    mix_address f = addr(from), t = addr(to);
    uint8_t *u = calloc(1, 8 + payload.len);
    assert_non_null(u);
    mix_put_u16(u, f.port);
    mix_put_u16(u + 2, t.port);
    mix_put_u16(u + 4, (uint16_t)(8 + payload.len));
    memcpy(u + 8, payload.data, payload.len);
    send_packet(w, build(UDP, &f, &t, u, 8 + payload.len));
    free(u);
}

typedef struct seen {
    uint8_t protocol;
    mix_address from, to;
    mix_bytes t;
    uint16_t place; /* of fragments */
} seen;

/* Fails the test when anything in the packet is wrong. */
static seen look(mix_bytes p) {
    seen s = {0};
    assert_true(p.len >= 20);
    size_t header = p.data[0] >> 4 == 4 ? 20 : 40, at = header == 20 ? 12 : 8,
           n = header == 20 ? 4 : 16;
    s.from.family = s.to.family = p.data[0] >> 4;
    assert_true(s.from.family == 4 || s.from.family == 6);
    assert_true(p.len >= header + 8 && p.len <= 1500);
    memcpy(s.from.octets, p.data + at, n);
    memcpy(s.to.octets, p.data + at + n, n);
    s.protocol = p.data[header == 20 ? 9 : 6];
    s.t = mix_bytes_of(p.data + header, p.len - header);
    if (header == 20) {
        assert_int_equal(p.data[0], 0x45);
        assert_int_equal(mix_get_u16(p.data + 2), p.len);
        assert_int_equal(checksum(mix_bytes_of(p.data, 20), mix_bytes_of(NULL, 0)), 0);
        s.place = mix_get_u16(p.data + 6) & 0x3fff;
    } else {
        assert_int_equal(mix_get_u16(p.data + 4), s.t.len);
    }
    if (s.place)
        return s;
    assert_int_equal(transport_checksum(s.protocol, &s.from, &s.to, s.t), 0);
    if (s.protocol == TCP || s.protocol == UDP) {
        s.from.port = mix_get_u16(s.t.data);
        s.to.port = mix_get_u16(s.t.data + 2);
    }
    return s;
}

/* TCP by hand. */

static void send_segment(world *w, client *c, uint8_t flags, mix_bytes data) {
    uint8_t t[1500] = {0};
    size_t header = flags & SYN ? 24 : 20;
    mix_put_u16(t, c->at.port);
    mix_put_u16(t + 2, c->to.port);
    mix_put_u32(t + 4, c->seq);
    mix_put_u32(t + 8, flags & ACK ? c->ack : 0);
    t[12] = (uint8_t)(header / 4 << 4);
    t[13] = flags;
    mix_put_u16(t + 14, WINDOW);
    if (flags & SYN)
        memcpy(t + 20, "\x02\x04\x05\xa0", 4); /* MSS 1440 */
    if (data.len)
        memcpy(t + header, data.data, data.len);
    c->seq += (uint32_t)data.len + (flags & (SYN | FIN) ? 1 : 0);
    send_packet(w, build(TCP, &c->at, &c->to, t, header + data.len));
}

static void connect_client(world *w, client *c, const char *at, const char *to) {
    *c = (client){.at = addr(at), .to = addr(to), .seq = (uint32_t)mix_test_random(&w->env)};
    w->clients[w->count++] = c;
    send_segment(w, c, SYN, mix_bytes_of(NULL, 0));
}

static void on_segment(world *w, client *c, const seen *s) {
    const uint8_t *t = s->t.data;
    uint8_t flags = t[13];
    uint32_t seq = mix_get_u32(t + 4);
    mix_bytes data = mix_bytes_slice(s->t, (size_t)(t[12] >> 4) * 4, SIZE_MAX);
    if (flags & RST) {
        c->reset = true;
        return;
    }
    c->acked = mix_get_u32(t + 8);
    if (flags & SYN) {
        c->open = true;
        c->ack = seq + 1;
    } else if (c->deaf || (data.len == 0 && !(flags & FIN))) {
        return;
    } else if (seq == c->ack && !c->ended) {
        mix_buf_put_bytes(&c->got, data);
        c->ended = flags & FIN;
        c->ack += (uint32_t)data.len + (flags & FIN ? 1 : 0);
    }
    send_segment(w, c, ACK, mix_bytes_of(NULL, 0));
}

static void on_packet(void *user, mix_bytes p) {
    world *w = user;
    seen s = look(p);
    w->given++;
    if (s.place) {
        w->fragments_len += (uint32_t)s.t.len;
        return;
    }
    for (size_t i = 0; s.protocol == TCP && i < w->count; i++) {
        client *c = w->clients[i];
        if (memcmp(&c->at, &s.to, sizeof s.to) == 0 &&
            memcmp(&c->to, &s.from, sizeof s.from) == 0) {
            on_segment(w, c, &s);
            return;
        }
    }
    mix_buf_truncate(&w->last, 0);
    mix_buf_put_bytes(&w->last, p);
}

/* The world. */

static void on_alarm(uv_timer_t *t) {
    (void)t;
    fail_msg("nothing happens any more");
}

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *b) {
    (void)h;
    *b = uv_buf_init(malloc(n), (unsigned)n);
}

static void on_written(uv_write_t *r, int status) {
    (void)status;
    free(r->data);
    free(r);
}

static void free_handle(uv_handle_t *h) {
    free(h);
}

static void on_echo_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b) {
    if (n <= 0) {
        free(b->base);
        if (n < 0)
            uv_close((uv_handle_t *)s, free_handle);
        return;
    }
    uv_write_t *r = malloc(sizeof *r);
    r->data = b->base;
    uv_buf_t out = uv_buf_init(b->base, (unsigned)n);
    assert_int_equal(uv_write(r, s, &out, 1, on_written), 0);
}

static void on_connection(uv_stream_t *server, int status) {
    world *w = server->data;
    assert_int_equal(status, 0);
    if (!w->server_reads) {
        uv_tcp_init(&w->loop, &w->connection);
        w->accepted = uv_accept(server, (uv_stream_t *)&w->connection) == 0;
        return;
    }
    uv_tcp_t *c = malloc(sizeof *c);
    uv_tcp_init(&w->loop, c);
    assert_int_equal(uv_accept(server, (uv_stream_t *)c), 0);
    uv_read_start((uv_stream_t *)c, on_alloc, on_echo_read);
}

static void on_sent(uv_udp_send_t *r, int status) {
    (void)status;
    free(r->data);
    free(r);
}

static void on_datagram(uv_udp_t *u, ssize_t n, const uv_buf_t *b, const struct sockaddr *from,
                        unsigned flags) {
    (void)flags;
    if (n <= 0 || !from) {
        free(b->base);
        return;
    }
    uv_udp_send_t *r = malloc(sizeof *r);
    r->data = b->base;
    uv_buf_t out = uv_buf_init(b->base, (unsigned)n);
    assert_int_equal(uv_udp_send(r, u, &out, 1, from, on_sent), 0);
}

static void open_servers(world *w) {
    struct sockaddr_in a;
    int len = sizeof a;
    uv_ip4_addr("127.0.0.1", 0, &a);
    w->tcp_server.data = w->udp_server.data = w;
    uv_tcp_init(&w->loop, &w->tcp_server);
    assert_int_equal(uv_tcp_bind(&w->tcp_server, (struct sockaddr *)&a, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&w->tcp_server, 64, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&w->tcp_server, (struct sockaddr *)&a, &len), 0);
    w->tcp_port = ntohs(a.sin_port);
    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_udp_init(&w->loop, &w->udp_server);
    assert_int_equal(uv_udp_bind(&w->udp_server, (struct sockaddr *)&a, 0), 0);
    assert_int_equal(uv_udp_getsockname(&w->udp_server, (struct sockaddr *)&a, &len), 0);
    w->udp_port = ntohs(a.sin_port);
    uv_udp_recv_start(&w->udp_server, on_alloc, on_datagram);
}

/* A loopback port that nothing listens on. */
static uint16_t closed_port(world *w) {
    struct sockaddr_in a;
    int len = sizeof a;
    uv_tcp_t *t = malloc(sizeof *t);
    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_tcp_init(&w->loop, t);
    assert_int_equal(uv_tcp_bind(t, (struct sockaddr *)&a, 0), 0);
    assert_int_equal(uv_tcp_getsockname(t, (struct sockaddr *)&a, &len), 0);
    uv_close((uv_handle_t *)t, free_handle);
    return ntohs(a.sin_port);
}

static void start(world *w) {
    static const char *const names[] = {"web.example=203.0.113.10,60", "web.example=2001:db8::10",
                                        "Two.Example=203.0.113.1", "two.example.=203.0.113.2"};
    *w = (world){.server_reads = true};
    mix_test_env_init(&w->env, 7);
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->alarm);
    uv_timer_start(&w->alarm, on_alarm, GIVE_UP_MS, 0);
    uv_unref((uv_handle_t *)&w->alarm);
    open_servers(w);
    char text[6][80];
    const char *rules[6];
    const char *const asked[6] = {"203.0.113.10:80",  "[2001:db8::10]:80", "203.0.113.10:7",
                                  "[2001:db8::10]:7", "203.0.113.10:81",   "[2001:db8::10]:81"};
    uint16_t closed = closed_port(w);
    for (size_t i = 0; i < 6; i++) {
        snprintf(text[i], sizeof text[i], "%s=%s:%u", asked[i], i & 1 ? "localhost" : "127.0.0.1",
                 i < 2   ? w->tcp_port
                 : i < 4 ? w->udp_port
                         : closed);
        rules[i] = text[i];
    }
    internet_options opt = {.resolve = names, .resolves = 4, .forward = rules, .forwards = 6};
    mix_error e = {0};
    int rc = internet_new(&w->net, &w->loop, &opt, &w->env.env, on_packet, w, &e);
    if (rc != MIX_OK)
        fail_msg("%s", e.words);
}

static void on_net_closed(void *user) {
    ((world *)user)->net_closed = true;
}

static void close_all(uv_handle_t *h, void *user) {
    (void)user;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void stop(world *w) {
    internet_close(w->net, on_net_closed, w);
    assert_false(w->net_closed);
    while (!w->net_closed)
        uv_run(&w->loop, UV_RUN_ONCE);
    internet_free(w->net);
    uv_run(&w->loop, UV_RUN_NOWAIT); /* echo connections see the end */
    uv_walk(&w->loop, close_all, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    for (size_t i = 0; i < w->count; i++)
        mix_buf_deinit(&w->clients[i]->got);
    mix_buf_deinit(&w->last);
}

#define run_until(w, condition)                                                                    \
    while (!(condition))                                                                           \
    uv_run(&(w)->loop, UV_RUN_ONCE)

/* Tests. */

static mix_bytes ask(world *w, const char *from, const char *server, const char *name,
                     uint16_t type) {
    mix_buf q = {0};
    mix_buf_put_u16(&q, 0xabcd);
    mix_buf_put_u16(&q, 0x0100);
    mix_buf_put_u16(&q, 1);
    mix_buf_put_zeros(&q, 6);
    for (const char *p = name; *p; p += strcspn(p, ".") + (p[strcspn(p, ".")] == '.')) {
        mix_buf_put_u8(&q, (uint8_t)strcspn(p, "."));
        mix_buf_put(&q, p, strcspn(p, "."));
    }
    mix_buf_put_u8(&q, 0);
    mix_buf_put_u16(&q, type);
    mix_buf_put_u16(&q, 1);
    size_t before = w->given;
    send_udp(w, from, server, mix_buf_bytes(&q));
    assert_int_equal(w->given, before + 1);
    seen s = look(mix_buf_bytes(&w->last));
    assert_int_equal(s.protocol, UDP);
    mix_address want_from = addr(server), want_to = addr(from);
    assert_memory_equal(&s.from, &want_from, sizeof want_from);
    assert_memory_equal(&s.to, &want_to, sizeof want_to);
    mix_bytes answer = mix_bytes_slice(s.t, 8, SIZE_MAX);
    assert_bytes(mix_bytes_slice(answer, 12, q.len - 12),
                 mix_bytes_of(q.data + 12, q.len - 12)); /* the question as asked */
    mix_buf_deinit(&q);
    return answer;
}

static void names_over_udp(void **state) {
    (void)state;
    world w;
    start(&w);
    /* flags, counts; then behind the question name, type, class, TTL, length, address */
    mix_bytes a = ask(&w, "10.0.3.4:5000", "1.1.1.1:53", "WEB.example", 1);
    assert_bytes(mix_bytes_slice(a, 0, 12), mix_bytes_of("\xab\xcd\x85\x80\0\1\0\1\0\0\0\0", 12));
    assert_bytes(mix_bytes_slice(a, 29, 99),
                 mix_bytes_of("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x0a", 16));
    a = ask(&w, "[fc00::99]:5000", "[2606:4700:4700::1111]:53", "web.EXAMPLE", 28);
    assert_bytes(
        mix_bytes_slice(a, 29, 99),
        mix_bytes_of("\xc0\x0c\0\x1c\0\1\0\0\1\x2c\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x10",
                     28));
    a = ask(&w, "10.0.3.4:5000", "8.8.8.8:53", "two.example", 1);
    assert_bytes(mix_bytes_slice(a, 2, 10), mix_bytes_of("\x85\x80\0\1\0\2\0\0\0\0", 10));
    assert_int_equal(a.len, 29 + 32);
    a = ask(&w, "10.0.3.4:5000", "8.8.8.8:53", "two.example", 28); /* NODATA, with a SOA */
    assert_bytes(mix_bytes_slice(a, 2, 10), mix_bytes_of("\x85\x80\0\1\0\0\0\1\0\0", 10));
    a = ask(&w, "10.0.3.4:5000", "8.8.8.8:53", "example", 1); /* NXDOMAIN */
    assert_bytes(mix_bytes_slice(a, 2, 10), mix_bytes_of("\x85\x83\0\1\0\0\0\1\0\0", 10));
    assert_int_equal(internet_stats_of(w.net).dns_answers, 5);
    assert_int_equal(internet_stats_of(w.net).flows, 0);
    uv_timer_stop(&w.alarm);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_backend_timeout(&w.loop), -1); /* no timer runs */
    stop(&w);
}

static void fill(uint8_t *data, size_t len, uint32_t x) {
    for (size_t i = 0; i < len; i++, x = x * 1664525 + 1013904223)
        data[i] = (uint8_t)(x >> 24);
}

/* Sends len bytes through an echo server and gets them back, then both sides end. */
static void echo(world *w, client *c, size_t len) {
    uint8_t *data = malloc(len);
    fill(data, len, 1);
    run_until(w, c->open);
    uint32_t first = c->seq;
    for (size_t at = 0; at < len;) {
        size_t n = len - at < 1440 ? len - at : 1440;
        run_until(w, c->seq - (c->acked - first < 0x7fffffff ? c->acked : first) < 20000);
        send_segment(w, c, ACK | PSH, mix_bytes_of(data + at, n));
        at += n;
    }
    run_until(w, c->got.len >= len);
    assert_bytes(mix_buf_bytes(&c->got), mix_bytes_of(data, len));
    send_segment(w, c, FIN | ACK, mix_bytes_of(NULL, 0));
    run_until(w, c->ended);
    assert_false(c->reset);
    free(data);
}

static void tcp_by_forward(void **state) {
    (void)state;
    world w;
    start(&w);
    client c4, c6;
    connect_client(&w, &c4, "10.0.1.2:4000", "203.0.113.10:80");
    echo(&w, &c4, 300000);
    connect_client(&w, &c6, "[fc00::1:2]:4000", "[2001:db8::10]:80"); /* outside of fc00::/112 */
    assert_int_equal(internet_stats_of(w.net).drop_source, 1);
    connect_client(&w, &c6, "[fc00::102]:4000", "[2001:db8::10]:80"); /* on to 127.0.0.1 */
    echo(&w, &c6, 300000);
    internet_stats s = internet_stats_of(w.net);
    assert_int_equal(s.flows, 2);
    assert_int_equal(s.drop_malformed + s.drop_stray + s.drop_full, 0);
    w.count = 1; /* c6 is in twice */
    w.clients[w.count++] = &c6;
    stop(&w);
}

static void many_clients_at_once(void **state) {
    (void)state;
    world w;
    start(&w);
    client c[24]; /* more than libslirp knows neighbours; all with the same port */
    for (size_t i = 0; i < 24; i++) {
        char at[40];
        snprintf(at, sizeof at, i & 1 ? "[fc00::%x]:4000" : "10.0.0.%u:4000", (unsigned)i + 2);
        connect_client(&w, &c[i], at, i & 1 ? "[2001:db8::10]:80" : "203.0.113.10:80");
    }
    for (size_t i = 0; i < 24; i++)
        run_until(&w, c[i].open);
    for (size_t i = 0; i < 24; i++)
        send_segment(&w, &c[i], ACK | PSH, mix_bytes_of(&(uint8_t){(uint8_t)i}, 1));
    for (size_t i = 0; i < 24; i++) {
        run_until(&w, c[i].got.len == 1);
        assert_int_equal(c[i].got.data[0], i);
    }
    stop(&w);
}

static void refusals(void **state) {
    (void)state;
    static const char *const to[] = {"203.0.113.10:81",   "203.0.113.10:82",   "10.0.0.1:22",
                                     "[2001:db8::10]:81", "[2001:db8::10]:82", "[fc00::1]:22"};
    world w;
    start(&w);
    client c[6];
    for (size_t i = 0; i < 6; i++) {
        connect_client(&w, &c[i], i < 3 ? "10.0.1.2:4000" : "[fc00::2]:4000", to[i]);
        run_until(&w, c[i].reset);
        assert_false(c[i].open);
    }
    size_t before = w.given;
    send_segment(
        &w, &c[0], ACK | PSH,
        MIX_BYTES("a connection that was")); /* c[0]'s flow stands; another port's does not */
    c[1].reset = false;
    send_segment(&w, &c[1], ACK, mix_bytes_of(NULL, 0));
    run_until(&w, c[1].reset);
    send_udp(&w, "10.0.1.2:4001", "203.0.113.10:9", MIX_BYTES("?"));
    run_until(&w, w.given > before && w.last.len > 0);
    seen s = look(mix_buf_bytes(&w.last));
    assert_int_equal(s.protocol, 1);
    assert_bytes(mix_bytes_slice(s.t, 0, 2), mix_bytes_of("\3\3", 2));
    assert_bytes(mix_bytes_slice(s.t, 8 + 12, 12),
                 mix_bytes_of("\x0a\0\1\2\xcb\0\x71\x0a\x0f\xa1\0\x09", 12));
    mix_buf_truncate(&w.last, 0);
    send_udp(&w, "[fc00::2]:4001", "[2001:db8::10]:81",
             MIX_BYTES("?")); /* the server's machine says no, over IPv4 */
    run_until(&w, w.last.len > 0);
    s = look(mix_buf_bytes(&w.last));
    assert_int_equal(s.protocol, 58);
    assert_bytes(mix_bytes_slice(s.t, 0, 2), mix_bytes_of("\1\4", 2));
    mix_address client = addr("[fc00::2]:4001"), server = addr("[2001:db8::10]:81");
    assert_memory_equal(s.t.data + 8 + 8, client.octets, 16);
    assert_memory_equal(s.t.data + 8 + 24, server.octets, 16);
    assert_bytes(mix_bytes_slice(s.t, 48, 4), mix_bytes_of("\x0f\xa1\0\x51", 4));
    stop(&w);
}

static void names_over_tcp(void **state) {
    (void)state;
    static const uint8_t question[] = "\0\x1d\0\7\1\0\0\1\0\0\0\0\0\0\3web\7example\0\0\1\0\1";
    world w;
    start(&w);
    for (size_t cut = 0; cut < 3;
         cut++) { /* whole, cut within the length, cut within the question */
        client c;
        connect_client(&w, &c,
                       cut == 1 ? "[fc00::5]:4000"
                       : cut    ? "10.0.0.5:4001"
                                : "10.0.0.5:4000",
                       cut == 1 ? "[2001:4860:4860::8888]:53" : "9.9.9.9:53");
        run_until(&w, c.open);
        size_t at = cut == 0 ? 31 : cut == 1 ? 1 : 15;
        send_segment(&w, &c, ACK | PSH, mix_bytes_of(question, at));
        if (at < 31)
            send_segment(&w, &c, ACK | PSH, mix_bytes_of(question + at, 31 - at));
        run_until(&w, c.got.len >= 47);
        assert_bytes(mix_bytes_of(c.got.data, 14),
                     mix_bytes_of("\0\x2d\0\7\x85\x80\0\1\0\1\0\0\0\0", 14));
        assert_bytes(mix_bytes_of(c.got.data + 43, 4), mix_bytes_of("\xcb\0\x71\x0a", 4));
        send_segment(&w, &c, FIN | ACK, mix_bytes_of(NULL, 0));
        run_until(&w, c.ended);
        mix_buf_deinit(&c.got);
        w.count = 0;
    }
    client bad;
    connect_client(&w, &bad, "10.0.0.6:4001", "9.9.9.9:53");
    run_until(&w, bad.open);
    send_segment(&w, &bad, ACK | PSH, mix_bytes_of("\xff\xff", 2));
    run_until(&w, bad.ended || bad.reset);
    assert_int_equal(internet_stats_of(w.net).dns_answers, 3);
    assert_int_equal(internet_stats_of(w.net).dns_bad, 1);
    stop(&w);
}

static void datagrams(void **state) {
    (void)state;
    static const uint8_t big[4000] = {1, 2, 3};
    world w;
    start(&w);
    send_udp(&w, "10.0.1.2:4000", "203.0.113.10:7", MIX_BYTES("four"));
    run_until(&w, w.last.len > 0);
    seen s = look(mix_buf_bytes(&w.last));
    assert_bytes(mix_bytes_slice(s.t, 8, 99), MIX_BYTES("four"));
    assert_int_equal(s.to.port, 4000);
    assert_int_equal(s.from.port, 7);
    mix_buf_truncate(&w.last, 0);
    send_udp(&w, "[fc00::2]:4000", "[2001:db8::10]:7", MIX_BYTES("six"));
    run_until(&w, w.last.len > 0);
    s = look(mix_buf_bytes(&w.last));
    assert_bytes(mix_bytes_slice(s.t, 8, 99), MIX_BYTES("six"));
    send_udp(&w, "10.0.1.2:4000", "203.0.113.10:7", MIX_BYTES(big));
    run_until(&w, w.fragments_len == 8 + sizeof big); /* in fragments, all of them */
    send_udp(&w, "[fc00::2]:4000", "[2001:db8::10]:7", MIX_BYTES(big));
    run_until(&w, internet_stats_of(w.net).drop_fragment > 0);
    stop(&w);
}

static void echo_requests(void **state) {
    (void)state;
    static const char *const to[] = {"10.0.0.1:1", "203.0.113.10:1", "[fc00::1]:1",
                                     "[2001:db8::10]:1"};
    world w;
    start(&w);
    for (size_t i = 0; i < 4; i++) {
        uint8_t t[16] = {i < 2 ? 8 : 128, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'};
        mix_address from = addr(i < 2 ? "10.0.1.2:1" : "[fc00::2]:1"), dst = addr(to[i]);
        mix_buf_truncate(&w.last, 0);
        send_packet(&w, build(i < 2 ? 1 : 58, &from, &dst, t, sizeof t));
        seen s = look(mix_buf_bytes(&w.last));
        assert_int_equal(s.t.data[0], i < 2 ? 0 : 129);
        assert_bytes(mix_bytes_slice(s.t, 4, 99), mix_bytes_of(t + 4, 12));
        assert_memory_equal(s.from.octets, dst.octets, 16);
    }
    stop(&w);
}

static void nothing_is_there(void **state) {
    (void)state;
    static const char *const to[] = {
        "127.0.0.1:80",          "224.0.0.1:80",           "255.255.255.255:80", "0.0.0.0:80",
        "10.0.7.7:80",           "192.0.0.1:80",           "[::1]:80",           "[::]:80",
        "[::ffff:127.0.0.1]:80", "[::127.0.0.1]:80",       "[ff02::1]:80",       "[fe80::2]:80",
        "[fc00::7]:80",          "[fd6c:776d:6978::1]:80", "169.254.169.254:80"};
    world w;
    start(&w);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        send_udp(&w, to[i][0] == '[' ? "[fc00::2]:4000" : "10.0.1.2:4000", to[i], MIX_BYTES("?"));
        assert_int_equal(internet_stats_of(w.net).drop_destination, i + 1);
    }
    static const char *const from[] = {"10.1.0.2:1", "10.0.0.1:1", "10.0.0.0:1", "10.0.255.255:1",
                                       "192.168.0.1:1"};
    for (size_t i = 0; i < 5; i++)
        send_udp(&w, from[i], "203.0.113.10:7", MIX_BYTES("?"));
    send_udp(&w, "[fc00::1]:1", "[2001:db8::10]:7", MIX_BYTES("?"));
    send_udp(&w, "[fd00::2]:1", "[2001:db8::10]:7", MIX_BYTES("?"));
    assert_int_equal(internet_stats_of(w.net).drop_source, 7);
    assert_int_equal(internet_stats_of(w.net).flows, 0);
    stop(&w);
}

/* Random bytes, and good packets with random damage, whose destinations stay on loopback. */
static void garbage(void **state) {
    (void)state;
    world w;
    start(&w);
    client c;
    connect_client(&w, &c, "10.0.1.2:4000", "203.0.113.10:80");
    run_until(&w, c.open);
    for (size_t round = 0; round < 20000; round++) {
        uint8_t t[64];
        for (size_t i = 0; i < sizeof t; i++)
            t[i] = (uint8_t)mix_test_random(&w.env);
        bool v6 = round & 1;
        uint8_t protocol = round & 2 ? TCP : UDP;
        mix_address from = addr(v6 ? "[fc00::9]:1" : "10.0.9.9:1"),
                    to = addr(v6 ? "[2001:db8::10]:1" : "203.0.113.10:1");
        size_t len = 8 + mix_test_below(&w.env, 57);
        if (mix_test_below(&w.env, 4)) {
            mix_put_u16(t + 2, round & 4 ? 80 : 53);
            t[12] = (uint8_t)(mix_test_below(&w.env, 3) ? 0x50 : t[12]);
            if (protocol == UDP)
                mix_put_u16(t + 4, (uint16_t)(mix_test_below(&w.env, 8) ? len : t[4]));
            else if (mix_test_below(&w.env, 2))
                t[13] = SYN;
        }
        mix_buf b = build(round % 16 == 9 ? (v6 ? 58 : 1) : protocol, &from, &to, t, len);
        for (size_t n = mix_test_below(&w.env, 4) / 2; n > 0; n--)
            b.data[mix_test_below(&w.env, v6 ? 8 : 12)] =
                (uint8_t)mix_test_random(&w.env); /* lengths, flags, protocol */
        if (!v6 && mix_test_below(&w.env, 4)) {
            mix_put_u16(b.data + 10, 0);
            mix_put_u16(b.data + 10, checksum(mix_bytes_of(b.data, 20), mix_bytes_of(NULL, 0)));
        }
        if (mix_test_below(&w.env, 8) == 0)
            mix_buf_truncate(&b, mix_test_below(&w.env, b.len + 1));
        send_packet(&w, b);
        if (round % 64 == 0)
            uv_run(&w.loop, UV_RUN_NOWAIT);
    }
    internet_stats s = internet_stats_of(w.net);
    assert_true(s.drop_malformed > 1000 && s.drop_fragment > 100 && s.drop_protocol > 100 &&
                s.dns_bad > 100 && s.flows > 100);
    assert_true(s.flows <= 4096);
    echo(&w, &c, 5000);
    stop(&w);
}

/* The server's machine says "reset" when everything is full: libslirp would abort if it were told
 * to read then. */
static void reset_with_full_buffers(void **state) {
    (void)state;
    static char plenty[1 << 20];
    static const uint8_t segment[1400];
    world w;
    start(&w);
    w.server_reads = false;
    client c;
    connect_client(&w, &c, "10.0.1.2:4000", "203.0.113.10:80");
    run_until(&w, c.open && w.accepted);
    c.deaf = true;
    for (size_t n = 60000; n <= sizeof plenty;
         n += sizeof plenty -
              60000) { /* a read that stays under half of libslirp's buffer, and the rest */
        uv_write_t *r = malloc(sizeof *r);
        r->data = NULL;
        uv_buf_t out = uv_buf_init(plenty, (unsigned)n);
        assert_int_equal(uv_write(r, (uv_stream_t *)&w.connection, &out, 1, on_written), 0);
        for (size_t before = w.given; w.given == before && n < sizeof plenty;)
            uv_run(&w.loop, UV_RUN_ONCE);
    }
    for (size_t i = 0; i < 4000; i++) { /* much more than the server's machine and libslirp take */
        uint32_t seq = c.seq;
        send_segment(&w, &c, ACK | PSH, MIX_BYTES(segment));
        uv_run(&w.loop, UV_RUN_NOWAIT);
        if (c.acked != seq && seq - c.acked > WINDOW)
            c.seq = seq;
    }
    assert_int_equal(uv_tcp_close_reset(&w.connection, NULL), 0);
    client other;
    w.server_reads = true;
    connect_client(&w, &other, "10.0.1.2:4001", "203.0.113.10:80");
    echo(&w, &other, 100);
    stop(&w);
}

static void closing_at_once(void **state) {
    (void)state;
    world w;
    start(&w);
    client c[2];
    connect_client(&w, &c[0], "10.0.1.2:4000", "203.0.113.10:80");
    run_until(&w, c[0].open);
    connect_client(&w, &c[1], "10.0.1.3:4000", "203.0.113.10:80"); /* half open */
    send_udp(&w, "10.0.1.2:4000", "203.0.113.10:7", MIX_BYTES("under way"));
    stop(&w);
    assert_int_equal(mix_alloc_live(), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(names_over_udp),
    cmocka_unit_test(tcp_by_forward),
    cmocka_unit_test(many_clients_at_once),
    cmocka_unit_test(refusals),
    cmocka_unit_test(names_over_tcp),
    cmocka_unit_test(datagrams),
    cmocka_unit_test(echo_requests),
    cmocka_unit_test(nothing_is_there),
    cmocka_unit_test(garbage),
    cmocka_unit_test(reset_with_full_buffers),
    cmocka_unit_test(closing_at_once),
};

MIX_TEST_MAIN(internet_test, tests)
