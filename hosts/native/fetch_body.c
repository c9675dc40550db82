/* SPDX-License-Identifier: Apache-2.0 */
/* The body of lwmix fetch's requests. What is small is read before anything is sent, so that it can
 * be sent again behind a redirect; what is large, or comes by a pipe, streams. */
#include "fetch.h"

#include "env.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL = 1 << 20 };

static int complain(const char *option, const char *what, const char *why) {
    fprintf(stderr, "lwmix fetch: %s %s: %s\n", option, what, why);
    return CLIENT_EXIT_USAGE;
}

static size_t strip(uint8_t *data, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n' && data[i] != '\r' && data[i] != 0)
            data[n++] = data[i];
    }
    return n;
}

/* A pipe, or a file that is not small: it streams. False: it is read as a whole. */
static bool streams(fetch_body *b, const char *path) {
    struct stat s;
    b->path = path;
    b->length = -1;
    if (strcmp(path, "-") != 0) {
        if (stat(path, &s) != 0)
            return false; /* reading it will say why */
        if (S_ISREG(s.st_mode) && s.st_size <= SMALL)
            return false;
        if (S_ISREG(s.st_mode) && !b->strips)
            b->length = s.st_size;
    }
    return true;
}

static int read_small(fetch_body *b, const char *option, const char *path) {
    size_t mark = b->memory.len;
    int error = host_path_read(path, &b->memory);
    if (error)
        return complain(option, path, strerror(error));
    if (b->strips)
        b->memory.len = mark + strip(b->memory.data + mark, b->memory.len - mark);
    return 0;
}

static int read_item(fetch_body *b, const char *option, const char *item, bool only) {
    b->strips = strcmp(option, "-d, --data") == 0;
    if (item[0] != '@' || strcmp(option, "--data-raw") == 0) {
        mix_buf_put_str(&b->memory, item);
        return 0;
    }
    b->streams = streams(b, item + 1);
    if (b->streams && !only)
        return complain(option, item, "a pipe or a large file can only be the whole body");
    return b->streams ? 0 : read_small(b, option, item + 1);
}

int fetch_body_read(fetch *f) {
    const arg_list *data = &f->o.data;
    fetch_body *b = &f->body;
    int exit_status = 0;
    b->present = data->count > 0 || f->o.upload;
    if (data->count > 0 && f->o.upload)
        return complain("-T, --upload-file", f->o.upload, "there is other data to send too");
    for (size_t i = 0; i < data->count && exit_status == 0; i++) {
        if (i > 0)
            mix_buf_put_str(&b->memory, "&");
        exit_status = read_item(b, data->names[i], data->items[i], data->count == 1);
    }
    if (f->o.upload) {
        b->streams = streams(b, f->o.upload);
        exit_status = b->streams ? 0 : read_small(b, "-T, --upload-file", f->o.upload);
    }
    if (exit_status == 0 && b->streams && strcmp(b->path, "-") == 0 && f->count > 1)
        return complain("standard input", "", "it can be sent to one URL only");
    if (exit_status == 0 && b->streams && strcmp(b->path, "-") != 0 && access(b->path, R_OK) != 0)
        return complain("the body", b->path, strerror(errno));
    return exit_status;
}

static void on_read(void *user) {
    transfer *t = user;
    const fetch_body *b = &t->fetch->body;
    if (t->done)
        return;
    if (t->in.error) {
        fetch_fail_here(t, "%s: %s", b->path, strerror(t->in.error));
        return;
    }
    t->in_end = t->in.len == 0;
    if (b->strips)
        t->in.len = strip(t->in.piece, t->in.len);
    if (b->length >= 0 && t->in.len > (uint64_t)b->length - t->uploaded) /* it has grown */
        t->in.len = (size_t)((uint64_t)b->length - t->uploaded);
    t->uploaded += t->in.len;
    t->in_end |= b->length >= 0 && t->uploaded == (uint64_t)b->length;
    t->in_at = 0;
    fetch_body_push(t);
    client_wake(t->fetch->client);
}

int fetch_body_open(transfer *t) {
    const char *path = t->fetch->body.path;
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    flow_init(&t->in, &t->fetch->loop, fd, on_read, t);
    return 0;
}

static void end_body(transfer *t) {
    const fetch_body *b = &t->fetch->body;
    t->in_over = true;
    if (b->length >= 0 && t->uploaded < (uint64_t)b->length)
        fetch_fail_here(t, "%s: it has become shorter while it was sent", b->path);
    else
        (void)mix_tunnel_fetch_end(client_tunnel(t->fetch->client), t->id, host_now());
}

void fetch_body_push(transfer *t) {
    mix_tunnel *tunnel = client_tunnel(t->fetch->client);
    if (!t->fetch->body.streams || t->in.busy || t->in_over || t->done)
        return;
    while (t->in_at < t->in.len) {
        size_t taken = 0;
        int status = mix_tunnel_fetch_write(tunnel, t->id, t->in.piece + t->in_at,
                                            t->in.len - t->in_at, &taken, host_now());
        t->in_at += taken;
        if (status == MIX_BLOCKED)
            return;
        if (status != MIX_OK) { /* it has ended; its own event says why */
            t->in_over = true;
            return;
        }
    }
    if (t->in_end)
        end_body(t);
    else
        flow_read(&t->in);
}
