/* SPDX-License-Identifier: Apache-2.0 */
/* Both sides of reply blocks: thresholds, requests, timers, key rotation, and bounds against those
 * who send too many. */
#include "messages_testing.h"

#include "alloc_fail.h"
#include "base/address.h"
#include "mix/errors.h"
#include "traffic/payload.h"

#define TEXT(s) mix_bytes_str(s)

/* Sends the client's hello with SURBs; the tag under which the exit knows it is in tag. */
static void hello(world *w, uint32_t surbs, uint8_t tag[static MIX_SENDER_TAG_LEN]) {
    assert_status(world_repliable(w, &w->client, &w->exit, TEXT("hello"), surbs), MIX_OK);
    world_carry(w, &w->client, &w->exit);
    mix_messages_event ev = world_expect(&w->exit, MIX_MESSAGES_RECEIVED);
    memcpy(tag, ev.tag, MIX_SENDER_TAG_LEN);
}

/* How many packets a side would send now; they are lost. */
static size_t lose(world *w, side *from, mix_lane lane) {
    mix_traffic_item item;
    size_t n = 0;
    while (mix_messages_peek(from->m, lane, &item, w->now) == MIX_OK) {
        mix_messages_pop(from->m, lane, w->now);
        n++;
    }
    return n;
}

/* 2-messages.md §16, the beginning of every tunnel. */
static void first_exchange(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    world_init(&w, 1, NULL, NULL);
    hello(&w, 10, tag);
    assert_status(world_reply(&w, &w.exit, tag, TEXT("answer")), MIX_OK);
    /* 10 SURBs: none for data, one for a request. */
    mix_traffic_item item;
    assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_DONE);
    assert_int_equal(world_carry(&w, &w.exit, &w.client), 1);
    assert_int_equal(mix_messages_stock(w.exit.m, tag), 9);
    mix_messages_event ev = world_expect(&w.client, MIX_MESSAGES_ASKED);
    assert_int_equal(ev.count, 50);
    assert_memory_equal(&ev.from, &w.exit.address, sizeof ev.from);
    /* Two more with the next message: 11, so the answer may use one. */
    hello(&w, 2, tag);
    assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
    world_carry(&w, &w.exit, &w.client);
    assert_bytes(world_expect(&w.client, MIX_MESSAGES_RECEIVED).data, TEXT("answer"));
    assert_int_equal(mix_messages_stock(w.exit.m, tag), 10 + 50); /* those asked for came, too */
    mix_messages_peer peer = mix_messages_get_peer(w.client.m, &w.exit.address);
    assert_int_equal(peer.replies, 2);
    assert_int_equal(peer.owed, 0);
    assert_int_equal(peer.made, 62);
    assert_int_equal(world_settle(&w), 0); /* content */
    world_deinit(&w);
}

/* A download of 1 MB on requests alone: the stock neither starves nor grows beyond what §14.2
 * allows. */
static void long_reply(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    mix_buf data = {0};
    size_t most = 0;
    world_init(&w, 2, NULL, NULL);
    hello(&w, 12, tag);
    uint8_t *p = mix_buf_space(&data, 1000000);
    assert_status(mix_random(&w.env.env, p, data.len), MIX_OK);
    assert_status(world_reply(&w, &w.exit, tag, mix_buf_bytes(&data)), MIX_OK);
    mix_messages_event ev = {0};
    for (int rounds = 0; ev.kind != MIX_MESSAGES_RECEIVED && rounds < 1000; rounds++) {
        world_carry(&w, &w.exit, &w.client);
        while (ev.kind != MIX_MESSAGES_RECEIVED && mix_messages_next(w.client.m, &ev) == MIX_OK)
            ;
        world_carry(&w, &w.client, &w.exit);
        mix_messages_event unused;
        while (mix_messages_next(w.exit.m, &unused) == MIX_OK)
            ;
        size_t stock = mix_messages_stock(w.exit.m, tag);
        most = stock > most ? stock : most;
    }
    assert_bytes(ev.data, mix_buf_bytes(&data));
    assert_true(most < 200 + 50);
    mix_buf_deinit(&data);
    world_deinit(&w);
}

