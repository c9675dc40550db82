/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the directory client over its life: pages, retries, limits, and the decoding of
 * its answers. The engine (directory.c) says when; this knows how. */
#ifndef MIX_DIRECTORY_REQUEST_H
#define MIX_DIRECTORY_REQUEST_H

#include "directory/snapshot.h"

typedef enum mix_request_kind {
    MIX_REQUEST_REWARDED = 0, /* the first three make the topology */
    MIX_REQUEST_MIXNODES,
    MIX_REQUEST_GATEWAYS,
    MIX_REQUEST_ROTATION,
    MIX_REQUEST_DESCRIBED,
    MIX_REQUESTS,
} mix_request_kind;
enum { MIX_REQUESTS_OF_TOPOLOGY = 3 };

typedef enum mix_request_state {
    MIX_REQUEST_IDLE = 0,
    MIX_REQUEST_READY, /* to be given to the host */
    MIX_REQUEST_SENT,
    MIX_REQUEST_WAITING, /* for its next try */
    MIX_REQUEST_DONE,
    MIX_REQUEST_FAILED,
} mix_request_state;

enum {
    MIX_REQUEST_TRIES = 4, /* of one that failed in passing */
    MIX_REQUEST_PAGES_MAX = 64,
};
#define MIX_REQUEST_SILENCE MIX_SECONDS(30) /* until the head, and between pieces */
#define MIX_REQUEST_WHOLE MIX_SECONDS(120)  /* for all of one answer */

typedef struct mix_request {
    mix_request_kind kind;
    mix_request_state state;
    uint64_t id;
    uint64_t cancel_id; /* the host is to be told; 0: none */
    size_t base;        /* which base URL */
    uint32_t page;
    uint32_t tries; /* of this page, failed ones */
    mix_time at;    /* WAITING: when again; SENT: when it is too late */
    mix_time whole_until;
    /* The answer that is coming in. */
    mix_list *list;
    mix_buf body; /* of what is no list; of an HTTP error its beginning */
    size_t received;
    struct {
        size_t nodes, seen, texts, exits, exits_seen;
    } before; /* what the pages before it gave */
    /* Of all pages. */
    mix_page_metadata metadata;
    size_t skipped;
    bool mismatch; /* its pages do not belong together */
    /* Results. */
    mix_kept_list kept;
    mix_kept_exits exits;
    mix_rewarded rewarded;
    mix_rotation_info rotation;
    mix_error error; /* of FAILED, and of the last try */
} mix_request;

void mix_request_init(mix_request *r, mix_request_kind kind);
void mix_request_deinit(mix_request *r);
/* Forgets all results and begins with page 0. A request under way is cancelled. */
void mix_request_start(mix_request *r, size_t base);
void mix_request_stop(mix_request *r); /* to IDLE, with its results; cancelled if under way */
/* Its path and query below the base. */
int mix_request_path(const mix_request *r, mix_buf *out, bool bincode);
const char *mix_request_accept(const mix_request *r, bool bincode);
const char *mix_request_name(mix_request_kind kind);
void mix_request_sent(mix_request *r, uint64_t id, mix_time now);
/* A piece of the answer. The state tells what came of it: SENT (more to come), READY (next page),
 * DONE, or it failed: then the status is what it failed of, noted in error, and the caller decides
 * between a retry and FAILED. */
int mix_request_piece(mix_request *r, int http_status, mix_bytes content_type, mix_bytes body,
                      bool last, mix_time now);
/* Drops what came in of the present answer. */
void mix_request_drop(mix_request *r);
/* Whether another try may help without another directory. */
bool mix_request_passing(const mix_request *r);

#endif
