/* SPDX-License-Identifier: Apache-2.0 */
/* Fast multiplication on Curve25519 by products of clamped secrets, for senders that know a node's
 * key for hours.
 *
 * The textbook sender computes X(b_j, … X(b_0, X(x, Y))) (1-sphinx.md §1.6). Each clamped secret is
 * a multiple of 8, so the first multiplication removes from Y whatever lies outside the subgroup of
 * prime order L, and the rest happens modulo L: the result is the u-coordinate of k·Y with the one
 * scalar k = clamp(x)·clamp(b_0)·…·clamp(b_j) mod L. The functions below compute it, byte for byte
 * as the textbook, for every key on the curve, keys of low order included. The other half of all
 * 32-byte strings are points of the twist, whose order is not L: for them the textbook is the only
 * way.
 *
 * Two ways to k·Y: a table (mix_curve_table_new once, then mix_curve_multiply: about a fifth of
 * an X25519), or for a key that is used once, plain X25519 with another secret
 * (mix_scalar_to_clamped).
 *
 * Constant time in scalars and secrets; not in keys, which are public. A scalar is 32 bytes,
 * little-endian. */
#ifndef MIX_CRYPTO_CURVE_H
#define MIX_CRYPTO_CURVE_H

#include "crypto/crypto.h"

/* out = clamp(secret) mod L, the first factor; scalar·clamp(secret) mod L, the others. */
void mix_scalar_from_clamped(uint8_t out[static MIX_KEY_LEN],
                             const uint8_t secret[static MIX_KEY_LEN]);
void mix_scalar_mul_clamped(uint8_t out[static MIX_KEY_LEN],
                            const uint8_t scalar[static MIX_KEY_LEN],
                            const uint8_t secret[static MIX_KEY_LEN]);

/* A secret for mix_x25519 that multiplies each point of the curve by the scalar: k·Y =
 * mix_x25519(secret, Y). The key must pass mix_curve_has_point. False (and zeros) for about one
 * scalar in 2^124, which the caller should hand to the textbook. */
bool mix_scalar_to_clamped(uint8_t secret[static MIX_KEY_LEN],
                           const uint8_t scalar[static MIX_KEY_LEN]);

/* Whether the key is the u-coordinate of a point of the curve, rather than of its twist. The top
 * bit is ignored, as in X25519. Costs about a tenth of an X25519: remember the answer. */
bool mix_curve_has_point(const uint8_t key[static MIX_KEY_LEN]);

/* Multiples of one public key. Immutable once made; may be shared. */
typedef struct mix_curve_table mix_curve_table;
/* MIX_ERR_KEY for a key of the twist, MIX_ERR_MEMORY. The base point is the key 9, 0, 0, … */
int mix_curve_table_new(mix_curve_table **out, const uint8_t key[static MIX_KEY_LEN]);
void mix_curve_table_free(mix_curve_table *t); /* NULL is fine */
size_t mix_curve_table_size(void);             /* bytes of heap that a table takes */

/* out[i] = scalars[i]·(the key of tables[i]) for all i < count, sharing one field inversion among
 * up to MIX_CURVE_BATCH of them: give together what is known together. out may be scalars. */
enum { MIX_CURVE_BATCH = 32 };
void mix_curve_multiply(uint8_t (*out)[MIX_KEY_LEN], const mix_curve_table *const *tables,
                        const uint8_t (*scalars)[MIX_KEY_LEN], size_t count);

#endif
