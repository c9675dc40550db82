/* SPDX-License-Identifier: Apache-2.0 */
/* When a packet leaves: Poisson stream, cover, acknowledgement, retransmission. Above: messages.
 * Below: sphinx, gateway. Takes fragments, gives MixPackets. Spec: 2-messages.md §7–§12. */
#ifndef MIX_TRAFFIC_TRAFFIC_H
#define MIX_TRAFFIC_TRAFFIC_H

#include "directory/topology.h"
#include "sphinx/sphinx.h"
#include "traffic/ack.h"
#include "traffic/keys.h"
#include "traffic/payload.h"

typedef struct mix_traffic mix_traffic;

/* Queues from above; they take turns, packet by packet, with retransmissions as one more. */
typedef enum mix_lane {
    MIX_LANE_GENERAL = 0,
    MIX_LANE_SURB_REQUEST,
    MIX_LANE_SURBS,
    MIX_LANES,
} mix_lane;

#define MIX_RETRANSMIT_FOREVER UINT32_MAX

typedef struct mix_traffic_config {
    mix_crypto *crypto; /* these three are borrowed for life */
    mix_sphinx *sphinx;
    const mix_client_keys *keys;
    mix_time hop_delay; /* means of exponential distributions, µs; 0: none */
    mix_time ack_delay;
    mix_time send_interval;  /* of the main stream, > 0 */
    mix_time cover_interval; /* of the loop cover stream, > 0 */
    bool pacing_off;         /* packets leave when they are there; no cover in their place */
    bool cover_off;          /* no loop cover stream */
    bool copies;             /* slots that would carry cover send young packets once more */
    uint16_t cover_version;  /* Sphinx version of cover packets (§9) */
    uint8_t packet_form;     /* MixPacket v1 or v2: 1 or 2 */
    mix_time ack_addition;   /* timeout = expected delay × ack_percent / 100 + this */
    uint32_t ack_percent;
    uint32_t max_retransmissions; /* of any fragment, whatever its own limit */
    size_t lane_packets;          /* bound of each lane */
    size_t max_packets;           /* bound of all that waits or is unacknowledged */
    size_t max_delivered;         /* bound of messages that wait for mix_traffic_next */
    bool learns;                  /* mix nodes that seem to be gone are left out (reach.h) */
} mix_traffic_config;
/* The defaults of §15; the caller sets the borrowed members. */
void mix_traffic_config_init(mix_traffic_config *cfg);

/* MIX_ERR_ARGUMENT (an interval or bound is 0, form or version unknown), MIX_ERR_RANDOM,
 * MIX_ERR_MEMORY. */
int mix_traffic_new(mix_traffic **out, const mix_traffic_config *cfg,
                    const mix_env *env); /* borrows env for life */
void mix_traffic_free(mix_traffic *t);   /* NULL is fine; wipes */

/* The snapshot to draw routes from, borrowed until replaced. NULL, or one without a route to the
 * own gateway (MIX_ERR_NO_ROUTE, but it is taken): nothing is sent, what was written waits. The
 * streams start with the first good one. MIX_ERR_RANDOM: nothing changed. */
int mix_traffic_set_topology(mix_traffic *t, const mix_topology *topology, mix_time now);

/* What was learnt of the mix nodes, for other users of routes; valid as long as t. NULL: nothing
 * is.
 */
const struct mix_reach *mix_traffic_reach(const mix_traffic *t);

/* One fragment to send, to a recipient or by a reply SURB. All is copied. */
typedef struct mix_traffic_item {
    mix_bytes fragment; /* exactly mix_fragment_space(size) bytes */
    mix_packet_size size;
    uint8_t id[MIX_FRAGMENT_ID_LEN]; /* of this fragment (§5.2), not zero */
    mix_lane lane;
    uint32_t limit; /* of retransmissions, or MIX_RETRANSMIT_FOREVER */
    uint32_t count; /* retransmissions made so far: not 0 for an expired reply that comes with a new
                       SURB */
    uint64_t user;  /* the caller's number, given back in events */
    const mix_recipient *recipient; /* or NULL and: */
    mix_bytes surb; /* header || first hop || seeds or keys, without the encryption key in front */
    const uint8_t *surb_key;    /* 16 bytes: its encryption key */
    mix_rotation surb_rotation; /* of the list that it came in */
} mix_traffic_item;
/* MIX_OK; MIX_BLOCKED when mix_traffic_room is 0; MIX_ERR_FRAGMENT_SIZE, MIX_ERR_FRAGMENT_TWICE
 * (the same id waits or is unacknowledged), MIX_ERR_ARGUMENT, MIX_ERR_SPHINX_SURB, MIX_ERR_MEMORY:
 * nothing was taken. */
