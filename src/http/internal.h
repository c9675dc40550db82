/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef MIX_HTTP_INTERNAL_H
#define MIX_HTTP_INTERNAL_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/timers.h"
#include "http/http.h"
#include "mix/errors.h"

#include <curl/curl.h>

enum { MIX_HTTP_FDS = 256, MIX_HTTP_EXCHANGES = 1024 };

typedef enum phase { RESOLVING, CONNECTING, SENDING, WAITING, RECEIVING, FINISHED } phase;

typedef struct exchange {
    struct exchange *next;
    mix_http *http;
    uint32_t id, lookup; /* lookup 0: none under way */
    CURL *easy;
    CURLcode setup; /* the first option that could not be set */
    bool added;     /* to the multi handle */
    struct curl_slist *headers, *addresses;
    char *host;
    int port;
    phase phase;
    bool stream, connected;
    bool was_sent; /* the request was about to go out: it may have */

    int64_t body, body_left; /* as announced; left: not yet written by the user */
    bool body_ended, read_paused, blocked;
    mix_buf up;
    uint64_t sent; /* of the body, given to libcurl */

    bool headers_done;
    int status, version;
    char reason[128];
    mix_buf header_texts;  /* name, value, each with its end */
    mix_buf header_places; /* of each name in them, four bytes */

    mix_buf down;
    size_t down_at;   /* read so far */
    uint64_t decoded; /* bytes of the body that were given to us */
    bool write_paused;
    unsigned events; /* bits 1 << kind that next() still owes */
    mix_time activity;
    mix_time started, resolved, encrypting, ready, taken, first_byte, finished; /* 0: not reached */
    mix_error failure;
    bool opened;       /* sockets of its own */
    int socket_status; /* why the last of them that failed did */
    char words[CURL_ERROR_SIZE];
} exchange;

struct mix_http {
    mix_http_config config;
    mix_dns *dns;
    mix_tls *tls;
    CURLM *multi;
    exchange *exchanges;
    uint32_t last_id;
    mix_time now, run_at; /* run_at: when libcurl wants to run */
    struct want {
        int fd;
        unsigned events; /* of the seam */
    } wants[MIX_HTTP_FDS];
    size_t want_count;
    struct owner {
        int fd;
        uint32_t id;
    } owners[MIX_HTTP_FDS]; /* which exchange opened which socket */
    size_t owner_count;
    int socket_status; /* of the last socket of nobody that was closed because it had failed */
    bool pending;      /* tick() stopped before all was done */
};

exchange *mix_http_find(const mix_http *h, uint32_t id);
void mix_http_owe(exchange *x, mix_http_event_kind kind);
size_t mix_http_header_count(const exchange *x);
mix_http_header mix_http_header_at(const exchange *x, size_t i); /* there are more than i */
/* exchange.c: sets up the easy handle; callbacks. */
int mix_http_prepare(mix_http *h, exchange *x, const mix_http_request *r);
void mix_http_exchange_free(exchange *x);
/* url.c */
int mix_http_url_status(CURLUcode rc);
/* failure.c: what a result of libcurl means. */
void mix_http_note_failure(mix_http *h, exchange *x, CURLcode rc);

#endif
