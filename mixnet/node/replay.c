/* SPDX-License-Identifier: Apache-2.0 */
/* The two filters. Tags are the output of a key derivation: their own bytes serve as hashes. */
#include "mixnet/node/replay.h"

#include "base/alloc.h"

enum { PROBES = 17 };

int mixnet_replay_init(mixnet_replay *r, const mix_env *env) {
    *r = (mixnet_replay){0};
    return mix_random(env, r->seed, sizeof r->seed);
}

void mixnet_replay_deinit(mixnet_replay *r) {
    mix_free(r->filters[0]);
    mix_free(r->filters[1]);
    *r = (mixnet_replay){0};
}

/* Calls for each of the tag's bits; sets them when `set`, else says whether all are set. */
static bool bits(const mixnet_replay *r, uint8_t *filter, const uint8_t *tag, bool set) {
    uint64_t a = (mix_get_u64(tag) ^ r->seed[0]) * 0x9e3779b97f4a7c15u, b = (mix_get_u64(tag + 8) ^ r->seed[1]) | 1;
    for (int i = 0; i < PROBES; i++, a += b) {
        uint64_t bit = (a >> 32) % ((uint64_t)MIXNET_REPLAY_BYTES * 8);
        uint8_t mask = (uint8_t)(1u << (bit & 7));
        if (set)
            filter[bit >> 3] |= mask;
        else if (!(filter[bit >> 3] & mask))
            return false;
    }
    return true;
}

int mixnet_replay_check(mixnet_replay *r, const uint8_t tag[static MIX_KEY_LEN]) {
    for (int i = 0; i < 2; i++) {
        if (r->filters[i] && bits(r, r->filters[i], tag, false))
            return MIX_DONE;
    }
    if (r->items == MIXNET_REPLAY_ITEMS) {
        mix_free(r->filters[1]);
        r->filters[1] = r->filters[0];
        r->filters[0] = NULL;
        r->items = 0;
    }
    if (!r->filters[0] && !(r->filters[0] = mix_alloc_zero(1, MIXNET_REPLAY_BYTES)))
        return MIX_ERR_MEMORY;
    (void)bits(r, r->filters[0], tag, true);
    r->items++;
    return MIX_OK;
}
