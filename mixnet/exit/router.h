/* SPDX-License-Identifier: Apache-2.0 */
/* What an exit does with requests of its clients and with IP packets, apart from the mixnet:
 * messages with sender tags go in, replies and IP packets come out. Above: exit. Bytes: ipr/wire.h.
 * Spec: 5-ipr.md §5.6–5.9.
 *
 * Clients are told apart by their sender tags. A packet counts only with a source address of its
 * own client: the original takes any connected client's. Versions 6 and 7, and 10 where the
 * announced release is older than 1.37.0, are not answered, as by real nodes. */
#ifndef MIXNET_EXIT_ROUTER_H
#define MIXNET_EXIT_ROUTER_H

#include "base/queue.h"
#include "ipr/policy.h"
#include "mixnet/exit/packet.h"
#include "mixnet/exit/session.h"

typedef struct mixnet_router_config {
    const char *release;      /* that the directory announces; borrowed for life. NULL: "1.37.0" */
    const mix_policy *policy; /* borrowed for life; NULL: all destinations are allowed */
    bool allow_local;         /* destinations that are not global as well, and other clients */
    bool quiet; /* as nym-node: no resets and ICMP for refused packets, no word to silent clients */
    uint16_t mtu;           /* told to clients of version 10; 0: 1500 */
    size_t max_sessions;    /* 0: 1024 */
    mix_time bundle_period; /* unless the client asks for another; 0: 20 ms */
    mix_time inactivity;    /* 0: 60 s */
} mixnet_router_config;

typedef struct mixnet_router_stats {
    size_t sessions;
    uint64_t requests, connects, reconnects, disconnects, silent, pings;
    uint64_t packets_up, packets_down, bytes_up, bytes_down, echoes, between_clients, bundles;
    uint64_t no_address; /* connects that were refused */
    /* Dropped requests: */
    uint64_t malformed, version, no_tag, replies_full;
    /* Dropped packets from clients: */
    uint64_t bad_packet, foreign_source, refused, uplink_full;
    /* Dropped packets from the internet: */
    uint64_t no_session, downlink_full, no_memory;
} mixnet_router_stats;

typedef struct mixnet_router mixnet_router;

int mixnet_router_new(mixnet_router **out, const mixnet_router_config *config,
                      const mix_env *env); /* borrows env; MIX_ERR_RANDOM */
void mixnet_router_free(mixnet_router *r); /* NULL is fine */

/* A client's message; tag NULL: it came without reply blocks. Anything but MIX_OK says why it was
 * dropped without an answer: MIX_ERR_LP_TYPE, MIX_ERR_IPR_REQUEST, MIX_ERR_IPR_VERSION (also one
 * that does not go with or without frames), MIX_ERR_SENDER_UNKNOWN (no tag). */
int mixnet_router_request(mixnet_router *r, const uint8_t *tag, mix_bytes message, mix_time now);

/* A packet from the internet. Never blocks; what cannot be passed on is dropped and counted. Who
 * wants to hold a client's downlink back looks first whose it is, and says that it was dropped. */
void mixnet_router_from_internet(mixnet_router *r, mix_bytes packet, mix_time now);
const mixnet_session *mixnet_router_owner(const mixnet_router *r,
                                          mix_bytes packet);    /* NULL: nobody's */
void mixnet_router_dropped(mixnet_router *r, mix_bytes packet); /* for want of room */

/* The next packet for the internet, unchanged as the client sent it; MIX_DONE when there is none.
 * Valid until the next call of this function. */
int mixnet_router_next(mixnet_router *r, mix_bytes *packet);

/* The next reply, valid until it is popped; false when there is none. */
typedef struct mixnet_router_reply {
    const uint8_t *tag;
    mix_bytes bytes;
    uint32_t
        limit; /* of retransmissions: data are sent once, answers up to 11 times (§5.6, §5.6.2) */
} mixnet_router_reply;
bool mixnet_router_reply_peek(const mixnet_router *r, mixnet_router_reply *out);
void mixnet_router_reply_pop(mixnet_router *r);

/* Other rules from now on: borrowed until they are replaced. NULL: all destinations are allowed. */
void mixnet_router_set_policy(mixnet_router *r, const mix_policy *policy);
/* Forgets the client of this address, or any one (NULL), without a word to it, as a restart would;
 * tells its tag. False: there is none. */
bool mixnet_router_forget(mixnet_router *r, const mix_address *ip,
                          uint8_t tag[static MIXNET_TAG_LEN]);

mix_time mixnet_router_deadline(const mixnet_router *r);
void mixnet_router_tick(mixnet_router *r, mix_time now);

void mixnet_router_get_stats(const mixnet_router *r, mixnet_router_stats *out);
/* Walks the sessions: start with *at = 0; NULL at the end. Nothing may change meanwhile. */
const mixnet_session *mixnet_router_each(const mixnet_router *r, size_t *at);

#endif
