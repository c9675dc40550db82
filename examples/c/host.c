/* SPDX-License-Identifier: Apache-2.0 */
/* The directory by HTTP, the gateway by a WebSocket, one timer; everything else is the tunnel's. */
#include "host.h"

#include <libwebsockets.h>
#include <string.h>

enum { MESSAGE_MAX = 1 << 20 };
static struct lws_context *context;
static lws_sorted_usec_list_t timer;
static mix_tunnel *tunnel;
static host h;
static struct lws *link_wsi; /* the WebSocket to the gateway, if there is one */
static uint32_t link_number;
static bool link_open, over;
static uint8_t message[MESSAGE_MAX], space[LWS_PRE + MESSAGE_MAX];
static size_t have; /* bytes of message */

mix_time host_now(void) { return lws_now_usecs(); }
static int fill_random(void *user, uint8_t *out, size_t len) {
    return lws_get_random(context, out, len) == len ? 0 : -1;
}

static int64_t wall_time(void *user) { return (int64_t)lws_now_secs() * 1000000; }

/* A GET with its id, or with 0 the link to the gateway. What becomes of it, on_line hears. */
static void dial(const char *url, uint64_t id) {
    struct lws_client_connect_info info = {
        .context = context, .alpn = "http/1.1", .local_protocol_name = "host"};
    char text[512], path[512];
    const char *scheme, *host, *rest;
    snprintf(text, sizeof text, "%s", url);
    if (lws_parse_uri(text, &scheme, &host, &info.port, &rest) != 0)
        return; /* the tunnel gives up waiting for it */
    snprintf(path, sizeof path, "/%s", rest);
    info.path = path;
    info.host = host;
    info.address = h.address ? h.address : host;
    info.ssl_connection = strcmp(scheme, "https") == 0 || strcmp(scheme, "wss") == 0 ? LCCSCF_USE_SSL : 0;
    info.method = id ? "GET" : NULL;
    info.pwsi = id ? NULL : &link_wsi;
    info.opaque_user_data = (void *)(uintptr_t)id;
    lws_client_connect_via_info(&info);
}

/* Everything that can be done now; and again at the tunnel's next deadline. */
static void pump(lws_sorted_usec_list_t *unused) {
    mix_tunnel_event ev;
    mix_tunnel_call call;
    mix_tunnel_order order;
    if (mix_tunnel_deadline(tunnel) <= host_now())
        mix_tunnel_tick(tunnel, host_now());
    while (!over && mix_tunnel_next(tunnel, &ev, host_now()) == MIX_OK)
        over = !h.event(tunnel, &ev, h.user);
    while (mix_tunnel_drain_call(tunnel, &call, host_now()) == MIX_OK)
        if (!call.cancel) /* what comes of a cancelled one is ignored */
            dial(call.url, call.id);
    while (!link_wsi && mix_tunnel_drain_link(tunnel, &order, host_now()) == MIX_OK)
        if (order.act == MIX_TUNNEL_CONNECT) {
            link_number = order.link;
            dial((const char *)order.data, 0);
        }
    if (link_open)
        lws_callback_on_writable(link_wsi); /* the other orders are for send_next */
    mix_time at = mix_tunnel_deadline(tunnel), wait = at - host_now();
    if (over)
        lws_cancel_service(context);
    else if (at != MIX_NEVER)
        lws_sul_schedule(context, 0, &timer, pump, wait > 0 ? wait : 1);
}

/* One message to the gateway; −1 to hang up. */
static int send_next(void) {
    mix_tunnel_order order;
    if (mix_tunnel_drain_link(tunnel, &order, host_now()) != MIX_OK)
        return 0;
    if (order.act == MIX_TUNNEL_CLOSE || order.len > MESSAGE_MAX)
        return -1;
    memcpy(space + LWS_PRE, order.data, order.len);
    lws_callback_on_writable(link_wsi);
    bool text = order.act == MIX_TUNNEL_SEND_TEXT;
    int sent = lws_write(link_wsi, space + LWS_PRE, order.len, text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
    return sent < 0 ? -1 : 0;
}

/* A message from the gateway may come in pieces. */
static int receive(struct lws *wsi, const void *in, size_t len) {
    have = lws_is_first_fragment(wsi) ? 0 : have;
    if (len > MESSAGE_MAX - have)
        return -1;
    memcpy(message + have, in, len);
    have += len;
    if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0)
        mix_tunnel_feed_link(tunnel, link_number, lws_frame_is_binary(wsi), message, have, host_now());
    lws_sul_schedule(context, 0, &timer, pump, 1);
    return 0;
}

static int on_line(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
    uint64_t id = (uintptr_t)lws_get_opaque_user_data(wsi);
    mix_tunnel_answer answer = {.id = id, .status = 200, .body = in, .len = len};
    char *piece = (char *)space + LWS_PRE;
    if (reason == LWS_CALLBACK_CLIENT_WRITEABLE)
        return send_next();
    if (reason == LWS_CALLBACK_CLIENT_RECEIVE)
        return receive(wsi, in, len);
    if (reason == LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP)
        return lws_http_client_http_response(wsi) == (id ? 200 : 101) ? 0 : -1;
    if (reason == LWS_CALLBACK_RECEIVE_CLIENT_HTTP) /* leads to _READ */
        return lws_http_client_read(wsi, &piece, &(int){65536});
    bool ended = reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR || reason == LWS_CALLBACK_CLIENT_CLOSED ||
                 reason == LWS_CALLBACK_CLOSED_CLIENT_HTTP;
    answer.last = reason == LWS_CALLBACK_COMPLETED_CLIENT_HTTP;
    answer.failure = ended ? "no connection" : NULL;
    if (id && (ended || answer.last || reason == LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ)) {
        mix_tunnel_feed_answer(tunnel, &answer, host_now());
    } else if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
        link_open = true;
        mix_tunnel_link_opened(tunnel, link_number, host_now());
    } else if (ended) {
        link_open = false;
        link_wsi = NULL;
        mix_tunnel_link_closed(tunnel, link_number, 0, answer.failure, host_now());
    } else {
        return 0;
    }
    lws_sul_schedule(context, 0, &timer, pump, 1);
    return 0;
}

int host_run(const host *options, mix_failure *why) {
    static const struct lws_protocols protocols[] = {{"host", on_line, 0, 65536, 0, NULL, 0}, {0}};
    static const mix_env env = {.random = fill_random, .wall_time = wall_time};
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols};
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.client_ssl_ca_filepath = "/etc/ssl/certs/ca-certificates.crt";
    h = *options;
    lws_set_log_level(0, NULL);
    context = lws_create_context(&info);
    int status = context ? mix_tunnel_new(&tunnel, &h.config, &env, why) : MIX_ERR_MEMORY;
    if (status == MIX_OK && (status = mix_tunnel_start(tunnel, host_now())) == MIX_OK)
        pump(NULL);
    while (status == MIX_OK && !over && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    mix_tunnel_free(tunnel);
    return status;
}
