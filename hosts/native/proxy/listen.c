/* SPDX-License-Identifier: Apache-2.0 */
/* The listener, and which connection an event of the tunnel is for. */
#include "proxy/connection.h"

#include "address.h"
#include "base/alloc.h"
#include "crypto/crypto.h"
#include "proxy/http_head.h"
#include "proxy/http_text.h"

/* The first byte tells SOCKS from HTTP. */
static bool step_first(connection *c) {
    if (c->in.len == 0) {
        if (c->client_ended)
            connection_end(c, false);
        return false;
    }
    if (c->in.data[0] == 4) {
        socks_write_version4_refusal(&c->out);
        connection_finish(c);
        return true;
    }
    if (c->in.data[0] == SOCKS_VERSION)
        c->step = socks_step;
    else if (http_blank(mix_buf_bytes(&c->in)) > 0 || http_is_token(mix_bytes_of(c->in.data, 1)))
        c->step = http_step;
    else
        connection_end(c, false);
    return c->step != NULL;
}

static void accept_one(proxy *p) {
    connection *c = mix_alloc_zero(1, sizeof *c);
    if (!c)
        return; /* the client waits */
    uv_tcp_init(p->loop, &c->tcp);
    uv_timer_init(p->loop, &c->timer);
    c->tcp.data = c->timer.data = c;
    c->handles = 2;
    c->proxy = p;
    c->next = p->first;
    if (p->first)
        p->first->previous = c;
    p->first = c;
    p->count++;
    c->step = step_first;
    p->waits = false;
    if (uv_accept((uv_stream_t *)&p->server, (uv_stream_t *)&c->tcp) != 0) {
        connection_end(c, false);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, 60);
    connection_deadline(c, PROXY_HANDSHAKE_MS);
    connection_turn(c);
}

/* The client that came first of those that only may have another request. */
static connection *oldest_kept(const proxy *p) {
    connection *found = NULL;
    for (connection *c = p->first; c; c = c->next)
        if (c->kept && c->in.len == 0 && connection_is_sent(c))
            found = c;
    return found;
}

void proxy_accept(proxy *p) {
    connection *idle;
    if (!p->waits || !p->ready)
        return;
    if (p->count < PROXY_CONNECTIONS)
        accept_one(p);
    else if ((idle = oldest_kept(p)) != NULL)
        connection_end(idle, false); /* and when it is gone, again */
}

static void on_connection(uv_stream_t *server, int status) {
    proxy *p = server->data;
    if (status < 0)
        return;
    p->waits = true;
    proxy_accept(p);
}

int proxy_listen(proxy *p, const mix_address *at, mix_address *bound) {
    struct sockaddr_storage address;
    int size = sizeof address;
    host_sockaddr(&address, at);
    uv_tcp_init(p->loop, &p->server);
    p->server.data = p;
    p->listens = true;
    int status = uv_tcp_bind(&p->server, (const struct sockaddr *)&address, 0);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&p->server, 128, on_connection);
    if (status == 0)
        status = uv_tcp_getsockname(&p->server, (struct sockaddr *)&address, &size);
    if (status == 0)
        *bound = host_address((const struct sockaddr *)&address);
    return status;
}

void proxy_close(proxy *p) {
    if (p->listens)
        uv_close((uv_handle_t *)&p->server, NULL);
    p->listens = false;
    while (p->first)
        connection_end(p->first, true);
}

void proxy_event(void *user, const mix_tunnel_event *ev) {
    proxy *p = user;
    if (ev->kind == MIX_TUNNEL_EVENT_STATE && ev->state == MIX_TUNNEL_FAILED) {
        p->failure = ev->failure.code;
        if (p->ready)
            uv_stop(p->loop);
    }
    if (ev->kind != MIX_TUNNEL_EVENT_SOCKET && ev->kind != MIX_TUNNEL_EVENT_DNS)
        return;
    for (connection *c = p->first; c; c = c->next) {
        if (c->association && associate_event(c, ev))
            return;
        if (ev->kind != MIX_TUNNEL_EVENT_SOCKET || !c->has_socket || c->socket != ev->id)
            continue;
        c->connected |= (ev->what & MIX_SOCKET_CONNECTED) != 0;
        if (ev->what & MIX_SOCKET_FAILED) {
            c->failed = true;
            c->failure = ev->failure;
        }
        connection_turn(c);
        return;
    }
}

/* ---- credentials ---- */

static void pack(uint8_t *out, mix_bytes text) {
    out[0] = (uint8_t)text.len;
    if (text.len > 0)
        memcpy(out + 1, text.data, text.len);
}

void credentials_pack(uint8_t out[static PROXY_CREDENTIALS], mix_bytes user, mix_bytes password) {
    memset(out, 0, PROXY_CREDENTIALS);
    pack(out, mix_bytes_slice(user, 0, 255));
    pack(out + 256, mix_bytes_slice(password, 0, 255));
}

bool credentials_match(const proxy *p, mix_bytes user, mix_bytes password) {
    uint8_t given[PROXY_CREDENTIALS];
    credentials_pack(given, user, password);
    bool same = mix_equal(given, p->credentials, sizeof given);
    mix_wipe(given, sizeof given);
    return same && user.len < 256 && password.len < 256;
}
