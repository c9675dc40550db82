/* SPDX-License-Identifier: Apache-2.0 */
/* The pump: the only code that knows in which order the layers stand. */
#include "tunnel/internal.h"

#include "base/alloc.h"

enum {
    AROUND_DATA = 23, /* bytes of a Repliable message around its data: type, sender tag, content
                         tag, header of the list, first byte of the padding */
    TRIES_DATA = 5,   /* of a fragment with IP packets: then they are of no use */
    TRIES_CONTROL = 10,
};

/* ---- upwards ---- */

static bool take_directory_event(mix_tunnel *t, mix_time now) {
    mix_directory_event ev;
    if (t->topology_due && t->layers.messages)
        return false; /* the layers hold the one before, which the next event would free */
    if (mix_directory_next(t->directory, &ev) != MIX_OK)
        return false;
    mix_tunnel_on_directory(t, &ev, now);
    return true;
}

static void feed_traffic(mix_tunnel *t, mix_bytes delivered, mix_time now);

static bool take_gateway_event(mix_tunnel *t, mix_time now) {
    mix_gateway_event ev;
    int status = mix_gateway_next(t->gateway, &ev);
    if (mix_tunnel_own(t, status, now) != MIX_OK)
        return false;
    if (ev.kind == MIX_GATEWAY_STORE)
        mix_tunnel_store_identity(t, &ev.store);
    else if (ev.kind == MIX_GATEWAY_PUSHED)
        feed_traffic(t, ev.bytes, now);
    else if (t->running)
        mix_tunnel_on_gateway(t, &ev, now);
    return true;
}

static bool take_message_event(mix_tunnel *t, mix_time now) {
    mix_messages_event ev;
    if (!t->layers.messages || mix_messages_next(t->layers.messages, &ev) != MIX_OK)
        return false;
    bool ours = t->exit_chosen && memcmp(&ev.from, &t->exit.address, sizeof ev.from) == 0;
    if (ev.kind == MIX_MESSAGES_ASKED && ours)
        mix_economy_requested(&t->layers.economy, (uint32_t)ev.count, now);
    else if (ev.kind == MIX_MESSAGES_RECEIVED && ev.type == MIX_NYM_REPLY && ours)
        (void)mix_ipr_feed(t->ipr, ev.data, now); /* what is refused is counted there */
    return true;
}

/* Bytes of a traffic event live until the next call there: until then they can wait for room. */
static int feed_messages(mix_tunnel *t, mix_bytes delivered, mix_time now) {
    int status;
    do
        status = mix_messages_feed(t->layers.messages, delivered, now);
    while (status == MIX_BLOCKED && take_message_event(t, now));
    return status;
}

static bool take_traffic_event(mix_tunnel *t, mix_time now) {
    mix_traffic_event ev;
    if (!t->layers.traffic || mix_traffic_next(t->layers.traffic, &ev) != MIX_OK)
        return false;
    if (ev.kind == MIX_TRAFFIC_DELIVERED)
        (void)feed_messages(t, ev.bytes, now); /* a bad packet is the network's doing */
    else if (ev.kind == MIX_TRAFFIC_EXPIRED)
        (void)mix_messages_expired(t->layers.messages, &ev, now);
    return true;
}

/* What the gateway pushes is valid until its next event: it waits here until there is room. */
static void feed_traffic(mix_tunnel *t, mix_bytes delivered, mix_time now) {
    int status;
    if (!t->layers.traffic)
        return;
    do
        status = mix_traffic_feed(t->layers.traffic, delivered, now);
    while (status == MIX_BLOCKED && take_traffic_event(t, now));
}

static bool take_ipr_event(mix_tunnel *t, mix_time now) {
    mix_ipr_event ev;
    if (mix_ipr_next(t->ipr, &ev, now) != MIX_OK)
        return false;
    mix_tunnel_on_ipr(t, &ev, now);
    return true;
}

/* Reply packets that came, and those that the resequencer gave up; one that comes after all was
 * counted already. */
