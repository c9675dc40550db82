/* SPDX-License-Identifier: Apache-2.0 */
/* Noise_XKpsk3_25519_AESGCM_SHA256 with an empty prologue, empty payloads in the handshake, and the
 * key that all nodes derive from the responder's as psk. Spec: noiseprotocol.org, revision 34;
 * 1-sphinx.md §2.3. */
#ifndef MIXNET_LINK_NOISE_H
#define MIXNET_LINK_NOISE_H

#include "base/buf.h"
#include "base/log.h"
#include "crypto/crypto.h"

enum { MIXNET_NOISE_TAG = MIX_AEAD_TAG_LEN };

typedef struct mixnet_noise_cipher {
    uint8_t key[MIX_KEY_LEN];
    uint64_t nonce;
    bool keyed;
} mixnet_noise_cipher;

/* Holds secrets: wipe it. */
typedef struct mixnet_noise {
    bool initiator;
    int message; /* of the handshake, the next one: 0, 1, 2; 3 when it is over */
    uint8_t secret[MIX_KEY_LEN], public_key[MIX_KEY_LEN]; /* ours, static */
    uint8_t ephemeral[MIX_KEY_LEN], ephemeral_public[MIX_KEY_LEN];
    uint8_t peer[MIX_KEY_LEN], peer_ephemeral[MIX_KEY_LEN];
    uint8_t psk[MIX_KEY_LEN];
    uint8_t hash[MIX_KEY_LEN], chain[MIX_KEY_LEN];
    mixnet_noise_cipher handshake, sending, receiving;
} mixnet_noise;

/* peer: the responder's static public key, for the initiator; else NULL. The ephemeral key is drawn
 * here. MIX_ERR_RANDOM, MIX_ERR_CRYPTO. */
int mixnet_noise_init(mixnet_noise *n, mix_crypto *c, const mix_env *env,
                      const uint8_t secret[static MIX_KEY_LEN], const uint8_t *peer);
void mixnet_noise_wipe(mixnet_noise *n);
/* Whose turn it is: true when the next message of the handshake is ours. */
bool mixnet_noise_writes(const mixnet_noise *n);
bool mixnet_noise_done(const mixnet_noise *n);
/* Appends our next message of the handshake. MIX_ERR_MEMORY, MIX_ERR_CRYPTO. */
int mixnet_noise_write(mixnet_noise *n, mix_crypto *c, mix_buf *out);
/* Reads the peer's. MIX_ERR_NOISE (length), MIX_ERR_AEAD, MIX_ERR_CRYPTO. */
int mixnet_noise_read(mixnet_noise *n, mix_crypto *c, mix_bytes message);

/* Messages after the handshake. seal appends in.len + MIXNET_NOISE_TAG bytes; open appends what was
 * sealed. MIX_ERR_AEAD, MIX_ERR_CRYPTO, MIX_ERR_MEMORY, MIX_ERR_LIMIT (no nonce is left). */
int mixnet_noise_seal(mixnet_noise *n, mix_crypto *c, mix_buf *out, mix_bytes in);
int mixnet_noise_open(mixnet_noise *n, mix_crypto *c, mix_buf *out, mix_bytes sealed);

#endif
