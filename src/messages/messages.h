/* SPDX-License-Identifier: Apache-2.0 */
/* Messages into fragments and back, reply blocks, padding. Above: ipr. Below: traffic. Bytes:
 * wire.c. Spec: 2-messages.md §3–§6, §10, §13, §14.
 *
 * A message is written whole and leaves fragment by fragment: peek gives the next one for a lane,
 * pop says that traffic took it. SURBs attached to a message are made then, as many as the next
 * fragment needs: they are as fresh as can be, and no single call has to make hundreds.
 *
 * What comes by a SURB is known to come from the peer that got it: it is kept apart from what
 * strangers send, and only such messages may be replies or requests for SURBs.
 *
 * Memory is bounded by the configuration alone, whatever peers send: fragments by the two
 * reassembly limits; messages not yet fetched by max_events and max_event_bytes (then feed blocks;
 * one message may exceed it); stocks of SURBs and what waits for them by `senders`; reply keys
 * (about 150 bytes each) by max_reply_keys; recipients by max_peers; what waits to leave by
 * max_queued. */
#ifndef MIX_MESSAGES_MESSAGES_H
#define MIX_MESSAGES_MESSAGES_H

#include "directory/rotation.h"
#include "directory/topology.h"
#include "messages/reassembly.h"
#include "messages/senders.h"
#include "sphinx/sphinx.h"
#include "traffic/traffic.h"

typedef struct mix_messages mix_messages;

typedef struct mix_messages_config {
    mix_crypto *crypto; /* these three are borrowed for life */
    mix_sphinx *sphinx;
    const mix_client_keys *keys;
    mix_packet_size size; /* of all packets */
    mix_time hop_delay;   /* mean, of the routes of SURBs */
    size_t max_message;   /* bytes of data in a message to send */
    size_t max_queued;    /* bytes of messages that wait for peek (replies: senders.max_waiting) */
    size_t max_peers;     /* recipients of Repliable messages whose sender tags are kept */
    size_t max_reply_keys;
    mix_time reply_key_age;
    bool answer_requests;  /* requests for SURBs are answered at once; else the event alone tells of
                              them */
    uint32_t max_owed;     /* SURBs asked for by a peer and not made yet: more are forgotten */
    size_t surbs_together; /* in one message of their own; 0: as many as one packet holds */
    size_t max_events, max_event_bytes;
    mix_reassembly_limits forward,
        reply; /* of fragments from strangers, of those that came by SURBs */
    mix_senders_config senders;
    uint32_t request_limit; /* retransmissions of requests for SURBs */
} mix_messages_config;
/* For a client of a few services; for an exit, which serves many clients and keeps 50 SURBs in
 * reserve. The caller sets the borrowed members. */
void mix_messages_config_client(mix_messages_config *cfg);
void mix_messages_config_exit(mix_messages_config *cfg);

/* MIX_ERR_ARGUMENT (a bound is 0, or they contradict each other), MIX_ERR_RANDOM, MIX_ERR_MEMORY.
 * Borrows env for life. */
int mix_messages_new(mix_messages **out, const mix_messages_config *cfg, const mix_env *env);
void mix_messages_free(mix_messages *m); /* NULL is fine; wipes */

/* The snapshot for routes of SURBs, borrowed until replaced; NULL: none can be made. The one before
 * must still be there during the call: lists of SURBs that have begun to leave are completed from
 * it when the rotation changes. Errors of mix_surb_make, MIX_ERR_NO_ROUTE, MIX_ERR_RANDOM,
 * MIX_ERR_MEMORY: nothing changed. */
int mix_messages_set_topology(mix_messages *m, const mix_topology *topology, mix_time now);
/* What traffic/ learnt of the mix nodes, borrowed until replaced; NULL: nothing. */
void mix_messages_set_reach(mix_messages *m, const struct mix_reach *reach);
/* What the directory says of key rotations: from then on stocks are cleaned by it (§14.3). */
void mix_messages_set_rotations(mix_messages *m, const mix_rotation_info *info, mix_time now);

enum {
    MIX_SURBS_MOST = 500,          /* attached to one message */
    MIX_SURBS_TOGETHER_MOST = 100, /* in a message of their own */
};
#define MIX_MESSAGES_USER_OWN ((uint64_t)1 << 63) /* users from here on are not the caller's */

typedef struct mix_message {
    mix_nym_type type;
    mix_bytes data;                  /* of a reply at least 1 byte */
    const mix_recipient *to;         /* plain, repliable */
    uint32_t surbs;                  /* repliable: attached, ≤ MIX_SURBS_MOST */
    uint8_t tag[MIX_SENDER_TAG_LEN]; /* reply: whose SURBs to use */
    uint32_t limit; /* of retransmissions of each fragment; usual: MIX_RETRANSMIT_FOREVER, of
                       replies 10 */
    uint64_t user;  /* goes with the fragments, but for replies; < MIX_MESSAGES_USER_OWN */
} mix_message;
/* From above: takes all of a message, or nothing and MIX_BLOCKED until mix_messages_room grows.
 * MIX_ERR_ARGUMENT; MIX_ERR_LIMIT when longer than max_message; MIX_ERR_SENDER_UNKNOWN for a reply
 * to nobody; MIX_ERR_RANDOM, MIX_ERR_MEMORY. */
