/* SPDX-License-Identifier: Apache-2.0 */
/* Four nodes in a row, frames passed by hand in virtual time. */
#include "mix/errors.h"
#include "mixnet/node/node.h"
#include "mixnet/node/replay.h"
#include "testing.h"

enum { NODES = 4 };

typedef struct scene {
    mix_test_env env;
    mix_crypto *crypto;
    mix_sphinx *sphinx;
    mixnet_node *nodes[NODES];
    uint8_t secrets[NODES][MIX_KEY_LEN];
    mix_sphinx_route route;
    mix_time now;
} scene;

static mix_address address_of(size_t i) {
    return (mix_address){.family = 4, .port = (uint16_t)(1789 + i), .octets = {127, 0, 0, 1}};
}

static void setup(scene *s, uint8_t frame_version) {
    *s = (scene){.now = MIX_SECONDS(1000)};
    mix_test_env_init(&s->env, 3);
    assert_status(mix_crypto_new(&s->crypto), MIX_OK);
    assert_status(mix_sphinx_new(&s->sphinx, s->crypto, &s->env.env), MIX_OK);
    s->route.hops = NODES;
    memset(s->route.destination, 7, sizeof s->route.destination);
    for (size_t i = 0; i < NODES; i++) {
        mixnet_node_config config = {.mix = i < 3, .final = i == 3, .frame_version = frame_version};
        assert_status(mixnet_node_new(&s->nodes[i], &config, s->crypto, &s->env.env), MIX_OK);
        assert_status(mix_random(&s->env.env, s->secrets[i], MIX_KEY_LEN), MIX_OK);
        assert_status(mixnet_node_set_key(s->nodes[i], true, 3, s->secrets[i]), MIX_OK);
        mix_address a = address_of(i);
        mix_address_pad(s->route.hop[i].address, MIX_SPHINX_ADDRESS_LEN, &a);
        mix_x25519_public(s->route.hop[i].key, s->secrets[i]);
        s->route.hop[i].delay_ns = (i + 1) * 1000000;
    }
}

static void teardown(scene *s) {
    for (size_t i = 0; i < NODES; i++)
        mixnet_node_free(s->nodes[i]);
    mix_sphinx_free(s->sphinx);
    mix_crypto_free(s->crypto);
}

/* A packet of the regular size whose acknowledgement (any packet of that size) goes to node 0. */
static void build(scene *s, mix_buf *packet, mix_bytes content) {
    mix_buf ack = {0}, message = {0};
    uint8_t text[21] = {1, 2, 3};
    assert_status(mix_sphinx_build(s->sphinx, &ack, &s->route, 259, mix_payload_len(MIX_SIZE_ACK), MIX_BYTES(text)), MIX_OK);
    assert_status(mix_surb_ack_encode(&message, s->route.hop[0].address, mix_buf_bytes(&ack)), MIX_OK);
    mix_buf_put_bytes(&message, content);
    assert_status(mix_sphinx_build(s->sphinx, packet, &s->route, 259, mix_payload_len(MIX_SIZE_REGULAR), mix_buf_bytes(&message)),
                  MIX_OK);
    mix_buf_deinit(&ack);
    mix_buf_deinit(&message);
}

static int feed(scene *s, size_t node, mix_rotation rotation, mix_bytes packet) {
    mix_packet_size size = MIX_SIZE_REGULAR;
    (void)mix_packet_size_of(&size, packet.len);
    mix_frame frame = {.version = 8, .size = size, .rotation = rotation, .packet = packet};
    return mixnet_node_feed(s->nodes[node], &frame, s->now);
}

