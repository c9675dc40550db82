/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments back into messages (2-messages.md §5.3): each message comes out once, in bounded
 * memory.
 *
 * Fragments of different origins never mix: an origin is a number of the caller's for a way in
 * (zero: anyone who knows our address; else the peer whose reply blocks were used), so that nobody
 * can put fragments into another's message.
 *
 * What a peer can make us hold: at most `max_bytes` (fragments with all that is kept for them), at
 * most `max_sets` sets, and a table of fixed size for `remembered` identifiers. When a bound is
 * reached, the sets that got nothing for the longest time go; so they do after `max_age`.
 * Identifiers of sets that came out or went are remembered, and what comes for them later is
 * dropped. */
#ifndef MIX_MESSAGES_REASSEMBLY_H
#define MIX_MESSAGES_REASSEMBLY_H

#include "messages/wire.h"

typedef struct mix_reassembly_limits {
    size_t max_bytes;
    size_t max_sets;
    size_t remembered; /* identifiers, ≥ 1; 16 bytes each */
    mix_time max_age;
} mix_reassembly_limits;

typedef struct mix_reassembly_stats {
    uint64_t messages;   /* came out */
    uint64_t duplicates; /* fragments that were there already, or whose set had come out or gone */
    uint64_t contradictions; /* fragments refused for their total or links */
    uint64_t dropped;        /* sets that went unfinished, by a bound or by age */
    size_t bytes, sets;      /* held now */
} mix_reassembly_stats;

typedef struct mix_reassembly mix_reassembly;

/* MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_reassembly_new(mix_reassembly **out, const mix_reassembly_limits *limits,
                       const mix_env *env);
void mix_reassembly_free(mix_reassembly *r); /* NULL is fine; wipes */

/* Takes a fragment (header and payload).
 * MIX_OK: it was the last of its message, whose padded bytes are appended to out. MIX_DONE: taken,
 * or dropped as a duplicate; no message yet. MIX_ERR_FRAGMENT_…: malformed or contradicting.
 * MIX_ERR_LIMIT: its message needs more than max_bytes by itself and was dropped. MIX_ERR_MEMORY.
 * After an error out is as it was, and so is all else, but for these two: MIX_ERR_LIMIT as said,
 * and MIX_ERR_FRAGMENT_CHAIN drops the set of this fragment, which could never come out. */
int mix_reassembly_feed(mix_reassembly *r, mix_buf *out, uint32_t origin, mix_bytes fragment,
                        mix_time now);

/* When tick has something to drop; MIX_NEVER while nothing is held. */
mix_time mix_reassembly_deadline(const mix_reassembly *r);
void mix_reassembly_tick(mix_reassembly *r, mix_time now);

mix_reassembly_stats mix_reassembly_get_stats(const mix_reassembly *r);

#endif
