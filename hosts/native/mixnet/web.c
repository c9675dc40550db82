/* SPDX-License-Identifier: Apache-2.0 */
/* One libwebsockets context on the daemon's loop, one virtual host a listener. */
#include "mixnet/web.h"

#include "base/alloc.h"
#include "base/map.h"
#include "lws.h"

#include <limits.h>

enum { VHOSTS_MAX = 1024, HEADERS_MAX = 2048 };

/* A client of a gateway, or a request to the directory. Lives in libwebsockets' per-session memory.
 */
typedef struct session {
    uint64_t id; /* 0: none of ours yet */
    struct lws *wsi;
    long owner;
    mix_buf incoming;
    bool ending; /* its close was written */
    mixnet_answer answer;
    bool answered;
} session;

typedef struct place {
    long owner;
    struct web *web;
    struct lws_vhost *vhost;
    char name[32], host[64]; /* libwebsockets keeps pointers to them */
} place;

struct web {
    struct lws_context *context;
    const mix_env *env;
    web_events events;
    char certificate[PATH_MAX], key[PATH_MAX];
    place places[VHOSTS_MAX];
    size_t place_count;
    mix_map sessions; /* by id */
    uint64_t last_id;
    web_stats stats;
    bool closing;
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len);

static const struct lws_protocols protocols[] = {
    {.name = "lwmix",
     .callback = on_event,
     .per_session_data_size = sizeof(session),
     .rx_buffer_size = 32768},
    LWS_PROTOCOL_LIST_TERM,
};

/* --- life --- */

int web_new(web **out, uv_loop_t *loop, const char *folder, const web_events *events,
            const mix_env *env) {
    web *w = mix_alloc_zero(1, sizeof *w);
    void *loops[] = {loop};
    if (!w)
        return MIX_ERR_MEMORY;
    w->env = env;
    w->events = *events;
    snprintf(w->certificate, sizeof w->certificate, "%s/server.pem", folder);
    snprintf(w->key, sizeof w->key, "%s/server.key", folder);
    int status = mix_map_init(&w->sessions, sizeof(uint64_t), WEB_CONNECTIONS_MAX, env);
    struct lws_context_creation_info info = host_lws_info(loops, w);
    info.options |= LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    w->context = status == MIX_OK ? lws_create_context(&info) : NULL;
    if (!w->context) {
        mix_free(w);
        return status == MIX_OK ? MIX_ERR_MEMORY : status;
    }
    *out = w;
    return MIX_OK;
}

void web_close(web *w) {
    if (!w || w->closing)
        return;
    w->closing = true;
    lws_context_destroy(w->context);
}

void web_free(web *w) {
    if (!w)
        return;
    if (w->closing)
        lws_context_destroy(w->context); /* the second call, behind the loop, frees it */
    mix_map_deinit(&w->sessions);
    mix_free(w);
}

int web_listen(web *w, long owner, const char *host, uint16_t *port, bool tls, mix_error *e) {
    if (w->place_count == VHOSTS_MAX)
        return MIX_ERR_LIMIT;
    place *p = &w->places[w->place_count];
    *p = (place){.owner = owner, .web = w};
    snprintf(p->name, sizeof p->name, "v%zu", w->place_count);
    snprintf(p->host, sizeof p->host, "%s", host);
    struct lws_context_creation_info info = {
        .port = *port,
        .iface = p->host,
        .vhost_name = p->name,
        .protocols = protocols,
        .user = p,
        .keepalive_timeout = 60,
        .timeout_secs = 20,
        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
    };
    if (tls) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = w->certificate;
        info.ssl_private_key_filepath = w->key;
    }
    p->vhost = lws_create_vhost(w->context, &info);
    if (!p->vhost)
        return mix_error_note(e, MIX_ERR_LISTEN, "mixnet", 0,
                              "%s:%u: cannot be listened on (is the port taken?)", host, *port);
    w->place_count++;
    *port = (uint16_t)lws_get_vhost_listen_port(p->vhost);
    return MIX_OK;
}

static place *place_of(struct lws *wsi) {
    struct lws_vhost *vhost = lws_get_vhost(wsi);
    return vhost ? lws_get_vhost_user(vhost) : NULL;
}

/* --- the directory, and metrics --- */

static void answer_request(web *w, session *s, long owner, const char *method, const char *path,
                           mix_bytes query) {
    mixnet_request q = {mix_bytes_str(method), mix_bytes_str(path), query,
                        mix_buf_bytes(&s->incoming)};
    w->stats.requests++;
    s->answer = (mixnet_answer){0};
    w->events.request(w->events.user, owner, &q, &s->answer);
    s->answered = true;
}