int mix_messages_write(mix_messages *m, const mix_message *message, mix_time now);
/* How many bytes of data may be written now: for this tag's replies, or, with NULL, of other
 * messages. A message that is alone in its queue may have more. */
size_t mix_messages_room(const mix_messages *m, const uint8_t *tag);
/* Sends so many SURBs without being asked, in one message (of at most 100; those that wait already
 * go in messages of this size too). MIX_ERR_LIMIT when more than max_owed would wait (none are
 * added then), MIX_ERR_RANDOM, MIX_ERR_MEMORY. */
int mix_messages_give(mix_messages *m, const mix_recipient *to, uint32_t count);
/* Forgets messages of this user that have not left whole (mix_traffic_cancel forgets the fragments
 * below). */
void mix_messages_cancel(mix_messages *m, uint64_t user);
/* Forgets a sender, its SURBs and what waits for it; tells the user number of its fragments for
 * mix_traffic_cancel. False: unknown. */
bool mix_messages_forget(mix_messages *m, const uint8_t tag[static MIX_SENDER_TAG_LEN],
                         uint64_t *user);

/* To below: the next fragment of this lane, borrowed until the next call on m; MIX_DONE when there
 * is none (or there is no route for its SURBs now). Other errors change nothing: try again later.
 */
int mix_messages_peek(mix_messages *m, mix_lane lane, mix_traffic_item *item, mix_time now);
/* Traffic took what peek gave for this lane in the call on m just before. */
void mix_messages_pop(mix_messages *m, mix_lane lane, mix_time now);
/* A reply's fragment was not acknowledged (MIX_TRAFFIC_EXPIRED): it goes again with a new SURB.
 * MIX_ERR_SENDER_UNKNOWN, MIX_ERR_LIMIT, MIX_ERR_MEMORY: it is forgotten. */
int mix_messages_expired(mix_messages *m, const mix_traffic_event *ev, mix_time now);

/* From below: what the gateway delivered, without acknowledgements. MIX_OK: taken, or cover, or
 * came before. MIX_BLOCKED: nothing was taken; fetch events first. MIX_ERR_DELIVERED_SHORT and the
 * errors of the decoders: dropped, and nothing changed but that a SURB's key is used up.
 * MIX_ERR_MESSAGE_ORIGIN: a reply without a SURB, or anything else by one. */
int mix_messages_feed(mix_messages *m, mix_bytes delivered, mix_time now);

typedef enum mix_messages_event_kind {
    MIX_MESSAGES_RECEIVED =
        1, /* a message: type, data; tag and count of SURBs (repliable), from (reply) */
    MIX_MESSAGES_SURBS,   /* SURBs came alone: tag, count */
    MIX_MESSAGES_ASKED,   /* a peer asks for SURBs: from, count */
    MIX_MESSAGES_DROPPED, /* no SURBs came: replies to this tag were given up, count fragments */
} mix_messages_event_kind;
typedef struct mix_messages_event {
    mix_messages_event_kind kind;
    mix_nym_type type;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    mix_recipient from; /* known for sure: it holds SURBs that only it was given */
    size_t count;
    mix_bytes data;
} mix_messages_event;
/* MIX_OK, or MIX_DONE. The bytes are valid until the next call of mix_messages_next. */
int mix_messages_next(mix_messages *m, mix_messages_event *ev);

mix_time mix_messages_deadline(const mix_messages *m); /* MIX_NEVER: no timer runs */
int mix_messages_tick(mix_messages *m, mix_time now);

/* What is known of SURBs that a recipient got from us; zeros for one that got none. */
typedef struct mix_messages_peer {
    uint64_t made;    /* SURBs that left, or are about to */
    uint64_t replies; /* packets that came by them */
    uint32_t owed;    /* waiting to be made */
} mix_messages_peer;
mix_messages_peer mix_messages_get_peer(const mix_messages *m, const mix_recipient *to);
/* SURBs that we hold of a sender. */
size_t mix_messages_stock(const mix_messages *m, const uint8_t tag[static MIX_SENDER_TAG_LEN]);

typedef struct mix_messages_counts {
    uint64_t sent;     /* messages that left whole, SURBs alone included */
    uint64_t received; /* messages of all kinds */
    uint64_t cover;    /* cover packets that came back */
    uint64_t refused;  /* delivered bytes that were dropped for an error */
    uint64_t surbs_made, surbs_received, surbs_used;
    mix_reassembly_stats forward, reply;
} mix_messages_counts;
mix_messages_counts mix_messages_count(const mix_messages *m);

#endif
