/* SPDX-License-Identifier: Apache-2.0 */
/* The validator: RFC 3629 §4's table, a first byte and the range of the second. */
#include "base/utf8.h"

static bool start(mix_utf8 *u, uint8_t c) {
    u->low = 0x80;
    u->high = 0xbf;
    if (c < 0xc2 || c > 0xf4) /* a byte within a character, an overlong pair, beyond U+10FFFF */
        return false;
    if (c < 0xe0) {
        u->need = 1;
    } else if (c < 0xf0) {
        u->need = 2;
        u->low = c == 0xe0 ? 0xa0 : 0x80;  /* overlong */
        u->high = c == 0xed ? 0x9f : 0xbf; /* surrogates */
    } else {
        u->need = 3;
        u->low = c == 0xf0 ? 0x90 : 0x80;
        u->high = c == 0xf4 ? 0x8f : 0xbf;
    }
    return true;
}

/* How many bytes at the front are plain ASCII, seen eight at a time. */
static size_t ascii(mix_bytes in) {
    size_t n = 0;
    for (uint64_t eight; in.len - n >= sizeof eight; n += sizeof eight) {
        memcpy(&eight, in.data + n, sizeof eight);
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return n;
}

bool mix_utf8_feed(mix_utf8 *u, mix_bytes in) {
    for (size_t i = 0; i < in.len; i++) {
        if (u->need == 0)
            i += ascii(mix_bytes_slice(in, i, SIZE_MAX));
        if (i == in.len)
            break;
        uint8_t c = in.data[i];
        if (u->need > 0) {
            if (c < u->low || c > u->high)
                return false;
            u->need--;
            u->low = 0x80;
            u->high = 0xbf;
        } else if (c >= 0x80 && !start(u, c)) {
            return false;
        }
    }
    return true;
}

bool mix_utf8_valid(mix_bytes text) {
    mix_utf8 u = {0};
    return mix_utf8_feed(&u, text) && mix_utf8_complete(&u);
}
