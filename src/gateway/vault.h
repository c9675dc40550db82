/* SPDX-License-Identifier: Apache-2.0 */
/* How stored values are sealed (mix/storage.h): with a key that comes of the passphrase; readable
 * and with a checksum if there is none. The identity's value holds what the key was derived with
 * (identity.c); the others are sealed with the same key:
 *   their magic (8 bytes), version 1, sealing 0 or 1 (one byte each)
 *   sealing 1: nonce (12), then AES-256-GCM-SIV of the content; all before it is associated data
 *   sealing 0: the content, then BLAKE3 of all before it (32) */
#ifndef MIX_GATEWAY_VAULT_H
#define MIX_GATEWAY_VAULT_H

#include "base/buf.h"
#include "base/log.h"
#include "crypto/crypto.h"

enum {
    MIX_VAULT_SALT = 16,
    MIX_VAULT_MAGIC = 8,
    MIX_VAULT_AROUND = 64, /* bytes that a value has more than its content, at most */
};

/* The key is derived once, since that is costly by intent. */
typedef struct mix_vault {
    bool sealed; /* else values are kept readable, with a checksum */
    uint32_t memory_kib, passes;
    uint8_t salt[MIX_VAULT_SALT];
    uint8_t key[MIX_KEY_LEN];
} mix_vault;
/* For values that are to be written anew, with a new salt. passphrase.data NULL: none.
 * MIX_ERR_ARGUMENT for an empty one, MIX_ERR_RANDOM, MIX_ERR_CRYPTO (also when there is no memory
 * for the derivation). */
int mix_vault_new(mix_vault *out, mix_crypto *c, const mix_env *env, mix_bytes passphrase);
void mix_vault_wipe(mix_vault *v);
/* Its key, of memory_kib, passes and salt. MIX_ERR_CRYPTO. */
int mix_vault_derive(mix_vault *v, mix_crypto *c, mix_bytes passphrase);

/* Appends content as a value of this magic. MIX_ERR_MEMORY, MIX_ERR_RANDOM, MIX_ERR_CRYPTO: nothing
 * is appended then. */
int mix_vault_seal(mix_buf *out, mix_crypto *c, const mix_env *env, const mix_vault *v,
                   const char magic[static MIX_VAULT_MAGIC], mix_bytes content);
/* Appends the content of a value that is sealed as v seals: with its key, or with none.
 * MIX_ERR_AEAD for any other, MIX_ERR_MEMORY, MIX_ERR_CRYPTO: nothing is appended then. */
int mix_vault_open(mix_buf *out, mix_crypto *c, const mix_vault *v,
                   const char magic[static MIX_VAULT_MAGIC], mix_bytes value);

#endif
