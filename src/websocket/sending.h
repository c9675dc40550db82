/* SPDX-License-Identifier: Apache-2.0 */
/* What waits to be sent, masked already: control frames go out between data frames, a close frame
 * is the last of all. */
#ifndef MIX_WEBSOCKET_SENDING_H
#define MIX_WEBSOCKET_SENDING_H

#include "base/log.h"
#include "websocket/wire.h"

typedef struct mix_websocket_piece
    mix_websocket_piece; /* a frame with its header, or the request */

typedef struct mix_websocket_list {
    mix_websocket_piece *first, *last;
    size_t count;
} mix_websocket_list;

typedef struct mix_websocket_sending {
    const mix_env *env;
    mix_websocket_list control, data;
    mix_websocket_piece *current; /* part of it has been drained, from `sent` on is left */
    size_t sent;
    size_t bytes, max_bytes; /* that data frames occupy, their bookkeeping included */
    size_t payload;          /* bytes of messages that were not drained yet */
    size_t fragment;         /* a frame's payload at most; 0: messages are not cut */
    bool closing;            /* a close frame waits or was sent */
    bool closed;             /* it was sent */
} mix_websocket_sending;

enum { MIX_WEBSOCKET_CONTROLS = 32 }; /* control frames that wait */

void mix_websocket_sending_init(mix_websocket_sending *s, const mix_env *env, size_t max_bytes,
                                size_t fragment);
void mix_websocket_sending_deinit(mix_websocket_sending *s);
/* Bytes that are sent as they are, in front of all frames. */
int mix_websocket_send_raw(mix_websocket_sending *s, mix_bytes bytes);
/* A whole message, in one frame or several. MIX_BLOCKED when there is no room; a message larger
 * than all room is taken when nothing waits. MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_websocket_send_message(mix_websocket_sending *s, uint8_t opcode, mix_bytes message);
size_t mix_websocket_sending_room(const mix_websocket_sending *s); /* bytes of a message that fit */
/* A ping or pong. MIX_BLOCKED when too many wait; a pong then takes the place of the last pong
 * (§5.5.3: only the newest ping has to be answered). Nothing is taken once a close frame has been
 * sent. */
int mix_websocket_send_control(mix_websocket_sending *s, uint8_t opcode, mix_bytes payload);
/* The close frame, behind all messages that wait, or instead of them (`drop`). */
int mix_websocket_send_close(mix_websocket_sending *s, mix_bytes payload, bool drop);
/* Appends at most `room` bytes. MIX_DONE when there are none, MIX_ERR_MEMORY. */
int mix_websocket_sending_drain(mix_websocket_sending *s, mix_buf *out, size_t room);
static inline bool mix_websocket_sending_empty(const mix_websocket_sending *s) {
    return !s->current && !s->control.first && !s->data.first;
}

#endif
