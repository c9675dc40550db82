/* SPDX-License-Identifier: Apache-2.0 */
/* What all contexts of libwebsockets on a libuv loop have in common. */
#ifndef HOSTS_NATIVE_LWS_H
#define HOSTS_NATIVE_LWS_H

#include <libwebsockets.h>
#include <uv.h>

/* loops: one, which stays where it is until the context is made. It says nothing on its own, and
 * listens nowhere until it gets a vhost. */
static inline struct lws_context_creation_info host_lws_info(void *loops[static 1], void *user) {
    lws_set_log_level(0, NULL);
    return (struct lws_context_creation_info){
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN,
        .foreign_loops = loops,
        .user = user,
        .pt_serv_buf_size = 65536,
    };
}

#endif
