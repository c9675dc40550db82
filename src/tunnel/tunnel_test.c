/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels in a whole network in virtual time: set-up, packets both ways, and what breaks. */
#include "mix/errors.h"
#include "tunnel/memory_testing.h"
#include "world.h"

enum { UDP_HEADERS = 28 };

static world net;
static world_client client;
static mix_tunnel_config config;
static uint8_t expected[1500];
static size_t expected_len;
static unsigned intact;

/* ---- helpers ---- */

static void echo(void *user, world *w, world_member *exit, mix_bytes packet) {
    uint8_t back[1500], address[4];
    (void)user;
    if (packet.len < 20 || packet.data[0] >> 4 != 4)
        return;
    memcpy(back, packet.data, packet.len);
    memcpy(address, back + 12, 4); /* source and destination change places */
    memcpy(back + 12, back + 16, 4);
    memcpy(back + 16, address, 4);
    world_from_internet(w, exit, mix_bytes_of(back, packet.len));
}

static void begin_with(mixnet_plan plan, mix_time access, uint64_t seed) {
    world_config c = {.plan = plan, .access = access, .seed = seed};
    assert_status(world_init(&net, &c), MIX_OK);
    net.internet = echo;
    config = world_tunnel_config(&net);
    intact = 0;
}

static void begin(uint64_t seed) {
    begin_with((mixnet_plan){.mixes_per_layer = 2, .gateways = 1, .exits = 1}, MIX_MS(5), seed);
}

static void end(void) {
    world_client_deinit(&client);
    world_deinit(&net);
}

static bool is_ready(void *user) {
    return world_client_state(user) == MIX_TUNNEL_READY;
}
static bool is_down(void *user) {
    return world_client_state(user) != MIX_TUNNEL_READY;
}
static bool is_over(void *user) {
    mix_tunnel_state s = world_client_state(user);
    return s == MIX_TUNNEL_FAILED || s == MIX_TUNNEL_CLOSED;
}
static bool has_intact(void *user) {
    return intact >= *(unsigned *)user;
}

static bool run(bool (*done)(void *user), mix_time time) {
    return world_run(&net, done, &client, net.sim.now + time);
}

static void open_tunnel(void) {
    assert_status(world_client_init(&client, &net, &config, 7), MIX_OK);
    assert_status(world_client_start(&client), MIX_OK);
}

static void open_ready(void) {
    open_tunnel();
    if (!run(is_ready, MIX_SECONDS(20)))
        fail_msg("not ready: %s: %s", client.history, client.last.failure.words);
}

