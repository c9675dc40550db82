/* SPDX-License-Identifier: Apache-2.0 */
/* A table of nodes by number, and the rule by which one is left out. */
#include "traffic/reach.h"

#include "base/alloc.h"
#include "mix/errors.h"

enum {
    NODES = 1024, /* beyond it nothing is learnt; a power of two */
    FEW = 6,      /* failures in a row */
    STRIKES = 4,  /* 30 s, 1, 2, 4, 8 min */
};
#define PENALTY MIX_SECONDS(30)

typedef struct node {
    bool used;
    uint8_t layer, strikes;
    uint16_t failures; /* in a row, the first of them at */
    mix_time failing_since, last_success, until;
    uint32_t id;
} node;

struct mix_reach {
    mix_time now;
    mix_time last_until; /* no node is left out from then on */
    size_t count;
    node nodes[NODES];
};

int mix_reach_new(mix_reach **out) {
    *out = mix_alloc_zero(1, sizeof **out);
    return *out ? MIX_OK : MIX_ERR_MEMORY;
}

void mix_reach_free(mix_reach *r) {
    mix_free(r);
}

/* Its place, or the empty one where it belongs; NULL when the table is full. */
static const node *place(const mix_reach *r, uint32_t id) {
    for (uint32_t i = 0, at = id * 2654435761u; i < NODES; i++, at++) {
        const node *n = &r->nodes[at % NODES];
        if (!n->used || n->id == id)
            return n;
    }
    return NULL;
}

static node *enter(mix_reach *r, uint32_t id, uint8_t layer) {
    node *n = &r->nodes[0] + (place(r, id) ? place(r, id) - &r->nodes[0] : NODES);
    if (n == &r->nodes[NODES] || (!n->used && r->count == NODES / 2))
        return NULL;
    if (!n->used) {
        *n = (node){.used = true, .id = id, .last_success = -1};
        r->count++;
    }
    n->layer = layer; /* roles change with epochs */
    return n;
}

static bool is_avoided(const mix_reach *r, const node *n) {
    return n->used && n->until > r->now;
}

/* Whether another node of the layer has worked since this one began to fail, and enough of the
 * layer is left. */
static bool may_go(const mix_reach *r, const node *n, const mix_topology *t) {
    size_t gone = 1;
    bool works = false;
    for (const node *o = r->nodes; o < r->nodes + NODES; o++) {
        if (!o->used || o == n || o->layer != n->layer)
            continue;
        gone += is_avoided(r, o);
        works |= o->last_success >= n->failing_since;
    }
    return works && gone <= t->layer_count[n->layer] / 2;
}

static void fail(mix_reach *r, node *n, const mix_topology *t) {
    if (is_avoided(r, n))
        return; /* packets that left before */
    if (n->failures == 0)
        n->failing_since = r->now;
    n->failures += n->failures < UINT16_MAX;
    if (n->failures < FEW || !may_go(r, n, t))
        return;
    n->until = r->now + (PENALTY << n->strikes);
    r->last_until = n->until > r->last_until ? n->until : r->last_until;
    n->strikes += n->strikes < STRIKES;
    n->failures = FEW - 2; /* when it is back, two more are enough */
}

void mix_reach_note(mix_reach *r, const mix_way *way, bool arrived, const mix_topology *t,
                    mix_time now) {
    r->now = now;
    for (size_t i = 0; i < way->len; i++) {
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen |= way->id[k] == way->id[i];
        node *n = seen ? NULL : enter(r, way->id[i], way->layer[i]);
        if (!n)
            continue;
        if (!arrived) {
            fail(r, n, t);
            continue;
        }
        n->failures = n->strikes = 0;
        n->last_success = now;
        n->until = 0;
    }
}

void mix_reach_tick(mix_reach *r, mix_time now) {
    r->now = now;
}

bool mix_reach_avoids(const mix_reach *r, uint32_t id) {
    const node *n = r ? place(r, id) : NULL;
    return n && n->used && is_avoided(r, n);
}

size_t mix_reach_avoided(const mix_reach *r) {
    size_t count = 0;
    if (r->last_until <= r->now) /* the usual case, asked in each round of the pump */
        return 0;
    for (const node *n = r->nodes; n < r->nodes + NODES; n++)
        count += is_avoided(r, n);
    return count;
}
