/* SPDX-License-Identifier: Apache-2.0 */
/* One libwebsockets context, one virtual host a listener. */
#include "playground/serve.h"

#include "base/alloc.h"
#include "lws.h"
#include "playground/site.h"

#include <limits.h>

enum {
    PLACES = 3,
    HEADERS_MAX = 4096,
    CHUNK = 32768,
    POLICY_MAX = 2048,
    MESSAGE_MAX = SITE_BODY_MAX
};

/* A request, or a WebSocket. Lives in libwebsockets' memory, zeroed before use. */
typedef struct visit {
    mix_buf incoming, headers; /* of the site alone */
    char method[8], path[256], query[256];
    site_answer answer;
    uint64_t sent;
    bool head, answering;
    bool bodied;      /* its body comes, then the answer is made */
    bool text, whole; /* a message to echo: what kind, and that all of it is there */
} visit;

typedef struct place {
    serve *serve;
    serve_kind kind;
    struct lws_vhost *vhost;
    char name[16], host[MIX_ADDRESS_TEXT], certificate[PATH_MAX], key[PATH_MAX];
    char names[2][80]; /* by which a browser may ask for the page */
} place;

struct serve {
    struct lws_context *context;
    const page *page;
    place places[PLACES];
    size_t place_count;
    mix_buf config;
    char policy[POLICY_MAX];
    bool closing;
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len);

static const struct lws_protocols protocols[] = {
    {.name = "playground",
     .callback = on_event,
     .per_session_data_size = sizeof(visit),
     .rx_buffer_size = CHUNK},
    LWS_PROTOCOL_LIST_TERM,
};

/* --- life --- */

int serve_new(serve **out, uv_loop_t *loop, const page *p) {
    serve *s = mix_alloc_zero(1, sizeof *s);
    void *loops[] = {loop};
    if (!s)
        return MIX_ERR_MEMORY;
    s->page = p;
    struct lws_context_creation_info info = host_lws_info(loops, s);
    info.options |= LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    s->context = lws_create_context(&info);
    if (!s->context) {
        mix_free(s);
        return MIX_ERR_MEMORY;
    }
    *out = s;
    return MIX_OK;
}

void serve_close(serve *s) {
    if (!s || s->closing)
        return;
    s->closing = true;
    lws_context_destroy(s->context);
}

void serve_free(serve *s) {
    if (!s)
        return;
    if (s->closing)
        lws_context_destroy(s->context); /* the second call, behind the loop, frees it */
    mix_buf_deinit(&s->config);
    mix_free(s);
}

int serve_configure(serve *s, const char *config, const char *policy) {
    mix_buf_truncate(&s->config, 0);
    mix_buf_put_str(&s->config, config);
    if (snprintf(s->policy, sizeof s->policy, "%s", policy) >= (int)sizeof s->policy)
        return MIX_ERR_MEMORY;
    return mix_buf_status(&s->config);
}

int serve_listen(serve *s, serve_kind kind, mix_address *at, const char *folder, mix_error *e) {
    if (s->place_count == PLACES)
        return MIX_ERR_LIMIT;
    place *p = &s->places[s->place_count];
    *p = (place){.serve = s, .kind = kind};
    snprintf(p->name, sizeof p->name, "p%zu", s->place_count);
    mix_ip_format(p->host, at);
    struct lws_context_creation_info info = {
        .port = at->port,
        .iface = p->host,
        .vhost_name = p->name,
        .protocols = protocols,
        .user = p,
        .keepalive_timeout = 60,
        .timeout_secs = 20,
        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
    };
    if (kind == SERVE_SITE_TLS) {
        snprintf(p->certificate, sizeof p->certificate, "%s/server.pem", folder);
        snprintf(p->key, sizeof p->key, "%s/server.key", folder);
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = p->certificate;
        info.ssl_private_key_filepath = p->key;
    }
    p->vhost = lws_create_vhost(s->context, &info);
    if (!p->vhost)
        return mix_error_note(e, MIX_ERR_LISTEN, "playground", 0,
                              "%s port %u: cannot be listened on (is it taken?)", p->host,
                              at->port);
    s->place_count++;
    at->port = (uint16_t)lws_get_vhost_listen_port(p->vhost);
    snprintf(p->names[0], sizeof p->names[0], at->family == 6 ? "[%s]:%u" : "%s:%u", p->host,
             at->port);
    snprintf(p->names[1], sizeof p->names[1], "localhost:%u", at->port);
    return MIX_OK;
}

