/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP and WebSocket listeners of the local mixnet, on libwebsockets: the directory's, and those of
 * gateways, each plain or with the folder's server certificate. Connections are numbers that are
 * never used twice. */
#ifndef HOSTS_NATIVE_MIXNET_WEB_H
#define HOSTS_NATIVE_MIXNET_WEB_H

#include "base/error.h"
#include "base/log.h"
#include "mixnet/directory/directory.h"
#include "mixnet/gateway/gateway.h"

#include <uv.h>

enum { WEB_CONNECTIONS_MAX = 4096 };

typedef struct web web;

typedef struct web_events {
    void *user;
    /* A request to the directory or for the metrics; fills in the answer, whose body is freed by
     * the web. */
    void (*request)(void *user, long owner, const mixnet_request *request, mixnet_answer *answer);
    /* A gateway's client; owner is what web_listen was given. opened says whether it may stay. */
    bool (*opened)(void *user, size_t owner, uint64_t connection);
    void (*message)(void *user, size_t owner, uint64_t connection, mixnet_ws_kind kind,
                    mix_bytes message);
    /* It can be written to: the next message, or false when there is none. Asked again after each,
     * and after web_ready. */
    bool (*write)(void *user, size_t owner, uint64_t connection, mixnet_gateway_out *out);
    void (*closed)(void *user, size_t owner, uint64_t connection);
} web_events;

int web_new(web **out, uv_loop_t *loop, const char *folder, const web_events *events,
            const mix_env *env);
void web_close(web *w); /* starts closing; the loop must run to its end */
void web_free(web *w);

/* Listens; *port 0 takes a free one, which is written back. MIX_ERR_LISTEN. */
enum { WEB_DIRECTORY = -1, WEB_METRICS = -2 };
int web_listen(web *w, long owner, const char *host, uint16_t *port, bool tls, mix_error *e);

/* There is something to write to this connection (an unknown one is fine). give_up: it is a close
 * that need not wait. */
void web_ready(web *w, uint64_t connection, bool give_up);

typedef struct web_stats {
    size_t connections;
    uint64_t requests, messages_in, messages_out, refused_full;
} web_stats;
void web_get_stats(const web *w, web_stats *out);

#endif
