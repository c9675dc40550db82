/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets through a whole network in virtual time. */
#include "mix/socket.h"

#include "ipr/policy.h"
#include "mix/errors.h"
#include "tunnel/hosts_testing.h"
#include "tunnel/memory_testing.h"

enum { ECHO = 7, SINK = 9, SOURCE = 19, HANG = 100, MANY = 30, SOURCED = 50000, MEGA = 1 << 20 };

static struct state {
    hosts *net;
    struct one {
        uint32_t id;
        unsigned events, seen, what; /* how many; all bits ever; the last ones */
        mix_failure failure;
        mix_time at; /* of the last event */
    } ones[MANY];
    size_t count;
    mix_buf got;
    bool ended;
    size_t to_write, written, host_got;
    bool host_saw_end;
    host_conn *host;
    unsigned gone;
} s;

/* ---- hosts ---- */

static void host_opened(host_conn *c) {
    s.host = c;
    if (c->port == SOURCE) {
        static uint8_t data[SOURCED];
        memset(data, 'x', sizeof data);
        host_send(c, MIX_BYTES(data));
        host_close(c);
    }
}

static void host_received(host_conn *c, mix_bytes data) {
    s.host_got += data.len;
    if (c->port == ECHO)
        host_send(c, data);
}

static void host_ended(host_conn *c) {
    s.host_saw_end = true;
    if (c->port == ECHO)
        host_send(c, mix_bytes_str("bye"));
    host_close(c);
}

static void host_gone(host_conn *c) {
    s.gone++;
    if (s.host == c)
        s.host = NULL;
}

/* ---- our side ---- */

static void on_event(const mix_tunnel_event *ev) {
    if (ev->kind != MIX_TUNNEL_EVENT_SOCKET)
        return;
    for (size_t i = 0; i < s.count; i++) {
        struct one *o = &s.ones[i];
        if (o->id != ev->id)
            continue;
        o->events++;
        o->seen |= ev->what;
        o->what = ev->what;
        o->at = hosts_now();
        o->failure = ev->failure;
    }
}

static void begin(mix_tunnel_config config) {
    hosts_options o = {.tunnel = config,
                       .ports = {ECHO, SINK, SOURCE, HANG},
                       .opened = host_opened,
                       .received = host_received,
                       .ended = host_ended,
                       .gone = host_gone,
                       .event = on_event,
                       .seed = 7};
    mix_buf_deinit(&s.got);
    s = (struct state){0};
    o.tunnel.pacing_off = o.tunnel.cover_off = true;
    s.net = hosts_begin(&o);
}

static void end(void) {
    hosts_end();
    mix_buf_deinit(&s.got);
}

static struct one *dial_for(const char *host, uint16_t port, mix_time timeout) {
    struct one *o = &s.ones[s.count++];
    assert_status(mix_tunnel_connect(hosts_tunnel(), &o->id, host, port, timeout, hosts_now()),
                  MIX_OK);
    return o;
}

static struct one *dial(const char *host, uint16_t port) {
    return dial_for(host, port, 0);
}

static bool all_settled(void *user) {
    (void)user;
    for (size_t i = 0; i < s.count; i++)
        if (!(s.ones[i].seen & (MIX_SOCKET_CONNECTED | MIX_SOCKET_FAILED)))
            return false;
    return true;
}

static void connect_all(void) {
    assert_true(hosts_run(all_settled, MIX_SECONDS(200)));
}

static struct one *dial_up(const char *host, uint16_t port) {
    struct one *o = dial(host, port);
    connect_all();
    assert_true(o->seen & MIX_SOCKET_CONNECTED);
    hosts_run(NULL, MIX_SECONDS(1)); /* the host knows too */
    assert_true(s.host && s.host->port == port);
    return o;
}

static void read_all(const struct one *o) {
    uint8_t chunk[3000];
    size_t got;
    int status;
    while ((status = mix_tunnel_socket_read(hosts_tunnel(), o->id, chunk, sizeof chunk, &got,
                                            hosts_now())) == MIX_OK &&
           got > 0)
        mix_buf_put(&s.got, chunk, got);
    s.ended |= status == MIX_OK;
}

