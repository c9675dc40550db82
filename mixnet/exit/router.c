/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in the order of 5-ipr.md §5.6, packets up and down. */
#include "mixnet/exit/router.h"

#include "base/alloc.h"
#include "directory/release.h"
#include "mix/errors.h"

enum {
    SESSIONS = 1024,
    MTU = 1500,
    QUEUE_ITEMS = 8192,
    QUEUE_BYTES = 16 << 20,
    ANSWER_RETRANSMISSIONS = 10,
    REPLY_HEAD = MIXNET_TAG_LEN + 4, /* in front of each reply in the queue: tag, retransmissions */
    LONGEST_PERIOD = 10000,          /* ms */
};

struct mixnet_router {
    mixnet_router_config config;
    const mix_env *env;
    uint8_t newest; /* version that is answered */
    mix_ipr_ips own;
    mixnet_sessions sessions;
    mix_queue replies, uplink;
    bool given; /* the first of uplink is out */
    mix_buf work, bundle, made;
    mixnet_router_stats stats;
};

int mixnet_router_new(mixnet_router **out, const mixnet_router_config *config, const mix_env *env) {
    mixnet_router *r = mix_alloc_zero(1, sizeof *r);
    if (!r)
        return MIX_ERR_MEMORY;
    mixnet_router_config *c = &r->config;
    *c = *config;
    c->release = c->release ? c->release : "1.37.0";
    c->mtu = c->mtu ? c->mtu : MTU;
    c->max_sessions = c->max_sessions ? c->max_sessions : SESSIONS;
    c->bundle_period = c->bundle_period > 0 ? c->bundle_period : MIX_MS(20);
    c->inactivity = c->inactivity > 0 ? c->inactivity : MIX_SECONDS(60);
    r->env = env;
    r->newest = mix_release_ipr_version(mix_bytes_str(c->release)) >= 10 ? 10 : 9;
    r->own = mixnet_pool_ips(MIXNET_POOL_OWN);
    mix_queue_init(&r->replies, QUEUE_ITEMS, QUEUE_BYTES);
    mix_queue_init(&r->uplink, QUEUE_ITEMS, QUEUE_BYTES);
    int status = mixnet_sessions_init(&r->sessions, c->max_sessions, env);
    if (status != MIX_OK)
        mixnet_router_free(r);
    else
        *out = r;
    return status;
}

void mixnet_router_free(mixnet_router *r) {
    if (!r)
        return;
    mixnet_sessions_deinit(&r->sessions);
    mix_queue_deinit(&r->replies);
    mix_queue_deinit(&r->uplink);
    mix_buf_deinit(&r->work);
    mix_buf_deinit(&r->bundle);
    mix_buf_deinit(&r->made);
    mix_free(r);
}

/* --- replies --- */

/* Queues a response; seq 0 for all but data (§5.6). */
static void respond(mixnet_router *r, const mixnet_way *way, const mix_ipr_response *p,
                    uint32_t seq, uint32_t limit) {
    mix_buf *b = &r->work;
    mix_buf_truncate(b, 0);
    mix_buf_put(b, way->tag, MIXNET_TAG_LEN);
    mix_buf_put_u32(b, limit);
    if (way->version >= 9)
        mix_lp_encode(b, way->stream, MIX_LP_DATA, seq, (mix_bytes){0});
    int status = mix_buf_status(b);
    if (status == MIX_OK)
        status = mix_ipr_response_encode(b, p);
    if (status == MIX_OK)
        status = mix_queue_push(&r->replies, mix_buf_bytes(b), 0);
    if (status == MIX_BLOCKED)
        r->stats.replies_full++;
    else if (status != MIX_OK)
        r->stats.no_memory++;
}

static void answer(mixnet_router *r, const mixnet_way *way, mix_ipr_response p) {
    p.version = way->version;
    respond(r, way, &p, 0, ANSWER_RETRANSMISSIONS);
}

bool mixnet_router_reply_peek(const mixnet_router *r, mixnet_router_reply *out) {
    mix_bytes item;
    if (!mix_queue_peek(&r->replies, &item, NULL))
        return false;
    *out = (mixnet_router_reply){.tag = item.data,
                                 .limit = mix_get_u32(item.data + MIXNET_TAG_LEN),
                                 .bytes = mix_bytes_slice(item, REPLY_HEAD, item.len)};
    return true;
}

