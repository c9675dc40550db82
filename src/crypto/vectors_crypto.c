/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers from the standards, and from other implementations where a standard has none:
 * testdata/crypto.json says of each group where it is from. */
#include "crypto/crypto.h"

#include "mix/errors.h"
#include "vectors.h"

typedef struct context {
    mix_vectors v;
    mix_crypto *c;
} context;

typedef void check(context *t, yyjson_val *e);

static mix_bytes hex(context *t, yyjson_val *e, const char *key) {
    return mix_vec_hex(&t->v, e, key);
}

/* A copy of exactly its size, so that a sanitizer sees each byte too far. */
static uint8_t *copy_of(mix_bytes b) {
    uint8_t *p = malloc(b.len > 0 ? b.len : 1);
    if (!p)
        abort();
    if (b.len > 0)
        memcpy(p, b.data, b.len);
    return p;
}

static void check_x25519(context *t, yyjson_val *e) {
    mix_bytes secret = hex(t, e, "secret"), point = hex(t, e, "point"), want = hex(t, e, "out");
    const uint8_t base[MIX_KEY_LEN] = {9};
    uint8_t out[MIX_KEY_LEN];
    mix_x25519(out, secret.data, point.data);
    VBYTES(&t->v, MIX_BYTES(out), want);
    memcpy(out, point.data, sizeof out);
    mix_x25519(out, secret.data, out);
    VBYTES(&t->v, MIX_BYTES(out), want);
    memcpy(out, secret.data, sizeof out);
    mix_x25519(out, out, point.data);
    VBYTES(&t->v, MIX_BYTES(out), want);
    if (memcmp(point.data, base, sizeof base) != 0)
        return;
    mix_x25519_public(out, secret.data);
    VBYTES(&t->v, MIX_BYTES(out), want);
}

static void check_ed25519(context *t, yyjson_val *e) {
    mix_bytes seed = hex(t, e, "seed"), key = hex(t, e, "public"), message = hex(t, e, "message");
    uint8_t out[MIX_SIGNATURE_LEN];
    VSTATUS(&t->v, mix_ed25519_public(t->c, out, seed.data), MIX_OK);
    VBYTES(&t->v, mix_bytes_of(out, MIX_KEY_LEN), key);
    VSTATUS(&t->v, mix_ed25519_sign(t->c, out, seed.data, message), MIX_OK);
    VBYTES(&t->v, MIX_BYTES(out), hex(t, e, "signature"));
    VSTATUS(&t->v, mix_ed25519_verify(t->c, key.data, out, message), MIX_OK);
    for (size_t i = 0; i < sizeof out; i += 9) {
        out[i] ^= 1;
        VSTATUS(&t->v, mix_ed25519_verify(t->c, key.data, out, message), MIX_ERR_SIGNATURE);
        out[i] ^= 1;
    }
}

static void check_sha1(context *t, yyjson_val *e) {
    uint8_t out[MIX_SHA1_LEN];
    mix_sha1(out, hex(t, e, "message"));
    VBYTES(&t->v, MIX_BYTES(out), hex(t, e, "digest"));
}

static void check_sha256(context *t, yyjson_val *e) {
    uint8_t out[MIX_KEY_LEN];
    VSTATUS(&t->v, mix_sha256(t->c, out, hex(t, e, "message")), MIX_OK);
    VBYTES(&t->v, MIX_BYTES(out), hex(t, e, "digest"));
}

static void check_hmac_sha256(context *t, yyjson_val *e) {
    uint8_t out[MIX_KEY_LEN];
    VSTATUS(&t->v, mix_hmac_sha256(t->c, out, hex(t, e, "key"), hex(t, e, "message")), MIX_OK);
    VBYTES(&t->v, MIX_BYTES(out), hex(t, e, "mac"));
}

static void check_hkdf_sha256(context *t, yyjson_val *e) {
    mix_bytes want = hex(t, e, "okm");
    uint8_t *out = malloc(want.len);
    VSTATUS(&t->v,
            mix_hkdf_sha256(t->c, out, want.len, hex(t, e, "ikm"), hex(t, e, "salt"),
                            hex(t, e, "info")),
            MIX_OK);
    VBYTES(&t->v, mix_bytes_of(out, want.len), want);
    free(out);
}

static void check_blake3(context *t, yyjson_val *e) {
    static uint8_t in[31744];
    size_t len = (size_t)mix_vec_u64(&t->v, e, "input_len");
    if (!VCHECK(&t->v, len <= sizeof in))
        return;
    for (size_t i = 0; i < len; i++)
        in[i] = (uint8_t)(i % 251);
    uint8_t out[MIX_KEY_LEN];
    mix_blake3(out, mix_bytes_of(in, len));
    VBYTES(&t->v, MIX_BYTES(out), hex(t, e, "digest"));
}

static void check_hmac_blake3(context *t, yyjson_val *e) {
    uint8_t out[MIX_KEY_LEN];
    mix_hmac_blake3(out, hex(t, e, "key"), hex(t, e, "message"));
    VBYTES(&t->v, MIX_BYTES(out), hex(t, e, "mac"));
}

