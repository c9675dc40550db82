/* SPDX-License-Identifier: Apache-2.0 */
/* One traffic engine and what surrounds it, for its tests. */
#ifndef MIX_TRAFFIC_TRAFFIC_TESTING_H
#define MIX_TRAFFIC_TRAFFIC_TESTING_H

#include "base/alloc.h"
#include "mix/errors.h"
#include "testing.h"
#include "traffic/traffic.h"

/* ---- a client, and a network of eight nodes of which only the directory's entries exist ---- */

typedef struct fixture {
    mix_test_env env;
    mix_crypto *crypto;
    mix_sphinx *sphinx;
    mix_topology *topology;
    mix_client_keys keys;
    mix_recipient peer;
    mix_traffic_config cfg;
    mix_traffic *t;
    mix_buf out;
    mix_time now;
} fixture;

static inline void random_point(fixture *f, uint8_t out[static MIX_KEY_LEN]) {
    do
        assert_status(mix_random(&f->env.env, out, MIX_KEY_LEN), MIX_OK);
    while (!mix_ed25519_is_point(out));
}

static inline void make_topology(fixture *f) {
    mix_node nodes[8] = {{0}};
    for (size_t i = 0; i < 8; i++) {
        uint8_t secret[MIX_KEY_LEN];
        assert_status(mix_random(&f->env.env, secret, sizeof secret), MIX_OK);
        nodes[i].id = (uint32_t)i + 1;
        nodes[i].role = i < 6 ? (mix_role)(MIX_ROLE_LAYER1 + i / 2) : MIX_ROLE_ENTRY;
        random_point(f, nodes[i].identity);
        mix_x25519_public(nodes[i].sphinx_key, secret);
        mix_address at = {.family = 4, .port = 1789, .octets = {10, 0, 0, (uint8_t)(i + 1)}};
        mix_address_pad(nodes[i].address, sizeof nodes[i].address, &at);
    }
    assert_status(mix_topology_new(&f->topology, nodes, 8, 2, 7), MIX_OK);
    uint8_t identity[MIX_KEY_LEN];
    random_point(f, identity);
    assert_status(mix_client_keys_init(&f->keys, &f->env.env, identity, nodes[6].identity), MIX_OK);
    random_point(f, f->peer.identity);
    memcpy(f->peer.encryption, nodes[0].sphinx_key, MIX_KEY_LEN);
    memcpy(f->peer.gateway, nodes[7].identity, MIX_KEY_LEN);
}

static inline void setup(fixture *f) {
    *f = (fixture){.now = MIX_SECONDS(100)};
    mix_test_env_init(&f->env, 1);
    assert_status(mix_crypto_new(&f->crypto), MIX_OK);
    assert_status(mix_sphinx_new(&f->sphinx, f->crypto, &f->env.env), MIX_OK);
    make_topology(f);
    mix_traffic_config_init(&f->cfg);
    f->cfg.crypto = f->crypto;
    f->cfg.sphinx = f->sphinx;
    f->cfg.keys = &f->keys;
}

static inline void start(fixture *f) {
    assert_status(mix_traffic_new(&f->t, &f->cfg, &f->env.env), MIX_OK);
    assert_status(mix_traffic_set_topology(f->t, f->topology, f->now), MIX_OK);
}

/* So that no table is made meanwhile. */
static inline void warm(fixture *f) {
    uint8_t keys[8][MIX_KEY_LEN];
    for (size_t i = 0; i < 8; i++)
        memcpy(keys[i], f->topology->nodes[i].sphinx_key, MIX_KEY_LEN);
    assert_status(mix_sphinx_warm(f->sphinx, keys, 8), MIX_OK);
    for (size_t i = 0; i < 8; i++)
        mix_x25519_ephemeral(f->crypto, keys[0], keys[1], keys[2], f->peer.encryption);
}

static inline void teardown(fixture *f) {
    mix_traffic_free(f->t);
    mix_sphinx_free(f->sphinx);
    mix_crypto_free(f->crypto);
    mix_topology_free(f->topology);
    mix_client_keys_deinit(&f->keys);
    mix_buf_deinit(&f->out);
}

static inline void start_unpaced(fixture *f) {
    f->cfg.pacing_off = f->cfg.cover_off = true;
    start(f);
}

static inline mix_traffic_item item_of(const fixture *f, uint32_t set, uint64_t user) {
    static const uint8_t fragment[1611] = {0x80, 1, 2, 3};
    mix_traffic_item item = {.fragment = MIX_BYTES(fragment),
                             .size = MIX_SIZE_REGULAR,
                             .lane = MIX_LANE_GENERAL,
                             .limit = MIX_RETRANSMIT_FOREVER,
                             .user = user,
                             .recipient = &f->peer};
    mix_put_u32(item.id, set);
    item.id[4] = 1;
    return item;
}

static inline int write_one(fixture *f, uint32_t set) {
    mix_traffic_item item = item_of(f, set, set);
    return mix_traffic_write(f->t, &item, f->now);
}

/* One call of drain; the size of the packet that came, 0 for none. */
static inline size_t drain(fixture *f) {
    mix_buf_truncate(&f->out, 0);
    int status = mix_traffic_drain(f->t, &f->out, f->now);
    if (status == MIX_DONE)
        return 0;
    assert_status(status, MIX_OK);
    return f->out.len;
}

/* The next slot; the packet looks like any other. */
static inline void slot(fixture *f) {
    f->now = mix_traffic_deadline(f->t);
    assert_int_equal(drain(f), 2 + 7 + MIX_SPHINX_REGULAR_LEN);
}

static inline void feed_ack(fixture *f, uint32_t set, uint8_t position) {
    uint8_t id[MIX_FRAGMENT_ID_LEN], ack[MIX_ACK_PLAINTEXT_LEN];
    mix_put_u32(id, set);
    id[4] = position;
    assert_status(mix_ack_seal(f->crypto, &f->env.env, ack, f->keys.ack_key, id), MIX_OK);
    assert_status(mix_traffic_feed(f->t, MIX_BYTES(ack), f->now), MIX_OK);
}

static inline void expect_event(fixture *f, mix_traffic_event_kind kind, uint64_t user,
                                uint32_t count) {
    mix_traffic_event ev;
    assert_status(mix_traffic_next(f->t, &ev), MIX_OK);
    assert_int_equal(ev.kind, kind);
    assert_int_equal(ev.user, user);
    assert_int_equal(ev.count, count);
}

static inline void expect_no_event(fixture *f) {
    mix_traffic_event ev;
    assert_status(mix_traffic_next(f->t, &ev), MIX_DONE);
}

#endif
