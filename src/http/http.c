/* SPDX-License-Identifier: Apache-2.0 */
/* The pump between libcurl's multi handle and the seam, and the calls on exchanges. */
#include "http/internal.h"

#include "base/text.h"
#include "sockets/sockets.h"

#include <stdio.h>

enum { ROUNDS = 64, IN_VAIN = 8 };
#define LATER MIX_MS(5)
#define RESPONSE_TIMEOUT MIX_SECONDS(120)
#define IDLE_TIMEOUT MIX_SECONDS(60)

static void *take(size_t size) {
    return mix_alloc(size > 0 ? size : 1);
}
static void *retake(void *p, size_t size) {
    return mix_realloc(p, size > 0 ? size : 1);
}
static void *take_zero(size_t n, size_t size) {
    return n > 0 && size > 0 ? mix_alloc_zero(n, size) : mix_alloc_zero(1, 1);
}
static char *take_copy(const char *s) {
    size_t n = strlen(s) + 1;
    char *out = mix_alloc(n);
    if (out)
        memcpy(out, s, n);
    return out;
}

exchange *mix_http_find(const mix_http *h, uint32_t id) {
    exchange *x = h->exchanges;
    while (x && x->id != id)
        x = x->next;
    return x;
}

void mix_http_owe(exchange *x, mix_http_event_kind kind) {
    x->events |= 1u << kind;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user) {
    mix_http *h = user;
    size_t i = 0;
    (void)easy, (void)socket_user;
    while (i < h->want_count && h->wants[i].fd != fd)
        i++;
    if (what == CURL_POLL_REMOVE) {
        if (i < h->want_count)
            h->wants[i] = h->wants[--h->want_count];
        return 0;
    }
    if (i == h->want_count && h->want_count < MIX_HTTP_FDS)
        h->want_count++;
    if (i < h->want_count)
        h->wants[i] = (struct want){.fd = fd,
                                    .events = (what & CURL_POLL_IN ? MIX_SOCKETS_IN : 0u) |
                                              (what & CURL_POLL_OUT ? MIX_SOCKETS_OUT : 0u)};
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *user) {
    mix_http *h = user;
    (void)multi;
    /* From libcurl's own clock on, which is ahead of ours by its readings: one that runs too early
     * finds nothing to do, and libcurl does not tell the same time twice. */
    h->run_at = ms < 0 ? MIX_NEVER : ms == 0 ? h->now : mix_sockets_now() + MIX_MS(ms);
    return 0;
}

static void take_config(mix_http *h, const mix_http_config *config) {
    mix_http_config *c = &h->config;
    if (config)
        *c = *config;
    if (c->per_host == 0)
        c->per_host = 6;
    if (c->connections == 0)
        c->connections = 64;
    if (c->idle_age == 0)
        c->idle_age = MIX_SECONDS(60);
    if (c->connect_timeout == 0)
        c->connect_timeout = MIX_SECONDS(30);
    if (c->keepalive == 0)
        c->keepalive = MIX_SECONDS(60);
    if (c->buffer == 0)
        c->buffer = 128 * 1024;
}

static int make_multi(mix_http *h) {
    h->multi = curl_multi_init();
    if (!h->multi)
        return MIX_ERR_MEMORY;
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, h->config.per_host);
    curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, h->config.connections);
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, h->config.connections);
    return MIX_OK;
}

int mix_http_new(mix_http **out, const mix_http_config *config, mix_dns *dns, mix_tls *tls) {
    *out = NULL;
    mix_http *h = mix_alloc_zero(1, sizeof *h);
    if (!h)
        return MIX_ERR_MEMORY;
    h->dns = dns;
    h->tls = tls;
    h->run_at = MIX_NEVER;
    take_config(h, config);
    if (curl_global_init_mem(CURL_GLOBAL_SSL, take, mix_free, retake, take_copy, take_zero) !=
        CURLE_OK) {
        mix_free(h);
        return MIX_ERR_MEMORY;
    }
    if (make_multi(h) != MIX_OK) {
        mix_http_free(h);
        return MIX_ERR_MEMORY;
    }
    *out = h;
    return MIX_OK;
}