static place *place_of(struct lws *wsi) {
    struct lws_vhost *vhost = lws_get_vhost(wsi);
    return vhost ? lws_get_vhost_user(vhost) : NULL;
}

/* --- answers --- */

static const char *const site_headers[] = {
    "access-control-allow-origin",
    "*",
    "access-control-allow-methods",
    "*",
    "access-control-allow-headers",
    "*",
    "access-control-expose-headers",
    "*",
    "timing-allow-origin",
    "*",
    "cache-control",
    "no-store",
    NULL,
};
static const char *const page_headers[] = {
    "x-content-type-options",
    "nosniff",
    "referrer-policy",
    "no-referrer",
    "cross-origin-opener-policy",
    "same-origin",
    "cross-origin-resource-policy",
    "same-origin",
    "cache-control",
    "no-store",
    NULL,
};

static bool put_header(struct lws *wsi, const char *name, const char *value, uint8_t **p,
                       uint8_t *end) {
    char with_colon[48];
    snprintf(with_colon, sizeof with_colon, "%s:", name);
    return lws_add_http_header_by_name(wsi, (uint8_t *)with_colon, (const uint8_t *)value,
                                       (int)strlen(value), p, end) == 0;
}

static uint64_t length_of(const site_answer *a) {
    return a->pattern > 0 ? a->pattern : a->body.len;
}

/* Sends the head; the body follows when the connection can take it. */
static int send_head(struct lws *wsi, place *pl, visit *v) {
    uint8_t storage[LWS_PRE + HEADERS_MAX], *start = storage + LWS_PRE, *p = start,
                                            *end = storage + sizeof storage - 1;
    const site_answer *a = &v->answer;
    const char *const *more = pl->kind == SERVE_PAGE ? page_headers : site_headers;
    bool good =
        lws_add_http_common_headers(wsi, (unsigned)a->status, a->type, length_of(a), &p, end) == 0;
    for (; good && more[0]; more += 2)
        good = put_header(wsi, more[0], more[1], &p, end);
    if (good && pl->kind == SERVE_PAGE)
        good = put_header(wsi, "content-security-policy", pl->serve->policy, &p, end);
    if (good && a->location)
        good = put_header(wsi, "location", a->location, &p, end);
    if (!good || lws_finalize_write_http_header(wsi, start, &p, end) != 0)
        return -1;
    v->sent = 0;
    v->answering = length_of(a) > 0 && !v->head;
    if (!v->answering)
        return lws_http_transaction_completed(wsi) ? -1 : 0;
    lws_callback_on_writable(wsi);
    return 0;
}

static int send_body(struct lws *wsi, visit *v) {
    uint8_t storage[LWS_PRE + CHUNK];
    if (!v->answering)
        return 0;
    uint64_t rest = length_of(&v->answer) - v->sent;
    size_t len = rest < CHUNK ? (size_t)rest : CHUNK;
    if (v->answer.pattern > 0)
        site_pattern(storage + LWS_PRE, v->sent, len);
    else
        memcpy(storage + LWS_PRE, v->answer.body.data + v->sent, len);
    v->sent += len;
    if (lws_write(wsi, storage + LWS_PRE, len,
                  len == rest ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)len)
        return -1;
    if (len < rest) {
        lws_callback_on_writable(wsi);
        return 0;
    }
    v->answering = false;
    mix_buf_deinit(&v->answer.own);
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static void refuse(site_answer *a, int status, const char *words) {
    *a = (site_answer){.status = status, .type = "text/plain", .body = mix_bytes_str(words)};
}

/* A name other than ours: another site's script that had its name lead here. */
static bool is_our_name(struct lws *wsi, const place *p) {
    char host[80] = "";
    if (lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) <= 0)
        return false;
    return strcmp(host, p->names[0]) == 0 || strcmp(host, p->names[1]) == 0;
}

