/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix fetch: URLs through the tunnel, as curl would get them. */
#include "fetch.h"

#include "base/alloc.h"
#include "commands.h"
#include "env.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { PROGRESS_MS = 200 };

static int complain(const char *format, const char *a) {
    fprintf(stderr, "lwmix fetch: ");
    fprintf(stderr, format, a);
    fputc('\n', stderr);
    return CLIENT_EXIT_USAGE;
}

/* ---- transfers ---- */

/* Not within itself: one that fails at once makes room for another. */
static void start_some(fetch *f) {
    if (f->starting)
        return;
    f->starting = true;
    while (f->next < f->count && f->running < f->at_once) {
        f->running++;
        fetch_start(&f->transfers[f->next++]);
    }
    f->starting = false;
    f->done = f->over == f->count;
}

void fetch_ended(transfer *t) {
    fetch *f = t->fetch;
    int exit_status = fetch_report_end(t);
    size_t at = (size_t)(t - f->transfers);
    if (exit_status != 0 && at < f->first_failed) {
        f->first_failed = at;
        f->exit_status = exit_status;
    }
    f->running--;
    f->over++;
    start_some(f);
}

/* Nothing more comes through the tunnel. */
static void fail_all(fetch *f, const mix_failure *why) {
    f->at_once = 0; /* no other starts */
    for (size_t i = 0; i < f->count; i++) {
        if (f->transfers[i].done)
            continue;
        f->running += i >= f->next;
        fetch_fail(&f->transfers[i], why);
    }
    f->done = true;
}

static void on_event(void *user, const mix_tunnel_event *ev) {
    fetch *f = user;
    for (size_t i = 0; ev->kind == MIX_TUNNEL_EVENT_FETCH && i < f->count; i++) {
        if (f->transfers[i].running && f->transfers[i].id == ev->id) {
            fetch_take_event(&f->transfers[i], ev);
            break;
        }
    }
    if (ev->kind == MIX_TUNNEL_EVENT_STATE && ev->state == MIX_TUNNEL_FAILED && f->up)
        fail_all(f, &ev->failure);
}

/* ---- from options to transfers ---- */

/* "Name: value"; "Name;" for an empty value; "Name:" for none of it at all. */
static int read_header(fetch *f, const char *text, bool *has_type) {
    char *copy = strdup(text), *end = copy ? copy + strcspn(copy, ":;") : NULL;
    if (!copy)
        return complain("%s", "out of memory");
    bool empty = *end == ';' && end[1] == 0;
    if (end == copy || (*end != ':' && !empty)) {
        free(copy);
        return complain("-H takes 'Name: value', not '%s'", text);
    }
    const char *value = *end ? end + 1 + strspn(end + 1, " \t") : "";
    *end = 0;
    *has_type |= strcasecmp(copy, "content-type") == 0;
    if (*value || empty)
        f->headers[f->header_count++] = (mix_header){copy, value};
    else
        free(copy);
    return 0;
}

static int read_headers(fetch *f) {
    bool has_type = false;
    int exit_status = 0;
    for (size_t i = 0; i < f->o.headers.count && exit_status == 0; i++)
        exit_status = read_header(f, f->o.headers.items[i], &has_type);
    if (exit_status == 0 && f->o.data.count > 0 && !has_type) {
        char *name = strdup("Content-Type");
        if (name)
            f->headers[f->header_count++] = (mix_header){name, "application/x-www-form-urlencoded"};
    }
    return exit_status;
}

/* A URL without a scheme is meant to be https. */
static int read_url(transfer *t, const char *text) {
    const char *scheme = strstr(text, "://") ? "" : "https://";
    const char *upload = t->fetch->o.upload, *name = upload ? strrchr(upload, '/') : NULL;
    bool folder = upload && strcmp(upload, "-") != 0 && *text && text[strlen(text) - 1] == '/';
    name = name ? name + 1 : upload;
    int len = snprintf(t->url, sizeof t->url, "%s%s%s", scheme, text, folder ? name : "");
    return *text && (size_t)len < sizeof t->url ? 0
                                                : complain("the URL '%.60s' cannot be used", text);
}

