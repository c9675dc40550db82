/* SPDX-License-Identifier: Apache-2.0 */
/* The exit's router: sessions, addresses, bundles in time, filter and refusals, bounds, memory that
 * fails. */
#include "mixnet/exit/router.h"

#include "alloc_fail.h"
#include "mix/errors.h"
#include "testing.h"

typedef struct world {
    mix_test_env env;
    mixnet_router *r;
    mix_buf work;
    uint8_t copy[4096]; /* of the last reply's content */
} world;

static const uint8_t ALICE[MIXNET_TAG_LEN] = {1}, BOB[MIXNET_TAG_LEN] = {2};

static void start(world *w, const mixnet_router_config *config) {
    *w = (world){0};
    mix_test_env_init(&w->env, 7);
    assert_status(mixnet_router_new(&w->r, config, &w->env.env), MIX_OK);
}

static void stop(world *w) {
    mixnet_router_free(w->r);
    mix_buf_deinit(&w->work);
}

static int request(world *w, const uint8_t *tag, mix_ipr_request q, uint64_t stream, mix_time now) {
    mix_buf b = {0};
    q.provider = MIX_IPR_ROUTER;
    q.time = mix_timestamp_of(0);
    mix_buf_truncate(&w->work, 0);
    assert_status(mix_ipr_request_encode(&w->work, &q), MIX_OK);
    if (q.version >= 9)
        mix_lp_encode(&b, stream, MIX_LP_DATA, 0, mix_buf_bytes(&w->work));
    int status = mixnet_router_request(
        w->r, tag, q.version >= 9 ? mix_buf_bytes(&b) : mix_buf_bytes(&w->work), now);
    mix_buf_deinit(&b);
    return status;
}

/* The next reply, which must go to this tag; seq must be its frame's number. */
static mix_ipr_response reply(world *w, const uint8_t *tag, uint64_t stream, uint32_t seq) {
    mixnet_router_reply out;
    mix_lp_frame f = {0};
    mix_ipr_response p;
    assert_true(mixnet_router_reply_peek(w->r, &out));
    assert_bytes(mix_bytes_of(out.tag, MIXNET_TAG_LEN), mix_bytes_of(tag, MIXNET_TAG_LEN));
    assert_true(out.bytes.len <= sizeof w->copy);
    memcpy(w->copy, out.bytes.data, out.bytes.len);
    mix_bytes body = mix_bytes_of(w->copy, out.bytes.len);
    if (mix_lp_decode(&f, body) == MIX_OK && f.kind == MIX_LP_STREAM) {
        assert_int_equal(f.type, MIX_LP_DATA);
        assert_int_equal(f.stream_id, stream);
        body = f.payload;
    }
    assert_int_equal(f.seq, seq);
    assert_status(mix_ipr_response_decode(&p, body, 0), MIX_OK);
    assert_int_equal(out.limit, p.kind == MIX_IPR_RES_DATA ? 0 : 10);
    mixnet_router_reply_pop(w->r);
    return p;
}

static void no_reply(world *w) {
    mixnet_router_reply out;
    assert_false(mixnet_router_reply_peek(w->r, &out));
}

static mix_ipr_ips connect_as(world *w, const uint8_t *tag, uint8_t version, mix_time now) {
    assert_status(
        request(w, tag, (mix_ipr_request){.version = version, .kind = MIX_IPR_REQ_CONNECT, .id = 5},
                9, now),
        MIX_OK);
    mix_ipr_response p = reply(w, tag, 9, 0);
    assert_int_equal(p.kind, MIX_IPR_RES_CONNECT);
    assert_true(p.success);
    assert_int_equal(p.id, 5);
    no_reply(w);
    return p.ips;
}

/* --- packets --- */

static mix_address ip(const char *text) {
    mix_address a;
    assert_status(mix_ip_parse(&a, mix_bytes_str(text)), MIX_OK);
    return a;
}

static mix_address v4(const mix_ipr_ips *ips) {
    mix_address a = {.family = 4};
    memcpy(a.octets, ips->v4, 4);
    return a;
}

