/* SPDX-License-Identifier: Apache-2.0 */
/* The exit as a client of the mixnet, with the product's client against it: ipr/ and messages/ on
 * one side, real packets through four nodes on the way back. */
#include "mixnet/exit/exit.h"

#include "alloc_fail.h"
#include "ipr/ipr.h"
#include "mix/errors.h"
#include "testing.h"
#include "traffic/payload.h"

enum { NODES = 5, EXIT = 4 }; /* a node in each layer, the client's gateway, the exit */

typedef struct world {
    mix_test_env env;
    mix_crypto *crypto;
    mix_sphinx *sphinx;
    mixnet_network net;
    mix_topology *topology;
    mixnet_exit *exit;
    mix_client_keys keys;
    mix_messages *messages;
    mix_ipr *ipr;
    mix_recipient address; /* of the exit */
    mix_time now;
    bool deaf;            /* the client's answers to requests and all acknowledgements are lost */
    bool lenient;         /* packets for reply blocks of a client that is no more are fine */
    size_t packets, acks; /* that left the exit: for the client, for itself and cover */
    mix_ipr_event event;  /* the last */
    uint32_t surbs;       /* more than needed with each message */
} world;

static void make_network(world *w) {
    mixnet_plan plan = {.mixes_per_layer = 1,
                        .gateways = 1,
                        .exits = 1,
                        .host = {.family = 4, .octets = {127, 0, 0, 1}}};
    assert_status(mixnet_network_make(&w->net, &plan, w->crypto, &w->env.env), MIX_OK);
    assert_int_equal(w->net.count, NODES);
    for (size_t i = 0; i < NODES; i++)
        w->net.members[i].address.port = (uint16_t)(1000 + i);
    assert_status(mixnet_network_topology(&w->net, w->crypto, w->env.wall, &w->topology), MIX_OK);
}

static int make_exit(world *w, void (*change)(mixnet_exit_config *)) {
    const mixnet_member *member = mixnet_network_find(&w->net, "exit1");
    mixnet_service_keys keys;
    mixnet_exit_config c;
    assert_non_null(member);
    assert_status(mixnet_member_router(w->crypto, member, &keys), MIX_OK);
    mixnet_exit_config_init(&c);
    c.crypto = w->crypto;
    c.sphinx = w->sphinx;
    c.keys = &keys;
    c.gateway = member->identity;
    c.cover_off = true;
    if (change)
        change(&c);
    return mixnet_exit_new(&w->exit, &c, &w->env.env);
}

static void make_keys(world *w) {
    uint8_t seed[MIX_KEY_LEN], identity[MIX_KEY_LEN];
    assert_status(mix_random(&w->env.env, seed, sizeof seed), MIX_OK);
    assert_status(mix_ed25519_public(w->crypto, identity, seed), MIX_OK);
    assert_status(mix_client_keys_init(&w->keys, &w->env.env, identity,
                                       mixnet_network_find(&w->net, "gateway1")->identity),
                  MIX_OK);
}

static void make_client(world *w) {
    mix_messages_config c;
    mix_messages_config_client(&c);
    c.crypto = w->crypto;
    c.sphinx = w->sphinx;
    c.keys = &w->keys;
    assert_status(mix_messages_new(&w->messages, &c, &w->env.env), MIX_OK);
    assert_status(mix_messages_set_topology(w->messages, w->topology, w->now), MIX_OK);
    assert_status(mix_ipr_new(&w->ipr, &(mix_ipr_config){.reorder_cap = MIX_NEVER}, &w->env.env),
                  MIX_OK);
}

static void start(world *w, void (*change)(mixnet_exit_config *)) {
    *w = (world){.now = MIX_SECONDS(1000)};
    mix_test_env_init(&w->env, 11);
    w->env.wall = 1760000000LL * 1000000;
    assert_status(mix_crypto_new(&w->crypto), MIX_OK);
    assert_status(mix_sphinx_new(&w->sphinx, w->crypto, &w->env.env), MIX_OK);
    make_network(w);
    assert_status(make_exit(w, change), MIX_OK);
    w->address = mixnet_exit_address(w->exit);
    assert_status(mixnet_exit_set_topology(w->exit, w->topology, w->now), MIX_OK);
    make_keys(w);
    make_client(w);
}

