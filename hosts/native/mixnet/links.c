/* SPDX-License-Identifier: Apache-2.0 */
/* Node links on libuv. */
#include "mixnet/links.h"

#include "address.h"
#include "env.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <assert.h>

enum {
    WRITE_BYTES = 1 << 20, /* of one write, about */
    CONNECT_MS = 1500,
    BACKOFF_FIRST_MS = 10000,
    BACKOFF_MOST_MS = 300000,
    READ_CHUNK = 65536,
    INLETS_MAX = 4096, /* of other nodes, and of whoever connects */
};

typedef struct listener {
    uv_tcp_t tcp;
    struct links *links;
    size_t owner;
    struct listener *next;
} listener;

/* From another node: reads frames, and writes its half of a handshake. */
typedef struct inlet {
    uv_tcp_t tcp;
    struct links *links;
    size_t owner;
    mixnet_link *link;
    struct inlet *next, *previous;
} inlet;

/* To another node: writes frames, and reads the other half of a handshake. */
typedef struct outlet {
    struct links *links;
    mix_address to;
    enum { CLOSED, CONNECTING, OPEN } state;
    uv_tcp_t *tcp;     /* NULL when closed */
    uv_timer_t timer;  /* time-out of connecting, then of the handshake; or back-off */
    mixnet_link *link; /* holds what waits; NULL: nothing does, and there is no connection */
    mix_buf writing;   /* bytes of the current write */
    unsigned failures; /* time-outs and failed handshakes in a row */
    bool backing_off;
    struct outlet *next;
} outlet;

struct links {
    uv_loop_t *loop;
    links_config config;
    listener *listeners;
    inlet *inlets;
    size_t inlet_count;
    outlet *outlets;
    uv_timer_t handshakes; /* of inlets: when the next one is late */
    char chunk[READ_CHUNK];
    links_stats stats;         /* without what the links themselves count: */
    mixnet_link_stats in, out; /* of inlets, of outlets */
    uint64_t queued;           /* frames that were ever given to a link of an outlet */
    bool closing;
};

int links_new(links **out, uv_loop_t *loop, const links_config *config) {
    links *l = mix_alloc_zero(1, sizeof *l);
    if (!l)
        return MIX_ERR_MEMORY;
    l->loop = loop;
    l->config = *config;
    uv_timer_init(loop, &l->handshakes);
    l->handshakes.data = l;
    *out = l;
    return MIX_OK;
}

/* --- addresses --- */

static bool same_address(const mix_address *a, const mix_address *b) {
    return a->family == b->family && a->port == b->port &&
           memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

/* The link of a new connection, by what the two ends speak; asked is what the host said of that. */
static int link_new(links *l, mixnet_link **out, bool connects, int asked,
                    mixnet_link_noise *noise) {
    const mixnet_link_config config = {.connects = connects,
                                       .noise = asked == MIX_OK ? noise : NULL,
                                       .stats = connects ? &l->out : &l->in};
    int status = asked == MIX_DONE ? MIX_OK : asked;
    if (status == MIX_OK)
        status = mixnet_link_new(out, &config, l->config.crypto, l->config.env, host_now());
    mix_wipe(noise, sizeof *noise);
    return status;
}

/* (Re)starts a timer for that time. */
static void arm(uv_timer_t *timer, uv_timer_cb callback, mix_time at) {
    mix_time wait = at - host_now();
    uv_update_time(timer->loop);
    uv_timer_start(timer, callback, wait <= 0 ? 0 : (uint64_t)((wait + 999) / 1000), 0);
}

/* --- in --- */

static void inlet_closed(uv_handle_t *handle) {
    inlet *i = handle->data;
    if (i->previous)
        i->previous->next = i->next;
    else
        i->links->inlets = i->next;
    if (i->next)
        i->next->previous = i->previous;
    i->links->stats.connections--;
    mixnet_link_free(i->link);
    i->links->inlet_count--;
    mix_free(i);
}

static void inlet_close(inlet *i) {
    if (!uv_is_closing((uv_handle_t *)&i->tcp))
        uv_close((uv_handle_t *)&i->tcp, inlet_closed);
}

static void give_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    inlet *i = handle->data;
    (void)suggested;
    *out = uv_buf_init(i->links->chunk, READ_CHUNK);
}

/* Our half of the handshake: so short that the kernel of a connection this young always takes it.
 */
