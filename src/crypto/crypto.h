/* SPDX-License-Identifier: Apache-2.0 */
/* The few primitives of the protocol, over OpenSSL and BLAKE3. Besides tls/, this folder alone
 * knows a crypto library. A mix_crypto holds fetched algorithms and reusable contexts: one per
 * thread, borrowed by all layers of a tunnel. Unless said otherwise a function returns MIX_OK, or
 * MIX_ERR_CRYPTO when the library failed (it had no memory); outputs are then undefined but wiped.
 * Inputs and outputs may be the same memory where both are named `data`. */
#ifndef MIX_CRYPTO_CRYPTO_H
#define MIX_CRYPTO_CRYPTO_H

#include "base/bytes.h"

enum {
    MIX_KEY_LEN = 32,       /* X25519 and Ed25519 keys, SHA-256, BLAKE3 */
    MIX_SIGNATURE_LEN = 64, /* Ed25519 */
    MIX_SHA1_LEN = 20,
    MIX_AES128_KEY_LEN = 16, /* and its initial counter block */
    MIX_AEAD_NONCE_LEN = 12,
    MIX_AEAD_TAG_LEN = 16,
    MIX_HKDF_MOST = 255 * 32,
    MIX_HKDF_INFO_MOST = 256,
    MIX_LIONESS_KEY_LEN = 192,
    MIX_LIONESS_LEAST = 33, /* bytes of the smallest block */
};

typedef struct mix_crypto mix_crypto;
int mix_crypto_new(mix_crypto **out); /* MIX_ERR_MEMORY, MIX_ERR_CRYPTO */
void mix_crypto_free(mix_crypto *c);  /* NULL is fine; wipes */

/* True when equal; time depends on len only. */
bool mix_equal(const void *a, const void *b, size_t len);

/* X25519 (RFC 7748) with clamping; the top bit of point is ignored, and an all-zero result is a
 * result like any other (1-sphinx.md §1.5). Cannot fail. Constant time. out may be point. */
void mix_x25519(uint8_t out[static MIX_KEY_LEN], const uint8_t secret[static MIX_KEY_LEN],
                const uint8_t point[static MIX_KEY_LEN]);
void mix_x25519_public(uint8_t out[static MIX_KEY_LEN], const uint8_t secret[static MIX_KEY_LEN]);
/* Both for a secret that is used once: public = mix_x25519_public(secret), shared =
 * mix_x25519(secret, peer). Several times as fast for the few peers that come again and again, of
 * which c keeps tables (27 KB each). Cannot fail: without memory it is just slower. Outputs may lie
 * on inputs. */
void mix_x25519_ephemeral(mix_crypto *c, uint8_t public[static MIX_KEY_LEN],
                          uint8_t shared[static MIX_KEY_LEN],
                          const uint8_t secret[static MIX_KEY_LEN],
                          const uint8_t peer[static MIX_KEY_LEN]);
/* The legacy arithmetic of Sphinx versions 1 and 257 (1-sphinx.md §1.7): multiplication of the
 * point by the integer (secret mod L), without clamping. For nodes only; constant time in the
 * secret. */
void mix_x25519_unclamped(uint8_t out[static MIX_KEY_LEN], const uint8_t scalar[static MIX_KEY_LEN],
                          const uint8_t point[static MIX_KEY_LEN]);
/* out = a·b mod L, all little-endian, any 32-byte inputs (reduced first). Constant time. */
void mix_scalar_mul(uint8_t out[static MIX_KEY_LEN], const uint8_t a[static MIX_KEY_LEN],
                    const uint8_t b[static MIX_KEY_LEN]);

/* Ed25519 (RFC 8032); seed is the 32-byte private key. */
int mix_ed25519_public(mix_crypto *c, uint8_t out[static MIX_KEY_LEN],
                       const uint8_t seed[static MIX_KEY_LEN]);
int mix_ed25519_sign(mix_crypto *c, uint8_t out[static MIX_SIGNATURE_LEN],
                     const uint8_t seed[static MIX_KEY_LEN], mix_bytes message);
/* MIX_OK or MIX_ERR_SIGNATURE. */
int mix_ed25519_verify(mix_crypto *c, const uint8_t key[static MIX_KEY_LEN],
                       const uint8_t signature[static MIX_SIGNATURE_LEN], mix_bytes message);
