/* SPDX-License-Identifier: Apache-2.0 */
/* The resequencer. Numbers run 1 … 2³²−1 and then 1 again: 0 belongs to control answers (5-ipr.md §5.6.2). */
#include "ipr/reorder.h"

#include "base/alloc.h"
#include "mix/errors.h"

static uint32_t after(uint32_t seq) {
    return seq == UINT32_MAX ? 1 : seq + 1;
}

/* How far b is ahead of a on the ring that lacks 0; negative when behind. */
static int64_t distance(uint32_t a, uint32_t b) {
    int64_t d = (int64_t)b - (int64_t)a, ring = UINT32_MAX;
    if (d > ring / 2)
        d -= ring;
    else if (d < -(ring / 2))
        d += ring;
    return d;
}

static mix_reorder_frame *slot(mix_reorder *r, uint32_t seq) {
    return &r->frames[seq % MIX_REORDER_FRAMES];
}

void mix_reorder_init(mix_reorder *r, uint32_t first, mix_time cap) {
    *r = (mix_reorder){.next = first, .cap = cap, .gap_since = MIX_NEVER, .late = MIX_REORDER_FIRST_WAIT / 2,
                       .late_deviation = MIX_REORDER_FIRST_WAIT / 8};
}

static void drop(mix_reorder *r, mix_reorder_frame *f) {
    r->held--;
    r->bytes -= f->len;
    mix_free_wiped(f->data, f->len);
    *f = (mix_reorder_frame){0};
}

void mix_reorder_deinit(mix_reorder *r) {
    for (size_t i = 0; i < MIX_REORDER_FRAMES; i++) {
        if (r->frames[i].data)
            drop(r, &r->frames[i]);
    }
}

mix_time mix_reorder_wait(const mix_reorder *r) {
    mix_time wait = r->late + 4 * r->late_deviation, longest = r->longest + r->longest / 2;
    wait = wait < longest ? longest : wait; /* one gap given up too early costs the sender a third of its window */
    wait = wait < MIX_REORDER_LEAST_WAIT ? MIX_REORDER_LEAST_WAIT : wait;
    return wait < r->cap ? wait : r->cap;
}

void mix_reorder_expect(mix_reorder *r, mix_time round_trip) {
    if (r->reordered > 0)
        return;
    r->late = round_trip / 4 > MIX_REORDER_FIRST_WAIT / 2 ? round_trip / 4 : MIX_REORDER_FIRST_WAIT / 2;
    r->late_deviation = round_trip / 8 > MIX_REORDER_FIRST_WAIT / 8 ? round_trip / 8 : MIX_REORDER_FIRST_WAIT / 8;
    r->longest = round_trip; /* more than any gap, most likely: few are seen before a sender's window is large */
}

/* As TCP's estimate of the round trip: mean by eighths, deviation by quarters. */
static void learn(mix_reorder *r, mix_time sample) {
    r->longest -= r->longest / 128;
    r->longest = r->longest < sample ? sample : r->longest;
    mix_time error = sample - r->late;
    r->late += error / 8;
    r->late_deviation += ((error < 0 ? -error : error) - r->late_deviation) / 4;
}

static void give_up(mix_reorder *r, uint32_t until) {
    r->given_up[r->gaps++ % MIX_REORDER_GIVEN_UP] =
        (mix_reorder_gap){.first = r->next, .count = (uint32_t)distance(r->next, until), .since = r->gap_since};
    r->skipped++;
    r->gap_since = MIX_NEVER;
}

/* A frame of a gap that was given up. One that needed longer than any wait was lost, and comes as the exit's mixnet client sends it
 * again: that says nothing of how late frames are. */
static void learn_late(mix_reorder *r, uint32_t seq, mix_time now) {
    for (size_t n = 0; n < MIX_REORDER_GIVEN_UP; n++) {
        const mix_reorder_gap *g = &r->given_up[n];
        int64_t inside = distance(g->first, seq);
        if (g->count > 0 && inside >= 0 && inside < (int64_t)g->count && now - g->since <= r->cap)
            learn(r, now - g->since);
    }
}

/* What was delivered last stays in memory until the next call. */
static void release(mix_reorder *r) {
    if (r->given)
        drop(r, r->given);
    r->given = NULL;
}

bool mix_reorder_would_hold(const mix_reorder *r, uint32_t seq) {
    int64_t ahead = distance(r->next, seq);
    return r->cap != 0 && ahead > 0 && ahead < MIX_REORDER_FRAMES - 1 && !r->frames[seq % MIX_REORDER_FRAMES].data;
}

int mix_reorder_put(mix_reorder *r, uint32_t seq, mix_bytes frame, mix_time now) {
    int64_t ahead = distance(r->next, seq);
    if (r->cap == 0)
        return MIX_BLOCKED;
    if (ahead < 0) {
        r->too_late++;
        learn_late(r, seq, now);
        return MIX_BLOCKED;
    }
    release(r);
    if (ahead >= MIX_REORDER_FRAMES - 1) { /* one less, since the ring lacks 0. A window is missing: start again from here */
        r->skipped++;
        if (r->held > 0)
            return MIX_BLOCKED;
        r->next = seq;
        ahead = 0;
    }
    mix_reorder_frame *f = slot(r, seq);
    if (f->data) {
        r->duplicates++;
        return MIX_DONE;
    }
    if (frame.len > MIX_REORDER_BYTES - r->bytes)
        return MIX_BLOCKED;
    f->data = mix_alloc(frame.len ? frame.len : 1);
    if (!f->data)
        return MIX_ERR_MEMORY;
    if (frame.len > 0)
        memcpy(f->data, frame.data, frame.len);
    f->len = frame.len;
    f->arrived = now;
    r->held++;
    r->bytes += frame.len;
    if (ahead > 0 && r->gap_since == MIX_NEVER)
        r->gap_since = now;
    if (ahead > 0)
        r->reordered++;
    else
        r->in_order++;
    return MIX_OK;
}


/* The earliest frame that is kept; only when some are. */
static uint32_t first_held(mix_reorder *r) {
    uint32_t seq = r->next;
    while (!slot(r, seq)->data)
        seq = after(seq);
    return seq;
}

static void deliver(mix_reorder *r, uint32_t seq, mix_bytes *frame) {
    mix_reorder_frame *f = slot(r, seq);
    *frame = mix_bytes_of(f->data, f->len);
    r->given = f;
    r->next = after(seq);
}

bool mix_reorder_next(mix_reorder *r, mix_bytes *frame, mix_time now) {
    release(r);
    if (r->held == 0) {
        r->gap_since = MIX_NEVER;
        return false;
    }
    uint32_t seq = first_held(r);
    if (seq == r->next) {
        if (r->gap_since != MIX_NEVER && r->held > 1) {
            learn(r, slot(r, seq)->arrived - r->gap_since); /* this one closed the gap */
            r->gap_since = MIX_NEVER;
        }
        deliver(r, seq, frame);
        return true;
    }
    if (r->gap_since == MIX_NEVER)
        r->gap_since = slot(r, seq)->arrived; /* behind the closed gap lies another one */
    if (now - r->gap_since < mix_reorder_wait(r))
        return false;
    give_up(r, seq);
    deliver(r, seq, frame);
    return true;
}

mix_time mix_reorder_deadline(const mix_reorder *r) {
    return r->gap_since == MIX_NEVER ? MIX_NEVER : r->gap_since + mix_reorder_wait(r);
}
