/* SPDX-License-Identifier: Apache-2.0 */
/* What a mix_crypto holds; for the files of this folder. */
#ifndef MIX_CRYPTO_CONTEXT_H
#define MIX_CRYPTO_CONTEXT_H

#include "crypto/crypto.h"
#include "crypto/curve.h"

#include <openssl/evp.h>

/* An HMAC-SHA256 key, already absorbed: the states of the two hashes after their first block. */
typedef struct mix_hmac_key {
    uint32_t inner[8], outer[8];
} mix_hmac_key;

/* A peer of mix_x25519_ephemeral; last_use 0: none. */
typedef struct mix_known_peer {
    uint64_t last_use, uses;
    mix_curve_table *table; /* or NULL */
    uint8_t key[MIX_KEY_LEN];
} mix_known_peer;

enum { MIX_KNOWN_PEERS = 4 }; /* a client has two: the exit, and itself in cover packets */

struct mix_crypto {
    /* Each with its algorithm set; a call sets key and nonce. */
    EVP_CIPHER_CTX *aes128_ctr, *chacha20, *gcm_siv, *gcm;
    EVP_MAC_CTX *blake2b; /* 32 bytes of output set */
    EVP_KDF *argon2id;
    mix_hmac_key no_salt; /* HKDF's extraction without salt: HMAC with a key of zeros */
    mix_curve_table *base;
    mix_known_peer peers[MIX_KNOWN_PEERS];
    uint64_t peer_clock; /* counts uses of all peers */
};

void mix_hmac_key_init(mix_hmac_key *out, mix_bytes key);
void mix_known_peers_deinit(mix_crypto *c);

/* Returns status, and forgets what OpenSSL noted on the way, so that no later caller on this thread
 * takes it for its own. For failures, and for calls inside which OpenSSL may fail and recover. */
int mix_crypto_end(int status);

/* Whether OpenSSL noted since the last mix_crypto_end that it got no memory: some of its functions
 * carry on regardless. */
bool mix_crypto_no_memory(void);

#endif
