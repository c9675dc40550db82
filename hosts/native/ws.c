/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix ws: a WebSocket through the tunnel; lines in, lines out. */
#include "base/alloc.h"
#include "base/text.h"
#include "client.h"
#include "commands.h"
#include "env.h"
#include "flow.h"
#include "mix/websocket.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_LONGEST = 16 << 20, /* bytes of a line from standard input */
    OUT_ENOUGH = 1 << 20, /* so much waits for standard output: no more is taken from the tunnel */
    CODE_NORMAL = 1000,
    CODE_AWAY = 1001,
    CODE_NONE = 1005,
};

typedef struct ws {
    client *client;
    client_options o;
    uv_loop_t loop;
    uv_timer_t timer;
    arg_list words, headers, protocols;
    const char *origin;
    int64_t ping, open_timeout;
    bool binary, json, stay;
    mix_header header[ARG_LIST_MAX + 1];
    size_t header_count;
    uint32_t id;
    bool up, open, closing, done;
    flow in, out;
    bool in_end;
    size_t in_from;  /* of the piece that was read: this much is used */
    mix_buf line;    /* the start of a line, of earlier pieces */
    size_t number;   /* of lines */
    mix_buf waiting; /* for standard output */
    unsigned long pings;
    mix_failure failure;
    int exit_status;
} ws;

static void pump_in(ws *w);

static void fail_here(ws *w, const char *what, const char *why) {
    fprintf(stderr, "lwmix ws: %s: %s\n", what, why);
    w->exit_status = CLIENT_EXIT_STORAGE;
    w->done = true;
}

/* ---- standard output ---- */

static void pump_out(ws *w) {
    client_hold(w->client, w->waiting.len > OUT_ENOUGH);
    if (w->out.busy || w->waiting.len == 0)
        return;
    size_t len = w->waiting.len < FLOW_PIECE ? w->waiting.len : FLOW_PIECE;
    memcpy(w->out.piece, w->waiting.data, len);
    mix_buf_consume(&w->waiting, len);
    flow_write(&w->out, len);
}

static void on_written(void *user) {
    ws *w = user;
    if (w->out.error && !w->done)
        fail_here(w, "standard output", strerror(w->out.error));
    else if (!w->out.error)
        pump_out(w);
}

static void put(ws *w, const void *data, size_t len, bool ends_line) {
    mix_buf_put(&w->waiting, data, len);
    if (ends_line)
        mix_buf_put_u8(&w->waiting, '\n');
    if (mix_buf_status(&w->waiting) != MIX_OK)
        fail_here(w, "standard output", mix_error_text(MIX_ERR_MEMORY));
    else
        pump_out(w);
}

static void put_json(ws *w, yyjson_mut_doc *doc) {
    char *line = report_line(doc);
    if (line)
        put(w, line, strlen(line), false);
    else
        fail_here(w, "standard output", mix_error_text(MIX_ERR_MEMORY));
    free(line);
}

static yyjson_mut_doc *json(const char *kind) {
    yyjson_mut_doc *doc = report_new();
    report_put(doc, yyjson_mut_doc_get_root(doc), "event", kind);
    return doc;
}

/* ---- what comes ---- */

static void on_message(ws *w, const mix_tunnel_event *ev) {
    if (!w->json) {
        put(w, ev->data, ev->len, !w->binary);
        return;
    }
    yyjson_mut_doc *doc = json("message");
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    mix_buf text = {0};
    if (ev->websocket->text) {
        (void)yyjson_mut_obj_add_strncpy(doc, root, "text", ev->len ? (const char *)ev->data : "",
                                         ev->len);
    } else if (mix_base64_encode(&text, mix_bytes_of(ev->data, ev->len)) == MIX_OK) {
        (void)yyjson_mut_obj_add_strncpy(doc, root, "base64",
                                         text.len ? (const char *)text.data : "", text.len);
    }
    put_json(w, doc);
    mix_buf_deinit(&text);
}

