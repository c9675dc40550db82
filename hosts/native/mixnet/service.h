/* SPDX-License-Identifier: Apache-2.0 */
/* What an exit has besides a gateway: its IP packet router and its internet. */
#ifndef HOSTS_NATIVE_MIXNET_SERVICE_H
#define HOSTS_NATIVE_MIXNET_SERVICE_H

#include "base/error.h"
#include "mixnet/network/network.h"
#include "sphinx/sphinx.h"
#include "sphinx/wire.h"

#include <uv.h>

typedef struct service service;

typedef struct service_options {
    bool no_cover, allow_local;
    mix_bytes policy;           /* text (5-ipr.md §5.9); empty: everything that is global */
    const char *release;        /* announced; decides the protocol version */
    uint16_t mtu;               /* 0: 1500 */
    const char *const *resolve; /* "NAME=IP[,TTL]" */
    size_t resolve_count;
    const char *const *forward; /* "IP:PORT=HOST:PORT" */
    size_t forward_count;
    bool upstream_dns, tun;
} service_options;

/* Lives on the caller's loop; borrows member, options, crypto, sphinx and env for life.
 * MIX_ERR_ARGUMENT, MIX_ERR_POLICY: e names the option. */
int service_new(service **out, uv_loop_t *loop, const mixnet_member *member,
                const service_options *options, mix_crypto *crypto, mix_sphinx *sphinx,
                const mix_env *env, mix_error *e);
void service_close(service *s); /* the loop must run to its end; NULL is fine */
void service_free(service *s);

struct mixnet_exit *service_exit(service *s); /* its engine */
struct internet *service_internet(service *s);
/* Refuses a destination from now on (port 0: all its ports), on top of the policy; allow takes all
 * of these back. MIX_ERR_LIMIT, MIX_ERR_MEMORY: nothing changed. */
int service_refuse(service *s, const mix_address *to);
int service_allow(service *s);

const uint8_t *
service_identity(const service *s); /* of its client: final messages for it go to service_feed */
/* The snapshot is borrowed until the next one. */
void service_network(service *s, const mix_topology *topology, const mix_rotation_info *clock,
                     mix_time now);
int service_feed(service *s, mix_bytes delivered, mix_time now);
/* The next packet for the node's forwarder; valid until the next call. */
bool service_next(service *s, mix_packet *out, mix_time now);
mix_time service_deadline(const service *s);
void service_tick(service *s, mix_time now);

#endif