/* §14.3, as seen at a real exit: again every 5 s after 10 s of silence, then the replies are gone.
 */
static void unanswered_requests(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    size_t requests = 0, dropped = 0;
    world_init(&w, 3, NULL, NULL);
    hello(&w, 10, tag);
    mix_time start = w.now, gone_at = 0;
    w.now += MIX_SECONDS(2);
    assert_status(world_reply(&w, &w.exit, tag, TEXT("answer")), MIX_OK);
    assert_int_equal(lose(&w, &w.exit, MIX_LANE_SURB_REQUEST), 1);
    for (int i = 0; i < 20 && !dropped; i++) {
        mix_messages_event ev;
        w.now = mix_messages_deadline(w.exit.m);
        assert_status(mix_messages_tick(w.exit.m, w.now), MIX_OK);
        size_t now = lose(&w, &w.exit, MIX_LANE_SURB_REQUEST);
        if (now > 0)
            assert_true(w.now == start + MIX_SECONDS(12) + (mix_time)requests * MIX_SECONDS(5));
        requests += now;
        if (mix_messages_next(w.exit.m, &ev) == MIX_OK) {
            assert_int_equal(ev.kind, MIX_MESSAGES_DROPPED);
            assert_bytes(MIX_BYTES(ev.tag), MIX_BYTES(tag));
            dropped = ev.count;
            gone_at = w.now;
        }
    }
    assert_int_equal(requests, 6);
    assert_int_equal(dropped, 1);
    assert_true(gone_at == start + MIX_SECONDS(42));
    hello(&w, 20, tag); /* too late */
    assert_int_equal(lose(&w, &w.exit, MIX_LANE_GENERAL), 0);
    assert_true(mix_messages_deadline(w.exit.m) ==
                MIX_NEVER); /* and nothing runs for it any more */
    world_deinit(&w);
}

static void surbs_in_time_bring_the_replies(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    world_init(&w, 4, NULL, NULL);
    hello(&w, 10, tag);
    assert_status(world_reply(&w, &w.exit, tag, TEXT("answer")), MIX_OK);
    lose(&w, &w.exit, MIX_LANE_SURB_REQUEST);
    w.now += MIX_SECONDS(25);
    assert_status(mix_messages_tick(w.exit.m, w.now), MIX_OK);
    hello(&w, 20, tag);
    world_carry(&w, &w.exit, &w.client);
    assert_bytes(world_expect(&w.client, MIX_MESSAGES_RECEIVED).data, TEXT("answer"));
    world_deinit(&w);
}

/* A lost reply goes again as the same fragment with another SURB, also when it must wait for one.
 */
static void retransmission(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN], key[MIX_SURB_KEY_LEN];
    mix_traffic_item item;
    world_init(&w, 5, NULL, NULL);
    hello(&w, 11, tag);
    assert_status(world_reply(&w, &w.exit, tag, TEXT("answer")), MIX_OK);
    assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
    assert_int_equal(item.limit, 10);
    assert_int_equal(item.count, 0);
    memcpy(key, item.surb_key, sizeof key);
    mix_buf fragment = {0};
    mix_buf_put_bytes(&fragment, item.fragment);
    mix_traffic_event ev = {.kind = MIX_TRAFFIC_EXPIRED,
                            .bytes = mix_buf_bytes(&fragment),
                            .user = item.user,
                            .size = item.size,
                            .lane = item.lane,
                            .limit = item.limit,
                            .count = 1};
    memcpy(ev.id, item.id, sizeof ev.id);
    mix_messages_pop(w.exit.m, MIX_LANE_GENERAL, w.now);
    assert_int_equal(lose(&w, &w.exit, MIX_LANE_SURB_REQUEST),
                     1); /* 9 are left: below the threshold */
    assert_status(mix_messages_expired(w.exit.m, &ev, w.now), MIX_OK);
    assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_DONE);
    hello(&w, 1, tag);
    assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
    assert_int_equal(item.count, 1);
    assert_bytes(item.fragment, mix_buf_bytes(&fragment));
    assert_bytes(MIX_BYTES(item.id), MIX_BYTES(ev.id));
    assert_memory_not_equal(item.surb_key, key, sizeof key);
    world_carry(&w, &w.exit, &w.client);
    assert_bytes(world_expect(&w.client, MIX_MESSAGES_RECEIVED).data, TEXT("answer"));
    /* A lost request goes again whatever the threshold. */
    ev.lane = MIX_LANE_SURB_REQUEST;
    assert_status(mix_messages_expired(w.exit.m, &ev, w.now), MIX_OK);
    assert_int_equal(lose(&w, &w.exit, MIX_LANE_SURB_REQUEST), 1);
    /* Of nobody's. */
    ev.user = 5;
    assert_status(mix_messages_expired(w.exit.m, &ev, w.now), MIX_ERR_SENDER_UNKNOWN);
    ev.user = MIX_MESSAGES_USER_OWN | 77;
    assert_status(mix_messages_expired(w.exit.m, &ev, w.now), MIX_ERR_SENDER_UNKNOWN);
    mix_buf_deinit(&fragment);
    world_deinit(&w);
}

