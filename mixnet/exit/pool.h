/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that an exit lends to its clients: number n is 10.0.x.y with n = 256x + y, and
 * fc00::n. Number 1 is the exit's own. Spec: 5-ipr.md §5.7. */
#ifndef MIXNET_EXIT_POOL_H
#define MIXNET_EXIT_POOL_H

#include "base/address.h"
#include "base/log.h"
#include "ipr/wire.h"

enum {
    MIXNET_POOL_OWN = 1,
    MIXNET_POOL_FIRST = 2,
    MIXNET_POOL_LAST = 65534,
    MIXNET_POOL_DRAWS = 101, /* so many are drawn before the pool counts as empty */
};

typedef struct mixnet_pool {
    uint8_t taken[65536 / 8];
    size_t count;
} mixnet_pool; /* {0}: all free */

/* Draws a free number. MIX_ERR_LIMIT when only taken ones were drawn, MIX_ERR_RANDOM. */
int mixnet_pool_take(mixnet_pool *p, const mix_env *env, uint16_t *n);
void mixnet_pool_give(mixnet_pool *p, uint16_t n); /* back; it must be taken */

mix_ipr_ips mixnet_pool_ips(uint16_t n);
/* The number of an address within the pool's networks, taken or not; 0 for all others. The port
 * does not matter. */
uint16_t mixnet_pool_number(const mix_address *ip);

#endif
