/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket servers behind the exit, for tests: what one does follows from the request's path. */
#ifndef MIX_TUNNEL_WEBSOCKETS_TESTING_H
#define MIX_TUNNEL_WEBSOCKETS_TESTING_H

#include "tunnel/hosts_testing.h"

/*
 * /echo      sends back each message (1 frame), answers pings, and a close with the same code
 * /pieces    the same in frames of 1000 bytes with pings between
 * /script    sends frames by server.script (the notation of websocket_testing.h) after the
 * handshake /chat      chooses sub-protocol "chat" /refuse    answers 403 with a reason /wrong
 * accepts with another key's proof /mute      never answers the handshake /stuck     reads nothing
 * after the handshake /flood     sends 128 messages of 16 KiB /end, /reset   ends the connection
 * after the handshake
 */
typedef struct ws_servers {
    const char *script;
    char request[4000]; /* the last one's head */
    mix_buf seen;       /* frames that came, in notation; all connections together */
    unsigned accepted, pings, gone;
    host_conn *last; /* NULL: gone */
} ws_servers;
extern ws_servers server;

void ws_opened(host_conn *c);
void ws_received(host_conn *c, mix_bytes data);
void ws_gone(host_conn *c);
void ws_send(host_conn *c, const char *notation);
void ws_reset_all(void); /* for the next test */

#endif