static void stop(world *w) {
    mixnet_exit_free(w->exit);
    mix_ipr_free(w->ipr);
    mix_messages_free(w->messages);
    mix_client_keys_deinit(&w->keys);
    mix_topology_free(w->topology);
    mixnet_network_wipe(&w->net);
    mix_sphinx_free(w->sphinx);
    mix_crypto_free(w->crypto);
}

/* --- the way back: through the nodes --- */

static const mixnet_member *at_address(const world *w, const mix_address *a) {
    for (size_t i = 0; i < NODES; i++) {
        if (w->net.members[i].address.port == a->port)
            return &w->net.members[i];
    }
    fail_msg("a packet is sent to port %u", a->port);
    return NULL;
}

/* Takes a packet along its route; what its last node finds is appended to out, and its owner told.
 */
static void travel(world *w, mix_buf *out, uint8_t owner[static MIX_KEY_LEN], mix_address next,
                   mix_bytes packet) {
    mix_buf now = {0}, then = {0};
    mix_sphinx_result result = {0};
    uint8_t secret[MIX_KEY_LEN];
    mix_buf_put_bytes(&now, packet);
    for (int hop = 0; hop < 4; hop++) {
        uint32_t rotation = mixnet_network_rotation(&w->net, w->env.wall);
        assert_status(mixnet_member_sphinx(w->crypto, at_address(w, &next), rotation, secret),
                      MIX_OK);
        mix_buf_truncate(&then, 0);
        assert_status(mix_sphinx_process(w->crypto, &result, &then, secret, mix_buf_bytes(&now)),
                      MIX_OK);
        assert_int_equal(result.kind, hop < 3 ? MIX_SPHINX_FORWARD : MIX_SPHINX_FINAL);
        if (hop < 3)
            assert_status(mix_address_decode(&next, NULL, MIX_BYTES(result.next_address)), MIX_OK);
        mix_buf swap = now;
        now = then;
        then = swap;
    }
    mix_bytes message;
    assert_status(mix_sphinx_unpad(&message, mix_buf_bytes(&now)), MIX_OK);
    mix_buf_put_bytes(out, message);
    memcpy(owner, result.destination, MIX_KEY_LEN);
    mix_buf_deinit(&now);
    mix_buf_deinit(&then);
}

static void to_owner(world *w, const uint8_t *owner, mix_bytes message) {
    if (memcmp(owner, w->keys.identity_public, MIX_KEY_LEN) == 0) {
        w->packets++;
        int status = mix_messages_feed(w->messages, message, w->now);
        assert_true(status == MIX_OK || w->lenient);
    } else {
        assert_memory_equal(owner, w->address.identity, MIX_KEY_LEN);
        w->acks++;
        if (!w->deaf)
            assert_status(mixnet_exit_feed(w->exit, message, w->now), MIX_OK);
    }
}

static bool carry_one(world *w) {
    mix_packet p;
    mix_address next;
    mix_bytes ack, message;
    uint8_t owner[MIX_KEY_LEN];
    int status = mixnet_exit_drain(w->exit, &p, w->now);
    if (status != MIX_OK) {
        assert_status(status, MIX_DONE);
        return false;
    }
    mix_buf found = {0}, ack_found = {0};
    travel(w, &found, owner, p.next_hop, p.packet);
    assert_status(mix_surb_ack_split(&next, &ack, &message, mix_buf_bytes(&found)), MIX_OK);
    to_owner(w, owner, message);
    travel(w, &ack_found, owner, next, ack);
    to_owner(w, owner, mix_buf_bytes(&ack_found));
    mix_buf_deinit(&found);
    mix_buf_deinit(&ack_found);
    return true;
}

/* --- the client --- */

static bool client_sends(world *w) {
    mix_ipr_message m;
    if (mix_ipr_drain(w->ipr, &m, 1603, w->now) != MIX_OK)
        return false;
    mix_message out = {.type = MIX_NYM_REPLIABLE,
                       .data = m.bytes,
                       .to = &w->address,
                       .surbs = m.surbs + w->surbs,
                       .limit = 10};
    assert_status(mix_messages_write(w->messages, &out, w->now), MIX_OK);
    mix_ipr_sent(w->ipr, w->now);
    return true;
}

