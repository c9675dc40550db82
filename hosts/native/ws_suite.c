/* SPDX-License-Identifier: Apache-2.0 */
/* A test program: `ws-suite [OPTION …] URL NAME` goes through the cases of an Autobahn fuzzing
 * server as an echo client, through a tunnel, several at a time. Prints how many there were. */
#include "base/buf.h"
#include "client.h"
#include "env.h"
#include "mix/websocket.h"

#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 16, PATH_MOST = 512 };

typedef struct message { /* that had no room yet */
    struct message *next;
    bool text;
    mix_buf bytes;
} message;

typedef struct connection {
    uint32_t id; /* 0: none */
    message *waiting, **end;
} connection;

typedef struct suite {
    client *client;
    const char *url, *name;
    connection connections[AT_ONCE];
    long at_once, begun, count, open;
    mix_buf last; /* the last message that came */
    bool echoes, done, failed;
} suite;

static void fail(suite *s, const char *what, int status) {
    fprintf(stderr, "ws-suite: %s: %s\n", what, mix_error_text(status));
    s->done = s->failed = true;
}

/* ---- messages ---- */

static bool send_message(suite *s, const connection *c, bool text, mix_bytes bytes) {
    int status = mix_tunnel_websocket_write(client_tunnel(s->client), c->id, text, bytes.data,
                                            bytes.len, host_now());
    /* One that closes takes no more; that is no fault of ours. */
    return status != MIX_BLOCKED;
}

static void drop_first(connection *c) {
    message *m = c->waiting;
    c->waiting = m->next;
    if (!c->waiting)
        c->end = &c->waiting;
    mix_buf_deinit(&m->bytes);
    free(m);
}

static void keep(suite *s, connection *c, bool text, mix_bytes bytes) {
    message *m = calloc(1, sizeof *m);
    if (m)
        mix_buf_put_bytes(&m->bytes, bytes);
    if (!m || mix_buf_status(&m->bytes) != MIX_OK) {
        free(m);
        fail(s, "a message", MIX_ERR_MEMORY);
        return;
    }
    m->text = text;
    *c->end = m;
    c->end = &m->next;
}

static void echo(suite *s, connection *c, bool text, mix_bytes bytes) {
    if (c->waiting || !send_message(s, c, text, bytes))
        keep(s, c, text, bytes);
}

static void send_waiting(suite *s, connection *c) {
    while (c->waiting && send_message(s, c, c->waiting->text, mix_buf_bytes(&c->waiting->bytes)))
        drop_first(c);
}

/* ---- connections ---- */

static void begin(suite *s, connection *c, const char *path) {
    char url[PATH_MOST];
    snprintf(url, sizeof url, "%s%s", s->url, path);
    mix_websocket_options o = {.url = url, .open_timeout = MIX_SECONDS(30)};
    c->end = &c->waiting;
    int status = mix_tunnel_websocket(client_tunnel(s->client), &c->id, &o, host_now());
    if (status != MIX_OK)
        fail(s, url, status);
    else
        s->open++;
}

static void begin_cases(suite *s) {
    for (long i = 0; i < s->at_once && s->begun < s->count; i++) {
        char path[PATH_MOST];
        if (s->connections[i].id != 0)
            continue;
        snprintf(path, sizeof path, "/runCase?case=%ld&agent=%s", ++s->begun, s->name);
        begin(s, &s->connections[i], path);
    }
}

static void on_closed(suite *s, connection *c) {
    while (c->waiting)
        drop_first(c);
    c->id = 0;
    s->open--;
    if (s->echoes)
        begin_cases(s);
    s->done |= s->open == 0;
}

static void on_event(void *user, const mix_tunnel_event *ev) {
    suite *s = user;
    connection *c = NULL;
    for (int i = 0; i < AT_ONCE && ev->kind == MIX_TUNNEL_EVENT_WEBSOCKET; i++)
        if (s->connections[i].id == ev->id)
            c = &s->connections[i];
    if (!c)
        return;
    if (ev->what == MIX_WEBSOCKET_WHAT_MESSAGE && s->echoes) {
        echo(s, c, ev->websocket->text, mix_bytes_of(ev->data, ev->len));
    } else if (ev->what == MIX_WEBSOCKET_WHAT_MESSAGE) {
        mix_buf_truncate(&s->last, 0);
        mix_buf_put(&s->last, ev->data, ev->len);
    } else if (ev->what == MIX_WEBSOCKET_WHAT_WRITABLE) {
        send_waiting(s, c);
    } else if (ev->what == MIX_WEBSOCKET_WHAT_CLOSED) {
        on_closed(s, c);
    }
}

/* ---- the suite ---- */

static int wait_for_all(suite *s) {
    s->done = s->failed;
    int status = client_run(s->client, &s->done);
    return status == 0 && s->failed ? CLIENT_EXIT_OTHER : status;
}

static int ask_one(suite *s, const char *path) {
    begin(s, &s->connections[0], path);
    return wait_for_all(s);
}

static int run(suite *s) {
    char path[PATH_MOST];
    int status = client_up(s->client);
    if (status == 0)
        status = ask_one(s, "/getCaseCount");
    mix_buf_put_u8(&s->last, 0);
    s->count = s->last.failed ? 0 : strtol((const char *)s->last.data, NULL, 10);
    if (status == 0 && s->count <= 0) {
        fail(s, "getCaseCount", MIX_ERR_ARGUMENT);
        status = CLIENT_EXIT_OTHER;
    }
    if (status != 0)
        return status;
    s->echoes = true;
    begin_cases(s);
    status = wait_for_all(s);
    s->echoes = false;
    snprintf(path, sizeof path, "/updateReports?agent=%s", s->name);
    if (status == 0)
        status = ask_one(s, path);
    if (status == 0)
        printf("%ld cases\n", s->count);
    client_down(s->client);
    return status;
}

int main(int argc, char **argv) {
    static suite s;
    client_options o = {0};
    arg_list words = {0};
    arg_number at_once = {AT_ONCE, 1, AT_ONCE};
    bool help = false;
    const arg_option options[] = {
        {"--at-once", ARG_NUMBER, &at_once, "N", "so many cases at a time"},
        CLIENT_OPTIONS(&o),
        {0},
    };
    if (!args_read("ws-suite", options, argc, argv, &words, &help) || help || words.count != 2)
        return CLIENT_EXIT_USAGE;
    uv_loop_t loop;
    uv_loop_init(&loop);
    s.url = words.items[0];
    s.name = words.items[1];
    s.at_once = at_once.value;
    client_events events = {&s, on_event};
    int status = client_new(&s.client, &loop, "ws-suite", &o, &events);
    if (status == 0)
        status = run(&s);
    client_free(s.client);
    uv_loop_close(&loop);
    mix_buf_deinit(&s.last);
    return status;
}
