/* SPDX-License-Identifier: Apache-2.0 */
/* A message on its way out: known by its length, cut into fragments one at a time. Its bytes are
 * copied once when it is written and once into each fragment; SURBs attached to it are made while
 * it leaves, as many as the next fragment needs. */
#ifndef MIX_MESSAGES_OUTGOING_H
#define MIX_MESSAGES_OUTGOING_H

#include "messages/fragment.h"

typedef struct mix_outgoing {
    struct mix_outgoing *next; /* in a queue of the owner's */
    uint64_t user;
    uint32_t limit;          /* of retransmissions */
    mix_recipient recipient; /* unless it is a reply */
    mix_nym_content content; /* with SURBs: for the front, which is written when it leaves */
    uint32_t peer;           /* who gets the SURBs, and our tag for it */
    uint8_t tag[MIX_SENDER_TAG_LEN];
    mix_split plan;
    size_t index;  /* of the next fragment */
    size_t surbs;  /* not made yet */
    size_t listed; /* in its list */
    mix_buf
        head;   /* what stands in front of the data and is made already; what was cut off is gone */
    bool begun; /* its SURBs are of the rotation in its list's header: no other will do */
    mix_bytes data; /* not cut yet, in tail */
    bool marked;    /* the end mark was cut */
    size_t bytes;   /* of this struct: what counts for a bound */
    uint32_t *ids;  /* of its fragment sets, in tail */
    uint8_t tail[];
} mix_outgoing;

/* front: bytes in front of SURBs and data, appended to head by the caller at once or before the
 * first cut; len of them counts. All numbers must be small enough for mix_split_plan.
 * MIX_ERR_RANDOM, MIX_ERR_MEMORY. */
size_t mix_outgoing_size(size_t space, size_t front_len, size_t surbs,
                         size_t data_len); /* what `bytes` will be */
int mix_outgoing_new(mix_outgoing **out, const mix_env *env, size_t space, size_t front_len,
                     size_t surbs, mix_bytes data);
void mix_outgoing_free(mix_outgoing *o); /* NULL is fine; wipes */
/* Bytes that head must have before the next fragment can be cut, if surbs are left to make. */
size_t mix_outgoing_needs(const mix_outgoing *o);
size_t mix_outgoing_left(const mix_outgoing *o); /* fragments */
/* Appends the next fragment and gives its identifier; changes nothing else. MIX_ERR_MEMORY. */
int mix_outgoing_cut(const mix_outgoing *o, mix_buf *out, uint8_t id[static MIX_FRAGMENT_ID_LEN]);
/* That fragment is gone; there must be one. */
void mix_outgoing_advance(mix_outgoing *o);

/* First in, first out. */
typedef struct mix_outgoing_queue {
    mix_outgoing *first, *last;
    size_t messages, fragments, bytes;
} mix_outgoing_queue;
void mix_outgoing_push(mix_outgoing_queue *q, mix_outgoing *o);
/* Advances the first message, and frees it when its last fragment is gone. */
void mix_outgoing_pop_fragment(mix_outgoing_queue *q);
void mix_outgoing_drop_first(mix_outgoing_queue *q);
void mix_outgoing_clear(mix_outgoing_queue *q);

#endif
