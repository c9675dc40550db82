/* SPDX-License-Identifier: Apache-2.0 */
/* Which packets a node has seen under one key: two Bloom filters, an older and a younger one, so that memory is bounded and the last
 * MIXNET_REPLAY_ITEMS tags at least are remembered. About one honest packet in 100,000 counts as seen (as at real nodes, 1-sphinx.md
 * §2.7). */
#ifndef MIXNET_NODE_REPLAY_H
#define MIXNET_NODE_REPLAY_H

#include "base/log.h"
#include "crypto/crypto.h"

enum {
    MIXNET_REPLAY_ITEMS = 1 << 18, /* of one filter */
    MIXNET_REPLAY_BYTES = MIXNET_REPLAY_ITEMS * 3, /* 24 bits an item and 17 probes: 1 in 100,000 */
};

typedef struct mixnet_replay {
    uint8_t *filters[2]; /* the younger one first; allocated when first needed */
    size_t items;        /* in the younger one */
    uint64_t seed[2];    /* a sender cannot know where its tags fall */
} mixnet_replay;

int mixnet_replay_init(mixnet_replay *r, const mix_env *env); /* MIX_ERR_RANDOM */
void mixnet_replay_deinit(mixnet_replay *r);
/* MIX_OK: new, and remembered now. MIX_DONE: seen before. MIX_ERR_MEMORY: not remembered. */
int mixnet_replay_check(mixnet_replay *r, const uint8_t tag[static MIX_KEY_LEN]);

#endif
