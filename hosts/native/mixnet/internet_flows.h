/* SPDX-License-Identifier: Apache-2.0 */
/* The NAT's table: which flow of a client is which port of the one address that the outside sees.
 * Full means that the flow unused for longest makes place. No I/O; time is a parameter. */
#ifndef HOSTS_NATIVE_MIXNET_INTERNET_FLOWS_H
#define HOSTS_NATIVE_MIXNET_INTERNET_FLOWS_H

#include "base/timers.h"
#include "internet_packet.h"

typedef struct flow {
    uint8_t protocol;
    mix_address client,
        asked; /* as the client knows it; of echo requests, client.port is the identifier */
    mix_address guest,
        server;    /* the same outside: other ports, other addresses, perhaps the other family */
    uint8_t ended; /* FLOW_… bits */
    uint32_t next; /* of TCP: the sequence number that the server waits for, once it has answered */
    mix_time used;
    mix_timer timer;
    struct flow *newer, *older;
} flow;

enum { FLOW_CLIENT_FIN = 1, FLOW_SERVER_FIN = 2, FLOW_RESET = 4, FLOW_ANSWERED = 8 };

typedef struct flows flows;
/* Called for each flow that goes away by time or for want of place, while it is still whole. */
typedef void flows_on_end(void *user, const flow *f);

/* guest4 and guest6: the addresses outside; their ports are drawn at random. MIX_ERR_MEMORY,
 * MIX_ERR_RANDOM. */
int flows_new(flows **out, size_t max, const mix_address *guest4, const mix_address *guest6,
              flows_on_end *on_end, void *user, const mix_env *env);
void flows_free(flows *t); /* on_end is not called; NULL is fine */
/* The flow to which a client's packet belongs, or NULL. */
flow *flows_find(const flows *t, const packet *p);
/* A new one for it. NULL: no memory or no port. */
flow *flows_add(flows *t, const packet *p, const mix_address *server, mix_time now);
/* The flow to which a packet from outside belongs, or NULL: by our port, and the sender must be the
 * flow's server. */
flow *flows_find_answer(const flows *t, const packet *p);
/* The flow of which inner, quoted by an ICMP error, is a packet that went out. */
flow *flows_find_sent(const flows *t, const packet *inner);
/* Notes that a packet of f goes by. */
void flows_touch(flows *t, flow *f, const packet *p, bool from_client, mix_time now);
void flows_drop(flows *t, flow *f); /* without on_end */
void flows_end_all(flows *t);       /* each with on_end */
size_t flows_count(const flows *t);
mix_time flows_deadline(const flows *t);
void flows_tick(flows *t, mix_time now);

#endif
