/* SPDX-License-Identifier: Apache-2.0 */
/* A test program: src/websocket on libuv over plain TCP. `ws-client ADDRESS PORT suite NAME` goes
 * through the cases of an Autobahn fuzzing server as an echo client; `ws-client ADDRESS PORT echo
 * PATH MESSAGE…` sends messages and prints what happens. */
#include "env.h"
#include "websocket/websocket.h"

#include <stdlib.h>
#include <uv.h>

enum { PART = 64 * 1024, CASE_SECONDS = 120 };

/* One connection after another: each runs to its end before the next. */
typedef struct client {
    mix_env env;
    uv_loop_t *loop;
    struct sockaddr_storage address;
    const char *host;
    uv_tcp_t tcp;
    uv_connect_t connecting;
    uv_write_t writing;
    uv_timer_t timer;
    bool busy; /* a write is under way */
    bool over;
    mix_websocket *w;
    mix_buf out;
    uint8_t in[PART];
    bool echo;       /* messages go back */
    bool print;      /* events go to standard output */
    char **messages; /* to send at OPEN, NULL at the end */
    size_t awaited;  /* answers until we close */
    mix_buf last;    /* the last message that came */
    int status;      /* the error that ended it, or MIX_OK */
} client;

static void pump(client *c);

/* --- the stream below --- */

static void on_closed(uv_handle_t *handle) {
    (void)handle;
}

static void drop(client *c) {
    if (c->over)
        return;
    c->over = true;
    uv_timer_stop(&c->timer);
    uv_close((uv_handle_t *)&c->timer, on_closed);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void on_timer(uv_timer_t *timer) {
    client *c = timer->data;
    (void)mix_websocket_tick(c->w, host_now());
    pump(c);
}

static void on_written(uv_write_t *writing, int status) {
    client *c = writing->data;
    c->busy = false;
    if (status < 0 && !c->over) {
        (void)mix_websocket_eof(c->w, MIX_ERR_TCP_RESET, host_now());
    }
    pump(c);
}

static void on_space(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
    client *c = handle->data;
    (void)size;
    *buf = uv_buf_init((char *)c->in, sizeof c->in);
}

/* An echo finds room at once: nothing is read while a message of ours waits. */
static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    client *c = stream->data;
    mix_bytes in = mix_bytes_of(buf->base, n > 0 ? (size_t)n : 0);
    while (mix_websocket_feed(c->w, &in, host_now()) == MIX_BLOCKED)
        pump(c);
    if (n < 0)
        (void)mix_websocket_eof(c->w, n == UV_EOF ? MIX_OK : MIX_ERR_TCP_RESET, host_now());
    pump(c);
}

static void on_connected(uv_connect_t *connecting, int status) {
    client *c = connecting->data;
    if (status < 0) {
        fprintf(stderr, "ws-client: %s\n", uv_strerror(status));
        (void)mix_websocket_eof(c->w, MIX_ERR_TCP_REFUSED, host_now());
    } else {
        uv_tcp_nodelay(&c->tcp, 1);
        uv_read_start((uv_stream_t *)&c->tcp, on_space, on_bytes);
    }
    pump(c);
}

/* --- the engine --- */

static void must(int status) {
    if (status == MIX_OK)
        return;
    fprintf(stderr, "ws-client: %s\n", mix_error_name(status));
    exit(1);
}

static void on_message(client *c, const mix_websocket_event *ev) {
    mix_buf_truncate(&c->last, 0);
    mix_buf_put_bytes(&c->last, ev->bytes);
    if (c->print)
        printf("%s %.*s\n", ev->text ? "text" : "binary", (int)ev->bytes.len,
               ev->bytes.len > 0 ? (const char *)ev->bytes.data : "");
    if (c->echo && mix_websocket_get_state(c->w) == MIX_WEBSOCKET_OPEN)
        must(mix_websocket_write(c->w, ev->text, ev->bytes, host_now()));
    if (c->awaited > 0 && --c->awaited == 0)
        must(mix_websocket_close(c->w, MIX_WEBSOCKET_NORMAL, mix_bytes_str("done"), host_now()));
}

