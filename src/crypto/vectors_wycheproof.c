/* SPDX-License-Identifier: Apache-2.0 */
/* Edge cases of Project Wycheproof (testdata/wycheproof.json, made by tools/wycheproof.mjs): for
 * "invalid" ones our call must refuse; "acceptable" ones of X25519 (twist, low order, not
 * canonical) must give the listed result, as 1-sphinx.md §1.5 asks. */
#include "crypto/crypto.h"

#include "mix/errors.h"
#include "vectors.h"

typedef struct context {
    mix_vectors v;
    mix_crypto *c;
    bool valid;
} context;

typedef void check(context *t, yyjson_val *e);

static mix_bytes hex(context *t, yyjson_val *e, const char *key) {
    return mix_vec_hex(&t->v, e, key);
}

static void check_x25519(context *t, yyjson_val *e) {
    uint8_t out[MIX_KEY_LEN];
    mix_x25519(out, hex(t, e, "secret").data, hex(t, e, "point").data);
    VBYTES(&t->v, MIX_BYTES(out), hex(t, e, "out"));
}

static void check_ed25519(context *t, yyjson_val *e) {
    mix_bytes signature = hex(t, e, "signature");
    if (signature.len != MIX_SIGNATURE_LEN) {
        VCHECK(&t->v, !t->valid); /* its callers only have 64 bytes */
        return;
    }
    VSTATUS(
        &t->v,
        mix_ed25519_verify(t->c, hex(t, e, "public").data, signature.data, hex(t, e, "message")),
        t->valid ? MIX_OK : MIX_ERR_SIGNATURE);
}

static void check_hmac_sha256(context *t, yyjson_val *e) {
    uint8_t out[MIX_KEY_LEN];
    mix_bytes mac = hex(t, e, "mac");
    VSTATUS(&t->v, mix_hmac_sha256(t->c, out, hex(t, e, "key"), hex(t, e, "message")), MIX_OK);
    VCHECK(&t->v, (mac.len == sizeof out && mix_equal(out, mac.data, sizeof out)) == t->valid);
}

static void check_hkdf_sha256(context *t, yyjson_val *e) {
    size_t len = (size_t)mix_vec_u64(&t->v, e, "len");
    uint8_t *out = malloc(len);
    int status =
        mix_hkdf_sha256(t->c, out, len, hex(t, e, "ikm"), hex(t, e, "salt"), hex(t, e, "info"));
    if (VSTATUS(&t->v, status, t->valid ? MIX_OK : MIX_ERR_ARGUMENT) && t->valid)
        VBYTES(&t->v, mix_bytes_of(out, len), hex(t, e, "okm"));
    free(out);
}

typedef int seal(mix_crypto *c, uint8_t *out, const uint8_t key[static MIX_KEY_LEN],
                 const uint8_t nonce[static MIX_AEAD_NONCE_LEN], mix_bytes aad, mix_bytes in);

static void check_aead(context *t, yyjson_val *e, seal *seal_it, seal *open_it) {
    const uint8_t *key = hex(t, e, "key").data, *nonce = hex(t, e, "nonce").data;
    mix_bytes in = hex(t, e, "plaintext"), sealed = hex(t, e, "sealed"), aad = hex(t, e, "aad");
    uint8_t *out = malloc(in.len + MIX_AEAD_TAG_LEN);
    memset(out, 0xaa, in.len + MIX_AEAD_TAG_LEN);
    if (VSTATUS(&t->v, open_it(t->c, out, key, nonce, aad, sealed),
                t->valid ? MIX_OK : MIX_ERR_AEAD)) {
        if (!t->valid)
            for (size_t i = 0; i < sealed.len - MIX_AEAD_TAG_LEN; i++)
                VCHECK(&t->v, out[i] == 0);
        else
            VBYTES(&t->v, mix_bytes_of(out, in.len), in);
    }
    if (t->valid && VSTATUS(&t->v, seal_it(t->c, out, key, nonce, aad, in), MIX_OK))
        VBYTES(&t->v, mix_bytes_of(out, in.len + MIX_AEAD_TAG_LEN), sealed);
    free(out);
}

static void check_gcm_siv(context *t, yyjson_val *e) {
    check_aead(t, e, mix_gcm_siv_seal, mix_gcm_siv_open);
}

static void check_gcm(context *t, yyjson_val *e) {
    check_aead(t, e, mix_aes256_gcm_seal, mix_aes256_gcm_open);
}

int main(void) {
    static const struct {
        const char *group;
        check *one;
    } groups[] = {
        {"x25519", check_x25519},           {"ed25519", check_ed25519},
        {"hmac_sha256", check_hmac_sha256}, {"hkdf_sha256", check_hkdf_sha256},
        {"aes256_gcm_siv", check_gcm_siv},  {"aes256_gcm", check_gcm},
    };
    static context t;
    mix_vectors_open(&t.v, "wycheproof", "wycheproof.json");
    if (!VCHECK(&t.v, mix_crypto_new(&t.c) == MIX_OK))
        return mix_vectors_close(&t.v);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        yyjson_val *cases = mix_vec(&t.v, t.v.root, groups[g].group), *e;
        size_t i, n;
        VCHECK(&t.v, yyjson_arr_size(cases) > 0);
        yyjson_arr_foreach(cases, i, n, e) {
            mix_vectors_at(&t.v, "%s %d", groups[g].group, (int)mix_vec_u64(&t.v, e, "id"));
            t.valid = strcmp(mix_vec_str(&t.v, e, "result"), "invalid") != 0;
            groups[g].one(&t, e);
            mix_vectors_sweep(&t.v);
        }
    }
    mix_crypto_free(t.c);
    return mix_vectors_close(&t.v);
}
