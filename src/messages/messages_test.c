/* SPDX-License-Identifier: Apache-2.0 */
/* Two engines back to back: every kind of message, sizes and orders of arrival, origins, bounds,
 * failures. */
#include "messages_testing.h"

#include "alloc_fail.h"
#include "base/alloc.h"
#include "mix/errors.h"
#include "traffic/payload.h"

#define TEXT(s) mix_bytes_str(s)

static void fill_random(world *w, mix_buf *out, size_t len) {
    uint8_t *p = mix_buf_space(out, len);
    assert_status(mix_random(&w->env.env, p, len), MIX_OK);
}

static void kinds_arrive(void **state) {
    (void)state;
    world w;
    world_init(&w, 1, NULL, NULL);
    assert_status(world_plain(&w, &w.client, &w.exit, TEXT("plain")), MIX_OK);
    assert_status(world_plain(&w, &w.client, &w.exit, TEXT("")), MIX_OK);
    assert_status(world_repliable(&w, &w.client, &w.exit, TEXT("without"), 0), MIX_OK);
    world_carry(&w, &w.client, &w.exit);

    mix_messages_event ev = world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
    assert_int_equal(ev.type, MIX_NYM_PLAIN);
    assert_bytes(ev.data, TEXT("plain"));
    ev = world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
    assert_int_equal(ev.data.len, 0);
    ev = world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
    assert_int_equal(ev.type, MIX_NYM_REPLIABLE);
    assert_int_equal(ev.count, 0);
    assert_bytes(ev.data, TEXT("without"));
    assert_status(world_reply(&w, &w.exit, ev.tag, TEXT("no SURBs yet")), MIX_ERR_SENDER_UNKNOWN);
    uint8_t tag[MIX_SENDER_TAG_LEN];
    memcpy(tag, ev.tag, sizeof tag);
    assert_status(world_repliable(&w, &w.client, &w.exit, TEXT("with"), 12), MIX_OK);
    world_carry(&w, &w.client, &w.exit);
    ev = world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
    assert_int_equal(ev.count, 12);
    assert_bytes(ev.data, TEXT("with"));
    assert_bytes(MIX_BYTES(ev.tag), MIX_BYTES(tag)); /* one tag for each recipient */
    assert_int_equal(mix_messages_stock(w.exit.m, tag), 12);

    assert_status(world_reply(&w, &w.exit, tag, TEXT("reply")), MIX_OK);
    world_carry(&w, &w.exit, &w.client);
    ev = world_expect(&w.client, MIX_MESSAGES_RECEIVED); /* data have the first turn */
    assert_int_equal(ev.type, MIX_NYM_REPLY);
    assert_bytes(ev.data, TEXT("reply"));
    assert_memory_equal(&ev.from, &w.exit.address, sizeof ev.from);
    world_deinit(&w);
}

/* One message at the size where it fits its packets just so, one byte less and one more. */
static void sizes_of_messages(void **state) {
    (void)state;
    static const struct {
        size_t data;
        uint32_t surbs;
        size_t packets;
    } rows[] = {{1602, 0, 1}, {1581, 0, 1}, {1121, 1, 1}, {1122, 1, 2}, {661, 2, 1},
                {662, 2, 2},  {201, 3, 1},  {202, 3, 2},  {8, 10, 3}};
    world w;
    world_init(&w, 2, NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_buf data = {0};
        fill_random(&w, &data, rows[i].data);
        int status =
            i == 0 ? world_plain(&w, &w.client, &w.exit, mix_buf_bytes(&data))
                   : world_repliable(&w, &w.client, &w.exit, mix_buf_bytes(&data), rows[i].surbs);
        assert_status(status, MIX_OK);
        assert_int_equal(world_carry(&w, &w.client, &w.exit), rows[i].packets);
        assert_bytes(world_expect(&w.exit, MIX_MESSAGES_RECEIVED).data, mix_buf_bytes(&data));
        mix_buf_deinit(&data);
    }
    world_deinit(&w);
}

