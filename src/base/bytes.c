/* SPDX-License-Identifier: Apache-2.0 */
/* The reader's primitives: each checks the length before it touches a byte. */
#include "base/bytes.h"

const uint8_t *mix_read(mix_reader *r, size_t n) {
    if (r->bad || n > r->in.len) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *p = r->in.data;
    if (n > 0) {
        r->in.data += n;
        r->in.len -= n;
    }
    return p;
}

mix_bytes mix_read_bytes(mix_reader *r, size_t n) {
    const uint8_t *p = mix_read(r, n);
    return r->bad ? (mix_bytes){0} : mix_bytes_of(p, n);
}

void mix_read_into(mix_reader *r, uint8_t *out, size_t n) {
    const uint8_t *p = mix_read(r, n);
    if (n == 0)
        return;
    if (p)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

void mix_skip(mix_reader *r, size_t n) {
    (void)mix_read(r, n);
}

static uint64_t read_be(mix_reader *r, size_t n) {
    const uint8_t *p = mix_read(r, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static uint64_t read_le(mix_reader *r, size_t n) {
    const uint8_t *p = mix_read(r, n);
    uint64_t v = 0;
    for (size_t i = n; p && i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

uint8_t mix_read_u8(mix_reader *r) {
    return (uint8_t)read_be(r, 1);
}
uint16_t mix_read_u16(mix_reader *r) {
    return (uint16_t)read_be(r, 2);
}
uint32_t mix_read_u32(mix_reader *r) {
    return (uint32_t)read_be(r, 4);
}
uint64_t mix_read_u64(mix_reader *r) {
    return read_be(r, 8);
}
uint16_t mix_read_u16le(mix_reader *r) {
    return (uint16_t)read_le(r, 2);
}
uint32_t mix_read_u32le(mix_reader *r) {
    return (uint32_t)read_le(r, 4);
}
uint64_t mix_read_u64le(mix_reader *r) {
    return read_le(r, 8);
}

uint64_t mix_read_varint(mix_reader *r) {
    uint8_t first = mix_read_u8(r);
    if (first < 251)
        return first;
    if (first == 251)
        return mix_read_u16le(r);
    if (first == 252)
        return mix_read_u32le(r);
    if (first == 253)
        return mix_read_u64le(r);
    r->bad = true; /* 254 is a u128, 255 is reserved: neither occurs in what we read */
    return 0;
}

void mix_put_u16(uint8_t *out, uint16_t v) {
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}
void mix_put_u32(uint8_t *out, uint32_t v) {
    mix_put_u16(out, (uint16_t)(v >> 16));
    mix_put_u16(out + 2, (uint16_t)v);
}
void mix_put_u64(uint8_t *out, uint64_t v) {
    mix_put_u32(out, (uint32_t)(v >> 32));
    mix_put_u32(out + 4, (uint32_t)v);
}
uint16_t mix_get_u16(const uint8_t *in) {
    return (uint16_t)(in[0] << 8 | in[1]);
}
uint32_t mix_get_u32(const uint8_t *in) {
    return (uint32_t)mix_get_u16(in) << 16 | mix_get_u16(in + 2);
}
uint64_t mix_get_u64(const uint8_t *in) {
    return (uint64_t)mix_get_u32(in) << 32 | mix_get_u32(in + 4);
}
