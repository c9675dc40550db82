/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP listeners of the playground, on libwebsockets: its page, and the site behind the exit, which
 * also echoes WebSocket messages. */
#ifndef HOSTS_NATIVE_PLAYGROUND_SERVE_H
#define HOSTS_NATIVE_PLAYGROUND_SERVE_H

#include "base/address.h"
#include "base/error.h"
#include "playground/page.h"

#include <uv.h>

typedef struct serve serve;
typedef enum serve_kind { SERVE_PAGE, SERVE_SITE, SERVE_SITE_TLS } serve_kind;

/* Borrows the page for life. MIX_ERR_MEMORY. */
int serve_new(serve **out, uv_loop_t *loop, const page *p);
void serve_close(
    serve *s);             /* starts closing, from outside of the loop, which must run to its end */
void serve_free(serve *s); /* after that; NULL is fine */

/* Port 0 takes a free one, which is written back. folder: of server.pem and server.key, for
 * SERVE_SITE_TLS. MIX_ERR_LISTEN. */
int serve_listen(serve *s, serve_kind kind, mix_address *at, const char *folder, mix_error *e);

/* What /config.json says, and the policy under which the page runs: header lines for every file of
 * the page. Both are copied. MIX_ERR_MEMORY. */
int serve_configure(serve *s, const char *config, const char *policy);

#endif
