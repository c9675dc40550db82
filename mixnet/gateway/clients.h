/* SPDX-License-Identifier: Apache-2.0 */
/* Who is registered: identity, shared key, time of the last authentication, bandwidth; and the file
 * that keeps them. Spec: 3-gateway.md §3.13, §3.15. */
#ifndef MIXNET_GATEWAY_CLIENTS_H
#define MIXNET_GATEWAY_CLIENTS_H

#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"
#include "crypto/crypto.h"

enum { MIXNET_NEVER_SEEN = -1 };

typedef struct mixnet_account {
    int64_t available; /* bytes */
    int64_t expires;   /* UTC seconds: the day whose end makes it void */
} mixnet_account;

typedef struct mixnet_client {
    uint8_t identity[MIX_KEY_LEN], key[MIX_KEY_LEN];
    int64_t last_seen; /* UTC seconds of its last authentication, or MIXNET_NEVER_SEEN */
    mixnet_account account;
} mixnet_client;

typedef struct mixnet_clients {
    mix_map map; /* by identity */
    bool dirty;
    uint64_t moved; /* bytes of bandwidth since the last save */
} mixnet_clients;

int mixnet_clients_init(mixnet_clients *t, size_t max, const mix_env *env); /* MIX_ERR_RANDOM */
void mixnet_clients_deinit(mixnet_clients *t);
mixnet_client *mixnet_clients_get(const mixnet_clients *t,
                                  const uint8_t identity[static MIX_KEY_LEN]); /* or NULL */
bool mixnet_clients_full(const mixnet_clients *t);
/* A key for this identity; a known one keeps all else. MIX_ERR_LIMIT, MIX_ERR_MEMORY. */
int mixnet_clients_put(mixnet_clients *t, const uint8_t identity[static MIX_KEY_LEN],
                       const uint8_t key[static MIX_KEY_LEN]);
void mixnet_clients_forget(mixnet_clients *t, const uint8_t *identity); /* NULL: all */

/* As mixnet_gateway_dirty, _save and _load. */
bool mixnet_clients_dirty(const mixnet_clients *t);
int mixnet_clients_save(mixnet_clients *t, mix_buf *out);
int mixnet_clients_load(mixnet_clients *t, mix_bytes saved, mix_error *e);

/* Whether the account is void on the day of this UTC second, and the day's first second. */
bool mixnet_account_expired(const mixnet_account *a, int64_t wall_seconds);
int64_t mixnet_day_of(int64_t wall_seconds);

#endif
