/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef MIX_TCPIP_INTERNAL_H
#define MIX_TCPIP_INTERNAL_H

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "base/queue.h"
#include "base/timers.h"
#include "tcpip/tcpip.h"

#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/udp.h>

enum {
    MIX_TCPIP_DATAGRAMS = 32, /* received and not yet taken, for each socket */
    MIX_TCPIP_SMALL = 120, /* bytes of a packet that fits behind the queue's bound: SYN, ACK, RST */
    MIX_TCPIP_PACKET_MOST = 1500,
};

typedef struct datagram {
    struct datagram *next;
    mix_address from;
    struct pbuf *data;
} datagram;

typedef struct socket {
    int number;
    mix_tcpip_kind kind;
    int family;
    bool connecting, connected, ended, shut;
    bool dirty; /* in the list of changed ones */
    struct socket *next_dirty;
    uint8_t syns;   /* sent again */
    mix_time refused_at; /* connecting, tcp NULL: a reset came, and is believed then */
    unsigned given; /* readiness as last given by next() */
    int status;
    mix_address remote, local; /* family 0: none; local stays known after the end */
    mix_time progress;   /* the connect began, or data were last acknowledged or began to wait */
    struct tcp_pcb *tcp; /* NULL once it has ended */
    struct udp_pcb *udp;
    /* Received bytes of a stream: single buffers linked by next; tot_len (16 bits) is not used. */
    struct pbuf *first, *last;
    struct pbuf *collector; /* the last one, if it is ours and has room: small segments are copied
                               together */
    size_t collector_room;
    datagram *datagrams, **datagrams_end;
    unsigned waiting;
} socket;

struct mix_tcpip {
    const mix_env *env;
    mix_tcpip_config config;
    struct netif netif;
    bool silent; /* being freed: nothing goes out */
    mix_time now;
    mix_time fast_at;                    /* when TCP's fast clock ticks next */
    bool slow_next;                      /* and the slow one with it */
    uint8_t secret[MIX_SIPHASH_KEY_LEN]; /* of initial sequence numbers */
    mix_queue out;
    bool held; /* TCP was stopped by the full queue */
    socket *sockets[MIX_TCPIP_SOCKETS];
    socket *dirty, **dirty_end;
    mix_tcpip_stats stats;
};

/* ticks.c: brings lwIP's clock to now; each entry point does it first. */
void mix_tcpip_advance(mix_tcpip *t, mix_time now);

/* tcpip.c */
socket *mix_tcpip_socket(const mix_tcpip *t, int number,
                         mix_tcpip_kind kind);   /* kind 0: any; NULL: none */
void mix_tcpip_changed(mix_tcpip *t, socket *s); /* next() gives it */
void mix_tcpip_fail(
    mix_tcpip *t, socket *s,
    int status); /* ends the stream, with a reset if it is up; marks the datagram socket */
int mix_tcpip_from_lwip(err_t e);
ip_addr_t mix_tcpip_to_lwip_address(const mix_address *a);
mix_address mix_tcpip_from_lwip_address(const ip_addr_t *a, u16_t port);

/* stream.c and datagram.c */
int mix_tcpip_stream_open(mix_tcpip *t, socket *s);
void mix_tcpip_stream_drop_received(socket *s);
void mix_tcpip_stream_close(mix_tcpip *t, socket *s, bool reset);
int mix_tcpip_stream_connect(mix_tcpip *t, socket *s, const mix_address *to);
int mix_tcpip_datagram_open(mix_tcpip *t, socket *s);
int mix_tcpip_datagram_connect(mix_tcpip *t, socket *s, const mix_address *to);
void mix_tcpip_datagram_close(socket *s);

/* packets.c: what comes from below, and what lwIP gives to go there. */
err_t mix_tcpip_netif_init(struct netif *netif);

#endif