static bool client_carries(world *w) {
    bool any = false;
    for (int lane = 0; lane < MIX_LANES; lane++) {
        mix_traffic_item item;
        while (mix_messages_peek(w->messages, (mix_lane)lane, &item, w->now) == MIX_OK) {
            mix_buf sealed = {0};
            assert_status(mix_payload_seal_forward(w->crypto, &w->env.env, &sealed,
                                                   item.recipient->encryption, item.fragment),
                          MIX_OK);
            mix_messages_pop(w->messages, (mix_lane)lane, w->now);
            if (!w->deaf || lane != MIX_LANE_SURBS)
                assert_status(mixnet_exit_feed(w->exit, mix_buf_bytes(&sealed), w->now), MIX_OK);
            mix_buf_deinit(&sealed);
            any = true;
        }
    }
    return any;
}

static bool client_receives(world *w) {
    mix_messages_event ev;
    if (mix_messages_next(w->messages, &ev) != MIX_OK)
        return false;
    if (ev.kind == MIX_MESSAGES_RECEIVED)
        assert_status(mix_ipr_feed(w->ipr, ev.data, w->now), MIX_OK);
    return true;
}

static void settle(world *w) {
    while (client_sends(w) || client_carries(w) || carry_one(w) || client_receives(w)) {
    }
}

/* The next event of the session must be this. */
static mix_ipr_event *expect(world *w, mix_ipr_event_kind kind) {
    settle(w);
    assert_status(mix_ipr_next(w->ipr, &w->event, w->now), MIX_OK);
    assert_int_equal(w->event.kind, kind);
    return &w->event;
}

static void nothing(world *w) {
    settle(w);
    assert_status(mix_ipr_next(w->ipr, &w->event, w->now), MIX_DONE);
}

/* Time goes on, and the engines' timers with it. */
static void pass(world *w, mix_time time) {
    mix_time end = w->now + time, at;
    settle(w);
    while ((at = mixnet_exit_deadline(w->exit)) <= end) {
        w->now = at > w->now ? at : w->now;
        assert_status(mixnet_exit_tick(w->exit, w->now), MIX_OK);
        settle(w);
    }
    w->now = end;
}

static mix_ipr_ips connect_with(world *w, uint8_t version) {
    assert_status(mix_ipr_connect(w->ipr, version, w->now), MIX_OK);
    const mix_ipr_event *ev = expect(w, MIX_IPR_EVENT_CONNECTED);
    assert_int_equal(ev->version, version);
    assert_int_equal(ev->mtu, version == 10 ? 1500 : MIX_IPR_MTU_DEFAULT);
    return ev->ips;
}

/* A UDP packet between the client and 8.8.8.8. */
static mix_bytes udp(uint8_t *out, const mix_ipr_ips *ips, bool down, uint16_t mark, size_t len) {
    static const uint8_t server[4] = {8, 8, 8, 8};
    memset(out, 0, len);
    out[0] = 0x45;
    mix_put_u16(out + 2, (uint16_t)len);
    out[9] = 17;
    memcpy(out + 12, down ? server : ips->v4, 4);
    memcpy(out + 16, down ? ips->v4 : server, 4);
    mix_put_u16(out + 20, mark);
    mix_put_u16(out + 22, 53);
    return mix_bytes_of(out, len);
}

static mixnet_exit_stats stats(const world *w) {
    mixnet_exit_stats s;
    mixnet_exit_get_stats(w->exit, &s);
    return s;
}

static mixnet_exit_client only_client(const world *w) {
    mixnet_exit_client c, other;
    size_t at = 0;
    assert_true(mixnet_exit_each(w->exit, &at, &c));
    assert_false(mixnet_exit_each(w->exit, &at, &other));
    return c;
}

/* --- tests --- */