static void answer_page(struct lws *wsi, place *p, visit *v) {
    const page_file *f = page_find(p->serve->page, v->path);
    site_answer *a = &v->answer;
    if (!is_our_name(wsi, p))
        refuse(a, 403, "this is not a name of the playground\n");
    else if (!v->head && strcmp(v->method, "GET") != 0)
        refuse(a, 405, "GET and HEAD alone\n");
    else if (strcmp(v->path, "/config.json") == 0)
        *a = (site_answer){
            .status = 200, .type = "application/json", .body = mix_buf_bytes(&p->serve->config)};
    else if (f)
        *a = (site_answer){.status = 200, .type = f->type, .body = mix_buf_bytes(&f->content)};
    else
        refuse(a, 404, "not a file of the playground\n");
}

static int answer_site(struct lws *wsi, visit *v) {
    char from[64] = "", type[128] = "";
    lws_get_peer_simple(wsi, from, sizeof from);
    (void)lws_hdr_copy(wsi, type, sizeof type, WSI_TOKEN_HTTP_CONTENT_TYPE);
    site_request q = {v->method,
                      v->path,
                      v->query,
                      type,
                      from,
                      mix_buf_bytes(&v->headers),
                      mix_buf_bytes(&v->incoming)};
    return site_answer_to(&v->answer, &q) == MIX_OK ? 0 : -1;
}

/* --- requests --- */

static void put_header_line(visit *v, const char *name, size_t name_len, struct lws *wsi,
                            int token) {
    char value[512];
    int n = token >= 0 ? lws_hdr_copy(wsi, value, sizeof value, (enum lws_token_indexes)token)
                       : lws_hdr_custom_copy(wsi, value, sizeof value, name, (int)name_len);
    if (n <= 0 || name_len < 2 || v->headers.len > 8192)
        return;
    mix_buf_put(&v->headers, name, name_len - 1); /* its colon is ours to write */
    mix_buf_put_str(&v->headers, ": ");
    mix_buf_put(&v->headers, value, (size_t)n);
    mix_buf_put_u8(&v->headers, '\n');
}

typedef struct listing {
    visit *visit;
    struct lws *wsi;
} listing;

static void on_custom(const char *name, int len, void *user) {
    listing *l = user;
    put_header_line(l->visit, name, (size_t)len, l->wsi, -1);
}

static void list_headers(visit *v, struct lws *wsi) {
    listing l = {v, wsi};
    for (int i = 0; i < WSI_TOKEN_COUNT; i++) {
        const char *name = (const char *)lws_token_to_string((enum lws_token_indexes)i);
        size_t len = name ? strlen(name) : 0;
        if (len > 1 && name[len - 1] == ':' && name[0] != ':')
            put_header_line(v, name, len, wsi, i);
    }
    (void)lws_hdr_custom_name_foreach(wsi, on_custom, &l);
}

static const char *method_of(int index) {
    static const char *const names[] = {
        [LWSHUMETH_GET] = "GET",         [LWSHUMETH_POST] = "POST",
        [LWSHUMETH_OPTIONS] = "OPTIONS", [LWSHUMETH_PUT] = "PUT",
        [LWSHUMETH_PATCH] = "PATCH",     [LWSHUMETH_DELETE] = "DELETE",
        [LWSHUMETH_CONNECT] = "CONNECT", [LWSHUMETH_HEAD] = "HEAD"};
    return index >= 0 && (size_t)index < sizeof names / sizeof *names ? names[index] : "OTHER";
}

