/* SPDX-License-Identifier: Apache-2.0 */
/* Inverses modulo p = 2^255 − 19, for all forms of the field. Inside crypto/ only. */
#ifndef MIX_CRYPTO_INVERSE_H
#define MIX_CRYPTO_INVERSE_H

#include <stddef.h>
#include <stdint.h>

/* 1/a as its least representative, and 0 for 0. Little-endian; in below p. Constant time. */
void mix_field_invert(uint8_t out[static 32], const uint8_t in[static 32]);

#endif
