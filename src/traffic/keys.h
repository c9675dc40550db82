/* SPDX-License-Identifier: Apache-2.0 */
/* A client's keys. Spec: 2-messages.md §1. */
#ifndef MIX_TRAFFIC_KEYS_H
#define MIX_TRAFFIC_KEYS_H

#include "base/buf.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "directory/recipient.h"

/* What the layers traffic and messages know of their own client. The secret half of the identity is
 * the gateway layer's business alone. Holds secrets: wipe with mix_client_keys_deinit. */
typedef struct mix_client_keys {
    uint8_t identity_public[MIX_KEY_LEN];
    uint8_t encryption_secret[MIX_KEY_LEN];
    uint8_t encryption_public[MIX_KEY_LEN];
    uint8_t ack_key[MIX_AES128_KEY_LEN]; /* never leaves the client */
    uint8_t gateway[MIX_KEY_LEN];
} mix_client_keys;

/* Draws the encryption pair and the ack key. MIX_ERR_RANDOM; out is wiped then. */
int mix_client_keys_init(mix_client_keys *out, const mix_env *env,
                         const uint8_t identity_public[static MIX_KEY_LEN],
                         const uint8_t gateway[static MIX_KEY_LEN]);
void mix_client_keys_deinit(mix_client_keys *k);
/* The client's own address. */
mix_recipient mix_client_recipient(const mix_client_keys *k);

#endif
