/* SPDX-License-Identifier: Apache-2.0 */
/* The table of trust anchors that tools/roots.mjs makes: for each its subject, serial number,
 * validity, public key and name constraints (or nothing), all in DER, each behind its length (16
 * bits, big-endian). */
#ifndef MIX_TLS_ROOTS_H
#define MIX_TLS_ROOTS_H

#include <stddef.h>
#include <stdint.h>

extern const size_t mix_roots_count, mix_roots_len;
extern const uint8_t mix_roots[];

#endif
