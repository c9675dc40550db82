/* SPDX-License-Identifier: Apache-2.0 */
/* Until src/tunnel has WebSockets: there are none. The build leaves this file out as soon as it has. */
#include "mix/websocket.h"

int mix_tunnel_websocket(mix_tunnel *t, uint32_t *id, const mix_websocket_options *options, mix_time now) {
    (void)t, (void)id, (void)options, (void)now;
    return MIX_ERR_STATE;
}

int mix_tunnel_websocket_write(mix_tunnel *t, uint32_t id, bool text, const uint8_t *data, size_t len, mix_time now) {
    (void)t, (void)id, (void)text, (void)data, (void)len, (void)now;
    return MIX_ERR_STATE;
}

int mix_tunnel_websocket_close(mix_tunnel *t, uint32_t id, unsigned code, const char *reason, mix_time now) {
    (void)t, (void)id, (void)code, (void)reason, (void)now;
    return MIX_ERR_STATE;
}

void mix_tunnel_websocket_drop(mix_tunnel *t, uint32_t id, mix_time now) {
    (void)t, (void)id, (void)now;
}

size_t mix_tunnel_websocket_buffered(const mix_tunnel *t, uint32_t id) {
    (void)t, (void)id;
    return 0;
}
