/* SPDX-License-Identifier: Apache-2.0 */
/* The WebSocket of the web, the client's side (RFC 6455 without extensions). Below: a byte stream,
 * TCP or TLS, that is up already; above: fetch's neighbour, the web's WebSocket object. Bytes:
 * wire.h.
 *
 * Life: new → drain the request → feed the answer → OPEN → messages both ways → close, or the
 * server's CLOSING → CLOSED. The caller drains after every call, and hands on the end of the stream
 * below with mix_websocket_eof. CLOSED is always the last event and comes once; an ERROR comes
 * right in front of it when the end was not clean. The stream below is to be dropped when CLOSED
 * comes. */
#ifndef MIX_WEBSOCKET_WEBSOCKET_H
#define MIX_WEBSOCKET_WEBSOCKET_H

#include "base/log.h"
#include "websocket/wire.h"

typedef struct mix_websocket mix_websocket;

typedef struct mix_websocket_config {
    mix_websocket_request request; /* read by mix_websocket_new only */
    size_t message_max;            /* bytes of a message from the server; default 64 MiB */
    size_t frame_max;              /* and of one frame's payload; default: as message_max */
    size_t queue_bytes;            /* of messages that wait to be sent; default 1 MiB */
    size_t fragment; /* longer messages are sent in frames of so many bytes, so that pongs pass
                        between them; 0: never cut */
    mix_time open_timeout;  /* from new to OPEN; default 60 s */
    mix_time close_timeout; /* for each step of the closing handshake; default 10 s */
} mix_websocket_config;     /* zeros take the defaults */

enum { MIX_WEBSOCKET_HEAD_MAX = 16 * 1024 }; /* bytes of the server's answer */

/* Borrows env for life. MIX_ERR_WEBSOCKET_HOST, _TARGET, _PROTOCOLS, _HEADER for a request that
 * cannot be made; MIX_ERR_RANDOM, MIX_ERR_MEMORY. *out is NULL then. */
int mix_websocket_new(mix_websocket **out, const mix_websocket_config *config, const mix_env *env,
                      mix_time now);
void mix_websocket_free(mix_websocket *w); /* NULL is fine; wipes */

/* From above: a whole message. Takes all of it or none: MIX_BLOCKED before OPEN and while
 * mix_websocket_room() is too small (a message larger than the whole queue is taken when nothing
 * waits). MIX_ERR_STATE once closing, MIX_ERR_WEBSOCKET_TEXT for text that is not UTF-8,
 * MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_websocket_write(mix_websocket *w, bool text, mix_bytes message, mix_time now);
size_t mix_websocket_room(const mix_websocket *w); /* bytes of a message that fit now */
size_t
mix_websocket_buffered(const mix_websocket *w); /* bytes of messages written and not yet drained */
/* Asks for a sign of life; a PONG with the same payload answers. MIX_BLOCKED when not open or too
 * many wait; MIX_ERR_WEBSOCKET_PING. */
int mix_websocket_ping(mix_websocket *w, mix_bytes payload, mix_time now);
/* Starts the closing handshake; messages that wait are sent first. Code 0: none is told, and there
 * is no reason. Before OPEN it gives the handshake up. Does nothing once closing.
 * MIX_ERR_WEBSOCKET_CODE, MIX_ERR_WEBSOCKET_REASON: nothing was done. */
int mix_websocket_close(mix_websocket *w, unsigned code, mix_bytes reason, mix_time now);

/* From below: takes bytes off the front of *in until an event is to be pulled. MIX_BLOCKED: some
 * are left, pull all events and feed the rest. So no more than one message is ever kept. What the
 * server did wrong comes as an event. */
int mix_websocket_feed(mix_websocket *w, mix_bytes *in, mix_time now);
/* The stream below has ended: status MIX_OK for an orderly end, else why. Bytes that came in front
 * of it are to be fed first. */
int mix_websocket_eof(mix_websocket *w, int status, mix_time now);
/* To below: appends at most room bytes, or MIX_DONE. MIX_ERR_MEMORY. */
int mix_websocket_drain(mix_websocket *w, mix_buf *out, size_t room, mix_time now);

typedef enum mix_websocket_event_kind {
    MIX_WEBSOCKET_EVENT_OPEN,    /* protocol, headers */
    MIX_WEBSOCKET_EVENT_MESSAGE, /* text, bytes; also comes between our close and the server's */
    MIX_WEBSOCKET_EVENT_PONG,    /* bytes */
    MIX_WEBSOCKET_EVENT_CLOSING, /* code, reason: the server closes; our answer is on its way */
    MIX_WEBSOCKET_EVENT_ERROR,   /* error: its number is the HTTP status, or the close code that the
                                    server was told */
    MIX_WEBSOCKET_EVENT_CLOSED,  /* code (the server's; 1005: it gave none; 1006: no close frame
                                    came), reason, clean */
} mix_websocket_event_kind;
typedef struct mix_websocket_event {
    mix_websocket_event_kind kind;
    bool text;  /* the message is UTF-8 text, checked; else binary */
    bool clean; /* both close frames were exchanged */
    uint16_t code;
    mix_bytes bytes, reason;
    mix_bytes protocol; /* the sub-protocol that the server chose; empty: none was asked for */
    mix_bytes headers;  /* of the answer, for mix_websocket_header_next */
    const mix_error *error;
} mix_websocket_event;
/* The next event, its bytes valid until the next mix_websocket_feed or _next (so a message may be
 * written back as it is); or MIX_DONE. */
int mix_websocket_next(mix_websocket *w, mix_websocket_event *ev, mix_time now);

mix_time mix_websocket_deadline(const mix_websocket *w);
int mix_websocket_tick(mix_websocket *w, mix_time now);

typedef enum mix_websocket_state {
    MIX_WEBSOCKET_CONNECTING,
    MIX_WEBSOCKET_OPEN,
    MIX_WEBSOCKET_CLOSING,
    MIX_WEBSOCKET_CLOSED,
} mix_websocket_state;
mix_websocket_state mix_websocket_get_state(const mix_websocket *w);

#endif
