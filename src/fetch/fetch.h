/* SPDX-License-Identifier: Apache-2.0 */
/* A request as the web means it: https://fetch.spec.whatwg.org, the part that is neither CORS nor
 * cache nor cookies. Redirects by its rules, methods and headers checked, bodies that stream,
 * another try where nothing was sent. Above: tunnel. Below: http.
 *
 * Beyond the standard: a redirect from https to http is refused, and Cookie and Proxy-Authorization
 * do not go to another origin, as Authorization does not. */
#ifndef MIX_FETCH_FETCH_H
#define MIX_FETCH_FETCH_H

#include "http/http.h"

typedef struct mix_fetch mix_fetch;

typedef struct mix_fetch_config {
    int max_redirects;      /* default 20, as the standard has it; −1: none */
    const char *user_agent; /* where the request names none; default "lwmix", "" for no such header.
                               Copied */
} mix_fetch_config;         /* zeros take the defaults */

/* Borrows http for life. MIX_ERR_MEMORY. */
int mix_fetch_new(mix_fetch **out, const mix_fetch_config *config, mix_http *http);
void mix_fetch_free(mix_fetch *f); /* NULL is fine */

typedef enum mix_fetch_redirect {
    MIX_FETCH_FOLLOW = 0,
    MIX_FETCH_ERROR,
    MIX_FETCH_MANUAL
} mix_fetch_redirect;
typedef struct mix_fetch_request {
    const char *method, *url; /* method NULL: GET; the standard's six in any case */
    const mix_http_header *headers;
    size_t header_count;
    mix_bytes body; /* the whole body, copied, so that it can be sent again; or */
    bool has_body;  /* it is there (it may be empty) */
    bool streams;   /* it comes by write(), of stream_length bytes or −1 */
    int64_t stream_length;
    mix_fetch_redirect redirect;
    int max_redirects; /* 0: the config's; −1: none */
} mix_fetch_request;

/* Copies the request. MIX_ERR_FETCH_METHOD, and what mix_http_start() gives. */
int mix_fetch_start(mix_fetch *f, uint32_t *id, const mix_fetch_request *request, mix_time now);
/* The streaming body, and the response's body: as mix_http_write(), _end(), _read(). MIX_ERR_STATE
 * also once a redirect has made of it a request without a body. */
int mix_fetch_write(mix_fetch *f, uint32_t id, mix_bytes in, size_t *taken, mix_time now);
int mix_fetch_end(mix_fetch *f, uint32_t id, mix_time now);
int mix_fetch_read(mix_fetch *f, uint32_t id, uint8_t *out, size_t cap, size_t *got, mix_time now);
/* Aborts, or forgets one that has finished. Unknown numbers are fine. */
void mix_fetch_close(mix_fetch *f, uint32_t id, mix_time now);
/* Ends it for a reason of the caller's (a limit of the whole, say), if it has not ended: FINISHED
 * follows, and what came before is still there to be read. */
void mix_fetch_fail(mix_fetch *f, uint32_t id, const mix_error *why, mix_time now);
void mix_fetch_fail_all(mix_fetch *f, const mix_error *why, mix_time now);

typedef enum mix_fetch_event_kind {
    MIX_FETCH_REDIRECTED = 1, /* on the way to the next URL */
    MIX_FETCH_RESPONSE,       /* mix_fetch_get_response() tells */
    MIX_FETCH_READABLE,
    MIX_FETCH_WRITABLE,
    MIX_FETCH_FINISHED, /* status MIX_OK: all has come; else mix_fetch_failure() */
} mix_fetch_event_kind;
typedef struct mix_fetch_event {
    mix_fetch_event_kind kind;
    uint32_t id;
    int status;
} mix_fetch_event;
int mix_fetch_next(mix_fetch *f, mix_fetch_event *ev); /* or MIX_DONE */

typedef struct mix_fetch_response {
    int status, version;
    const char *reason;
    const char *url; /* of the last request, without its fragment */
    bool redirected;
    bool null_body; /* the status, or HEAD, has none */
    size_t header_count;
} mix_fetch_response;
int mix_fetch_get_response(const mix_fetch *f, uint32_t id,
                           mix_fetch_response *out); /* MIX_ERR_STATE before RESPONSE */
bool mix_fetch_get_header(const mix_fetch *f, uint32_t id, size_t i, mix_http_header *out);
const mix_error *mix_fetch_failure(const mix_fetch *f, uint32_t id);
/* As mix_http_get_timing() of the last exchange, from mix_fetch_start() on; started: when that
 * exchange began. */
int mix_fetch_get_timing(const mix_fetch *f, uint32_t id, mix_http_timing *out);

/* The one who pulls http's events (after each mix_http_tick(), until there is none) offers them
 * here; true: it was of a fetch. */
bool mix_fetch_take(mix_fetch *f, const mix_http_event *ev, mix_time now);

#endif
