/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of HTTP/1 messages, followed to their end (RFC 9112, sections 6 and 7). */
#include "proxy/http_head.h"

#include "mix/errors.h"

enum { SIZE_LINE_MOST = 4096, DIGITS_MOST = 15 };
enum {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_LINE,
    TRAILER_LF,
    LAST_LF
};

http_body http_body_begin(http_framing framing, uint64_t length) {
    http_body b = {.framing = framing, .left = framing == HTTP_LENGTH ? length : 0};
    b.done = framing == HTTP_NO_BODY || (framing == HTTP_LENGTH && length == 0);
    return b;
}

static int digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(uint8_t c) {
    return (c >= ' ' && c != 127) || c == '\t';
}

/* The state after one byte of a chunk's size line; −1: malformed. */
static int feed_size(http_body *b, uint8_t c) {
    bool has_digits = b->line > 0;
    if (++b->line > SIZE_LINE_MOST)
        return -1;
    if (b->state == SIZE && digit(c) >= 0) {
        b->left = b->left * 16 + (uint64_t)digit(c);
        return b->line > DIGITS_MOST ? -1 : SIZE;
    }
    if (c == '\r' && has_digits)
        return SIZE_LF;
    if (b->state == SIZE)
        return has_digits && (c == ';' || c == ' ' || c == '\t') ? EXTENSION : -1;
    return is_text(c) ? EXTENSION : -1;
}

/* The same for a byte of the trailer. */
static int feed_trailer(http_body *b, uint8_t c) {
    if (++b->line > HTTP_HEAD_MOST)
        return -1;
    if (c == '\r')
        return b->state == TRAILER ? LAST_LF : TRAILER_LF;
    return is_text(c) ? TRAILER_LINE : -1;
}

static int feed_byte(http_body *b, uint8_t c) {
    switch (b->state) {
    case SIZE:
    case EXTENSION:
        return feed_size(b, c);
    case SIZE_LF:
        b->line = 0;
        return c != '\n' ? -1 : b->left > 0 ? DATA : TRAILER;
    case DATA_CR:
        return c == '\r' ? DATA_LF : -1;
    case DATA_LF:
        return c == '\n' ? SIZE : -1;
    case TRAILER:
    case TRAILER_LINE:
        return feed_trailer(b, c);
    case TRAILER_LF:
        return c == '\n' ? TRAILER : -1;
    default: /* LAST_LF */
        b->done = c == '\n';
        return b->done ? LAST_LF : -1;
    }
}

/* Of a length or a chunk: as much as there is. */
static size_t take(http_body *b, size_t there) {
    size_t n = b->left < there ? (size_t)b->left : there;
    b->left -= n;
    return n;
}

int http_body_feed(http_body *b, mix_bytes in, size_t *used) {
    *used = 0;
    if (b->framing == HTTP_UNTIL_END)
        *used = in.len;
    if (b->framing == HTTP_LENGTH) {
        *used = take(b, in.len);
        b->done = b->left == 0;
    }
    if (b->framing != HTTP_CHUNKED)
        return MIX_OK;
    while (*used < in.len && !b->done) {
        if (b->state == DATA) {
            *used += take(b, in.len - *used);
            if (b->left == 0)
                b->state = DATA_CR;
            continue;
        }
        int next = feed_byte(b, in.data[*used]);
        if (next < 0)
            return MIX_ERR_ARGUMENT;
        b->state = next;
        ++*used;
    }
    return MIX_OK;
}