/* Moves time to when the node has a frame, hands it to the node that it names; its number. */
static size_t hop(scene *s, size_t from, mix_time expected_delay) {
    mixnet_node_out out;
    mix_frame frame;
    size_t used;
    mix_time at = mixnet_node_deadline(s->nodes[from]);
    assert_true(at == s->now + expected_delay);
    if (expected_delay > 0)
        assert_status(mixnet_node_drain(s->nodes[from], &out, at - 1), MIX_DONE);
    s->now = at;
    assert_status(mixnet_node_drain(s->nodes[from], &out, at), MIX_OK);
    assert_true(out.due == at);
    assert_status(mix_frame_decode(&frame, &used, out.frame), MIX_OK);
    assert_int_equal(used, out.frame.len);
    size_t to = out.next.port - 1789u;
    assert_true(to < NODES);
    assert_status(mixnet_node_feed(s->nodes[to], &frame, s->now), MIX_OK);
    return to;
}

static void a_packet_walks_and_its_ack_returns(void **state) {
    (void)state;
    for (uint8_t version = 7; version <= 8; version++) {
        scene s;
        setup(&s, version);
        mix_buf packet = {0};
        build(&s, &packet, mix_bytes_str("to the client"));
        assert_status(feed(&s, 0, MIX_ROTATION_ODD, mix_buf_bytes(&packet)), MIX_OK);
        size_t at = 0;
        for (mix_time delay = MIX_MS(1); at < 3; delay += MIX_MS(1))
            at = hop(&s, at, delay);
        mixnet_node_final final;
        assert_status(mixnet_node_next(s.nodes[3], &final), MIX_OK);
        assert_bytes(final.message, mix_bytes_str("to the client"));
        assert_bytes(MIX_BYTES(final.destination), MIX_BYTES(s.route.destination));
        assert_status(mixnet_node_next(s.nodes[3], &final), MIX_DONE);
        at = hop(&s, 3, 0); /* the acknowledgement, at once */
        assert_int_equal(at, 0);
        for (mix_time delay = MIX_MS(1); at < 3; delay += MIX_MS(1))
            at = hop(&s, at, delay);
        assert_status(mixnet_node_next(s.nodes[3], &final), MIX_OK);
        assert_int_equal(final.message.len, 21); /* an ack is not split again */
        mix_buf_deinit(&packet);
        teardown(&s);
    }
}

static void replays_and_damage_are_dropped(void **state) {
    (void)state;
    scene s;
    setup(&s, 7);
    mix_buf packet = {0};
    build(&s, &packet, mix_bytes_str("once"));
    assert_status(feed(&s, 0, MIX_ROTATION_UNKNOWN, mix_buf_bytes(&packet)), MIX_OK);
    assert_status(feed(&s, 0, MIX_ROTATION_UNKNOWN, mix_buf_bytes(&packet)), MIX_ERR_NODE_REPLAY);
    packet.data[100] ^= 1;
    assert_status(feed(&s, 0, MIX_ROTATION_UNKNOWN, mix_buf_bytes(&packet)), MIX_ERR_SPHINX_MAC);
    packet.data[100] ^= 1;
    assert_status(feed(&s, 1, MIX_ROTATION_UNKNOWN, mix_buf_bytes(&packet)), MIX_ERR_SPHINX_MAC);
    mixnet_node_stats stats;
    mixnet_node_get_stats(s.nodes[0], &stats);
    assert_int_equal(stats.replays, 1);
    assert_int_equal(stats.bad, 1);
    assert_int_equal(stats.forwarded, 1);
    mix_buf_deinit(&packet);
    teardown(&s);
}

static void keys_follow_the_rotation(void **state) {
    (void)state;
    scene s;
    setup(&s, 7);
    uint8_t fresh[MIX_KEY_LEN];
    mix_buf packet = {0};
    build(&s, &packet, mix_bytes_str("old key"));
    assert_status(mix_random(&s.env.env, fresh, sizeof fresh), MIX_OK);
    assert_status(mixnet_node_set_key(s.nodes[0], false, 4, fresh), MIX_OK); /* announced */
    assert_status(feed(&s, 0, MIX_ROTATION_EVEN, mix_buf_bytes(&packet)), MIX_ERR_SPHINX_MAC);
    assert_status(mixnet_node_set_key(s.nodes[0], true, 4, fresh), MIX_OK); /* current; the old one overlaps */
    assert_status(feed(&s, 0, MIX_ROTATION_UNKNOWN, mix_buf_bytes(&packet)), MIX_OK); /* found by the second try */
    assert_status(feed(&s, 0, MIX_ROTATION_ODD, mix_buf_bytes(&packet)), MIX_ERR_NODE_REPLAY); /* the filter moved with the key */
    mixnet_node_drop_secondary(s.nodes[0]);
    assert_status(feed(&s, 0, MIX_ROTATION_ODD, mix_buf_bytes(&packet)), MIX_ERR_NODE_KEY);
    mix_buf_deinit(&packet);
    teardown(&s);
}

