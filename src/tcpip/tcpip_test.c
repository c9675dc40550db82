/* SPDX-License-Identifier: Apache-2.0 */
/* tcpip/ against a far side without lwIP (tests/far.h), in virtual time. */
#include "tcpip/tcpip.h"

#include "alloc_fail.h"
#include "far.h"
#include "mix/errors.h"

#include <stdlib.h>

enum { ECHO = 7, SINK = 9, SOURCE = 19, CLOSED = 81, SILENT = 82, TINY = 83 };

static struct world {
    mix_test_env env;
    mix_tcpip *t;
    far *f;
    far_conn *conn; /* the last that was opened */
    size_t far_got, source_size;
    uint32_t far_sum;
    bool far_ended, conn_gone, mute;
    /* One stream under test. */
    int s;
    size_t to_write, written, to_read, got;
    uint32_t got_sum;
    bool reads, shut_when_written, connected, ended;
    int status;
    bool out_of_memory_is_fine;
    bool judges, judged_altered; /* what comes: whether it is next */
    size_t next, not_next;
} w;

static size_t live_before;

static uint8_t pattern(size_t at) {
    return (uint8_t)((uint32_t)at * 2654435761u >> 24);
}

static uint32_t sum(uint32_t before, mix_bytes b) {
    for (size_t i = 0; i < b.len; i++)
        before = before * 31 + b.data[i];
    return before;
}

static uint32_t pattern_sum(size_t n) {
    uint32_t s = 0;
    for (size_t i = 0; i < n; i++)
        s = s * 31 + pattern(i);
    return s;
}

static void write_pattern(far_conn *c, size_t n) {
    mix_buf b = {0};
    uint8_t *at = mix_buf_space(&b, n);
    for (size_t i = 0; i < n; i++)
        at[i] = pattern(i);
    far_write(c, mix_buf_bytes(&b));
    mix_buf_deinit(&b);
}

static void far_opened(void *user, far_conn *c) {
    (void)user;
    w.conn = c;
    w.conn_gone = false;
    if (far_port(c) == SOURCE) {
        write_pattern(c, w.source_size);
        far_end(c);
    }
    if (far_port(c) == TINY) /* a byte a segment: what is under way fills the window slowly */
        for (size_t i = 0; i < w.source_size; i++)
            far_write(c, (mix_bytes){.data = (const uint8_t *)"x", .len = 1});
}

static void far_received(void *user, far_conn *c, mix_bytes data) {
    (void)user;
    w.far_got += data.len;
    w.far_sum = sum(w.far_sum, data);
    if (far_port(c) == ECHO)
        far_write(c, data);
}

static void far_ended(void *user, far_conn *c) {
    (void)user;
    w.far_ended = true;
    if (far_port(c) != SINK || !w.mute)
        far_end(c);
}

static void far_gone(void *user, far_conn *c) {
    (void)user;
    w.conn_gone |= c == w.conn;
}

static void far_datagram(void *user, far *f, const mix_address *from, const mix_address *to,
                         mix_bytes data) {
    (void)user;
    far_send_datagram(f, to, from, data);
}

/* A data packet over IPv4 that is next, altered: then it is not. */
static void judge_altered(mix_bytes packet) {
    enum { IP = 20, PORT = IP + 3, SEQUENCE = IP + 7, FLAGS = IP + 13, RESET = 4 };
    const struct {
        size_t at;
        uint8_t bits;
    } changes[] = {{9, 6 ^ 17}, {15, 1}, {19, 1}, {PORT, 1}, {SEQUENCE, 1}, {FLAGS, RESET}};
    uint8_t copy[1500];
    memcpy(copy, packet.data, packet.len);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        copy[changes[i].at] ^= changes[i].bits;
        assert_false(mix_tcpip_is_next(w.t, mix_bytes_of(copy, packet.len)));
        copy[changes[i].at] ^= changes[i].bits;
    }
    for (size_t len = 0; len < IP + 20; len++)
        assert_false(mix_tcpip_is_next(w.t, mix_bytes_of(copy, len)));
    assert_true(mix_tcpip_is_next(w.t, mix_bytes_of(copy, packet.len)));
    w.judged_altered = true;
}

static void judge(mix_bytes packet) {
    bool is_tcp = packet.len > 40 && packet.data[packet.data[0] >> 4 == 4 ? 9 : 6] == 6;
    if (is_tcp && mix_tcpip_is_next(w.t, packet)) {
        w.next++;
        if (packet.len > 1000 && packet.data[0] == 0x45)
            judge_altered(packet);
    } else if (is_tcp) {
        w.not_next++;
    }
}

