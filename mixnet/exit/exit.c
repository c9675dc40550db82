/* SPDX-License-Identifier: Apache-2.0 */
/* The pump: node, traffic, messages, router and back. */
#include "mixnet/exit/exit.h"

#include "base/alloc.h"
#include "mix/errors.h"

enum {
    LANE_PACKETS = 1024,
    MAX_PACKETS = 65536,     /* that wait or are unacknowledged */
    MAX_DELIVERED = 64,      /* each is passed on at once */
    MESSAGE_ROOM = 64,       /* what a data reply has besides its bundle */
    MAX_MESSAGE = 128 << 10, /* a bundle of one packet of the largest size, and more */
};

struct mixnet_exit {
    mix_client_keys keys;
    mix_messages *messages;
    mix_traffic *traffic;
    mixnet_router *router;
    mix_buf packet; /* the one that drain gave */
    uint64_t unanswerable, given_up, errors;
};

void mixnet_exit_config_init(mixnet_exit_config *config) {
    *config = (mixnet_exit_config){.hop_delay = MIX_MS(15),
                                   .downlink_bytes = 1 << 20,
                                   .surbs_kept = 10,
                                   .surbs_most = 200,
                                   .surbs_buffer = 50};
}

static void take_keys(mixnet_exit *e, const mixnet_exit_config *config) {
    mix_client_keys *k = &e->keys;
    memcpy(k->identity_public, config->keys->identity_public, sizeof k->identity_public);
    memcpy(k->encryption_secret, config->keys->encryption_secret, sizeof k->encryption_secret);
    memcpy(k->encryption_public, config->keys->encryption_public, sizeof k->encryption_public);
    memcpy(k->ack_key, config->keys->ack_key, sizeof k->ack_key);
    memcpy(k->gateway, config->gateway, sizeof k->gateway);
}

static int make_messages(mixnet_exit *e, const mixnet_exit_config *config, const mix_env *env) {
    mix_messages_config c;
    mix_messages_config_exit(&c);
    c.crypto = config->crypto;
    c.sphinx = config->sphinx;
    c.keys = &e->keys;
    c.hop_delay = config->hop_delay;
    c.max_message = MAX_MESSAGE;
    c.senders.max_waiting = config->downlink_bytes;
    c.senders.least = config->surbs_kept;
    c.senders.most = config->surbs_most;
    c.senders.buffer = config->surbs_buffer;
    return mix_messages_new(&e->messages, &c, env);
}

static int make_traffic(mixnet_exit *e, const mixnet_exit_config *config, const mix_env *env) {
    mix_traffic_config c;
    mix_traffic_config_init(&c);
    c.crypto = config->crypto;
    c.sphinx = config->sphinx;
    c.keys = &e->keys;
    c.hop_delay = c.ack_delay = config->hop_delay;
    c.pacing_off = true;
    c.cover_off = config->cover_off;
    c.packet_form = 2;
    c.lane_packets = LANE_PACKETS;
    c.max_packets = MAX_PACKETS;
    c.max_delivered = MAX_DELIVERED;
    return mix_traffic_new(&e->traffic, &c, env);
}

int mixnet_exit_new(mixnet_exit **out, const mixnet_exit_config *config, const mix_env *env) {
    mixnet_exit *e = mix_alloc_zero(1, sizeof *e);
    if (!e)
        return MIX_ERR_MEMORY;
    take_keys(e, config);
    int status = make_messages(e, config, env);
    if (status == MIX_OK)
        status = make_traffic(e, config, env);
    if (status == MIX_OK)
        status = mixnet_router_new(&e->router, &config->router, env);
    if (status != MIX_OK)
        mixnet_exit_free(e);
    else
        *out = e;
    return status;
}

void mixnet_exit_free(mixnet_exit *e) {
    if (!e)
        return;
    mixnet_router_free(e->router);
    mix_traffic_free(e->traffic);
    mix_messages_free(e->messages);
    mix_client_keys_deinit(&e->keys);
    mix_buf_deinit(&e->packet);
    mix_free_wiped(e, sizeof *e);
}

mix_recipient mixnet_exit_address(const mixnet_exit *e) {
    return mix_client_recipient(&e->keys);
}

