/* SPDX-License-Identifier: Apache-2.0 */
/* Addition, doubling and coordinates on the Edwards curve. */
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

void mix_point_finish_no_t(mix_point *out, const mix_point_factors *p) {
    mix_fe_mul_ll(&out->x, &p->e, &p->f);
    mix_fe_mul_ll(&out->y, &p->g, &p->h);
    mix_fe_mul_ll(&out->z, &p->f, &p->g);
}

void mix_point_finish(mix_point *out, const mix_point_factors *p) {
    mix_point_finish_no_t(out, p);
    mix_fe_mul_ll(&out->t, &p->e, &p->h);
}

/* (x, y) doubled is (2xy/(y² − x²), (y² + x²)/(2 − y² + x²)). */
void mix_point_double(mix_point_factors *out, const mix_point *p) {
    mix_fe a, b, c, t;
    mix_fe_square(&a, &p->x);
    mix_fe_square(&b, &p->y);
    mix_fe_square(&c, &p->z);
    mix_fe_double(&c, &c);
    mix_fe_add(&out->e, &p->x, &p->y);
    mix_fe_square_l(&t, &out->e);
    mix_fe_add(&out->h, &b, &a);
    mix_fe_sub(&out->g, &b, &a);
    mix_fe_carry(&a, &out->h);
    mix_fe_carry(&b, &out->g);
    mix_fe_sub(&out->e, &t, &a);
    mix_fe_sub(&out->f, &c, &b);
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

/* What all additions share, with a = (Y1 − X1)(Y2 − X2), b = (Y1 + X1)(Y2 + X2), c = 2d·T1·T2, z =
 * 2·Z1·Z2, or with all of them halved. */
static void combine(mix_point_factors *out, const mix_fe *a, const mix_fe *b, const mix_fe *c,
                    const mix_fe *z) {
    mix_fe_sub(&out->e, b, a);
    mix_fe_sub(&out->f, z, c);
    mix_fe_add(&out->g, z, c);
    mix_fe_add(&out->h, b, a);
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
    combine(out, &a, &b, &c, &z);
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

void mix_point_add_affine(mix_point_factors *out, const mix_point *p, const mix_point_affine *q) {
    mix_fe a, b, c;
    mix_fe_loose t;
    mix_fe_sub(&t, &p->y, &p->x);
    mix_fe_mul_lt(&a, &t, &q->minus);
    mix_fe_add(&t, &p->y, &p->x);
    mix_fe_mul_lt(&b, &t, &q->plus);
    mix_fe_mul_lt(&c, &q->dxy, &p->t);
    combine(out, &a, &b, &c, &p->z);
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

/* x = plus − minus, y = plus + minus, Z = 1 */
void mix_point_from_affine(mix_point *out, const mix_point_affine *p) {
    mix_fe_loose x, y;
    mix_fe_sub(&x, &p->plus, &p->minus);
    mix_fe_add(&y, &p->plus, &p->minus);
    mix_fe_carry(&out->x, &x);
    mix_fe_carry(&out->y, &y);
    out->z = mix_fe_one;
    mix_fe_mul(&out->t, &out->x, &out->y);
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
    if (!mix_fe_sqrt_ratio(&x, &four_u, &d))
        return false;
    mix_fe_mul(&out->x, &x, &m);
    out->y = n;
    out->z = m;
    mix_fe_mul(&out->t, &x, &n);
    return true;
}

/* (Z + Y)/(Z − Y) = (f + h)·g/((f − h)·g), and g is not 0 as Z is not. */
void mix_point_u(mix_fe *numerator, mix_fe *denominator, const mix_point_factors *p) {
    mix_fe f, h;
    mix_fe_loose t;
    mix_fe_carry(&f, &p->f);
    mix_fe_carry(&h, &p->h);
    mix_fe_add(&t, &f, &h);
    mix_fe_carry(numerator, &t);
    mix_fe_sub(&t, &f, &h);
    mix_fe_carry(denominator, &t);
    mix_fe_limb neutral = mix_fe_mask(mix_fe_is_zero(denominator));
    mix_fe_move(numerator->v, mix_fe_zero.v, neutral);
    mix_fe_move(denominator->v, mix_fe_one.v, neutral);
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
    return mix_fe_sqrt_ratio(&y, &n, &m);
}