static void write_some(const struct one *o) {
    uint8_t chunk[5000];
    size_t taken = 1;
    while (s.written < s.to_write && taken > 0) {
        size_t left = s.to_write - s.written, n = left < sizeof chunk ? left : sizeof chunk;
        for (size_t i = 0; i < n; i++)
            chunk[i] = (uint8_t)((s.written + i) * 7 >> 3);
        int status = mix_tunnel_socket_write(hosts_tunnel(), o->id, chunk, n, &taken, hosts_now());
        assert_true(status == MIX_OK || (status == MIX_BLOCKED && taken == 0));
        s.written += taken;
        if (s.written == s.to_write)
            assert_status(mix_tunnel_socket_shutdown(hosts_tunnel(), o->id, hosts_now()), MIX_OK);
    }
}

/* Only on events: what they promise must be enough. */
static unsigned acted;
static bool moved_to_the_end(void *user) {
    struct one *o = &s.ones[0];
    (void)user;
    if (o->events != acted) {
        acted = o->events;
        if (o->what & MIX_SOCKET_WRITABLE)
            write_some(o);
        if (o->what & MIX_SOCKET_READABLE)
            read_all(o);
        hosts_turn();
    }
    return s.ended || (o->seen & MIX_SOCKET_FAILED);
}

static void echoes(void **state) {
    const struct {
        const char *host;
        uint8_t family;
    } rows[] = {{"a.test", 4}, {"93.184.216.7", 4}, {"2606:2800::7", 6}, {"six.test", 6}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_endpoint to;
        begin((mix_tunnel_config){0});
        s.to_write = i == 0 ? 300000 : 1000;
        acted = 0;
        struct one *o = dial(rows[i].host, ECHO);
        assert_status(mix_tunnel_socket_remote(hosts_tunnel(), o->id, &to), MIX_ERR_STATE);
        assert_true(hosts_run(moved_to_the_end, MIX_SECONDS(100)));
        assert_int_equal(s.got.len, s.to_write + 3);
        for (size_t k = 0; k < s.to_write; k++)
            assert_int_equal(s.got.data[k], (uint8_t)(k * 7 >> 3));
        assert_memory_equal(s.got.data + s.to_write, "bye", 3);
        assert_true(s.host_saw_end);
        assert_true(o->seen & MIX_SOCKET_ENDED);
        assert_status(mix_tunnel_socket_remote(hosts_tunnel(), o->id, &to), MIX_OK);
        assert_int_equal(to.family, rows[i].family);
        assert_int_equal(to.port, ECHO);
        assert_int_equal(to.octets[to.family == 4 ? 3 : 15], 7);
        mix_tunnel_socket_close(hosts_tunnel(), o->id, false, hosts_now());
        unsigned events = o->events;
        hosts_run(NULL, MIX_SECONDS(3));
        assert_int_equal(o->events, events); /* none follows */
        end();
    }
}

/* What nobody reads stays with the sender. */
static void a_reader_that_waits(void **state) {
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *o = dial("a.test", SOURCE);
    connect_all();
    hosts_run(NULL, MIX_SECONDS(5));
    unsigned events = o->events;
    assert_true(events <= 4 && (o->what & MIX_SOCKET_READABLE));
    hosts_run(NULL, MIX_SECONDS(5));
    assert_int_equal(o->events, events); /* not told again */
    read_all(o);
    assert_int_equal(s.got.len, SOURCED);
    assert_true(s.ended);
    end();
}

static bool sink_is_full(void *user) {
    size_t taken;
    uint8_t chunk[10000] = {0};
    (void)user;
    int status = mix_tunnel_socket_write(hosts_tunnel(), s.ones[0].id, chunk, sizeof chunk, &taken,
                                         hosts_now());
    s.written += taken;
    return status == MIX_BLOCKED;
}

static bool all_is_there(void *user) {
    (void)user;
    return s.host_got == s.written;
}

