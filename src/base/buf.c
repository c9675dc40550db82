/* SPDX-License-Identifier: Apache-2.0 */
/* The growing buffer. */
#include "base/buf.h"

#include "base/alloc.h"
#include "mix/errors.h"

enum { SMALLEST = 64 };

void mix_buf_deinit(mix_buf *b) {
    if (!b->fixed)
        mix_free(b->data);
    *b = (mix_buf){0};
}

void mix_buf_deinit_wiped(mix_buf *b) {
    if (b->data)
        mix_wipe(b->data, b->cap);
    mix_buf_deinit(b);
}

int mix_buf_status(const mix_buf *b) {
    if (!b->failed)
        return MIX_OK;
    return b->fixed ? MIX_ERR_LIMIT : MIX_ERR_MEMORY;
}

void mix_buf_truncate(mix_buf *b, size_t len) {
    if (len < b->len)
        b->len = len;
    b->failed = false;
}

void mix_buf_consume(mix_buf *b, size_t n) {
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

/* New memory instead of realloc: the old bytes are wiped, since a buffer may hold secrets. */
static bool move_to(mix_buf *b, size_t cap) {
    uint8_t *p = mix_alloc(cap);
    if (!p)
        return false;
    if (b->data) {
        memcpy(p, b->data, b->len);
        mix_free_wiped(b->data, b->cap);
    }
    b->data = p;
    b->cap = cap;
    return true;
}

bool mix_buf_reserve(mix_buf *b, size_t n) {
    if (b->failed)
        return false;
    size_t room = b->cap - b->len;
    bool fits = n <= room;
    if (b->fixed) {
        b->failed = !fits;
        return fits;
    }
    if (!fits) {
        size_t need = b->len + n;
        size_t cap = b->cap < SMALLEST ? SMALLEST : b->cap;
        while (cap < need && cap <= SIZE_MAX / 2)
            cap *= 2;
        b->failed = need < b->len || cap < need || !move_to(b, cap);
        return !b->failed;
    }
#ifdef MIX_DEBUG_MOVE
    if (b->cap > 0)
        (void)move_to(b, b->cap); /* where it stays is as good when there is no memory */
#endif
    return true;
}

uint8_t *mix_buf_space(mix_buf *b, size_t n) {
    if (!mix_buf_reserve(b, n) || !b->data)
        return NULL;
    uint8_t *p = b->data + b->len;
    b->len += n;
    return p;
}

void mix_buf_put(mix_buf *b, const void *data, size_t len) {
    if (len == 0)
        return;
    uint8_t *p = mix_buf_space(b, len);
    if (p)
        memcpy(p, data, len);
}

void mix_buf_put_bytes(mix_buf *b, mix_bytes bytes) {
    mix_buf_put(b, bytes.data, bytes.len);
}

void mix_buf_put_str(mix_buf *b, const char *text) {
    mix_buf_put(b, text, strlen(text));
}

void mix_buf_put_zeros(mix_buf *b, size_t n) {
    uint8_t *p = n > 0 ? mix_buf_space(b, n) : NULL;
    if (p)
        memset(p, 0, n);
}

static void put_be(mix_buf *b, uint64_t v, size_t n) {
    uint8_t *p = mix_buf_space(b, n);
    for (size_t i = 0; p && i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static void put_le(mix_buf *b, uint64_t v, size_t n) {
    uint8_t *p = mix_buf_space(b, n);
    for (size_t i = 0; p && i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

void mix_buf_put_u8(mix_buf *b, uint8_t v) {
    put_be(b, v, 1);
}
void mix_buf_put_u16(mix_buf *b, uint16_t v) {
    put_be(b, v, 2);
}
void mix_buf_put_u32(mix_buf *b, uint32_t v) {
    put_be(b, v, 4);
}
void mix_buf_put_u64(mix_buf *b, uint64_t v) {
    put_be(b, v, 8);
}
void mix_buf_put_u16le(mix_buf *b, uint16_t v) {
    put_le(b, v, 2);
}
void mix_buf_put_u32le(mix_buf *b, uint32_t v) {
    put_le(b, v, 4);
}
void mix_buf_put_u64le(mix_buf *b, uint64_t v) {
    put_le(b, v, 8);
}

void mix_buf_put_varint(mix_buf *b, uint64_t v) {
    if (v < 251) {
        mix_buf_put_u8(b, (uint8_t)v);
    } else if (v <= UINT16_MAX) {
        mix_buf_put_u8(b, 251);
        mix_buf_put_u16le(b, (uint16_t)v);
    } else if (v <= UINT32_MAX) {
        mix_buf_put_u8(b, 252);
        mix_buf_put_u32le(b, (uint32_t)v);
    } else {
        mix_buf_put_u8(b, 253);
        mix_buf_put_u64le(b, v);
    }
}
