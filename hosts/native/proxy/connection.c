/* SPDX-License-Identifier: Apache-2.0 */
/* A client's connection: its bytes, its time limit, its end. */
#include "proxy/connection.h"

#include "base/alloc.h"
#include "env.h"

#include <stdio.h>

void connection_release(connection *c) {
    proxy *p = c->proxy;
    if (--c->handles > 0)
        return;
    associate_free(c);
    http_free(c);
    mix_buf_deinit_wiped(&c->in); /* passwords may have been in them */
    mix_buf_deinit(&c->out);
    mix_buf_deinit(&c->sending);
    mix_free(c);
    p->count--;
    if (p->waits && p->listens)
        proxy_accept(p);
}

static void on_freed(uv_handle_t *handle) {
    connection_release(handle->data);
}

void connection_end(connection *c, bool reset) {
    if (!c->step)
        return;
    c->step = NULL;
    connection_hang_up(c, reset);
    *(c->previous ? &c->previous->next : &c->proxy->first) = c->next;
    if (c->next)
        c->next->previous = c->previous;
    associate_close(c);
    uv_close((uv_handle_t *)&c->timer, on_freed);
    if (!reset || uv_tcp_close_reset(&c->tcp, on_freed) != 0)
        uv_close((uv_handle_t *)&c->tcp, on_freed);
}

static void on_deadline(uv_timer_t *timer) {
    connection_end(timer->data, false);
}

void connection_deadline(connection *c, uint64_t ms) {
    if (ms == 0)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_deadline, ms, 0);
}

/* ---- to the client ---- */

static void on_written(uv_write_t *request, int status) {
    connection *c = request->data;
    if (!c->step)
        return;
    c->writing = false;
    mix_buf_deinit(&c->sending);
    if (status < 0)
        connection_end(c, true);
    else
        connection_turn(c);
}

static void flush(connection *c) {
    if (c->writing || c->out.len == 0)
        return;
    c->sending = c->out;
    c->out = (mix_buf){0};
    uv_buf_t piece = uv_buf_init((char *)c->sending.data, (unsigned)c->sending.len);
    c->write.data = c;
    c->writing = true;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &piece, 1, on_written) != 0)
        connection_end(c, true);
}

bool connection_is_sent(const connection *c) {
    return !c->writing && c->out.len == 0;
}

static bool step_linger(connection *c) {
    mix_buf_truncate(&c->in, 0);
    if (c->client_ended)
        connection_end(c, false);
    return false;
}

static void on_shut(uv_shutdown_t *request, int status) {
    connection *c = request->handle->data;
    (void)status; /* an error shows when reading */
    c->shut = true;
    if (c->step)
        connection_turn(c);
}

void connection_shut(connection *c) {
    if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shut) != 0)
        connection_end(c, true);
}

static bool step_finish(connection *c) {
    mix_buf_truncate(&c->in, 0);
    if (!connection_is_sent(c))
        return false;
    c->step = step_linger;
    connection_shut(c);
    return true;
}

void connection_finish(connection *c) {
    if (!c->step)
        return;
    connection_deadline(c, PROXY_LINGER_MS);
    c->step = step_finish;
}

/* ---- from the client ---- */

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    connection *c = handle->data;
    (void)suggested;
    *out = uv_buf_init((char *)c->proxy->buffer, sizeof c->proxy->buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    connection *c = stream->data;
    if (n == 0)
        return;
    if (n > 0)
        mix_buf_put(&c->in, buffer->base, (size_t)n);
    else if (n == UV_EOF)
        c->client_ended = true;
    if ((n < 0 && n != UV_EOF) || mix_buf_status(&c->in) != MIX_OK)
        connection_end(c, true);
    else
        connection_turn(c);
}

static void set_reading(connection *c) {
    bool wants = c->in.len < PROXY_BUFFER && !c->client_ended;
    if (wants == c->reading)
        return;
    c->reading = wants;
    if (wants)
        (void)uv_read_start((uv_stream_t *)&c->tcp, give_buffer, on_read);
    else
        (void)uv_read_stop((uv_stream_t *)&c->tcp);
}

void connection_turn(connection *c) {
    if (c->turning)
        return;
    c->turning = true;
    while (c->step && c->step(c))
        continue;
    c->turning = false;
    client_wake(c->proxy->client);
    if (c->step && (mix_buf_status(&c->in) != MIX_OK || mix_buf_status(&c->out) != MIX_OK))
        connection_end(c, true);
    if (!c->step)
        return;
    if (c->in.len == 0)
        mix_buf_deinit_wiped(&c->in); /* an idle client costs nothing */
    flush(c);
    if (c->step)
        set_reading(c);
}

/* ---- through the tunnel ---- */

void connection_open(connection *c, const char *host, uint16_t port) {
    connection_hang_up(c, false);
    if (host != c->host)
        snprintf(c->host, sizeof c->host, "%s", host);
    c->port = port;
    c->connected = c->failed = false;
    c->failure = (mix_failure){0};
    int status = mix_tunnel_connect(client_tunnel(c->proxy->client), &c->socket, c->host, port, 0,
                                    host_now());
    c->has_socket = status == MIX_OK;
    if (status == MIX_OK)
        return;
    c->failed = true;
    c->failure.code = status;
}

void connection_hang_up(connection *c, bool reset) {
    if (c->has_socket)
        mix_tunnel_socket_close(client_tunnel(c->proxy->client), c->socket, reset, host_now());
    c->has_socket = c->connected = false;
}

const char *connection_target(const connection *c, char out[static 288]) {
    bool is_ip6 = strchr(c->host, ':') != NULL;
    snprintf(out, 288, "%s%s%s:%u", is_ip6 ? "[" : "", c->host, is_ip6 ? "]" : "", c->port);
    return out;
}

void connection_note(const connection *c, const char *what) {
    char target[288];
    if (c->proxy->verbose)
        fprintf(stderr, "lwmix proxy: %s: %s\n", connection_target(c, target), what);
}
