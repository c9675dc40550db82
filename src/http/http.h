/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 and HTTP/2 through the tunnel: libcurl over the seam, one multi handle with its pool of
 * connections. No other folder includes curl. Above: fetch, and tunnel for WebSockets and DNS
 * over HTTPS. Below: dns (names), tls (policy), sockets.
 *
 * One exchange of a request and a response, as a handle from start() to close(): no redirects, no
 * retries of our own, no cookies. Both bodies stream, with bounded buffers. Events are pulled;
 * nothing is called back. */
#ifndef MIX_HTTP_HTTP_H
#define MIX_HTTP_HTTP_H

#include "base/buf.h"
#include "base/error.h"
#include "dns/dns.h"
#include "tls/tls.h"

typedef struct mix_http mix_http;

typedef struct mix_http_config {
    long per_host;     /* connections to one scheme, host and port; default 6 */
    long connections;  /* in all, the rest waits; default 64 */
    mix_time idle_age; /* an unused connection is not used again after so long; default 60 s */
    mix_time connect_timeout; /* TCP and TLS; default 30 s */
    mix_time keepalive;       /* of an idle connection; default 60 s, −1: none */
    size_t buffer; /* bytes of each body that wait, decoded, on our side; default 128 KiB */
} mix_http_config; /* zeros take the defaults */
/* Not to be set: 120 s from the request's end to the response's headers, 60 s for a body that
 * should move but does not. */

/* mix_sockets_begin() and mix_tls_begin() first. Borrows dns and tls for life. MIX_ERR_MEMORY. */
int mix_http_new(mix_http **out, const mix_http_config *config, mix_dns *dns, mix_tls *tls);
void mix_http_free(mix_http *h); /* ends all without a word; NULL is fine */

typedef struct mix_http_header {
    const char *name, *value; /* value: any bytes but NUL, CR and LF */
} mix_http_header;

enum { MIX_HTTP_NO_BODY = -2, MIX_HTTP_UNKNOWN_LENGTH = -1 };
typedef struct mix_http_request {
    const char *method, *url;       /* url absolute, http or https; a fragment is not sent */
    const mix_http_header *headers; /* Host, Content-Length, Transfer-Encoding, Connection and the
                                       like are ours to write */
    size_t header_count;
    int64_t body; /* bytes that write() will bring, or one of the two above; 0 is an empty body.
                     NO_BODY if forgotten: set it */
    bool stream; /* no exchange: once connected (TLS included) the connection is a stream for read()
                    and write(); method, headers and body are not looked at. For protocols that
                    begin as HTTP */
} mix_http_request;

/* Copies the request. MIX_ERR_HTTP_URL, MIX_ERR_HTTP_SCHEME, MIX_ERR_HTTP_REQUEST (method or
 * header), MIX_ERR_LIMIT (1024 at a time), MIX_ERR_MEMORY. */
int mix_http_start(mix_http *h, uint32_t *id, const mix_http_request *request, mix_time now);
/* The request's body. Takes what fits: *taken > 0, or MIX_BLOCKED; or what ended the exchange;
 * MIX_ERR_STATE after end(), or for more than was announced. */
int mix_http_write(mix_http *h, uint32_t id, mix_bytes in, size_t *taken, mix_time now);
int mix_http_end(mix_http *h, uint32_t id, mix_time now); /* of an unknown length: that was all */
/* The response's body, decoded. MIX_OK with *got > 0; MIX_OK with *got = 0 at its end; MIX_DONE
 * when nothing is there yet; else what ended it, after all that came before has been read. */
int mix_http_read(mix_http *h, uint32_t id, uint8_t *out, size_t cap, size_t *got, mix_time now);
/* Ends the exchange, wherever it is; the number is forgotten. Unknown numbers are fine. */
void mix_http_close(mix_http *h, uint32_t id, mix_time now);
/* The same, and its connection ends as soon as nobody uses it: for one that seems to be dead. */
void mix_http_retire(mix_http *h, uint32_t id, mix_time now);
/* Ends the exchange for a reason of the caller's, if it has not ended: FINISHED follows, and what
 * came before is still there to be read. */
void mix_http_fail(mix_http *h, uint32_t id, const mix_error *why, mix_time now);
/* Fails all, closes the connections that are kept and forgets the servers' TLS tickets. */
void mix_http_reset(mix_http *h, const mix_error *why, mix_time now);

typedef enum mix_http_event_kind {
    MIX_HTTP_CONNECTED = 1, /* a `stream` is up */
    MIX_HTTP_HEADERS,       /* mix_http_response() tells */
    MIX_HTTP_READABLE,      /* read() gives something */
    MIX_HTTP_WRITABLE,      /* write() takes something again */
    MIX_HTTP_FINISHED, /* status MIX_OK: all has come (read what is left); else mix_http_failure()
                        */
} mix_http_event_kind;
typedef struct mix_http_event {
    mix_http_event_kind kind;
    uint32_t id;
    int status;
} mix_http_event;
int mix_http_next(mix_http *h, mix_http_event *ev); /* or MIX_DONE */

typedef struct mix_http_response {
    int status;         /* 200…999 */
    int version;        /* 10, 11 or 20 */
    const char *reason; /* the server's phrase, may be empty */
    size_t header_count;
} mix_http_response;
/* After HEADERS, until close(). MIX_ERR_STATE before. */
int mix_http_get_response(const mix_http *h, uint32_t id, mix_http_response *out);
/* Header number i as it came, in the server's order; false behind the last. */
bool mix_http_get_header(const mix_http *h, uint32_t id, size_t i, mix_http_header *out);
/* The value of the first header of this name, in any case, or NULL; until close(). */
const char *mix_http_header_of(const mix_http *h, uint32_t id, const char *name);
/* When what happened, in the time that calls bring; −1: not reached. On a kept connection connected
 * and secured are as resolved, over plain http secured is as connected. */
typedef struct mix_http_timing {
    mix_time started, resolved, connected, secured, sent, first_byte, finished;
    uint64_t received, uploaded; /* bytes of bodies: as they came, and sent */
    bool reused;
} mix_http_timing;
int mix_http_get_timing(const mix_http *h, uint32_t id, mix_http_timing *out); /* _ARGUMENT */
/* What ended it: code, number (of libcurl, or of the certificate's check) and words; NULL for
 * unknown numbers. */
const mix_error *mix_http_failure(const mix_http *h, uint32_t id);
/* Another reason for one that has failed, by whoever knows better; unknown numbers are fine. */
void mix_http_blame(mix_http *h, uint32_t id, const mix_error *why);
/* Whether a byte of the request may have been sent: if not, it may be made again whatever its
 * method. */
bool mix_http_was_sent(const mix_http *h, uint32_t id);

/* The one who pulls dns' events gives those of lookups that are not its own; true: it was http's.
 */
bool mix_http_resolved(mix_http *h, const mix_dns_event *ev, mix_time now);
/* Runs what is due and ready: when the deadline has passed, and after packets were given to tcpip.
 */
int mix_http_tick(mix_http *h, mix_time now);
mix_time mix_http_deadline(const mix_http *h);

/* Appends the absolute URL that a reference (as in Location) means; its fragment passes on.
 * MIX_ERR_HTTP_URL, MIX_ERR_HTTP_SCHEME. */
int mix_http_join(mix_buf *out, const char *base, const char *reference);
/* Appends "scheme://host:port". MIX_ERR_HTTP_URL. */
int mix_http_origin(mix_buf *out, const char *url);

#endif
