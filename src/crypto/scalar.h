/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic modulo L, the order of the base point, beyond what crypto.h and curve.h offer. Inside
 * crypto/ only. */
#ifndef MIX_CRYPTO_SCALAR_H
#define MIX_CRYPTO_SCALAR_H

#include "crypto/crypto.h"

/* out = a·b + c mod L, all little-endian, any 32-byte inputs. Constant time. */
void mix_scalar_mul_add(uint8_t out[static MIX_KEY_LEN], const uint8_t a[static MIX_KEY_LEN],
                        const uint8_t b[static MIX_KEY_LEN], const uint8_t c[static MIX_KEY_LEN]);

#endif
