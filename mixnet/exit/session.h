/* SPDX-License-Identifier: Apache-2.0 */
/* Who is connected to an exit: by sender tag, by address, by time of silence; and each one's
 * downlink bundle. */
#ifndef MIXNET_EXIT_SESSION_H
#define MIXNET_EXIT_SESSION_H

#include "base/map.h"
#include "base/timers.h"
#include "ipr/wire.h"
#include "mixnet/exit/pool.h"

enum { MIXNET_TAG_LEN = 16 }; /* of a sender */

/* The way by which something came, and by which its answer goes. */
typedef struct mixnet_way {
    uint8_t tag[MIXNET_TAG_LEN];
    uint8_t version; /* 8 plain, 9 and 10 framed */
    uint64_t stream; /* of framed ones */
} mixnet_way;

typedef struct mixnet_session {
    mixnet_way way; /* of the connect: data go down by it */
    uint16_t number;
    uint32_t seq; /* of the last data frame */
    mix_bundler bundler;
    mix_time period;  /* of the bundles' clock … */
    mix_time started; /* … which runs since then */
    mix_timer flush, idle;
    mix_time since, active; /* connected; last packet that counted */
    uint64_t packets_up, packets_down, bytes_up, bytes_down, refused, full;
} mixnet_session;

typedef struct mixnet_sessions {
    mix_map by_tag, by_number;
    mix_timers flushes, idles;
    mixnet_pool pool;
    const mix_env *env;
} mixnet_sessions;

int mixnet_sessions_init(mixnet_sessions *s, size_t max, const mix_env *env); /* MIX_ERR_RANDOM */
void mixnet_sessions_deinit(mixnet_sessions *s);

mixnet_session *mixnet_sessions_find(const mixnet_sessions *s,
                                     const uint8_t tag[static MIXNET_TAG_LEN]);
/* The one whose address it is, or NULL. */
mixnet_session *mixnet_sessions_owner(const mixnet_sessions *s, const mix_address *ip);
/* A new one with a fresh address; the tag must be unknown. Its idle timer runs from now.
 * MIX_ERR_LIMIT: as many as allowed, or no address; MIX_ERR_RANDOM, MIX_ERR_MEMORY. */
int mixnet_sessions_add(mixnet_sessions *s, mixnet_session **out, const mixnet_way *way,
                        mix_time idle_after, mix_time now);
void mixnet_sessions_remove(mixnet_sessions *s, mixnet_session *e);

/* Puts a packet into the bundle and appends to out what must go at once; what stays goes at the
 * next beat of the session's clock. MIX_ERR_MEMORY: the packet is lost. */
int mixnet_session_put(mixnet_sessions *s, mixnet_session *e, mix_buf *out, mix_bytes packet,
                       mix_time now);
/* A session whose beat has come, and appends its bundle to out; NULL when there is none. */
mixnet_session *mixnet_sessions_beat(mixnet_sessions *s, mix_buf *out, mix_time now);
/* A session that was silent for idle_after, or NULL. It must be removed. */
mixnet_session *mixnet_sessions_silent(mixnet_sessions *s, mix_time idle_after, mix_time now);
mix_time mixnet_sessions_deadline(const mixnet_sessions *s);

#endif
