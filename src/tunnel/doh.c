/* SPDX-License-Identifier: Apache-2.0 */
/* Questions on one kept HTTP/2 connection, several at once. A connection that breaks, or from which
 * nothing comes, is given up and what waited for it asked once more on a new one. */
#include "tunnel/doh.h"

#include "base/alloc.h"
#include "base/text.h"
#include "base/timers.h"
#include "mix/errors.h"

#define MESSAGE "application/dns-message"

typedef struct call {
    struct call *next;
    uint32_t number;   /* dns/'s */
    uint32_t exchange; /* http/'s; 0: none */
    bool again;        /* the second try */
    bool accepted;     /* the response is one that may have an answer */
    uint32_t age;
    mix_time sent; /* 0: it waits for a connection */
    mix_time patience, give_up;
    mix_buf answer;
    size_t len;
    uint8_t query[];
} call;

struct mix_tunnel_doh {
    mix_dns *dns;
    mix_http *http;
    char *url;
    char host[MIX_DNS_NAME_MAX + 1]; /* for words */
    call *calls;
    mix_time heard; /* when an answer came last; −1: none did */
};

/* ---- the URL ---- */

static mix_bytes without_template(const char *url) {
    static const char variable[] = "{?dns}";
    mix_bytes all = mix_bytes_str(url);
    size_t n = sizeof variable - 1;
    bool ends = all.len >= n && memcmp(url + all.len - n, variable, n) == 0;
    return mix_bytes_slice(all, 0, all.len - (ends ? n : 0));
}

/* "https://host:port", the host perhaps in brackets. */
static int host_of(char out[static MIX_DNS_NAME_MAX + 1], char *origin) {
    char *host = origin + strlen("https://"), *end = strrchr(host, ':');
    if (strncmp(origin, "https://", 8) != 0 || !end)
        return MIX_ERR_ARGUMENT;
    *end = 0;
    size_t len = strlen(host);
    if (len > 2 && host[0] == '[') {
        host[len - 1] = 0;
        host++;
        len -= 2;
    }
    if (len > MIX_DNS_NAME_MAX)
        return MIX_ERR_ARGUMENT;
    memcpy(out, host, len + 1);
    return MIX_OK;
}

int mix_tunnel_doh_host(char out[static MIX_DNS_NAME_MAX + 1], const char *url, mix_error *why) {
    mix_buf plain = {0}, origin = {0};
    mix_buf_put_bytes(&plain, without_template(url));
    mix_buf_put_u8(&plain, 0);
    int status = mix_buf_status(&plain);
    if (status == MIX_OK)
        status = mix_http_origin(&origin, (const char *)plain.data);
    mix_buf_put_u8(&origin, 0);
    if (status == MIX_OK)
        status = mix_buf_status(&origin);
    if (status == MIX_OK)
        status = host_of(out, (char *)origin.data);
    mix_buf_deinit(&plain);
    mix_buf_deinit(&origin);
    if (status != MIX_OK && status != MIX_ERR_MEMORY)
        status = mix_error_note(why, MIX_ERR_ARGUMENT, "tunnel", 0,
                                "doh_url '%.80s' is not an https URL", url);
    return status;
}

/* ---- life ---- */

int mix_tunnel_doh_new(mix_tunnel_doh **out, const char *url, const char *host, mix_dns *dns,
                       mix_http *http) {
    mix_bytes plain = without_template(url);
    mix_tunnel_doh *d = *out = mix_alloc_zero(1, sizeof *d);
    if (!d)
        return MIX_ERR_MEMORY;
    d->dns = dns;
    d->http = http;
    d->heard = -1;
    d->url = mix_alloc_zero(plain.len + 1, 1);
    if (!d->url) {
        mix_tunnel_doh_free(d);
        *out = NULL;
        return MIX_ERR_MEMORY;
    }
    memcpy(d->url, plain.data, plain.len);
    memcpy(d->host, host, strlen(host) + 1);
    return MIX_OK;
}

static void free_call(call *c) {
    mix_buf_deinit(&c->answer);
    mix_free(c);
}

void mix_tunnel_doh_free(mix_tunnel_doh *d) {
    if (!d)
        return;
    while (d->calls) {
        call *c = d->calls;
        d->calls = c->next;
        free_call(c);
    }
    mix_free(d->url);
    mix_free(d);
}

/* ---- one question ---- */

static void drop(mix_tunnel_doh *d, call *c, mix_time now) {
    call **at = &d->calls;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    mix_http_close(d->http, c->exchange, now);
    free_call(c);
}

static void fail(mix_tunnel_doh *d, call *c, const mix_error *why, mix_time now) {
    uint32_t number = c->number;
    drop(d, c, now);
    mix_dns_feed(d->dns, number, &(mix_dns_reply){.failure = why}, now);
}

