/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes are left out: a network of two mixes a layer whose packets pass or not by who is
 * gone.
 */
#include "traffic/reach.h"
#include "traffic/route.h"

#include "testing.h"

#include "mix/errors.h"

enum { PER_LAYER = 2, GATEWAY = 99 };

static mix_topology *topology;
static mix_reach *reach;
static mix_test_env env;
static mix_time now;
static uint64_t dead; /* bits: numbers of nodes */

static int setup(void **state) {
    (void)state;
    mix_node nodes[MIX_LAYERS * PER_LAYER + 1] = {0};
    for (uint32_t i = 0; i < MIX_LAYERS * PER_LAYER; i++)
        nodes[i] = (mix_node){.id = i,
                              .role = (mix_role)(MIX_ROLE_LAYER1 + i / PER_LAYER),
                              .identity = {(uint8_t)(i + 1)}};
    nodes[MIX_LAYERS * PER_LAYER] =
        (mix_node){.id = GATEWAY, .role = MIX_ROLE_ENTRY, .identity = {GATEWAY}};
    assert_status(mix_topology_new(&topology, nodes, sizeof nodes / sizeof *nodes, 0, 0), MIX_OK);
    assert_status(mix_reach_new(&reach), MIX_OK);
    mix_test_env_init(&env, 1);
    now = MIX_SECONDS(1000);
    dead = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mix_topology_free(topology);
    mix_reach_free(reach);
    return 0;
}

/* A packet and its acknowledgement; whether it came through. */
static bool send_one(void) {
    static const uint8_t gateway[MIX_KEY_LEN] = {GATEWAY}, destination[MIX_KEY_LEN] = {0};
    mix_sphinx_route route;
    mix_way way = {0};
    bool arrived = true;
    mix_route_source from = {topology, reach, &env.env};
    for (int i = 0; i < 2; i++)
        assert_status(mix_route_draw(&route, NULL, &way, &from, gateway, destination, 0), MIX_OK);
    assert_int_equal(way.len, MIX_WAY_MOST);
    for (size_t i = 0; i < way.len; i++) {
        assert_int_equal(way.layer[i], way.id[i] / PER_LAYER);
        arrived &= !(dead >> way.id[i] & 1);
    }
    now += MIX_MS(20);
    mix_reach_note(reach, &way, arrived, topology, now);
    return arrived;
}

static int send_many(int count) {
    int arrived = 0;
    for (int i = 0; i < count; i++)
        arrived += send_one();
    return arrived;
}

/* How many are left out, which all that tell must agree on. */
static size_t left_out(void) {
    size_t count = 0;
    for (uint32_t id = 0; id < MIX_LAYERS * PER_LAYER; id++)
        count += mix_reach_avoids(reach, id);
    assert_int_equal(mix_reach_avoided(reach), count);
    return count;
}

static void a_dead_node_is_left_out(void **state) {
    (void)state;
    for (uint32_t id = 0; id < MIX_LAYERS * PER_LAYER; id++) {
        assert_int_equal(send_many(100), 100);
        assert_int_equal(mix_reach_avoided(reach), 0);
        dead = UINT64_C(1) << id;
        (void)send_many(100);
        assert_true(mix_reach_avoids(reach, id));
        assert_true(left_out() > 0);
        assert_int_equal(send_many(100), 100);
        dead = 0; /* it works again, and is tried again */
        now += MIX_SECONDS(40);
        (void)send_many(50);
        assert_false(mix_reach_avoids(reach, id));
    }
}

/* Two are gone: one each of two layers. */
static void one_of_each_layer_may_go(void **state) {
    (void)state;
    (void)send_many(100);
    dead = 1 << 0 | 1 << 3;
    (void)send_many(300);
    assert_true(mix_reach_avoids(reach, 0) && mix_reach_avoids(reach, 3));
    assert_int_equal(send_many(100), 100);
    size_t most = left_out();
    assert_true(most >= 2);
    for (int i = 0; i < 50; i++) { /* each comes back when its time is over */
        mix_reach_tick(reach, now += MIX_SECONDS(1));
        assert_true(left_out() <= most);
        most = left_out();
    }
    assert_int_equal(most, 0);
}

/* The whole network, or a whole layer: nobody is to blame. */
static void nobody_is_blamed_alone(void **state) {
    (void)state;
    (void)send_many(100);
    dead = UINT64_MAX;
    assert_int_equal(send_many(500), 0);
    assert_int_equal(mix_reach_avoided(reach), 0);
    dead = 1 << 2 | 1 << 3;
    assert_int_equal(send_many(500), 0);
    assert_int_equal(mix_reach_avoided(reach), 0);
}

/* It stays gone: looked after ever more seldom. */
static void patience_grows(void **state) {
    (void)state;
    (void)send_many(100);
    dead = 1 << 1;
    int lost = 0;
    for (int i = 0; i < 30000; i++) /* ten minutes */
        lost += !send_one();
    assert_in_range(lost, 6, 90);
}

static void small_losses_are_borne(void **state) {
    (void)state;
    mix_way way = {.id = {0, 2, 4, 1, 3, 5}, .layer = {0, 1, 2, 0, 1, 2}, .len = 6};
    for (int i = 0; i < 10000; i++) {
        now += MIX_MS(20);
        mix_reach_note(reach, &way, i % 10 != 0, topology, now);
        assert_int_equal(mix_reach_avoided(reach), 0);
    }
}

static void more_nodes_than_places(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        mix_way way = {.id = {i}, .layer = {0}, .len = 1};
        mix_reach_note(reach, &way, false, topology, now);
        assert_false(mix_reach_avoids(reach, i));
    }
    assert_false(mix_reach_avoids(NULL, 1));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_dead_node_is_left_out, setup, teardown),
    cmocka_unit_test_setup_teardown(one_of_each_layer_may_go, setup, teardown),
    cmocka_unit_test_setup_teardown(nobody_is_blamed_alone, setup, teardown),
    cmocka_unit_test_setup_teardown(patience_grows, setup, teardown),
    cmocka_unit_test_setup_teardown(small_losses_are_borne, setup, teardown),
    cmocka_unit_test_setup_teardown(more_nodes_than_places, setup, teardown),
};
MIX_TEST_MAIN(reach_test, tests)
