/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of fragments in a map and in a list by age; a message comes out when a set that fills finds
 * its neighbours full. */
#include "messages/reassembly.h"

#include "base/alloc.h"
#include "base/map.h"
#include "messages/remembered.h"

#include <assert.h>

typedef struct piece {
    size_t len;
    uint8_t data[];
} piece;

typedef struct set {
    struct set *older, *newer; /* by the time of the last new fragment */
    uint64_t key;              /* origin and identifier */
    mix_time touched;
    size_t bytes;            /* of this struct and all pieces: what counts for the bound */
    size_t payload;          /* of all pieces */
    uint32_t previous, next; /* known when the fragments that carry them are there */
    uint8_t total, have;
    piece *pieces[];
} set;

struct mix_reassembly {
    mix_reassembly_limits limits;
    mix_map sets;
    mix_remembered gone;
    set *oldest, *newest;
    mix_reassembly_stats stats;
};

int mix_reassembly_new(mix_reassembly **out, const mix_reassembly_limits *limits,
                       const mix_env *env) {
    mix_reassembly *r = mix_alloc_zero(1, sizeof *r);
    if (!r)
        return MIX_ERR_MEMORY;
    r->limits = *limits;
    int status = mix_map_init(&r->sets, sizeof(uint64_t), limits->max_sets, env);
    if (status == MIX_OK)
        status = mix_remembered_init(&r->gone, limits->remembered, env);
    if (status != MIX_OK)
        mix_free(r);
    else
        *out = r;
    return status;
}

/* The list by age */

static void unlink_set(mix_reassembly *r, set *s) {
    *(s->older ? &s->older->newer : &r->oldest) = s->newer;
    *(s->newer ? &s->newer->older : &r->newest) = s->older;
    s->older = s->newer = NULL;
}

static void link_newest(mix_reassembly *r, set *s, mix_time now) {
    s->touched = now;
    s->older = r->newest;
    *(r->newest ? &r->newest->newer : &r->oldest) = s;
    r->newest = s;
}

/* Sets */

static uint64_t key_of(uint32_t origin, uint32_t id) {
    return (uint64_t)origin << 32 | id;
}
static uint64_t key_beside(const set *s, uint32_t id) {
    return key_of((uint32_t)(s->key >> 32), id);
}
static uint32_t id_of(const set *s) {
    return (uint32_t)s->key;
}
static set *find(const mix_reassembly *r, uint64_t key) {
    return mix_map_get(&r->sets, &key);
}

static size_t piece_bytes(size_t payload) {
    return sizeof(piece) + payload;
}
static size_t set_bytes(uint8_t total) {
    return sizeof(set) + total * sizeof(piece *);
}

static void free_set(set *s) {
    for (size_t i = 0; i < s->total; i++) {
        if (s->pieces[i])
            mix_free_wiped(s->pieces[i], piece_bytes(s->pieces[i]->len));
    }
    mix_free(s);
}

static void remove_set(mix_reassembly *r, set *s) {
    unlink_set(r, s);
    mix_map_take(&r->sets, &s->key);
    r->stats.bytes -= s->bytes;
    free_set(s);
}

/* Its identifier is remembered: what may still come of it could never make a whole. */
static void finish_set(mix_reassembly *r, set *s) {
    mix_remembered_add(&r->gone, s->key);
    remove_set(r, s);
}

static void drop_set(mix_reassembly *r, set *s) {
    r->stats.dropped++;
    finish_set(r, s);
}

void mix_reassembly_free(mix_reassembly *r) {
    if (!r)
        return;
    while (r->oldest)
        remove_set(r, r->oldest);
    mix_map_deinit(&r->sets);
    mix_remembered_deinit(&r->gone);
    mix_free(r);
}

static set *add_set(mix_reassembly *r, uint64_t key, uint8_t total, mix_time now) {
    set *s = mix_alloc_zero(1, set_bytes(total));
    if (!s)
        return NULL;
    s->key = key;
    s->total = total;
    s->bytes = set_bytes(total);
    if (mix_map_put(&r->sets, &key, s) != MIX_OK) {
        mix_free(s);
        return NULL;
    }
    link_newest(r, s, now);
    r->stats.bytes += s->bytes;
    return s;
}

/* Drops the oldest sets but `keep` until this much more fits; false when it cannot. */
static bool make_room(mix_reassembly *r, const set *keep, size_t more) {
    size_t keep_bytes = keep ? keep->bytes : 0;
    if (more > r->limits.max_bytes || keep_bytes > r->limits.max_bytes - more)
        return false;
    for (set *s = r->oldest; s;) {
        bool full = (!keep && r->sets.len >= r->limits.max_sets) ||
                    r->stats.bytes > r->limits.max_bytes - more;
        set *victim = s;
        if (!full)
            break;
        s = s->newer;
        if (victim != keep)
            drop_set(r, victim);
    }
    return true;
}

