/* SPDX-License-Identifier: Apache-2.0 */
/* TCP and UDP over IP packets: lwIP as streams and datagrams. Above: sockets, and tunnel for hosts'
 * own. Below: ipr, as whole IP packets. No other folder includes lwIP. lwIP has globals, so there
 * is one instance at a time (asserted); after mix_tcpip_free a new one starts clean.
 *
 * A socket is a small number from open() to close() or abort(). Everything is non-blocking;
 * readiness is pulled with next(). */
#ifndef MIX_TCPIP_TCPIP_H
#define MIX_TCPIP_TCPIP_H

#include "base/address.h"
#include "base/buf.h"
#include "mix/env.h"

typedef struct mix_tcpip mix_tcpip;

typedef struct mix_tcpip_config {
    mix_address ip4, ip6; /* our addresses; family 0: none. Ports are not looked at */
    uint16_t mtu;         /* 576…1500, 1280 at least with ip6; default 1420 */
    size_t queue_packets; /* IP packets that wait for drain(); then TCP holds back. Default 32 */
    mix_time connect_timeout; /* of a TCP connect; default 30 s */
    mix_time stall_timeout;   /* data sent and nothing acknowledged for so long; default 60 s */
    mix_time round_trip; /* expected; the first retransmission of a SYN comes after 3 of them, 1 s
                            at least. Default 400 ms */
} mix_tcpip_config;      /* zeros take the defaults */

enum { MIX_TCPIP_SOCKETS = 240 }; /* open at a time */

/* MIX_ERR_ARGUMENT (no address, MTU out of range), MIX_ERR_MEMORY, MIX_ERR_RANDOM. Borrows env for
 * life. */
int mix_tcpip_new(mix_tcpip **out, const mix_tcpip_config *config, const mix_env *env,
                  mix_time now);
/* Ends all connections without a word to their peers. NULL is fine. */
void mix_tcpip_free(mix_tcpip *t);

/* From below: one IP packet. What is malformed, not for us or of no use is dropped:
 * MIX_ERR_IP_PACKET; MIX_ERR_MEMORY likewise (TCP comes back for it). */
int mix_tcpip_feed(mix_tcpip *t, mix_bytes packet, mix_time now);
/* Whether a TCP packet, fed now, would be the next of its connection although packets of others may
 * be missing: what TCP takes without asking for anything again. A reset is never: data before it
 * may be on the way. */
bool mix_tcpip_is_next(const mix_tcpip *t, mix_bytes packet);
/* To below: appends one IP packet to out, or returns MIX_DONE. */
int mix_tcpip_drain(mix_tcpip *t, mix_buf *out, mix_time now);
size_t mix_tcpip_waiting(const mix_tcpip *t); /* packets that drain() would give */
/* The exit's policy refuses a destination (port 0: all ports): its sockets end with status, most
 * likely MIX_ERR_IPR_REFUSED. A reset that meets a connect is told as MIX_ERR_TCP_REFUSED a round
 * trip later, after 150 ms at least and 400 at most: the exit's words may be behind it. */
void mix_tcpip_refuse(mix_tcpip *t, const mix_address *to, int status, mix_time now);
/* A measured round trip through the tunnel, for connections opened from now on. */
void mix_tcpip_set_round_trip(mix_tcpip *t, mix_time round_trip);

/* When tick() is to be called: exact, and MIX_NEVER while no connection waits for anything but its
 * peer's next packet. */
mix_time mix_tcpip_deadline(const mix_tcpip *t);
int mix_tcpip_tick(mix_tcpip *t, mix_time now); /* MIX_OK */

typedef enum mix_tcpip_kind { MIX_TCPIP_STREAM = 1, MIX_TCPIP_DATAGRAM } mix_tcpip_kind;
enum { /* readiness, as bits */
       MIX_TCPIP_READABLE =
           1, /* read() or receive() gives something: data, the end, or the error */
       MIX_TCPIP_WRITABLE = 2,  /* write() takes something worth while, or gives the error */
       MIX_TCPIP_CONNECTED = 4, /* streams: established */
       MIX_TCPIP_ENDED = 8,     /* streams: the peer sends no more */
       MIX_TCPIP_FAILED = 16,   /* mix_tcpip_status() says why */
};

