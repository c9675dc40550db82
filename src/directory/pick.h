/* SPDX-License-Identifier: Apache-2.0 */
/* Fair draws from the host's randomness. */
#ifndef MIX_DIRECTORY_PICK_H
#define MIX_DIRECTORY_PICK_H

#include "base/log.h"

/* *out is uniform in 0…bound−1, without bias; bound > 0. MIX_ERR_RANDOM. */
int mix_pick_below(const mix_env *env, uint32_t bound, uint32_t *out);

#endif