static bool answer(inlet *i) {
    mix_buf out = {0};
    int status = mixnet_link_drain(i->link, &out);
    uv_buf_t bytes = uv_buf_init((char *)out.data, (unsigned)out.len);
    bool ok = status == MIX_DONE ||
              (status == MIX_OK && uv_try_write((uv_stream_t *)&i->tcp, &bytes, 1) == (int)out.len);
    mix_buf_deinit(&out);
    return ok;
}

/* Hands over all whole frames; false when the connection is of no more use. */
static bool take_frames(inlet *i, mix_bytes in) {
    mix_frame frame;
    int status;
    while ((status = mixnet_link_feed(i->link, &in, &frame)) == MIX_OK)
        i->links->config.on_frame(i->links->config.user, i->owner, &frame);
    return status == MIX_DONE && answer(i);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk) {
    inlet *i = stream->data;
    if (n < 0 || (n > 0 && !take_frames(i, mix_bytes_of(chunk->base, (size_t)n))))
        inlet_close(i);
}

/* Ends inlets whose handshake takes too long. */
static void on_late_handshakes(uv_timer_t *timer) {
    links *l = timer->data;
    mix_time now = host_now(), next = MIX_NEVER;
    for (inlet *i = l->inlets; i; i = i->next) {
        if (!i->link || uv_is_closing((uv_handle_t *)&i->tcp))
            continue;
        mix_time at = mixnet_link_deadline(i->link);
        if (mixnet_link_tick(i->link, now) != MIX_OK)
            inlet_close(i);
        else if (at < next)
            next = at;
    }
    if (next != MIX_NEVER)
        arm(timer, on_late_handshakes, next);
}

/* False when there is nothing to speak. */
static bool inlet_start(inlet *i) {
    links *l = i->links;
    struct sockaddr_storage sa;
    mixnet_link_noise noise = {0};
    int len = sizeof sa;
    if (uv_tcp_getpeername(&i->tcp, (struct sockaddr *)&sa, &len) != 0)
        return false;
    mix_address from = host_address((const struct sockaddr *)&sa);
    host_address_unmap(&from); /* as the directory has it */
    if (link_new(l, &i->link, false, l->config.noise.in(l->config.user, i->owner, &from, &noise),
                 &noise) != MIX_OK)
        return false;
    mix_time deadline = mixnet_link_deadline(i->link);
    if (deadline != MIX_NEVER &&
        !uv_is_active((uv_handle_t *)&l->handshakes)) /* else an earlier one is first */
        arm(&l->handshakes, on_late_handshakes, deadline);
    uv_tcp_nodelay(&i->tcp, 1);
    return uv_read_start((uv_stream_t *)&i->tcp, give_chunk, on_read) == 0;
}

static void on_connection(uv_stream_t *stream, int status) {
    listener *from = stream->data;
    inlet *i = status == 0 ? mix_alloc_zero(1, sizeof *i) : NULL;
    if (!i)
        return;
    i->links = from->links;
    i->owner = from->owner;
    i->tcp.data = i;
    i->next = i->links->inlets;
    if (i->next)
        i->next->previous = i;
    i->links->inlets = i;
    i->links->stats.connections++;
    i->links->inlet_count++;
    uv_tcp_init(i->links->loop, &i->tcp);
    i->tcp.data = i;
    if (uv_accept(stream, (uv_stream_t *)&i->tcp) != 0 || i->links->inlet_count > INLETS_MAX ||
        !inlet_start(i))
        inlet_close(i);
}

int links_listen(links *l, size_t owner, mix_address *address, mix_error *e) {
    listener *n = mix_alloc_zero(1, sizeof *n);
    struct sockaddr_storage sa;
    char text[MIX_ADDRESS_TEXT];
    if (!n)
        return MIX_ERR_MEMORY;
    n->links = l;
    n->owner = owner;
    uv_tcp_init(l->loop, &n->tcp);
    n->tcp.data = n;
    n->next = l->listeners;
    l->listeners = n;
    host_sockaddr(&sa, address);
    int error = uv_tcp_bind(&n->tcp, (struct sockaddr *)&sa, 0);
    error = error ? error : uv_listen((uv_stream_t *)&n->tcp, 511, on_connection);
    int len = sizeof sa;
    error = error ? error : uv_tcp_getsockname(&n->tcp, (struct sockaddr *)&sa, &len);
    mix_address_format(text, address);
    if (error)
        return mix_error_note(e, MIX_ERR_LISTEN, "mixnet", error, "%s: %s", text,
                              uv_strerror(error));
    address->port = host_address((const struct sockaddr *)&sa).port;
    return MIX_OK;
}

/* --- out --- */

static void outlet_flush(outlet *o);
static void outlet_connect(outlet *o);

