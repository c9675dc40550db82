/* SPDX-License-Identifier: Apache-2.0 */
/* WebSockets for hosts: an engine of websocket/ on a connection of http/, which has the name
 * looked up, connects and does TLS. What a host does not pull stays in the engine, then in TCP, and
 * so holds the server back. */
#include "base/alloc.h"
#include "tunnel/doors.h"
#include "tunnel/handshake.h"

enum {
    MOST = 128,
    CHUNK = 8 * 1024,      /* bytes read, and bytes framed, at a time */
    FRAGMENT = 32 * 1024,  /* of messages: pongs go between */
    DISCARDED = 64 * 1024, /* unread bytes thrown away, so that the end is no reset */
};
#define OPEN_TIMEOUT MIX_SECONDS(60)
#define LINGER MIX_SECONDS(10) /* for the last words to a server that is slow to take them */

typedef struct link {
    struct link *next;
    uint32_t id, stream;   /* id 0: forgotten, only its last words are under way; stream 0: gone */
    mix_websocket *engine; /* NULL: forgotten */
    char *url, **protocols;
    bool connected, readable, ended, told_end;
    mix_error below; /* what ended the stream; code MIX_OK: the server did */
    uint8_t in[CHUNK];
    size_t in_at, in_len;
    mix_buf out; /* framed and not yet taken by TCP */
    size_t out_payload;
    bool blocked; /* the host waits for WRITABLE, to write a message of */
    size_t wanted;
    size_t room;         /* of an empty queue */
    mix_time open_until; /* in the host's time */
    mix_time linger;
} link;

/* A multi handle of their own: fetch's limits for each host are not theirs. */
typedef struct websockets {
    mix_http *http; /* NULL before the first one */
    char *user_agent;
    link *first;
    unsigned count;
    uint32_t last_id, last_told;
    bool due; /* the pump has something to do since events were pulled */
    mix_websocket_news news;
    char reason[MIX_WEBSOCKET_REASON_MAX + 1];
} websockets;

static websockets *door(const mix_tunnel *t) {
    return mix_tunnel_door(t, MIX_DOOR_WEBSOCKETS);
}

static link *find(const mix_tunnel *t, uint32_t id) {
    const websockets *d = door(t);
    link *l = d && id != 0 ? d->first : NULL;
    while (l && l->id != id)
        l = l->next;
    return l;
}

static char *copy(const char *text) {
    size_t n = strlen(text) + 1;
    char *out = mix_alloc(n);
    if (out)
        memcpy(out, text, n);
    return out;
}

/* ---- bytes ---- */

static void note_end(const websockets *d, link *l, int status) {
    const mix_error *e = mix_http_failure(d->http, l->stream);
    l->ended = true;
    if (status != MIX_OK && e && e->code != MIX_OK)
        l->below = *e;
    else if (status != MIX_OK)
        mix_error_note(&l->below, status, "http", 0, "%s", mix_error_text(status));
}

/* From TCP to the engine, until an event is to be pulled. */
static void take_in(const websockets *d, link *l, mix_time now) {
    for (;;) {
        mix_bytes in = mix_bytes_of(l->in + l->in_at, l->in_len - l->in_at);
        if (in.len > 0) {
            int status = mix_websocket_feed(l->engine, &in, now);
            l->in_at = l->in_len - in.len;
            if (status == MIX_BLOCKED)
                return;
        }
        if (!l->readable || l->ended)
            return;
        l->in_at = l->in_len = 0;
        int status = mix_http_read(d->http, l->stream, l->in, sizeof l->in, &l->in_len, now);
        if (status == MIX_DONE)
            l->readable = false;
        else if (status != MIX_OK || l->in_len == 0)
            note_end(d, l, status);
        if (status != MIX_OK || l->in_len == 0)
            return;
    }
}

/* The engine's next bytes into l->out; false: there are none. */
static bool frame(link *l, mix_time now) {
    if (!l->engine || l->out.len > 0)
        return l->out.len > 0;
    size_t before = mix_websocket_buffered(l->engine);
    if (mix_websocket_drain(l->engine, &l->out, CHUNK, now) != MIX_OK)
        return false;
    size_t after = mix_websocket_buffered(l->engine);
    l->out_payload = before > after ? before - after : 0;
    return l->out.len > 0;
}

/* A server that has ended its side may still read ours. */
static bool can_write(const link *l) {
    return l->connected && l->stream != 0 && l->below.code == MIX_OK;
}

