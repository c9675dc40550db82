/* SPDX-License-Identifier: Apache-2.0 */
/* Inverses modulo p = 2^255 − 19 by the division steps of Bernstein and Yang ("Fast constant-time
 * gcd computation and modular inversion", 2019), in the variant that starts with delta = 1/2, for
 * which 590 steps are enough for numbers up to 2^256.
 *
 * A step makes of (delta, f, g), f odd: (1 − delta, g, (g − f)/2) where delta > 0 and g is odd,
 * (1 + delta, f, (g + f)/2) where only g is odd, (1 + delta, f, g/2) else. It looks at lowest bits
 * alone, so the steps of a round are taken on single words and remembered as a matrix, which is
 * then applied to f and g, and modulo p to d and e, for which d·x = f and e·x = g mod p always.
 * From f = p, g = x, d = 0, e = 1 it comes to g = 0, f = ±1 and d = ±1/x. */
#include "crypto/inverse.h"

#include "base/alloc.h"

#if defined(__SIZEOF_INT128__) && !defined(__wasm__)
typedef int64_t limb;
typedef __int128 wide;
enum { PARTS = 2, LIMBS = 5, ROUNDS = 10 };
#else
typedef int32_t limb;
typedef int64_t wide;
enum { PARTS = 1, LIMBS = 9, ROUNDS = 20 };
#endif
enum {
    PART = 30, /* steps whose factors fit into half a word */
    BITS = PARTS * PART,
    TOP = 255 - BITS * (LIMBS - 1), /* 2^255 is 2^TOP in the last limb */
};
_Static_assert(BITS *ROUNDS >= 590, "as many steps as are proven to be enough");

/* Of BITS bits each, the last one with the sign. */
typedef struct number {
    limb v[LIMBS];
} number;

/* 2^BITS·(f', g') = (u·f + v·g, q·f + r·g). |u| + |v| and |q| + |r| are at most 2^BITS. */
typedef struct matrix {
    int64_t u, v, q, r;
} matrix;

static const uint64_t mask = ((uint64_t)1 << BITS) - 1;
static const uint64_t inverse_19 = 0x86bca1af286bca1b; /* mod 2^64 */

/* What the steps go on with: zeta is −delta − 1/2. Of f and g the lowest bits are right, as many as
 * there are steps to take. */
typedef struct state {
    int64_t zeta;
    uint64_t f, g;
} state;

/* u + v·2^32, apart. */
static void unpack(int64_t *u, int64_t *v, uint64_t packed) {
    *u = (int32_t)(packed & UINT32_MAX);
    *v = (int64_t)(packed - (uint64_t)*u) >> 32;
}

/* PART steps. u and v are in one word, q and r in another: all that is done to them is linear. */
static matrix take_part(state *s) {
    int64_t zeta = s->zeta;
    uint64_t f = s->f, g = s->g, uv = 1, qr = (uint64_t)1 << 32;
    for (int i = 0; i < PART; i++) {
        uint64_t positive = (uint64_t)(zeta >> 63), odd = 0 - (g & 1); /* delta > 0 */
        __asm__("" : "+r"(positive), "+r"(odd)); /* forgets that they are masks */
        uint64_t swap = positive & odd;
        g += ((f ^ positive) & odd) - swap; /* − f, + f or + 0 */
        qr += ((uv ^ positive) & odd) - swap;
        f += g & swap; /* f + (g − f) */
        uv += qr & swap;
        zeta = (zeta ^ (int64_t)swap) - 1;
        g >>= 1;
        uv <<= 1; /* instead of halving qr */
    }
    *s = (state){zeta, f, g};
    matrix m;
    unpack(&m.u, &m.v, uv);
    unpack(&m.q, &m.r, qr);
    return m;
}

static matrix take_steps(state *s) {
    matrix m = take_part(s);
    for (int i = 1; i < PARTS; i++) {
        matrix a = m, b = take_part(s);
        m = (matrix){b.u * a.u + b.v * a.q, b.u * a.v + b.v * a.r, b.q * a.u + b.r * a.q,
                     b.q * a.v + b.r * a.r};
    }
    return m;
}

static void apply(number *f, number *g, const matrix *m) {
    wide a = 0, b = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        a += (wide)m->u * f->v[i] + (wide)m->v * g->v[i];
        b += (wide)m->q * f->v[i] + (wide)m->r * g->v[i];
        if (i > 0) { /* the lowest limb has become 0 */
            f->v[i - 1] = (limb)((uint64_t)a & mask);
            g->v[i - 1] = (limb)((uint64_t)b & mask);
        }
        a >>= BITS;
        b >>= BITS;
    }
    f->v[LIMBS - 1] = (limb)a;
    g->v[LIMBS - 1] = (limb)b;
}

