/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels that begin with what an earlier run had stored, in a whole network in virtual time: what
 * they ask the directory for, and that a value which leads nowhere costs them nothing. */
#include "base/text.h"
#include "mix/errors.h"
#include "tunnel/memory_testing.h"
#include "world.h"

static world net;
static world_client client;
static mix_tunnel_config config;
static mix_buf identity, directory; /* of the last run */

static const mixnet_plan small = {.mixes_per_layer = 1, .gateways = 1, .exits = 1},
                         twofold = {.mixes_per_layer = 1, .gateways = 2, .exits = 2};

static void begin(mixnet_plan plan, mix_time access, uint64_t seed) {
    world_config c = {.plan = plan, .access = access, .seed = seed};
    assert_status(world_init(&net, &c), MIX_OK);
    config = world_tunnel_config(&net);
    config.pacing_off = config.cover_off = true; /* minutes of cover take long to compute */
}

static void end(void) {
    world_client_deinit(&client);
    world_deinit(&net);
    mix_buf_deinit(&identity);
    mix_buf_deinit(&directory);
}

static bool is_ready(void *user) {
    return world_client_state(user) == MIX_TUNNEL_READY;
}
static bool is_over(void *user) {
    mix_tunnel_state s = world_client_state(user);
    return s == MIX_TUNNEL_FAILED || s == MIX_TUNNEL_CLOSED;
}
static bool is_settled(void *user) {
    return is_ready(user) || is_over(user);
}

static bool run(bool (*done)(void *user), mix_time time) {
    return world_run(&net, done, &client, net.sim.now + time);
}

static void wait(mix_time time) {
    world_run(&net, NULL, NULL, net.sim.now + time);
}

static void start(uint64_t seed) {
    assert_status(world_client_init(&client, &net, &config, seed), MIX_OK);
    assert_status(world_client_start(&client), MIX_OK);
}

static mix_time open_ready(uint64_t seed) {
    mix_tunnel_stats s;
    start(seed);
    if (!run(is_ready, MIX_SECONDS(170)))
        fail_msg("not ready: %s: %s", client.history, client.last.failure.words);
    mix_tunnel_get_stats(client.tunnel, &s);
    return s.setup;
}

static void keep(mix_buf *to, const mix_buf *from) {
    if (from->len == 0)
        return;
    mix_buf_truncate(to, 0);
    mix_buf_put_bytes(to, mix_buf_bytes(from));
}

/* The next run gets what this one had stored. */
static void hand_over(void) {
    keep(&identity, &client.stored);
    keep(&directory, &client.directory);
    world_client_deinit(&client);
    config.identity = identity.data;
    config.identity_len = identity.len;
    config.stored_directory = directory.data;
    config.stored_directory_len = directory.len;
}

static void close_tunnel(void) {
    world_client_stop(&client);
    assert_true(run(is_over, MIX_SECONDS(2)));
    wait(MIX_SECONDS(2));
    hand_over();
}

/* ---- what is asked for ---- */

static void a_second_run_asks_for_nothing(void **state) {
    (void)state;
    begin(small, MIX_MS(200), 1);
    mix_time first = open_ready(7);
    assert_string_equal(client.history, "directory gateway exit ready");
    assert_int_equal(client.asked, 5);
    assert_true(client.stored.len > 0 && client.directory.len > 0);
    close_tunnel();
    mix_time known = open_ready(8); /* as without the directory's value: see tunnel_test */
    assert_string_equal(client.history, "gateway exit ready");
    assert_int_equal(client.asked, 0);
    assert_true(known < MIX_MS(1500) && first > MIX_MS(2400));
    assert_int_equal(client.directory.len, 0); /* nothing new to store */
    wait(MIX_SECONDS(200));
    assert_int_equal(client.asked, 0);
    wait(MIX_SECONDS(130)); /* 300 s after the first run asked, ± 10 % */
    assert_int_equal(client.asked, 5);
    assert_true(client.directory.len > 0);
    close_tunnel();
    (void)open_ready(9); /* and on from there */
    assert_int_equal(client.asked, 0);
    end();
}

/* A gateway that was not used before: the list has it. */
static void another_gateway_is_asked_for(void **state) {
    mix_tunnel_stats s;
    char other[48];
    (void)state;
    begin(twofold, MIX_MS(50), 2);
    (void)open_ready(7);
    mix_tunnel_get_stats(client.tunnel, &s);
    close_tunnel();
    for (size_t i = 0; i < net.count; i++) {
        mix_buf text = mix_buf_fixed(other, sizeof other - 1);
        assert_status(mix_base58_encode(&text, MIX_BYTES(net.members[i].member->identity)), MIX_OK);
        other[text.len] = 0;
        if (net.members[i].gateway && strcmp(other, s.gateway) != 0)
            break;
    }
    config.gateway = other;
    (void)open_ready(8);
    mix_tunnel_get_stats(client.tunnel, &s);
    assert_string_equal(s.gateway, other);
    assert_int_equal(client.asked, 0);
    end();
}