static void back_pressure(void **state) {
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *o = dial_up("a.test", SINK);
    far_stop_reading(s.host->far, true);
    assert_true(hosts_run(sink_is_full, MIX_SECONDS(100)));
    assert_true(s.written > 100000 && s.written < 4 * MEGA);
    size_t before = s.written;
    hosts_run(NULL, MIX_SECONDS(5));
    assert_true(sink_is_full(NULL));
    assert_int_equal(s.written, before);
    o->what = 0;
    far_stop_reading(s.host->far, false);
    assert_true(hosts_run(all_is_there, MIX_SECONDS(100)));
    assert_true(o->what & MIX_SOCKET_WRITABLE);
    end();
}

static void failures_have_names(void **state) {
    const struct {
        const char *host;
        uint16_t port;
        mix_time timeout;
        int status;
        mix_time least, most;
        const char *words;
    } rows[] = {
        {"a.test", 81, 0, MIX_ERR_TCP_REFUSED, 0, MIX_SECONDS(3), "a.test (93.184.216.7:81): "},
        {"93.184.216.7", 81, 0, MIX_ERR_TCP_REFUSED, 0, MIX_SECONDS(3), "93.184.216.7"},
        {"a.test", 82, MIX_SECONDS(10), MIX_ERR_TCP_TIMEOUT, MIX_SECONDS(10), MIX_SECONDS(10),
         "a.test"},
        {"93.184.216.66", 7, 0, MIX_ERR_TCP_TIMEOUT, MIX_SECONDS(29), MIX_SECONDS(30),
         "93.184.216.66"},
        {"nowhere.example", 7, 0, MIX_ERR_DNS_NOT_FOUND, 0, MIX_SECONDS(3), "nowhere.example"},
        {"none.test", 7, 0, MIX_ERR_DNS_NO_DATA, 0, MIX_SECONDS(3), "none.test"},
        {"hush.test", 7, MIX_SECONDS(3), MIX_ERR_DNS_TIMEOUT, MIX_SECONDS(3), MIX_SECONDS(3),
         "hush.test"},
        {"hush.test", 7, 0, MIX_ERR_DNS_TIMEOUT, MIX_SECONDS(9), MIX_SECONDS(11), "hush.test"},
    };
    (void)state;
    begin((mix_tunnel_config){0});
    mix_time from = hosts_now();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        dial_for(rows[i].host, rows[i].port, rows[i].timeout);
    connect_all();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct one *o = &s.ones[i];
        size_t n;
        print_message("%s:%d: %s\n", rows[i].host, rows[i].port, o->failure.words);
        assert_status(o->failure.code, rows[i].status);
        assert_non_null(strstr(o->failure.words, rows[i].words));
        assert_true(o->at - from >= rows[i].least && o->at - from <= rows[i].most + MIX_MS(10));
        assert_int_equal(o->events, 1);
        assert_true(o->what & MIX_SOCKET_FAILED);
        assert_status(mix_tunnel_socket_write(hosts_tunnel(), o->id, (const uint8_t *)"x", 1, &n,
                                              hosts_now()),
                      rows[i].status);
        mix_tunnel_socket_close(hosts_tunnel(), o->id, false, hosts_now());
        assert_status(mix_tunnel_socket_write(hosts_tunnel(), o->id, (const uint8_t *)"x", 1, &n,
                                              hosts_now()),
                      MIX_ERR_ARGUMENT);
    }
    end();
}

static uint64_t packets_before, words_before;

static uint64_t packets_down(void) {
    mix_tunnel_stats stats;
    mix_tunnel_get_stats(hosts_tunnel(), &stats);
    return stats.ip_down;
}

static bool something_came(void *user) {
    (void)user;
    return packets_down() > packets_before || s.net->client.refused > words_before;
}

