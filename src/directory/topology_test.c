/* SPDX-License-Identifier: Apache-2.0 */
/* directory/: topologies, routes, fair draws. */
#include "base/alloc.h"
#include "directory/pick.h"
#include "directory/topology.h"
#include "alloc_fail.h"
#include "testing.h"

/* A node whose keys are filled with its number. */
static mix_node node_of(uint8_t number, mix_role role) {
    mix_node n = {.id = number, .role = role};
    memset(n.identity, number, sizeof n.identity);
    memset(n.sphinx_key, number, sizeof n.sphinx_key);
    return n;
}

#define gateway (node_of(200, MIX_ROLE_NONE).identity)
#define stranger (node_of(9, MIX_ROLE_NONE).identity)

static size_t fill(mix_node *nodes, size_t one, size_t two, size_t three) {
    size_t sizes[] = {one, two, three}, count = 0;
    for (size_t layer = 0; layer < 3; layer++) {
        for (size_t i = 0; i < sizes[layer]; i++, count++)
            nodes[count] = node_of((uint8_t)(10 + count), (mix_role)(MIX_ROLE_LAYER1 + layer));
    }
    nodes[count++] = node_of(200, MIX_ROLE_ENTRY);
    nodes[count++] = node_of(201, MIX_ROLE_NONE);
    return count;
}

static void routes_are_layers_then_gateway(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 1);
    mix_node nodes[64];
    size_t count = fill(nodes, 3, 4, 5);
    mix_topology *topology = NULL;
    assert_status(mix_topology_new(&topology, nodes, count, 4, 100), MIX_OK);
    assert_int_equal(topology->rotation_id, 4);
    assert_int_equal(topology->epoch_id, 100);
    assert_status(mix_topology_check(topology, gateway), MIX_OK);
    for (int i = 0; i < 100; i++) {
        const mix_node *route[4] = {0};
        assert_status(mix_topology_route(topology, &t.env, gateway, route), MIX_OK);
        for (int hop = 0; hop < 3; hop++)
            assert_int_equal(route[hop]->role, MIX_ROLE_LAYER1 + hop);
        assert_int_equal(route[3]->id, 200);
    }
    mix_topology_free(topology);
}

/* χ² of 30000 draws over 5 nodes a layer: 4 degrees of freedom, 23.5 is passed by chance once in
 * 10⁴; pairs of neighbouring layers: 24 degrees, 58.6. The seed is fixed, so the figures are the
 * same at each run. */
static void routes_are_uniform_and_independent(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 7);
    mix_node nodes[64];
    size_t count = fill(nodes, 5, 5, 5);
    mix_topology *topology = NULL;
    assert_status(mix_topology_new(&topology, nodes, count, 4, 100), MIX_OK);
    const int draws = 30000;
    double single[3][5] = {{0}}, pair[2][5][5] = {{{0}}};
    for (int i = 0; i < draws; i++) {
        const mix_node *route[4];
        assert_status(mix_topology_route(topology, &t.env, gateway, route), MIX_OK);
        size_t at[3];
        for (size_t hop = 0; hop < 3; hop++) {
            at[hop] = (route[hop]->id - 10) % 5;
            single[hop][at[hop]]++;
        }
        pair[0][at[0]][at[1]]++;
        pair[1][at[1]][at[2]]++;
    }
    for (int hop = 0; hop < 3; hop++) {
        double chi = 0;
        for (int i = 0; i < 5; i++)
            chi += (single[hop][i] - draws / 5.0) * (single[hop][i] - draws / 5.0) / (draws / 5.0);
        assert_true(chi < 23.5 && chi > 0);
    }
    for (int p = 0; p < 2; p++) {
        double chi = 0;
        for (int i = 0; i < 25; i++)
            chi += (pair[p][i / 5][i % 5] - draws / 25.0) * (pair[p][i / 5][i % 5] - draws / 25.0) /
                   (draws / 25.0);
        assert_true(chi < 58.6 && chi > 0);
    }
    mix_topology_free(topology);
}

