/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "traffic/rehearsal.h"

#include "base/address.h"
#include "base/alloc.h"
#include "mix/errors.h"
#include "traffic/build.h"

enum { NODES = MIX_LAYERS + 1 };

/* One node a layer, and a gateway behind them. */
static int make_nodes(mix_node nodes[static NODES], const mix_env *env) {
    static const mix_address nowhere = {.family = 4, .port = 1, .octets = {127, 0, 0, 1}};
    for (size_t i = 0; i < NODES; i++) {
        uint8_t secret[MIX_KEY_LEN];
        nodes[i] = (mix_node){.id = (uint32_t)i + 1, .role = (mix_role)(MIX_ROLE_LAYER1 + i)};
        int status = mix_random(env, nodes[i].identity, MIX_KEY_LEN);
        if (status == MIX_OK)
            status = mix_random(env, secret, sizeof secret);
        if (status != MIX_OK)
            return status;
        mix_x25519_public(nodes[i].sphinx_key, secret);
        mix_address_pad(nodes[i].address, sizeof nodes[i].address, &nowhere);
    }
    return MIX_OK;
}

static int make_packets(mix_builder *b, size_t packets) {
    mix_buf out = {0};
    int status = MIX_OK;
    for (size_t i = 0; i < packets && status == MIX_OK; i++) {
        mix_buf_truncate(&out, 0);
        status = mix_build_cover(b, &out);
    }
    mix_buf_deinit(&out);
    return status;
}

int mix_traffic_rehearse(mix_crypto *crypto, const mix_env *env, size_t packets) {
    mix_node nodes[NODES];
    mix_topology *topology = NULL;
    mix_sphinx *sphinx = NULL; /* it remembers nodes */
    mix_client_keys keys = {0};
    mix_traffic_config cfg;
    int status = make_nodes(nodes, env);
    if (status == MIX_OK)
        status = mix_topology_new(&topology, nodes, NODES, 0, 0);
    if (status == MIX_OK)
        status = mix_client_keys_init(&keys, env, nodes[0].identity, nodes[NODES - 1].identity);
    if (status == MIX_OK)
        status = mix_sphinx_new(&sphinx, crypto, env);
    mix_builder *b = status == MIX_OK ? mix_alloc_zero(1, sizeof *b) : NULL;
    if (b) {
        mix_traffic_config_init(&cfg);
        cfg.crypto = crypto;
        cfg.sphinx = sphinx;
        cfg.keys = &keys;
        b->cfg = &cfg;
        b->env = env;
        b->topology = topology;
        status = make_packets(b, packets);
        mix_builder_deinit(b);
        mix_free(b);
    } else if (status == MIX_OK) {
        status = MIX_ERR_MEMORY;
    }
    mix_sphinx_free(sphinx);
    mix_client_keys_deinit(&keys);
    mix_topology_free(topology);
    return status;
}
