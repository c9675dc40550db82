/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: lwIP's callbacks turned into state that is read, and the calls on them. */
#include "tcpip/internal.h"

enum {
    COLLECTOR = 2048,
    SMALL_SEGMENT = 512
}; /* bytes: segments shorter than this are copied together */

/* Two packets that leave an exit together come 150 ms apart but once in two thousand times, at 15
 * ms for each of three mixes; a round trip, where that is more, but once in a hundred. */
#define REFUSAL_LEAST MIX_MS(150)
#define REFUSAL_MOST MIX_MS(400)

static mix_tcpip *of(const struct tcp_pcb *pcb) {
    (void)pcb;
    return netif_default->state; /* one interface, one instance */
}

static void append(socket *s, struct pbuf *p, size_t room) {
    if (s->last)
        s->last->next = p;
    else
        s->first = p;
    s->last = p;
    s->collector = room > 0 ? p : NULL;
    s->collector_room = room;
}

/* A peer that sends one byte a segment would otherwise make us keep a packet's memory for each. */
static bool collect(socket *s, struct pbuf *p) {
    if (p->len >= SMALL_SEGMENT)
        return false;
    if (!s->collector || s->collector_room < p->len) {
        struct pbuf *c = pbuf_alloc(PBUF_RAW, COLLECTOR, PBUF_RAM);
        if (!c)
            return false;
        c->len = 0;
        append(s, c, COLLECTOR);
    }
    memcpy((uint8_t *)s->collector->payload + s->collector->len, p->payload, p->len);
    s->collector->len = (u16_t)(s->collector->len + p->len);
    s->collector_room -= p->len;
    return true;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t e) {
    socket *s = arg;
    (void)e;
    s->progress = of(pcb)->now;
    if (!p)
        s->ended = true;
    while (p) {
        struct pbuf *rest = p->next;
        p->next = NULL;
        p->tot_len = p->len;
        if (p->len == 0 || collect(s, p))
            pbuf_free(p);
        else
            append(s, p, 0);
        p = rest;
    }
    mix_tcpip_changed(of(pcb), s);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len) {
    socket *s = arg;
    (void)len;
    s->progress = of(pcb)->now;
    mix_tcpip_changed(of(pcb), s);
    return ERR_OK;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t e) {
    socket *s = arg;
    (void)e;
    s->connecting = false;
    s->connected = true;
    s->progress = of(pcb)->now;
    mix_tcpip_changed(of(pcb), s);
    return ERR_OK;
}

/* An exit that refuses a destination says so in words, and by a reset in the destination's name.
 * The mixes bring them in any order; words that come a little later say more. */
static void on_refused(const mix_tcpip *t, socket *s) {
    s->refused_at = t->now + LWIP_MIN(LWIP_MAX(t->config.round_trip, REFUSAL_LEAST), REFUSAL_MOST);
}

static void on_error(void *arg, err_t e) { /* lwIP has freed the connection */
    socket *s = arg;
    mix_tcpip *t = netif_default->state;
    if (!s)
        return;
    s->tcp = NULL;
    if (s->connecting && e == ERR_RST) {
        on_refused(t, s);
        return;
    }
    s->status = s->connecting ? MIX_ERR_TCP_TIMEOUT : mix_tcpip_from_lwip(e);
    s->connecting = false;
    mix_tcpip_changed(t, s);
}

int mix_tcpip_stream_open(mix_tcpip *t, socket *s) {
    s->tcp = tcp_new_ip_type(s->family == 4 ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6);
    if (!s->tcp)
        return MIX_ERR_MEMORY;
    tcp_arg(s->tcp, s);
    tcp_recv(s->tcp, on_received);
    tcp_sent(s->tcp, on_sent);
    tcp_err(s->tcp, on_error);
    tcp_nagle_disable(s->tcp);
    mix_time first = 3 * t->config.round_trip;
    if (first < MIX_SECONDS(1))
        first = MIX_SECONDS(1);
    if (first > MIX_SECONDS(6))
        first = MIX_SECONDS(6);
    s->tcp->rto = (s16_t)(first / MIX_MS(TCP_SLOW_INTERVAL));
    return MIX_OK;
}

