/* SPDX-License-Identifier: Apache-2.0 */
/* The session engine: what goes out, what comes in, and whether the exit is still there. */
#include "ipr/ipr.h"

#include "base/alloc.h"
#include "base/queue.h"
#include "ipr/bincode.h"
#include "ipr/probe.h"
#include "ipr/reorder.h"
#include "mix/errors.h"

#include <assert.h>

enum { QUEUE_BYTES = 256 * 1024, QUEUE_PACKETS = 4096, EVENTS = 32, TEXT_MAX = 200, DIRECT_BYTES = 256 * 1024, DIRECT_ITEMS = 512 };

/* What the message being drained is. */
typedef enum outgoing { OUT_NONE, OUT_CONNECT, OUT_FALLBACK, OUT_DISCONNECT, OUT_PROBE, OUT_PING, OUT_ECHO, OUT_DATA } outgoing;

typedef struct noted_event {
    mix_ipr_event ev;
    char text[TEXT_MAX];
} noted_event;

struct mix_ipr {
    const mix_env *env;
    mix_ipr_config config;
    mix_ipr_state state;
    bool plain;            /* version 8: no frames */
    uint8_t data_version;  /* of data requests */
    uint64_t stream_id;
    struct {
        uint8_t version; /* 0: not asked */
        uint64_t id;
        mix_time sent;
    } attempts[2];
    mix_time connect_until, fallback_at;
    bool want[OUT_DATA]; /* control messages to send, by kind */
    uint32_t up_seq;     /* of the next data message */
    mix_ipr_ips ips;
    mix_queue up;
    mix_buf message; /* the one being drained */
    outgoing message_kind;
    size_t message_packets;
    uint32_t message_surbs;
    mix_reorder reorder;
    mix_queue direct; /* bundles that go up as they came: late ones, and all without resequencing */
    mix_buf bundle;   /* the bundle being taken apart */
    mix_bytes bundle_rest;
    noted_event events[EVENTS];
    size_t first_event, event_count;
    mix_time last_up;       /* the last IP packet sent */
    mix_time waiting_since; /* the first sent after the last answer; MIX_NEVER: none is awaited */
    mix_time probe_sent;    /* MIX_NEVER: no probe is out */
    uint16_t probe_id;
    int probes;     /* unanswered in a row */
    bool pong_seen; /* since the last probe went out */
    uint64_t echo_id;   /* of mix_ipr_ping */
    mix_time echo_sent; /* when it was asked for; MIX_NEVER: none is out */
    mix_ipr_stats stats;
};

/* --- life --- */

int mix_ipr_new(mix_ipr **out, const mix_ipr_config *config, const mix_env *env) {
    mix_ipr *i = mix_alloc_zero(1, sizeof *i);
    if (!i)
        return MIX_ERR_MEMORY;
    i->env = env;
    mix_ipr_config *c = &i->config;
    *c = config ? *config : (mix_ipr_config){0};
    c->queue_bytes = c->queue_bytes ? c->queue_bytes : QUEUE_BYTES;
    c->connect_timeout = c->connect_timeout ? c->connect_timeout : MIX_SECONDS(60);
    c->fallback_after = c->fallback_after ? c->fallback_after : MIX_SECONDS(3);
    c->keepalive = c->keepalive ? c->keepalive : MIX_SECONDS(40);
    c->probe_after = c->probe_after ? c->probe_after : MIX_SECONDS(3);
    c->bundle_time = c->bundle_time ? c->bundle_time : MIX_MS(10);
    c->reorder_cap = c->reorder_cap == MIX_NEVER ? 0 : c->reorder_cap ? c->reorder_cap : MIX_MS(150);
    mix_queue_init(&i->up, QUEUE_PACKETS, c->queue_bytes);
    mix_queue_init(&i->direct, DIRECT_ITEMS, DIRECT_BYTES);
    mix_reorder_init(&i->reorder, 1, c->reorder_cap);
    i->fallback_at = i->connect_until = i->waiting_since = i->probe_sent = i->echo_sent = MIX_NEVER;
    *out = i;
    return MIX_OK;
}

