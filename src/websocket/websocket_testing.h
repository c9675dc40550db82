/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side for tests: the handshake, frames from a short notation, and what the client
 * sent in the same notation. */
#ifndef MIX_WEBSOCKET_WEBSOCKET_TESTING_H
#define MIX_WEBSOCKET_WEBSOCKET_TESTING_H

#include "testing.h"
#include "websocket/websocket.h"

/* How a stream of bytes is cut into feeds. */
typedef enum cutting { CUT_WHOLE, CUT_BYTES, CUT_RANDOM } cutting;

typedef struct peer {
    mix_test_env env;
    mix_websocket *w;
    mix_time now;
    bool echo;              /* each message is written back */
    bool closed;            /* CLOSED was pulled */
    mix_buf sent;           /* drained and not yet read */
    mix_buf frames, events; /* what happened, one word a frame that the client sent, or an event */
} peer;

/* An engine with that configuration (NULL: defaults; a host is filled in), its request drained into
 * p->sent. */
void peer_init(peer *p, const mix_websocket_config *config, uint64_t seed);
void peer_deinit(peer *p);
/* Answers the request; `more` are further header lines, each with its end. */
void peer_open(peer *p, const char *more);
/* Takes the request off p->sent and makes an answer with the right Sec-WebSocket-Accept in place of
 * "$". */
void peer_answer(peer *p, mix_buf *out, const char *text);
/* Feeds bytes cut that way; after each feed events are pulled and what goes out is drained. */
void peer_feed(peer *p, mix_bytes bytes, cutting how);
void peer_pull(peer *p);
void peer_drain(peer *p, size_t room);
/* Frames, separated by spaces: T text, B binary, C continuation, P ping, O pong (lower case: not
 * the last fragment), then ":payload" or
 * "*length" for so many '*'; X:code:reason or X closes; =hex are raw bytes. */
void frames_encode(mix_buf *out, const char *notation);
/* What the client sent, in that notation, and the events ("open:protocol", "closing:1000:reason",
 * "error:NAME", "closed:1000:clean", messages as "gotT:text") since the last call. Valid until the
 * next call of either for any peer. */
const char *peer_sent(peer *p);
const char *peer_events(peer *p);

#endif
