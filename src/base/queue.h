/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded first-in first-out queue of byte strings. Full means MIX_BLOCKED and nothing is taken. */
#ifndef MIX_BASE_QUEUE_H
#define MIX_BASE_QUEUE_H

#include "base/bytes.h"

typedef struct mix_queue_item mix_queue_item;

typedef struct mix_queue {
    mix_queue_item *first, *last;
    size_t items, bytes;         /* waiting now */
    size_t max_items, max_bytes; /* the bounds; an item larger than max_bytes is taken only by an empty queue */
} mix_queue;

void mix_queue_init(mix_queue *q, size_t max_items, size_t max_bytes);
void mix_queue_deinit(mix_queue *q); /* wipes and frees what waits */
/* Copies in (which may be empty) to the end, with a number of the caller's. MIX_OK, MIX_BLOCKED when full, MIX_ERR_MEMORY. */
int mix_queue_push(mix_queue *q, mix_bytes in, uint64_t tag);
/* The first item, valid until it is popped; false when empty. tag may be NULL. */
bool mix_queue_peek(const mix_queue *q, mix_bytes *out, uint64_t *tag);
/* The item n places behind the first; false when there is none. Costs n steps. */
bool mix_queue_peek_at(const mix_queue *q, size_t n, mix_bytes *out);
void mix_queue_pop(mix_queue *q); /* drops the first item; fine when empty */
/* How many more items fit, whatever their size; the bytes count too once the queue is not empty. */
size_t mix_queue_room(const mix_queue *q);
size_t mix_queue_room_bytes(const mix_queue *q);

#endif