/* The last part of the URL's path. */
static int read_remote_name(transfer *t) {
    const char *path = strstr(t->url, "://") + 3, *name = path;
    size_t end = strcspn(path, "?#"), start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    name = path + start;
    size_t len = end - start;
    if (start == 0 || len == 0 || len >= NAME_MAX ||
        (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
        return complain("-O: '%s' names no file", t->url);
    snprintf(t->path, sizeof t->path, "%.*s", (int)len, name);
    return 0;
}

static int read_output(fetch *f, size_t i) {
    transfer *t = &f->transfers[i];
    const arg_list *outputs = &f->o.outputs;
    int exit_status = 0;
    if (i < outputs->count && strcmp(outputs->items[i], "-") != 0)
        snprintf(t->path, sizeof t->path, "%s", outputs->items[i]);
    else if (i >= outputs->count && f->o.remote_names)
        exit_status = read_remote_name(t);
    t->discards = f->o.json && !t->path[0];
    if (f->o.json && i < outputs->count && !t->path[0])
        return complain("%s", "-o -: standard output is for --json");
    for (size_t k = 0; k < i && exit_status == 0; k++) {
        if (t->path[0] && strcmp(t->path, f->transfers[k].path) == 0)
            return complain("two URLs would go to '%s'", t->path);
    }
    return exit_status;
}

static int read_transfers(fetch *f) {
    int exit_status = 0;
    f->at_once = FETCH_AT_ONCE;
    for (size_t i = 0; i < f->count && exit_status == 0; i++) {
        transfer *t = &f->transfers[i];
        t->fetch = f;
        t->expected = -1;
        t->digest = f->o.json ? EVP_MD_CTX_new() : NULL;
        if (t->digest)
            EVP_DigestInit_ex(t->digest, EVP_sha256(), NULL);
        exit_status = read_url(t, f->o.urls.items[i]);
        if (exit_status == 0)
            exit_status = read_output(f, i);
        if (!t->path[0] && !t->discards)
            f->at_once = 1; /* one answer behind the other */
    }
    if (exit_status == 0 && f->o.outputs.count > f->count)
        exit_status = complain("%s", "there are more -o than URLs");
    for (size_t i = 0; i < f->count && exit_status == 0; i++)
        exit_status = fetch_output_open(&f->transfers[i]);
    return exit_status;
}

/* ---- the command ---- */

static void on_progress(uv_timer_t *timer) {
    fetch_report_progress(timer->data);
}

static int work(fetch *f) {
    int exit_status = client_up(f->client);
    if (exit_status == 0) {
        f->up = true;
        f->started = host_now();
        start_some(f);
        if (f->shows_progress)
            uv_timer_start(&f->timer, on_progress, PROGRESS_MS, PROGRESS_MS);
        exit_status = client_run(f->client, &f->done);
        uv_timer_stop(&f->timer);
        fetch_report_clear(f);
    } else if (f->o.json && exit_status != CLIENT_EXIT_SIGNAL) {
        fetch_report_unstarted(f, client_failure(f->client));
    }
    return exit_status ? exit_status : f->exit_status;
}

static int run(fetch *f) {
    bool verbose = f->o.client.verbose || f->o.client.very_verbose,
         to_file = !isatty(STDOUT_FILENO);
    client_events events = {f, on_event};
    f->deadline = f->o.max_time ? host_now() + f->o.max_time : MIX_NEVER;
    f->o.client.setup_timeout = f->o.max_time;
    f->o.client.stream_timeout = f->o.connect_timeout;
    if (f->o.connect_timeout && !f->o.client.dns_timeout)
        f->o.client.dns_timeout = f->o.connect_timeout;
    for (size_t i = 0; i < f->count; i++)
        to_file |= f->transfers[i].path[0] != 0;
    f->shows_progress = isatty(STDERR_FILENO) && to_file && !verbose && !f->o.silent && !f->o.json;
    uv_timer_init(&f->loop, &f->timer);
    f->timer.data = f;
    int exit_status = client_new(&f->client, &f->loop, "fetch", &f->o.client, &events);
    if (exit_status == 0)
        exit_status = work(f);
    for (size_t i = 0; i < f->count; i++)
        fetch_abandon(&f->transfers[i]);
    if (f->up)
        client_down(f->client);
    for (size_t i = 0; i < f->count; i++) {
        if (fetch_busy(&f->transfers[i]))
            _exit(exit_status); /* a thread waits for a reader or a writer who may never come */
    }
    uv_close((uv_handle_t *)&f->timer, NULL);
    client_free(f->client);
    return exit_status;
}

static void free_fetch(fetch *f) {
    for (size_t i = 0; i < f->count; i++) {
        mix_buf_deinit(&f->transfers[i].front);
        EVP_MD_CTX_free(f->transfers[i].digest);
    }
    for (size_t i = 0; i < f->header_count; i++)
        free((char *)(uintptr_t)f->headers[i].name);
    mix_buf_deinit_wiped(&f->body.memory);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    uv_loop_close(&f->loop);
    free(f->transfers);
    free(f);
}

static void tell_help(const arg_option *options) {
    printf("usage: lwmix fetch [OPTION …] URL …\n\n"
           "Gets URLs through the mixnet. Several at once, each into a file of its own (-o, -O), "
           "or one after the other to\n"
           "standard output. A URL without a scheme is https.\n\n");
    args_help(stdout, options);
    printf("\n%s", client_exit_help);
}

static int begin(fetch *f) {
    const fetch_options *o = &f->o;
    if (f->count == 0)
        return complain("%s", "which URL? try 'lwmix fetch --help'");
    f->transfers = calloc(f->count, sizeof *f->transfers);
    if (!f->transfers)
        return complain("%s", "out of memory");
    if (o->head && (o->data.count > 0 || o->upload))
        return complain("%s", "-I sends no body: leave out -d and -T");
    int exit_status = read_headers(f);
    if (exit_status == 0)
        exit_status = fetch_body_read(f);
    if (exit_status == 0)
        exit_status = read_transfers(f);
    return exit_status ? exit_status : run(f);
}

int command_fetch(int argc, char **argv) {
    bool wants_help = false;
    fetch *f = calloc(1, sizeof *f);
    if (!f)
        return complain("%s", "out of memory");
    fetch_options *o = &f->o;
    o->max_redirects = (arg_number){20, 0, 1000};
    const arg_option options[] = {
        {"-X, --request", ARG_TEXT, &o->method, "METHOD",
         "instead of GET, or POST with -d, PUT with -T, HEAD with -I"},
        {"-H, --header", ARG_LIST, &o->headers, "'NAME: VALUE'", "send this header"},
        {"-d, --data", ARG_LIST, &o->data, "DATA",
         "send this; @FILE and @- without line ends; several are joined by '&'"},
        {"--data-binary", ARG_LIST, &o->data, "DATA", "send this; @FILE and @- as they are"},
        {"--data-raw", ARG_LIST, &o->data, "DATA", "send this, an @ too"},
        {"-T, --upload-file", ARG_TEXT, &o->upload, "FILE",
         "send the file, - for standard input, by PUT"},
        {"-A, --user-agent", ARG_TEXT, &o->client.user_agent, "TEXT",
         "in place of 'lwmix'; '' for none"},
        {"-o, --output", ARG_LIST, &o->outputs, "FILE",
         "write the first, second, … answer there; - for standard output"},
        {"-O, --remote-name", ARG_FLAG, &o->remote_names, NULL,
         "write into a file with the URL's last part as its name"},
        {"-i, --include", ARG_FLAG, &o->include, NULL, "write the answer's headers too"},
        {"-I, --head", ARG_FLAG, &o->head, NULL, "ask for the headers alone"},
        {"-L, --location", ARG_FLAG, &o->location, NULL, "follow redirects"},
        {"--max-redirs", ARG_NUMBER, &o->max_redirects, "N", "so many with -L (20)"},
        {"-f, --fail", ARG_FLAG, &o->fail, NULL, "fail where the server answers 400 or above"},
        {"-m, --max-time", ARG_TIME, &o->max_time, "SECONDS",
         "of everything, setting up the tunnel included"},
        {"--connect-timeout", ARG_TIME, &o->connect_timeout, "SECONDS",
         "for name, TCP and TLS each (10, 30)"},
        {"--compressed", ARG_FLAG, &o->compressed, NULL,
         "nothing new: answers are always asked for compressed, and decoded"},
        {"-s, --silent", ARG_FLAG, &o->silent, NULL, "no progress on the terminal"},
        {"--json", ARG_FLAG, &o->json, NULL,
         "one line of JSON for each URL; without -o only the body's SHA-256"},
        CLIENT_OPTIONS(&o->client),
        {0},
    };
    uv_loop_init(&f->loop);
    int exit_status = CLIENT_EXIT_USAGE;
    if (args_read("fetch", options, argc, argv, &o->urls, &wants_help)) {
        f->count = wants_help ? 0 : o->urls.count;
        f->first_failed = f->count;
        exit_status = 0;
        if (wants_help)
            tell_help(options);
        else
            exit_status = begin(f);
    }
    f->count = f->transfers ? f->count : 0;
    free_fetch(f);
    return exit_status;
}