static void on_ping(uv_timer_t *timer) {
    ws *w = timer->data;
    char text[24];
    int len = snprintf(text, sizeof text, "%lu", ++w->pings);
    if (w->open && !w->closing)
        (void)mix_tunnel_websocket_ping(client_tunnel(w->client), w->id, (const uint8_t *)text,
                                        (size_t)len, host_now());
    client_wake(w->client);
}

static void on_open(ws *w, const mix_websocket_news *news) {
    w->open = true;
    if (w->json) {
        yyjson_mut_doc *doc = json("open");
        report_put(doc, yyjson_mut_doc_get_root(doc), "protocol", news->protocol);
        put_json(w, doc);
    } else if (w->o.verbose || w->o.very_verbose) {
        fprintf(stderr, "lwmix ws: open%s%s\n", news->protocol[0] ? ", protocol " : "",
                news->protocol);
    }
    if (w->ping)
        uv_timer_start(&w->timer, on_ping, (uint64_t)(w->ping / 1000), (uint64_t)(w->ping / 1000));
    pump_in(w);
}

static void on_closed(ws *w, const mix_websocket_news *news) {
    bool well = news->clean &&
                (news->code == CODE_NORMAL || news->code == CODE_AWAY || news->code == CODE_NONE);
    w->done = true;
    if (w->json) {
        yyjson_mut_doc *doc = json("closed");
        yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
        (void)yyjson_mut_obj_add_uint(doc, root, "code", news->code);
        report_put(doc, root, "reason", news->reason);
        (void)yyjson_mut_obj_add_bool(doc, root, "clean", news->clean);
        report_put_failure(doc, root, &w->failure);
        put_json(w, doc);
    }
    if (w->exit_status != 0)
        return;
    if (w->failure.code != MIX_OK) {
        w->exit_status = client_complain("ws", NULL, &w->failure);
        if (w->open && w->exit_status == CLIENT_EXIT_HTTP) /* it was a WebSocket already */
            w->exit_status = CLIENT_EXIT_WEBSOCKET;
    } else if (!well) {
        mix_failure why = {.code = MIX_ERR_WEBSOCKET_LOST};
        snprintf(why.words, sizeof why.words, "code %u%s%.120s", news->code,
                 news->reason[0] ? ", " : "", news->reason);
        if (news->clean) {
            why.code = MIX_OK;
            for (char *p = why.words; *p; p++)
                *p = client_clean(*p);
            fprintf(stderr, "lwmix ws: the server closed: %s\n", why.words);
            w->exit_status = CLIENT_EXIT_WEBSOCKET;
        } else {
            w->exit_status = client_complain("ws", NULL, &why);
        }
    } else if (w->o.verbose || w->o.very_verbose) {
        fprintf(stderr, "lwmix ws: closed, code %u\n", news->code);
    }
}

static void on_news(ws *w, const mix_tunnel_event *ev) {
    switch ((mix_websocket_what)ev->what) {
    case MIX_WEBSOCKET_WHAT_OPEN:
        on_open(w, ev->websocket);
        break;
    case MIX_WEBSOCKET_WHAT_MESSAGE:
        on_message(w, ev);
        break;
    case MIX_WEBSOCKET_WHAT_PONG:
        if (w->o.verbose || w->o.very_verbose)
            fprintf(stderr, "lwmix ws: pong %.*s\n", (int)(ev->len < 24 ? ev->len : 24),
                    (const char *)ev->data);
        break;
    case MIX_WEBSOCKET_WHAT_WRITABLE:
        pump_in(w);
        break;
    case MIX_WEBSOCKET_WHAT_CLOSING:
        w->closing = true;
        break;
    case MIX_WEBSOCKET_WHAT_ERROR:
        w->failure = ev->failure;
        break;
    case MIX_WEBSOCKET_WHAT_CLOSED:
        on_closed(w, ev->websocket);
        break;
    }
}

static void on_event(void *user, const mix_tunnel_event *ev) {
    ws *w = user;
    if (ev->kind == MIX_TUNNEL_EVENT_WEBSOCKET && ev->id == w->id && !w->done)
        on_news(w, ev);
}

