/* SPDX-License-Identifier: Apache-2.0 */
/* Registration, authentication and sealing; which bytes go where is wire.c's. */
#include "gateway/wire_handshake.h"

#include "base/alloc.h"

void mix_handshake_wipe(mix_handshake *h) {
    mix_wipe(h, sizeof *h);
}

/* In each signature the signer's own ephemeral key comes first. */
static mix_bytes signed_keys(uint8_t out[static 2 * MIX_KEY_LEN], const uint8_t *signer,
                             const uint8_t *other) {
    memcpy(out, signer, MIX_KEY_LEN);
    memcpy(out + MIX_KEY_LEN, other, MIX_KEY_LEN);
    return mix_bytes_of(out, 2 * MIX_KEY_LEN);
}

/* k = HKDF-BLAKE3(salt, X25519(own, peer)). A point of low order would make a key that all the
 * world knows: refused. */
static int derive(mix_handshake *h) {
    static const uint8_t zeros[MIX_KEY_LEN];
    uint8_t shared[MIX_KEY_LEN];
    mix_x25519(shared, h->secret, h->peer_ephemeral);
    int status = mix_equal(shared, zeros, sizeof shared) ? MIX_ERR_GATEWAY_HANDSHAKE : MIX_OK;
    if (status == MIX_OK)
        mix_hkdf_blake3(h->key, MIX_KEY_LEN, MIX_BYTES(shared), MIX_BYTES(h->salt), (mix_bytes){0});
    mix_wipe(shared, sizeof shared);
    return status;
}

/* Appends the proof: the sealed signature over both ephemeral keys; message 2 has the ephemeral key
 * in front. */
