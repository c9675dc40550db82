/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1; SHA-256, HMAC and HKDF over it. A node expands a secret to 288 bytes by 39 compressions of
 * SHA-256, a sender makes 148 for a header of four hops, so the bookkeeping around a compression
 * counts: we call OpenSSL's compression function on blocks that we pad ourselves, keep absorbed
 * HMAC keys, and rewrite in place only what changes from one block of output to the next. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_*: EVP_MAC and EVP_KDF cost several times the        \
                                       compressions (docs/decisions) */
#include "crypto/context.h"

#include "base/alloc.h"
#include "mix/errors.h"

#include <openssl/sha.h>

enum { BLOCK = 64, DIGEST = MIX_KEY_LEN };

void mix_sha1(uint8_t out[static MIX_SHA1_LEN], mix_bytes in) {
    SHA_CTX ctx;
    SHA1_Init(&ctx);
    if (in.len > 0)
        SHA1_Update(&ctx, in.data, in.len);
    SHA1_Final(out, &ctx);
    mix_wipe(&ctx, sizeof ctx);
}

static void put_state(uint8_t out[static DIGEST], const SHA_LONG h[static 8]) {
    for (size_t i = 0; i < 8; i++)
        mix_put_u32(out + 4 * i, h[i]);
}

/* A hash that has absorbed one block and left `state`. */
static void resume(SHA256_CTX *ctx, const uint32_t state[static 8]) {
    SHA256_Init(ctx);
    memcpy(ctx->h, state, sizeof ctx->h);
    ctx->Nl = 8 * BLOCK;
}

static void absorb(SHA256_CTX *ctx, mix_bytes in) {
    if (in.len > 0)
        SHA256_Update(ctx, in.data, in.len);
}

int mix_sha256(mix_crypto *c, uint8_t out[static MIX_KEY_LEN], mix_bytes in) {
    (void)c;
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    absorb(&ctx, in);
    SHA256_Final(out, &ctx);
    mix_wipe(&ctx, sizeof ctx);
    return MIX_OK;
}

static void absorb_pad(uint32_t state[static 8], const uint8_t key[static BLOCK], uint8_t pad) {
    uint8_t block[BLOCK];
    SHA256_CTX ctx;
    for (size_t i = 0; i < BLOCK; i++)
        block[i] = key[i] ^ pad;
    SHA256_Init(&ctx);
    SHA256_Transform(&ctx, block);
    memcpy(state, ctx.h, sizeof ctx.h);
    mix_wipe(block, sizeof block);
    mix_wipe(&ctx, sizeof ctx);
}

void mix_hmac_key_init(mix_hmac_key *out, mix_bytes key) {
    uint8_t block[BLOCK] = {0};
    if (key.len > BLOCK)
        mix_sha256(NULL, block, key);
    else if (key.len > 0)
        memcpy(block, key.data, key.len);
    absorb_pad(out->inner, block, 0x36);
    absorb_pad(out->outer, block, 0x5c);
    mix_wipe(block, sizeof block);
}

/* Makes `len` bytes that follow HMAC's block of key into whole blocks: writes the end mark and the
 * bit length behind them, up to BLOCK + 8 bytes. Returns the number of blocks. */
static size_t finish_blocks(uint8_t *data, size_t len) {
    size_t blocks = (len + 1 + 8 + BLOCK - 1) / BLOCK;
    memset(data + len, 0, blocks * BLOCK - len);
    data[len] = 0x80;
    mix_put_u64(data + blocks * BLOCK - 8, 8 * (uint64_t)(BLOCK + len));
    return blocks;
}

/* The second hash of HMAC over what the first left in digest: one block. */
static void hmac_outer(const mix_hmac_key *key, uint8_t digest[static DIGEST]) {
    uint8_t block[BLOCK];
    SHA256_CTX ctx;
    memcpy(block, digest, DIGEST);
    finish_blocks(block, DIGEST);
    memcpy(ctx.h, key->outer, sizeof ctx.h);
    SHA256_Transform(&ctx, block);
    put_state(digest, ctx.h);
    mix_wipe(block, sizeof block);
}

static void hmac(const mix_hmac_key *key, uint8_t out[static DIGEST], mix_bytes in) {
    SHA256_CTX ctx;
    resume(&ctx, key->inner);
    absorb(&ctx, in);
    SHA256_Final(out, &ctx);
    hmac_outer(key, out);
    mix_wipe(&ctx, sizeof ctx);
}

int mix_hmac_sha256(mix_crypto *c, uint8_t out[static MIX_KEY_LEN], mix_bytes key, mix_bytes in) {
    (void)c;
    mix_hmac_key absorbed;
    mix_hmac_key_init(&absorbed, key);
    hmac(&absorbed, out, in);
    mix_wipe(&absorbed, sizeof absorbed);
    return MIX_OK;
}

/* RFC 5869 §2.3. Each block of output is T = HMAC(prk, T before || info || counter); the first has
 * no T before it. */
static void hkdf_expand(const mix_hmac_key *prk, uint8_t *out, size_t len, mix_bytes info) {
    uint8_t t[DIGEST + MIX_HKDF_INFO_MOST + 2 * BLOCK];
    uint8_t *counter = t + DIGEST + info.len;
    size_t blocks = 0;
    SHA256_CTX ctx;
    if (info.len > 0)
        memcpy(t + DIGEST, info.data, info.len);
    for (uint8_t i = 1; len > 0; i++) {
        uint8_t *message = i == 1 ? t + DIGEST : t;
        *counter = i;
        if (i <= 2) /* what follows the counter is the same for all others */
            blocks = finish_blocks(message, (size_t)(counter + 1 - message));
        memcpy(ctx.h, prk->inner, sizeof ctx.h);
        for (size_t b = 0; b < blocks; b++)
            SHA256_Transform(&ctx, message + b * BLOCK);
        put_state(t, ctx.h);
        hmac_outer(prk, t);
        size_t n = len < DIGEST ? len : DIGEST;
        memcpy(out, t, n);
        out += n;
        len -= n;
    }
    mix_wipe(t, sizeof t);
    mix_wipe(&ctx, sizeof ctx);
}

int mix_hkdf_sha256(mix_crypto *c, uint8_t *out, size_t len, mix_bytes ikm, mix_bytes salt,
                    mix_bytes info) {
    if (len > MIX_HKDF_MOST || info.len > MIX_HKDF_INFO_MOST)
        return MIX_ERR_ARGUMENT;
    mix_hmac_key key = c->no_salt;
    uint8_t prk[DIGEST];
    if (salt.len > 0)
        mix_hmac_key_init(&key, salt);
    hmac(&key, prk, ikm);
    mix_hmac_key_init(&key, MIX_BYTES(prk));
    hkdf_expand(&key, out, len, info);
    mix_wipe(prk, sizeof prk);
    mix_wipe(&key, sizeof key);
    return MIX_OK;
}
