/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of what goes through a tunnel: a tunnel that is ready in a whole network in virtual
 * time (sim/world.h), and behind its exit hosts that the test plays (tests/far.h), with names, TCP,
 * TLS and UDP. One at a time. */
#ifndef MIX_TUNNEL_HOSTS_TESTING_H
#define MIX_TUNNEL_HOSTS_TESTING_H

#include "far.h"
#include "mix/tunnel.h"
#include "tls/tls_testing.h"
#include "world.h"

typedef struct host_conn host_conn;

/* Ports: 443 speaks TLS; 82 and 446 never answer; those of `ports` are listened on, all others
 * refuse. Nobody is at 93.184.216.66.
 * Names: x.test is at 93.184.216.7 and has no IPv6; six.test at 2606:2800::7 alone; both.test at
 * both; dead.test at .66 and then .7; late.test at .66 and 2606:2800::7; none.test is there without
 * addresses; hush.test is never answered; others are not there. */
typedef struct hosts_options {
    mix_tunnel_config tunnel; /* roots, directories and the like are put in */
    uint16_t ports[8];
    void (*opened)(host_conn *c);
    void (*received)(host_conn *c, mix_bytes data); /* without TLS */
    void (*ended)(host_conn *c); /* the client sends no more; NULL: neither does the host */
    void (*gone)(host_conn *c);
    void (*event)(const mix_tunnel_event *ev); /* of the tunnel, within world_turn() */
    void (*turn)(void);                        /* whenever something has moved */
    mix_time hop;                              /* delay between nodes; 0: 1 ms */
    uint64_t seed;
} hosts_options;

struct host_conn {
    far_conn *far; /* NULL: gone */
    void *user;
    uint16_t port;
    SSL *ssl;
    BIO *in, *out;
};

typedef struct hosts {
    world net;
    world_client client;
    far *far;
    hosts_options options;
    bool mute;        /* nothing gets to the hosts or from them any more */
    unsigned lookups; /* questions that came */
    unsigned opened;  /* connections */
    unsigned syns;    /* segments that begin one, also to nobody */
} hosts;

hosts *hosts_begin(const hosts_options *options); /* ready, and the exit's stock is filled */
void hosts_end(void);
mix_tunnel *hosts_tunnel(void);
mix_time hosts_now(void);
/* After calls on the tunnel from outside of its events: moves what they brought about. */
void hosts_turn(void);
bool hosts_run(bool (*done)(void *user), mix_time at_most);
bool hosts_degraded(void *user); /* it was, once */
bool hosts_ready_again(void *user);

void host_send(host_conn *c, mix_bytes data);
void host_close(host_conn *c);
void host_reset(host_conn *c);

#endif
