/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of packets whose twin was acknowledged first. */
#include "traffic/twins.h"

#include <string.h>

void mix_twins_put(mix_twins *t, const uint8_t id[static MIX_FRAGMENT_ID_LEN], const mix_way *way,
                   mix_time until) {
    size_t at = t->next++ % MIX_TWINS;
    t->of[at].waits = true;
    memcpy(t->of[at].id, id, MIX_FRAGMENT_ID_LEN);
    t->of[at].until = until;
    t->of[at].way = *way;
}

bool mix_twins_take(mix_twins *t, const uint8_t id[static MIX_FRAGMENT_ID_LEN], mix_way *way) {
    for (size_t i = 0; i < MIX_TWINS; i++)
        if (t->of[i].waits && memcmp(t->of[i].id, id, MIX_FRAGMENT_ID_LEN) == 0) {
            t->of[i].waits = false;
            *way = t->of[i].way;
            return true;
        }
    return false;
}

bool mix_twins_overdue(mix_twins *t, mix_way *way, mix_time now) {
    for (size_t i = 0; i < MIX_TWINS; i++)
        if (t->of[i].waits && t->of[i].until <= now) {
            t->of[i].waits = false;
            *way = t->of[i].way;
            return true;
        }
    return false;
}
