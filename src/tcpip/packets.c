/* SPDX-License-Identifier: Apache-2.0 */
/* IP packets in and out: only what can concern one of our sockets reaches lwIP, and nothing but
 * TCP's own answers goes back. */
#include "tcpip/internal.h"

enum { TCP = 6, UDP = 17, ICMP = 1, ICMP6 = 58 };

/* What of an IP packet is of interest here. */
typedef struct packet {
    mix_address from, to; /* with ports for TCP and UDP */
    uint8_t protocol;
    mix_bytes body; /* behind the IP header */
} packet;

static int read_ip4(packet *out, mix_reader *r, size_t total, bool cut) {
    uint8_t first = mix_read_u8(r);
    size_t header = (size_t)(first & 15) * 4;
    mix_skip(r, 1);
    size_t len = mix_read_u16(r);
    mix_skip(r, 2);
    uint16_t fragment = mix_read_u16(r);
    mix_skip(r, 1);
    out->protocol = mix_read_u8(r);
    mix_skip(r, 2);
    out->from.family = out->to.family = 4;
    mix_read_into(r, out->from.octets, 4);
    mix_read_into(r, out->to.octets, 4);
    if (r->bad || header < 20 || len < header || (!cut && len > total) || (fragment & 0x3fff) != 0)
        return MIX_ERR_IP_PACKET;
    mix_skip(r, header - 20);
    out->body = mix_bytes_slice(r->in, 0, len - header);
    return r->bad ? MIX_ERR_IP_PACKET : MIX_OK;
}

static int read_ip6(packet *out, mix_reader *r, bool cut) {
    mix_skip(r, 4);
    size_t len = mix_read_u16(r);
    out->protocol =
        mix_read_u8(r); /* extension headers, fragments with them, are of no use to us */
    mix_skip(r, 1);
    out->from.family = out->to.family = 6;
    mix_read_into(r, out->from.octets, 16);
    mix_read_into(r, out->to.octets, 16);
    if (r->bad || (!cut && len > r->in.len))
        return MIX_ERR_IP_PACKET;
    out->body = mix_bytes_slice(r->in, 0, len);
    return MIX_OK;
}

/* cut: the packet may end early, as those do that an ICMP error quotes. */
static int read_packet(packet *out, mix_bytes in, bool cut) {
    *out = (packet){0};
    mix_reader r = {.in = in};
    if (in.len == 0)
        return MIX_ERR_IP_PACKET;
    int version = in.data[0] >> 4;
    int status = version == 4   ? read_ip4(out, &r, in.len, cut)
                 : version == 6 ? read_ip6(out, &r, cut)
                                : MIX_ERR_IP_PACKET;
    if (status != MIX_OK)
        return status;
    if (out->protocol == TCP || out->protocol == UDP) {
        mix_reader ports = {.in = out->body};
        out->from.port = mix_read_u16(&ports);
        out->to.port = mix_read_u16(&ports);
        if (ports.bad)
            return MIX_ERR_IP_PACKET;
    }
    return MIX_OK;
}

static bool same_ip(const mix_address *a, const mix_address *b) {
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

static bool is_ours(const mix_tcpip *t, const mix_address *ip) {
    return same_ip(ip, &t->config.ip4) || same_ip(ip, &t->config.ip6);
}

/* The socket that sent, or would take, packets between these ends. */
static socket *find(const mix_tcpip *t, uint8_t protocol, uint16_t local_port,
                    const mix_address *remote) {
    for (int i = 0; i < MIX_TCPIP_SOCKETS; i++) {
        socket *s = t->sockets[i];
        if (!s || s->family != remote->family)
            continue;
        if (protocol == TCP && s->tcp && s->tcp->local_port == local_port &&
            s->remote.port == remote->port && same_ip(&s->remote, remote))
            return s;
        if (protocol == UDP && s->udp && s->udp->local_port == local_port &&
            (!s->connected || (s->remote.port == remote->port && same_ip(&s->remote, remote))))
            return s;
    }
    return NULL;
}

/* RFC 5927: only a connection that is being made is ended by what anybody may claim, and only if
 * the sequence number fits. */
static void on_unreachable(mix_tcpip *t, const packet *quoted, int status) {
    socket *s = find(t, quoted->protocol, quoted->from.port, &quoted->to);
    if (!s)
        return;
    if (s->kind == MIX_TCPIP_STREAM) {
        mix_reader r = {.in = quoted->body};
        mix_skip(&r, 4);
        u32_t seq = mix_read_u32(&r);
        if (r.bad || !s->connecting || seq != s->tcp->lastack) /* a SYN's is still there */
            return;
    }
    mix_tcpip_fail(t, s, status);
}

/* A narrower link on the way: connections to come, and what this one sends from now on, fit through
 * it. */
static void on_too_big(mix_tcpip *t, const packet *quoted, size_t mtu) {
    size_t least = quoted->to.family == 4 ? 576 : 1280, headers = quoted->to.family == 4 ? 40 : 60;
    socket *s = find(t, quoted->protocol, quoted->from.port, &quoted->to);
    if (!s || s->kind != MIX_TCPIP_STREAM || mtu < least || mtu >= t->config.mtu)
        return;
    if (s->tcp->mss > mtu - headers)
        s->tcp->mss = (u16_t)(mtu - headers);
}

static int feed_icmp(mix_tcpip *t, const packet *p) {
    mix_reader r = {.in = p->body};
    packet quoted;
    uint8_t type = mix_read_u8(&r), code = mix_read_u8(&r);
    mix_skip(&r, 2);
    uint32_t rest = mix_read_u32(&r);
    bool four = p->protocol == ICMP;
    if (r.bad || (type != (four ? 3 : 1) && (four || type != 2)))
        return MIX_ERR_IP_PACKET; /* echoes and the like: nobody here has a use for them */
    if (read_packet(&quoted, r.in, true) != MIX_OK || !is_ours(t, &quoted.from))
        return MIX_ERR_IP_PACKET;
    if (four && code == 4)
        on_too_big(t, &quoted, rest & 0xffff);
    else if (!four && type == 2)
        on_too_big(t, &quoted, rest);
    else
        on_unreachable(t, &quoted,
                       code == (four ? 3 : 4) ? MIX_ERR_TCP_REFUSED : MIX_ERR_TCP_UNREACHABLE);
    return MIX_OK;
}

static int feed_lwip(mix_tcpip *t, mix_bytes in) {
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)in.len, PBUF_RAM);
    if (!p)
        return MIX_ERR_MEMORY;
    pbuf_take(p, in.data, (u16_t)in.len);
    if (t->netif.input(p, &t->netif) != ERR_OK)
        pbuf_free(p);
    return MIX_OK;
}

