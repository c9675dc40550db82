/* SPDX-License-Identifier: Apache-2.0 */
/* A route with its delays, as Sphinx wants it: for data, acknowledgements, cover and SURBs. Spec:
 * 2-messages.md §8. */
#ifndef MIX_TRAFFIC_ROUTE_H
#define MIX_TRAFFIC_ROUTE_H

#include "directory/topology.h"
#include "sphinx/sphinx.h"
#include "traffic/reach.h"

/* Where routes come from: all borrowed; reach may be NULL. */
typedef struct mix_route_source {
    const mix_topology *topology;
    const mix_reach *reach;
    const mix_env *env;
} mix_route_source;

/* Draws 3 mix nodes and exponential delays of this mean (µs), then the gateway; the identifier is
 * zero. expected (may be NULL) is the sum of the delays that count, in ns: those of the mix nodes.
 * way (may be NULL): these are appended. MIX_ERR_NO_ROUTE, MIX_ERR_RANDOM. */
int mix_route_draw(mix_sphinx_route *out, uint64_t *expected, mix_way *way,
                   const mix_route_source *from, const uint8_t gateway[static MIX_KEY_LEN],
                   const uint8_t destination[static MIX_KEY_LEN], mix_time mean_delay);

#endif
