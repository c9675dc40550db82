/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: slots, lanes, acknowledgements, events. */
#include "traffic/traffic.h"

#include "base/alloc.h"
#include "base/queue.h"
#include "mix/errors.h"
#include "traffic/build.h"
#include "traffic/pending.h"
#include "traffic/poisson.h"
#include "traffic/twins.h"

enum {
    MULTIPLIER_MAX = 6,     /* §11 */
    BACKLOG_HIGH = 10,      /* packets: more are backpressure */
    SLOWER_AFTER = 1000000, /* µs since the last change */
    FASTER_AFTER = 2000000, /* µs without backpressure, and since the last change */
    YOUNG = 200000,         /* µs since a packet left: its copy may still be the first to arrive */
};

struct mix_traffic {
    mix_traffic_config cfg;
    const mix_env *env;
    mix_builder builder;
    mix_reach *reach; /* or NULL */
    mix_twins twins;
    mix_pending pending;
    mix_queue delivered;
    mix_slots main, cover;
    size_t backlog, backlog_room;
    uint32_t multiplier;
    mix_time changed, pressed; /* when the multiplier changed, when backpressure was seen */
    mix_traffic_counts counts;
    bool showing;     /* the event given last is still there for its bytes */
    mix_entry *shown; /* it, or NULL: the first of delivered */
};

void mix_traffic_config_init(mix_traffic_config *cfg) {
    *cfg = (mix_traffic_config){
        .hop_delay = MIX_MS(15),
        .ack_delay = MIX_MS(15),
        .send_interval = MIX_MS(20),
        .cover_interval = MIX_MS(200),
        .cover_version = MIX_SPHINX_V258,
        .packet_form = 2,
        .ack_addition = MIX_MS(1500),
        .ack_percent = 150,
        .max_retransmissions = MIX_RETRANSMIT_FOREVER,
        .lane_packets = 32,
        .max_packets = 1024,
        .max_delivered = 256,
    };
}

static bool config_is_good(const mix_traffic_config *cfg) {
    const mix_time longest = MIX_SECONDS(3600);
    return cfg->crypto && cfg->sphinx && cfg->keys && cfg->hop_delay >= 0 &&
           cfg->hop_delay <= longest && cfg->ack_delay >= 0 && cfg->ack_delay <= longest &&
           cfg->send_interval > 0 && cfg->send_interval <= longest && cfg->cover_interval > 0 &&
           cfg->cover_interval <= longest &&
           (cfg->cover_version == MIX_SPHINX_V258 || cfg->cover_version == MIX_SPHINX_V259) &&
           (cfg->packet_form == 1 || cfg->packet_form == 2) && cfg->ack_addition >= 0 &&
           cfg->ack_addition <= longest && cfg->ack_percent <= 10000 && cfg->lane_packets > 0 &&
           cfg->max_packets > 0 && cfg->max_packets <= 1 << 20 && cfg->max_delivered > 0;
}

int mix_traffic_new(mix_traffic **out, const mix_traffic_config *cfg, const mix_env *env) {
    if (!config_is_good(cfg))
        return MIX_ERR_ARGUMENT;
    mix_traffic *t = mix_alloc_zero(1, sizeof *t);
    if (!t)
        return MIX_ERR_MEMORY;
    t->cfg = *cfg;
    t->env = env;
    t->builder = (mix_builder){.cfg = &t->cfg, .env = env};
    t->backlog_room = SIZE_MAX;
    t->multiplier = 1;
    mix_queue_init(&t->delivered, cfg->max_delivered, SIZE_MAX);
    int status = mix_pending_init(&t->pending, cfg->max_packets, env);
    if (status == MIX_OK && cfg->learns)
        status = mix_reach_new(&t->reach);
    t->builder.reach = t->reach;
    if (status != MIX_OK) {
        mix_traffic_free(t);
        return status;
    }
    *out = t;
    return MIX_OK;
}

void mix_traffic_free(mix_traffic *t) {
    if (!t)
        return;
    mix_builder_deinit(&t->builder);
    mix_reach_free(t->reach);
    mix_pending_deinit(&t->pending);
    mix_queue_deinit(&t->delivered);
    mix_free_wiped(t, sizeof *t);
}

const mix_reach *mix_traffic_reach(const mix_traffic *t) {
    return t->reach;
}

static void learn(mix_traffic *t, const mix_way *way, bool arrived, mix_time now) {
    if (t->reach && t->builder.topology)
        mix_reach_note(t->reach, way, arrived, t->builder.topology, now);
}

/* ---- the streams ---- */

/* The main stream's first slot is now, whatever there is to send: that tells nothing but that the
 * client has begun, which its login has told already. */
