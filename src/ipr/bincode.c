/* SPDX-License-Identifier: Apache-2.0 */
/* Readers and writers of bincode's parts. */
#include "ipr/bincode.h"

#include "base/utf8.h"

uint64_t mix_bin_varint(mix_reader *r, uint64_t max) {
    uint8_t first = mix_read_u8(r);
    uint64_t v = first;
    if (first == 251)
        v = mix_read_u16(r);
    else if (first == 252)
        v = mix_read_u32(r);
    else if (first == 253)
        v = mix_read_u64(r);
    else if (first > 253)
        r->bad = true; /* u128 and a reserved marker */
    if (v > max)
        r->bad = true;
    return r->bad ? 0 : v;
}

void mix_bin_put_varint(mix_buf *b, uint64_t v) {
    if (v < 251) {
        mix_buf_put_u8(b, (uint8_t)v);
    } else if (v <= UINT16_MAX) {
        mix_buf_put_u8(b, 251);
        mix_buf_put_u16(b, (uint16_t)v);
    } else if (v <= UINT32_MAX) {
        mix_buf_put_u8(b, 252);
        mix_buf_put_u32(b, (uint32_t)v);
    } else {
        mix_buf_put_u8(b, 253);
        mix_buf_put_u64(b, v);
    }
}

int32_t mix_bin_i32(mix_reader *r) {
    uint32_t v = (uint32_t)mix_bin_varint(r, UINT32_MAX);
    uint32_t value = v >> 1 ^ (0u - (v & 1));
    return value <= INT32_MAX ? (int32_t)value : -(int32_t)(UINT32_MAX - value) - 1;
}

void mix_bin_put_i32(mix_buf *b, int32_t v) {
    mix_bin_put_varint(b, (uint32_t)v << 1 ^ (v < 0 ? UINT32_MAX : 0));
}

bool mix_bin_bool(mix_reader *r) {
    uint8_t v = mix_read_u8(r);
    if (v > 1)
        r->bad = true;
    return v == 1 && !r->bad;
}

mix_bytes mix_bin_bytes(mix_reader *r) {
    uint64_t len = mix_bin_varint(r, SIZE_MAX);
    return mix_read_bytes(r, (size_t)len);
}

void mix_bin_put_bytes(mix_buf *b, mix_bytes bytes) {
    mix_bin_put_varint(b, bytes.len);
    mix_buf_put_bytes(b, bytes);
}

mix_bytes mix_bin_text(mix_reader *r) {
    mix_bytes text = mix_bin_bytes(r);
    if (!mix_utf8_valid(text)) {
        r->bad = true;
        return (mix_bytes){0};
    }
    return text;
}
