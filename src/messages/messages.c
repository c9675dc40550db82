/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: what waits to leave, whose turn it is, topology and time. */
#include "messages/messages.h"

#include "base/alloc.h"
#include "messages/internal.h"
#include "mix/errors.h"

#include <assert.h>

enum {
    LONGEST_SURB = 1400, /* bytes of one in a stock, for the check of bounds */
    MOST_EPOCHS =
        100000, /* in a rotation: beyond it and LONGEST_EPOCH the directory talks nonsense */
};
static const int64_t LONGEST_EPOCH = MIX_SECONDS(366LL * 24 * 3600);

/* ---- configuration ---- */

void mix_messages_config_client(mix_messages_config *cfg) {
    *cfg = (mix_messages_config){
        .size = MIX_SIZE_REGULAR,
        .hop_delay = MIX_MS(15),
        .max_message = 4 << 20,
        .max_queued = 256 << 10,
        .max_peers = 64,
        .max_reply_keys = 8192,
        .reply_key_age = MIX_SECONDS(24 * 3600),
        .answer_requests = true,
        .max_owed = 500,
        .max_events = 256,
        .max_event_bytes = 1 << 20,
        .forward = {.max_bytes = 1 << 20,
                    .max_sets = 256,
                    .remembered = 1024,
                    .max_age = MIX_SECONDS(1800)},
        .reply = {.max_bytes = 8 << 20,
                  .max_sets = 1024,
                  .remembered = 8192,
                  .max_age = MIX_SECONDS(1800)},
        .senders = {.max_senders = 16,
                    .max_surbs = 256,
                    .max_stock_bytes = 1 << 20,
                    .max_waiting = 256 << 10,
                    .least = 10,
                    .most = 200,
                    .buffer = 0,
                    .request_least = 10,
                    .request_most = 50,
                    .max_rerequests = 5,
                    .rerequest_check = MIX_SECONDS(5),
                    .rerequest_after = MIX_SECONDS(10),
                    .drop_after = MIX_SECONDS(300)},
        .request_limit = 10,
    };
}

void mix_messages_config_exit(mix_messages_config *cfg) {
    mix_messages_config_client(cfg);
    cfg->max_events = 4096;
    cfg->max_event_bytes = 16 << 20;
    cfg->forward = (mix_reassembly_limits){.max_bytes = 64 << 20,
                                           .max_sets = 16384,
                                           .remembered = 65536,
                                           .max_age = MIX_SECONDS(1800)};
    cfg->reply = (mix_reassembly_limits){
        .max_bytes = 1 << 20, .max_sets = 64, .remembered = 64, .max_age = MIX_SECONDS(1800)};
    cfg->senders.max_senders = 4096;
    cfg->senders.max_surbs = 1024;
    cfg->senders.max_stock_bytes = 64 << 20;
    cfg->senders.max_waiting = 1 << 20;
    cfg->senders.buffer = 50;
}

static bool reassembly_is_good(const mix_reassembly_limits *l) {
    return l->max_bytes > 0 && l->max_sets > 0 && l->max_sets <= 1 << 24 && l->remembered > 0 &&
           l->remembered <= 1 << 24 && l->max_age > 0;
}

static bool senders_are_good(const mix_senders_config *s) {
    return s->max_senders > 0 && s->max_senders <= 1 << 20 && s->max_surbs > s->most &&
           s->max_surbs > s->request_most && s->max_surbs <= 1 << 16 &&
           s->max_stock_bytes / LONGEST_SURB >= s->max_surbs && s->max_waiting > 0 &&
           s->request_least > 0 && s->request_most >= s->request_least && s->rerequest_check > 0 &&
           s->rerequest_after >= 0 && s->drop_after > 0;
}