static mix_address v6(const mix_ipr_ips *ips) {
    mix_address a = {.family = 6};
    memcpy(a.octets, ips->v6, 16);
    return a;
}

/* A packet of these addresses around a transport part; IP checksums are zero. */
static mix_bytes packet(uint8_t *out, mix_address from, mix_address to, uint8_t protocol,
                        const void *transport, size_t len) {
    size_t head = from.family == 4 ? 20 : 40;
    memset(out, 0, head);
    out[0] = from.family == 4 ? 0x45 : 0x60;
    out[from.family == 4 ? 9 : 6] = protocol;
    mix_put_u16(out + (from.family == 4 ? 2 : 4), (uint16_t)(from.family == 4 ? len + head : len));
    memcpy(out + (from.family == 4 ? 12 : 8), from.octets, from.family == 4 ? 4 : 16);
    memcpy(out + (from.family == 4 ? 16 : 24), to.octets, from.family == 4 ? 4 : 16);
    memcpy(out + head, transport, len);
    return mix_bytes_of(out, head + len);
}

static mix_bytes udp(uint8_t *out, mix_address from, mix_address to, uint16_t port, size_t len) {
    static uint8_t t[2000];
    memset(t, 'u', sizeof t);
    mix_put_u16(t, 4000);
    mix_put_u16(t + 2, port);
    mix_put_u16(t + 4, (uint16_t)len);
    return packet(out, from, to, 17, t, len);
}

static mix_bytes tcp(uint8_t *out, mix_address from, mix_address to, uint8_t flags, size_t data) {
    uint8_t t[64] = {0};
    mix_put_u16(t, 4000);
    mix_put_u16(t + 2, 80);
    mix_put_u32(t + 4, 1000);
    mix_put_u32(t + 8, 2000);
    t[12] = 0x60;
    t[13] = flags;
    return packet(out, from, to, 6, t, 24 + data);
}

static int send_up(world *w, const uint8_t *tag, uint8_t version, mix_bytes p, mix_time now) {
    mix_buf bundle = {0};
    mix_bundle_put(&bundle, p);
    int status =
        request(w, tag,
                (mix_ipr_request){
                    .version = version, .kind = MIX_IPR_REQ_DATA, .bundle = mix_buf_bytes(&bundle)},
                9, now);
    mix_buf_deinit(&bundle);
    return status;
}

static void expect_up(world *w, mix_bytes want) {
    mix_bytes p = {0};
    assert_status(mixnet_router_next(w->r, &p), MIX_OK);
    assert_bytes(p, want);
    assert_status(mixnet_router_next(w->r, &p), MIX_DONE);
}

static void nothing_up(world *w) {
    mix_bytes p;
    assert_status(mixnet_router_next(w->r, &p), MIX_DONE);
}

static mixnet_router_stats stats(const world *w) {
    mixnet_router_stats s;
    mixnet_router_get_stats(w->r, &s);
    return s;
}

/* --- tests --- */

static void pool_draws_and_gives_back(void **state) {
    (void)state;
    mix_test_env env;
    static mixnet_pool pool;
    pool = (mixnet_pool){0};
    uint16_t n = 0;
    mix_test_env_init(&env, 3);
    size_t taken = 0;
    int status;
    while ((status = mixnet_pool_take(&pool, &env.env, &n)) == MIX_OK) {
        assert_in_range(n, MIXNET_POOL_FIRST, MIXNET_POOL_LAST);
        taken++;
    }
    assert_status(status, MIX_ERR_LIMIT);
    /* With a share f taken 101 draws all fail with the odds f^101; added up over the draws that is
     * 1 at f = 0.94. */
    assert_in_range(taken, 56000, 65400);
    assert_int_equal(pool.count, taken);
    mixnet_pool_give(&pool, n);
    assert_int_equal(pool.count, taken - 1);
    mix_ipr_ips ips = mixnet_pool_ips(0x12ff);
    mix_address a = v4(&ips), b = v6(&ips);
    char text[MIX_ADDRESS_TEXT];
    mix_ip_format(text, &a);
    assert_string_equal(text, "10.0.18.255");
    mix_ip_format(text, &b);
    assert_string_equal(text, "fc00::12ff");
    assert_int_equal(mixnet_pool_number(&a), 0x12ff);
    assert_int_equal(mixnet_pool_number(&b), 0x12ff);
    a = ip("10.1.0.1");
    assert_int_equal(mixnet_pool_number(&a), 0);
    b = ip("fc00::1:12ff");
    assert_int_equal(mixnet_pool_number(&b), 0);
    env.fail_random = 1;
    assert_status(mixnet_pool_take(&pool, &env.env, &n), MIX_ERR_RANDOM);
}

