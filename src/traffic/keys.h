/* SPDX-License-Identifier: Apache-2.0 */
/* A client's keys, and the address (Recipient) under which another client finds it. Spec:
 * 2-messages.md §1. */
#ifndef MIX_TRAFFIC_KEYS_H
#define MIX_TRAFFIC_KEYS_H

#include "base/buf.h"
#include "base/log.h"
#include "crypto/crypto.h"

enum {
    MIX_RECIPIENT_LEN = 96,
    MIX_RECIPIENT_TEXT = 3 * 44 + 2, /* the longest text form, without an end */
};

/* Where a message goes: all public. */
typedef struct mix_recipient {
    uint8_t identity[MIX_KEY_LEN];   /* Ed25519; the destination of the last Sphinx hop */
    uint8_t encryption[MIX_KEY_LEN]; /* X25519 */
    uint8_t gateway[MIX_KEY_LEN];    /* Ed25519 identity of its gateway */
} mix_recipient;

/* Appends the 96 bytes. */
void mix_recipient_encode(mix_buf *out, const mix_recipient *r);
/* Exactly 96 bytes, both Ed25519 keys points of the curve. MIX_ERR_RECIPIENT_LENGTH,
 * MIX_ERR_RECIPIENT_KEY. */
int mix_recipient_decode(mix_recipient *out, mix_bytes in);
/* Appends "identity.encryption@gateway" in base58. MIX_ERR_MEMORY. */
int mix_recipient_format(mix_buf *out, const mix_recipient *r);
/* Reads the text form, strictly. MIX_ERR_RECIPIENT_TEXT (not one '.' and then one '@'),
 * MIX_ERR_BASE58_CHAR, MIX_ERR_BASE58_LENGTH, MIX_ERR_RECIPIENT_KEY. */
int mix_recipient_parse(mix_recipient *out, mix_bytes text);

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
