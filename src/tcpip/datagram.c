/* SPDX-License-Identifier: Apache-2.0 */
/* Datagram sockets over lwIP's UDP. */
#include "tcpip/internal.h"

static void on_received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                        u16_t port) {
    socket *s = arg;
    (void)pcb;
    datagram *d = s->waiting < MIX_TCPIP_DATAGRAMS ? mix_alloc_zero(1, sizeof *d) : NULL;
    if (!d) { /* as a full buffer does anywhere */
        pbuf_free(p);
        return;
    }
    *d = (datagram){.from = mix_tcpip_from_lwip_address(from, port), .data = p};
    *s->datagrams_end = d;
    s->datagrams_end = &d->next;
    s->waiting++;
    mix_tcpip_changed(netif_default->state, s);
}

static int bind_random(const mix_tcpip *t, socket *s) {
    ip_addr_t local = mix_tcpip_to_lwip_address(s->family == 4 ? &t->config.ip4 : &t->config.ip6);
    for (int tries = 0; tries < 64; tries++) {
        uint16_t r;
        if (mix_random(t->env, &r, sizeof r) != MIX_OK)
            return MIX_ERR_RANDOM;
        if (udp_bind(s->udp, &local, (u16_t)(49152 + r % 16384)) == ERR_OK)
            return MIX_OK;
    }
    return MIX_ERR_LIMIT;
}

int mix_tcpip_datagram_open(mix_tcpip *t, socket *s) {
    s->udp = udp_new_ip_type(s->family == 4 ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6);
    if (!s->udp)
        return MIX_ERR_MEMORY;
    udp_recv(s->udp, on_received, s);
    int status = bind_random(t, s);
    if (status != MIX_OK)
        udp_remove(s->udp);
    else
        s->local = mix_tcpip_from_lwip_address(&s->udp->local_ip, s->udp->local_port);
    return status;
}

int mix_tcpip_datagram_connect(mix_tcpip *t, socket *s, const mix_address *to) {
    ip_addr_t ip = mix_tcpip_to_lwip_address(to);
    int status = mix_tcpip_from_lwip(udp_connect(s->udp, &ip, to->port));
    if (status != MIX_OK)
        return status;
    s->remote = *to;
    s->connected = true;
    mix_tcpip_changed(t, s);
    return MIX_OK;
}

static int take_error(socket *s) {
    int status = s->status;
    s->status = MIX_OK;
    return status;
}

int mix_tcpip_send(mix_tcpip *t, int number, const mix_address *to, mix_bytes in, mix_time now) {
    socket *s = mix_tcpip_socket(t, number, MIX_TCPIP_DATAGRAM);
    if (!s || (to && (to->family != s->family || to->port == 0)))
        return MIX_ERR_ARGUMENT;
    if (!to && !s->connected)
        return MIX_ERR_STATE;
    if (in.len > (size_t)t->config.mtu - (s->family == 4 ? 28 : 48))
        return MIX_ERR_DATAGRAM_SIZE;
    mix_tcpip_advance(t, now);
    if (s->status != MIX_OK)
        return take_error(s);
    if (t->out.items >= t->config.queue_packets) {
        t->held = true;
        return MIX_BLOCKED;
    }
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)in.len, PBUF_RAM);
    if (!p)
        return MIX_ERR_MEMORY;
    if (in.len > 0)
        pbuf_take(p, in.data, (u16_t)in.len);
    err_t e;
    if (to) {
        ip_addr_t ip = mix_tcpip_to_lwip_address(to);
        e = udp_sendto(s->udp, p, &ip, to->port);
    } else {
        e = udp_send(s->udp, p);
    }
    pbuf_free(p);
    return mix_tcpip_from_lwip(e);
}

static void drop_first(socket *s) {
    datagram *d = s->datagrams;
    s->datagrams = d->next;
    if (!s->datagrams)
        s->datagrams_end = &s->datagrams;
    s->waiting--;
    pbuf_free(d->data);
    mix_free(d);
}

int mix_tcpip_receive(mix_tcpip *t, int number, mix_address *from, uint8_t *out, size_t cap,
                      size_t *got) {
    socket *s = mix_tcpip_socket(t, number, MIX_TCPIP_DATAGRAM);
    *got = 0;
    if (!s)
        return MIX_ERR_ARGUMENT;
    if (!s->datagrams)
        return s->status != MIX_OK ? take_error(s) : MIX_DONE;
    *got = pbuf_copy_partial(s->datagrams->data, out, (u16_t)LWIP_MIN(cap, (size_t)0xffff), 0);
    if (from)
        *from = s->datagrams->from;
    drop_first(s);
    return MIX_OK;
}

void mix_tcpip_datagram_close(socket *s) {
    while (s->datagrams)
        drop_first(s);
    udp_remove(s->udp);
    s->udp = NULL;
}
