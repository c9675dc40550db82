/* SPDX-License-Identifier: Apache-2.0 */
/* The fast path against the textbook, byte for byte, for every kind of key; tables that come and
 * go, within their bound. */
#include "alloc_fail.h"
#include "crypto/curve.h"
#include "mix/errors.h"
#include "sphinx/internal.h"
#include "sphinx/tables.h"
#include "testing.h"

#if defined(__wasm__)
enum { HEADERS = 500 };
#elif defined(__has_feature) && __has_feature(address_sanitizer)
enum { HEADERS = 2000 };
#else
enum { HEADERS = 10000 };
#endif
enum { NODES = 200 };

/* u-coordinates of low order, on the curve and on its twist, and ways to write one value twice. */
static const uint8_t odd_keys[][MIX_KEY_LEN] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}, /* order 8 */
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57}, /* order 8 */
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* p - 1, twist */
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* p = 0 */
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* p + 1 = 1 */
    {0xf6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* p + 9 = 9 */
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    {9, [31] = 0x80}, /* the base point with the bit that is ignored */
};
enum { ODD = sizeof odd_keys / sizeof *odd_keys };

typedef struct fixture {
    mix_test_env env;
    mix_crypto *c;
    mix_sphinx *s;
    uint8_t keys[NODES][MIX_KEY_LEN];
} fixture;

/* Honest keys; random strings: half of them on the twist, of the others seven in eight with a
 * torsion part; odd ones. */
static void setup(fixture *f, uint64_t seed) {
    mix_test_env_init(&f->env, seed);
    assert_status(mix_crypto_new(&f->c), MIX_OK);
    assert_status(mix_sphinx_new(&f->s, f->c, &f->env.env), MIX_OK);
    for (size_t i = 0; i < NODES; i++) {
        assert_int_equal(f->env.env.random(&f->env, f->keys[i], MIX_KEY_LEN), 0);
        if (i % 4 != 0)
            mix_x25519_public(f->keys[i], f->keys[i]);
        if (i % 10 == 0)
            memcpy(f->keys[i], odd_keys[i / 10 % ODD], MIX_KEY_LEN);
    }
}

static void teardown(fixture *f) {
    mix_sphinx_free(f->s);
    mix_crypto_free(f->c);
}

static void draw_route(fixture *f, mix_sphinx_route *route, size_t nodes) {
    *route = (mix_sphinx_route){.hops = 1 + (size_t)mix_test_below(&f->env, MIX_SPHINX_MAX_HOPS)};
    for (size_t i = 0; i < route->hops; i++)
        memcpy(route->hop[i].key, f->keys[mix_test_below(&f->env, nodes)], MIX_KEY_LEN);
}

static void draw_initial(fixture *f, uint8_t out[static MIX_KEY_LEN]) {
    assert_int_equal(f->env.env.random(&f->env, out, MIX_KEY_LEN), 0);
    uint64_t kind = mix_test_below(&f->env, 50);
    if (kind == 0)
        memset(out, 0, MIX_KEY_LEN);
    else if (kind == 1)
        memset(out, 0xff, MIX_KEY_LEN);
}

/* In all that a sender needs. */
static void assert_same(const mix_sphinx_secrets *fast, const mix_sphinx_secrets *slow, size_t hops,
                        uint16_t version) {
    assert_bytes(MIX_BYTES(fast->alpha), MIX_BYTES(slow->alpha));
    for (size_t hop = 0; hop < hops; hop++) {
        size_t needed = mix_sphinx_needed(version, hop + 1 == hops);
        assert_bytes(mix_bytes_of(fast->hop[hop], needed), mix_bytes_of(slow->hop[hop], needed));
    }
}

