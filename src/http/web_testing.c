/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "http/web_testing.h"

#include "mix/errors.h"
#include "sockets/sockets.h"

#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

enum { STREAMS = 1024 }; /* on one connection, in all */

struct web_conn {
    web *web;
    far_conn *far;
    SSL *ssl; /* NULL: plain */
    BIO *in, *out;
    mix_buf text; /* HTTP/1.1: received */
    nghttp2_session *h2;
    web_request *streams[STREAMS];
    size_t stream_count;
    bool raw, seen, closed;
};

static void flush_tls(web_conn *c) {
    char *data;
    long n = BIO_get_mem_data(c->out, &data);
    if (n > 0) {
        far_write(c->far, mix_bytes_of(data, (size_t)n));
        (void)BIO_reset(c->out);
    }
}

void web_send(web_conn *c, mix_bytes data) {
    if (!c->far)
        return;
    if (!c->ssl) {
        far_write(c->far, data);
        return;
    }
    if (data.len > 0)
        SSL_write(c->ssl, data.data, (int)data.len);
    flush_tls(c);
}

void web_close(web_conn *c) {
    c->closed = true;
    if (c->far)
        far_end(c->far);
}

void web_reset(web_conn *c) {
    if (c->far)
        far_reset(c->far);
}

const char *web_header(const web_request *r, const char *name, char *out, size_t cap) {
    size_t n = strlen(name);
    const char *at = (const char *)r->headers.data, *end = at + r->headers.len;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if ((size_t)(line_end - at) > n + 1 && memcmp(at, name, n) == 0 && at[n] == ':') {
            snprintf(out, cap, "%.*s", (int)(line_end - at - (long)n - 2), at + n + 2);
            return out;
        }
        at = line_end + 1;
    }
    return NULL;
}

static void free_request(web_request *r) {
    mix_buf_deinit(&r->headers);
    mix_buf_deinit(&r->body);
    mix_buf_deinit(&r->answer.data);
    free(r);
}

static nghttp2_ssize read_body(nghttp2_session *session, int32_t stream, uint8_t *out, size_t cap,
                               uint32_t *flags, nghttp2_data_source *source, void *user) {
    struct answer_body *b = source->ptr;
    size_t n = b->data.len - b->at < cap ? b->data.len - b->at : cap;
    (void)session, (void)stream, (void)user;
    if (n > 0)
        memcpy(out, b->data.data + b->at, n);
    b->at += n;
    if (b->at == b->data.len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (nghttp2_ssize)n;
}

static void pump_h2(web_conn *c) {
    const uint8_t *data;
    nghttp2_ssize n;
    while ((n = nghttp2_session_mem_send2(c->h2, &data)) > 0)
        SSL_write(c->ssl, data, (int)n);
    flush_tls(c);
}

static void respond_h2(web_request *r, const char *status, char *headers, mix_bytes body) {
    nghttp2_nv nv[40] = {{(uint8_t *)(uintptr_t)":status", (uint8_t *)(uintptr_t)status, 7, 3, 0}};
    size_t n = 1;
    for (char *line = headers, *end; *line && n < 40; line = end + 1) {
        end = strchr(line, '\n');
        char *colon = strchr(line, ':');
        nv[n++] = (nghttp2_nv){(uint8_t *)line, (uint8_t *)colon + 2, (size_t)(colon - line),
                               (size_t)(end - colon - 2), 0};
    }
    struct answer_body *b = &r->answer;
    mix_buf_put_bytes(&b->data, body);
    nghttp2_data_provider2 provider = {.source.ptr = b, .read_callback = read_body};
    nghttp2_submit_response2(r->conn->h2, r->stream, nv, n, &provider);
    pump_h2(r->conn);
}

void web_respond(web_request *r, int status, const char *headers, mix_bytes body) {
    char head[4096], number[8], lines[4000];
    if (!r->conn->far)
        return;
    snprintf(number, sizeof number, "%d", status);
    snprintf(lines, sizeof lines, "%s", headers);
    if (r->conn->h2) {
        respond_h2(r, number, lines, body);
    } else {
        bool framed = strstr(headers, "content-length:") || strstr(headers, "transfer-encoding:") ||
                      status == 204 || status == 304;
        size_t n = (size_t)snprintf(head, sizeof head, "HTTP/1.1 %d Word\r\n%s", status, headers);
        if (!framed)
            n += (size_t)snprintf(head + n, sizeof head - n, "content-length: %zu\n", body.len);
        n += (size_t)snprintf(head + n, sizeof head - n, "\r\n");
        web_send(r->conn, mix_bytes_of(head, n));
        if (strcmp(r->method, "HEAD") != 0 && status != 204 && status != 304)
            web_send(r->conn, body);
    }
}

static void handle(web_conn *c, web_request *r) {
    web *w = c->web;
    w->requests++;
    r->conn = c;
    if (w->options.handler)
        w->options.handler(w->options.user, r);
}

static web_request *stream_of(web_conn *c, int32_t id) {
    for (size_t i = 0; i < c->stream_count; i++)
        if (c->streams[i] && c->streams[i]->stream == id)
            return c->streams[i];
    return NULL;
}

static int h2_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    web_conn *c = user;
    (void)session;
    if (frame->hd.type == NGHTTP2_HEADERS && c->stream_count < STREAMS) {
        web_request *r = calloc(1, sizeof *r);
        r->stream = frame->hd.stream_id;
        c->streams[c->stream_count++] = r;
    }
    return 0;
}