static bool config_is_good(const mix_messages_config *cfg) {
    return cfg->crypto && cfg->sphinx && cfg->keys &&
           mix_fragment_space(cfg->size) >= MIX_REPLIABLE_HEADER_LEN + MIX_SURB_LIST_HEADER_LEN +
                                                MIX_FRAGMENT_LINKED_LEN + MIX_REPLY_SURB_LEN_4 +
                                                1 &&
           cfg->hop_delay >= 0 && cfg->max_message > 0 && cfg->max_message <= 1 << 28 &&
           cfg->max_queued > 0 && cfg->max_peers > 0 && cfg->max_peers <= 1 << 12 &&
           cfg->max_reply_keys > 0 && cfg->max_reply_keys <= 1 << 24 && cfg->reply_key_age > 0 &&
           cfg->surbs_together <= MIX_SURBS_TOGETHER_MOST && cfg->max_events > 0 &&
           cfg->max_event_bytes > 0 && reassembly_is_good(&cfg->forward) &&
           reassembly_is_good(&cfg->reply) && senders_are_good(&cfg->senders);
}

static int init(mix_messages *m, const mix_env *env) {
    int status = mix_senders_init(&m->senders, &m->cfg.senders, env);
    if (status == MIX_OK)
        status =
            mix_reply_keys_init(&m->reply_keys, m->cfg.max_reply_keys, m->cfg.reply_key_age, env);
    if (status == MIX_OK)
        status = mix_reassembly_new(&m->from_strangers, &m->cfg.forward, env);
    if (status == MIX_OK)
        status = mix_reassembly_new(&m->from_peers, &m->cfg.reply, env);
    if (status == MIX_OK) {
        m->peers = mix_alloc_zero(m->cfg.max_peers, sizeof(mix_peer *));
        status = m->peers ? MIX_OK : MIX_ERR_MEMORY;
    }
    return status;
}

int mix_messages_new(mix_messages **out, const mix_messages_config *cfg, const mix_env *env) {
    if (!config_is_good(cfg))
        return MIX_ERR_ARGUMENT;
    mix_messages *m = mix_alloc_zero(1, sizeof *m);
    if (!m)
        return MIX_ERR_MEMORY;
    m->cfg = *cfg;
    m->env = env;
    m->space = mix_fragment_space(cfg->size);
    m->clean_at = m->refresh_at = MIX_NEVER;
    int status = init(m, env);
    if (status != MIX_OK)
        mix_messages_free(m);
    else
        *out = m;
    return status;
}

void mix_messages_free(mix_messages *m) {
    if (!m)
        return;
    mix_outgoing_clear(&m->forward);
    mix_senders_deinit(&m->senders);
    for (size_t i = 0; i < MIX_LANES; i++)
        mix_buf_deinit_wiped(&m->shown[i].fragment);
    mix_buf_deinit_wiped(&m->made);
    mix_buf_deinit_wiped(&m->opened);
    mix_peers_deinit(m);
    mix_reply_keys_deinit(&m->reply_keys);
    mix_reassembly_free(m->from_strangers);
    mix_reassembly_free(m->from_peers);
    mix_events_deinit(m);
    mix_free_wiped(m, sizeof *m);
}

/* ---- from above ---- */

static int check_message(const mix_messages *m, const mix_message *msg) {
    if (msg->user >= MIX_MESSAGES_USER_OWN || msg->surbs > MIX_SURBS_MOST)
        return MIX_ERR_ARGUMENT;
    if (msg->type == MIX_NYM_REPLY ? msg->data.len == 0 || msg->surbs > 0 : !msg->to)
        return MIX_ERR_ARGUMENT;
    if (msg->type == MIX_NYM_PLAIN && msg->surbs > 0)
        return MIX_ERR_ARGUMENT;
    return msg->data.len <= m->cfg.max_message ? MIX_OK : MIX_ERR_LIMIT;
}

/* A message with all that stands in front of its data, but for a list of SURBs. */
static int make_outgoing(mix_messages *m, mix_outgoing **out, const mix_message *msg) {
    static const uint8_t plain[] = {MIX_NYM_PLAIN}, reply[] = {MIX_NYM_REPLY, 0};
    mix_bytes front = msg->type == MIX_NYM_PLAIN ? MIX_BYTES(plain) : MIX_BYTES(reply);
    size_t front_len = msg->type == MIX_NYM_REPLIABLE
                           ? MIX_REPLIABLE_HEADER_LEN + MIX_SURB_LIST_HEADER_LEN
                           : front.len;
    mix_outgoing *o;
    int status = mix_outgoing_new(&o, m->env, m->space, front_len, msg->surbs, msg->data);
    if (status != MIX_OK)
        return status;
    o->user = msg->user;
    o->limit = msg->limit;
    if (msg->type != MIX_NYM_REPLIABLE)
        mix_buf_put_bytes(&o->head, front);
    status = mix_buf_status(&o->head);
    if (status != MIX_OK)
        mix_outgoing_free(o);
    else
        *out = o;
    return status;
}