static void no_route_without_gateway_or_layer(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 2);
    const mix_node *route[4] = {0};
    for (int empty = 0; empty < 4; empty++) {
        mix_node nodes[64];
        size_t count = fill(nodes, empty == 1 ? 0 : 2, empty == 2 ? 0 : 2, empty == 3 ? 0 : 2);
        mix_topology *topology = NULL;
        assert_status(mix_topology_new(&topology, nodes, count, 0, 0), MIX_OK);
        uint8_t to[MIX_KEY_LEN];
        memcpy(to, empty == 0 ? stranger : gateway, sizeof to);
        assert_status(mix_topology_check(topology, to), MIX_ERR_NO_ROUTE);
        assert_status(mix_topology_route(topology, &t.env, to, route), MIX_ERR_NO_ROUTE);
        assert_null(route[0]);
        mix_topology_free(topology);
    }
    mix_topology *none = NULL;
    assert_status(mix_topology_new(&none, NULL, 0, 0, 0), MIX_OK);
    assert_status(mix_topology_check(none, gateway), MIX_ERR_NO_ROUTE);
    mix_topology_free(none);
    mix_topology_free(NULL);
}

static void find_knows_every_node(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 3);
    enum { COUNT = 500 };
    mix_node nodes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        nodes[i] = node_of(0, MIX_ROLE_NONE);
        nodes[i].id = (uint32_t)i;
        for (size_t b = 0; b < MIX_KEY_LEN; b++)
            nodes[i].identity[b] = (uint8_t)mix_test_random(&t);
    }
    memcpy(nodes[400].identity, nodes[30].identity, MIX_KEY_LEN);
    mix_topology *topology = NULL;
    assert_status(mix_topology_new(&topology, nodes, COUNT, 0, 0), MIX_OK);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(mix_topology_find(topology, nodes[i].identity)->id, i == 400 ? 30 : i);
        uint8_t other[MIX_KEY_LEN];
        memcpy(other, nodes[i].identity, sizeof other);
        other[31] ^= 1;
        assert_null(mix_topology_find(topology, other));
    }
    mix_topology_free(topology);
}

static void failing_memory_or_randomness_is_an_error(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 4);
    mix_node nodes[64];
    size_t count = fill(nodes, 2, 2, 2), live = mix_alloc_live();
    mix_topology *topology = NULL;
    size_t n = 1;
    for (;; n++) {
        mix_alloc_fail_at(n, 0);
        int status = mix_topology_new(&topology, nodes, count, 0, 0);
        mix_alloc_fail_at(0, 0);
        if (status == MIX_OK)
            break;
        assert_status(status, MIX_ERR_MEMORY);
        assert_null(topology);
        assert_int_equal(mix_alloc_live(), live);
    }
    assert_int_equal(n, 7); /* the topology, nodes, index, three layers */
    for (int draw = 1; draw <= 3; draw++) {
        const mix_node *route[4] = {0};
        t.fail_random = draw;
        assert_status(mix_topology_route(topology, &t.env, gateway, route), MIX_ERR_RANDOM);
        assert_null(route[0]);
    }
    mix_topology_free(topology);
    assert_int_equal(mix_alloc_live(), live);
}

static int only_ones(void *user, uint8_t *out, size_t len) {
    (void)user;
    memset(out, 0xff, len);
    return 0;
}

static void draws_keep_to_bounds(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 5);
    static const uint32_t bounds[] = {1, 2, 3, 1000, 0x80000001, UINT32_MAX};
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        for (int i = 0; i < 200; i++) {
            uint32_t v = bounds[b];
            assert_status(mix_pick_below(&t.env, bounds[b], &v), MIX_OK);
            assert_true(v < bounds[b]);
        }
    }
    uint32_t v = 0;
    const mix_env broken = {.random = only_ones};
    assert_status(mix_pick_below(&broken, 3, &v),
                  MIX_ERR_RANDOM); /* 2³² − 1 is unfair to 3: refused, not for ever */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(routes_are_layers_then_gateway),
    cmocka_unit_test(routes_are_uniform_and_independent),
    cmocka_unit_test(no_route_without_gateway_or_layer),
    cmocka_unit_test(find_knows_every_node),
    cmocka_unit_test(failing_memory_or_randomness_is_an_error),
    cmocka_unit_test(draws_keep_to_bounds),
};
MIX_TEST_MAIN(topology_test, tests)