static int h2_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user) {
    web_request *r = stream_of(user, frame->hd.stream_id);
    (void)session, (void)flags;
    if (!r)
        return 0;
    if (name_len == 7 && memcmp(name, ":method", 7) == 0)
        snprintf(r->method, sizeof r->method, "%.*s", (int)value_len, (const char *)value);
    else if (name_len == 5 && memcmp(name, ":path", 5) == 0)
        snprintf(r->path, sizeof r->path, "%.*s", (int)value_len, (const char *)value);
    else {
        mix_buf_put(&r->headers, name, name_len);
        mix_buf_put_str(&r->headers, ": ");
        mix_buf_put(&r->headers, value, value_len);
        mix_buf_put_str(&r->headers, "\n");
    }
    return 0;
}

static int h2_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *user) {
    web_request *r = stream_of(user, stream);
    (void)session, (void)flags;
    if (r)
        mix_buf_put(&r->body, data, len);
    return 0;
}

static int h2_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    (void)session;
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        web_request *r = stream_of(user, frame->hd.stream_id);
        if (r)
            handle(user, r);
    }
    return 0;
}

static void start_h2(web_conn *c) {
    nghttp2_session_callbacks *calls;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, h2_begin);
    nghttp2_session_callbacks_set_on_header_callback(calls, h2_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, h2_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, h2_frame);
    nghttp2_session_server_new(&c->h2, calls, c);
    nghttp2_session_callbacks_del(calls);
    nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, NULL, 0);
}

/* The body of chunked coding, whole; false: not there yet. *used: of the text. */
static bool read_chunks(mix_bytes in, mix_buf *out, size_t *used) {
    size_t at = 0;
    for (;;) {
        const uint8_t *end = at < in.len ? memchr(in.data + at, '\n', in.len - at) : NULL;
        if (!end)
            return false;
        size_t n = strtoul((const char *)in.data + at, NULL, 16);
        at = (size_t)(end - in.data) + 1;
        if (at + n + 2 > in.len)
            return false;
        mix_buf_put(out, in.data + at, n);
        at += n + 2;
        if (n == 0) {
            *used = at;
            return true;
        }
    }
}

static bool read_h1(web_conn *c) {
    mix_buf_put_u8(&c->text, 0);
    c->text.len--;
    if (c->text.len > 0 && c->text.data[0] < ' ') { /* TLS, perhaps */
        mix_buf_truncate(&c->text, 0);
        web_send(c, mix_bytes_str("HTTP/1.1 400 Bad Request\r\n\r\n"));
        web_close(c);
        return false;
    }
    char *text = (char *)c->text.data, *end = strstr(text, "\r\n\r\n"), value[32];
    if (!end)
        return false;
    web_request *r = calloc(1, sizeof *r);
    sscanf(text, "%31s %511s", r->method, r->path);
    for (char *line = strstr(text, "\r\n") + 2; line < end + 2; line = strstr(line, "\r\n") + 2) {
        size_t n = (size_t)(strstr(line, "\r\n") - line);
        for (size_t i = 0; i < n && line[i] != ':'; i++)
            line[i] = line[i] >= 'A' && line[i] <= 'Z' ? (char)(line[i] + 32) : line[i];
        mix_buf_put(&r->headers, line, n);
        mix_buf_put_str(&r->headers, "\n");
    }
    size_t head = (size_t)(end + 4 - text), body = 0;
    bool whole = true;
    if (web_header(r, "content-length", value, sizeof value)) {
        body = strtoul(value, NULL, 10);
        whole = c->text.len >= head + body;
        if (whole)
            mix_buf_put(&r->body, text + head, body);
    } else if (web_header(r, "transfer-encoding", value, sizeof value)) {
        whole = read_chunks(mix_bytes_of(text + head, c->text.len - head), &r->body, &body);
    }
    if (!whole) {
        free_request(r);
        return false;
    }
    mix_buf_consume(&c->text, head + body);
    c->streams[c->stream_count++ % STREAMS] = r; /* lives as long as the connection */
    handle(c, r);
    return c->far != NULL;
}

