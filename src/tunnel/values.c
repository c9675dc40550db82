/* SPDX-License-Identifier: Apache-2.0 */
/* Values between runs: what the host is to store, and what it had stored of the directory. Each
 * name has a place of its own, in which the newest value waits. */
#include "tunnel/internal.h"

#include "base/alloc.h"
#include "directory/wire_stored.h"

static const char magic[] = "lwmix-di";
static const char *const names[MIX_VALUES] = {
    [MIX_VALUE_IDENTITY] = MIX_STORE_IDENTITY,
    [MIX_VALUE_DIRECTORY] = MIX_STORE_DIRECTORY,
};

void mix_tunnel_take_snapshot(mix_tunnel *t, mix_bytes stored) {
    int status = MIX_ERR_LIMIT;
    if (stored.len <= MIX_STORED_MAX + MIX_VAULT_AROUND)
        status = mix_vault_open(&t->snapshot, t->crypto, &t->vault, magic, stored);
    if (status != MIX_OK) {
        mix_buf_deinit_wiped(&t->snapshot);
        mix_log(t->env, MIX_LOG_DEBUG, "tunnel", "the stored directory is not used: %s",
                mix_error_text(status));
    }
}

/* A value that has no place in memory is not stored: the next run begins with the one before. */
static void keep(mix_tunnel *t, size_t which, int status) {
    mix_tunnel_value *v = &t->values[which];
    if (status == MIX_OK)
        status = mix_buf_status(&v->bytes);
    v->due = status == MIX_OK;
    if (v->due)
        return;
    mix_buf_deinit_wiped(&v->bytes);
    mix_log(t->env, MIX_LOG_WARN, "tunnel", "'%s' is not stored: %s", names[which],
            mix_error_text(status));
}

void mix_tunnel_store_identity(mix_tunnel *t, const mix_store_change *change) {
    mix_buf *bytes = &t->values[MIX_VALUE_IDENTITY].bytes;
    mix_buf_deinit_wiped(bytes);
    mix_buf_put(bytes, change->data, change->len);
    keep(t, MIX_VALUE_IDENTITY, MIX_OK);
}

void mix_tunnel_store_directory(mix_tunnel *t, mix_bytes content) {
    mix_buf *bytes = &t->values[MIX_VALUE_DIRECTORY].bytes;
    mix_buf_deinit_wiped(bytes);
    keep(t, MIX_VALUE_DIRECTORY,
         content.len > 0 ? mix_vault_seal(bytes, t->crypto, t->env, &t->vault, magic, content)
                         : MIX_OK);
}

bool mix_tunnel_next_value(mix_tunnel *t, mix_store_change *out) {
    for (size_t i = 0; i < MIX_VALUES; i++) {
        mix_tunnel_value *v = &t->values[i];
        if (v->due) {
            v->due = false;
            *out =
                (mix_store_change){names[i], v->bytes.len > 0 ? v->bytes.data : NULL, v->bytes.len};
            return true;
        }
        mix_buf_deinit_wiped(&v->bytes); /* it was given out */
    }
    return false;
}

void mix_tunnel_drop_values(mix_tunnel *t) {
    for (size_t i = 0; i < MIX_VALUES; i++)
        mix_buf_deinit_wiped(&t->values[i].bytes);
    mix_buf_deinit_wiped(&t->snapshot);
}
