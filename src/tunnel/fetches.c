/* SPDX-License-Identifier: Apache-2.0 */
/* The door of mix/fetch.h: fetch/ in the tunnel's own types. */
#include "tunnel/internal.h"

#include "base/alloc.h"
#include "mix/fetch.h"

/* What the user allows for a whole request, by the host's clock. */
typedef struct limit {
    struct limit *next;
    uint32_t id;
    mix_time allowed, at;
} limit;

typedef struct fetches {
    limit *limits;
} fetches;

static int begin(mix_tunnel *t, void **state) {
    (void)t;
    *state = mix_alloc_zero(1, sizeof(fetches));
    return *state ? MIX_OK : MIX_ERR_MEMORY;
}

static void drop_limit(fetches *f, uint32_t id) {
    for (limit **at = &f->limits; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            limit *l = *at;
            *at = l->next;
            mix_free(l);
            return;
        }
}

static void free_all(mix_tunnel *t, void *state) {
    fetches *f = state;
    (void)t;
    while (f->limits)
        drop_limit(f, f->limits->id);
    mix_free(f);
}

static mix_time first_limit(const mix_tunnel *t, const void *state) {
    mix_time at = MIX_NEVER;
    (void)t;
    for (const limit *l = ((const fetches *)state)->limits; l; l = l->next)
        at = mix_earlier(at, l->at);
    return at;
}

static void expire(mix_tunnel *t, void *state, mix_time host, mix_time now) {
    fetches *f = state;
    for (limit *l = f->limits, *next; l; l = next) {
        mix_error why = {0};
        next = l->next;
        if (l->at > host)
            continue;
        mix_error_note(&why, MIX_ERR_HTTP_TIMEOUT, "fetch", 0, "not done within %lld ms",
                       (long long)(l->allowed / 1000));
        mix_tunnel_add_blame(t, &why);
        mix_fetch_fail(t->engines.fetch, l->id, &why, now);
        drop_limit(f, l->id);
    }
}

static void end(mix_tunnel *t, void *state, const mix_error *why, mix_time now) {
    fetches *f = state;
    mix_fetch_fail_all(t->engines.fetch, why, now);
    while (f->limits)
        drop_limit(f, f->limits->id);
}

static int next(mix_tunnel *t, void *state, mix_tunnel_event *ev, mix_time now) {
    static const mix_fetch_what whats[] = {
        [MIX_FETCH_REDIRECTED] = MIX_FETCH_WHAT_REDIRECTED,
        [MIX_FETCH_RESPONSE] = MIX_FETCH_WHAT_RESPONSE,
        [MIX_FETCH_READABLE] = MIX_FETCH_WHAT_READABLE,
        [MIX_FETCH_WRITABLE] = MIX_FETCH_WHAT_WRITABLE,
        [MIX_FETCH_FINISHED] = MIX_FETCH_WHAT_FINISHED,
    };
    mix_fetch_event e;
    (void)now;
    if (mix_fetch_next(t->engines.fetch, &e) != MIX_OK)
        return MIX_DONE;
    ev->kind = MIX_TUNNEL_EVENT_FETCH;
    ev->id = e.id;
    ev->what = whats[e.kind];
    if (e.kind == MIX_FETCH_FINISHED) {
        drop_limit(state, e.id);
        if (e.status != MIX_OK)
            mix_tunnel_tell(&ev->failure, mix_fetch_failure(t->engines.fetch, e.id));
    }
    return MIX_OK;
}

const mix_door mix_door_fetches = {.begin = begin,
                                   .free = free_all,
                                   .end = end,
                                   .next = next,
                                   .limit = first_limit,
                                   .expire = expire};

/* ---- the calls ---- */

static fetches *mine(const mix_tunnel *t) {
    return mix_tunnel_door(t, MIX_DOOR_FETCHES);
}

static int take_headers(mix_http_header **out, const mix_request *r) {
    *out = NULL;
    if (r->header_count == 0)
        return MIX_OK;
    *out = mix_alloc_zero(r->header_count, sizeof **out);
    if (!*out)
        return MIX_ERR_MEMORY;
    for (size_t i = 0; i < r->header_count; i++)
        (*out)[i] = (mix_http_header){r->headers[i].name, r->headers[i].value};
    return MIX_OK;
}

