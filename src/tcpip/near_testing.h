/* SPDX-License-Identifier: Apache-2.0 */
/* tcpip/ as the near side of tests/far.h: verbs of far_near whose user is the address of the
 * stack's pointer, which may be set later. */
#ifndef MIX_TCPIP_NEAR_TESTING_H
#define MIX_TCPIP_NEAR_TESTING_H

#include "base/timers.h"
#include "far.h"
#include "tcpip/tcpip.h"

static inline void near_feed(void *user, mix_bytes packet, mix_time now) {
    (void)mix_tcpip_feed(*(mix_tcpip **)user, packet, now);
}

/* Without memory once (a test's doing) it goes well the next time, and nothing is lost. */
static inline bool near_drain(void *user, mix_buf *out, mix_time now) {
    int status = mix_tcpip_drain(*(mix_tcpip **)user, out, now);
    if (status == MIX_ERR_MEMORY) {
        mix_buf_truncate(out, 0);
        status = mix_tcpip_drain(*(mix_tcpip **)user, out, now);
    }
    return status == MIX_OK;
}

static inline mix_time near_deadline(void *user) {
    return mix_tcpip_deadline(*(mix_tcpip **)user);
}

static inline void near_tick(void *user, mix_time now) {
    (void)mix_tcpip_tick(*(mix_tcpip **)user, now);
}

#endif
