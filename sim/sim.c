/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue of virtual time. */
#include "sim.h"

#include "traffic/poisson.h"

#include <assert.h>
#include <stdlib.h>

struct sim_event {
    mix_time at;
    uint64_t order, number;
    sim_action *action;
    void *user;
    size_t len;
    uint8_t bytes[];
};

static void *must_have(void *p) {
    if (!p) {
        fprintf(stderr, "sim: out of memory\n");
        abort();
    }
    return p;
}

void sim_init(sim *s, uint64_t seed) {
    *s = (sim){0};
    mix_test_env_init(&s->chance, seed);
    s->chance.env.user = &s->chance;
}

void sim_deinit(sim *s) {
    for (size_t i = 0; i < s->len; i++)
        free(s->heap[i]);
    free(s->heap);
    *s = (sim){0};
}

static bool before(const sim_event *a, const sim_event *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_at(sim *s, mix_time at, sim_action *action, void *user, uint64_t number, mix_bytes bytes) {
    assert(at >= s->now);
    sim_event *e = must_have(malloc(sizeof *e + bytes.len));
    *e = (sim_event){at, s->orders++, number, action, user, bytes.len};
    if (bytes.len > 0)
        memcpy(e->bytes, bytes.data, bytes.len);
    if (s->len == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->heap = must_have(realloc(s->heap, s->cap * sizeof *s->heap));
    }
    size_t i = s->len++;
    for (; i > 0 && before(e, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
}

static sim_event *pop(sim *s) {
    sim_event *first = s->heap[0], *last = s->heap[--s->len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->len)
            break;
        if (child + 1 < s->len && before(s->heap[child + 1], s->heap[child]))
            child++;
        if (!before(s->heap[child], last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return first;
}

mix_time sim_next(const sim *s) {
    return s->len > 0 ? s->heap[0]->at : MIX_NEVER;
}

bool sim_step(sim *s, mix_time until) {
    if (s->len == 0 || s->heap[0]->at > until) {
        s->now = until > s->now ? until : s->now;
        return false;
    }
    sim_event *e = pop(s);
    s->now = e->at;
    s->steps++;
    e->action(e->user, e->number, mix_bytes_of(e->bytes, e->len));
    free(e);
    return true;
}

void sim_run(sim *s, mix_time until) {
    while (sim_step(s, until))
        ;
}

mix_time sim_exponential(mix_test_env *chance, mix_time mean) {
    uint64_t out = 0;
    int status = mix_exponential(&chance->env, (uint64_t)mean, &out, 1);
    assert(status == 0);
    (void)status;
    return (mix_time)out;
}

bool sim_happens(mix_test_env *chance, double probability) {
    return probability > 0 && mix_test_unit(chance) < probability;
}
