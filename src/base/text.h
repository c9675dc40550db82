/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text: base58 (Bitcoin alphabet, no checksum), base64 (RFC 4648 §4) and hexadecimal; and words in any case. */
#ifndef MIX_BASE_TEXT_H
#define MIX_BASE_TEXT_H

#include "base/buf.h"

enum { MIX_BASE58_LONGEST = 1024 }; /* bytes; longer ones are refused, since the work is quadratic */

/* Appends the text without an end. MIX_ERR_LIMIT when in is too long, MIX_ERR_MEMORY. */
int mix_base58_encode(mix_buf *out, mix_bytes in);
/* Appends the bytes. MIX_ERR_BASE58_CHAR, MIX_ERR_LIMIT, MIX_ERR_MEMORY; out is unchanged then. */
int mix_base58_decode(mix_buf *out, mix_bytes text);
/* For values of known size: exactly len bytes or MIX_ERR_BASE58_LENGTH (or MIX_ERR_BASE58_CHAR); out is untouched then. */
int mix_base58_decode_exact(uint8_t *out, size_t len, mix_bytes text);

/* With padding, as the standard alphabet has it. */
int mix_base64_encode(mix_buf *out, mix_bytes in);
/* Strict: padding required, no white space, unused bits zero. MIX_ERR_BASE64, MIX_ERR_MEMORY; out is unchanged then. */
int mix_base64_decode(mix_buf *out, mix_bytes text);

int mix_hex_encode(mix_buf *out, mix_bytes in); /* lower case */
/* Either case. MIX_ERR_HEX, MIX_ERR_MEMORY; out is unchanged then. */
int mix_hex_decode(mix_buf *out, mix_bytes text);

/* Equal but for the case of A to Z, as names of headers and methods are; other bytes have no case. */
bool mix_text_same(mix_bytes a, const char *b);

#endif