/* ---- standard input ---- */

static void close_socket(ws *w) {
    if (w->closing)
        return;
    w->closing = true;
    (void)mix_tunnel_websocket_close(client_tunnel(w->client), w->id, CODE_NORMAL, NULL,
                                     host_now());
}

/* False: it does not fit now, or never. */
static bool send_message(ws *w, mix_bytes message) {
    int status = mix_tunnel_websocket_write(client_tunnel(w->client), w->id, !w->binary,
                                            message.data, message.len, host_now());
    if (status == MIX_OK)
        return true;
    if (status == MIX_BLOCKED || status == MIX_ERR_STATE) /* it closes: its end will be told */
        return false;
    mix_failure why = {.code = status};
    snprintf(why.words, sizeof why.words, "line %zu", w->number + 1);
    w->exit_status = client_complain("ws", NULL, &why);
    close_socket(w);
    return false;
}

/* The next line of the piece, or all of it with --binary. False: no room, or there is no whole one.
 */
static bool send_next(ws *w) {
    const uint8_t *from = w->in.piece + w->in_from;
    size_t left = w->in.len - w->in_from, len = left;
    const uint8_t *end = w->binary ? NULL : memchr(from, '\n', left);
    if (left == 0)
        return false;
    len = end ? (size_t)(end - from) : left;
    if (!w->binary && (!end || w->line.len > 0)) {
        if (w->line.len + len > LINE_LONGEST) {
            fail_here(w, "standard input", "a line is longer than 16 MiB");
            return false;
        }
        if (!end) {
            mix_buf_put(&w->line, from, len);
            w->in_from = w->in.len;
            return false;
        }
        mix_buf_put(&w->line, from, len);
        bool sent = mix_buf_status(&w->line) == MIX_OK && send_message(w, mix_buf_bytes(&w->line));
        mix_buf_truncate(&w->line, sent ? 0 : w->line.len - len);
        if (!sent)
            return false;
    } else if (!send_message(w, mix_bytes_of(from, len))) {
        return false;
    }
    w->in_from += len + (end ? 1 : 0);
    w->number++;
    return true;
}

static bool send_rest(ws *w) {
    if (w->line.len == 0)
        return true;
    if (!send_message(w, mix_buf_bytes(&w->line)))
        return false;
    mix_buf_truncate(&w->line, 0);
    return true;
}

static void pump_in(ws *w) {
    if (w->in.busy || w->closing || w->done || !w->open)
        return;
    while (send_next(w))
        ;
    if (w->closing || w->done || w->in_from < w->in.len)
        return; /* WRITABLE goes on */
    if (!w->in_end)
        flow_read(&w->in);
    else if (send_rest(w) && !w->stay)
        close_socket(w);
}

static void on_read(void *user) {
    ws *w = user;
    w->in_from = 0;
    w->in_end = w->in.len == 0;
    if (w->in.error && !w->done)
        fail_here(w, "standard input", strerror(w->in.error));
    pump_in(w);
    client_wake(w->client);
}

/* ---- the command ---- */

static int read_headers(ws *w) {
    for (size_t i = 0; i < w->headers.count; i++) {
        char *name = strdup(w->headers.items[i]), *colon = name ? strchr(name, ':') : NULL;
        if (!colon || colon == name) {
            fprintf(stderr, "lwmix ws: -H takes 'Name: value', not '%s'\n", w->headers.items[i]);
            free(name);
            return CLIENT_EXIT_USAGE;
        }
        *colon = 0;
        w->header[w->header_count++] = (mix_header){name, colon + 1 + strspn(colon + 1, " \t")};
    }
    if (w->origin)
        w->header[w->header_count++] = (mix_header){strdup("Origin"), w->origin};
    return 0;
}

