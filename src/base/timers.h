/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of an engine: a binary heap of nodes that live in the caller's structures. */
#ifndef MIX_BASE_TIMERS_H
#define MIX_BASE_TIMERS_H

#include "mix/env.h"

#include <stdbool.h>
#include <stddef.h>

/* Of two deadlines; MIX_NEVER is the latest. */
static inline mix_time mix_earlier(mix_time a, mix_time b) {
    return a < b ? a : b;
}

/* Embed it; {0} is a timer that does not run. It must not move while it runs. */
typedef struct mix_timer {
    mix_time at;
    size_t place;   /* 1 + index in the heap; 0: not running */
    uint64_t order; /* equal times fire in the order in which they were set */
} mix_timer;

typedef struct mix_timers {
    mix_timer **heap;
    size_t len, cap;
    uint64_t orders;
} mix_timers; /* {0} is empty */

void mix_timers_deinit(mix_timers *t); /* the timers themselves are the caller's */
/* Starts or moves a timer. MIX_OK, or MIX_ERR_MEMORY (then it runs as before). Moving never needs memory. */
int mix_timers_set(mix_timers *t, mix_timer *timer, mix_time at);
void mix_timers_stop(mix_timers *t, mix_timer *timer); /* a timer that does not run is fine */
/* The earliest time, or MIX_NEVER. */
mix_time mix_timers_deadline(const mix_timers *t);
/* Takes out the earliest timer whose time is not after now; NULL when there is none. */
mix_timer *mix_timers_pop(mix_timers *t, mix_time now);
static inline bool mix_timer_runs(const mix_timer *timer) {
    return timer->place != 0;
}

#endif