/* The exit sends words and a reset; mixes of 15 ms each decide which is here first. */
static void the_policy_of_the_exit_is_told(void **state) {
    mix_policy policy;
    unsigned reset_first = 0, words_first = 0;
    (void)state;
    begin((mix_tunnel_config){0});
    assert_status(mix_policy_parse(&policy,
                                   mix_bytes_str("ExitPolicy reject *:81\nExitPolicy accept *:*\n"),
                                   NULL),
                  MIX_OK);
    mixnet_exit_set_policy(world_find(&s.net->net, "exit1")->exit, &policy);
    for (int i = 0; i < MANY; i++) {
        struct one *o = dial("93.184.216.7", 81);
        packets_before = packets_down();
        words_before = s.net->client.refused;
        assert_true(hosts_run(something_came, MIX_SECONDS(2)));
        reset_first += s.net->client.refused == words_before;
        words_first += packets_down() == packets_before;
        connect_all();
        assert_status(o->failure.code, MIX_ERR_IPR_REFUSED);
        mix_tunnel_socket_close(hosts_tunnel(), o->id, false, hosts_now());
        hosts_run(NULL, MIX_SECONDS(1));
    }
    print_message("first came %u resets, %u times words\n", reset_first, words_first);
    assert_true(reset_first >= 5 && words_first >= 5);
    mix_policy_deinit(&policy);
    end();
}

static void calls_that_cannot_be(void **state) {
    uint32_t id = 7;
    uint8_t byte;
    size_t n;
    mix_endpoint to = {.family = 4, .port = 7};
    (void)state;
    begin((mix_tunnel_config){0});
    mix_tunnel *t = hosts_tunnel();
    assert_status(mix_tunnel_connect(t, &id, "a.test", 0, 0, hosts_now()), MIX_ERR_ARGUMENT);
    assert_int_equal(id, 0);
    assert_status(mix_tunnel_connect(t, &id, "a.test", 1, -1, hosts_now()), MIX_ERR_ARGUMENT);
    assert_status(mix_tunnel_connect(t, &id, "a b", 1, 0, hosts_now()), MIX_ERR_DNS_NAME);
    assert_status(mix_tunnel_connect(t, &id, "", 1, 0, hosts_now()), MIX_ERR_DNS_NAME);
    assert_status(mix_tunnel_udp(t, &id, 5, hosts_now()), MIX_ERR_ARGUMENT);
    assert_status(mix_tunnel_socket_read(t, 1, &byte, 1, &n, hosts_now()), MIX_ERR_ARGUMENT);
    assert_status(mix_tunnel_socket_shutdown(t, 1, hosts_now()), MIX_ERR_ARGUMENT);
    assert_status(mix_tunnel_socket_remote(t, 1, &to), MIX_ERR_ARGUMENT);
    mix_tunnel_socket_close(t, 1, true, hosts_now());
    struct one *o = dial("a.test", ECHO);
    assert_status(mix_tunnel_socket_shutdown(t, o->id, hosts_now()), MIX_ERR_STATE);
    assert_status(mix_tunnel_socket_write(t, o->id, &byte, 1, &n, hosts_now()), MIX_BLOCKED);
    assert_status(mix_tunnel_socket_read(t, o->id, &byte, 1, &n, hosts_now()), MIX_DONE);
    assert_status(mix_tunnel_udp_send(t, o->id, &to, &byte, 1, hosts_now()), MIX_ERR_ARGUMENT);
    /* No more than there are sockets. */
    for (int i = 1; i < 240; i++)
        assert_status(mix_tunnel_connect(t, &id, "93.184.216.66", 7, 0, hosts_now()), MIX_OK);
    assert_status(mix_tunnel_connect(t, &id, "a.test", 7, 0, hosts_now()), MIX_ERR_SOCKET_LIMIT);
    world_client_stop(&s.net->client);
    assert_status(mix_tunnel_connect(t, &id, "a.test", 7, 0, hosts_now()), MIX_ERR_STATE);
    assert_status(mix_tunnel_udp(t, &id, 4, hosts_now()), MIX_ERR_STATE);
    end();
}

