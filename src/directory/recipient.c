/* SPDX-License-Identifier: Apache-2.0 */
/* Recipient addresses as bytes and as text. */
#include "directory/recipient.h"

#include "base/text.h"
#include "mix/errors.h"

void mix_recipient_encode(mix_buf *out, const mix_recipient *r) {
    uint8_t *p = mix_buf_space(out, MIX_RECIPIENT_LEN);
    if (!p)
        return;
    memcpy(p, r->identity, MIX_KEY_LEN);
    memcpy(p + 32, r->encryption, MIX_KEY_LEN);
    memcpy(p + 64, r->gateway, MIX_KEY_LEN);
}

/* The X25519 key is taken as it is: any 32 bytes are one. */
static int checked(mix_recipient *out, const mix_recipient *r) {
    if (!mix_ed25519_is_point(r->identity) || !mix_ed25519_is_point(r->gateway))
        return MIX_ERR_RECIPIENT_KEY;
    *out = *r;
    return MIX_OK;
}

int mix_recipient_decode(mix_recipient *out, mix_bytes in) {
    if (in.len != MIX_RECIPIENT_LEN)
        return MIX_ERR_RECIPIENT_LENGTH;
    mix_recipient r;
    memcpy(r.identity, in.data, MIX_KEY_LEN);
    memcpy(r.encryption, in.data + 32, MIX_KEY_LEN);
    memcpy(r.gateway, in.data + 64, MIX_KEY_LEN);
    return checked(out, &r);
}

int mix_recipient_format(mix_buf *out, const mix_recipient *r) {
    size_t start = out->len;
    int status = mix_base58_encode(out, MIX_BYTES(r->identity));
    mix_buf_put_u8(out, '.');
    if (status == MIX_OK)
        status = mix_base58_encode(out, MIX_BYTES(r->encryption));
    mix_buf_put_u8(out, '@');
    if (status == MIX_OK)
        status = mix_base58_encode(out, MIX_BYTES(r->gateway));
    if (status == MIX_OK)
        status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, start);
    return status;
}

/* Cuts text at its only c. */
static bool split(mix_bytes text, char c, mix_bytes *front, mix_bytes *back) {
    const uint8_t *at = text.len > 0 ? memchr(text.data, c, text.len) : NULL;
    if (!at)
        return false;
    size_t n = (size_t)(at - text.data);
    *front = mix_bytes_of(text.data, n);
    *back = mix_bytes_of(at + 1, text.len - n - 1);
    return back->len == 0 || !memchr(back->data, c, back->len);
}

int mix_recipient_parse(mix_recipient *out, mix_bytes text) {
    mix_bytes client, gateway, identity, encryption;
    if (!split(text, '@', &client, &gateway) || !split(client, '.', &identity, &encryption))
        return MIX_ERR_RECIPIENT_TEXT;
    mix_recipient r;
    int status = mix_base58_decode_exact(r.identity, MIX_KEY_LEN, identity);
    if (status == MIX_OK)
        status = mix_base58_decode_exact(r.encryption, MIX_KEY_LEN, encryption);
    if (status == MIX_OK)
        status = mix_base58_decode_exact(r.gateway, MIX_KEY_LEN, gateway);
    return status == MIX_OK ? checked(out, &r) : status;
}