static void an_old_value_is_no_use(void **state) {
    (void)state;
    begin(small, MIX_MS(5), 3);
    (void)open_ready(7);
    close_tunnel();
    wait(MIX_SECONDS(300));
    (void)open_ready(8);
    assert_string_equal(client.history, "directory gateway exit ready");
    assert_int_equal(client.asked, 5);
    end();
}

static bool contains(const mix_buf *in, const void *what, size_t len) {
    for (size_t i = 0; i + len <= in->len; i++) {
        if (memcmp(in->data + i, what, len) == 0)
            return true;
    }
    return false;
}

/* With a passphrase only what is sealed with it is taken, and without one only what is not. */
static void sealed_as_the_identity_is(void **state) {
    mix_buf values[2] = {0};
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        begin(small, MIX_MS(5), 4);
        config.passphrase = sealed ? "words" : NULL;
        (void)open_ready(7);
        close_tunnel();
        const uint8_t *key = world_find(&net, "exit1")->member->identity;
        assert_int_equal(contains(&directory, key, MIX_KEY_LEN), !sealed);
        (void)open_ready(8);
        assert_int_equal(client.asked, 0);
        close_tunnel();
        keep(&values[sealed], &directory);
        if (sealed) {
            config.stored_directory = values[0].data;
            config.stored_directory_len = values[0].len;
            (void)open_ready(9);
            assert_int_equal(client.asked, 5);
        }
        end();
    }
    begin(small, MIX_MS(5), 4); /* the same network: nothing but the sealing speaks against it */
    (void)open_ready(7);
    close_tunnel();
    config.stored_directory = values[1].data;
    config.stored_directory_len = values[1].len;
    (void)open_ready(8);
    assert_int_equal(client.asked, 5);
    end();
    mix_buf_deinit(&values[0]);
    mix_buf_deinit(&values[1]);
}

static void damage_is_no_error(void **state) {
    (void)state;
    begin(small, MIX_MS(5), 5);
    (void)open_ready(7);
    close_tunnel();
    for (unsigned row = 0; row < 4; row++) {
        size_t at = row == 0 ? 0 : row == 1 ? 9 : row == 2 ? 100 : directory.len - 1;
        directory.data[at] ^= 1;
        (void)open_ready(10 + row); /* with one seed twice its packets would be replays */
        assert_int_equal(client.asked, 5);
        close_tunnel(); /* with the new value */
        (void)open_ready(20 + row);
        assert_int_equal(client.asked, 0);
        close_tunnel();
    }
    config.identity = NULL; /* deleted: what else there was is not used either */
    (void)open_ready(30);
    assert_int_equal(client.asked, 5);
    end();
}

static void forgetting_deletes_it(void **state) {
    (void)state;
    begin(small, MIX_MS(5), 6);
    config.forget = true;
    (void)open_ready(7);
    wait(MIX_SECONDS(400)); /* a refresh too */
    assert_true(client.asked > 5);
    assert_int_equal(client.directory.len + client.deleted, 0);
    config.forget = false;
    close_tunnel();
    (void)open_ready(8);
    close_tunnel();
    config.forget = true;
    (void)open_ready(9);
    assert_int_equal(client.deleted, 1);
    assert_int_equal(client.directory.len, 0);
    end();
}

/* The identity's and the directory's: none takes the other's place, however late they are fetched.
 */
static void both_values_wait(void **state) {
    (void)state;
    begin(small, MIX_MS(5), 7);
    assert_status(world_client_init(&client, &net, &config, 7), MIX_OK);
    client.deaf = true;
    assert_status(world_client_start(&client), MIX_OK);
    wait(MIX_SECONDS(700));
    assert_int_equal(client.stored.len + client.directory.len, 0);
    client.deaf = false;
    world_turn(&net);
    assert_true(is_ready(&client));
    assert_true(client.stored.len > 0 && client.directory.len > 0);
    close_tunnel();
    (void)open_ready(8);
    assert_int_equal(client.asked, 0);
    end();
}

/* ---- what it leads to fails ---- */

typedef enum trouble { GATEWAY_DEAD, EXIT_DEAD, ALL_NEW, TROUBLES } trouble;

static void make_trouble(trouble what, uint64_t seed) {
    if (what == ALL_NEW) { /* another network at the same places, with other keys */
        world_deinit(&net);
        mix_tunnel_config with = config;
        begin(twofold, MIX_MS(50), seed + 1000);
        with.directories = config.directories;
        config = with;
        wait(MIX_SECONDS(60));
        return;
    }
    const uint8_t *in_use = identity.data + 8 + 2 + 80 + 1; /* by the stored identity */
    for (size_t i = 0; i < net.count && what == GATEWAY_DEAD; i++)
        net.members[i].dead = memcmp(in_use, net.members[i].member->identity, MIX_KEY_LEN) == 0;
    if (what == EXIT_DEAD)
        world_find(&net, seed % 2 ? "exit1" : "exit2")->dead = true;
}

