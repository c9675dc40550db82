/* SPDX-License-Identifier: Apache-2.0 */
/* Two clients in conversation: a script of messages of all kinds and sizes, and whether each
 * arrived once and intact. */
#ifndef SIM_EXCHANGE_H
#define SIM_EXCHANGE_H

#include "client.h"

typedef struct sim_exchange_row {
    const char *name;
    double loss, duplicate;      /* of each hop between nodes */
    mix_time jitter;             /* of each hop: reorders */
    mix_time die_at;             /* then a mix node of layer 2 falls silent; 0: never */
    mix_time cut_every, cut_for; /* Alice's link to her gateway */
    bool unpaced;                /* no Poisson stream, no cover */
    uint32_t messages; /* half of them from each side; a third each plain, repliable and replies */
    uint32_t longest;  /* bytes; lengths are spread evenly over the orders of magnitude */
    mix_time within;   /* virtual time by which all must have arrived */
} sim_exchange_row;

typedef struct sim_exchange_result {
    mix_time took;
    uint64_t steps;
    uint32_t arrived, expected, twice, damaged;
    mix_traffic_counts alice, bob;
    int error; /* of the engines, the first; MIX_OK */
} sim_exchange_result;

/* Runs one row with one seed. Returns MIX_OK when the simulation could be set up. */
int sim_exchange_run(sim_exchange_result *out, const sim_exchange_row *row, uint64_t seed);
/* Whether all arrived once, intact and in time, without an error; says what was wrong if not. */
bool sim_exchange_good(const sim_exchange_result *r, const sim_exchange_row *row, uint64_t seed);

#endif
