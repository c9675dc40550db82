/* SPDX-License-Identifier: Apache-2.0 */
/* The hash map: open addressing with linear probing, deletion by shifting back, at most three quarters full. */
#include "base/map.h"

#include "base/alloc.h"
#include "base/log.h"

#include <assert.h>

struct mix_map_slot {
    void *value; /* NULL: free */
    uint8_t key[MIX_MAP_KEY_MAX];
};

static uint64_t load64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t rotate(uint64_t v, int n) {
    return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[static 4]) {
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t mix_siphash(const uint8_t seed[static MIX_SIPHASH_KEY_LEN], const uint8_t *in, size_t len) {
    uint64_t k0 = load64(seed), k1 = load64(seed + 8);
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                     k1 ^ 0x7465646279746573u};
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t m = load64(in + i);
        v[3] ^= m;
        sip_round(v);
        sip_round(v);
        v[0] ^= m;
    }
    uint8_t tail[8] = {0};
    if (len > i)
        memcpy(tail, in + i, len - i);
    tail[7] = (uint8_t)len;
    uint64_t m = load64(tail);
    v[3] ^= m;
    sip_round(v);
    sip_round(v);
    v[0] ^= m;
    v[2] ^= 0xff;
    for (int n = 0; n < 4; n++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int mix_map_init(mix_map *m, size_t key_len, size_t max, const mix_env *env) {
    assert(key_len > 0 && key_len <= MIX_MAP_KEY_MAX && max > 0 && max <= SIZE_MAX / 4);
    *m = (mix_map){.max = max, .key_len = key_len};
    return mix_random(env, m->seed, sizeof m->seed);
}

void mix_map_deinit(mix_map *m) {
    mix_free_wiped(m->slots, m->cap * sizeof *m->slots);
    *m = (mix_map){0};
}

static size_t home(const mix_map *m, const void *key) {
    return (size_t)mix_siphash(m->seed, key, m->key_len) & (m->cap - 1);
}

/* The key's slot, or the free one where it would go. */
static size_t locate(const mix_map *m, const void *key) {
    size_t i = home(m, key);
    while (m->slots[i].value && memcmp(m->slots[i].key, key, m->key_len) != 0)
        i = (i + 1) & (m->cap - 1);
    return i;
}

void *mix_map_get(const mix_map *m, const void *key) {
    return m->cap > 0 ? m->slots[locate(m, key)].value : NULL;
}

static int grow(mix_map *m) {
    mix_map old = *m;
    size_t cap = old.cap ? old.cap * 2 : 16;
    mix_map_slot *slots = mix_alloc_zero(cap, sizeof *slots);
    if (!slots)
        return MIX_ERR_MEMORY;
    m->slots = slots;
    m->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].value)
            m->slots[locate(m, old.slots[i].key)] = old.slots[i];
    }
    mix_free_wiped(old.slots, old.cap * sizeof *old.slots);
    return MIX_OK;
}

int mix_map_put(mix_map *m, const void *key, void *value) {
    assert(value);
    if (m->cap > 0) {
        mix_map_slot *slot = &m->slots[locate(m, key)];
        if (slot->value) {
            slot->value = value;
            return MIX_OK;
        }
    }
    if (m->len >= m->max)
        return MIX_ERR_LIMIT;
    if (m->cap == 0 || m->len + 1 > m->cap / 4 * 3) {
        int status = grow(m);
        if (status != MIX_OK)
            return status;
    }
    mix_map_slot *slot = &m->slots[locate(m, key)];
    memcpy(slot->key, key, m->key_len);
    slot->value = value;
    m->len++;
    return MIX_OK;
}

void *mix_map_take(mix_map *m, const void *key) {
    if (m->cap == 0)
        return NULL;
    size_t hole = locate(m, key);
    void *value = m->slots[hole].value;
    if (!value)
        return NULL;
    for (size_t i = (hole + 1) & (m->cap - 1); m->slots[i].value; i = (i + 1) & (m->cap - 1)) {
        size_t distance = (i - home(m, m->slots[i].key)) & (m->cap - 1);
        if (distance >= ((i - hole) & (m->cap - 1))) { /* its home is not behind the hole: it may fill it */
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    mix_wipe(&m->slots[hole], sizeof m->slots[hole]);
    m->len--;
    return value;
}

bool mix_map_each(const mix_map *m, size_t *at, const uint8_t **key, void **value) {
    while (*at < m->cap) {
        const mix_map_slot *slot = &m->slots[(*at)++];
        if (!slot->value)
            continue;
        if (key)
            *key = slot->key;
        *value = slot->value;
        return true;
    }
    return false;
}
