/* SPDX-License-Identifier: Apache-2.0 */
/* One fetch is a chain of exchanges of http/: each redirect, and each new try, is another one. */
#include "fetch/fetch.h"

#include "base/alloc.h"
#include "base/text.h"
#include "mix/errors.h"

enum {
    FETCHES_MAX = 1024,
    DROP_MOST = 64 * 1024,
    TRIES = 3, /* of a connection that breaks before anything was sent */
};

typedef struct fetch {
    struct fetch *next;
    uint32_t id, exchange; /* 0: none */
    char method[32];
    mix_buf url;     /* with its end */
    mix_buf headers; /* name, value, each with its end */
    size_t header_count;
    mix_buf body;
    size_t body_at; /* given to http/ so far */
    bool has_body, streams, written;
    int64_t stream_length;
    mix_fetch_redirect redirect;
    int redirects_left, redirects, tries;
    mix_time begun;
    int redirecting; /* the status of a redirect whose body is being dropped, so that its connection
                        can be used again */
    mix_buf location;
    size_t dropped;
    bool responded, finished;
    unsigned events;
    mix_error failure;
} fetch;

struct mix_fetch {
    mix_fetch_config config;
    mix_buf user_agent;
    mix_http *http;
    fetch *fetches;
    uint32_t last_id;
};

int mix_fetch_new(mix_fetch **out, const mix_fetch_config *config, mix_http *http) {
    *out = NULL;
    mix_fetch *f = mix_alloc_zero(1, sizeof *f);
    if (!f)
        return MIX_ERR_MEMORY;
    if (config)
        f->config = *config;
    f->http = http;
    if (f->config.max_redirects == 0)
        f->config.max_redirects = 20;
    mix_buf_put_str(&f->user_agent, f->config.user_agent ? f->config.user_agent : "lwmix");
    mix_buf_put_u8(&f->user_agent, 0);
    if (mix_buf_status(&f->user_agent) != MIX_OK) {
        mix_fetch_free(f);
        return MIX_ERR_MEMORY;
    }
    *out = f;
    return MIX_OK;
}

static void free_fetch(fetch *x) {
    mix_buf_deinit(&x->url);
    mix_buf_deinit(&x->headers);
    mix_buf_deinit(&x->location);
    mix_buf_deinit_wiped(&x->body);
    mix_free(x);
}

void mix_fetch_free(mix_fetch *f) {
    if (!f)
        return;
    while (f->fetches) {
        fetch *x = f->fetches;
        f->fetches = x->next;
        free_fetch(x);
    }
    mix_buf_deinit(&f->user_agent);
    mix_free(f);
}

static fetch *find(const mix_fetch *f, uint32_t id) {
    fetch *x = f->fetches;
    while (x && x->id != id)
        x = x->next;
    return x;
}

static bool same(const char *a, const char *b) {
    return mix_text_same(mix_bytes_str(a), b);
}

static bool one_of(const char *name, const char *const *list) {
    for (; *list; list++)
        if (same(name, *list))
            return true;
    return false;
}

/* Fetch, section 2.2.1: six methods are known in any case, three are forbidden. */
static int take_method(fetch *x, const mix_fetch_request *r) {
    static const char *const known[] = {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", NULL};
    static const char *const forbidden[] = {"CONNECT", "TRACE", "TRACK", NULL};
    const char *method = r->method ? r->method : "GET";
    for (size_t i = 0; known[i]; i++)
        if (same(method, known[i]))
            method = known[i];
    size_t len = strlen(method);
    if (len == 0 || len >= sizeof x->method || one_of(method, forbidden))
        return MIX_ERR_FETCH_METHOD;
    memcpy(x->method, method, len + 1);
    if ((r->has_body || r->streams) && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0))
        return MIX_ERR_FETCH_METHOD;
    return MIX_OK;
}

static void put_header(fetch *x, const char *name, const char *value) {
    mix_buf_put_str(&x->headers, name);
    mix_buf_put_u8(&x->headers, 0);
    mix_buf_put_str(&x->headers, value);
    mix_buf_put_u8(&x->headers, 0);
    x->header_count++;
}