static void near_feed(void *user, mix_bytes packet, mix_time now) {
    (void)user;
    if (w.judges)
        judge(packet);
    int status = mix_tcpip_feed(w.t, packet, now);
    if (!w.out_of_memory_is_fine)
        assert_true(status == MIX_OK || status == MIX_ERR_IP_PACKET);
}

static bool near_drain(void *user, mix_buf *out, mix_time now) {
    (void)user;
    int status = mix_tcpip_drain(w.t, out, now);
    if (status == MIX_ERR_MEMORY && w.out_of_memory_is_fine) {
        mix_buf_truncate(out, 0);
        status = mix_tcpip_drain(w.t, out, now);
    }
    assert_true(status == MIX_OK || status == MIX_DONE);
    return status == MIX_OK;
}

static mix_time near_deadline(void *user) {
    (void)user;
    return mix_tcpip_deadline(w.t);
}

static void near_tick(void *user, mix_time now) {
    (void)user;
    assert_true(now >= mix_tcpip_deadline(w.t));
    mix_tcpip_tick(w.t, now);
    assert_true(mix_tcpip_deadline(w.t) > now); /* a tick does what it was called for */
}

static void write_some(mix_time now) {
    uint8_t chunk[3000];
    while (w.written < w.to_write) {
        size_t n = w.to_write - w.written < sizeof chunk ? w.to_write - w.written : sizeof chunk,
               taken;
        for (size_t i = 0; i < n; i++)
            chunk[i] = pattern(w.written + i);
        int status = mix_tcpip_write(w.t, w.s, mix_bytes_of(chunk, n), &taken, now);
        w.written += taken;
        if (status != MIX_OK || taken < n)
            return;
    }
    if (w.shut_when_written && w.connected)
        mix_tcpip_shutdown(w.t, w.s, now);
}

static void read_some(mix_time now) {
    uint8_t chunk[5000];
    size_t got;
    while (!w.ended && mix_tcpip_read(w.t, w.s, chunk, sizeof chunk, &got, now) == MIX_OK) {
        w.ended |= got == 0;
        w.got += got;
        w.got_sum = sum(w.got_sum, mix_bytes_of(chunk, got));
    }
}

static void pump(void *user, mix_time now) {
    mix_tcpip_event ev;
    (void)user;
    while (mix_tcpip_next(w.t, &ev) == MIX_OK) {
        if (ev.socket != w.s)
            continue;
        w.connected |= (ev.ready & MIX_TCPIP_CONNECTED) != 0;
        if (ev.status != MIX_OK)
            w.status = ev.status;
        if ((ev.ready & MIX_TCPIP_READABLE) && w.reads)
            read_some(now);
        if (ev.ready & MIX_TCPIP_WRITABLE)
            write_some(now);
    }
}

static const mix_address four = {.family = 4, .octets = {10, 0, 0, 2}};
static const mix_address six = {.family = 6, .octets = {0xfd, 0, [15] = 2}};

static mix_address to(int family, uint16_t port) {
    mix_address a = {.family = (uint8_t)family, .port = port, .octets = {192, 0, 2, 7}};
    if (family == 6)
        memcpy(a.octets, (uint8_t[16]){0x20, 1, 0x0d, 0xb8, [15] = 7}, 16);
    return a;
}

static void begin(const far_options *options, const mix_tcpip_config *config) {
    static const far_near near = {NULL, near_feed, near_drain, near_deadline, near_tick, pump};
    static const far_handlers handlers = {far_opened, far_received, far_ended, far_gone,
                                          far_datagram};
    mix_tcpip_config c = config ? *config : (mix_tcpip_config){0};
    far_options defaults = {.delay = MIX_MS(50), .seed = 1};
    mix_tcpip_free(w.t); /* of a test that failed */
    mix_alloc_fail_at(0, 0);
    live_before = mix_alloc_live();
    w = (struct world){.s = -1, .reads = true};
    mix_test_env_init(&w.env, options ? options->seed : 1);
    w.f = far_new(options ? options : &defaults, &near, &handlers, NULL);
    far_listen(w.f, ECHO);
    far_listen(w.f, SINK);
    far_listen(w.f, SOURCE);
    far_listen(w.f, TINY);
    far_silence(w.f, SILENT);
    c.ip4 = four;
    c.ip6 = six;
    assert_status(mix_tcpip_new(&w.t, &c, &w.env.env, far_now(w.f)), MIX_OK);
}

static void finish(void) {
    mix_tcpip_free(w.t);
    w.t = NULL;
    far_free(w.f);
    assert_int_equal(mix_alloc_live(), live_before);
}

