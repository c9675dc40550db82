/* SPDX-License-Identifier: Apache-2.0 */
/* Multiplication by tables. Compiled once for any processor and once more by multiply_adx.c. */
#include "crypto/table.h"

#include "base/alloc.h"
#include "crypto/edwards.h"
#include "crypto/scalar.h"

#ifdef MIX_FIELD_ADX
#define MULTIPLY mix_curve_multiply_adx
#define VECTOR_BYTES 32
#else
#define MULTIPLY mix_curve_multiply_portable
#define VECTOR_BYTES 16 /* SSE2, NEON; elsewhere the compiler makes two words of it */
#endif

typedef uint64_t vector __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t lanes __attribute__((vector_size(VECTOR_BYTES)));
enum { VECTORS = MIX_COMB_WORDS * 8 / VECTOR_BYTES };
typedef const uint64_t (*entries)[MIX_COMB_WORDS];

/* The digits of k/8 mod L as bits, 1 for 1 and 0 for −1 (a table is one of 8·Y, see
 * mix_curve_table_new). With the bits b as an integer, Σ ±2^i = 2b − (2^255 − 1), so b = k/16 +
 * (2^255 − 1)/2 mod L. */
static void digits_of(uint8_t digits[static MIX_KEY_LEN],
                      const uint8_t scalar[static MIX_KEY_LEN]) {
    static const uint8_t offset[MIX_KEY_LEN] = {0x42, 0x9a, 0xa3, 0xba, 0x23, 0xa5, 0xbf, 0xcb,
                                                0x11, 0x5b, 0x9d, 0xc5, 0x74, 0x95, 0xf3, 0xb6,
                                                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07};
    _Static_assert(MIX_COMB_DIGITS == 255, "offset is made for 255 digits");
    mix_scalar_sixteenth_add(digits, scalar, offset);
}

/* The teeth of a comb in a round, tooth 0 in bit 0. */
static uint32_t teeth_of(const uint8_t digits[static MIX_KEY_LEN], size_t comb, size_t round) {
    uint32_t teeth = 0;
    for (size_t m = 0; m < MIX_COMB_TEETH; m++) {
        size_t i = (comb * MIX_COMB_TEETH + m) * MIX_COMB_SPACING + round;
        teeth |= (uint32_t)(digits[i / 8] >> i % 8 & 1) << m;
    }
    return teeth;
}

/* Reads all entries, keeps one: the words of its three numbers, the first two swapped where
 * negative is 1. */
static void read_entry(uint64_t words[static MIX_COMB_WORDS], entries entry, uint32_t index,
                       uint32_t negative) {
    vector sum[VECTORS] = {0}, swap = {0};
    lanes at = {0}, wanted = at + index;
    uint32_t one = 1;
    __asm__("" : "+r"(one)); /* so that nothing is known of the entries' numbers */
    for (size_t i = 0; i < MIX_COMB_ENTRIES; i++, at += one) {
        vector mask = (vector)(at == wanted);
        for (size_t v = 0; v < VECTORS; v++) {
            vector part;
            memcpy(&part, &entry[i][v * VECTOR_BYTES / 8], sizeof part);
            sum[v] |= part & mask;
        }
    }
    swap -= (uint64_t)negative;
    for (size_t v = 0; v < VECTORS / 3; v++) {
        vector difference = (sum[v] ^ sum[v + VECTORS / 3]) & swap;
        sum[v] ^= difference;
        sum[v + VECTORS / 3] ^= difference;
    }
    memcpy(words, sum, sizeof sum);
}

static void pick(mix_point_affine *out, entries entry, uint32_t teeth) {
    uint64_t words[MIX_COMB_WORDS];
    uint32_t negative = (teeth >> (MIX_COMB_TEETH - 1)) ^ 1;
    mix_fe dxy;
    mix_fe_loose minus_dxy;
    read_entry(words, entry, (teeth ^ (0 - negative)) & (MIX_COMB_ENTRIES - 1), negative);
    mix_limbs_unpack(out->plus.v, words);
    mix_limbs_unpack(out->minus.v, words + 4);
    mix_limbs_unpack(dxy.v, words + 8);
    mix_fe_negate(&minus_dxy, &dxy);
    memcpy(out->dxy.v, dxy.v, sizeof dxy.v);
    mix_limbs_move(out->dxy.v, minus_dxy.v, mix_fe_mask(negative));
}

/* scalar·Y as a fraction for u. */
static void multiply(mix_fe *numerator, mix_fe *denominator, const mix_curve_table *table,
                     const uint8_t scalar[static MIX_KEY_LEN]) {
    struct {
        uint8_t digits[MIX_KEY_LEN];
        mix_point sum;
        mix_point_factors f;
        mix_point_affine q;
    } s;
    digits_of(s.digits, scalar);
    pick(&s.q, table->entry[0], teeth_of(s.digits, 0, MIX_COMB_SPACING - 1));
    mix_point_from_affine(&s.sum, &s.q);
    for (size_t c = 1; c < MIX_COMBS; c++) {
        if (c > 1)
            mix_point_finish(&s.sum, &s.f);
        pick(&s.q, table->entry[c], teeth_of(s.digits, c, MIX_COMB_SPACING - 1));
        mix_point_add_affine(&s.f, &s.sum, &s.q);
    }
    for (size_t r = MIX_COMB_SPACING - 1; r-- > 0;) {
        mix_point_finish_no_t(&s.sum, &s.f);
        mix_point_double(&s.f, &s.sum);
        for (size_t c = 0; c < MIX_COMBS; c++) {
            mix_point_finish(&s.sum, &s.f);
            pick(&s.q, table->entry[c], teeth_of(s.digits, c, r));
            mix_point_add_affine(&s.f, &s.sum, &s.q);
        }
    }
    mix_point_u(numerator, denominator, &s.f);
    mix_wipe(&s, sizeof s);
}

void MULTIPLY(uint8_t (*out)[MIX_KEY_LEN], const mix_curve_table *const *tables,
              const uint8_t (*scalars)[MIX_KEY_LEN], size_t count) {
    mix_fe numerator[MIX_CURVE_BATCH], denominator[MIX_CURVE_BATCH], scratch[MIX_CURVE_BATCH];
    for (size_t i = 0; i < count; i++)
        multiply(&numerator[i], &denominator[i], tables[i], scalars[i]);
    mix_fe_invert_all(denominator, scratch, count);
    for (size_t i = 0; i < count; i++) {
        mix_fe_mul(&numerator[i], &numerator[i], &denominator[i]);
        mix_fe_encode(out[i], &numerator[i]);
    }
    mix_wipe(numerator, count * sizeof *numerator);
    mix_wipe(denominator, count * sizeof *denominator);
    mix_wipe(scratch, count * sizeof *scratch);
}
