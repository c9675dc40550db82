/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking calls, in a thread. */
#include "flow.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

void flow_init(flow *f, uv_loop_t *loop, int fd, void (*done)(void *user), void *user) {
    f->loop = loop;
    f->fd = fd;
    f->done = done;
    f->user = user;
    f->busy = false;
    f->error = 0;
    f->len = 0;
    f->work.data = f;
}

/* True: the call is worth another try. Descriptors that we were given may be non-blocking. */
static bool again(const flow *f) {
    struct pollfd waits = {.fd = f->fd, .events = f->writes ? POLLOUT : POLLIN};
    if (errno == EINTR)
        return true;
    return errno == EAGAIN && (poll(&waits, 1, -1) >= 0 || errno == EINTR);
}

static void read_piece(flow *f) {
    ssize_t n;
    do
        n = read(f->fd, f->piece, FLOW_PIECE);
    while (n < 0 && again(f));
    f->error = n < 0 ? errno : 0;
    f->len = n < 0 ? 0 : (size_t)n;
}

static void write_piece(flow *f) {
    f->error = 0;
    for (size_t done = 0; done < f->len;) {
        ssize_t n = write(f->fd, f->piece + done, f->len - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (!again(f)) {
            f->error = errno;
            return;
        }
    }
}

static void on_work(uv_work_t *work) {
    flow *f = work->data;
    if (f->writes)
        write_piece(f);
    else
        read_piece(f);
}

static void on_done(uv_work_t *work, int status) {
    flow *f = work->data;
    (void)status; /* nobody cancels it */
    f->busy = false;
    f->done(f->user);
}

static void begin(flow *f, bool writes) {
    f->writes = writes;
    f->busy = true;
    (void)uv_queue_work(f->loop, &f->work, on_work, on_done); /* fails only without a function */
}

void flow_read(flow *f) {
    begin(f, false);
}

void flow_write(flow *f, size_t len) {
    f->len = len;
    begin(f, true);
}
