/* SPDX-License-Identifier: Apache-2.0 */
/* The encryption keys of SURBs that were handed out, by digest, each for one use (2-messages.md
 * §13). Bounded by number (the oldest go: who uses SURBs uses the oldest first, so these are spent
 * or lost) and by age. */
#ifndef MIX_MESSAGES_REPLY_KEYS_H
#define MIX_MESSAGES_REPLY_KEYS_H

#include "base/map.h"
#include "messages/wire.h"

typedef struct mix_reply_key mix_reply_key;

typedef struct mix_reply_keys {
    mix_map keys; /* digest → mix_reply_key */
    mix_reply_key *oldest, *newest;
    mix_time max_age;
} mix_reply_keys;

/* MIX_ERR_RANDOM. */
int mix_reply_keys_init(mix_reply_keys *k, size_t max, mix_time max_age, const mix_env *env);
void mix_reply_keys_deinit(mix_reply_keys *k); /* wipes */
/* A key given to this peer (a number of the caller's). MIX_ERR_MEMORY. */
int mix_reply_keys_add(mix_reply_keys *k, const uint8_t key[static MIX_SURB_KEY_LEN], uint32_t peer,
                       mix_time now);
/* Takes out the key with this digest; false when there is none. */
bool mix_reply_keys_take(mix_reply_keys *k, uint8_t key[static MIX_SURB_KEY_LEN], uint32_t *peer,
                         const uint8_t digest[static MIX_KEY_LEN]);
mix_time mix_reply_keys_deadline(const mix_reply_keys *k);
void mix_reply_keys_tick(mix_reply_keys *k, mix_time now);

#endif