void mix_http_free(mix_http *h) {
    if (!h)
        return;
    while (h->exchanges) {
        exchange *x = h->exchanges;
        h->exchanges = x->next;
        mix_http_exchange_free(x);
    }
    if (h->multi)
        curl_multi_cleanup(h->multi);
    curl_global_cleanup();
    mix_free(h);
}

static void set_time(mix_http *h, mix_time now) {
    if (now > h->now)
        h->now = now;
    mix_sockets_set_time(now);
}

static void finish(mix_http *h, exchange *x, CURLcode rc) {
    if (x->phase == FINISHED)
        return;
    if (x->stream && rc == CURLE_OK) { /* libcurl's part is done; the connection is ours */
        x->connected = true;
        x->phase = RECEIVING;
        mix_http_owe(x, MIX_HTTP_CONNECTED);
        mix_http_owe(x, MIX_HTTP_WRITABLE);
        return;
    }
    mix_http_note_failure(h, x, rc);
    if (rc == CURLE_OK && !x->headers_done) /* libcurl takes half a head for a whole answer */
        mix_error_note(&x->failure, MIX_ERR_HTTP_CUT, "http", 0, "its headers end in the middle");
    x->phase = FINISHED;
    x->finished = h->now;
    if (x->lookup != 0)
        mix_dns_cancel(h->dns, x->lookup);
    x->lookup = 0;
    if (x->added)
        curl_multi_remove_handle(h->multi, x->easy);
    x->added = false;
    mix_http_owe(x, MIX_HTTP_READABLE);
    mix_http_owe(x, MIX_HTTP_FINISHED);
}

static void fail_with(mix_http *h, exchange *x, const mix_error *why) {
    if (x->phase == FINISHED)
        return;
    x->failure = *why;
    x->stream = false;
    finish(h, x, CURLE_ABORTED_BY_CALLBACK);
}

/* For a reason of ours. */
static void fail(mix_http *h, exchange *x, int code, const char *words) {
    mix_error why = {0};
    mix_error_note(&why, code, "http", 0, "%s", words);
    fail_with(h, x, &why);
}

static void add_to_multi(mix_http *h, exchange *x) {
    x->phase = CONNECTING;
    x->activity = x->resolved = h->now;
    CURLMcode rc = curl_multi_add_handle(h->multi, x->easy);
    x->added = rc == CURLM_OK;
    if (!x->added)
        finish(h, x, rc == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT);
}

void mix_http_fail(mix_http *h, uint32_t id, const mix_error *why, mix_time now) {
    exchange *x = mix_http_find(h, id);
    set_time(h, now);
    if (x)
        fail_with(h, x, why);
}

void mix_http_reset(mix_http *h, const mix_error *why, mix_time now) {
    set_time(h, now);
    for (exchange *x = h->exchanges; x; x = x->next)
        fail_with(h, x, why);
    if (h->multi) /* no handle is in it any more: what it keeps are connections and tickets */
        curl_multi_cleanup(h->multi);
    h->multi = NULL;
    h->want_count = 0;
    h->run_at = MIX_NEVER;
}

static int resolve(mix_http *h, exchange *x, mix_time now) {
    mix_address number;
    mix_bytes host = mix_bytes_str(x->host);
    if (host.len > 1 && host.data[0] == '[') /* [2001:db8::1] */
        host = mix_bytes_slice(host, 1, host.len - 2);
    if (mix_ip_parse(&number, host) == MIX_OK) {
        add_to_multi(h, x);
        return MIX_OK;
    }
    return mix_dns_lookup(h->dns, &x->lookup, x->host, MIX_DNS_IP4 | MIX_DNS_IP6, now);
}