int mix_tcpip_feed(mix_tcpip *t, mix_bytes in, mix_time now) {
    packet p;
    mix_tcpip_advance(t, now);
    int status = in.len <= 0xffff ? read_packet(&p, in, false) : MIX_ERR_IP_PACKET;
    if (status == MIX_OK && (!is_ours(t, &p.to) || is_ours(t, &p.from)))
        status = MIX_ERR_IP_PACKET;
    if (status == MIX_OK && p.protocol == (p.to.family == 4 ? ICMP : ICMP6))
        status = feed_icmp(t, &p);
    else if (status == MIX_OK &&
             (p.protocol == TCP || (p.protocol == UDP && find(t, UDP, p.to.port, &p.from))))
        status = feed_lwip(t, in);
    else
        status = MIX_ERR_IP_PACKET;
    if (status == MIX_OK)
        t->stats.packets_in++;
    else
        t->stats.dropped_in++;
    return status;
}

bool mix_tcpip_is_next(const mix_tcpip *t, mix_bytes in) {
    packet p;
    if (in.len > 0xffff || read_packet(&p, in, false) != MIX_OK || p.protocol != TCP ||
        !is_ours(t, &p.to))
        return false;
    const socket *s = find(t, TCP, p.to.port, &p.from);
    mix_reader r = {.in = p.body};
    mix_skip(&r, 4);
    u32_t seq = mix_read_u32(&r), ack = mix_read_u32(&r);
    size_t header = (size_t)(mix_read_u8(&r) >> 4) * 4;
    uint8_t flags = mix_read_u8(&r);
    if (!s || r.bad || header > p.body.len || flags & TCP_RST)
        return false;
    if (s->connecting || flags & TCP_SYN)
        return s->connecting && flags & TCP_SYN;
    if (p.body.len == header && !(flags & TCP_FIN))
        return flags & TCP_ACK && TCP_SEQ_GT(ack, s->tcp->lastack);
    return seq == s->tcp->rcv_nxt;
}

/* From lwIP. A full queue keeps data in TCP's own hands; what is small (SYN, ACK, RST) has some
 * room behind it. */
static err_t output(mix_tcpip *t, struct pbuf *p) {
    uint8_t flat[MIX_TCPIP_PACKET_MOST];
    if (t->silent)
        return ERR_OK;
    if (p->tot_len > sizeof flat)
        return ERR_VAL;
    if (t->out.items >= t->config.queue_packets && p->tot_len > MIX_TCPIP_SMALL) {
        t->stats.held_back += !t->held;
        t->held = true;
        return ERR_MEM;
    }
    pbuf_copy_partial(p, flat, p->tot_len, 0);
    int status = mix_queue_push(&t->out, mix_bytes_of(flat, p->tot_len), 0);
    return status == MIX_OK ? ERR_OK : ERR_MEM;
}

static err_t output4(struct netif *netif, struct pbuf *p, const ip4_addr_t *to) {
    (void)to;
    return output(netif->state, p);
}

static err_t output6(struct netif *netif, struct pbuf *p, const ip6_addr_t *to) {
    (void)to;
    return output(netif->state, p);
}

err_t mix_tcpip_netif_init(struct netif *netif) {
    const mix_tcpip *t = netif->state;
    netif->name[0] = 'm';
    netif->name[1] = 'x';
    netif->mtu = t->config.mtu;
    netif->mtu6 = t->config.mtu;
    netif->output = output4;
    netif->output_ip6 = output6;
    return ERR_OK;
}

/* There is room again: TCP goes on where it was stopped, and datagrams may be sent. */
static void go_on(mix_tcpip *t) {
    t->held = false;
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb && !t->held; pcb = pcb->next)
        if (pcb->unsent)
            tcp_output(pcb);
    for (int i = 0; i < MIX_TCPIP_SOCKETS; i++)
        if (t->sockets[i] && t->sockets[i]->kind == MIX_TCPIP_DATAGRAM)
            mix_tcpip_changed(t, t->sockets[i]);
}

int mix_tcpip_drain(mix_tcpip *t, mix_buf *out, mix_time now) {
    mix_bytes p;
    mix_tcpip_advance(t, now);
    if (!mix_queue_peek(&t->out, &p, NULL))
        return MIX_DONE;
    size_t before = out->len;
    mix_buf_put_bytes(out, p);
    if (mix_buf_status(out) != MIX_OK) {
        int status = mix_buf_status(out);
        mix_buf_truncate(out, before);
        return status;
    }
    mix_queue_pop(&t->out);
    t->stats.packets_out++;
    if (t->held && t->out.items <= t->config.queue_packets / 2)
        go_on(t);
    return MIX_OK;
}

size_t mix_tcpip_waiting(const mix_tcpip *t) {
    return t->out.items;
}
