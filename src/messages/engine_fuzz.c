/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a script for two engines and a hostile network between them: what is written, lost,
 * repeated, forged, and when. No crash, no leak, memory under its bounds; and nothing is received
 * that nobody wrote. */
#include "messages_testing.h"

#include "alloc_fail.h"
#include "mix/errors.h"
#include "traffic/payload.h"

#include <stdlib.h>

enum {
    BOUND = 700000
}; /* of what both engines may hold by the limits below, with what lies in events */

static void check(bool holds) {
    if (!holds)
        abort();
}

static void small(mix_messages_config *cfg) {
    cfg->max_message = 20000;
    cfg->max_queued = 30000;
    cfg->max_peers = 2;
    cfg->max_reply_keys = 50;
    cfg->max_owed = 40;
    cfg->max_events = 10;
    cfg->max_event_bytes = 30000;
    cfg->forward = (mix_reassembly_limits){30000, 20, 16, MIX_SECONDS(60)};
    cfg->reply = (mix_reassembly_limits){30000, 20, 16, MIX_SECONDS(60)};
    cfg->senders.max_senders = 3;
    cfg->senders.max_surbs = 210;
    cfg->senders.max_stock_bytes = 300000;
    cfg->senders.max_waiting = 20000;
}

static struct {
    world w;
    uint8_t tag[MIX_SENDER_TAG_LEN]; /* the last that the exit saw */
    mix_buf lost;                    /* a reply's fragment for mix_messages_expired */
    mix_traffic_event event;
    mix_topology *other; /* the next rotation's */
} play;

static void fetch(side *s) {
    mix_messages_event ev;
    while (mix_messages_next(s->m, &ev) == MIX_OK) {
        if (ev.type == MIX_NYM_REPLIABLE)
            memcpy(play.tag, ev.tag, sizeof play.tag);
        for (size_t i = 0;
             ev.kind == MIX_MESSAGES_RECEIVED && s == &play.w.client && i < ev.data.len; i++)
            check(ev.type != MIX_NYM_REPLY || ev.data.data[i] == 0x55); /* what the exit wrote */
    }
}

static void write_one(side *from, side *to, mix_reader *r) {
    static uint8_t data[25000];
    memset(data, 0x55, sizeof data);
    mix_message msg = {.type = (mix_nym_type)(mix_read_u8(r) % 3), .to = &to->address};
    msg.data = mix_bytes_of(data, mix_read_u16(r) % sizeof data);
    msg.surbs = msg.type == MIX_NYM_REPLIABLE ? mix_read_u8(r) % 30 : 0;
    msg.user = mix_read_u8(r) % 4;
    memcpy(msg.tag, play.tag, sizeof msg.tag);
    int status = mix_messages_write(from->m, &msg, play.w.now);
    check(status != MIX_ERR_MEMORY && status != MIX_ERR_RANDOM);
}

/* The next packet of a lane: goes over, is lost, comes twice, or is damaged; fate tells. */
static void move_one(side *from, side *to, mix_lane lane, uint8_t fate) {
    mix_traffic_item item;
    mix_buf delivered = {0};
    if (mix_messages_peek(from->m, lane, &item, play.w.now) != MIX_OK)
        return;
    world_seal(&play.w, &delivered, &item);
    if (!item.recipient) {
        mix_buf_truncate(&play.lost, 0);
        mix_buf_put_bytes(&play.lost, item.fragment);
        play.event = (mix_traffic_event){.bytes = mix_buf_bytes(&play.lost),
                                         .user = item.user,
                                         .size = item.size,
                                         .lane = lane,
                                         .limit = item.limit,
                                         .count = item.count + 1};
        memcpy(play.event.id, item.id, sizeof play.event.id);
    }
    mix_messages_pop(from->m, lane, play.w.now);
    if (fate % 5 == 1)
        delivered.data[fate % 32] ^= 1; /* what is behind the key or digest, Sphinx protects */
    for (int n = fate % 5; n < 5 && fate % 5 != 0; n += 3)
        (void)mix_messages_feed(to->m, mix_buf_bytes(&delivered), play.w.now);
    if (fate % 5 == 0 && fate > 30)
        (void)mix_messages_feed(from->m, mix_buf_bytes(&delivered),
                                play.w.now); /* to the wrong one */
    mix_buf_deinit(&delivered);
}

