/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the exit's internet: packets by hand, servers, a network of our own. */
#include "internet_testing.h"

#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

mix_address addr(const char *text) {
    mix_address a;
    assert_status(mix_address_parse(&a, text), MIX_OK);
    return a;
}

/* Packets by hand. */

uint16_t checksum(mix_bytes a, mix_bytes b) {
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

mix_buf build(uint8_t protocol, const mix_address *from, const mix_address *to, uint8_t *t,
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

void send_packet(world *w, mix_buf b) {
    internet_send(w->net, mix_buf_bytes(&b));
    mix_buf_deinit(&b);
}

void send_udp(world *w, const char *from, const char *to, mix_bytes payload) {
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

/* Fails the test when anything in the packet is wrong. */
seen look(mix_bytes p) {
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

void send_segment(world *w, client *c, uint8_t flags, mix_bytes data) {
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

void connect_client(world *w, client *c, const char *at, const char *to) {
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

static void on_net_closed(void *user) {
    ((world *)user)->net_closed = true;
}

static void on_packet(void *user, mix_bytes p) {
    world *w = user;
    assert_false(w->net_closed);
    if (w->close_inside)
        internet_close(w->net, on_net_closed, w);
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

void on_written(uv_write_t *r, int status) {
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

void on_connection(uv_stream_t *server, int status) {
    world *w = server->data;
    assert_int_equal(status, 0);
    if (!w->server_reads) {
        uv_tcp_init(&w->loop, &w->connection);
        w->accepted = uv_accept(server, (uv_stream_t *)&w->connection) == 0;
        return;
    }
    uv_tcp_t *c = malloc(sizeof *c);
    uv_tcp_init(&w->loop, c);
    c->data = c; /* to be freed */
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

void start(world *w, bool tun) {
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
    internet_options opt = {
        .resolve = names, .resolves = 4, .forward = rules, .forwards = 6, .tun = tun};
    mix_error e = {0};
    int rc = internet_new(&w->net, &w->loop, &opt, &w->env.env, on_packet, w, &e);
    if (rc != MIX_OK)
        fail_msg("%s", e.words);
}

static void close_all(uv_handle_t *h, void *user) {
    (void)user;
    if (!uv_is_closing(h))
        uv_close(h, h->data == h ? free_handle : NULL);
}

void stop(world *w) {
    if (!w->close_inside) {
        internet_close(w->net, on_net_closed, w);
        assert_false(w->net_closed); /* never from inside */
    }
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

mix_bytes ask(world *w, const char *from, const char *server, const char *name, uint16_t type) {
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

static void fill(uint8_t *data, size_t len, uint32_t x) {
    for (size_t i = 0; i < len; i++, x = x * 1664525 + 1013904223)
        data[i] = (uint8_t)(x >> 24);
}

/* Sends len bytes through an echo server and gets them back, then both sides end. */
void echo(world *w, client *c, size_t len) {
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

static bool add_loopback4(int s, const char *address) {
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (ioctl(s, SIOCSIFFLAGS, &r) != 0)
        return false;
    struct sockaddr_in in = {.sin_family = AF_INET};
    memcpy(&in.sin_addr, addr(address).octets, 4);
    strcpy(r.ifr_name, "lo:1");
    memcpy(&r.ifr_addr, &in, sizeof in);
    return ioctl(s, SIOCSIFADDR, &r) == 0;
}

static bool add_loopback6(int s, const char *address) {
    struct {
        struct in6_addr address;
        uint32_t prefix;
        int index;
    } r = {.prefix = 128, .index = (int)if_nametoindex("lo")};
    memcpy(&r.address, addr(address).octets, 16);
    return ioctl(s, SIOCSIFADDR, &r) == 0;
}

bool own_network(void) {
    if (unshare(CLONE_NEWNET) != 0)
        return false;
    int s4 = socket(AF_INET, SOCK_DGRAM, 0), s6 = socket(AF_INET6, SOCK_DGRAM, 0);
    bool done = s4 >= 0 && s6 >= 0 && add_loopback4(s4, BEYOND4 ":1") &&
                add_loopback6(s6, "[" BEYOND6 "]:1");
    close(s4);
    close(s6);
    /* receive buffers larger than libslirp's: see reset_with_full_buffers */
    FILE *f = fopen("/proc/sys/net/ipv4/tcp_rmem", "w");
    done = done && f && fputs("4096 4000000 6291456", f) >= 0;
    if (f)
        fclose(f);
    return done;
}
