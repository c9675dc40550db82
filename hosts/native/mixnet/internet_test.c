/* SPDX-License-Identifier: Apache-2.0 */
/* The exit's internet on a real loop, with servers on loopback; where we may, in a network of our
 * own, with a TUN device too. */
#include "internet.h"

#include "alloc_fail.h"
#include "internet_testing.h"

#include <stdlib.h>
#include <unistd.h>

static bool over_tun, alone; /* alone: in a network of our own */

static void names_over_udp(void **state) {
    (void)state;
    world w;
    start(&w, over_tun);
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

static void tcp_by_forward(void **state) {
    (void)state;
    world w;
    start(&w, over_tun);
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
    start(&w, over_tun);
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
    start(&w, over_tun);
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
    start(&w, over_tun);
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
    start(&w, over_tun);
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
    start(&w, over_tun);
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
    start(&w, over_tun);
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
    start(&w, over_tun);
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
    start(&w, over_tun);
    w.server_reads = false;
    client c;
    connect_client(&w, &c, "10.0.1.2:4000", "203.0.113.10:80");
    run_until(&w, c.open && w.accepted);
    c.deaf = true;
    /* First less than half of libslirp's buffer of 131400 bytes, so that it reads once more; then
     * all that there is room for, 50 segments. */
    for (size_t i = 0, n = 59400; i < 2; i++, n = sizeof plenty) {
        uv_write_t *r = malloc(sizeof *r);
        r->data = NULL;
        uv_buf_t out = uv_buf_init(plenty, (unsigned)n);
        assert_int_equal(uv_write(r, (uv_stream_t *)&w.connection, &out, 1, on_written), 0);
        for (size_t before = w.given; i == 0 && w.given == before;)
            uv_run(&w.loop, UV_RUN_ONCE);
    }
    /* and the other way until nothing is acknowledged any more */
    for (size_t stalls = 0; stalls < 50;) {
        uint32_t seq = c.seq;
        send_segment(&w, &c, ACK | PSH, MIX_BYTES(segment));
        uv_run(&w.loop, UV_RUN_NOWAIT);
        if ((int32_t)(c.seq - c.acked) > WINDOW - (int32_t)sizeof segment) {
            c.seq = seq;
            stalls++;
        }
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
    start(&w, over_tun);
    client c[2];
    connect_client(&w, &c[0], "10.0.1.2:4000", "203.0.113.10:80");
    run_until(&w, c[0].open);
    connect_client(&w, &c[1], "10.0.1.3:4000", "203.0.113.10:80"); /* half open */
    send_udp(&w, "10.0.1.2:4000", "203.0.113.10:7", MIX_BYTES("under way"));
    stop(&w);
    assert_int_equal(mix_alloc_live(), 0);
}

static void closing_inside(void **state) {
    (void)state;
    static const char *const to[] = {"203.0.113.10:53",
                                     "203.0.113.10:7"}; /* from us, from libslirp */
    for (size_t i = 0; i < 2; i++) {
        world w;
        start(&w, over_tun);
        w.close_inside = true;
        send_udp(&w, "10.0.1.2:4000", to[i], MIX_BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"));
        run_until(&w, w.net_closed);
        assert_int_equal(w.given, 1);
        stop(&w);
    }
}

static uint16_t listen_beyond(world *w, uv_tcp_t *t) {
    struct sockaddr_in6 a;
    int len = sizeof a;
    uv_ip6_addr("::", 0, &a);
    uv_tcp_init(&w->loop, t);
    t->data = w;
    assert_int_equal(uv_tcp_bind(t, (struct sockaddr *)&a, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)t, 8, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(t, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin6_port);
}

/* What no forward is for. */
static void beyond(void **state) {
    (void)state;
    if (!alone)
        skip();
    world w;
    start(&w, over_tun);
    uv_tcp_t server;
    uint16_t port = listen_beyond(&w, &server);
    char to[2][60];
    snprintf(to[0], sizeof to[0], BEYOND4 ":%u", port);
    snprintf(to[1], sizeof to[1], "[" BEYOND6 "]:%u", port);
    client c[4];
    for (size_t i = 0; i < 2; i++) {
        connect_client(&w, &c[i], i ? "[fc00::2]:4000" : "10.0.1.2:4000", to[i]);
        echo(&w, &c[i], 100000);
    }
    connect_client(&w, &c[2], "10.0.1.2:4001", BEYOND4 ":1");
    connect_client(&w, &c[3], "[fc00::2]:4001", "[" BEYOND6 "]:1");
    run_until(&w, c[2].reset && c[3].reset);
    uint8_t t[16] = {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'};
    mix_address from = addr("10.0.1.2:1"), dst = addr(BEYOND4 ":1");
    mix_buf_truncate(&w.last, 0);
    send_packet(&w, build(1, &from, &dst, t, sizeof t));
    run_until(&w, w.last.len > 0);
    seen s = look(mix_buf_bytes(&w.last));
    assert_int_equal(s.t.data[0], 0);
    assert_bytes(mix_bytes_slice(s.t, 4, 99), mix_bytes_of(t + 4, 12));
    if (!over_tun) { /* nothing leads there */
        mix_buf_truncate(&w.last, 0);
        send_udp(&w, "10.0.1.2:4002", "203.0.113.99:9", MIX_BYTES("?"));
        run_until(&w, w.last.len > 0);
        s = look(mix_buf_bytes(&w.last));
        assert_bytes(mix_bytes_slice(s.t, 0, 2), mix_bytes_of("\3\0", 2));
        assert_bytes(mix_bytes_slice(s.t, 20, 12),
                     mix_bytes_of("\x0a\0\1\2\xcb\0\x71\x63\x0f\xa2\0\x09", 12));
    }
    stop(&w);
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
    cmocka_unit_test(closing_inside),
    cmocka_unit_test(beyond),
};

int main(void) {
    int total = (int)(sizeof tests / sizeof *tests), failed;
    alone = own_network();
    failed = cmocka_run_group_tests_name("internet_test", tests, NULL, NULL);
    over_tun = true;
    if (alone && access("/dev/net/tun", R_OK | W_OK) == 0) {
        failed += cmocka_run_group_tests_name("internet_test, TUN", tests, NULL, NULL);
        total *= 2;
    } else {
        printf("without root and /dev/net/tun: neither the way beyond forwards nor the TUN device "
               "is tested\n");
    }
    printf("internet_test: %d passed, %d failed\n", total - failed, failed);
    return failed != 0;
}