static int connect_to(int family, uint16_t port) {
    mix_address a = to(family, port);
    w.conn = NULL;
    int status = mix_tcpip_open(w.t, &w.s, MIX_TCPIP_STREAM, family);
    return status != MIX_OK ? status : mix_tcpip_connect(w.t, w.s, &a, far_now(w.f));
}

static bool all_read(void *user) {
    (void)user;
    return w.got >= w.to_read || w.status != MIX_OK;
}
static bool all_sent(void *user) {
    (void)user;
    return w.far_got >= w.to_write || w.status != MIX_OK;
}
static bool is_connected(void *user) {
    (void)user;
    return (w.connected && w.conn) ||
           w.status != MIX_OK; /* at both ends: the ACK may be a delayed one */
}
static bool has_ended(void *user) {
    (void)user;
    return w.ended || w.status != MIX_OK;
}

/* Delay and jitter in ms of each way, and by when, in virtual ms, all has arrived. */
static const struct row {
    int family;
    double delay, jitter, loss;
    size_t size;
    mix_time up_ms, down_ms;
} rows[] = {
    {4, 50, 0, 0, 1, 160, 230}, /* a server that speaks first waits for a delayed ACK */
    {4, 50, 0, 0, 1 << 20, 1000, 500},   {6, 50, 0, 0, 1 << 20, 1000, 500},
    {4, 20, 30, 0, 1 << 20, 2500, 1500}, {6, 20, 30, 0.01, 1 << 18, 6000, 30000},
};

static void transfers_in_both_directions(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        far_options o = {.delay = (mix_time)(r->delay * 1000),
                         .jitter = (mix_time)(r->jitter * 1000),
                         .loss = r->loss,
                         .seed = i + 1};
        begin(&o, NULL);
        w.to_write = r->size;
        assert_status(connect_to(r->family, SINK), MIX_OK);
        mix_time start = far_now(w.f);
        assert_true(far_run(w.f, all_sent, start + MIX_SECONDS(100)));
        assert_status(w.status, MIX_OK);
        assert_int_equal(w.far_sum, pattern_sum(r->size));
        assert_in_range((far_now(w.f) - start) / 1000, 2 * (mix_time)r->delay, r->up_ms);
        finish();

        begin(&o, NULL);
        w.to_read = w.source_size = r->size;
        assert_status(connect_to(r->family, SOURCE), MIX_OK);
        start = far_now(w.f);
        assert_true(far_run(w.f, all_read, start + MIX_SECONDS(100)));
        assert_int_equal(w.got_sum, pattern_sum(r->size));
        assert_in_range((far_now(w.f) - start) / 1000, 2 * (mix_time)r->delay, r->down_ms);
        finish();
    }
}

/* What arrives in order is all next; of what does not, what fits without the rest. */
static void what_is_next(void **state) {
    (void)state;
    for (int jitter = 0; jitter <= 30; jitter += 30) {
        far_options o = {.delay = MIX_MS(20), .jitter = MIX_MS(jitter), .seed = 1};
        begin(&o, NULL);
        w.to_read = w.source_size = 300000;
        w.judges = true;
        assert_status(connect_to(4, SOURCE), MIX_OK);
        assert_true(far_run(w.f, all_read, far_now(w.f) + MIX_SECONDS(100)));
        assert_true(w.judged_altered && w.next > 0);
        assert_true(jitter > 0 ? w.not_next > 20 : w.not_next == 0);
        finish();
    }
}

static void an_echo_and_a_half_close(void **state) {
    (void)state;
    begin(NULL, NULL);
    w.to_write = w.to_read = 300000;
    w.shut_when_written = true;
    assert_status(connect_to(4, ECHO), MIX_OK);
    assert_true(far_run(w.f, has_ended, far_now(w.f) + MIX_SECONDS(60)));
    assert_status(w.status, MIX_OK);
    assert_int_equal(w.got, 300000);
    assert_int_equal(w.got_sum, pattern_sum(300000));
    assert_true(w.far_ended);
    finish();
}

static void what_a_syn_says(void **state) {
    (void)state;
    static uint16_t ports[20];
    uint32_t isns[20];
    int sequential = 0;
    begin(NULL, NULL);
    for (int i = 0; i < 20; i++) {
        w.connected = false;
        assert_status(connect_to(i % 2 ? 6 : 4, ECHO), MIX_OK);
        assert_true(far_run(w.f, is_connected, far_now(w.f) + MIX_SECONDS(10)));
        ports[i] = far_peer(w.conn).port;
        isns[i] = far_get_stats(w.f)->last_isn;
        assert_true(ports[i] >= 49152);
        assert_int_equal(far_get_stats(w.f)->last_mss, i % 2 ? 1420 - 60 : 1420 - 40);
        assert_true(far_get_stats(w.f)->last_sack_permitted);
        assert_true(65535u << far_get_stats(w.f)->last_scale >= 512 * 1024);
        if (i > 0)
            sequential +=
                (uint16_t)(ports[i] - ports[i - 1]) < 3 || isns[i] - isns[i - 1] < 1000000;
    }
    assert_in_range(sequential, 0, 1);
    finish();
}

