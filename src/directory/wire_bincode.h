/* SPDX-License-Identifier: Apache-2.0 */
/* The bincode half of wire.h (4-directory.md §5), as wire.c uses it. */
#ifndef MIX_DIRECTORY_WIRE_BINCODE_H
#define MIX_DIRECTORY_WIRE_BINCODE_H

#include "directory/wire.h"

int mix_bincode_read_page(mix_page *out, mix_bytes body, const char *name,
                          const mix_list_visitor *visitor, mix_error *e);
int mix_bincode_write_page(mix_buf *out, const mix_page *page, const mix_skimmed *nodes,
                           size_t count);

#endif
