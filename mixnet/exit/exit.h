/* SPDX-License-Identifier: Apache-2.0 */
/* An exit's packet router as a client of the mixnet: what the node delivers to it goes through
 * traffic/ and messages/ to the router, and its replies go back as packets by the clients' reply
 * blocks. Above: the host's internet. Below: the node it lives in.
 *
 * Its ways are nym-node's: packets leave at once, loop cover runs, data replies are not repeated,
 * stocks of reply blocks are kept as in 2-messages.md §14 with 50 more than needed; what is
 * measured here holds there. */
#ifndef MIXNET_EXIT_EXIT_H
#define MIXNET_EXIT_EXIT_H

#include "directory/rotation.h"
#include "messages/messages.h"
#include "mixnet/exit/router.h"
#include "mixnet/network/network.h"
#include "sphinx/wire.h"
#include "traffic/traffic.h"

typedef struct mixnet_exit_config {
    mix_crypto *crypto; /* both borrowed for life */
    mix_sphinx *sphinx;
    const mixnet_service_keys *keys; /* of mixnet_member_router; copied */
    const uint8_t *gateway; /* identity of the node it lives in, MIX_KEY_LEN bytes; copied */
    mixnet_router_config router;
    bool cover_off;
    mix_time hop_delay;    /* mean, of the packets' and acknowledgements' routes */
    size_t downlink_bytes; /* that wait for reply blocks of one client; more from the internet is
                              dropped */
    uint32_t surbs_kept;   /* never used for data (10) */
    uint32_t surbs_most;   /* no more are asked for with so many (200) */
    uint32_t surbs_buffer; /* asked for above what is needed (50) */
} mixnet_exit_config;
/* The defaults; the caller sets crypto, sphinx, keys and gateway. */
void mixnet_exit_config_init(mixnet_exit_config *config);

typedef struct mixnet_exit mixnet_exit;
/* MIX_ERR_ARGUMENT (numbers that contradict each other), MIX_ERR_RANDOM, MIX_ERR_MEMORY. Borrows
 * env for life. */
int mixnet_exit_new(mixnet_exit **out, const mixnet_exit_config *config, const mix_env *env);
void mixnet_exit_free(mixnet_exit *e);                   /* NULL is fine; wipes keys */
mix_recipient mixnet_exit_address(const mixnet_exit *e); /* for the directory */

/* The snapshot for routes, borrowed until replaced; the one before must still be there during the
 * call. NULL: nothing leaves. MIX_ERR_NO_ROUTE, MIX_ERR_RANDOM, MIX_ERR_MEMORY: call again later.
 */
int mixnet_exit_set_topology(mixnet_exit *e, const mix_topology *topology, mix_time now);
/* When keys change: reply blocks of the past are dropped in time. */
void mixnet_exit_set_rotations(mixnet_exit *e, const mix_rotation_info *info, mix_time now);

/* A message for the router's identity, without the acknowledgement in front. After it drain and
 * next may have something. Anything but MIX_OK says why it was dropped. */
int mixnet_exit_feed(mixnet_exit *e, mix_bytes delivered, mix_time now);
/* An IP packet from the internet; dropped when it is nobody's, or its client's queue is full. */
void mixnet_exit_from_internet(mixnet_exit *e, mix_bytes packet, mix_time now);
/* The next IP packet for the internet, or MIX_DONE. Valid until the next call of this function. */
int mixnet_exit_next(mixnet_exit *e, mix_bytes *packet);
/* The next packet for the node's forwarder, valid until the next call, or MIX_DONE. An error
 * (MIX_ERR_MEMORY, MIX_ERR_RANDOM, MIX_ERR_CRYPTO) loses nothing: try again later. */
int mixnet_exit_drain(mixnet_exit *e, mix_packet *out, mix_time now);

/* By hand, for tests of clients. Other rules for destinations, as mixnet_router_set_policy. */
void mixnet_exit_set_policy(mixnet_exit *e, const mix_policy *policy);
/* Forgets the client of this address, or all (NULL), with their reply blocks and without a word, as
 * a restart would. How many there were. */
size_t mixnet_exit_forget(mixnet_exit *e, const mix_address *ip);
/* Throws away the reply blocks of all clients, and what waits for them. How many blocks there were.
 */
size_t mixnet_exit_exhaust(mixnet_exit *e);

mix_time mixnet_exit_deadline(const mixnet_exit *e);
int mixnet_exit_tick(mixnet_exit *e, mix_time now); /* when the deadline has passed; then drain */

typedef struct mixnet_exit_stats {
    mixnet_router_stats router;
    mix_messages_counts messages;
    mix_traffic_counts traffic;
    uint64_t unanswerable; /* replies to clients without any reply blocks */
    uint64_t given_up;     /* replies that waited in vain for reply blocks, in fragments */
    uint64_t errors;       /* of our own: memory, randomness */
} mixnet_exit_stats;
void mixnet_exit_get_stats(const mixnet_exit *e, mixnet_exit_stats *out);

typedef struct mixnet_exit_client {
    mix_ipr_ips ips;
    uint8_t version;
    mix_time since, active;
    uint64_t packets_up, packets_down, bytes_up, bytes_down;
    uint64_t refused, full; /* dropped: by the filter, for want of room */
    size_t surbs;           /* in stock */
    size_t room;            /* bytes that its downlink still takes */
} mixnet_exit_client;
/* Walks the clients: start with *at = 0; false at the end. Nothing may change meanwhile. */
bool mixnet_exit_each(const mixnet_exit *e, size_t *at, mixnet_exit_client *out);

#endif
