/* SPDX-License-Identifier: Apache-2.0 */
/* The world of the tests. */
#include "messages_testing.h"

#include "base/address.h"
#include "mix/errors.h"
#include "traffic/payload.h"

static const mix_role ROLES[WORLD_NODES] = {MIX_ROLE_LAYER1, MIX_ROLE_LAYER1, MIX_ROLE_LAYER2,
                                            MIX_ROLE_LAYER2, MIX_ROLE_LAYER3, MIX_ROLE_LAYER3,
                                            MIX_ROLE_ENTRY,  MIX_ROLE_EXIT};

static void make_nodes(world *w) {
    for (size_t i = 0; i < WORLD_NODES; i++) {
        mix_node *n = &w->nodes[i];
        mix_address address = {.family = 4, .port = 1789, .octets = {10, 0, 0, (uint8_t)(i + 1)}};
        *n = (mix_node){.id = (uint32_t)i + 1, .role = ROLES[i]};
        assert_status(mix_random(&w->env.env, n->identity, sizeof n->identity), MIX_OK);
        assert_status(mix_random(&w->env.env, w->secrets[i], MIX_KEY_LEN), MIX_OK);
        mix_x25519_public(n->sphinx_key, w->secrets[i]);
        mix_address_pad(n->address, sizeof n->address, &address);
    }
}

mix_topology *world_topology(const world *w, uint32_t rotation_id) {
    mix_topology *t = NULL;
    assert_status(mix_topology_new(&t, w->nodes, WORLD_NODES, rotation_id, 100), MIX_OK);
    return t;
}

static void make_side(world *w, side *s, const mix_messages_config *cfg, const uint8_t *gateway) {
    mix_messages_config c = *cfg;
    uint8_t seed[MIX_KEY_LEN], identity[MIX_KEY_LEN];
    assert_status(mix_random(&w->env.env, seed, sizeof seed), MIX_OK);
    assert_status(mix_ed25519_public(w->crypto, identity, seed), MIX_OK);
    assert_status(mix_client_keys_init(&s->keys, &w->env.env, identity, gateway), MIX_OK);
    s->address = mix_client_recipient(&s->keys);
    c.crypto = w->crypto;
    c.sphinx = w->sphinx;
    c.keys = &s->keys;
    assert_status(mix_messages_new(&s->m, &c, &w->env.env), MIX_OK);
    assert_status(mix_messages_set_topology(s->m, w->topology, w->now), MIX_OK);
}

static void make_sides(world *w, void (*client)(mix_messages_config *),
                       void (*exit)(mix_messages_config *)) {
    mix_messages_config cfg;
    mix_messages_config_client(&cfg);
    if (client)
        client(&cfg);
    make_side(w, &w->client, &cfg, w->nodes[6].identity);
    mix_messages_config_exit(&cfg);
    if (exit)
        exit(&cfg);
    make_side(w, &w->exit, &cfg, w->nodes[7].identity);
}

static void free_sides(world *w) {
    mix_messages_free(w->client.m);
    mix_messages_free(w->exit.m);
    mix_client_keys_deinit(&w->client.keys);
    mix_client_keys_deinit(&w->exit.keys);
}

void world_init(world *w, uint64_t seed, void (*client)(mix_messages_config *),
                void (*exit)(mix_messages_config *)) {
    *w = (world){.now = MIX_SECONDS(1000)};
    mix_test_env_init(&w->env, seed);
    assert_status(mix_crypto_new(&w->crypto), MIX_OK);
    assert_status(mix_sphinx_new(&w->sphinx, w->crypto, &w->env.env), MIX_OK);
    make_nodes(w);
    for (size_t i = 0; i < WORLD_NODES; i++)
        assert_status(
            mix_sphinx_warm(w->sphinx, (const uint8_t(*)[MIX_KEY_LEN]) & w->nodes[i].sphinx_key, 1),
            MIX_OK);
    /* Identities of gateways in addresses must be points of the curve. */
    for (size_t i = 0; i < WORLD_NODES; i++) {
        while (!mix_ed25519_is_point(w->nodes[i].identity))
            w->nodes[i].identity[0]++;
    }
    w->topology = world_topology(w, 6);
    make_sides(w, client, exit);
}

void world_renew(world *w, uint64_t seed, void (*client)(mix_messages_config *),
                 void (*exit)(mix_messages_config *)) {
    free_sides(w);
    mix_test_env_init(&w->env, seed);
    w->now = MIX_SECONDS(1000);
    make_sides(w, client, exit);
}

void world_deinit(world *w) {
    free_sides(w);
    mix_topology_free(w->topology);
    mix_sphinx_free(w->sphinx);
    mix_crypto_free(w->crypto);
}

void world_seal(world *w, mix_buf *out, const mix_traffic_item *item) {
    int status = item->recipient
                     ? mix_payload_seal_forward(w->crypto, &w->env.env, out,
                                                item->recipient->encryption, item->fragment)
                     : mix_payload_seal_reply(w->crypto, out, item->surb_key, item->fragment);
    assert_status(status, MIX_OK);
}

size_t world_carry(world *w, side *from, side *to) {
    size_t packets = 0;
    for (int lane = 0; lane < MIX_LANES; lane++) {
        mix_traffic_item item;
        int status;
        while ((status = mix_messages_peek(from->m, (mix_lane)lane, &item, w->now)) == MIX_OK) {
            mix_buf delivered = {0};
            assert_int_equal(item.fragment.len, mix_fragment_space(item.size));
            world_seal(w, &delivered, &item);
            mix_messages_pop(from->m, (mix_lane)lane, w->now);
            assert_status(mix_messages_feed(to->m, mix_buf_bytes(&delivered), w->now), MIX_OK);
            mix_buf_deinit(&delivered);
            packets++;
        }
        assert_status(status, MIX_DONE);
    }
    return packets;
}

size_t world_settle(world *w) {
    size_t packets = 0, moved;
    do {
        moved = world_carry(w, &w->client, &w->exit) + world_carry(w, &w->exit, &w->client);
        packets += moved;
    } while (moved > 0);
    return packets;
}

mix_messages_event world_expect(side *s, mix_messages_event_kind kind) {
    mix_messages_event ev = {0};
    assert_status(mix_messages_next(s->m, &ev), MIX_OK);
    assert_int_equal(ev.kind, kind);
    return ev;
}

void world_expect_none(side *s) {
    mix_messages_event ev;
    assert_status(mix_messages_next(s->m, &ev), MIX_DONE);
}

int world_plain(world *w, side *from, const side *to, mix_bytes data) {
    mix_message msg = {
        .type = MIX_NYM_PLAIN, .data = data, .to = &to->address, .limit = MIX_RETRANSMIT_FOREVER};
    return mix_messages_write(from->m, &msg, w->now);
}

int world_repliable(world *w, side *from, const side *to, mix_bytes data, uint32_t surbs) {
    mix_message msg = {.type = MIX_NYM_REPLIABLE,
                       .data = data,
                       .to = &to->address,
                       .surbs = surbs,
                       .limit = MIX_RETRANSMIT_FOREVER};
    return mix_messages_write(from->m, &msg, w->now);
}

int world_reply(world *w, side *from, const uint8_t *tag, mix_bytes data) {
    mix_message msg = {.type = MIX_NYM_REPLY, .data = data, .limit = 10};
    memcpy(msg.tag, tag, sizeof msg.tag);
    return mix_messages_write(from->m, &msg, w->now);
}