static int write_reply(mix_messages *m, const mix_message *msg, mix_time now) {
    mix_sender *e = mix_senders_find(&m->senders, msg->tag);
    mix_outgoing *o;
    if (!e)
        return MIX_ERR_SENDER_UNKNOWN;
    if (e->waiting.first && mix_outgoing_size(m->space, MIX_REPLY_HEADER_LEN, 0, msg->data.len) >
                                mix_sender_room(&m->senders, e))
        return MIX_BLOCKED;
    int status = make_outgoing(m, &o, msg);
    if (status == MIX_OK)
        status = mix_senders_write(&m->senders, e, o, now);
    return status;
}

static size_t forward_room(const mix_messages *m) {
    return m->forward.bytes < m->cfg.max_queued ? m->cfg.max_queued - m->forward.bytes : 0;
}

static int write_forward(mix_messages *m, const mix_message *msg) {
    mix_peer *p = NULL;
    mix_outgoing *o;
    size_t front = MIX_REPLIABLE_HEADER_LEN + MIX_SURB_LIST_HEADER_LEN;
    if (m->forward.first &&
        mix_outgoing_size(m->space, front, msg->surbs, msg->data.len) > forward_room(m))
        return MIX_BLOCKED;
    int status = msg->type == MIX_NYM_REPLIABLE ? mix_peer_get(m, &p, msg->to) : MIX_OK;
    if (status == MIX_OK)
        status = make_outgoing(m, &o, msg);
    if (status != MIX_OK)
        return status;
    o->recipient = *msg->to;
    o->content = MIX_NYM_DATA;
    if (p) {
        o->peer = p->number;
        memcpy(o->tag, p->tag, sizeof o->tag);
    }
    mix_outgoing_push(&m->forward, o);
    return MIX_OK;
}

int mix_messages_write(mix_messages *m, const mix_message *msg, mix_time now) {
    int status = check_message(m, msg);
    if (status != MIX_OK)
        return status;
    mix_messages_hide(m);
    return msg->type == MIX_NYM_REPLY ? write_reply(m, msg, now) : write_forward(m, msg);
}

size_t mix_messages_room(const mix_messages *m, const uint8_t *tag) {
    enum {
        OVERHEAD = sizeof(mix_outgoing) + 64
    }; /* of a message's bookkeeping, with some identifiers of sets */
    const mix_sender *e = tag ? mix_senders_find(&m->senders, tag) : NULL;
    size_t room = !tag ? forward_room(m) : e ? mix_sender_room(&m->senders, e) : 0;
    return room > OVERHEAD ? room - OVERHEAD : 0;
}

int mix_messages_give(mix_messages *m, const mix_recipient *to, uint32_t count) {
    mix_peer *p;
    mix_messages_hide(m);
    int status = mix_peer_get(m, &p, to);
    if (status != MIX_OK)
        return status;
    if (count > m->cfg.max_owed - p->owed)
        return MIX_ERR_LIMIT;
    p->owed += count;
    p->together = count < MIX_SURBS_TOGETHER_MOST ? count : MIX_SURBS_TOGETHER_MOST;
    return MIX_OK;
}

void mix_messages_cancel(mix_messages *m, uint64_t user) {
    mix_outgoing_queue kept = {0};
    mix_messages_hide(m);
    while (m->forward.first) {
        mix_outgoing *o = m->forward.first;
        m->forward.first = o->next;
        if (o->user == user)
            mix_outgoing_free(o);
        else
            mix_outgoing_push(&kept, o);
    }
    m->forward = kept;
}

