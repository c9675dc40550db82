/* SPDX-License-Identifier: Apache-2.0 */
/* The table of clients and its file: mark, version, count, rows, BLAKE3 of all that. */
#include "mixnet/gateway/clients.h"

#include "base/alloc.h"
#include "mix/errors.h"

enum {
    FILE_VERSION = 1,
    HEAD = 4 + 2 + 4,
    ROW = 2 * MIX_KEY_LEN + 3 * 8,
    CHECKSUM = MIX_KEY_LEN,
    MOVED_MOST = 1 << 20, /* bytes of bandwidth that a crash may give back to the clients */
    DAY = 86400,
};
static const char mark[] = "mgwc";

int mixnet_clients_init(mixnet_clients *t, size_t max, const mix_env *env) {
    *t = (mixnet_clients){0};
    return mix_map_init(&t->map, MIX_KEY_LEN, max, env);
}

static void free_client(mixnet_client *c) {
    mix_free_wiped(c, sizeof *c);
}

void mixnet_clients_deinit(mixnet_clients *t) {
    mixnet_clients_forget(t, NULL);
    mix_map_deinit(&t->map);
}

mixnet_client *mixnet_clients_get(const mixnet_clients *t,
                                  const uint8_t identity[static MIX_KEY_LEN]) {
    return mix_map_get(&t->map, identity);
}

bool mixnet_clients_full(const mixnet_clients *t) {
    return t->map.len >= t->map.max;
}

static int add(mixnet_clients *t, const mixnet_client *row) {
    mixnet_client *c = mix_alloc(sizeof *c);
    if (!c)
        return MIX_ERR_MEMORY;
    *c = *row;
    int status = mix_map_put(&t->map, c->identity, c);
    if (status != MIX_OK)
        free_client(c);
    return status;
}

int mixnet_clients_put(mixnet_clients *t, const uint8_t identity[static MIX_KEY_LEN],
                       const uint8_t key[static MIX_KEY_LEN]) {
    mixnet_client *known = mixnet_clients_get(t, identity);
    int status = MIX_OK;
    if (known) {
        memcpy(known->key, key, MIX_KEY_LEN);
    } else {
        mixnet_client row = {.last_seen = MIXNET_NEVER_SEEN};
        memcpy(row.identity, identity, MIX_KEY_LEN);
        memcpy(row.key, key, MIX_KEY_LEN);
        status = add(t, &row);
        mix_wipe(&row, sizeof row);
    }
    t->dirty |= status == MIX_OK;
    return status;
}

static void forget_all(mixnet_clients *t) {
    mix_map empty = {.max = t->map.max, .key_len = t->map.key_len};
    memcpy(empty.seed, t->map.seed, sizeof empty.seed);
    void *value;
    for (size_t at = 0; mix_map_each(&t->map, &at, NULL, &value);)
        free_client(value);
    t->dirty |= t->map.len > 0;
    mix_map_deinit(&t->map);
    t->map = empty;
}

void mixnet_clients_forget(mixnet_clients *t, const uint8_t *identity) {
    if (!identity) {
        forget_all(t);
        return;
    }
    mixnet_client *c = mix_map_take(&t->map, identity);
    t->dirty |= c != NULL;
    if (c)
        free_client(c);
}

bool mixnet_clients_dirty(const mixnet_clients *t) {
    return t->dirty || t->moved >= MOVED_MOST;
}

int mixnet_clients_save(mixnet_clients *t, mix_buf *out) {
    size_t start = out->len, at = 0;
    const uint8_t *identity;
    void *value;
    (void)mix_buf_reserve(out, HEAD + t->map.len * ROW + CHECKSUM);
    mix_buf_put_str(out, mark);
    mix_buf_put_u16(out, FILE_VERSION);
    mix_buf_put_u32(out, (uint32_t)t->map.len);
    while (mix_map_each(&t->map, &at, &identity, &value)) {
        const mixnet_client *c = value;
        mix_buf_put(out, c->identity, MIX_KEY_LEN);
        mix_buf_put(out, c->key, MIX_KEY_LEN);
        mix_buf_put_u64(out, (uint64_t)c->last_seen);
        mix_buf_put_u64(out, (uint64_t)c->account.available);
        mix_buf_put_u64(out, (uint64_t)c->account.expires);
    }
    int status = mix_buf_status(out);
    if (status == MIX_OK) {
        uint8_t sum[CHECKSUM];
        mix_blake3(sum, mix_bytes_slice(mix_buf_bytes(out), start, out->len));
        mix_buf_put(out, sum, sizeof sum);
        status = mix_buf_status(out);
    }
    if (status != MIX_OK) {
        mix_buf_truncate(out, start);
        return status;
    }
    t->dirty = false;
    t->moved = 0;
    return MIX_OK;
}

static int damaged(mix_error *e, const char *how) {
    return mix_error_note(e, MIX_ERR_NETWORK_FILE, "gateway", 0, "the table of clients %s", how);
}

/* The rows without head and checksum. */
static int check_file(mix_bytes *rows, mix_bytes saved, mix_error *e) {
    mix_reader r = {.in = saved};
    const uint8_t *front = mix_read(&r, sizeof mark - 1);
    uint16_t version = mix_read_u16(&r);
    uint64_t count = mix_read_u32(&r);
    if (r.bad || memcmp(front, mark, sizeof mark - 1) != 0)
        return damaged(e, "does not begin as one");
    if (version != FILE_VERSION)
        return mix_error_note(e, MIX_ERR_NETWORK_FILE, "gateway", version,
                              "the table of clients has version %u; known is %d", version,
                              FILE_VERSION);
    if (r.in.len < CHECKSUM || r.in.len - CHECKSUM != count * ROW)
        return damaged(e, "is cut or has something behind its end");
    uint8_t sum[CHECKSUM];
    mix_blake3(sum, mix_bytes_slice(saved, 0, saved.len - CHECKSUM));
    if (!mix_equal(sum, saved.data + saved.len - CHECKSUM, sizeof sum))
        return damaged(e, "does not match its checksum");
    *rows = mix_bytes_slice(r.in, 0, r.in.len - CHECKSUM);
    return MIX_OK;
}

int mixnet_clients_load(mixnet_clients *t, mix_bytes saved, mix_error *e) {
    mix_bytes rows;
    if (t->map.len > 0)
        return mix_error_note(e, MIX_ERR_STATE, "gateway", 0, "there are clients already");
    int status = check_file(&rows, saved, e);
    if (status != MIX_OK)
        return status;
    bool dirty = t->dirty;
    mix_reader r = {.in = rows};
    while (r.in.len > 0 && status == MIX_OK) {
        mixnet_client row = {0};
        mix_read_into(&r, row.identity, MIX_KEY_LEN);
        mix_read_into(&r, row.key, MIX_KEY_LEN);
        row.last_seen = (int64_t)mix_read_u64(&r);
        row.account.available = (int64_t)mix_read_u64(&r);
        row.account.expires = (int64_t)mix_read_u64(&r);
        status =
            mixnet_clients_get(t, row.identity) ? damaged(e, "has a client twice") : add(t, &row);
        mix_wipe(&row, sizeof row);
    }
    if (status != MIX_OK)
        mixnet_clients_forget(t, NULL);
    t->dirty = dirty;
    return status;
}

int64_t mixnet_day_of(int64_t wall_seconds) {
    int64_t rest = wall_seconds % DAY;
    return wall_seconds - rest - (rest < 0 ? DAY : 0);
}

bool mixnet_account_expired(const mixnet_account *a, int64_t wall_seconds) {
    return a->expires < mixnet_day_of(wall_seconds);
}