static void take_piece(mix_reassembly *r, set *s, const mix_fragment *f, piece *p, mix_time now) {
    p->len = f->payload.len;
    if (p->len > 0)
        memcpy(p->data, f->payload.data, p->len);
    s->pieces[f->current - 1] = p;
    s->have++;
    s->payload += p->len;
    s->bytes += piece_bytes(p->len);
    r->stats.bytes += piece_bytes(p->len);
    if (f->current == 1)
        s->previous = f->previous;
    if (f->current == MIX_FRAGMENT_SET_MOST)
        s->next = f->next;
    unlink_set(r, s);
    link_newest(r, s, now);
}

/* Undoes take_piece, but for the place in the list. */
static void give_back_piece(mix_reassembly *r, set *s, uint8_t current) {
    piece *p = s->pieces[current - 1];
    s->pieces[current - 1] = NULL;
    s->have--;
    s->payload -= p->len;
    s->bytes -= piece_bytes(p->len);
    r->stats.bytes -= piece_bytes(p->len);
    mix_free_wiped(p, piece_bytes(p->len));
    if (s->have == 0)
        remove_set(r, s);
}

/* The first set of the chain in which s stands and the length of its message: MIX_OK when all of it
 * is there, MIX_DONE when not yet. Neighbours must name each other, so the walk ends: back at s at
 * the latest. */
static int walk_chain(const mix_reassembly *r, set *s, set **first, size_t *len) {
    set *at = s;
    while (at->previous) {
        set *before = find(r, key_beside(at, at->previous));
        if (!before || before->have < before->total)
            return MIX_DONE;
        if (before->next != id_of(at) || before == s)
            return MIX_ERR_FRAGMENT_CHAIN;
        at = before;
    }
    *first = at;
    for (*len = at->payload; at->next; *len += at->payload) {
        set *behind = find(r, key_beside(at, at->next));
        if (!behind || behind->have < behind->total)
            return MIX_DONE;
        if (behind->previous != id_of(at))
            return MIX_ERR_FRAGMENT_CHAIN;
        at = behind;
    }
    return MIX_OK;
}

static void put_chain(mix_reassembly *r, uint8_t *to, set *first) {
    size_t at = 0;
    for (set *s = first; s;) {
        set *behind = s->next ? find(r, key_beside(s, s->next)) : NULL;
        for (size_t i = 0; i < s->total; i++) {
            const piece *p = s->pieces[i];
            if (p->len > 0)
                memcpy(to + at, p->data, p->len);
            at += p->len;
        }
        finish_set(r, s);
        s = behind;
    }
    r->stats.messages++;
}

static int complete(mix_reassembly *r, mix_buf *out, set *s, uint8_t current) {
    set *first;
    size_t len;
    int status = walk_chain(r, s, &first, &len);
    if (status == MIX_ERR_FRAGMENT_CHAIN) {
        r->stats.contradictions++;
        drop_set(r, s);
    }
    if (status != MIX_OK)
        return status;
    uint8_t *to = len > 0 ? mix_buf_space(out, len) : NULL;
    if (len > 0 && !to) {
        mix_buf_truncate(out, out->len);
        give_back_piece(r, s, current);
        return MIX_ERR_MEMORY;
    }
    put_chain(r, to, first);
    return MIX_OK;
}

static int refuse(mix_reassembly *r, int status) {
    r->stats.contradictions++;
    return status;
}
static int duplicate(mix_reassembly *r) {
    r->stats.duplicates++;
    return MIX_DONE;
}

int mix_reassembly_feed(mix_reassembly *r, mix_buf *out, uint32_t origin, mix_bytes fragment,
                        mix_time now) {
    mix_fragment f;
    int status = mix_fragment_decode(&f, fragment);
    if (status != MIX_OK)
        return status;
    uint64_t key = key_of(origin, f.set);
    if (mix_remembered_has(&r->gone, key))
        return duplicate(r);
    set *s = find(r, key);
    if (s && s->total != f.total)
        return refuse(r, MIX_ERR_FRAGMENT_TOTAL);
    if (s && s->pieces[f.current - 1])
        return duplicate(r);
    if (!make_room(r, s, piece_bytes(f.payload.len) + (s ? 0 : set_bytes(f.total)))) {
        if (s)
            drop_set(r, s);
        return MIX_ERR_LIMIT;
    }
    piece *p = mix_alloc(piece_bytes(f.payload.len));
    if (p && !s)
        s = add_set(r, key, f.total, now);
    if (!p || !s) {
        mix_free(p);
        return MIX_ERR_MEMORY;
    }
    take_piece(r, s, &f, p, now);
    return s->have == s->total ? complete(r, out, s, f.current) : MIX_DONE;
}

mix_time mix_reassembly_deadline(const mix_reassembly *r) {
    return r->oldest ? r->oldest->touched + r->limits.max_age : MIX_NEVER;
}

void mix_reassembly_tick(mix_reassembly *r, mix_time now) {
    while (mix_reassembly_deadline(r) <= now)
        drop_set(r, r->oldest);
}

mix_reassembly_stats mix_reassembly_get_stats(const mix_reassembly *r) {
    mix_reassembly_stats stats = r->stats;
    stats.sets = r->sets.len;
    return stats;
}
