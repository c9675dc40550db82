/* SPDX-License-Identifier: Apache-2.0 */
/* The C part of the field for processors with ADX, at the edges of its limbs, against subtraction
 * of p as often as it goes. */
#define MIX_FIELD_ADX 1
#include "crypto/field.h"

#include "testing.h"

enum { WIDE = MIX_FE_LIMBS + 1 };
static const uint64_t p[WIDE] = {0xffffffffffffffed, UINT64_MAX, UINT64_MAX, UINT64_MAX >> 1, 0};
static const uint64_t edges[] = {0,
                                 1,
                                 18,
                                 19,
                                 37,
                                 38,
                                 39,
                                 UINT64_MAX >> 1,
                                 UINT64_MAX - 38,
                                 UINT64_MAX - 37,
                                 UINT64_MAX - 18,
                                 UINT64_MAX};
enum { EDGES = sizeof edges / sizeof *edges };

/* a ± b in five words; 1 when it is negative. */
static int combine(uint64_t *a, const uint64_t *b, int minus) {
    unsigned __int128 carry = 0;
    for (size_t i = 0; i < WIDE; i++) {
        carry = minus ? (unsigned __int128)a[i] - b[i] - carry : carry + a[i] + b[i];
        a[i] = (uint64_t)carry;
        carry = minus ? (uint64_t)(carry >> 64) & 1 : carry >> 64;
    }
    return (int)carry;
}

static void reduce(uint64_t *a) {
    uint64_t copy[WIDE];
    do {
        memcpy(copy, a, sizeof copy);
    } while (!combine(a, p, 1));
    memcpy(a, copy, sizeof copy);
}

static void check(const uint64_t *a, const uint64_t *b) {
    uint64_t got[MIX_FE_LIMBS], want[WIDE] = {0}, other[WIDE] = {0};
    uint8_t bytes[32];
    memcpy(other, b, sizeof got);
    for (int minus = 0; minus < 2; minus++) {
        memcpy(want, a, sizeof got);
        want[4] = 0;
        for (int i = 0; minus && i < 4; i++) /* stays positive */
            combine(want, p, 0);
        combine(want, other, minus);
        reduce(want);
        if (minus)
            mix_limbs_sub(got, a, b);
        else
            mix_limbs_add(got, a, b);
        mix_limbs_encode(bytes, got);
        assert_bytes(MIX_BYTES(bytes), mix_bytes_of(want, 32));
    }
}

static void pick_limbs(uint64_t *a, size_t n) {
    for (size_t i = 0; i < MIX_FE_LIMBS; i++, n /= EDGES)
        a[i] = edges[n % EDGES];
}

static void edges_of_limbs(void **state) {
    (void)state;
    uint64_t a[MIX_FE_LIMBS], b[MIX_FE_LIMBS];
    for (size_t n = 0; n < (size_t)EDGES * EDGES * EDGES * EDGES; n += 7) {
        pick_limbs(a, n);
        for (size_t m = 0; m < EDGES; m++) {
            memset(b, m % 2 ? 255 : 0, sizeof b);
            b[0] = edges[m];
            check(a, b);
            check(b, a);
        }
    }
}

static void random_limbs(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 1);
    for (int n = 0; n < 10000; n++) {
        uint64_t a[MIX_FE_LIMBS], b[MIX_FE_LIMBS];
        for (size_t i = 0; i < MIX_FE_LIMBS; i++) {
            a[i] = mix_test_random(&t);
            b[i] = mix_test_random(&t);
        }
        check(a, b);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(edges_of_limbs),
    cmocka_unit_test(random_limbs),
};
MIX_TEST_MAIN(field_adx_test, tests)
