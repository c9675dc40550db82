/* SPDX-License-Identifier: Apache-2.0 */
/* Client connections: resolved by libuv, so that no name stops the loop, then libwebsockets'. */
#include "dial.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "lws.h"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum {
    HOST_MAX = 256,
    PATH_LEN_MAX = 1024,
    PIECE = 65536,
    MESSAGE_MAX = 1 << 20,
    KNOWN_MAX = 64,
    WORDS = 160
};

typedef enum line_state { LINE_RESOLVES, LINE_CONNECTS, LINE_OPEN } line_state;

typedef struct line {
    struct line *next;
    struct dial *dial;
    uint64_t id; /* of a request, or the link's number */
    bool http, tls, silent, ending, starting, over;
    line_state state;
    struct lws *wsi;
    uv_getaddrinfo_t resolve;
    bool resolving;
    char host[HOST_MAX], address[64], path[PATH_LEN_MAX], type[128], accept[128];
    int port, status, number;
    mix_buf out; /* LWS_PRE bytes in front */
    bool out_binary;
    mix_buf in;
} line;

struct dial {
    uv_loop_t *loop;
    struct lws_context *context;
    SSL_CTX *tls;
    dial_events events;
    line *lines;
    struct {
        char host[HOST_MAX], ip[64];
    } known[KNOWN_MAX];
    size_t known_count;
    bool closing;
    uint8_t piece[LWS_PRE + PIECE];
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len);

static const struct lws_protocols protocols[] = {
    {.name = "lwmix", .callback = on_event, .rx_buffer_size = PIECE},
    LWS_PROTOCOL_LIST_TERM,
};

/* --- life --- */

int dial_new(dial **out, uv_loop_t *loop, mix_tls *tls, const dial_events *events) {
    void *loops[] = {loop};
    dial *d = mix_alloc_zero(1, sizeof *d);
    if (!d)
        return MIX_ERR_MEMORY;
    d->loop = loop;
    d->events = *events;
    d->tls = SSL_CTX_new(TLS_client_method());
    int status = d->tls ? mix_tls_apply(tls, d->tls, NULL) : MIX_ERR_MEMORY;
    struct lws_context_creation_info info = host_lws_info(loops, d);
    info.protocols = protocols;
    info.provided_client_ssl_ctx = d->tls;
    info.pt_serv_buf_size = PIECE;
    info.timeout_secs = 20;
    d->context = status == MIX_OK ? lws_create_context(&info) : NULL;
    if (!d->context) {
        SSL_CTX_free(d->tls);
        mix_free(d);
        return status == MIX_OK ? MIX_ERR_MEMORY : status;
    }
    *out = d;
    return MIX_OK;
}

void dial_close(dial *d) {
    if (!d || d->closing)
        return;
    d->closing = true;
    for (line *l = d->lines; l; l = l->next) {
        l->silent = true;
        if (l->resolving)
            uv_cancel((uv_req_t *)&l->resolve);
    }
    lws_context_destroy(d->context);
}

static void free_line(line *l) {
    mix_buf_deinit_wiped(&l->out);
    mix_buf_deinit_wiped(&l->in);
    mix_free(l);
}

void dial_free(dial *d) {
    if (!d)
        return;
    while (d->lines) {
        line *l = d->lines;
        d->lines = l->next;
        free_line(l);
    }
    lws_context_destroy(d->context); /* the second call, behind the loop, frees it */
    SSL_CTX_free(d->tls);
    mix_free(d);
}

void dial_know(dial *d, const char *host, const char *ip) {
    if (d->known_count == KNOWN_MAX)
        return;
    snprintf(d->known[d->known_count].host, HOST_MAX, "%s", host);
    snprintf(d->known[d->known_count].ip, sizeof d->known->ip, "%s", ip);
    d->known_count++;
}

static line *find(dial *d, bool http, uint64_t id) {
    for (line *l = d->lines; l; l = l->next) {
        if (l->http == http && l->id == id && !l->silent && !l->over)
            return l;
    }
    return NULL;
}

/* --- the end of one --- */

static void drop(line *l) {
    for (line **at = &l->dial->lines; *at; at = &(*at)->next) {
        if (*at == l) {
            *at = l->next;
            break;
        }
    }
    free_line(l);
}

/* Told once. A line that is over while it is being started, or resolved, is freed there. */
static void end_line(line *l, const char *why) {
    dial *d = l->dial;
    bool tell = !l->silent && !l->over;
    l->over = true;
    if (l->wsi)
        lws_set_opaque_user_data(l->wsi, NULL);
    l->wsi = NULL;
    if (tell && l->http)
        d->events.answer(d->events.user, &(mix_tunnel_answer){.id = l->id, .failure = why});
    else if (tell)
        d->events.closed(d->events.user, (uint32_t)l->id, l->number, why);
    if (!l->starting && !l->resolving)
        drop(l);
}

/* --- the beginning --- */