/* The set-up's time, without that of exits that were tried in vain: which comes first is drawn. */
static mix_time open_in_trouble(trouble what, bool with, uint64_t seed) {
    mix_tunnel_stats s;
    begin(twofold, MIX_MS(50), seed);
    (void)open_ready(7);
    close_tunnel();
    if (!with)
        config.stored_directory = NULL;
    make_trouble(what, seed);
    mix_time took = open_ready(seed);
    mix_tunnel_get_stats(client.tunnel, &s);
    assert_in_range(s.exits, 1, 2);
    assert_int_equal(client.deleted, 0);
    if (!with || what != EXIT_DEAD || s.exits > 1)
        assert_int_equal(client.asked, 5);
    end();
    return took - MIX_SECONDS(10) * (mix_time)(s.exits - 1);
}

/* The value costs at most the time of the directory's answers, which come later than without it. */
static void a_dead_end_costs_nothing(void **state) {
    (void)state;
    for (int what = 0; what < TROUBLES; what++) {
        for (uint64_t seed = 20; seed < 26; seed++) {
            mix_time without = open_in_trouble((trouble)what, false, seed),
                     with = open_in_trouble((trouble)what, true, seed);
            if (with > without + MIX_MS(1000))
                fail_msg("trouble %d, seed %u: %d ms, and %d ms without it", what, (unsigned)seed,
                         (int)(with / 1000), (int)(without / 1000));
        }
    }
}

/* No exit answers: the directory is asked, they are tried once more, and then it is over in time.
 */
static void no_exit_ends_it(void **state) {
    (void)state;
    begin(small, MIX_MS(50), 30);
    (void)open_ready(7);
    close_tunnel();
    world_find(&net, "exit1")->dead = true;
    start(8);
    assert_true(run(is_over, MIX_SECONDS(100)));
    assert_string_equal(client.history, "gateway exit failed:exit");
    assert_int_equal(client.last.failure.code, MIX_ERR_IPR_TIMEOUT);
    assert_true(client.asked >= 5);
    end();
}

/* The directory is down: no reason to fail for those who need it not. */
static void a_dead_directory_is_not_missed(void **state) {
    (void)state;
    begin(twofold, MIX_MS(50), 31);
    (void)open_ready(7);
    close_tunnel();
    net.directory_dead = true;
    assert_true(open_ready(8) < MIX_SECONDS(2));
    wait(MIX_SECONDS(600));
    assert_true(is_ready(&client)); /* its lists are good for an hour */
    close_tunnel();
    net.directory_dead = false;
    (void)open_ready(9);
    close_tunnel();
    net.directory_dead = true;
    make_trouble(GATEWAY_DEAD, 0);
    start(10);
    assert_true(run(is_settled, MIX_SECONDS(100)));
    assert_true(is_ready(&client)); /* the other gateway of the stored list */
    assert_true(client.asked > 0);
    end();
}

/* A setup that is slow for another reason asks once, and is none the worse. */
static void a_slow_one_is_doubted(void **state) {
    (void)state;
    begin(small, MIX_MS(900), 32);
    (void)open_ready(7);
    close_tunnel();
    start(8);
    wait(MIX_MS(2990));
    assert_int_equal(client.asked, 0);
    wait(MIX_MS(20));
    assert_int_equal(client.asked, 5);
    assert_true(run(is_ready, MIX_SECONDS(20)));
    assert_int_equal(client.asked, 5);
    assert_string_equal(client.history, "gateway exit ready");
    end();
}

/* Runs that follow each other within a second: the gateway has seen their time of day, and they try
 * the next ones. That is no reason to ask. */
static void a_quick_row_of_runs_asks_for_nothing(void **state) {
    (void)state;
    begin(small, MIX_MS(5), 33);
    (void)open_ready(100);
    for (uint64_t i = 1; i < 6; i++) {
        world_client_stop(&client);
        assert_true(run(is_over, MIX_SECONDS(2)));
        hand_over();
        (void)open_ready(100 + i);
        assert_int_equal(client.asked, 0);
    }
    end();
}

/* ---- memory ---- */

static void every_allocation_fails(void **state) {
    size_t n = 1;
    bool over = false;
    (void)state;
    for (; !over && n < 20000; n += 1 + n / 10) {
        begin(small, MIX_MS(5), 40);
        (void)open_ready(7);
        close_tunnel();
        over = memory_fails_at(n, &client, &net, &config, 8);
        end();
        if (mix_alloc_live() != 0)
            fail_msg("allocation %zu: %zu are left", n, mix_alloc_live());
    }
    assert_true(over);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_second_run_asks_for_nothing),
    cmocka_unit_test(another_gateway_is_asked_for),
    cmocka_unit_test(an_old_value_is_no_use),
    cmocka_unit_test(sealed_as_the_identity_is),
    cmocka_unit_test(damage_is_no_error),
    cmocka_unit_test(forgetting_deletes_it),
    cmocka_unit_test(both_values_wait),
    cmocka_unit_test(a_dead_end_costs_nothing),
    cmocka_unit_test(no_exit_ends_it),
    cmocka_unit_test(a_dead_directory_is_not_missed),
    cmocka_unit_test(a_slow_one_is_doubted),
    cmocka_unit_test(a_quick_row_of_runs_asks_for_nothing),
    cmocka_unit_test(every_allocation_fails),
};
MIX_TEST_MAIN(tunnel_stored_test, tests)
