/* SPDX-License-Identifier: Apache-2.0 */
/* The payload (§1.10): padding, and a wide-block layer per hop. */
#include "base/alloc.h"
#include "mix/errors.h"
#include "sphinx/internal.h"

enum { ZEROS = MIX_SPHINX_OVERHEAD - 1, END = 0x01 };

void mix_sphinx_pad(uint8_t *out, size_t size, mix_bytes message) {
    size_t end = ZEROS + message.len;
    memset(out, 0, ZEROS);
    if (message.len > 0)
        memcpy(out + ZEROS, message.data, message.len);
    out[end] = END;
    memset(out + end + 1, 0, size - end - 1);
}

int mix_sphinx_unpad(mix_bytes *message, mix_bytes payload) {
    uint8_t front = 0;
    if (payload.len < MIX_SPHINX_OVERHEAD)
        return MIX_ERR_SPHINX_PAYLOAD;
    for (size_t i = 0; i < ZEROS; i++)
        front |= payload.data[i];
    size_t end = payload.len - 1;
    while (end >= ZEROS && payload.data[end] != END)
        end--;
    if (front != 0 || end < ZEROS)
        return MIX_ERR_SPHINX_PAYLOAD;
    *message = mix_bytes_of(payload.data + ZEROS, end - ZEROS);
    return MIX_OK;
}

int mix_sphinx_seal_with(mix_crypto *c, mix_buf *out,
                         const uint8_t header[static MIX_SPHINX_HEADER_LEN],
                         const uint8_t *material, size_t stride, size_t layers, bool are_keys,
                         size_t payload_size, mix_bytes message) {
    if (payload_size < MIX_SPHINX_PAYLOAD_LEAST)
        return MIX_ERR_SPHINX_PAYLOAD_SIZE;
    if (message.len > payload_size - MIX_SPHINX_OVERHEAD)
        return MIX_ERR_SPHINX_MESSAGE;
    size_t start = out->len;
    uint8_t *packet = mix_buf_space(out, MIX_SPHINX_HEADER_LEN + payload_size);
    if (!packet)
        return mix_buf_status(out);
    memcpy(packet, header, MIX_SPHINX_HEADER_LEN);
    uint8_t *payload = packet + MIX_SPHINX_HEADER_LEN;
    mix_sphinx_pad(payload, payload_size, message);

    uint8_t key[MIX_LIONESS_KEY_LEN];
    int status = MIX_OK;
    for (size_t i = layers; status == MIX_OK && i-- > 0;) {
        status = mix_sphinx_payload_key(c, key, material + i * stride, are_keys);
        if (status == MIX_OK)
            status = mix_lioness_encrypt(c, key, payload, payload_size);
    }
    mix_wipe(key, sizeof key);
    if (status != MIX_OK) {
        mix_wipe(packet, MIX_SPHINX_HEADER_LEN + payload_size);
        mix_buf_truncate(out, start);
    }
    return status;
}

int mix_surb_recover(mix_crypto *c, mix_buf *out, mix_bytes seeds, mix_bytes payload) {
    size_t hops = seeds.len / MIX_SPHINX_SEED_LEN;
    if (hops < 1 || hops > MIX_SPHINX_MAX_HOPS || seeds.len % MIX_SPHINX_SEED_LEN != 0)
        return MIX_ERR_SPHINX_SURB;
    if (payload.len < MIX_SPHINX_PAYLOAD_LEAST)
        return MIX_ERR_SPHINX_PAYLOAD_SIZE;
    uint8_t *copy = mix_alloc(payload.len);
    if (!copy)
        return MIX_ERR_MEMORY;
    memcpy(copy, payload.data, payload.len);

    /* Each hop decrypted once with its key, the user of the SURB encrypted once with the last
     * hop's. */
    uint8_t key[MIX_LIONESS_KEY_LEN];
    int status = MIX_OK;
    for (size_t i = hops; status == MIX_OK && i-- > 0;) {
        status = mix_sphinx_payload_key(c, key, seeds.data + i * MIX_SPHINX_SEED_LEN, false);
        if (status == MIX_OK)
            status = mix_lioness_encrypt(c, key, copy, payload.len);
    }
    if (status == MIX_OK)
        status =
            mix_sphinx_payload_key(c, key, seeds.data + (hops - 1) * MIX_SPHINX_SEED_LEN, false);
    if (status == MIX_OK)
        status = mix_lioness_decrypt(c, key, copy, payload.len);
    mix_wipe(key, sizeof key);
    mix_bytes message;
    if (status == MIX_OK)
        status = mix_sphinx_unpad(&message, mix_bytes_of(copy, payload.len));
    if (status == MIX_OK) {
        mix_buf_put_bytes(out, message);
        status = mix_buf_status(out);
    }
    mix_free_wiped(copy, payload.len);
    return status;
}
