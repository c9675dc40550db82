/* SPDX-License-Identifier: Apache-2.0 */
/* The padded message is never built whole: each fragment takes from head, data, end mark and zeros
 * in turn. */
#include "messages/outgoing.h"

#include "base/alloc.h"

#include <assert.h>

static mix_split plan_of(size_t space, size_t front_len, size_t surbs, size_t data_len) {
    return mix_split_plan(front_len + surbs * MIX_REPLY_SURB_LEN_4 + data_len, space);
}

size_t mix_outgoing_size(size_t space, size_t front_len, size_t surbs, size_t data_len) {
    return sizeof(mix_outgoing) +
           plan_of(space, front_len, surbs, data_len).sets * sizeof(uint32_t) + data_len;
}

int mix_outgoing_new(mix_outgoing **out, const mix_env *env, size_t space, size_t front_len,
                     size_t surbs, mix_bytes data) {
    mix_split plan = plan_of(space, front_len, surbs, data.len);
    size_t ids_len = plan.sets * sizeof(uint32_t), size = sizeof(mix_outgoing) + ids_len + data.len;
    mix_outgoing *o = mix_alloc(size);
    if (!o)
        return MIX_ERR_MEMORY;
    *o = (mix_outgoing){.plan = plan, .surbs = surbs, .listed = surbs, .bytes = size};
    o->ids = (uint32_t *)(void *)o->tail;
    o->data = mix_bytes_of(o->tail + ids_len, data.len);
    if (data.len > 0)
        memcpy(o->tail + ids_len, data.data, data.len);
    int status = mix_split_ids(o->ids, plan.sets, env);
    if (status != MIX_OK)
        mix_outgoing_free(o);
    else
        *out = o;
    return status;
}

void mix_outgoing_free(mix_outgoing *o) {
    if (!o)
        return;
    mix_buf_deinit_wiped(&o->head);
    mix_free_wiped(o, o->bytes);
}

static mix_fragment header_of(const mix_outgoing *o) {
    return mix_split_at(&o->plan, o->ids, o->index);
}

size_t mix_outgoing_needs(const mix_outgoing *o) {
    return header_of(o).payload.len;
}

size_t mix_outgoing_left(const mix_outgoing *o) {
    return o->plan.fragments - o->index;
}

/* How much of a fragment's payload comes from where. */
typedef struct shares {
    size_t head, data, mark, zeros;
} shares;

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static shares shares_of(const mix_outgoing *o, size_t payload) {
    shares s = {.head = least(payload, o->head.len)};
    assert(s.head == payload || o->surbs == 0);
    s.data = least(payload - s.head, o->data.len);
    s.mark = !o->marked && s.head + s.data < payload;
    s.zeros = payload - s.head - s.data - s.mark;
    return s;
}

int mix_outgoing_cut(const mix_outgoing *o, mix_buf *out, uint8_t id[static MIX_FRAGMENT_ID_LEN]) {
    mix_fragment f = header_of(o);
    shares s = shares_of(o, f.payload.len);
    size_t start = out->len;
    mix_fragment_encode_header(out, &f);
    mix_buf_put(out, o->head.data, s.head);
    mix_buf_put(out, o->data.data, s.data);
    if (s.mark)
        mix_buf_put_u8(out, 1);
    mix_buf_put_zeros(out, s.zeros);
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, start);
    mix_fragment_id_encode(id, f.set, f.current);
    return status;
}

void mix_outgoing_advance(mix_outgoing *o) {
    shares s = shares_of(o, header_of(o).payload.len);
    mix_buf_consume(&o->head, s.head);
    o->data = mix_bytes_slice(o->data, s.data, o->data.len);
    o->marked |= s.mark > 0;
    o->index++;
}

/* Queues */

void mix_outgoing_push(mix_outgoing_queue *q, mix_outgoing *o) {
    o->next = NULL;
    *(q->last ? &q->last->next : &q->first) = o;
    q->last = o;
    q->messages++;
    q->fragments += mix_outgoing_left(o);
    q->bytes += o->bytes;
}

void mix_outgoing_drop_first(mix_outgoing_queue *q) {
    mix_outgoing *o = q->first;
    q->first = o->next;
    if (!q->first)
        q->last = NULL;
    q->messages--;
    q->fragments -= mix_outgoing_left(o);
    q->bytes -= o->bytes;
    mix_outgoing_free(o);
}

void mix_outgoing_pop_fragment(mix_outgoing_queue *q) {
    mix_outgoing_advance(q->first);
    q->fragments--;
    if (mix_outgoing_left(q->first) == 0)
        mix_outgoing_drop_first(q);
}

void mix_outgoing_clear(mix_outgoing_queue *q) {
    while (q->first)
        mix_outgoing_drop_first(q);
}