static void packets_go_both_ways(void **state) {
    (void)state;
    for (uint8_t version = 8; version <= 10; version++) {
        world w;
        uint8_t b[1500];
        mix_bytes up;
        start(&w, NULL);
        mix_ipr_ips ips = connect_with(&w, version);
        for (uint16_t i = 0; i < 3; i++) {
            mix_bytes p = udp(b, &ips, false, i, (size_t)100 + 600 * i);
            assert_status(mix_ipr_write(w.ipr, p, w.now), MIX_OK);
            settle(&w);
            assert_status(mixnet_exit_next(w.exit, &up), MIX_OK);
            assert_bytes(up, p);
            assert_status(mixnet_exit_next(w.exit, &up), MIX_DONE);
            p = udp(b, &ips, true, i, (size_t)90 + 700 * i);
            mixnet_exit_from_internet(w.exit, p, w.now);
            nothing(&w); /* it waits for its beat */
            pass(&w, MIX_MS(20));
            assert_bytes(expect(&w, MIX_IPR_EVENT_PACKET)->packet, p);
        }
        mixnet_exit_client c = only_client(&w);
        assert_memory_equal(&c.ips, &ips, sizeof ips);
        assert_int_equal(c.version, version);
        assert_int_equal(c.packets_up, 3);
        assert_int_equal(c.packets_down, 3);
        assert_true(c.surbs > 0);
        assert_int_equal(stats(&w).errors, 0);
        assert_int_equal(w.acks, w.packets); /* each packet's acknowledgement comes back */
        assert_int_equal(stats(&w).traffic.acked, w.packets);
        stop(&w);
    }
}

static void a_word_before_silence(void **state) {
    (void)state;
    world w;
    start(&w, NULL);
    (void)connect_with(&w, 10);
    pass(&w, MIX_SECONDS(59));
    nothing(&w);
    pass(&w, MIX_SECONDS(1));
    assert_int_equal(expect(&w, MIX_IPR_EVENT_LOST)->status, MIX_ERR_IPR_DISCONNECTED);
    stop(&w);
}

static void small_downlink(mixnet_exit_config *c) {
    c->downlink_bytes = 20000;
}

/* Without reply blocks the downlink waits, in bounded memory; with them all that waits comes, in
 * order. */
static void starved_downlink(void **state) {
    (void)state;
    world w;
    uint8_t b[1500];
    start(&w, small_downlink);
    mix_ipr_ips ips = connect_with(&w, 10);
    pass(&w, MIX_SECONDS(5));
    w.deaf = true;
    size_t before = only_client(&w).surbs, first = w.packets;
    assert_in_range(before, 11, 100);
    for (uint16_t i = 0; i < 200; i++) {
        mixnet_exit_from_internet(w.exit, udp(b, &ips, true, i, 1400), w.now);
        settle(&w);
    }
    pass(&w, MIX_SECONDS(3));
    mixnet_exit_client c = only_client(&w);
    assert_in_range(c.surbs, 1, 10); /* ten for requests */
    assert_true(w.packets - first <= before);
    assert_in_range(c.full, 100, 199);
    assert_int_equal(c.full + c.packets_down, 200);
    assert_int_equal(stats(&w).router.downlink_full, c.full);
    uint16_t next = 0;
    w.deaf = false;
    mix_message more = {.type = MIX_NYM_REPLIABLE,
                        .data = mix_bytes_str("x"),
                        .to = &w.address,
                        .surbs = 60,
                        .limit = 10};
    assert_status(mix_messages_write(w.messages, &more, w.now), MIX_OK);
    settle(&w);
    while (mix_ipr_next(w.ipr, &w.event, w.now) == MIX_OK) {
        assert_int_equal(w.event.kind, MIX_IPR_EVENT_PACKET);
        assert_int_equal(mix_get_u16(w.event.packet.data + 20), next);
        next++;
    }
    assert_int_equal(next, c.packets_down);
    stop(&w);
}

