/* SPDX-License-Identifier: Apache-2.0 */
/* Four limbs of 64 bits, any value below 2^256, with fiat-crypto's assembler for x86-64 with ADX
 * and BMI2. Included by field.h in files that run on such processors only. There is no loose form:
 * sums and differences are reduced. */
#ifndef MIX_CRYPTO_FIELD_ADX_H
#define MIX_CRYPTO_FIELD_ADX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MIX_FE_LIMBS 4
typedef uint64_t mix_fe_limb;

void fiat_curve25519_adx_mul(uint64_t *out, const uint64_t *a, const uint64_t *b);
void fiat_curve25519_adx_square(uint64_t *out, const uint64_t *a);

static inline void mix_limbs_mul(uint64_t *out, const uint64_t *a, const uint64_t *b) {
    fiat_curve25519_adx_mul(out, a, b);
}
static inline void mix_limbs_square(uint64_t *out, const uint64_t *a) {
    fiat_curve25519_adx_square(out, a);
}

/* out = a + b; the carry. */
static inline uint64_t mix_limbs_add_raw(uint64_t *out, const uint64_t *a, const uint64_t *b) {
    unsigned long long carry = 0;
    for (size_t i = 0; i < MIX_FE_LIMBS; i++)
        out[i] = __builtin_addcll(a[i], b[i], carry, &carry);
    return carry;
}
/* out = a − b; the borrow. */
static inline uint64_t mix_limbs_sub_raw(uint64_t *out, const uint64_t *a, const uint64_t *b) {
    unsigned long long borrow = 0;
    for (size_t i = 0; i < MIX_FE_LIMBS; i++)
        out[i] = __builtin_subcll(a[i], b[i], borrow, &borrow);
    return borrow;
}

/* 2^256 = 38 mod p. A sum that carries a second time is below 38 then, a difference that borrows a
 * second time is 38 at most from 2^256: the last step stays within the lowest limb. */
static inline void mix_limbs_add(uint64_t *out, const uint64_t *a, const uint64_t *b) {
    uint64_t sum[MIX_FE_LIMBS];
    uint64_t fold[MIX_FE_LIMBS] = {38 & (0 - mix_limbs_add_raw(sum, a, b))};
    uint64_t again = 0 - mix_limbs_add_raw(out, sum, fold);
    out[0] += 38 & again;
}
static inline void mix_limbs_sub(uint64_t *out, const uint64_t *a, const uint64_t *b) {
    uint64_t difference[MIX_FE_LIMBS];
    uint64_t fold[MIX_FE_LIMBS] = {38 & (0 - mix_limbs_sub_raw(difference, a, b))};
    uint64_t again = 0 - mix_limbs_sub_raw(out, difference, fold);
    out[0] -= 38 & again;
}
static inline void mix_limbs_carry(uint64_t *out, const uint64_t *a) {
    memmove(out, a, MIX_FE_LIMBS * sizeof *out);
}
static inline void mix_limbs_decode(uint64_t *out, const uint8_t in[static 32]) {
    memcpy(out, in, 32); /* x86-64 is little-endian */
}
static inline void mix_limbs_unpack(uint64_t *out, const uint64_t w[static 4]) {
    memcpy(out, w, 32);
}
/* 2^256 < 3p: at most two subtractions. */
static inline void mix_limbs_encode(uint8_t out[static 32], const uint64_t *a) {
    static const uint64_t p[MIX_FE_LIMBS] = {0xffffffffffffffed, UINT64_MAX, UINT64_MAX,
                                             UINT64_MAX >> 1};
    uint64_t value[MIX_FE_LIMBS], less[MIX_FE_LIMBS];
    memcpy(value, a, sizeof value);
    for (int n = 0; n < 2; n++) {
        uint64_t negative = mix_limbs_sub_raw(less, value, p);
        __asm__("" : "+r"(negative));
        for (size_t i = 0; i < MIX_FE_LIMBS; i++)
            value[i] = less[i] ^ ((0 - negative) & (less[i] ^ value[i]));
    }
    memcpy(out, value, sizeof value);
}

#endif
