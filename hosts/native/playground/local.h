/* SPDX-License-Identifier: Apache-2.0 */
/* The playground's local mixnet: a process of its own, or one that runs already. */
#ifndef HOSTS_NATIVE_PLAYGROUND_LOCAL_H
#define HOSTS_NATIVE_PLAYGROUND_LOCAL_H

#include "base/buf.h"
#include "base/error.h"

#include <limits.h>
#include <uv.h>

typedef struct local {
    char folder[PATH_MAX]; /* its state */
    bool temporary;        /* the folder is ours to remove */
    uv_process_t process;
    uv_pipe_t alive, ready; /* its stdin, which ends it when it closes; its stdout */
    mix_buf line;
    void *user;
    void (*on_ready)(void *user);
    /* It has ended, with this exit status or by this signal. */
    void (*on_end)(void *user, int64_t status, int signal);
    bool running, told_ready;
} local;

/* Makes a folder for it, with certificates in it. MIX_ERR_STATE_FOLDER, MIX_ERR_CERTIFICATE. */
int local_init(local *l, mix_error *e);
/* Starts it: so many mixes a layer; arguments: more of `lwmix mixnet`, up to a NULL. Then on_ready
 * or on_end. MIX_ERR_STATE_FOLDER: it cannot be started. */
int local_start(local *l, uv_loop_t *loop, long mixes, const char *const *arguments, mix_error *e);
void local_stop(local *l); /* on_end follows, if it runs */
void local_deinit(local *l);

/* Where the site is for the page; NULL members: there is none. */
typedef struct local_site {
    const char *http, *https, *ws, *wss, *direct;
} local_site;
/* Appends the page's configuration: what the network of this folder has that a browser can use, as
 * JSON; and the policy of the page. MIX_ERR_STATE_FOLDER, MIX_ERR_NETWORK_FILE: e says what is
 * missing. */
int local_describe(const char *folder, const local_site *site, mix_buf *config, mix_buf *policy,
                   mix_error *e);

#endif
