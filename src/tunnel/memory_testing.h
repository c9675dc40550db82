/* SPDX-License-Identifier: Apache-2.0 */
/* What a tunnel does with memory, in a process that has a network and an internet as well: hooks
 * for world_client.enter and leave, by which its own calls are told from all others. A program that
 * uses it has tests/alloc_fail.c. */
#ifndef MIX_TUNNEL_MEMORY_TESTING_H
#define MIX_TUNNEL_MEMORY_TESTING_H

#include "alloc_fail.h"
#include "world.h"

/* What it owns: allocations that live. */
extern size_t memory_owned;
void memory_count(void *user);
void memory_counted(void *user);

/* Its n-th allocation fails: set the budget to n; at 0 that has happened, or none is to. */
extern size_t memory_budget;
void memory_may_fail(void *user);
void memory_may_not_fail(void *user);
/* Makes and starts a client whose n-th allocation fails: it is refused for want of memory, or gets
 * ready, or says that it failed. Whether it needed fewer. The client is the caller's to deinit. */
bool memory_fails_at(size_t n, world_client *c, world *net, const mix_tunnel_config *config,
                     uint64_t seed);

/* The same with mix_alloc_fail_at(), which then counts no others. */
void memory_enter(void *user);
void memory_leave(void *user);

#endif