static void take_plain(web_conn *c, mix_bytes data) {
    if (c->raw) {
        if (c->web->options.raw)
            c->web->options.raw(c->web->options.user, c, data);
    } else if (c->h2) {
        nghttp2_session_mem_recv2(c->h2, data.data, data.len);
        pump_h2(c);
    } else {
        mix_buf_put_bytes(&c->text, data);
        while (read_h1(c)) {
        }
    }
}

static void take_tls(web_conn *c, mix_bytes data) {
    uint8_t plain[16384];
    int n;
    BIO_write(c->in, data.data, (int)data.len);
    while ((n = SSL_read(c->ssl, plain, sizeof plain)) > 0 && c->far) {
        const unsigned char *alpn;
        unsigned int len;
        SSL_get0_alpn_selected(c->ssl, &alpn, &len);
        if (len == 2 && !c->h2)
            start_h2(c);
        take_plain(c, mix_bytes_of(plain, (size_t)n));
    }
    if (!c->seen && SSL_is_init_finished(c->ssl)) {
        c->seen = true;
        c->web->resumed += SSL_session_reused(c->ssl) == 1;
    }
    bool broken = SSL_get_error(c->ssl, n) == SSL_ERROR_SSL;
    ERR_clear_error();
    if (c->far)
        flush_tls(c);
    if (broken)
        web_close(c);
}

static void far_opened(void *user, far_conn *f) {
    web *w = user;
    uint16_t port = far_port(f);
    web_conn *c = calloc(1, sizeof *c);
    *c = (web_conn){.web = w, .far = f, .raw = port == 81 || port == 444};
    if (port == 443 || port == 444) {
        c->ssl = SSL_new(w->server_ctx);
        c->in = BIO_new(BIO_s_mem());
        c->out = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(c->in, -1);
        SSL_set_bio(c->ssl, c->in, c->out);
        SSL_set_accept_state(c->ssl);
    }
    far_set_user(f, c);
    w->last = c;
    w->connections++;
}

static void far_received(void *user, far_conn *f, mix_bytes data) {
    web_conn *c = far_user(f);
    (void)user;
    if (c->closed)
        far_reset(f); /* nobody is there any more to read it */
    else if (c->ssl)
        take_tls(c, data);
    else
        take_plain(c, data);
}

static void far_gone(void *user, far_conn *f) {
    web_conn *c = far_user(f);
    web *w = user;
    if (!c)
        return;
    c->far = NULL;
    if (w->last == c)
        w->last = NULL;
    SSL_free(c->ssl);
    nghttp2_session_del(c->h2);
    for (size_t i = 0; i < STREAMS; i++)
        if (c->streams[i])
            free_request(c->streams[i]);
    mix_buf_deinit(&c->text);
    free(c);
}

