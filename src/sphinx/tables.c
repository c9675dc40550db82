/* SPDX-License-Identifier: Apache-2.0 */
/* Node keys in two lists by last use, those with a table and those without; a map finds them. */
#include "sphinx/tables.h"

#include "base/alloc.h"
#include "mix/errors.h"

enum {
    WITHOUT_MAX = 512, /* keys remembered without a table: some 100 bytes each */
    STALE = 16, /* times the number of tables: uses of other keys after which a table may go */
};

static void unlink_key(mix_known_list *l, mix_known_key *k) {
    *(k->newer ? &k->newer->older : &l->newest) = k->older;
    *(k->older ? &k->older->newer : &l->oldest) = k->newer;
    k->newer = k->older = NULL;
    l->len--;
}

static void link_newest(mix_known_list *l, mix_known_key *k) {
    k->older = l->newest;
    *(l->newest ? &l->newest->newer : &l->oldest) = k;
    l->newest = k;
    l->len++;
}

static mix_known_list *list_of(mix_tables *t, const mix_known_key *k) {
    return k->table ? &t->with : &t->without;
}

static void forget(mix_tables *t, mix_known_key *k) {
    unlink_key(list_of(t, k), k);
    (void)mix_map_take(&t->keys, k->key);
    mix_curve_table_free(k->table);
    mix_free(k);
}

int mix_tables_init(mix_tables *t, size_t max, const mix_env *env) {
    *t = (mix_tables){.without.max = WITHOUT_MAX, .with.max = max};
    return mix_map_init(&t->keys, MIX_KEY_LEN, SIZE_MAX / 4, env); /* the lists are the bound */
}

void mix_tables_deinit(mix_tables *t) {
    while (t->with.oldest)
        forget(t, t->with.oldest);
    while (t->without.oldest)
        forget(t, t->without.oldest);
    mix_map_deinit(&t->keys);
}

void mix_tables_limit(mix_tables *t, size_t max) {
    t->with.max = max;
    while (t->with.len > t->with.max)
        forget(t, t->with.oldest);
}

static mix_known_key *remember(mix_tables *t, const uint8_t key[static MIX_KEY_LEN]) {
    mix_known_key *k = mix_alloc(sizeof *k);
    if (!k)
        return NULL;
    if (t->without.len == t->without.max)
        forget(t, t->without.oldest);
    *k = (mix_known_key){0};
    memcpy(k->key, key, MIX_KEY_LEN);
    if (mix_map_put(&t->keys, k->key, k) != MIX_OK) {
        mix_free(k);
        return NULL;
    }
    link_newest(&t->without, k);
    return k;
}

static mix_known_key *touch(mix_tables *t, const uint8_t key[static MIX_KEY_LEN]) {
    mix_known_key *k = mix_map_get(&t->keys, key);
    if (k) {
        k->seen_before = true;
        unlink_key(list_of(t, k), k);
        link_newest(list_of(t, k), k);
    } else {
        k = remember(t, key);
    }
    if (k)
        k->used = ++t->clock;
    return k;
}

bool mix_known_on_curve(mix_known_key *k) {
    if (k->curve == MIX_CURVE_UNKNOWN)
        k->curve = mix_curve_has_point(k->key) ? MIX_CURVE_ON : MIX_CURVE_OFF;
    return k->curve == MIX_CURVE_ON;
}

/* MIX_OK also for a key of the twist, which has no table. */
static int add_table(mix_tables *t, mix_known_key *k) {
    mix_curve_table *table;
    int status = mix_curve_table_new(&table, k->key);
    k->curve = status == MIX_OK ? MIX_CURVE_ON : status == MIX_ERR_KEY ? MIX_CURVE_OFF : k->curve;
    if (status != MIX_OK)
        return status == MIX_ERR_KEY ? MIX_OK : status;
    unlink_key(&t->without, k);
    k->table = table;
    link_newest(&t->with, k);
    return MIX_OK;
}

/* Room for one more table, if need be in place of one last used before the given time. */
static bool make_room(mix_tables *t, uint64_t before) {
    mix_known_list *l = &t->with;
    if (l->len < l->max)
        return true;
    if (l->max == 0 || l->oldest->used >= before)
        return false;
    forget(t, l->oldest);
    return true;
}

mix_known_key *mix_tables_use(mix_tables *t, const uint8_t key[static MIX_KEY_LEN]) {
    mix_known_key *k = touch(t, key);
    if (!k || k->table || k->curve == MIX_CURVE_OFF || !k->seen_before)
        return k;
    uint64_t age = (uint64_t)t->with.max * STALE;
    if (make_room(t, t->clock > age ? t->clock - age : 0))
        (void)add_table(t, k); /* without memory for it, the key goes on without */
    return k;
}

/* All are touched before the first is built, so that none goes that is still wanted. */
int mix_tables_warm(mix_tables *t, const uint8_t (*keys)[MIX_KEY_LEN], size_t count) {
    uint64_t start = t->clock + 1;
    for (size_t i = 0; i < count; i++) {
        if (!touch(t, keys[i]))
            return MIX_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        mix_known_key *k =
            mix_map_get(&t->keys, keys[i]); /* NULL: too many keys, and this is one of the first */
        if (!k || k->table || k->curve == MIX_CURVE_OFF)
            continue;
        if (!make_room(t, start))
            break;
        int status = add_table(t, k);
        if (status != MIX_OK)
            return status;
    }
    return MIX_OK;
}
