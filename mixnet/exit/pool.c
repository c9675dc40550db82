/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as bits. */
#include "mixnet/exit/pool.h"

#include <assert.h>

static bool is_taken(const mixnet_pool *p, unsigned n) {
    return p->taken[n / 8] >> (n % 8) & 1;
}

int mixnet_pool_take(mixnet_pool *p, const mix_env *env, uint16_t *n) {
    for (int i = 0; i < MIXNET_POOL_DRAWS; i++) {
        uint64_t draw;
        int status = mix_random(env, &draw, sizeof draw);
        if (status != MIX_OK)
            return status;
        unsigned k =
            MIXNET_POOL_FIRST + (unsigned)(draw % (MIXNET_POOL_LAST - MIXNET_POOL_FIRST + 1));
        if (is_taken(p, k))
            continue;
        p->taken[k / 8] |= (uint8_t)(1u << (k % 8));
        p->count++;
        *n = (uint16_t)k;
        return MIX_OK;
    }
    return MIX_ERR_LIMIT;
}

void mixnet_pool_give(mixnet_pool *p, uint16_t n) {
    assert(is_taken(p, n));
    p->taken[n / 8] &= (uint8_t)~(1u << (n % 8));
    p->count--;
}

mix_ipr_ips mixnet_pool_ips(uint16_t n) {
    mix_ipr_ips ips = {.v4 = {10}, .v6 = {0xfc}};
    mix_put_u16(ips.v4 + 2, n);
    mix_put_u16(ips.v6 + 14, n);
    return ips;
}

uint16_t mixnet_pool_number(const mix_address *ip) {
    static const uint8_t v4[2] = {10, 0}, v6[14] = {0xfc};
    if (ip->family == 4)
        return memcmp(ip->octets, v4, sizeof v4) == 0 ? mix_get_u16(ip->octets + 2) : 0;
    return memcmp(ip->octets, v6, sizeof v6) == 0 ? mix_get_u16(ip->octets + 14) : 0;
}
