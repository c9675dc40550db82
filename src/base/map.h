/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded hash map from keys of one fixed length to pointers. Its hash is keyed (SipHash-2-4), so that a peer who chooses
 * keys cannot make it slow. */
#ifndef MIX_BASE_MAP_H
#define MIX_BASE_MAP_H

#include "base/bytes.h"
#include "mix/env.h"

enum { MIX_MAP_KEY_MAX = 40, MIX_SIPHASH_KEY_LEN = 16 };

/* SipHash-2-4 with 64 bits of output: for tables whose keys a peer may choose. Same on all machines of one byte order. */
uint64_t mix_siphash(const uint8_t key[static MIX_SIPHASH_KEY_LEN], const uint8_t *in, size_t len);

typedef struct mix_map_slot mix_map_slot;

typedef struct mix_map {
    mix_map_slot *slots;
    size_t cap;     /* 0 or a power of two */
    size_t len;     /* entries */
    size_t max;     /* the bound of entries */
    size_t key_len; /* bytes of every key */
    uint8_t seed[MIX_SIPHASH_KEY_LEN];
} mix_map;

/* key_len ≤ MIX_MAP_KEY_MAX. MIX_OK or MIX_ERR_RANDOM. Needs no memory yet. */
int mix_map_init(mix_map *m, size_t key_len, size_t max, const mix_env *env);
void mix_map_deinit(mix_map *m); /* wipes keys; values are the caller's */
/* The value, or NULL. */
void *mix_map_get(const mix_map *m, const void *key);
/* Adds or replaces; value not NULL. MIX_OK, MIX_ERR_LIMIT when full, MIX_ERR_MEMORY; nothing changed then. */
int mix_map_put(mix_map *m, const void *key, void *value);
/* Removes; the value it had, or NULL. */
void *mix_map_take(mix_map *m, const void *key);
/* Walks all entries in no order: start with *at = 0; false at the end. The map must not change meanwhile, except that the
 * entry just given may be taken out once its key and the walk is then restarted or ended. */
bool mix_map_each(const mix_map *m, size_t *at, const uint8_t **key, void **value);

#endif
