/* SPDX-License-Identifier: Apache-2.0 */
/* WebSockets through the tunnel: RFC 6455 without extensions, ws and wss. A number from
 * mix_tunnel_websocket() until its CLOSED event, or mix_tunnel_websocket_drop(). */
#ifndef MIX_WEBSOCKET_H
#define MIX_WEBSOCKET_H

#include "mix/fetch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mix_websocket_options {
    const char *url;              /* ws:, wss:, http: or https:; no fragment. A user and password
                                     in it become an Authorization */
    const char *const *protocols; /* sub-protocols to offer */
    size_t protocol_count;
    const mix_header *headers; /* besides those of the handshake: Origin and the like */
    size_t header_count;
    size_t message_max;    /* bytes of a message from the server; 0: 64 MiB */
    mix_time open_timeout; /* for everything until OPEN, in the host's time; 0: 60 s */
} mix_websocket_options;   /* all is copied */

/* MIX_ERR_STATE as with mix_tunnel_fetch, MIX_ERR_HTTP_URL, MIX_ERR_HTTP_SCHEME,
 * MIX_ERR_WEBSOCKET_PROTOCOLS, MIX_ERR_WEBSOCKET_HEADER, MIX_ERR_ARGUMENT (a negative time),
 * MIX_ERR_LIMIT (128 at a time), MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_tunnel_websocket(mix_tunnel *t, uint32_t *id, const mix_websocket_options *options,
                         mix_time now);
/* Calls on a number that is not known give MIX_ERR_ARGUMENT.
 * A whole message, taken as a whole or not at all: MIX_BLOCKED before OPEN and while the queue (1
 * MiB, or one larger message) is full, until WRITABLE. MIX_ERR_STATE once closing,
 * MIX_ERR_WEBSOCKET_TEXT for text that is not UTF-8, MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_tunnel_websocket_write(mix_tunnel *t, uint32_t id, bool text, const uint8_t *data,
                               size_t len, mix_time now);
/* Bytes of messages written, and not yet given to TCP. */
size_t mix_tunnel_websocket_buffered(const mix_tunnel *t, uint32_t id);
int mix_tunnel_websocket_ping(mix_tunnel *t, uint32_t id, const uint8_t *data, size_t len,
                              mix_time now);
/* The closing handshake, after what was written. code 0: none is told; reason may be NULL.
 * MIX_ERR_WEBSOCKET_CODE, MIX_ERR_WEBSOCKET_REASON: nothing was done. */
int mix_tunnel_websocket_close(mix_tunnel *t, uint32_t id, unsigned code, const char *reason,
                               mix_time now);
/* Without a handshake; no event follows. Unknown numbers are fine. */
void mix_tunnel_websocket_drop(mix_tunnel *t, uint32_t id, mix_time now);

typedef enum mix_websocket_what {
    MIX_WEBSOCKET_WHAT_OPEN = 1, /* protocol */
    MIX_WEBSOCKET_WHAT_MESSAGE,  /* text; the event's data and len */
    MIX_WEBSOCKET_WHAT_PONG,     /* data and len */
    MIX_WEBSOCKET_WHAT_WRITABLE, /* after MIX_BLOCKED */
    MIX_WEBSOCKET_WHAT_CLOSING,  /* the server closes: code, reason */
    MIX_WEBSOCKET_WHAT_ERROR,    /* the event's failure; CLOSED follows */
    MIX_WEBSOCKET_WHAT_CLOSED,   /* code (1005: none, 1006: no close frame came), reason, clean;
                                    the last one: the number is forgotten */
} mix_websocket_what;
/* Of an event of kind MIX_TUNNEL_EVENT_WEBSOCKET; valid until the next call on the tunnel. */
typedef struct mix_websocket_news {
    const char *protocol; /* that the server chose; "": none */
    bool text, clean;
    unsigned code;
    const char *reason; /* UTF-8 */
} mix_websocket_news;

#ifdef __cplusplus
}
#endif

#endif
