/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 by the proxy: CONNECT becomes a relay; other requests are passed on one by one, over a
 * connection that is kept while they go to the same server. */
#include "proxy/connection.h"
#include "proxy/http_head.h"

#include "base/alloc.h"
#include "env.h"

#include <stdio.h>

typedef struct exchange {
    http_request request; /* points into head */
    mix_buf head;
    size_t looked;  /* http_head_end */
    mix_buf first;  /* the head as it goes on */
    size_t sent;    /* of it */
    mix_buf answer; /* the head of the answer so far */
    size_t answer_looked;
    http_body up, down;
    bool up_broken; /* the server takes no more */
    bool answered;  /* the final head has come */
    bool reused;    /* the connection has served a request before */
    bool keeps_client, keeps_server;
} exchange;

static bool step_head(connection *c);
static bool step_connecting(connection *c);
static bool step_exchange(connection *c);

bool http_step(connection *c) {
    if (!c->exchange)
        c->exchange = mix_alloc_zero(1, sizeof *c->exchange);
    if (!c->exchange) {
        connection_end(c, true);
        return false;
    }
    c->step = step_head;
    return true;
}

void http_free(connection *c) {
    exchange *x = c->exchange;
    if (!x)
        return;
    mix_buf_deinit_wiped(&x->head);
    mix_buf_deinit(&x->first);
    mix_buf_deinit(&x->answer);
    mix_free(x);
    c->exchange = NULL;
}

/* ---- refusals ---- */