static void connecting_again(void **state) {
    (void)state;
    world w;
    mixnet_router_config c = {.max_sessions = 2};
    start(&w, &c);
    mix_ipr_ips one = connect_as(&w, ALICE, 9, 0), two = connect_as(&w, ALICE, 10, 1);
    assert_memory_not_equal(&one, &two, sizeof one); /* in frames: a new pair */
    assert_int_equal(stats(&w).sessions, 1);
    uint8_t b[64];
    mix_bytes p = udp(b, v4(&one), ip("8.8.8.8"), 53, 8);
    assert_status(send_up(&w, ALICE, 9, p, 2), MIX_OK);
    nothing_up(&w); /* the old one is void */
    one = connect_as(&w, BOB, 8, 3);
    two = connect_as(&w, BOB, 8, 4);
    assert_memory_equal(&one, &two, sizeof one); /* plain: the old pair */
    uint8_t carol[MIXNET_TAG_LEN] = {3};
    assert_status(request(&w, carol,
                          (mix_ipr_request){.version = 9, .kind = MIX_IPR_REQ_CONNECT, .id = 5}, 9,
                          5),
                  MIX_OK);
    mix_ipr_response full = reply(&w, carol, 9, 0);
    assert_true(!full.success && full.reason == MIX_IPR_NO_ADDRESS);
    assert_status(request(&w, BOB,
                          (mix_ipr_request){.version = 8, .kind = MIX_IPR_REQ_DISCONNECT, .id = 6},
                          9, 6),
                  MIX_OK);
    assert_true(reply(&w, BOB, 9, 0).success);
    (void)connect_as(&w, carol, 9, 7);
    stop(&w);
}

static void sources_are_bound_to_their_tag(void **state) {
    (void)state;
    world w;
    start(&w, &(mixnet_router_config){0});
    mix_ipr_ips a = connect_as(&w, ALICE, 9, 0), b = connect_as(&w, BOB, 9, 0);
    uint8_t buf[64];
    mix_bytes p = udp(buf, v4(&a), ip("8.8.8.8"), 53, 8);
    assert_status(send_up(&w, BOB, 9, p, 1), MIX_OK);
    nothing_up(&w);
    assert_int_equal(stats(&w).foreign_source, 1);
    assert_status(send_up(&w, ALICE, 9, p, 1), MIX_OK);
    expect_up(&w, p);
    p = udp(buf, v6(&b), ip("2606:4700::1111"), 53, 8);
    assert_status(send_up(&w, BOB, 9, p, 1), MIX_OK);
    expect_up(&w, p);
    p = udp(buf, ip("1.2.3.4"), ip("8.8.8.8"), 53, 8);
    assert_status(send_up(&w, BOB, 9, p, 1), MIX_OK);
    assert_status(send_up(&w, BOB, 9, mix_bytes_str("junk"), 1), MIX_OK);
    nothing_up(&w);
    assert_int_equal(stats(&w).foreign_source, 2);
    assert_int_equal(stats(&w).bad_packet, 1);
    no_reply(&w);
    stop(&w);
}