static void count_replies(mix_tunnel *t, mix_time now) {
    mix_tunnel_layers *l = &t->layers;
    mix_ipr_stats i;
    if (!l->messages || !t->exit_chosen)
        return;
    uint64_t replies = mix_messages_get_peer(l->messages, &t->exit.address).replies, used = 0;
    if (replies > l->replies_seen)
        used = replies - l->replies_seen;
    t->stats.replies += used;
    l->replies_seen = replies;
    mix_ipr_get_stats(t->ipr, &i);
    uint64_t lost = i.skipped - t->skipped_seen, late = i.too_late - t->late_seen;
    used = used + lost > late ? used + lost - late : 0;
    t->skipped_seen = i.skipped;
    t->late_seen = i.too_late;
    if (used > 0)
        mix_economy_used(&l->economy, (uint32_t)used, now);
}

/* ---- downwards ---- */

static bool fill_lane(mix_tunnel *t, mix_lane lane, mix_time now) {
    mix_tunnel_layers *l = &t->layers;
    mix_traffic_item item;
    bool any = false;
    while (mix_traffic_room(l->traffic, lane) > 0) {
        int status = mix_messages_peek(l->messages, lane, &item, now);
        if (status == MIX_OK)
            status = mix_traffic_write(l->traffic, &item, now);
        if (mix_tunnel_own(t, status, now) != MIX_OK)
            return any;
        mix_messages_pop(l->messages, lane, now);
        any = true;
    }
    return any;
}

static bool fill_lanes(mix_tunnel *t, mix_time now) {
    bool any = false;
    for (int lane = 0; lane < MIX_LANES; lane++)
        any |= fill_lane(t, (mix_lane)lane, now);
    return any;
}

/* Nobody asks us for reply blocks, so that lane's room is that of an empty one. */
static bool lane_is_empty(const mix_tunnel *t, mix_lane lane) {
    const mix_traffic *c = t->layers.traffic;
    size_t room = mix_traffic_room(c, lane);
    return room > 0 && room == mix_traffic_room(c, MIX_LANE_SURB_REQUEST);
}

/* One message of the session with the exit, as late as can be: until then packets bundle. */
static bool write_message(mix_tunnel *t, mix_time now) {
    mix_tunnel_layers *l = &t->layers;
    mix_ipr_message m;
    bool turn = mix_traffic_idle(l->traffic, now) || mix_traffic_waiting(l->traffic) > 0;
    if (!turn || !lane_is_empty(t, MIX_LANE_GENERAL) || !t->exit_chosen || t->exit_again)
        return false;
    (void)mix_tunnel_stack_drain(t, now);
    int status = mix_ipr_drain(t->ipr, &m, l->economy.cfg.packet_bytes - AROUND_DATA, now);
    if (mix_tunnel_own(t, status, now) != MIX_OK)
        return false;
    mix_message out = {
        .type = MIX_NYM_REPLIABLE,
        .data = m.bytes,
        .to = &t->exit.address,
        .surbs = mix_economy_attach(&l->economy, m.bytes.len, m.surbs),
        .limit = m.data ? TRIES_DATA : TRIES_CONTROL,
        .user = t->session,
    };
    status = mix_messages_write(l->messages, &out, now);
    if (mix_tunnel_own(t, status, now) != MIX_OK)
        return false;
    mix_economy_sent(&l->economy, out.surbs, false, now);
    mix_ipr_sent(t->ipr, now);
    (void)fill_lanes(t, now);
    return true;
}

/* Few at a time, and only when none of them wait: what waits is out of date. Not before the first
 * message has left, all of it, and its copies: it has those that its answer needs. An idle slot is rather a
 * copy's, unless replies come thick and fast. */
