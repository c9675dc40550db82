/* SPDX-License-Identifier: Apache-2.0 */
/* Timing and printing for bench programs. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include "mix/errors.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 100 };

static int failed;

double mix_bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double time_runs(const mix_bench_case *c, size_t runs) {
    double start = mix_bench_now();
    for (size_t i = 0; i < runs; i++)
        c->run(c->user);
    return mix_bench_now() - start;
}

/* How many runs take at least this long. Warms up on the way. */
static size_t runs_in(const mix_bench_case *c, double seconds) {
    size_t runs = 1;
    for (;;) {
        double took = time_runs(c, runs);
        if (took >= seconds)
            return runs;
        double more = took > 0 ? seconds / took * 1.2 : 10;
        runs = (size_t)((double)runs * (more > 10 ? 10 : more)) + 1;
    }
}

void mix_bench_times(mix_bench_case *cases, size_t count, double seconds_each) {
    size_t *runs = calloc(count, sizeof *runs);
    if (!runs)
        mix_bench_die("bench", MIX_ERR_MEMORY);
    for (size_t i = 0; i < count; i++) {
        runs[i] = runs_in(&cases[i], seconds_each / (ROUNDS + 2));
        cases[i].seconds = 1e9;
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            double each = time_runs(&cases[i], runs[i]) / (double)runs[i];
            if (each < cases[i].seconds)
                cases[i].seconds = each;
        }
    }
    free(runs);
}

void mix_bench_row(const char *bench, double value, const char *unit, double ratio) {
#ifdef __wasm__
    const char *target = "wasm";
#else
    const char *target = "native";
#endif
    const char *json = getenv("JSON");
    if (json && strcmp(json, "1") == 0) {
        printf("{\"bench\":\"%s\",\"target\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"", bench, target,
               value, unit);
        if (ratio > 0)
            printf(",\"ratio\":%.3g", ratio);
        printf("}\n");
    } else if (ratio > 0) {
        printf("%-32s %-6s %12.6g %-10s %8.3g\n", bench, target, value, unit, ratio);
    } else {
        printf("%-32s %-6s %12.6g %-10s\n", bench, target, value, unit);
    }
}

void mix_bench_bound(const char *bench, double value, const char *relation, double bound) {
    bool holds = relation[0] == '>' ? value >= bound : value <= bound;
    if (holds)
        return;
    fprintf(stderr, "%s: %.3g is not %s %.3g\n", bench, value, relation, bound);
    failed = 1;
}

int mix_bench_status(void) {
    return failed;
}

_Noreturn void mix_bench_die(const char *what, int status) {
    fprintf(stderr, "%s: %s\n", what, mix_error_name(status));
    exit(2);
}