static mix_http_header header_at(const fetch *x, size_t *at) {
    const char *name = (const char *)x->headers.data + *at, *value = name + strlen(name) + 1;
    *at += strlen(name) + strlen(value) + 2;
    return (mix_http_header){.name = name, .value = value};
}

static void drop_headers(fetch *x, const char *const *names) {
    for (size_t at = 0, start = 0; at < x->headers.len; start = at) {
        mix_http_header h = header_at(x, &at);
        if (!one_of(h.name, names))
            continue;
        memmove(x->headers.data + start, x->headers.data + at, x->headers.len - at);
        mix_buf_truncate(&x->headers, x->headers.len - (at - start));
        x->header_count--;
        at = start;
    }
}

static int take_request(mix_fetch *f, fetch *x, const mix_fetch_request *r, mix_time now) {
    static const char *const agent[] = {"user-agent", NULL};
    int status = take_method(x, r),
        most = r->max_redirects ? r->max_redirects : f->config.max_redirects;
    bool named = f->user_agent.len == 1;
    mix_buf_put_str(&x->url, r->url);
    mix_buf_put_u8(&x->url, 0);
    for (size_t i = 0; i < r->header_count; i++) {
        named |= one_of(r->headers[i].name, agent);
        put_header(x, r->headers[i].name, r->headers[i].value);
    }
    if (!named)
        put_header(x, "User-Agent", (const char *)f->user_agent.data);
    mix_buf_put_bytes(&x->body, r->body);
    x->has_body = r->has_body;
    x->streams = r->streams;
    x->stream_length =
        r->streams && r->stream_length < 0 ? MIX_HTTP_UNKNOWN_LENGTH : r->stream_length;
    x->redirect = r->redirect;
    x->redirects_left = most > 0 ? most : 0;
    x->tries = TRIES;
    x->begun = now;
    if (status == MIX_OK &&
        (mix_buf_status(&x->url) != MIX_OK || mix_buf_status(&x->headers) != MIX_OK ||
         mix_buf_status(&x->body) != MIX_OK))
        status = MIX_ERR_MEMORY;
    return status;
}

static void owe(fetch *x, mix_fetch_event_kind kind) {
    x->events |= 1u << kind;
}

static void finish(fetch *x) {
    x->finished = true;
    owe(x, MIX_FETCH_READABLE);
    owe(x, MIX_FETCH_FINISHED);
}

static void fail_with(mix_fetch *f, fetch *x, const mix_error *why, mix_time now) {
    if (x->finished)
        return;
    x->failure = *why;
    mix_http_fail(f->http, x->exchange, why, now);
    finish(x);
}

static void fail(mix_fetch *f, fetch *x, int status, mix_time now) {
    mix_error why = {0};
    mix_error_note(&why, status, "fetch", 0, "%s", mix_error_text(status));
    fail_with(f, x, &why, now);
}

/* As much as there is room for; WRITABLE tells of more. No event would follow a lack of memory. */
static void feed_body(mix_fetch *f, fetch *x, mix_time now) {
    int status = MIX_OK;
    while (status == MIX_OK && !x->streams && x->body_at < x->body.len) {
        mix_bytes rest = mix_bytes_slice(mix_buf_bytes(&x->body), x->body_at, x->body.len);
        size_t taken = 0;
        status = mix_http_write(f->http, x->exchange, rest, &taken, now);
        x->body_at += taken;
    }
    if (status == MIX_ERR_MEMORY)
        fail(f, x, status, now);
}

/* Begins an exchange for the URL as it is now. */
static int send(mix_fetch *f, fetch *x, mix_time now) {
    mix_http_header *headers =
        x->header_count > 0 ? mix_alloc(x->header_count * sizeof *headers) : NULL;
    if (x->header_count > 0 && !headers)
        return MIX_ERR_MEMORY;
    for (size_t i = 0, at = 0; i < x->header_count; i++)
        headers[i] = header_at(x, &at);
    mix_http_request r = {.method = x->method,
                          .url = (const char *)x->url.data,
                          .headers = headers,
                          .header_count = x->header_count,
                          .body = x->streams    ? x->stream_length
                                  : x->has_body ? (int64_t)x->body.len
                                                : MIX_HTTP_NO_BODY};
    uint32_t id;
    int status = mix_http_start(f->http, &id, &r, now);
    mix_free(headers);
    if (status != MIX_OK)
        return status;
    x->exchange = id;
    x->body_at = 0;
    feed_body(f, x, now);
    return MIX_OK;
}

