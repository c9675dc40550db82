/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "traffic/covers.h"

#include <string.h>

static size_t place_of(const uint8_t *key) {
    return (size_t)(key[0] | key[1] << 8) % MIX_COVERS;
}

void mix_covers_add(mix_covers *c, const uint8_t key[static MIX_KEY_LEN]) {
    size_t at = place_of(key);
    memcpy(c->prefix[at], key, MIX_COVER_PREFIX);
    c->used[at] = true;
}

bool mix_covers_take(mix_covers *c, mix_bytes delivered) {
    if (delivered.len < MIX_KEY_LEN)
        return false;
    size_t at = place_of(delivered.data);
    if (!c->used[at] || memcmp(c->prefix[at], delivered.data, MIX_COVER_PREFIX) != 0)
        return false;
    c->used[at] = false;
    return true;
}