int mix_http_start(mix_http *h, uint32_t *id, const mix_http_request *request, mix_time now) {
    size_t open = 0;
    *id = 0;
    set_time(h, now);
    for (const exchange *x = h->exchanges; x; x = x->next)
        open++;
    if (open >= MIX_HTTP_EXCHANGES)
        return MIX_ERR_LIMIT;
    if (!h->multi && make_multi(h) != MIX_OK)
        return MIX_ERR_MEMORY;
    exchange *x = mix_alloc_zero(1, sizeof *x);
    if (!x)
        return MIX_ERR_MEMORY;
    x->http = h;
    x->activity = x->started = now;
    int status = mix_http_prepare(h, x, request);
    if (status == MIX_OK)
        status = resolve(h, x, now);
    if (status != MIX_OK) {
        mix_http_exchange_free(x);
        return status;
    }
    if (++h->last_id == 0)
        h->last_id = 1;
    *id = x->id = h->last_id;
    x->next = h->exchanges;
    h->exchanges = x;
    return MIX_OK;
}

/* "+host:port:address,…" for libcurl's own cache; '+': the entry may age. */
static int give_addresses(exchange *x, const mix_dns_event *ev) {
    mix_buf line = {0};
    char port[16];
    snprintf(port, sizeof port, ":%d:", x->port);
    mix_buf_put_str(&line, "+");
    mix_buf_put_str(&line, x->host);
    mix_buf_put_str(&line, port);
    for (size_t i = 0; i < ev->count; i++) {
        if (i > 0)
            mix_buf_put_u8(&line, ',');
        mix_buf_put_str(&line, ev->records[i].ip.family == 6 ? "[" : "");
        mix_buf_put_str(&line, ev->records[i].text);
        mix_buf_put_str(&line, ev->records[i].ip.family == 6 ? "]" : "");
    }
    mix_buf_put_u8(&line, 0);
    x->addresses =
        mix_buf_status(&line) == MIX_OK ? curl_slist_append(NULL, (const char *)line.data) : NULL;
    mix_buf_deinit(&line);
    if (!x->addresses)
        return MIX_ERR_MEMORY;
    curl_easy_setopt(x->easy, CURLOPT_RESOLVE, x->addresses);
    return MIX_OK;
}

bool mix_http_resolved(mix_http *h, const mix_dns_event *ev, mix_time now) {
    exchange *x = h->exchanges;
    while (x && (x->lookup == 0 || x->lookup != ev->id))
        x = x->next;
    if (!x)
        return false;
    set_time(h, now);
    x->lookup = 0;
    int status = ev->status == MIX_OK ? give_addresses(x, ev) : ev->status;
    if (status == MIX_OK) {
        add_to_multi(h, x);
    } else {
        if (ev->status != MIX_OK)
            x->failure = ev->failure;
        else
            mix_error_note(&x->failure, status, "dns", 0, "%s", x->host);
        finish(h, x, CURLE_COULDNT_RESOLVE_HOST);
    }
    return true;
}

/* Goes on with what libcurl was told to hold, as far as the reason is gone. */
static void unpause(exchange *x) {
    if (x->added && !x->stream)
        (void)curl_easy_pause(x->easy, (x->write_paused ? CURLPAUSE_RECV : 0) |
                                           (x->read_paused ? CURLPAUSE_SEND : 0));
}

static int write_stream(mix_http *h, exchange *x, mix_bytes in, size_t *taken) {
    if (x->phase == FINISHED)
        return x->failure.code != MIX_OK ? x->failure.code : MIX_ERR_STATE;
    if (!x->connected)
        return MIX_BLOCKED;
    CURLcode rc = curl_easy_send(x->easy, in.data, in.len, taken);
    if (rc == CURLE_OK && *taken > 0)
        return MIX_OK;
    if (rc == CURLE_OK || rc == CURLE_AGAIN) {
        x->blocked = true;
        return MIX_BLOCKED;
    }
    x->stream = false;
    finish(h, x, rc);
    return x->failure.code;
}

