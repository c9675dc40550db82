/* SPDX-License-Identifier: Apache-2.0 */
/* The side that hands SURBs out (§13): sender tags by recipient, SURBs made for messages as they
 * leave, answers to requests. */
#include "base/alloc.h"
#include "messages/internal.h"
#include "mix/errors.h"
#include "traffic/route.h"

#include <assert.h>

enum { TOGETHER = 8 }; /* SURBs in one call of the layer below */

mix_peer *mix_peer_find(const mix_messages *m, const mix_recipient *recipient) {
    for (size_t i = 0; i < m->peer_count; i++) {
        if (memcmp(&m->peers[i]->recipient, recipient, sizeof *recipient) == 0)
            return m->peers[i];
    }
    return NULL;
}

mix_peer *mix_peer_find_number(const mix_messages *m, uint32_t number) {
    for (size_t i = 0; i < m->peer_count; i++) {
        if (m->peers[i]->number == number)
            return m->peers[i];
    }
    return NULL;
}

static void free_peer(mix_peer *p) {
    mix_outgoing_free(p->answer);
    mix_free_wiped(p, sizeof *p);
}

/* A place in the table; the peer not used for the longest time leaves it when it is full. */
static size_t place_for(mix_messages *m) {
    if (m->peer_count < m->cfg.max_peers)
        return m->peer_count++;
    size_t oldest = 0;
    for (size_t i = 1; i < m->peer_count; i++) {
        if (m->peers[i]->used < m->peers[oldest]->used)
            oldest = i;
    }
    free_peer(m->peers[oldest]);
    return oldest;
}

int mix_peer_get(mix_messages *m, mix_peer **out, const mix_recipient *recipient) {
    mix_peer *p = mix_peer_find(m, recipient);
    if (!p) {
        p = mix_alloc_zero(1, sizeof *p);
        int status = p ? mix_random(m->env, p->tag, sizeof p->tag) : MIX_ERR_MEMORY;
        if (status != MIX_OK) {
            mix_free(p);
            return status;
        }
        p->recipient = *recipient;
        p->number = ++m->peer_numbers;
        m->peers[place_for(m)] = p;
    }
    p->used = ++m->uses;
    *out = p;
    return MIX_OK;
}

void mix_peers_deinit(mix_messages *m) {
    for (size_t i = 0; i < m->peer_count; i++)
        free_peer(m->peers[i]);
    mix_free(m->peers);
}

/* ---- making SURBs ---- */

static int draw_routes(mix_messages *m, mix_sphinx_route *routes, size_t count) {
    const mix_client_keys *keys = m->cfg.keys;
    int status = MIX_OK;
    for (size_t i = 0; status == MIX_OK && i < count; i++)
        status = mix_route_draw(&routes[i], NULL, NULL,
                                &(mix_route_source){m->topology, m->reach, m->env}, keys->gateway,
                                keys->identity_public, m->cfg.hop_delay);
    return status;
}

/* Each SURB goes into the message together with its key into the store, so a failure in between
 * leaves both consistent. */
static int put_surbs(mix_messages *m, mix_outgoing *o, const uint8_t *keys, size_t count,
                     mix_time now) {
    mix_peer *p = mix_peer_find_number(m, o->peer);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *key = keys + i * MIX_SURB_KEY_LEN;
        int status = mix_buf_reserve(&o->head, MIX_REPLY_SURB_LEN_4)
                         ? mix_reply_keys_add(&m->reply_keys, key, o->peer, now)
                         : MIX_ERR_MEMORY;
        if (status != MIX_OK) {
            mix_buf_truncate(&o->head, o->head.len);
            return status;
        }
        mix_buf_put(&o->head, key, MIX_SURB_KEY_LEN);
        mix_buf_put_bytes(
            &o->head, mix_bytes_slice(mix_buf_bytes(&m->made), i * MIX_SURB_LEN_4, MIX_SURB_LEN_4));
        o->surbs--;
        m->counts.surbs_made++;
        if (p)
            p->made++;
    }
    return MIX_OK;
}

