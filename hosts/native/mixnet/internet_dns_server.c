/* SPDX-License-Identifier: Apache-2.0 */
/* Names over TCP (RFC 7766) on a loopback port: the exit's clients are led here by a forward. */
#include "internet_dns.h"

#include "base/alloc.h"

enum { CLIENTS_MAX = 64, QUESTION_MAX = 1024, UNREAD_MAX = 65536, IDLE_MS = 10000, BACKLOG = 64 };

typedef struct dns_client {
    uv_tcp_t stream;
    uv_timer_t idle;
    dns_server *server;
    struct dns_client *next;
    unsigned handles;
    size_t len; /* in bytes[] */
    uint8_t bytes[2 + QUESTION_MAX];
} dns_client;

typedef struct answer {
    uv_write_t write;
    uint8_t bytes[2 + DNS_ANSWER_MAX];
} answer;

struct dns_server {
    uv_tcp_t listener;
    const dns_names *names;
    dns_client *clients;
    size_t count;
    uint16_t port;
    bool listening, closing;
    dns_server_stats stats;
    void (*closed)(void *user);
    void *user;
};

static void maybe_closed(dns_server *s) {
    if (s->closing && !s->listening && !s->clients && s->closed)
        s->closed(s->user);
}

static void on_client_closed(uv_handle_t *handle) {
    dns_client *c = handle->data;
    if (--c->handles > 0)
        return;
    dns_server *s = c->server;
    dns_client **at = &s->clients;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    s->count--;
    mix_free(c);
    maybe_closed(s);
}

static void close_client(dns_client *c) {
    if (!uv_is_closing((uv_handle_t *)&c->stream))
        uv_close((uv_handle_t *)&c->stream, on_client_closed);
    if (!uv_is_closing((uv_handle_t *)&c->idle))
        uv_close((uv_handle_t *)&c->idle, on_client_closed);
}

static void on_idle(uv_timer_t *timer) {
    close_client(timer->data);
}

static void on_written(uv_write_t *write, int status) {
    if (status < 0 && status != UV_ECANCELED)
        close_client(write->data);
    mix_free((answer *)(void *)write); /* its first member */
}

static bool send_answer(dns_client *c, mix_bytes question) {
    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->stream) > UNREAD_MAX)
        return false; /* asks and does not read */
    answer *a = mix_alloc_zero(1, sizeof *a);
    if (!a)
        return false;
    mix_buf out = mix_buf_fixed(a->bytes + 2, DNS_ANSWER_MAX);
    if (dns_answer(c->server->names, &out, question, false) != MIX_OK) {
        c->server->stats.bad++;
        mix_free(a);
        return false;
    }
    c->server->stats.answers++;
    mix_put_u16(a->bytes, (uint16_t)out.len);
    a->write.data = c;
    uv_buf_t buf = uv_buf_init((char *)a->bytes, (unsigned)(2 + out.len));
    if (uv_write(&a->write, (uv_stream_t *)&c->stream, &buf, 1, on_written) != 0) {
        mix_free(a);
        return false;
    }
    return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    dns_client *c = handle->data;
    *buf = uv_buf_init((char *)c->bytes + c->len, (unsigned)(sizeof c->bytes - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    (void)buf;
    dns_client *c = stream->data;
    if (n < 0) {
        close_client(c);
        return;
    }
    c->len += (size_t)n;
    while (c->len >= 2) {
        size_t want = mix_get_u16(c->bytes);
        if (want > QUESTION_MAX) {
            c->server->stats.bad++;
            close_client(c);
            return;
        }
        if (c->len < 2 + want)
            break;
        if (!send_answer(c, mix_bytes_of(c->bytes + 2, want))) {
            close_client(c);
            return;
        }
        c->len -= 2 + want;
        memmove(c->bytes, c->bytes + 2 + want, c->len);
        uv_timer_again(&c->idle);
    }
}

static void on_connection(uv_stream_t *listener, int status) {
    dns_server *s = listener->data;
    dns_client *c = status == 0 ? mix_alloc_zero(1, sizeof *c) : NULL;
    if (!c)
        return;
    *c = (dns_client){.server = s, .next = s->clients, .handles = 2};
    s->clients = c;
    s->count++;
    uv_tcp_init(listener->loop, &c->stream);
    uv_timer_init(listener->loop, &c->idle);
    c->stream.data = c->idle.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->stream) != 0 || s->count > CLIENTS_MAX ||
        uv_timer_start(&c->idle, on_idle, IDLE_MS, IDLE_MS) != 0 ||
        uv_read_start((uv_stream_t *)&c->stream, on_alloc, on_read) != 0)
        close_client(c);
    else
        uv_tcp_nodelay(&c->stream, 1);
}

int dns_server_new(dns_server **out, uv_loop_t *loop, const dns_names *names, mix_error *e) {
    dns_server *s = mix_alloc_zero(1, sizeof *s);
    if (!s)
        return mix_error_note(e, MIX_ERR_MEMORY, "internet", 0, "no memory for the DNS server");
    s->names = names;
    *out = s; /* also on failure: what is half open is closed by the caller's close */
    int rc = uv_tcp_init(loop, &s->listener);
    if (rc == 0) {
        s->listening = true;
        s->listener.data = s;
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        rc = uv_tcp_bind(&s->listener, (const struct sockaddr *)&any, 0);
    }
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
    struct sockaddr_in bound = {0};
    int len = sizeof bound;
    if (rc == 0)
        rc = uv_tcp_getsockname(&s->listener, (struct sockaddr *)&bound, &len);
    if (rc != 0)
        return mix_error_note(e, MIX_ERR_LISTEN, "internet", rc,
                              "no loopback port for DNS over TCP: %s", uv_strerror(rc));
    s->port = ntohs(bound.sin_port);
    return MIX_OK;
}

uint16_t dns_server_port(const dns_server *s) {
    return s->port;
}

const dns_server_stats *dns_server_stats_of(const dns_server *s) {
    return &s->stats;
}

static void on_listener_closed(uv_handle_t *handle) {
    dns_server *s = handle->data;
    s->listening = false;
    maybe_closed(s);
}

void dns_server_close(dns_server *s, void (*closed)(void *user), void *user) {
    s->closing = true;
    s->closed = closed;
    s->user = user;
    for (dns_client *c = s->clients; c; c = c->next)
        close_client(c);
    if (s->listening)
        uv_close((uv_handle_t *)&s->listener, on_listener_closed);
    else
        maybe_closed(s);
}

void dns_server_free(dns_server *s) {
    mix_free(s);
}