static void ways_not_to_connect(void **state) {
    (void)state;
    begin(NULL, NULL);
    mix_time start = far_now(w.f);
    assert_status(connect_to(4, CLOSED), MIX_OK);
    assert_true(far_run(w.f, is_connected, start + MIX_SECONDS(100)));
    assert_status(w.status, MIX_ERR_TCP_REFUSED);
    assert_in_range(far_now(w.f) - start, MIX_MS(500), MIX_MS(501)); /* 100 of it: there and back */
    mix_tcpip_close(w.t, w.s, far_now(w.f));

    start = far_now(w.f);
    w.status = MIX_OK;
    assert_status(connect_to(4, SILENT), MIX_OK);
    assert_true(far_run(w.f, is_connected, start + MIX_SECONDS(100)));
    assert_status(w.status, MIX_ERR_TCP_TIMEOUT);
    assert_int_equal(far_now(w.f) - start, MIX_SECONDS(30));
    uint64_t syns = far_get_stats(w.f)->to_far;
    mix_tcpip_close(w.t, w.s, far_now(w.f));
    assert_in_range(syns, 4, 10);

    w.status = MIX_OK;
    assert_status(connect_to(4, SILENT), MIX_OK);
    mix_address refused = to(4, 0), other = to(4, SILENT + 1);
    mix_tcpip_refuse(w.t, &other, MIX_ERR_IPR_REFUSED, far_now(w.f));
    assert_status(mix_tcpip_status(w.t, w.s), MIX_OK);
    mix_tcpip_refuse(w.t, &refused, MIX_ERR_IPR_REFUSED, far_now(w.f));
    assert_true(far_run(w.f, is_connected, far_now(w.f)));
    assert_status(w.status, MIX_ERR_IPR_REFUSED);
    assert_int_equal(mix_tcpip_deadline(w.t), MIX_NEVER);
    finish();
}

static bool reset_came(void *user) {
    mix_tcpip_stats stats;
    (void)user;
    mix_tcpip_get_stats(w.t, &stats);
    return stats.packets_in > 0;
}

/* Resets and words of an exit's policy in either order; behind is how much later the second comes.
 */
static void the_words_of_a_refusal_win(void **state) {
    const struct {
        mix_time round_trip, behind;
        bool reset_first;
        int status;
    } orders[] = {
        {0, 0, true, MIX_ERR_IPR_REFUSED},
        {MIX_MS(60), MIX_MS(149), true, MIX_ERR_IPR_REFUSED},
        {MIX_MS(60), MIX_MS(151), true, MIX_ERR_TCP_REFUSED},
        {MIX_MS(200), MIX_MS(199), true, MIX_ERR_IPR_REFUSED},
        {MIX_MS(200), MIX_MS(201), true, MIX_ERR_TCP_REFUSED},
        {MIX_MS(900), MIX_MS(401), true, MIX_ERR_TCP_REFUSED},
        {0, MIX_MS(100), false, MIX_ERR_IPR_REFUSED},
    };
    const mix_address closed = to(4, CLOSED);
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        begin(NULL, &(mix_tcpip_config){.round_trip = orders[i].round_trip});
        assert_status(connect_to(4, CLOSED), MIX_OK);
        if (orders[i].reset_first) {
            assert_true(far_run(w.f, reset_came, far_now(w.f) + MIX_SECONDS(1)));
            assert_status(mix_tcpip_status(w.t, w.s), MIX_OK);
            assert_int_equal(mix_tcpip_ready(w.t, w.s), 0);
        }
        far_run(w.f, is_connected, far_now(w.f) + orders[i].behind);
        mix_tcpip_refuse(w.t, &closed, MIX_ERR_IPR_REFUSED, far_now(w.f));
        assert_true(far_run(w.f, is_connected, far_now(w.f)));
        assert_status(w.status, orders[i].status);
        far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
        assert_status(mix_tcpip_status(w.t, w.s), orders[i].status);
        assert_int_equal(mix_tcpip_deadline(w.t), MIX_NEVER);
        finish();
    }
    begin(NULL, NULL); /* closed while the reset is held back */
    assert_status(connect_to(4, CLOSED), MIX_OK);
    assert_true(far_run(w.f, reset_came, far_now(w.f) + MIX_SECONDS(1)));
    mix_tcpip_close(w.t, w.s, far_now(w.f));
    assert_int_equal(mix_tcpip_deadline(w.t), MIX_NEVER);
    finish();
}