int mix_fetch_start(mix_fetch *f, uint32_t *id, const mix_fetch_request *request, mix_time now) {
    size_t open = 0;
    *id = 0;
    for (const fetch *x = f->fetches; x; x = x->next)
        open++;
    if (open >= FETCHES_MAX)
        return MIX_ERR_LIMIT;
    fetch *x = mix_alloc_zero(1, sizeof *x);
    if (!x)
        return MIX_ERR_MEMORY;
    int status = take_request(f, x, request, now);
    if (status == MIX_OK)
        status = send(f, x, now);
    if (status != MIX_OK) {
        free_fetch(x);
        return status;
    }
    if (++f->last_id == 0)
        f->last_id = 1;
    *id = x->id = f->last_id;
    x->next = f->fetches;
    f->fetches = x;
    return MIX_OK;
}

int mix_fetch_write(mix_fetch *f, uint32_t id, mix_bytes in, size_t *taken, mix_time now) {
    fetch *x = find(f, id);
    *taken = 0;
    if (!x)
        return MIX_ERR_ARGUMENT;
    if (x->finished && x->failure.code != MIX_OK)
        return x->failure.code;
    if (x->finished || !x->streams)
        return MIX_ERR_STATE;
    x->written = true;
    return mix_http_write(f->http, x->exchange, in, taken, now);
}

int mix_fetch_end(mix_fetch *f, uint32_t id, mix_time now) {
    fetch *x = find(f, id);
    if (!x)
        return MIX_ERR_ARGUMENT;
    if (x->finished)
        return x->failure.code;
    if (!x->streams)
        return MIX_ERR_STATE;
    x->written = true;
    return mix_http_end(f->http, x->exchange, now);
}

int mix_fetch_read(mix_fetch *f, uint32_t id, uint8_t *out, size_t cap, size_t *got, mix_time now) {
    fetch *x = find(f, id);
    *got = 0;
    if (!x)
        return MIX_ERR_ARGUMENT;
    if (!x->responded)
        return x->finished ? x->failure.code : MIX_DONE;
    int status = mix_http_read(f->http, x->exchange, out, cap, got, now);
    return status != MIX_OK && x->failure.code != MIX_OK ? x->failure.code : status;
}

void mix_fetch_close(mix_fetch *f, uint32_t id, mix_time now) {
    for (fetch **at = &f->fetches; *at; at = &(*at)->next) {
        fetch *x = *at;
        if (x->id != id)
            continue;
        *at = x->next;
        mix_http_close(f->http, x->exchange, now);
        free_fetch(x);
        return;
    }
}

void mix_fetch_fail(mix_fetch *f, uint32_t id, const mix_error *why, mix_time now) {
    fetch *x = find(f, id);
    if (x)
        fail_with(f, x, why, now);
}

void mix_fetch_fail_all(mix_fetch *f, const mix_error *why, mix_time now) {
    for (fetch *x = f->fetches; x; x = x->next)
        fail_with(f, x, why, now);
}

static bool other_origin(const char *a, const char *b) {
    mix_buf x = {0}, y = {0};
    bool other = mix_http_origin(&x, a) != MIX_OK || mix_http_origin(&y, b) != MIX_OK ||
                 !mix_bytes_equal(mix_buf_bytes(&x), mix_buf_bytes(&y));
    mix_buf_deinit(&x);
    mix_buf_deinit(&y);
    return other;
}

