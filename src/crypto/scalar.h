/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic modulo L, the order of the base point, beyond what crypto.h and curve.h offer. Inside
 * crypto/ only. */
#ifndef MIX_CRYPTO_SCALAR_H
#define MIX_CRYPTO_SCALAR_H

#include "crypto/crypto.h"

/* out = a/16 + c mod L, all little-endian; c below L, any a. Constant time. */
void mix_scalar_sixteenth_add(uint8_t out[static MIX_KEY_LEN], const uint8_t a[static MIX_KEY_LEN],
                              const uint8_t c[static MIX_KEY_LEN]);

#endif