static void take_out(const websockets *d, link *l, mix_time now) {
    while (can_write(l) && frame(l, now)) {
        size_t taken;
        int status = mix_http_write(d->http, l->stream, mix_buf_bytes(&l->out), &taken, now);
        mix_buf_consume(&l->out, taken);
        if (status == MIX_BLOCKED)
            return;
        if (status != MIX_OK)
            note_end(d, l, status);
    }
    if (l->out.len == 0)
        l->out_payload = 0;
}

/* Out before in: an answer to a message goes before the close that may follow it is read. */
static void move(const websockets *d, link *l, mix_time now) {
    take_out(d, l, now);
    if (l->engine && l->stream != 0)
        take_in(d, l, now);
    take_out(d, l, now);
    if (l->engine && mix_websocket_deadline(l->engine) <= now)
        (void)mix_websocket_tick(l->engine, now);
}

/* ---- the end of one ---- */

static void close_stream(const websockets *d, link *l, mix_time now) {
    uint8_t unread[CHUNK];
    size_t got, sum = 0;
    if (l->stream == 0)
        return;
    while (l->connected && !l->ended && sum < DISCARDED &&
           mix_http_read(d->http, l->stream, unread, sizeof unread, &got, now) == MIX_OK && got > 0)
        sum += got;
    mix_wipe(unread, sizeof unread);
    mix_http_close(d->http, l->stream, now);
    l->stream = 0;
}

static void free_protocols(char **list) {
    for (char **p = list; p && *p; p++)
        mix_free(*p);
    mix_free(list);
}

static void remove_link(websockets *d, link *l) {
    link **at = &d->first;
    while (*at && *at != l)
        at = &(*at)->next;
    if (*at) {
        *at = l->next;
        d->count--;
    }
    if (l->stream != 0)
        mix_http_close(d->http, l->stream, 0);
    mix_websocket_free(l->engine);
    free_protocols(l->protocols);
    if (l->url) /* it may hold a password */
        mix_free_wiped(l->url, strlen(l->url));
    mix_buf_deinit_wiped(&l->out);
    mix_free_wiped(l, sizeof *l);
}

/* After its last event: the number is forgotten, and what it had to say is said. */
static void leave(websockets *d, link *l, mix_time now) {
    l->id = 0;
    mix_websocket_free(l->engine);
    l->engine = NULL;
    l->linger = now + LINGER;
    if (can_write(l) && l->out.len > 0)
        return;
    close_stream(d, l, now);
    remove_link(d, l);
}

/* Only its last words; true: it is gone. */
static bool finish(websockets *d, link *l, mix_time now) {
    if (l->engine)
        return false;
    if (l->out.len > 0 && can_write(l) && now < l->linger)
        return false;
    close_stream(d, l, now);
    remove_link(d, l);
    return true;
}

/* ---- verbs ---- */

static int begin(mix_tunnel *t, void **state) {
    const char *agent = mix_tunnel_options(t)->user_agent;
    websockets *d = mix_alloc_zero(1, sizeof *d);
    if (!d)
        return MIX_ERR_MEMORY;
    d->user_agent = copy(agent ? agent : "lwmix");
    if (!d->user_agent) {
        mix_free(d);
        return MIX_ERR_MEMORY;
    }
    *state = d;
    return MIX_OK;
}

static void free_all(mix_tunnel *t, void *state) {
    websockets *d = state;
    (void)t;
    while (d->first)
        remove_link(d, d->first);
    mix_http_free(d->http);
    mix_free(d->user_agent);
    mix_free(d);
}

static int start(const websockets *d, link *l, mix_time now) {
    return mix_http_start(d->http, &l->stream, &(mix_http_request){.url = l->url, .stream = true},
                          now);
}

static link *of_stream(const websockets *d, uint32_t stream) {
    link *l = d->first;
    while (l && l->stream != stream)
        l = l->next;
    return l;
}

static void take_event(const websockets *d, const mix_http_event *ev) {
    link *l = of_stream(d, ev->id);
    if (!l)
        return;
    l->connected |= ev->kind == MIX_HTTP_CONNECTED;
    l->readable |= ev->kind == MIX_HTTP_READABLE;
    if (ev->kind == MIX_HTTP_FINISHED && !l->ended)
        note_end(d, l, ev->status);
}

