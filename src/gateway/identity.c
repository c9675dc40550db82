/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of the identity:
 *   "lwmix-id", version 1, sealing 0 or 1 (one byte each)
 *   sealing 1: memory in KiB (4), passes (4), salt (16), nonce (12), then AES-256-GCM-SIV of the
 * content; all before it is associated data, the key is Argon2id of the passphrase sealing 0: the
 * content, then BLAKE3 of all before it (32) content: seed (32), encryption secret (32), ack key
 * (16), registered 0 or 1; if 1: gateway (32), shared key (32), protocol version (1), since (8),
 * length of the URL (2), URL */
#include "gateway/identity.h"

#include "base/alloc.h"

#include <string.h>

static const char magic[] = "lwmix-id";
enum {
    MAGIC = 8,
    FORMAT = 1,
    MEMORY_KIB_LEAST = 8,
    MEMORY_KIB_MOST = 262144, /* what a value found in the store may cost */
    PASSES_MOST = 16,
};

bool mix_gateway_url_ok(mix_bytes url) {
    const mix_bytes schemes[] = {mix_bytes_str("wss://"), mix_bytes_str("ws://")};
    bool known = false;
    for (size_t i = 0; i < 2; i++)
        known |= url.len > schemes[i].len &&
                 mix_bytes_equal(mix_bytes_slice(url, 0, schemes[i].len), schemes[i]);
    for (size_t i = 0; i < url.len; i++)
        known &= url.data[i] > 0x20 && url.data[i] < 0x7f;
    return known && url.len <= MIX_GATEWAY_URL_MAX;
}

/* The public halves. */
static int complete(mix_identity *id, mix_crypto *c) {
    mix_x25519_public(id->encryption_public, id->encryption_secret);
    return mix_ed25519_public(c, id->public_key, id->seed);
}

int mix_identity_new(mix_identity *out, mix_crypto *c, const mix_env *env) {
    mix_identity id = {0};
    int status = mix_random(env, id.seed, sizeof id.seed);
    if (status == MIX_OK)
        status = mix_random(env, id.encryption_secret, sizeof id.encryption_secret);
    if (status == MIX_OK)
        status = mix_random(env, id.ack_key, sizeof id.ack_key);
    if (status == MIX_OK)
        status = complete(&id, c);
    if (status == MIX_OK)
        *out = id;
    mix_identity_wipe(&id);
    return status;
}

void mix_identity_wipe(mix_identity *id) {
    mix_wipe(id, sizeof *id);
}

/* ---- content ---- */

static void put_content(mix_buf *out, const mix_identity *id) {
    const mix_registration *r = &id->registration;
    mix_buf_put(out, id->seed, sizeof id->seed);
    mix_buf_put(out, id->encryption_secret, sizeof id->encryption_secret);
    mix_buf_put(out, id->ack_key, sizeof id->ack_key);
    mix_buf_put_u8(out, r->present);
    if (!r->present)
        return;
    size_t url = strlen(r->url);
    mix_buf_put(out, r->gateway, sizeof r->gateway);
    mix_buf_put(out, r->shared_key, sizeof r->shared_key);
    mix_buf_put_u8(out, r->version);
    mix_buf_put_u64(out, (uint64_t)r->since);
    mix_buf_put_u16(out, (uint16_t)url);
    mix_buf_put(out, r->url, url);
}

static int read_content(mix_identity *out, mix_bytes in) {
    mix_identity id = {0};
    mix_registration *g = &id.registration;
    mix_reader r = {.in = in};
    mix_read_into(&r, id.seed, sizeof id.seed);
    mix_read_into(&r, id.encryption_secret, sizeof id.encryption_secret);
    mix_read_into(&r, id.ack_key, sizeof id.ack_key);
    uint8_t present = mix_read_u8(&r);
    bool bad = present > 1;
    if (present == 1) {
        g->present = true;
        mix_read_into(&r, g->gateway, sizeof g->gateway);
        mix_read_into(&r, g->shared_key, sizeof g->shared_key);
        g->version = mix_read_u8(&r);
        g->since = (int64_t)mix_read_u64(&r);
        mix_bytes url = mix_read_bytes(&r, mix_read_u16(&r));
        bad |= !mix_gateway_url_ok(url);
        if (!bad)
            memcpy(g->url, url.data, url.len);
    }
    bad |= r.bad || r.in.len != 0;
    if (!bad)
        *out = id;
    mix_identity_wipe(&id);
    return bad ? MIX_ERR_IDENTITY_DAMAGED : MIX_OK;
}

/* ---- value ---- */