static const char *method_of(int index) {
    switch (index) {
    case LWSHUMETH_GET:
        return "GET";
    case LWSHUMETH_POST:
        return "POST";
    case LWSHUMETH_OPTIONS:
        return "OPTIONS";
    default:
        return "OTHER";
    }
}

static bool put_header(struct lws *wsi, const char *line, uint8_t **p, uint8_t *end) {
    char name[64];
    const char *colon = strchr(line, ':');
    size_t n = (size_t)(colon - line) + 1;
    if (n >= sizeof name)
        return false;
    memcpy(name, line, n);
    name[n] = 0;
    const char *value = colon + 2;
    return lws_add_http_header_by_name(wsi, (uint8_t *)name, (const uint8_t *)value,
                                       (int)strlen(value), p, end) == 0;
}

/* Sends the head; the body follows when the connection can take it. */
static int send_head(struct lws *wsi, session *s) {
    uint8_t storage[LWS_PRE + HEADERS_MAX], *start = storage + LWS_PRE, *p = start,
                                            *end = storage + sizeof storage - 1;
    const char *type = s->answer.content_type ? s->answer.content_type : "text/plain";
    if (lws_add_http_common_headers(wsi, (unsigned)s->answer.status, type, s->answer.body.len, &p,
                                    end) != 0)
        return -1;
    for (size_t i = 0; place_of(wsi)->owner == WEB_DIRECTORY && mixnet_directory_headers[i]; i++) {
        if (!put_header(wsi, mixnet_directory_headers[i], &p, end))
            return -1;
    }
    if (lws_finalize_write_http_header(wsi, start, &p, end) != 0)
        return -1;
    if (s->answer.body.len == 0)
        return lws_http_transaction_completed(wsi) ? -1 : 0;
    lws_callback_on_writable(wsi);
    return 0;
}