static int64_t sign(const number *a) { /* −1 or 0 */
    return (int64_t)a->v[LIMBS - 1] >> 63;
}

/* How often to add p to x·d + y·e so that 2^BITS divides it and the quotient stays between −2p and
 * p, as d and e are: once for each that is negative, which brings them between −p and p, then less
 * than 2^BITS times subtracted. */
static int64_t multiple_of_p(int64_t x, int64_t y, const number *d, const number *e) {
    int64_t add = (x & sign(d)) + (y & sign(e));
    uint64_t low = (uint64_t)x * (uint64_t)d->v[0] + (uint64_t)y * (uint64_t)e->v[0];
    uint64_t subtract = ((uint64_t)add - low * inverse_19) & mask; /* p = −19 mod 2^BITS */
    return add - (int64_t)subtract;
}

/* apply modulo p. */
static void apply_modulo(number *d, number *e, const matrix *m) {
    int64_t s = multiple_of_p(m->u, m->v, d, e), t = multiple_of_p(m->q, m->r, d, e);
    wide a = -19 * (wide)s, b = -19 * (wide)t;
    for (size_t i = 0; i < LIMBS; i++) {
        a += (wide)m->u * d->v[i] + (wide)m->v * e->v[i];
        b += (wide)m->q * d->v[i] + (wide)m->r * e->v[i];
        if (i == LIMBS - 1) {
            a += (wide)s * ((wide)1 << TOP);
            b += (wide)t * ((wide)1 << TOP);
        }
        if (i > 0) {
            d->v[i - 1] = (limb)((uint64_t)a & mask);
            e->v[i - 1] = (limb)((uint64_t)b & mask);
        }
        a >>= BITS;
        b >>= BITS;
    }
    d->v[LIMBS - 1] = (limb)a;
    e->v[LIMBS - 1] = (limb)b;
}

/* a = (a or −a) + (p or 0); both choices as masks. */
static void negate_and_add(number *a, int64_t negate, int64_t add) {
    int64_t carry = -19 & add;
    for (size_t i = 0; i < LIMBS; i++) {
        carry += ((int64_t)a->v[i] ^ negate) - negate;
        if (i == LIMBS - 1)
            carry += ((int64_t)1 << TOP) & add;
        a->v[i] = i < LIMBS - 1 ? (limb)((uint64_t)carry & mask) : (limb)carry;
        carry >>= BITS;
    }
}

static void decode(number *out, const uint8_t in[static 32]) {
    *out = (number){{0}};
    for (size_t bit = 0; bit < 256; bit += 8) {
        size_t i = bit / BITS, at = bit % BITS;
        uint64_t byte = in[bit / 8];
        out->v[i] |= (limb)(byte << at & mask);
        if (at + 8 > BITS)
            out->v[i + 1] |= (limb)(byte >> (BITS - at));
    }
}

static void encode(uint8_t out[static 32], const number *in) {
    for (size_t bit = 0; bit < 256; bit += 8) {
        size_t i = bit / BITS, at = bit % BITS;
        uint64_t byte = (uint64_t)in->v[i] >> at;
        if (at + 8 > BITS)
            byte |= (uint64_t)in->v[i + 1] << (BITS - at);
        out[bit / 8] = (uint8_t)byte;
    }
}

void mix_field_invert(uint8_t out[static 32], const uint8_t in[static 32]) {
    struct {
        number f, g, d, e;
        state steps;
        matrix m;
    } s = {.f = {{(limb)(mask - 18)}}, .e = {{1}}, .steps = {.zeta = -1}};
    for (size_t i = 1; i < LIMBS - 1; i++)
        s.f.v[i] = (limb)mask;
    s.f.v[LIMBS - 1] = ((limb)1 << TOP) - 1;
    decode(&s.g, in);
    for (int i = 0; i < ROUNDS; i++) {
        s.steps.f = (uint64_t)s.f.v[0];
        s.steps.g = (uint64_t)s.g.v[0];
        s.m = take_steps(&s.steps);
        apply(&s.f, &s.g, &s.m);
        apply_modulo(&s.d, &s.e, &s.m);
    }
    negate_and_add(&s.d, 0, sign(&s.d)); /* now between −p and p */
    negate_and_add(&s.d, sign(&s.f), 0);
    negate_and_add(&s.d, 0, sign(&s.d));
    encode(out, &s.d);
    mix_wipe(&s, sizeof s);
}
