/* SPDX-License-Identifier: Apache-2.0 */
/* The internet behind the local mixnet's exit: user-mode NAT (libslirp) on a libuv loop, with names
 * and addresses of a test internet mapped to loopback. With root and a TUN device in its place: the
 * kernel's TCP/IP. One thread: every call and every callback is on the loop's thread. */
#ifndef HOSTS_NATIVE_MIXNET_INTERNET_H
#define HOSTS_NATIVE_MIXNET_INTERNET_H

#include "base/bytes.h"
#include "base/error.h"
#include "mix/env.h"

#include <uv.h>

typedef struct internet internet;

typedef struct internet_options {
    /* "NAME=IP[,TTL]": the DNS that answers clients on every address at port 53, over UDP and TCP.
     * A name may come several times. TTL in seconds, 300 when left out. Names without an entry:
     * NXDOMAIN, or upstream_dns. A forward of port 53 comes first. */
    const char *const *resolve;
    size_t resolves;
    /* "IP:PORT=HOST:PORT" (IPv6 as [IP]:PORT; HOST an address or "localhost", of either family):
     * TCP connections and UDP datagrams to IP:PORT go to HOST:PORT instead. Other ports of IP are
     * refused. Over IPv6, UDP of more than a packet does not come back from a HOST of IPv4. */
    const char *const *forward;
    size_t forwards;
    bool upstream_dns; /* questions for names without an entry, and all over TCP, go on to the DNS
                          server that was asked */
    bool tun;     /* a TUN device lwmixN (needs root); NAT to the outside is then the operator's */
    uint16_t mtu; /* 1280…1500; 0 is 1500 */
} internet_options;

typedef struct internet_stats {
    uint64_t from_clients, to_clients; /* packets taken by internet_send and given to on_packet */
    uint64_t dns_answers;              /* of ours, over UDP and TCP */
    uint64_t dns_bad;                  /* questions that could not be read */
    uint64_t refused;        /* at addresses of ours and of forwards, where nothing has that port */
    uint64_t drop_malformed; /* no IP packet, or its lengths do not fit */
    uint64_t drop_source;    /* source outside of 10.0.0.0/16 and fc00::/112 */
    /* Multicast, link-local, loopback, other clients: nothing of that is behind us. */
    uint64_t drop_destination;
    /* From clients, since an exit passes none (5-ipr.md §5.6.1); to clients over IPv6. */
    uint64_t drop_fragment;
    uint64_t drop_protocol; /* neither TCP, UDP nor an echo request; IPv6 echo to the outside */
    uint64_t drop_full;     /* no memory, no socket or no place in a table */
    uint64_t drop_stray;    /* from outside, of no flow that we know */
    size_t flows;           /* now */
} internet_stats;

/* Called for each IP packet for a client; the bytes are valid during the call. It may call
 * internet_send and internet_close. */
typedef void internet_on_packet(void *user, mix_bytes ip_packet);
typedef void internet_on_closed(void *user);

/* env is borrowed for life; opt only for this call. MIX_ERR_ARGUMENT (words name the option),
 * MIX_ERR_MEMORY, MIX_ERR_RANDOM, MIX_ERR_LISTEN, MIX_ERR_STATE (a socket or device could not be
 * had; number is libuv's error). After an error *out is NULL; what was opened closes as the loop
 * runs on. */
int internet_new(internet **out, uv_loop_t *loop, const internet_options *opt, const mix_env *env,
                 internet_on_packet *on_packet, void *user, mix_error *e);
/* A packet from a client, of source 10.0.x.y or fc00::x. Never fails: what cannot be sent is
 * dropped and counted. */
void internet_send(internet *i, mix_bytes ip_packet);
/* Ends all connections and closes the handles on the loop; no packet is given any more. closed (may
 * be NULL) is called when the last handle is gone, never from inside this call. NULL is fine:
 * nothing happens. */
void internet_close(internet *i, internet_on_closed *closed, void *user);
/* After closed was called; NULL is fine. */
void internet_free(internet *i);
internet_stats internet_stats_of(const internet *i);

#endif
