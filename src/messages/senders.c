/* SPDX-License-Identifier: Apache-2.0 */
/* Stocks, queues and requests of each sender. After every change settle() judges anew what the
 * sender can do. */
#include "messages/senders.h"

#include "base/alloc.h"
#include "mix/errors.h"

#include <assert.h>

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

int mix_senders_init(mix_senders *s, const mix_senders_config *cfg, const mix_env *env) {
    *s = (mix_senders){.cfg = *cfg};
    int status = mix_map_init(&s->by_tag, MIX_SENDER_TAG_LEN, cfg->max_senders, env);
    return status == MIX_OK ? mix_map_init(&s->by_number, sizeof(uint64_t), cfg->max_senders, env)
                            : status;
}

mix_sender *mix_senders_find(const mix_senders *s, const uint8_t tag[static MIX_SENDER_TAG_LEN]) {
    return mix_map_get(&s->by_tag, tag);
}
mix_sender *mix_senders_find_number(const mix_senders *s, uint64_t number) {
    return mix_map_get(&s->by_number, &number);
}

/* ---- rings and lists ---- */

static void leave_ring(mix_senders *s, mix_sender *e, int turn) {
    mix_turn *t = &e->turns[turn];
    if (!t->after)
        return;
    if (t->after == e) {
        s->turn[turn] = NULL;
    } else {
        t->after->turns[turn].before = t->before;
        t->before->turns[turn].after = t->after;
        if (s->turn[turn] == e)
            s->turn[turn] = t->after;
    }
    *t = (mix_turn){0};
}

/* At the end of the round. */
static void enter_ring(mix_senders *s, mix_sender *e, int turn) {
    mix_turn *t = &e->turns[turn];
    mix_sender *first = s->turn[turn];
    if (t->after)
        return;
    if (!first) {
        *t = (mix_turn){e, e};
        s->turn[turn] = e;
        return;
    }
    mix_sender *last = first->turns[turn].before;
    *t = (mix_turn){last, first};
    last->turns[turn].after = e;
    first->turns[turn].before = e;
}

static void unlink_sender(mix_senders *s, mix_sender *e) {
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    e->older = e->newer = NULL;
}