static size_t node_at(const world *w, const uint8_t *address) {
    for (size_t i = 0; i < WORLD_NODES; i++) {
        if (memcmp(w->nodes[i].address, address, MIX_NODE_ADDRESS_LEN) == 0)
            return i;
    }
    fail();
    return 0;
}

/* A SURB as the exit holds it leads through one node of each layer to the client's gateway, and
 * says the rotation. */
static void surbs_lead_home(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN], to[MIX_SPHINX_ADDRESS_LEN];
    mix_traffic_item item;
    mix_buf packet = {0}, next = {0};
    mix_sphinx_result r = {0};
    world_init(&w, 6, NULL, NULL);
    hello(&w, 30, tag);
    assert_status(world_reply(&w, &w.exit, tag, TEXT("answer")), MIX_OK);
    assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
    assert_int_equal(item.surb_rotation, MIX_ROTATION_EVEN);
    assert_status(mix_surb_use(w.sphinx, &packet, to, item.surb, mix_payload_len(MIX_SIZE_REGULAR),
                               TEXT("payload")),
                  MIX_OK);
    for (size_t hop = 0; hop < 4; hop++) {
        size_t node = node_at(&w, to);
        assert_true(hop < 3 ? node / 2 == hop : node == 6);
        mix_buf_truncate(&next, 0);
        assert_status(
            mix_sphinx_process(w.crypto, &r, &next, w.secrets[node], mix_buf_bytes(&packet)),
            MIX_OK);
        memcpy(to, r.next_address, sizeof to);
        mix_buf swap = packet;
        packet = next;
        next = swap;
    }
    mix_bytes plain;
    assert_status(mix_sphinx_unpad(&plain, mix_buf_bytes(&packet)), MIX_OK);
    assert_bytes(plain, TEXT("payload"));
    assert_bytes(MIX_BYTES(r.destination), MIX_BYTES(w.client.keys.identity_public));
    mix_buf_deinit(&packet);
    mix_buf_deinit(&next);
    world_deinit(&w);
}

/* The rotation changes while a list leaves: its SURBs are all of the rotation it says; the next
 * list is of the new one. */
