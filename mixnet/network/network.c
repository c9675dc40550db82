/* SPDX-License-Identifier: Apache-2.0 */
/* Making a network, and the keys of its members. */
#include "mixnet/network/network.h"

#include "base/alloc.h"

#include <stdio.h>

/* One key out of the seed, by its purpose. */
static int derive(mix_crypto *c, const mixnet_member *m, const char *purpose, uint32_t number, uint8_t *out, size_t len) {
    char info[48];
    if (!m->has_seed)
        return MIX_ERR_STATE;
    snprintf(info, sizeof info, "lwmix mixnet %s %u", purpose, number);
    return mix_hkdf_sha256(c, out, len, MIX_BYTES(m->seed), (mix_bytes){0}, mix_bytes_str(info));
}

int mixnet_member_identity(mix_crypto *c, const mixnet_member *m, uint8_t seed[static MIX_KEY_LEN]) {
    return derive(c, m, "identity", 0, seed, MIX_KEY_LEN);
}

int mixnet_member_sphinx(mix_crypto *c, const mixnet_member *m, uint32_t rotation, uint8_t secret[static MIX_KEY_LEN]) {
    return derive(c, m, "sphinx", rotation, secret, MIX_KEY_LEN);
}

int mixnet_member_noise(mix_crypto *c, const mixnet_member *m, uint8_t secret[static MIX_KEY_LEN]) {
    return derive(c, m, "noise", 0, secret, MIX_KEY_LEN);
}

int mixnet_member_noise_public(mix_crypto *c, const mixnet_member *m, uint8_t out[static MIX_KEY_LEN]) {
    uint8_t secret[MIX_KEY_LEN];
    int status = mixnet_member_noise(c, m, secret);
    if (status == MIX_OK)
        mix_x25519_public(out, secret);
    mix_wipe(secret, sizeof secret);
    return status;
}

int mixnet_member_router(mix_crypto *c, const mixnet_member *m, mixnet_service_keys *out) {
    int status = derive(c, m, "router identity", 0, out->identity_seed, MIX_KEY_LEN);
    if (status == MIX_OK)
        status = mix_ed25519_public(c, out->identity_public, out->identity_seed);
    if (status == MIX_OK)
        status = derive(c, m, "router encryption", 0, out->encryption_secret, MIX_KEY_LEN);
    if (status == MIX_OK)
        status = derive(c, m, "router ack", 0, out->ack_key, sizeof out->ack_key);
    if (status == MIX_OK)
        mix_x25519_public(out->encryption_public, out->encryption_secret);
    else
        mix_wipe(out, sizeof *out);
    return status;
}

static int add(mixnet_network *net, mixnet_kind kind, uint8_t layer, uint32_t number, const mixnet_plan *plan, mix_crypto *crypto,
               const mix_env *env) {
    static const char *const words[] = {[MIXNET_MIX] = "mix", [MIXNET_GATEWAY] = "gateway", [MIXNET_EXIT] = "exit"};
    uint8_t identity[MIX_KEY_LEN];
    if (net->count == MIXNET_MEMBERS_MAX)
        return MIX_ERR_LIMIT;
    mixnet_member *m = &net->members[net->count];
    *m = (mixnet_member){.id = (uint32_t)net->count + 1, .kind = kind, .layer = layer, .address = plan->host, .has_seed = true};
    snprintf(m->name, sizeof m->name, "%s%u", words[kind], number);
    if (kind != MIXNET_MIX && !plan->nameless)
        snprintf(m->hostname, sizeof m->hostname, "%s.nym.test", m->name);
    m->address.port = 0;
    int status = mix_random(env, m->seed, sizeof m->seed);
    if (status == MIX_OK)
        status = mixnet_member_identity(crypto, m, identity);
    if (status == MIX_OK)
        status = mix_ed25519_public(crypto, m->identity, identity);
    mix_wipe(identity, sizeof identity);
    net->count += status == MIX_OK;
    return status;
}

