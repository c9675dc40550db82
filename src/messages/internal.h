/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's parts, which messages.c, receive.c and peers.c share; nobody else includes this. */
#ifndef MIX_MESSAGES_INTERNAL_H
#define MIX_MESSAGES_INTERNAL_H

#include "messages/messages.h"
#include "messages/reply_keys.h"

/* A recipient of Repliable messages. */
typedef struct mix_peer {
    mix_recipient recipient;
    uint32_t number; /* never used again for another; from 1 on: it is the origin of its replies */
    uint64_t used;   /* for finding the one not used for the longest time */
    uint8_t tag[MIX_SENDER_TAG_LEN];
    uint32_t owed;
    uint32_t together;    /* of them in one message; 0: as configured */
    mix_outgoing *answer; /* SURBs that are leaving now */
    uint64_t made, replies;
} mix_peer;

typedef struct mix_event {
    struct mix_event *next;
    mix_messages_event ev;
    mix_buf message; /* ev.data lies in it */
} mix_event;

/* What peek gave last for a lane. */
typedef enum mix_source {
    MIX_SOURCE_NONE = 0,
    MIX_SOURCE_SENDER,
    MIX_SOURCE_FORWARD,
    MIX_SOURCE_PEER
} mix_source;
typedef struct mix_shown {
    mix_source source;
    mix_sender *sender;
    mix_peer *peer;
    mix_buf fragment;
} mix_shown;

struct mix_messages {
    mix_messages_config cfg;
    const mix_env *env;
    const mix_topology *topology;
    const struct mix_reach *reach; /* or NULL */
    size_t space;

    mix_outgoing_queue forward; /* plain and repliable messages */
    mix_senders senders;
    bool forward_last; /* who had the last turn in the general lane */
    mix_shown shown[MIX_LANES];
    mix_buf made; /* scratch: SURBs without their keys */

    mix_peer **peers;
    size_t peer_count, peer_turn;
    uint32_t peer_numbers;
    uint64_t uses;
    mix_reply_keys reply_keys;

    mix_reassembly *from_strangers, *from_peers;
    mix_buf opened; /* scratch: a decrypted fragment */
    mix_event *first, *last, *given, *spare;
    size_t events, event_bytes;

    bool knows_rotations;
    mix_rotation_info rotations;
    mix_time clean_at, refresh_at; /* MIX_NEVER: not planned */

    mix_messages_counts counts;
};

/* Whatever changes queues ends what peek gave. */
static inline void mix_messages_hide(mix_messages *m) {
    for (size_t i = 0; i < MIX_LANES; i++)
        m->shown[i].source = MIX_SOURCE_NONE;
}

/* peers.c */
mix_peer *mix_peer_find(const mix_messages *m, const mix_recipient *recipient);
mix_peer *mix_peer_find_number(const mix_messages *m, uint32_t number);
/* Finds or adds it. MIX_ERR_RANDOM, MIX_ERR_MEMORY. */
int mix_peer_get(mix_messages *m, mix_peer **out, const mix_recipient *recipient);
void mix_peers_deinit(mix_messages *m);
/* Makes SURBs until o's next fragment can be cut (all: every one that is left). MIX_DONE: there is
 * no topology or no route. */
int mix_peer_fill(mix_messages *m, mix_outgoing *o, bool all, mix_time now);
/* The peer whose answer goes next, with an answer ready to be cut; NULL and MIX_DONE when there is
 * none. */
int mix_peer_next(mix_messages *m, mix_peer **out, mix_time now);
/* Its next fragment is gone. */
void mix_peer_sent(mix_messages *m, mix_peer *p);

/* receive.c */
void mix_events_deinit(mix_messages *m);
/* Adds an event that has no bytes. MIX_ERR_MEMORY. */
int mix_event_add(mix_messages *m, const mix_messages_event *ev);

#endif
