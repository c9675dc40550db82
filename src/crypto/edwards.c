/* SPDX-License-Identifier: Apache-2.0 */
/* Points from public keys, and their addition. */
#include "crypto/edwards.h"

#include "crypto/crypto.h"

static const uint8_t d_bytes[32] = {
    0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75, 0xab, 0xd8, 0x41, 0x41, 0x4d, 0x0a, 0x70, 0x00,
    0x98, 0xe8, 0x79, 0x77, 0x79, 0x40, 0xc7, 0x8c, 0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52};

/* factor·d for 1, 2 and 4 */
static void multiple_of_d(mix_fe *out, unsigned factor) {
    mix_fe_decode(out, d_bytes);
    for (; factor > 1; factor /= 2)
        mix_fe_double(out, out);
}

void mix_point_cache(mix_point_cached *out, const mix_point *p) {
    mix_fe_loose t;
    mix_fe d;
    mix_fe_add(&t, &p->y, &p->x);
    mix_fe_carry(&out->plus, &t);
    mix_fe_sub(&t, &p->y, &p->x);
    mix_fe_carry(&out->minus, &t);
    mix_fe_double(&out->z2, &p->z);
    multiple_of_d(&d, 2);
    mix_fe_mul(&out->t2d, &p->t, &d);
}

static void add_signed(mix_point_factors *out, const mix_point *p, const mix_fe *plus,
                       const mix_fe *minus, const mix_fe *z2, const mix_fe_loose *t2d) {
    mix_fe a, b, c, z;
    mix_fe_loose t;
    mix_fe_sub(&t, &p->y, &p->x);
    mix_fe_mul_lt(&a, &t, minus);
    mix_fe_add(&t, &p->y, &p->x);
    mix_fe_mul_lt(&b, &t, plus);
    mix_fe_mul_lt(&c, t2d, &p->t);
    mix_fe_mul(&z, &p->z, z2);
    mix_point_combine(out, &a, &b, &c, &z);
}

void mix_point_add(mix_point_factors *out, const mix_point *p, const mix_point_cached *q) {
    mix_fe_loose t;
    memcpy(t.v, q->t2d.v, sizeof t.v);
    add_signed(out, p, &q->plus, &q->minus, &q->z2, &t);
}

void mix_point_sub(mix_point_factors *out, const mix_point *p, const mix_point_cached *q) {
    mix_fe_loose t;
    mix_fe_negate(&t, &q->t2d);
    add_signed(out, p, &q->minus, &q->plus, &q->z2, &t);
}

void mix_point_to_affine(mix_point_affine *out, const mix_point *p, const mix_fe *inverse_2z) {
    mix_fe x, y, d;
    mix_fe_loose t;
    mix_fe_mul(&x, &p->x, inverse_2z);
    mix_fe_mul(&y, &p->y, inverse_2z);
    mix_fe_add(&t, &y, &x);
    mix_fe_carry(&out->plus, &t);
    mix_fe_sub(&t, &y, &x);
    mix_fe_carry(&out->minus, &t);
    multiple_of_d(&d, 4);
    mix_fe_mul(&x, &x, &y);
    mix_fe_mul(&x, &x, &d);
    memcpy(out->dxy.v, x.v, sizeof x.v);
}

/* A square root of a/b, when there is one (0 has 0; b must not be 0).
 * p = 5 mod 8: r = a·b³·(a·b⁷)^((p − 5)/8) has b·r² = a·f for a fourth root of unity f. 1 and −1
 * are squares of what we know (f = −1: r·√−1 is the root), the other two mean that a/b is no
 * square. */
static bool sqrt_ratio(mix_fe *out, const mix_fe *a, const mix_fe *b) {
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
    mix_fe_power_250(&r, &check, &t);
    mix_fe_square_times(&r, &r, 2);
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

/* y = (u − 1)/(u + 1) = n/m, and the curve's x² = (y² − 1)/(d·y² + 1) becomes −4u/(d·n² + m²); its
 * denominator is never 0 since −d is no square. u = −1 has m = 0 and needs no case of its own: it
 * is of the twist, −1/d not being a square. */
bool mix_point_from_u(mix_point *out, const uint8_t u[static 32]) {
    mix_fe four_u, n, m, d, x;
    mix_fe_loose t;
    mix_fe_decode(&x, u);
    mix_fe_sub(&t, &x, &mix_fe_one);
    mix_fe_carry(&n, &t);
    mix_fe_add(&t, &x, &mix_fe_one);
    mix_fe_carry(&m, &t);
    mix_fe_double(&four_u, &x);
    mix_fe_double(&four_u, &four_u);
    mix_fe_negate(&t, &four_u);
    mix_fe_carry(&four_u, &t);
    multiple_of_d(&d, 1);
    mix_fe_square(&x, &n);
    mix_fe_mul(&d, &d, &x);
    mix_fe_square(&x, &m);
    mix_fe_add(&t, &d, &x);
    mix_fe_carry(&d, &t);
    if (!sqrt_ratio(&x, &four_u, &d))
        return false;
    mix_fe_mul(&out->x, &x, &m);
    out->y = n;
    out->z = m;
    mix_fe_mul(&out->t, &x, &n);
    return true;
}

/* x² = (y² − 1)/(d·y² + 1) must have a root. As the original does it: y is reduced, and the sign of
 * x (the top bit) may be set even for x = 0. */
bool mix_ed25519_is_point(const uint8_t key[static MIX_KEY_LEN]) {
    mix_fe y, d, n, m;
    mix_fe_loose t;
    mix_fe_decode(&y, key);
    mix_fe_square(&y, &y);
    multiple_of_d(&d, 1);
    mix_fe_sub(&t, &y, &mix_fe_one);
    mix_fe_carry(&n, &t);
    mix_fe_mul(&d, &d, &y);
    mix_fe_add(&t, &d, &mix_fe_one);
    mix_fe_carry(&m, &t);
    return sqrt_ratio(&y, &n, &m);
}
