/* SPDX-License-Identifier: Apache-2.0 */
/* Points of the curve −x² + y² = 1 + d·x²·y², which is Curve25519 in other coordinates: u = (1 +
 * y)/(1 − y). Inside crypto/ only. The formulas hold for all pairs of points and take the same time
 * for all. Outputs may be inputs. */
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

void mix_point_finish(mix_point *out, const mix_point_factors *p); /* all of X, Y, Z, T */
void mix_point_finish_no_t(mix_point *out,
                           const mix_point_factors *p); /* enough for doubling: T is not set */
void mix_point_double(mix_point_factors *out, const mix_point *p); /* does not read T */
void mix_point_cache(mix_point_cached *out, const mix_point *p);
void mix_point_add(mix_point_factors *out, const mix_point *p, const mix_point_cached *q);
void mix_point_sub(mix_point_factors *out, const mix_point *p, const mix_point_cached *q);
void mix_point_add_affine(mix_point_factors *out, const mix_point *p, const mix_point_affine *q);
/* The table's point for p, given 1/(2Z). */
void mix_point_to_affine(mix_point_affine *out, const mix_point *p, const mix_fe *inverse_2z);
void mix_point_from_affine(mix_point *out, const mix_point_affine *p);

/* One of the two points with this u-coordinate (one the negative of the other); false when there is
 * none. Not constant time. */
bool mix_point_from_u(mix_point *out, const uint8_t u[static 32]);
/* u = numerator/denominator; a denominator of 0 is replaced by 1 and the numerator by 0, for X25519
 * gives 0 there. */
void mix_point_u(mix_fe *numerator, mix_fe *denominator, const mix_point_factors *p);

#endif
