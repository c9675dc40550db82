/* SPDX-License-Identifier: Apache-2.0 */
/* The supply of reply blocks (SURBs) to one far client, the exit: each of its replies uses one, so
 * this is the download's speed. A model of its stock (sent − used) says how many to attach to a
 * message, and when to send more of their own. No bytes pass here. Above: the pump, which writes
 * what this engine asks for to messages/. Spec: 2-messages.md §14. */
#ifndef MIX_MESSAGES_ECONOMY_H
#define MIX_MESSAGES_ECONOMY_H

#include "mix/env.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mix_economy_config {
    uint32_t limit;      /* SURBs in the exit's stock: it never asks when it has as many (200) */
    uint32_t target;     /* to which idle slots fill it up, not above limit */
    uint32_t low_least;  /* below it and what was used of late, refills take slots like any data; */
    uint32_t low_most;   /* never above this */
    uint32_t asks_below; /* with nothing queued the exit asks when it has fewer: threshold + buffer
                            (10 + 50) */
    uint32_t first; /* least in the first message: reserve of 10, one for a request, one for the
                       answer */
    size_t packet_bytes; /* of message in a packet: fragment space − fragment header */
    size_t surb_bytes;   /* of one in a list */
} mix_economy_config;
/* For nym-node's packet router, regular packets and 4 hops. */
void mix_economy_config_init(mix_economy_config *cfg);

enum { MIX_ECONOMY_SPANS = 50, MIX_ECONOMY_SPAN = 100000 }; /* the last 5 s in spans of 100 ms */

typedef struct mix_economy {
    mix_economy_config cfg;
    uint32_t stock; /* sent − used: never below the real stock, since what is under way counts */
    uint32_t owed;  /* asked for and not sent */
    mix_time now;   /* start of the present span */
    uint32_t sent[MIX_ECONOMY_SPANS], used[MIX_ECONOMY_SPANS]; /* [0]: the present one */
} mix_economy;

void mix_economy_init(mix_economy *e, const mix_economy_config *cfg, mix_time now);
/* All that was sent is void: another exit, a new rotation of keys. */
void mix_economy_renew(mix_economy *e, mix_time now);

/* How many to attach to a Repliable message with this many bytes of data: at least `least`, and
 * what else fits in its last packet for nothing while the stock is below the target. */
uint32_t mix_economy_attach(const mix_economy *e, size_t data_len, uint32_t least);
/* How many to send now in a message of their own, or 0; ask again until then. idle: a slot would
 * else carry cover. */
uint32_t mix_economy_refill(mix_economy *e, bool idle, mix_time now);

/* Hardly any are used: what idle slots would fill up is in no hurry. */
bool mix_economy_is_calm(mix_economy *e, mix_time now);

/* SURBs were written to messages/: attached to data, or additional ones, which alone settle
 * requests. */
void mix_economy_sent(mix_economy *e, uint32_t count, bool additional, mix_time now);
/* Replies arrived (each packet counts, twice the same one too), or are known to be lost, as gaps in
 * the sequence of a stream's frames show: their SURBs are gone. */
void mix_economy_used(mix_economy *e, uint32_t count, mix_time now);
/* The exit asks for more. Also says that the model was wrong, if it was above what an exit that
 * asks can have. */
void mix_economy_requested(mix_economy *e, uint32_t amount, mix_time now);

#endif