void mix_ipr_free(mix_ipr *i) {
    if (!i)
        return;
    mix_queue_deinit(&i->up);
    mix_queue_deinit(&i->direct);
    mix_reorder_deinit(&i->reorder);
    mix_buf_deinit_wiped(&i->message);
    mix_buf_deinit_wiped(&i->bundle);
    mix_free(i);
}

/* Everything of the running session but the packets that wait. */
static void forget_session(mix_ipr *i) {
    i->state = MIX_IPR_IDLE;
    memset(i->want, 0, sizeof i->want);
    memset(i->attempts, 0, sizeof i->attempts);
    i->message_kind = OUT_NONE;
    i->fallback_at = i->connect_until = i->waiting_since = i->probe_sent = i->echo_sent = MIX_NEVER;
    i->probes = 0;
    mix_queue_deinit(&i->direct);
    mix_queue_init(&i->direct, DIRECT_ITEMS, DIRECT_BYTES);
    i->stats.skipped += i->reorder.skipped;
    i->stats.reordered += i->reorder.reordered;
    i->stats.too_late += i->reorder.too_late;
    mix_reorder_deinit(&i->reorder);
    mix_reorder_init(&i->reorder, 1, i->config.reorder_cap);
    i->bundle_rest = (mix_bytes){0};
}

int mix_ipr_connect(mix_ipr *i, uint8_t version, mix_time now) {
    if (version < 8 || version > 10)
        return MIX_ERR_IPR_VERSION;
    uint64_t random[4];
    int status = mix_random(i->env, random, sizeof random);
    if (status != MIX_OK)
        return status;
    forget_session(i);
    i->state = MIX_IPR_CONNECTING;
    i->plain = version == 8;
    i->data_version = version == 8 ? 8 : 9;
    i->stream_id = random[0];
    i->probe_id = (uint16_t)random[3];
    i->attempts[0].version = version;
    i->attempts[0].id = random[1];
    i->attempts[1].id = random[2];
    i->up_seq = 1;
    i->want[OUT_CONNECT] = true;
    i->connect_until = now + i->config.connect_timeout;
    if (version == 10)
        i->fallback_at = now + i->config.fallback_after;
    return MIX_OK;
}

int mix_ipr_disconnect(mix_ipr *i, mix_time now) {
    (void)now;
    if (i->state != MIX_IPR_UP && i->state != MIX_IPR_DEGRADED)
        return MIX_OK;
    i->want[OUT_DISCONNECT] = true;
    return MIX_OK;
}

int mix_ipr_ping(mix_ipr *i, mix_time now) {
    uint64_t id;
    if (i->state != MIX_IPR_UP && i->state != MIX_IPR_DEGRADED)
        return MIX_BLOCKED;
    int status = mix_random(i->env, &id, sizeof id);
    if (status != MIX_OK)
        return status;
    if (i->message_kind == OUT_ECHO)
        i->message_kind = OUT_NONE; /* it is built anew */
    i->echo_id = id;
    i->echo_sent = now;
    i->want[OUT_ECHO] = true;
    return MIX_OK;
}

/* --- events --- */

/* Notes an event; texts are cut. When the ring is full (a peer floods us) the event is lost, unless it ends the session. */
static void note(mix_ipr *i, mix_ipr_event ev, mix_bytes text) {
    bool last_place = ev.kind != MIX_IPR_EVENT_LOST && ev.kind != MIX_IPR_EVENT_DENIED && i->event_count >= EVENTS - 2;
    if (i->event_count >= EVENTS || last_place)
        return;
    noted_event *n = &i->events[(i->first_event + i->event_count++) % EVENTS];
    n->ev = ev;
    size_t len = text.len < TEXT_MAX ? text.len : TEXT_MAX;
    while (len > 0 && len < text.len && (text.data[len] & 0xc0) == 0x80)
        len--; /* not within a character */
    if (len > 0)
        memcpy(n->text, text.data, len);
    n->ev.text = mix_bytes_of(n->text, len);
}

static void lose(mix_ipr *i, int status, mix_bytes text) {
    forget_session(i);
    note(i, (mix_ipr_event){.kind = MIX_IPR_EVENT_LOST, .status = status}, text);
}

/* --- going out --- */

