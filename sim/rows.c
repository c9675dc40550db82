/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of scenarios, run and judged. */
#include "rows.h"

#include "mix/errors.h"

void sim_row_run(const sim_exchange_row *row, uint64_t first, uint64_t count) {
    double sum = 0, worst = 0;
    uint64_t data = 0, again = 0, bad = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        sim_exchange_result r;
        assert_status(sim_exchange_run(&r, row, seed), MIX_OK);
        bad += !sim_exchange_good(&r, row, seed);
        double took = (double)r.took / 1e6;
        sum += took;
        worst = took > worst ? took : worst;
        data += r.alice.data + r.bob.data;
        again += r.alice.retransmitted + r.bob.retransmitted;
    }
    printf("%s: %d seeds, mean %.1f s of virtual time, longest %.1f s; %d packets and %.1f %% sent "
           "again\n",
           row->name, (int)count, sum / (double)count, worst, (int)data,
           100 * (double)again / (double)data);
    assert_int_equal(bad, 0);
}
