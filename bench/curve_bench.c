/* SPDX-License-Identifier: Apache-2.0 */
/* The curve part of a header of four hops: five multiplications by tables in four rounds, against
 * the eleven X25519 of the textbook, measured in the same run. Other rows: what one operation
 * costs, and its part of an X25519. */
#include "bench.h"

#include "crypto/curve.h"
#include "crypto/table.h"
#include "mix/errors.h"

enum { HOPS = 4, TEXTBOOK = HOPS * (HOPS + 1) / 2 + 1, TOGETHER = 4, TABLES = 64 };

typedef struct context {
    mix_curve_table *table[TABLES];
    size_t next;
    uint8_t key[MIX_KEY_LEN], node[MIX_KEY_LEN], data[TOGETHER * 2][MIX_KEY_LEN];
} context;

/* Tables in turns, as a client that draws routes reads them. */
static const mix_curve_table *next_table(context *t) {
    return t->table[t->next++ * 7 % TABLES];
}

static void multiply(context *t, size_t count) {
    const mix_curve_table *tables[TOGETHER * 2];
    for (size_t i = 0; i < count; i++)
        tables[i] = next_table(t);
    mix_curve_multiply(t->data, tables, (const uint8_t(*)[MIX_KEY_LEN])t->data, count);
}

/* alpha and the first shared secret together, then each hop's once the hop before is known. */
static void headers(context *t, size_t count) {
    multiply(t, 2 * count);
    for (size_t hop = 1; hop < HOPS; hop++)
        multiply(t, count);
}

static void x25519(void *ctx) {
    context *t = ctx;
    mix_x25519(t->key, t->key, t->node);
}
static void one(void *ctx) {
    multiply(ctx, 1);
}
static void eight(void *ctx) {
    multiply(ctx, 8);
}
static void one_portable(void *ctx) {
    context *t = ctx;
    const mix_curve_table *table = next_table(t);
    mix_curve_multiply_portable(t->data, &table, (const uint8_t(*)[MIX_KEY_LEN])t->data, 1);
}
static void header(void *ctx) {
    headers(ctx, 1);
}
static void header_batch(void *ctx) {
    headers(ctx, TOGETHER);
}
static void make_table(void *ctx) {
    context *t = ctx;
    mix_curve_table *table;
    int status = mix_curve_table_new(&table, t->node);
    if (status != MIX_OK)
        mix_bench_die("mix_curve_table_new", status);
    mix_curve_table_free(table);
}
static void has_point(void *ctx) {
    context *t = ctx;
    if (!mix_curve_has_point(t->node))
        mix_bench_die("mix_curve_has_point", MIX_ERR_KEY);
}
static void scalar_mul(void *ctx) {
    context *t = ctx;
    mix_scalar_mul(t->key, t->key, t->data[0]);
}
static void unclamped(void *ctx) {
    context *t = ctx;
    mix_x25519_unclamped(t->key, t->key, t->node);
}

int main(void) {
    static context t = {.key = {1}};
    for (size_t i = 0; i < TABLES; i++) {
        t.key[0] = (uint8_t)i;
        mix_x25519_public(t.node, t.key);
        int status = mix_curve_table_new(&t.table[i], t.node);
        if (status != MIX_OK)
            mix_bench_die("mix_curve_table_new", status);
    }
    for (size_t i = 0; i < sizeof t.data; i++)
        t.data[i / MIX_KEY_LEN][i % MIX_KEY_LEN] = (uint8_t)(i * 3);
    mix_bench_case cases[] = {
        {"x25519", x25519, &t, 0},
        {"curve-multiply", one, &t, 0},
        {"curve-multiply-portable", one_portable, &t, 0},
        {"curve-multiply-8", eight, &t, 0},
        {"curve-table", make_table, &t, 0},
        {"curve-has-point", has_point, &t, 0},
        {"curve-scalar", scalar_mul, &t, 0},
        {"x25519-unclamped", unclamped, &t, 0},
        {"curve-header-4", header, &t, 0},
        {"curve-header-4-batch-of-4", header_batch, &t, 0},
    };
    const size_t count = sizeof cases / sizeof *cases;
    const double work[] = {0, 1, 1, 8, 1, 1, 0, 1, TEXTBOOK, TOGETHER * TEXTBOOK}; /* in X25519 */
    mix_bench_times(cases, count, 0.1);
    for (size_t i = 0; i < count; i++)
        mix_bench_row(cases[i].name, 1e9 * cases[i].seconds, "ns",
                      work[i] * cases[0].seconds / cases[i].seconds);
    for (size_t i = 0; i < TABLES; i++)
        mix_curve_table_free(t.table[i]);
    return mix_bench_status();
}