static uint16_t checksum(const uint8_t *data, size_t len) {
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i += 2)
        sum += mix_get_u16(data + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* A UDP datagram to 93.184.216.34 with this many bytes in all. */
static mix_bytes datagram(size_t len, uint8_t mark) {
    uint8_t *p = expected;
    memset(p, mark, len);
    memset(p, 0, UDP_HEADERS);
    p[0] = 0x45;
    mix_put_u16(p + 2, (uint16_t)len);
    p[8] = 64;
    p[9] = 17;
    memcpy(p + 12, client.address.ip4, 4);
    memcpy(p + 16, (uint8_t[]){93, 184, 216, 34}, 4);
    mix_put_u16(p + 10, checksum(p, 20));
    mix_put_u16(p + 20, 4000);
    mix_put_u16(p + 22, 4001);
    mix_put_u16(p + 24, (uint16_t)(len - 20));
    expected_len = len;
    return mix_bytes_of(p, len);
}

static void on_packet(void *user, mix_bytes packet) {
    (void)user;
    bool same = packet.len == expected_len &&
                memcmp(packet.data + UDP_HEADERS, expected + UDP_HEADERS,
                       expected_len - UDP_HEADERS) == 0 &&
                memcmp(packet.data + 12, expected + 16, 4) == 0;
    intact += same;
}

/* One there and back. */
static bool round_trip(size_t len, mix_time time) {
    unsigned want = intact + 1;
    client.on_packet = on_packet;
    assert_status(world_client_write(&client, datagram(len, (uint8_t)(len + intact))), MIX_OK);
    return world_run(&net, has_intact, &want, net.sim.now + time);
}

/* ---- set-up ---- */

static void ready_in_six_waits(void **state) {
    (void)state;
    begin_with((mixnet_plan){.mixes_per_layer = 3, .gateways = 1, .exits = 1}, MIX_MS(500), 1);
    open_ready();
    mix_tunnel_stats s;
    mix_tunnel_get_stats(client.tunnel, &s);
    assert_int_equal(s.mixes1, 3);
    assert_int_equal(s.mixes2, 3);
    assert_int_equal(s.mixes3, 3);
    assert_string_equal(client.history, "directory gateway exit ready");
    /* The directory, the connection, the version, two of the registration, the exit; a claim of
     * bandwidth goes on the way. */
    assert_true(s.setup < MIX_MS(6500));
    assert_true(s.setup > MIX_SECONDS(6));
    assert_int_equal(client.address.ip4[0], 10);
    assert_int_equal(client.address.mtu, 1500);
    assert_true(s.round_trip > MIX_SECONDS(1));
    assert_true(client.stored.len > 0);
    end();
}

/* A gateway that knows us is connected to while the directory answers. */
static void known_in_three_waits(void **state) {
    mix_buf stored = {0};
    mix_tunnel_stats s;
    (void)state;
    begin_with((mixnet_plan){.mixes_per_layer = 1, .gateways = 1, .exits = 1}, MIX_MS(500), 2);
    open_ready();
    mix_buf_put_bytes(&stored, mix_buf_bytes(&client.stored));
    world_client_stop(&client);
    assert_true(run(is_over, MIX_SECONDS(2)));
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(2));
    world_client_deinit(&client);
    config.identity = stored.data;
    config.identity_len = stored.len;
    open_ready();
    mix_tunnel_get_stats(client.tunnel, &s);
    assert_true(s.setup < MIX_MS(3500));
    end();
    mix_buf_deinit(&stored);
}

static void bad_options(void **state) {
    static const struct {
        const char *gateway, *exit, *url, *passphrase;
        int status;
        const char *names;
    } rows[] = {
        {"0OIl", NULL, "https://d/", NULL, MIX_ERR_BASE58_CHAR, "0OIl"},
        {"abc", NULL, "https://d/", NULL, MIX_ERR_BASE58_LENGTH, "abc"},
        {NULL, "nobody", "https://d/", NULL, MIX_ERR_RECIPIENT_TEXT, "nobody"},
        {NULL, NULL, "ftp://d/", NULL, MIX_ERR_ARGUMENT, "ftp://d/"},
        {NULL, NULL, "https://d/", "", MIX_ERR_ARGUMENT, "argument"},
    };
    mix_test_env env;
    (void)state;
    mix_test_env_init(&env, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_tunnel *t = NULL;
        mix_failure why = {0};
        mix_tunnel_config c = {.directories = &rows[i].url,
                               .directory_count = 1,
                               .gateway = rows[i].gateway,
                               .exit = rows[i].exit,
                               .passphrase = rows[i].passphrase};
        assert_status(mix_tunnel_new(&t, &c, &env.env, &why), rows[i].status);
        assert_null(t);
        assert_int_equal(why.code, rows[i].status);
        assert_non_null(strstr(why.words, rows[i].names));
    }
}

/* ---- packets ---- */

static void packets_both_ways(void **state) {
    static const size_t sizes[] = {28, 29, 100, 576, 1279, 1420, 1499, 1500};
    mix_tunnel_stats s;
    (void)state;
    begin(4);
    open_ready();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!round_trip(sizes[i], MIX_SECONDS(3)))
            fail_msg("%zu bytes did not come back", sizes[i]);
    }
    assert_status(world_client_write(&client, mix_bytes_of(expected, 0)), MIX_ERR_ARGUMENT);
    mix_tunnel_get_stats(client.tunnel, &s);
    assert_int_equal(s.ip_up, 8);
    assert_int_equal(s.ip_down, 8);
    assert_int_equal(s.retransmitted, 0);
    /* Idle slots have filled the exit's stock. */
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(5));
    mix_tunnel_get_stats(client.tunnel, &s);
    assert_in_range(s.surbs, 170, 200);
    assert_true(s.cover > s.data);
    end();
}