/* Fetch, section 4.4, "HTTP-redirect fetch", in its order. */
static int follow(mix_fetch *f, fetch *x, mix_time now) {
    static const char *const of_body[] = {"content-encoding", "content-language",
                                          "content-location", "content-type",
                                          "content-length",   NULL};
    static const char *const secrets[] = {"authorization", "cookie", "proxy-authorization", NULL};
    mix_buf url = {0};
    int status = x->redirecting;
    x->redirecting = 0;
    int result = mix_http_join(&url, (const char *)x->url.data, (const char *)x->location.data);
    mix_buf_put_u8(&url, 0);
    if (result != MIX_OK || mix_buf_status(&url) != MIX_OK) {
        mix_buf_deinit(&url);
        return result == MIX_ERR_MEMORY ? MIX_ERR_MEMORY : MIX_ERR_FETCH_REDIRECT_URL;
    }
    result = x->redirects_left == 0 ? MIX_ERR_FETCH_REDIRECTS
             : strncmp((const char *)x->url.data, "https:", 6) == 0 &&
                     strncmp((char *)url.data, "http:", 5) == 0
                 ? MIX_ERR_FETCH_DOWNGRADE
             : status != 303 && x->streams ? MIX_ERR_FETCH_BODY_ONCE
                                           : MIX_OK;
    if (result != MIX_OK) {
        mix_buf_deinit(&url);
        return result;
    }
    x->redirects_left--;
    x->redirects++;
    bool post = strcmp(x->method, "POST") == 0,
         safe = strcmp(x->method, "GET") == 0 || strcmp(x->method, "HEAD") == 0;
    if (((status == 301 || status == 302) && post) || (status == 303 && !safe)) {
        memcpy(x->method, "GET", 4);
        x->has_body = x->streams = false;
        mix_buf_deinit_wiped(&x->body);
        drop_headers(x, of_body);
    }
    if (other_origin((const char *)x->url.data, (const char *)url.data))
        drop_headers(x, secrets);
    mix_buf_deinit(&x->url);
    x->url = url;
    mix_http_close(f->http, x->exchange, now);
    x->exchange = 0;
    owe(x, MIX_FETCH_REDIRECTED);
    return send(f, x, now);
}

static void follow_or_fail(mix_fetch *f, fetch *x, mix_time now) {
    int status = follow(f, x, now);
    if (status != MIX_OK)
        fail(f, x, status, now);
}

static void on_headers(mix_fetch *f, fetch *x, mix_time now) {
    mix_http_response r;
    if (mix_http_get_response(f->http, x->exchange, &r) != MIX_OK)
        return;
    bool redirects =
        r.status == 301 || r.status == 302 || r.status == 303 || r.status == 307 || r.status == 308;
    const char *location = redirects ? mix_http_header_of(f->http, x->exchange, "location") : NULL;
    if (!location || x->redirect == MIX_FETCH_MANUAL) {
        char *fragment = memchr(x->url.data, '#', x->url.len);
        if (fragment)
            *fragment = 0;
        x->responded = true;
        owe(x, MIX_FETCH_RESPONSE);
        return;
    }
    if (x->redirect == MIX_FETCH_ERROR) {
        fail(f, x, MIX_ERR_FETCH_REDIRECT_REFUSED, now);
        return;
    }
    mix_buf_truncate(&x->location, 0);
    mix_buf_put_str(&x->location, location);
    mix_buf_put_u8(&x->location, 0);
    if (mix_buf_status(&x->location) != MIX_OK) {
        fail(f, x, MIX_ERR_MEMORY, now);
        return;
    }
    x->redirecting = r.status;
    x->dropped = 0;
}

/* A redirect's own body: read to its end if it is short. */
static void drop_body(mix_fetch *f, fetch *x, mix_time now) {
    uint8_t chunk[4096];
    size_t got;
    while (x->dropped <= DROP_MOST &&
           mix_http_read(f->http, x->exchange, chunk, sizeof chunk, &got, now) == MIX_OK && got > 0)
        x->dropped += got;
    if (x->dropped > DROP_MOST)
        follow_or_fail(f, x, now);
}

/* Whether a broken connection is worth another try: nothing was sent, and it is not an answer that
 * would come again, nor a limit of time that has passed. */
static bool may_try_again(const mix_fetch *f, const fetch *x, int code) {
    bool broken = code == MIX_ERR_TCP_RESET || code == MIX_ERR_TCP_MOVED ||
                  code == MIX_ERR_TCP_STALLED || code == MIX_ERR_HTTP_CUT ||
                  code == MIX_ERR_TLS_HANDSHAKE || code == MIX_ERR_DNS_SERVER;
    return broken && x->tries > 1 && !x->responded && !x->written &&
           !mix_http_was_sent(f->http, x->exchange);
}