int mix_ipr_write(mix_ipr *i, mix_bytes packet, mix_time now) {
    (void)now;
    if (packet.len == 0 || packet.len > MIX_IPR_PACKET_MAX)
        return MIX_ERR_ARGUMENT;
    if (i->state != MIX_IPR_UP && i->state != MIX_IPR_DEGRADED)
        return MIX_BLOCKED;
    return mix_queue_push(&i->up, packet, 0);
}

size_t mix_ipr_room(const mix_ipr *i) {
    if ((i->state != MIX_IPR_UP && i->state != MIX_IPR_DEGRADED) || mix_queue_room(&i->up) == 0)
        return 0;
    return mix_queue_room_bytes(&i->up);
}

/* The frame around a request, and the request itself. */
static int build(mix_ipr *i, const mix_ipr_request *q, uint32_t seq) {
    mix_buf_truncate(&i->message, 0);
    if (!i->plain)
        mix_lp_encode(&i->message, i->stream_id, MIX_LP_DATA, seq, (mix_bytes){0});
    return mix_ipr_request_encode(&i->message, q);
}

static mix_ipr_request request(mix_ipr *i, mix_ipr_request_kind kind, uint64_t id) {
    return (mix_ipr_request){.version = i->data_version, .provider = MIX_IPR_ROUTER, .kind = kind, .id = id,
                             .time = mix_timestamp_of(i->env->wall_time(i->env->user))};
}

static int build_control(mix_ipr *i, outgoing kind) {
    int attempt = kind == OUT_FALLBACK;
    mix_ipr_request q = request(i, MIX_IPR_REQ_CONNECT, i->attempts[attempt].id);
    i->message_surbs = 0;
    if (kind == OUT_CONNECT || kind == OUT_FALLBACK) {
        q.version = i->attempts[attempt].version;
        q.has_timeout = true; /* never 0, of which nym-node dies */
        q.buffer_timeout = (uint64_t)(i->config.bundle_time < MIX_MS(1) ? 1 : i->config.bundle_time / MIX_MS(1));
        i->message_surbs = attempt == 0 ? MIX_IPR_CONNECT_SURBS : 1;
    } else if (kind == OUT_ECHO) {
        q = request(i, MIX_IPR_REQ_PING, i->echo_id);
        i->message_surbs = 1;
    } else if (kind == OUT_DISCONNECT || kind == OUT_PING) {
        q = request(i, kind == OUT_PING ? MIX_IPR_REQ_PING : MIX_IPR_REQ_DISCONNECT, i->probe_id);
        /* An exit that began anew has no reply blocks of ours to say that it does not know us. */
        i->message_surbs = i->state == MIX_IPR_DEGRADED ? MIX_IPR_CONNECT_SURBS : 1;
    }
    return build(i, &q, 0);
}

/* Bytes of a data message around the bundle: frame, version, provider, variant, longest length that occurs. */
static size_t data_overhead(const mix_ipr *i) {
    return (i->plain ? 0 : MIX_LP_HEADER_LEN) + 3 + 3;
}

static int build_data(mix_ipr *i, mix_bytes bundle) {
    mix_ipr_request q = {.version = i->data_version, .provider = MIX_IPR_ROUTER, .kind = MIX_IPR_REQ_DATA, .bundle = bundle};
    return build(i, &q, i->up_seq);
}

static int build_probe(mix_ipr *i) {
    uint8_t storage[MIX_BUNDLE_PREFIX + MIX_PROBE_LEN], packet[MIX_PROBE_LEN];
    mix_buf bundle = mix_buf_fixed(storage, sizeof storage);
    mix_probe_encode(packet, i->ips.v4, i->probe_id, (uint16_t)i->probes);
    mix_bundle_put(&bundle, MIX_BYTES(packet));
    i->message_surbs = 1;
    return build_data(i, mix_buf_bytes(&bundle));
}

