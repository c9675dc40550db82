/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of known points: making them, and the choice of the code that reads them. */
#include "crypto/table.h"

#include "base/alloc.h"
#include "crypto/edwards.h"
#include "mix/errors.h"

size_t mix_curve_table_size(void) {
    return sizeof(mix_curve_table);
}

bool mix_curve_has_point(const uint8_t key[static MIX_KEY_LEN]) {
    mix_point p;
    return mix_point_from_u(&p, key);
}

static void pack(uint64_t words[static 4], const mix_fe *a) {
    uint8_t bytes[32];
    mix_fe_encode(bytes, a);
    for (size_t i = 0; i < 4; i++) {
        words[i] = 0;
        for (size_t j = 8; j-- > 0;)
            words[i] = words[i] << 8 | bytes[8 * i + j];
    }
}

/* The entries of a comb, not yet affine: tooth[m] = 2^(m·MIX_COMB_SPACING)·P, twice[m] = 2·tooth[m]
 * for all but the last. Entry i has −1 at the teeth whose bit in i is 0. */
static void comb_points(mix_point entry[static MIX_COMB_ENTRIES],
                        const mix_point tooth[static MIX_COMB_TEETH],
                        const mix_point_cached twice[static MIX_COMB_TEETH - 1]) {
    mix_point_factors f;
    entry[0] = tooth[MIX_COMB_TEETH - 1];
    for (size_t m = 0; m < MIX_COMB_TEETH - 1; m++) {
        mix_point_cached c;
        mix_point_cache(&c, &tooth[m]);
        mix_point_sub(&f, &entry[0], &c);
        mix_point_finish(&entry[0], &f);
    }
    for (size_t m = 0; m < MIX_COMB_TEETH - 1; m++) {
        for (size_t i = 0; i < (size_t)1 << m; i++) {
            mix_point_add(&f, &entry[i], &twice[m]);
            mix_point_finish(&entry[i + ((size_t)1 << m)], &f);
        }
    }
}

/* Fills points with the entries of all combs for the point p. */
static void all_points(mix_point (*points)[MIX_COMB_ENTRIES], mix_point p) {
    mix_point tooth[MIX_COMB_TEETH];
    mix_point_cached twice[MIX_COMB_TEETH - 1];
    mix_point_factors f;
    for (size_t c = 0; c < MIX_COMBS; c++) {
        for (size_t m = 0; m < MIX_COMB_TEETH; m++) {
            tooth[m] = p;
            for (size_t s = 0; s < MIX_COMB_SPACING; s++) {
                mix_point_double(&f, &p);
                mix_point_finish(&p, &f);
                if (s == 0 && m < MIX_COMB_TEETH - 1)
                    mix_point_cache(&twice[m], &p);
            }
        }
        comb_points(points[c], tooth, twice);
    }
}

/* What making a table needs for a moment; not on the stack, which is small in WebAssembly. */
struct workshop {
    mix_point point[MIX_COMBS][MIX_COMB_ENTRIES];
    mix_fe inverse[MIX_COMBS * MIX_COMB_ENTRIES], scratch[MIX_COMBS * MIX_COMB_ENTRIES];
};

static void fill_table(mix_curve_table *table, struct workshop *w, const mix_point *p) {
    all_points(w->point, *p);
    for (size_t i = 0; i < MIX_COMBS * MIX_COMB_ENTRIES; i++)
        mix_fe_double(&w->inverse[i], &w->point[i / MIX_COMB_ENTRIES][i % MIX_COMB_ENTRIES].z);
    mix_fe_invert_all(w->inverse, w->scratch, MIX_COMBS * MIX_COMB_ENTRIES);
    for (size_t i = 0; i < MIX_COMBS * MIX_COMB_ENTRIES; i++) {
        uint64_t *words = table->entry[i / MIX_COMB_ENTRIES][i % MIX_COMB_ENTRIES];
        mix_point_affine affine;
        mix_fe dxy;
        mix_point_to_affine(&affine, &w->point[i / MIX_COMB_ENTRIES][i % MIX_COMB_ENTRIES],
                            &w->inverse[i]);
        mix_fe_carry(&dxy, &affine.dxy);
        pack(words, &affine.plus);
        pack(words + 4, &affine.minus);
        pack(words + 8, &dxy);
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
     * (multiply.c): both are what clamping does to keys outside it. */
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

void mix_curve_multiply(uint8_t (*out)[MIX_KEY_LEN], const mix_curve_table *const *tables,
                        const uint8_t (*scalars)[MIX_KEY_LEN], size_t count) {
    void (*multiply)(uint8_t(*)[MIX_KEY_LEN], const mix_curve_table *const *,
                     const uint8_t(*)[MIX_KEY_LEN], size_t) = mix_curve_multiply_portable;
#ifdef MIX_CURVE_ADX
    if (__builtin_cpu_supports("adx") && __builtin_cpu_supports("bmi2") &&
        __builtin_cpu_supports("avx2"))
        multiply = mix_curve_multiply_adx;
#endif
    while (count > 0) {
        size_t n = count < MIX_CURVE_BATCH ? count : MIX_CURVE_BATCH;
        multiply(out, tables, scalars, n);
        out += n;
        tables += n;
        scalars += n;
        count -= n;
    }
}
