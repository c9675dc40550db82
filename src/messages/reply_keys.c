/* SPDX-License-Identifier: Apache-2.0 */
/* A map by digest with a list by age. */
#include "messages/reply_keys.h"

#include "base/alloc.h"

struct mix_reply_key {
    mix_reply_key *older, *newer;
    mix_time added;
    uint32_t peer;
    uint8_t key[MIX_SURB_KEY_LEN];
    uint8_t digest[MIX_KEY_LEN];
};

int mix_reply_keys_init(mix_reply_keys *k, size_t max, mix_time max_age, const mix_env *env) {
    *k = (mix_reply_keys){.max_age = max_age};
    return mix_map_init(&k->keys, MIX_KEY_LEN, max, env);
}

static void drop(mix_reply_keys *k, mix_reply_key *e) {
    *(e->older ? &e->older->newer : &k->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &k->newest) = e->older;
    mix_map_take(&k->keys, e->digest);
    mix_free_wiped(e, sizeof *e);
}

void mix_reply_keys_deinit(mix_reply_keys *k) {
    while (k->oldest)
        drop(k, k->oldest);
    mix_map_deinit(&k->keys);
}

int mix_reply_keys_add(mix_reply_keys *k, const uint8_t key[static MIX_SURB_KEY_LEN], uint32_t peer,
                       mix_time now) {
    mix_reply_key *e = mix_alloc_zero(1, sizeof *e);
    if (!e)
        return MIX_ERR_MEMORY;
    e->added = now;
    e->peer = peer;
    memcpy(e->key, key, sizeof e->key);
    mix_blake3(e->digest, mix_bytes_of(key, MIX_SURB_KEY_LEN));
    if (k->keys.len >= k->keys.max)
        drop(k, k->oldest);
    int status = mix_map_put(&k->keys, e->digest, e);
    if (status != MIX_OK) {
        mix_free_wiped(e, sizeof *e);
        return status;
    }
    e->older = k->newest;
    *(k->newest ? &k->newest->newer : &k->oldest) = e;
    k->newest = e;
    return MIX_OK;
}

bool mix_reply_keys_take(mix_reply_keys *k, uint8_t key[static MIX_SURB_KEY_LEN], uint32_t *peer,
                         const uint8_t digest[static MIX_KEY_LEN]) {
    mix_reply_key *e = mix_map_get(&k->keys, digest);
    if (!e)
        return false;
    memcpy(key, e->key, sizeof e->key);
    *peer = e->peer;
    drop(k, e);
    return true;
}

mix_time mix_reply_keys_deadline(const mix_reply_keys *k) {
    return k->oldest ? k->oldest->added + k->max_age : MIX_NEVER;
}

void mix_reply_keys_tick(mix_reply_keys *k, mix_time now) {
    while (mix_reply_keys_deadline(k) <= now)
        drop(k, k->oldest);
}