/* One batch both ways. */
static size_t compare_batch(fixture *f, size_t nodes) {
    size_t count = 1 + (size_t)mix_test_below(&f->env, MIX_SPHINX_TOGETHER);
    mix_sphinx_route storage[MIX_SPHINX_TOGETHER];
    const mix_sphinx_route *routes[MIX_SPHINX_TOGETHER];
    uint16_t versions[MIX_SPHINX_TOGETHER];
    uint8_t initial[MIX_SPHINX_TOGETHER][MIX_KEY_LEN];
    mix_sphinx_secrets fast[MIX_SPHINX_TOGETHER], slow;
    for (size_t i = 0; i < count; i++) {
        draw_route(f, &storage[i], nodes);
        draw_initial(f, initial[i]);
        routes[i] = &storage[i];
        versions[i] = mix_test_below(&f->env, 2) ? MIX_SPHINX_V258 : MIX_SPHINX_V259;
    }
    assert_status(mix_sphinx_derive_fast(f->s, fast, (const uint8_t(*)[MIX_KEY_LEN])initial, routes,
                                         versions, count),
                  MIX_OK);
    for (size_t i = 0; i < count; i++) {
        assert_status(mix_sphinx_derive_textbook(f->c, &slow, initial[i], routes[i], versions[i]),
                      MIX_OK);
        assert_same(&fast[i], &slow, routes[i]->hops, versions[i]);
    }
    return count;
}

/* Bounds of tables: none (each key as a cold one), so few that they come and go, enough for all. */
static void fast_is_textbook(void **state) {
    (void)state;
    static const struct {
        size_t tables, nodes;
        int percent;
    } rows[] = {{0, NODES, 10}, {1, 40, 10}, {3, NODES, 10}, {20, NODES, 30}, {NODES, NODES, 40}};
    fixture f;
    setup(&f, 17);
    size_t done = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_sphinx_limit(f.s, rows[i].tables);
        for (size_t n = 0; n < (size_t)(HEADERS * rows[i].percent / 100);) {
            size_t batch = compare_batch(&f, rows[i].nodes);
            n += batch;
            done += batch;
        }
    }
    assert_true(done >= HEADERS);
    teardown(&f);
}

/* Every odd key at every place of a route, cold, at its second use, and warm. */
static void odd_keys_at_every_hop(void **state) {
    (void)state;
    fixture f;
    setup(&f, 18);
    for (size_t i = 0; i < ODD * MIX_SPHINX_MAX_HOPS; i++) {
        mix_sphinx_route route = {.hops = MIX_SPHINX_MAX_HOPS};
        const mix_sphinx_route *one = &route;
        const uint16_t version = MIX_SPHINX_V258;
        mix_sphinx_secrets fast, slow;
        uint8_t initial[1][MIX_KEY_LEN];
        for (size_t hop = 0; hop < MIX_SPHINX_MAX_HOPS; hop++)
            memcpy(route.hop[hop].key, f.keys[1 + hop], MIX_KEY_LEN);
        memcpy(route.hop[i % MIX_SPHINX_MAX_HOPS].key, odd_keys[i / MIX_SPHINX_MAX_HOPS],
               MIX_KEY_LEN);
        draw_initial(&f, initial[0]);
        assert_status(mix_sphinx_derive_textbook(f.c, &slow, initial[0], &route, version), MIX_OK);
        for (int round = 0; round < 3; round++) {
            const uint8_t(*in)[MIX_KEY_LEN] = (const uint8_t(*)[MIX_KEY_LEN])initial;
            assert_status(mix_sphinx_derive_fast(f.s, &fast, in, &one, &version, 1), MIX_OK);
            assert_same(&fast, &slow, route.hops, version);
        }
    }
    teardown(&f);
}

static size_t tables_alive(const mix_tables *t) {
    size_t n = 0;
    for (const mix_known_key *k = t->with.newest; k; k = k->older)
        n++;
    assert_int_equal(n, t->with.len);
    return n;
}

static void tables_come_at_the_second_use(void **state) {
    (void)state;
    fixture f;
    setup(&f, 19);
    mix_tables t;
    assert_status(mix_tables_init(&t, 2, &f.env.env), MIX_OK);
    assert_null(mix_tables_use(&t, f.keys[1])->table);
    assert_non_null(mix_tables_use(&t, f.keys[1])->table);
    for (int i = 0; i < 3; i++) {
        mix_known_key *twist = mix_tables_use(&t, odd_keys[4]);
        assert_int_equal(twist->curve, i == 0 ? MIX_CURVE_UNKNOWN : MIX_CURVE_OFF);
        assert_null(twist->table);
    }
    assert_true(mix_known_on_curve(mix_tables_use(&t, f.keys[2])));
    mix_tables_use(&t, f.keys[2]);
    assert_int_equal(tables_alive(&t), 2);
    /* Both are in use: the third goes without until one of them has not been used for long. */
    for (int i = 0; i < 100; i++) {
        assert_non_null(mix_tables_use(&t, f.keys[1])->table);
        assert_non_null(mix_tables_use(&t, f.keys[2])->table);
        assert_null(mix_tables_use(&t, f.keys[3])->table);
    }
    for (int i = 0; i < 100; i++) {
        mix_tables_use(&t, f.keys[2]);
        mix_tables_use(&t, f.keys[3]);
    }
    assert_non_null(mix_tables_use(&t, f.keys[3])->table);
    assert_non_null(mix_tables_use(&t, f.keys[2])->table);
    assert_null(mix_tables_use(&t, f.keys[1])->table);
    assert_int_equal(tables_alive(&t), 2);
    mix_tables_limit(&t, 1);
    assert_int_equal(tables_alive(&t), 1);
    mix_tables_limit(&t, 0);
    assert_int_equal(tables_alive(&t), 0);
    mix_tables_deinit(&t);
    teardown(&f);
}