typedef struct bag {
    mix_buf packet[2048];
    size_t count;
} bag;

/* All packets that wait on one side, in a bag. */
static void collect(world *w, side *from, bag *b) {
    mix_traffic_item item;
    for (int lane = 0; lane < MIX_LANES; lane++) {
        while (mix_messages_peek(from->m, (mix_lane)lane, &item, w->now) == MIX_OK) {
            assert_true(b->count < sizeof b->packet / sizeof *b->packet);
            world_seal(w, &b->packet[b->count++], &item);
            mix_messages_pop(from->m, (mix_lane)lane, w->now);
        }
    }
}

/* Draws them in any order; every third twice. */
static void scatter(world *w, bag *b, side *to) {
    while (b->count > 0) {
        size_t i = (size_t)mix_test_below(&w->env, b->count);
        size_t times = 1 + (mix_test_below(&w->env, 3) == 0);
        for (size_t n = 0; n < times; n++) {
            /* The second time a reply's key is used up, and it decrypts to noise. */
            int status = mix_messages_feed(to->m, mix_buf_bytes(&b->packet[i]), w->now);
            assert_true(status == MIX_OK || n > 0);
        }
        mix_buf_deinit(&b->packet[i]);
        b->packet[i] = b->packet[--b->count];
        b->packet[b->count] = (mix_buf){0};
    }
}

/* Messages of 0 B to 1 MB in both directions, shuffled: each arrives once and whole. */
static void any_order_both_ways(void **state) {
    (void)state;
    static const size_t lens[] = {0, 1, 100, 1602, 1603, 100000, 409020, 409021, 1000000};
    enum { MESSAGES = sizeof lens / sizeof *lens };
    static bag b;
    static world w;
    world_init(&w, 3, NULL, NULL);
    mix_buf data[MESSAGES] = {{0}};
    bool seen[MESSAGES] = {false};
    for (size_t i = 0; i < MESSAGES; i++) {
        if (lens[i] > 0)
            fill_random(&w, &data[i], lens[i]);
        int status;
        while ((status = world_plain(&w, &w.client, &w.exit, mix_buf_bytes(&data[i]))) ==
               MIX_BLOCKED)
            collect(&w, &w.client, &b);
        assert_status(status, MIX_OK);
    }
    collect(&w, &w.client, &b);
    scatter(&w, &b, &w.exit);
    for (size_t n = 0; n < MESSAGES; n++) {
        mix_messages_event ev = world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
        for (size_t i = 0; i < MESSAGES; i++) {
            if (mix_bytes_equal(ev.data, mix_buf_bytes(&data[i]))) {
                assert_false(seen[i]);
                seen[i] = true;
            }
        }
    }
    world_expect_none(&w.exit);
    for (size_t i = 0; i < MESSAGES; i++) {
        assert_true(seen[i]);
        mix_buf_deinit(&data[i]);
    }
    world_deinit(&w);
}

/* Replies in any order, with all the SURBs that they need asked for on the way. */
static void replies_in_any_order(void **state) {
    (void)state;
    static bag b;
    static world w;
    enum { REPLIES = 30 };
    world_init(&w, 4, NULL, NULL);
    assert_status(world_repliable(&w, &w.client, &w.exit, TEXT("hello"), 11), MIX_OK);
    world_carry(&w, &w.client, &w.exit);
    mix_messages_event ev = world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
    mix_buf data[REPLIES] = {{0}};
    size_t got = 0;
    for (size_t i = 0; i < REPLIES; i++) {
        fill_random(&w, &data[i], 1 + i * 333);
        mix_put_u16(data[i].data, (uint16_t)i); /* one byte more than the first has is not there */
        assert_status(
            world_reply(&w, &w.exit, ev.tag, i == 0 ? TEXT("x") : mix_buf_bytes(&data[i])), MIX_OK);
    }
    for (size_t rounds = 0; rounds < 100; rounds++) {
        collect(&w, &w.exit, &b);
        scatter(&w, &b, &w.client);
        world_carry(&w, &w.client, &w.exit);
        while (mix_messages_next(w.client.m, &ev) == MIX_OK) {
            if (ev.kind != MIX_MESSAGES_RECEIVED)
                continue;
            got++;
            if (ev.data.len > 1)
                assert_bytes(ev.data, mix_buf_bytes(&data[mix_get_u16(ev.data.data)]));
        }
    }
    assert_int_equal(got, REPLIES);
    for (size_t i = 0; i < REPLIES; i++)
        mix_buf_deinit(&data[i]);
    world_deinit(&w);
}