static void without_reply_blocks(void **state) {
    (void)state;
    world w;
    start(&w, NULL);
    mix_buf b = {0};
    mix_ipr_request q = {.version = 8,
                         .provider = 1,
                         .kind = MIX_IPR_REQ_PING,
                         .id = 77,
                         .time = mix_timestamp_of(0)};
    assert_status(mix_ipr_request_encode(&b, &q), MIX_OK);
    mix_message m = {
        .type = MIX_NYM_PLAIN, .data = mix_buf_bytes(&b), .to = &w.address, .limit = 10};
    assert_status(mix_messages_write(w.messages, &m, w.now), MIX_OK);
    settle(&w);
    assert_int_equal(stats(&w).router.no_tag, 1);
    m.type = MIX_NYM_REPLIABLE;
    assert_status(mix_messages_write(w.messages, &m, w.now), MIX_OK);
    settle(&w);
    assert_int_equal(stats(&w).unanswerable, 1);
    /* With two, one asks for more, and the answer goes by those. */
    m.surbs = 2;
    assert_status(mix_messages_write(w.messages, &m, w.now), MIX_OK);
    while (client_carries(&w) || carry_one(&w)) {
    }
    mix_messages_event ev;
    mix_ipr_response p;
    assert_status(mix_messages_next(w.messages, &ev), MIX_OK);
    assert_int_equal(ev.kind, MIX_MESSAGES_ASKED);
    assert_status(mix_messages_next(w.messages, &ev), MIX_OK);
    assert_int_equal(ev.kind, MIX_MESSAGES_RECEIVED);
    assert_status(mix_ipr_response_decode(&p, ev.data, 8), MIX_OK);
    assert_true(p.kind == MIX_IPR_RES_PONG && p.id == 77);
    mix_buf_deinit(&b);
    stop(&w);
}

/* Unacknowledged data are sent once, answers again and again, at most eleven times in all. */
static void what_is_sent_again(void **state) {
    (void)state;
    world w;
    uint8_t b[100];
    start(&w, NULL);
    w.surbs = 150;
    mix_ipr_ips ips = connect_with(&w, 9);
    pass(&w, MIX_SECONDS(5));
    w.deaf = true;
    size_t first = w.packets;
    mixnet_exit_from_internet(w.exit, udp(b, &ips, true, 1, 100), w.now);
    pass(&w, MIX_SECONDS(20));
    assert_int_equal(w.packets - first, 1);
    first = w.packets;
    mix_buf q = {0}, m = {0};
    mix_ipr_request ping = {.version = 9,
                            .provider = 1,
                            .kind = MIX_IPR_REQ_PING,
                            .id = 78,
                            .time = mix_timestamp_of(0)};
    assert_status(mix_ipr_request_encode(&q, &ping), MIX_OK);
    mix_lp_encode(&m, 1, MIX_LP_DATA, 0, mix_buf_bytes(&q));
    mix_message out = {.type = MIX_NYM_REPLIABLE,
                       .data = mix_buf_bytes(&m),
                       .to = &w.address,
                       .limit = 10,
                       .surbs = 30};
    assert_status(mix_messages_write(w.messages, &out, w.now), MIX_OK);
    while (client_carries(&w) || carry_one(&w)) {
    }
    assert_int_equal(w.packets - first, 1);
    mix_time end = w.now + MIX_SECONDS(30);
    while (w.now < end) {
        mix_time at = mixnet_exit_deadline(w.exit);
        w.now = at < end ? (at > w.now ? at : w.now) : end;
        assert_status(mixnet_exit_tick(w.exit, w.now), MIX_OK);
        while (carry_one(&w)) {
        }
    }
    assert_int_equal(w.packets - first, 11);
    mix_buf_deinit(&q);
    mix_buf_deinit(&m);
    stop(&w);
}

/* What an operator may take away comes back with the client's next message, or its next connect. */
static void what_is_taken_away_by_hand(void **state) {
    (void)state;
    world w;
    uint8_t b[100];
    mix_bytes up;
    mix_address ip = {.family = 4};
    start(&w, NULL);
    mix_ipr_ips ips = connect_with(&w, 10);
    size_t stock = only_client(&w).surbs;
    assert_true(stock > 0);
    assert_int_equal(mixnet_exit_exhaust(w.exit), stock);
    assert_int_equal(only_client(&w).surbs, 0);
    mixnet_exit_from_internet(w.exit, udp(b, &ips, true, 1, 100), w.now);
    pass(&w, MIX_MS(20));
    nothing(&w);
    assert_int_equal(only_client(&w).full, 1); /* there is no way back */
    w.surbs = 40;
    assert_status(mix_ipr_write(w.ipr, udp(b, &ips, false, 2, 100), w.now), MIX_OK);
    settle(&w);
    assert_status(mixnet_exit_next(w.exit, &up), MIX_OK);
    mixnet_exit_from_internet(w.exit, udp(b, &ips, true, 3, 100), w.now);
    pass(&w, MIX_MS(20));
    assert_bytes(expect(&w, MIX_IPR_EVENT_PACKET)->packet, MIX_BYTES(b));
    ip.octets[0] = 10; /* nobody's */
    assert_int_equal(mixnet_exit_forget(w.exit, &ip), 0);
    memcpy(ip.octets, ips.v4, 4);
    assert_int_equal(mixnet_exit_forget(w.exit, &ip), 1);
    assert_int_equal(stats(&w).router.sessions, 0);
    assert_status(mix_ipr_write(w.ipr, udp(b, &ips, false, 4, 100), w.now), MIX_OK);
    settle(&w);
    assert_status(mixnet_exit_next(w.exit, &up), MIX_DONE);
    assert_int_equal(stats(&w).router.foreign_source, 1);
    stop(&w);
}