void mixnet_router_reply_pop(mixnet_router *r) {
    mix_queue_pop(&r->replies);
}

/* --- packets down --- */

/* Sends r->bundle, if there is one (§5.6.2). */
static void send_bundle(mixnet_router *r, mixnet_session *e) {
    if (r->bundle.len == 0)
        return;
    if (++e->seq == 0)
        e->seq = 1;
    mix_ipr_response p = {
        .version = e->way.version, .kind = MIX_IPR_RES_DATA, .bundle = mix_buf_bytes(&r->bundle)};
    respond(r, &e->way, &p, e->seq, 0);
    r->stats.bundles++;
}

static void down(mixnet_router *r, mixnet_session *e, mix_bytes packet, mix_time now) {
    mix_buf_truncate(&r->bundle, 0);
    if (mixnet_session_put(&r->sessions, e, &r->bundle, packet, now) != MIX_OK) {
        r->stats.no_memory++;
        return;
    }
    e->packets_down++;
    e->bytes_down += packet.len;
    r->stats.packets_down++;
    r->stats.bytes_down += packet.len;
    send_bundle(r, e);
}

static mixnet_session *owner(const mixnet_router *r, mix_bytes packet) {
    mix_address to;
    return mixnet_ip_destination(&to, packet) ? mixnet_sessions_owner(&r->sessions, &to) : NULL;
}

const mixnet_session *mixnet_router_owner(const mixnet_router *r, mix_bytes packet) {
    return owner(r, packet);
}

void mixnet_router_dropped(mixnet_router *r, mix_bytes packet) {
    mixnet_session *e = owner(r, packet);
    if (e)
        e->full++;
    r->stats.downlink_full++;
}

void mixnet_router_from_internet(mixnet_router *r, mix_bytes packet, mix_time now) {
    mixnet_session *e = owner(r, packet);
    if (!e || packet.len > UINT16_MAX)
        r->stats.no_session++;
    else
        down(r, e, packet, now);
}

/* --- packets up --- */

int mixnet_router_next(mixnet_router *r, mix_bytes *packet) {
    if (r->given)
        mix_queue_pop(&r->uplink);
    r->given = mix_queue_peek(&r->uplink, packet, NULL);
    return r->given ? MIX_OK : MIX_DONE;
}

/* §5.9 */
static bool is_allowed(const mixnet_router *r, const mix_address *to) {
    if (!r->config.allow_local && !mix_ip_is_global(to))
        return false;
    return !r->config.policy || mix_policy_match(r->config.policy, to) == 1;
}

static bool is_own(const mix_address *to) {
    return mixnet_pool_number(to) == MIXNET_POOL_OWN;
}

static void refuse(mixnet_router *r, mixnet_session *e, const mixnet_way *way, const mixnet_ip *ip,
                   mix_bytes packet, mix_time now) {
    char text[MIX_ADDRESS_TEXT];
    e->refused++;
    r->stats.refused++;
    mix_address_format(text, &ip->destination);
    answer(r, way,
           (mix_ipr_response){.kind = MIX_IPR_RES_INFO,
                              .info = MIX_IPR_INFO_REFUSED,
                              .level = 1,
                              .text = mix_bytes_str(text)});
    if (r->config.quiet || is_own(&ip->destination)) /* to the exit itself go probes, for which the
                                                        notice is the answer */
        return;
    mix_buf_truncate(&r->made, 0);
    if (mixnet_ip_refuse(&r->made, ip, packet, &r->own) != MIX_OK)
        r->stats.no_memory++;
    else if (r->made.len > 0)
        down(r, e, mix_buf_bytes(&r->made), now);
}

/* Packets to the networks of the pool stay here: the exit answers pings, clients may talk to each
 * other. */
static void keep_inside(mixnet_router *r, mixnet_session *from, const mixnet_ip *ip,
                        mix_bytes packet, mix_time now) {
    mixnet_session *to = mixnet_sessions_owner(&r->sessions, &ip->destination);
    if (to) {
        r->stats.between_clients++;
        down(r, to, packet, now);
        return;
    }
    mix_buf_truncate(&r->made, 0);
    if (is_own(&ip->destination) && mixnet_ip_echo(&r->made, ip) == MIX_OK && r->made.len > 0) {
        r->stats.echoes++;
        down(r, from, mix_buf_bytes(&r->made), now);
        return;
    }
    r->stats.no_session++;
}

