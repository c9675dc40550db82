/* SPDX-License-Identifier: Apache-2.0 */
/* Byte positions of Noise frames. */
#include "mixnet/link/wire.h"

#include "mix/errors.h"

void mixnet_noise_head_encode(mix_buf *out, mixnet_noise_kind kind, size_t len) {
    mix_buf_put_u8(out, MIXNET_NOISE_VERSION);
    mix_buf_put_u8(out, MIXNET_NOISE_XKPSK3);
    mix_buf_put_u8(out, (uint8_t)kind);
    mix_buf_put_u16(out, (uint16_t)len);
    mix_buf_put_zeros(out, 3);
}

int mixnet_noise_decode(mix_bytes *message, size_t *used, mixnet_noise_kind kind, mix_bytes in) {
    const uint8_t expected[] = {MIXNET_NOISE_VERSION, MIXNET_NOISE_XKPSK3, (uint8_t)kind};
    size_t known = in.len < sizeof expected ? in.len : sizeof expected;
    if (known > 0 && memcmp(in.data, expected, known) != 0) /* told at the first wrong byte */
        return MIX_ERR_NOISE;
    mix_reader r = {.in = mix_bytes_slice(in, sizeof expected, in.len)};
    size_t len = mix_read_u16(&r);
    mix_skip(&r, 3); /* reserved */
    mix_bytes body = mix_read_bytes(&r, len);
    if (r.bad)
        return MIX_DONE;
    *message = body;
    *used = MIXNET_NOISE_HEAD + len;
    return MIX_OK;
}
