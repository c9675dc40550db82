/* SPDX-License-Identifier: Apache-2.0 */
/* Faults by numbers, in virtual time: shares, order, delay, what is the same in every run, bounds.
 */
#include "mixnet/faults.h"

#include "testing.h"

enum { NODES = 3, FRAMES = 10000, LEN = 60 };

static faults *with(const char *name, const char *value, uint64_t seed) {
    faults *f;
    faults_rule rule = {0};
    assert_status(faults_new(&f, NODES, seed), MIX_OK);
    assert_status(faults_set(&rule, name, value, NULL), MIX_OK);
    assert_status(faults_apply(f, FAULTS_ANY, FAULTS_ANY, &rule), MIX_OK);
    return f;
}

/* Frame i: version 7, then its number. */
static void feed(faults *f, size_t from, size_t to, uint32_t i, mix_time now) {
    uint8_t frame[LEN] = {7, 1, 0};
    mix_put_u32(frame + 3, i);
    assert_status(faults_feed(f, from, to, MIX_BYTES(frame), now), MIX_OK);
}

static faults_stats stats(const faults *f) {
    faults_stats s;
    faults_get_stats(f, &s);
    return s;
}

static size_t drain_all(faults *f, uint32_t *numbers, mix_time now) {
    faults_out out;
    size_t n = 0;
    while (faults_drain(f, &out, now) == MIX_OK) {
        assert_int_equal(out.frame.len, LEN);
        if (numbers)
            numbers[n] = mix_get_u32(out.frame.data + 3);
        n++;
    }
    return n;
}

static void shares_hold(void **state) {
    (void)state;
    static uint32_t numbers[2 * FRAMES];
    faults *f = with("loss", "0.1", 1);
    for (uint32_t i = 0; i < FRAMES; i++)
        feed(f, 0, 1, i, 5);
    size_t n = drain_all(f, numbers, 5);
    assert_in_range(n, 8850, 9150); /* ± 5 standard deviations */
    assert_int_equal(stats(f).happened[FAULTS_LOSS], FRAMES - n);
    for (size_t i = 1; i < n; i++)
        assert_true(numbers[i] > numbers[i - 1]);
    faults_free(f);
    f = with("duplicate", "0.1", 1);
    for (uint32_t i = 0; i < FRAMES; i++)
        feed(f, 0, 1, i, 5);
    n = drain_all(f, NULL, 5);
    assert_in_range(n, FRAMES + 850, FRAMES + 1150);
    assert_int_equal(stats(f).happened[FAULTS_DUPLICATE], n - FRAMES);
    faults_free(f);
}

static void damage_is_one_bit_of_the_packet(void **state) {
    (void)state;
    for (uint8_t version = 7; version <= 8; version++) {
        faults *f = with("corrupt", "1", 9);
        size_t head = version == 8 ? 4 : 3, seen = 0;
        for (int i = 0; i < 2000; i++) {
            uint8_t frame[LEN] = {version};
            faults_out out;
            size_t bits = 0;
            assert_status(faults_feed(f, 0, 1, MIX_BYTES(frame), 0), MIX_OK);
            assert_status(faults_drain(f, &out, 0), MIX_OK);
            assert_memory_equal(out.frame.data, frame, head);
            for (size_t j = head; j < LEN; j++) {
                bits += (size_t)__builtin_popcount(out.frame.data[j]);
                seen |= out.frame.data[j] ? (size_t)1 << j : 0;
            }
            assert_int_equal(bits, 1);
        }
        assert_true(seen == ((size_t)1 << LEN) - ((size_t)1 << head)); /* each byte was hit */
        faults_free(f);
    }
}

static void a_delay_keeps_the_order(void **state) {
    (void)state;
    uint32_t numbers[1000];
    faults *f = with("delay", "50,10", 3);
    for (uint32_t i = 0; i < 1000; i++)
        feed(f, 2, 1, i, MIX_MS(1000) + i);
    assert_true(faults_deadline(f) >= MIX_MS(1050) && faults_deadline(f) < MIX_MS(1060));
    assert_int_equal(drain_all(f, NULL, MIX_MS(1050) - 1), 0);
    assert_int_equal(drain_all(f, numbers, MIX_MS(1061)), 1000);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], i);
    assert_true(faults_deadline(f) == MIX_NEVER);
    faults_free(f);
}

static void some_are_overtaken(void **state) {
    (void)state;
    uint32_t numbers[1000], last = 0;
    faults *f = with("reorder", "0.2", 3);
    for (uint32_t i = 0; i < 1000; i++)
        feed(f, 0, 1, i, 0);
    size_t at_once = drain_all(f, numbers, 0), late = stats(f).happened[FAULTS_REORDER];
    assert_in_range(late, 137, 263);
    assert_int_equal(at_once, 1000 - late);
    assert_int_equal(stats(f).waiting, late);
    assert_int_equal(drain_all(f, NULL, MIX_MS(FAULTS_HELD_MS) - 1), 0);
    assert_int_equal(drain_all(f, NULL, MIX_MS(FAULTS_HELD_MS)), late);
    for (size_t i = 0; i < at_once; i++) {
        assert_true(i == 0 || numbers[i] > last);
        last = numbers[i];
    }
    faults_free(f);
}

