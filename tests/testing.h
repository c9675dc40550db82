/* SPDX-License-Identifier: Apache-2.0 */
/* What each test program includes: cmocka's macros, a main with a countable last line, an env with a seeded generator. */
#ifndef MIX_TESTS_TESTING_H
#define MIX_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "mix/env.h"

/* Fails with both byte strings in hex. */
#define assert_bytes(got, want) mix_test_bytes((got), (want), __FILE__, __LINE__)
void mix_test_bytes(mix_bytes got, mix_bytes want, const char *file, int line);
/* Fails with both statuses by name. */
#define assert_status(got, want) mix_test_status((got), (want), #got, __FILE__, __LINE__)
void mix_test_status(int got, int want, const char *what, const char *file, int line);

/* An env for tests: xoshiro-like generator from the seed (never for keys that matter), a wall clock that the test sets,
 * no log unless MIX_TEST_LOG is set in the environment (native). */
typedef struct mix_test_env {
    mix_env env;
    uint64_t state[4];
    int64_t wall;     /* microseconds since 1970 */
    int fail_random;  /* n > 0: the n-th call from now fails */
} mix_test_env;
void mix_test_env_init(mix_test_env *t, uint64_t seed);
uint64_t mix_test_random(mix_test_env *t);                 /* 64 random bits */
uint64_t mix_test_below(mix_test_env *t, uint64_t bound);  /* uniform enough in 0…bound−1 */
double mix_test_unit(mix_test_env *t);                     /* in [0, 1) */

#define MIX_TEST_MAIN(name, tests)                                                                 \
    int main(void) {                                                                               \
        int failed = cmocka_run_group_tests_name(#name, tests, NULL, NULL);                        \
        int total = (int)(sizeof(tests) / sizeof *(tests));                                        \
        printf("%s: %d passed, %d failed\n", #name, total - failed, failed);                       \
        return failed != 0;                                                                        \
    }

#endif
