/* SPDX-License-Identifier: Apache-2.0 */
/* The part of cmocka's interface that our tests use, for a target without setjmp: a failed assertion prints both values and
 * ends the program with status 1, so later tests of that program do not run. */
#ifndef MIX_TESTS_WASM_CMOCKA_H
#define MIX_TESTS_WASM_CMOCKA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct CMUnitTest {
    const char *name;
    void (*test_func)(void **state);
    int (*setup_func)(void **state);
    int (*teardown_func)(void **state);
    void *initial_state;
} CMUnitTest;

#define cmocka_unit_test(f) {#f, f, NULL, NULL, NULL}
#define cmocka_unit_test_setup_teardown(f, setup, teardown) {#f, f, setup, teardown, NULL}
#define cmocka_unit_test_prestate(f, state) {#f, f, NULL, NULL, state}

static inline _Noreturn void _fail(const char *file, int line) {
    fprintf(stderr, "%s:%d: error: failure\n", file, line);
    exit(1);
}
#define fail() _fail(__FILE__, __LINE__)
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), _fail(__FILE__, __LINE__))
#define assert_true(c) ((c) ? (void)0 : (fprintf(stderr, "%s is false\n", #c), _fail(__FILE__, __LINE__)))
#define assert_false(c) assert_true(!(c))
#define assert_non_null(p) assert_true((p) != NULL)
#define assert_null(p) assert_true((p) == NULL)
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b) assert_false((const void *)(a) == (const void *)(b))
#define print_message(...) ((void)printf(__VA_ARGS__))
/* Functions, so that each argument is evaluated once. */
static inline void mix_cmocka_int(int want_equal, uint64_t a, uint64_t b, const char *file, int line) {
    if ((a == b) == want_equal)
        return;
    fprintf(stderr, "0x%llx %s 0x%llx\n", (unsigned long long)a, want_equal ? "!=" : "==", (unsigned long long)b);
    _fail(file, line);
}
#define assert_int_equal(a, b) mix_cmocka_int(1, (uint64_t)(a), (uint64_t)(b), __FILE__, __LINE__)
#define assert_int_not_equal(a, b) mix_cmocka_int(0, (uint64_t)(a), (uint64_t)(b), __FILE__, __LINE__)
static inline void mix_cmocka_range(uint64_t v, uint64_t low, uint64_t high, const char *file, int line) {
    if (v >= low && v <= high)
        return;
    fprintf(stderr, "%llu is not in %llu…%llu\n", (unsigned long long)v, (unsigned long long)low, (unsigned long long)high);
    _fail(file, line);
}
#define assert_in_range(v, low, high) mix_cmocka_range((uint64_t)(v), (uint64_t)(low), (uint64_t)(high), __FILE__, __LINE__)
#define assert_memory_equal(a, b, n) assert_true(memcmp((a), (b), (n)) == 0)
#define assert_memory_not_equal(a, b, n) assert_true(memcmp((a), (b), (n)) != 0)
static inline void mix_cmocka_str(const char *a, const char *b, const char *file, int line) {
    if (strcmp(a, b) == 0)
        return;
    fprintf(stderr, "\"%s\" != \"%s\"\n", a, b);
    _fail(file, line);
}
#define assert_string_equal(a, b) mix_cmocka_str((a), (b), __FILE__, __LINE__)
#define assert_string_not_equal(a, b) assert_true(strcmp((a), (b)) != 0)

static inline int mix_cmocka_run(const char *group, const CMUnitTest *tests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        void *state = tests[i].initial_state;
        printf("%s: %s\n", group, tests[i].name);
        fflush(stdout);
        if (tests[i].setup_func && tests[i].setup_func(&state) != 0)
            _fail(tests[i].name, 0);
        tests[i].test_func(&state);
        if (tests[i].teardown_func && tests[i].teardown_func(&state) != 0)
            _fail(tests[i].name, 0);
    }
    return 0;
}
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
    mix_cmocka_run((name), (tests), sizeof(tests) / sizeof *(tests))

#endif