static int open_socket(ws *w) {
    mix_websocket_options options = {
        .url = w->words.items[0],
        .protocols = w->protocols.items,
        .protocol_count = w->protocols.count,
        .headers = w->header,
        .header_count = w->header_count,
        .open_timeout = w->open_timeout,
    };
    int status = mix_tunnel_websocket(client_tunnel(w->client), &w->id, &options, host_now());
    if (status == MIX_OK)
        return 0;
    return client_complain("ws", w->words.items[0], &(mix_failure){.code = status});
}

static int run(ws *w) {
    client_events events = {w, on_event};
    int exit_status = client_new(&w->client, &w->loop, "ws", &w->o, &events);
    if (exit_status != 0)
        return exit_status;
    flow_init(&w->in, &w->loop, STDIN_FILENO, on_read, w);
    flow_init(&w->out, &w->loop, STDOUT_FILENO, on_written, w);
    exit_status = client_up(w->client);
    if (exit_status == 0)
        exit_status = open_socket(w);
    if (exit_status == 0)
        exit_status = client_run(w->client, &w->done);
    if (exit_status == 0)
        exit_status = w->exit_status;
    uv_timer_stop(&w->timer);
    client_down(w->client);
    while (w->waiting.len > 0 && !w->out.error && exit_status != CLIENT_EXIT_SIGNAL)
        uv_run(&w->loop, UV_RUN_ONCE);
    return exit_status;
}

static void free_ws(ws *w, int exit_status) {
    if (w->out.busy && exit_status != CLIENT_EXIT_SIGNAL) /* the last piece */
        while (w->out.busy)
            uv_run(&w->loop, UV_RUN_ONCE);
    if (w->in.busy || w->out.busy)
        _exit(exit_status); /* a thread waits for a line that nobody needs any more */
    uv_close((uv_handle_t *)&w->timer, NULL);
    client_free(w->client);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    uv_loop_close(&w->loop);
    for (size_t i = 0; i < w->header_count; i++)
        free((char *)(uintptr_t)w->header[i].name);
    mix_buf_deinit(&w->line);
    mix_buf_deinit(&w->waiting);
    free(w);
}

int command_ws(int argc, char **argv) {
    bool wants_help = false;
    ws *w = calloc(1, sizeof *w);
    if (!w)
        return CLIENT_EXIT_OTHER;
    const arg_option options[] = {
        {"-H, --header", ARG_LIST, &w->headers, "'NAME: VALUE'",
         "send this header with the request"},
        {"--origin", ARG_TEXT, &w->origin, "ORIGIN", "send this Origin header"},
        {"--protocol", ARG_LIST, &w->protocols, "NAME", "offer this sub-protocol"},
        {"--binary", ARG_FLAG, &w->binary, NULL,
         "what is read goes as binary messages, and what comes is written as it is"},
        {"--stay", ARG_FLAG, &w->stay, NULL, "stay open when the input has ended"},
        {"--ping", ARG_TIME, &w->ping, "SECONDS", "send a ping every so often"},
        {"--open-timeout", ARG_TIME, &w->open_timeout, "SECONDS",
         "until the WebSocket is open (60)"},
        {"--json", ARG_FLAG, &w->json, NULL, "write a line of JSON for each event and message"},
        CLIENT_OPTIONS(&w->o),
        {0},
    };
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->timer);
    w->timer.data = w;
    int exit_status = CLIENT_EXIT_USAGE;
    if (args_read("ws", options, argc, argv, &w->words, &wants_help)) {
        if (wants_help) {
            printf("usage: lwmix ws URL [OPTION …]\n\n"
                   "Opens a WebSocket (ws:, wss:) through the mixnet. Each line of standard input "
                   "goes as a text message, each\n"
                   "message that comes is written as a line. The end of the input (Ctrl-D) closes "
                   "it with code 1000.\n\n");
            args_help(stdout, options);
            printf("\n%s", client_exit_help);
            exit_status = 0;
        } else if (w->words.count != 1) {
            fprintf(stderr, "lwmix ws: one URL is needed; try 'lwmix ws --help'\n");
        } else if ((exit_status = read_headers(w)) == 0) {
            exit_status = run(w);
        }
    }
    free_ws(w, exit_status);
    return exit_status;
}
