/* SPDX-License-Identifier: Apache-2.0 */
/* Inverses modulo p: times the number they give 1, which no other number below p does. Also against
 * Fermat's a^(p − 2). */
#include "crypto/inverse.h"

#include "crypto/field.h"
#include "testing.h"

typedef uint8_t bytes32[32];

static const bytes32 one = {1}, zero = {0};
static const bytes32 p = {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};

/* p − 2 = (2^250 − 1)·2^5 + 11 */
static void fermat(mix_fe *out, const mix_fe *a) {
    mix_fe t, eleventh;
    mix_fe_power_250(&t, &eleventh, a);
    mix_fe_square_times(&t, &t, 5);
    mix_fe_mul(out, &t, &eleventh);
}

/* a is below p and not 0. */
static void check(const bytes32 a) {
    bytes32 inverse, got, want;
    mix_fe x, y;
    mix_field_invert(inverse, a);
    mix_fe_decode(&x, a);
    mix_fe_decode(&y, inverse);
    mix_fe_encode(got, &y);
    assert_bytes(MIX_BYTES(inverse), MIX_BYTES(got)); /* the least representative */
    mix_fe_mul(&y, &y, &x);
    mix_fe_encode(got, &y);
    assert_bytes(MIX_BYTES(got), MIX_BYTES(one));
    fermat(&y, &x);
    mix_fe_encode(want, &y);
    assert_bytes(MIX_BYTES(inverse), MIX_BYTES(want));
    mix_fe_invert(&x, &x);
    mix_fe_encode(got, &x);
    assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
    mix_field_invert(got, inverse);
    assert_bytes(MIX_BYTES(got), mix_bytes_of(a, 32));
}

/* a − b or a + b of small b; nothing below 0 or from p on comes of it here. */
static void shift_by(bytes32 a, int b) {
    for (size_t i = 0; i < 32; i++) {
        b += a[i];
        a[i] = (uint8_t)b;
        b >>= 8;
    }
}

/* 2^n and its neighbours, p less these, for all n: runs of zeros and ones, and the edges of limbs.
 */
static void powers_of_two(void **state) {
    (void)state;
    for (size_t n = 1; n < 255; n++) {
        for (int by = -1; by <= 1; by++) {
            bytes32 a = {0}, opposite;
            mix_fe x;
            mix_fe_loose t;
            a[n / 8] = (uint8_t)(1 << n % 8);
            shift_by(a, by);
            check(a);
            mix_fe_decode(&x, a);
            mix_fe_negate(&t, &x);
            mix_fe_carry(&x, &t);
            mix_fe_encode(opposite, &x);
            check(opposite);
        }
    }
}

static void next_to_p(void **state) {
    (void)state;
    for (int n = 1; n < 1000; n++) {
        bytes32 a, b = {0};
        memcpy(a, p, sizeof a);
        shift_by(a, -n);
        check(a);
        shift_by(b, n);
        check(b);
    }
}

static void zero_has_zero(void **state) {
    (void)state;
    bytes32 got;
    mix_fe x = mix_fe_zero;
    memset(got, 1, sizeof got);
    mix_field_invert(got, zero);
    assert_bytes(MIX_BYTES(got), MIX_BYTES(zero));
    mix_fe_invert(&x, &x);
    mix_fe_encode(got, &x);
    assert_bytes(MIX_BYTES(got), MIX_BYTES(zero));
}

/* Of all lengths: short numbers end early, and must not change then. */
static void random_numbers(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 1);
    for (size_t n = 0; n < 20000; n++) {
        bytes32 a = {1};
        size_t len = n % 2 ? 32 : 1 + n / 2 % 32;
        assert_int_equal(t.env.random(&t.env, a, len), 0);
        a[31] &= 0x7f;
        if (memcmp(a, zero, 32) != 0 && (a[31] < 0x7f || a[30] < 0xff))
            check(a);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(powers_of_two),
    cmocka_unit_test(next_to_p),
    cmocka_unit_test(zero_has_zero),
    cmocka_unit_test(random_numbers),
};
MIX_TEST_MAIN(inverse_test, tests)
