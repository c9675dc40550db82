/* SPDX-License-Identifier: Apache-2.0 */
/* What a test asks of a tunnel by mix/fetch.h and mix/dns.h, and what came of it. Bodies are made
 * and judged by their place in the stream, so that nothing lost, doubled or moved goes unseen. */
#ifndef SIM_WEB_CLIENT_H
#define SIM_WEB_CLIENT_H

#include "mix/dns.h"
#include "mix/fetch.h"
#include "web.h"

enum { WEB_ASKED = 64 };

typedef struct web_asked {
    uint32_t id;
    int status;       /* of mix_tunnel_fetch() */
    bool slow;        /* its body is read only by web_client_read() */
    uint64_t to_send; /* bytes of a streaming body, and how many were taken */
    uint64_t sent;
    uint64_t got; /* bytes of the response's body */
    bool intact;  /* and all as web_body() has them */
    bool ended;   /* read to its end */
    bool finished;
    unsigned finishes, responses, redirects;
    int read_status; /* that reading ended with */
    mix_response response;
    mix_failure failure;
    mix_time begun, done; /* the world's */
    mix_buf text;         /* the body's first 4 KiB */
} web_asked;

typedef struct web_client {
    world_client *client;
    world_web *web;
    web_asked asked[WEB_ASKED];
    size_t count;
    /* Of lookups. */
    uint32_t answer_id;
    mix_failure answer_failure;
    char answer[256], canonical[256]; /* texts of records with spaces between */
    unsigned answers;
    uint32_t ttl;
    bool cached;
} web_client;

/* Byte number i of every body. */
uint8_t web_byte(uint64_t i);
void web_body(mix_buf *out, size_t len); /* appends */

/* After world_client_init(). */
void web_client_begin(web_client *c, world_client *client, world_web *web);
void web_client_end(web_client *c);
/* Asks, and takes all events from then on. One that could not begin has finished. */
web_asked *web_client_ask(web_client *c, const mix_request *r);
web_asked *web_client_get(web_client *c, const char *url);
void web_client_read(web_client *c, web_asked *a); /* what is there */
void web_client_close(web_client *c, web_asked *a);
bool web_client_run(web_client *c, const web_asked *a,
                    mix_time at_most); /* until it has finished */
bool web_client_run_all(web_client *c, mix_time at_most);
/* Until the answer; families 0: a query of this type. */
bool web_client_look_up(web_client *c, const char *name, unsigned families, uint16_t type,
                        mix_time at_most);

/* A handler for web_options: /bytes/N gives N bytes, /echo gives back what came, with its count in
 * x-got and "yes" in x-intact, /status/N, /to/URL redirects by 302, /never does not answer. */
void web_client_server(void *user, web_request *r);

#endif