/* RFC 8305: another address after 1.5 s, or at once when one refuses; the first that is up wins. */
static void the_next_address(void **state) {
    mix_endpoint to;
    (void)state;
    begin((mix_tunnel_config){0});
    dial("dead.test", ECHO);
    mix_time from = hosts_now();
    connect_all();
    assert_true(s.ones[0].seen & MIX_SOCKET_CONNECTED);
    print_message("dead first address: %lld ms\n", (long long)((s.ones[0].at - from) / 1000));
    assert_true(s.ones[0].at - from > MIX_MS(1500) && s.ones[0].at - from < MIX_MS(2500));
    from = hosts_now();
    dial("late.test", ECHO);
    connect_all();
    assert_status(mix_tunnel_socket_remote(hosts_tunnel(), s.ones[1].id, &to), MIX_OK);
    assert_int_equal(to.family, 6);
    assert_true(s.ones[1].at - from > MIX_MS(1500) && s.ones[1].at - from < MIX_MS(2500));
    from = hosts_now();
    dial("both.test", ECHO);
    connect_all();
    assert_true(s.ones[2].at - from < MIX_MS(1000));
    from = hosts_now();
    struct one *o = dial("both.test", 81);
    connect_all();
    assert_status(o->failure.code, MIX_ERR_TCP_REFUSED);
    assert_true(o->at - from < MIX_MS(1500)); /* both have said so */
    unsigned opened = s.net->opened;
    hosts_run(NULL, MIX_SECONDS(20));
    assert_int_equal(s.net->opened, opened); /* the losers were given up */
    end();
}

static void one_ends(void **state) {
    uint8_t byte;
    size_t n;
    (void)state;
    /* by the host's reset */
    begin((mix_tunnel_config){0});
    struct one *o = dial_up("a.test", HANG);
    host_reset(s.host);
    hosts_run(NULL, MIX_SECONDS(2));
    assert_true(o->seen & MIX_SOCKET_FAILED);
    assert_status(o->failure.code, MIX_ERR_TCP_RESET);
    assert_status(mix_tunnel_socket_read(hosts_tunnel(), o->id, &byte, 1, &n, hosts_now()),
                  MIX_ERR_TCP_RESET);
    /* by ours */
    o = dial_up("a.test", HANG);
    hosts_run(NULL, MIX_SECONDS(2));
    unsigned resets = far_get_stats(s.net->far)->resets;
    mix_tunnel_socket_close(hosts_tunnel(), o->id, true, hosts_now());
    hosts_run(NULL, MIX_SECONDS(2));
    assert_int_equal(far_get_stats(s.net->far)->resets, resets + 1);
    /* in an orderly way */
    o = dial_up("a.test", HANG);
    assert_status(
        mix_tunnel_socket_write(hosts_tunnel(), o->id, (const uint8_t *)"last", 4, &n, hosts_now()),
        MIX_OK);
    mix_tunnel_socket_close(hosts_tunnel(), o->id, false, hosts_now());
    s.host_saw_end = false;
    hosts_run(NULL, MIX_SECONDS(2));
    assert_true(s.host_saw_end);
    assert_int_equal(s.host_got, 4);
    assert_int_equal(far_get_stats(s.net->far)->resets, resets + 1);
    end();
}

/* A peer that vanishes is noticed while nothing is sent, if the options say so. */
static void keepalive(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        begin((mix_tunnel_config){.keepalive = i == 0 ? MIX_SECONDS(8) : -1});
        struct one *o = dial_up("a.test", HANG);
        s.net->mute = true;
        mix_time from = hosts_now();
        hosts_run(NULL, MIX_SECONDS(40));
        assert_int_equal((o->seen & MIX_SOCKET_FAILED) != 0, i == 0);
        if (i == 0) {
            assert_status(o->failure.code, MIX_ERR_TCP_STALLED);
            assert_true(o->at - from < MIX_SECONDS(20));
        }
        end();
    }
}

