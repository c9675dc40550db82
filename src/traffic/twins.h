/* SPDX-License-Identifier: Apache-2.0 */
/* Of a packet and its copy one acknowledgement settles the fragment; what becomes of the other
 * still tells of the mix nodes on its way. Bounded: of many at a time the oldest are forgotten. */
#ifndef MIX_TRAFFIC_TWINS_H
#define MIX_TRAFFIC_TWINS_H

#include "traffic/ack.h"
#include "traffic/reach.h"

enum { MIX_TWINS = 32 };
typedef struct mix_twins {
    struct {
        bool waits;
        uint8_t id[MIX_FRAGMENT_ID_LEN]; /* as in its acknowledgement, marked if it is the copy */
        mix_time until;                  /* then it is lost */
        mix_way way;
    } of[MIX_TWINS];
    size_t next;
} mix_twins; /* {0} is empty */

void mix_twins_put(mix_twins *t, const uint8_t id[static MIX_FRAGMENT_ID_LEN], const mix_way *way,
                   mix_time until);
/* Its acknowledgement came: takes it out, if it is there. */
bool mix_twins_take(mix_twins *t, const uint8_t id[static MIX_FRAGMENT_ID_LEN], mix_way *way);
/* Takes out one whose time is up, if there is one. */
bool mix_twins_overdue(mix_twins *t, mix_way *way, mix_time now);

#endif
