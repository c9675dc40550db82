/* SPDX-License-Identifier: Apache-2.0 */
/* The SURBs that one sender gave us: fresh ones first, then those made for an earlier key rotation,
 * each list oldest first (2-messages.md §14). They are kept in the lists in which they came, one
 * allocation a list. */
#ifndef MIX_MESSAGES_STOCK_H
#define MIX_MESSAGES_STOCK_H

#include "messages/wire.h"

typedef struct mix_batch mix_batch;

typedef struct mix_batches {
    mix_batch *first, *last;
    size_t count; /* SURBs */
} mix_batches;

typedef struct mix_stock {
    mix_batches fresh, stale;
    size_t bytes; /* allocated: what counts for a bound */
} mix_stock;      /* {0} is empty */

typedef struct mix_stock_surb {
    mix_bytes surb; /* what mix_surb_use takes */
    const uint8_t *key;
    mix_rotation rotation;
} mix_stock_surb;

void mix_stock_deinit(mix_stock *s); /* wipes */
static inline size_t mix_stock_count(const mix_stock *s) {
    return s->fresh.count + s->stale.count;
}
/* What adding this list costs. */
size_t mix_stock_cost(const mix_surb_list *list);
/* Appends a copy of a list to the fresh ones; an empty one is fine. MIX_ERR_MEMORY. */
int mix_stock_add(mix_stock *s, const mix_surb_list *list, mix_time now);
/* The SURB whose turn it is; false when there is none. Borrowed until the stock changes. */
bool mix_stock_peek(const mix_stock *s, mix_stock_surb *out);
void mix_stock_pop(mix_stock *s); /* wipes it; fine when empty */
/* Drops count of the stale ones, or of all in their order. */
void mix_stock_drop_stale(mix_stock *s, size_t count);
void mix_stock_drop(mix_stock *s, size_t count);
/* All fresh ones become possibly stale. */
void mix_stock_age(mix_stock *s);
/* Drops lists that came before this time, and those of this rotation (MIX_ROTATION_UNKNOWN: none of
 * that reason). */
void mix_stock_clean(mix_stock *s, mix_time before, mix_rotation past);

#endif
