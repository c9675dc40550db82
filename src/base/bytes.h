/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes, and a reader over them that remembers failure: read all fields, then check r.bad once. */
#ifndef MIX_BASE_BYTES_H
#define MIX_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct mix_bytes {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
} mix_bytes;

static inline mix_bytes mix_bytes_of(const void *data, size_t len) {
    return (mix_bytes){.data = data, .len = len};
}
/* The bytes of a string without its end. */
static inline mix_bytes mix_bytes_str(const char *text) {
    return (mix_bytes){.data = (const uint8_t *)text, .len = strlen(text)};
}
/* Bytes from `from` on; both ends are cut to what is there. */
static inline mix_bytes mix_bytes_slice(mix_bytes b, size_t from, size_t len) {
    if (from >= b.len)
        return (mix_bytes){0};
    size_t rest = b.len - from;
    return (mix_bytes){.data = b.data + from, .len = len < rest ? len : rest};
}
/* Same length and content; not constant time, for secrets use mix_equal (crypto/). */
static inline bool mix_bytes_equal(mix_bytes a, mix_bytes b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
#define MIX_BYTES(array) mix_bytes_of((array), sizeof(array))

typedef struct mix_reader {
    mix_bytes in; /* what is left */
    bool bad;     /* a read went past the end; all later reads give zeros */
} mix_reader;

/* The next n bytes, or NULL (and bad) when fewer are left. n = 0 gives a valid pointer or NULL for empty input. */
const uint8_t *mix_read(mix_reader *r, size_t n);
mix_bytes mix_read_bytes(mix_reader *r, size_t n);
/* Copies n bytes to out; zeros when fewer are left. */
void mix_read_into(mix_reader *r, uint8_t *out, size_t n);
void mix_skip(mix_reader *r, size_t n);
uint8_t mix_read_u8(mix_reader *r);
uint16_t mix_read_u16(mix_reader *r); /* big-endian, as nearly everything in this protocol */
uint32_t mix_read_u32(mix_reader *r);
uint64_t mix_read_u64(mix_reader *r);
uint16_t mix_read_u16le(mix_reader *r);
uint32_t mix_read_u32le(mix_reader *r);
uint64_t mix_read_u64le(mix_reader *r);
/* bincode's variable-length integer (4-directory.md): one byte below 251, else 251/252/253 and u16/u32/u64 little-endian. */
uint64_t mix_read_varint(mix_reader *r);

void mix_put_u16(uint8_t *out, uint16_t v);
void mix_put_u32(uint8_t *out, uint32_t v);
void mix_put_u64(uint8_t *out, uint64_t v);
uint16_t mix_get_u16(const uint8_t *in);
uint32_t mix_get_u32(const uint8_t *in);
uint64_t mix_get_u64(const uint8_t *in);

#endif
