/* SPDX-License-Identifier: Apache-2.0 */
/* Fair draws from the host's randomness. */
#ifndef MIX_DIRECTORY_PICK_H
#define MIX_DIRECTORY_PICK_H

#include "base/log.h"

/* *out is uniform in 0…bound−1, without bias; bound > 0. MIX_ERR_RANDOM. */
int mix_pick_below(const mix_env *env, uint32_t bound, uint32_t *out);
/* *out is an index, drawn with a probability in proportion to its weight; the sum of weights is
 * below 2³². MIX_DONE when all weights are 0 (or count is); MIX_ERR_RANDOM. */
int mix_pick_weighted(const mix_env *env, const uint32_t *weights, size_t count, size_t *out);

#endif