static void free_handle(uv_handle_t *handle) {
    mix_free(handle);
}

/* The connection is gone; frames that wait are lost, as at real nodes. */
static void outlet_reset(outlet *o) {
    if (o->tcp) {
        o->tcp->data = NULL;
        uv_close((uv_handle_t *)o->tcp, free_handle);
        o->tcp = NULL;
        o->links->stats.connections--;
    }
    mixnet_link_free(o->link);
    o->link = NULL;
    mix_buf_truncate(&o->writing, 0);
    o->state = CLOSED;
    uv_timer_stop(&o->timer);
}

static void backoff_over(uv_timer_t *timer) {
    outlet *o = timer->data;
    o->backing_off = false;
    if (o->link && o->state == CLOSED)
        outlet_connect(o);
}

/* No connection in time, or one whose handshake failed: the next try has to wait. */
static void outlet_back_off(outlet *o) {
    o->links->stats.connect_failures++;
    outlet_reset(o);
    uint64_t wait = BACKOFF_FIRST_MS;
    for (unsigned n = 0; n < o->failures && wait < BACKOFF_MOST_MS; n++)
        wait *= 2;
    o->failures++;
    o->backing_off = true;
    uv_timer_start(&o->timer, backoff_over, wait < BACKOFF_MOST_MS ? wait : BACKOFF_MOST_MS, 0);
}

static void connect_late(uv_timer_t *timer) {
    outlet_back_off(timer->data);
}

static void handshake_late(uv_timer_t *timer) {
    outlet *o = timer->data;
    if (mixnet_link_tick(o->link, host_now()) != MIX_OK)
        outlet_back_off(o);
    else if (mixnet_link_deadline(o->link) != MIX_NEVER)
        arm(timer, handshake_late, mixnet_link_deadline(o->link));
}

/* The connection ended, or what came over it ended it. */
static void outlet_end(outlet *o, bool was_open) {
    if (was_open)
        outlet_reset(o);
    else
        outlet_back_off(o);
}

static void outlet_opened(outlet *o) {
    uv_timer_stop(&o->timer);
    o->failures = 0;
}

static void give_chunk_out(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    outlet *o = handle->data;
    (void)suggested;
    *out = o ? uv_buf_init(o->links->chunk, READ_CHUNK) : uv_buf_init(NULL, 0);
}

/* The other half of a handshake, or the end. */
static void on_read_out(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk) {
    outlet *o = stream->data;
    if (!o || n == 0)
        return;
    bool was_open = mixnet_link_open(o->link);
    mix_bytes in = mix_bytes_of(chunk->base, n > 0 ? (size_t)n : 0);
    mix_frame none;
    if (n < 0 || mixnet_link_feed(o->link, &in, &none) != MIX_DONE)
        outlet_end(o, was_open);
    else
        outlet_flush(o);
}

static void on_connect(uv_connect_t *request, int status) {
    uv_stream_t *stream = request->handle;
    outlet *o = stream->data;
    mix_free(request);
    if (!o)
        return; /* given up meanwhile */
    uv_timer_stop(&o->timer);
    if (status !=
        0) { /* refused or unreachable: tried again with the next frame, without back-off */
        o->links->stats.connect_failures++;
        outlet_reset(o);
        return;
    }
    o->state = OPEN;
    uv_tcp_nodelay((uv_tcp_t *)stream, 1);
    mixnet_link_connected(o->link, host_now());
    if (mixnet_link_open(o->link))
        outlet_opened(o);
    else
        arm(&o->timer, handshake_late, mixnet_link_deadline(o->link));
    if (uv_read_start(stream, give_chunk_out, on_read_out) != 0)
        outlet_reset(o);
    else
        outlet_flush(o);
}

static void outlet_connect(outlet *o) {
    struct sockaddr_storage sa;
    uv_connect_t *request = mix_alloc_zero(1, sizeof *request);
    uv_tcp_t *tcp = mix_alloc_zero(1, sizeof *tcp);
    if (!request || !tcp) {
        mix_free(request);
        mix_free(tcp);
        outlet_reset(o);
        return;
    }
    uv_tcp_init(o->links->loop, tcp);
    tcp->data = o;
    o->tcp = tcp;
    o->state = CONNECTING;
    o->links->stats.connects++;
    o->links->stats.connections++;
    host_sockaddr(&sa, &o->to);
    uv_timer_start(&o->timer, connect_late, CONNECT_MS, 0);
    if (uv_tcp_connect(request, tcp, (struct sockaddr *)&sa, on_connect) != 0) {
        mix_free(request);
        o->links->stats.connect_failures++;
        outlet_reset(o);
    }
}

