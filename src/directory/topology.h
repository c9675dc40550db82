/* SPDX-License-Identifier: Apache-2.0 */
/* One consistent snapshot of the network, and routes drawn from it. Made by the directory engine
 * (or by a test), read by traffic and messages. Spec: 2-messages.md §8, 4-directory.md. */
#ifndef MIX_DIRECTORY_TOPOLOGY_H
#define MIX_DIRECTORY_TOPOLOGY_H

#include "base/bytes.h"
#include "base/log.h"
#include "crypto/crypto.h"

enum { MIX_LAYERS = 3, MIX_NODE_ADDRESS_LEN = 32, MIX_ROTATION_ID_UNKNOWN = 0xffffffff };

typedef enum mix_role { /* in the current epoch; a node may have none */
                        MIX_ROLE_NONE = 0,
                        MIX_ROLE_LAYER1,
                        MIX_ROLE_LAYER2,
                        MIX_ROLE_LAYER3,
                        MIX_ROLE_ENTRY,
                        MIX_ROLE_EXIT,
                        MIX_ROLE_STANDBY,
} mix_role;

typedef struct mix_node {
    uint32_t id;
    mix_role role;
    uint8_t identity[MIX_KEY_LEN];   /* Ed25519 */
    uint8_t sphinx_key[MIX_KEY_LEN]; /* X25519, of the snapshot's rotation */
    uint8_t
        address[MIX_NODE_ADDRESS_LEN]; /* node routing address, zero-padded (1-sphinx.md §1.4) */
} mix_node;

typedef struct mix_topology {
    mix_node *nodes; /* owned */
    size_t count;
    uint32_t *layer[MIX_LAYERS]; /* indexes into nodes of each layer's known members; owned */
    size_t layer_count[MIX_LAYERS];
    uint32_t rotation_id; /* MIX_ROTATION_ID_UNKNOWN when the directory gives none */
    uint32_t epoch_id;
    uint64_t serial;      /* grows with each snapshot of one directory; 0 from mix_topology_new */
    int64_t refreshed_at; /* when the directory's server made it, µs since 1970 by its clock; 0: not
                             said */
    const mix_node **by_identity; /* all nodes in the order of their identities; owned */
} mix_topology;

void mix_topology_free(mix_topology *t); /* NULL is fine; wipes nothing: all public */
/* Builds the layers' indexes from the nodes' roles; takes a copy, in the same order. No nodes are
 * fine (nothing can be routed then). Of nodes with one identity, find gives the first.
 * MIX_ERR_MEMORY. */
int mix_topology_new(mix_topology **out, const mix_node *nodes, size_t count, uint32_t rotation_id,
                     uint32_t epoch_id);
const mix_node *mix_topology_find(const mix_topology *t,
                                  const uint8_t identity[static MIX_KEY_LEN]); /* or NULL */

/* Draws one node of each layer, uniformly, then the gateway with this identity: out[0…3].
 * Independent at each call. MIX_ERR_NO_ROUTE when a layer is empty or the gateway unknown;
 * MIX_ERR_RANDOM; out is untouched then. */
int mix_topology_route(const mix_topology *t, const mix_env *env,
                       const uint8_t gateway[static MIX_KEY_LEN],
                       const mix_node *out[static MIX_LAYERS + 1]);
/* MIX_OK when packets can be routed to this gateway, else MIX_ERR_NO_ROUTE. */
int mix_topology_check(const mix_topology *t, const uint8_t gateway[static MIX_KEY_LEN]);

#endif
