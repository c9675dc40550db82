/* SPDX-License-Identifier: Apache-2.0 */
/* One whole MixPacket from one fragment: fresh route, delays, keys and acknowledgement each time.
 * Spec: 2-messages.md §6–§9. */
#ifndef MIX_TRAFFIC_BUILD_H
#define MIX_TRAFFIC_BUILD_H

#include "traffic/covers.h"
#include "traffic/pending.h"

typedef struct mix_builder {
    const mix_traffic_config *cfg;
    const mix_env *env;
    const mix_topology *topology; /* not NULL when building */
    const mix_reach *reach;       /* or NULL */
    mix_buf plain, packet;        /* scratch; plain is emptied and wiped with the builder */
    mix_covers covers;
} mix_builder;

void mix_builder_deinit(mix_builder *b);
/* Appends the packet for an entry and notes the expected delay and the way in it. MIX_ERR_NO_ROUTE
 * and what the layers below give; out is as before then. */
int mix_build_entry(mix_builder *b, mix_buf *out, mix_entry *e);
/* Once more, by a way of its own, for an entry that is no reply; its acknowledgement is marked. */
int mix_build_copy(mix_builder *b, mix_buf *out, mix_entry *e);
/* Appends a loop cover packet (§11), and remembers it. */
int mix_build_cover(mix_builder *b, mix_buf *out);

#endif