/* Whether the 32 bytes decompress to a point of the curve (what a Recipient's keys must;
 * 2-messages.md §1). Not secret. */
bool mix_ed25519_is_point(const uint8_t key[static MIX_KEY_LEN]);

/* Broken as a hash for signatures; the WebSocket handshake (RFC 6455 §4.2.2) asks for it and relies
 * on nothing but its being the same on both sides. Cannot fail. */
void mix_sha1(uint8_t out[static MIX_SHA1_LEN], mix_bytes in);
int mix_sha256(mix_crypto *c, uint8_t out[static MIX_KEY_LEN], mix_bytes in);
int mix_hmac_sha256(mix_crypto *c, uint8_t out[static MIX_KEY_LEN], mix_bytes key, mix_bytes in);
/* RFC 5869, extract then expand. MIX_ERR_ARGUMENT for len > MIX_HKDF_MOST or info longer than
 * MIX_HKDF_INFO_MOST. */
int mix_hkdf_sha256(mix_crypto *c, uint8_t *out, size_t len, mix_bytes ikm, mix_bytes salt,
                    mix_bytes info);

void mix_blake3(uint8_t out[static MIX_KEY_LEN], mix_bytes in);
/* HMAC over it, block size 64. */
void mix_hmac_blake3(uint8_t out[static MIX_KEY_LEN], mix_bytes key, mix_bytes in);
/* RFC 5869 over HMAC over BLAKE3 (2-messages.md §0); len ≤ MIX_HKDF_MOST. */
void mix_hkdf_blake3(uint8_t *out, size_t len, mix_bytes ikm, mix_bytes salt, mix_bytes info);

/* BLAKE2b with key and 32 bytes of output in its parameter block. MIX_ERR_ARGUMENT for a key of 0
 * or more than 64 bytes. */
int mix_blake2b_keyed(mix_crypto *c, uint8_t out[static MIX_KEY_LEN], mix_bytes key, mix_bytes in);

/* XORs the AES-128-CTR keystream that starts at counter block iv into data. */
int mix_aes128_ctr(mix_crypto *c, const uint8_t key[static MIX_AES128_KEY_LEN],
                   const uint8_t iv[static MIX_AES128_KEY_LEN], uint8_t *data, size_t len);
/* XORs the ChaCha20 keystream of zero nonce and counter 0 into data. */
int mix_chacha20_zero_nonce(mix_crypto *c, const uint8_t key[static MIX_KEY_LEN], uint8_t *data,
                            size_t len);

/* AES-256-GCM-SIV (RFC 8452). out holds in.len + MIX_AEAD_TAG_LEN bytes: ciphertext, then tag. It
 * may begin at in.data. */
int mix_gcm_siv_seal(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                     const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad, mix_bytes in);
/* out holds in.len − MIX_AEAD_TAG_LEN bytes and may begin at in.data. MIX_ERR_AEAD (nothing but
 * zeros in out) when it does not open or is too short. */
int mix_gcm_siv_open(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                     const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad, mix_bytes in);
/* The same for AES-256-GCM: for Noise on links between nodes. A nonce must never come twice with
 * one key. */
int mix_aes256_gcm_seal(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                        const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad,
                        mix_bytes in);
int mix_aes256_gcm_open(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                        const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad,
                        mix_bytes in);

/* LIONESS over ChaCha20 and BLAKE2b (1-sphinx.md §1.10), in place. MIX_ERR_LIONESS_SIZE for 32
 * bytes or less. */
int mix_lioness_encrypt(mix_crypto *c, const uint8_t key[static MIX_LIONESS_KEY_LEN], uint8_t *data,
                        size_t len);
int mix_lioness_decrypt(mix_crypto *c, const uint8_t key[static MIX_LIONESS_KEY_LEN], uint8_t *data,
                        size_t len);

/* Argon2id (RFC 9106), version 0x13, one lane; memory in KiB (at least 8), at least one pass, 8
 * bytes of salt and 4 of output, or MIX_ERR_ARGUMENT. For passphrases of stored identities. */
int mix_argon2id(mix_crypto *c, uint8_t *out, size_t len, mix_bytes passphrase, mix_bytes salt,
                 uint32_t memory_kib, uint32_t passes);

#endif
