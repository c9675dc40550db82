/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS's UDP: a client's datagrams through UDP sockets of the tunnel, and what comes back. What
 * cannot be sent is dropped, as networks do; nothing goes by the host's own network. */
#include "proxy/connection.h"

#include "address.h"
#include "base/alloc.h"
#include "env.h"
#include "mix/dns.h"

enum { LOOKUPS = 16, DATAGRAM_MOST = 65535 };

/* A datagram to a name, until the name is known. */
typedef struct waiting {
    bool used;
    uint32_t lookup;
    uint16_t port;
    mix_buf payload;
} waiting;

typedef struct association {
    uv_udp_t udp;
    bool blocked;
    mix_address client;  /* where its datagrams come from; port 0: not known yet */
    uint32_t sockets[2]; /* of the tunnel, IPv4 and IPv6 */
    bool has[2];
    mix_buf held; /* what the tunnel does not take now */
    mix_endpoint held_for;
    waiting waiting[LOOKUPS];
} association;

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    connection *c = handle->data;
    (void)suggested;
    *out = uv_buf_init((char *)c->proxy->buffer, sizeof c->proxy->buffer);
}

/* ---- to the tunnel ---- */

static bool has_socket(connection *c, int at) {
    association *a = c->association;
    if (!a->has[at])
        a->has[at] = mix_tunnel_udp(client_tunnel(c->proxy->client), &a->sockets[at], at ? 6 : 4,
                                    host_now()) == MIX_OK;
    return a->has[at];
}

/* The tunnel's socket is of no use any more; the next datagram gets another. */
static void drop_socket(connection *c, int at) {
    association *a = c->association;
    if (a->has[at])
        mix_tunnel_socket_close(client_tunnel(c->proxy->client), a->sockets[at], false, host_now());
    a->has[at] = false;
}

/* Errors that an earlier datagram caused are told once, those of a lost socket again and again. */
static int try_to_send(connection *c, const mix_endpoint *to, mix_bytes payload) {
    association *a = c->association;
    int at = to->family == 6, status = MIX_ERR_IP_FAMILY;
    for (int i = 0; i < 3 && has_socket(c, at); i++) {
        status = mix_tunnel_udp_send(client_tunnel(c->proxy->client), a->sockets[at], to,
                                     payload.data, payload.len, host_now());
        if (status >= 0 || status == MIX_ERR_DATAGRAM_SIZE || status == MIX_ERR_ARGUMENT)
            break;
        if (i == 1)
            drop_socket(c, at);
    }
    return status;
}

static void send_on(connection *c, const mix_endpoint *to, mix_bytes payload) {
    association *a = c->association;
    if (try_to_send(c, to, payload) != MIX_BLOCKED || a->blocked)
        return;
    a->held_for = *to;
    mix_buf_put_bytes(&a->held, payload);
    a->blocked = mix_buf_status(&a->held) == MIX_OK;
    if (a->blocked)
        uv_udp_recv_stop(&a->udp);
}

static mix_endpoint endpoint_of(const mix_address *number, uint16_t port) {
    mix_endpoint out = {.family = number->family, .port = port};
    memcpy(out.octets, number->octets, sizeof out.octets);
    return out;
}

static void look_up(connection *c, const socks_target *to, mix_bytes payload) {
    association *a = c->association;
    for (size_t i = 0; i < LOOKUPS; i++) {
        waiting *w = &a->waiting[i];
        if (w->used)
            continue;
        w->port = to->number.port;
        mix_buf_put_bytes(&w->payload, payload);
        w->used = mix_buf_status(&w->payload) == MIX_OK &&
                  mix_tunnel_lookup(client_tunnel(c->proxy->client), &w->lookup, to->host,
                                    MIX_LOOKUP_IP4 | MIX_LOOKUP_IP6, host_now()) == MIX_OK;
        if (!w->used)
            mix_buf_deinit(&w->payload);
        return;
    }
}

/* The first IPv4 address, else the first. */
static bool choose(const mix_dns_answer *answer, mix_address *out) {
    bool found = false;
    for (size_t i = 0; i < answer->count; i++) {
        mix_address one;
        if (mix_ip_parse(&one, mix_bytes_str(answer->records[i].text)) != MIX_OK)
            continue;
        if (!found || (one.family == 4 && out->family == 6))
            *out = one;
        found = true;
    }
    return found;
}

static void on_looked_up(connection *c, waiting *w, const mix_dns_answer *answer) {
    mix_address number;
    mix_buf payload = w->payload;
    bool found = answer && answer->status == MIX_OK && choose(answer, &number);
    w->used = false;
    w->payload = (mix_buf){0};
    if (found) {
        mix_endpoint to = endpoint_of(&number, w->port);
        send_on(c, &to, mix_buf_bytes(&payload));
    }
    mix_buf_deinit(&payload);
}

/* Only the client itself is heard: its address, and the port that it named or first sent from. */
static bool is_client(association *a, const mix_address *from) {
    if (from->family != a->client.family || memcmp(from->octets, a->client.octets, 16) != 0)
        return false;
    if (a->client.port == 0)
        a->client.port = from->port;
    return a->client.port == from->port;
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buffer,
                        const struct sockaddr *from, unsigned flags) {
    connection *c = udp->data;
    socks_target to;
    mix_bytes payload;
    if (n < 0 || !from || (flags & UV_UDP_PARTIAL))
        return;
    mix_address sender = host_address(from);
    if (!is_client(c->association, &sender) ||
        socks_read_datagram(mix_bytes_of(buffer->base, (size_t)n), &to, &payload) != MIX_OK ||
        to.number.port == 0)
        return;
    mix_endpoint number = endpoint_of(&to.number, to.number.port);
    if (to.by_name)
        look_up(c, &to, payload);
    else
        send_on(c, &number, payload);
    client_wake(c->proxy->client);
}

