/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake, token by token, in the words of the Noise specification. */
#include "mixnet/link/noise.h"

#include "base/alloc.h"
#include "mix/errors.h"

/* Exactly 32 bytes, so that it is its own first hash (Noise §5.2, InitializeSymmetric). */
static const char protocol[] = "Noise_XKpsk3_25519_AESGCM_SHA256";
static const char psk_label[] = "NYMTECH_NOISE_dQw4w9WgXcQ";

/* ---- CipherState ---- */

static void nonce_of(uint8_t out[static MIX_AEAD_NONCE_LEN], uint64_t n) {
    memset(out, 0, 4);
    mix_put_u64(out + 4, n);
}

static void set_key(mixnet_noise_cipher *k, const uint8_t *key) {
    memcpy(k->key, key, MIX_KEY_LEN);
    k->nonce = 0;
    k->keyed = true;
}

static int seal(mixnet_noise_cipher *k, mix_crypto *c, mix_buf *out, mix_bytes aad, mix_bytes in) {
    uint8_t nonce[MIX_AEAD_NONCE_LEN];
    if (k->nonce == UINT64_MAX)
        return MIX_ERR_LIMIT;
    size_t mark = out->len;
    uint8_t *room = mix_buf_space(out, in.len + MIXNET_NOISE_TAG);
    if (!room)
        return mix_buf_status(out);
    nonce_of(nonce, k->nonce);
    int status = mix_aes256_gcm_seal(c, room, k->key, nonce, aad, in);
    if (status == MIX_OK)
        k->nonce++;
    else
        mix_buf_truncate(out, mark);
    return status;
}

static int open_sealed(mixnet_noise_cipher *k, mix_crypto *c, mix_buf *out, mix_bytes aad,
                       mix_bytes sealed) {
    uint8_t nonce[MIX_AEAD_NONCE_LEN], none[1];
    if (k->nonce == UINT64_MAX)
        return MIX_ERR_LIMIT;
    if (sealed.len < MIXNET_NOISE_TAG)
        return MIX_ERR_AEAD;
    size_t mark = out->len, len = sealed.len - MIXNET_NOISE_TAG;
    uint8_t *room = len > 0 ? mix_buf_space(out, len) : none;
    if (!room)
        return mix_buf_status(out);
    nonce_of(nonce, k->nonce);
    int status = mix_aes256_gcm_open(c, room, k->key, nonce, aad, sealed);
    if (status == MIX_OK)
        k->nonce++;
    else
        mix_buf_truncate(out, mark);
    return status;
}

/* ---- SymmetricState ---- */

static int hash_in(mixnet_noise *n, mix_crypto *c, mix_bytes data) {
    mix_buf both = {0};
    mix_buf_put(&both, n->hash, MIX_KEY_LEN);
    mix_buf_put_bytes(&both, data);
    int status = mix_buf_status(&both);
    if (status == MIX_OK)
        status = mix_sha256(c, n->hash, mix_buf_bytes(&both));
    mix_buf_deinit(&both);
    return status;
}

/* HKDF with the chaining key as salt: the new one, then keys. */
static int key_in(mixnet_noise *n, mix_crypto *c, const uint8_t material[static MIX_KEY_LEN]) {
    uint8_t out[2 * MIX_KEY_LEN];
    int status = mix_hkdf_sha256(c, out, sizeof out, mix_bytes_of(material, MIX_KEY_LEN),
                                 MIX_BYTES(n->chain), (mix_bytes){0});
    if (status == MIX_OK) {
        memcpy(n->chain, out, MIX_KEY_LEN);
        set_key(&n->handshake, out + MIX_KEY_LEN);
    }
    mix_wipe(out, sizeof out);
    return status;
}

static int psk_in(mixnet_noise *n, mix_crypto *c) {
    uint8_t out[3 * MIX_KEY_LEN];
    int status =
        mix_hkdf_sha256(c, out, sizeof out, MIX_BYTES(n->psk), MIX_BYTES(n->chain), (mix_bytes){0});
    if (status == MIX_OK) {
        memcpy(n->chain, out, MIX_KEY_LEN);
        status = hash_in(n, c, mix_bytes_of(out + MIX_KEY_LEN, MIX_KEY_LEN));
        set_key(&n->handshake, out + 2 * MIX_KEY_LEN);
    }
    mix_wipe(out, sizeof out);
    return status;
}

