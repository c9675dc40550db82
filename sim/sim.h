/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual time: a clock that jumps from event to event, and seeded chance. Nothing here sleeps, and
 * the same seed gives the same run on every machine. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/bytes.h"
#include "mix/env.h"
#include "testing.h"

typedef struct sim_event sim_event;

typedef struct sim {
    mix_time now;
    mix_test_env chance; /* of the network; nodes and clients have generators of their own */
    sim_event **heap; /* plain malloc: tests that make mix_alloc fail leave the simulator alone */
    size_t len, cap;
    uint64_t orders, steps;
} sim;

void sim_init(sim *s, uint64_t seed);
void sim_deinit(sim *s);

/* What happens at a time: bytes (may be empty) are a copy of those given, valid during the call. */
typedef void sim_action(void *user, uint64_t number, mix_bytes bytes);
/* Events of the same time happen in the order in which they were asked for. at may be now, not
 * before. */
void sim_at(sim *s, mix_time at, sim_action *action, void *user, uint64_t number, mix_bytes bytes);
/* Goes to the next event and lets it happen; false when there is none before or at `until`: now is
 * then `until`. */
bool sim_step(sim *s, mix_time until);
mix_time sim_next(const sim *s); /* when that is; MIX_NEVER: there is none */
/* All events up to and including this time. */
void sim_run(sim *s, mix_time until);

/* An exponentially distributed time, mean in µs. */
mix_time sim_exponential(mix_test_env *chance, mix_time mean);
bool sim_happens(mix_test_env *chance, double probability);

#endif