/* ---- from the tunnel ---- */

static void receive(connection *c, int at) {
    association *a = c->association;
    uint8_t *buffer = c->proxy->buffer;
    mix_tunnel *t = client_tunnel(c->proxy->client);
    mix_endpoint from;
    size_t got;
    for (int failures = 0; a->has[at];) {
        int status =
            mix_tunnel_udp_receive(t, a->sockets[at], &from, buffer + SOCKS_DATAGRAM_HEAD_MOST,
                                   PROXY_BUFFER - SOCKS_DATAGRAM_HEAD_MOST, &got, host_now());
        if (status == MIX_DONE)
            return;
        if (status != MIX_OK && failures++ > 0)
            drop_socket(c, at);
        if (status != MIX_OK)
            continue;
        failures = 0;
        uint8_t head[SOCKS_DATAGRAM_HEAD_MOST];
        mix_buf out = mix_buf_fixed(head, sizeof head);
        mix_address sender = {.family = from.family, .port = from.port};
        memcpy(sender.octets, from.octets, sizeof sender.octets);
        socks_write_datagram_head(&out, &sender);
        uv_buf_t pieces[2] = {
            uv_buf_init((char *)head, (unsigned)out.len),
            uv_buf_init((char *)buffer + SOCKS_DATAGRAM_HEAD_MOST, (unsigned)got)};
        struct sockaddr_storage to;
        host_sockaddr(&to, &a->client);
        if (a->client.port != 0)
            (void)uv_udp_try_send(&a->udp, pieces, 2, (const struct sockaddr *)&to);
    }
}

/* The tunnel takes datagrams again. */
static void unblock(connection *c) {
    association *a = c->association;
    mix_buf held = a->held;
    if (!a->blocked)
        return;
    a->blocked = false;
    a->held = (mix_buf){0};
    send_on(c, &a->held_for, mix_buf_bytes(&held));
    mix_buf_deinit(&held);
    if (!a->blocked)
        (void)uv_udp_recv_start(&a->udp, give_buffer, on_datagram);
}

bool associate_event(connection *c, const mix_tunnel_event *ev) {
    association *a = c->association;
    for (size_t i = 0; ev->kind == MIX_TUNNEL_EVENT_DNS && i < LOOKUPS; i++) {
        if (a->waiting[i].used && a->waiting[i].lookup == ev->id) {
            on_looked_up(c, &a->waiting[i], ev->dns);
            return true;
        }
    }
    for (int at = 0; ev->kind == MIX_TUNNEL_EVENT_SOCKET && at < 2; at++) {
        if (!a->has[at] || a->sockets[at] != ev->id)
            continue;
        bool is_lost = ev->what & MIX_SOCKET_FAILED, takes = ev->what & MIX_SOCKET_WRITABLE;
        if (ev->what & MIX_SOCKET_READABLE)
            receive(c, at);
        if (is_lost)
            drop_socket(c, at);
        if (is_lost || takes)
            unblock(c);
        client_wake(c->proxy->client);
        return true;
    }
    return false;
}

/* ---- life ---- */

static void on_freed(uv_handle_t *handle) {
    connection *c = handle->data;
    connection_release(c);
}

bool associate_begin(connection *c, const socks_target *from, mix_address *bound) {
    struct sockaddr_storage near, peer, at;
    int near_size = sizeof near, peer_size = sizeof peer, at_size = sizeof at;
    association *a = mix_alloc_zero(1, sizeof *a);
    if (!a)
        return false;
    if (uv_udp_init(c->proxy->loop, &a->udp) != 0) {
        mix_free(a);
        return false;
    }
    a->udp.data = c;
    c->association = a;
    c->handles++;
    if (uv_tcp_getsockname(&c->tcp, (struct sockaddr *)&near, &near_size) != 0 ||
        uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&peer, &peer_size) != 0)
        return false;
    mix_address here = host_address((const struct sockaddr *)&near);
    here.port = 0;
    host_sockaddr(&at, &here);
    if (uv_udp_bind(&a->udp, (const struct sockaddr *)&at, 0) != 0 ||
        uv_udp_getsockname(&a->udp, (struct sockaddr *)&at, &at_size) != 0)
        return false;
    a->client = host_address((const struct sockaddr *)&peer);
    a->client.port = from->by_name ? 0 : from->number.port;
    *bound = host_address((const struct sockaddr *)&at);
    return uv_udp_recv_start(&a->udp, give_buffer, on_datagram) == 0;
}

void associate_close(connection *c) {
    association *a = c->association;
    mix_tunnel *t = client_tunnel(c->proxy->client);
    if (!a)
        return;
    drop_socket(c, 0);
    drop_socket(c, 1);
    for (size_t i = 0; i < LOOKUPS; i++)
        if (a->waiting[i].used)
            mix_tunnel_lookup_cancel(t, a->waiting[i].lookup);
    uv_close((uv_handle_t *)&a->udp, on_freed);
}

void associate_free(connection *c) {
    association *a = c->association;
    if (!a)
        return;
    mix_buf_deinit(&a->held);
    for (size_t i = 0; i < LOOKUPS; i++)
        mix_buf_deinit(&a->waiting[i].payload);
    mix_free(a);
    c->association = NULL;
}