/* A packet down at time `at`, and when its bundle leaves. */
static void bundles_leave_on_the_beat(void **state) {
    (void)state;
    world w;
    start(&w, &(mixnet_router_config){0});
    mix_ipr_ips a = connect_as(&w, ALICE, 9, MIX_MS(1000));
    uint8_t b[2100];
    mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), v4(&a), 1, 100), MIX_MS(1050));
    mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), v4(&a), 2, 100), MIX_MS(1055));
    assert_int_equal(mixnet_router_deadline(w.r),
                     MIX_MS(1060)); /* the third tick since the connect */
    mixnet_router_tick(w.r, MIX_MS(1059));
    no_reply(&w);
    mixnet_router_tick(w.r, MIX_MS(1060));
    mix_ipr_response p = reply(&w, ALICE, 9, 1);
    assert_int_equal(p.bundle.len, 2 * (2 + 120));
    no_reply(&w);
    /* Full before the tick: it leaves at once, and the clock begins anew. */
    mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), v4(&a), 1, 800), MIX_MS(1065));
    mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), v4(&a), 1, 900), MIX_MS(1072));
    assert_int_equal(reply(&w, ALICE, 9, 2).bundle.len, 822);
    assert_int_equal(mixnet_router_deadline(w.r), MIX_MS(1092));
    mixnet_router_tick(w.r, MIX_MS(1092));
    assert_int_equal(reply(&w, ALICE, 9, 3).bundle.len, 922);
    /* Too large for any bundle: alone and at once. */
    mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), v4(&a), 1, 1600), MIX_MS(1093));
    assert_int_equal(reply(&w, ALICE, 9, 4).bundle.len, 1622);
    mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), ip("10.0.0.9"), 1, 20), MIX_MS(1093));
    mixnet_router_from_internet(w.r, mix_bytes_str("E"), MIX_MS(1093));
    mixnet_router_from_internet(w.r, (mix_bytes){0}, MIX_MS(1093));
    assert_int_equal(stats(&w).no_session, 3);
    assert_int_equal(mixnet_router_deadline(w.r),
                     MIX_MS(1000) + MIX_SECONDS(60)); /* no more beats while nothing waits */
    stop(&w);
}

static void clients_choose_their_beat(void **state) {
    (void)state;
    static const struct {
        uint64_t ms;
        mix_time want;
    } rows[] = {
        {0, MIX_MS(20)}, {1, MIX_MS(1)}, {1000, MIX_SECONDS(1)}, {UINT64_MAX, MIX_SECONDS(10)}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        uint8_t b[64];
        start(&w, &(mixnet_router_config){0});
        mix_ipr_request q = {.version = 8,
                             .kind = MIX_IPR_REQ_CONNECT,
                             .has_timeout = true,
                             .buffer_timeout = rows[i].ms};
        assert_status(request(&w, ALICE, q, 0, 0), MIX_OK);
        mix_ipr_ips a = reply(&w, ALICE, 0, 0).ips;
        mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), v4(&a), 1, 20), 0);
        assert_int_equal(mixnet_router_deadline(w.r), rows[i].want);
        stop(&w);
    }
}

static void silence_ends_a_session(void **state) {
    (void)state;
    for (int quiet = 0; quiet < 2; quiet++) {
        world w;
        uint8_t b[64];
        start(&w, &(mixnet_router_config){.quiet = quiet});
        mix_ipr_ips a = connect_as(&w, ALICE, 9, 0);
        (void)connect_as(&w, BOB, 9, 0);
        assert_status(send_up(&w, ALICE, 9, udp(b, v4(&a), ip("8.8.8.8"), 53, 8), MIX_SECONDS(30)),
                      MIX_OK);
        assert_status(request(&w, BOB, (mix_ipr_request){.version = 9, .kind = MIX_IPR_REQ_PING}, 9,
                              MIX_SECONDS(50)),
                      MIX_OK);
        assert_int_equal(reply(&w, BOB, 9, 0).kind, MIX_IPR_RES_PONG); /* does not count */
        mixnet_router_tick(w.r, MIX_SECONDS(60) - 1);
        no_reply(&w);
        assert_int_equal(mixnet_router_deadline(w.r), MIX_SECONDS(60));
        mixnet_router_tick(w.r, MIX_SECONDS(60));
        if (!quiet) {
            mix_ipr_response p = reply(&w, BOB, 9, 0);
            assert_int_equal(p.kind, MIX_IPR_RES_UNREQUESTED_DISCONNECT);
            assert_int_equal(p.reason, MIX_IPR_MIXNET_TIMEOUT);
        }
        no_reply(&w);
        assert_int_equal(stats(&w).sessions, 1);
        assert_int_equal(mixnet_router_deadline(w.r), MIX_SECONDS(90));
        mixnet_router_tick(w.r, MIX_SECONDS(90));
        assert_int_equal(stats(&w).sessions, 0);
        assert_int_equal(stats(&w).silent, 2);
        assert_int_equal(mixnet_router_deadline(w.r), MIX_NEVER);
        stop(&w);
    }
}