static int start_streams(mix_traffic *t, mix_time now) {
    mix_slots cover = t->cover;
    int status = MIX_OK;
    if (!t->cfg.cover_off && !cover.running)
        status = mix_slots_start(&cover, t->env, t->cfg.cover_interval, now);
    if (status != MIX_OK)
        return status;
    t->cover = cover;
    if (!t->cfg.pacing_off && !t->main.running)
        mix_slots_start_now(&t->main, now);
    return MIX_OK;
}

int mix_traffic_set_topology(mix_traffic *t, const mix_topology *topology, mix_time now) {
    int route = topology ? mix_topology_check(topology, t->cfg.keys->gateway) : MIX_OK;
    if (!topology || route != MIX_OK) {
        t->builder.topology = NULL;
        mix_slots_stop(&t->main);
        mix_slots_stop(&t->cover);
        return route;
    }
    int status = start_streams(t, now);
    if (status != MIX_OK)
        return status;
    if (!t->builder.topology)
        t->changed = now;
    t->builder.topology = topology;
    return MIX_OK;
}

static bool may_send(const mix_traffic *t) {
    return t->builder.topology && t->backlog_room > 0;
}

/* §11: how the main stream adapts to what the gateway takes. */
static void judge_backlog(mix_traffic *t, mix_time now) {
    if (t->backlog > BACKLOG_HIGH)
        t->pressed = now;
    if (t->backlog_room == 0 && now - t->changed > SLOWER_AFTER && t->multiplier < MULTIPLIER_MAX) {
        t->multiplier++;
        t->changed = now;
    } else if (now - t->pressed > FASTER_AFTER && now - t->changed > FASTER_AFTER &&
               t->multiplier > 1) {
        t->multiplier--;
        t->changed = now;
    }
}

void mix_traffic_set_backlog(mix_traffic *t, size_t packets, size_t room, mix_time now) {
    t->backlog = packets;
    t->backlog_room = room;
    judge_backlog(t, now);
}

uint32_t mix_traffic_multiplier(const mix_traffic *t) {
    return t->multiplier;
}

/* ---- from above ---- */

static size_t entries(const mix_traffic *t) {
    return mix_pending_waiting(&t->pending) + t->pending.list[MIX_PENDING_SENT].len +
           t->pending.list[MIX_PENDING_FINISHED].len;
}

size_t mix_traffic_room(const mix_traffic *t, mix_lane lane) {
    size_t len = t->pending.list[lane].len, all = entries(t);
    size_t in_lane = len < t->cfg.lane_packets ? t->cfg.lane_packets - len : 0;
    size_t in_all = all < t->cfg.max_packets ? t->cfg.max_packets - all : 0;
    return in_lane < in_all ? in_lane : in_all;
}

static int check_item(const mix_traffic_item *item) {
    static const uint8_t no_id[MIX_FRAGMENT_ID_LEN] = {0};
    if ((unsigned)item->lane >= MIX_LANES || memcmp(item->id, no_id, sizeof no_id) == 0)
        return MIX_ERR_ARGUMENT;
    if (item->fragment.len == 0 || item->fragment.len != mix_fragment_space(item->size))
        return MIX_ERR_FRAGMENT_SIZE;
    if (item->recipient)
        return MIX_OK;
    return item->surb_key ? mix_surb_check(item->surb) : MIX_ERR_ARGUMENT;
}

int mix_traffic_write(mix_traffic *t, const mix_traffic_item *item, mix_time now) {
    (void)now;
    int status = check_item(item);
    if (status != MIX_OK)
        return status;
    return mix_traffic_room(t, item->lane) > 0 ? mix_pending_add(&t->pending, item) : MIX_BLOCKED;
}

/* Ends the life of the event that was shown last. */
static void drop_shown(mix_traffic *t) {
    if (t->showing && t->shown)
        mix_pending_remove(&t->pending, t->shown);
    else if (t->showing)
        mix_queue_pop(&t->delivered);
    t->showing = false;
    t->shown = NULL;
}

void mix_traffic_cancel(mix_traffic *t, uint64_t user) {
    drop_shown(t);
    for (size_t i = 0; i < MIX_PENDING_LISTS; i++) {
        for (mix_entry *e = t->pending.list[i].first, *next; e; e = next) {
            next = e->next;
            if (e->event.user == user)
                mix_pending_remove(&t->pending, e);
        }
    }
}

/* ---- to below ---- */

bool mix_traffic_idle(const mix_traffic *t, mix_time now) {
    return may_send(t) && (t->cfg.pacing_off || mix_slots_due(&t->main, now)) &&
           mix_pending_waiting(&t->pending) == 0;
}

