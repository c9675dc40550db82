/* SPDX-License-Identifier: Apache-2.0 */
/* One instance over lwIP's globals: its life, its sockets by number, what has changed about them.
 */
#include "tcpip/internal.h"

#include <assert.h>
#include <lwip/init.h>

static mix_tcpip *instance; /* the fence around lwIP's globals */

int mix_tcpip_from_lwip(err_t e) {
    switch (e) {
    case ERR_OK:
        return MIX_OK;
    case ERR_MEM:
    case ERR_BUF:
        return MIX_ERR_MEMORY;
    case ERR_RTE:
        return MIX_ERR_TCP_UNREACHABLE;
    case ERR_RST:
        return MIX_ERR_TCP_RESET;
    case ERR_ABRT:
    case ERR_TIMEOUT:
        return MIX_ERR_TCP_STALLED;
    case ERR_CONN:
    case ERR_CLSD:
        return MIX_ERR_STATE;
    default:
        return MIX_ERR_ARGUMENT;
    }
}

ip_addr_t mix_tcpip_to_lwip_address(const mix_address *a) {
    ip_addr_t out = {0};
    if (a->family == 6) {
        memcpy(ip_2_ip6(&out)->addr, a->octets, 16);
        IP_SET_TYPE_VAL(out, IPADDR_TYPE_V6);
    } else {
        memcpy(&ip_2_ip4(&out)->addr, a->octets, 4);
        IP_SET_TYPE_VAL(out, IPADDR_TYPE_V4);
    }
    return out;
}

mix_address mix_tcpip_from_lwip_address(const ip_addr_t *a, u16_t port) {
    mix_address out = {.family = IP_IS_V6(a) ? 6 : 4, .port = port};
    if (out.family == 6)
        memcpy(out.octets, ip_2_ip6(a)->addr, 16);
    else
        memcpy(out.octets, &ip_2_ip4(a)->addr, 4);
    return out;
}

static int take_config(mix_tcpip *t, const mix_tcpip_config *config) {
    mix_tcpip_config *c = &t->config;
    *c = *config;
    if (c->mtu == 0)
        c->mtu = 1420;
    if (c->queue_packets == 0)
        c->queue_packets = 32;
    if (c->connect_timeout == 0)
        c->connect_timeout = MIX_SECONDS(30);
    if (c->stall_timeout == 0)
        c->stall_timeout = MIX_SECONDS(60);
    if (c->round_trip == 0)
        c->round_trip = MIX_MS(400);
    bool four = c->ip4.family == 4, six = c->ip6.family == 6;
    if ((!four && c->ip4.family != 0) || (!six && c->ip6.family != 0) || (!four && !six))
        return MIX_ERR_ARGUMENT;
    if (c->mtu < (six ? 1280 : 576) || c->mtu > MIX_TCPIP_PACKET_MOST)
        return MIX_ERR_ARGUMENT;
    return MIX_OK;
}

static void interface_up(mix_tcpip *t) {
    ip4_addr_t none = {0}, four = {0};
    if (t->config.ip4.family == 4)
        memcpy(&four.addr, t->config.ip4.octets, 4);
    netif_add(&t->netif, &four, &none, &none, t, mix_tcpip_netif_init,
              ip_input); /* no mask: all is on the link */
    if (t->config.ip6.family == 6) {
        ip_addr_t six = mix_tcpip_to_lwip_address(&t->config.ip6);
        netif_ip6_addr_set(&t->netif, 0, ip_2_ip6(&six));
        netif_ip6_addr_set_state(&t->netif, 0, IP6_ADDR_PREFERRED);
    }
    netif_set_default(&t->netif);
    netif_set_link_up(&t->netif);
    netif_set_up(&t->netif);
}

int mix_tcpip_new(mix_tcpip **out, const mix_tcpip_config *config, const mix_env *env,
                  mix_time now) {
    static bool begun;
    *out = NULL;
    assert(!instance);
    mix_tcpip *t = mix_alloc_zero(1, sizeof *t);
    if (!t)
        return MIX_ERR_MEMORY;
    t->env = env;
    int status = take_config(t, config);
    if (status == MIX_OK)
        status = mix_random(env, t->secret, sizeof t->secret);
    if (status != MIX_OK) {
        mix_free(t);
        return status;
    }
    mix_queue_init(&t->out, 2 * t->config.queue_packets, SIZE_MAX);
    t->dirty_end = &t->dirty;
    t->now = now;
    t->fast_at = now + MIX_MS(TCP_TMR_INTERVAL);
    instance = t;
    mix_tcpip_advance(t, now);
    if (!begun)
        lwip_init();
    begun = true;
    interface_up(t);
    *out = t;
    return MIX_OK;
}