/* Rules may change while a client is connected. */
static void other_rules(void **state) {
    (void)state;
    world w;
    uint8_t b[100];
    mix_bytes up;
    mix_policy policy = {0};
    const char *text = "ExitPolicy reject 8.8.8.8:53\nExitPolicy accept *:*";
    assert_status(mix_policy_parse(&policy, mix_bytes_str(text), NULL), MIX_OK);
    start(&w, NULL);
    mix_ipr_ips ips = connect_with(&w, 10);
    for (int round = 0; round < 2; round++) {
        mixnet_exit_set_policy(w.exit, round ? NULL : &policy);
        assert_status(mix_ipr_write(w.ipr, udp(b, &ips, false, 1, 100), w.now), MIX_OK);
        settle(&w);
        assert_status(mixnet_exit_next(w.exit, &up), round ? MIX_OK : MIX_DONE);
    }
    assert_int_equal(only_client(&w).refused, 1);
    stop(&w);
    mix_policy_deinit(&policy);
}

static void with_cover(mixnet_exit_config *c) {
    c->cover_off = false;
}

static void loop_cover_as_a_node(void **state) {
    (void)state;
    world w;
    start(&w, with_cover);
    pass(&w, MIX_SECONDS(20));
    mix_traffic_counts t = stats(&w).traffic;
    assert_in_range(t.loop_cover, 60, 140); /* a mean of 200 ms */
    assert_int_equal(t.slot_cover, 0);
    assert_int_equal(t.cover_acked, t.loop_cover);
    assert_int_equal(t.cover_back + stats(&w).messages.cover, t.loop_cover);
    assert_true(t.cover_back > 0);
    stop(&w);
    start(&w, NULL);
    pass(&w, MIX_SECONDS(20));
    assert_int_equal(w.packets + w.acks, 0);
    assert_int_equal(mixnet_exit_deadline(w.exit), MIX_NEVER);
    stop(&w);
}

static void garbage_is_dropped(void **state) {
    (void)state;
    world w;
    uint8_t junk[2000];
    start(&w, NULL);
    for (size_t len = 0; len < sizeof junk; len += 37) {
        assert_status(mix_random(&w.env.env, junk, sizeof junk), MIX_OK);
        (void)mixnet_exit_feed(w.exit, mix_bytes_of(junk, len), w.now);
    }
    mixnet_exit_from_internet(w.exit, MIX_BYTES(junk), w.now);
    assert_int_equal(stats(&w).errors, 0);
    assert_int_equal(stats(&w).messages.received, 0);
    (void)connect_with(&w, 10);
    stop(&w);
}

static void contradicting(mixnet_exit_config *c) {
    c->surbs_most = 5000;
}

static void no_topology_and_bad_numbers(void **state) {
    (void)state;
    world w;
    start(&w, NULL);
    assert_status(mixnet_exit_set_topology(w.exit, NULL, w.now), MIX_OK);
    assert_status(mix_ipr_connect(w.ipr, 10, w.now), MIX_OK);
    nothing(&w);
    assert_status(mixnet_exit_set_topology(w.exit, w.topology, w.now), MIX_OK);
    expect(&w, MIX_IPR_EVENT_CONNECTED);
    mixnet_exit_free(w.exit);
    w.exit = NULL;
    assert_status(make_exit(&w, contradicting), MIX_ERR_ARGUMENT);
    stop(&w);
}

