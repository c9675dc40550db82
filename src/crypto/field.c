/* SPDX-License-Identifier: Apache-2.0 */
/* Multiplication of limbs, once a program. */
#include "crypto/field.h"

void mix_limbs_mul(mix_fe_limb *out, const mix_fe_limb *a, const mix_fe_limb *b) {
    fiat_25519_carry_mul(out, a, b);
}

void mix_limbs_square(mix_fe_limb *out, const mix_fe_limb *a) {
    fiat_25519_carry_square(out, a);
}