/* What the resolver did wrong. */
#define FAIL(d, c, now, code, n, ...)                                                              \
    do {                                                                                           \
        mix_error why_ = {0};                                                                      \
        mix_error_note(&why_, code, "dns", n, __VA_ARGS__);                                        \
        fail(d, c, &why_, now);                                                                    \
    } while (0)

static void ask(mix_tunnel_doh *d, call *c, mix_time now) {
    static const mix_http_header headers[] = {{"Content-Type", MESSAGE}, {"Accept", MESSAGE}};
    size_t taken;
    mix_http_request r = {.method = "POST",
                          .url = d->url,
                          .headers = headers,
                          .header_count = sizeof headers / sizeof *headers,
                          .body = (int64_t)c->len};
    c->accepted = false;
    c->age = 0;
    c->sent = 0;
    c->patience = c->give_up;
    mix_buf_truncate(&c->answer, 0);
    int status = mix_http_start(d->http, &c->exchange, &r, now);
    if (status == MIX_OK)
        status = mix_http_write(d->http, c->exchange, mix_bytes_of(c->query, c->len), &taken, now);
    if (status != MIX_OK)
        FAIL(d, c, now, status == MIX_ERR_MEMORY ? status : MIX_ERR_DNS_SERVER, 0, "%s: %s",
             d->host, mix_error_text(status));
}

static void begin_call(mix_tunnel_doh *d, const mix_dns_call *in, mix_time now) {
    call *c = mix_alloc_zero(1, sizeof *c + in->message.len);
    if (!c) {
        const mix_error why = {.code = MIX_ERR_MEMORY};
        mix_dns_feed(d->dns, in->number, &(mix_dns_reply){.failure = &why}, now);
        return;
    }
    c->number = in->number;
    c->give_up = in->give_up;
    c->len = in->message.len;
    memcpy(c->query, in->message.data, in->message.len);
    c->next = d->calls;
    d->calls = c;
    ask(d, c, now);
}

/* ---- what comes ---- */

static bool is_message(const char *type) {
    size_t n = strlen(MESSAGE);
    return mix_text_same(mix_bytes_slice(mix_bytes_str(type), 0, n), MESSAGE) &&
           strchr("; \t", type[n]); /* or its end */
}

static uint32_t read_age(const char *value) {
    uint64_t age = 0;
    for (; *value >= '0' && *value <= '9' && age <= UINT32_MAX; value++)
        age = age * 10 + (uint64_t)(*value - '0');
    return *value != 0 ? 0 : age > UINT32_MAX ? UINT32_MAX : (uint32_t)age;
}

/* RFC 8484 §4.2.1 and §5.1. */
static void take_headers(mix_tunnel_doh *d, call *c, mix_time now) {
    mix_http_response r;
    const char *type = mix_http_header_of(d->http, c->exchange, "content-type"),
               *age = mix_http_header_of(d->http, c->exchange, "age");
    if (mix_http_get_response(d->http, c->exchange, &r) != MIX_OK)
        return;
    if (r.status < 200 || r.status > 299) {
        FAIL(d, c, now, MIX_ERR_DNS_SERVER, r.status, "%s answered %d %.40s", d->host, r.status,
             r.reason);
        return;
    }
    if (!type || !is_message(type)) {
        FAIL(d, c, now, MIX_ERR_DNS_SERVER, r.status, "%s answered with %.40s instead of " MESSAGE,
             d->host, type ? type : "nothing");
        return;
    }
    if (age)
        c->age = read_age(age);
    c->accepted = true;
}

static void take_body(mix_tunnel_doh *d, call *c, mix_time now) {
    uint8_t piece[2048];
    size_t got;
    while (mix_http_read(d->http, c->exchange, piece, sizeof piece, &got, now) == MIX_OK &&
           got > 0) {
        if (c->answer.len + got > MIX_DNS_MESSAGE_MAX) {
            FAIL(d, c, now, MIX_ERR_DNS_MALFORMED, 0, "%s answered with more than %d bytes",
                 d->host, MIX_DNS_MESSAGE_MAX);
            return;
        }
        mix_buf_put(&c->answer, piece, got);
        if (mix_buf_status(&c->answer) != MIX_OK) {
            FAIL(d, c, now, MIX_ERR_MEMORY, 0, "%s", d->host);
            return;
        }
    }
}

static bool is_broken(int code) {
    return code == MIX_ERR_HTTP_CUT || code == MIX_ERR_HTTP_REWIND || code == MIX_ERR_TCP_RESET ||
           code == MIX_ERR_TCP_STALLED || code == MIX_ERR_TCP_MOVED;
}