static void check_hkdf_blake3(context *t, yyjson_val *e) {
    mix_bytes want = hex(t, e, "okm");
    uint8_t *out = malloc(want.len);
    mix_hkdf_blake3(out, want.len, hex(t, e, "ikm"), hex(t, e, "salt"), hex(t, e, "info"));
    VBYTES(&t->v, mix_bytes_of(out, want.len), want);
    free(out);
}

static void check_blake2b(context *t, yyjson_val *e) {
    uint8_t out[MIX_KEY_LEN];
    VSTATUS(&t->v, mix_blake2b_keyed(t->c, out, hex(t, e, "key"), hex(t, e, "message")), MIX_OK);
    VBYTES(&t->v, MIX_BYTES(out), hex(t, e, "digest"));
}

static void check_aes128_ctr(context *t, yyjson_val *e) {
    mix_bytes in = hex(t, e, "plaintext");
    uint8_t *data = copy_of(in);
    VSTATUS(&t->v, mix_aes128_ctr(t->c, hex(t, e, "key").data, hex(t, e, "iv").data, data, in.len),
            MIX_OK);
    VBYTES(&t->v, mix_bytes_of(data, in.len), hex(t, e, "ciphertext"));
    free(data);
}

static void check_chacha20(context *t, yyjson_val *e) {
    mix_bytes want = hex(t, e, "keystream");
    uint8_t *data = calloc(1, want.len);
    VSTATUS(&t->v, mix_chacha20_zero_nonce(t->c, hex(t, e, "key").data, data, want.len), MIX_OK);
    VBYTES(&t->v, mix_bytes_of(data, want.len), want);
    free(data);
}

static void check_gcm_siv(context *t, yyjson_val *e) {
    const uint8_t *key = hex(t, e, "key").data, *nonce = hex(t, e, "nonce").data;
    mix_bytes in = hex(t, e, "plaintext"), want = hex(t, e, "sealed"), aad = hex(t, e, "aad");
    uint8_t *sealed = malloc(want.len), *opened = malloc(in.len + 1);
    VSTATUS(&t->v, mix_gcm_siv_seal(t->c, sealed, key, nonce, aad, in), MIX_OK);
    VBYTES(&t->v, mix_bytes_of(sealed, want.len), want);
    VSTATUS(&t->v, mix_gcm_siv_open(t->c, opened, key, nonce, aad, want), MIX_OK);
    VBYTES(&t->v, mix_bytes_of(opened, in.len), in);
    free(sealed);
    free(opened);
}

static void check_argon2id(context *t, yyjson_val *e) {
    mix_bytes want = hex(t, e, "out");
    uint8_t *out = malloc(want.len);
    VSTATUS(&t->v,
            mix_argon2id(t->c, out, want.len, hex(t, e, "passphrase"), hex(t, e, "salt"),
                         (uint32_t)mix_vec_u64(&t->v, e, "memory_kib"),
                         (uint32_t)mix_vec_u64(&t->v, e, "passes")),
            MIX_OK);
    VBYTES(&t->v, mix_bytes_of(out, want.len), want);
    free(out);
}

int main(void) {
    static const struct {
        const char *group;
        check *one;
    } groups[] = {
        {"x25519", check_x25519},
        {"ed25519", check_ed25519},
        {"sha1", check_sha1},
        {"sha256", check_sha256},
        {"hmac_sha256", check_hmac_sha256},
        {"hkdf_sha256", check_hkdf_sha256},
        {"hkdf_sha256_edges", check_hkdf_sha256},
        {"blake3", check_blake3},
        {"hmac_blake3", check_hmac_blake3},
        {"hkdf_blake3", check_hkdf_blake3},
        {"blake2b_keyed", check_blake2b},
        {"aes128_ctr", check_aes128_ctr},
        {"chacha20_zero_nonce", check_chacha20},
        {"aes256_gcm_siv", check_gcm_siv},
        {"argon2id", check_argon2id},
    };
    static context t;
    mix_vectors_open(&t.v, "crypto", "crypto.json");
    VCHECK(&t.v, yyjson_obj_size(t.v.root) == sizeof groups / sizeof *groups);
    if (!VCHECK(&t.v, mix_crypto_new(&t.c) == MIX_OK))
        return mix_vectors_close(&t.v);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        yyjson_val *cases = mix_vec(&t.v, mix_vec(&t.v, t.v.root, groups[g].group), "cases"), *e;
        size_t i, n;
        VCHECK(&t.v, yyjson_arr_size(cases) > 0);
        yyjson_arr_foreach(cases, i, n, e) {
            mix_vectors_at(&t.v, "%s %zu", groups[g].group, i);
            groups[g].one(&t, e);
            mix_vectors_sweep(&t.v);
        }
    }
    mix_crypto_free(t.c);
    return mix_vectors_close(&t.v);
}