int mixnet_exit_set_topology(mixnet_exit *e, const mix_topology *topology, mix_time now) {
    int status = mix_messages_set_topology(e->messages, topology, now);
    int below = mix_traffic_set_topology(e->traffic, topology, now);
    return status == MIX_OK ? below : status;
}

void mixnet_exit_set_rotations(mixnet_exit *e, const mix_rotation_info *info, mix_time now) {
    mix_messages_set_rotations(e->messages, info, now);
}

/* Peers can make every other error. */
static int note(mixnet_exit *e, int status) {
    if (status == MIX_ERR_MEMORY || status == MIX_ERR_RANDOM || status == MIX_ERR_CRYPTO)
        e->errors++;
    return status;
}

/* --- up --- */

static int take_traffic_event(mixnet_exit *e, mix_time now) {
    mix_traffic_event ev;
    if (mix_traffic_next(e->traffic, &ev) != MIX_OK)
        return MIX_DONE;
    int status = MIX_OK;
    if (ev.kind == MIX_TRAFFIC_DELIVERED)
        status = note(e, mix_messages_feed(e->messages, ev.bytes, now));
    else if (ev.kind == MIX_TRAFFIC_EXPIRED)
        (void)mix_messages_expired(e->messages, &ev, now); /* an error means: forgotten */
    return status;
}

static bool take_message(mixnet_exit *e, mix_time now) {
    mix_messages_event ev;
    if (mix_messages_next(e->messages, &ev) != MIX_OK)
        return false;
    if (ev.kind == MIX_MESSAGES_RECEIVED && ev.type != MIX_NYM_REPLY)
        (void)mixnet_router_request(e->router, ev.type == MIX_NYM_REPLIABLE ? ev.tag : NULL,
                                    ev.data, now);
    if (ev.kind == MIX_MESSAGES_DROPPED)
        e->given_up += ev.count;
    return true;
}

/* --- down --- */

static void write_replies(mixnet_exit *e, mix_time now) {
    mixnet_router_reply reply;
    while (mixnet_router_reply_peek(e->router, &reply)) {
        mix_message m = {.type = MIX_NYM_REPLY, .data = reply.bytes, .limit = reply.limit};
        memcpy(m.tag, reply.tag, sizeof m.tag);
        int status = mix_messages_write(e->messages, &m, now);
        if (status == MIX_ERR_SENDER_UNKNOWN || status == MIX_BLOCKED)
            e->unanswerable++;
        else
            (void)note(e, status);
        mixnet_router_reply_pop(e->router);
    }
}

static int fill_lane(mixnet_exit *e, mix_lane lane, mix_time now) {
    mix_traffic_item item;
    while (mix_traffic_room(e->traffic, lane) > 0) {
        int status = mix_messages_peek(e->messages, lane, &item, now);
        if (status != MIX_OK)
            return note(e, status);
        status = mix_traffic_write(e->traffic, &item, now);
        if (status == MIX_BLOCKED || status == MIX_ERR_MEMORY)
            return note(e, status);
        mix_messages_pop(e->messages, lane, now); /* what traffic can never take is lost */
    }
    return MIX_OK;
}

static int fill(mixnet_exit *e, mix_time now) {
    int status = MIX_OK;
    for (int lane = 0; lane < MIX_LANES; lane++) {
        int s = fill_lane(e, (mix_lane)lane, now);
        status = s < 0 ? s : status;
    }
    return status;
}

/* Everything up, and everything that it made down to messages. The first error of a delivered
 * message is returned. */
static int move(mixnet_exit *e, mix_time now) {
    int first = MIX_OK, status;
    while ((status = take_traffic_event(e, now)) != MIX_DONE) {
        first = first == MIX_OK ? status : first;
        while (take_message(e, now)) {
        }
    }
    while (take_message(e, now)) {
    }
    write_replies(e, now);
    return first;
}

int mixnet_exit_feed(mixnet_exit *e, mix_bytes delivered, mix_time now) {
    int status = mix_traffic_feed(e->traffic, delivered, now);
    int moved = move(e, now);
    return note(e, status) == MIX_OK ? moved : status;
}