static void unpaced(void **state) {
    mix_tunnel_stats s;
    (void)state;
    begin(5);
    config.pacing_off = config.cover_off = true;
    open_ready();
    assert_true(round_trip(1000, MIX_SECONDS(1)));
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(30));
    mix_tunnel_get_stats(client.tunnel, &s);
    assert_int_equal(s.cover, 0);
    assert_in_range(s.surbs, 170, 200);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.unacknowledged, 0);
    assert_status(world_client_write(&client, datagram(1000, 1)), MIX_OK);
    mix_tunnel_get_stats(client.tunnel, &s);
    assert_in_range(s.waiting + s.unacknowledged, 1, 3);
    end();
}

static bool has_pong(void *user) {
    return ((world_client *)user)->pongs > 0;
}

static void ping(void **state) {
    (void)state;
    begin_with((mixnet_plan){.mixes_per_layer = 1, .gateways = 1, .exits = 1}, MIX_MS(500), 8);
    assert_status(world_client_init(&client, &net, &config, 7), MIX_OK);
    assert_status(mix_tunnel_ping(client.tunnel, net.sim.now), MIX_BLOCKED);
    assert_status(world_client_start(&client), MIX_OK);
    assert_true(run(is_ready, MIX_SECONDS(20)));
    mix_time asked = net.sim.now;
    assert_status(mix_tunnel_ping(client.tunnel, net.sim.now), MIX_OK);
    world_turn(&net);
    assert_true(run(has_pong, MIX_SECONDS(5)));
    assert_int_equal(client.round_trip, net.sim.now - asked);
    assert_in_range(client.round_trip, MIX_SECONDS(1), MIX_MS(1500));
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(20));
    assert_int_equal(client.pongs, 1);
    end();
}

/* An idle client is not forgotten by the exit. */
static void idle_for_minutes(void **state) {
    (void)state;
    begin(6);
    open_ready();
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(300));
    assert_true(round_trip(600, MIX_SECONDS(3)));
    assert_string_equal(client.history, "directory gateway exit ready");
    end();
}

/* ---- what breaks ---- */

static void link_cut(void **state) {
    (void)state;
    begin(10);
    open_ready();
    world_cut(&net, NULL);
    assert_int_equal(world_client_state(&client), MIX_TUNNEL_DEGRADED);
    assert_int_equal(client.last.phase, MIX_TUNNEL_GATEWAY);
    assert_int_equal(client.last.failure.code, MIX_ERR_GATEWAY_CLOSED);
    assert_true(run(is_ready, MIX_SECONDS(10)));
    assert_string_equal(client.history, "directory gateway exit ready degraded:gateway ready");
    assert_true(round_trip(900, MIX_SECONDS(5)));
    end();
}

static void exit_forgets(void **state) {
    (void)state;
    begin(11);
    open_ready();
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(4));
    mix_time forgotten = net.sim.now;
    assert_status(world_restart_exit(world_find(&net, "exit1")), MIX_OK);
    assert_false(round_trip(900, MIX_MS(500))); /* the need is noticed */
    assert_true(run(is_down, MIX_SECONDS(10)));
    assert_int_equal(client.last.phase, MIX_TUNNEL_EXIT);
    assert_true(run(is_ready, MIX_SECONDS(15)));
    assert_true(round_trip(901, MIX_SECONDS(2)));
    assert_true(net.sim.now - forgotten < MIX_SECONDS(15));
    end();
}

static void mix_stops(void **state) {
    unsigned back = 0;
    (void)state;
    begin(12);
    open_ready();
    world_find(&net, "mix2")->dead = true;
    for (int i = 0; i < 60; i++) {
        if (world_client_state(&client) == MIX_TUNNEL_READY)
            back += round_trip(300, MIX_SECONDS(4));
        else
            (void)run(is_ready, MIX_SECONDS(4));
    }
    /* Half of all routes ended at it: it is found out, and the reply blocks over it are used up. */
    assert_in_range(back, 50, 60);
    world_find(&net, "mix2")->dead = false;
    assert_true(run(is_ready, MIX_SECONDS(60)));
    assert_true(round_trip(300, MIX_SECONDS(10)));
    end();
}

