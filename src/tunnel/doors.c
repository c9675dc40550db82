/* SPDX-License-Identifier: Apache-2.0 */
/* All doors, one after the other. */
#include "tunnel/internal.h"

/* In the order in which what several could take is offered. */
static const mix_door *const doors[MIX_DOORS] = {
    [MIX_DOOR_FETCHES] = &mix_door_fetches,
    [MIX_DOOR_LOOKUPS] = &mix_door_lookups,
    [MIX_DOOR_WEBSOCKETS] = &mix_door_websockets,
    [MIX_DOOR_SOCKETS] = &mix_door_sockets,
};

void *mix_tunnel_door(const mix_tunnel *t, mix_door_kind kind) {
    return t->doors[kind];
}

int mix_doors_begin(mix_tunnel *t) {
    int status = MIX_OK;
    for (int i = 0; i < MIX_DOORS && status == MIX_OK; i++)
        if (doors[i]->begin)
            status = doors[i]->begin(t, &t->doors[i]);
    return status;
}

void mix_doors_free(mix_tunnel *t) {
    for (int i = 0; i < MIX_DOORS; i++) {
        if (doors[i]->free && t->doors[i])
            doors[i]->free(t, t->doors[i]);
        t->doors[i] = NULL;
    }
}

void mix_doors_turn(mix_tunnel *t, mix_time now) {
    for (int i = 0; i < MIX_DOORS; i++)
        if (doors[i]->turn)
            doors[i]->turn(t, t->doors[i], now);
}

void mix_doors_resolved(mix_tunnel *t, const mix_dns_event *ev, mix_time now) {
    for (int i = 0; i < MIX_DOORS; i++)
        if (doors[i]->resolved && doors[i]->resolved(t, t->doors[i], ev, now))
            return;
}

void mix_doors_moved(mix_tunnel *t, mix_time now) {
    for (int i = 0; i < MIX_DOORS; i++)
        if (doors[i]->moved)
            doors[i]->moved(t, t->doors[i], now);
}

void mix_doors_end(mix_tunnel *t, const mix_error *why, mix_time now) {
    for (int i = 0; i < MIX_DOORS; i++)
        if (doors[i]->end)
            doors[i]->end(t, t->doors[i], why, now);
}

int mix_doors_next(mix_tunnel *t, mix_tunnel_event *ev, mix_time now) {
    for (int i = 0; i < MIX_DOORS; i++)
        if (doors[i]->next && doors[i]->next(t, t->doors[i], ev, now) == MIX_OK)
            return MIX_OK;
    return MIX_DONE;
}

mix_time mix_doors_deadline(const mix_tunnel *t) {
    mix_time at = MIX_NEVER;
    for (int i = 0; i < MIX_DOORS; i++)
        if (doors[i]->deadline)
            at = mix_earlier(at, doors[i]->deadline(t, t->doors[i]));
    return at;
}

mix_time mix_doors_limit(const mix_tunnel *t) {
    mix_time at = MIX_NEVER;
    for (int i = 0; i < MIX_DOORS; i++)
        if (doors[i]->limit)
            at = mix_earlier(at, doors[i]->limit(t, t->doors[i]));
    return at;
}

void mix_doors_expire(mix_tunnel *t, mix_time host, mix_time now) {
    for (int i = 0; i < MIX_DOORS; i++)
        if (doors[i]->expire && doors[i]->limit(t, t->doors[i]) <= host)
            doors[i]->expire(t, t->doors[i], host, now);
}