void mixnet_exit_from_internet(mixnet_exit *e, mix_bytes packet, mix_time now) {
    const mixnet_session *s = mixnet_router_owner(e->router, packet);
    if (s && mix_messages_room(e->messages, s->way.tag) <
                 s->bundler.waiting.len + packet.len + MESSAGE_ROOM) {
        mixnet_router_dropped(e->router, packet);
        return;
    }
    mixnet_router_from_internet(e->router, packet, now);
    write_replies(e, now);
}

int mixnet_exit_next(mixnet_exit *e, mix_bytes *packet) {
    return mixnet_router_next(e->router, packet);
}

int mixnet_exit_drain(mixnet_exit *e, mix_packet *out, mix_time now) {
    mix_buf_truncate(&e->packet, 0);
    int filled = fill(e, now);
    int status = note(e, mix_traffic_drain(e->traffic, &e->packet, now));
    if (status == MIX_OK)
        return mix_packet_decode_v2(out, mix_buf_bytes(&e->packet));
    (void)move(e, now); /* events of fragments that found no route */
    return status == MIX_DONE && filled < 0 ? filled : status;
}

/* --- by hand --- */

void mixnet_exit_set_policy(mixnet_exit *e, const mix_policy *policy) {
    mixnet_router_set_policy(e->router, policy);
}

static size_t forget_stock(mixnet_exit *e, const uint8_t tag[static MIXNET_TAG_LEN]) {
    uint64_t user;
    size_t stock = mix_messages_stock(e->messages, tag);
    if (mix_messages_forget(e->messages, tag, &user))
        mix_traffic_cancel(e->traffic, user);
    return stock;
}

size_t mixnet_exit_forget(mixnet_exit *e, const mix_address *ip) {
    uint8_t tag[MIXNET_TAG_LEN];
    size_t count = 0;
    while (mixnet_router_forget(e->router, ip, tag)) {
        (void)forget_stock(e, tag);
        count++;
    }
    return count;
}

size_t mixnet_exit_exhaust(mixnet_exit *e) {
    const mixnet_session *s;
    size_t count = 0, at = 0;
    while ((s = mixnet_router_each(e->router, &at)) != NULL)
        count += forget_stock(e, s->way.tag);
    return count;
}

/* --- time --- */

mix_time mixnet_exit_deadline(const mixnet_exit *e) {
    mix_time at = mixnet_router_deadline(e->router), messages = mix_messages_deadline(e->messages),
             traffic = mix_traffic_deadline(e->traffic);
    at = messages < at ? messages : at;
    return traffic < at ? traffic : at;
}

int mixnet_exit_tick(mixnet_exit *e, mix_time now) {
    int traffic = note(e, mix_traffic_tick(e->traffic, now)),
        messages = note(e, mix_messages_tick(e->messages, now));
    mixnet_router_tick(e->router, now);
    (void)move(e, now);
    return traffic == MIX_OK ? messages : traffic;
}

/* --- figures --- */

void mixnet_exit_get_stats(const mixnet_exit *e, mixnet_exit_stats *out) {
    *out = (mixnet_exit_stats){.messages = mix_messages_count(e->messages),
                               .traffic = mix_traffic_count(e->traffic),
                               .unanswerable = e->unanswerable,
                               .given_up = e->given_up,
                               .errors = e->errors};
    mixnet_router_get_stats(e->router, &out->router);
}

bool mixnet_exit_each(const mixnet_exit *e, size_t *at, mixnet_exit_client *out) {
    const mixnet_session *s = mixnet_router_each(e->router, at);
    if (!s)
        return false;
    *out = (mixnet_exit_client){.ips = mixnet_pool_ips(s->number),
                                .version = s->way.version,
                                .since = s->since,
                                .active = s->active,
                                .packets_up = s->packets_up,
                                .packets_down = s->packets_down,
                                .bytes_up = s->bytes_up,
                                .bytes_down = s->bytes_down,
                                .refused = s->refused,
                                .full = s->full,
                                .surbs = mix_messages_stock(e->messages, s->way.tag),
                                .room = mix_messages_room(e->messages, s->way.tag)};
    return true;
}