bool mix_messages_forget(mix_messages *m, const uint8_t tag[static MIX_SENDER_TAG_LEN],
                         uint64_t *user) {
    mix_sender *e = mix_senders_find(&m->senders, tag);
    if (!e)
        return false;
    mix_messages_hide(m);
    *user = MIX_MESSAGES_USER_OWN | e->number;
    mix_senders_forget(&m->senders, e);
    return true;
}

/* ---- to below ---- */

static int show_cut(const mix_messages *m, mix_shown *s, const mix_outgoing *o,
                    mix_traffic_item *item) {
    mix_buf_truncate(&s->fragment, 0);
    int status = mix_outgoing_cut(o, &s->fragment, item->id);
    item->fragment = mix_buf_bytes(&s->fragment);
    item->size = m->cfg.size;
    item->limit = o->limit;
    item->user = o->user;
    return status;
}

static int show_forward(mix_messages *m, mix_shown *s, mix_outgoing *o, mix_traffic_item *item,
                        mix_time now) {
    int status = MIX_OK;
    if (o->peer && o->listed == 0 && !o->begun) { /* an empty list needs no topology */
        mix_nym_encode_repliable_front(&o->head, o->content, o->tag, 0, 0, MIX_ROTATION_UNKNOWN);
        status = mix_buf_status(&o->head);
        o->begun = status == MIX_OK;
        if (status != MIX_OK)
            mix_buf_truncate(&o->head, 0);
    }
    if (status == MIX_OK)
        status = mix_peer_fill(m, o, false, now);
    if (status == MIX_OK)
        status = show_cut(m, s, o, item);
    item->recipient = &o->recipient;
    return status;
}

static void show_again(const mix_again *a, mix_traffic_item *item) {
    item->fragment = mix_bytes_of(a->fragment, a->len);
    item->size = a->size;
    item->limit = a->limit;
    item->count = a->count;
    memcpy(item->id, a->id, sizeof item->id);
}

/* A request for SURBs becomes a message when its turn comes. */
static int make_request(mix_messages *m, mix_sender *e) {
    mix_nym_message n = {.type = MIX_NYM_REPLY,
                         .content = MIX_NYM_SURB_REQUEST,
                         .recipient = mix_client_recipient(m->cfg.keys),
                         .amount = e->asked};
    mix_buf bytes = {0};
    mix_outgoing *o = NULL;
    if (e->request)
        return MIX_OK;
    mix_nym_encode(&bytes, &n);
    int status = mix_buf_status(&bytes);
    if (status == MIX_OK)
        status = mix_outgoing_new(&o, m->env, m->space, 0, 0, mix_buf_bytes(&bytes));
    mix_buf_deinit(&bytes);
    if (status == MIX_OK) {
        o->limit = m->cfg.request_limit;
        e->request = o;
    }
    return status;
}

static int show_reply(mix_messages *m, mix_shown *s, mix_sender *e, int turn,
                      mix_traffic_item *item) {
    const mix_again *again = turn == MIX_TURN_REQUEST ? e->request_again.first : e->again.first;
    mix_stock_surb surb;
    int status = MIX_OK;
    if (!mix_stock_peek(&e->stock, &surb))
        return MIX_DONE;
    if (!again && turn == MIX_TURN_REQUEST)
        status = make_request(m, e);
    if (status == MIX_OK && again)
        show_again(again, item);
    else if (status == MIX_OK)
        status = show_cut(m, s, turn == MIX_TURN_REQUEST ? e->request : e->waiting.first, item);
    item->user = MIX_MESSAGES_USER_OWN | e->number;
    item->surb = surb.surb;
    item->surb_key = surb.key;
    item->surb_rotation = surb.rotation;
    return status;
}

static int show_general(mix_messages *m, mix_shown *s, mix_traffic_item *item, mix_time now) {
    mix_sender *e = mix_senders_next(&m->senders, MIX_TURN_DATA);
    if (e && !(m->forward.first && !m->forward_last)) {
        s->source = MIX_SOURCE_SENDER;
        s->sender = e;
        return show_reply(m, s, e, MIX_TURN_DATA, item);
    }
    if (!m->forward.first)
        return MIX_DONE;
    s->source = MIX_SOURCE_FORWARD;
    return show_forward(m, s, m->forward.first, item, now);
}

