/* SPDX-License-Identifier: Apache-2.0 */
/* Points of the curve −x² + y² = 1 + d·x²·y², which is Curve25519 in other coordinates: u = (1 +
 * y)/(1 − y). Inside crypto/ only. The formulas hold for all pairs of points and take the same time
 * for all. Outputs may be inputs.
 *
 * What a multiplication of secrets needs is here, for each form of the field that a file may
 * choose; the rest, which sees public keys only, is in edwards.c. */
#ifndef MIX_CRYPTO_EDWARDS_H
#define MIX_CRYPTO_EDWARDS_H

#include "crypto/field.h"

typedef struct mix_point { /* x = X/Z, y = Y/Z, T = X·Y/Z */
    mix_fe x, y, z, t;
} mix_point;

/* A point before its last multiplications: X = e·f, Y = g·h, Z = f·g, T = e·h. */
typedef struct mix_point_factors {
    mix_fe_loose e, f, g, h;
} mix_point_factors;

/* A summand made ready. */
typedef struct mix_point_cached {
    mix_fe plus, minus; /* Y + X, Y − X */
    mix_fe z2, t2d;     /* 2Z, 2d·T */
} mix_point_cached;

/* The same for a point of a table: with Z = 1/2, one multiplication less. */
typedef struct mix_point_affine {
    mix_fe plus, minus; /* (y + x)/2, (y − x)/2 */
    mix_fe_loose dxy;   /* d·x·y */
} mix_point_affine;

/* X, Y and Z: enough for doubling. T is not set. */
static inline void mix_point_finish_no_t(mix_point *out, const mix_point_factors *p) {
    mix_fe_mul_ll(&out->x, &p->e, &p->f);
    mix_fe_mul_ll(&out->y, &p->g, &p->h);
    mix_fe_mul_ll(&out->z, &p->f, &p->g);
}
static inline void mix_point_finish(mix_point *out, const mix_point_factors *p) {
    mix_point_finish_no_t(out, p);
    mix_fe_mul_ll(&out->t, &p->e, &p->h);
}

/* (x, y) doubled is (2xy/(y² − x²), (y² + x²)/(2 − y² + x²)). */
static inline void mix_point_double(mix_point_factors *out, const mix_point *p) {
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

/* What all additions share, with a = (Y1 − X1)(Y2 − X2), b = (Y1 + X1)(Y2 + X2), c = 2d·T1·T2, z =
 * 2·Z1·Z2, or with all of them halved. */
static inline void mix_point_combine(mix_point_factors *out, const mix_fe *a, const mix_fe *b,
                                     const mix_fe *c, const mix_fe *z) {
    mix_fe_sub(&out->e, b, a);
    mix_fe_sub(&out->f, z, c);
    mix_fe_add(&out->g, z, c);
    mix_fe_add(&out->h, b, a);
}

static inline void mix_point_add_affine(mix_point_factors *out, const mix_point *p,
                                        const mix_point_affine *q) {
    mix_fe a, b, c;
    mix_fe_loose t;
    mix_fe_sub(&t, &p->y, &p->x);
    mix_fe_mul_lt(&a, &t, &q->minus);
    mix_fe_add(&t, &p->y, &p->x);
    mix_fe_mul_lt(&b, &t, &q->plus);
    mix_fe_mul_lt(&c, &q->dxy, &p->t);
    mix_point_combine(out, &a, &b, &c, &p->z);
}

/* x = plus − minus, y = plus + minus, Z = 1 */
static inline void mix_point_from_affine(mix_point *out, const mix_point_affine *p) {
    mix_fe_loose x, y;
    mix_fe_sub(&x, &p->plus, &p->minus);
    mix_fe_add(&y, &p->plus, &p->minus);
    mix_fe_carry(&out->x, &x);
    mix_fe_carry(&out->y, &y);
    out->z = mix_fe_one;
    mix_fe_mul(&out->t, &out->x, &out->y);
}

/* u = numerator/denominator, but 0/1 for the neutral point: X25519 gives 0 there, and a 0 could not
 * be inverted with others. (Z + Y)/(Z − Y) = (f + h)·g/((f − h)·g), and g is not 0 as Z is not. */
static inline void mix_point_u(mix_fe *numerator, mix_fe *denominator, const mix_point_factors *p) {
    mix_fe f, h;
    mix_fe_loose t;
    mix_fe_carry(&f, &p->f);
    mix_fe_carry(&h, &p->h);
    mix_fe_add(&t, &f, &h);
    mix_fe_carry(numerator, &t);
    mix_fe_sub(&t, &f, &h);
    mix_fe_carry(denominator, &t);
    mix_fe_limb neutral = mix_fe_mask(mix_fe_is_zero(denominator));
    mix_limbs_move(numerator->v, mix_fe_zero.v, neutral);
    mix_limbs_move(denominator->v, mix_fe_one.v, neutral);
}

#ifndef MIX_FIELD_ADX
void mix_point_cache(mix_point_cached *out, const mix_point *p);
void mix_point_add(mix_point_factors *out, const mix_point *p, const mix_point_cached *q);
void mix_point_sub(mix_point_factors *out, const mix_point *p, const mix_point_cached *q);
/* The table's point for p, given 1/(2Z). */
void mix_point_to_affine(mix_point_affine *out, const mix_point *p, const mix_fe *inverse_2z);
/* One of the two points with this u-coordinate (one the negative of the other); false when there is
 * none. Not constant time. */
bool mix_point_from_u(mix_point *out, const uint8_t u[static 32]);
#endif

#endif