/* As many waiting packets as fit room, at least one. They leave the queue only when the message was taken. */
static int build_bundle(mix_ipr *i, size_t room) {
    uint8_t storage[MIX_BUNDLE_PREFIX + MIX_IPR_PACKET_MAX + 1024];
    mix_buf bundle = mix_buf_fixed(storage, sizeof storage);
    size_t limit = room > data_overhead(i) ? room - data_overhead(i) : 0;
    mix_bytes packet;
    size_t count = 0;
    for (; mix_queue_peek_at(&i->up, count, &packet); count++) {
        size_t len = bundle.len + MIX_BUNDLE_PREFIX + packet.len;
        if (count > 0 && (len > limit || len > sizeof storage || count >= MIX_IPR_BUNDLE_PACKETS))
            break;
        mix_bundle_put(&bundle, packet);
    }
    i->message_packets = count;
    i->message_surbs = 0;
    return build_data(i, mix_buf_bytes(&bundle));
}

static outgoing choose(const mix_ipr *i) {
    for (outgoing kind = OUT_CONNECT; kind < OUT_DATA; kind++) {
        if (i->want[kind])
            return kind;
    }
    bool up = i->state == MIX_IPR_UP || i->state == MIX_IPR_DEGRADED;
    return up && i->up.items > 0 ? OUT_DATA : OUT_NONE;
}

int mix_ipr_drain(mix_ipr *i, mix_ipr_message *out, size_t room, mix_time now) {
    (void)now;
    if (i->message_kind == OUT_NONE) {
        outgoing kind = choose(i);
        if (kind == OUT_NONE)
            return MIX_DONE;
        int status = kind == OUT_DATA ? build_bundle(i, room) : kind == OUT_PROBE ? build_probe(i) : build_control(i, kind);
        if (status != MIX_OK)
            return status;
        i->message_kind = kind;
    }
    *out = (mix_ipr_message){.bytes = mix_buf_bytes(&i->message), .surbs = i->message_surbs,
                             .data = i->message_kind == OUT_DATA || i->message_kind == OUT_PROBE};
    return MIX_OK;
}

static void sent_packets(mix_ipr *i, size_t count, mix_time now) {
    i->up_seq = i->up_seq == UINT32_MAX ? 1 : i->up_seq + 1;
    i->last_up = now;
    i->stats.packets_up += count;
    if (count > 1)
        i->stats.bundles_shared++;
    if (i->waiting_since == MIX_NEVER)
        i->waiting_since = now;
}

void mix_ipr_sent(mix_ipr *i, mix_time now) {
    outgoing kind = i->message_kind;
    i->message_kind = OUT_NONE;
    if (kind == OUT_NONE)
        return;
    i->stats.messages_up++;
    if (kind == OUT_DATA) {
        for (size_t n = 0; n < i->message_packets; n++)
            mix_queue_pop(&i->up);
        sent_packets(i, i->message_packets, now);
        return;
    }
    i->want[kind] = false;
    if (kind == OUT_CONNECT)
        i->attempts[0].sent = now;
    else if (kind == OUT_FALLBACK)
        i->attempts[1].sent = now;
    else if (kind == OUT_DISCONNECT)
        forget_session(i);
    else if (kind == OUT_PROBE) {
        i->probe_sent = now;
        i->pong_seen = false;
        sent_packets(i, 1, now);
    }
}

/* --- coming in --- */

/* An answer that only a connected client gets. */
static void alive(mix_ipr *i) {
    i->waiting_since = MIX_NEVER;
    i->probes = 0;
    i->probe_sent = MIX_NEVER;
    i->want[OUT_PING] = false;
    if (i->state == MIX_IPR_DEGRADED) {
        i->state = MIX_IPR_UP;
        note(i, (mix_ipr_event){.kind = MIX_IPR_EVENT_RECOVERED}, (mix_bytes){0});
    }
}

