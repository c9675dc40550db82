/* SPDX-License-Identifier: Apache-2.0 */
/* Limbs as fiat-crypto's headers have them. Included by field.h. */
#ifndef MIX_CRYPTO_FIELD_FIAT_H
#define MIX_CRYPTO_FIELD_FIAT_H

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

/* Out of line, once each (field.c): inlined everywhere they would be most of the module. */
void mix_limbs_mul(mix_fe_limb *out, const mix_fe_limb *a, const mix_fe_limb *b);
void mix_limbs_square(mix_fe_limb *out, const mix_fe_limb *a);

static inline void mix_limbs_add(mix_fe_limb *out, const mix_fe_limb *a, const mix_fe_limb *b) {
    fiat_25519_add(out, a, b);
}
static inline void mix_limbs_sub(mix_fe_limb *out, const mix_fe_limb *a, const mix_fe_limb *b) {
    fiat_25519_sub(out, a, b);
}
static inline void mix_limbs_carry(mix_fe_limb *out, const mix_fe_limb *a) {
    fiat_25519_carry(out, a);
}
static inline void mix_limbs_decode(mix_fe_limb *out, const uint8_t in[static 32]) {
    fiat_25519_from_bytes(out, in);
}
static inline void mix_limbs_encode(uint8_t out[static 32], const mix_fe_limb *a) {
    fiat_25519_to_bytes(out, a);
}

/* From four words of 64 bits, below p. */
static inline void mix_limbs_unpack(mix_fe_limb *out, const uint64_t w[static 4]) {
#if MIX_FE_LIMBS == 5
    const uint64_t low = ((uint64_t)1 << 51) - 1;
    out[0] = w[0] & low;
    out[1] = (w[0] >> 51 | w[1] << 13) & low;
    out[2] = (w[1] >> 38 | w[2] << 26) & low;
    out[3] = (w[2] >> 25 | w[3] << 39) & low;
    out[4] = w[3] >> 12;
#else
    const uint64_t even = (1 << 26) - 1, odd = (1 << 25) - 1;
    out[0] = (uint32_t)(w[0] & even);
    out[1] = (uint32_t)(w[0] >> 26 & odd);
    out[2] = (uint32_t)((w[0] >> 51 | w[1] << 13) & even);
    out[3] = (uint32_t)(w[1] >> 13 & odd);
    out[4] = (uint32_t)(w[1] >> 38);
    out[5] = (uint32_t)(w[2] & odd);
    out[6] = (uint32_t)(w[2] >> 25 & even);
    out[7] = (uint32_t)((w[2] >> 51 | w[3] << 13) & odd);
    out[8] = (uint32_t)(w[3] >> 12 & even);
    out[9] = (uint32_t)(w[3] >> 38);
#endif
}

#endif
