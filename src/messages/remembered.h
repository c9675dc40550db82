/* SPDX-License-Identifier: Apache-2.0 */
/* The last n numbers that were added: a ring with a hash table over it, of fixed size. */
#ifndef MIX_MESSAGES_REMEMBERED_H
#define MIX_MESSAGES_REMEMBERED_H

#include "base/map.h"

typedef struct mix_remembered {
    uint64_t *ring;  /* the numbers, oldest overwritten first */
    uint32_t *table; /* 1 + place in the ring; 0: free */
    size_t cap, mask;
    size_t len, next; /* in the ring */
    uint8_t seed[MIX_SIPHASH_KEY_LEN];
} mix_remembered;

/* cap ≥ 1, at most 2²⁸. MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_remembered_init(mix_remembered *m, size_t cap, const mix_env *env);
void mix_remembered_deinit(mix_remembered *m); /* {0} is fine */
/* Adds a number that is not in; the oldest goes when all places are taken. */
void mix_remembered_add(mix_remembered *m, uint64_t number);
bool mix_remembered_has(const mix_remembered *m, uint64_t number);

#endif