/* What a stranger or a wrong peer sends: none of it is taken for a reply or a request. */
static void origins(void **state) {
    (void)state;
    world w;
    mix_buf message = {0}, fragment = {0}, delivered = {0};
    world_init(&w, 5, NULL, NULL);
    mix_nym_message forged[] = {
        {.type = MIX_NYM_REPLY, .content = MIX_NYM_DATA, .data = TEXT("forged")},
        {.type = MIX_NYM_REPLY,
         .content = MIX_NYM_SURB_REQUEST,
         .recipient = w.exit.address,
         .amount = 500},
        {.type = MIX_NYM_PLAIN, .content = MIX_NYM_DATA, .data = TEXT("plain by a SURB")},
        {.type = MIX_NYM_REPLY,
         .content = MIX_NYM_SURB_REQUEST,
         .recipient = w.client.address,
         .amount = 500},
        {.type = MIX_NYM_REPLY,
         .content = MIX_NYM_SURB_REQUEST,
         .recipient = w.exit.address,
         .amount = 7},
    };
    assert_status(world_repliable(&w, &w.client, &w.exit, TEXT("hello"), 20), MIX_OK);
    world_carry(&w, &w.client, &w.exit);
    mix_messages_event ev = world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
    for (size_t i = 0; i < 5; i++) {
        mix_buf_truncate(&message, 0);
        mix_buf_truncate(&fragment, 0);
        mix_buf_truncate(&delivered, 0);
        mix_nym_encode(&message, &forged[i]);
        mix_split plan = mix_split_plan(message.len, mix_fragment_space(MIX_SIZE_REGULAR));
        mix_fragment f = mix_split_at(&plan, (uint32_t[]){1000 + (uint32_t)i}, 0);
        mix_fragment_encode_header(&fragment, &f);
        mix_buf_put_bytes(&fragment, mix_buf_bytes(&message));
        mix_buf_put_u8(&fragment, 1);
        mix_buf_put_zeros(&fragment, plan.zeros);
        mix_traffic_item item = {.recipient = &w.client.address,
                                 .fragment = mix_buf_bytes(&fragment)};
        if (i >= 2) { /* by a SURB that the exit was given */
            assert_status(world_reply(&w, &w.exit, ev.tag, TEXT("x")), MIX_OK);
            assert_status(mix_messages_peek(w.exit.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
            item.fragment = mix_buf_bytes(&fragment);
        }
        world_seal(&w, &delivered, &item);
        if (i >= 2)
            mix_messages_pop(w.exit.m, MIX_LANE_GENERAL, w.now);
        assert_status(mix_messages_feed(w.client.m, mix_buf_bytes(&delivered), w.now),
                      i < 4 ? MIX_ERR_MESSAGE_ORIGIN : MIX_OK);
        assert_int_equal(mix_messages_get_peer(w.client.m, &w.exit.address).owed, i < 4 ? 0 : 7);
    }
    ev = world_expect(&w.client, MIX_MESSAGES_ASKED);
    assert_int_equal(ev.count, 7);
    world_expect_none(&w.client);
    mix_buf_deinit(&message);
    mix_buf_deinit(&fragment);
    mix_buf_deinit(&delivered);
    world_deinit(&w);
}

static void cover_and_noise(void **state) {
    (void)state;
    world w;
    uint8_t contents[1611] = {0}, noise[1643];
    mix_buf delivered = {0};
    world_init(&w, 6, NULL, NULL);
    memcpy(contents, MIX_COVER_MARK, strlen(MIX_COVER_MARK));
    contents[strlen(MIX_COVER_MARK)] = 1;
    mix_traffic_item item = {.recipient = &w.client.address, .fragment = MIX_BYTES(contents)};
    world_seal(&w, &delivered, &item);
    assert_status(mix_messages_feed(w.client.m, mix_buf_bytes(&delivered), w.now), MIX_OK);
    assert_int_equal(mix_messages_count(w.client.m).cover, 1);
    assert_status(mix_messages_feed(w.client.m, mix_bytes_of(noise, 31), w.now),
                  MIX_ERR_DELIVERED_SHORT);
    size_t refused = 0;
    for (int i = 0; i < 500; i++) {
        assert_status(mix_random(&w.env.env, noise, sizeof noise), MIX_OK);
        refused += mix_messages_feed(w.client.m, MIX_BYTES(noise), w.now) < 0;
    }
    assert_true(refused > 480); /* a fragment's header is seldom noise */
    world_expect_none(&w.client);
    mix_buf_deinit(&delivered);
    world_deinit(&w);
}

static void arguments(void **state) {
    (void)state;
    world w;
    world_init(&w, 7, NULL, NULL);
    mix_messages_config cfg;
    mix_messages *m = NULL;
    mix_messages_config_client(&cfg);
    assert_status(mix_messages_new(&m, &cfg, &w.env.env), MIX_ERR_ARGUMENT); /* nothing borrowed */
    cfg.crypto = w.crypto;
    cfg.sphinx = w.sphinx;
    cfg.keys = &w.client.keys;
    cfg.size = MIX_SIZE_ACK;
    assert_status(mix_messages_new(&m, &cfg, &w.env.env), MIX_ERR_ARGUMENT);
    mix_message msg = {.type = MIX_NYM_REPLY};
    assert_status(mix_messages_write(w.client.m, &msg, w.now),
                  MIX_ERR_ARGUMENT); /* an empty reply */
    msg = (mix_message){.type = MIX_NYM_PLAIN, .to = &w.exit.address, .surbs = 1};
    assert_status(mix_messages_write(w.client.m, &msg, w.now), MIX_ERR_ARGUMENT);
    msg = (mix_message){.type = MIX_NYM_PLAIN};
    assert_status(mix_messages_write(w.client.m, &msg, w.now), MIX_ERR_ARGUMENT); /* to nobody */
    msg =
        (mix_message){.type = MIX_NYM_PLAIN, .to = &w.exit.address, .user = MIX_MESSAGES_USER_OWN};
    assert_status(mix_messages_write(w.client.m, &msg, w.now), MIX_ERR_ARGUMENT);
    uint8_t byte = 0; /* one byte stands for many: nothing of it is read */
    msg = (mix_message){
        .type = MIX_NYM_PLAIN, .to = &w.exit.address, .data = {&byte, cfg.max_message + 1}};
    assert_status(mix_messages_write(w.client.m, &msg, w.now), MIX_ERR_LIMIT);
    world_deinit(&w);
}

/* write takes all or nothing; what was refused fits when room has grown. */
static void back_pressure(void **state) {
    (void)state;
    world w;
    uint8_t data[1000] = {0};
    size_t written = 0;
    int status;
    world_init(&w, 8, NULL, NULL);
    while ((status = world_plain(&w, &w.client, &w.exit, MIX_BYTES(data))) == MIX_OK)
        written++;
    assert_status(status, MIX_BLOCKED);
    assert_true(written > 150 && written < 262);
    assert_true(mix_messages_room(w.client.m, NULL) < sizeof data);
    assert_int_equal(world_carry(&w, &w.client, &w.exit), written);
    assert_true(mix_messages_room(w.client.m, NULL) > 250000);
    assert_status(world_plain(&w, &w.client, &w.exit, MIX_BYTES(data)), MIX_OK);
    for (size_t i = 0; i < written; i++)
        world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
    world_expect_none(&w.exit);
    world_deinit(&w);
}

static void few_events(mix_messages_config *cfg) {
    cfg->max_events = 3;
}

static void feed_blocks_until_events_are_fetched(void **state) {
    (void)state;
    static bag b;
    world w;
    world_init(&w, 9, NULL, few_events);
    for (int i = 0; i < 5; i++)
        assert_status(world_plain(&w, &w.client, &w.exit, TEXT("m")), MIX_OK);
    collect(&w, &w.client, &b);
    for (size_t i = 0; i < 5; i++)
        assert_status(mix_messages_feed(w.exit.m, mix_buf_bytes(&b.packet[i]), w.now),
                      i < 3 ? MIX_OK : MIX_BLOCKED);
    world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
    assert_status(mix_messages_feed(w.exit.m, mix_buf_bytes(&b.packet[3]), w.now), MIX_OK);
    assert_status(mix_messages_feed(w.exit.m, mix_buf_bytes(&b.packet[4]), w.now), MIX_BLOCKED);
    while (b.count > 0)
        mix_buf_deinit(&b.packet[--b.count]);
    world_deinit(&w);
}

static void cancel_and_forget(void **state) {
    (void)state;
    world w;
    uint8_t data[5000] = {0};
    mix_traffic_item item;
    world_init(&w, 10, NULL, NULL);
    for (uint64_t user = 1; user <= 3; user++) {
        mix_message msg = {
            .type = MIX_NYM_PLAIN, .to = &w.exit.address, .data = MIX_BYTES(data), .user = user};
        assert_status(mix_messages_write(w.client.m, &msg, w.now), MIX_OK);
    }
    assert_status(mix_messages_peek(w.client.m, MIX_LANE_GENERAL, &item, w.now), MIX_OK);
    assert_int_equal(item.user, 1);
    mix_messages_pop(w.client.m, MIX_LANE_GENERAL, w.now);
    mix_messages_cancel(w.client.m, 1);
    mix_messages_cancel(w.client.m, 3);
    assert_int_equal(world_carry(&w, &w.client, &w.exit), 4);
    world_expect(&w.exit, MIX_MESSAGES_RECEIVED);

    assert_status(world_repliable(&w, &w.client, &w.exit, TEXT("hello"), 20), MIX_OK);
    world_carry(&w, &w.client, &w.exit);
    mix_messages_event ev = world_expect(&w.exit, MIX_MESSAGES_RECEIVED);
    uint64_t user = 0;
    assert_status(world_reply(&w, &w.exit, ev.tag, TEXT("never")), MIX_OK);
    assert_true(mix_messages_forget(w.exit.m, ev.tag, &user));
    assert_true(user > MIX_MESSAGES_USER_OWN);
    assert_false(mix_messages_forget(w.exit.m, ev.tag, &user));
    assert_int_equal(world_carry(&w, &w.exit, &w.client), 0);
    world_deinit(&w);
}

/* A large message costs its own size and little more, on either side. */
static void large_message_in_little_memory(void **state) {
    (void)state;
    enum { LEN = 3000000 };
    world w;
    mix_buf data = {0};
    world_init(&w, 11, NULL, NULL);
    fill_random(&w, &data, LEN);
    mix_alloc_fail_at(0, 0);
    size_t before = mix_alloc_live_bytes();
    assert_status(world_plain(&w, &w.client, &w.exit, mix_buf_bytes(&data)), MIX_OK);
    assert_true(mix_alloc_live_bytes() - before < LEN + 2000);
    world_carry(&w, &w.client, &w.exit);
    /* The sender's copy, the fragments, the message made of them (its buffer has a power of two),
     * bookkeeping. */
    assert_true(mix_alloc_peak_bytes() - before < 2 * (size_t)LEN + (4 << 20) + 200000);
    assert_bytes(world_expect(&w.exit, MIX_MESSAGES_RECEIVED).data, mix_buf_bytes(&data));
    mix_buf_deinit(&data);
    world_deinit(&w);
}

/* A whole exchange in which one allocation fails, for each of them: no crash, no leak; nothing half
 * done stays. */
static void exchange_without_memory(size_t fail_at, bool *reached) {
    static world w;
    world_init(&w, 12, NULL, NULL);
    mix_alloc_fail_at(fail_at, 0);
    (void)world_repliable(&w, &w.client, &w.exit, TEXT("hello"), 15);
    for (int round = 0; round < 4; round++) {
        side *from = round % 2 == 0 ? &w.client : &w.exit,
             *to = round % 2 == 0 ? &w.exit : &w.client;
        mix_messages_event ev;
        mix_traffic_item item;
        for (int lane = 0; lane < MIX_LANES; lane++) {
            int failures = 0;
            for (;;) {
                int status = mix_messages_peek(from->m, (mix_lane)lane, &item, w.now);
                if (status == MIX_DONE)
                    break;
                if (status != MIX_OK) {
                    assert_true(++failures < 3); /* only one allocation fails */
                    continue;
                }
                mix_buf delivered = {0};
                int sealed =
                    item.recipient
                        ? mix_payload_seal_forward(w.crypto, &w.env.env, &delivered,
                                                   item.recipient->encryption, item.fragment)
                        : mix_payload_seal_reply(w.crypto, &delivered, item.surb_key,
                                                 item.fragment);
                mix_messages_pop(from->m, (mix_lane)lane, w.now);
                if (sealed == MIX_OK)
                    (void)mix_messages_feed(to->m, mix_buf_bytes(&delivered), w.now);
                mix_buf_deinit(&delivered);
            }
        }
        while (mix_messages_next(to->m, &ev) == MIX_OK) {
            if (ev.type == MIX_NYM_REPLIABLE)
                (void)world_reply(&w, &w.exit, ev.tag, TEXT("reply"));
        }
        w.now += MIX_SECONDS(6);
        (void)mix_messages_tick(w.exit.m, w.now);
    }
    *reached = mix_alloc_count() >= fail_at;
    mix_alloc_fail_at(0, 0);
    world_deinit(&w);
}

static void failing_memory(void **state) {
    (void)state;
    size_t live = mix_alloc_live(), n = 1;
    for (bool reached = true; reached;
         n += n < 300 ? 1 : 11) { /* moving buffers make thousands of them */
        exchange_without_memory(n, &reached);
        assert_int_equal(mix_alloc_live(), live);
    }
    assert_true(n > 60);
}

static void failing_randomness(void **state) {
    (void)state;
    world w;
    mix_traffic_item item;
    world_init(&w, 13, NULL, NULL);
    w.env.fail_random = 1;
    assert_status(world_repliable(&w, &w.client, &w.exit, TEXT("hello"), 5), MIX_ERR_RANDOM);
    w.env.fail_random = 2;
    assert_status(world_repliable(&w, &w.client, &w.exit, TEXT("hello"), 5), MIX_ERR_RANDOM);
    assert_status(world_repliable(&w, &w.client, &w.exit, TEXT("hello"), 5), MIX_OK);
    w.env.fail_random = 1;
    assert_status(mix_messages_peek(w.client.m, MIX_LANE_GENERAL, &item, w.now), MIX_ERR_RANDOM);
    world_carry(&w, &w.client, &w.exit);
    assert_int_equal(world_expect(&w.exit, MIX_MESSAGES_RECEIVED).count, 5);
    world_deinit(&w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(kinds_arrive),
    cmocka_unit_test(sizes_of_messages),
    cmocka_unit_test(any_order_both_ways),
    cmocka_unit_test(replies_in_any_order),
    cmocka_unit_test(origins),
    cmocka_unit_test(cover_and_noise),
    cmocka_unit_test(arguments),
    cmocka_unit_test(back_pressure),
    cmocka_unit_test(feed_blocks_until_events_are_fetched),
    cmocka_unit_test(cancel_and_forget),
    cmocka_unit_test(large_message_in_little_memory),
    cmocka_unit_test(failing_memory),
    cmocka_unit_test(failing_randomness),
};
MIX_TEST_MAIN(messages_test, tests)
