/* SPDX-License-Identifier: Apache-2.0 */
/* TCP between nodes: a listener per node, one connection per address sent to, in the clear or
 * within Noise; TCP_NODELAY everywhere. A connection that cannot be made or breaks is tried again
 * when the next frame comes, with back-off after time-outs and handshakes that fail; queues are
 * bounded (1-sphinx.md §2.1). */
#ifndef HOSTS_NATIVE_MIXNET_LINKS_H
#define HOSTS_NATIVE_MIXNET_LINKS_H

#include "base/error.h"
#include "mixnet/link/link.h"

#include <uv.h>

typedef struct links links;

/* A frame came from another node, to the listener of `owner`. */
typedef void (*links_frame)(void *user, size_t owner, const mix_frame *frame);

/* What a new connection speaks: MIX_OK with the keys for Noise, MIX_DONE for the clear, or an
 * error: it is given up. */
typedef struct links_noise {
    /* `from` has connected to the listener of owner; its port says nothing. Only the secret is
     * filled in. */
    int (*in)(void *user, size_t owner, const mix_address *from, mixnet_link_noise *out);
    int (*out)(void *user, const mix_address *to, mixnet_link_noise *out);
} links_noise;

typedef struct links_config {
    links_frame on_frame;
    links_noise noise;
    void *user;
    mix_crypto *crypto; /* borrowed, like env */
    const mix_env *env;
} links_config;

int links_new(links **out, uv_loop_t *loop, const links_config *config);
/* Closes everything; the loop must run once more before it is closed. NULL is fine. */
void links_close(links *l);
void links_free(links *l); /* after the loop has ended */

/* Listens on address; port 0 takes a free one, which is written back. MIX_ERR_LISTEN names the
 * address and the reason. */
int links_listen(links *l, size_t owner, mix_address *address, mix_error *e);
/* Queues a frame for an address: MIX_OK, MIX_BLOCKED when that queue is full (the frame is dropped,
 * as real nodes do). */
int links_send(links *l, const mix_address *to, mix_bytes frame);
/* Gives what was queued to the kernel, one write a connection; call it once a turn of the loop. */
void links_flush(links *l);

typedef struct links_stats {
    uint64_t frames_in, frames_out, bad_streams, dropped_full, dropped_broken, connects,
        connect_failures;
    uint64_t handshakes; /* of Noise that succeeded, at either end */
    size_t connections, queued;
} links_stats;
void links_get_stats(const links *l, links_stats *out);

#endif
