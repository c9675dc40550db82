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

static bool is_ready(void *user) {
    return world_client_state(user) == MIX_TUNNEL_READY;
}

bool memory_fails_at(size_t n, world_client *c, world *net, const mix_tunnel_config *config,
                     uint64_t seed) {
    bool over = false;
    memory_budget = n;
    memory_may_fail(NULL);
    int status = world_client_init(c, net, config, seed);
    memory_may_not_fail(NULL);
    c->enter = memory_may_fail;
    c->leave = memory_may_not_fail;
    if (status == MIX_OK) {
        status = world_client_start(c);
        if (status == MIX_OK && !world_run(net, is_ready, c, net->sim.now + MIX_SECONDS(60)) &&
            world_client_state(c) != MIX_TUNNEL_FAILED)
            fail_msg("allocation %zu: %s: %s", n, c->history, c->last.failure.words);
        over = memory_budget > 0;
    }
    if (status != MIX_OK)
        assert_status(status, MIX_ERR_MEMORY);
    c->enter = c->leave = NULL;
    return over;
}

void memory_enter(void *user) {
    (void)user;
    mix_alloc_fail_pause(0);
}

void memory_leave(void *user) {
    (void)user;
    mix_alloc_fail_pause(1);
}
