/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the daemon share: its state, and what an operator's hand may do with it. */
#ifndef HOSTS_NATIVE_MIXNET_RUNTIME_H
#define HOSTS_NATIVE_MIXNET_RUNTIME_H

#include "mixnet/control.h"
#include "mixnet/daemon.h"
#include "mixnet/faults.h"
#include "mixnet/links.h"
#include "mixnet/web.h"

#include "mixnet/gateway/gateway.h"
#include "mixnet/node/node.h"

enum { RUNTIME_SIZES = 3 }; /* of packets: regular, ack, others */

/* How long after their time packets left, by upper bounds in microseconds; the last bucket has
 * none. */
enum { LATENESS_BUCKETS = 12 };
extern const mix_time lateness_bounds[LATENESS_BUCKETS - 1];
typedef struct lateness {
    uint64_t count[LATENESS_BUCKETS];
    uint64_t sum;
} lateness;

/* A member of the network that runs in this process. */
typedef struct runtime {
    mixnet_member *member;
    mixnet_node *node;
    mixnet_gateway *gateway;        /* gateways and exits */
    service *service;               /* exits */
    mix_time save_at;               /* MIX_NEVER: the client table is as on disk */
    mix_time cut_until;             /* clients are refused until then; 0: none were */
    uint64_t cut_refused;           /* so many connections */
    bool stopped;                   /* by hand: all its frames are dropped … */
    uint64_t stopped_frames;        /* … so many */
    uint64_t frames[RUNTIME_SIZES]; /* that came */
    lateness late;
} runtime;

typedef struct mixnetd {
    const daemon_options *options;
    const mix_env *env;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_prepare_t turn;
    uv_signal_t signals[2];
    uv_pipe_t parent; /* stdin, with until_eof */
    mix_crypto *crypto;
    mix_sphinx *sphinx;
    mixnet_network *network;
    mix_topology *topology;
    uint32_t epoch;
    links *links;
    faults *faults; /* in front of links; nodes by their number among the members */
    web *web;
    control *control;
    runtime running[MIXNET_MEMBERS_MAX];
    size_t count;
    uint16_t directory_port, plain_directory_port, metrics_port;
    bool stopping, told_ready;
    mix_error error;
} mixnetd;

/* Ends the running key rotation: the next begins now, here and in network.json. Errors of making
 * keys, MIX_ERR_STATE_FOLDER. */
int mixnetd_rotate(mixnetd *d, mix_error *e);
/* Forgets clients of a gateway, or all of them (NULL), on disk too. */
void mixnetd_forget(mixnetd *d, runtime *r, const uint8_t *identity);

#endif
