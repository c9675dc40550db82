/* SPDX-License-Identifier: Apache-2.0 */
/* A whole mixnet in one process: three layers of mix nodes, two gateways, the links between them
 * and to clients. Nodes do what 1-sphinx.md part 2 tells, and nothing that only a network of
 * strangers needs: no replay check, one key, no filter. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "directory/topology.h"
#include "link.h"
#include "sphinx/sphinx.h"
#include "sphinx/wire.h"

enum {
    SIM_PER_LAYER_MAX = 4,
    SIM_GATEWAYS = 2,
    SIM_NODES_MAX = MIX_LAYERS * SIM_PER_LAYER_MAX + SIM_GATEWAYS,
    SIM_ACCOUNTS_MAX = 4,
};

typedef struct sim_net sim_net;

typedef struct sim_node {
    sim_net *net;
    mix_node entry;                                 /* of the directory */
    uint8_t secret[MIX_KEY_LEN], seed[MIX_KEY_LEN]; /* of its Sphinx key, of its identity */
    sim_link out;                                   /* to all other nodes */
    bool dead;                                      /* swallows everything */
    uint64_t forwarded, finished, refused;
} sim_node;

/* A client as its gateway knows it. */
typedef struct sim_account {
    sim_node *gateway;
    uint8_t identity[MIX_KEY_LEN];
    sim_link up, down; /* MixPackets; what was delivered */
    mix_buf stored;    /* while the link is cut: each message behind its length */
} sim_account;

typedef struct sim_net_config {
    size_t per_layer;       /* mix nodes, 1…SIM_PER_LAYER_MAX */
    sim_link_config hop;    /* between nodes */
    sim_link_config access; /* between client and gateway, each direction */
} sim_net_config;

struct sim_net {
    sim sim;
    sim_net_config cfg;
    mix_crypto *crypto;
    mix_topology *topology;
    sim_node nodes[SIM_NODES_MAX]; /* layer by layer, then the gateways */
    size_t count;
    sim_account accounts[SIM_ACCOUNTS_MAX];
    size_t accounts_len;
    uint64_t lost_for_memory;
    uint64_t opened_258, opened_others; /* packets at their nodes, by Sphinx version */
};

/* MIX_ERR_MEMORY and the like; the net must be deinitialised in any case. It must not move. */
int sim_net_init(sim_net *n, const sim_net_config *cfg, uint64_t seed);
void sim_net_deinit(sim_net *n);
static inline sim_node *sim_net_gateway(sim_net *n, size_t i) {
    return &n->nodes[MIX_LAYERS * n->cfg.per_layer + i];
}

/* Opens a client's account at a gateway; deliver gets what comes for it. */
sim_account *sim_net_connect(sim_net *n, size_t gateway, const uint8_t identity[static MIX_KEY_LEN],
                             sim_action *deliver, void *user);
/* A packet of a client for its first hop, from a gateway other than a simulated one. */
void sim_net_forward(sim_node *gateway, const mix_packet *packet);
/* Cuts the client's link, both ways. What is under way to the gateway is lost; what is under way to
 * the client is stored with all that comes later: its acknowledgement is on its way already, so
 * nobody would send it again, and what such a link loses is lost to this layer for good. */
void sim_account_cut(sim_account *a);
void sim_account_mend(sim_account *a);

#endif