static void datagrams(void **state) {
    mix_endpoint from, to[2] = {{.family = 4, .port = 7, .octets = {93, 184, 216, 7}},
                                {.family = 6, .port = 7, .octets = {0x26, 6, 0x28, [15] = 7}}};
    uint8_t text[1500] = {0};
    size_t n;
    (void)state;
    begin((mix_tunnel_config){0});
    mix_tunnel *t = hosts_tunnel();
    for (int i = 0; i < 2; i++) {
        struct one *o = &s.ones[s.count++];
        assert_status(mix_tunnel_udp(t, &o->id, to[i].family, hosts_now()), MIX_OK);
        assert_status(mix_tunnel_udp_receive(t, o->id, &from, text, sizeof text, &n, hosts_now()),
                      MIX_DONE);
        assert_status(mix_tunnel_udp_send(t, o->id, &to[i], (const uint8_t *)"one", 3, hosts_now()),
                      MIX_OK);
        assert_status(mix_tunnel_udp_send(t, o->id, &to[i], (const uint8_t *)"two", 3, hosts_now()),
                      MIX_OK);
        assert_status(mix_tunnel_udp_send(t, o->id, &to[i], text, sizeof text, hosts_now()),
                      MIX_ERR_DATAGRAM_SIZE);
        assert_status(mix_tunnel_udp_send(t, o->id, &to[1 - i], text, 1, hosts_now()),
                      MIX_ERR_ARGUMENT);
        hosts_run(NULL, MIX_SECONDS(2));
        assert_true(o->what & MIX_SOCKET_READABLE);
        assert_false(o->seen & (MIX_SOCKET_FAILED | MIX_SOCKET_CONNECTED));
        size_t sum = 0;
        for (int k = 0; k < 2; k++) {
            assert_status(
                mix_tunnel_udp_receive(t, o->id, &from, text, sizeof text, &n, hosts_now()),
                MIX_OK);
            assert_memory_equal(&from, &to[i], sizeof from);
            sum += n;
        }
        assert_int_equal(sum, 6);
        assert_status(mix_tunnel_udp_receive(t, o->id, &from, text, sizeof text, &n, hosts_now()),
                      MIX_DONE);
        mix_tunnel_socket_close(t, o->id, false, hosts_now());
    }
    end();
}

static void many_at_once(void **state) {
    (void)state;
    begin((mix_tunnel_config){0});
    for (int i = 0; i < MANY; i++)
        dial("a.test", SOURCE);
    connect_all();
    assert_int_equal(s.net->lookups, 4); /* one name, both families, both servers */
    hosts_run(NULL, MIX_SECONDS(60));
    for (int i = 0; i < MANY; i++)
        read_all(&s.ones[i]);
    hosts_run(NULL, MIX_SECONDS(60));
    for (int i = 0; i < MANY; i++) {
        read_all(&s.ones[i]);
        mix_tunnel_socket_close(hosts_tunnel(), s.ones[i].id, false, hosts_now());
    }
    assert_int_equal(s.got.len, MANY * SOURCED);
    end();
}

/* ---- the end of the tunnel, and another address ---- */

static void the_tunnel_stops(void **state) {
    uint8_t byte;
    size_t n;
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *up = dial_up("a.test", HANG);
    struct one *silent = dial("a.test", 82), *asking = dial("hush.test", 7);
    hosts_run(NULL, MIX_MS(100));
    world_client_stop(&s.net->client);
    hosts_run(NULL, MIX_SECONDS(2));
    struct one *all[] = {up, silent, asking};
    for (int i = 0; i < 3; i++) {
        assert_true(all[i]->what & MIX_SOCKET_FAILED);
        assert_status(all[i]->failure.code, MIX_ERR_STATE);
        assert_true(all[i]->failure.words[0] != 0);
        assert_status(mix_tunnel_socket_read(hosts_tunnel(), all[i]->id, &byte, 1, &n, hosts_now()),
                      MIX_ERR_STATE);
        mix_tunnel_socket_close(hosts_tunnel(), all[i]->id, false, hosts_now());
    }
    end();
}

/* While nothing gets through to the exit TCP does not give up, but the host's own limit counts. */
static void the_tunnel_stands_still(void **state) {
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *up = dial_up("a.test", ECHO);
    world_member *gateway = world_find(&s.net->net, "gateway1");
    gateway->dead = true;
    world_cut(&s.net->net, gateway);
    assert_true(hosts_run(hosts_degraded, MIX_SECONDS(100)));
    mix_time from = hosts_now();
    struct one *waits = dial_for("a.test", ECHO, MIX_SECONDS(150)),
               *gives_up = dial_for("a.test", ECHO, MIX_SECONDS(20));
    hosts_run(NULL, MIX_SECONDS(30));
    assert_status(gives_up->failure.code, MIX_ERR_TCP_TIMEOUT);
    assert_true(gives_up->at - from >= MIX_SECONDS(20) && gives_up->at - from < MIX_SECONDS(21));
    assert_non_null(strstr(gives_up->failure.words, "nothing gets to the exit"));
    assert_int_equal(waits->events, 0);
    gateway->dead = false;
    assert_true(hosts_run(hosts_ready_again, MIX_SECONDS(200)));
    hosts_run(NULL, MIX_SECONDS(5));
    assert_true(waits->seen & MIX_SOCKET_CONNECTED);
    assert_false(up->seen & MIX_SOCKET_FAILED);
    s.to_write = 1000;
    acted = 0;
    assert_true(hosts_run(moved_to_the_end, MIX_SECONDS(50)));
    assert_int_equal(s.got.len, 1003);
    end();
}

