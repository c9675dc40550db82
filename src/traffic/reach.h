/* SPDX-License-Identifier: Apache-2.0 */
/* Which mix nodes seem to be gone, learnt from acknowledgements: a packet and its acknowledgement
 * pass six of them, and when none of those that passed a node is acknowledged while another node of
 * its layer works, the node is left out of new routes for a while.
 *
 * Whoever drops packets can so steer where others go. Hence at most half of a layer is left out,
 * for half a minute at first, and a node that fails alone (or with all others) is not. */
#ifndef MIX_TRAFFIC_REACH_H
#define MIX_TRAFFIC_REACH_H

#include "directory/topology.h"

enum { MIX_WAY_MOST = 2 * MIX_LAYERS };
/* The mix nodes that a packet and its acknowledgement pass. */
typedef struct mix_way {
    uint32_t id[MIX_WAY_MOST]; /* mix_node.id */
    uint8_t layer[MIX_WAY_MOST];
    uint8_t len;
} mix_way;

typedef struct mix_reach mix_reach;
int mix_reach_new(mix_reach **out); /* MIX_ERR_MEMORY */
void mix_reach_free(mix_reach *r);  /* NULL is fine */

/* What became of one packet: acknowledged, or not in time. Tells the time to mix_reach_avoids too.
 */
void mix_reach_note(mix_reach *r, const mix_way *way, bool arrived, const mix_topology *t,
                    mix_time now);
void mix_reach_tick(mix_reach *r, mix_time now); /* the time, when there is nothing to note */
bool mix_reach_avoids(const mix_reach *r, uint32_t id); /* now; false for NULL */
size_t mix_reach_avoided(const mix_reach *r);           /* how many */

#endif