/* The packet inside the data reply that waits for the next beat. */
static mixnet_ip made_packet(world *w, mix_time *now, uint32_t seq) {
    mix_bytes p = {0};
    mixnet_ip out;
    *now = mixnet_router_deadline(w->r);
    mixnet_router_tick(w->r, *now);
    mix_ipr_response data = reply(w, ALICE, 9, seq);
    assert_int_equal(data.kind, MIX_IPR_RES_DATA);
    mix_bytes rest = data.bundle;
    assert_true(mix_bundle_take(&p, &rest));
    assert_int_equal(rest.len, 0);
    assert_true(mixnet_ip_parse(&out, p));
    if (out.source.family == 4) { /* the header's own checksum: the sum with it is all ones */
        mix_address none = {.family = 4};
        assert_int_equal(mixnet_ip_checksum(&none, &none, 1, mix_bytes_of(p.data, 20)), 0);
    }
    uint8_t protocol = p.data[out.source.family == 4 ? 9 : 6];
    assert_int_equal(mixnet_ip_checksum(&out.source, &out.destination, protocol, out.transport), 0);
    return out;
}

static void expect_notice(world *w, const char *destination) {
    mix_ipr_response p = reply(w, ALICE, 9, 0);
    assert_int_equal(p.kind, MIX_IPR_RES_INFO);
    assert_int_equal(p.info, MIX_IPR_INFO_REFUSED);
    assert_int_equal(p.level, 1);
    assert_int_equal(p.id, 0);
    assert_bytes(p.text, mix_bytes_str(destination));
}

static void refused_tcp_is_reset(void **state) {
    (void)state;
    static const struct {
        uint8_t flags;
        size_t data;
        uint8_t reset; /* flags of the answer; 0: none */
        uint32_t seq, ack;
    } rows[] = {
        {0x02, 0, 0x14, 0, 1001}, /* SYN */
        {0x02, 5, 0x14, 0, 1006}, /* SYN with data */
        {0x01, 3, 0x14, 0, 1004}, /* FIN */
        {0x18, 4, 0x04, 2000, 0}, /* ACK PSH */
        {0x04, 0, 0, 0, 0},       /* RST */
        {0x14, 0, 0, 0, 0},       /* RST ACK */
    };
    world w;
    mix_policy none = {0};
    start(&w, &(mixnet_router_config){.policy = &none});
    mix_ipr_ips a = connect_as(&w, ALICE, 9, 0);
    mix_time now = 1;
    uint32_t seq = 0;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        bool six = i % 2;
        uint8_t b[128];
        mix_address from = six ? v6(&a) : v4(&a),
                    to = ip(six ? "2606:4700::1111" : "93.184.216.34");
        assert_status(
            send_up(&w, ALICE, 9, tcp(b, from, to, rows[i / 2].flags, rows[i / 2].data), now),
            MIX_OK);
        nothing_up(&w);
        expect_notice(&w, six ? "[2606:4700::1111]:80" : "93.184.216.34:80");
        if (rows[i / 2].reset == 0) {
            assert_true(mixnet_router_deadline(w.r) > now + MIX_SECONDS(1));
            continue;
        }
        mixnet_ip p = made_packet(&w, &now, ++seq);
        assert_int_equal(p.kind, MIXNET_IP_TCP);
        assert_memory_equal(p.source.octets, to.octets, 16);
        assert_memory_equal(p.destination.octets, from.octets, 16);
        assert_int_equal(p.source.port, 80);
        assert_int_equal(p.destination.port, 4000);
        assert_int_equal(p.transport.data[13], rows[i / 2].reset);
        assert_int_equal(mix_get_u32(p.transport.data + 4), rows[i / 2].seq);
        assert_int_equal(mix_get_u32(p.transport.data + 8), rows[i / 2].ack);
    }
    assert_int_equal(stats(&w).refused, 12);
    stop(&w);
}

