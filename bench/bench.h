/* SPDX-License-Identifier: Apache-2.0 */
/* Timing and printing for bench programs. Cases that are to be compared are run in turns, and of
 * each the fastest round counts: so a busy machine disturbs all alike, and ratios of one run hold.
 */
#ifndef MIX_BENCH_BENCH_H
#define MIX_BENCH_BENCH_H

#include <stddef.h>

double mix_bench_now(void); /* seconds since any start */

typedef struct mix_bench_case {
    const char *name;
    void (*run)(void *user); /* does the thing once; exits with mix_bench_die when it fails */
    void *user;
    double seconds; /* of one run: the result */
} mix_bench_case;
/* Times all cases in turns, about seconds_each for each of them. */
void mix_bench_times(mix_bench_case *cases, size_t count, double seconds_each);

/* Prints one figure: a line of a table, or with JSON=1 in the environment an object for
 * tools/bench.mjs. ratio 0: none. */
void mix_bench_row(const char *bench, double value, const char *unit, double ratio);
/* Notes a broken bound on stderr unless it holds; mix_bench_status is then 1. */
void mix_bench_bound(const char *bench, double value, const char *relation, double bound);
int mix_bench_status(void); /* for main to return */
_Noreturn void mix_bench_die(const char *what, int status);

#endif
