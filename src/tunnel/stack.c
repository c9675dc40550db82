/* SPDX-License-Identifier: Apache-2.0 */
/* TCP/IP on the session with the exit. */
#include "tunnel/internal.h"

/* For a frame that is late: as long as such frames have lately needed, but no longer than this.
 * Hops of 50 ms need it. */
#define LONGEST_GAP MIX_MS(800)

/* Few wait below TCP, where it cannot see them: what is slow is the pace of packets, and a round
 * trip that grows with a queue of our own would look like loss. */
enum { QUEUE_BYTES = 3200, QUEUE_PACKETS = 8 };
/* of IP packets between the stack and a message: those beyond wait
      where TCP knows of them */

static bool is_next(void *user, mix_bytes packet) {
    const mix_tunnel *t = user;
    return t->tcpip && mix_tcpip_is_next(t->tcpip, packet);
}

void mix_tunnel_stack_config(mix_tunnel *t, mix_ipr_config *ipr) {
    if (t->cfg.ip_packets)
        return;
    ipr->queue_bytes = QUEUE_BYTES;
    ipr->reorder_cap = LONGEST_GAP;
    ipr->is_next = is_next;
    ipr->user = t;
}

mix_tcpip *mix_tunnel_tcpip(mix_tunnel *t) {
    return t->tcpip;
}

void mix_tunnel_stack_end(mix_tunnel *t) {
    mix_tcpip *old = t->tcpip;
    t->tcpip = NULL;
    if (old)
        mix_tunnel_transport_moved(t); /* while those sockets can be told from new ones */
    mix_tcpip_free(old);
    t->told_round_trip = 0;
}

int mix_tunnel_stack_begin(mix_tunnel *t, mix_time now) {
    mix_tcpip_config c = {
        .ip4 = {.family = 4},
        .ip6 = {.family = 6},
        .mtu = t->mtu,
        .queue_packets = QUEUE_PACKETS,
        .connect_timeout = t->cfg.stream_timeout,
    };
    mix_time inner = mix_tunnel_transport_time(t, now);
    if (t->cfg.ip_packets)
        return MIX_OK;
    memcpy(c.ip4.octets, t->ip4, sizeof t->ip4);
    memcpy(c.ip6.octets, t->ip6, sizeof t->ip6);
    mix_tunnel_stack_end(t);
    int status = mix_tcpip_new(&t->tcpip, &c, t->env, inner);
    if (status == MIX_OK) {
        mix_tunnel_transport_moved(t);
        mix_doors_moved(t, inner);
    }
    return status;
}

void mix_tunnel_stack_feed(mix_tunnel *t, mix_bytes packet, mix_time now) {
    if (t->tcpip)
        (void)mix_tcpip_feed(
            t->tcpip, packet,
            mix_tunnel_transport_time(t, now)); /* what is refused is counted there */
    else if (mix_queue_push(&t->down, packet, 0) != MIX_OK)
        t->stats.ip_dropped++;
}

/* From the stack to the session, while a whole packet fits. */
bool mix_tunnel_stack_drain(mix_tunnel *t, mix_time now) {
    mix_ipr_stats i;
    bool any = false;
    if (!t->tcpip || !t->exit_up)
        return false;
    mix_ipr_get_stats(t->ipr, &i);
    if (i.round_trip != 0 && i.round_trip != t->told_round_trip)
        mix_tcpip_set_round_trip(t->tcpip, i.round_trip);
    t->told_round_trip = i.round_trip;
    while (mix_ipr_room(t->ipr) >= MIX_IPR_PACKET_MAX) {
        mix_buf_truncate(&t->ip, 0);
        int status = mix_tcpip_drain(t->tcpip, &t->ip, mix_tunnel_transport_time(t, now));
        if (status == MIX_OK)
            status = mix_ipr_write(t->ipr, mix_buf_bytes(&t->ip), now);
        if (mix_tunnel_own(t, status, now) != MIX_OK)
            return any;
        any = true;
    }
    return any;
}
