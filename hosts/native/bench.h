/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lwmix bench share: bench.c reads options and prints, bench_run.c measures on
 * one tunnel, bench_site.c is the local mixnet and the site behind it when nothing else is named.
 */
#ifndef HOSTS_NATIVE_BENCH_H
#define HOSTS_NATIVE_BENCH_H

#include "client.h"

#include <limits.h>
#include <sys/types.h>

/* ---- bench_site.c ---- */

#define BENCH_HOST "bench.nym.test"
enum { BENCH_BYTES_MOST = 64 << 20 };

/* Two child processes, which end with this one: a site on loopback with
 * https://bench.nym.test/bytes/N (so many bytes), POST /sink (takes any body) and a WebSocket
 * /echo; and a mixnet whose exit reaches it, and whose directory is in a temporary folder. */
typedef struct bench_site {
    char folder[PATH_MAX]; /* "": none */
    pid_t site, mixnet;    /* 0: none */
} bench_site;
/* 0, or the exit status after a line on stderr. Call before anything makes threads. */
int bench_site_start(bench_site *s);
void bench_site_stop(bench_site *s);

/* ---- bench_run.c ---- */

typedef struct bench_plan {
    const char *url;                /* to get; NULL: the own site */
    const char *upload, *websocket; /* NULL: not measured */
    bool quick;
    client_options client;
} bench_plan;

typedef struct bench_out {
    void *user;
    void (*begins)(void *user, const char *item); /* for a line of progress */
    void (*figure)(void *user, const char *item, double value, const char *unit);
} bench_out;

/* A tunnel from its start to its end. The exit status; what failed was told on stderr. */
int bench_run(const bench_plan *plan, const bench_out *out);

#endif