static void on_written(uv_write_t *request, int status) {
    uv_stream_t *stream = request->handle;
    outlet *o = stream->data;
    mix_free(request);
    if (!o)
        return;
    mix_buf_truncate(&o->writing, 0);
    if (status != 0)
        outlet_reset(o);
    else
        outlet_flush(o);
}

/* Moves what is to be sent next to writing; false when there is nothing, or the link has ended. */
static bool outlet_gather(outlet *o) {
    int status = MIX_OK;
    bool was_open = mixnet_link_open(o->link);
    while (status == MIX_OK && o->writing.len < WRITE_BYTES)
        status = mixnet_link_drain(o->link, &o->writing);
    if (status < 0) {
        outlet_end(o, was_open);
        return false;
    }
    if (!was_open && mixnet_link_open(o->link))
        outlet_opened(o);
    return o->writing.len > 0;
}

/* One write at a time, of all that waits. */
static void outlet_flush(outlet *o) {
    if (o->state != OPEN || o->writing.len > 0)
        return;
    uv_write_t *request = mix_alloc_zero(1, sizeof *request);
    if (!request)
        return; /* with the next frame */
    uint64_t before = o->links->out.frames_out;
    if (!outlet_gather(o)) {
        mix_free(request);
        return;
    }
    uv_buf_t buffer = uv_buf_init((char *)o->writing.data, (unsigned)o->writing.len);
    if (uv_write(request, (uv_stream_t *)o->tcp, &buffer, 1, on_written) != 0) {
        mix_free(request);
        o->links->out.broken += o->links->out.frames_out - before;
        o->links->out.frames_out = before;
        outlet_reset(o);
    }
}

void links_flush(links *l) {
    for (outlet *o = l->outlets; o; o = o->next)
        outlet_flush(o);
}

static outlet *outlet_for(links *l, const mix_address *to) {
    for (outlet *o = l->outlets; o; o = o->next) {
        if (same_address(&o->to, to))
            return o;
    }
    outlet *o = mix_alloc_zero(1, sizeof *o);
    if (!o)
        return NULL;
    o->links = l;
    o->to = *to;
    uv_timer_init(l->loop, &o->timer);
    o->timer.data = o;
    o->next = l->outlets;
    l->outlets = o;
    return o;
}

int links_send(links *l, const mix_address *to, mix_bytes frame) {
    outlet *o = l->closing ? NULL : outlet_for(l, to);
    mixnet_link_noise noise = {0};
    int status = MIX_OK;
    if (!o)
        return l->closing ? MIX_BLOCKED : MIX_ERR_MEMORY;
    if (!o->link)
        status =
            link_new(l, &o->link, true, l->config.noise.out(l->config.user, to, &noise), &noise);
    if (status == MIX_OK)
        status = mixnet_link_write(o->link, frame);
    if (status != MIX_OK)
        return status; /* counted there */
    l->queued++;
    if (o->state == CLOSED && !o->backing_off)
        outlet_connect(o);
    return MIX_OK;
}

/* --- end --- */

void links_close(links *l) {
    if (!l || l->closing)
        return;
    l->closing = true;
    uv_close((uv_handle_t *)&l->handshakes, NULL);
    for (listener *n = l->listeners; n; n = n->next)
        uv_close((uv_handle_t *)&n->tcp, NULL);
    for (inlet *i = l->inlets; i; i = i->next)
        inlet_close(i);
    for (outlet *o = l->outlets; o; o = o->next) {
        outlet_reset(o);
        uv_close((uv_handle_t *)&o->timer, NULL);
    }
}

void links_free(links *l) {
    if (!l)
        return;
    while (l->listeners) {
        listener *n = l->listeners;
        l->listeners = n->next;
        mix_free(n);
    }
    while (l->outlets) {
        outlet *o = l->outlets;
        l->outlets = o->next;
        mixnet_link_free(o->link);
        mix_buf_deinit(&o->writing);
        mix_free(o);
    }
    assert(!l->inlets);
    mix_free(l);
}

void links_get_stats(const links *l, links_stats *out) {
    *out = l->stats;
    out->frames_in = l->in.frames_in;
    out->frames_out = l->out.frames_out;
    out->bad_streams = l->in.bad_frame + l->in.bad_noise + l->in.late + l->in.no_memory;
    out->dropped_full = l->out.full;
    out->dropped_broken = l->out.broken;
    out->handshakes = l->in.handshakes + l->out.handshakes;
    out->queued = (size_t)(l->queued - l->out.frames_out - l->out.broken);
}
