/* SPDX-License-Identifier: Apache-2.0 */
/* Uniform numbers by rejection. */
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
