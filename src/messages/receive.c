/* SPDX-License-Identifier: Apache-2.0 */
/* What a client does with what the gateway delivered (§10): open, reassemble, decode, tell. */
#include "base/alloc.h"
#include "messages/internal.h"
#include "mix/errors.h"

enum { FROM_STRANGERS = 0 }; /* the origin of what does not come by SURBs */

/* ---- events ---- */

static void free_event(mix_event *e) {
    if (!e)
        return;
    mix_buf_deinit_wiped(&e->message);
    mix_free_wiped(e, sizeof *e);
}

void mix_events_deinit(mix_messages *m) {
    for (mix_event *e = m->first, *next; e; e = next) {
        next = e->next;
        free_event(e);
    }
    free_event(m->given);
    free_event(m->spare);
}

static void queue_event(mix_messages *m, mix_event *e) {
    e->next = NULL;
    *(m->last ? &m->last->next : &m->first) = e;
    m->last = e;
    m->events++;
    m->event_bytes += e->message.len;
}

int mix_event_add(mix_messages *m, const mix_messages_event *ev) {
    mix_event *e = mix_alloc_zero(1, sizeof *e);
    if (!e)
        return MIX_ERR_MEMORY;
    e->ev = *ev;
    queue_event(m, e);
    return MIX_OK;
}

int mix_messages_next(mix_messages *m, mix_messages_event *ev) {
    free_event(m->given);
    m->given = m->first;
    if (!m->given)
        return MIX_DONE;
    m->first = m->given->next;
    if (!m->first)
        m->last = NULL;
    m->events--;
    m->event_bytes -= m->given->message.len;
    *ev = m->given->ev;
    return MIX_OK;
}

/* ---- messages ---- */

/* A failure to keep the SURBs is not one of the message. */
static void keep_surbs(mix_messages *m, const mix_nym_message *n, mix_time now) {
    m->counts.surbs_received += n->surbs.count;
    int status = mix_senders_receive(&m->senders, n->tag, &n->surbs,
                                     n->content == MIX_NYM_ADDITIONAL_SURBS, now);
    if (status != MIX_OK)
        mix_log(m->env, MIX_LOG_WARN, "messages", "%u reply blocks are lost: %s",
                (unsigned)n->surbs.count, mix_error_name(status));
}

/* §13.1: only the peer itself may ask, and only for itself. */
static int take_request(mix_messages *m, mix_peer *p, const mix_nym_message *n) {
    if (memcmp(&p->recipient, &n->recipient, sizeof n->recipient) != 0)
        return MIX_ERR_MESSAGE_ORIGIN;
    if (m->cfg.answer_requests) {
        uint32_t room = m->cfg.max_owed - p->owed;
        p->owed += n->amount < room ? n->amount : room;
        p->together = 0;
    }
    m->spare->ev = (mix_messages_event){
        .kind = MIX_MESSAGES_ASKED, .type = n->type, .from = p->recipient, .count = n->amount};
    return MIX_OK;
}

static int take_reply(mix_messages *m, const mix_nym_message *n, uint32_t origin) {
    mix_peer *p = mix_peer_find_number(m, origin);
    if (!p)
        return MIX_ERR_MESSAGE_ORIGIN; /* long forgotten */
    if (n->content == MIX_NYM_SURB_REQUEST)
        return take_request(m, p, n);
    m->spare->ev = (mix_messages_event){
        .kind = MIX_MESSAGES_RECEIVED, .type = n->type, .from = p->recipient, .data = n->data};
    return MIX_OK;
}

