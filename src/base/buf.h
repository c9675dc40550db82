/* SPDX-License-Identifier: Apache-2.0 */
/* A growing buffer that the caller owns. Appends that fail (no memory, or a fixed buffer is full) change nothing and set
 * failed; all later appends then do nothing too: encode all fields, then check mix_buf_status() once.
 * In debug builds every append moves the data, so that a stale pointer into it fails at once. */
#ifndef MIX_BASE_BUF_H
#define MIX_BASE_BUF_H

#include "base/bytes.h"

typedef struct mix_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool fixed;  /* data is the caller's storage of cap bytes: never grows, never freed */
    bool failed; /* an append did not fit; len is as before it */
} mix_buf;

/* An empty buffer is {0}. */
static inline mix_buf mix_buf_fixed(void *storage, size_t cap) {
    return (mix_buf){.data = storage, .cap = cap, .fixed = true};
}
static inline mix_bytes mix_buf_bytes(const mix_buf *b) {
    return mix_bytes_of(b->data, b->len);
}
void mix_buf_deinit(mix_buf *b);       /* frees; the buffer is {0} again */
void mix_buf_deinit_wiped(mix_buf *b); /* the same for secrets: wipes the whole capacity */
/* MIX_OK, MIX_ERR_MEMORY, or MIX_ERR_LIMIT for a fixed buffer that was too small. */
int mix_buf_status(const mix_buf *b);
/* Cuts to len (not more than now) and forgets a failure: back to the state before a failed encoding. */
void mix_buf_truncate(mix_buf *b, size_t len);
/* Drops the first n bytes (not more than there are). */
void mix_buf_consume(mix_buf *b, size_t n);
/* Makes room for n more bytes; false (and failed) when there is none. */
bool mix_buf_reserve(mix_buf *b, size_t n);
/* Appends n bytes that the caller fills; NULL on failure. Valid until the next append. */
uint8_t *mix_buf_space(mix_buf *b, size_t n);
void mix_buf_put(mix_buf *b, const void *data, size_t len);
void mix_buf_put_bytes(mix_buf *b, mix_bytes bytes);
void mix_buf_put_str(mix_buf *b, const char *text); /* without its end */
void mix_buf_put_zeros(mix_buf *b, size_t n);
void mix_buf_put_u8(mix_buf *b, uint8_t v);
void mix_buf_put_u16(mix_buf *b, uint16_t v); /* big-endian */
void mix_buf_put_u32(mix_buf *b, uint32_t v);
void mix_buf_put_u64(mix_buf *b, uint64_t v);
void mix_buf_put_u16le(mix_buf *b, uint16_t v);
void mix_buf_put_u32le(mix_buf *b, uint32_t v);
void mix_buf_put_u64le(mix_buf *b, uint64_t v);
void mix_buf_put_varint(mix_buf *b, uint64_t v); /* bincode's, see mix_read_varint */

#endif
