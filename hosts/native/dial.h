/* SPDX-License-Identifier: Apache-2.0 */
/* What a client connects to: the directory by HTTP GET, a gateway by WebSocket; on libwebsockets.
 * Connections are known by the numbers that the tunnel gave them. Nothing of what a tunnel carries
 * passes here. */
#ifndef HOSTS_NATIVE_DIAL_H
#define HOSTS_NATIVE_DIAL_H

#include "mix/tunnel.h"
#include "tls/tls.h"

#include <uv.h>

typedef struct dial dial;

typedef struct dial_events {
    void *user;
    void (*answer)(void *user, const mix_tunnel_answer *answer);
    void (*opened)(void *user, uint32_t link);
    void (*message)(void *user, uint32_t link, bool binary, mix_bytes message);
    void (*closed)(void *user, uint32_t link, int number, const char *why);
    void (*writable)(void *user); /* dial_busy may be false now */
} dial_events;

/* Borrows tls until the loop has ended. MIX_ERR_MEMORY, and those of mix_tls_apply. */
int dial_new(dial **out, uv_loop_t *loop, mix_tls *tls, const dial_events *events);
void dial_close(dial *d); /* starts closing, without events; the loop must run to its end */
void dial_free(dial *d);  /* after that; NULL is fine */
/* Names that no resolver knows: of a network on this machine. */
void dial_know(dial *d, const char *host, const char *ip);

void dial_get(dial *d, uint64_t id, const char *url, const char *accept);
void dial_cancel(dial *d, uint64_t id);
void dial_connect(dial *d, uint32_t link, const char *url);
bool dial_busy(const dial *d); /* a message waits for its socket: send no other yet */
void dial_send(dial *d, uint32_t link, bool binary, mix_bytes message);
void dial_hang_up(dial *d, uint32_t link); /* after what was sent; no event follows */

#endif
