/* SPDX-License-Identifier: Apache-2.0 */
/* What every node does with a packet: opens it, drops replays, waits, forwards; or, as the last hop, takes the message out and sends
 * the acknowledgement on its way. Keys by rotation. Spec: 1-sphinx.md §2.4–2.7. */
#ifndef MIXNET_NODE_NODE_H
#define MIXNET_NODE_NODE_H

#include "sphinx/sphinx.h"
#include "sphinx/wire.h"

typedef struct mixnet_node mixnet_node;

typedef struct mixnet_node_config {
    bool mix;              /* forwards packets of others */
    bool final;            /* takes the last hop of packets: gateways and exits */
    mix_time max_delay;    /* longer delays are cut to it; 0: 10 s */
    size_t queue_packets;  /* that wait here at most; 0: 20,000. The oldest stay, the new one is dropped */
    uint8_t frame_version; /* of frames sent: 7 as real nodes, or 8; 0: 7 */
} mixnet_node_config;

int mixnet_node_new(mixnet_node **out, const mixnet_node_config *config, mix_crypto *crypto, const mix_env *env); /* borrows both */
void mixnet_node_free(mixnet_node *n); /* NULL is fine; wipes keys */

/* The key of the current rotation, and that of the next or the previous one. A key that is set again keeps its replay filter. Setting the
 * secondary's rotation as primary swaps them. MIX_ERR_RANDOM. */
int mixnet_node_set_key(mixnet_node *n, bool primary, uint32_t rotation_id, const uint8_t secret[static MIX_KEY_LEN]);
void mixnet_node_drop_secondary(mixnet_node *n);

/* A frame from another node. Anything but MIX_OK says why the packet was dropped; it is counted in the stats. */
int mixnet_node_feed(mixnet_node *n, const mix_frame *frame, mix_time now);
/* A packet of a client or of a service of this node, for the forwarder: neither opened nor delayed. MIX_BLOCKED when full. */
int mixnet_node_send(mixnet_node *n, const mix_packet *packet, mix_time now);

/* The next packet whose time has come, as a frame; MIX_DONE when there is none. Valid until the next call. */
typedef struct mixnet_node_out {
    mix_address next;
    mix_bytes frame;
    mix_time due; /* when it should have left */
} mixnet_node_out;
int mixnet_node_drain(mixnet_node *n, mixnet_node_out *out, mix_time now);

/* The next message for a client of this gateway: its identity, and the message without the acknowledgement. Valid until the next
 * call. MIX_DONE when there is none. */
typedef struct mixnet_node_final {
    uint8_t destination[MIX_KEY_LEN];
    mix_bytes message;
} mixnet_node_final;
int mixnet_node_next(mixnet_node *n, mixnet_node_final *out);

mix_time mixnet_node_deadline(const mixnet_node *n);

typedef struct mixnet_node_stats {
    uint64_t received, forwarded, delivered, acks, sent; /* sent: of clients and services */
    uint64_t bad, replays, expired_key, refused_role, bad_address, bad_ack, full, no_memory; /* dropped, by reason */
    size_t waiting;
} mixnet_node_stats;
void mixnet_node_get_stats(const mixnet_node *n, mixnet_node_stats *out);

#endif