/* lwIP hands ports out in sequence, and a port is half of what an off-path attacker must guess. */
static int bind_random(const mix_tcpip *t, socket *s) {
    ip_addr_t local = mix_tcpip_to_lwip_address(s->family == 4 ? &t->config.ip4 : &t->config.ip6);
    for (int tries = 0; tries < 64; tries++) {
        uint16_t r;
        if (mix_random(t->env, &r, sizeof r) != MIX_OK)
            return MIX_ERR_RANDOM;
        if (tcp_bind(s->tcp, &local, (u16_t)(49152 + r % 16384)) == ERR_OK)
            return MIX_OK;
    }
    return MIX_ERR_LIMIT;
}

int mix_tcpip_stream_connect(mix_tcpip *t, socket *s, const mix_address *to) {
    if (s->connecting || s->connected || !s->tcp)
        return MIX_ERR_STATE;
    int status = s->tcp->local_port == 0 ? bind_random(t, s) : MIX_OK;
    if (status != MIX_OK)
        return status;
    ip_addr_t ip = mix_tcpip_to_lwip_address(to);
    s->remote = *to;
    status = mix_tcpip_from_lwip(tcp_connect(s->tcp, &ip, to->port, on_connected));
    if (status != MIX_OK) {
        s->remote.family = 0;
        return status;
    }
    s->local = mix_tcpip_from_lwip_address(&s->tcp->local_ip, s->tcp->local_port);
    s->connecting = true;
    s->progress = t->now;
    return MIX_OK;
}

int mix_tcpip_write(mix_tcpip *t, int number, mix_bytes in, size_t *taken, mix_time now) {
    socket *s = mix_tcpip_socket(t, number, MIX_TCPIP_STREAM);
    *taken = 0;
    if (!s)
        return MIX_ERR_ARGUMENT;
    mix_tcpip_advance(t, now);
    if (s->status != MIX_OK)
        return s->status;
    if (s->shut)
        return MIX_ERR_SOCKET_CLOSED;
    if (!s->connected || !s->tcp)
        return s->connecting ? MIX_BLOCKED : MIX_ERR_STATE;
    if (!s->tcp->unacked && !s->tcp->unsent)
        s->progress = t->now;
    while (*taken < in.len) {
        size_t n = LWIP_MIN(in.len - *taken, LWIP_MIN((size_t)tcp_sndbuf(s->tcp), (size_t)0x4000));
        /* The queue's bound counts buffers: what does not fit whole may fit in part. */
        while (n > 0 &&
               tcp_write(s->tcp, in.data + *taken, (u16_t)n, TCP_WRITE_FLAG_COPY) != ERR_OK)
            n /= 2;
        if (n == 0)
            break;
        *taken += n;
    }
    tcp_output(s->tcp);
    return *taken > 0 || in.len == 0 ? MIX_OK : MIX_BLOCKED;
}

/* Copies from the front, at most cap bytes. */
static size_t copy_out(const socket *s, uint8_t *out, size_t cap) {
    size_t got = 0;
    for (const struct pbuf *p = s->first; p && got < cap; p = p->next) {
        size_t n = LWIP_MIN((size_t)p->len, cap - got);
        memcpy(out + got, p->payload, n);
        got += n;
    }
    return got;
}

static void drop(socket *s, size_t n) {
    while (n > 0) {
        struct pbuf *p = s->first;
        size_t k = LWIP_MIN((size_t)p->len, n);
        n -= k;
        if (k < p->len) {
            p->payload = (uint8_t *)p->payload + k;
            p->len = p->tot_len = (u16_t)(p->len - k);
            return;
        }
        s->first = p->next;
        if (s->last == p)
            s->last = s->collector = NULL;
        p->next = NULL;
        p->tot_len = p->len;
        pbuf_free(p);
    }
}

