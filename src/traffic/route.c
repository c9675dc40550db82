/* SPDX-License-Identifier: Apache-2.0 */
/* Routes drawn from a topology. */
#include "traffic/route.h"

#include "mix/errors.h"
#include "traffic/poisson.h"

enum { HOPS = MIX_LAYERS + 1 };

int mix_route_draw(mix_sphinx_route *out, uint64_t *expected, const mix_topology *topology,
                   const mix_env *env, const uint8_t gateway[static MIX_KEY_LEN],
                   const uint8_t destination[static MIX_KEY_LEN], mix_time mean_delay) {
    const mix_node *node[HOPS];
    uint64_t delay[HOPS];
    int status = mix_topology_route(topology, env, gateway, node);
    if (status == MIX_OK)
        status = mix_exponential(env, (uint64_t)mean_delay * 1000, delay, HOPS);
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
    return MIX_OK;
}