/* Fills the spare event. */
static int dispatch(mix_messages *m, const mix_nym_message *n, uint32_t origin, mix_time now) {
    if ((n->type == MIX_NYM_REPLY) != (origin != FROM_STRANGERS))
        return MIX_ERR_MESSAGE_ORIGIN;
    if (n->type == MIX_NYM_REPLY)
        return take_reply(m, n, origin);
    mix_messages_event ev = {.kind = MIX_MESSAGES_RECEIVED, .type = n->type, .data = n->data};
    if (n->type == MIX_NYM_REPLIABLE) {
        keep_surbs(m, n, now);
        memcpy(ev.tag, n->tag, sizeof ev.tag);
        ev.count = n->surbs.count;
        if (n->content != MIX_NYM_DATA)
            ev.kind = MIX_MESSAGES_SURBS;
    }
    m->spare->ev = ev;
    return MIX_OK;
}

/* The spare event's buffer holds a whole message, padded: it becomes an event. */
static int take_message(mix_messages *m, uint32_t origin, mix_time now) {
    mix_event *e = m->spare;
    mix_bytes bytes;
    mix_nym_message n;
    int status = mix_message_unpad(&bytes, mix_buf_bytes(&e->message));
    if (status == MIX_OK)
        status = mix_nym_decode(&n, bytes);
    if (status == MIX_OK)
        status = dispatch(m, &n, origin, now);
    if (status != MIX_OK)
        return status;
    if (e->ev.kind != MIX_MESSAGES_RECEIVED)
        mix_buf_deinit_wiped(&e->message);
    m->counts.received++;
    queue_event(m, e);
    m->spare = NULL;
    return MIX_OK;
}

/* ---- packets ---- */

/* Decrypts into m->opened; *origin tells whose SURB it came by. */
static int open_delivered(mix_messages *m, mix_bytes delivered, uint32_t *origin) {
    uint8_t key[MIX_SURB_KEY_LEN];
    if (delivered.len < MIX_KEY_LEN)
        return MIX_ERR_DELIVERED_SHORT;
    *origin = FROM_STRANGERS;
    mix_buf_truncate(&m->opened, 0);
    if (!mix_reply_keys_take(&m->reply_keys, key, origin, delivered.data))
        return mix_payload_open_forward(m->cfg.crypto, &m->opened, m->cfg.keys->encryption_secret,
                                        delivered);
    mix_peer *p = mix_peer_find_number(m, *origin);
    m->counts.surbs_used++;
    if (p)
        p->replies++;
    int status = mix_payload_open_reply(m->cfg.crypto, &m->opened, key,
                                        mix_bytes_slice(delivered, MIX_KEY_LEN, delivered.len));
    mix_wipe(key, sizeof key);
    return status;
}

static int take_delivered(mix_messages *m, mix_bytes delivered, mix_time now) {
    uint32_t origin;
    int status = open_delivered(m, delivered, &origin);
    if (status != MIX_OK)
        return status;
    if (mix_cover_is(mix_buf_bytes(&m->opened))) {
        m->counts.cover++;
        return MIX_OK;
    }
    mix_reassembly *r = origin == FROM_STRANGERS ? m->from_strangers : m->from_peers;
    mix_buf_truncate(&m->spare->message, 0);
    status = mix_reassembly_feed(r, &m->spare->message, origin, mix_buf_bytes(&m->opened), now);
    if (status == MIX_OK)
        return take_message(m, origin, now);
    return status == MIX_DONE ? MIX_OK : status;
}

int mix_messages_feed(mix_messages *m, mix_bytes delivered, mix_time now) {
    mix_messages_hide(m);
    if (m->events >= m->cfg.max_events || m->event_bytes >= m->cfg.max_event_bytes)
        return MIX_BLOCKED;
    if (!m->spare)
        m->spare = mix_alloc_zero(1, sizeof *m->spare);
    if (!m->spare)
        return MIX_ERR_MEMORY;
    int status = take_delivered(m, delivered, now);
    m->counts.refused += status < 0;
    if (status < 0)
        mix_log(m->env, MIX_LOG_DEBUG, "messages", "%zu delivered bytes are dropped: %s",
                delivered.len, mix_error_name(status));
    return status;
}