/* A message of the script's own, in one fragment, as anyone can send it. */
static void forge(side *to, mix_reader *r) {
    mix_buf fragment = {0}, delivered = {0};
    mix_bytes message = mix_read_bytes(r, mix_read_u8(r));
    mix_fragment f = {.set = 1 + mix_read_u8(r), .total = 1, .current = 1};
    mix_fragment_encode_header(&fragment, &f);
    mix_buf_put_bytes(&fragment, message);
    mix_buf_put_u8(&fragment, 1);
    mix_traffic_item item = {.recipient = &to->address, .fragment = mix_buf_bytes(&fragment)};
    world_seal(&play.w, &delivered, &item);
    (void)mix_messages_feed(to->m, mix_buf_bytes(&delivered), play.w.now);
    mix_buf_deinit(&fragment);
    mix_buf_deinit(&delivered);
}

static void turn_rotation(void) {
    mix_topology *next = play.other;
    play.other = play.w.topology;
    check(mix_messages_set_topology(play.w.client.m, next, play.w.now) == MIX_OK);
    check(mix_messages_set_topology(play.w.exit.m, next, play.w.now) == MIX_OK);
    play.w.topology = next;
}

static void step(mix_reader *r) {
    uint8_t op = mix_read_u8(r), arg = mix_read_u8(r);
    bool up = op & 0x80;
    side *from = up ? &play.w.client : &play.w.exit, *to = up ? &play.w.exit : &play.w.client;
    uint64_t user;
    switch (op & 0x0f) {
    case 0:
    case 1:
        write_one(from, to, r);
        break;
    case 2:
    case 3:
    case 4:
        for (int i = 0; i < 1 + arg / 8; i++)
            move_one(from, to, (mix_lane)((op >> 4) % MIX_LANES), mix_read_u8(r));
        break;
    case 5:
        play.w.now += (mix_time)arg * arg * 2000;
        (void)mix_messages_tick(play.w.client.m, play.w.now);
        (void)mix_messages_tick(play.w.exit.m, play.w.now);
        break;
    case 6:
        fetch(to);
        break;
    case 7:
        (void)mix_messages_feed(to->m, mix_read_bytes(r, arg), play.w.now);
        break;
    case 8:
        forge(to, r);
        break;
    case 9:
        (void)mix_messages_expired(&play.w.exit == from ? from->m : to->m, &play.event, play.w.now);
        break;
    case 10:
        (void)mix_messages_give(from->m, &to->address, arg);
        break;
    case 11:
        mix_messages_cancel(from->m, arg % 4);
        break;
    case 12:
        (void)mix_messages_forget(from->m, play.tag, &user);
        break;
    case 13:
        turn_rotation();
        break;
    default:
        move_one(from, to, MIX_LANE_GENERAL, 2);
        move_one(to, from, MIX_LANE_SURBS, 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool ready;
    mix_reader script = {.in = mix_bytes_of(data, size)};
    if (!ready) {
        world_init(&play.w, 1, small, small);
        play.other = world_topology(&play.w, 7);
        ready = true;
    }
    world_renew(&play.w, 1, small, small);
    play.event = (mix_traffic_event){0};
    mix_buf_truncate(&play.lost, 0);
    size_t live = mix_alloc_live_bytes();
    for (int steps = 0; script.in.len > 0 && steps < 400; steps++) {
        step(&script);
        check(mix_alloc_live_bytes() <= live + BOUND);
        check(mix_messages_deadline(play.w.client.m) > 0 &&
              mix_messages_deadline(play.w.exit.m) > 0);
    }
    fetch(&play.w.client);
    fetch(&play.w.exit);
    return 0;
}
