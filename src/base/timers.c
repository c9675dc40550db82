/* SPDX-License-Identifier: Apache-2.0 */
/* The timer heap. */
#include "base/timers.h"

#include "base/alloc.h"
#include "mix/errors.h"

void mix_timers_deinit(mix_timers *t) {
    for (size_t i = 0; i < t->len; i++)
        t->heap[i]->place = 0;
    mix_free(t->heap);
    *t = (mix_timers){0};
}

static bool before(const mix_timer *a, const mix_timer *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(mix_timers *t, size_t i, mix_timer *timer) {
    t->heap[i] = timer;
    timer->place = i + 1;
}

static void up(mix_timers *t, size_t i, mix_timer *timer) {
    while (i > 0 && before(timer, t->heap[(i - 1) / 2])) {
        put(t, i, t->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(t, i, timer);
}

static void down(mix_timers *t, size_t i, mix_timer *timer) {
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= t->len)
            break;
        if (child + 1 < t->len && before(t->heap[child + 1], t->heap[child]))
            child++;
        if (!before(t->heap[child], timer))
            break;
        put(t, i, t->heap[child]);
        i = child;
    }
    put(t, i, timer);
}

static void settle(mix_timers *t, size_t i, mix_timer *timer) {
    if (i > 0 && before(timer, t->heap[(i - 1) / 2]))
        up(t, i, timer);
    else
        down(t, i, timer);
}

int mix_timers_set(mix_timers *t, mix_timer *timer, mix_time at) {
    if (timer->place == 0 && t->len == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 16;
        mix_timer **heap = mix_realloc(t->heap, cap * sizeof *heap);
        if (!heap)
            return MIX_ERR_MEMORY;
        t->heap = heap;
        t->cap = cap;
    }
    timer->at = at;
    timer->order = t->orders++;
    if (timer->place == 0)
        up(t, t->len++, timer);
    else
        settle(t, timer->place - 1, timer);
    return MIX_OK;
}

void mix_timers_stop(mix_timers *t, mix_timer *timer) {
    if (timer->place == 0)
        return;
    size_t i = timer->place - 1;
    timer->place = 0;
    mix_timer *last = t->heap[--t->len];
    if (last != timer)
        settle(t, i, last);
}

mix_time mix_timers_deadline(const mix_timers *t) {
    return t->len > 0 ? t->heap[0]->at : MIX_NEVER;
}

mix_timer *mix_timers_pop(mix_timers *t, mix_time now) {
    if (t->len == 0 || t->heap[0]->at > now)
        return NULL;
    mix_timer *first = t->heap[0];
    mix_timers_stop(t, first);
    return first;
}