static void on_event(client *c, const mix_websocket_event *ev) {
    if (ev->kind == MIX_WEBSOCKET_EVENT_MESSAGE) {
        on_message(c, ev);
    } else if (ev->kind == MIX_WEBSOCKET_EVENT_OPEN) {
        if (c->print)
            printf("open %.*s\n", (int)ev->protocol.len,
                   ev->protocol.len > 0 ? (const char *)ev->protocol.data : "");
        for (char **m = c->messages; m && *m; m++, c->awaited++)
            must(mix_websocket_write(c->w, true, mix_bytes_str(*m), host_now()));
    } else if (ev->kind == MIX_WEBSOCKET_EVENT_ERROR) {
        c->status = ev->error->code;
        if (c->print)
            printf("error %s: %s\n", mix_error_name(ev->error->code), ev->error->words);
    } else if (ev->kind == MIX_WEBSOCKET_EVENT_CLOSED) {
        if (c->print)
            printf("closed %u %.*s%s\n", ev->code, (int)ev->reason.len,
                   (const char *)ev->reason.data, ev->clean ? " clean" : "");
        drop(c);
    }
}

static void flush(client *c) {
    if (c->busy || c->over)
        return;
    mix_buf_truncate(&c->out, 0);
    if (mix_websocket_drain(c->w, &c->out, PART, host_now()) != MIX_OK)
        return;
    uv_buf_t buf = uv_buf_init((char *)c->out.data, (unsigned)c->out.len);
    c->writing.data = c;
    c->busy = uv_write(&c->writing, (uv_stream_t *)&c->tcp, &buf, 1, on_written) == 0;
}

static void pump(client *c) {
    mix_websocket_event ev;
    bool connected = uv_is_readable((uv_stream_t *)&c->tcp);
    while (mix_websocket_next(c->w, &ev, host_now()) == MIX_OK)
        on_event(c, &ev);
    if (connected)
        flush(c);
    while (mix_websocket_next(c->w, &ev, host_now()) == MIX_OK) /* what sending brought about */
        on_event(c, &ev);
    mix_time at = mix_websocket_deadline(c->w), now = host_now();
    if (c->over)
        return;
    if (at == MIX_NEVER)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, at > now ? (uint64_t)((at - now + 999) / 1000) : 0, 0);
}

/* One connection to its end; the error that ended it. */
static int run(client *c, const char *path) {
    mix_websocket_config config = {
        .request = {.host = mix_bytes_str(c->host), .target = mix_bytes_str(path)},
        .queue_bytes = 64 * 1024 * 1024,
        .open_timeout = MIX_SECONDS(CASE_SECONDS)};
    must(mix_websocket_new(&c->w, &config, &c->env, host_now()));
    c->busy = c->over = false;
    c->status = MIX_OK;
    uv_tcp_init(c->loop, &c->tcp);
    uv_timer_init(c->loop, &c->timer);
    c->tcp.data = c->timer.data = c->connecting.data = c;
    if (uv_tcp_connect(&c->connecting, &c->tcp, (struct sockaddr *)&c->address, on_connected) != 0)
        return MIX_ERR_TCP_REFUSED;
    uv_run(c->loop, UV_RUN_DEFAULT);
    mix_websocket_free(c->w);
    return c->status;
}

/* --- what it is called for --- */

static int suite(client *c, const char *name) {
    char path[128];
    mix_buf_truncate(&c->last, 0);
    must(run(c, "/getCaseCount"));
    mix_buf_put_u8(&c->last, 0);
    long count = c->last.failed ? 0 : strtol((char *)c->last.data, NULL, 10);
    if (count <= 0)
        return 1;
    for (long n = 1; n <= count; n++) {
        c->echo = true;
        snprintf(path, sizeof path, "/runCase?case=%ld&agent=%s", n, name);
        (void)run(c, path); /* many cases are to end in an error */
    }
    c->echo = false;
    snprintf(path, sizeof path, "/updateReports?agent=%s", name);
    (void)run(c, path);
    printf("%ld cases\n", count);
    return 0;
}

int main(int argc, char **argv) {
    static client c;
    bool is_suite = argc == 5 && strcmp(argv[3], "suite") == 0;
    if (argc < 5 || (!is_suite && strcmp(argv[3], "echo") != 0)) {
        fputs("usage: ws-client ADDRESS PORT suite NAME | echo PATH MESSAGE…\n", stderr);
        return 2;
    }
    int port = atoi(argv[2]);
    if (uv_ip4_addr(argv[1], port, (struct sockaddr_in *)&c.address) != 0) {
        fputs("ws-client: not an IPv4 address\n", stderr);
        return 2;
    }
    char host[64];
    snprintf(host, sizeof host, "%s:%d", argv[1], port);
    c.host = host;
    c.loop = uv_default_loop();
    host_env_init(&c.env, NULL, MIX_LOG_NONE);
    c.print = !is_suite;
    c.messages = is_suite ? NULL : argv + 5;
    int status = is_suite ? suite(&c, argv[4]) : run(&c, argv[4]) != MIX_OK;
    mix_buf_deinit(&c.out);
    mix_buf_deinit(&c.last);
    uv_loop_close(c.loop);
    return status;
}
