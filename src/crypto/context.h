/* SPDX-License-Identifier: Apache-2.0 */
/* What a mix_crypto holds; for the files of this folder. */
#ifndef MIX_CRYPTO_CONTEXT_H
#define MIX_CRYPTO_CONTEXT_H

#include "crypto/crypto.h"

#include <openssl/evp.h>

/* An HMAC-SHA256 key, already absorbed: the states of the two hashes after their first block. */
typedef struct mix_hmac_key {
    uint32_t inner[8], outer[8];
} mix_hmac_key;

struct mix_crypto {
    /* Each with its algorithm set; a call sets key and nonce. */
    EVP_CIPHER_CTX *aes128_ctr, *chacha20, *gcm_siv, *gcm;
    EVP_MAC_CTX *blake2b; /* 32 bytes of output set */
    EVP_KDF *argon2id;
    mix_hmac_key no_salt; /* HKDF's extraction without salt: HMAC with a key of zeros */
};

void mix_hmac_key_init(mix_hmac_key *out, mix_bytes key);

/* Returns status, and forgets what OpenSSL noted on the way, so that no later caller on this thread
 * takes it for its own. For failures, and for calls inside which OpenSSL may fail and recover. */
int mix_crypto_end(int status);

/* Whether OpenSSL noted since the last mix_crypto_end that it got no memory: some of its functions
 * carry on regardless. */
bool mix_crypto_no_memory(void);

#endif
