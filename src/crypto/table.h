/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of a table and the functions that read it. Inside crypto/ only.
 *
 * Signed combs. A scalar is written with DIGITS binary digits that are 1 or −1, never 0: k = Σ
 * ±2^i. Digit i = (c·TEETH + m)·SPACING + r belongs to tooth m of comb c in round r. A comb's part
 * of the table holds Σ ±2^((c·TEETH + m)·SPACING)·Q for all signs of its teeth but the last, which
 * is 1: for the other half the sum is negated. A round adds one entry of each comb, and between
 * rounds the sum is doubled. */
#ifndef MIX_CRYPTO_TABLE_H
#define MIX_CRYPTO_TABLE_H

#include "crypto/curve.h"

/* Chosen by measuring: with six teeth, reading all entries costs more than the saved additions;
 * with four there are a quarter more additions; fewer combs save memory (4 of them: 6 KiB, made in
 * half the time) and cost doublings (a seventh slower). */
enum {
    MIX_COMB_TEETH = 5,
    MIX_COMBS = 17,
    MIX_COMB_SPACING = 3,
    MIX_COMB_DIGITS =
        MIX_COMB_TEETH * MIX_COMBS * MIX_COMB_SPACING, /* 255, at least the bits of L */
    MIX_COMB_ENTRIES = 1 << (MIX_COMB_TEETH - 1),
    MIX_COMB_WORDS =
        12, /* of an entry: (y + x)/2, (y − x)/2, d·x·y, each the least representative */
};

struct mix_curve_table {
    uint64_t entry[MIX_COMBS][MIX_COMB_ENTRIES][MIX_COMB_WORDS];
};

/* mix_curve_multiply for at most MIX_CURVE_BATCH, on any processor and on x86-64 with ADX, BMI2 and
 * AVX2. */
void mix_curve_multiply_portable(uint8_t (*out)[MIX_KEY_LEN], const mix_curve_table *const *tables,
                                 const uint8_t (*scalars)[MIX_KEY_LEN], size_t count);
void mix_curve_multiply_adx(uint8_t (*out)[MIX_KEY_LEN], const mix_curve_table *const *tables,
                            const uint8_t (*scalars)[MIX_KEY_LEN], size_t count);

#endif