static const char *reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } rows[] = {
        {400, "Bad Request"},
        {403, "Forbidden"},
        {407, "Proxy Authentication Required"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return rows[i].reason;
    return "Error";
}

/* An answer of our own, after which the connection ends. */
static bool refuse(connection *c, int status, const char *sentence) {
    const http_request *r = &c->exchange->request;
    char head[400];
    bool is_head = mix_bytes_equal(r->method, mix_bytes_str("HEAD"));
    snprintf(
        head, sizeof head,
        "HTTP/1.1 %d %s\r\n%sContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        status, reason(status),
        status == 407 ? "Proxy-Authenticate: Basic realm=\"lwmix\"\r\n" : "", strlen(sentence) + 1);
    mix_buf_put_str(&c->out, head);
    if (!is_head) {
        mix_buf_put_str(&c->out, sentence);
        mix_buf_put_str(&c->out, "\n");
    }
    connection_hang_up(c, true);
    connection_finish(c);
    return true;
}

static bool refuse_failure(connection *c, int code, const char *words) {
    char target[288], sentence[700];
    const char *text = mix_error_text(code);
    if (strstr(words, text)) /* they name the target too */
        snprintf(sentence, sizeof sentence, "%s.", words);
    else
        snprintf(sentence, sizeof sentence, "%s: %s%s%s%s.", connection_target(c, target), text,
                 words[0] ? " (" : "", words, words[0] ? ")" : "");
    connection_note(c, text);
    return refuse(c, failure_status(code), sentence);
}

/* ---- a request's head ---- */

static bool may_pass(const connection *c) {
    const exchange *x = c->exchange;
    mix_buf text = {0};
    if (!c->proxy->asks_password)
        return true;
    bool right = http_basic(&text, x->request.authorization);
    const uint8_t *colon = text.len > 0 ? memchr(text.data, ':', text.len) : NULL;
    size_t at = colon ? (size_t)(colon - text.data) : 0;
    mix_bytes all = mix_buf_bytes(&text);
    right = right && colon &&
            credentials_match(c->proxy, mix_bytes_slice(all, 0, at),
                              mix_bytes_slice(all, at + 1, all.len));
    mix_buf_deinit_wiped(&text);
    return right;
}

/* Whether the kept connection can take this request. */
static bool fits(const connection *c) {
    const http_request *r = &c->exchange->request;
    return c->has_socket && c->connected && !c->failed && r->repeatable && r->port == c->port &&
           strcmp(r->host, c->host) == 0;
}

static void open_anew(connection *c) {
    exchange *x = c->exchange;
    x->reused = false;
    x->sent = 0;
    connection_open(c, x->request.host, x->request.port);
    c->step = step_connecting;
}

static void begin(connection *c) {
    exchange *x = c->exchange;
    connection_deadline(c, 0);
    mix_buf_truncate(&x->first, 0);
    mix_buf_truncate(&x->answer, 0);
    x->sent = x->answer_looked = 0;
    x->up_broken = x->answered = false;
    x->up = http_body_begin(x->request.framing, x->request.length);
    x->down = http_body_begin(HTTP_UNTIL_END, 0);
    if (!x->request.connect)
        http_request_write(&x->first, &x->request, x->request.minor > 0);
    x->reused = fits(c);
    if (x->reused)
        c->step = step_exchange;
    else
        open_anew(c);
}

/* The server has ended the kept connection, or said something that nobody asked for. */
static void check_kept(connection *c) {
    uint8_t byte;
    size_t got;
    if (c->has_socket && mix_tunnel_socket_read(client_tunnel(c->proxy->client), c->socket, &byte,
                                                1, &got, host_now()) != MIX_DONE)
        connection_hang_up(c, false);
}

static bool step_head(connection *c) {
    exchange *x = c->exchange;
    size_t len = 0, blank = http_blank(mix_buf_bytes(&c->in));
    const char *why = NULL;
    check_kept(c);
    if (x->looked == 0)
        mix_buf_consume(&c->in, blank);
    int status = http_head_end(mix_buf_bytes(&c->in), &x->looked, &len);
    if (status == MIX_ERR_LIMIT)
        return refuse(c, 431, "The request's head is longer than 64 KiB.");
    if (status == MIX_DONE) {
        if (c->client_ended)
            connection_end(c, false);
        else if (c->kept)
            proxy_accept(c->proxy); /* a client that waits for a place may get this one */
        return false;
    }
    c->kept = false;
    mix_buf_truncate(&x->head, 0);
    mix_buf_put(&x->head, c->in.data, len);
    mix_buf_consume(&c->in, len);
    x->looked = 0;
    if (mix_buf_status(&x->head) != MIX_OK) {
        connection_end(c, true);
        return false;
    }
    status = http_request_read(&x->request, mix_buf_bytes(&x->head), &why);
    if (status != 0)
        return refuse(c, status, why);
    if (!may_pass(c))
        return refuse(c, 407, "This proxy asks for a name and a password.");
    begin(c);
    return true;
}

static bool step_connecting(connection *c) {
    exchange *x = c->exchange;
    if (c->failed)
        return refuse_failure(c, c->failure.code, c->failure.words);
    if (!c->connected)
        return false;
    connection_note(c, x->request.connect ? "connected, by CONNECT" : "connected, by HTTP");
    if (!x->request.connect) {
        c->step = step_exchange;
        return true;
    }
    mix_buf_put_str(&c->out, "HTTP/1.1 200 Connection established\r\n\r\n");
    http_free(c);
    relay_begin(c);
    return true;
}

/* ---- a request on its way ---- */

static bool send_first(connection *c) {
    exchange *x = c->exchange;
    size_t taken = 0;
    int status =
        mix_tunnel_socket_write(client_tunnel(c->proxy->client), c->socket, x->first.data + x->sent,
                                x->first.len - x->sent, &taken, host_now());
    x->up_broken = status < 0; /* reading tells why */
    x->sent += taken;
    return status == MIX_OK;
}

static bool send_body(connection *c) {
    exchange *x = c->exchange;
    size_t used, taken = 0;
    http_body next = x->up;
    mix_bytes in = mix_buf_bytes(&c->in);
    if (http_body_feed(&next, in, &used) != MIX_OK) {
        if (!x->answered)
            return refuse(c, 400, "The request's body is malformed.");
        connection_end(c, true);
        return false;
    }
    int status = mix_tunnel_socket_write(client_tunnel(c->proxy->client), c->socket, in.data, used,
                                         &taken, host_now());
    x->up_broken = status < 0;
    (void)http_body_feed(&x->up, mix_bytes_slice(in, 0, taken), &used);
    mix_buf_consume(&c->in, taken);
    return status == MIX_OK;
}

static bool up(connection *c) {
    exchange *x = c->exchange;
    if (x->up_broken)
        return false;
    if (x->sent < x->first.len)
        return send_first(c);
    if (x->up.done)
        return false;
    if (c->in.len > 0)
        return send_body(c);
    if (c->client_ended) /* in the middle of its request */
        connection_end(c, true);
    return false;
}

/* Takes the answer's head as far as it is there. False: the connection has moved on to a refusal.
 */
static bool take_head(connection *c, mix_bytes *data) {
    exchange *x = c->exchange;
    http_answer a;
    size_t before = x->answer.len, len = 0;
    mix_buf_put_bytes(&x->answer, *data);
    int status = http_head_end(mix_buf_bytes(&x->answer), &x->answer_looked, &len);
    if (status == MIX_DONE) {
        *data = (mix_bytes){0};
        return true;
    }
    if (status == MIX_OK)
        status =
            http_answer_read(&a, mix_bytes_slice(mix_buf_bytes(&x->answer), 0, len), &x->request);
    if (status != MIX_OK || mix_buf_status(&x->answer) != MIX_OK) {
        (void)refuse(c, 502, "The server's answer is not HTTP/1.");
        return false;
    }
    x->answered = a.status >= 200;
    x->keeps_server = a.keep && x->request.minor > 0;
    x->keeps_client = x->request.keep && a.framing != HTTP_UNTIL_END;
    if (x->answered || x->request.minor > 0)
        http_answer_write(&c->out, &a, x->keeps_client);
    if (x->answered)
        x->down = http_body_begin(a.framing, a.length);
    *data = mix_bytes_slice(*data, len - before, data->len);
    mix_buf_truncate(&x->answer, 0);
    x->answer_looked = 0;
    return true;
}

/* False: the connection has moved on. */
static bool take_answer(connection *c, mix_bytes data) {
    exchange *x = c->exchange;
    size_t used;
    while (data.len > 0 && !x->answered)
        if (!take_head(c, &data))
            return false;
    if (!x->answered)
        return true;
    if (http_body_feed(&x->down, data, &used) != MIX_OK) {
        connection_end(c, true);
        return false;
    }
    mix_buf_put(&c->out, data.data, used);
    x->keeps_server &= used == data.len; /* more than its answer */
    return true;
}

/* The stream has ended: well (MIX_OK), or not. */
static bool take_end(connection *c, int status) {
    exchange *x = c->exchange;
    if (!x->answered && x->answer.len == 0 && x->reused) {
        open_anew(c); /* it was closed while the request was on its way */
        return true;
    }
    if (!x->answered && status == MIX_OK)
        return refuse(c, 502, "The server ended the connection without an answer.");
    if (!x->answered)
        return refuse_failure(c, status, "");
    x->keeps_server = false;
    if (x->down.framing == HTTP_UNTIL_END && status == MIX_OK)
        x->down.done = true;
    else
        connection_end(c, true);
    return x->down.done;
}

static bool down(connection *c) {
    proxy *p = c->proxy;
    size_t got = 0;
    if (!connection_is_sent(c))
        return false;
    int status = mix_tunnel_socket_read(client_tunnel(p->client), c->socket, p->buffer,
                                        sizeof p->buffer, &got, host_now());
    if (status == MIX_DONE)
        return false;
    if (status != MIX_OK || got == 0)
        return take_end(c, status);
    return take_answer(c, mix_bytes_of(p->buffer, got));
}

static bool step_exchange(connection *c) {
    exchange *x = c->exchange;
    bool moved = up(c);
    if (c->step == step_exchange && !(x->answered && x->down.done))
        moved |= down(c);
    if (c->step != step_exchange)
        return c->step != NULL;
    if (!x->answered || !x->down.done)
        return moved;
    if (!x->up.done || !x->keeps_client) {
        connection_hang_up(c, !x->up.done);
        connection_finish(c);
        return true;
    }
    if (!x->keeps_server || x->sent < x->first.len)
        connection_hang_up(c, false);
    connection_deadline(c, PROXY_KEPT_MS);
    c->kept = true;
    c->step = step_head;
    return true;
}
