/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lwmix fetch share: fetch.c reads options and runs transfers, fetch_body.c is
 * the way of a request's body, fetch_transfer.c one request, fetch_report.c what is told of it. */
#ifndef HOSTS_NATIVE_FETCH_H
#define HOSTS_NATIVE_FETCH_H

#include "base/buf.h"
#include "client.h"
#include "flow.h"
#include "mix/fetch.h"

#include <limits.h>
#include <openssl/evp.h>

enum { FETCH_URLS_MAX = ARG_LIST_MAX, FETCH_AT_ONCE = 6, FETCH_WORDS = 512 };

typedef struct fetch_options {
    client_options client;
    arg_list urls, headers, data, outputs;
    const char *method, *upload;
    bool head, include, location, fail, json, silent, remote_names, compressed;
    arg_number max_redirects;
    int64_t max_time, connect_timeout;
} fetch_options;

/* What a request sends: memory, or a file that is read while it is sent. The same for all URLs. */
typedef struct fetch_body {
    bool present, streams, strips; /* strips: line ends are left out, as -d does */
    const char *path;              /* of what streams; "-": standard input */
    int64_t length;                /* of what streams; −1: unknown */
    mix_buf memory;
} fetch_body;

typedef struct transfer {
    struct fetch *fetch;
    char url[8192];
    uint32_t id;
    bool running, responded, finished, done;
    mix_failure failure;
    char local[FETCH_WORDS]; /* what failed on this machine; "": nothing */
    int refused;             /* the HTTP status that --fail made a failure */
    /* The answer. */
    char path[PATH_MAX],
        part[PATH_MAX]; /* part: where it grows; "": in path itself. path "": stdout */
    bool discards;
    int fd;
    flow out;
    mix_buf front; /* goes out before the body: headers */
    uint64_t received;
    int64_t expected; /* −1: unknown */
    EVP_MD_CTX *digest;
    /* The request's body, where it streams. */
    flow in;
    size_t in_at;
    uint64_t uploaded;
    bool in_end, in_over;
} transfer;

typedef struct fetch {
    fetch_options o;
    uv_loop_t loop;
    uv_timer_t timer; /* of the progress line */
    client *client;
    fetch_body body;
    mix_header headers[ARG_LIST_MAX + 1];
    size_t header_count;
    transfer *transfers;
    size_t count, next, running, over, at_once;
    bool up, starting, done, shows_progress;
    size_t first_failed;        /* in the order of the URLs */
    int exit_status;            /* its own */
    mix_time started, deadline; /* deadline: of everything; MIX_NEVER: none */
} fetch;

/* fetch_body.c: from -d, --data-binary and -T. 0, or the exit status after a line on stderr. */
int fetch_body_read(fetch *f);
/* Sends what there is room for; after WRITABLE and when the transfer starts. */
void fetch_body_push(transfer *t);
int fetch_body_open(transfer *t); /* of a streaming one; an errno */

/* fetch_transfer.c */
int fetch_output_open(transfer *t); /* 0, or the exit status after a line on stderr */
void fetch_start(transfer *t);
void fetch_take_event(transfer *t, const mix_tunnel_event *ev);
/* Ends it: for a reason on this machine, or of the tunnel. */
void fetch_fail_here(transfer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fetch_fail(transfer *t, const mix_failure *why);
void fetch_abandon(transfer *t);    /* at the end of all: what is there stays there */
void fetch_ended(transfer *t);      /* fetch.c: told once a transfer; the next may start */
bool fetch_busy(const transfer *t); /* a thread still reads or writes for it */

/* fetch_report.c */
void fetch_report_heads(mix_buf *out, const transfer *t);
void fetch_report_verbose(const transfer *t);
int fetch_report_end(const transfer *t); /* its lines on stderr and stdout; the exit status */
void fetch_report_unstarted(fetch *f,
                            const mix_failure *why); /* JSON of all, when there is no tunnel */
void fetch_report_progress(const fetch *f);          /* redraws the line on stderr */
void fetch_report_clear(const fetch *f);             /* and takes it away */

#endif
