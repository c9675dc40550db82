/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments sealed and opened: X25519 and HKDF-BLAKE3 make the key of a forward one, AES-128-CTR
 * does the rest. */
#include "traffic/payload.h"

#include "base/alloc.h"
#include "mix/errors.h"
#include "sphinx/sphinx.h"

size_t mix_fragment_space(mix_packet_size size) {
    size_t plaintext = mix_plaintext_len(size);
    size_t around = MIX_SURB_ACK_LEN + MIX_KEY_LEN;
    return size <= MIX_SIZE_EXTENDED16 && plaintext > around ? plaintext - around : 0;
}

/* Appends content through the keystream of key; on failure cuts out to `start`. */
static int append_crypted(mix_crypto *c, mix_buf *out, size_t start,
                          const uint8_t key[static MIX_PAYLOAD_KEY_LEN], mix_bytes content) {
    static const uint8_t zero_iv[MIX_AES128_KEY_LEN] = {0}; /* each key is used once */
    size_t at = out->len;
    mix_buf_put_bytes(out, content);
    int status = mix_buf_status(out);
    if (status == MIX_OK && content.len > 0)
        status = mix_aes128_ctr(c, key, zero_iv, out->data + at, content.len);
    if (status != MIX_OK)
        mix_buf_truncate(out, start);
    return status;
}

static void forward_key(uint8_t key[static MIX_PAYLOAD_KEY_LEN], uint8_t dh[static MIX_KEY_LEN]) {
    mix_hkdf_blake3(key, MIX_PAYLOAD_KEY_LEN, mix_bytes_of(dh, MIX_KEY_LEN), (mix_bytes){0},
                    (mix_bytes){0});
    mix_wipe(dh, MIX_KEY_LEN);
}

int mix_payload_seal_forward(mix_crypto *c, const mix_env *env, mix_buf *out,
                             const uint8_t recipient_key[static MIX_KEY_LEN], mix_bytes content) {
    uint8_t secret[MIX_KEY_LEN], key[MIX_PAYLOAD_KEY_LEN], public[MIX_KEY_LEN], dh[MIX_KEY_LEN];
    int status = mix_random(env, secret, sizeof secret);
    if (status != MIX_OK)
        return status;
    mix_x25519_ephemeral(c, public, dh, secret, recipient_key);
    forward_key(key, dh);
    mix_wipe(secret, sizeof secret);
    size_t start = out->len;
    mix_buf_put(out, public, sizeof public);
    status = append_crypted(c, out, start, key, content);
    mix_wipe(key, sizeof key);
    return status;
}

int mix_payload_seal_reply(mix_crypto *c, mix_buf *out,
                           const uint8_t key[static MIX_PAYLOAD_KEY_LEN], mix_bytes content) {
    uint8_t digest[MIX_KEY_LEN];
    mix_blake3(digest, mix_bytes_of(key, MIX_PAYLOAD_KEY_LEN));
    size_t start = out->len;
    mix_buf_put(out, digest, sizeof digest);
    return append_crypted(c, out, start, key, content);
}

int mix_payload_open_forward(mix_crypto *c, mix_buf *out, const uint8_t secret[static MIX_KEY_LEN],
                             mix_bytes delivered) {
    if (delivered.len < MIX_KEY_LEN)
        return MIX_ERR_DELIVERED_SHORT;
    uint8_t key[MIX_PAYLOAD_KEY_LEN], dh[MIX_KEY_LEN];
    mix_x25519(dh, secret, delivered.data);
    forward_key(key, dh);
    mix_bytes sealed = mix_bytes_slice(delivered, MIX_KEY_LEN, delivered.len);
    int status = append_crypted(c, out, out->len, key, sealed);
    mix_wipe(key, sizeof key);
    return status;
}

int mix_payload_open_reply(mix_crypto *c, mix_buf *out,
                           const uint8_t key[static MIX_PAYLOAD_KEY_LEN], mix_bytes sealed) {
    return append_crypted(c, out, out->len, key, sealed);
}
