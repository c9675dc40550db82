/* SPDX-License-Identifier: Apache-2.0 */
/* Multiplication of known points: signed combs.
 *
 * A scalar is written with DIGITS binary digits that are 1 or −1, never 0: k = Σ ±2^i. Digit i =
 * (c·TEETH + m)·SPACING + r belongs to tooth m of comb c in round r. A comb's table holds Σ
 * ±2^((c·TEETH + m)·SPACING)·Q for all signs of its teeth but the last, which is 1: for the other
 * half the sum is negated. A round adds one entry of each comb, and between rounds the sum is
 * doubled. What tables and rounds cost is measured by bench/curve_bench.c. */
#include "crypto/curve.h"

#include "base/alloc.h"
#include "crypto/edwards.h"
#include "crypto/scalar.h"
#include "mix/errors.h"

enum {
    TEETH = 5,
    COMBS = 17,
    SPACING = 3,
    DIGITS = TEETH * COMBS * SPACING, /* 255: at least as many as L has bits */
    ENTRIES = 1 << (TEETH - 1),       /* of a comb */
    FE_WORDS = 4,
    ENTRY_WORDS = 3 * FE_WORDS, /* (y + x)/2, (y − x)/2, d·x·y, each the least representative */
};

struct mix_curve_table {
    uint64_t entry[COMBS][ENTRIES][ENTRY_WORDS];
};

size_t mix_curve_table_size(void) {
    return sizeof(mix_curve_table);
}

bool mix_curve_has_point(const uint8_t key[static MIX_KEY_LEN]) {
    mix_point p;
    return mix_point_from_u(&p, key);
}

/* ------------------------------------------------------------------ tables */

static void pack(uint64_t words[static FE_WORDS], const mix_fe *a) {
    uint8_t bytes[32];
    mix_fe_encode(bytes, a);
    for (size_t i = 0; i < FE_WORDS; i++) {
        words[i] = 0;
        for (size_t j = 8; j-- > 0;)
            words[i] = words[i] << 8 | bytes[8 * i + j];
    }
}

static void unpack(mix_fe_limb *out, const uint64_t w[static FE_WORDS]) {
#if MIX_FE_LIMBS == 5
    const uint64_t low = ((uint64_t)1 << 51) - 1;
    out[0] = w[0] & low;
    out[1] = (w[0] >> 51 | w[1] << 13) & low;
    out[2] = (w[1] >> 38 | w[2] << 26) & low;
    out[3] = (w[2] >> 25 | w[3] << 39) & low;
    out[4] = w[3] >> 12;
#else
    const uint64_t even = (1 << 26) - 1, odd = (1 << 25) - 1;
    out[0] = (uint32_t)(w[0] & even);
    out[1] = (uint32_t)(w[0] >> 26 & odd);
    out[2] = (uint32_t)((w[0] >> 51 | w[1] << 13) & even);
    out[3] = (uint32_t)(w[1] >> 13 & odd);
    out[4] = (uint32_t)(w[1] >> 38);
    out[5] = (uint32_t)(w[2] & odd);
    out[6] = (uint32_t)(w[2] >> 25 & even);
    out[7] = (uint32_t)((w[2] >> 51 | w[3] << 13) & odd);
    out[8] = (uint32_t)(w[3] >> 12 & even);
    out[9] = (uint32_t)(w[3] >> 38);
#endif
}

/* The entries of a comb, not yet affine: tooth[m] = 2^(m·SPACING)·P, twice[m] = 2·tooth[m] for all
 * but the last. Entry i has −1 at the teeth whose bit in i is 0. */
static void comb_points(mix_point entry[static ENTRIES], const mix_point tooth[static TEETH],
                        const mix_point_cached twice[static TEETH - 1]) {
    mix_point_factors f;
    entry[0] = tooth[TEETH - 1];
    for (size_t m = 0; m < TEETH - 1; m++) {
        mix_point_cached c;
        mix_point_cache(&c, &tooth[m]);
        mix_point_sub(&f, &entry[0], &c);
        mix_point_finish(&entry[0], &f);
    }
    for (size_t m = 0; m < TEETH - 1; m++) {
        for (size_t i = 0; i < (size_t)1 << m; i++) {
            mix_point_add(&f, &entry[i], &twice[m]);
            mix_point_finish(&entry[i + ((size_t)1 << m)], &f);
        }
    }
}