int mix_tcpip_read(mix_tcpip *t, int number, uint8_t *out, size_t cap, size_t *got, mix_time now) {
    socket *s = mix_tcpip_socket(t, number, MIX_TCPIP_STREAM);
    *got = 0;
    if (!s)
        return MIX_ERR_ARGUMENT;
    mix_tcpip_advance(t, now);
    int status = mix_tcpip_peek(t, number, out, cap, got);
    if (status != MIX_OK || *got == 0)
        return status;
    drop(s, *got);
    for (size_t left = *got; left > 0 && s->tcp;) {
        u16_t n = (u16_t)LWIP_MIN(left, (size_t)0x7fff);
        tcp_recved(s->tcp, n);
        left -= n;
    }
    return MIX_OK;
}

int mix_tcpip_peek(mix_tcpip *t, int number, uint8_t *out, size_t cap, size_t *got) {
    const socket *s = mix_tcpip_socket(t, number, 0);
    *got = 0;
    if (!s)
        return MIX_ERR_ARGUMENT;
    if (s->kind == MIX_TCPIP_DATAGRAM && s->datagrams) {
        *got = pbuf_copy_partial(s->datagrams->data, out, (u16_t)LWIP_MIN(cap, (size_t)0xffff), 0);
        return MIX_OK;
    }
    *got = copy_out(s, out, cap);
    if (*got > 0 || (cap == 0 && s->first))
        return MIX_OK;
    if (s->status != MIX_OK)
        return s->status;
    if (s->ended)
        return MIX_OK;
    return s->connected || s->connecting || s->kind == MIX_TCPIP_DATAGRAM ? MIX_DONE
                                                                          : MIX_ERR_STATE;
}

int mix_tcpip_shutdown(mix_tcpip *t, int number, mix_time now) {
    socket *s = mix_tcpip_socket(t, number, MIX_TCPIP_STREAM);
    if (!s)
        return MIX_ERR_ARGUMENT;
    mix_tcpip_advance(t, now);
    if (!s->connected || !s->tcp)
        return s->status != MIX_OK ? s->status : MIX_ERR_STATE;
    if (s->shut)
        return MIX_OK;
    s->progress = t->now;
    s->shut = true;
    tcp_shutdown(s->tcp, 0, 1);
    return MIX_OK;
}

void mix_tcpip_stream_drop_received(socket *s) {
    while (s->first) {
        struct pbuf *p = s->first;
        s->first = p->next;
        p->next = NULL;
        p->tot_len = p->len;
        pbuf_free(p);
    }
    s->last = s->collector = NULL;
}

void mix_tcpip_stream_close(mix_tcpip *t, socket *s, bool reset) {
    struct tcp_pcb *pcb = s->tcp;
    (void)t;
    if (pcb) {
        s->tcp = NULL;
        tcp_arg(pcb, NULL);
        tcp_recv(pcb, NULL);
        tcp_sent(pcb, NULL);
        tcp_err(pcb, NULL);
        ip_reset_option(pcb, SOF_KEEPALIVE);
        if (reset || s->first || tcp_close(pcb) != ERR_OK)
            tcp_abort(pcb);
    }
    mix_tcpip_stream_drop_received(s);
}

void mix_tcpip_set_nagle(mix_tcpip *t, int number, bool on) {
    socket *s = mix_tcpip_socket(t, number, MIX_TCPIP_STREAM);
    if (!s || !s->tcp)
        return;
    if (on)
        tcp_nagle_enable(s->tcp);
    else
        tcp_nagle_disable(s->tcp);
}

void mix_tcpip_set_keepalive(mix_tcpip *t, int number, mix_time idle) {
    socket *s = mix_tcpip_socket(t, number, MIX_TCPIP_STREAM);
    if (!s || !s->tcp)
        return;
    if (idle <= 0) {
        ip_reset_option(s->tcp, SOF_KEEPALIVE);
        return;
    }
    mix_time ms = LWIP_MIN(idle / 1000, (mix_time)86400000);
    s->tcp->keep_idle = (u32_t)LWIP_MAX(ms, 1000);
    s->tcp->keep_intvl = LWIP_MAX(s->tcp->keep_idle / 4, 1000U);
    s->tcp->keep_cnt = 3;
    ip_set_option(s->tcp, SOF_KEEPALIVE);
}
