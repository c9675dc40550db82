/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of a link, with all that links do to packets. */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "sim.h"

typedef struct sim_link_config {
    mix_time delay;   /* of every packet */
    mix_time jitter;  /* mean of an exponential time on top */
    bool ordered;     /* as TCP: no packet overtakes another; else jitter reorders */
    double loss;      /* probability that a packet is gone */
    double duplicate; /* probability that it comes twice */
    uint64_t rate;    /* bytes a second; 0: any */
    size_t queue;     /* bytes that may wait for the rate; more are dropped. 0: any */
} sim_link_config;

typedef struct sim_link {
    sim *sim;
    sim_link_config cfg;
    sim_action *deliver;
    void *user;
    sim_action
        *returned; /* gets what was under way at a cut, when it would have arrived; NULL: lost */
    void *returned_user;
    mix_time free_at; /* when the last byte accepted has left, at this rate */
    mix_time last;    /* the latest arrival so far */
    bool cut;         /* nothing passes */
    uint32_t cuts;    /* what was under way at a cut does not arrive */
    uint64_t sent, lost, duplicated, overtaken; /* packets */
} sim_link;

void sim_link_init(sim_link *l, sim *s, const sim_link_config *cfg, sim_action *deliver,
                   void *user);
/* number is given to deliver with the packet. */
void sim_link_send(sim_link *l, uint32_t number, mix_bytes packet);
void sim_link_cut(sim_link *l); /* loses what is under way */
void sim_link_mend(sim_link *l);
size_t sim_link_backlog(const sim_link *l); /* bytes that wait for the rate */

#endif