static int connected(mix_ipr *i, const mix_ipr_response *p, int attempt, mix_time now) {
    bool again = i->state == MIX_IPR_UP || i->state == MIX_IPR_DEGRADED;
    if (!p->success) {
        i->attempts[attempt].version = 0;
        if (again || i->attempts[!attempt].version != 0)
            return MIX_OK; /* the other one may still do */
        mix_bytes text = p->reason == MIX_IPR_OTHER ? p->text : mix_bytes_str(mix_ipr_reason_text(p->reason));
        forget_session(i);
        note(i, (mix_ipr_event){.kind = MIX_IPR_EVENT_DENIED, .status = MIX_ERR_IPR_DENIED, .reason = p->reason}, text);
        return MIX_OK;
    }
    if (i->attempts[attempt].sent > 0 && now > i->attempts[attempt].sent) {
        i->stats.round_trip = now - i->attempts[attempt].sent;
        mix_reorder_expect(&i->reorder, i->stats.round_trip);
    }
    uint16_t mtu = p->version == 10 ? p->mtu : MIX_IPR_MTU_DEFAULT;
    mtu = mtu > MIX_IPR_PACKET_MAX ? MIX_IPR_PACKET_MAX : mtu < MIX_IPR_MTU_LEAST ? MIX_IPR_MTU_LEAST : mtu;
    bool same = again && memcmp(&i->ips, &p->ips, sizeof i->ips) == 0;
    i->attempts[attempt].version = 0;
    i->ips = p->ips;
    i->state = again ? i->state : MIX_IPR_UP;
    i->want[OUT_CONNECT] = i->want[OUT_FALLBACK] = false;
    i->fallback_at = i->connect_until = MIX_NEVER;
    i->last_up = now;
    if (!same)
        note(i, (mix_ipr_event){.kind = MIX_IPR_EVENT_CONNECTED, .ips = p->ips, .mtu = mtu, .version = p->version}, (mix_bytes){0});
    return MIX_OK;
}

/* "1.2.3.4:80" or "[::1]:80"; a port of 0 stands for none. */
static void refused(mix_ipr *i, mix_bytes text, mix_time now) {
    char copy[MIX_ADDRESS_TEXT];
    mix_ipr_event ev = {.kind = MIX_IPR_EVENT_REFUSED, .status = MIX_ERR_IPR_REFUSED};
    alive(i);
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, 0, text.len))
        return;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    if (mix_address_parse(&ev.destination, copy) != MIX_OK)
        return;
    if (mix_probe_is_target(&ev.destination)) {
        if (i->stats.round_trip == 0 || now > i->last_up)
            i->stats.round_trip = now - i->last_up;
        return; /* our own probe: refused, hence alive */
    }
    note(i, ev, text);
}

static int control(mix_ipr *i, const mix_ipr_response *p, mix_time now) {
    switch (p->kind) {
    case MIX_IPR_RES_CONNECT:
        for (int a = 0; a < 2; a++) {
            if (i->attempts[a].version != 0 && i->attempts[a].id == p->id && i->attempts[a].version == p->version)
                return connected(i, p, a, now);
        }
        return MIX_ERR_IPR_STREAM;
    case MIX_IPR_RES_UNREQUESTED_DISCONNECT:
        lose(i, MIX_ERR_IPR_DISCONNECTED,
             p->reason == MIX_IPR_OTHER ? p->text : mix_bytes_str(mix_ipr_reason_text(p->reason)));
        return MIX_OK;
    case MIX_IPR_RES_PONG:
        i->pong_seen = i->pong_seen || p->id == i->probe_id;
        if (i->echo_sent != MIX_NEVER && p->id == i->echo_id) {
            note(i, (mix_ipr_event){.kind = MIX_IPR_EVENT_PONG, .round_trip = now - i->echo_sent}, (mix_bytes){0});
            i->echo_sent = MIX_NEVER;
        }
        return MIX_OK;
    case MIX_IPR_RES_INFO:
        if (p->info == MIX_IPR_INFO_REFUSED)
            refused(i, p->text, now);
        else if (p->info == MIX_IPR_INFO_GENERIC)
            note(i, (mix_ipr_event){.kind = MIX_IPR_EVENT_NOTICE}, p->text);
        return MIX_OK;
    default:
        return MIX_OK; /* answers to a goodbye, and health that nobody asked for */
    }
}

/* Takes a payload apart: control is handled, a bundle is kept for mix_ipr_next. */
static int handle(mix_ipr *i, mix_bytes payload, mix_bytes *bundle, mix_time now) {
    mix_ipr_response p;
    int status = mix_ipr_response_decode(&p, payload, 0);
    if (status != MIX_OK)
        return status;
    if (p.version < 8)
        return MIX_ERR_IPR_VERSION;
    *bundle = (mix_bytes){0};
    if (p.kind != MIX_IPR_RES_DATA)
        return control(i, &p, now);
    if (i->state == MIX_IPR_CONNECTING)
        return MIX_ERR_IPR_STREAM;
    alive(i);
    *bundle = p.bundle;
    return MIX_OK;
}

