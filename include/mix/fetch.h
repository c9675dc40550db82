/* SPDX-License-Identifier: Apache-2.0 */
/* Requests through the tunnel, as the web means them (https://fetch.spec.whatwg.org, the part that
 * is neither CORS nor cache nor cookies): redirects, streamed bodies both ways, content decoded,
 * another try where nothing was sent.
 *
 * A request is a number from mix_tunnel_fetch() to mix_tunnel_fetch_close(). Its events come from
 * mix_tunnel_next(); kind MIX_TUNNEL_EVENT_FETCH, what: one of mix_fetch_what. */
#ifndef MIX_FETCH_H
#define MIX_FETCH_H

#include "mix/tunnel.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mix_header {
    const char *name, *value; /* value: any bytes but NUL, CR and LF */
} mix_header;

typedef enum mix_redirect {
    MIX_REDIRECT_FOLLOW = 0,
    MIX_REDIRECT_ERROR,
    MIX_REDIRECT_MANUAL, /* the redirecting answer itself is given */
} mix_redirect;

typedef struct mix_request {
    const char *method, *url;  /* method NULL: GET; url absolute, http or https */
    const mix_header *headers; /* Host, Content-Length, Connection and the like are written by us */
    size_t header_count;
    bool has_body; /* body is the whole of it (it may be empty): copied, and sent again where */
    const uint8_t *body; /* a redirect or another try needs it; or */
    size_t body_len;
    bool streams;          /* it comes by mix_tunnel_fetch_write, */
    int64_t stream_length; /* of so many bytes, or −1: not known */
    mix_redirect redirect;
    int max_redirects; /* 0: the tunnel's; −1: none */
    mix_time timeout;  /* of the whole, redirects and body included; 0: none */
} mix_request;         /* all is copied */

/* MIX_ERR_STATE: the tunnel was not ready yet, or has ended. While it is DEGRADED requests wait, for
 * a minute; then limits of time run on, and what they end fails for the tunnel's reason.
 * MIX_ERR_HTTP_URL, MIX_ERR_HTTP_SCHEME, MIX_ERR_HTTP_REQUEST, MIX_ERR_FETCH_METHOD, MIX_ERR_LIMIT
 * (1024 at a time), MIX_ERR_MEMORY. */
int mix_tunnel_fetch(mix_tunnel *t, uint32_t *id, const mix_request *request, mix_time now);
/* The streaming body. Takes what fits: *taken > 0, or MIX_BLOCKED until WRITABLE; MIX_ERR_STATE
 * after the end, beyond the announced length, or once a redirect has made of it a request without a
 * body; else what ended the request. */
int mix_tunnel_fetch_write(mix_tunnel *t, uint32_t id, const uint8_t *data, size_t len,
                           size_t *taken, mix_time now);
int mix_tunnel_fetch_end(mix_tunnel *t, uint32_t id, mix_time now); /* that was all of the body */
/* The response's body, decoded. MIX_OK with *got > 0; MIX_OK with *got = 0 at its end; MIX_DONE
 * when nothing is there until READABLE; else what ended it, after all that came before. What is not
 * read holds the server back. */
int mix_tunnel_fetch_read(mix_tunnel *t, uint32_t id, uint8_t *out, size_t cap, size_t *got,
                          mix_time now);
/* Aborts, or forgets one that has finished; no event follows. Unknown numbers are fine. */
void mix_tunnel_fetch_close(mix_tunnel *t, uint32_t id, mix_time now);

typedef enum mix_fetch_what {
    MIX_FETCH_WHAT_REDIRECTED = 1, /* on the way to the next URL */
    MIX_FETCH_WHAT_RESPONSE,       /* status and headers are there */
    MIX_FETCH_WHAT_READABLE,
    MIX_FETCH_WHAT_WRITABLE,
    MIX_FETCH_WHAT_FINISHED, /* all has come, or the event's failure says why not */
} mix_fetch_what;

typedef struct mix_response {
    int status;         /* 200…999: as the server gave it */
    int version;        /* 10, 11 or 20 */
    const char *reason; /* the server's phrase, may be empty */
    const char *url;    /* of the last request, without its fragment */
    bool redirected;
    bool null_body; /* the status, or HEAD, has none */
    size_t header_count;
} mix_response;
/* Valid until the request is closed. MIX_ERR_STATE before RESPONSE. */
int mix_tunnel_fetch_response(const mix_tunnel *t, uint32_t id, mix_response *out);
/* Number i in the server's order; false behind the last. */
bool mix_tunnel_fetch_header(const mix_tunnel *t, uint32_t id, size_t i, mix_header *out);

/* Durations from mix_tunnel_fetch() on, of the last hop where there were redirects; −1: not
 * reached. On a kept connection resolved, connected and secured are equal, over plain http connected
 * and secured. Time in which the tunnel was cut off from its exit (DEGRADED) does not count. */
typedef struct mix_fetch_timing {
    mix_time started; /* of the last hop, since mix_tunnel_fetch() */
    mix_time resolved, connected, secured, sent, first_byte, finished;
    uint64_t received, uploaded; /* bytes of bodies: as they came, and sent */
    bool reused;                 /* on a kept connection */
} mix_fetch_timing;
int mix_tunnel_fetch_timing(const mix_tunnel *t, uint32_t id, mix_fetch_timing *out);

#ifdef __cplusplus
}
#endif

#endif
