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

enum { SEEDS = SLOW ? 3 : 50, FEWER = SLOW ? 1 : 10, MESSAGES = 1000, LONGEST = 100000 };

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

static void test_node_dies(void **state) {
    (void)state;
    static const sim_exchange_row row = {.name = "a mix node dies",
                                         .loss = 0.02,
                                         .jitter = MIX_MS(10),
                                         .die_at = MIX_SECONDS(30),
                                         .messages = MESSAGES,
                                         .longest = LONGEST,
                                         .within = MIX_SECONDS(600)};
    sim_row_run(&row, 1, FEWER);
}

static void test_link_cut(void **state) {
    (void)state;
    static const sim_exchange_row row = {.name = "the gateway's link is cut every 5 s",
                                         .loss = 0.02,
                                         .jitter = MIX_MS(10),
                                         .cut_every = MIX_SECONDS(5),
                                         .cut_for = MIX_MS(500),
                                         .messages = MESSAGES,
                                         .longest = LONGEST,
                                         .within = MIX_SECONDS(600)};
    sim_row_run(&row, 1, FEWER);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_lossy),
    cmocka_unit_test(test_node_dies),
    cmocka_unit_test(test_link_cut),
};
MIX_TEST_MAIN(sim_many_test, tests)