static void next_exit(void **state) {
    uint64_t tried = 0;
    (void)state;
    for (uint64_t seed = 20; seed < 26; seed++) {
        mix_tunnel_stats s;
        begin_with((mixnet_plan){.mixes_per_layer = 1, .gateways = 1, .exits = 2}, MIX_MS(5), seed);
        world_find(&net, "exit1")->dead = true;
        assert_status(world_client_init(&client, &net, &config, seed), MIX_OK);
        assert_status(world_client_start(&client), MIX_OK);
        assert_true(run(is_ready, MIX_SECONDS(40)));
        assert_true(round_trip(500, MIX_SECONDS(2)));
        mix_tunnel_get_stats(client.tunnel, &s);
        tried = s.exits > tried ? s.exits : tried;
        /* The one that works dies too, and the first comes back. */
        world_find(&net, "exit1")->dead = false;
        world_find(&net, "exit2")->dead = true;
        (void)world_client_write(&client, datagram(500, 1));
        assert_true(run(is_down, MIX_SECONDS(30)));
        assert_true(run(is_ready, MIX_SECONDS(90)));
        assert_true(round_trip(501, MIX_SECONDS(2)));
        end();
    }
    assert_true(tried > 1);
}

static void next_gateway(void **state) {
    mix_tunnel_stats before, after;
    (void)state;
    begin_with((mixnet_plan){.mixes_per_layer = 1, .gateways = 2, .exits = 1}, MIX_MS(5), 31);
    open_ready();
    mix_tunnel_get_stats(client.tunnel, &before);
    const char *name = "gateway1";
    for (size_t i = 0; i < net.count; i++) {
        world_socket *s = &net.sockets[0];
        if (s->gateway == &net.members[i])
            name = net.members[i].member->name;
    }
    world_find(&net, name)->dead = true;
    world_cut(&net, NULL);
    assert_true(run(is_ready, MIX_SECONDS(240)));
    mix_tunnel_get_stats(client.tunnel, &after);
    assert_string_not_equal(before.gateway, after.gateway);
    assert_true(round_trip(700, MIX_SECONDS(3)));
    end();
}

static void nobody_answers(void **state) {
    (void)state;
    begin(32);
    net.directory_dead = true;
    open_tunnel();
    assert_true(run(is_over, MIX_SECONDS(60)));
    assert_string_equal(client.history, "directory failed:directory");
    assert_int_equal(client.last.failure.code, MIX_ERR_DIRECTORY_UNREACHABLE);
    assert_non_null(strstr(client.last.failure.words, "connection refused"));

    /* It can be started again, and then it is the exit that is not there. */
    net.directory_dead = false;
    world_find(&net, "exit1")->dead = true;
    client.history[0] = 0;
    assert_status(world_client_start(&client), MIX_OK);
    assert_status(world_client_start(&client), MIX_ERR_STATE);
    mix_time from = net.sim.now;
    assert_true(run(is_over, MIX_SECONDS(200)));
    assert_string_equal(client.history, "directory gateway exit failed:exit");
    assert_int_equal(client.last.failure.code, MIX_ERR_IPR_TIMEOUT);
    assert_in_range(net.sim.now - from, MIX_SECONDS(59), MIX_SECONDS(63));

    world_find(&net, "exit1")->dead = false;
    client.history[0] = 0;
    assert_status(world_client_start(&client), MIX_OK);
    assert_true(run(is_ready, MIX_SECONDS(10)));
    assert_true(round_trip(700, MIX_SECONDS(2)));
    end();
}

/* New keys in the network: the directory tells of them within minutes, and the exit gets reply
 * blocks by the new ones. */
