/* SPDX-License-Identifier: Apache-2.0 */
/* Who the client is: its keys and where it is registered; made once, kept by the host as one value
 * (mix/storage.h), sealed with a passphrase if one is set. Spec: 3-gateway.md §3.17. */
#ifndef MIX_GATEWAY_IDENTITY_H
#define MIX_GATEWAY_IDENTITY_H

#include "base/error.h"
#include "gateway/vault.h"
#include "mix/storage.h"

enum {
    MIX_GATEWAY_URL_MAX = 320, /* bytes of wss://host:port/ */
    MIX_IDENTITY_MAX = 640,    /* bytes of the longest stored value */
    MIX_ACK_KEY_LEN = 16,
};

/* A gateway that knows the client. */
typedef struct mix_registration {
    bool present;
    uint8_t gateway[MIX_KEY_LEN]; /* its identity */
    uint8_t shared_key[MIX_KEY_LEN];
    uint8_t version; /* of the protocol, as agreed last */
    int64_t since;   /* UTC seconds */
    char url[MIX_GATEWAY_URL_MAX + 1];
} mix_registration;

/* Holds secrets: wipe it when it is no longer needed. */
typedef struct mix_identity {
    uint8_t seed[MIX_KEY_LEN], public_key[MIX_KEY_LEN];                     /* Ed25519 */
    uint8_t encryption_secret[MIX_KEY_LEN], encryption_public[MIX_KEY_LEN]; /* X25519 */
    uint8_t ack_key[MIX_ACK_KEY_LEN];
    mix_registration registration;
} mix_identity;

/* New keys, not registered anywhere. MIX_ERR_RANDOM, MIX_ERR_CRYPTO. */
int mix_identity_new(mix_identity *out, mix_crypto *c, const mix_env *env);
void mix_identity_wipe(mix_identity *id);

/* Appends the value to be stored. MIX_ERR_MEMORY, MIX_ERR_RANDOM, MIX_ERR_CRYPTO. */
int mix_identity_seal(mix_buf *out, mix_crypto *c, const mix_env *env, const mix_vault *vault,
                      const mix_identity *id);
/* Reads a stored value; vault is then the one to seal it again. MIX_ERR_IDENTITY_DAMAGED, _VERSION,
 * _PASSPHRASE, _SEALED, _PLAIN; MIX_ERR_ARGUMENT for an empty passphrase; MIX_ERR_CRYPTO. Both
 * outputs are untouched then. e may be NULL. */
int mix_identity_open(mix_identity *out, mix_vault *vault, mix_crypto *c, mix_bytes stored,
                      mix_bytes passphrase, mix_error *e);

/* Whether a text can be a gateway's URL: ws:// or wss://, printable ASCII, not too long. */
bool mix_gateway_url_ok(mix_bytes url);

#endif