int mix_http_write(mix_http *h, uint32_t id, mix_bytes in, size_t *taken, mix_time now) {
    exchange *x = mix_http_find(h, id);
    *taken = 0;
    if (!x)
        return MIX_ERR_ARGUMENT;
    set_time(h, now);
    if (x->stream || x->connected)
        return write_stream(h, x, in, taken);
    if (x->phase == FINISHED && x->failure.code != MIX_OK)
        return x->failure.code;
    if (x->body_ended || (x->body >= 0 && in.len > (uint64_t)x->body_left))
        return MIX_ERR_STATE;
    size_t room = x->up.len < h->config.buffer ? h->config.buffer - x->up.len : 0,
           n = in.len < room ? in.len : room;
    if (n == 0 && in.len > 0) {
        x->blocked = true;
        return MIX_BLOCKED;
    }
    mix_buf_put_bytes(&x->up, mix_bytes_slice(in, 0, n));
    if (mix_buf_status(&x->up) != MIX_OK) {
        mix_buf_truncate(&x->up, x->up.len);
        return MIX_ERR_MEMORY;
    }
    *taken = n;
    if (x->body >= 0) {
        x->body_left -= (int64_t)n;
        x->body_ended = x->body_left == 0;
    }
    if (x->read_paused) {
        x->read_paused = false;
        unpause(x);
    }
    return MIX_OK;
}

int mix_http_end(mix_http *h, uint32_t id, mix_time now) {
    exchange *x = mix_http_find(h, id);
    if (!x)
        return MIX_ERR_ARGUMENT;
    set_time(h, now);
    if (x->body_ended || x->stream)
        return x->body_ended ? MIX_OK : MIX_ERR_STATE;
    if (x->body >= 0)
        return MIX_ERR_STATE; /* the rest was promised */
    x->body_ended = true;
    if (x->read_paused) {
        x->read_paused = false;
        unpause(x);
    }
    return MIX_OK;
}

static int read_stream(mix_http *h, exchange *x, uint8_t *out, size_t cap, size_t *got) {
    CURLcode rc = curl_easy_recv(x->easy, out, cap, got);
    if (rc == CURLE_OK)
        return MIX_OK; /* 0: the peer ended */
    *got = 0;
    if (rc == CURLE_AGAIN)
        return MIX_DONE;
    x->stream = false;
    finish(h, x, rc);
    return x->failure.code;
}

int mix_http_read(mix_http *h, uint32_t id, uint8_t *out, size_t cap, size_t *got, mix_time now) {
    exchange *x = mix_http_find(h, id);
    *got = 0;
    if (!x)
        return MIX_ERR_ARGUMENT;
    set_time(h, now);
    if (x->stream && x->connected && x->phase != FINISHED)
        return read_stream(h, x, out, cap, got);
    size_t waiting = x->down.len - x->down_at, n = waiting < cap ? waiting : cap;
    if (n > 0) {
        memcpy(out, x->down.data + x->down_at, n);
        x->down_at += n;
        *got = n;
    }
    if (x->down_at == x->down.len)
        mix_buf_truncate(&x->down, x->down_at = 0);
    if (x->write_paused && x->down.len - x->down_at <= h->config.buffer / 2) {
        mix_buf_consume(&x->down, x->down_at);
        x->down_at = 0;
        x->write_paused = false;
        unpause(x);
    }
    if (n > 0 || (cap == 0 && waiting > 0))
        return MIX_OK;
    if (x->phase != FINISHED)
        return MIX_DONE;
    return x->failure.code;
}

void mix_http_retire(mix_http *h, uint32_t id, mix_time now) {
    exchange *x = mix_http_find(h, id);
    if (x)
        (void)curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, 1L);
    mix_http_close(h, id, now);
}

void mix_http_close(mix_http *h, uint32_t id, mix_time now) {
    set_time(h, now);
    for (exchange **at = &h->exchanges; *at; at = &(*at)->next) {
        exchange *x = *at;
        if (x->id != id)
            continue;
        *at = x->next;
        mix_http_exchange_free(x);
        return;
    }
}

int mix_http_next(mix_http *h, mix_http_event *ev) {
    for (exchange *x = h->exchanges; x; x = x->next) {
        if (x->events == 0)
            continue;
        int kind = MIX_HTTP_CONNECTED; /* in the order in which they mean something */
        while (!(x->events & 1u << kind))
            kind++;
        x->events &= ~(1u << kind);
        *ev = (mix_http_event){
            .kind = (mix_http_event_kind)kind, .id = x->id, .status = x->failure.code};
        return MIX_OK;
    }
    return MIX_DONE;
}