static void other_refused_packets_get_icmp(void **state) {
    (void)state;
    world w;
    start(&w, &(mixnet_router_config){0}); /* local addresses are refused */
    mix_ipr_ips a = connect_as(&w, ALICE, 9, 0);
    mix_time now = 1;
    uint8_t b[2100];
    mix_bytes sent = udp(b, v4(&a), ip("192.168.1.1"), 53, 1000);
    assert_status(send_up(&w, ALICE, 9, sent, now), MIX_OK);
    expect_notice(&w, "192.168.1.1:53");
    mixnet_ip p = made_packet(&w, &now, 1);
    assert_memory_equal(p.source.octets, ip("10.0.0.1").octets, 16);
    assert_memory_equal(p.transport.data, ((uint8_t[]){3, 13}), 2);
    assert_int_equal(p.transport.len, 576 - 20);
    assert_bytes(mix_bytes_slice(p.transport, 8, 2000), mix_bytes_slice(sent, 0, 548));
    sent = udp(b, v6(&a), ip("fe80::1"), 53, 1500);
    assert_status(send_up(&w, ALICE, 9, sent, now), MIX_OK);
    expect_notice(&w, "[fe80::1]:53");
    p = made_packet(&w, &now, 2);
    assert_memory_equal(p.source.octets, ip("fc00::1").octets, 16);
    assert_memory_equal(p.transport.data, ((uint8_t[]){1, 1}), 2);
    assert_bytes(mix_bytes_slice(p.transport, 8, 2000), mix_bytes_slice(sent, 0, 1280 - 48));
    /* An echo request is answered; ICMP errors, probes to the exit itself and quiet exits are not.
     */
    uint8_t icmp[8] = {8};
    assert_status(send_up(&w, ALICE, 9, packet(b, v4(&a), ip("192.168.1.1"), 1, icmp, 8), now),
                  MIX_OK);
    expect_notice(&w, "192.168.1.1:0");
    p = made_packet(&w, &now, 3);
    assert_status(send_up(&w, ALICE, 9, packet(b, v4(&a), ip("10.0.0.1"), 1, icmp, 8), now),
                  MIX_OK);
    expect_notice(&w, "10.0.0.1:0");
    icmp[0] = 3;
    assert_status(send_up(&w, ALICE, 9, packet(b, v4(&a), ip("192.168.1.1"), 1, icmp, 8), now),
                  MIX_OK);
    expect_notice(&w, "192.168.1.1:0");
    assert_true(mixnet_router_deadline(w.r) > now + MIX_SECONDS(1));
    no_reply(&w);
    stop(&w);
}

static void the_policy_decides(void **state) {
    (void)state;
    world w;
    mix_policy policy;
    uint8_t b[64];
    assert_status(
        mix_policy_parse(&policy, mix_bytes_str("ExitPolicy accept *:443\nExitPolicy reject *:*\n"),
                         NULL),
        MIX_OK);
    start(&w, &(mixnet_router_config){.policy = &policy, .quiet = true});
    mix_ipr_ips a = connect_as(&w, ALICE, 9, 0);
    mix_bytes p = udp(b, v4(&a), ip("8.8.8.8"), 443, 8);
    assert_status(send_up(&w, ALICE, 9, p, 1), MIX_OK);
    expect_up(&w, p);
    assert_status(send_up(&w, ALICE, 9, udp(b, v4(&a), ip("8.8.8.8"), 53, 8), 1), MIX_OK);
    nothing_up(&w);
    expect_notice(&w, "8.8.8.8:53");
    assert_int_equal(mixnet_router_deadline(w.r), MIX_SECONDS(60)); /* quiet: no ICMP */
    stop(&w);
    mix_policy_deinit(&policy);
}

