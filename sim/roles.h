/* SPDX-License-Identifier: Apache-2.0 */
/* The local mixnet's own roles in virtual time, without the tunnels and sockets of world.h: three
 * mix nodes, gateways, the links between them, one clock of epochs; and the product's sessions of
 * clients with those gateways. Bytes go from engine to engine at once: delays are those that the
 * packets ask for. */
#ifndef SIM_ROLES_H
#define SIM_ROLES_H

#include "gateway/gateway.h"
#include "mixnet/gateway/gateway.h"
#include "mixnet/link/link.h"
#include "mixnet/network/network.h"
#include "mixnet/node/node.h"
#include "testing.h"

enum { SIM_ROLES_GATEWAYS = 2, SIM_ROLES = MIX_LAYERS + SIM_ROLES_GATEWAYS, SIM_SESSIONS_MAX = 64 };

typedef struct sim_session sim_session;

typedef struct sim_role {
    const mixnet_member *member;
    mixnet_node *node;
    mixnet_gateway *gateway;                           /* NULL: a mix node */
    mixnet_link *from_here[SIM_ROLES], *at[SIM_ROLES]; /* both ends of the link to each other one */
} sim_role;

typedef struct sim_roles {
    mix_test_env env;
    mix_crypto *crypto;
    mixnet_network network;
    sim_role role[SIM_ROLES]; /* layer by layer, then the gateways */
    uint32_t epoch;
    mix_topology *topology, *older; /* of this rotation and the last one, for clients that lag */
    int64_t wall_start;
    uint64_t next_conn;
    sim_session *sessions[SIM_SESSIONS_MAX]; /* NULL: free */
    /* What a gateway writes to a connection; NULL: it goes to the sessions. */
    void (*written)(void *user, uint64_t conn, const mixnet_gateway_out *out);
    void *user;
    bool acks_lost; /* what the last hop sends on is thrown away */
    mix_buf work;
    int error; /* the first one of any engine, other than of a dropped packet */
} sim_roles;

/* Time starts at 0. Rotations last so many epochs of an hour. Deinitialise it in any case; it must
 * not move. */
int sim_roles_init(sim_roles *r, uint32_t validity_epochs, const mixnet_gateway_limits *limits,
                   uint64_t seed);
void sim_roles_deinit(sim_roles *r); /* after all sessions */
static inline sim_role *sim_roles_gateway(sim_roles *r, size_t i) {
    return &r->role[MIX_LAYERS + i];
}
/* All that can move now between the engines, epochs included. Whether anything did. */
bool sim_roles_move(sim_roles *r, mix_time now);
mix_time sim_roles_deadline(const sim_roles *r);

/* The session of a client with a gateway, and what a host does for it. */
struct sim_session {
    sim_roles *roles;
    size_t gateway;
    mix_gateway *session;
    uint64_t conn; /* as the gateway knows it */
    uint32_t link; /* as the session knows it */
    bool linked;
    void (*event)(void *user, const mix_gateway_event *ev); /* may be NULL */
    void *user;
};

/* Starts it; gateway, event and user are set by the caller. It must not move. */
int sim_session_init(sim_session *s, sim_roles *r, const mix_gateway_config *cfg,
                     const mix_env *env, mix_time now);
/* Whatever state it is in. The gateway does not learn of it: see below. */
void sim_session_deinit(sim_session *s);
/* The gateway learns that a connection has ended. */
void sim_session_closed(sim_roles *r, size_t gateway, uint64_t conn, mix_time now);
bool sim_session_move(sim_session *s, mix_time now);

#endif
