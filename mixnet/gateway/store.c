/* SPDX-License-Identifier: Apache-2.0 */
/* A message is in two lists: that of its client and that of all, both in order of arrival. */
#include "mixnet/gateway/store.h"

#include "base/alloc.h"
#include "mix/errors.h"

typedef struct mailbox {
    uint8_t identity[MIX_KEY_LEN];
    mixnet_stored *first, *last;
    size_t bytes;
} mailbox;

struct mixnet_stored {
    mixnet_stored *younger, *older; /* of all */
    mixnet_stored *next;            /* of the client */
    mailbox *box;
    uint64_t id;
    mix_time until;
    size_t len;
    uint8_t data[];
};

int mixnet_store_init(mixnet_store *s, size_t max_client, size_t max_total, mix_time max_time,
                      const mix_env *env) {
    *s = (mixnet_store){.max_client = max_client, .max_total = max_total, .max_time = max_time};
    return mix_map_init(&s->boxes, MIX_KEY_LEN, max_total / MIXNET_STORE_OVERHEAD + 1, env);
}

void mixnet_store_deinit(mixnet_store *s) {
    mixnet_store_forget(s, NULL);
    mix_map_deinit(&s->boxes);
}

static size_t cost(size_t len) {
    return len + MIXNET_STORE_OVERHEAD;
}

/* The box of this identity, made if need be; NULL without memory. */
static mailbox *box_for(mixnet_store *s, const uint8_t *identity) {
    mailbox *box = mix_map_get(&s->boxes, identity);
    if (box)
        return box;
    box = mix_alloc_zero(1, sizeof *box);
    if (!box)
        return NULL;
    memcpy(box->identity, identity, MIX_KEY_LEN);
    if (mix_map_put(&s->boxes, identity, box) == MIX_OK)
        return box;
    mix_free(box);
    return NULL;
}

static void drop_box_if_empty(mixnet_store *s, mailbox *box) {
    if (box->first)
        return;
    (void)mix_map_take(&s->boxes, box->identity);
    mix_free(box);
}

/* Takes the oldest message of a box out of both lists and frees it; the box stays. */
static void drop_first(mixnet_store *s, mailbox *box) {
    mixnet_stored *m = box->first;
    box->first = m->next;
    if (!box->first)
        box->last = NULL;
    if (m->older)
        m->older->younger = m->younger;
    else
        s->oldest = m->younger;
    if (m->younger)
        m->younger->older = m->older;
    else
        s->newest = m->older;
    box->bytes -= cost(m->len);
    s->bytes -= cost(m->len);
    s->messages--;
    mix_free_wiped(m, sizeof *m + m->len);
}

/* The oldest of all is also the oldest of its client. */
static void drop_oldest(mixnet_store *s) {
    mailbox *box = s->oldest->box;
    drop_first(s, box);
    drop_box_if_empty(s, box);
}

static void append(mixnet_store *s, mailbox *box, mixnet_stored *m) {
    m->box = box;
    m->id = ++s->last_id;
    m->older = s->newest;
    if (s->newest)
        s->newest->younger = m;
    else
        s->oldest = m;
    s->newest = m;
    if (box->last)
        box->last->next = m;
    else
        box->first = m;
    box->last = m;
    box->bytes += cost(m->len);
    s->bytes += cost(m->len);
    s->messages++;
}

int mixnet_store_put(mixnet_store *s, const uint8_t identity[static MIX_KEY_LEN], mix_bytes message,
                     mix_time now) {
    size_t most = s->max_client < s->max_total ? s->max_client : s->max_total;
    if (most < MIXNET_STORE_OVERHEAD || message.len > most - MIXNET_STORE_OVERHEAD)
        return MIX_ERR_LIMIT;
    mixnet_stored *m = mix_alloc(sizeof *m + message.len);
    if (!m)
        return MIX_ERR_MEMORY;
    mailbox *box = box_for(s, identity);
    if (!box) {
        mix_free(m);
        return MIX_ERR_MEMORY;
    }
    *m = (mixnet_stored){.until = now + s->max_time, .len = message.len};
    if (message.len > 0)
        memcpy(m->data, message.data, message.len);
    append(s, box, m);
    for (; box->bytes > s->max_client; s->client_full++)
        drop_first(s, box);
    for (; s->bytes > s->max_total; s->store_full++)
        drop_oldest(s);
    return MIX_OK;
}

bool mixnet_store_peek(const mixnet_store *s, const uint8_t identity[static MIX_KEY_LEN],
                       mix_bytes *out, uint64_t *id) {
    const mailbox *box = mix_map_get(&s->boxes, identity);
    if (!box)
        return false;
    *out = mix_bytes_of(box->first->data, box->first->len);
    *id = box->first->id;
    return true;
}

void mixnet_store_pop(mixnet_store *s, const uint8_t identity[static MIX_KEY_LEN]) {
    mailbox *box = mix_map_get(&s->boxes, identity);
    if (!box)
        return;
    drop_first(s, box);
    drop_box_if_empty(s, box);
}

void mixnet_store_forget(mixnet_store *s, const uint8_t *identity) {
    if (!identity) {
        for (; s->oldest; s->forgotten++)
            drop_oldest(s);
        return;
    }
    mailbox *box = mix_map_get(&s->boxes, identity);
    if (!box)
        return;
    for (; box->first; s->forgotten++)
        drop_first(s, box);
    drop_box_if_empty(s, box);
}

mix_time mixnet_store_deadline(const mixnet_store *s) {
    return s->oldest ? s->oldest->until : MIX_NEVER;
}

void mixnet_store_expire(mixnet_store *s, mix_time now) {
    for (; s->oldest && s->oldest->until <= now; s->expired++)
        drop_oldest(s);
}