static int dh_in(mixnet_noise *n, mix_crypto *c, const uint8_t *secret, const uint8_t *point) {
    uint8_t shared[MIX_KEY_LEN];
    mix_x25519(shared, secret, point);
    int status = key_in(n, c, shared);
    mix_wipe(shared, sizeof shared);
    return status;
}

static int encrypt_and_hash(mixnet_noise *n, mix_crypto *c, mix_buf *out, mix_bytes in) {
    size_t start = out->len;
    int status = seal(&n->handshake, c, out, MIX_BYTES(n->hash), in);
    if (status == MIX_OK)
        status = hash_in(n, c, mix_bytes_slice(mix_buf_bytes(out), start, out->len));
    return status;
}

static int decrypt_and_hash(mixnet_noise *n, mix_crypto *c, mix_buf *out, mix_bytes sealed) {
    int status = open_sealed(&n->handshake, c, out, MIX_BYTES(n->hash), sealed);
    return status == MIX_OK ? hash_in(n, c, sealed) : status;
}

/* ---- HandshakeState ---- */

/* An ephemeral key on the wire: with a psk it goes into the key as well (Noise §9.2). */
static int token_e(mixnet_noise *n, mix_crypto *c, const uint8_t *public_key) {
    int status = hash_in(n, c, mix_bytes_of(public_key, MIX_KEY_LEN));
    return status == MIX_OK ? key_in(n, c, public_key) : status;
}

/* es, ee, se: the first letter is the initiator's key. */
static int token_es(mixnet_noise *n, mix_crypto *c) {
    return n->initiator ? dh_in(n, c, n->ephemeral, n->peer)
                        : dh_in(n, c, n->secret, n->peer_ephemeral);
}
static int token_ee(mixnet_noise *n, mix_crypto *c) {
    return dh_in(n, c, n->ephemeral, n->peer_ephemeral);
}
static int token_se(mixnet_noise *n, mix_crypto *c) {
    return n->initiator ? dh_in(n, c, n->secret, n->peer_ephemeral)
                        : dh_in(n, c, n->ephemeral, n->peer);
}

int mixnet_noise_init(mixnet_noise *n, mix_crypto *c, const mix_env *env,
                      const uint8_t secret[static MIX_KEY_LEN], const uint8_t *peer) {
    *n = (mixnet_noise){.initiator = peer != NULL};
    memcpy(n->secret, secret, MIX_KEY_LEN);
    mix_x25519_public(n->public_key, secret);
    if (peer)
        memcpy(n->peer, peer, MIX_KEY_LEN);
    int status = mix_random(env, n->ephemeral, sizeof n->ephemeral);
    if (status != MIX_OK)
        return status;
    mix_x25519_public(n->ephemeral_public, n->ephemeral);
    const uint8_t *responder = peer ? n->peer : n->public_key;
    uint8_t labelled[sizeof psk_label - 1 + MIX_KEY_LEN];
    memcpy(labelled, psk_label, sizeof psk_label - 1);
    memcpy(labelled + sizeof psk_label - 1, responder, MIX_KEY_LEN);
    status = mix_sha256(c, n->psk, MIX_BYTES(labelled));
    memcpy(n->hash, protocol, MIX_KEY_LEN);
    memcpy(n->chain, protocol, MIX_KEY_LEN);
    if (status == MIX_OK)
        status = hash_in(n, c, (mix_bytes){0}); /* the prologue */
    return status == MIX_OK ? hash_in(n, c, mix_bytes_of(responder, MIX_KEY_LEN)) : status;
}

void mixnet_noise_wipe(mixnet_noise *n) {
    mix_wipe(n, sizeof *n);
}

bool mixnet_noise_done(const mixnet_noise *n) {
    return n->message == 3;
}

bool mixnet_noise_writes(const mixnet_noise *n) {
    return !mixnet_noise_done(n) && n->initiator == (n->message != 1);
}

