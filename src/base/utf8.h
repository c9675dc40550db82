/* SPDX-License-Identifier: Apache-2.0 */
/* Is it UTF-8 (RFC 3629)? Asked in pieces: a wrong byte is known at once, wherever the text was
 * cut. */
#ifndef MIX_BASE_UTF8_H
#define MIX_BASE_UTF8_H

#include "base/bytes.h"

/* {0} is the start of a text. */
typedef struct mix_utf8 {
    uint8_t need;      /* bytes that the character under way still lacks */
    uint8_t low, high; /* what the next of them may be */
} mix_utf8;

/* False when nothing that follows can make it UTF-8. */
bool mix_utf8_feed(mix_utf8 *u, mix_bytes in);
/* Whether the text may end here. */
static inline bool mix_utf8_complete(const mix_utf8 *u) {
    return u->need == 0;
}
/* For a text in one piece. */
bool mix_utf8_valid(mix_bytes text);

#endif
