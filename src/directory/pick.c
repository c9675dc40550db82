/* SPDX-License-Identifier: Apache-2.0 */
/* Uniform numbers by rejection, and weighted choice on top. */
#include "directory/pick.h"

#include "base/bytes.h"

#include <assert.h>

int mix_pick_below(const mix_env *env, uint32_t bound, uint32_t *out) {
    assert(bound > 0);
    uint32_t excess = (UINT32_MAX % bound + 1) %
                      bound; /* 2³² mod bound: so many of the highest values would be unfair */
    for (int tries = 0; tries < 128; tries++) { /* each is accepted with a chance above 1/2 */
        uint8_t bytes[4];
        int status = mix_random(env, bytes, sizeof bytes);
        if (status != MIX_OK)
            return status;
        uint32_t v = mix_get_u32(bytes);
        if (v <= UINT32_MAX - excess) {
            *out = v % bound;
            return MIX_OK;
        }
    }
    return MIX_ERR_RANDOM; /* these bytes are not random */
}

int mix_pick_weighted(const mix_env *env, const uint32_t *weights, size_t count, size_t *out) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += weights[i];
    assert(sum <= UINT32_MAX);
    if (sum == 0)
        return MIX_DONE;
    uint32_t at = 0;
    int status = mix_pick_below(env, (uint32_t)sum, &at);
    if (status != MIX_OK)
        return status;
    size_t i = 0;
    for (; at >= weights[i]; i++)
        at -= weights[i];
    *out = i;
    return MIX_OK;
}
