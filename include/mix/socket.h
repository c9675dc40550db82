/* SPDX-License-Identifier: Apache-2.0 */
/* TCP streams and UDP sockets through the tunnel, by name or number: for proxies and protocols of
 * one's own. Names are looked up through the tunnel too. Always non-blocking. A number from the
 * call that opens it to mix_tunnel_socket_close(). */
#ifndef MIX_SOCKET_H
#define MIX_SOCKET_H

#include "mix/tunnel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Connects to a name or a number. A name's addresses are tried in turn (8 at most), families
 * alternating, the next one 1.5 s after the last or as soon as one fails; the first that is up is
 * kept. CONNECTED or FAILED follows. timeout: of all that, in the host's time; 0: the tunnel's
 * stream_timeout, which also is the most for a single address. MIX_ERR_STATE
 * as with mix_tunnel_fetch, MIX_ERR_DNS_NAME, MIX_ERR_ARGUMENT (port 0), MIX_ERR_SOCKET_LIMIT,
 * MIX_ERR_MEMORY. */
int mix_tunnel_connect(mix_tunnel *t, uint32_t *id, const char *host, uint16_t port,
                       mix_time timeout, mix_time now);
/* A UDP socket of family 4 or 6, on a random port. MIX_ERR_IP_FAMILY and the like. */
int mix_tunnel_udp(mix_tunnel *t, uint32_t *id, int family, mix_time now);

/* Streams. Takes what fits: *taken > 0, or MIX_BLOCKED until WRITABLE; else what ended it. */
int mix_tunnel_socket_write(mix_tunnel *t, uint32_t id, const uint8_t *data, size_t len,
                            size_t *taken, mix_time now);
/* MIX_OK with *got > 0; MIX_OK with *got = 0 at the end of the stream; MIX_DONE until READABLE;
 * else what ended it, after all that came before. */
int mix_tunnel_socket_read(mix_tunnel *t, uint32_t id, uint8_t *out, size_t cap, size_t *got,
                           mix_time now);
int mix_tunnel_socket_shutdown(mix_tunnel *t, uint32_t id, mix_time now); /* sends no more */

typedef struct mix_endpoint {
    uint8_t family; /* 4 or 6 */
    uint16_t port;
    uint8_t octets[16]; /* 4 or 16 of them, network order */
} mix_endpoint;
/* UDP. MIX_ERR_DATAGRAM_SIZE, MIX_BLOCKED, MIX_ERR_ARGUMENT, an error that an earlier one caused
 * (once). */
int mix_tunnel_udp_send(mix_tunnel *t, uint32_t id, const mix_endpoint *to, const uint8_t *data,
                        size_t len, mix_time now);
/* One datagram, cut to cap; MIX_DONE when none is there. */
int mix_tunnel_udp_receive(mix_tunnel *t, uint32_t id, mix_endpoint *from, uint8_t *out, size_t cap,
                           size_t *got, mix_time now);
/* Of a stream that is connected. */
int mix_tunnel_socket_remote(const mix_tunnel *t, uint32_t id, mix_endpoint *out);
/* What was written still goes out, unless something that came is unread: then, and with reset, the
 * peer is told by a reset. No event follows. Unknown numbers are fine. */
void mix_tunnel_socket_close(mix_tunnel *t, uint32_t id, bool reset, mix_time now);

/* Bits of `what` of an event of kind MIX_TUNNEL_EVENT_SOCKET: what is so now. An event comes when
 * one of the last three has changed; for the first two after the call that gave less than was asked
 * for, and each time something was read. */
enum {
    MIX_SOCKET_READABLE = 1,
    MIX_SOCKET_WRITABLE = 2,
    MIX_SOCKET_CONNECTED = 4,
    MIX_SOCKET_ENDED = 8,   /* the peer sends no more */
    MIX_SOCKET_FAILED = 16, /* the event's failure says why */
};

#ifdef __cplusplus
}
#endif

#endif
