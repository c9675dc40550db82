/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and packets in any order: each record is a byte of kind, two of length and content.
 * Nothing may crash, and what comes out must be readable. */
#include "mixnet/exit/router.h"

#include "mix/errors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two clients get 10.0.0.2 and 10.0.0.3. */
static int draw(void *user, uint8_t *out, size_t len) {
    uint64_t *next = user;
    memset(out, 0, len);
    if (len == sizeof *next) {
        memcpy(out, next, len);
        ++*next;
    }
    return 0;
}
static int64_t no_time(void *user) {
    (void)user;
    return 0;
}

static void check_output(mixnet_router *r) {
    mixnet_router_reply reply;
    mix_bytes packet;
    mixnet_ip ip;
    while (mixnet_router_reply_peek(r, &reply)) {
        mix_lp_frame f;
        mix_ipr_response p;
        mix_bytes body = reply.bytes;
        if (mix_lp_decode(&f, body) == MIX_OK && f.kind == MIX_LP_STREAM)
            body = f.payload;
        if (mix_ipr_response_decode(&p, body, 0) != MIX_OK)
            abort();
        mixnet_router_reply_pop(r);
    }
    while (mixnet_router_next(r, &packet) == MIX_OK) {
        if (!mixnet_ip_parse(&ip, packet) || mixnet_pool_number(&ip.source) < MIXNET_POOL_FIRST)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t tags[2][MIXNET_TAG_LEN] = {{1}, {2}};
    mix_reader in = {.in = mix_bytes_of(data, size)};
    uint64_t draws = 0;
    mix_env env = {.user = &draws, .random = draw, .wall_time = no_time};
    mixnet_router_config config = {.allow_local = mix_read_u8(&in) & 1, .max_sessions = 2};
    mixnet_router *r;
    mix_time now = 0;
    if (mixnet_router_new(&r, &config, &env) != MIX_OK)
        return 0;
    while (in.in.len > 0) {
        uint8_t kind = mix_read_u8(&in);
        mix_bytes part = mix_bytes_slice(in.in, 2, mix_read_u16(&in));
        if (in.bad)
            break;
        mix_skip(&in, part.len);
        now += (mix_time)(kind >> 3) * kind * 1000;
        if ((kind & 7) < 2)
            (void)mixnet_router_request(r, tags[kind & 1], part, now);
        else if ((kind & 7) == 2)
            (void)mixnet_router_request(r, NULL, part, now);
        else if ((kind & 7) == 3)
            mixnet_router_from_internet(r, part, now);
        else
            mixnet_router_tick(r, now);
        check_output(r);
    }
    mixnet_router_free(r);
    return 0;
}
