/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "tunnel/memory_testing.h"

size_t memory_owned, memory_budget;

static size_t mark;

void memory_count(void *user) {
    (void)user;
    mark = mix_alloc_live();
}

void memory_counted(void *user) {
    (void)user;
    memory_owned += mix_alloc_live() - mark;
}

void memory_may_fail(void *user) {
    (void)user;
    mix_alloc_fail_at(memory_budget, 0);
}

void memory_may_not_fail(void *user) {
    size_t used = mix_alloc_count();
    (void)user;
    memory_budget = memory_budget > used ? memory_budget - used : 0;
    mix_alloc_fail_at(0, 0);
}

void memory_enter(void *user) {
    (void)user;
    mix_alloc_fail_pause(0);
}

void memory_leave(void *user) {
    (void)user;
    mix_alloc_fail_pause(1);
}
