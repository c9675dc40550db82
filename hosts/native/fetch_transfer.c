/* SPDX-License-Identifier: Apache-2.0 */
/* One request of lwmix fetch: from the tunnel into a file or to standard output, as fast as that
 * takes it. A file grows under the name FILE.part and gets its own name when it is whole. */
#include "fetch.h"

#include "env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static void take(transfer *t);

/* ---- the output ---- */

static int complain(const char *path, int error) {
    fprintf(stderr, "lwmix fetch: %s: %s\n", path, strerror(error));
    return CLIENT_EXIT_STORAGE;
}

static void on_written(void *user) {
    transfer *t = user;
    if (t->done)
        return;
    if (t->out.error)
        fetch_fail_here(t, "%s: %s", t->path[0] ? t->path : "standard output",
                        strerror(t->out.error));
    else
        take(t);
    client_wake(t->fetch->client);
}

/* A file of its own beside the one that may be there, whose permissions it takes. */
static int open_part(transfer *t, const struct stat *old) {
    if (snprintf(t->part, sizeof t->part, "%s.part", t->path) >= (int)sizeof t->part)
        return ENAMETOOLONG;
    t->fd = open(t->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (t->fd >= 0 && old)
        (void)fchmod(t->fd, old->st_mode & 0777);
    return t->fd < 0 ? errno : 0;
}

int fetch_output_open(transfer *t) {
    struct stat old;
    int error = 0;
    t->fd = STDOUT_FILENO;
    if (t->path[0]) {
        bool is_there = stat(t->path, &old) == 0;
        char real[PATH_MAX];
        if (is_there &&
            realpath(t->path, real)) /* what a link leads to is replaced, not the link */
            snprintf(t->path, sizeof t->path, "%s", real);
        if (is_there && S_ISDIR(old.st_mode))
            error = EISDIR;
        else if (is_there && !S_ISREG(old.st_mode)) /* a device, a pipe */
            error = (t->fd = open(t->path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)) < 0 ? errno : 0;
        else
            error = open_part(t, is_there ? &old : NULL);
    }
    flow_init(&t->out, &t->fetch->loop, t->fd, on_written, t);
    return error ? complain(t->path, error) : 0;
}

/* Everything is there: the file gets its name. What is not whole stays where it grew. */
static void close_output(transfer *t, bool whole) {
    if (!t->path[0])
        return;
    int error = close(t->fd) != 0 ? errno : 0;
    if (t->part[0] && whole && !error && rename(t->part, t->path) != 0)
        error = errno;
    if (error && whole)
        snprintf(t->local, sizeof t->local, "%.300s: %s", t->path, strerror(error));
    if (t->part[0] && !whole && t->received == 0)
        (void)unlink(t->part);
}

bool fetch_busy(const transfer *t) {
    return t->out.busy || t->in.busy;
}

/* ---- the end ---- */

/* The request stays until fetch_ended has told of it. */
static void end(transfer *t) {
    if (t->done)
        return;
    bool whole = t->failure.code == MIX_OK && !t->local[0] && !t->refused;
    t->done = true;
    close_output(t, whole);
    fetch_ended(t);
    if (t->running)
        mix_tunnel_fetch_close(client_tunnel(t->fetch->client), t->id, host_now());
    t->running = false;
}

void fetch_abandon(transfer *t) {
    if (t->done)
        return;
    t->done = true;
    t->running = false;
    if (t->part[0] && t->received > 0)
        fprintf(stderr, "lwmix fetch: ended early; what came is in %s\n", t->part);
    close_output(t, false);
}

void fetch_fail_here(transfer *t, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(t->local, sizeof t->local, format, list);
    va_end(list);
    end(t);
}

void fetch_fail(transfer *t, const mix_failure *why) {
    t->failure = *why;
    end(t);
}

/* ---- what comes ---- */

/* A terminal is no place for bytes that are no text, unless "-o -" says so. */
static bool spoils_terminal(const transfer *t, const uint8_t *data, size_t len) {
    return t->fetch->o.outputs.count == 0 && !t->path[0] && isatty(STDOUT_FILENO) &&
           memchr(data, 0, len);
}

static bool put(transfer *t, size_t len) {
    if (t->received == 0 && spoils_terminal(t, t->out.piece, len)) {
        fetch_fail_here(t, "the answer is binary; use -o FILE, or -o - to see it on the terminal");
        return false;
    }
    t->received += len;
    if (t->digest)
        EVP_DigestUpdate(t->digest, t->out.piece, len);
    if (!t->discards)
        flow_write(&t->out, len);
    return true;
}

/* The next piece, when the one before is written. */
static void take(transfer *t) {
    while (!t->done && !t->out.busy && t->front.len > 0) {
        size_t len = t->front.len < FLOW_PIECE ? t->front.len : FLOW_PIECE;
        memcpy(t->out.piece, t->front.data, len);
        mix_buf_consume(&t->front, len);
        flow_write(&t->out, len);
    }
    if (t->finished && !t->responded)
        end(t);
    while (!t->done && !t->out.busy && t->responded) {
        size_t got = 0;
        int status = mix_tunnel_fetch_read(client_tunnel(t->fetch->client), t->id, t->out.piece,
                                           FLOW_PIECE, &got, host_now());
        if (status == MIX_DONE)
            return;
        if (status == MIX_OK && got > 0) {
            if (!put(t, got))
                return;
            continue;
        }
        if (status != MIX_OK && !t->finished)
            return; /* the event that says why is on its way */
        if (status != MIX_OK && t->failure.code == MIX_OK)
            t->failure = (mix_failure){.code = status, .layer = "fetch"};
        end(t);
    }
}

/* The length of the body as it will be written, if the headers tell. */
static int64_t announced(const transfer *t, const mix_response *r) {
    const mix_tunnel *tunnel = client_tunnel(t->fetch->client);
    int64_t length = -1;
    mix_header h;
    if (r->null_body)
        return 0;
    for (size_t i = 0; mix_tunnel_fetch_header(tunnel, t->id, i, &h); i++) {
        if (strcasecmp(h.name, "content-encoding") == 0)
            return -1;
        if (strcasecmp(h.name, "content-length") == 0)
            length = strtoll(h.value, NULL, 10);
    }
    return length;
}

static void on_response(transfer *t) {
    const fetch_options *o = &t->fetch->o;
    mix_response r;
    if (mix_tunnel_fetch_response(client_tunnel(t->fetch->client), t->id, &r) != MIX_OK)
        return;
    t->responded = true;
    t->expected = announced(t, &r);
    if (o->client.verbose || o->client.very_verbose)
        fetch_report_verbose(t);
    if (o->fail && r.status >= 400) {
        t->refused = r.status;
        end(t);
        return;
    }
    if ((o->include || o->head) && !t->discards) {
        fetch_report_heads(&t->front, t);
        if (mix_buf_status(&t->front) != MIX_OK)
            fetch_fail(t, &(mix_failure){.code = MIX_ERR_MEMORY, .layer = "host"});
    }
}

void fetch_take_event(transfer *t, const mix_tunnel_event *ev) {
    if (t->done)
        return;
    if (ev->what == MIX_FETCH_WHAT_RESPONSE)
        on_response(t);
    if (ev->what == MIX_FETCH_WHAT_WRITABLE)
        fetch_body_push(t);
    if (ev->what == MIX_FETCH_WHAT_FINISHED) {
        t->finished = true;
        t->failure = ev->failure;
    }
    /* When the time is up nobody waits for a reader that takes nothing. */
    if (t->finished && t->failure.code == MIX_ERR_HTTP_TIMEOUT)
        end(t);
    take(t);
}

/* ---- the beginning ---- */

static const char *method_of(const fetch_options *o, const fetch_body *b) {
    if (o->method)
        return o->method;
    if (o->head)
        return "HEAD";
    return o->upload ? "PUT" : b->present ? "POST" : "GET";
}

void fetch_start(transfer *t) {
    fetch *f = t->fetch;
    const fetch_body *b = &f->body;
    mix_time now = host_now();
    mix_request request = {
        .method = method_of(&f->o, b),
        .url = t->url,
        .headers = f->headers,
        .header_count = f->header_count,
        .has_body = b->present && !b->streams,
        .body = b->memory.data,
        .body_len = b->memory.len,
        .streams = b->streams,
        .stream_length = b->length,
        .redirect = f->o.location ? MIX_REDIRECT_FOLLOW : MIX_REDIRECT_MANUAL,
        .max_redirects = f->o.max_redirects.value == 0 ? -1 : (int)f->o.max_redirects.value,
        .timeout = f->deadline == MIX_NEVER ? 0
                   : f->deadline > now      ? f->deadline - now
                                            : 1,
    };
    int error = b->streams ? fetch_body_open(t) : 0;
    if (error) {
        fetch_fail_here(t, "%s: %s", b->path, strerror(error));
        return;
    }
    int status = mix_tunnel_fetch(client_tunnel(f->client), &t->id, &request, now);
    t->running = status == MIX_OK;
    if (t->running)
        fetch_body_push(t);
    else
        fetch_fail(t, &(mix_failure){.code = status, .layer = "fetch"});
}
