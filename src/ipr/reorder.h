/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the exit's data frames back into their order. Each hop delays packets at random, so most neighbours change places; TCP would
 * take that for loss (what misses nothing has passed before, see ipr.c). A gap is waited for as long as late frames of this path have lately needed, within bounds; frames that come
 * later still are passed on at once, out of order. Bounded in frames and bytes: what does not fit makes the oldest gap be given up. */
#ifndef MIX_IPR_REORDER_H
#define MIX_IPR_REORDER_H

#include "base/bytes.h"
#include "mix/env.h"

enum {
    MIX_REORDER_FRAMES = 256,      /* how far ahead of the next expected number frames are kept */
    MIX_REORDER_BYTES = 1024 * 1024,
    MIX_REORDER_GIVEN_UP = 16, /* gaps that are remembered: what comes late after all tells how late */
};
#define MIX_REORDER_FIRST_WAIT MIX_MS(100) /* before anything is known of the path */
#define MIX_REORDER_LEAST_WAIT MIX_MS(10)

typedef struct mix_reorder_frame {
    uint8_t *data; /* NULL: not here */
    size_t len;
    mix_time arrived;
} mix_reorder_frame;

typedef struct mix_reorder_gap {
    uint32_t first, count; /* numbers; 0: none */
    mix_time since;
} mix_reorder_gap;

typedef struct mix_reorder {
    mix_reorder_frame frames[MIX_REORDER_FRAMES]; /* by number modulo the size */
    uint32_t next;      /* the number that is due */
    mix_reorder_frame *given; /* delivered, and in memory until the next call */
    size_t held, bytes; /* frames kept for later */
    mix_time cap;       /* the longest wait for a gap; 0: no waiting at all */
    mix_time late, late_deviation; /* how long gaps have stayed open: mean and mean deviation */
    mix_time longest;              /* and the longest lately: it fades by 1/128 with each gap */
    mix_reorder_gap given_up[MIX_REORDER_GIVEN_UP]; /* the last ones */
    size_t gaps;                                    /* given up so far */
    mix_time gap_since; /* since when a later frame is here than the next; MIX_NEVER: no gap */
    uint64_t in_order, reordered, skipped, too_late, duplicates; /* counts, for statistics */
} mix_reorder;

void mix_reorder_init(mix_reorder *r, uint32_t first, mix_time cap);
/* A round trip was measured: until gaps have been seen the first wait is fitted to it. */
void mix_reorder_expect(mix_reorder *r, mix_time round_trip);
void mix_reorder_deinit(mix_reorder *r);
/* A frame came. MIX_OK: call mix_reorder_next until it gives none. MIX_BLOCKED: pass it on now, as it is (it is late, or there is no
 * waiting). MIX_DONE: it is a duplicate, drop it. MIX_ERR_MEMORY: not kept; it may be passed on as it is. */
int mix_reorder_put(mix_reorder *r, uint32_t seq, mix_bytes frame, mix_time now);
/* Whether put() would keep this frame for later: an earlier one is missing. */
bool mix_reorder_would_hold(const mix_reorder *r, uint32_t seq);
/* Whether the frame that is due is here, or a gap has been waited for long enough. The bytes are valid until the next call. */
bool mix_reorder_next(mix_reorder *r, mix_bytes *frame, mix_time now);
mix_time mix_reorder_deadline(const mix_reorder *r);
mix_time mix_reorder_wait(const mix_reorder *r); /* how long a gap is waited for now */

#endif
