/* SPDX-License-Identifier: Apache-2.0 */
/* Integers modulo p = 2^255 − 19. Inside crypto/ only. Constant time throughout.
 *
 * Three forms: field_fiat.h has fiat-crypto's two, chosen by the target; field_adx.h a third for
 * processors with ADX, in files that define MIX_FIELD_ADX. A program may hold both kinds of files:
 * all of this header is static to each of them.
 *
 * fiat proves its functions for inputs within bounds, which two types keep: mix_fe is tight (a
 * result of mul, square or carry), mix_fe_loose is a sum or difference of two tight ones and may
 * only be multiplied, squared or carried. Outputs may be inputs. */
#ifndef MIX_CRYPTO_FIELD_H
#define MIX_CRYPTO_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "crypto/inverse.h"

#ifdef MIX_FIELD_ADX
#include "crypto/field_adx.h"
#else
#include "crypto/field_fiat.h"
#endif

typedef struct mix_fe {
    mix_fe_limb v[MIX_FE_LIMBS];
} mix_fe;
typedef struct mix_fe_loose {
    mix_fe_limb v[MIX_FE_LIMBS];
} mix_fe_loose;

static const mix_fe mix_fe_zero = {{0}};
static const mix_fe mix_fe_one = {{1}};

static inline void mix_fe_mul(mix_fe *out, const mix_fe *a, const mix_fe *b) {
    mix_limbs_mul(out->v, a->v, b->v);
}
static inline void mix_fe_mul_lt(mix_fe *out, const mix_fe_loose *a, const mix_fe *b) {
    mix_limbs_mul(out->v, a->v, b->v);
}
static inline void mix_fe_mul_ll(mix_fe *out, const mix_fe_loose *a, const mix_fe_loose *b) {
    mix_limbs_mul(out->v, a->v, b->v);
}
static inline void mix_fe_square(mix_fe *out, const mix_fe *a) {
    mix_limbs_square(out->v, a->v);
}
static inline void mix_fe_square_l(mix_fe *out, const mix_fe_loose *a) {
    mix_limbs_square(out->v, a->v);
}
static inline void mix_fe_add(mix_fe_loose *out, const mix_fe *a, const mix_fe *b) {
    mix_limbs_add(out->v, a->v, b->v);
}
static inline void mix_fe_sub(mix_fe_loose *out, const mix_fe *a, const mix_fe *b) {
    mix_limbs_sub(out->v, a->v, b->v);
}
static inline void mix_fe_carry(mix_fe *out, const mix_fe_loose *a) {
    mix_limbs_carry(out->v, a->v);
}
static inline void mix_fe_negate(mix_fe_loose *out, const mix_fe *a) {
    mix_fe_sub(out, &mix_fe_zero, a);
}
/* 2a */
static inline void mix_fe_double(mix_fe *out, const mix_fe *a) {
    mix_fe_loose sum;
    mix_fe_add(&sum, a, a);
    mix_fe_carry(out, &sum);
}

/* All ones for 1, zero for 0, in a way that the compiler makes no branch of. */
static inline mix_fe_limb mix_fe_mask(mix_fe_limb bit) {
    __asm__("" : "+r"(bit)); /* forgets that it is 0 or 1 */
    return (mix_fe_limb)0 - bit;
}
/* out = a where mask is all ones; stays where it is zero. */
static inline void mix_limbs_move(mix_fe_limb *out, const mix_fe_limb *a, mix_fe_limb mask) {
    for (size_t i = 0; i < MIX_FE_LIMBS; i++)
        out[i] ^= mask & (out[i] ^ a[i]);
}
static inline void mix_fe_swap(mix_fe *a, mix_fe *b, mix_fe_limb mask) {
    for (size_t i = 0; i < MIX_FE_LIMBS; i++) {
        mix_fe_limb difference = mask & (a->v[i] ^ b->v[i]);
        a->v[i] ^= difference;
        b->v[i] ^= difference;
    }
}

/* The lower 255 bits, little-endian; values from p to 2^255 − 1 are reduced. */
static inline void mix_fe_decode(mix_fe *out, const uint8_t in[static 32]) {
    uint8_t low[32];
    memcpy(low, in, sizeof low);
    low[31] &= 0x7f;
    mix_limbs_decode(out->v, low);
}
/* The least representative. */
static inline void mix_fe_encode(uint8_t out[static 32], const mix_fe *a) {
    mix_limbs_encode(out, a->v);
}
/* 1 for a = 0, else 0. */
static inline mix_fe_limb mix_fe_is_zero(const mix_fe *a) {
    uint8_t bytes[32];
    uint32_t any = 0;
    mix_fe_encode(bytes, a);
    for (size_t i = 0; i < sizeof bytes; i++)
        any |= bytes[i];
    return (any - 1) >> 31;
}

/* out = a^(2^n), n > 0 */
static inline void mix_fe_square_times(mix_fe *out, const mix_fe *a, unsigned n) {
    mix_fe_square(out, a);
    while (--n)
        mix_fe_square(out, out);
}

/* out = a^(2^250 − 1), and eleventh = a^11: what inverse and square root begin with. */
static inline void mix_fe_power_250(mix_fe *out, mix_fe *eleventh, const mix_fe *a) {
    mix_fe t, five, ten, twenty, fifty, hundred; /* a^(2^n − 1) for these n */
    mix_fe_square(&t, a);                        /* a^2 */
    mix_fe_square_times(&five, &t, 2);           /* a^8 */
    mix_fe_mul(&five, &five, a);                 /* a^9 */
    mix_fe_mul(eleventh, &five, &t);
    mix_fe_square(&t, eleventh); /* a^22 */
    mix_fe_mul(&five, &t, &five);
    mix_fe_square_times(&t, &five, 5);
    mix_fe_mul(&ten, &t, &five);
    mix_fe_square_times(&t, &ten, 10);
    mix_fe_mul(&twenty, &t, &ten);
    mix_fe_square_times(&t, &twenty, 20);
    mix_fe_mul(&t, &t, &twenty); /* n = 40 */
    mix_fe_square_times(&t, &t, 10);
    mix_fe_mul(&fifty, &t, &ten);
    mix_fe_square_times(&t, &fifty, 50);
    mix_fe_mul(&hundred, &t, &fifty);
    mix_fe_square_times(&t, &hundred, 100);
    mix_fe_mul(&t, &t, &hundred); /* n = 200 */
    mix_fe_square_times(&t, &t, 50);
    mix_fe_mul(out, &t, &fifty);
}

/* 1/a, and 0 for 0. */
static inline void mix_fe_invert(mix_fe *out, const mix_fe *a) {
    uint8_t bytes[32];
    mix_fe_encode(bytes, a);
    mix_field_invert(bytes, bytes);
    mix_fe_decode(out, bytes);
    mix_wipe(bytes, sizeof bytes);
}

/* Inverts all of a for the price of one inversion and three multiplications each; scratch has room
 * for count. None may be zero. */
static inline void mix_fe_invert_all(mix_fe *a, mix_fe *scratch, size_t count) {
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

#endif