static int make_surbs(mix_messages *m, mix_outgoing *o, size_t count, mix_time now) {
    mix_sphinx_route routes[TOGETHER];
    uint8_t keys[TOGETHER * MIX_SURB_KEY_LEN];
    assert(count <= TOGETHER);
    mix_buf_truncate(&m->made, 0);
    int status = draw_routes(m, routes, count);
    if (status == MIX_OK)
        status = mix_random(m->env, keys, count * MIX_SURB_KEY_LEN);
    if (status == MIX_OK)
        status = mix_surb_make(m->cfg.sphinx, &m->made, routes, count, MIX_SPHINX_V259);
    if (status == MIX_OK)
        status = put_surbs(m, o, keys, count, now);
    mix_wipe(keys, sizeof keys);
    mix_wipe(routes, sizeof routes);
    return status;
}

/* The list says the rotation of all its SURBs: from here on they are made of this snapshot's. */
static int begin(mix_messages *m, mix_outgoing *o) {
    mix_nym_encode_repliable_front(&o->head, o->content, o->tag, (uint16_t)o->listed,
                                   MIX_LAYERS + 1, mix_rotation_of(m->topology->rotation_id));
    int status = mix_buf_status(&o->head);
    if (status != MIX_OK)
        mix_buf_truncate(&o->head, 0);
    o->begun = status == MIX_OK;
    return status;
}

int mix_peer_fill(mix_messages *m, mix_outgoing *o, bool all, mix_time now) {
    int status = MIX_OK;
    if (o->surbs > 0 && !m->topology)
        return MIX_DONE;
    if (o->surbs > 0 && !o->begun)
        status = begin(m, o);
    while (status == MIX_OK && o->surbs > 0) {
        size_t needs = mix_outgoing_needs(o), has = o->head.len;
        if (has >= needs && !all)
            break;
        size_t count =
            all ? o->surbs : (needs - has + MIX_REPLY_SURB_LEN_4 - 1) / MIX_REPLY_SURB_LEN_4;
        count = count < o->surbs ? count : o->surbs;
        status = make_surbs(m, o, count < TOGETHER ? count : TOGETHER, now);
    }
    return status == MIX_ERR_NO_ROUTE ? MIX_DONE : status;
}

/* ---- answers ---- */

/* How many of the SURBs that are asked for go in one message: as many as one packet holds, unless
 * told otherwise. Messages of one packet arrive one by one, and each is of use at once; larger ones
 * save up to a tenth of the packets. */
static size_t together(const mix_messages *m, const mix_peer *p) {
    size_t one = m->space - MIX_FRAGMENT_HEADER_LEN - 1 - MIX_REPLIABLE_HEADER_LEN -
                 MIX_SURB_LIST_HEADER_LEN;
    if (p->together > 0)
        return p->together;
    return m->cfg.surbs_together > 0 ? m->cfg.surbs_together : one / MIX_REPLY_SURB_LEN_4;
}

static int start_answer(mix_messages *m, mix_peer *p) {
    size_t count = together(m, p);
    count = count < p->owed ? count : p->owed;
    mix_outgoing *o;
    int status =
        mix_outgoing_new(&o, m->env, m->space, MIX_REPLIABLE_HEADER_LEN + MIX_SURB_LIST_HEADER_LEN,
                         count, (mix_bytes){0});
    if (status != MIX_OK)
        return status;
    o->content = MIX_NYM_ADDITIONAL_SURBS;
    o->recipient = p->recipient;
    o->peer = p->number;
    memcpy(o->tag, p->tag, sizeof o->tag);
    o->limit = MIX_RETRANSMIT_FOREVER;
    o->user = MIX_MESSAGES_USER_OWN;
    p->answer = o;
    p->owed -= (uint32_t)count;
    return MIX_OK;
}

int mix_peer_next(mix_messages *m, mix_peer **out, mix_time now) {
    for (size_t i = 0; i < m->peer_count; i++) {
        mix_peer *p = m->peers[(m->peer_turn + i) % m->peer_count];
        if (!p->answer && p->owed == 0)
            continue;
        int status = p->answer ? MIX_OK : m->topology ? start_answer(m, p) : MIX_DONE;
        if (status == MIX_OK)
            status = mix_peer_fill(m, p->answer, false, now);
        *out = p;
        return status;
    }
    return MIX_DONE;
}

void mix_peer_sent(mix_messages *m, mix_peer *p) {
    mix_outgoing_advance(p->answer);
    if (mix_outgoing_left(p->answer) > 0)
        return;
    mix_outgoing_free(p->answer);
    p->answer = NULL;
    m->counts.sent++;
    for (size_t i = 0; i < m->peer_count; i++) { /* the next message is the next peer's */
        if (m->peers[i] == p)
            m->peer_turn = (i + 1) % m->peer_count;
    }
}