/* §12: from the moment when the packet leaves. */
static mix_time timeout_of(const mix_traffic *t, const mix_entry *e, mix_time now) {
    return now + t->cfg.ack_addition + (mix_time)(e->expected / 1000 * t->cfg.ack_percent / 100);
}

static void note_sent(mix_traffic *t, mix_entry *e, mix_time now) {
    if (e->list == MIX_PENDING_AGAIN)
        t->counts.retransmitted++;
    else
        t->counts.data++;
    e->sent_at = now;
    e->copied = false;
    mix_pending_wait(&t->pending, e, timeout_of(t, e, now));
}

/* §12, §8: a fragment that was sent before gets another try later, a new one is given up. */
static void note_no_route(mix_traffic *t, mix_entry *e, mix_time now) {
    if (e->list == MIX_PENDING_AGAIN) {
        e->event.count--;
        mix_pending_wait(&t->pending, e, timeout_of(t, e, now));
        return;
    }
    t->counts.gave_up++;
    mix_pending_finish(&t->pending, e, MIX_TRAFFIC_GAVE_UP, MIX_ERR_NO_ROUTE);
}

/* The packet whose turn it is; MIX_DONE when nothing waits that can be sent. */
static int drain_data(mix_traffic *t, mix_buf *out, mix_time now) {
    mix_entry *e;
    while ((e = mix_pending_first(&t->pending)) != NULL) {
        int status = mix_build_entry(&t->builder, out, e);
        if (status == MIX_OK)
            note_sent(t, e, now);
        if (status != MIX_ERR_NO_ROUTE)
            return status;
        mix_log(t->env, MIX_LOG_WARN, "traffic", "no route for a fragment (%s)",
                e->list == MIX_PENDING_AGAIN ? "tried again later" : "given up");
        note_no_route(t, e, now);
    }
    return MIX_DONE;
}

/* The youngest packet that may be sent once more, or NULL. They stand in the order in which they
 * left; behind one that waits without a route none is looked for. */
static mix_entry *to_copy(const mix_traffic *t, mix_time now) {
    mix_entry *e = t->cfg.copies && t->main.running ? t->pending.list[MIX_PENDING_SENT].last : NULL;
    for (; e && now - e->sent_at < YOUNG; e = e->previous)
        if (!e->copied && !e->is_reply && e->event.lane == MIX_LANE_GENERAL)
            return e;
    return NULL;
}

bool mix_traffic_copies(const mix_traffic *t, mix_time now) {
    return may_send(t) && to_copy(t, now);
}

static int drain_copy(mix_traffic *t, mix_buf *out, mix_time now) {
    mix_entry *e = to_copy(t, now);
    int status = e ? mix_build_copy(&t->builder, out, e) : MIX_DONE;
    if (status == MIX_ERR_NO_ROUTE)
        return MIX_DONE;
    if (status == MIX_OK) {
        e->copied = true;
        t->counts.copies++;
    }
    return status;
}

static int drain_main(mix_traffic *t, mix_buf *out, mix_time now) {
    mix_slots next;
    judge_backlog(t, now);
    int status =
        mix_slots_after(&next, &t->main, t->env, t->cfg.send_interval * t->multiplier, now);
    if (status != MIX_OK)
        return status;
    status = drain_data(t, out, now);
    if (status == MIX_DONE)
        status = drain_copy(t, out, now);
    if (status == MIX_DONE) {
        status = mix_build_cover(&t->builder, out);
        t->counts.slot_cover += status == MIX_OK;
    }
    if (status == MIX_OK)
        t->main = next;
    return status;
}

static int drain_cover(mix_traffic *t, mix_buf *out, mix_time now) {
    mix_slots next;
    int status = mix_slots_after(&next, &t->cover, t->env, t->cfg.cover_interval, now);
    if (status == MIX_OK)
        status = mix_build_cover(&t->builder, out);
    if (status == MIX_OK) {
        t->cover = next;
        t->counts.loop_cover++;
    }
    return status;
}

int mix_traffic_drain(mix_traffic *t, mix_buf *out, mix_time now) {
    drop_shown(t);
    if (!may_send(t))
        return MIX_DONE;
    size_t start = out->len;
    mix_time main = mix_slots_deadline(&t->main), cover = mix_slots_deadline(&t->cover);
    int status = MIX_DONE;
    if (cover <= now && cover <= main)
        status = drain_cover(t, out, now);
    else if (main <= now)
        status = drain_main(t, out, now);
    else if (t->cfg.pacing_off)
        status = drain_data(t, out, now);
    if (status == MIX_OK && t->backlog_room != SIZE_MAX)
        t->backlog_room--; /* until the caller tells anew */
    if (status < 0)
        mix_buf_truncate(out, start);
    return status;
}

/* ---- from below ---- */

