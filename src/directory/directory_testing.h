/* SPDX-License-Identifier: Apache-2.0 */
/* A small network's directory in memory, for tests of the engine: answers calls as they come out,
 * well or badly. */
#ifndef MIX_DIRECTORY_TESTING_H
#define MIX_DIRECTORY_TESTING_H

#include "directory/directory.h"
#include "directory/request.h"
#include "testing.h"

typedef enum manner {
    WELL = 0,
    REFUSES, /* with the status */
    BREAKS,  /* the connection */
    SILENT,  /* never answers */
    SAYS,    /* the text instead */
} manner;

enum { NET_GATEWAYS = 4, NET_MIXNODES = 6, NET_CALLS = 4096 };
/* Gateway 10 is an entry only; 11, 12 and 13 are exits, of 100, 90 and 60 percent,
 * releases 1.37.0, 1.31.0 and 1.30.0. */

typedef struct net {
    mix_test_env t;
    mix_directory *d;
    mix_time now;
    const char *urls[3];
    size_t url_count;
    uint32_t epoch, rotation;
    bool bincode, in_pieces;
    size_t page_size;    /* 0: all on one page */
    uint32_t total_more; /* added to what lists say as their total */
    manner manner[MIX_REQUESTS];
    int status[MIX_REQUESTS];        /* of REFUSES */
    const char *text[MIX_REQUESTS];  /* of SAYS */
    uint32_t epoch_of[MIX_REQUESTS]; /* added to epoch */
    uint32_t times[MIX_REQUESTS];    /* so often only, then WELL; 0: for ever */
    mix_skimmed gateways[NET_GATEWAYS], mixnodes[NET_MIXNODES];
    mix_described described[NET_GATEWAYS];
    uint8_t addresses[NET_GATEWAYS][160];
    mix_buf cached[MIX_REQUESTS]; /* bodies written beforehand (net_cache) */
    /* What happened. */
    size_t calls[MIX_REQUESTS], all_calls, cancels;
    uint64_t cancelled, last_id[MIX_REQUESTS];
    char last_url[MIX_REQUESTS][256];
    const char *last_accept[MIX_REQUESTS];
    /* Of the last pull. */
    size_t events, topologies, exits, failures, losses, stores;
    mix_directory_event failed;
    mix_buf value; /* of the last STORE ever */
    const mix_topology *topology;
} net;

void net_init(net *n, uint64_t seed);
int net_open(net *n, const mix_directory_config
                         *changes); /* urls, tls and exits are set unless changes says otherwise */
void net_close(net *n);
void net_cache(net *n); /* writes all bodies now, so that answering takes no memory */
/* Drains and answers until nothing more comes out. */
void net_serve(net *n);
/* Pulls all events into the counters, which begin at 0. */
void net_pull(net *n);
void net_run(net *n); /* serve and pull */
/* Goes to the deadline, ticks and serves; false when it is after `until`. */
bool net_step(net *n, mix_time until);
void net_until(net *n, mix_time until); /* steps, then now = until */
int net_answer(net *n, uint64_t id, int status, const char *body);

#endif