static void roles_and_delays_are_bounded(void **state) {
    (void)state;
    scene s;
    setup(&s, 7);
    mix_buf packet = {0};
    s.route.hop[0].delay_ns = UINT64_MAX;
    build(&s, &packet, mix_bytes_str("late"));
    assert_status(feed(&s, 0, MIX_ROTATION_UNKNOWN, mix_buf_bytes(&packet)), MIX_OK);
    assert_true(mixnet_node_deadline(s.nodes[0]) == s.now + MIX_SECONDS(10));
    assert_status(mixnet_node_set_key(s.nodes[3], true, 5, s.secrets[0]), MIX_OK);
    assert_status(feed(&s, 3, MIX_ROTATION_UNKNOWN, mix_buf_bytes(&packet)), MIX_ERR_NODE_ROLE); /* a gateway does not mix */
    mix_buf_deinit(&packet);
    teardown(&s);
}

static void a_full_node_drops_the_new_and_keeps_the_old(void **state) {
    (void)state;
    scene s;
    setup(&s, 7);
    mixnet_node *n;
    mixnet_node_config config = {.mix = true, .queue_packets = 3};
    static const uint8_t bytes[MIX_SPHINX_ACK_LEN] = {1};
    mix_packet packet = {.next_hop = address_of(1), .packet = MIX_BYTES(bytes)};
    assert_status(mixnet_node_new(&n, &config, s.crypto, &s.env.env), MIX_OK);
    for (int i = 0; i < 3; i++)
        assert_status(mixnet_node_send(n, &packet, s.now), MIX_OK);
    assert_status(mixnet_node_send(n, &packet, s.now), MIX_BLOCKED);
    packet.packet.len--;
    mixnet_node_out out;
    for (int i = 0; i < 3; i++)
        assert_status(mixnet_node_drain(n, &out, s.now), MIX_OK);
    assert_status(mixnet_node_drain(n, &out, s.now), MIX_DONE);
    assert_status(mixnet_node_send(n, &packet, s.now), MIX_ERR_SPHINX_SIZE);
    mixnet_node_free(n);
    teardown(&s);
}

static void the_replay_filter_is_right_and_bounded(void **state) {
    (void)state;
    mix_test_env env;
    mix_test_env_init(&env, 9);
    mixnet_replay r;
    assert_status(mixnet_replay_init(&r, &env.env), MIX_OK);
    enum { COUNT = MIXNET_REPLAY_ITEMS * 2 };
    int false_hits = 0;
    uint64_t tag[4] = {0};
    for (uint64_t i = 0; i < COUNT; i++) {
        for (int k = 0; k < 4; k++)
            tag[k] = mix_test_random(&env);
        false_hits += mixnet_replay_check(&r, (uint8_t *)tag) == MIX_DONE;
        assert_status(mixnet_replay_check(&r, (uint8_t *)tag), MIX_DONE);
    }
    assert_in_range(false_hits, 0, COUNT / 10000);
    mixnet_replay_deinit(&r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_packet_walks_and_its_ack_returns),
    cmocka_unit_test(replays_and_damage_are_dropped),
    cmocka_unit_test(keys_follow_the_rotation),
    cmocka_unit_test(roles_and_delays_are_bounded),
    cmocka_unit_test(a_full_node_drops_the_new_and_keeps_the_old),
    cmocka_unit_test(the_replay_filter_is_right_and_bounded),
};
MIX_TEST_MAIN(node_test, tests)
