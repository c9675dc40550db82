/* SPDX-License-Identifier: Apache-2.0 */
/* Cover that is known when it comes back, and packets for nobody. */
#include "alloc_fail.h"
#include "mix/errors.h"
#include "testing.h"
#include "traffic/covers.h"
#include "traffic/rehearsal.h"

static void each_is_known_once(void **state) {
    static mix_covers covers;
    uint8_t first[64] = {7, 1, 1}, other[64] = {7, 1, 2}, short_one[31] = {7, 1, 1};
    (void)state;
    assert_false(mix_covers_take(&covers, MIX_BYTES(first)));
    mix_covers_add(&covers, first);
    assert_false(mix_covers_take(&covers, MIX_BYTES(other))); /* of the same place */
    assert_false(mix_covers_take(&covers, MIX_BYTES(short_one)));
    assert_true(mix_covers_take(&covers, MIX_BYTES(first)));
    assert_false(mix_covers_take(&covers, MIX_BYTES(first)));
    mix_covers_add(&covers, first);
    mix_covers_add(&covers, other); /* takes its place: the first is opened when it comes */
    assert_false(mix_covers_take(&covers, MIX_BYTES(first)));
    assert_true(mix_covers_take(&covers, MIX_BYTES(other)));
}

/* Each draw and each allocation fails once: an error is given, and nothing stays. */
static void a_rehearsal_leaves_nothing(void **state) {
    mix_test_env env;
    mix_crypto *crypto = NULL;
    int status = MIX_ERR_MEMORY;
    size_t live = mix_alloc_live();
    (void)state;
    mix_test_env_init(&env, 1);
    assert_status(mix_crypto_new(&crypto), MIX_OK);
    for (int draw = 1; draw <= 10; draw++) {
        env.fail_random = draw;
        assert_status(mix_traffic_rehearse(crypto, &env.env, 5), MIX_ERR_RANDOM);
    }
    env.fail_random = 0;
    for (size_t n = 1; status != MIX_OK; n++) {
        assert_true(n < 200);
        mix_alloc_fail_at(n, 0);
        status = mix_traffic_rehearse(crypto, &env.env, 5);
        assert_true(status == MIX_OK || status == MIX_ERR_MEMORY);
    }
    mix_alloc_fail_at(0, 0);
    mix_crypto_free(crypto);
    assert_int_equal(mix_alloc_live(), live);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_is_known_once),
    cmocka_unit_test(a_rehearsal_leaves_nothing),
};
MIX_TEST_MAIN(covers_test, tests)