static int as_dns(int code) {
    return code == MIX_ERR_MEMORY ? code
           : code == MIX_ERR_HTTP_CONNECT_TIMEOUT || code == MIX_ERR_HTTP_RESPONSE_TIMEOUT ||
                   code == MIX_ERR_HTTP_IDLE || code == MIX_ERR_TCP_TIMEOUT ||
                   code == MIX_ERR_DNS_TIMEOUT
               ? MIX_ERR_DNS_TIMEOUT
               : MIX_ERR_DNS_SERVER;
}

static void take_end(mix_tunnel_doh *d, call *c, int status, mix_time now) {
    const mix_error *e = mix_http_failure(d->http, c->exchange);
    if (status != MIX_OK && is_broken(status) && !c->again && now < c->give_up) {
        mix_http_close(d->http, c->exchange, now);
        c->again = true;
        ask(d, c, now);
    } else if (status != MIX_OK) {
        FAIL(d, c, now, as_dns(status), e ? e->number : 0, "%s: %s%s%.60s", d->host,
             mix_error_text(status), e && e->words[0] ? ": " : "", e ? e->words : "");
    } else {
        mix_buf answer = c->answer;
        mix_dns_reply reply = {.message = mix_buf_bytes(&answer), .age = c->age};
        uint32_t number = c->number;
        c->answer = (mix_buf){0};
        drop(d, c, now);
        mix_dns_feed(d->dns, number, &reply, now);
        mix_buf_deinit(&answer);
    }
}

bool mix_tunnel_doh_exchanged(mix_tunnel_doh *d, const mix_http_event *ev, mix_time now) {
    call *c = d->calls;
    while (c && c->exchange != ev->id)
        c = c->next;
    if (!c)
        return false;
    if (ev->kind == MIX_HTTP_HEADERS || ev->kind == MIX_HTTP_READABLE)
        d->heard = now;
    if (ev->kind == MIX_HTTP_HEADERS)
        take_headers(d, c, now);
    else if (ev->kind == MIX_HTTP_READABLE && c->accepted)
        take_body(d, c, now);
    else if (ev->kind == MIX_HTTP_FINISHED)
        take_end(d, c, ev->status, now);
    return true;
}

/* ---- time ---- */

/* How long nothing may come from a connection is counted from when there is one. */
static void note_sent(mix_tunnel_doh *d, mix_time now) {
    for (call *c = d->calls; c; c = c->next) {
        if (c->sent != 0 || !mix_http_was_sent(d->http, c->exchange))
            continue;
        c->sent = now;
        if (!c->again)
            c->patience = now + (c->give_up - now) / 3;
    }
}

/* Nothing came since this one was sent: the connection, of which TCP may not know for long yet
 * that it is gone, is left, and all that waits for it asked once more. */
static void renew(mix_tunnel_doh *d, mix_time now) {
    for (call *c = d->calls; c; c = c->next) {
        mix_http_retire(d->http, c->exchange, now);
        c->exchange = 0;
    }
    for (call *c = d->calls, *next; c; c = next) {
        next = c->next;
        if (c->again)
            FAIL(d, c, now, MIX_ERR_DNS_TIMEOUT, 0, "%s", d->host);
        else {
            c->again = true;
            ask(d, c, now);
        }
    }
}

static void run_timers(mix_tunnel_doh *d, mix_time now) {
    for (call *c = d->calls, *next; c; c = next) {
        next = c->next;
        if (now < c->patience)
            continue;
        if (now >= c->give_up) {
            FAIL(d, c, now, MIX_ERR_DNS_TIMEOUT, 0, "%s", d->host);
        } else if (d->heard >= c->sent) {
            c->patience = c->give_up; /* it hears and answers, but not this yet */
        } else {
            renew(d, now);
            return;
        }
    }
}

bool mix_tunnel_doh_turn(mix_tunnel_doh *d, mix_time now) {
    mix_dns_call in;
    bool any = false;
    while (mix_dns_drain(d->dns, &in, now) == MIX_OK) {
        call *c = d->calls;
        any = true;
        while (c && c->number != in.number)
            c = c->next;
        if (!in.cancel)
            begin_call(d, &in, now);
        else if (c)
            drop(d, c, now);
    }
    note_sent(d, now);
    run_timers(d, now);
    return any;
}

void mix_tunnel_doh_end(mix_tunnel_doh *d, const mix_error *why, mix_time now) {
    while (d->calls)
        fail(d, d->calls, why, now);
}

mix_time mix_tunnel_doh_deadline(const mix_tunnel_doh *d) {
    mix_time at = MIX_NEVER;
    for (const call *c = d->calls; c; c = c->next)
        at = mix_earlier(at, c->patience);
    return at;
}