static bool refill(mix_tunnel *t, mix_time now) {
    mix_tunnel_layers *l = &t->layers;
    if (!lane_is_empty(t, MIX_LANE_SURBS) || l->economy.stock == 0)
        return false;
    if (!t->exit_up && !(t->exit_trying && lane_is_empty(t, MIX_LANE_GENERAL)))
        return false;
    bool copies = mix_traffic_copies(l->traffic, now) && mix_economy_is_calm(&l->economy, now);
    if (!t->exit_up && copies)
        return false;
    bool idle = mix_traffic_idle(l->traffic, now) && !copies;
    uint32_t count = mix_economy_refill(&l->economy, idle, now);
    if (count == 0)
        return false;
    int status = mix_messages_give(l->messages, &t->exit.address, count);
    if (mix_tunnel_own(t, status, now) != MIX_OK)
        return false;
    mix_economy_sent(&l->economy, count, true, now);
    return fill_lanes(t, now);
}

static bool send_one(mix_tunnel *t, mix_time now) {
    mix_traffic *c = t->layers.traffic;
    mix_traffic_set_backlog(c, mix_gateway_backlog(t->gateway), mix_gateway_room(t->gateway), now);
    mix_buf_truncate(&t->packet, 0);
    int status = mix_traffic_drain(c, &t->packet, now);
    if (mix_tunnel_own(t, status, now) != MIX_OK)
        return false;
    status = mix_gateway_write(t->gateway, mix_buf_bytes(&t->packet), now);
    mix_tunnel_own(t, status, now); /* without memory it is lost, as in the network */
    return status == MIX_OK;
}

static bool send_all(mix_tunnel *t, mix_time now) {
    bool any = false, more = true;
    while (more) {
        any |= write_message(t, now);
        any |= refill(t, now);
        more = t->retry_at == 0 && send_one(t, now);
        any |= more;
    }
    return any;
}

/* ---- all of it ---- */

static bool gone(const mix_tunnel *t) {
    return !t->running || t->retry_at != 0 || t->verdict.code != MIX_OK;
}

static bool move_up(mix_tunnel *t, mix_time now) {
    bool any = false;
    while (!gone(t) && take_directory_event(t, now))
        any = true;
    while (!gone(t) && take_gateway_event(t, now))
        any = true;
    while (take_traffic_event(t, now))
        any = true;
    while (take_message_event(t, now))
        any = true;
    count_replies(t, now);
    while (!gone(t) && take_ipr_event(t, now))
        any = true;
    count_replies(t, now);
    mix_tunnel_transport_turn(t, now);
    return any;
}

static bool move_down(mix_tunnel *t, mix_time now) {
    if (gone(t) || !t->flowing || !t->layers.messages || t->topology_due)
        return false;
    mix_tunnel_stale_turn(t, now);
    bool any = fill_lanes(t, now);
    return send_all(t, now) || any;
}

/* The goodbye has left, or there is no more time for it. */
static bool said_goodbye(const mix_tunnel *t, mix_time now) {
    mix_ipr_stats i;
    if (now >= t->closing_until || !t->flowing || !t->layers.messages)
        return true;
    mix_ipr_get_stats(t->ipr, &i);
    return i.state == MIX_IPR_IDLE && lane_is_empty(t, MIX_LANE_GENERAL) &&
           mix_gateway_backlog(t->gateway) == 0;
}

/* After the end the session with the gateway still has words to say and values to store. */
static void move_rest(mix_tunnel *t, mix_time now) {
    while (t->retry_at == 0 && take_gateway_event(t, now))
        continue;
}

void mix_tunnel_pump(mix_tunnel *t, mix_time now) {
    if (t->retry_at > now)
        return;
    t->retry_at = 0;
    for (bool any = true; any && !gone(t);) {
        any = move_up(t, now);
        if (!gone(t))
            mix_tunnel_proceed(t, now);
        any |= move_down(t, now);
    }
    if (t->running && t->verdict.code != MIX_OK) {
        mix_tunnel_end(t, MIX_TUNNEL_FAILED, now);
        mix_error_clear(&t->verdict);
    } else if (t->closing && said_goodbye(t, now)) {
        mix_tunnel_end(t, MIX_TUNNEL_CLOSED, now);
    }
    if (!t->running)
        move_rest(t, now);
    mix_tunnel_judge(t, now);
}