static int start(mix_tunnel *t, uint32_t *id, const mix_request *r, mix_time now) {
    mix_http_header *headers;
    int status = take_headers(&headers, r);
    if (status != MIX_OK)
        return status;
    mix_fetch_request q = {
        .method = r->method,
        .url = r->url,
        .headers = headers,
        .header_count = r->header_count,
        .body = r->has_body ? mix_bytes_of(r->body, r->body_len) : (mix_bytes){0},
        .has_body = r->has_body,
        .streams = r->streams && !r->has_body,
        .stream_length = r->stream_length,
        .redirect = r->redirect == MIX_REDIRECT_ERROR    ? MIX_FETCH_ERROR
                    : r->redirect == MIX_REDIRECT_MANUAL ? MIX_FETCH_MANUAL
                                                         : MIX_FETCH_FOLLOW,
        .max_redirects = r->max_redirects,
    };
    status = mix_fetch_start(t->engines.fetch, id, &q, now);
    mix_free(headers);
    return status;
}

int mix_tunnel_fetch(mix_tunnel *t, uint32_t *id, const mix_request *request, mix_time now) {
    mix_time inner = now;
    limit *l = NULL;
    *id = 0;
    int status = mix_tunnel_transport_begin(t, &inner);
    if (status == MIX_OK && request->timeout > 0 && !(l = mix_alloc_zero(1, sizeof *l)))
        status = MIX_ERR_MEMORY;
    if (status == MIX_OK)
        status = start(t, id, request, inner);
    if (status != MIX_OK) {
        mix_free(l);
        return status;
    }
    if (l) {
        *l = (limit){mine(t)->limits, *id, request->timeout, now + request->timeout};
        mine(t)->limits = l;
    }
    mix_tunnel_pump(t, now);
    return MIX_OK;
}

int mix_tunnel_fetch_write(mix_tunnel *t, uint32_t id, const uint8_t *data, size_t len,
                           size_t *taken, mix_time now) {
    *taken = 0;
    if (!mine(t))
        return MIX_ERR_STATE;
    int status = mix_fetch_write(t->engines.fetch, id, mix_bytes_of(data, len), taken,
                                 mix_tunnel_transport_time(t, now));
    if (*taken > 0)
        mix_tunnel_pump(t, now);
    return status;
}

int mix_tunnel_fetch_end(mix_tunnel *t, uint32_t id, mix_time now) {
    if (!mine(t))
        return MIX_ERR_STATE;
    int status = mix_fetch_end(t->engines.fetch, id, mix_tunnel_transport_time(t, now));
    mix_tunnel_pump(t, now);
    return status;
}

int mix_tunnel_fetch_read(mix_tunnel *t, uint32_t id, uint8_t *out, size_t cap, size_t *got,
                          mix_time now) {
    *got = 0;
    if (!mine(t))
        return MIX_ERR_STATE;
    int status =
        mix_fetch_read(t->engines.fetch, id, out, cap, got, mix_tunnel_transport_time(t, now));
    if (*got > 0)
        mix_tunnel_pump(t, now); /* there may be room for more */
    return status;
}

void mix_tunnel_fetch_close(mix_tunnel *t, uint32_t id, mix_time now) {
    if (!mine(t))
        return;
    drop_limit(mine(t), id);
    mix_fetch_close(t->engines.fetch, id, mix_tunnel_transport_time(t, now));
    mix_tunnel_pump(t, now);
}

int mix_tunnel_fetch_response(const mix_tunnel *t, uint32_t id, mix_response *out) {
    mix_fetch_response r;
    *out = (mix_response){0};
    int status = mine(t) ? mix_fetch_get_response(t->engines.fetch, id, &r) : MIX_ERR_STATE;
    if (status == MIX_OK)
        *out = (mix_response){r.status,     r.version,   r.reason,      r.url,
                              r.redirected, r.null_body, r.header_count};
    return status;
}

bool mix_tunnel_fetch_header(const mix_tunnel *t, uint32_t id, size_t i, mix_header *out) {
    mix_http_header h;
    bool there = mine(t) && mix_fetch_get_header(t->engines.fetch, id, i, &h);
    *out = there ? (mix_header){h.name, h.value} : (mix_header){0};
    return there;
}

int mix_tunnel_fetch_timing(const mix_tunnel *t, uint32_t id, mix_fetch_timing *out) {
    mix_http_timing h;
    *out = (mix_fetch_timing){0};
    int status = mine(t) ? mix_fetch_get_timing(t->engines.fetch, id, &h) : MIX_ERR_STATE;
    if (status == MIX_OK)
        *out = (mix_fetch_timing){h.started,    h.resolved, h.connected, h.secured,  h.sent,
                                  h.first_byte, h.finished, h.received,  h.uploaded, h.reused};
    return status;
}