/* --- memory --- */

/* A ping in pieces as they arrive at the exit, made once. */
typedef struct pieces {
    uint8_t data[64][2048];
    size_t len[64], count;
} pieces;

static void make_pieces(world *w, pieces *p) {
    mix_buf q = {0};
    mix_ipr_request connect = {.version = 8,
                               .provider = 1,
                               .kind = MIX_IPR_REQ_CONNECT,
                               .id = 1,
                               .time = mix_timestamp_of(0)};
    assert_status(mix_ipr_request_encode(&q, &connect), MIX_OK);
    mix_message m = {.type = MIX_NYM_REPLIABLE,
                     .data = mix_buf_bytes(&q),
                     .to = &w->address,
                     .limit = 10,
                     .surbs = 20};
    assert_status(mix_messages_write(w->messages, &m, w->now), MIX_OK);
    mix_traffic_item item;
    for (p->count = 0; mix_messages_peek(w->messages, MIX_LANE_GENERAL, &item, w->now) == MIX_OK;
         p->count++) {
        mix_buf sealed = mix_buf_fixed(p->data[p->count], sizeof p->data[0]);
        assert_status(mix_payload_seal_forward(w->crypto, &w->env.env, &sealed,
                                               item.recipient->encryption, item.fragment),
                      MIX_OK);
        p->len[p->count] = sealed.len;
        mix_messages_pop(w->messages, MIX_LANE_GENERAL, w->now);
    }
    mix_buf_deinit(&q);
}

/* Whatever allocation fails: nothing leaks, drain says so or goes on, and afterwards the exit
 * serves its clients. */
static void memory_that_fails(void **state) {
    (void)state;
    world w;
    static pieces p;
    start(&w, NULL);
    make_pieces(&w, &p);
    mixnet_exit_free(w.exit);
    w.lenient = true;
    size_t live = mix_alloc_live(), failures = 0, n = 1;
    for (bool reached = true; reached; n++) {
        mix_packet packet;
        mix_alloc_fail_at(n, 0);
        int status = make_exit(&w, NULL);
        if (status == MIX_OK) {
            status = mixnet_exit_set_topology(w.exit, w.topology, w.now);
            for (size_t i = 0; i < p.count; i++)
                (void)mixnet_exit_feed(w.exit, mix_bytes_of(p.data[i], p.len[i]), w.now);
            for (int i = 0; i < 50; i++)
                (void)mixnet_exit_drain(w.exit, &packet, w.now);
            (void)mixnet_exit_tick(w.exit, w.now + MIX_SECONDS(70));
        } else {
            assert_status(status, MIX_ERR_MEMORY);
            w.exit = NULL;
        }
        reached = mix_alloc_count() >= n;
        mix_alloc_fail_at(0, 0);
        failures += reached;
        if (w.exit && status == MIX_OK) {
            w.now += MIX_SECONDS(100);
            (void)connect_with(&w, 9);
        }
        mixnet_exit_free(w.exit);
        mix_messages_free(w.messages); /* with what the last connection left there */
        mix_ipr_free(w.ipr);
        assert_true(mix_alloc_live() < live);
        make_client(&w);
    }
    assert_true(failures > 40);
    w.exit = NULL;
    stop(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_go_both_ways),       cmocka_unit_test(a_word_before_silence),
        cmocka_unit_test(starved_downlink),           cmocka_unit_test(without_reply_blocks),
        cmocka_unit_test(what_is_sent_again),         cmocka_unit_test(loop_cover_as_a_node),
        cmocka_unit_test(what_is_taken_away_by_hand), cmocka_unit_test(other_rules),
        cmocka_unit_test(garbage_is_dropped),         cmocka_unit_test(no_topology_and_bad_numbers),
        cmocka_unit_test(memory_that_fails),
    };
    int failed = cmocka_run_group_tests_name("exit_test", tests, NULL, NULL);
    int total = (int)(sizeof tests / sizeof *tests);
    printf("exit_test: %d passed, %d failed\n", total - failed, failed);
    return failed != 0;
}
