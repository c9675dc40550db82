/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most half full; removal shifts back. */
#include "messages/remembered.h"

#include "base/alloc.h"
#include "base/log.h"

#include <assert.h>

int mix_remembered_init(mix_remembered *m, size_t cap, const mix_env *env) {
    assert(cap > 0 && cap <= (size_t)1 << 28);
    size_t slots = 2;
    while (slots < 2 * cap)
        slots *= 2;
    *m = (mix_remembered){.cap = cap, .mask = slots - 1};
    m->ring = mix_alloc_zero(cap, sizeof *m->ring);
    m->table = mix_alloc_zero(slots, sizeof *m->table);
    int status = m->ring && m->table ? mix_random(env, m->seed, sizeof m->seed) : MIX_ERR_MEMORY;
    if (status != MIX_OK)
        mix_remembered_deinit(m);
    return status;
}

void mix_remembered_deinit(mix_remembered *m) {
    mix_free(m->ring);
    mix_free(m->table);
    *m = (mix_remembered){0};
}

static size_t home(const mix_remembered *m, uint64_t number) {
    uint8_t bytes[8];
    mix_put_u64(bytes, number);
    return (size_t)mix_siphash(m->seed, bytes, sizeof bytes) & m->mask;
}

/* The number's slot, or the free one where it would go. */
static size_t locate(const mix_remembered *m, uint64_t number) {
    size_t i = home(m, number);
    while (m->table[i] && m->ring[m->table[i] - 1] != number)
        i = (i + 1) & m->mask;
    return i;
}

bool mix_remembered_has(const mix_remembered *m, uint64_t number) {
    return m->table[locate(m, number)] != 0;
}

static void take_out(mix_remembered *m, uint64_t number) {
    size_t hole = locate(m, number);
    for (size_t i = (hole + 1) & m->mask; m->table[i]; i = (i + 1) & m->mask) {
        size_t distance = (i - home(m, m->ring[m->table[i] - 1])) & m->mask;
        if (distance >=
            ((i - hole) & m->mask)) { /* its home is not behind the hole: it may fill it */
            m->table[hole] = m->table[i];
            hole = i;
        }
    }
    m->table[hole] = 0;
}

void mix_remembered_add(mix_remembered *m, uint64_t number) {
    if (m->len == m->cap)
        take_out(m, m->ring[m->next]);
    else
        m->len++;
    m->ring[m->next] = number;
    m->table[locate(m, number)] = (uint32_t)m->next + 1;
    m->next = (m->next + 1) % m->cap;
}
