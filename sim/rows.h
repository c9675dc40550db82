/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of scenarios, run with the real Sphinx by few messages a seed, and in clear by many. */
#ifndef SIM_ROWS_H
#define SIM_ROWS_H

#include "exchange.h"

/* Runs a row for seeds first…first + count − 1, prints its figures and fails the test unless every
 * run was good. */
void sim_row_run(const sim_exchange_row *row, uint64_t first, uint64_t count);

#endif
