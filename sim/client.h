/* SPDX-License-Identifier: Apache-2.0 */
/* A client in a simulated network: the product's messages/ and traffic/, and the pump between them.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "messages/economy.h"
#include "messages/messages.h"
#include "net.h"

typedef struct sim_client sim_client;

/* What carries packets to the gateway in place of the simulated link: a session of gateway/. Its
 * other direction calls sim_client_delivered. */
typedef struct sim_wire {
    void *user;
    int (*send)(void *user, mix_bytes packet);
    size_t (*room)(void *user, size_t *waiting);
} sim_wire;

typedef struct sim_client_config {
    size_t gateway;
    const mix_client_keys *keys;  /* copied; NULL: new ones */
    const sim_wire *wire;         /* copied; NULL: the link */
    mix_messages_config messages; /* the borrowed members are set by the client */
    mix_traffic_config traffic;
    const mix_recipient *exit; /* NULL: no economy of SURBs */
    void (*received)(void *user, sim_client *c, const mix_messages_event *ev);
    void (*sent)(void *user, sim_client *c,
                 size_t len); /* each packet to the gateway; may be NULL */
    void *user;
} sim_client_config;
/* Both layers with their defaults; exit_role: as one that answers many. */
void sim_client_config_init(sim_client_config *cfg, bool exit_role);

struct sim_client {
    sim_net *net;
    sim_client_config cfg;
    mix_test_env env;
    mix_sphinx *sphinx;
    mix_client_keys keys;
    mix_recipient address;
    mix_messages *messages;
    mix_traffic *traffic;
    mix_economy economy;
    sim_account *account; /* NULL with a wire */
    sim_wire wire;
    mix_time timer;        /* when the pump runs next; MIX_NEVER */
    uint64_t timer_number; /* of the only event that counts */
    int error;             /* the first that any call gave, other than a dropped packet's */
    uint64_t gave_up, refused, replies_seen;
    uint64_t warnings; /* log lines of this level and above */
};

/* The client must not move; deinitialise it in any case. */
int sim_client_init(sim_client *c, sim_net *net, const sim_client_config *cfg, uint64_t seed);
void sim_client_deinit(sim_client *c);
/* What the gateway delivers. MIX_BLOCKED: not taken. */
int sim_client_delivered(sim_client *c, mix_bytes delivered);
/* Moves all that can move now; call it after writing to messages. */
void sim_client_pump(sim_client *c);
/* The client's link to its gateway goes and comes. */
void sim_client_cut(sim_client *c);
void sim_client_mend(sim_client *c);

#endif
