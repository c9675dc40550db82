/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: a Unix socket for its owner alone, on which each line is a request and each
 * request gets one line. */
#ifndef HOSTS_NATIVE_MIXNET_CONTROL_H
#define HOSTS_NATIVE_MIXNET_CONTROL_H

#include "base/buf.h"
#include "base/error.h"

#include <uv.h>

enum {
    CONTROL_LINE_MAX = 65536, /* of a request; a longer one ends the connection */
    CONTROL_CONNECTIONS_MAX = 64,
    CONTROL_PATH_MAX = 107, /* bytes of a Unix socket's path */
};

typedef struct control control;

/* Appends the answer to a request (neither has the line's end). */
typedef void control_answer(void *user, mix_bytes request, mix_buf *answer);

/* Listens on the path; a socket that a dead process left there is replaced. MIX_ERR_LISTEN names
 * path and reason, one of which is that another process listens there. */
int control_new(control **out, uv_loop_t *loop, const char *path, control_answer *answer,
                void *user, mix_error *e);
void control_close(control *c); /* removes the socket; the loop must run to its end. NULL is fine */
void control_free(control *c);

#endif