int mixnet_network_make(mixnet_network *out, const mixnet_plan *plan, mix_crypto *crypto, const mix_env *env) {
    const char *version = plan->version ? plan->version : "1.37.0";
    if (plan->mixes_per_layer == 0 || plan->gateways == 0 || plan->exits == 0 || strlen(version) >= MIXNET_VERSION_MAX)
        return MIX_ERR_ARGUMENT;
    *out = (mixnet_network){.clock = {.validity_epochs = MIXNET_VALIDITY_EPOCHS,
                                      .initial_epoch = 0,
                                      .epoch = MIXNET_FIRST_ROTATION * MIXNET_VALIDITY_EPOCHS,
                                      .epoch_start = env->wall_time(env->user),
                                      .epoch_length = (int64_t)MIXNET_EPOCH_SECONDS * 1000000}};
    snprintf(out->version, sizeof out->version, "%s", version);
    int status = MIX_OK;
    for (uint32_t n = 0; n < plan->mixes_per_layer * MIX_LAYERS && status == MIX_OK; n++)
        status = add(out, MIXNET_MIX, (uint8_t)(n % MIX_LAYERS + 1), n + 1, plan, crypto, env);
    for (uint32_t n = 0; n < plan->gateways && status == MIX_OK; n++)
        status = add(out, MIXNET_GATEWAY, 0, n + 1, plan, crypto, env);
    for (uint32_t n = 0; n < plan->exits && status == MIX_OK; n++)
        status = add(out, MIXNET_EXIT, 0, n + 1, plan, crypto, env);
    if (status != MIX_OK)
        mixnet_network_wipe(out);
    return status;
}

void mixnet_network_wipe(mixnet_network *net) {
    mix_wipe(net, sizeof *net);
}

const mixnet_member *mixnet_network_find(const mixnet_network *net, const char *name) {
    for (size_t i = 0; i < net->count; i++) {
        if (strcmp(net->members[i].name, name) == 0)
            return &net->members[i];
    }
    return NULL;
}

uint32_t mixnet_network_rotation(const mixnet_network *net, int64_t wall) {
    return mix_rotation_id_at(&net->clock, mix_rotation_epoch_at(&net->clock, wall));
}

void mixnet_network_rotate(mixnet_network *net, int64_t wall) {
    mix_rotation_info *c = &net->clock;
    c->epoch = c->initial_epoch + c->validity_epochs * (mixnet_network_rotation(net, wall) + 1);
    c->epoch_start = wall;
}

static mix_role role_of(const mixnet_member *m) {
    static const mix_role layers[] = {MIX_ROLE_LAYER1, MIX_ROLE_LAYER2, MIX_ROLE_LAYER3};
    if (m->kind == MIXNET_MIX)
        return layers[m->layer - 1];
    return m->kind == MIXNET_GATEWAY ? MIX_ROLE_ENTRY : MIX_ROLE_EXIT;
}

int mixnet_network_topology(const mixnet_network *net, mix_crypto *crypto, int64_t wall, mix_topology **out) {
    uint32_t epoch = mix_rotation_epoch_at(&net->clock, wall), rotation = mix_rotation_id_at(&net->clock, epoch);
    mix_node *nodes = mix_alloc_zero(net->count ? net->count : 1, sizeof *nodes);
    size_t count = 0;
    int status = nodes ? MIX_OK : MIX_ERR_MEMORY;
    for (size_t i = 0; i < net->count && status == MIX_OK; i++) {
        const mixnet_member *m = &net->members[i];
        uint8_t secret[MIX_KEY_LEN];
        if (!m->has_seed)
            continue;
        mix_node *n = &nodes[count++];
        n->id = m->id;
        n->role = role_of(m);
        memcpy(n->identity, m->identity, MIX_KEY_LEN);
        mix_address_pad(n->address, sizeof n->address, &m->address);
        status = mixnet_member_sphinx(crypto, m, rotation, secret);
        if (status == MIX_OK)
            mix_x25519_public(n->sphinx_key, secret);
        mix_wipe(secret, sizeof secret);
    }
    if (status == MIX_OK)
        status = mix_topology_new(out, nodes, count, rotation, epoch);
    mix_free(nodes);
    return status;
}