int mix_http_get_response(const mix_http *h, uint32_t id, mix_http_response *out) {
    const exchange *x = mix_http_find(h, id);
    if (!x)
        return MIX_ERR_ARGUMENT;
    if (!x->headers_done)
        return MIX_ERR_STATE;
    *out = (mix_http_response){.status = x->status,
                               .version = x->version,
                               .reason = x->reason,
                               .header_count = mix_http_header_count(x)};
    return MIX_OK;
}

bool mix_http_get_header(const mix_http *h, uint32_t id, size_t i, mix_http_header *out) {
    const exchange *x = mix_http_find(h, id);
    if (!x || i >= mix_http_header_count(x))
        return false;
    *out = mix_http_header_at(x, i);
    return true;
}

const char *mix_http_header_of(const mix_http *h, uint32_t id, const char *name) {
    const exchange *x = mix_http_find(h, id);
    for (size_t i = 0; x && i < mix_http_header_count(x); i++) {
        mix_http_header header = mix_http_header_at(x, i);
        if (mix_text_same(mix_bytes_str(header.name), name))
            return header.value;
    }
    return NULL;
}

int mix_http_get_timing(const mix_http *h, uint32_t id, mix_http_timing *out) {
    const exchange *x = mix_http_find(h, id);
    long connects = 0;
    curl_off_t received = 0;
    if (!x)
        return MIX_ERR_ARGUMENT;
    (void)curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &connects);
    (void)curl_easy_getinfo(x->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    bool reused = x->ready > 0 && connects == 0;
    mix_time connected = reused              ? x->resolved
                         : x->encrypting > 0 ? x->encrypting
                                             : x->ready,
             secured = reused ? x->resolved : x->ready;
    const mix_time times[] = {x->resolved, connected,     secured,
                              x->taken,    x->first_byte, x->finished};
    mix_time *const outs[] = {&out->resolved, &out->connected,  &out->secured,
                              &out->sent,     &out->first_byte, &out->finished};
    *out = (mix_http_timing){.started = x->started,
                             .received = received > 0 ? (uint64_t)received : 0,
                             .uploaded = x->sent,
                             .reused = reused};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        *outs[i] = times[i] > 0 ? times[i] : -1;
    return MIX_OK;
}

const mix_error *mix_http_failure(const mix_http *h, uint32_t id) {
    const exchange *x = mix_http_find(h, id);
    return x ? &x->failure : NULL;
}

void mix_http_blame(mix_http *h, uint32_t id, const mix_error *why) {
    exchange *x = mix_http_find(h, id);
    if (x && x->failure.code != MIX_OK)
        x->failure = *why;
}

bool mix_http_was_sent(const mix_http *h, uint32_t id) {
    const exchange *x = mix_http_find(h, id);
    return x && x->was_sent;
}

/* How long the exchange may stay as it is; reason: the error then. */
static mix_time patience(const exchange *x, int *reason) {
    mix_time at = MIX_NEVER;
    *reason = MIX_ERR_HTTP_RESPONSE_TIMEOUT;
    if (x->phase == FINISHED || x->connected)
        return MIX_NEVER;
    if (x->phase == WAITING)
        at = x->activity + RESPONSE_TIMEOUT;
    else if ((x->phase == SENDING && !x->read_paused) ||
             (x->phase == RECEIVING && !x->write_paused)) {
        at = x->activity + IDLE_TIMEOUT; /* a pause is the user's own */
        *reason = MIX_ERR_HTTP_IDLE;
    }
    return at;
}

static void run_timers(mix_http *h) {
    for (exchange *x = h->exchanges; x; x = x->next) {
        int reason;
        if (patience(x, &reason) <= h->now)
            fail(h, x, reason, mix_error_text(reason));
    }
}

/* Without memory libcurl forgets to watch a socket, or when to run: what is under way would wait
 * for ever. */