/* Split: the first key is for what the initiator sends. What the handshake needed goes. */
static int split(mixnet_noise *n, mix_crypto *c) {
    uint8_t out[2 * MIX_KEY_LEN];
    int status =
        mix_hkdf_sha256(c, out, sizeof out, (mix_bytes){0}, MIX_BYTES(n->chain), (mix_bytes){0});
    if (status == MIX_OK) {
        set_key(n->initiator ? &n->sending : &n->receiving, out);
        set_key(n->initiator ? &n->receiving : &n->sending, out + MIX_KEY_LEN);
        mix_wipe(n->secret, sizeof n->secret);
        mix_wipe(n->ephemeral, sizeof n->ephemeral);
        mix_wipe(n->psk, sizeof n->psk);
        mix_wipe(n->chain, sizeof n->chain);
        mix_wipe(&n->handshake, sizeof n->handshake);
    }
    mix_wipe(out, sizeof out);
    return status;
}

/* Messages 1 and 2: e, and es or ee. */
static int write_ephemeral(mixnet_noise *n, mix_crypto *c, mix_buf *out) {
    mix_buf_put(out, n->ephemeral_public, MIX_KEY_LEN);
    int status = mix_buf_status(out);
    if (status == MIX_OK)
        status = token_e(n, c, n->ephemeral_public);
    if (status == MIX_OK)
        status = n->message == 0 ? token_es(n, c) : token_ee(n, c);
    return status;
}

/* Message 3: s, se, psk. */
static int write_static(mixnet_noise *n, mix_crypto *c, mix_buf *out) {
    int status = encrypt_and_hash(n, c, out, MIX_BYTES(n->public_key));
    if (status == MIX_OK)
        status = token_se(n, c);
    return status == MIX_OK ? psk_in(n, c) : status;
}

int mixnet_noise_write(mixnet_noise *n, mix_crypto *c, mix_buf *out) {
    size_t mark = out->len;
    int status = n->message == 2 ? write_static(n, c, out) : write_ephemeral(n, c, out);
    if (status == MIX_OK)
        status = encrypt_and_hash(n, c, out, (mix_bytes){0});
    if (status == MIX_OK && ++n->message == 3)
        status = split(n, c);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

static int read_ephemeral(mixnet_noise *n, mix_crypto *c, mix_reader *r) {
    mix_read_into(r, n->peer_ephemeral, MIX_KEY_LEN);
    int status = token_e(n, c, n->peer_ephemeral);
    if (status == MIX_OK)
        status = n->message == 0 ? token_es(n, c) : token_ee(n, c);
    return status;
}

static int read_static(mixnet_noise *n, mix_crypto *c, mix_reader *r) {
    mix_buf key = mix_buf_fixed(n->peer, MIX_KEY_LEN);
    int status = decrypt_and_hash(n, c, &key, mix_read_bytes(r, MIX_KEY_LEN + MIXNET_NOISE_TAG));
    if (status == MIX_OK)
        status = token_se(n, c);
    return status == MIX_OK ? psk_in(n, c) : status;
}

int mixnet_noise_read(mixnet_noise *n, mix_crypto *c, mix_bytes message) {
    static const size_t lengths[] = {48, 48, 64};
    mix_buf none = {0};
    mix_reader r = {.in = message};
    if (message.len != lengths[n->message])
        return MIX_ERR_NOISE;
    int status = n->message == 2 ? read_static(n, c, &r) : read_ephemeral(n, c, &r);
    if (status == MIX_OK)
        status = decrypt_and_hash(n, c, &none, r.in);
    if (status == MIX_OK && ++n->message == 3)
        status = split(n, c);
    return status;
}

int mixnet_noise_seal(mixnet_noise *n, mix_crypto *c, mix_buf *out, mix_bytes in) {
    return seal(&n->sending, c, out, (mix_bytes){0}, in);
}

int mixnet_noise_open(mixnet_noise *n, mix_crypto *c, mix_buf *out, mix_bytes sealed) {
    return open_sealed(&n->receiving, c, out, (mix_bytes){0}, sealed);
}