static void turn(mix_tunnel *t, void *state, mix_time now) {
    websockets *d = state;
    mix_http_event ev;
    d->due = false;
    if (d->http)
        (void)mix_http_tick(d->http, now);
    while (d->http && mix_tunnel_next_http(t, d->http, &ev) == MIX_OK)
        take_event(d, &ev);
    for (link *l = d->first, *next; l; l = next) {
        next = l->next;
        move(d, l, now);
        (void)finish(d, l, now);
    }
}

static bool resolved(mix_tunnel *t, void *state, const mix_dns_event *ev, mix_time now) {
    const websockets *d = state;
    (void)t;
    return d->http && mix_http_resolved(d->http, ev, now);
}

static void end_one(const websockets *d, link *l, const mix_error *why, mix_time now) {
    if (!l->ended)
        l->below = *why;
    l->ended = true;
    if (l->stream != 0)
        mix_http_close(d->http, l->stream, now);
    l->stream = 0;
    move(d, l, now);
}

static void end(mix_tunnel *t, void *state, const mix_error *why, mix_time now) {
    websockets *d = state;
    (void)t;
    for (link *l = d->first; l; l = l->next)
        end_one(d, l, why, now);
    mix_http_free(d->http); /* with what it knows of servers */
    d->http = NULL;
}

/* Connections are lost; who has none yet begins anew. */
static void moved(mix_tunnel *t, void *state, mix_time now) {
    const websockets *d = state;
    (void)t;
    for (link *l = d->first; l; l = l->next) {
        mix_error why = {0};
        int status = MIX_ERR_TCP_MOVED;
        if (!l->connected && l->stream != 0) {
            mix_http_close(d->http, l->stream, now);
            status = start(d, l, now);
        }
        mix_error_note(&why, status, "tunnel", 0, "%s", mix_error_text(status));
        if (status != MIX_OK)
            end_one(d, l, &why, now);
    }
}

static mix_time limit(const mix_tunnel *t, const void *state) {
    const websockets *d = state;
    mix_time at = MIX_NEVER;
    (void)t;
    for (const link *l = d->first; l; l = l->next)
        if (l->open_until < at && l->engine &&
            mix_websocket_get_state(l->engine) == MIX_WEBSOCKET_CONNECTING)
            at = l->open_until;
    return at;
}

static void expire(mix_tunnel *t, void *state, mix_time host, mix_time now) {
    const websockets *d = state;
    for (link *l = d->first; l; l = l->next) {
        mix_error why = {0};
        if (l->open_until > host || !l->engine ||
            mix_websocket_get_state(l->engine) != MIX_WEBSOCKET_CONNECTING)
            continue;
        mix_error_note(&why, MIX_ERR_WEBSOCKET_OPEN_TIMEOUT, "websocket", 0, "%s",
                       l->connected ? mix_error_text(MIX_ERR_WEBSOCKET_OPEN_TIMEOUT)
                                    : "there was no connection to the server in time");
        mix_tunnel_add_blame(t, &why);
        end_one(d, l, &why, now);
    }
}

static const char *protocol_of(const link *l, mix_bytes chosen) {
    for (char **p = l->protocols; p && *p; p++)
        if (mix_bytes_equal(mix_bytes_str(*p), chosen))
            return *p;
    return "";
}

static mix_websocket_what what_of(mix_websocket_event_kind kind) {
    switch (kind) {
    case MIX_WEBSOCKET_EVENT_OPEN:
        return MIX_WEBSOCKET_WHAT_OPEN;
    case MIX_WEBSOCKET_EVENT_MESSAGE:
        return MIX_WEBSOCKET_WHAT_MESSAGE;
    case MIX_WEBSOCKET_EVENT_PONG:
        return MIX_WEBSOCKET_WHAT_PONG;
    case MIX_WEBSOCKET_EVENT_CLOSING:
        return MIX_WEBSOCKET_WHAT_CLOSING;
    case MIX_WEBSOCKET_EVENT_ERROR:
        return MIX_WEBSOCKET_WHAT_ERROR;
    default:
        return MIX_WEBSOCKET_WHAT_CLOSED;
    }
}

/* What is below knows better why it ended. */
static const mix_error *reason_of(const link *l, const mix_error *e) {
    return l->below.code != MIX_OK && l->below.code == e->code ? &l->below : e;
}

