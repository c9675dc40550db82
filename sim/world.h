/* SPDX-License-Identifier: Apache-2.0 */
/* A whole network in virtual time: directory, mixes, gateways and exits are the local mixnet's
 * engines, clients are tunnels with a host around them. Only sockets are simulated: HTTP and
 * WebSockets that take time and can be cut, links between nodes that can lose, delay and reorder.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "link.h"
#include "mix/tunnel.h"
#include "mixnet/exit/exit.h"
#include "mixnet/gateway/gateway.h"
#include "mixnet/network/network.h"
#include "mixnet/node/node.h"

enum { WORLD_MEMBERS = 16, WORLD_SOCKETS = 64, WORLD_CLIENTS = 4, WORLD_CALLS = 16 };

typedef struct world world;
typedef struct world_client world_client;

typedef struct world_member {
    world *world;
    mixnet_member *member;
    mixnet_node *node;
    mixnet_gateway *gateway; /* of gateways and exits */
    mixnet_exit *exit;       /* of exits */
    sim_link in;             /* from all other nodes */
    bool dead;               /* takes no packets and no connections; those that are open hang */
} world_member;

typedef struct world_config {
    mixnet_plan plan;    /* its host is set */
    mix_time access;     /* one way between a client and its gateway, or the directory */
    sim_link_config hop; /* between nodes */
    bool allow_local;    /* exits answer pings to 10.0.0.1 with an echo, not with a notice */
    uint64_t seed;
} world_config;

typedef struct world_socket {
    uint64_t id; /* 0: free; never used twice */
    world_client *client;
    uint32_t link;
    world_member *gateway;
    sim_link up, down;
} world_socket;

struct world {
    sim sim;
    world_config cfg;
    mix_test_env env; /* of the roles */
    mix_crypto *crypto;
    mix_sphinx *sphinx;
    mixnet_network net;
    mix_topology *topology, *retired;
    world_member members[WORLD_MEMBERS];
    size_t count;
    world_socket sockets[WORLD_SOCKETS];
    uint64_t last_socket;
    world_client *clients[WORLD_CLIENTS];
    size_t clients_len;
    bool directory_dead;
    mix_time timer;
    uint64_t timer_number;
    bool turning;
    /* An IP packet that leaves an exit; NULL: nobody is there. Answers go to world_from_internet.
     */
    void (*internet)(void *user, world *w, world_member *exit, mix_bytes packet);
    void *user;
};

/* The world must not move; deinitialise it in any case. */
int world_init(world *w, const world_config *cfg);
void world_deinit(world *w);
world_member *world_find(world *w, const char *name); /* "mix1", "gateway1", "exit1" */
void world_from_internet(world *w, world_member *exit, mix_bytes packet);
/* The exit starts anew: it knows no client any more. */
int world_restart_exit(world_member *m);
/* The next rotation of keys begins now; nodes keep the keys of the one before until world_retire.
 */
int world_rotate(world *w);
void world_retire(world *w);
/* All sockets to this gateway end (NULL: to all gateways). */
void world_cut(world *w, world_member *gateway);
/* Moves what can move now, and sets the timer; after any call on an engine from outside. */
void world_turn(world *w);
/* Runs until done(user), at most until this time; whether done. NULL: to the end. */
bool world_run(world *w, bool (*done)(void *user), void *user, mix_time until);

/* ---- a host with a tunnel ---- */

struct world_client {
    world *world;
    mix_test_env env;
    mix_tunnel *tunnel;
    uint64_t calls[WORLD_CALLS]; /* requests under way */
    size_t calls_len;
    mix_buf stored;    /* the identity, as the tunnel had it stored last */
    mix_buf directory; /* the same of what the directory said */
    unsigned asked;    /* requests made in all */
    unsigned deleted;  /* values that the tunnel had deleted */
    char history[512]; /* names of states, one after the other; DEGRADED with its phase */
    mix_tunnel_event last, address; /* last: of STATE */
    uint64_t packets, refused, pongs;
    mix_time round_trip; /* of the last PONG */
    void (*on_packet)(void *user, mix_bytes packet);
    void (*on_event)(void *user, const mix_tunnel_event *ev); /* of what goes through it */
    void *user;
    bool deaf; /* pulls no events */
    /* Around each call into the tunnel: a test may fail allocations in it alone. */
    void (*enter)(void *user);
    void (*leave)(void *user);
};

/* Options that name the world's directory; the caller changes and gives them. */
mix_tunnel_config world_tunnel_config(const world *w);
int world_client_init(world_client *c, world *w, const mix_tunnel_config *cfg, uint64_t seed);
void world_client_deinit(world_client *c);
int world_client_start(world_client *c);
void world_client_stop(world_client *c);
int world_client_write(world_client *c, mix_bytes packet);
mix_tunnel_state world_client_state(const world_client *c);

#endif
