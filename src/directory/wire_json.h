/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON half of wire.h, as wire.c uses it. */
#ifndef MIX_DIRECTORY_WIRE_JSON_H
#define MIX_DIRECTORY_WIRE_JSON_H

#include "directory/json.h"
#include "directory/wire.h"

/* What failed stands in object->fault; text is borrowed from the document. */
void mix_json_read_metadata(mix_page_metadata *m, const mix_json *object);
void mix_json_read_pagination(mix_pagination *p, const mix_json *object);
void mix_json_read_skimmed(mix_skimmed *node, const mix_json *object);
void mix_json_read_described(mix_described *node, const mix_json *object);
int mix_json_write_skimmed_page(mix_buf *out, const mix_page *page, const mix_skimmed *nodes,
                                size_t count);

#endif