/* An ICMP or ICMPv6 error that quotes the near side's last packet. */
static void inject_unreachable(int family, mix_bytes quoted, uint8_t type, uint8_t code) {
    mix_buf b = {0};
    uint8_t head[40] = {0};
    size_t n = family == 4 ? 20 : 40;
    mix_address host = to(family, 0);
    if (family == 4) {
        head[0] = 0x45;
        mix_put_u16(head + 2, (uint16_t)(28 + quoted.len));
        head[9] = 1;
        memcpy(head + 12, host.octets, 4);
        memcpy(head + 16, four.octets, 4);
    } else {
        head[0] = 0x60;
        mix_put_u16(head + 4, (uint16_t)(8 + quoted.len));
        head[6] = 58;
        memcpy(head + 8, host.octets, 16);
        memcpy(head + 24, six.octets, 16);
    }
    mix_buf_put(&b, head, n);
    mix_buf_put_u8(&b, type);
    mix_buf_put_u8(&b, code);
    mix_buf_put_zeros(&b, 6);
    mix_buf_put_bytes(&b, quoted);
    far_inject(w.f, mix_buf_bytes(&b));
    mix_buf_deinit(&b);
}

static void unreachable_hosts_are_told(void **state) {
    (void)state;
    const struct {
        int family;
        uint8_t type, code;
        int status;
    } kinds[] = {{4, 3, 1, MIX_ERR_TCP_UNREACHABLE},
                 {4, 3, 3, MIX_ERR_TCP_REFUSED},
                 {6, 1, 0, MIX_ERR_TCP_UNREACHABLE},
                 {6, 1, 4, MIX_ERR_TCP_REFUSED}};
    begin(NULL, NULL);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        mix_buf syn = {0};
        w.status = MIX_OK;
        w.connected = false;
        assert_status(connect_to(kinds[i].family, SILENT), MIX_OK);
        assert_status(mix_tcpip_drain(w.t, &syn, far_now(w.f)), MIX_OK);
        size_t seq = kinds[i].family == 4 ? 24 : 44;
        syn.data[seq] ^= 1; /* somebody who guesses */
        inject_unreachable(kinds[i].family, mix_bytes_slice(mix_buf_bytes(&syn), 0, seq + 4),
                           kinds[i].type, kinds[i].code);
        assert_false(far_run(w.f, is_connected, far_now(w.f) + MIX_MS(900)));
        syn.data[seq] ^= 1;
        inject_unreachable(kinds[i].family, mix_bytes_slice(mix_buf_bytes(&syn), 0, seq + 4),
                           kinds[i].type, kinds[i].code);
        assert_true(far_run(w.f, is_connected, far_now(w.f) + MIX_MS(900)));
        assert_status(w.status, kinds[i].status);
        mix_tcpip_close(w.t, w.s, far_now(w.f));
        mix_buf_deinit(&syn);
    }
    finish();
}

static void an_unread_stream_closes_its_window(void **state) {
    (void)state;
    begin(NULL, NULL);
    w.reads = false;
    w.source_size = w.to_read = 3 << 20;
    assert_status(connect_to(4, SOURCE), MIX_OK);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(20));
    assert_in_range(far_unacked(w.conn), 2 << 20, (2 << 20) + 2 * 1460);
    w.reads = true;
    read_some(far_now(w.f));
    assert_true(far_run(w.f, has_ended, far_now(w.f) + MIX_SECONDS(20)));
    assert_int_equal(w.got_sum, pattern_sum(3 << 20));
    finish();
}

static void a_peer_that_does_not_read(void **state) {
    (void)state;
    begin(NULL, NULL);
    w.to_write = 2 << 20;
    assert_status(connect_to(4, SINK), MIX_OK);
    assert_true(far_run(w.f, is_connected, far_now(w.f) + MIX_SECONDS(1)));
    far_stop_reading(w.conn, true);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(20));
    assert_in_range(w.written, 256 * 1024, 600 * 1024);
    assert_status(w.status, MIX_OK);
    far_stop_reading(w.conn, false);
    assert_true(far_run(w.f, all_sent, far_now(w.f) + MIX_SECONDS(20)));
    assert_int_equal(w.far_sum, pattern_sum(2 << 20));
    finish();
}

