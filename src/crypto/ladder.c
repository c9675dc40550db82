/* SPDX-License-Identifier: Apache-2.0 */
/* Multiplication of any point by an integer that is not clamped. */
#include "base/alloc.h"
#include "crypto/crypto.h"
#include "crypto/field.h"

/* RFC 7748 §5: one step of the ladder. (x2 : z2) and (x3 : z3), whose difference is u, become the
 * double of the first and their sum. */
static void ladder_step(mix_fe *x2, mix_fe *z2, mix_fe *x3, mix_fe *z3, const mix_fe *u) {
    mix_fe aa, bb, da, cb;
    mix_fe_loose a, b, c, d, e, t;
    mix_fe_add(&a, x2, z2);
    mix_fe_sub(&b, x2, z2);
    mix_fe_add(&c, x3, z3);
    mix_fe_sub(&d, x3, z3);
    mix_fe_square_l(&aa, &a);
    mix_fe_square_l(&bb, &b);
    mix_fe_mul_ll(&da, &d, &a);
    mix_fe_mul_ll(&cb, &c, &b);
    mix_fe_add(&t, &da, &cb);
    mix_fe_square_l(x3, &t);
    mix_fe_sub(&t, &da, &cb);
    mix_fe_square_l(z3, &t);
    mix_fe_mul(z3, z3, u);
    mix_fe_mul(x2, &aa, &bb);
    mix_fe_sub(&e, &aa, &bb);
    fiat_25519_carry_scmul_121666(da.v, e.v);
    mix_fe_add(&t, &bb, &da); /* BB + 121666·E = AA + 121665·E */
    mix_fe_mul_ll(z2, &e, &t);
}

void mix_x25519_unclamped(uint8_t out[static MIX_KEY_LEN], const uint8_t scalar[static MIX_KEY_LEN],
                          const uint8_t point[static MIX_KEY_LEN]) {
    static const uint8_t one[MIX_KEY_LEN] = {1};
    struct {
        uint8_t k[MIX_KEY_LEN];
        mix_fe u, x2, z2, x3, z3;
    } s = {.x2 = mix_fe_one, .z2 = mix_fe_zero, .z3 = mix_fe_one};
    mix_fe_limb swapped = 0;
    mix_scalar_mul(s.k, scalar, one);
    mix_fe_decode(&s.u, point);
    s.x3 = s.u;
    for (size_t i = 253; i-- > 0;) { /* L < 2^253 */
        mix_fe_limb bit = s.k[i / 8] >> i % 8 & 1;
        mix_fe_limb mask = mix_fe_mask(bit ^ swapped);
        mix_fe_swap(&s.x2, &s.x3, mask);
        mix_fe_swap(&s.z2, &s.z3, mask);
        swapped = bit;
        ladder_step(&s.x2, &s.z2, &s.x3, &s.z3, &s.u);
    }
    mix_fe_limb mask = mix_fe_mask(swapped);
    mix_fe_swap(&s.x2, &s.x3, mask);
    mix_fe_swap(&s.z2, &s.z3, mask);
    mix_fe_invert(&s.z2, &s.z2);
    mix_fe_mul(&s.x2, &s.x2, &s.z2);
    mix_fe_encode(out, &s.x2);
    mix_wipe(&s, sizeof s);
}