/* "https://host:port/path"; false: no URL of these schemes. */
static bool read_url(line *l, const char *url) {
    static const struct {
        const char *scheme;
        bool tls;
        int port;
    } schemes[] = {{"https://", true, 443},
                   {"http://", false, 80},
                   {"wss://", true, 443},
                   {"ws://", false, 80}};
    const char *rest = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && !rest; i++) {
        if (strncmp(url, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
            continue;
        rest = url + strlen(schemes[i].scheme);
        l->tls = schemes[i].tls;
        l->port = schemes[i].port;
    }
    if (!rest)
        return false;
    size_t authority = strcspn(rest, "/?#"), len = authority;
    const char *host = rest;
    if (*rest == '[') {
        host = rest + 1;
        len = strcspn(host, "]");
    } else {
        len = strcspn(rest, ":/?#");
    }
    const char *after = host + len + (*rest == '[');
    if (len == 0 || len >= HOST_MAX || after > rest + authority)
        return false;
    memcpy(l->host, host, len);
    if (*after == ':')
        l->port = atoi(after + 1);
    const char *path = rest + authority;
    snprintf(l->path, sizeof l->path, "%s%s", *path == '/' ? "" : "/", path);
    return l->port > 0 && l->port < 65536 && strlen(path) < sizeof l->path - 1;
}

static void connect_line(line *l) {
    dial *d = l->dial;
    char host[HOST_MAX + 16];
    bool usual = l->port == (l->tls ? 443 : 80);
    snprintf(host, sizeof host, usual ? "%s" : "%s:%d", l->host, l->port);
    struct lws_client_connect_info info = {
        .context = d->context,
        .address = l->address,
        .port = l->port,
        .ssl_connection = l->tls ? LCCSCF_USE_SSL : 0,
        .path = l->path,
        .host = host,
        .method = l->http ? "GET" : NULL,
        .alpn = "http/1.1",
        .local_protocol_name = "lwmix",
        .opaque_user_data = l,
        .pwsi = &l->wsi,
    };
    l->state = LINE_CONNECTS;
    l->starting = true;
    bool begun = lws_client_connect_via_info(&info) != NULL;
    l->starting = false;
    if (!begun && !l->over)
        end_line(l, "no connection can be made");
    else if (l->over)
        drop(l);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found) {
    line *l = request->data;
    l->resolving = false;
    if (status == 0 && found)
        uv_ip_name(found->ai_addr, l->address, sizeof l->address);
    uv_freeaddrinfo(found);
    if (l->dial->closing)
        return; /* freed with all others */
    if (l->silent || l->over || l->address[0] == 0)
        end_line(l, status ? uv_strerror(status) : "the name has no address");
    else
        connect_line(l);
}

static void resolve(line *l) {
    dial *d = l->dial;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    for (size_t i = 0; i < d->known_count; i++) {
        if (strcmp(d->known[i].host, l->host) == 0)
            snprintf(l->address, sizeof l->address, "%s", d->known[i].ip);
    }
    l->resolve.data = l;
    struct sockaddr_in6 six;
    struct sockaddr_in four;
    if (uv_ip4_addr(l->host, 0, &four) == 0 || uv_ip6_addr(l->host, 0, &six) == 0)
        snprintf(l->address, sizeof l->address, "%.63s", l->host);
    if (l->address[0]) {
        connect_line(l);
        return;
    }
    int error = uv_getaddrinfo(d->loop, &l->resolve, on_resolved, l->host, NULL, &hints);
    if (error)
        end_line(l, uv_strerror(error));
    else
        l->resolving = true;
}

static line *new_line(dial *d, bool http, uint64_t id) {
    line *l = d->closing ? NULL : mix_alloc_zero(1, sizeof *l);
    if (!l)
        return NULL;
    l->dial = d;
    l->http = http;
    l->id = id;
    l->next = d->lines;
    d->lines = l;
    return l;
}

static void begin(dial *d, bool http, uint64_t id, const char *url, const char *accept) {
    line *l = new_line(d, http, id);
    if (!l && http)
        d->events.answer(d->events.user, &(mix_tunnel_answer){.id = id, .failure = "no memory"});
    else if (!l)
        d->events.closed(d->events.user, (uint32_t)id, 0, "no memory");
    if (!l)
        return;
    snprintf(l->accept, sizeof l->accept, "%s", accept ? accept : "");
    if (read_url(l, url))
        resolve(l);
    else
        end_line(l, "the URL cannot be used");
}

void dial_get(dial *d, uint64_t id, const char *url, const char *accept) {
    begin(d, true, id, url, accept);
}

void dial_connect(dial *d, uint32_t link, const char *url) {
    begin(d, false, link, url, NULL);
}

static void kill_line(line *l) {
    l->silent = true;
    if (l->resolving)
        uv_cancel((uv_req_t *)&l->resolve);
    else if (l->wsi)
        lws_set_timeout(l->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void dial_cancel(dial *d, uint64_t id) {
    line *l = find(d, true, id);
    if (l)
        kill_line(l);
}

void dial_hang_up(dial *d, uint32_t link) {
    line *l = find(d, false, link);
    if (!l)
        return;
    if (l->state == LINE_OPEN && l->wsi) {
        l->silent = l->ending = true;
        lws_callback_on_writable(l->wsi);
        lws_set_timeout(l->wsi, PENDING_TIMEOUT_CLOSE_SEND, 2);
    } else {
        kill_line(l);
    }
}

/* --- messages --- */

bool dial_busy(const dial *d) {
    for (const line *l = d->lines; l; l = l->next) {
        if (!l->http && l->out.len > 0)
            return true;
    }
    return false;
}

void dial_send(dial *d, uint32_t link, bool binary, mix_bytes message) {
    line *l = find(d, false, link);
    if (!l || l->state != LINE_OPEN || l->out.len > 0)
        return;
    mix_buf_put_zeros(&l->out, LWS_PRE);
    mix_buf_put_bytes(&l->out, message);
    l->out_binary = binary;
    if (mix_buf_status(&l->out) != MIX_OK)
        kill_line(l); /* a message must not be missing */
    else
        lws_callback_on_writable(l->wsi);
}

static int on_writable(line *l) {
    dial *d = l->dial;
    if (l->out.len > LWS_PRE) {
        size_t len = l->out.len - LWS_PRE;
        int sent = lws_write(l->wsi, l->out.data + LWS_PRE, len,
                             l->out_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
        mix_buf_truncate(&l->out, 0);
        if (sent < (int)len)
            return -1;
        if (l->ending)
            lws_callback_on_writable(l->wsi);
        else
            d->events.writable(d->events.user);
        return 0;
    }
    if (!l->ending)
        return 0;
    lws_close_reason(l->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
    return -1;
}

static int on_message(line *l, struct lws *wsi, const void *in, size_t len) {
    dial *d = l->dial;
    if (l->silent)
        return 0;
    if (l->in.len + len > MESSAGE_MAX)
        return -1;
    mix_buf_put(&l->in, in, len);
    if (mix_buf_status(&l->in) != MIX_OK)
        return -1;
    if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
        return 0;
    d->events.message(d->events.user, (uint32_t)l->id, lws_frame_is_binary(wsi) != 0,
                      mix_buf_bytes(&l->in));
    mix_buf_truncate(&l->in, 0);
    return 0;
}

static int on_open(line *l, struct lws *wsi) {
    dial *d = l->dial;
    int on = 1;
    (void)setsockopt(lws_get_socket_fd(wsi), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    l->state = LINE_OPEN;
    if (!l->silent)
        d->events.opened(d->events.user, (uint32_t)l->id);
    return l->silent ? -1 : 0;
}

/* --- answers --- */

static int put_headers(line *l, struct lws *wsi, void *in, size_t len) {
    uint8_t **p = in, *end = *p + len;
    static const uint8_t agent[] = "lwmix";
    if (lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_USER_AGENT, agent, sizeof agent - 1, p,
                                     end) != 0)
        return -1;
    if (!l->http || l->accept[0] == 0)
        return 0;
    return lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_ACCEPT, (uint8_t *)l->accept,
                                        (int)strlen(l->accept), p, end);
}

static void piece(line *l, const void *data, size_t len, bool last) {
    dial *d = l->dial;
    if (l->silent || l->over)
        return;
    l->over = last;
    d->events.answer(d->events.user, &(mix_tunnel_answer){.id = l->id,
                                                          .status = l->status,
                                                          .content_type = l->type,
                                                          .body = data,
                                                          .len = len,
                                                          .last = last});
}

static int on_head(line *l, struct lws *wsi) {
    l->state = LINE_OPEN;
    l->status = (int)lws_http_client_http_response(wsi);
    if (lws_hdr_copy(wsi, l->type, sizeof l->type, WSI_TOKEN_HTTP_CONTENT_TYPE) < 0)
        l->type[0] = 0;
    return l->silent ? -1 : 0;
}

static int on_body(line *l, struct lws *wsi) {
    char *at = (char *)l->dial->piece + LWS_PRE;
    int room = PIECE;
    return l->silent || lws_http_client_read(wsi, &at, &room) < 0 ? -1 : 0;
}

/* --- dispatch --- */

/* The library's words, with the place they are about. */
static void on_failure(line *l, const char *words, size_t len) {
    char why[WORDS];
    while (len > 0 && (unsigned char)words[len - 1] <= ' ')
        len--;
    snprintf(why, sizeof why, "%s port %d: %.*s", l->host, l->port, len > 0 ? (int)len : 26,
             len > 0 ? words : "no connection can be made");
    end_line(l, why);
}

static int on_closing(line *l, const uint8_t *in, size_t len) {
    if (len >= 2)
        l->number = in[0] << 8 | in[1];
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len) {
    line *l = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    (void)user;
    if (!l)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return put_headers(l, wsi, in, len);
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        return on_head(l, wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return on_body(l, wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        piece(l, in, len, false);
        return 0;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        piece(l, NULL, 0, true);
        return -1;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        return on_open(l, wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return on_message(l, wsi, in, len);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return on_writable(l);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return on_closing(l, in, len);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        on_failure(l, in, in ? len : 0);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        end_line(l, "the connection was closed");
        return 0;
    default:
        return 0;
    }
}