static void on_finished(mix_fetch *f, fetch *x, int status, mix_time now) {
    if (x->redirecting) {
        follow_or_fail(f, x, now);
        return;
    }
    if (status != MIX_OK && may_try_again(f, x, status)) {
        x->tries--;
        mix_http_close(f->http, x->exchange, now);
        x->exchange = 0;
        status = send(f, x, now);
        if (status == MIX_OK)
            return;
        fail(f, x, status, now);
        return;
    }
    if (status != MIX_OK) {
        const mix_error *e = mix_http_failure(f->http, x->exchange);
        if (e)
            x->failure = *e;
        x->failure.code = status;
    }
    finish(x);
}

static void on_event(mix_fetch *f, fetch *x, const mix_http_event *ev, mix_time now) {
    switch (ev->kind) {
    case MIX_HTTP_HEADERS:
        on_headers(f, x, now);
        break;
    case MIX_HTTP_READABLE:
        if (x->responded)
            owe(x, MIX_FETCH_READABLE);
        else if (x->redirecting)
            drop_body(f, x, now);
        break;
    case MIX_HTTP_WRITABLE:
        if (x->streams)
            owe(x, MIX_FETCH_WRITABLE);
        else
            feed_body(f, x, now);
        break;
    case MIX_HTTP_FINISHED:
        on_finished(f, x, ev->status, now);
        break;
    default:
        break;
    }
}

bool mix_fetch_take(mix_fetch *f, const mix_http_event *ev, mix_time now) {
    fetch *x = f->fetches;
    while (x && x->exchange != ev->id)
        x = x->next;
    if (!x)
        return false;
    if (!x->finished)
        on_event(f, x, ev, now);
    return true;
}

int mix_fetch_next(mix_fetch *f, mix_fetch_event *ev) {
    for (fetch *x = f->fetches; x; x = x->next) {
        if (x->events == 0)
            continue;
        int kind = MIX_FETCH_REDIRECTED;
        while (!(x->events & 1u << kind))
            kind++;
        x->events &= ~(1u << kind);
        *ev = (mix_fetch_event){
            .kind = (mix_fetch_event_kind)kind, .id = x->id, .status = x->failure.code};
        return MIX_OK;
    }
    return MIX_DONE;
}

int mix_fetch_get_response(const mix_fetch *f, uint32_t id, mix_fetch_response *out) {
    const fetch *x = find(f, id);
    mix_http_response r;
    if (!x)
        return MIX_ERR_ARGUMENT;
    if (!x->responded || mix_http_get_response(f->http, x->exchange, &r) != MIX_OK)
        return MIX_ERR_STATE;
    *out = (mix_fetch_response){.status = r.status,
                                .version = r.version,
                                .reason = r.reason,
                                .url = (const char *)x->url.data,
                                .redirected = x->redirects > 0,
                                .null_body = r.status == 204 || r.status == 205 ||
                                             r.status == 304 || strcmp(x->method, "HEAD") == 0,
                                .header_count = r.header_count};
    return MIX_OK;
}

bool mix_fetch_get_header(const mix_fetch *f, uint32_t id, size_t i, mix_http_header *out) {
    const fetch *x = find(f, id);
    return x && x->responded && mix_http_get_header(f->http, x->exchange, i, out);
}

const mix_error *mix_fetch_failure(const mix_fetch *f, uint32_t id) {
    const fetch *x = find(f, id);
    return x ? &x->failure : NULL;
}

int mix_fetch_get_timing(const mix_fetch *f, uint32_t id, mix_http_timing *out) {
    const fetch *x = find(f, id);
    int status = x ? mix_http_get_timing(f->http, x->exchange, out) : MIX_ERR_ARGUMENT;
    if (status != MIX_OK)
        return status;
    mix_time *const all[] = {&out->started, &out->resolved,   &out->connected, &out->secured,
                             &out->sent,    &out->first_byte, &out->finished};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = *all[i] >= 0 ? *all[i] - x->begun : -1;
    return MIX_OK;
}