static void link_newest(mix_senders *s, mix_sender *e) {
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

static void again_push(mix_again_queue *q, mix_again *a) {
    a->next = NULL;
    *(q->last ? &q->last->next : &q->first) = a;
    q->last = a;
    q->count++;
    q->bytes += sizeof *a + a->len;
}

static void again_pop(mix_again_queue *q) {
    mix_again *a = q->first;
    q->first = a->next;
    if (!q->first)
        q->last = NULL;
    q->count--;
    q->bytes -= sizeof *a + a->len;
    mix_free_wiped(a, sizeof *a + a->len);
}

/* ---- senders ---- */

static void drop_waiting(mix_sender *e) {
    mix_outgoing_clear(&e->waiting);
    while (e->again.first)
        again_pop(&e->again);
}

static void end_request(mix_sender *e) {
    mix_outgoing_free(e->request);
    e->request = NULL;
    e->asked = 0;
}

/* One that has not left is as if it had never been. */
static void cancel_request(mix_sender *e) {
    e->pending -= e->asked < e->pending ? e->asked : e->pending;
    end_request(e);
}

void mix_senders_forget(mix_senders *s, mix_sender *e) {
    for (int turn = 0; turn < MIX_TURNS; turn++)
        leave_ring(s, e, turn);
    drop_waiting(e);
    end_request(e);
    while (e->request_again.first)
        again_pop(&e->request_again);
    mix_timers_stop(&s->timers, &e->timer);
    unlink_sender(s, e);
    mix_map_take(&s->by_tag, e->tag);
    mix_map_take(&s->by_number, &e->number);
    s->stock_bytes -= e->stock.bytes;
    mix_stock_deinit(&e->stock);
    mix_free_wiped(e, sizeof *e);
}

void mix_senders_deinit(mix_senders *s) {
    while (s->oldest)
        mix_senders_forget(s, s->oldest);
    mix_map_deinit(&s->by_tag);
    mix_map_deinit(&s->by_number);
    mix_timers_deinit(&s->timers);
}

static mix_sender *add_sender(mix_senders *s, const uint8_t tag[static MIX_SENDER_TAG_LEN]) {
    if (s->by_tag.len >= s->by_tag.max)
        mix_senders_forget(s, s->oldest);
    mix_sender *e = mix_alloc_zero(1, sizeof *e);
    if (!e)
        return NULL;
    memcpy(e->tag, tag, sizeof e->tag);
    e->number = ++s->numbers;
    if (mix_map_put(&s->by_tag, tag, e) != MIX_OK ||
        mix_map_put(&s->by_number, &e->number, e) != MIX_OK) {
        mix_map_take(&s->by_tag, tag);
        mix_free_wiped(e, sizeof *e);
        return NULL;
    }
    link_newest(s, e);
    return e;
}

/* ---- what a sender can do (§14.1, §14.2) ---- */

static size_t waiting(const mix_sender *e) {
    return e->waiting.fragments + e->again.count;
}

/* Of what waits, so much has a SURB: the last `least` of them are never used for data. */
static size_t covered(const mix_senders *s, const mix_sender *e) {
    size_t count = mix_stock_count(&e->stock);
    return least(waiting(e), count > s->cfg.least ? count - s->cfg.least : 0);
}

static bool can_send(const mix_senders *s, const mix_sender *e) {
    size_t count = mix_stock_count(&e->stock);
    if (e->again.first)
        return count >= s->cfg.least && count > 0;
    return e->waiting.first && count > s->cfg.least;
}

static void ask(mix_senders *s, mix_sender *e, size_t short_of) {
    size_t amount = short_of + s->cfg.buffer;
    amount = amount > s->cfg.request_least ? amount : s->cfg.request_least;
    e->asked = (uint32_t)least(amount, s->cfg.request_most);
    e->pending += e->asked;
}

/* §14.2. What has a SURB counts as sent with it, as it would be if all could leave at once. */
static void consider_request(mix_senders *s, mix_sender *e) {
    size_t sent = covered(s, e), short_of = waiting(e) - sent;
    size_t fresh = e->stock.fresh.count, have = (fresh > sent ? fresh - sent : 0) + e->pending;
    if (e->asked == 0 && mix_stock_count(&e->stock) > sent && have < s->cfg.most &&
        have < short_of + s->cfg.least + s->cfg.buffer)
        ask(s, e, short_of);
}

/* Without memory for the timer nothing is asked again: the next call that changes something tries
 * anew. */
static void arrange(mix_senders *s, mix_sender *e, mix_time now) {
    if (can_send(s, e))
        enter_ring(s, e, MIX_TURN_DATA);
    else
        leave_ring(s, e, MIX_TURN_DATA);
    if ((e->asked > 0 || e->request_again.first) && mix_stock_count(&e->stock) > 0)
        enter_ring(s, e, MIX_TURN_REQUEST);
    else
        leave_ring(s, e, MIX_TURN_REQUEST);
    bool lacks = waiting(e) > covered(s, e);
    if (lacks && !mix_timer_runs(&e->timer))
        (void)mix_timers_set(&s->timers, &e->timer, now + s->cfg.rerequest_check);
    else if (!lacks)
        mix_timers_stop(&s->timers, &e->timer);
}

/* After every change but a request's leaving (§14.2). */
static void settle(mix_senders *s, mix_sender *e, mix_time now) {
    consider_request(s, e);
    arrange(s, e, now);
}

/* ---- reception ---- */

/* The end of a list that is longer than a stock. */
static mix_surb_list newest_of(const mix_surb_list *list, size_t most) {
    mix_surb_list l = *list;
    if (l.count > most) {
        l.surbs = mix_bytes_slice(l.surbs, (l.count - most) * l.surb_len, SIZE_MAX);
        l.count = (uint32_t)most;
    }
    return l;
}

/* Makes place for a list in the bounds of this sender and of all. */
static void make_room(mix_senders *s, mix_sender *e, const mix_surb_list *list) {
    size_t count = mix_stock_count(&e->stock), before = e->stock.bytes;
    if (count + list->count > s->cfg.max_surbs)
        mix_stock_drop(&e->stock, count + list->count - s->cfg.max_surbs);
    s->stock_bytes -= before - e->stock.bytes;
    while (s->stock_bytes >
           s->cfg.max_stock_bytes - least(mix_stock_cost(list), s->cfg.max_stock_bytes)) {
        mix_sender *victim = s->oldest == e ? e->newer : s->oldest;
        if (victim) {
            mix_senders_forget(s, victim);
        } else {
            s->stock_bytes -= e->stock.bytes;
            mix_stock_deinit(&e->stock);
        }
    }
}

int mix_senders_receive(mix_senders *s, const uint8_t tag[static MIX_SENDER_TAG_LEN],
                        const mix_surb_list *list, bool additional, mix_time now) {
    mix_surb_list l = newest_of(list, s->cfg.max_surbs);
    if (l.count == 0)
        return MIX_OK;
    mix_sender *e = mix_senders_find(s, tag);
    bool is_new = !e;
    if (is_new)
        e = add_sender(s, tag);
    if (!e)
        return MIX_ERR_MEMORY;
    make_room(s, e, &l);
    size_t before = e->stock.bytes;
    int status = mix_stock_add(&e->stock, &l, now);
    if (status != MIX_OK) {
        if (is_new)
            mix_senders_forget(s, e);
        else
            settle(s, e, now); /* its oldest SURBs may be gone */
        return status;
    }
    if (additional)
        e->pending -= e->pending < list->count ? e->pending : list->count;
    if (e->stock.stale.count > 0 && e->stock.fresh.count > s->cfg.least)
        mix_stock_drop_stale(&e->stock, e->stock.fresh.count - s->cfg.least);
    s->stock_bytes += e->stock.bytes - before; /* wraps down when stale ones went */
    e->rerequests = 0;
    e->received = now;
    unlink_sender(s, e);
    link_newest(s, e);
    settle(s, e, now);
    return MIX_OK;
}

/* ---- replies ---- */

size_t mix_sender_room(const mix_senders *s, const mix_sender *e) {
    size_t used = e->waiting.bytes + e->again.bytes;
    return used < s->cfg.max_waiting ? s->cfg.max_waiting - used : 0;
}

int mix_senders_write(mix_senders *s, mix_sender *e, mix_outgoing *o, mix_time now) {
    if (e->waiting.first && o->bytes > mix_sender_room(s, e))
        return MIX_BLOCKED;
    mix_outgoing_push(&e->waiting, o);
    settle(s, e, now);
    return MIX_OK;
}

int mix_senders_again(mix_senders *s, mix_sender *e, const mix_traffic_event *ev, mix_time now) {
    mix_again_queue *q = ev->lane == MIX_LANE_SURB_REQUEST ? &e->request_again : &e->again;
    if (q->count > 0 && q->bytes >= s->cfg.max_waiting)
        return MIX_ERR_LIMIT;
    mix_again *a = mix_alloc(sizeof *a + ev->bytes.len);
    if (!a)
        return MIX_ERR_MEMORY;
    *a = (mix_again){.size = ev->size,
                     .lane = ev->lane,
                     .limit = ev->limit,
                     .count = ev->count,
                     .len = ev->bytes.len};
    memcpy(a->id, ev->id, sizeof a->id);
    if (a->len > 0)
        memcpy(a->fragment, ev->bytes.data, a->len);
    again_push(q, a);
    settle(s, e, now);
    return MIX_OK;
}

mix_sender *mix_senders_next(const mix_senders *s, int turn) {
    return s->turn[turn];
}

size_t mix_senders_sent(mix_senders *s, mix_sender *e, int turn, mix_time now) {
    size_t before = e->stock.bytes, messages = e->waiting.messages + (e->request != NULL);
    mix_stock_pop(&e->stock);
    s->stock_bytes -= before - e->stock.bytes;
    if (turn == MIX_TURN_REQUEST) {
        if (e->request_again.first)
            again_pop(&e->request_again);
        else
            end_request(e);
    } else if (e->again.first) {
        again_pop(&e->again);
    } else {
        mix_outgoing_pop_fragment(&e->waiting);
    }
    leave_ring(s, e, turn); /* to the end of the round, if it can send more */
    messages -= e->waiting.messages + (e->request != NULL);
    if (turn == MIX_TURN_DATA)
        consider_request(s, e);
    arrange(s, e, now);
    return messages;
}

/* ---- time (§14.3) ---- */

mix_time mix_senders_deadline(const mix_senders *s) {
    return mix_timers_deadline(&s->timers);
}

bool mix_senders_tick(mix_senders *s, mix_time now, mix_senders_dropped *out) {
    mix_timer *timer;
    while ((timer = mix_timers_pop(&s->timers, now)) != NULL) {
        mix_sender *e = (mix_sender *)(void *)timer;
        mix_time silence = now - e->received;
        if (e->rerequests > s->cfg.max_rerequests || silence > s->cfg.drop_after) {
            *out = (mix_senders_dropped){.fragments = waiting(e)};
            memcpy(out->tag, e->tag, sizeof out->tag);
            drop_waiting(e);
            arrange(s, e, now);
            return true;
        }
        if (silence > s->cfg.rerequest_after) {
            e->rerequests++; /* also when there is no SURB to ask with: it comes to an end */
            end_request(e);
            e->pending = 0; /* what was asked for is lost */
            ask(s, e, waiting(e) - covered(s, e));
        }
        arrange(s, e, now);
    }
    return false;
}

void mix_senders_refresh(mix_senders *s, mix_time now) {
    for (mix_sender *e = s->oldest; e; e = e->newer) {
        size_t aged = e->stock.fresh.count;
        mix_stock_age(&e->stock);
        if (aged > 0) {
            cancel_request(e);
            e->asked = (uint32_t)aged;
            e->pending += e->asked;
        }
        arrange(s, e, now);
    }
}

void mix_senders_clean(mix_senders *s, mix_time now, mix_time before, mix_rotation past,
                       bool stale_too) {
    for (mix_sender *e = s->oldest, *next; e; e = next) {
        next = e->newer;
        size_t bytes = e->stock.bytes;
        mix_stock_clean(&e->stock, before, past);
        if (stale_too)
            mix_stock_drop_stale(&e->stock, SIZE_MAX);
        s->stock_bytes -= bytes - e->stock.bytes;
        bool empty = mix_stock_count(&e->stock) == 0 && e->pending == 0 &&
                     now - e->received > s->cfg.drop_after;
        if (e->received < before || (empty && waiting(e) == 0))
            mix_senders_forget(s, e);
        else
            arrange(s, e, now);
    }
}
