/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios with 1,000 messages a run and fifty seeds; X25519 and Sphinx are in clear
 * (clear.c). */
#include "rows.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__wasm__)
enum { SLOW = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { SLOW = 1 };
#else
enum { SLOW = 0 };
#endif
#else
enum { SLOW = 0 };
#endif

enum { SEEDS = SLOW ? 5 : 50, FEWER = SLOW ? 1 : 5, MESSAGES = 1000, LONGEST = 100000 };

static void test_lossy(void **state) {
    (void)state;
    static const sim_exchange_row row = {.name = "2 % loss and reordering at each hop",
                                         .loss = 0.02,
                                         .duplicate = 0.01,
                                         .jitter = MIX_MS(10),
                                         .messages = MESSAGES,
                                         .longest = LONGEST,
                                         .within = MIX_SECONDS(600)};
    sim_row_run(&row, 1, SEEDS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_lossy),
};
MIX_TEST_MAIN(sim_many_test, tests)
