/* SPDX-License-Identifier: Apache-2.0 */
/* The serialisation of requests and responses: bincode with big-endian variable-length integers (5-ipr.md §5.1). */
#ifndef MIX_IPR_BINCODE_H
#define MIX_IPR_BINCODE_H

#include "base/buf.h"

/* A value of at most max, in any of its forms; else the reader is bad. */
uint64_t mix_bin_varint(mix_reader *r, uint64_t max);
void mix_bin_put_varint(mix_buf *b, uint64_t v); /* the shortest form */
int32_t mix_bin_i32(mix_reader *r);              /* zigzag */
void mix_bin_put_i32(mix_buf *b, int32_t v);
bool mix_bin_bool(mix_reader *r); /* also the tag of an Option */
mix_bytes mix_bin_bytes(mix_reader *r);
void mix_bin_put_bytes(mix_buf *b, mix_bytes bytes);
mix_bytes mix_bin_text(mix_reader *r); /* checked UTF-8 */

#endif