static void describe(websockets *d, link *l, const mix_websocket_event *in, mix_tunnel_event *ev) {
    ev->what = what_of(in->kind);
    ev->data = in->bytes.data;
    ev->len = in->bytes.len;
    d->news.text = in->text;
    d->news.clean = in->clean;
    d->news.code = in->code;
    if (in->reason.len > 0)
        memcpy(d->reason, in->reason.data, in->reason.len);
    d->reason[in->reason.len] = 0;
    if (in->kind == MIX_WEBSOCKET_EVENT_OPEN) {
        d->news.protocol = protocol_of(l, in->protocol);
        l->room = mix_websocket_room(l->engine);
    }
    if (in->error)
        mix_tunnel_tell(&ev->failure, reason_of(l, in->error));
}

static bool writable(link *l) {
    size_t room = mix_websocket_room(l->engine);
    if (!l->blocked || room == 0 || (room < l->wanted && room < l->room))
        return false;
    l->blocked = false;
    return true;
}

/* The engine's next event. What came behind the last one is fed only now, and the end told only
 * when all that came before it was pulled. */
static bool pull(const websockets *d, link *l, mix_websocket_event *in, mix_time now) {
    if (mix_websocket_next(l->engine, in, now) == MIX_OK)
        return true;
    move(d, l, now);
    if (mix_websocket_next(l->engine, in, now) == MIX_OK)
        return true;
    if (!l->ended || l->told_end || l->in_at < l->in_len)
        return false;
    l->told_end = true;
    (void)mix_websocket_eof(l->engine, l->below.code, now);
    return mix_websocket_next(l->engine, in, now) == MIX_OK;
}

static bool tell(websockets *d, link *l, mix_tunnel_event *ev, mix_time now) {
    mix_websocket_event in;
    bool news = pull(d, l, &in, now);
    if (!news && !writable(l))
        return false;
    d->reason[0] = 0;
    d->news = (mix_websocket_news){.protocol = "", .reason = d->reason};
    ev->kind = MIX_TUNNEL_EVENT_WEBSOCKET;
    ev->id = l->id;
    ev->websocket = &d->news;
    ev->what = MIX_WEBSOCKET_WHAT_WRITABLE;
    if (news)
        describe(d, l, &in, ev);
    if (news && in.kind == MIX_WEBSOCKET_EVENT_CLOSED)
        leave(d, l, now);
    return true;
}

static int next(mix_tunnel *t, void *state, mix_tunnel_event *ev, mix_time now) {
    websockets *d = state;
    link *from = d->first;
    mix_tcpip *stack = mix_tunnel_tcpip(t);
    while (from && from->id != d->last_told)
        from = from->next;
    link *l = from && from->next ? from->next : d->first;
    for (unsigned i = d->count; i > 0; i--, l = l->next ? l->next : d->first) {
        uint32_t id = l->id;
        size_t before = stack ? mix_tcpip_waiting(stack) : 0;
        bool told = id != 0 && tell(d, l, ev, now);
        d->due |= stack && mix_tcpip_waiting(stack) > before; /* the window is wider */
        if (!told)
            continue;
        d->last_told = id;
        return MIX_OK;
    }
    return MIX_DONE;
}

static mix_time deadline(const mix_tunnel *t, const void *state) {
    const websockets *d = state;
    mix_time at = d->due ? 0 : d->http ? mix_http_deadline(d->http) : MIX_NEVER;
    (void)t;
    for (const link *l = d->first; l; l = l->next) {
        mix_time own = l->engine ? mix_websocket_deadline(l->engine) : l->linger;
        at = mix_earlier(at, own);
    }
    return at;
}

const mix_door mix_door_websockets = {
    .begin = begin,
    .free = free_all,
    .turn = turn,
    .resolved = resolved,
    .moved = moved,
    .end = end,
    .next = next,
    .deadline = deadline,
    .limit = limit,
    .expire = expire,
};

/* ---- calls ---- */

static int begin_http(const mix_tunnel *t, websockets *d) {
    const mix_tunnel_engines *e = mix_tunnel_engines_of(t);
    mix_http_config c = {.per_host = MOST,
                         .connections = MOST,
                         .connect_timeout = mix_tunnel_options(t)->stream_timeout,
                         .keepalive = mix_tunnel_options(t)->keepalive};
    return d->http ? MIX_OK : mix_http_new(&d->http, &c, e->dns, e->tls);
}

static int copy_texts(link *l, const char *url, const mix_websocket_options *o) {
    l->url = copy(url);
    l->protocols = mix_alloc_zero(o->protocol_count + 1, sizeof *l->protocols);
    for (size_t i = 0; l->protocols && i < o->protocol_count; i++) {
        l->protocols[i] = copy(o->protocols[i]);
        if (!l->protocols[i])
            return MIX_ERR_MEMORY;
    }
    return l->url && l->protocols ? MIX_OK : MIX_ERR_MEMORY;
}