/* The fate of a link's frames depends on seed and link alone. */
static void runs_repeat(void **state) {
    (void)state;
    uint32_t a[200], b[200];
    faults *f = with("loss", "0.5", 7);
    for (uint32_t i = 0; i < 200; i++)
        feed(f, 0, 1, i, 0);
    size_t n = drain_all(f, a, 0);
    faults_free(f);
    f = with("loss", "0.5", 7);
    faults_rule more = {0};
    assert_status(faults_set(&more, "delay", "1", NULL), MIX_OK);
    assert_status(faults_apply(f, 0, 1, &more), MIX_OK);
    size_t m = 0;
    for (uint32_t i = 0; i < 200; i++) {
        feed(f, 1, 0, i, 0); /* another link */
        drain_all(f, NULL, 0);
        feed(f, 0, 1, i, 0);
        m += drain_all(f, b + m, MIX_MS(1));
    }
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n * sizeof *a);
    faults_free(f);
    f = with("loss", "0.5", 8);
    for (uint32_t i = 0; i < 200; i++)
        feed(f, 0, 1, i, 0);
    m = drain_all(f, b, 0);
    assert_true(m != n || memcmp(a, b, n * sizeof *a) != 0);
    faults_free(f);
}

static void one_link_alone(void **state) {
    (void)state;
    faults *f;
    faults_rule rule = {0};
    assert_status(faults_new(&f, NODES, 1), MIX_OK);
    assert_false(faults_any(f));
    assert_status(faults_set(&rule, "loss", "1", NULL), MIX_OK);
    assert_status(faults_apply(f, 0, 2, &rule), MIX_OK);
    assert_true(faults_any(f));
    for (uint32_t from = 0; from < NODES; from++) {
        for (uint32_t to = 0; to < NODES; to++) {
            feed(f, from, to, from * NODES + to, 0);
            assert_int_equal(drain_all(f, NULL, 0), from == 0 && to == 2 ? 0 : 1);
        }
    }
    assert_status(faults_apply(f, FAULTS_ANY, 1, &rule), MIX_OK);
    feed(f, 2, 1, 0, 0);
    assert_int_equal(drain_all(f, NULL, 0), 0);
    faults_clear(f);
    assert_false(faults_any(f));
    faults_free(f);
}

static void what_is_held_is_bounded(void **state) {
    (void)state;
    uint8_t frame[LEN] = {7};
    faults *f = with("delay", "1000", 1);
    for (uint32_t i = 0; i < FAULTS_WAITING_MAX; i++)
        feed(f, 0, 1, i, 0);
    assert_int_equal(faults_feed(f, 0, 1, MIX_BYTES(frame), 0), MIX_BLOCKED);
    assert_int_equal(stats(f).full, 1);
    faults_clear(f);
    assert_true(faults_any(f)); /* until all have come */
    assert_int_equal(drain_all(f, NULL, MIX_MS(1000)), FAULTS_WAITING_MAX);
    assert_false(faults_any(f));
    faults_free(f);
}

static void values(void **state) {
    (void)state;
    static const char *const good[][2] = {{"delay", "0"},
                                          {"delay", "1.5,2"},
                                          {"delay", "60000,60000"},
                                          {"loss", "1"},
                                          {"corrupt", "1e-3"}};
    static const char *const bad[][2] = {{"delay", ""},    {"delay", "-1"},    {"delay", "5,"},
                                         {"delay", "5,x"}, {"delay", "60001"}, {"delay", "5 "},
                                         {"loss", "1.1"},  {"loss", "-0.1"},   {"loss", "nan"},
                                         {"loss", ""},     {"loss", "0.5x"},   {"lost", "0.5"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        faults_rule rule = {0};
        assert_status(faults_set(&rule, good[i][0], good[i][1], NULL), MIX_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        faults_rule rule = {0};
        mix_error e = {0};
        assert_status(faults_set(&rule, bad[i][0], bad[i][1], &e), MIX_ERR_ARGUMENT);
        assert_non_null(strstr(e.words, bad[i][0]));
        assert_int_equal(rule.set, 0);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(shares_hold),
    cmocka_unit_test(damage_is_one_bit_of_the_packet),
    cmocka_unit_test(a_delay_keeps_the_order),
    cmocka_unit_test(some_are_overtaken),
    cmocka_unit_test(runs_repeat),
    cmocka_unit_test(one_link_alone),
    cmocka_unit_test(what_is_held_is_bounded),
    cmocka_unit_test(values),
};
MIX_TEST_MAIN(faults_test, tests)