/* The exit forgets us, and gives another address. */
static void another_address(void **state) {
    uint8_t byte;
    size_t n;
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *up = dial_up("a.test", HANG);
    uint8_t before[4];
    memcpy(before, s.net->client.address.ip4, 4);
    world_restart_exit(world_find(&s.net->net, "exit1"));
    struct one *asking = dial("hush.test", 7);
    assert_true(hosts_run(hosts_ready_again, MIX_SECONDS(200)));
    hosts_run(NULL, MIX_SECONDS(2));
    assert_memory_not_equal(before, s.net->client.address.ip4, 4);
    assert_true(up->what & MIX_SOCKET_FAILED);
    assert_status(up->failure.code, MIX_ERR_TCP_MOVED);
    assert_status(mix_tunnel_socket_read(hosts_tunnel(), up->id, &byte, 1, &n, hosts_now()),
                  MIX_ERR_TCP_MOVED);
    struct one *o = dial("a.test", ECHO);
    connect_all();
    assert_true(o->seen & MIX_SOCKET_CONNECTED);
    assert_status(asking->failure.code, MIX_ERR_DNS_TIMEOUT);
    end();
}

static bool moved_with_failures(void *user) {
    memory_enter(NULL);
    bool done = moved_to_the_end(user);
    memory_leave(NULL);
    return done;
}

/* Without memory in the tunnel at any point: one that fails, and nothing is lost. */
static void without_memory(void **state) {
    unsigned failures = 0;
    (void)state;
    for (size_t n = 1;; n += n < 60 ? 1 : n < 200 ? 7 : 61) {
        begin((mix_tunnel_config){0});
        struct one *o = &s.ones[s.count++];
        s.net->client.enter = memory_enter;
        s.net->client.leave = memory_leave;
        s.to_write = 100;
        acted = 0;
        mix_alloc_fail_at(n, 0);
        int status = mix_tunnel_connect(hosts_tunnel(), &o->id, "a.test", ECHO, 0, hosts_now());
        memory_leave(NULL);
        if (status == MIX_OK)
            assert_true(hosts_run(moved_with_failures, MIX_SECONDS(100)));
        if (status == MIX_OK && !(o->seen & MIX_SOCKET_FAILED))
            assert_int_equal(s.got.len, 103);
        else
            assert_status(status != MIX_OK ? status : o->failure.code, MIX_ERR_MEMORY);
        failures += status != MIX_OK || (o->seen & MIX_SOCKET_FAILED);
        memory_enter(NULL);
        size_t count = mix_alloc_count();
        mix_alloc_fail_at(0, 0);
        end();
        assert_int_equal(mix_alloc_live(), 0);
        if (count < n)
            break;
    }
    print_message("%u ended for want of memory\n", failures);
    assert_true(failures > 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(echoes),
    cmocka_unit_test(a_reader_that_waits),
    cmocka_unit_test(back_pressure),
    cmocka_unit_test(failures_have_names),
    cmocka_unit_test(the_policy_of_the_exit_is_told),
    cmocka_unit_test(calls_that_cannot_be),
    cmocka_unit_test(the_next_address),
    cmocka_unit_test(one_ends),
    cmocka_unit_test(keepalive),
    cmocka_unit_test(datagrams),
    cmocka_unit_test(many_at_once),
    cmocka_unit_test(the_tunnel_stops),
    cmocka_unit_test(the_tunnel_stands_still),
    cmocka_unit_test(another_address),
    cmocka_unit_test(without_memory),
};
MIX_TEST_MAIN(sockets_door_test, tests)
