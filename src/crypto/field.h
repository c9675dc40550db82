/* SPDX-License-Identifier: Apache-2.0 */
/* Integers modulo p = 2^255 − 19, over fiat-crypto's proven functions. Inside crypto/ only.
 * Constant time throughout.
 *
 * fiat proves its functions for inputs within bounds, which two types keep here: mix_fe is tight (a
 * result of mul, square or carry), mix_fe_loose is a sum or difference of two tight ones and may
 * only be multiplied, squared or carried. Outputs may be inputs. */
#ifndef MIX_CRYPTO_FIELD_H
#define MIX_CRYPTO_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* WebAssembly has 128-bit integers by library call only; ten limbs of 26 and 25 bits need 64-bit
 * products. */
#if defined(__SIZEOF_INT128__) && !defined(__wasm__)
#include <fiat/curve25519_64.h>
#define MIX_FE_LIMBS 5
typedef uint64_t mix_fe_limb;
#else
#include <fiat/curve25519_32.h>
#define MIX_FE_LIMBS 10
typedef uint32_t mix_fe_limb;
#endif

typedef struct mix_fe {
    mix_fe_limb v[MIX_FE_LIMBS];
} mix_fe;
typedef struct mix_fe_loose {
    mix_fe_limb v[MIX_FE_LIMBS];
} mix_fe_loose;

/* Out of line, once each: inlined everywhere they would be most of the module. */
void mix_fe_limbs_mul(mix_fe_limb *out, const mix_fe_limb *a, const mix_fe_limb *b);
void mix_fe_limbs_square(mix_fe_limb *out, const mix_fe_limb *a);

static inline void mix_fe_mul(mix_fe *out, const mix_fe *a, const mix_fe *b) {
    mix_fe_limbs_mul(out->v, a->v, b->v);
}
static inline void mix_fe_mul_lt(mix_fe *out, const mix_fe_loose *a, const mix_fe *b) {
    mix_fe_limbs_mul(out->v, a->v, b->v);
}
static inline void mix_fe_mul_ll(mix_fe *out, const mix_fe_loose *a, const mix_fe_loose *b) {
    mix_fe_limbs_mul(out->v, a->v, b->v);
}
static inline void mix_fe_square(mix_fe *out, const mix_fe *a) {
    mix_fe_limbs_square(out->v, a->v);
}
static inline void mix_fe_square_l(mix_fe *out, const mix_fe_loose *a) {
    mix_fe_limbs_square(out->v, a->v);
}
static inline void mix_fe_add(mix_fe_loose *out, const mix_fe *a, const mix_fe *b) {
    fiat_25519_add(out->v, a->v, b->v);
}
static inline void mix_fe_sub(mix_fe_loose *out, const mix_fe *a, const mix_fe *b) {
    fiat_25519_sub(out->v, a->v, b->v);
}
static inline void mix_fe_negate(mix_fe_loose *out, const mix_fe *a) {
    fiat_25519_opp(out->v, a->v);
}
static inline void mix_fe_carry(mix_fe *out, const mix_fe_loose *a) {
    fiat_25519_carry(out->v, a->v);
}
/* 2a */
static inline void mix_fe_double(mix_fe *out, const mix_fe *a) {
    mix_fe_loose sum;
    mix_fe_add(&sum, a, a);
    mix_fe_carry(out, &sum);
}

/* A mask of all ones for true, zero for false, in a way that the compiler makes no branch of. */
static inline mix_fe_limb mix_fe_mask(mix_fe_limb bit) {
    __asm__("" : "+r"(bit)); /* forgets that it is 0 or 1 */
    return (mix_fe_limb)0 - bit;
}
/* out = a where mask is all ones; stays where it is zero. */
static inline void mix_fe_move(mix_fe_limb *out, const mix_fe_limb *a, mix_fe_limb mask) {
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

extern const mix_fe mix_fe_zero, mix_fe_one;

/* The lower 255 bits, little-endian; values from p to 2^255 − 1 are reduced. */
void mix_fe_decode(mix_fe *out, const uint8_t in[static 32]);
/* The least representative. */
void mix_fe_encode(uint8_t out[static 32], const mix_fe *a);
/* 1 for a = 0, else 0. */
mix_fe_limb mix_fe_is_zero(const mix_fe *a);
/* 1/a, and 0 for 0. */
void mix_fe_invert(mix_fe *out, const mix_fe *a);
/* Inverts all of a for the price of one inversion and three multiplications each; scratch has room
 * for count. None may be zero. */
void mix_fe_invert_all(mix_fe *a, mix_fe *scratch, size_t count);
/* A square root of a/b, when there is one (0 has 0; b must not be 0). The answer is not kept
 * secret. */
bool mix_fe_sqrt_ratio(mix_fe *out, const mix_fe *a, const mix_fe *b);

#endif
