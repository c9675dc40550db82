/* SPDX-License-Identifier: Apache-2.0 */
/* When a mix node turns out to be gone (traffic/reach.h), the exit's stock still has reply blocks
 * that lead over it, and uses the oldest first: half of its replies get lost for as long as it
 * lasts, while TCP waits longer and longer. Nothing takes reply blocks back; so they are used up,
 * by echoes that follow each other as closely as the exit answers them one by one. */
#include "tunnel/internal.h"

#define STALE_EVERY MIX_MS(25) /* more than the exit waits for others to bundle them with */

mix_time mix_tunnel_stale_deadline(const mix_tunnel *t) {
    return t->layers.stale > 0 && t->exit_up ? t->layers.stale_at : MIX_NEVER;
}

void mix_tunnel_stale_turn(mix_tunnel *t, mix_time now) {
    mix_tunnel_layers *l = &t->layers;
    if (!l->traffic)
        return;
    size_t avoided = mix_reach_avoided(mix_traffic_reach(l->traffic));
    if (avoided > l->avoided && t->exit_up) {
        l->stale = l->economy.stock;
        l->stale_at = now;
    }
    l->avoided = avoided;
    if (mix_tunnel_stale_deadline(t) > now)
        return;
    if (mix_ipr_ping(t->ipr, now) != MIX_OK)
        return;
    l->stale--;
    l->stale_at = now + STALE_EVERY;
}
