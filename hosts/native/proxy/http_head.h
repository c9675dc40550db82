/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 as a proxy sees it (RFC 9110, RFC 9112): heads of requests and answers are read strictly,
 * and written anew for the next hop; bodies pass as they are, and are only followed to their end.
 * No I/O. What is read points into the input. */
#ifndef HOSTS_NATIVE_PROXY_HTTP_HEAD_H
#define HOSTS_NATIVE_PROXY_HTTP_HEAD_H

#include "base/buf.h"

enum { HTTP_HEAD_MOST = 64 << 10 };

/* Where the head that begins in front of `in` ends: MIX_OK with *len, its empty line included;
 * MIX_DONE when more is needed; MIX_ERR_LIMIT above HTTP_HEAD_MOST. *looked, at first 0, saves
 * looking at the same bytes again. */
int http_head_end(mix_bytes in, size_t *looked, size_t *len);
/* How many bytes of empty lines come first: they are skipped (RFC 9112, section 2.2). */
size_t http_blank(mix_bytes in);

typedef enum http_framing {
    HTTP_NO_BODY = 0,
    HTTP_LENGTH,
    HTTP_CHUNKED,
    HTTP_UNTIL_END, /* of the connection; answers only */
} http_framing;

typedef struct http_request {
    mix_bytes method;
    bool connect;   /* CONNECT; else a request to pass on */
    char host[256]; /* a name or a number, no brackets */
    uint16_t port;
    mix_bytes authority; /* as the URL has it */
    mix_bytes path;      /* of the URL, with its query; may be empty or begin with '?' */
    int minor;           /* HTTP/1.minor */
    bool keep;           /* the client will use the connection again */
    bool repeatable;     /* GET, HEAD or OPTIONS without a body: may be sent twice */
    http_framing framing;
    uint64_t length;         /* of HTTP_LENGTH */
    mix_bytes authorization; /* for the proxy; empty: none */
    mix_bytes fields;        /* all lines */
} http_request;
/* head: up to and with its empty line. 0, or the status to answer with; *why is a sentence then. */
int http_request_read(http_request *out, mix_bytes head, const char **why);
/* The head for the origin server: hop-by-hop fields, and those for the proxy, are gone. Sends
 * nothing about the client or the proxy: no Via, no Forwarded. */
void http_request_write(mix_buf *out, const http_request *r, bool keep);

typedef struct http_answer {
    int status, minor;
    mix_bytes reason;
    bool keep;       /* the server will use the connection again */
    bool has_length; /* length is given; of a body that a HEAD would have had, too */
    http_framing framing;
    uint64_t length;
    mix_bytes fields;
} http_answer;
/* MIX_ERR_ARGUMENT: that is no HTTP/1 answer, or one whose end cannot be told. */
int http_answer_read(http_answer *out, mix_bytes head, const http_request *asked);
void http_answer_write(mix_buf *out, const http_answer *a, bool keep);

/* Whether these are "Basic" credentials (RFC 7617), and whose. out takes "name:password". */
bool http_basic(mix_buf *out, mix_bytes authorization);

/* ---- bodies ---- */

typedef struct http_body {
    http_framing framing;
    uint64_t left; /* of the length, or of this chunk */
    int state;     /* within chunked framing */
    size_t line;   /* bytes of a size line, or of the trailer, so far */
    bool done;
} http_body;
http_body http_body_begin(http_framing framing, uint64_t length);
/* How much of in belongs to it: *used; less than all only once it is done. MIX_ERR_ARGUMENT:
 * malformed chunks. */
int http_body_feed(http_body *b, mix_bytes in, size_t *used);

#endif
