/* SPDX-License-Identifier: Apache-2.0 */
/* Options as people write them. */
#include "args.h"

#include "testing.h"

#include <string.h>

static struct {
    bool include, location, verbose, very_verbose;
    const char *request;
    arg_list data;
    arg_number count;
    int64_t limit;
} got;

static const arg_option options[] = {
    {"-i, --include", ARG_FLAG, &got.include, NULL, ""},
    {"-L, --location", ARG_FLAG, &got.location, NULL, ""},
    {"-v", ARG_FLAG, &got.verbose, NULL, ""},
    {"-vv", ARG_FLAG, &got.very_verbose, NULL, ""},
    {"-X, --request", ARG_TEXT, &got.request, "METHOD", ""},
    {"-d, --data", ARG_LIST, &got.data, "DATA", ""},
    {"--data-binary", ARG_LIST, &got.data, "DATA", ""},
    {"--count", ARG_NUMBER, &got.count, "N", ""},
    {"-m, --max-time", ARG_TIME, &got.limit, "SECONDS", ""},
    {0},
};

/* Reads words that one space parts. */
static bool reads(const char *line, arg_list *rest) {
    static char words[256];
    char *argv[32] = {"test"};
    int argc = 1;
    bool help;
    memset(&got, 0, sizeof got);
    got.count = (arg_number){1, 1, 9};
    if (rest)
        rest->count = 0;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word && argc < 32; word = strtok(NULL, " "))
        argv[argc++] = word;
    return args_read("test", options, argc, argv, rest, &help);
}

static void forms(void **state) {
    arg_list rest;
    (void)state;
    assert_true(reads("-iL -X PUT --data=a=b -dc --data-binary @f u1 - -- -i", &rest));
    assert_true(got.include && got.location && !got.verbose);
    assert_string_equal(got.request, "PUT");
    assert_int_equal(got.data.count, 3);
    assert_string_equal(got.data.items[0], "a=b");
    assert_string_equal(got.data.items[1], "c");
    assert_string_equal(got.data.items[2], "@f");
    assert_string_equal(got.data.names[1], "-d, --data");
    assert_string_equal(got.data.names[2], "--data-binary");
    assert_int_equal(rest.count, 3);
    assert_string_equal(rest.items[1], "-");
    assert_string_equal(rest.items[2], "-i");
    assert_true(reads("-iXGET", NULL));
    assert_true(got.include);
    assert_string_equal(got.request, "GET");
    assert_true(reads("-Lvi", NULL) && got.location && got.verbose && got.include);
    assert_true(reads("-vv", NULL) && got.very_verbose && !got.verbose);
    assert_true(reads("-Xa=b", NULL));
    assert_string_equal(got.request, "a=b");
    assert_true(reads("--count 9 -m2.5", NULL));
    assert_int_equal(got.count.value, 9);
    assert_int_equal(got.limit, 2500000);
}

static void refusals(void **state) {
    static const char *const lines[] = {
        "--nothing", "-z",        "-iz",         "--include=1", "-X",    "--request", "word",
        "--count 0", "--count x", "--count 10",  "-m 0",        "-m -1", "-m 1e3",    "-m 0x1",
        "-m 1.2.3",  "-m",        "-m 99999999", "-iX",         "-, i",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (reads(lines[i], NULL))
            fail_msg("'%s' was taken", lines[i]);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(forms), cmocka_unit_test(refusals)};
MIX_TEST_MAIN(args_test, tests)