static void a_full_queue_holds_tcp_back(void **state) {
    (void)state;
    begin(NULL, &(mix_tcpip_config){.queue_packets = 4});
    uint8_t data[40000] = {0};
    size_t taken;
    mix_tcpip_stats stats;
    assert_status(connect_to(4, SINK), MIX_OK);
    assert_true(far_run(w.f, is_connected, far_now(w.f) + MIX_SECONDS(1)));
    assert_status(mix_tcpip_write(w.t, w.s, MIX_BYTES(data), &taken, far_now(w.f)), MIX_OK);
    assert_int_equal(taken, sizeof data);
    assert_int_equal(mix_tcpip_waiting(w.t), 4);
    mix_tcpip_get_stats(w.t, &stats);
    assert_int_equal(stats.held_back, 1);
    w.to_write = sizeof data;
    w.written = sizeof data;
    assert_true(far_run(w.f, all_sent, far_now(w.f) + MIX_SECONDS(5)));
    assert_int_equal(far_get_stats(w.f)->repeated, 0);
    finish();
}

static void nothing_ticks_when_idle(void **state) {
    (void)state;
    begin(NULL, NULL);
    assert_int_equal(mix_tcpip_deadline(w.t), MIX_NEVER);
    w.to_write = w.to_read = 10000;
    assert_status(connect_to(4, ECHO), MIX_OK);
    assert_true(far_run(w.f, all_read, far_now(w.f) + MIX_SECONDS(9)));
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(2));
    assert_int_equal(mix_tcpip_deadline(w.t), MIX_NEVER);
    uint64_t ticks = far_get_stats(w.f)->ticks;
    assert_in_range(ticks, 0, 5); /* delayed acknowledgements */
    assert_int_equal(far_get_stats(w.f)->idle_ticks, 0);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(3600));
    assert_int_equal(far_get_stats(w.f)->ticks, ticks);
    w.to_write = w.to_read = 20000; /* and the connection is as good as before */
    write_some(far_now(w.f));
    mix_time start = far_now(w.f);
    assert_true(far_run(w.f, all_read, start + MIX_SECONDS(9)));
    assert_in_range(far_now(w.f) - start, MIX_MS(100), MIX_MS(310));
    mix_tcpip_close(w.t, w.s, far_now(w.f));
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(2));
    assert_int_equal(mix_tcpip_deadline(w.t),
                     MIX_NEVER); /* also while the closed one waits for its last packets */
    finish();
}

static void a_silent_peer_is_noticed(void **state) {
    (void)state;
    begin(NULL, &(mix_tcpip_config){.stall_timeout = MIX_SECONDS(20)});
    assert_status(connect_to(4, ECHO), MIX_OK);
    assert_true(far_run(w.f, is_connected, far_now(w.f) + MIX_SECONDS(1)));
    far_silence(w.f, ECHO);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(100)); /* no data, no question asked */
    assert_status(w.status, MIX_OK);
    w.to_write = 100;
    write_some(far_now(w.f));
    mix_time start = far_now(w.f);
    w.to_read = 1;
    assert_true(far_run(w.f, all_read, start + MIX_SECONDS(100)));
    assert_status(w.status, MIX_ERR_TCP_STALLED);
    assert_int_equal(far_now(w.f) - start, MIX_SECONDS(20));
    mix_tcpip_close(w.t, w.s, far_now(w.f));

    w.status = MIX_OK;
    w.connected = false;
    assert_status(connect_to(4, SINK), MIX_OK);
    assert_true(far_run(w.f, is_connected, far_now(w.f) + MIX_SECONDS(1)));
    mix_tcpip_set_keepalive(w.t, w.s, MIX_SECONDS(10));
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(60));
    assert_status(w.status, MIX_OK); /* probes are answered */
    far_silence(w.f, SINK);
    start = far_now(w.f);
    assert_true(far_run(w.f, all_read, start + MIX_SECONDS(60)));
    assert_status(w.status, MIX_ERR_TCP_STALLED);
    assert_in_range(far_now(w.f) - start, MIX_SECONDS(7), MIX_SECONDS(18));
    finish();
}

static void closing(void **state) {
    (void)state;
    begin(NULL, NULL);
    w.mute = true;
    w.to_write = 5000;
    assert_status(connect_to(4, SINK), MIX_OK);
    assert_true(far_run(w.f, all_sent, far_now(w.f) + MIX_SECONDS(1)));
    mix_tcpip_close(w.t, w.s,
                    far_now(w.f)); /* at once after the last write: all arrives, then the end */
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
    assert_true(w.far_ended);
    assert_int_equal(far_get_stats(w.f)->resets, 0);
    far_end(w.conn);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
    assert_true(w.conn_gone);

    w.connected = false;
    w.source_size = 5000;
    w.reads = false;
    assert_status(connect_to(4, SOURCE), MIX_OK);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
    assert_int_equal(mix_tcpip_ready(w.t, w.s) & (MIX_TCPIP_READABLE | MIX_TCPIP_ENDED),
                     MIX_TCPIP_READABLE | MIX_TCPIP_ENDED);
    mix_tcpip_close(w.t, w.s, far_now(w.f)); /* unread: a reset tells that something was lost */
    assert_int_equal(mix_tcpip_ready(w.t, w.s), 0);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
    assert_int_equal(far_get_stats(w.f)->resets, 1);

    w.connected = w.ended = false;
    w.reads = true;
    w.to_read = 1;
    w.got = 0;
    assert_status(connect_to(4, ECHO), MIX_OK);
    assert_true(far_run(w.f, is_connected, far_now(w.f) + MIX_SECONDS(1)));
    far_reset(w.conn);
    assert_true(far_run(w.f, all_read, far_now(w.f) + MIX_SECONDS(1)));
    assert_status(w.status, MIX_ERR_TCP_RESET);
    finish();
}

