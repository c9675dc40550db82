/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that fails on demand: compile alloc_fail.c into a test program, and it replaces base/alloc.c there. */
#ifndef MIX_TESTS_ALLOC_FAIL_H
#define MIX_TESTS_ALLOC_FAIL_H

#include <stddef.h>

/* The n-th allocation from now fails (1: the next), and, if sticky, all after it. 0: none fails. */
void mix_alloc_fail_at(size_t n, int sticky);
/* While paused no allocation fails or is counted: for what shares the process with the side under test. */
void mix_alloc_fail_pause(int pause);
size_t mix_alloc_count(void); /* allocations since the last mix_alloc_fail_at */
size_t mix_alloc_live(void);  /* allocated and not yet freed */
size_t mix_alloc_live_bytes(void);
size_t mix_alloc_peak_bytes(void); /* the most live bytes since the last mix_alloc_fail_at */

#endif