static int send_body(struct lws *wsi, session *s) {
    if (!s->answered || s->answer.body.len == 0)
        return 0;
    mix_buf framed = {0};
    mix_buf_put_zeros(&framed, LWS_PRE);
    mix_buf_put_bytes(&framed, mix_buf_bytes(&s->answer.body));
    size_t len = s->answer.body.len;
    mix_buf_deinit(&s->answer.body);
    s->answered = false;
    int sent = mix_buf_status(&framed) == MIX_OK
                   ? lws_write(wsi, framed.data + LWS_PRE, len, LWS_WRITE_HTTP_FINAL)
                   : -1;
    mix_buf_deinit(&framed);
    return sent < (int)len || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* The head of a request is there; a POST's body follows. */
static int on_request(web *w, struct lws *wsi, session *s, const char *path) {
    char query[1024] = "";
    char *uri;
    int uri_len, method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    int n = lws_hdr_copy(wsi, query, sizeof query, WSI_TOKEN_HTTP_URI_ARGS);
    mix_buf_truncate(&s->incoming, 0);
    s->wsi = wsi;
    if (method == LWSHUMETH_POST && lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0) {
        mix_buf_put_str(&s->incoming, path); /* kept until the body is there */
        mix_buf_put_u8(&s->incoming, 0);
        return 0;
    }
    answer_request(w, s, place_of(wsi)->owner, method_of(method), path,
                   mix_bytes_of(query, n > 0 ? (size_t)n : 0));
    return send_head(wsi, s);
}

static int on_body(session *s, const void *in, size_t len) {
    if (s->incoming.len + len > MIXNET_DIRECTORY_BODY_MAX)
        return -1;
    mix_buf_put(&s->incoming, in, len);
    return mix_buf_status(&s->incoming) == MIX_OK ? 0 : -1;
}

static int on_body_end(web *w, struct lws *wsi, session *s) {
    char path[1024];
    size_t len = s->incoming.data ? strnlen((char *)s->incoming.data, s->incoming.len) : 0;
    if (len == 0 || len >= sizeof path)
        return -1;
    memcpy(path, s->incoming.data, len + 1);
    mix_buf_consume(&s->incoming, len + 1);
    answer_request(w, s, place_of(wsi)->owner, "POST", path, (mix_bytes){0});
    return send_head(wsi, s);
}

/* --- clients of gateways --- */

static int on_opened(web *w, struct lws *wsi, session *s, long owner) {
    *s = (session){.wsi = wsi, .owner = owner, .id = ++w->last_id};
    if (mix_map_put(&w->sessions, &s->id, s) != MIX_OK) {
        w->stats.refused_full++;
        s->id = 0;
        return -1;
    }
    w->stats.connections++;
    return w->events.opened(w->events.user, (size_t)owner, s->id) ? 0 : -1;
}

static void on_closed(web *w, session *s) {
    if (s->id != 0 && mix_map_take(&w->sessions, &s->id)) {
        w->stats.connections--;
        w->events.closed(w->events.user, (size_t)s->owner, s->id);
    }
    s->id = 0;
    mix_buf_deinit_wiped(&s->incoming);
    mix_buf_deinit(&s->answer.body);
}

/* Collects fragments; what is too long is handed over cut just above the limit, for the gateway to
 * refuse. */
static int on_message(web *w, struct lws *wsi, session *s, const void *in, size_t len) {
    size_t room = MIXNET_GATEWAY_MESSAGE_MAX + 1 - s->incoming.len;
    mix_buf_put(&s->incoming, in, len < room ? len : room);
    if (mix_buf_status(&s->incoming) != MIX_OK)
        return -1;
    bool whole = lws_remaining_packet_payload(wsi) == 0 && lws_is_final_fragment(wsi);
    if (!whole && s->incoming.len <= MIXNET_GATEWAY_MESSAGE_MAX)
        return 0;
    w->stats.messages_in++;
    mixnet_ws_kind kind = lws_frame_is_binary(wsi) ? MIXNET_WS_BINARY : MIXNET_WS_TEXT;
    w->events.message(w->events.user, (size_t)s->owner, s->id, kind, mix_buf_bytes(&s->incoming));
    mix_buf_truncate(&s->incoming, 0);
    return 0;
}

static int write_close(struct lws *wsi, session *s, const mixnet_gateway_out *out) {
    unsigned char reason[MIXNET_GATEWAY_REASON_MAX];
    size_t len = out->bytes.len < sizeof reason ? out->bytes.len : sizeof reason;
    if (len > 0)
        memcpy(reason, out->bytes.data, len);
    s->ending = true;
    lws_close_reason(wsi, (enum lws_close_status)out->code, reason, len);
    return -1;
}

/* One message a turn, as libwebsockets wants it. */
static int on_writable(web *w, struct lws *wsi, session *s) {
    static const enum lws_write_protocol kinds[] = {[MIXNET_WS_TEXT] = LWS_WRITE_TEXT,
                                                    [MIXNET_WS_BINARY] = LWS_WRITE_BINARY,
                                                    [MIXNET_WS_PING] = LWS_WRITE_PING,
                                                    [MIXNET_WS_PONG] = LWS_WRITE_PONG};
    mixnet_gateway_out out;
    if (s->id == 0 || s->ending || !w->events.write(w->events.user, (size_t)s->owner, s->id, &out))
        return 0;
    if (out.kind == MIXNET_WS_CLOSE)
        return write_close(wsi, s, &out);
    mix_buf framed = {0};
    mix_buf_put_zeros(&framed, LWS_PRE);
    mix_buf_put_bytes(&framed, out.bytes);
    size_t len = out.bytes.len;
    int sent = mix_buf_status(&framed) == MIX_OK
                   ? lws_write(wsi, framed.data + LWS_PRE, len, kinds[out.kind])
                   : -1;
    mix_buf_deinit_wiped(&framed);
    if (sent < (int)len)
        return -1;
    w->stats.messages_out++;
    lws_callback_on_writable(wsi);
    return 0;
}

void web_ready(web *w, uint64_t connection, bool give_up) {
    session *s = mix_map_get(&w->sessions, &connection);
    if (!s || s->ending)
        return;
    lws_callback_on_writable(s->wsi);
    if (give_up)
        lws_set_timeout(s->wsi, PENDING_TIMEOUT_CLOSE_SEND, 1);
}

/* --- dispatch --- */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len) {
    place *p = place_of(wsi);
    session *s = user;
    if (!p || !s)
        return 0;
    web *w = p->web;
    bool http = p->owner < 0;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        if (!http)
            return lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL)
                       ? -1
                       : lws_http_transaction_completed(wsi);
        return on_request(w, wsi, s, in);
    case LWS_CALLBACK_HTTP_BODY:
        return http ? on_body(s, in, len) : -1;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return http ? on_body_end(w, wsi, s) : -1;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return send_body(wsi, s);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return http || w->closing ? -1 : 0;
    case LWS_CALLBACK_ESTABLISHED:
        return on_opened(w, wsi, s, p->owner);
    case LWS_CALLBACK_RECEIVE:
        return s->id && !s->ending ? on_message(w, wsi, s, in, len) : 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        if (s->id)
            w->events.message(w->events.user, (size_t)s->owner, s->id, MIXNET_WS_PONG,
                              mix_bytes_of(in, len));
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(w, wsi, s);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL: /* after each request: its memory goes, the connection may
                                             stay */
        on_closed(w, s);
        return 0;
    default:
        return 0;
    }
}

void web_get_stats(const web *w, web_stats *out) {
    *out = w->stats;
}
