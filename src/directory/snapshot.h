/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of the directory's answers: usable nodes, exits; and the topology made of them.
 * Spec: 4-directory.md §7–§9. */
#ifndef MIX_DIRECTORY_SNAPSHOT_H
#define MIX_DIRECTORY_SNAPSHOT_H

#include "directory/recipient.h"
#include "directory/wire.h"

enum {
    MIX_LIST_NODES_MAX = 16384, /* nodes of one list, over all its pages */
    MIX_PERCENT_LEAST = 50,     /* nodes below are not used */
    MIX_KEPT_IPS = 3,
    MIX_HOSTNAME_MAX = 253,
    MIX_URL_MAX = 280, /* of an entry gateway, with its end */
    MIX_RELEASE_MAX = 32,
};

/* One usable node of a skimmed list: it performs well enough and has an address. */
typedef struct mix_kept_node {
    uint32_t id;
    uint8_t identity[MIX_KEY_LEN], sphinx_key[MIX_KEY_LEN];
    mix_address ips[MIX_KEPT_IPS];
    uint8_t ip_count, percent, hostname_len;
    bool exit_ipr, has_entry, has_wss_port;
    uint16_t mix_port, ws_port, wss_port;
    uint32_t hostname; /* where it begins in the list's texts */
} mix_kept_node;

typedef struct mix_kept_list {
    mix_kept_node *nodes;
    size_t count, cap;
    size_t seen; /* also those that were not kept */
    mix_buf texts;
} mix_kept_list; /* {0} is empty */

void mix_kept_deinit(mix_kept_list *l);
/* Keeps the node if it can be used. A hostname that no host can have is dropped.
 * MIX_ERR_DIRECTORY_SIZE, MIX_ERR_MEMORY. */
int mix_kept_add(mix_kept_list *l, const mix_skimmed *node);
const mix_kept_node *mix_kept_find(const mix_kept_list *l,
                                   const uint8_t identity[static MIX_KEY_LEN]);

/* The node's WebSocket URLs (§7): with TLS one, if it has a hostname and a port for it; without,
 * one for its hostname and one for each address, in this order. False when there is no such one. */
bool mix_kept_url(char out[static MIX_URL_MAX], const mix_kept_list *l, const mix_kept_node *node,
                  bool tls, size_t which);

/* The nodes of both lists, gateways in place of mix nodes with the same id, with the roles of the
 * rewarded set; a node that is named in several sets has the first of its roles.
 * MIX_ERR_DIRECTORY_INSUFFICIENT when no packet could be routed (§8.2); MIX_ERR_MEMORY. */
int mix_snapshot_topology(mix_topology **out, const mix_kept_list *mixnodes,
                          const mix_kept_list *gateways, const mix_rewarded *rewarded,
                          const mix_page_metadata *metadata, mix_error *e);

/* A node that describes itself as having a packet router which speaks our versions. */
typedef struct mix_kept_exit {
    uint8_t identity[MIX_KEY_LEN];
    mix_recipient address;
    uint8_t ipr_version;
    char release[MIX_RELEASE_MAX]; /* cut when longer */
} mix_kept_exit;

typedef struct mix_kept_exits {
    mix_kept_exit *exits;
    size_t count, cap, seen;
} mix_kept_exits; /* {0} is empty */

void mix_kept_exits_deinit(mix_kept_exits *l);
/* Keeps it if it is such a node, and its router's client is at itself. MIX_ERR_DIRECTORY_SIZE,
 * MIX_ERR_MEMORY. */
int mix_kept_exits_add(mix_kept_exits *l, const mix_described *node);
/* Keeps one that was kept before; errors as above. */
int mix_kept_exits_put(mix_kept_exits *l, const mix_kept_exit *exit);
const mix_kept_exit *mix_kept_exits_find(const mix_kept_exits *l,
                                         const uint8_t identity[static MIX_KEY_LEN]);

#endif
