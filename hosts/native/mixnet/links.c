/* SPDX-License-Identifier: Apache-2.0 */
/* Node links on libuv. */
#include "mixnet/links.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <assert.h>

enum {
    QUEUE_BYTES = 5 * 1024 * 1024, /* about 2,000 regular frames */
    CONNECT_MS = 1500,
    BACKOFF_FIRST_MS = 10000,
    BACKOFF_MOST_MS = 300000,
    READ_CHUNK = 65536,
};

typedef struct listener {
    uv_tcp_t tcp;
    struct links *links;
    size_t owner;
    struct listener *next;
} listener;

/* From another node: only ever reads. */
typedef struct inlet {
    uv_tcp_t tcp;
    struct links *links;
    size_t owner;
    mix_buf buffer;
    struct inlet *next, *previous;
} inlet;

/* To another node: only ever writes. */
typedef struct outlet {
    struct links *links;
    mix_address to;
    enum { CLOSED, CONNECTING, OPEN } state;
    uv_tcp_t *tcp;       /* NULL when closed */
    uv_timer_t timer;    /* connect time-out, or back-off */
    mix_buf waiting;     /* frames not yet given to the kernel */
    mix_buf writing;     /* those in the current write */
    uint64_t frames_waiting;
    unsigned failures;   /* time-outs in a row */
    bool backing_off;
    struct outlet *next;
} outlet;

struct links {
    uv_loop_t *loop;
    links_frame on_frame;
    void *user;
    listener *listeners;
    inlet *inlets;
    outlet *outlets;
    char chunk[READ_CHUNK];
    links_stats stats;
    bool closing;
};

int links_new(links **out, uv_loop_t *loop, links_frame on_frame, void *user) {
    links *l = mix_alloc_zero(1, sizeof *l);
    if (!l)
        return MIX_ERR_MEMORY;
    l->loop = loop;
    l->on_frame = on_frame;
    l->user = user;
    *out = l;
    return MIX_OK;
}

/* --- addresses --- */

static void to_sockaddr(struct sockaddr_storage *out, const mix_address *a) {
    memset(out, 0, sizeof *out);
    if (a->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->octets, 4);
    } else {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
        in->sin6_family = AF_INET6;
        in->sin6_port = htons(a->port);
        memcpy(&in->sin6_addr, a->octets, 16);
    }
}