static int feed_ack(mix_traffic *t, mix_bytes delivered, mix_time now) {
    uint8_t id[MIX_FRAGMENT_ID_LEN];
    int status = mix_ack_open(t->cfg.crypto, id, t->cfg.keys->ack_key, delivered);
    if (status != MIX_OK)
        return status;
    if (mix_get_u32(id) == 0) {
        t->counts.cover_acked++;
        return MIX_OK;
    }
    uint8_t twin[MIX_FRAGMENT_ID_LEN];
    memcpy(twin, id, sizeof twin);
    twin[0] ^= MIX_ACK_OF_COPY;
    bool of_copy = id[0] & MIX_ACK_OF_COPY;
    mix_way way;
    mix_entry *e = mix_pending_find(&t->pending, of_copy ? twin : id);
    bool was_sent = e && (e->list == MIX_PENDING_SENT || e->list == MIX_PENDING_AGAIN);
    if (!was_sent && mix_twins_take(&t->twins, id, &way)) {
        learn(t, &way, true, now);
        return MIX_OK;
    }
    if (!was_sent) {
        t->counts.stray_acks++;
        return MIX_OK;
    }
    t->counts.acked++;
    /* Of the last packet: one before it is seldom so late. */
    learn(t, of_copy ? &e->copy_way : &e->way, true, now);
    if (e->copied)
        mix_twins_put(&t->twins, twin, of_copy ? &e->way : &e->copy_way, e->timer.at);
    mix_pending_finish(&t->pending, e, MIX_TRAFFIC_ACKED, MIX_OK);
    return MIX_OK;
}

/* §10: told apart by length; up to 48 bytes are acknowledgements of a packet type that is not sent.
 */
int mix_traffic_feed(mix_traffic *t, mix_bytes delivered, mix_time now) {
    enum { LONGEST_ACK = 48 };
    drop_shown(t);
    if (delivered.len <= LONGEST_ACK)
        return feed_ack(t, delivered, now);
    if (mix_covers_take(&t->builder.covers, delivered)) {
        t->counts.cover_back++;
        return MIX_OK;
    }
    int status = mix_queue_push(&t->delivered, delivered, 0);
    t->counts.delivered += status == MIX_OK;
    return status;
}

int mix_traffic_next(mix_traffic *t, mix_traffic_event *ev) {
    drop_shown(t);
    mix_bytes message;
    mix_entry *finished = t->pending.list[MIX_PENDING_FINISHED].first;
    if (finished) {
        *ev = finished->event;
        t->shown = finished;
    } else if (mix_queue_peek(&t->delivered, &message, NULL)) {
        *ev = (mix_traffic_event){.kind = MIX_TRAFFIC_DELIVERED, .bytes = message};
    } else {
        return MIX_DONE;
    }
    t->showing = true;
    return MIX_OK;
}

/* ---- time ---- */

mix_time mix_traffic_deadline(const mix_traffic *t) {
    mix_time at = mix_timers_deadline(&t->pending.timers);
    if (!may_send(t))
        return at;
    mix_time main = mix_slots_deadline(&t->main), cover = mix_slots_deadline(&t->cover);
    return mix_earlier(at, mix_earlier(main, cover));
}

int mix_traffic_tick(mix_traffic *t, mix_time now) {
    drop_shown(t);
    mix_entry *e;
    mix_way way;
    if (t->reach)
        mix_reach_tick(t->reach, now);
    while (mix_twins_overdue(&t->twins, &way, now))
        learn(t, &way, false, now);
    while ((e = mix_pending_overdue(&t->pending, now)) != NULL) {
        learn(t, &e->way, false, now);
        if (e->copied)
            learn(t, &e->copy_way, false, now);
        e->copied = false;
        if (e->event.count >= e->event.limit || e->event.count >= t->cfg.max_retransmissions) {
            t->counts.gave_up++;
            mix_pending_finish(&t->pending, e, MIX_TRAFFIC_GAVE_UP, MIX_ERR_LIMIT);
            continue;
        }
        e->event.count++;
        t->counts.expired += e->is_reply;
        if (e->is_reply)
            mix_pending_finish(&t->pending, e, MIX_TRAFFIC_EXPIRED, MIX_OK);
        else
            mix_pending_move(&t->pending, e, MIX_PENDING_AGAIN);
    }
    return MIX_OK;
}

/* ---- counts ---- */

mix_traffic_counts mix_traffic_count(const mix_traffic *t) {
    return t->counts;
}

size_t mix_traffic_waiting(const mix_traffic *t) {
    return mix_pending_waiting(&t->pending);
}

size_t mix_traffic_unacknowledged(const mix_traffic *t) {
    return t->pending.list[MIX_PENDING_SENT].len;
}