/* family 4 or 6. MIX_ERR_IP_FAMILY (the tunnel has no such address), MIX_ERR_SOCKET_LIMIT,
 * MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_tcpip_open(mix_tcpip *t, int *out, mix_tcpip_kind kind, int family);
/* Streams: starts to connect; CONNECTED or FAILED follows. Datagrams: sets where send() goes;
 * others' are not received then. MIX_ERR_STATE (twice), MIX_ERR_ARGUMENT (family, port 0),
 * MIX_ERR_MEMORY. */
int mix_tcpip_connect(mix_tcpip *t, int socket, const mix_address *to, mix_time now);
/* Takes as much as fits: *taken > 0, or MIX_BLOCKED. Else what ended the stream, or
 * MIX_ERR_SOCKET_CLOSED after shutdown(). */
int mix_tcpip_write(mix_tcpip *t, int socket, mix_bytes in, size_t *taken, mix_time now);
/* MIX_OK with *got > 0; MIX_OK with *got = 0 at the end of the stream; MIX_DONE when nothing is
 * there yet; else what ended it, once all that came before has been read. */
int mix_tcpip_read(mix_tcpip *t, int socket, uint8_t *out, size_t cap, size_t *got, mix_time now);
/* The same, but what it gives stays to be read. Datagrams: of the first one. */
int mix_tcpip_peek(mix_tcpip *t, int socket, uint8_t *out, size_t cap, size_t *got);
/* Sends no more; what was written is sent first. MIX_ERR_STATE when not connected. */
int mix_tcpip_shutdown(mix_tcpip *t, int socket, mix_time now);
/* One datagram; to NULL: where connect() said. MIX_ERR_DATAGRAM_SIZE (more than one packet holds),
 * MIX_BLOCKED, MIX_ERR_ARGUMENT, an error that an earlier one caused (once). */
int mix_tcpip_send(mix_tcpip *t, int socket, const mix_address *to, mix_bytes in, mix_time now);
/* One datagram, cut to cap; from may be NULL. MIX_DONE when none is there; an error as with send().
 */
int mix_tcpip_receive(mix_tcpip *t, int socket, mix_address *from, uint8_t *out, size_t cap,
                      size_t *got);
/* Ends the socket's number at once; a stream's data that were written still go out, unless some
 * that came are unread (then the peer is told by a reset, as the standard has it). */
void mix_tcpip_close(mix_tcpip *t, int socket, mix_time now);
void mix_tcpip_abort(mix_tcpip *t, int socket, mix_time now); /* with a reset */

unsigned mix_tcpip_ready(const mix_tcpip *t,
                         int socket); /* bits of now; 0 for a number that is not open */
int mix_tcpip_status(const mix_tcpip *t, int socket);             /* MIX_OK, or what ended it */
mix_tcpip_kind mix_tcpip_kind_of(const mix_tcpip *t, int socket); /* 0: not open */
int mix_tcpip_local(const mix_tcpip *t, int socket,
                    mix_address *out); /* MIX_ERR_STATE: not bound yet */
int mix_tcpip_remote(const mix_tcpip *t, int socket,
                     mix_address *out); /* MIX_ERR_STATE: not connected */
/* Small writes wait for the acknowledgement of earlier ones (Nagle); off at first. */
void mix_tcpip_set_nagle(mix_tcpip *t, int socket, bool on);
/* A probe after so long without a packet, three in all, then the stream ends; 0: off, as at first.
 */
void mix_tcpip_set_keepalive(mix_tcpip *t, int socket, mix_time idle);

typedef struct mix_tcpip_event {
    int socket;
    unsigned ready; /* bits of now */
    int status;
} mix_tcpip_event;
/* The next socket whose readiness has changed since it was last given; or MIX_DONE. */
int mix_tcpip_next(mix_tcpip *t, mix_tcpip_event *ev);

typedef struct mix_tcpip_stats {
    uint64_t packets_in, packets_out, dropped_in; /* dropped: malformed or not for us */
    uint64_t held_back;                           /* times that a full queue stopped TCP */
    uint64_t ticks;                               /* of TCP's clock that were run one by one */
    unsigned sockets, connections; /* connections: with those that are being closed */
} mix_tcpip_stats;
void mix_tcpip_get_stats(const mix_tcpip *t, mix_tcpip_stats *out);

#endif
