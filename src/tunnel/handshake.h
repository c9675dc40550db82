/* SPDX-License-Identifier: Apache-2.0 */
/* What a host asks of a WebSocket, as the engines below take it: where to connect, and the request.
 */
#ifndef MIX_TUNNEL_HANDSHAKE_H
#define MIX_TUNNEL_HANDSHAKE_H

#include "mix/websocket.h"
#include "websocket/websocket.h"

typedef struct mix_handshake {
    mix_websocket_request request; /* points into the rest, and into the options */
    mix_buf url;                   /* http: or https:, in its normal form, ends with a zero */
    mix_buf authorization;
    mix_bytes *protocols;
    mix_websocket_header *headers;
} mix_handshake;

/* {0} before; deinitialise it in any case. A User-Agent is added unless the options have one, or
 * user_agent is empty; what stands before an @ in the URL becomes an Authorization unless they have
 * one. MIX_ERR_HTTP_URL, MIX_ERR_HTTP_SCHEME, MIX_ERR_MEMORY; what is wrong with headers and
 * protocols is mix_websocket_new()'s to find. */
int mix_handshake_make(mix_handshake *h, const mix_websocket_options *options,
                       const char *user_agent);
void mix_handshake_deinit(mix_handshake *h);

#endif
