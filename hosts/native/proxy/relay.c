/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes both ways between a client and its stream through the tunnel. Each side reads only what the
 * other takes; when one ends, the other goes on. */
#include "proxy/connection.h"

#include "env.h"

/* A half-closed connection has a time limit, from its last movement on. */
static bool moved(connection *c) {
    if (c->up_done || c->down_done)
        connection_deadline(c, PROXY_HALF_MS);
    return true;
}

static bool up(connection *c) {
    mix_tunnel *t = client_tunnel(c->proxy->client);
    size_t taken = 0;
    if (c->up_done) {
        mix_buf_truncate(&c->in, 0);
        return false;
    }
    if (c->in.len == 0) {
        if (!c->client_ended)
            return false;
        (void)mix_tunnel_socket_shutdown(t, c->socket, host_now());
        c->up_done = true;
        return moved(c);
    }
    int status = mix_tunnel_socket_write(t, c->socket, c->in.data, c->in.len, &taken, host_now());
    if (status == MIX_BLOCKED)
        return false;
    if (status != MIX_OK) { /* reading tells how it ended, after what came before */
        c->up_done = true;
        return moved(c);
    }
    mix_buf_consume(&c->in, taken);
    return moved(c);
}

static bool down(connection *c) {
    proxy *p = c->proxy;
    size_t got = 0;
    if (c->down_done || !connection_is_sent(c))
        return false;
    int status = mix_tunnel_socket_read(client_tunnel(p->client), c->socket, p->buffer,
                                        sizeof p->buffer, &got, host_now());
    if (status == MIX_DONE)
        return false;
    if (status != MIX_OK) {
        connection_note(c, mix_error_text(status));
        connection_end(c, true);
        return false;
    }
    mix_buf_put(&c->out, p->buffer, got);
    c->down_done = got == 0;
    if (c->down_done)
        connection_shut(c);
    return c->step && moved(c);
}

static bool step_relay(connection *c) {
    bool has_moved = up(c);
    has_moved |= down(c);
    if (!c->step)
        return false;
    if (!has_moved && c->up_done && c->down_done && c->shut)
        connection_end(c, false);
    return has_moved;
}

void relay_begin(connection *c) {
    connection_deadline(c, 0);
    c->up_done = c->down_done = false;
    c->step = step_relay;
}
