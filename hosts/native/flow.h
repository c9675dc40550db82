/* SPDX-License-Identifier: Apache-2.0 */
/* A file descriptor, read or written piece by piece in libuv's thread pool: neither a slow disk nor
 * a reader that pauses stops the loop, whatever stands behind the descriptor. */
#ifndef HOSTS_NATIVE_FLOW_H
#define HOSTS_NATIVE_FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { FLOW_PIECE = 65536 };

typedef struct flow {
    uv_loop_t *loop;
    int fd;
    /* Called from the loop when a piece is done, not within flow_read and flow_write. */
    void (*done)(void *user);
    void *user;
    bool busy;  /* a piece is under way: piece and len are its own */
    int error;  /* an errno: what went wrong with the last one */
    size_t len; /* of the last one that was read; 0: there is no more */
    uint8_t piece[FLOW_PIECE];
    bool writes;
    uv_work_t work;
} flow;

/* The flow must stay where it is. What stands in piece is the caller's while it is not busy. */
void flow_init(flow *f, uv_loop_t *loop, int fd, void (*done)(void *user), void *user);
void flow_read(flow *f);              /* some of what comes next */
void flow_write(flow *f, size_t len); /* all of the first len bytes of piece */

#endif
