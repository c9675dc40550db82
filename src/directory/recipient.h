/* SPDX-License-Identifier: Apache-2.0 */
/* The address under which a client is found: that of an exit's packet router stands in the
 * directory. Spec: 2-messages.md §1, 4-directory.md §9.1. */
#ifndef MIX_DIRECTORY_RECIPIENT_H
#define MIX_DIRECTORY_RECIPIENT_H

#include "base/buf.h"
#include "crypto/crypto.h"

enum {
    MIX_RECIPIENT_LEN = 96,
    MIX_RECIPIENT_TEXT = 3 * 44 + 2, /* the longest text form, without an end */
};

/* Where a message goes: all public. */
typedef struct mix_recipient {
    uint8_t identity[MIX_KEY_LEN];   /* Ed25519; the destination of the last Sphinx hop */
    uint8_t encryption[MIX_KEY_LEN]; /* X25519 */
    uint8_t gateway[MIX_KEY_LEN];    /* Ed25519 identity of its gateway */
} mix_recipient;

/* Appends the 96 bytes. */
void mix_recipient_encode(mix_buf *out, const mix_recipient *r);
/* Exactly 96 bytes, both Ed25519 keys points of the curve. MIX_ERR_RECIPIENT_LENGTH,
 * MIX_ERR_RECIPIENT_KEY. */
int mix_recipient_decode(mix_recipient *out, mix_bytes in);
/* Appends "identity.encryption@gateway" in base58. MIX_ERR_MEMORY. */
int mix_recipient_format(mix_buf *out, const mix_recipient *r);
/* Reads the text form, strictly. MIX_ERR_RECIPIENT_TEXT (not one '.' and then one '@'),
 * MIX_ERR_BASE58_CHAR, MIX_ERR_BASE58_LENGTH, MIX_ERR_RECIPIENT_KEY. */
int mix_recipient_parse(mix_recipient *out, mix_bytes text);

#endif