/* The engine's own limit would stand still when the tunnel does. */
static int new_engine(const mix_tunnel *t, link *l, const mix_websocket_options *o,
                      const mix_handshake *h, mix_time now) {
    mix_websocket_config c = {.request = h->request,
                              .message_max = o->message_max,
                              .fragment = FRAGMENT,
                              .open_timeout = MIX_NEVER};
    return mix_websocket_new(&l->engine, &c, mix_tunnel_env(t), now);
}

static int make_link(mix_tunnel *t, websockets *d, link *l, const mix_websocket_options *o,
                     mix_time now) {
    mix_handshake h = {0};
    int status = mix_handshake_make(&h, o, d->user_agent);
    if (status == MIX_OK)
        status = copy_texts(l, (const char *)h.url.data, o);
    if (status == MIX_OK)
        status = new_engine(t, l, o, &h, now);
    mix_handshake_deinit(&h);
    if (status == MIX_ERR_WEBSOCKET_HOST || status == MIX_ERR_WEBSOCKET_TARGET)
        status = MIX_ERR_HTTP_URL;
    if (status == MIX_OK)
        status = begin_http(t, d);
    return status == MIX_OK ? start(d, l, now) : status;
}

int mix_tunnel_websocket(mix_tunnel *t, uint32_t *id, const mix_websocket_options *options,
                         mix_time now) {
    mix_time at = now;
    *id = 0;
    int status = mix_tunnel_transport_begin(t, &at);
    if (status != MIX_OK)
        return status;
    websockets *d = door(t);
    if (options->open_timeout < 0)
        return MIX_ERR_ARGUMENT;
    if (d->count >= MOST)
        return MIX_ERR_LIMIT;
    link *l = mix_alloc_zero(1, sizeof *l);
    if (!l)
        return MIX_ERR_MEMORY;
    status = make_link(t, d, l, options, at);
    if (status != MIX_OK) {
        remove_link(d, l);
        return status;
    }
    if (++d->last_id == 0)
        d->last_id = 1;
    *id = l->id = d->last_id;
    l->open_until = now + (options->open_timeout > 0 ? options->open_timeout : OPEN_TIMEOUT);
    link **end = &d->first;
    while (*end)
        end = &(*end)->next;
    *end = l;
    d->count++;
    mix_tunnel_pump(t, now);
    return MIX_OK;
}

int mix_tunnel_websocket_write(mix_tunnel *t, uint32_t id, bool text, const uint8_t *data,
                               size_t len, mix_time now) {
    link *l = find(t, id);
    if (!l)
        return MIX_ERR_ARGUMENT;
    int status = mix_websocket_write(l->engine, text, mix_bytes_of(data, len),
                                     mix_tunnel_transport_time(t, now));
    if (status == MIX_BLOCKED) {
        l->blocked = true;
        l->wanted = len;
        return status;
    }
    if (status == MIX_OK)
        mix_tunnel_pump(t, now);
    return status;
}

size_t mix_tunnel_websocket_buffered(const mix_tunnel *t, uint32_t id) {
    const link *l = find(t, id);
    if (!l)
        return 0;
    return mix_websocket_buffered(l->engine) +
           (l->out_payload < l->out.len ? l->out_payload : l->out.len);
}

int mix_tunnel_websocket_ping(mix_tunnel *t, uint32_t id, const uint8_t *data, size_t len,
                              mix_time now) {
    link *l = find(t, id);
    if (!l)
        return MIX_ERR_ARGUMENT;
    int status =
        mix_websocket_ping(l->engine, mix_bytes_of(data, len), mix_tunnel_transport_time(t, now));
    mix_tunnel_pump(t, now);
    return status;
}

int mix_tunnel_websocket_close(mix_tunnel *t, uint32_t id, unsigned code, const char *reason,
                               mix_time now) {
    link *l = find(t, id);
    if (!l)
        return MIX_ERR_ARGUMENT;
    int status =
        mix_websocket_close(l->engine, code, reason ? mix_bytes_str(reason) : (mix_bytes){0},
                            mix_tunnel_transport_time(t, now));
    mix_tunnel_pump(t, now);
    return status;
}

void mix_tunnel_websocket_drop(mix_tunnel *t, uint32_t id, mix_time now) {
    link *l = find(t, id);
    if (!l)
        return;
    remove_link(door(t), l);
    mix_tunnel_pump(t, now);
}
