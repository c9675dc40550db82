/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded queue: a linked list, one allocation an item. */
#include "base/queue.h"

#include "base/alloc.h"
#include "mix/errors.h"

struct mix_queue_item {
    mix_queue_item *next;
    size_t len;
    uint64_t tag;
    uint8_t data[];
};

void mix_queue_init(mix_queue *q, size_t max_items, size_t max_bytes) {
    *q = (mix_queue){.max_items = max_items, .max_bytes = max_bytes};
}

void mix_queue_deinit(mix_queue *q) {
    while (q->first)
        mix_queue_pop(q);
}

int mix_queue_push(mix_queue *q, mix_bytes in, uint64_t tag) {
    if (q->items >= q->max_items)
        return MIX_BLOCKED;
    if (q->items > 0 && (q->bytes >= q->max_bytes || in.len > q->max_bytes - q->bytes))
        return MIX_BLOCKED;
    if (in.len > SIZE_MAX - sizeof(mix_queue_item))
        return MIX_ERR_MEMORY;
    mix_queue_item *item = mix_alloc(sizeof *item + in.len);
    if (!item)
        return MIX_ERR_MEMORY;
    item->next = NULL;
    item->len = in.len;
    item->tag = tag;
    if (in.len > 0)
        memcpy(item->data, in.data, in.len);
    if (q->last)
        q->last->next = item;
    else
        q->first = item;
    q->last = item;
    q->items++;
    q->bytes += in.len;
    return MIX_OK;
}

bool mix_queue_peek(const mix_queue *q, mix_bytes *out, uint64_t *tag) {
    if (!q->first)
        return false;
    *out = mix_bytes_of(q->first->data, q->first->len);
    if (tag)
        *tag = q->first->tag;
    return true;
}

bool mix_queue_peek_at(const mix_queue *q, size_t n, mix_bytes *out) {
    const mix_queue_item *item = q->first;
    while (item && n-- > 0)
        item = item->next;
    if (!item)
        return false;
    *out = mix_bytes_of(item->data, item->len);
    return true;
}

void mix_queue_pop(mix_queue *q) {
    mix_queue_item *item = q->first;
    if (!item)
        return;
    q->first = item->next;
    if (!q->first)
        q->last = NULL;
    q->items--;
    q->bytes -= item->len;
    mix_free_wiped(item, sizeof *item + item->len);
}

size_t mix_queue_room(const mix_queue *q) {
    return q->items >= q->max_items ? 0 : q->max_items - q->items;
}

size_t mix_queue_room_bytes(const mix_queue *q) {
    return q->bytes >= q->max_bytes ? 0 : q->max_bytes - q->bytes;
}
