/* SPDX-License-Identifier: Apache-2.0 */
/* The cryptography between client and gateway: registration (§3.6) and authentication (§3.7), both
 * sides, and sealed frames and texts. Spec: 3-gateway.md. Unless said otherwise: MIX_OK,
 * MIX_ERR_MEMORY, MIX_ERR_RANDOM, MIX_ERR_CRYPTO, and nothing is appended then. */
#ifndef MIX_GATEWAY_WIRE_HANDSHAKE_H
#define MIX_GATEWAY_WIRE_HANDSHAKE_H

#include "base/log.h"
#include "gateway/wire.h"

/* One registration in progress; {0} before its first message. Holds secrets: wipe it when it is
 * over. */
typedef struct mix_handshake {
    uint8_t secret[MIX_KEY_LEN], ephemeral[MIX_KEY_LEN]; /* ours */
    uint8_t peer_ephemeral[MIX_KEY_LEN];
    uint8_t
        peer_identity[MIX_KEY_LEN]; /* the gateway's side: who registers, once message 1 is read */
    uint8_t salt[MIX_HANDSHAKE_SALT];
    uint8_t key[MIX_KEY_LEN]; /* the shared key, once the peer has proven its identity */
} mix_handshake;
void mix_handshake_wipe(mix_handshake *h);

/* Client: appends message 1. */
int mix_handshake_start(mix_handshake *h, mix_buf *out, const mix_env *env,
                        const uint8_t identity[static MIX_KEY_LEN]);
/* Client: reads message 2 and appends message 3; h->key is set. MIX_ERR_GATEWAY_HANDSHAKE (length,
 * or a point of low order), MIX_ERR_AEAD, MIX_ERR_GATEWAY_IDENTITY (the signature is not the
 * gateway's). */
int mix_handshake_answer(mix_handshake *h, mix_buf *out, mix_crypto *c, const mix_env *env,
                         const uint8_t seed[static MIX_KEY_LEN],
                         const uint8_t gateway[static MIX_KEY_LEN], mix_bytes message);
/* Gateway: reads message 1 and appends message 2. MIX_ERR_GATEWAY_HANDSHAKE (length, or an identity
 * that is no point). */
int mix_handshake_accept(mix_handshake *h, mix_buf *out, mix_crypto *c, const mix_env *env,
                         const uint8_t seed[static MIX_KEY_LEN], mix_bytes message);
/* Gateway: reads message 3 and appends message 4; h->peer_identity is then proven.
 * MIX_ERR_GATEWAY_HANDSHAKE, MIX_ERR_AEAD, MIX_ERR_SIGNATURE. */
int mix_handshake_finish(mix_handshake *h, mix_buf *out, mix_crypto *c, mix_bytes message);

/* Client: appends the text of authenticateV2. */
int mix_authenticate_write(mix_buf *out, mix_crypto *c, const mix_env *env,
                           const uint8_t seed[static MIX_KEY_LEN],
                           const uint8_t identity[static MIX_KEY_LEN],
                           const uint8_t key[static MIX_KEY_LEN], uint8_t version,
                           uint64_t timestamp);
/* Gateway: check 3 of §3.7. MIX_ERR_SIGNATURE. */
int mix_authenticate_check_signature(mix_crypto *c, const mix_text *request);
/* Gateway: check 5, with the key that is stored for this identity. MIX_ERR_ARGUMENT (nonce of a
 * wrong length), MIX_ERR_AEAD (another key, or another address). */
int mix_authenticate_check_key(mix_crypto *c, const mix_text *request,
                               const uint8_t key[static MIX_KEY_LEN]);

/* Appends a whole sealed frame of this kind; the plaintext is front and then rest. */
int mix_gateway_frame_seal(mix_buf *out, mix_crypto *c, const mix_env *env,
                           const uint8_t key[static MIX_KEY_LEN], uint8_t kind, mix_bytes front,
                           mix_bytes rest);
/* Appends the plaintext of a frame, sealed or not. MIX_ERR_AEAD. */
int mix_gateway_frame_open(mix_buf *out, mix_crypto *c, const uint8_t key[static MIX_KEY_LEN],
                           const mix_gateway_frame *frame);
/* Appends the text that holds plain sealed: type is MIX_TEXT_SEALED_REQUEST,
 * MIX_TEXT_SEALED_RESPONSE or MIX_TEXT_TICKET. */
int mix_text_seal(mix_buf *out, mix_crypto *c, const mix_env *env,
                  const uint8_t key[static MIX_KEY_LEN], mix_text_type type, mix_bytes plain);
/* Appends what such a text holds. MIX_ERR_AEAD; MIX_ERR_ARGUMENT for a nonce of a wrong length. */
int mix_text_open(mix_buf *out, mix_crypto *c, const uint8_t key[static MIX_KEY_LEN],
                  const mix_text *t);

#endif
