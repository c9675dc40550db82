/* SPDX-License-Identifier: Apache-2.0 */
/* Integers modulo L = 2^252 + 27742317777372353535851937790883648493, by Montgomery's
 * multiplication. */
#include "crypto/scalar.h"

#include "base/alloc.h"
#include "crypto/curve.h"

enum { WORDS = 8 };
typedef uint32_t words[WORDS]; /* little-endian */

static const words order = {0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de, 0, 0, 0, 0x10000000};
static const words r_squared = {0x449c0f01, 0xa40611e3, 0x68859347, 0xd00e1ba7, /* 2^512 mod L */
                                0x17f5be65, 0xceec73d2, 0x7c309a3d, 0x0399411b};
static const uint32_t minus_inverse = 0x12547e1b; /* −1/L mod 2^32 */

static void words_decode(words out, const uint8_t in[static MIX_KEY_LEN]) {
    for (size_t i = 0; i < WORDS; i++)
        out[i] = (uint32_t)in[4 * i] | (uint32_t)in[4 * i + 1] << 8 |
                 (uint32_t)in[4 * i + 2] << 16 | (uint32_t)in[4 * i + 3] << 24;
}

static void words_encode(uint8_t out[static MIX_KEY_LEN], const words in) {
    for (size_t i = 0; i < MIX_KEY_LEN; i++)
        out[i] = (uint8_t)(in[i / 4] >> 8 * (i % 4));
}

/* out = a + b·factor; the sum must be below 2^256. */
static void add_multiple(words out, const words a, const words b, uint32_t factor) {
    uint64_t carry = 0;
    for (size_t i = 0; i < WORDS; i++) {
        carry += a[i] + (uint64_t)b[i] * factor;
        out[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

/* out = a − b mod 2^256; 1 when a < b. */
static uint32_t subtract(words out, const words a, const words b) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < WORDS; i++) {
        uint64_t difference = (uint64_t)a[i] - b[i] - borrow;
        out[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
    return (uint32_t)borrow;
}

/* out = a where bit is 1, else b. */
static void select_words(words out, const words a, const words b, uint32_t bit) {
    __asm__("" : "+r"(bit)); /* so that no branch is made of it */
    for (size_t i = 0; i < WORDS; i++)
        out[i] = b[i] ^ ((0 - bit) & (a[i] ^ b[i]));
}

/* a − L, unless that is negative. */
static void subtract_order(words a) {
    words less;
    uint32_t negative = subtract(less, a, order);
    select_words(a, a, less, negative);
}

/* out = a·b/2^256 mod L, below b + L; a is any number, b + L must be below 2^256. */
static void montgomery(words out, const words a, const words b) {
    uint32_t t[WORDS + 1] = {0};
    for (size_t i = 0; i < WORDS; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; j < WORDS; j++) {
            carry += t[j] + (uint64_t)a[i] * b[j];
            t[j] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += t[WORDS];
        t[WORDS] = (uint32_t)carry;
        uint32_t multiple = t[0] * minus_inverse;
        carry = (t[0] + (uint64_t)multiple * order[0]) >> 32;
        for (size_t j = 1; j < WORDS; j++) {
            carry += t[j] + (uint64_t)multiple * order[j];
            t[j - 1] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += t[WORDS];
        t[WORDS - 1] = (uint32_t)carry;
        t[WORDS] = (uint32_t)(carry >> 32);
    }
    memcpy(out, t, sizeof(words));
    mix_wipe(t, sizeof t);
}

/* out = a·b mod L, fully reduced; any inputs. */
static void multiply(words out, const words a, const words b) {
    words scaled;
    montgomery(scaled, b, r_squared); /* b·2^256, below 2L */
    montgomery(out, a, scaled);       /* below 3L */
    subtract_order(out);
    subtract_order(out);
    mix_wipe(scaled, sizeof scaled);
}

/* Montgomery's multiplication divides by 2^256, so by 2^252 it makes a/16. */
void mix_scalar_sixteenth_add(uint8_t out[static MIX_KEY_LEN], const uint8_t a[static MIX_KEY_LEN],
                              const uint8_t c[static MIX_KEY_LEN]) {
    static const words scale = {[WORDS - 1] = 0x10000000};
    words x, y;
    words_decode(x, a);
    montgomery(x, x, scale); /* below 2L */
    words_decode(y, c);
    add_multiple(x, x, y, 1);
    subtract_order(x);
    subtract_order(x);
    words_encode(out, x);
    mix_wipe(x, sizeof x);
}

void mix_scalar_mul(uint8_t out[static MIX_KEY_LEN], const uint8_t a[static MIX_KEY_LEN],
                    const uint8_t b[static MIX_KEY_LEN]) {
    words x, y;
    words_decode(x, a);
    words_decode(y, b);
    multiply(x, x, y);
    words_encode(out, x);
    mix_wipe(x, sizeof x);
    mix_wipe(y, sizeof y);
}

void mix_scalar_mul_clamped(uint8_t out[static MIX_KEY_LEN],
                            const uint8_t scalar[static MIX_KEY_LEN],
                            const uint8_t secret[static MIX_KEY_LEN]) {
    uint8_t clamped[MIX_KEY_LEN];
    memcpy(clamped, secret, sizeof clamped);
    clamped[0] &= 248;
    clamped[31] = (uint8_t)((clamped[31] & 127) | 64);
    mix_scalar_mul(out, scalar, clamped);
    mix_wipe(clamped, sizeof clamped);
}

void mix_scalar_from_clamped(uint8_t out[static MIX_KEY_LEN],
                             const uint8_t secret[static MIX_KEY_LEN]) {
    static const uint8_t one[MIX_KEY_LEN] = {1};
    mix_scalar_mul_clamped(out, one, secret);
}

/* X25519 multiplies by multiples of 8 from 2^254 to 2^255. One of k + m·L, 0 ≤ m < 8, is a multiple
 * of 8 (L is odd), and with 4 ≤ m it lies in that range but for a few k next to 0 or L. With m < 4
 * it is −k ≡ L − k that has its multiple at 7 − m: −k·Y has the same u-coordinate. */
bool mix_scalar_to_clamped(uint8_t secret[static MIX_KEY_LEN],
                           const uint8_t scalar[static MIX_KEY_LEN]) {
    static const words one = {1}, zero = {0};
    words k, other;
    words_decode(k, scalar);
    multiply(k, k, one);
    subtract(other, order, k);
    uint32_t m = 3 * k[0] % 8; /* −1/L = 3 mod 8 */
    uint32_t low = (m >> 2) ^ 1;
    select_words(k, other, k, low);
    m ^= 7 * low; /* 7 − m where low */
    add_multiple(k, k, order, m);
    uint32_t good = k[WORDS - 1] >> 30 == 1;
    select_words(k, k, zero, good);
    words_encode(secret, k);
    mix_wipe(k, sizeof k);
    mix_wipe(other, sizeof other);
    return good;
}
