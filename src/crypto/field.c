/* SPDX-License-Identifier: Apache-2.0 */
/* Powers, inverses and square roots modulo 2^255 − 19. */
#include "crypto/field.h"

#include <string.h>

const mix_fe mix_fe_zero = {{0}};
const mix_fe mix_fe_one = {{1}};

void mix_fe_limbs_mul(mix_fe_limb *out, const mix_fe_limb *a, const mix_fe_limb *b) {
    fiat_25519_carry_mul(out, a, b);
}

void mix_fe_limbs_square(mix_fe_limb *out, const mix_fe_limb *a) {
    fiat_25519_carry_square(out, a);
}

void mix_fe_decode(mix_fe *out, const uint8_t in[static 32]) {
    uint8_t low[32];
    memcpy(low, in, sizeof low);
    low[31] &= 0x7f;
    fiat_25519_from_bytes(out->v, low);
}

void mix_fe_encode(uint8_t out[static 32], const mix_fe *a) {
    fiat_25519_to_bytes(out, a->v);
}

mix_fe_limb mix_fe_is_zero(const mix_fe *a) {
    uint8_t bytes[32];
    uint32_t any = 0;
    mix_fe_encode(bytes, a);
    for (size_t i = 0; i < sizeof bytes; i++)
        any |= bytes[i];
    return (any - 1) >> 31;
}

/* out = a^(2^n) */
static void square_times(mix_fe *out, const mix_fe *a, unsigned n) {
    mix_fe_square(out, a);
    while (--n)
        mix_fe_square(out, out);
}

/* out = a^(2^250 − 1), and eleventh = a^11: what inversion and square root begin with. */
static void power_250(mix_fe *out, mix_fe *eleventh, const mix_fe *a) {
    mix_fe t, five, ten, twenty, fifty, hundred; /* a^(2^n − 1) for these n */
    mix_fe_square(&t, a);                        /* 2 */
    square_times(&five, &t, 2);                  /* 8 */
    mix_fe_mul(&five, &five, a);                 /* 9 */
    mix_fe_mul(eleventh, &five, &t);             /* 11 */
    mix_fe_square(&t, eleventh);                 /* 22 */
    mix_fe_mul(&five, &t, &five);                /* 31 = 2^5 − 1 */
    square_times(&t, &five, 5);
    mix_fe_mul(&ten, &t, &five);
    square_times(&t, &ten, 10);
    mix_fe_mul(&twenty, &t, &ten);
    square_times(&t, &twenty, 20);
    mix_fe_mul(&fifty, &t, &twenty); /* 40 */
    square_times(&t, &fifty, 10);
    mix_fe_mul(&fifty, &t, &ten);
    square_times(&t, &fifty, 50);
    mix_fe_mul(&hundred, &t, &fifty);
    square_times(&t, &hundred, 100);
    mix_fe_mul(&t, &t, &hundred); /* 200 */
    square_times(&t, &t, 50);
    mix_fe_mul(out, &t, &fifty);
}

/* a^(p − 2), p − 2 = 2^255 − 21 = (2^250 − 1)·2^5 + 11 */
void mix_fe_invert(mix_fe *out, const mix_fe *a) {
    mix_fe t, eleventh;
    power_250(&t, &eleventh, a);
    square_times(&t, &t, 5);
    mix_fe_mul(out, &t, &eleventh);
}

void mix_fe_invert_all(mix_fe *a, mix_fe *scratch, size_t count) {
    mix_fe product = mix_fe_one;
    for (size_t i = 0; i < count; i++) {
        scratch[i] = product;
        mix_fe_mul(&product, &product, &a[i]);
    }
    mix_fe_invert(&product, &product);
    for (size_t i = count; i-- > 0;) {
        mix_fe before = a[i];
        mix_fe_mul(&a[i], &product, &scratch[i]);
        mix_fe_mul(&product, &product, &before);
    }
}

/* p = 5 mod 8: r = a·b³·(a·b⁷)^((p − 5)/8) has b·r² = a·f for a fourth root of unity f. 1 and −1
 * are squares of what we know (f = −1: r·√−1 is the root), the other two mean that a/b is no
 * square. */
bool mix_fe_sqrt_ratio(mix_fe *out, const mix_fe *a, const mix_fe *b) {
    static const uint8_t root[32] = {0xb0, 0xa0, 0x0e, 0x4a, 0x27, 0x1b, 0xee, 0xc4,
                                     0x78, 0xe4, 0x2f, 0xad, 0x06, 0x18, 0x43, 0x2f,
                                     0xa7, 0xd7, 0xfb, 0x3d, 0x99, 0x00, 0x4d, 0x2b,
                                     0x0b, 0xdf, 0xc1, 0x4f, 0x80, 0x24, 0x83, 0x2b};
    mix_fe t, cube, r, check, difference;
    mix_fe_loose sum;
    mix_fe_square(&t, b);
    mix_fe_mul(&cube, &t, b);
    mix_fe_square(&t, &cube);
    mix_fe_mul(&t, &t, b);
    mix_fe_mul(&t, &t, a); /* a·b⁷ */
    power_250(&r, &check, &t);
    square_times(&r, &r, 2);
    mix_fe_mul(&r, &r, &t); /* (p − 5)/8 = 2^252 − 3 = (2^250 − 1)·2^2 + 1 */
    mix_fe_mul(&r, &r, &cube);
    mix_fe_mul(&r, &r, a);
    mix_fe_square(&check, &r);
    mix_fe_mul(&check, &check, b);
    mix_fe_sub(&sum, &check, a);
    mix_fe_carry(&difference, &sum);
    bool same = mix_fe_is_zero(&difference);
    mix_fe_add(&sum, &check, a);
    mix_fe_carry(&difference, &sum);
    bool opposite = mix_fe_is_zero(&difference);
    if (!same && opposite) {
        mix_fe_decode(&t, root);
        mix_fe_mul(&r, &r, &t);
    }
    *out = r;
    return same || opposite;
}
