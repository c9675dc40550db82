/* SPDX-License-Identifier: Apache-2.0 */
/* Entries, their lists, timers and turns. */
#include "traffic/pending.h"

#include "base/alloc.h"
#include "mix/errors.h"

#include <assert.h>

int mix_pending_init(mix_pending *p, size_t max, const mix_env *env) {
    *p = (mix_pending){0};
    return mix_map_init(&p->by_id, MIX_FRAGMENT_ID_LEN, max, env);
}

void mix_pending_deinit(mix_pending *p) {
    for (size_t i = 0; i < MIX_PENDING_LISTS; i++) {
        while (p->list[i].first)
            mix_pending_remove(p, p->list[i].first);
    }
    mix_map_deinit(&p->by_id);
    mix_timers_deinit(&p->timers);
}

static void unlink_entry(mix_pending *p, mix_entry *e) {
    if (e->previous)
        e->previous->next = e->next;
    else
        p->list[e->list].first = e->next;
    if (e->next)
        e->next->previous = e->previous;
    else
        p->list[e->list].last = e->previous;
    p->list[e->list].len--;
}

static void append_entry(mix_pending *p, mix_entry *e, mix_pending_list to) {
    e->list = to;
    e->next = NULL;
    e->previous = p->list[to].last;
    if (e->previous)
        e->previous->next = e;
    else
        p->list[to].first = e;
    p->list[to].last = e;
    p->list[to].len++;
}

static mix_entry *new_entry(const mix_traffic_item *item) {
    size_t surb_len = item->recipient ? 0 : item->surb.len;
    size_t size = sizeof(mix_entry) + item->fragment.len + surb_len;
    mix_entry *e = mix_alloc(size);
    if (!e)
        return NULL;
    *e = (mix_entry){
        .is_reply = !item->recipient, .surb_rotation = item->surb_rotation, .size = size};
    e->event = (mix_traffic_event){.bytes = mix_bytes_of(e->tail, item->fragment.len),
                                   .user = item->user,
                                   .size = item->size,
                                   .lane = item->lane,
                                   .limit = item->limit,
                                   .count = item->count};
    memcpy(e->event.id, item->id, MIX_FRAGMENT_ID_LEN);
    memcpy(e->tail, item->fragment.data, item->fragment.len);
    if (item->recipient) {
        e->recipient = *item->recipient;
    } else {
        memcpy(e->surb_key, item->surb_key, sizeof e->surb_key);
        e->surb = mix_bytes_of(e->tail + item->fragment.len, surb_len);
        memcpy(e->tail + item->fragment.len, item->surb.data, surb_len);
    }
    return e;
}

int mix_pending_add(mix_pending *p, const mix_traffic_item *item) {
    if (mix_map_get(&p->by_id, item->id))
        return MIX_ERR_FRAGMENT_TWICE;
    mix_entry *e = new_entry(item);
    if (!e)
        return MIX_ERR_MEMORY;
    int status =
        mix_timers_set(&p->timers, &e->timer, MIX_NEVER); /* so that starting it cannot fail */
    if (status == MIX_OK)
        status = mix_map_put(&p->by_id, item->id, e);
    if (status != MIX_OK) {
        mix_timers_stop(&p->timers, &e->timer);
        mix_free_wiped(e, e->size);
        return status;
    }
    append_entry(p, e, (mix_pending_list)item->lane);
    return MIX_OK;
}

void mix_pending_remove(mix_pending *p, mix_entry *e) {
    unlink_entry(p, e);
    mix_timers_stop(&p->timers, &e->timer);
    if (mix_map_get(&p->by_id, e->event.id) == e)
        mix_map_take(&p->by_id, e->event.id);
    mix_free_wiped(e, e->size);
}

mix_entry *mix_pending_find(const mix_pending *p, const uint8_t id[static MIX_FRAGMENT_ID_LEN]) {
    return mix_map_get(&p->by_id, id);
}

static void set_timer(mix_pending *p, mix_entry *e, mix_time at) {
    int status = mix_timers_set(&p->timers, &e->timer, at);
    assert(
        status ==
        MIX_OK); /* moving a timer, or putting the one back that was just popped, needs no memory */
    (void)status;
}

void mix_pending_move(mix_pending *p, mix_entry *e, mix_pending_list to) {
    unlink_entry(p, e);
    set_timer(p, e, MIX_NEVER);
    append_entry(p, e, to);
}

void mix_pending_wait(mix_pending *p, mix_entry *e, mix_time until) {
    if (e->list < MIX_PENDING_QUEUES)
        p->turn = e->list;
    mix_pending_move(p, e, MIX_PENDING_SENT);
    set_timer(p, e, until);
}

/* An entry that ended is no longer found: a late acknowledgement is a stray one, and the same
 * fragment may come anew. */
void mix_pending_finish(mix_pending *p, mix_entry *e, mix_traffic_event_kind how, int why) {
    mix_pending_move(p, e, MIX_PENDING_FINISHED);
    mix_map_take(&p->by_id, e->event.id);
    e->event.kind = how;
    e->event.why = why;
    if (how != MIX_TRAFFIC_EXPIRED)
        e->event.bytes = (mix_bytes){0};
}

mix_entry *mix_pending_first(mix_pending *p) {
    for (size_t i = 1; i <= MIX_PENDING_QUEUES; i++) {
        size_t queue = (p->turn + i) % MIX_PENDING_QUEUES;
        if (p->list[queue].first)
            return p->list[queue].first;
    }
    return NULL;
}

mix_entry *mix_pending_overdue(mix_pending *p, mix_time now) {
    mix_timer *timer =
        mix_timers_deadline(&p->timers) < MIX_NEVER ? mix_timers_pop(&p->timers, now) : NULL;
    if (!timer)
        return NULL;
    mix_entry *e = (mix_entry *)timer;
    set_timer(p, e, MIX_NEVER);
    return e;
}

size_t mix_pending_waiting(const mix_pending *p) {
    size_t n = 0;
    for (size_t i = 0; i < MIX_PENDING_QUEUES; i++)
        n += p->list[i].len;
    return n;
}