/* Fills points with the entries of all combs for the point p. */
static void all_points(mix_point (*points)[ENTRIES], mix_point p) {
    mix_point tooth[TEETH];
    mix_point_cached twice[TEETH - 1];
    mix_point_factors f;
    for (size_t c = 0; c < COMBS; c++) {
        for (size_t m = 0; m < TEETH; m++) {
            tooth[m] = p;
            for (size_t s = 0; s < SPACING; s++) {
                mix_point_double(&f, &p);
                mix_point_finish(&p, &f);
                if (s == 0 && m < TEETH - 1)
                    mix_point_cache(&twice[m], &p);
            }
        }
        comb_points(points[c], tooth, twice);
    }
}

/* What making a table needs for a moment; not on the stack, which is small in WebAssembly. */
struct workshop {
    mix_point point[COMBS][ENTRIES];
    mix_fe inverse[COMBS * ENTRIES], scratch[COMBS * ENTRIES];
};

static void fill_table(mix_curve_table *table, struct workshop *w, const mix_point *p) {
    all_points(w->point, *p);
    for (size_t i = 0; i < COMBS * ENTRIES; i++)
        mix_fe_double(&w->inverse[i], &w->point[i / ENTRIES][i % ENTRIES].z);
    mix_fe_invert_all(w->inverse, w->scratch, COMBS * ENTRIES);
    for (size_t i = 0; i < COMBS * ENTRIES; i++) {
        uint64_t *words = table->entry[i / ENTRIES][i % ENTRIES];
        mix_point_affine affine;
        mix_fe dxy;
        mix_point_to_affine(&affine, &w->point[i / ENTRIES][i % ENTRIES], &w->inverse[i]);
        mix_fe_carry(&dxy, &affine.dxy);
        pack(words, &affine.plus);
        pack(words + FE_WORDS, &affine.minus);
        pack(words + 2 * FE_WORDS, &dxy);
    }
}

int mix_curve_table_new(mix_curve_table **out, const uint8_t key[static MIX_KEY_LEN]) {
    mix_point p;
    mix_point_factors f;
    if (!mix_point_from_u(&p, key))
        return MIX_ERR_KEY;
    mix_curve_table *table = mix_alloc(sizeof *table);
    struct workshop *w = mix_alloc(sizeof *w);
    if (!table || !w) {
        mix_free(table);
        mix_free(w);
        return MIX_ERR_MEMORY;
    }
    /* The table is one of 8·Y, which lies in the subgroup of order L, and scalars are divided by 8
     * (digits_of): both are what clamping does to keys outside it. */
    for (int i = 0; i < 3; i++) {
        mix_point_double(&f, &p);
        mix_point_finish(&p, &f);
    }
    fill_table(table, w, &p);
    mix_free(w);
    *out = table;
    return MIX_OK;
}

void mix_curve_table_free(mix_curve_table *t) {
    mix_free(t);
}

/* ------------------------------------------------------------------ multiplication */

/* The digits of k/8 mod L as bits, 1 for 1 and 0 for −1. With the bits b as an integer Σ ±2^i = 2b
 * − (2^DIGITS − 1), so b = k/16 + (2^DIGITS − 1)/2 mod L. */
static void digits_of(uint8_t digits[static MIX_KEY_LEN],
                      const uint8_t scalar[static MIX_KEY_LEN]) {
    static const uint8_t sixteenth[MIX_KEY_LEN] = {0xb3, 0x01, 0xe9, 0x1f, 0x22,       0xa4,
                                                   0x8c, 0x5c, 0xd3, 0x3b, 0x0a,       0x10,
                                                   0xc9, 0x4b, 0x59, 0x0e, [31] = 0x0b};
    static const uint8_t offset[MIX_KEY_LEN] = {0x42, 0x9a, 0xa3, 0xba, 0x23, 0xa5, 0xbf, 0xcb,
                                                0x11, 0x5b, 0x9d, 0xc5, 0x74, 0x95, 0xf3, 0xb6,
                                                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07};
    mix_scalar_mul_add(digits, scalar, sixteenth, offset);
}

