/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange: what libcurl is told about it, and what it tells. */
#include "http/internal.h"

#include "base/text.h"
#include "sockets/sockets.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEADERS_MOST = 256 * 1024, EXPANDED_FREE = 32 << 20, EXPANDED_MOST = 200 };

/* An option that cannot be set must not be forgotten: the first failure stays. */
#define SET(x, option, value)                                                                      \
    do {                                                                                           \
        CURLcode rc_ = curl_easy_setopt((x)->easy, option, value);                                 \
        if (rc_ != CURLE_OK)                                                                       \
            (x)->setup = rc_;                                                                      \
    } while (0)

static bool same(const char *a, const char *b) {
    return mix_text_same(mix_bytes_str(a), b);
}

size_t mix_http_header_count(const exchange *x) {
    return x->header_places.len / sizeof(uint32_t);
}

mix_http_header mix_http_header_at(const exchange *x, size_t i) {
    const char *texts = (const char *)x->header_texts.data,
               *name = texts + mix_get_u32(x->header_places.data + i * sizeof(uint32_t));
    return (mix_http_header){.name = name, .value = name + strlen(name) + 1};
}

static size_t waiting(const exchange *x) {
    return x->down.len - x->down_at;
}

/* A short body that becomes an endless one keeps its reader busy, not the network. */
static bool expands_too_much(const exchange *x) {
    curl_off_t came = 0;
    if (x->decoded <= EXPANDED_FREE)
        return false;
    (void)curl_easy_getinfo(x->easy, CURLINFO_SIZE_DOWNLOAD_T, &came);
    return x->decoded / EXPANDED_MOST > (uint64_t)came;
}

static size_t on_body(char *data, size_t size, size_t n, void *user) {
    exchange *x = user;
    size_t len = size * n;
    x->activity = x->http->now;
    if (waiting(x) > 0 && waiting(x) + len > x->http->config.buffer) {
        x->write_paused = true;
        return CURL_WRITEFUNC_PAUSE; /* comes again */
    }
    x->decoded += len;
    if (expands_too_much(x)) {
        mix_error_note(&x->failure, MIX_ERR_HTTP_ENCODING, "http", 0,
                       "it becomes more than %d times its size", EXPANDED_MOST);
        return CURL_WRITEFUNC_ERROR;
    }
    if (x->down_at > x->http->config.buffer / 2) {
        mix_buf_consume(&x->down, x->down_at);
        x->down_at = 0;
    }
    mix_buf_put(&x->down, data, len);
    if (mix_buf_status(&x->down) != MIX_OK) {
        x->failure.code = MIX_ERR_MEMORY;
        return CURL_WRITEFUNC_ERROR;
    }
    mix_http_owe(x, MIX_HTTP_READABLE);
    return len;
}