int mix_traffic_write(mix_traffic *t, const mix_traffic_item *item, mix_time now);
/* How many more fragments the lane takes. */
size_t mix_traffic_room(const mix_traffic *t, mix_lane lane);
/* Forgets all fragments of this user, waiting or unacknowledged, without events. */
void mix_traffic_cancel(mix_traffic *t, uint64_t user);

/* True when a slot of the main stream is due (always, without pacing) and nothing waits for it: a
 * moment for the caller to write what may use it (SURBs), else mix_traffic_drain fills it with
 * cover. */
bool mix_traffic_idle(const mix_traffic *t, mix_time now);
/* True when a slot of the main stream that carries nothing else will carry a copy: of a packet of
 * the general lane that left less than 200 ms ago and is not acknowledged, by a way of its own,
 * once each time it is sent. The recipient takes whichever comes first, and only that. */
bool mix_traffic_copies(const mix_traffic *t, mix_time now);
/* Appends one MixPacket when a slot is due and the backlog has room, else MIX_DONE; call it until
 * then. Fragments for which there is no route give an event (GAVE_UP, or a new timer if they were
 * sent before). Other errors (MIX_ERR_MEMORY, MIX_ERR_RANDOM, MIX_ERR_CRYPTO) change nothing: the
 * same slot and fragment are tried again at the next call. */
int mix_traffic_drain(mix_traffic *t, mix_buf *out, mix_time now);
/* How many packets wait between here and the wire, and how many more may: 0 stops drain. The main
 * stream slows down while the backlog stays high (§11). Never called: no bound. */
void mix_traffic_set_backlog(mix_traffic *t, size_t packets, size_t room, mix_time now);
/* By how much the mean interval of the main stream is stretched now, 1…6. */
uint32_t mix_traffic_multiplier(const mix_traffic *t);

/* What the gateway delivered. MIX_OK (taken, or cover of ours); MIX_BLOCKED when max_delivered
 * messages wait for mix_traffic_next (nothing was taken); MIX_ERR_ACK, MIX_ERR_MEMORY.
 * Acknowledgements that match nothing are fine: they come twice, or late. */
int mix_traffic_feed(mix_traffic *t, mix_bytes delivered, mix_time now);

typedef enum mix_traffic_event_kind {
    MIX_TRAFFIC_DELIVERED = 1, /* bytes: a message as the gateway gave it, for messages/ */
    MIX_TRAFFIC_ACKED,         /* the fragment arrived */
    MIX_TRAFFIC_EXPIRED, /* a reply fragment (bytes) was not acknowledged in time: write it again
                            with a new SURB and this count, or forget it */
    MIX_TRAFFIC_GAVE_UP, /* why: MIX_ERR_LIMIT (of retransmissions) or MIX_ERR_NO_ROUTE */
} mix_traffic_event_kind;
typedef struct mix_traffic_event {
    mix_traffic_event_kind kind;
    mix_bytes bytes;
    uint64_t user;
    uint8_t id[MIX_FRAGMENT_ID_LEN];
    mix_packet_size size;
    mix_lane lane;
    uint32_t limit, count; /* count: retransmissions, EXPIRED's next one included */
    int why;
} mix_traffic_event;
/* MIX_OK, or MIX_DONE. The bytes are valid until the next call on t. */
int mix_traffic_next(mix_traffic *t, mix_traffic_event *ev);

/* When tick or drain has something to do; MIX_NEVER: no timer runs. */
mix_time mix_traffic_deadline(const mix_traffic *t);
/* Moves fragments whose acknowledgement is overdue to the lane of retransmissions, or makes events
 * of them. */
int mix_traffic_tick(mix_traffic *t, mix_time now);

typedef struct mix_traffic_counts {
    uint64_t data, retransmitted, copies; /* packets sent; each in one of them */
    uint64_t slot_cover, loop_cover;
    uint64_t acked, cover_acked, stray_acks;
    uint64_t cover_back; /* known at once; others are counted by messages/ */
    uint64_t delivered, expired, gave_up;
} mix_traffic_counts;
mix_traffic_counts mix_traffic_count(const mix_traffic *t);
/* Fragments that wait to be sent, and those sent and not yet acknowledged. */
size_t mix_traffic_waiting(const mix_traffic *t);
size_t mix_traffic_unacknowledged(const mix_traffic *t);

#endif
