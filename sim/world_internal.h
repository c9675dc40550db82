/* SPDX-License-Identifier: Apache-2.0 */
/* Between world.c (nodes) and world_client.c (hosts and their sockets). */
#ifndef SIM_WORLD_INTERNAL_H
#define SIM_WORLD_INTERNAL_H

#include "world.h"

/* A message of a gateway for one of its connections. */
void world_socket_down(world *w, uint64_t id, const mixnet_gateway_out *out);
/* Does what the tunnel asks for, takes its events, lets its timers run. */
void world_client_move(world_client *c);

#endif