static size_t on_read(char *out, size_t size, size_t n, void *user) {
    exchange *x = user;
    size_t cap = size * n, len = x->up.len < cap ? x->up.len : cap;
    x->activity = x->http->now;
    if (len == 0 && !x->body_ended) {
        x->read_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    if (len > 0)
        memcpy(out, x->up.data, len);
    mix_buf_consume(&x->up, len);
    x->sent += len;
    if (x->up.len == 0 && x->body_ended && x->phase < WAITING) {
        x->phase = WAITING;
        x->taken = x->http->now;
    }
    if (x->blocked && x->up.len <= x->http->config.buffer / 2) {
        x->blocked = false;
        mix_http_owe(x, MIX_HTTP_WRITABLE);
    }
    return len;
}

/* A body that streams exists once: libcurl may begin again only while nothing of it was taken. */
static int on_seek(void *user, curl_off_t offset, int origin) {
    const exchange *x = user;
    return origin == SEEK_SET && offset == 0 && x->sent == 0 ? CURL_SEEKFUNC_OK
                                                             : CURL_SEEKFUNC_FAIL;
}

/* A status line; what it says in numbers is libcurl's to judge. */
static void begin_response(exchange *x, mix_bytes line) {
    mix_buf_truncate(&x->header_texts, 0);
    mix_buf_truncate(&x->header_places, 0);
    for (int spaces = 0; line.len > 0 && spaces < 2; line = mix_bytes_slice(line, 1, line.len))
        spaces += line.data[0] == ' ';
    size_t n = line.len < sizeof x->reason - 1 ? line.len : sizeof x->reason - 1;
    if (n > 0)
        memcpy(x->reason, line.data, n);
    x->reason[n] = 0;
}

/* RFC 9112 §6.3: lengths that differ, or are none, leave open where the answer ends. */
static bool lengths_agree(const exchange *x) {
    const char *first = NULL;
    for (size_t i = 0; i < mix_http_header_count(x); i++) {
        mix_http_header header = mix_http_header_at(x, i);
        const char *value = header.value;
        if (!same(header.name, "content-length"))
            continue;
        size_t digits = 0;
        while (value[digits] >= '0' && value[digits] <= '9')
            digits++;
        if (digits == 0 || digits > 18 || value[digits] != 0 ||
            (first && strcmp(first, value) != 0))
            return false;
        first = value;
    }
    return true;
}

/* Whether the exchange may go on. */
static bool end_headers(exchange *x) {
    long status = 0, version = 0;
    (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(x->easy, CURLINFO_HTTP_VERSION, &version);
    if (status >= 100 && status < 200 && status != 101)
        return true; /* an interim response: another one follows */
    const char *wrong = status == 101 ? "it switches to a protocol that nobody asked for"
                        : status < 200 || status > 999 ? "the status is not one of HTTP"
                        : !lengths_agree(x) ? "its lengths contradict each other, or are none"
                                            : NULL;
    if (wrong) {
        mix_error_note(&x->failure, MIX_ERR_HTTP_PROTOCOL, "http", status, "%s", wrong);
        return false;
    }
    x->status = (int)status;
    x->version = version == CURL_HTTP_VERSION_1_0 ? 10 : version == CURL_HTTP_VERSION_1_1 ? 11 : 20;
    x->headers_done = true;
    x->phase = RECEIVING;
    mix_http_owe(x, MIX_HTTP_HEADERS);
    return true;
}

static size_t on_header(char *data, size_t size, size_t n, void *user) {
    exchange *x = user;
    size_t all = size * n;
    mix_bytes line = mix_bytes_of(data, all);
    x->activity = x->http->now;
    if (x->first_byte == 0)
        x->first_byte = x->http->now;
    while (line.len > 0 && (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r'))
        line.len--;
    if (x->headers_done)
        return all; /* trailers */
    if (line.len == 0)
        return end_headers(x) ? all : CURL_WRITEFUNC_ERROR;
    if (line.len > 5 && memcmp(line.data, "HTTP/", 5) == 0) {
        begin_response(x, line);
        return all;
    }
    const uint8_t *colon = memchr(line.data, ':', line.len);
    if (!colon || colon == line.data || memchr(line.data, 0, line.len) ||
        x->header_texts.len + line.len > HEADERS_MOST)
        return all;
    mix_bytes name = mix_bytes_of(line.data, (size_t)(colon - line.data));
    mix_bytes value = mix_bytes_slice(line, name.len + 1, line.len);
    while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t'))
        value = mix_bytes_slice(value, 1, value.len);
    while (value.len > 0 && (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t'))
        value.len--;
    uint32_t place = (uint32_t)x->header_texts.len;
    mix_buf_put_bytes(&x->header_texts, name);
    mix_buf_put_u8(&x->header_texts, 0);
    mix_buf_put_bytes(&x->header_texts, value);
    mix_buf_put_u8(&x->header_texts, 0);
    if (mix_buf_status(&x->header_texts) == MIX_OK) /* no place of what is not whole */
        mix_buf_put_u32(&x->header_places, place);
    if (mix_buf_status(&x->header_texts) != MIX_OK || mix_buf_status(&x->header_places) != MIX_OK) {
        x->failure.code = MIX_ERR_MEMORY;
        return CURL_WRITEFUNC_ERROR;
    }
    return all;
}

static CURLcode on_context(CURL *easy, void *ctx, void *user) {
    exchange *x = user;
    (void)easy;
    x->encrypting = x->http->now;
    return mix_tls_apply(x->http->tls, ctx, x->host) == MIX_OK ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* Connected, TLS included, and the request is about to go out. */
static int on_ready(void *user, char *ip, char *local_ip, int port, int local_port) {
    exchange *x = user;
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    x->activity = x->http->now;
    x->was_sent = true;
    x->ready = x->http->now;
    if (x->phase < SENDING)
        x->phase = x->body_ended && x->up.len == 0 ? WAITING : SENDING;
    if (x->phase == WAITING)
        x->taken = x->http->now;
    return CURL_PREREQFUNC_OK;
}

static int on_new_socket(void *user, curl_socket_t fd, curlsocktype purpose) {
    exchange *x = user;
    mix_http *h = x->http;
    (void)purpose;
    x->opened = true;
    if (h->owner_count < MIX_HTTP_FDS)
        h->owners[h->owner_count++] = (struct owner){fd, x->id};
    return CURL_SOCKOPT_OK;
}

static int on_close_socket(void *user, curl_socket_t fd) {
    mix_http *h = user;
    int status = mix_sockets_status(fd), *out = &h->socket_status;
    for (size_t i = 0; i < h->owner_count; i++)
        if (h->owners[i].fd == fd) {
            exchange *x = mix_http_find(h, h->owners[i].id);
            h->owners[i] = h->owners[--h->owner_count];
            out = x ? &x->socket_status : out;
            break;
        }
    if (status != MIX_OK && status != MIX_ERR_ARGUMENT)
        *out = status;
    return mix_sockets_close(fd);
}

/* RFC 9110: a token. */
static bool is_token(const char *s) {
    if (*s == 0)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s <= 32 || (unsigned char)*s >= 127 ||
            strchr("()<>@,;:\\\"/[]?={}", *s))
            return false;
    return true;
}

static bool is_value(const char *s) {
    for (; *s; s++)
        if (*s == '\r' || *s == '\n')
            return false;
    return true;
}

static int add_header(exchange *x, const char *name, const char *value) {
    mix_buf line = {0};
    int status = MIX_ERR_MEMORY;
    mix_buf_put_str(&line, name);
    mix_buf_put_str(&line, *value ? ": " : ";"); /* libcurl's way to write an empty one */
    mix_buf_put_str(&line, value);
    mix_buf_put_u8(&line, 0);
    struct curl_slist *more = mix_buf_status(&line) == MIX_OK
                                  ? curl_slist_append(x->headers, (const char *)line.data)
                                  : NULL;
    if (more) {
        x->headers = more;
        status = MIX_OK;
    }
    mix_buf_deinit(&line);
    return status;
}

static int set_headers(exchange *x, const mix_http_request *r) {
    static const char *const ours[] = {"host",
                                       "content-length",
                                       "transfer-encoding",
                                       "connection",
                                       "keep-alive",
                                       "upgrade",
                                       "te",
                                       "trailer",
                                       "expect",
                                       "proxy-connection"};
    int status = add_header(x, "Expect", "");
    /* "Expect:" without a value takes libcurl's own away; add_header() would write an empty one. */
    if (status == MIX_OK)
        memcpy(x->headers->data + 6, ":", 2);
    bool accept = false;
    for (size_t i = 0; i < r->header_count && status == MIX_OK; i++) {
        const mix_http_header *header = &r->headers[i];
        if (!is_token(header->name) || !is_value(header->value))
            return MIX_ERR_HTTP_REQUEST;
        bool skip = false;
        for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
            skip |= same(header->name, ours[k]);
        accept |= same(header->name, "accept");
        if (!skip)
            status = add_header(x, header->name, header->value);
    }
    if (status == MIX_OK && !accept)
        status = add_header(x, "Accept", "*/*");
    return status;
}

static void set_method(exchange *x, const mix_http_request *r) {
    bool head = strcmp(r->method, "HEAD") == 0;
    bool sends = r->body != MIX_HTTP_NO_BODY || strcmp(r->method, "POST") == 0 ||
                 strcmp(r->method, "PUT") == 0;
    x->body = sends && r->body == MIX_HTTP_NO_BODY ? 0 : r->body;
    x->body_ended = x->body == 0 || x->body == MIX_HTTP_NO_BODY;
    x->body_left = x->body > 0 ? x->body : 0;
    if (sends) {
        SET(x, CURLOPT_UPLOAD, 1L);
        SET(x, CURLOPT_READFUNCTION, on_read);
        SET(x, CURLOPT_READDATA, x);
        SET(x, CURLOPT_SEEKFUNCTION, on_seek);
        SET(x, CURLOPT_SEEKDATA, x);
        SET(x, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(x->body >= 0 ? x->body : -1));
        SET(x, CURLOPT_UPLOAD_BUFFERSIZE, 65536L);
    } else if (head) {
        SET(x, CURLOPT_NOBODY, 1L);
    } else {
        SET(x, CURLOPT_HTTPGET, 1L);
    }
    if (!head || sends)
        SET(x, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_callbacks(mix_http *h, exchange *x) {
    SET(x, CURLOPT_PRIVATE, x);
    SET(x, CURLOPT_ERRORBUFFER, x->words);
    SET(x, CURLOPT_HEADERFUNCTION, on_header);
    SET(x, CURLOPT_HEADERDATA, x);
    SET(x, CURLOPT_WRITEFUNCTION, on_body);
    SET(x, CURLOPT_WRITEDATA, x);
    SET(x, CURLOPT_PREREQFUNCTION, on_ready);
    SET(x, CURLOPT_PREREQDATA, x);
    SET(x, CURLOPT_SSL_CTX_FUNCTION, on_context);
    SET(x, CURLOPT_SSL_CTX_DATA, x);
    SET(x, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
    SET(x, CURLOPT_SOCKOPTDATA, x);
    SET(x, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    SET(x, CURLOPT_CLOSESOCKETDATA, h);
}

/* A TLS handshake that is under way may end in HTTP/2, which takes all requests: they wait for it.
 * Without TLS there is nothing to wait for. */
static void set_sharing(exchange *x, const mix_http_request *r) {
    bool tls = (r->url[4] | 32) == 's'; /* take_url has seen "http" */
    bool share = tls && !r->stream;
    SET(x, CURLOPT_HTTP_VERSION,
        share ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    SET(x, CURLOPT_PIPEWAIT, share ? 1L : 0L);
}

static void set_options(mix_http *h, exchange *x, const mix_http_request *r) {
    set_callbacks(h, x);
    SET(x, CURLOPT_NOSIGNAL, 1L);
    SET(x, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(x, CURLOPT_PATH_AS_IS, 1L); /* URLs come normalised from above */
    set_sharing(x, r);
    SET(x, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* roots are tls/'s */
    SET(x, CURLOPT_CONNECTTIMEOUT_MS, (long)(h->config.connect_timeout / 1000));
    SET(x, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS,
        1500L); /* a round trip here is longer than libcurl's 200 ms */
    SET(x, CURLOPT_TCP_KEEPALIVE, h->config.keepalive > 0 ? 1L : 0L);
    if (h->config.keepalive > 0)
        SET(x, CURLOPT_TCP_KEEPIDLE, (long)((h->config.keepalive + 999999) / 1000000));
    SET(x, CURLOPT_MAXAGE_CONN, (long)(h->config.idle_age / 1000000));
    SET(x, CURLOPT_BUFFERSIZE, 65536L);
    SET(x, CURLOPT_DNS_CACHE_TIMEOUT, 60L); /* dns/ decides; each request brings its addresses */
    if (r->stream) {
        SET(x, CURLOPT_FRESH_CONNECT, 1L);
        SET(x, CURLOPT_CONNECT_ONLY, 1L);
    } else {
        SET(x, CURLOPT_ACCEPT_ENCODING, "gzip, deflate, br, zstd");
    }
}

/* "data:…" has a scheme as well, which libcurl's parser does not see. */
static bool has_other_scheme(const char *url) {
    size_t n = strcspn(url, ":/?#");
    if (url[n] != ':' || n == 0)
        return false;
    return !((n == 4 || n == 5) && (url[0] | 32) == 'h' && (url[1] | 32) == 't' &&
             (url[2] | 32) == 't' && (url[3] | 32) == 'p' && (n == 4 || (url[4] | 32) == 's'));
}

static int take_url(exchange *x, const char *url) {
    if (has_other_scheme(url))
        return MIX_ERR_HTTP_SCHEME;
    CURLU *u = curl_url();
    char *host = NULL, *port = NULL;
    CURLUcode rc = u ? curl_url_set(u, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    if (rc == CURLUE_OK)
        rc = curl_url_get(u, CURLUPART_HOST, &host, 0);
    if (rc == CURLUE_OK)
        rc = curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    int status = mix_http_url_status(rc);
    if (status == MIX_OK) {
        x->host = host;
        host = NULL;
        x->port = (int)strtoul(port, NULL, 10);
        SET(x, CURLOPT_URL, url);
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return status;
}

int mix_http_prepare(mix_http *h, exchange *x, const mix_http_request *r) {
    if (!r->stream && !is_token(r->method))
        return MIX_ERR_HTTP_REQUEST;
    x->easy = curl_easy_init();
    if (!x->easy)
        return MIX_ERR_MEMORY;
    int status = take_url(x, r->url);
    if (status != MIX_OK)
        return status;
    x->stream = r->stream;
    set_options(h, x, r);
    if (r->stream) {
        x->body = MIX_HTTP_UNKNOWN_LENGTH;
        return x->setup != CURLE_OK ? MIX_ERR_MEMORY : MIX_OK;
    }
    set_method(x, r);
    status = set_headers(x, r);
    SET(x, CURLOPT_HTTPHEADER, x->headers);
    return status != MIX_OK ? status : x->setup != CURLE_OK ? MIX_ERR_MEMORY : MIX_OK;
}

void mix_http_exchange_free(exchange *x) {
    if (x->added)
        curl_multi_remove_handle(x->http->multi, x->easy);
    if (x->lookup != 0)
        mix_dns_cancel(x->http->dns, x->lookup);
    curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->headers);
    curl_slist_free_all(x->addresses);
    curl_free(x->host);
    mix_buf_deinit(&x->up);
    mix_buf_deinit(&x->down);
    mix_buf_deinit(&x->header_texts);
    mix_buf_deinit(&x->header_places);
    mix_free(x);
}
