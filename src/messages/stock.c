/* SPDX-License-Identifier: Apache-2.0 */
/* Two queues of lists. */
#include "messages/stock.h"

#include "base/alloc.h"
#include "mix/errors.h"

struct mix_batch {
    mix_batch *next;
    mix_time came;
    mix_rotation rotation;
    size_t surb_len, count, used;
    uint8_t surbs[];
};

static size_t batch_bytes(size_t count, size_t surb_len) {
    return sizeof(mix_batch) + count * surb_len;
}

size_t mix_stock_cost(const mix_surb_list *list) {
    return list->count > 0 ? batch_bytes(list->count, list->surb_len) : 0;
}

static void append(mix_batches *q, mix_batch *b) {
    b->next = NULL;
    *(q->last ? &q->last->next : &q->first) = b;
    q->last = b;
    q->count += b->count - b->used;
}

static void drop_first(mix_stock *s, mix_batches *q) {
    mix_batch *b = q->first;
    q->first = b->next;
    if (!q->first)
        q->last = NULL;
    q->count -= b->count - b->used;
    s->bytes -= batch_bytes(b->count, b->surb_len);
    mix_free_wiped(b, batch_bytes(b->count, b->surb_len));
}

void mix_stock_deinit(mix_stock *s) {
    mix_stock_clean(s, MIX_NEVER, MIX_ROTATION_UNKNOWN);
}

int mix_stock_add(mix_stock *s, const mix_surb_list *list, mix_time now) {
    if (list->count == 0)
        return MIX_OK;
    mix_batch *b = mix_alloc(mix_stock_cost(list));
    if (!b)
        return MIX_ERR_MEMORY;
    *b = (mix_batch){
        .came = now, .rotation = list->rotation, .surb_len = list->surb_len, .count = list->count};
    memcpy(b->surbs, list->surbs.data, list->surbs.len);
    s->bytes += mix_stock_cost(list);
    append(&s->fresh, b);
    return MIX_OK;
}

bool mix_stock_peek(const mix_stock *s, mix_stock_surb *out) {
    const mix_batch *b = s->fresh.first ? s->fresh.first : s->stale.first;
    if (!b)
        return false;
    const uint8_t *at = b->surbs + b->used * b->surb_len;
    *out = (mix_stock_surb){.key = at,
                            .surb =
                                mix_bytes_of(at + MIX_SURB_KEY_LEN, b->surb_len - MIX_SURB_KEY_LEN),
                            .rotation = b->rotation};
    return true;
}

static void pop_from(mix_stock *s, mix_batches *q) {
    mix_batch *b = q->first;
    if (b->used + 1 == b->count) {
        drop_first(s, q);
        return;
    }
    mix_wipe(b->surbs + b->used * b->surb_len, b->surb_len);
    b->used++;
    q->count--;
}

void mix_stock_pop(mix_stock *s) {
    if (s->fresh.first)
        pop_from(s, &s->fresh);
    else if (s->stale.first)
        pop_from(s, &s->stale);
}

void mix_stock_drop(mix_stock *s, size_t count) {
    while (count-- > 0)
        mix_stock_pop(s);
}

void mix_stock_drop_stale(mix_stock *s, size_t count) {
    while (count-- > 0 && s->stale.first)
        pop_from(s, &s->stale);
}

void mix_stock_age(mix_stock *s) {
    while (s->fresh.first) {
        mix_batch *b = s->fresh.first;
        s->fresh.first = b->next;
        append(&s->stale, b);
    }
    s->fresh = (mix_batches){0};
}

static void clean(mix_stock *s, mix_batches *q, mix_time before, mix_rotation past) {
    mix_batches kept = {0};
    while (q->first) {
        mix_batch *b = q->first;
        if (b->came < before || (past != MIX_ROTATION_UNKNOWN && b->rotation == past)) {
            drop_first(s, q);
        } else {
            q->first = b->next;
            append(&kept, b);
        }
    }
    *q = kept;
}

void mix_stock_clean(mix_stock *s, mix_time before, mix_rotation past) {
    clean(s, &s->fresh, before, past);
    clean(s, &s->stale, before, past);
}