static void warming_replaces_the_least_used(void **state) {
    (void)state;
    fixture f;
    setup(&f, 20);
    uint8_t keys[10][MIX_KEY_LEN];
    for (size_t i = 0; i < 10; i++)
        memcpy(keys[i], f.keys[4 * i + 1], MIX_KEY_LEN); /* honest ones */
    const uint8_t(*old)[MIX_KEY_LEN] = (const uint8_t(*)[MIX_KEY_LEN])keys;
    mix_tables t;
    assert_status(mix_tables_init(&t, 4, &f.env.env), MIX_OK);
    assert_status(mix_tables_warm(&t, old, 4), MIX_OK);
    assert_int_equal(tables_alive(&t), 4);
    /* A new topology: two nodes stay, four are new, of which two find room. */
    assert_status(mix_tables_warm(&t, old + 2, 6), MIX_OK);
    assert_int_equal(tables_alive(&t), 4);
    static const bool has[10] = {[2] = true, [3] = true, [4] = true, [5] = true};
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(mix_tables_use(&t, keys[i])->table != NULL, has[i]);
    mix_tables_deinit(&t);
    teardown(&f);
}

static void memory_stays_in_its_bound(void **state) {
    (void)state;
    fixture f;
    setup(&f, 21);
    assert_true(mix_curve_table_size() <= 65536);
    mix_sphinx_limit(f.s, 5);
    size_t before = mix_alloc_live_bytes();
    mix_alloc_fail_at(0, 0);
    for (int i = 0; i < 2000; i++) { /* a network that changes all the time */
        mix_sphinx_route route;
        mix_sphinx_job job = {.route = &route, .version = MIX_SPHINX_V259};
        draw_route(&f, &route, NODES);
        memcpy(route.hop[0].key, &i, sizeof i);
        assert_status(mix_sphinx_headers(f.s, &job, 1), MIX_OK);
    }
    assert_true(mix_alloc_peak_bytes() - before <= 5 * mix_curve_table_size() + 300000);
    teardown(&f);
}

/* Once all nodes have tables, headers are built without a single allocation. */
static void nothing_is_allocated_on_the_way(void **state) {
    (void)state;
    fixture f;
    setup(&f, 22);
    mix_sphinx_route routes[20];
    mix_sphinx_job jobs[20];
    assert_status(mix_sphinx_warm(f.s, (const uint8_t(*)[MIX_KEY_LEN])f.keys, NODES), MIX_OK);
    for (size_t i = 0; i < 20; i++) {
        draw_route(&f, &routes[i], NODES);
        jobs[i] = (mix_sphinx_job){.route = &routes[i], .version = MIX_SPHINX_V259};
    }
    mix_alloc_fail_at(1, 1);
    assert_status(mix_sphinx_headers(f.s, jobs, 20), MIX_OK);
    assert_int_equal(mix_alloc_count(), 0);
    mix_alloc_fail_at(0, 0);
    teardown(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fast_is_textbook),
    cmocka_unit_test(odd_keys_at_every_hop),
    cmocka_unit_test(tables_come_at_the_second_use),
    cmocka_unit_test(warming_replaces_the_least_used),
    cmocka_unit_test(memory_stays_in_its_bound),
    cmocka_unit_test(nothing_is_allocated_on_the_way),
};

MIX_TEST_MAIN(sphinx_fast_test, tests)
