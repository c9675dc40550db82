/* SPDX-License-Identifier: Apache-2.0 */
/* directory/: epochs and key rotations. */
#include "directory/rotation.h"
#include "testing.h"

#define HOUR ((int64_t)3600 * 1000000)
#define START ((int64_t)1795377600 * 1000000 + 250000) /* 2026-11-22T20:00:00.25Z */

/* The values of key-rotation-info.json: 24 epochs of an hour from epoch 0, epoch 100 began at
 * START. */
static const mix_rotation_info info = {24, 0, 100, START, HOUR};

static void epochs_follow_the_clock(void **state) {
    (void)state;
    static const struct {
        int64_t wall;
        uint32_t epoch;
    } rows[] = {
        {START, 100},
        {START + HOUR - 1, 100},
        {START + HOUR, 101},
        {START - 1, 99},
        {START - HOUR, 99},
        {START - HOUR - 1, 98},
        {START + 20 * HOUR, 120},
        {START - 100 * HOUR, 0},
        {START - 101 * HOUR, 0},
        {0, 0},
        {INT64_MIN, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(mix_rotation_epoch_at(&info, rows[i].wall), rows[i].epoch);
    const mix_rotation_info fast = {1, 0, UINT32_MAX - 1, 0, 1};
    assert_int_equal(mix_rotation_epoch_at(&fast, INT64_MAX), UINT32_MAX);
    const mix_rotation_info far = {1, 0, 0, INT64_MIN, INT64_MAX};
    assert_int_equal(mix_rotation_epoch_at(&far, INT64_MAX), 1);
}

static void rotations_follow_the_epochs(void **state) {
    (void)state;
    assert_int_equal(mix_rotation_id_at(&info, 95), 3);
    assert_int_equal(mix_rotation_id_at(&info, 96),
                     4); /* rotation 4: epochs 96 to 119 (the file's progress) */
    assert_int_equal(mix_rotation_id_at(&info, 119), 4);
    assert_int_equal(mix_rotation_id_at(&info, 120), 5);
    assert_true(mix_rotation_start(&info, 4) == START - 4 * HOUR);
    assert_true(mix_rotation_start(&info, 5) == START + 20 * HOUR);
    assert_true(mix_rotation_start(&info, 0) == START - 100 * HOUR);
    const mix_rotation_info later = {24, 50, 100, START, HOUR};
    assert_int_equal(mix_rotation_id_at(&later, 10), 0);
    assert_int_equal(mix_rotation_id_at(&later, 73), 0);
    assert_int_equal(mix_rotation_id_at(&later, 74), 1);
    assert_true(mix_rotation_start(&later, 2) == START - 2 * HOUR);
    for (uint32_t id = 0; id < 8; id++) /* each rotation begins with its first epoch */
        assert_int_equal(
            mix_rotation_id_at(&info, mix_rotation_epoch_at(&info, mix_rotation_start(&info, id))),
            id);
}

static void outside_of_time_is_its_edge(void **state) {
    (void)state;
    const mix_rotation_info huge = {UINT32_MAX, 0, 0, START, INT64_MAX};
    assert_true(mix_rotation_start(&huge, UINT32_MAX) == INT64_MAX);
    assert_true(mix_rotation_start(&huge, 1) == INT64_MAX);
    const mix_rotation_info early = {1, 0, UINT32_MAX, 0, INT64_MAX};
    assert_true(mix_rotation_start(&early, 0) == INT64_MIN);
}

static void a_standing_epoch_is_seen(void **state) {
    (void)state;
    const int64_t second = 1000000;
    assert_false(mix_rotation_stuck(&info, 100, START + 5 * second));
    assert_false(
        mix_rotation_stuck(&info, 100, START - 1 * second)); /* 2 s of doubt at each border */
    assert_false(mix_rotation_stuck(&info, 99, START + 1 * second));
    assert_true(mix_rotation_stuck(&info, 99, START + 3 * second));
    assert_true(mix_rotation_stuck(&info, 100, START - 3 * second));
    assert_true(mix_rotation_stuck(&info, 100, START + 2 * HOUR));
    assert_false(mix_rotation_stuck(&info, 0, INT64_MIN));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(epochs_follow_the_clock),
    cmocka_unit_test(rotations_follow_the_epochs),
    cmocka_unit_test(outside_of_time_is_its_edge),
    cmocka_unit_test(a_standing_epoch_is_seen),
};
MIX_TEST_MAIN(rotation_test, tests)