/* The teeth of a comb in a round, tooth 0 in bit 0. */
static uint32_t teeth_of(const uint8_t digits[static MIX_KEY_LEN], size_t comb, size_t round) {
    uint32_t teeth = 0;
    for (size_t m = 0; m < TEETH; m++) {
        size_t i = (comb * TEETH + m) * SPACING + round;
        if (i < 256)
            teeth |= (uint32_t)(digits[i / 8] >> i % 8 & 1) << m;
    }
    return teeth;
}

/* Reads all entries, keeps one. */
static void pick(mix_point_affine *out, const uint64_t entry[static ENTRIES][ENTRY_WORDS],
                 uint32_t teeth) {
    uint64_t words[ENTRY_WORDS] = {0};
    uint32_t negative = (teeth >> (TEETH - 1)) ^ 1;
    uint32_t index = (teeth ^ (0 - negative)) & (ENTRIES - 1);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint64_t same = ((uint64_t)(i ^ index) - 1) >> 63;
        __asm__("" : "+r"(same));
        for (size_t w = 0; w < ENTRY_WORDS; w++)
            words[w] |= entry[i][w] & (0 - same);
    }
    mix_fe dxy;
    mix_fe_loose minus_dxy;
    mix_fe_limb mask = mix_fe_mask(negative);
    unpack(out->plus.v, words);
    unpack(out->minus.v, words + FE_WORDS);
    unpack(dxy.v, words + 2 * FE_WORDS);
    mix_fe_swap(&out->plus, &out->minus, mask);
    mix_fe_negate(&minus_dxy, &dxy);
    memcpy(out->dxy.v, dxy.v, sizeof dxy.v);
    mix_fe_move(out->dxy.v, minus_dxy.v, mask);
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
    pick(&s.q, table->entry[0], teeth_of(s.digits, 0, SPACING - 1));
    mix_point_from_affine(&s.sum, &s.q);
    for (size_t c = 1; c < COMBS; c++) {
        pick(&s.q, table->entry[c], teeth_of(s.digits, c, SPACING - 1));
        mix_point_add_affine(&s.f, &s.sum, &s.q);
        if (c < COMBS - 1)
            mix_point_finish(&s.sum, &s.f);
    }
    for (size_t r = SPACING - 1; r-- > 0;) {
        mix_point_finish_no_t(&s.sum, &s.f);
        mix_point_double(&s.f, &s.sum);
        for (size_t c = 0; c < COMBS; c++) {
            mix_point_finish(&s.sum, &s.f);
            pick(&s.q, table->entry[c], teeth_of(s.digits, c, r));
            mix_point_add_affine(&s.f, &s.sum, &s.q);
        }
    }
    mix_point_u(numerator, denominator, &s.f);
    mix_wipe(&s, sizeof s);
}

static void multiply_some(uint8_t (*out)[MIX_KEY_LEN], const mix_curve_table *const *tables,
                          const uint8_t (*scalars)[MIX_KEY_LEN], size_t count) {
    mix_fe numerator[MIX_CURVE_BATCH], denominator[MIX_CURVE_BATCH], scratch[MIX_CURVE_BATCH];
    for (size_t i = 0; i < count; i++)
        multiply(&numerator[i], &denominator[i], tables[i], scalars[i]);
    mix_fe_invert_all(denominator, scratch, count);
    for (size_t i = 0; i < count; i++) {
        mix_fe_mul(&numerator[i], &numerator[i], &denominator[i]);
        mix_fe_encode(out[i], &numerator[i]);
    }
    mix_wipe(numerator, sizeof numerator);
    mix_wipe(denominator, sizeof denominator);
    mix_wipe(scratch, sizeof scratch);
}

void mix_curve_multiply(uint8_t (*out)[MIX_KEY_LEN], const mix_curve_table *const *tables,
                        const uint8_t (*scalars)[MIX_KEY_LEN], size_t count) {
    while (count > 0) {
        size_t n = count < MIX_CURVE_BATCH ? count : MIX_CURVE_BATCH;
        multiply_some(out, tables, scalars, n);
        out += n;
        tables += n;
        scalars += n;
        count -= n;
    }
}