void mix_tcpip_free(mix_tcpip *t) {
    if (!t)
        return;
    t->silent = true;
    for (int i = 0; i < MIX_TCPIP_SOCKETS; i++)
        mix_tcpip_abort(t, i, t->now);
    while (tcp_active_pcbs) /* those that were being closed */
        tcp_abort(tcp_active_pcbs);
    while (tcp_tw_pcbs)
        tcp_abort(tcp_tw_pcbs);
    netif_remove(&t->netif);
    mix_queue_deinit(&t->out);
    instance = NULL;
    mix_free_wiped(t, sizeof *t);
}

socket *mix_tcpip_socket(const mix_tcpip *t, int number, mix_tcpip_kind kind) {
    if (number < 0 || number >= MIX_TCPIP_SOCKETS || !t->sockets[number])
        return NULL;
    socket *s = t->sockets[number];
    return kind == 0 || s->kind == kind ? s : NULL;
}

int mix_tcpip_open(mix_tcpip *t, int *out, mix_tcpip_kind kind, int family) {
    int number = 0;
    *out = -1;
    if ((kind != MIX_TCPIP_STREAM && kind != MIX_TCPIP_DATAGRAM) || (family != 4 && family != 6))
        return MIX_ERR_ARGUMENT;
    if ((family == 4 ? t->config.ip4.family : t->config.ip6.family) == 0)
        return MIX_ERR_IP_FAMILY;
    while (number < MIX_TCPIP_SOCKETS && t->sockets[number])
        number++;
    if (number == MIX_TCPIP_SOCKETS)
        return MIX_ERR_SOCKET_LIMIT;
    socket *s = mix_alloc_zero(1, sizeof *s);
    if (!s)
        return MIX_ERR_MEMORY;
    *s = (socket){.number = number, .kind = kind, .family = family, .datagrams_end = &s->datagrams};
    int status =
        kind == MIX_TCPIP_STREAM ? mix_tcpip_stream_open(t, s) : mix_tcpip_datagram_open(t, s);
    if (status != MIX_OK) {
        mix_free(s);
        return status;
    }
    t->sockets[number] = s;
    t->stats.sockets++;
    *out = number;
    return MIX_OK;
}

int mix_tcpip_connect(mix_tcpip *t, int number, const mix_address *to, mix_time now) {
    socket *s = mix_tcpip_socket(t, number, 0);
    if (!s || to->family != s->family || to->port == 0)
        return MIX_ERR_ARGUMENT;
    mix_tcpip_advance(t, now);
    return s->kind == MIX_TCPIP_STREAM ? mix_tcpip_stream_connect(t, s, to)
                                       : mix_tcpip_datagram_connect(t, s, to);
}

static void forget(mix_tcpip *t, socket *s) {
    for (socket **at = &t->dirty; *at; at = &(*at)->next_dirty)
        if (*at == s) {
            *at = s->next_dirty;
            break;
        }
    t->dirty_end = &t->dirty;
    while (*t->dirty_end)
        t->dirty_end = &(*t->dirty_end)->next_dirty;
    t->sockets[s->number] = NULL;
    t->stats.sockets--;
    mix_free(s);
}

static void end(mix_tcpip *t, int number, bool reset, mix_time now) {
    socket *s = mix_tcpip_socket(t, number, 0);
    if (!s)
        return;
    if (!t->silent)
        mix_tcpip_advance(t, now);
    if (s->kind == MIX_TCPIP_STREAM)
        mix_tcpip_stream_close(t, s, reset);
    else
        mix_tcpip_datagram_close(s);
    forget(t, s);
}

void mix_tcpip_close(mix_tcpip *t, int number, mix_time now) {
    end(t, number, false, now);
}

void mix_tcpip_abort(mix_tcpip *t, int number, mix_time now) {
    end(t, number, true, now);
}

void mix_tcpip_changed(mix_tcpip *t, socket *s) {
    if (s->dirty)
        return;
    s->dirty = true;
    s->next_dirty = NULL;
    *t->dirty_end = s;
    t->dirty_end = &s->next_dirty;
}

