/* SPDX-License-Identifier: Apache-2.0 */
/* The client's session with an exit's IP packet router: connect, IP packets up and down, order, liveness. Above: tcpip. Below:
 * messages (each outgoing message is a repliable one to the exit; each incoming one a reply). Bytes: wire.h. Spec: 5-ipr.md.
 *
 * Life: new → connect → CONNECTED (addresses) → packets both ways → … → LOST or DENIED; connect may be called again at any time, also
 * to another exit. Nothing is sent before connect. The session keeps itself alive: an exit forgets silent clients after 60 s. */
#ifndef MIX_IPR_IPR_H
#define MIX_IPR_IPR_H

#include "base/address.h"
#include "base/log.h"
#include "ipr/wire.h"

typedef struct mix_ipr mix_ipr;

typedef struct mix_ipr_config {
    size_t queue_bytes;        /* of IP packets that wait to be sent; default 256 KiB */
    mix_time connect_timeout;  /* for the whole connect; default 60 s */
    mix_time fallback_after;   /* a version 10 connect unanswered for so long is joined by a version 9 one; default 3 s */
    mix_time keepalive;        /* an IP packet at least so often; default 40 s, must stay below 50 s */
    mix_time probe_after;      /* answers awaited for so long: ask whether the exit is there; default 3 s */
    mix_time bundle_time;      /* the exit collects small packets for so long before it sends them; default 10 ms, at least 1 ms */
    mix_time reorder_cap;      /* the longest wait for a gap in the downlink; default 150 ms; MIX_NEVER: no resequencing */
    /* Whether TCP takes a packet although earlier frames are missing: it does not wait for them. NULL: datagrams only do not. */
    bool (*is_next)(void *user, mix_bytes packet);
    void *user;
} mix_ipr_config; /* zeros take the defaults */

enum {
    MIX_IPR_PACKET_MAX = 1500,   /* bytes of an IP packet that may be written */
    MIX_IPR_MTU_DEFAULT = 1420,  /* when the exit does not tell */
    MIX_IPR_MTU_LEAST = 1280,
    MIX_IPR_BUNDLE_PACKETS = 32, /* IP packets in one message */
    MIX_IPR_PROBES = 3,          /* unanswered in a row: the session is lost */
    MIX_IPR_CONNECT_SURBS = 12,  /* an exit keeps 10 and answers from the 11th (5-ipr.md §5.6.3); one more for its request of SURBs */
};

int mix_ipr_new(mix_ipr **out, const mix_ipr_config *config, const mix_env *env); /* borrows env for life */
void mix_ipr_free(mix_ipr *i);                                                     /* NULL is fine */

/* Starts a session: version 8 (plain, for tests), 9 or 10, what best fits the exit's release (the directory's mix_exit has it). A session that is
 * up is forgotten; packets that wait stay. MIX_ERR_RANDOM. */
int mix_ipr_connect(mix_ipr *i, uint8_t version, mix_time now);
/* Says goodbye (an exit then frees the addresses at once). Does nothing when not connected. */
int mix_ipr_disconnect(mix_ipr *i, mix_time now);

/* Asks the exit for a sign of life, for a measurement: PONG follows, or nothing. One at a time: a new one takes the place of the one before.
 * MIX_BLOCKED when there is no session; MIX_ERR_RANDOM. */
int mix_ipr_ping(mix_ipr *i, mix_time now);

/* From above: one IP packet of at most MIX_IPR_PACKET_MAX bytes. MIX_BLOCKED when the queue is full or there is no session. */
int mix_ipr_write(mix_ipr *i, mix_bytes packet, mix_time now);
size_t mix_ipr_room(const mix_ipr *i); /* bytes that fit now */

/* To below: the next message. It stays the same until mix_ipr_sent. MIX_DONE when there is none. `room` is how many bytes of a message
 * still fit one Sphinx packet: as many waiting IP packets as fit are bundled; a single one may be larger. */
typedef struct mix_ipr_message {
    mix_bytes bytes; /* valid until the next call */
    uint32_t surbs;  /* at least so many are to go with it; more is up to the SURB economy */
    bool data;       /* IP packets; else control */
} mix_ipr_message;
int mix_ipr_drain(mix_ipr *i, mix_ipr_message *out, size_t room, mix_time now);
void mix_ipr_sent(mix_ipr *i, mix_time now); /* the message was taken */

/* From below: a reply came. Frames of other streams, late answers and garbage are counted and dropped: MIX_ERR_LP_*, MIX_ERR_IPR_*. */
int mix_ipr_feed(mix_ipr *i, mix_bytes message, mix_time now);

typedef enum mix_ipr_event_kind {
    MIX_IPR_EVENT_PACKET,       /* packet: an IP packet from the exit */
    MIX_IPR_EVENT_CONNECTED,    /* ips, mtu, version */
    MIX_IPR_EVENT_DENIED,       /* reason, text: the exit refused the connect */
    MIX_IPR_EVENT_REFUSED,      /* destination (port 0: none) and text: the exit's filter refused packets to it */
    MIX_IPR_EVENT_NOTICE,       /* text: words from the exit */
    MIX_IPR_EVENT_DEGRADED,     /* answers are overdue */
    MIX_IPR_EVENT_RECOVERED,    /* and came after all */
    MIX_IPR_EVENT_PONG,         /* round_trip: the answer to mix_ipr_ping */
    MIX_IPR_EVENT_LOST,         /* status and text: the session is over; connect again, or to another exit */
} mix_ipr_event_kind;
typedef struct mix_ipr_event {
    mix_ipr_event_kind kind;
    mix_bytes packet;
    mix_ipr_ips ips;
    uint16_t mtu;
    uint8_t version;
    mix_ipr_reason reason;
    int status; /* LOST: MIX_ERR_IPR_TIMEOUT, _SILENT, _FORGOTTEN, _DISCONNECTED; DENIED: MIX_ERR_IPR_DENIED */
    mix_address destination;
    mix_time round_trip;
    mix_bytes text;
} mix_ipr_event;
/* The next event, its bytes valid until the next call on i; or MIX_DONE. */
int mix_ipr_next(mix_ipr *i, mix_ipr_event *ev, mix_time now);

mix_time mix_ipr_deadline(const mix_ipr *i);
int mix_ipr_tick(mix_ipr *i, mix_time now);

typedef enum mix_ipr_state { MIX_IPR_IDLE, MIX_IPR_CONNECTING, MIX_IPR_UP, MIX_IPR_DEGRADED } mix_ipr_state;
typedef struct mix_ipr_stats {
    mix_ipr_state state;
    uint64_t packets_up, packets_down, messages_up, messages_down, bundles_shared; /* shared: messages with several packets */
    uint64_t dropped;  /* incoming messages that were not for this session, or garbage */
    uint64_t reordered, skipped, too_late;
    mix_time round_trip; /* the last probe's or connect's; 0: none yet */
    mix_time reorder_wait;
} mix_ipr_stats;
void mix_ipr_get_stats(const mix_ipr *i, mix_ipr_stats *out);

#endif