/* Nobody minds their order: UDP and echoes. */
static bool is_datagram(mix_bytes packet) {
    enum { ICMP = 1, UDP = 17, ICMP6 = 58 };
    unsigned version = packet.len > 0 ? packet.data[0] >> 4 : 0;
    if (packet.len < (version == 6 ? 40 : 20) || (version != 4 && version != 6))
        return false;
    uint8_t protocol = packet.data[version == 6 ? 6 : 9];
    return protocol == UDP || protocol == (version == 6 ? ICMP6 : ICMP);
}

static bool may_pass(const mix_ipr *i, mix_bytes packet) {
    return is_datagram(packet) || (i->config.is_next && i->config.is_next(i->config.user, packet));
}

/* Of a bundle that is to wait for an earlier one, what misses nothing passes at once: of two name servers' answers the quick one would wait
 * for the slow one, and all connections for what one of them has lost. What is left keeps the frame's place, even when it is nothing.
 * Without memory all waits. */
static mix_bytes pass_what_may(mix_ipr *i, mix_bytes bundle, mix_buf *waits, mix_buf *passes) {
    mix_bytes packet, rest = bundle;
    bool any = false;
    while (!any && mix_bundle_take(&packet, &rest))
        any = may_pass(i, packet);
    rest = bundle;
    while (any && mix_bundle_take(&packet, &rest))
        mix_bundle_put(may_pass(i, packet) ? passes : waits, packet);
    if (!any || mix_buf_status(waits) != MIX_OK || mix_buf_status(passes) != MIX_OK)
        return bundle;
    return mix_queue_push(&i->direct, mix_buf_bytes(passes), 0) == MIX_OK ? mix_buf_bytes(waits) : bundle;
}

static int feed_in_order(mix_ipr *i, uint32_t seq, mix_bytes bundle, mix_time now) {
    mix_buf waits = {0}, passes = {0};
    if (mix_reorder_would_hold(&i->reorder, seq))
        bundle = pass_what_may(i, bundle, &waits, &passes);
    int status = mix_reorder_put(&i->reorder, seq, bundle, now);
    if (status != MIX_OK && status != MIX_DONE)
        status = mix_queue_push(&i->direct, bundle, 0);
    mix_buf_deinit_wiped(&waits);
    mix_buf_deinit_wiped(&passes);
    return status;
}

static int feed_frame(mix_ipr *i, const mix_lp_frame *f, mix_time now) {
    mix_bytes bundle;
    int status = handle(i, f->payload, &bundle, now);
    if (status != MIX_OK || bundle.len == 0)
        return status;
    status = f->seq != 0 ? feed_in_order(i, f->seq, bundle, now) : mix_queue_push(&i->direct, bundle, 0);
    return status == MIX_BLOCKED ? MIX_ERR_LIMIT : status == MIX_DONE ? MIX_OK : status;
}

int mix_ipr_feed(mix_ipr *i, mix_bytes message, mix_time now) {
    mix_lp_frame f = {.payload = message};
    int status = i->state == MIX_IPR_IDLE ? MIX_ERR_IPR_STREAM : MIX_OK;
    if (status == MIX_OK && !i->plain) {
        status = mix_lp_decode(&f, message);
        if (status == MIX_OK && (f.kind != MIX_LP_STREAM || f.stream_id != i->stream_id || f.type != MIX_LP_DATA))
            status = MIX_ERR_IPR_STREAM;
    }
    if (status == MIX_OK)
        status = feed_frame(i, &f, now);
    if (status == MIX_OK)
        i->stats.messages_down++;
    else
        i->stats.dropped++;
    return status;
}

/* The next bundle to take apart is copied, so that its packets stay valid while new frames come. */
static bool load_bundle(mix_ipr *i, mix_time now) {
    mix_bytes bytes;
    bool queued = mix_queue_peek(&i->direct, &bytes, NULL);
    if (!queued && !mix_reorder_next(&i->reorder, &bytes, now))
        return false;
    mix_buf_truncate(&i->bundle, 0);
    mix_buf_put_bytes(&i->bundle, bytes);
    if (mix_buf_status(&i->bundle) != MIX_OK) {
        mix_buf_truncate(&i->bundle, 0); /* no memory: a lost bundle, as the network loses one */
        i->stats.dropped++;
    }
    if (queued)
        mix_queue_pop(&i->direct);
    i->bundle_rest = mix_buf_bytes(&i->bundle);
    return true;
}