static void datagrams(void **state) {
    (void)state;
    begin(NULL, NULL);
    for (int family = 4; family <= 6; family += 2) {
        int s;
        uint8_t out[1500], in[1472] = {1, 2, 3};
        size_t got, most = family == 4 ? 1392 : 1372;
        mix_address host = to(family, 53), from;
        assert_status(mix_tcpip_open(w.t, &s, MIX_TCPIP_DATAGRAM, family), MIX_OK);
        assert_status(mix_tcpip_send(w.t, s, NULL, MIX_BYTES(in), far_now(w.f)), MIX_ERR_STATE);
        assert_status(mix_tcpip_send(w.t, s, &host, mix_bytes_of(in, most + 1), far_now(w.f)),
                      MIX_ERR_DATAGRAM_SIZE);
        assert_status(mix_tcpip_send(w.t, s, &host, mix_bytes_of(in, most), far_now(w.f)), MIX_OK);
        assert_status(mix_tcpip_receive(w.t, s, &from, out, sizeof out, &got), MIX_DONE);
        far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
        assert_status(mix_tcpip_receive(w.t, s, &from, out, sizeof out, &got), MIX_OK);
        assert_bytes(mix_bytes_of(out, got), mix_bytes_of(in, most));
        assert_memory_equal(&from, &host, sizeof host);
        assert_status(mix_tcpip_connect(w.t, s, &host, far_now(w.f)), MIX_OK);
        for (int i = 0; i < 40; i++) { /* more than are kept */
            if (mix_tcpip_send(w.t, s, NULL, mix_bytes_of(in, 0), far_now(w.f)) == MIX_BLOCKED)
                far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
        }
        far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
        int kept = 0;
        while (mix_tcpip_receive(w.t, s, NULL, out, sizeof out, &got) == MIX_OK)
            kept++;
        assert_int_equal(kept, 32);
        mix_address me;
        assert_status(mix_tcpip_local(w.t, s, &me), MIX_OK);
        host.octets[3] ^=
            1; /* from another host than the one that it is connected to: not for us */
        far_send_datagram(w.f, &host, &me, mix_bytes_of(in, 5));
        me.port ^= 1;
        far_send_datagram(w.f, &host, &me, mix_bytes_of(in, 5));
        far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(1));
        assert_status(mix_tcpip_receive(w.t, s, NULL, out, sizeof out, &got), MIX_DONE);
        assert_int_equal(mix_tcpip_waiting(w.t), 0);
        mix_address dest = to(family, 53);
        mix_tcpip_refuse(w.t, &dest, MIX_ERR_IPR_REFUSED, far_now(w.f));
        assert_status(mix_tcpip_send(w.t, s, NULL, mix_bytes_of(in, 1), far_now(w.f)),
                      MIX_ERR_IPR_REFUSED);
        assert_status(mix_tcpip_send(w.t, s, NULL, mix_bytes_of(in, 1), far_now(w.f)),
                      MIX_OK); /* told once */
        mix_tcpip_close(w.t, s, far_now(w.f));
    }
    finish();
}

static void a_byte_a_segment_stays_cheap(void **state) {
    (void)state;
    far_options o = {.delay = MIX_MS(10), .seed = 3};
    begin(&o, NULL);
    w.reads = false;
    w.source_size = w.to_read = 20000;
    assert_status(connect_to(4, TINY), MIX_OK);
    far_run(w.f, NULL, far_now(w.f) + MIX_SECONDS(10));
    assert_true(far_get_stats(w.f)->to_near > 19000);
    assert_in_range(mix_alloc_live_bytes(), 20000, 200000);
    w.reads = true;
    read_some(far_now(w.f));
    assert_int_equal(w.got, 20000);
    finish();
}

