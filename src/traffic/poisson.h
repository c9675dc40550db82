/* SPDX-License-Identifier: Apache-2.0 */
/* Exponentially distributed times, and a stream of sending slots made of them (a Poisson process).
 * Spec: 2-messages.md §8 (delays), §11 (streams). */
#ifndef MIX_TRAFFIC_POISSON_H
#define MIX_TRAFFIC_POISSON_H

#include "base/log.h"

enum { MIX_EXPONENTIAL_MAX = 16 };

/* Fills out with count (at most 16) independent exponential variates of this mean, rounded to whole
 * units; a mean of 0 gives zeros. The same random bytes give the same numbers on every machine.
 * mean < 2⁵³. MIX_ERR_RANDOM. */
int mix_exponential(const mix_env *env, uint64_t mean, uint64_t *out, size_t count);

/* Slots of one stream. Kept in nanoseconds, so that rounding to mix_time does not shift the rate.
 */
typedef struct mix_slots {
    bool running;
    int64_t next; /* ns: when the slot now waited for comes */
} mix_slots;

/* The first slot comes an exponential time of this mean (µs) after now. MIX_ERR_RANDOM; unchanged
 * then. */
int mix_slots_start(mix_slots *s, const mix_env *env, mix_time mean, mix_time now);
/* The first slot is now; those that follow it are drawn. */
void mix_slots_start_now(mix_slots *s, mix_time now);
void mix_slots_stop(mix_slots *s);
/* The first mix_time that is not before the slot; MIX_NEVER when stopped. */
mix_time mix_slots_deadline(const mix_slots *s);
static inline bool mix_slots_due(const mix_slots *s, mix_time now) {
    return mix_slots_deadline(s) <= now;
}
/* The slot after the present one: from its own time, not from now, so that a late host does not
 * lower the rate. Only a host that slept for longer than MIX_SLOTS_CATCH_UP starts afresh: the
 * slots in between are gone. MIX_ERR_RANDOM. */
enum { MIX_SLOTS_CATCH_UP = 1000000 }; /* µs */
int mix_slots_after(mix_slots *next, const mix_slots *s, const mix_env *env, mix_time mean,
                    mix_time now);

#endif