static void up(mixnet_router *r, const mixnet_way *way, mix_bytes packet, mix_time now) {
    mixnet_ip ip;
    if (!mixnet_ip_parse(&ip, packet)) {
        r->stats.bad_packet++;
        return;
    }
    mixnet_session *e = mixnet_sessions_owner(&r->sessions, &ip.source);
    if (!e || memcmp(e->way.tag, way->tag, MIXNET_TAG_LEN) != 0) {
        r->stats.foreign_source++;
        return;
    }
    e->active = now;
    e->packets_up++;
    e->bytes_up += packet.len;
    if (!is_allowed(r, &ip.destination)) {
        refuse(r, e, way, &ip, packet, now);
        return;
    }
    r->stats.packets_up++;
    r->stats.bytes_up += packet.len;
    if (mixnet_pool_number(&ip.destination) != 0) {
        keep_inside(r, e, &ip, packet, now);
        return;
    }
    int status = mix_queue_push(&r->uplink, packet, 0);
    if (status == MIX_BLOCKED)
        r->stats.uplink_full++;
    else if (status != MIX_OK)
        r->stats.no_memory++;
}

/* --- requests --- */

static mix_time period_of(const mixnet_router *r, const mix_ipr_request *q) {
    if (!q->has_timeout || q->buffer_timeout == 0)
        return r->config.bundle_period;
    return MIX_MS(
        (mix_time)(q->buffer_timeout < LONGEST_PERIOD ? q->buffer_timeout : LONGEST_PERIOD));
}

static void connected(mixnet_router *r, const mixnet_way *way, const mixnet_session *e,
                      uint64_t id) {
    answer(r, way,
           (mix_ipr_response){.kind = MIX_IPR_RES_CONNECT,
                              .id = id,
                              .success = true,
                              .ips = mixnet_pool_ips(e->number),
                              .mtu = r->config.mtu});
}

/* A tag that is connected already gets new addresses in frames, and keeps its old ones without. */
static void on_connect(mixnet_router *r, const mixnet_way *way, const mix_ipr_request *q,
                       mix_time now) {
    mixnet_session *e = mixnet_sessions_find(&r->sessions, way->tag);
    if (e) {
        r->stats.reconnects++;
        if (way->version < 9) {
            connected(r, way, e, q->id);
            return;
        }
        mixnet_sessions_remove(&r->sessions, e);
    }
    int status = mixnet_sessions_add(&r->sessions, &e, way, r->config.inactivity, now);
    if (status != MIX_OK) {
        r->stats.no_address++;
        answer(r, way,
               (mix_ipr_response){
                   .kind = MIX_IPR_RES_CONNECT, .id = q->id, .reason = MIX_IPR_NO_ADDRESS});
        return;
    }
    e->period = period_of(r, q);
    r->stats.connects++;
    connected(r, way, e, q->id);
}

static void on_disconnect(mixnet_router *r, const mixnet_way *way, const mix_ipr_request *q) {
    mixnet_session *e = mixnet_sessions_find(&r->sessions, way->tag);
    answer(r, way,
           (mix_ipr_response){.kind = MIX_IPR_RES_DISCONNECT,
                              .id = q->id,
                              .success = e != NULL,
                              .reason = MIX_IPR_NOT_CONNECTED});
    if (!e)
        return;
    r->stats.disconnects++;
    mixnet_sessions_remove(&r->sessions, e);
}

static void on_health(mixnet_router *r, const mixnet_way *way, const mix_ipr_request *q) {
    mix_ipr_response p = {.kind = MIX_IPR_RES_HEALTH, .id = q->id, .routable = -1};
    p.build[0] = mix_bytes_str("lwmix");
    p.build[2] = mix_bytes_str(r->config.release);
    answer(r, way, p);
}

static void handle(mixnet_router *r, const mixnet_way *way, const mix_ipr_request *q,
                   mix_time now) {
    r->stats.requests++;
    switch (q->kind) {
    case MIX_IPR_REQ_CONNECT:
        on_connect(r, way, q, now);
        break;
    case MIX_IPR_REQ_DISCONNECT:
        on_disconnect(r, way, q);
        break;
    case MIX_IPR_REQ_PING:
        r->stats.pings++;
        answer(r, way, (mix_ipr_response){.kind = MIX_IPR_RES_PONG, .id = q->id});
        break;
    case MIX_IPR_REQ_HEALTH:
        on_health(r, way, q);
        break;
    case MIX_IPR_REQ_DATA: {
        mix_bytes rest = q->bundle, packet;
        while (mix_bundle_take(&packet, &rest))
            up(r, way, packet, now);
        break;
    }
    case MIX_IPR_REQ_STATIC_CONNECT: /* not from version 8 on */
        break;
    }
}