static void rotation_in_the_middle_of_a_list(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    mix_traffic_item item;
    mix_buf delivered = {0};
    world_init(&w, 7, NULL, NULL);
    assert_status(world_repliable(&w, &w.client, &w.exit, TEXT("old"), 20), MIX_OK);
    assert_status(mix_messages_peek(w.client.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
    world_seal(&w, &delivered, &item);
    mix_messages_pop(w.client.m, MIX_LANE_GENERAL, w.now);
    assert_status(mix_messages_feed(w.exit.m, mix_buf_bytes(&delivered), w.now), MIX_OK);
    assert_true(mix_messages_count(w.client.m).surbs_made < 20);
    mix_topology *old = w.topology, *new = world_topology(&w, 7);
    assert_status(mix_messages_set_topology(w.client.m, new, w.now), MIX_OK);
    assert_status(mix_messages_set_topology(w.exit.m, new, w.now), MIX_OK);
    assert_int_equal(mix_messages_count(w.client.m).surbs_made, 20);
    mix_topology_free(old);
    w.topology = new;
    hello(&w, 1, tag);
    assert_bytes(world_expect(&w.exit, MIX_MESSAGES_RECEIVED).data, TEXT("hello"));
    /* The exit takes its 21 SURBs for stale ones at once (no rotation info is set), and asks for as
     * many. */
    for (int i = 0; i < 10; i++)
        assert_status(world_reply(&w, &w.exit, tag, TEXT("answer")), MIX_OK);
    for (int i = 0; i < 10; i++) {
        assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
        assert_int_equal(item.surb_rotation, MIX_ROTATION_EVEN);
        mix_messages_pop(w.exit.m, MIX_LANE_GENERAL, w.now);
    }
    mix_buf_deinit(&delivered);
    world_deinit(&w);
}

/* §14.3, refresh: what is there becomes stale, as many are asked for, and the new ones push the old
 * ones out. */
static void refresh(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    mix_traffic_item item;
    world_init(&w, 8, NULL, NULL);
    hello(&w, 70, tag);
    assert_int_equal(lose(&w, &w.exit, MIX_LANE_SURB_REQUEST), 0); /* 70 are enough */
    mix_topology *old = w.topology, *new = world_topology(&w, 7);
    assert_status(mix_messages_set_topology(w.client.m, new, w.now), MIX_OK);
    assert_status(mix_messages_set_topology(w.exit.m, new, w.now), MIX_OK);
    mix_topology_free(old);
    w.topology = new;
    assert_true(mix_messages_deadline(w.exit.m) <= w.now);
    assert_status(mix_messages_tick(w.exit.m, w.now), MIX_OK);
    assert_int_equal(world_carry(&w, &w.exit, &w.client), 1);
    assert_int_equal(world_expect(&w.client, MIX_MESSAGES_ASKED).count, 70);
    world_carry(&w, &w.client, &w.exit);
    /* 69 stale ones were there; 70 fresh ones push out as many as there are above the threshold,
     * each time that some come. */
    assert_int_equal(mix_messages_stock(w.exit.m, tag), 70);
    assert_status(world_reply(&w, &w.exit, tag, TEXT("answer")), MIX_OK);
    assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
    assert_int_equal(item.surb_rotation, MIX_ROTATION_ODD);
    world_deinit(&w);
}

/* §14.3, clean-up, with rotations of 24 epochs of 1 h: SURBs of the one before go with the first
 * round after its end. */
static void clean_up(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    const int64_t hour = MIX_SECONDS(3600);
    world_init(&w, 9, NULL, NULL);
    mix_rotation_info info = {.validity_epochs = 24,
                              .initial_epoch = 10,
                              .epoch = 10 + 24 * 6,
                              .epoch_length = hour,
                              .epoch_start = w.env.wall};
    mix_messages_set_rotations(w.exit.m, &info, w.now);
    w.env.wall += 23 * hour + hour / 2;
    w.now += 23 * hour + hour / 2;
    hello(&w, 20, tag); /* in the last half hour of rotation 6 */
    assert_status(mix_messages_tick(w.exit.m, w.now), MIX_OK);
    assert_int_equal(mix_messages_stock(w.exit.m, tag), 20);
    for (int i = 0; i < 5; i++) {
        mix_time at = mix_messages_deadline(w.exit.m);
        assert_true(at > w.now && at <= w.now + hour / 8 + 1);
        w.env.wall += at - w.now;
        w.now = at;
        assert_status(mix_messages_tick(w.exit.m, w.now), MIX_OK);
        bool over = w.env.wall >= info.epoch_start + 24 * hour;
        assert_int_equal(mix_messages_stock(w.exit.m, tag), over ? 0 : 20);
    }
    assert_int_equal(mix_messages_stock(w.exit.m, tag), 0);
    world_deinit(&w);
}

static void reply_keys_age(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    mix_traffic_item item;
    mix_buf delivered = {0};
    world_init(&w, 10, NULL, NULL);
    hello(&w, 20, tag);
    assert_status(world_reply(&w, &w.exit, tag, TEXT("answer")), MIX_OK);
    assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
    world_seal(&w, &delivered, &item);
    mix_messages_pop(w.exit.m, MIX_LANE_GENERAL, w.now);
    assert_true(mix_messages_deadline(w.client.m) == w.now + MIX_SECONDS(24 * 3600));
    w.now += MIX_SECONDS(24 * 3600);
    assert_status(mix_messages_tick(w.client.m, w.now), MIX_OK);
    (void)mix_messages_feed(w.client.m, mix_buf_bytes(&delivered), w.now);
    world_expect_none(&w.client);
    assert_int_equal(mix_messages_get_peer(w.client.m, &w.exit.address).replies, 0);
    mix_buf_deinit(&delivered);
    world_deinit(&w);
}

static void small_exit(mix_messages_config *cfg) {
    cfg->senders.max_senders = 20;
    cfg->senders.max_surbs = 300;
    cfg->senders.max_stock_bytes = 500000;
    cfg->senders.max_waiting = 10000;
    cfg->forward.remembered = 64;
}
static void small_client(mix_messages_config *cfg) {
    cfg->max_peers = 3;
    cfg->max_reply_keys = 100;
}

/* Hundreds of senders with more SURBs than anyone needs: the exit's memory stays below its bounds.
 */
static void flood_of_surbs(void **state) {
    (void)state;
    static world w;
    world_init(&w, 11, small_client, small_exit);
    mix_messages_event ev;
    uint8_t last[MIX_SENDER_TAG_LEN] = {0};
    mix_alloc_fail_at(0, 0);
    size_t before = mix_alloc_live_bytes();
    for (int i = 0; i < 60; i++) {
        mix_recipient alias =
            w.exit.address; /* each a recipient of its own to the client: a new tag */
        alias.gateway[0] ^= (uint8_t)(i + 1);
        mix_message msg = {
            .type = MIX_NYM_REPLIABLE, .to = &alias, .surbs = 200, .data = TEXT("x")};
        assert_status(mix_messages_write(w.client.m, &msg, w.now), MIX_OK);
        world_carry(&w, &w.client, &w.exit);
        while (mix_messages_next(w.exit.m, &ev) == MIX_OK)
            memcpy(last, ev.tag, sizeof last);
        lose(&w, &w.exit, MIX_LANE_SURB_REQUEST);
    }
    assert_true(mix_messages_stock(w.exit.m, last) >= 199); /* the newest sender is served */
    /* Stocks, the few senders' bookkeeping, and what an idle pair of engines has for scratch. */
    assert_true(mix_alloc_live_bytes() - before < 500000 + 60000);
    world_deinit(&w);
}

/* One sender with thousands: it keeps the newest, and what waits for it is bounded. */
static void flood_by_one(void **state) {
    (void)state;
    static world w;
    uint8_t tag[MIX_SENDER_TAG_LEN], data[1000] = {0};
    size_t written = 0;
    int status;
    world_init(&w, 12, NULL, small_exit);
    for (int i = 0; i < 5; i++)
        hello(&w, 250, tag);
    assert_int_equal(mix_messages_stock(w.exit.m, tag), 300);
    assert_true(mix_messages_count(w.exit.m).surbs_received == 1250);
    while ((status = world_reply(&w, &w.exit, tag, MIX_BYTES(data))) == MIX_OK)
        written++;
    assert_status(status, MIX_BLOCKED);
    assert_true(written >= 5 && written <= 10);
    assert_true(mix_messages_room(w.exit.m, tag) < sizeof data);
    assert_int_equal(lose(&w, &w.exit, MIX_LANE_GENERAL), written);
    assert_true(mix_messages_room(w.exit.m, tag) > 9000);
    world_deinit(&w);
}

/* A greedy exit gets 500 at most on one pile, however often it asks. */
static void greedy_exit(mix_messages_config *cfg) {
    cfg->senders.buffer = 5000;
    cfg->senders.most = 60000;
    cfg->senders.max_surbs = 65536;
    cfg->senders.max_stock_bytes = 128 << 20;
    cfg->senders.request_most = 50000;
}
static void greed(void **state) {
    (void)state;
    static world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    world_init(&w, 13, NULL, greedy_exit);
    hello(&w, 20, tag);
    for (int i = 0; i < 5; i++) {
        assert_status(world_reply(&w, &w.exit, tag, TEXT("x")), MIX_OK);
        world_carry(&w, &w.exit, &w.client);
    }
    assert_int_equal(mix_messages_get_peer(w.client.m, &w.exit.address).owed, 500);
    assert_status(mix_messages_give(w.client.m, &w.exit.address, 1), MIX_ERR_LIMIT);
    world_deinit(&w);
}

/* More reply keys than are kept: the oldest are forgotten, the newest still open. */
static void many_reply_keys(void **state) {
    (void)state;
    static world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    world_init(&w, 14, small_client, NULL);
    hello(&w, 150, tag);
    for (int i = 0; i < 140; i++) {
        mix_traffic_item item;
        mix_buf delivered = {0};
        assert_status(world_reply(&w, &w.exit, tag, TEXT("x")), MIX_OK);
        assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
        world_seal(&w, &delivered, &item);
        mix_messages_pop(w.exit.m, MIX_LANE_GENERAL, w.now);
        (void)mix_messages_feed(w.client.m, mix_buf_bytes(&delivered), w.now);
        mix_buf_deinit(&delivered);
    }
    assert_int_equal(mix_messages_get_peer(w.client.m, &w.exit.address).replies, 90);
    world_deinit(&w);
}

static void gifts(void **state) {
    (void)state;
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN];
    world_init(&w, 15, NULL, NULL);
    assert_status(mix_messages_give(w.client.m, &w.exit.address, 10), MIX_OK);
    assert_status(mix_messages_give(w.client.m, &w.exit.address, 10), MIX_OK);
    assert_int_equal(world_carry(&w, &w.client, &w.exit), 6); /* three packets each */
    mix_messages_event ev = world_expect(&w.exit, MIX_MESSAGES_SURBS);
    assert_int_equal(ev.count, 10);
    assert_int_equal(ev.data.len, 0);
    assert_int_equal(world_expect(&w.exit, MIX_MESSAGES_SURBS).count, 10);
    hello(&w, 0, tag);
    assert_bytes(MIX_BYTES(ev.tag), MIX_BYTES(tag));
    /* Without a topology they wait. */
    assert_status(mix_messages_set_topology(w.client.m, NULL, w.now), MIX_OK);
    assert_status(mix_messages_give(w.client.m, &w.exit.address, 3), MIX_OK);
    assert_int_equal(world_carry(&w, &w.client, &w.exit), 0);
    assert_status(mix_messages_set_topology(w.client.m, w.topology, w.now), MIX_OK);
    assert_int_equal(world_carry(&w, &w.client, &w.exit), 1);
    world_deinit(&w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(first_exchange),
    cmocka_unit_test(long_reply),
    cmocka_unit_test(unanswered_requests),
    cmocka_unit_test(surbs_in_time_bring_the_replies),
    cmocka_unit_test(retransmission),
    cmocka_unit_test(surbs_lead_home),
    cmocka_unit_test(rotation_in_the_middle_of_a_list),
    cmocka_unit_test(refresh),
    cmocka_unit_test(clean_up),
    cmocka_unit_test(reply_keys_age),
    cmocka_unit_test(flood_of_surbs),
    cmocka_unit_test(flood_by_one),
    cmocka_unit_test(greed),
    cmocka_unit_test(many_reply_keys),
    cmocka_unit_test(gifts),
};
MIX_TEST_MAIN(surbs_test, tests)
