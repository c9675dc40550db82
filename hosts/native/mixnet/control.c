/* SPDX-License-Identifier: Apache-2.0 */
/* Lines in, lines out. While an answer is being written nothing more is read: a peer that does not
 * read cannot fill our memory. */
#include "mixnet/control.h"

#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct peer {
    uv_pipe_t pipe;
    struct control *control;
    mix_buf in, out;
    uv_write_t write;
    bool writing, last; /* last: it ends after this answer */
    struct peer *next, *previous;
} peer;

struct control {
    uv_loop_t *loop;
    uv_pipe_t listener;
    control_answer *answer;
    void *user;
    peer *peers;
    size_t count;
    bool closing;
    char chunk[4096];
};

/* --- peers --- */

static void read_more(peer *p);

static void peer_closed(uv_handle_t *handle) {
    peer *p = handle->data;
    if (p->previous)
        p->previous->next = p->next;
    else
        p->control->peers = p->next;
    if (p->next)
        p->next->previous = p->previous;
    p->control->count--;
    mix_buf_deinit(&p->in);
    mix_buf_deinit(&p->out);
    mix_free(p);
}

static void peer_close(peer *p) {
    if (!uv_is_closing((uv_handle_t *)&p->pipe))
        uv_close((uv_handle_t *)&p->pipe, peer_closed);
}

static void on_written(uv_write_t *write, int status) {
    peer *p = write->handle->data;
    p->writing = false;
    mix_buf_truncate(&p->out, 0);
    if (status != 0 || p->last)
        peer_close(p);
    else
        read_more(p);
}

static void send_answer(peer *p) {
    mix_buf_put_u8(&p->out, '\n');
    uv_buf_t b = uv_buf_init((char *)p->out.data, (unsigned)p->out.len);
    p->writing = mix_buf_status(&p->out) == MIX_OK &&
                 uv_write(&p->write, (uv_stream_t *)&p->pipe, &b, 1, on_written) == 0;
    if (!p->writing)
        peer_close(p);
}

/* Answers the first line that is there; false when there is no whole one. */
static bool take_line(peer *p) {
    const uint8_t *end = p->in.len > 0 ? memchr(p->in.data, '\n', p->in.len) : NULL;
    if (!end && p->in.len <= CONTROL_LINE_MAX)
        return false;
    size_t len = end ? (size_t)(end - p->in.data) : p->in.len;
    if (len > CONTROL_LINE_MAX) {
        mix_buf_put_str(&p->out, "{\"ok\":false,\"error\":\"the line is too long\"}");
        p->last = true;
    } else {
        p->control->answer(p->control->user, mix_bytes_of(p->in.data, len), &p->out);
        mix_buf_consume(&p->in, len + 1);
    }
    send_answer(p);
    return true;
}

static void give_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    peer *p = handle->data;
    (void)suggested;
    *out = uv_buf_init(p->control->chunk, sizeof p->control->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk) {
    peer *p = stream->data;
    if (n < 0) {
        peer_close(p);
        return;
    }
    mix_buf_put(&p->in, chunk->base, (size_t)n);
    if (mix_buf_status(&p->in) != MIX_OK)
        peer_close(p);
    else if (take_line(p))
        uv_read_stop(stream);
}

static void read_more(peer *p) {
    if (!take_line(p) && uv_read_start((uv_stream_t *)&p->pipe, give_chunk, on_read) != 0)
        peer_close(p);
}

static void on_connection(uv_stream_t *stream, int status) {
    control *c = stream->data;
    peer *p = status == 0 ? mix_alloc_zero(1, sizeof *p) : NULL;
    if (!p)
        return;
    p->control = c;
    p->next = c->peers;
    if (p->next)
        p->next->previous = p;
    c->peers = p;
    c->count++;
    uv_pipe_init(c->loop, &p->pipe, 0);
    p->pipe.data = p;
    if (uv_accept(stream, (uv_stream_t *)&p->pipe) != 0 || c->count > CONTROL_CONNECTIONS_MAX)
        peer_close(p);
    else
        read_more(p);
}

/* --- life --- */

/* Removes what a dead process left; 0, or the errno. */
static int make_room(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (lstat(path, &info) != 0)
        return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(info.st_mode))
        return EEXIST;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    int error = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? EADDRINUSE : errno;
    close(fd);
    if (error == EAGAIN) /* its queue is full: somebody is there */
        return EADDRINUSE;
    if (error != ECONNREFUSED)
        return error;
    return unlink(path) == 0 ? 0 : errno;
}

static int bind_privately(control *c, const char *path) {
    mode_t before = umask(0177);
    int error = uv_pipe_bind(&c->listener, path);
    umask(before);
    return error ? error : uv_listen((uv_stream_t *)&c->listener, 511, on_connection);
}

int control_new(control **out, uv_loop_t *loop, const char *path, control_answer *answer,
                void *user, mix_error *e) {
    if (strlen(path) > CONTROL_PATH_MAX)
        return mix_error_note(e, MIX_ERR_LISTEN, "mixnet", ENAMETOOLONG,
                              "%s: a socket's path has %d bytes at most", path, CONTROL_PATH_MAX);
    int error = make_room(path);
    if (error == EADDRINUSE)
        return mix_error_note(e, MIX_ERR_LISTEN, "mixnet", error, "%s: another mixnet runs here",
                              path);
    if (error)
        return mix_error_note(e, MIX_ERR_LISTEN, "mixnet", error, "%s: %s", path, strerror(error));
    control *c = mix_alloc_zero(1, sizeof *c);
    if (!c)
        return mix_error_note(e, MIX_ERR_MEMORY, "mixnet", 0, "%s: no memory", path);
    c->loop = loop;
    c->answer = answer;
    c->user = user;
    *out = c;
    uv_pipe_init(loop, &c->listener, 0);
    c->listener.data = c;
    error = bind_privately(c, path);
    return error ? mix_error_note(e, MIX_ERR_LISTEN, "mixnet", error, "%s: %s", path,
                                  uv_strerror(error))
                 : MIX_OK;
}

void control_close(control *c) {
    if (!c || c->closing)
        return;
    c->closing = true;
    for (peer *p = c->peers; p; p = p->next)
        peer_close(p);
    uv_close((uv_handle_t *)&c->listener, NULL); /* and its file goes */
}

void control_free(control *c) {
    if (!c)
        return;
    assert(!c->peers);
    mix_free(c);
}