static void act(mix_http *h, curl_socket_t fd, int bits) {
    int running;
    CURLMcode rc = curl_multi_socket_action(h->multi, fd, bits, &running);
    if (rc == CURLM_OK)
        return;
    for (exchange *x = h->exchanges; x; x = x->next)
        if (x->added && !x->connected)
            fail(h, x, MIX_ERR_MEMORY, curl_multi_strerror(rc));
}

static bool run_sockets(mix_http *h) {
    struct want wants[MIX_HTTP_FDS];
    size_t n = h->want_count;
    bool busy = false;
    memcpy(wants, h->wants, n * sizeof *wants);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0; /* closed meanwhile? */
        while (k < h->want_count && h->wants[k].fd != wants[i].fd)
            k++;
        unsigned ready = k < h->want_count ? mix_sockets_ready(wants[i].fd) &
                                                 (h->wants[k].events | MIX_SOCKETS_ERR)
                                           : 0;
        if (ready == 0)
            continue;
        int bits = (ready & MIX_SOCKETS_IN ? CURL_CSELECT_IN : 0) |
                   (ready & MIX_SOCKETS_OUT ? CURL_CSELECT_OUT : 0) |
                   (ready & MIX_SOCKETS_ERR ? CURL_CSELECT_ERR : 0);
        act(h, wants[i].fd, bits);
        busy = true;
    }
    return busy;
}

/* Streams are not in libcurl's care any more: who can go on is told once for each change. */
static void run_streams(mix_http *h) {
    for (exchange *x = h->exchanges; x; x = x->next) {
        curl_socket_t fd = CURL_SOCKET_BAD;
        if (!x->connected || x->phase == FINISHED ||
            curl_easy_getinfo(x->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK)
            continue;
        unsigned ready = mix_sockets_ready(fd);
        if (ready & (MIX_SOCKETS_IN | MIX_SOCKETS_ERR))
            mix_http_owe(x, MIX_HTTP_READABLE);
        if (x->blocked && (ready & MIX_SOCKETS_OUT)) {
            x->blocked = false;
            mix_http_owe(x, MIX_HTTP_WRITABLE);
        }
    }
}

static bool run_messages(mix_http *h) {
    CURLMsg *m;
    int left;
    bool busy = false;
    while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
        exchange *x = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode rc = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
        finish(h, x, rc);
        busy = true;
    }
    return busy;
}

/* Rounds in which nothing goes through any socket bring nothing, so after a few of them the next
 * event is waited for; what is due by libcurl's clock is looked at a little later. libcurl 8.14 has
 * places that ask to be run now, over and over, while they wait for the peer: those that we met are
 * patched (third_party/patches), but one more would burn a core, and in virtual time hang. */
static void run(mix_http *h) {
    int in_vain = 0;
    uint64_t moved = mix_sockets_moved();
    h->pending = true;
    for (int round = 0; round < ROUNDS && h->pending; round++) {
        h->pending = false;
        if (h->run_at <= h->now) {
            h->run_at = MIX_NEVER;
            act(h, CURL_SOCKET_TIMEOUT, 0);
            h->pending = true;
            long ms = -1;
            if (h->run_at == MIX_NEVER && curl_multi_timeout(h->multi, &ms) == CURLM_OK)
                on_timer(h->multi, ms, h);
        }
        h->pending |= run_sockets(h);
        bool busy = run_messages(h) || mix_sockets_moved() != moved;
        moved = mix_sockets_moved();
        in_vain = busy ? 0 : in_vain + 1;
        if (h->pending && in_vain == IN_VAIN) {
            h->pending = false;
            if (h->run_at <= h->now)
                h->run_at = h->now + LATER;
        }
    }
}

int mix_http_tick(mix_http *h, mix_time now) {
    set_time(h, now);
    if (!h->multi)
        return MIX_OK;
    h->socket_status = MIX_OK;
    run(h);
    run_timers(h);
    run_streams(h);
    return MIX_OK;
}

mix_time mix_http_deadline(const mix_http *h) {
    mix_time at = h->pending ? h->now : h->run_at;
    for (const exchange *x = h->exchanges; x; x = x->next) {
        int reason;
        mix_time own = patience(x, &reason);
        at = mix_earlier(at, own);
    }
    return at;
}