static void limits_and_wrong_use(void **state) {
    (void)state;
    mix_tcpip *none;
    int s;
    size_t n;
    uint8_t b[4];
    mix_test_env env;
    mix_test_env_init(&env, 1);
    assert_status(mix_tcpip_new(&none, &(mix_tcpip_config){0}, &env.env, 0), MIX_ERR_ARGUMENT);
    assert_status(mix_tcpip_new(&none, &(mix_tcpip_config){.ip6 = six, .mtu = 1279}, &env.env, 0),
                  MIX_ERR_ARGUMENT);
    assert_status(mix_tcpip_new(&none, &(mix_tcpip_config){.ip4 = four, .mtu = 1501}, &env.env, 0),
                  MIX_ERR_ARGUMENT);
    env.fail_random = 1;
    assert_status(mix_tcpip_new(&none, &(mix_tcpip_config){.ip4 = four}, &env.env, 0),
                  MIX_ERR_RANDOM);
    assert_status(mix_tcpip_new(&none, &(mix_tcpip_config){.ip4 = four}, &env.env, 0), MIX_OK);
    assert_status(mix_tcpip_open(none, &s, MIX_TCPIP_STREAM, 6), MIX_ERR_IP_FAMILY);
    mix_tcpip_free(none);
    begin(NULL, NULL);
    assert_status(mix_tcpip_read(w.t, 3, b, 4, &n, far_now(w.f)), MIX_ERR_ARGUMENT);
    assert_status(mix_tcpip_open(w.t, &s, MIX_TCPIP_STREAM, 5), MIX_ERR_ARGUMENT);
    assert_status(mix_tcpip_open(w.t, &s, MIX_TCPIP_STREAM, 4), MIX_OK);
    assert_status(mix_tcpip_write(w.t, s, MIX_BYTES(b), &n, far_now(w.f)), MIX_ERR_STATE);
    assert_status(mix_tcpip_shutdown(w.t, s, far_now(w.f)), MIX_ERR_STATE);
    mix_address a = to(6, 80), b0 = to(4, 0), c = to(4, 80);
    assert_status(mix_tcpip_connect(w.t, s, &a, far_now(w.f)), MIX_ERR_ARGUMENT);
    assert_status(mix_tcpip_connect(w.t, s, &b0, far_now(w.f)), MIX_ERR_ARGUMENT);
    assert_status(mix_tcpip_connect(w.t, s, &c, far_now(w.f)), MIX_OK);
    assert_status(mix_tcpip_connect(w.t, s, &c, far_now(w.f)), MIX_ERR_STATE);
    int opened = 1;
    while (mix_tcpip_open(w.t, &s, MIX_TCPIP_DATAGRAM, 4) == MIX_OK)
        opened++;
    assert_int_equal(opened, MIX_TCPIP_SOCKETS);
    assert_status(mix_tcpip_open(w.t, &s, MIX_TCPIP_DATAGRAM, 4), MIX_ERR_SOCKET_LIMIT);
    finish();
}

static void without_memory_at_any_point(void **state) {
    (void)state;
    for (size_t n = 1;; n += n < 60 ? 1 : 7) {
        begin(NULL, NULL);
        w.out_of_memory_is_fine = true;
        mix_alloc_fail_at(n, 0);
        w.to_write = w.to_read = 20000;
        int status = connect_to(4, ECHO);
        assert_true(status == MIX_OK || status == MIX_ERR_MEMORY);
        if (status == MIX_OK) {
            assert_true(
                far_run(w.f, all_read,
                        far_now(w.f) + MIX_SECONDS(30))); /* TCP comes back for what had no room */
            assert_status(w.status, MIX_OK);
            assert_int_equal(w.got_sum, pattern_sum(20000));
        }
        size_t count = mix_alloc_count();
        finish();
        if (count < n)
            break;
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_next),
    cmocka_unit_test(transfers_in_both_directions),
    cmocka_unit_test(an_echo_and_a_half_close),
    cmocka_unit_test(what_a_syn_says),
    cmocka_unit_test(ways_not_to_connect),
    cmocka_unit_test(the_words_of_a_refusal_win),
    cmocka_unit_test(unreachable_hosts_are_told),
    cmocka_unit_test(an_unread_stream_closes_its_window),
    cmocka_unit_test(a_peer_that_does_not_read),
    cmocka_unit_test(a_full_queue_holds_tcp_back),
    cmocka_unit_test(nothing_ticks_when_idle),
    cmocka_unit_test(a_silent_peer_is_noticed),
    cmocka_unit_test(closing),
    cmocka_unit_test(datagrams),
    cmocka_unit_test(a_byte_a_segment_stays_cheap),
    cmocka_unit_test(limits_and_wrong_use),
    cmocka_unit_test(without_memory_at_any_point),
};
MIX_TEST_MAIN(tcpip_test, tests)
