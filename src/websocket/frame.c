/* SPDX-License-Identifier: Apache-2.0 */
/* Frame headers, masks and close payloads. */
#include "websocket/wire.h"

#include "base/utf8.h"
#include "mix/errors.h"

enum { FIN = 0x80, MASKED = 0x80, OPCODE = 0x0f, LEN_16 = 126, LEN_64 = 127 };

size_t mix_websocket_frame_encode(uint8_t out[static MIX_WEBSOCKET_HEADER_MAX],
                                  const mix_websocket_frame *frame) {
    mix_buf b = mix_buf_fixed(out, MIX_WEBSOCKET_HEADER_MAX);
    uint8_t mask_bit = frame->masked ? MASKED : 0;
    mix_buf_put_u8(&b, (uint8_t)((frame->fin ? FIN : 0) | (frame->reserved & 7) << 4 |
                                 (frame->opcode & OPCODE)));
    if (frame->len < LEN_16) {
        mix_buf_put_u8(&b, (uint8_t)(mask_bit | frame->len));
    } else if (frame->len <= UINT16_MAX) {
        mix_buf_put_u8(&b, mask_bit | LEN_16);
        mix_buf_put_u16(&b, (uint16_t)frame->len);
    } else {
        mix_buf_put_u8(&b, mask_bit | LEN_64);
        mix_buf_put_u64(&b, frame->len);
    }
    if (frame->masked)
        mix_buf_put(&b, frame->mask, sizeof frame->mask);
    return b.len;
}

int mix_websocket_frame_decode(mix_websocket_frame *out, size_t *used, mix_bytes in) {
    mix_reader r = {.in = in};
    uint8_t first = mix_read_u8(&r), second = mix_read_u8(&r);
    mix_websocket_frame f = {.fin = (first & FIN) != 0,
                             .masked = (second & MASKED) != 0,
                             .reserved = first >> 4 & 7,
                             .opcode = first & OPCODE,
                             .len = second & 0x7f};
    uint64_t least = 0;
    if (f.len == LEN_16) {
        least = LEN_16;
        f.len = mix_read_u16(&r);
    } else if (f.len == LEN_64) {
        least = UINT16_MAX + 1;
        f.len = mix_read_u64(&r);
    }
    if (f.masked)
        mix_read_into(&r, f.mask, sizeof f.mask);
    if (r.bad)
        return MIX_DONE;
    if (f.len < least || f.len > INT64_MAX)
        return MIX_ERR_WEBSOCKET_FRAME;
    *out = f;
    *used = in.len - r.in.len;
    return MIX_OK;
}

void mix_websocket_mask(uint8_t *out, mix_bytes in,
                        const uint8_t mask[static MIX_WEBSOCKET_MASK_LEN], uint64_t offset) {
    uint8_t pattern[8];
    uint64_t eight, key;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = mask[(offset + i) % MIX_WEBSOCKET_MASK_LEN];
    memcpy(&key, pattern, sizeof key);
    size_t i = 0;
    for (; in.len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, in.data + i, sizeof eight);
        eight ^= key;
        memcpy(out + i, &eight, sizeof eight);
    }
    for (; i < in.len; i++)
        out[i] = in.data[i] ^ pattern[i % sizeof pattern];
}

bool mix_websocket_code_valid(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

int mix_websocket_close_encode(mix_buf *out, unsigned code, mix_bytes reason) {
    if (code != 0 && !mix_websocket_code_valid(code))
        return MIX_ERR_WEBSOCKET_CODE;
    if (reason.len > MIX_WEBSOCKET_REASON_MAX || !mix_utf8_valid(reason) ||
        (code == 0 && reason.len > 0))
        return MIX_ERR_WEBSOCKET_REASON;
    if (code == 0)
        return MIX_OK;
    mix_buf_put_u16(out, (uint16_t)code);
    mix_buf_put_bytes(out, reason);
    return mix_buf_status(out);
}

int mix_websocket_close_decode(uint16_t *code, mix_bytes *reason, mix_bytes payload) {
    mix_reader r = {.in = payload};
    uint16_t got = payload.len > 0 ? mix_read_u16(&r) : MIX_WEBSOCKET_NO_STATUS;
    if (r.bad || (payload.len > 0 && !mix_websocket_code_valid(got)))
        return MIX_ERR_WEBSOCKET_CLOSE_FRAME;
    if (!mix_utf8_valid(r.in))
        return MIX_ERR_WEBSOCKET_UTF8;
    *code = got;
    *reason = r.in;
    return MIX_OK;
}