static int answer(struct lws *wsi, place *p, visit *v) {
    if (p->kind == SERVE_PAGE)
        answer_page(wsi, p, v);
    else if (answer_site(wsi, v) != 0)
        return -1;
    return send_head(wsi, p, v);
}

/* The head of a request is there; a body may follow. */
static int on_request(struct lws *wsi, place *p, visit *v, const char *path) {
    char *uri;
    int uri_len, method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    v->head = method == LWSHUMETH_HEAD;
    v->query[0] = 0;
    (void)lws_hdr_copy(wsi, v->query, sizeof v->query, WSI_TOKEN_HTTP_URI_ARGS);
    snprintf(v->method, sizeof v->method, "%s", method_of(method));
    snprintf(v->path, sizeof v->path, "%s", path);
    mix_buf_truncate(&v->incoming, 0);
    mix_buf_truncate(&v->headers, 0);
    if (p->kind != SERVE_PAGE)
        list_headers(v, wsi);
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) >
        0) { /* libwebsockets reads none but counted bodies */
        (void)lws_return_http_status(wsi, HTTP_STATUS_LENGTH_REQUIRED, NULL);
        return -1;
    }
    char length[24] = "";
    v->bodied = lws_hdr_copy(wsi, length, sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 &&
                strcmp(length, "0") != 0;
    return v->bodied ? 0 : answer(wsi, p, v);
}

static int on_body(visit *v, const void *in, size_t len) {
    if (v->incoming.len + len > SITE_BODY_MAX)
        return -1;
    mix_buf_put(&v->incoming, in, len);
    return mix_buf_status(&v->incoming) == MIX_OK ? 0 : -1;
}

/* --- WebSockets: an echo, one message at a time --- */

static int on_message(struct lws *wsi, visit *v, const void *in, size_t len) {
    if (v->incoming.len + len > MESSAGE_MAX) {
        lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
        return -1;
    }
    if (v->incoming.len == 0)
        mix_buf_put_zeros(&v->incoming, LWS_PRE);
    mix_buf_put(&v->incoming, in, len);
    v->text = !lws_frame_is_binary(wsi);
    if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
        return mix_buf_status(&v->incoming) == MIX_OK ? 0 : -1;
    v->whole = true;
    lws_rx_flow_control(wsi, 0);
    lws_callback_on_writable(wsi);
    return mix_buf_status(&v->incoming) == MIX_OK ? 0 : -1;
}

static int on_writable(struct lws *wsi, visit *v) {
    if (!v->whole)
        return 0;
    size_t len = v->incoming.len - LWS_PRE;
    int sent = lws_write(wsi, v->incoming.data + LWS_PRE, len,
                         v->text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
    mix_buf_deinit(&v->incoming);
    v->whole = false;
    lws_rx_flow_control(wsi, 1);
    return sent < (int)len ? -1 : 0;
}

/* --- dispatch --- */

static void on_end(visit *v) {
    mix_buf_deinit(&v->incoming);
    mix_buf_deinit(&v->headers);
    mix_buf_deinit(&v->answer.own);
    *v = (visit){0};
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len) {
    place *p = place_of(wsi);
    visit *v = user;
    if (!p || !v)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return on_request(wsi, p, v, in);
    case LWS_CALLBACK_HTTP_BODY:
        return on_body(v, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return v->bodied ? answer(wsi, p, v) : 0; /* an empty one is told of too */
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return send_body(wsi, v);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return p->kind == SERVE_PAGE || p->serve->closing ? -1 : 0;
    case LWS_CALLBACK_RECEIVE:
        return on_message(wsi, v, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(wsi, v);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL: /* after each request: its memory goes */
        on_end(v);
        return 0;
    default:
        return 0;
    }
}