static void keys_rotate(void **state) {
    mix_tunnel_stats before, after;
    (void)state;
    begin(34);
    config.pacing_off = config.cover_off = true; /* an hour of cover takes long to compute */
    open_ready();
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(5));
    assert_true(round_trip(800, MIX_SECONDS(2)));
    assert_status(world_rotate(&net), MIX_OK);
    assert_true(round_trip(801, MIX_SECONDS(2)));
    mix_tunnel_get_stats(client.tunnel, &before);
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(400));
    mix_tunnel_get_stats(client.tunnel, &after);
    assert_true(after.data - before.data > 50); /* the stock was made anew */
    /* Nodes keep the old keys for one epoch, and so long the exit may use what it has. */
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(3600));
    world_retire(&net);
    assert_true(round_trip(802, MIX_SECONDS(2)));
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(60));
    assert_true(round_trip(803, MIX_SECONDS(2)));
    assert_string_equal(client.history, "directory gateway exit ready");
    end();
}

/* Ten times up and down in one process; nothing is left behind, neither here nor there. */
static void again_and_again(void **state) {
    size_t live = 0;
    (void)state;
    begin(33);
    config.forget = true;
    memory_owned = 0;
    assert_status(world_client_init(&client, &net, &config, 7), MIX_OK);
    client.enter = memory_count;
    client.leave = memory_counted;
    assert_status(world_client_start(&client), MIX_OK);
    assert_true(run(is_ready, MIX_SECONDS(10)));
    for (int i = 0; i < 10; i++) {
        mixnet_exit_stats s;
        mixnet_gateway_stats g;
        assert_true(round_trip(400, MIX_SECONDS(2)));
        world_client_stop(&client);
        assert_true(run(is_over, MIX_SECONDS(1)));
        assert_int_equal(world_client_state(&client), MIX_TUNNEL_CLOSED);
        assert_status(world_client_write(&client, datagram(100, 0)), MIX_BLOCKED);
        world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(2));
        mixnet_exit_get_stats(world_find(&net, "exit1")->exit, &s);
        assert_int_equal(s.router.sessions, 0); /* it was told */
        mixnet_gateway_get_stats(world_find(&net, "gateway1")->gateway, &g);
        assert_int_equal(g.connections, 0);
        assert_int_equal(g.clients, 0);
        client.history[0] = 0;
        if (i == 2)
            live = memory_owned;
        assert_status(world_client_start(&client), MIX_OK);
        assert_true(run(is_ready, MIX_SECONDS(10)));
    }
    world_client_stop(&client);
    assert_true(run(is_over, MIX_SECONDS(1)));
    world_run(&net, NULL, NULL, net.sim.now + MIX_SECONDS(2));
    assert_in_range(memory_owned, live - 4, live + 4); /* but for buffers that are kept */
    end();
    assert_int_equal(mix_alloc_live(), 0);
}

/* ---- memory ---- */

static void every_allocation_fails(void **state) {
    size_t n = 1;
    bool over = false;
    (void)state;
    for (; !over && n < 20000; n += 1 + n / 10) {
        begin_with((mixnet_plan){.mixes_per_layer = 1, .gateways = 1, .exits = 1}, MIX_MS(5), 40);
        config.pacing_off = config.cover_off = true;
        config.ip_packets = false; /* so that there is a stack too */
        over = memory_fails_at(n, &client, &net, &config, 7);
        end();
        if (mix_alloc_live() != 0)
            fail_msg("allocation %zu: %zu are left", n, mix_alloc_live());
    }
    assert_true(over);
    print_message("set-up takes some %zu allocations\n", n);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ready_in_six_waits),
    cmocka_unit_test(known_in_three_waits),
    cmocka_unit_test(bad_options),
    cmocka_unit_test(packets_both_ways),
    cmocka_unit_test(unpaced),
    cmocka_unit_test(ping),
    cmocka_unit_test(idle_for_minutes),
    cmocka_unit_test(link_cut),
    cmocka_unit_test(exit_forgets),
    cmocka_unit_test(mix_stops),
    cmocka_unit_test(next_exit),
    cmocka_unit_test(next_gateway),
    cmocka_unit_test(nobody_answers),
    cmocka_unit_test(keys_rotate),
    cmocka_unit_test(again_and_again),
    cmocka_unit_test(every_allocation_fails),
};
MIX_TEST_MAIN(tunnel_test, tests)