static int show_answer(mix_messages *m, mix_shown *s, mix_traffic_item *item, mix_time now) {
    int status = mix_peer_next(m, &s->peer, now);
    if (status != MIX_OK)
        return status;
    s->source = MIX_SOURCE_PEER;
    item->recipient = &s->peer->answer->recipient;
    return show_cut(m, s, s->peer->answer, item);
}

static int show(mix_messages *m, mix_shown *s, mix_traffic_item *item, mix_time now) {
    switch (item->lane) {
    case MIX_LANE_GENERAL:
        return show_general(m, s, item, now);
    case MIX_LANE_SURBS:
        return show_answer(m, s, item, now);
    case MIX_LANE_SURB_REQUEST:
        s->source = MIX_SOURCE_SENDER;
        s->sender = mix_senders_next(&m->senders, MIX_TURN_REQUEST);
        return s->sender ? show_reply(m, s, s->sender, MIX_TURN_REQUEST, item) : MIX_DONE;
    default:
        return MIX_ERR_ARGUMENT;
    }
}

int mix_messages_peek(mix_messages *m, mix_lane lane, mix_traffic_item *item, mix_time now) {
    mix_messages_hide(m);
    if ((unsigned)lane >= MIX_LANES)
        return MIX_ERR_ARGUMENT;
    mix_shown *s = &m->shown[lane];
    *item = (mix_traffic_item){.lane = lane};
    int status = show(m, s, item, now);
    if (status != MIX_OK)
        s->source = MIX_SOURCE_NONE;
    return status;
}

void mix_messages_pop(mix_messages *m, mix_lane lane, mix_time now) {
    mix_shown s = m->shown[lane];
    size_t before = m->forward.messages;
    assert(s.source != MIX_SOURCE_NONE);
    mix_messages_hide(m);
    switch (s.source) {
    case MIX_SOURCE_FORWARD:
        mix_outgoing_pop_fragment(&m->forward);
        m->counts.sent += before - m->forward.messages;
        m->forward_last = true;
        break;
    case MIX_SOURCE_SENDER:
        m->counts.sent +=
            mix_senders_sent(&m->senders, s.sender,
                             lane == MIX_LANE_GENERAL ? MIX_TURN_DATA : MIX_TURN_REQUEST, now);
        m->forward_last &= lane != MIX_LANE_GENERAL;
        break;
    case MIX_SOURCE_PEER:
        mix_peer_sent(m, s.peer);
        break;
    case MIX_SOURCE_NONE:
        break;
    }
}

int mix_messages_expired(mix_messages *m, const mix_traffic_event *ev, mix_time now) {
    mix_sender *e = mix_senders_find_number(&m->senders, ev->user & ~MIX_MESSAGES_USER_OWN);
    mix_messages_hide(m);
    if (!(ev->user & MIX_MESSAGES_USER_OWN) || !e)
        return MIX_ERR_SENDER_UNKNOWN;
    return mix_senders_again(&m->senders, e, ev, now);
}

/* ---- topology and time (§14.3) ---- */

/* Lists of SURBs that have begun to leave say one rotation for all. */
static int complete_lists(mix_messages *m, mix_time now) {
    int status = MIX_OK;
    if (m->forward.first && m->forward.first->begun)
        status = mix_peer_fill(m, m->forward.first, true, now);
    for (size_t i = 0; status == MIX_OK && i < m->peer_count; i++) {
        if (m->peers[i]->answer && m->peers[i]->answer->begun)
            status = mix_peer_fill(m, m->peers[i]->answer, true, now);
    }
    return status == MIX_DONE ? MIX_ERR_NO_ROUTE : status;
}

static mix_time clean_period(const mix_messages *m) {
    return m->rotations.epoch_length / 8 + 1;
}

void mix_messages_set_reach(mix_messages *m, const struct mix_reach *reach) {
    m->reach = reach;
}