int mix_identity_seal(mix_buf *out, mix_crypto *c, const mix_env *env, const mix_vault *vault,
                      const mix_identity *id) {
    uint8_t storage[MIX_IDENTITY_MAX], nonce[MIX_AEAD_NONCE_LEN], digest[MIX_KEY_LEN];
    mix_buf b = mix_buf_fixed(storage, sizeof storage);
    mix_buf_put(&b, magic, MAGIC);
    mix_buf_put_u8(&b, FORMAT);
    mix_buf_put_u8(&b, vault->sealed);
    int status = MIX_OK;
    if (vault->sealed) {
        status = mix_random(env, nonce, sizeof nonce);
        mix_buf_put_u32(&b, vault->memory_kib);
        mix_buf_put_u32(&b, vault->passes);
        mix_buf_put(&b, vault->salt, sizeof vault->salt);
        mix_buf_put(&b, nonce, sizeof nonce);
    }
    size_t head = b.len;
    put_content(&b, id);
    size_t content = b.len - head;
    mix_buf_put_zeros(&b, vault->sealed ? MIX_AEAD_TAG_LEN : 0);
    if (status == MIX_OK)
        status = mix_buf_status(&b);
    if (status == MIX_OK && vault->sealed) {
        status = mix_gcm_siv_seal(c, storage + head, vault->key, nonce, mix_bytes_of(storage, head),
                                  mix_bytes_of(storage + head, content));
    } else if (status == MIX_OK) {
        mix_blake3(digest, mix_buf_bytes(&b));
        mix_buf_put(&b, digest, sizeof digest);
        status = mix_buf_status(&b);
    }
    if (status == MIX_OK) {
        size_t mark = out->len;
        mix_buf_put_bytes(out, mix_buf_bytes(&b));
        status = mix_buf_status(out);
        if (status != MIX_OK)
            mix_buf_truncate(out, mark);
    }
    mix_wipe(storage, sizeof storage);
    return status;
}

static int damaged(mix_error *e, const char *what) {
    return mix_error_note(e, MIX_ERR_IDENTITY_DAMAGED, "gateway", 0, "the stored identity: %s",
                          what);
}

static int open_plain(mix_identity *out, mix_bytes stored, mix_bytes body, mix_error *e) {
    if (body.len < MIX_KEY_LEN)
        return damaged(e, "it ends too early");
    uint8_t digest[MIX_KEY_LEN];
    size_t content = body.len - MIX_KEY_LEN;
    mix_blake3(digest, mix_bytes_slice(stored, 0, stored.len - MIX_KEY_LEN));
    if (!mix_equal(digest, body.data + content, sizeof digest))
        return damaged(e, "its checksum does not match");
    return read_content(out, mix_bytes_slice(body, 0, content)) == MIX_OK
               ? MIX_OK
               : damaged(e, "its content is malformed");
}

static int open_sealed(mix_identity *out, mix_vault *vault, mix_crypto *c, mix_bytes stored,
                       mix_reader *r, mix_bytes passphrase, mix_error *e) {
    mix_vault v = {.sealed = true, .memory_kib = mix_read_u32(r)};
    v.passes = mix_read_u32(r);
    mix_read_into(r, v.salt, sizeof v.salt);
    const uint8_t *nonce = mix_read(r, MIX_AEAD_NONCE_LEN);
    if (r->bad || r->in.len < MIX_AEAD_TAG_LEN)
        return damaged(e, "it ends too early");
    if (v.memory_kib < MEMORY_KIB_LEAST || v.memory_kib > MEMORY_KIB_MOST || v.passes < 1 ||
        v.passes > PASSES_MOST)
        return damaged(e, "the costs of its passphrase are out of range");
    uint8_t content[MIX_IDENTITY_MAX];
    size_t len = r->in.len - MIX_AEAD_TAG_LEN;
    int status = mix_vault_derive(&v, c, passphrase);
    if (status == MIX_OK)
        status = mix_gcm_siv_open(c, content, v.key, nonce,
                                  mix_bytes_slice(stored, 0, stored.len - r->in.len), r->in);
    if (status == MIX_ERR_AEAD)
        status = mix_error_note(e, MIX_ERR_IDENTITY_PASSPHRASE, "gateway", 0,
                                "the passphrase is wrong, or the value damaged");
    if (status == MIX_OK && read_content(out, mix_bytes_of(content, len)) != MIX_OK)
        status = damaged(e, "its content is malformed");
    if (status == MIX_OK)
        *vault = v;
    mix_wipe(content, sizeof content);
    mix_vault_wipe(&v);
    return status;
}

int mix_identity_open(mix_identity *out, mix_vault *vault, mix_crypto *c, mix_bytes stored,
                      mix_bytes passphrase, mix_error *e) {
    mix_reader r = {.in = stored};
    const uint8_t *front = mix_read(&r, MAGIC);
    uint8_t format = mix_read_u8(&r), sealing = mix_read_u8(&r);
    if (passphrase.data && passphrase.len == 0)
        return mix_error_note(e, MIX_ERR_ARGUMENT, "gateway", 0, "the passphrase is empty");
    if (r.bad || memcmp(front, magic, MAGIC) != 0)
        return damaged(e, "it does not begin as one");
    if (format != FORMAT)
        return mix_error_note(e, MIX_ERR_IDENTITY_VERSION, "gateway", format,
                              "the stored identity has format %u", format);
    if (sealing > 1 || stored.len > MIX_IDENTITY_MAX)
        return damaged(e, sealing > 1 ? "its kind of sealing is unknown" : "it is too long");
    if (sealing == 1 && !passphrase.data)
        return mix_error_note(e, MIX_ERR_IDENTITY_SEALED, "gateway", 0, "no passphrase is given");
    if (sealing == 0 && passphrase.data)
        return mix_error_note(e, MIX_ERR_IDENTITY_PLAIN, "gateway", 0,
                              "the stored identity is not sealed");
    mix_identity id = {0};
    mix_vault v = {0};
    int status = sealing == 1 ? open_sealed(&id, &v, c, stored, &r, passphrase, e)
                              : open_plain(&id, stored, r.in, e);
    if (status == MIX_OK)
        status = complete(&id, c);
    if (status == MIX_OK) {
        *out = id;
        *vault = v;
    }
    mix_identity_wipe(&id);
    mix_vault_wipe(&v);
    return status;
}
