/* SPDX-License-Identifier: Apache-2.0 */
/* Routes drawn from a topology. */
#include "traffic/route.h"

#include "mix/errors.h"
#include "traffic/poisson.h"

enum { HOPS = MIX_LAYERS + 1, DRAWS = 32 };

static bool is_good(const mix_reach *reach, const mix_node *const node[static HOPS]) {
    for (size_t i = 0; i < MIX_LAYERS; i++)
        if (mix_reach_avoids(reach, node[i]->id))
            return false;
    return true;
}

/* Drawing again until all nodes are good is a uniform draw from the good ones. */
static int draw_nodes(const mix_route_source *from, const uint8_t gateway[static MIX_KEY_LEN],
                      const mix_node *node[static HOPS]) {
    int status = MIX_OK;
    for (int i = 0; i < DRAWS && status == MIX_OK; i++) {
        status = mix_topology_route(from->topology, from->env, gateway, node);
        if (status == MIX_OK && is_good(from->reach, node))
            break;
    }
    return status;
}

static void note_way(mix_way *way, const mix_node *const node[static HOPS]) {
    for (uint8_t i = 0; i < MIX_LAYERS && way->len < MIX_WAY_MOST; i++) {
        way->id[way->len] = node[i]->id;
        way->layer[way->len++] = i;
    }
}

int mix_route_draw(mix_sphinx_route *out, uint64_t *expected, mix_way *way,
                   const mix_route_source *from, const uint8_t gateway[static MIX_KEY_LEN],
                   const uint8_t destination[static MIX_KEY_LEN], mix_time mean_delay) {
    const mix_node *node[HOPS];
    uint64_t delay[HOPS];
    int status = draw_nodes(from, gateway, node);
    if (status == MIX_OK)
        status = mix_exponential(from->env, (uint64_t)mean_delay * 1000, delay, HOPS);
    if (status != MIX_OK)
        return status;
    *out = (mix_sphinx_route){.hops = HOPS};
    memcpy(out->destination, destination, MIX_KEY_LEN);
    uint64_t sum = 0;
    for (size_t i = 0; i < HOPS; i++) {
        memcpy(out->hop[i].address, node[i]->address, MIX_SPHINX_ADDRESS_LEN);
        memcpy(out->hop[i].key, node[i]->sphinx_key, MIX_KEY_LEN);
        out->hop[i].delay_ns = delay[i];
        sum += i < MIX_LAYERS ? delay[i] : 0;
    }
    if (expected)
        *expected = sum;
    if (way)
        note_way(way, node);
    return MIX_OK;
}
