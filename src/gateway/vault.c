/* SPDX-License-Identifier: Apache-2.0 */
/* The key, and values sealed with it. */
#include "gateway/vault.h"

#include "base/alloc.h"

enum {
    FORMAT = 1,
    HEAD = MIX_VAULT_MAGIC + 2,
    MEMORY_KIB = 19456, /* what new values cost: 19 MiB, two passes */
    PASSES = 2,
};

void mix_vault_wipe(mix_vault *v) {
    mix_wipe(v, sizeof *v);
}

int mix_vault_derive(mix_vault *v, mix_crypto *c, mix_bytes passphrase) {
    return mix_argon2id(c, v->key, sizeof v->key, passphrase, MIX_BYTES(v->salt), v->memory_kib,
                        v->passes);
}

int mix_vault_new(mix_vault *out, mix_crypto *c, const mix_env *env, mix_bytes passphrase) {
    mix_vault v = {0};
    int status = MIX_OK;
    if (passphrase.data) {
        v = (mix_vault){.sealed = true, .memory_kib = MEMORY_KIB, .passes = PASSES};
        status = passphrase.len == 0 ? MIX_ERR_ARGUMENT : mix_random(env, v.salt, sizeof v.salt);
        if (status == MIX_OK)
            status = mix_vault_derive(&v, c, passphrase);
    }
    if (status == MIX_OK)
        *out = v;
    mix_vault_wipe(&v);
    return status;
}

/* The head, and the nonce if there is one. */
static void put_front(mix_buf *out, const mix_vault *v, const char *magic, const uint8_t *nonce) {
    mix_buf_put(out, magic, MIX_VAULT_MAGIC);
    mix_buf_put_u8(out, FORMAT);
    mix_buf_put_u8(out, v->sealed);
    if (v->sealed)
        mix_buf_put(out, nonce, MIX_AEAD_NONCE_LEN);
}

int mix_vault_seal(mix_buf *out, mix_crypto *c, const mix_env *env, const mix_vault *v,
                   const char magic[static MIX_VAULT_MAGIC], mix_bytes content) {
    uint8_t nonce[MIX_AEAD_NONCE_LEN] = {0};
    size_t mark = out->len, around = v->sealed ? MIX_AEAD_TAG_LEN : MIX_KEY_LEN;
    int status = v->sealed ? mix_random(env, nonce, sizeof nonce) : MIX_OK;
    if (status != MIX_OK)
        return status;
    put_front(out, v, magic, nonce);
    size_t front = out->len - mark;
    uint8_t *end = mix_buf_space(out, content.len + around);
    status = mix_buf_status(out);
    if (status == MIX_OK) {
        mix_bytes before = mix_bytes_of(out->data + mark, front);
        if (v->sealed) {
            status = mix_gcm_siv_seal(c, end, v->key, nonce, before, content);
        } else {
            if (content.len > 0)
                memcpy(end, content.data, content.len);
            mix_blake3(end + content.len, mix_bytes_of(before.data, front + content.len));
        }
    }
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

int mix_vault_open(mix_buf *out, mix_crypto *c, const mix_vault *v,
                   const char magic[static MIX_VAULT_MAGIC], mix_bytes value) {
    size_t front = HEAD + (v->sealed ? (size_t)MIX_AEAD_NONCE_LEN : 0), mark = out->len;
    size_t around = v->sealed ? MIX_AEAD_TAG_LEN : MIX_KEY_LEN;
    if (value.len < front + around || memcmp(value.data, magic, MIX_VAULT_MAGIC) != 0 ||
        value.data[MIX_VAULT_MAGIC] != FORMAT || value.data[MIX_VAULT_MAGIC + 1] != v->sealed)
        return MIX_ERR_AEAD;
    size_t len = value.len - front - around;
    mix_bytes head = mix_bytes_slice(value, 0, front);
    uint8_t digest[MIX_KEY_LEN], *content = mix_buf_space(out, len);
    int status = mix_buf_status(out);
    if (status == MIX_OK && v->sealed) {
        status = mix_gcm_siv_open(c, content, v->key, value.data + HEAD, head,
                                  mix_bytes_slice(value, front, value.len));
    } else if (status == MIX_OK) {
        mix_blake3(digest, mix_bytes_slice(value, 0, front + len));
        if (!mix_equal(digest, value.data + front + len, sizeof digest))
            status = MIX_ERR_AEAD;
        else if (len > 0)
            memcpy(content, value.data + front, len);
    }
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}