static bool same_address(const mix_address *a, const mix_address *b) {
    return a->family == b->family && a->port == b->port && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
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
    mix_buf_deinit(&i->buffer);
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

/* Hands over all whole frames; false when the stream is not one of frames. */
static bool take_frames(inlet *i) {
    size_t done = 0;
    int status;
    mix_frame frame;
    for (size_t used; (status = mix_frame_decode(&frame, &used, mix_bytes_slice(mix_buf_bytes(&i->buffer), done, i->buffer.len))) == MIX_OK;) {
        done += used;
        i->links->stats.frames_in++;
        i->links->on_frame(i->links->user, i->owner, &frame);
    }
    mix_buf_consume(&i->buffer, done);
    return status == MIX_DONE;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk) {
    inlet *i = stream->data;
    if (n > 0) {
        mix_buf_put(&i->buffer, chunk->base, (size_t)n);
        if (mix_buf_status(&i->buffer) == MIX_OK && take_frames(i))
            return;
        i->links->stats.bad_streams++;
    }
    if (n != 0)
        inlet_close(i);
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
    uv_tcp_init(i->links->loop, &i->tcp);
    i->tcp.data = i;
    if (uv_accept(stream, (uv_stream_t *)&i->tcp) != 0 || uv_read_start((uv_stream_t *)&i->tcp, give_chunk, on_read) != 0)
        inlet_close(i);
    else
        uv_tcp_nodelay(&i->tcp, 1);
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
    to_sockaddr(&sa, address);
    int error = uv_tcp_bind(&n->tcp, (struct sockaddr *)&sa, 0);
    error = error ? error : uv_listen((uv_stream_t *)&n->tcp, 511, on_connection);
    int len = sizeof sa;
    error = error ? error : uv_tcp_getsockname(&n->tcp, (struct sockaddr *)&sa, &len);
    mix_address_format(text, address);
    if (error)
        return mix_error_note(e, MIX_ERR_LISTEN, "mixnet", error, "%s: %s", text, uv_strerror(error));
    address->port = ntohs(address->family == 4 ? ((struct sockaddr_in *)&sa)->sin_port : ((struct sockaddr_in6 *)&sa)->sin6_port);
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
    o->links->stats.dropped_broken += o->frames_waiting;
    o->frames_waiting = 0;
    mix_buf_truncate(&o->waiting, 0);
    o->state = CLOSED;
    uv_timer_stop(&o->timer);
}

static void backoff_over(uv_timer_t *timer) {
    outlet *o = timer->data;
    o->backing_off = false;
    if (o->waiting.len > 0 && o->state == CLOSED)
        outlet_connect(o);
}

static void connect_late(uv_timer_t *timer) {
    outlet *o = timer->data;
    o->links->stats.connect_failures++;
    outlet_reset(o);
    uint64_t wait = BACKOFF_FIRST_MS;
    for (unsigned n = 0; n < o->failures && wait < BACKOFF_MOST_MS; n++)
        wait *= 2;
    o->failures++;
    o->backing_off = true;
    uv_timer_start(timer, backoff_over, wait < BACKOFF_MOST_MS ? wait : BACKOFF_MOST_MS, 0);
}

static void on_connect(uv_connect_t *request, int status) {
    uv_stream_t *stream = request->handle;
    outlet *o = stream->data;
    mix_free(request);
    if (!o)
        return; /* given up meanwhile */
    uv_timer_stop(&o->timer);
    if (status != 0) { /* refused or unreachable: tried again with the next frame, without back-off */
        o->links->stats.connect_failures++;
        outlet_reset(o);
        return;
    }
    o->failures = 0;
    o->state = OPEN;
    uv_tcp_nodelay((uv_tcp_t *)stream, 1);
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
    to_sockaddr(&sa, &o->to);
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

/* One write at a time, of all that waits. */
static void outlet_flush(outlet *o) {
    if (o->state != OPEN || o->writing.len > 0 || o->waiting.len == 0)
        return;
    uv_write_t *request = mix_alloc_zero(1, sizeof *request);
    if (!request)
        return; /* with the next frame */
    mix_buf idle = o->writing;
    o->writing = o->waiting;
    o->waiting = idle;
    uint64_t frames = o->frames_waiting;
    o->frames_waiting = 0;
    uv_buf_t buffer = uv_buf_init((char *)o->writing.data, (unsigned)o->writing.len);
    if (uv_write(request, (uv_stream_t *)o->tcp, &buffer, 1, on_written) != 0) {
        mix_free(request);
        mix_buf_truncate(&o->writing, 0);
        o->links->stats.dropped_broken += frames;
        outlet_reset(o);
        return;
    }
    o->links->stats.frames_out += frames;
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
    if (!o)
        return l->closing ? MIX_BLOCKED : MIX_ERR_MEMORY;
    if (o->waiting.len + frame.len > QUEUE_BYTES) {
        l->stats.dropped_full++;
        return MIX_BLOCKED;
    }
    mix_buf_put_bytes(&o->waiting, frame);
    int status = mix_buf_status(&o->waiting);
    if (status != MIX_OK) {
        mix_buf_truncate(&o->waiting, o->waiting.len);
        return status;
    }
    o->frames_waiting++;
    if (o->state == CLOSED && !o->backing_off)
        outlet_connect(o);
    return MIX_OK;
}

/* --- end --- */

void links_close(links *l) {
    if (!l || l->closing)
        return;
    l->closing = true;
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
        mix_buf_deinit(&o->waiting);
        mix_buf_deinit(&o->writing);
        mix_free(o);
    }
    assert(!l->inlets);
    mix_free(l);
}

void links_get_stats(const links *l, links_stats *out) {
    *out = l->stats;
    for (const outlet *o = l->outlets; o; o = o->next)
        out->queued += o->frames_waiting;
}