int mix_ipr_next(mix_ipr *i, mix_ipr_event *ev, mix_time now) {
    if (i->event_count > 0) {
        *ev = i->events[i->first_event].ev;
        i->first_event = (i->first_event + 1) % EVENTS;
        i->event_count--;
        return MIX_OK;
    }
    do {
        mix_bytes packet;
        while (mix_bundle_take(&packet, &i->bundle_rest)) {
            if (packet.len == 0 || mix_probe_is_answer(packet, i->ips.v4, i->probe_id))
                continue;
            i->stats.packets_down++;
            *ev = (mix_ipr_event){.kind = MIX_IPR_EVENT_PACKET, .packet = packet};
            return MIX_OK;
        }
    } while (load_bundle(i, now));
    return MIX_DONE;
}

/* --- time --- */

/* How long an answer may take before we ask: four round trips, if that is more than what was configured. */
static mix_time patience(const mix_ipr *i) {
    mix_time long_path = 4 * i->stats.round_trip;
    return long_path > i->config.probe_after ? long_path : i->config.probe_after;
}

static bool up(const mix_ipr *i) {
    return i->state == MIX_IPR_UP || i->state == MIX_IPR_DEGRADED;
}

/* When the exit is to be asked whether it is there, or given up. */
static mix_time liveness_at(const mix_ipr *i) {
    if (!up(i) || i->want[OUT_PROBE])
        return MIX_NEVER;
    if (i->probe_sent != MIX_NEVER)
        return i->probe_sent + patience(i);
    return i->waiting_since == MIX_NEVER ? i->last_up + i->config.keepalive : i->waiting_since + patience(i);
}

mix_time mix_ipr_deadline(const mix_ipr *i) {
    mix_time at = mix_reorder_deadline(&i->reorder), live = liveness_at(i);
    at = live < at ? live : at;
    at = i->fallback_at < at ? i->fallback_at : at;
    return i->connect_until < at ? i->connect_until : at;
}

static void check_liveness(mix_ipr *i) {
    if (i->probe_sent != MIX_NEVER) { /* a probe went unanswered */
        if (i->pong_seen) {
            lose(i, MIX_ERR_IPR_FORGOTTEN, mix_bytes_str(mix_error_text(MIX_ERR_IPR_FORGOTTEN)));
            return;
        }
        i->probes++;
        if (i->state == MIX_IPR_UP) {
            i->state = MIX_IPR_DEGRADED;
            note(i, (mix_ipr_event){.kind = MIX_IPR_EVENT_DEGRADED}, (mix_bytes){0});
        }
        if (i->probes >= MIX_IPR_PROBES) {
            lose(i, MIX_ERR_IPR_SILENT, mix_bytes_str(mix_error_text(MIX_ERR_IPR_SILENT)));
            return;
        }
    }
    i->probe_sent = MIX_NEVER;
    i->want[OUT_PROBE] = true;
    i->want[OUT_PING] = i->waiting_since != MIX_NEVER; /* a quiet keepalive needs no second answer */
}

int mix_ipr_tick(mix_ipr *i, mix_time now) {
    if (i->connect_until <= now) {
        lose(i, MIX_ERR_IPR_TIMEOUT, mix_bytes_str(mix_error_text(MIX_ERR_IPR_TIMEOUT)));
        return MIX_OK;
    }
    if (i->fallback_at <= now) {
        i->fallback_at = MIX_NEVER;
        i->attempts[1].version = 9;
        i->want[OUT_FALLBACK] = true;
    }
    if (liveness_at(i) <= now)
        check_liveness(i);
    return MIX_OK;
}

void mix_ipr_get_stats(const mix_ipr *i, mix_ipr_stats *out) {
    *out = i->stats;
    out->state = i->state;
    out->reordered += i->reorder.reordered;
    out->skipped += i->reorder.skipped;
    out->too_late += i->reorder.too_late;
    out->reorder_wait = mix_reorder_wait(&i->reorder);
}