void mix_tcpip_fail(mix_tcpip *t, socket *s, int status) {
    struct tcp_pcb *pcb = s->tcp;
    if (s->kind == MIX_TCPIP_STREAM && !pcb && !s->connecting)
        return;
    s->tcp = NULL;
    s->connecting = false;
    if (pcb) {
        tcp_arg(pcb, NULL);
        tcp_err(pcb, NULL);
        tcp_abandon(pcb, status != MIX_ERR_IPR_REFUSED); /* a reset would be refused as well */
    }
    s->status = status;
    mix_tcpip_changed(t, s);
}

void mix_tcpip_refuse(mix_tcpip *t, const mix_address *to, int status, mix_time now) {
    mix_tcpip_advance(t, now);
    for (int i = 0; i < MIX_TCPIP_SOCKETS; i++) {
        socket *s = t->sockets[i];
        if (!s || s->remote.family != to->family ||
            memcmp(s->remote.octets, to->octets, sizeof to->octets) != 0)
            continue;
        if (to->port == 0 || to->port == s->remote.port)
            mix_tcpip_fail(t, s, status);
    }
}

void mix_tcpip_set_round_trip(mix_tcpip *t, mix_time round_trip) {
    if (round_trip > 0)
        t->config.round_trip = round_trip;
}

int mix_tcpip_next(mix_tcpip *t, mix_tcpip_event *ev) {
    while (t->dirty) {
        socket *s = t->dirty;
        t->dirty = s->next_dirty;
        if (!t->dirty)
            t->dirty_end = &t->dirty;
        s->dirty = false;
        unsigned ready = mix_tcpip_ready(t, s->number);
        /* New data on a socket that was readable before is news too: the reader may have taken what
         * was there. */
        if (ready == s->given && !(ready & (MIX_TCPIP_READABLE | MIX_TCPIP_WRITABLE)))
            continue;
        s->given = ready;
        *ev = (mix_tcpip_event){.socket = s->number, .ready = ready, .status = s->status};
        return MIX_OK;
    }
    return MIX_DONE;
}

int mix_tcpip_status(const mix_tcpip *t, int number) {
    const socket *s = mix_tcpip_socket(t, number, 0);
    return s ? s->status : MIX_ERR_ARGUMENT;
}

mix_tcpip_kind mix_tcpip_kind_of(const mix_tcpip *t, int number) {
    const socket *s = mix_tcpip_socket(t, number, 0);
    return s ? s->kind : (mix_tcpip_kind)0;
}

unsigned mix_tcpip_ready(const mix_tcpip *t, int number) {
    const socket *s = mix_tcpip_socket(t, number, 0);
    if (!s)
        return 0;
    unsigned failed =
        s->status != MIX_OK ? MIX_TCPIP_FAILED | MIX_TCPIP_READABLE | MIX_TCPIP_WRITABLE : 0;
    if (s->kind == MIX_TCPIP_DATAGRAM)
        return failed | (s->datagrams ? MIX_TCPIP_READABLE : 0u) |
               (t->held ? 0u : MIX_TCPIP_WRITABLE);
    unsigned ready = failed | (s->first || s->ended ? MIX_TCPIP_READABLE : 0u);
    ready |=
        (s->connected && s->tcp ? MIX_TCPIP_CONNECTED : 0u) | (s->ended ? MIX_TCPIP_ENDED : 0u);
    if (s->connected && s->tcp && !s->shut && tcp_sndbuf(s->tcp) > TCP_SNDLOWAT &&
        tcp_sndqueuelen(s->tcp) < TCP_SND_QUEUELEN - TCP_SNDQUEUELOWAT)
        ready |= MIX_TCPIP_WRITABLE;
    return ready;
}

int mix_tcpip_local(const mix_tcpip *t, int number, mix_address *out) {
    const socket *s = mix_tcpip_socket(t, number, 0);
    if (!s)
        return MIX_ERR_ARGUMENT;
    if (s->local.family == 0)
        return MIX_ERR_STATE;
    *out = s->local;
    return MIX_OK;
}

int mix_tcpip_remote(const mix_tcpip *t, int number, mix_address *out) {
    const socket *s = mix_tcpip_socket(t, number, 0);
    if (!s)
        return MIX_ERR_ARGUMENT;
    if (s->remote.family == 0 || s->connecting)
        return MIX_ERR_STATE;
    *out = s->remote;
    return MIX_OK;
}

void mix_tcpip_get_stats(const mix_tcpip *t, mix_tcpip_stats *out) {
    *out = t->stats;
    out->connections = 0;
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
        out->connections++;
}
