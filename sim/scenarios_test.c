/* SPDX-License-Identifier: Apache-2.0 */
/* Two clients exchange plain messages, repliable ones and replies across three mixes and two
 * gateways, with everything that networks do to packets. All crypto is real. Rows of numbers,
 * judged by virtual time. */
#include "rows.h"

static void test_quiet(void **state) {
    (void)state;
    static const sim_exchange_row row = {
        .name = "nothing lost", .messages = 40, .longest = 20000, .within = MIX_SECONDS(30)};
    sim_row_run(&row, 1, 2);
}

static void test_lossy(void **state) {
    (void)state;
    static const sim_exchange_row row = {.name = "2 % loss and reordering at each hop",
                                         .unpaced = true,
                                         .loss = 0.02,
                                         .duplicate = 0.01,
                                         .jitter = MIX_MS(10),
                                         .messages = 20,
                                         .longest = 100000,
                                         .within = MIX_SECONDS(120)};
    sim_row_run(&row, 1, 4);
}

static void test_node_dies(void **state) {
    (void)state;
    static const sim_exchange_row row = {.name = "a mix node dies",
                                         .unpaced = true,
                                         .loss = 0.02,
                                         .jitter = MIX_MS(10),
                                         .die_at = MIX_SECONDS(1),
                                         .messages = 20,
                                         .longest = 20000,
                                         .within = MIX_SECONDS(120)};
    sim_row_run(&row, 1, 4);
}

static void test_link_cut(void **state) {
    (void)state;
    static const sim_exchange_row row = {.name = "the gateway's link is cut every second",
                                         .unpaced = true,
                                         .loss = 0.02,
                                         .jitter = MIX_MS(10),
                                         .cut_every = MIX_SECONDS(1),
                                         .cut_for = MIX_MS(200),
                                         .messages = 20,
                                         .longest = 100000,
                                         .within = MIX_SECONDS(120)};
    sim_row_run(&row, 1, 4);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_quiet),
    cmocka_unit_test(test_lossy),
    cmocka_unit_test(test_node_dies),
    cmocka_unit_test(test_link_cut),
};
MIX_TEST_MAIN(sim_scenarios_test, tests)
