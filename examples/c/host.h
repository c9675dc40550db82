/* SPDX-License-Identifier: Apache-2.0 */
/* A host for one tunnel, on libwebsockets: all that mix/tunnel.h asks of a host. */
#ifndef EXAMPLES_HOST_H
#define EXAMPLES_HOST_H

#include <mix/tunnel.h>

typedef struct host {
    mix_tunnel_config config;
    /* Every event of the tunnel; false: that was all. */
    bool (*event)(mix_tunnel *t, const mix_tunnel_event *ev, void *user);
    void *user;
    const char *address; /* where everything is that the tunnel connects to, whatever its name; NULL: where
                            its name says. For a network on one machine, whose names nobody knows */
} host;

/* Makes the tunnel, starts it and runs it until event says that this was all. MIX_OK, or why there is
 * no tunnel. */
int host_run(const host *options, mix_failure *why);
mix_time host_now(void);

#endif