/* Every name that ends in "test" is at the one address; no other one is. */
static void far_datagram(void *user, far *f, const mix_address *from, const mix_address *to,
                         mix_bytes query) {
    web *w = user;
    mix_buf out = {0};
    size_t at = 12;
    while (at < query.len && query.data[at] != 0)
        at += query.data[at] + 1u;
    bool known =
        at > 17 && memcmp(query.data + at - 5, "\4test", 5) == 0 && query.data[at + 2] == 1;
    w->lookups++;
    w->lookup_moments += far_now(f) != w->looked_up;
    w->looked_up = far_now(f);
    mix_buf_put(&out, query.data, 2);
    mix_buf_put_u16(&out, known || memcmp(query.data + at - 5, "\4test", 5) == 0 ? 0x8180 : 0x8183);
    mix_buf_put_u16(&out, 1);
    mix_buf_put_u16(&out, known);
    mix_buf_put_u32(&out, 0);
    mix_buf_put(&out, query.data + 12, at + 5 - 12);
    if (known) {
        static const uint8_t usual[4] = {192, 0, 2, 7};
        mix_buf_put(&out, "\xc0\x0c\0\1\0\1\0\0\1\0\0\4", 12);
        mix_buf_put(&out, w->options.address[0] ? w->options.address : usual, 4);
    }
    far_send_datagram(f, to, from, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

static void near_feed(void *user, mix_bytes packet, mix_time now) {
    (void)mix_tcpip_feed(((web *)user)->tcpip, packet, now);
}
static bool near_drain(void *user, mix_buf *out, mix_time now) {
    return mix_tcpip_drain(((web *)user)->tcpip, out, now) == MIX_OK;
}
static mix_time near_deadline(void *user) {
    web *w = user;
    mix_time all[] = {mix_tcpip_deadline(w->tcpip), mix_dns_deadline(w->dns),
                      mix_http_deadline(w->http),
                      w->options.deadline ? w->options.deadline(w->options.user) : MIX_NEVER};
    mix_time at = all[0];
    for (int i = 1; i < 4; i++)
        at = all[i] < at ? all[i] : at;
    return at;
}
static void near_tick(void *user, mix_time now) {
    mix_tcpip_tick(((web *)user)->tcpip, now);
}
static void near_pump(void *user, mix_time now) {
    web *w = user;
    mix_dns_event ev;
    mix_dns_tick(w->dns, now);
    while (mix_dns_next(w->dns, &ev, now) == MIX_OK)
        if (!mix_http_resolved(w->http, &ev, now) && w->options.resolved)
            w->options.resolved(w->options.user, &ev);
    mix_http_tick(w->http, now);
    if (w->options.pump)
        w->options.pump(w->options.user, now);
}

static void begin_far(web *w, const far_near *near) {
    const far_handlers handlers = {
        .opened = far_opened, .received = far_received, .gone = far_gone, .datagram = far_datagram};
    const uint16_t ports[] = {80, 81, 443, 444};
    w->far = far_new(&w->options.link, near, &handlers, w);
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        far_listen(w->far, ports[i]);
    w->ca = identity_make(&(identity_options){.name = "Test CA", .ca = true});
    w->server = identity_make(&(identity_options){
        .name = "server",
        .names = w->options.certificate ? w->options.certificate : "DNS:a.test,DNS:b.test",
        .issuer = &w->ca});
    w->server_ctx = identity_server(&w->server, &w->ca,
                                    w->options.no_h2 ? "\x08http/1.1" : "\x02h2\x08http/1.1");
}

void web_serve(web *w, const web_options *options, const far_near *near) {
    *w = (web){.options = *options};
    begin_far(w, near);
}

void web_close_down(web *w) {
    far_free(w->far);
    SSL_CTX_free(w->server_ctx);
    identity_free(&w->server);
    identity_free(&w->ca);
}

void web_begin(web *w, const web_options *options) {
    const far_near near = {w, near_feed, near_drain, near_deadline, near_tick, near_pump};
    mix_buf pem = {0};
    mix_tcpip_config c = {.ip4 = {.family = 4, .octets = {10, 0, 0, 2}},
                          .ip6 = {.family = 6, .octets = {0xfd, [15] = 2}}};
    mix_dns_config d = {.servers = {{.family = 4, .port = 53, .octets = {8, 8, 8, 8}},
                                    {.family = 4, .port = 53, .octets = {1, 1, 1, 1}}},
                        .doh = options->doh};
    *w = (web){.options = *options};
    mix_test_env_init(&w->env, 1);
    assert_status(mix_sockets_begin(&w->env.env), MIX_OK);
    assert_status(mix_tls_begin(&w->env.env), MIX_OK);
    begin_far(w, &near);
    identity_pem(&pem, &w->ca);
    assert_status(mix_tcpip_new(&w->tcpip, &c, &w->env.env, far_now(w->far)), MIX_OK);
    mix_sockets_attach(w->tcpip);
    mix_sockets_set_time(far_now(w->far));
    assert_status(mix_dns_new(&w->dns, &d), MIX_OK);
    assert_status(
        mix_tls_new(&w->tls,
                    &(mix_tls_config){.extra_roots = mix_buf_bytes(&pem), .only_extra = true},
                    &w->env.env),
        MIX_OK);
    assert_status(mix_http_new(&w->http, &options->http, w->dns, w->tls), MIX_OK);
    mix_buf_deinit(&pem);
}

void web_end(web *w) {
    mix_http_free(w->http);
    mix_tls_free(w->tls);
    mix_dns_free(w->dns);
    assert_int_equal(mix_sockets_open(), 0);
    mix_sockets_end();
    mix_tcpip_free(w->tcpip);
    web_close_down(w);
}

mix_time web_now(const web *w) {
    return far_now(w->far);
}

bool web_run(web *w, bool (*done)(void *user), mix_time at_most) {
    mix_time until = far_now(w->far) + at_most;
    (void)w;
    return far_run(w->far, done, until);
}

far_conn *web_far_conn(const web_conn *c) {
    return c->far;
}