static int put_proof(mix_handshake *h, mix_buf *out, mix_crypto *c, const mix_env *env,
                     const uint8_t *seed, const uint8_t *ephemeral) {
    uint8_t both[2 * MIX_KEY_LEN], signature[MIX_SIGNATURE_LEN], sealed[MIX_SEALED_SIGNATURE],
        nonce[MIX_AEAD_NONCE_LEN];
    int status = mix_random(env, nonce, sizeof nonce);
    if (status == MIX_OK)
        status = mix_ed25519_sign(c, signature, seed,
                                  signed_keys(both, h->ephemeral, h->peer_ephemeral));
    if (status == MIX_OK)
        status = mix_gcm_siv_seal(c, sealed, h->key, nonce, (mix_bytes){0}, MIX_BYTES(signature));
    if (status != MIX_OK)
        return status;
    size_t mark = out->len;
    mix_handshake_proof_encode(
        out, &(mix_handshake_proof){.ephemeral = ephemeral, .sealed = sealed, .nonce = nonce});
    status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

static int check_proof(const mix_handshake *h, mix_crypto *c, const uint8_t *identity,
                       const mix_handshake_proof *m) {
    uint8_t both[2 * MIX_KEY_LEN], signature[MIX_SIGNATURE_LEN];
    int status = mix_gcm_siv_open(c, signature, h->key, m->nonce, (mix_bytes){0},
                                  mix_bytes_of(m->sealed, MIX_SEALED_SIGNATURE));
    if (status == MIX_OK)
        status = mix_ed25519_verify(c, identity, signature,
                                    signed_keys(both, h->peer_ephemeral, h->ephemeral));
    return status;
}

int mix_handshake_start(mix_handshake *h, mix_buf *out, const mix_env *env,
                        const uint8_t identity[static MIX_KEY_LEN]) {
    int status = mix_random(env, h->secret, sizeof h->secret);
    if (status == MIX_OK)
        status = mix_random(env, h->salt, sizeof h->salt);
    if (status != MIX_OK)
        return status;
    mix_x25519_public(h->ephemeral, h->secret);
    size_t mark = out->len;
    mix_handshake_init_encode(out, &(mix_handshake_init){identity, h->ephemeral, h->salt});
    status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

int mix_handshake_answer(mix_handshake *h, mix_buf *out, mix_crypto *c, const mix_env *env,
                         const uint8_t seed[static MIX_KEY_LEN],
                         const uint8_t gateway[static MIX_KEY_LEN], mix_bytes message) {
    mix_handshake_proof m;
    int status = mix_handshake_proof_decode(&m, true, message);
    if (status != MIX_OK)
        return status;
    memcpy(h->peer_ephemeral, m.ephemeral, MIX_KEY_LEN);
    status = derive(h);
    if (status == MIX_OK)
        status = check_proof(h, c, gateway, &m);
    if (status == MIX_ERR_SIGNATURE)
        status = MIX_ERR_GATEWAY_IDENTITY;
    if (status == MIX_OK)
        status = put_proof(h, out, c, env, seed, NULL);
    if (status != MIX_OK)
        mix_wipe(h->key, sizeof h->key);
    return status;
}

int mix_handshake_accept(mix_handshake *h, mix_buf *out, mix_crypto *c, const mix_env *env,
                         const uint8_t seed[static MIX_KEY_LEN], mix_bytes message) {
    mix_handshake_init m;
    int status = mix_handshake_init_decode(&m, message);
    if (status != MIX_OK)
        return status;
    if (!mix_ed25519_is_point(m.identity))
        return MIX_ERR_GATEWAY_HANDSHAKE;
    memcpy(h->peer_identity, m.identity, MIX_KEY_LEN);
    memcpy(h->peer_ephemeral, m.ephemeral, MIX_KEY_LEN);
    memcpy(h->salt, m.salt, MIX_HANDSHAKE_SALT);
    status = mix_random(env, h->secret, sizeof h->secret);
    if (status != MIX_OK)
        return status;
    mix_x25519_public(h->ephemeral, h->secret);
    status = derive(h);
    return status == MIX_OK ? put_proof(h, out, c, env, seed, h->ephemeral) : status;
}

int mix_handshake_finish(mix_handshake *h, mix_buf *out, mix_crypto *c, mix_bytes message) {
    mix_handshake_proof m;
    int status = mix_handshake_proof_decode(&m, false, message);
    if (status == MIX_OK)
        status = check_proof(h, c, h->peer_identity, &m);
    if (status != MIX_OK)
        return status;
    mix_handshake_done_encode(out);
    return mix_buf_status(out);
}

/* ---- authentication ---- */

/* What the signature covers has a known length for the lengths that we write ourselves; others come
 * from a peer. */
static int sign_or_verify(mix_crypto *c, const uint8_t *seed,
                          uint8_t signature[static MIX_SIGNATURE_LEN], const mix_text *t) {
    mix_buf payload = {0};
    mix_authenticate_payload(&payload, t);
    int status = mix_buf_status(&payload);
    if (status == MIX_OK && seed)
        status = mix_ed25519_sign(c, signature, seed, mix_buf_bytes(&payload));
    else if (status == MIX_OK)
        status = mix_ed25519_verify(c, t->identity, signature, mix_buf_bytes(&payload));
    mix_buf_deinit(&payload);
    return status;
}

int mix_authenticate_write(mix_buf *out, mix_crypto *c, const mix_env *env,
                           const uint8_t seed[static MIX_KEY_LEN],
                           const uint8_t identity[static MIX_KEY_LEN],
                           const uint8_t key[static MIX_KEY_LEN], uint8_t version,
                           uint64_t timestamp) {
    uint8_t nonce[MIX_AEAD_NONCE_LEN], sealed[MIX_KEY_LEN + MIX_AEAD_TAG_LEN];
    mix_text t = {.type = MIX_TEXT_AUTHENTICATE, .version = version, .timestamp = timestamp};
    memcpy(t.identity, identity, MIX_KEY_LEN);
    int status = mix_random(env, nonce, sizeof nonce);
    if (status == MIX_OK)
        status = mix_gcm_siv_seal(c, sealed, key, nonce, (mix_bytes){0}, MIX_BYTES(t.identity));
    if (status != MIX_OK)
        return status;
    t.data = MIX_BYTES(sealed);
    t.nonce = MIX_BYTES(nonce);
    status = sign_or_verify(c, seed, t.signature, &t);
    return status == MIX_OK ? mix_text_encode(out, &t) : status;
}

int mix_authenticate_check_signature(mix_crypto *c, const mix_text *request) {
    uint8_t signature[MIX_SIGNATURE_LEN];
    memcpy(signature, request->signature, sizeof signature);
    return sign_or_verify(c, NULL, signature, request);
}

int mix_authenticate_check_key(mix_crypto *c, const mix_text *request,
                               const uint8_t key[static MIX_KEY_LEN]) {
    if (request->nonce.len != MIX_AEAD_NONCE_LEN)
        return MIX_ERR_ARGUMENT;
    uint8_t sealed[MIX_KEY_LEN + MIX_AEAD_TAG_LEN];
    int status = mix_gcm_siv_seal(c, sealed, key, request->nonce.data, (mix_bytes){0},
                                  MIX_BYTES(request->identity));
    if (status != MIX_OK)
        return status;
    bool same =
        request->data.len == sizeof sealed && mix_equal(sealed, request->data.data, sizeof sealed);
    return same ? MIX_OK : MIX_ERR_AEAD;
}

/* ---- sealing ---- */

int mix_gateway_frame_seal(mix_buf *out, mix_crypto *c, const mix_env *env,
                           const uint8_t key[static MIX_KEY_LEN], uint8_t kind, mix_bytes front,
                           mix_bytes rest) {
    uint8_t nonce[MIX_AEAD_NONCE_LEN];
    int status = mix_random(env, nonce, sizeof nonce);
    if (status != MIX_OK)
        return status;
    size_t mark = out->len, len = front.len + rest.len;
    (void)mix_buf_reserve(out, MIX_FRAME_HEAD + len + MIX_AEAD_TAG_LEN);
    mix_gateway_frame_head(out, kind, nonce);
    uint8_t *body = mix_buf_space(out, len + MIX_AEAD_TAG_LEN);
    status = mix_buf_status(out);
    if (status == MIX_OK) {
        if (front.len > 0)
            memcpy(body, front.data, front.len);
        if (rest.len > 0)
            memcpy(body + front.len, rest.data, rest.len);
        status = mix_gcm_siv_seal(c, body, key, nonce, (mix_bytes){0}, mix_bytes_of(body, len));
    }
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

static int open_to(mix_buf *out, mix_crypto *c, const uint8_t *key, const uint8_t *nonce,
                   mix_bytes sealed) {
    if (sealed.len < MIX_AEAD_TAG_LEN)
        return MIX_ERR_AEAD;
    size_t mark = out->len, len = sealed.len - MIX_AEAD_TAG_LEN;
    uint8_t none[1];
    uint8_t *plain = len > 0 ? mix_buf_space(out, len) : none;
    int status = mix_buf_status(out);
    if (status == MIX_OK)
        status = mix_gcm_siv_open(c, plain, key, nonce, (mix_bytes){0}, sealed);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

int mix_gateway_frame_open(mix_buf *out, mix_crypto *c, const uint8_t key[static MIX_KEY_LEN],
                           const mix_gateway_frame *frame) {
    if (frame->sealed)
        return open_to(out, c, key, frame->nonce, frame->body);
    mix_buf_put_bytes(out, frame->body);
    return mix_buf_status(out);
}

int mix_text_seal(mix_buf *out, mix_crypto *c, const mix_env *env,
                  const uint8_t key[static MIX_KEY_LEN], mix_text_type type, mix_bytes plain) {
    uint8_t nonce[MIX_AEAD_NONCE_LEN];
    int status = mix_random(env, nonce, sizeof nonce);
    if (status != MIX_OK)
        return status;
    mix_buf sealed = {0};
    uint8_t *p = mix_buf_space(&sealed, plain.len + MIX_AEAD_TAG_LEN);
    status = mix_buf_status(&sealed);
    if (status == MIX_OK)
        status = mix_gcm_siv_seal(c, p, key, nonce, (mix_bytes){0}, plain);
    if (status == MIX_OK)
        status = mix_text_encode(
            out,
            &(mix_text){.type = type, .data = mix_buf_bytes(&sealed), .nonce = MIX_BYTES(nonce)});
    mix_buf_deinit(&sealed);
    return status;
}

int mix_text_open(mix_buf *out, mix_crypto *c, const uint8_t key[static MIX_KEY_LEN],
                  const mix_text *t) {
    if (t->nonce.len != MIX_AEAD_NONCE_LEN)
        return MIX_ERR_ARGUMENT;
    return open_to(out, c, key, t->nonce.data, t->data);
}
