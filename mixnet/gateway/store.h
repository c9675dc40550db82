/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that wait for clients, connected or not: in order of arrival for each, bounded for each
 * and for all, and for a limited time. When there is no room the oldest go. */
#ifndef MIXNET_GATEWAY_STORE_H
#define MIXNET_GATEWAY_STORE_H

#include "base/map.h"
#include "crypto/crypto.h"

enum { MIXNET_STORE_OVERHEAD = 128 }; /* bytes that a message counts for besides its own */

typedef struct mixnet_stored mixnet_stored;

typedef struct mixnet_store {
    mix_map boxes;                  /* by identity; only those that hold something */
    mixnet_stored *oldest, *newest; /* of all clients */
    uint64_t last_id;               /* of the newest message ever; the first has 1 */
    size_t messages, bytes;
    size_t max_client, max_total; /* bytes */
    mix_time max_time;
    uint64_t expired, client_full, store_full, forgotten;
} mixnet_store;

int mixnet_store_init(mixnet_store *s, size_t max_client, size_t max_total, mix_time max_time,
                      const mix_env *env); /* MIX_ERR_RANDOM */
void mixnet_store_deinit(mixnet_store *s);

/* MIX_ERR_LIMIT when it is larger than all that a client may have, MIX_ERR_MEMORY; nothing changed
 * then. */
int mixnet_store_put(mixnet_store *s, const uint8_t identity[static MIX_KEY_LEN], mix_bytes message,
                     mix_time now);
/* The oldest of a client, valid until it is taken; false when there is none. */
bool mixnet_store_peek(const mixnet_store *s, const uint8_t identity[static MIX_KEY_LEN],
                       mix_bytes *out, uint64_t *id);
void mixnet_store_pop(mixnet_store *s, const uint8_t identity[static MIX_KEY_LEN]);
/* Drops all of a client, or all (NULL). */
void mixnet_store_forget(mixnet_store *s, const uint8_t *identity);

mix_time mixnet_store_deadline(const mixnet_store *s);
void mixnet_store_expire(mixnet_store *s, mix_time now);

#endif