static void inside_stays_inside(void **state) {
    (void)state;
    world w;
    uint8_t b[64], icmp[12] = {8, 0, 0, 0, 1, 2, 3, 4, 'p', 'i', 'n', 'g'};
    start(&w, &(mixnet_router_config){.allow_local = true});
    mix_ipr_ips bob = connect_as(&w, BOB, 9, 0), alice = connect_as(&w, ALICE, 9, 0);
    mix_time now;
    assert_status(send_up(&w, ALICE, 9, packet(b, v4(&alice), ip("10.0.0.1"), 1, icmp, 12), 1),
                  MIX_OK);
    mixnet_ip p = made_packet(&w, &now, 1);
    assert_memory_equal(p.destination.octets, alice.v4, 4);
    assert_int_equal(p.transport.data[0], 0);
    assert_memory_equal(p.transport.data + 4, icmp + 4, 8);
    icmp[0] = 128;
    assert_status(send_up(&w, ALICE, 9, packet(b, v6(&alice), ip("fc00::1"), 58, icmp, 12), now),
                  MIX_OK);
    p = made_packet(&w, &now, 2);
    assert_memory_equal(p.destination.octets, alice.v6, 16);
    assert_int_equal(p.transport.data[0], 129);
    assert_status(send_up(&w, BOB, 9, udp(b, v4(&bob), v4(&alice), 7, 8), now), MIX_OK);
    now = mixnet_router_deadline(w.r);
    mixnet_router_tick(w.r, now);
    mix_ipr_response r = reply(&w, ALICE, 9, 3);
    assert_bytes(mix_bytes_slice(r.bundle, 2, 100), udp(b, v4(&bob), v4(&alice), 7, 8));
    assert_status(send_up(&w, BOB, 9, udp(b, v4(&bob), ip("10.0.0.1"), 7, 8), now), MIX_OK);
    assert_int_equal(stats(&w).no_session, 1);
    mix_bytes out = udp(b, v4(&bob), ip("192.168.1.1"), 7, 8);
    assert_status(send_up(&w, BOB, 9, out, now), MIX_OK);
    expect_up(&w, out);
    stop(&w);
}

static void sequence_numbers_skip_zero(void **state) {
    (void)state;
    world w;
    uint8_t b[64];
    size_t at = 0;
    start(&w, &(mixnet_router_config){0});
    mix_ipr_ips a = connect_as(&w, ALICE, 9, 0);
    mixnet_session *e = (mixnet_session *)(uintptr_t)mixnet_router_each(w.r, &at);
    e->seq = UINT32_MAX - 1;
    for (uint32_t i = 0; i < 3; i++) {
        mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), v4(&a), 1, 20), MIX_MS(100 * i));
        mixnet_router_tick(w.r, MIX_MS(100 * i + 50));
        (void)reply(&w, ALICE, 9, i == 0 ? UINT32_MAX : i);
    }
    stop(&w);
}

static void queues_are_bounded(void **state) {
    (void)state;
    world w;
    static uint8_t b[2100];
    start(&w, &(mixnet_router_config){0});
    mix_ipr_ips a = connect_as(&w, ALICE, 9, 0);
    mix_bytes p = udp(b, v4(&a), ip("8.8.8.8"), 53, 1400);
    mix_alloc_fail_at(0, 0);
    size_t before = mix_alloc_live_bytes();
    for (int i = 0; i < 20000; i++) {
        assert_status(send_up(&w, ALICE, 9, p, 1), MIX_OK);
        assert_status(
            request(&w, ALICE, (mix_ipr_request){.version = 9, .kind = MIX_IPR_REQ_PING}, 9, 1),
            MIX_OK);
    }
    assert_true(mix_alloc_live_bytes() - before < 40 << 20);
    assert_in_range(stats(&w).uplink_full, 20000 - 8192, 19999);
    assert_in_range(stats(&w).replies_full, 20000 - 8192, 19999);
    stop(&w);
}

/* With the n-th allocation failing, for every n: errors are counted, nothing leaks, and all works
 * afterwards. */