int mix_messages_set_topology(mix_messages *m, const mix_topology *topology, mix_time now) {
    mix_messages_hide(m);
    bool turns = m->topology && topology && m->topology->rotation_id != topology->rotation_id;
    if (turns) {
        int status = complete_lists(m, now);
        if (status != MIX_OK)
            return status;
        if (m->refresh_at == MIX_NEVER)
            m->refresh_at = m->knows_rotations ? now + clean_period(m) : now;
    }
    m->topology = topology;
    return MIX_OK;
}

void mix_messages_set_rotations(mix_messages *m, const mix_rotation_info *info, mix_time now) {
    m->rotations = *info;
    m->knows_rotations = info->epoch_length > 0 && info->epoch_length <= LONGEST_EPOCH &&
                         info->validity_epochs > 0 && info->validity_epochs <= MOST_EPOCHS;
    m->clean_at = m->knows_rotations ? now + clean_period(m) : MIX_NEVER;
}

static void clean(mix_messages *m, mix_time now) {
    const mix_rotation_info *info = &m->rotations;
    int64_t wall = m->env->wall_time(m->env->user), length = info->epoch_length;
    if (m->topology && m->topology->refreshed_at != 0 &&
        mix_rotation_stuck(info, m->topology->epoch_id, m->topology->refreshed_at)) {
        mix_senders_clean(&m->senders, now, now - (info->validity_epochs + 1) * length,
                          MIX_ROTATION_UNKNOWN, false);
        return;
    }
    uint32_t id = mix_rotation_id_at(info, mix_rotation_epoch_at(info, wall));
    int64_t start = mix_rotation_start(info, id);
    if (start < 0 || start > wall) /* a clock outside of all rotations judges nothing */
        return;
    mix_senders_clean(&m->senders, now, now - (wall - start) - length,
                      id % 2 == 0 ? MIX_ROTATION_ODD : MIX_ROTATION_EVEN, wall - start > length);
}

mix_time mix_messages_deadline(const mix_messages *m) {
    mix_time at[] = {mix_reassembly_deadline(m->from_strangers),
                     mix_reassembly_deadline(m->from_peers),
                     mix_reply_keys_deadline(&m->reply_keys),
                     mix_senders_deadline(&m->senders),
                     m->clean_at,
                     m->refresh_at};
    mix_time first = MIX_NEVER;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        first = at[i] < first ? at[i] : first;
    return first;
}

int mix_messages_tick(mix_messages *m, mix_time now) {
    mix_senders_dropped dropped;
    int status = MIX_OK;
    mix_messages_hide(m);
    mix_reassembly_tick(m->from_strangers, now);
    mix_reassembly_tick(m->from_peers, now);
    mix_reply_keys_tick(&m->reply_keys, now);
    if (m->refresh_at <= now) {
        m->refresh_at = MIX_NEVER;
        mix_senders_refresh(&m->senders, now);
    }
    if (m->clean_at <= now) {
        m->clean_at = now + clean_period(m);
        clean(m, now);
    }
    while (mix_senders_tick(&m->senders, now, &dropped)) {
        mix_messages_event ev = {
            .kind = MIX_MESSAGES_DROPPED, .type = MIX_NYM_REPLY, .count = dropped.fragments};
        memcpy(ev.tag, dropped.tag, sizeof ev.tag);
        int added = mix_event_add(m, &ev);
        status = added != MIX_OK ? added : status;
    }
    return status;
}

/* ---- counts ---- */

mix_messages_peer mix_messages_get_peer(const mix_messages *m, const mix_recipient *to) {
    const mix_peer *p = mix_peer_find(m, to);
    return p ? (mix_messages_peer){.made = p->made, .replies = p->replies, .owed = p->owed}
             : (mix_messages_peer){0};
}

size_t mix_messages_stock(const mix_messages *m, const uint8_t tag[static MIX_SENDER_TAG_LEN]) {
    const mix_sender *e = mix_senders_find(&m->senders, tag);
    return e ? mix_stock_count(&e->stock) : 0;
}

mix_messages_counts mix_messages_count(const mix_messages *m) {
    mix_messages_counts counts = m->counts;
    counts.forward = mix_reassembly_get_stats(m->from_strangers);
    counts.reply = mix_reassembly_get_stats(m->from_peers);
    return counts;
}
