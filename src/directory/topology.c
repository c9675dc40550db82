/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot's indexes, and the drawing of routes. */
#include "directory/topology.h"

#include "base/alloc.h"
#include "directory/pick.h"

#include <stdlib.h>

void mix_topology_free(mix_topology *t) {
    if (!t)
        return;
    for (int i = 0; i < MIX_LAYERS; i++)
        mix_free(t->layer[i]);
    mix_free(t->by_identity);
    mix_free(t->nodes);
    mix_free(t);
}

static int by_identity(const void *left, const void *right) {
    const mix_node *a = *(const mix_node *const *)left, *b = *(const mix_node *const *)right;
    int order = memcmp(a->identity, b->identity, MIX_KEY_LEN);
    return order != 0 ? order : a < b ? -1 : a > b; /* equal ones in the given order */
}

static int index_layer(mix_topology *t, int layer) {
    mix_role role = (mix_role)(MIX_ROLE_LAYER1 + layer);
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += t->nodes[i].role == role;
    if (n == 0)
        return MIX_OK;
    t->layer[layer] = mix_alloc_zero(n, sizeof *t->layer[layer]);
    if (!t->layer[layer])
        return MIX_ERR_MEMORY;
    for (size_t i = 0; i < t->count; i++) {
        if (t->nodes[i].role == role)
            t->layer[layer][t->layer_count[layer]++] = (uint32_t)i;
    }
    return MIX_OK;
}

static int fill(mix_topology *t, const mix_node *nodes, size_t count) {
    if (count == 0)
        return MIX_OK;
    t->nodes = mix_alloc_zero(count, sizeof *t->nodes);
    t->by_identity = mix_alloc_zero(count, sizeof *t->by_identity);
    if (!t->nodes || !t->by_identity)
        return MIX_ERR_MEMORY;
    t->count = count;
    memcpy(t->nodes, nodes, count * sizeof *nodes);
    for (size_t i = 0; i < count; i++)
        t->by_identity[i] = &t->nodes[i];
    qsort(t->by_identity, count, sizeof *t->by_identity, by_identity);
    int status = MIX_OK;
    for (int i = 0; i < MIX_LAYERS && status == MIX_OK; i++)
        status = index_layer(t, i);
    return status;
}

int mix_topology_new(mix_topology **out, const mix_node *nodes, size_t count, uint32_t rotation_id,
                     uint32_t epoch_id) {
    if (count > UINT32_MAX)
        return MIX_ERR_MEMORY;
    mix_topology *t = mix_alloc_zero(1, sizeof *t);
    if (!t)
        return MIX_ERR_MEMORY;
    t->rotation_id = rotation_id;
    t->epoch_id = epoch_id;
    int status = fill(t, nodes, count);
    if (status != MIX_OK) {
        mix_topology_free(t);
        return status;
    }
    *out = t;
    return MIX_OK;
}

const mix_node *mix_topology_find(const mix_topology *t,
                                  const uint8_t identity[static MIX_KEY_LEN]) {
    size_t low = 0, high = t->count; /* the first that is not below identity lies in low…high */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(t->by_identity[middle]->identity, identity, MIX_KEY_LEN) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == t->count || memcmp(t->by_identity[low]->identity, identity, MIX_KEY_LEN) != 0)
        return NULL;
    return t->by_identity[low];
}

/* 2-messages.md §8: drawing from the layer's ids until one is known is a uniform draw from the
 * known ones. */
int mix_topology_route(const mix_topology *t, const mix_env *env,
                       const uint8_t gateway[static MIX_KEY_LEN],
                       const mix_node *out[static MIX_LAYERS + 1]) {
    const mix_node *route[MIX_LAYERS + 1];
    route[MIX_LAYERS] = mix_topology_find(t, gateway);
    if (!route[MIX_LAYERS])
        return MIX_ERR_NO_ROUTE;
    for (int i = 0; i < MIX_LAYERS; i++) {
        if (t->layer_count[i] == 0)
            return MIX_ERR_NO_ROUTE;
        uint32_t at = 0;
        int status = mix_pick_below(env, (uint32_t)t->layer_count[i], &at);
        if (status != MIX_OK)
            return status;
        route[i] = &t->nodes[t->layer[i][at]];
    }
    memcpy(out, route, sizeof route);
    return MIX_OK;
}

int mix_topology_check(const mix_topology *t, const uint8_t gateway[static MIX_KEY_LEN]) {
    for (int i = 0; i < MIX_LAYERS; i++) {
        if (t->layer_count[i] == 0)
            return MIX_ERR_NO_ROUTE;
    }
    return mix_topology_find(t, gateway) ? MIX_OK : MIX_ERR_NO_ROUTE;
}