static void memory_that_fails(void **state) {
    (void)state;
    size_t live = mix_alloc_live();
    for (size_t n = 1; n < 60; n++) {
        world w = {0};
        uint8_t b[128], packed[256], out[256];
        mix_test_env_init(&w.env, 7);
        mix_alloc_fail_at(n, 0);
        int status = mixnet_router_new(&w.r, &(mixnet_router_config){0}, &w.env.env);
        if (status != MIX_OK) {
            assert_status(status, MIX_ERR_MEMORY);
            continue;
        }
        mix_buf q = mix_buf_fixed(packed, sizeof packed), m = mix_buf_fixed(out, sizeof out);
        mix_ipr_request connect = {
            .version = 9, .provider = 1, .kind = MIX_IPR_REQ_CONNECT, .time = mix_timestamp_of(0)};
        assert_status(mix_ipr_request_encode(&q, &connect), MIX_OK);
        mix_lp_encode(&m, 1, MIX_LP_DATA, 0, mix_buf_bytes(&q));
        assert_status(mixnet_router_request(w.r, ALICE, mix_buf_bytes(&m), 0), MIX_OK);
        size_t at = 0;
        const mixnet_session *e = mixnet_router_each(w.r, &at);
        mix_ipr_ips a = mixnet_pool_ips(e ? e->number : 2);
        for (int i = 0; i < 3; i++) {
            mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), v4(&a), 1, 40), MIX_MS(30 * i));
            mixnet_router_tick(w.r, MIX_MS(30 * i + 25));
        }
        mix_buf d = mix_buf_fixed(packed, sizeof packed), bundle = mix_buf_fixed(out, sizeof out);
        mix_bundle_put(&bundle, tcp(b, v4(&a), ip("127.0.0.1"), 2, 0));
        mix_bundle_put(&bundle, udp(b, v4(&a), ip("8.8.8.8"), 53, 40));
        mix_ipr_request data = {.version = 8,
                                .provider = 1,
                                .kind = MIX_IPR_REQ_DATA,
                                .bundle = mix_buf_bytes(&bundle)};
        assert_status(mix_ipr_request_encode(&d, &data), MIX_OK);
        assert_status(mixnet_router_request(w.r, ALICE, mix_buf_bytes(&d), MIX_MS(100)), MIX_OK);
        mixnet_router_tick(w.r, MIX_SECONDS(100));
        mix_alloc_fail_at(0, 0);
        mixnet_router_reply r;
        while (mixnet_router_reply_peek(w.r, &r))
            mixnet_router_reply_pop(w.r);
        mix_ipr_ips again = connect_as(&w, BOB, 9, MIX_SECONDS(100));
        mixnet_router_from_internet(w.r, udp(b, ip("8.8.8.8"), v4(&again), 1, 40),
                                    MIX_SECONDS(100));
        mixnet_router_tick(w.r, MIX_SECONDS(101));
        assert_int_equal(reply(&w, BOB, 9, 1).bundle.len, 62);
        stop(&w);
        assert_int_equal(mix_alloc_live(), live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_draws_and_gives_back),
        cmocka_unit_test(connecting_again),
        cmocka_unit_test(sources_are_bound_to_their_tag),
        cmocka_unit_test(bundles_leave_on_the_beat),
        cmocka_unit_test(clients_choose_their_beat),
        cmocka_unit_test(silence_ends_a_session),
        cmocka_unit_test(refused_tcp_is_reset),
        cmocka_unit_test(other_refused_packets_get_icmp),
        cmocka_unit_test(the_policy_decides),
        cmocka_unit_test(inside_stays_inside),
        cmocka_unit_test(sequence_numbers_skip_zero),
        cmocka_unit_test(queues_are_bounded),
        cmocka_unit_test(memory_that_fails),
    };
    int failed = cmocka_run_group_tests_name("router_test", tests, NULL, NULL);
    int total = (int)(sizeof tests / sizeof *tests);
    printf("router_test: %d passed, %d failed\n", total - failed, failed);
    return failed != 0;
}