/* Which requests are looked at: everything else is dropped in silence, as the original does. */
static int check(const mixnet_router *r, mix_ipr_request *q, bool framed, mix_bytes in) {
    if (in.len < 2)
        return MIX_ERR_IPR_REQUEST;
    if (in.data[0] < 8 || in.data[0] > r->newest || framed != (in.data[0] >= 9))
        return MIX_ERR_IPR_VERSION;
    return in.data[1] == MIX_IPR_ROUTER ? mix_ipr_request_decode(q, in) : MIX_ERR_IPR_REQUEST;
}

int mixnet_router_request(mixnet_router *r, const uint8_t *tag, mix_bytes message, mix_time now) {
    mix_lp_frame f;
    mix_ipr_request q;
    mixnet_way way = {0};
    int status = mix_lp_decode(&f, message);
    bool framed = status == MIX_OK && f.kind == MIX_LP_STREAM;
    if (framed) {
        way.stream = f.stream_id;
        message = f.payload;
        if (message.len == 0) /* an Open */
            return MIX_OK;
    }
    status = status == MIX_ERR_LP_TYPE ? status : check(r, &q, framed, message);
    if (status == MIX_OK && !tag)
        status = MIX_ERR_SENDER_UNKNOWN;
    if (status != MIX_OK) {
        r->stats.malformed += status == MIX_ERR_LP_TYPE || status == MIX_ERR_IPR_REQUEST;
        r->stats.version += status == MIX_ERR_IPR_VERSION;
        r->stats.no_tag += status == MIX_ERR_SENDER_UNKNOWN;
        return status;
    }
    way.version = q.version;
    memcpy(way.tag, tag, MIXNET_TAG_LEN);
    handle(r, &way, &q, now);
    return MIX_OK;
}

/* --- by hand --- */

void mixnet_router_set_policy(mixnet_router *r, const mix_policy *policy) {
    r->config.policy = policy;
}

bool mixnet_router_forget(mixnet_router *r, const mix_address *ip,
                          uint8_t tag[static MIXNET_TAG_LEN]) {
    const uint8_t *key;
    size_t at = 0;
    void *value = ip ? mixnet_sessions_owner(&r->sessions, ip) : NULL;
    if (!ip && !mix_map_each(&r->sessions.by_tag, &at, &key, &value))
        return false;
    mixnet_session *e = value;
    if (!e)
        return false;
    memcpy(tag, e->way.tag, MIXNET_TAG_LEN);
    mixnet_sessions_remove(&r->sessions, e);
    return true;
}

/* --- time --- */

mix_time mixnet_router_deadline(const mixnet_router *r) {
    return mixnet_sessions_deadline(&r->sessions);
}

void mixnet_router_tick(mixnet_router *r, mix_time now) {
    mixnet_session *e;
    mix_buf_truncate(&r->bundle, 0);
    while ((e = mixnet_sessions_beat(&r->sessions, &r->bundle, now)) != NULL) {
        send_bundle(r, e);
        mix_buf_truncate(&r->bundle, 0);
    }
    while ((e = mixnet_sessions_silent(&r->sessions, r->config.inactivity, now)) != NULL) {
        r->stats.silent++;
        if (!r->config.quiet)
            answer(r, &e->way,
                   (mix_ipr_response){.kind = MIX_IPR_RES_UNREQUESTED_DISCONNECT,
                                      .reason = MIX_IPR_MIXNET_TIMEOUT});
        mixnet_sessions_remove(&r->sessions, e);
    }
}

void mixnet_router_get_stats(const mixnet_router *r, mixnet_router_stats *out) {
    *out = r->stats;
    out->sessions = r->sessions.by_tag.len;
}

const mixnet_session *mixnet_router_each(const mixnet_router *r, size_t *at) {
    const uint8_t *key;
    void *e;
    return mix_map_each(&r->sessions.by_tag, at, &key, &e) ? e : NULL;
}
