/* SPDX-License-Identifier: Apache-2.0 */
/* A small internet for tests of http/ and above: names, plain and TLS servers that speak HTTP/1.1
 * and HTTP/2, all on the far side in virtual time, with the whole stack down to tcpip on the near
 * side. */
#ifndef MIX_HTTP_WEB_TESTING_H
#define MIX_HTTP_WEB_TESTING_H

#include "far.h"
#include "http/http.h"
#include "tcpip/tcpip.h"
#include "tls/tls_testing.h"

typedef struct web_conn web_conn;

/* A request that has come whole. */
typedef struct web_request {
    web_conn *conn;
    int32_t stream; /* HTTP/2's, or 0 */
    char method[32], path[512];
    mix_buf headers; /* "name: value\n" in lower case names */
    mix_buf body;
    struct answer_body {
        mix_buf data;
        size_t at; /* sent so far */
    } answer;
} web_request;

typedef struct web_options {
    far_options link;
    mix_http_config http;
    const char *doh;    /* of mix_dns_config */
    uint8_t address[4]; /* of all servers; default 192.0.2.7 */
    bool no_h2;
    const char *certificate;                     /* subjectAltName; default a.test and b.test */
    void (*handler)(void *user, web_request *r); /* calls web_respond(), now or later */
    void (*pump)(void *user, mix_time now);      /* after http's own, on the near side */
    mix_time (*deadline)(void *user);            /* of what pump runs; may be NULL */
    bool (*resolved)(void *user,
                     const mix_dns_event *ev); /* lookups that are not http's; may be NULL */
    void (*raw)(void *user, web_conn *c,
                mix_bytes data); /* takes all bytes of connections to port 81 and 444 (TLS) */
    void *user;
} web_options;

typedef struct web {
    mix_test_env env;
    far *far;
    mix_tcpip *tcpip;
    mix_dns *dns;
    mix_tls *tls;
    mix_http *http;
    web_options options;
    identity ca, server;
    SSL_CTX *server_ctx;
    unsigned connections, resumed, requests, lookups; /* seen by the far side */
    unsigned lookup_moments;                          /* at which questions came, by virtual time */
    mix_time looked_up;                               /* the last of them */
    web_conn *last;
} web;

/* The far side alone, for a near side of the caller's; web_begin() makes both. */
void web_serve(web *w, const web_options *options, const far_near *near);
void web_close_down(web *w);
void web_begin(web *w, const web_options *options);
void web_end(web *w);
mix_time web_now(const web *w);
/* Runs until done(user) or so much more virtual time. */
bool web_run(web *w, bool (*done)(void *user), mix_time at_most);

/* headers: lines "name: value\n", lower case; Content-Length is added unless there is one, or
 * transfer-encoding. */
void web_respond(web_request *r, int status, const char *headers, mix_bytes body);
void web_send(web_conn *c, mix_bytes data); /* HTTP/1.1 and raw: any bytes */
void web_close(web_conn *c);
void web_reset(web_conn *c);
far_conn *web_far_conn(const web_conn *c);
const char *web_header(const web_request *r, const char *name, char *out,
                       size_t cap); /* its value, or NULL */

#endif
