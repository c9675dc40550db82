/* SPDX-License-Identifier: Apache-2.0 */
/* The pump between messages, traffic and the link. */
#include "client.h"

#include "base/alloc.h"
#include "mix/errors.h"

enum { SOCKET_PACKETS = 32 }; /* that wait between the engine and the wire, at most */

void sim_client_config_init(sim_client_config *cfg, bool exit_role) {
    *cfg = (sim_client_config){0};
    if (exit_role)
        mix_messages_config_exit(&cfg->messages);
    else
        mix_messages_config_client(&cfg->messages);
    mix_traffic_config_init(&cfg->traffic);
}

/* A bad packet is the network's doing: what is duplicated there comes as noise when its SURB's key
 * is used up. */
static void note(sim_client *c, int status) {
    bool packet = status < 0 && mix_error_ends(status) == MIX_ENDS_PACKET;
    c->refused += packet;
    if (status < 0 && !packet && c->error == MIX_OK)
        c->error = status;
}

/* ---- upwards ---- */

int sim_client_delivered(sim_client *c, mix_bytes delivered) {
    int status = mix_traffic_feed(c->traffic, delivered, c->net->sim.now);
    if (status == MIX_BLOCKED)
        c->refused++;
    note(c, status);
    sim_client_pump(c);
    return status;
}

static void from_gateway(void *user, uint64_t number, mix_bytes delivered) {
    (void)number;
    sim_client_delivered(user, delivered);
}

static bool take_message_event(sim_client *c);

/* Bytes of a traffic event live until the next call there: until then they can wait for room. */
static int feed_messages(sim_client *c, mix_bytes delivered) {
    int status;
    do
        status = mix_messages_feed(c->messages, delivered, c->net->sim.now);
    while (status == MIX_BLOCKED && take_message_event(c));
    return status;
}

static bool take_traffic_event(sim_client *c) {
    mix_traffic_event ev;
    mix_time now = c->net->sim.now;
    if (mix_traffic_next(c->traffic, &ev) != MIX_OK)
        return false;
    int status = MIX_OK;
    if (ev.kind == MIX_TRAFFIC_DELIVERED)
        status = feed_messages(c, ev.bytes);
    else if (ev.kind == MIX_TRAFFIC_EXPIRED)
        status = mix_messages_expired(c->messages, &ev, now);
    else if (ev.kind == MIX_TRAFFIC_GAVE_UP)
        c->gave_up++;
    c->refused += status == MIX_BLOCKED;
    note(c, status);
    return true;
}

static void count_for_economy(sim_client *c, const mix_messages_event *ev) {
    mix_time now = c->net->sim.now;
    if (ev->kind == MIX_MESSAGES_ASKED)
        mix_economy_requested(&c->economy, (uint32_t)ev->count, now);
}

/* Reply packets are counted by the layer that sees their keys. */
static void count_replies(sim_client *c) {
    uint64_t replies = mix_messages_get_peer(c->messages, c->cfg.exit).replies;
    if (replies > c->replies_seen)
        mix_economy_used(&c->economy, (uint32_t)(replies - c->replies_seen), c->net->sim.now);
    c->replies_seen = replies;
}

static bool take_message_event(sim_client *c) {
    mix_messages_event ev;
    if (mix_messages_next(c->messages, &ev) != MIX_OK)
        return false;
    if (c->cfg.exit)
        count_for_economy(c, &ev);
    if (c->cfg.received)
        c->cfg.received(c->cfg.user, c, &ev);
    return true;
}

/* ---- downwards ---- */

static bool fill_lane(sim_client *c, mix_lane lane) {
    mix_traffic_item item;
    mix_time now = c->net->sim.now;
    bool any = false;
    while (mix_traffic_room(c->traffic, lane) > 0) {
        int status = mix_messages_peek(c->messages, lane, &item, now);
        if (status != MIX_OK) {
            note(c, status);
            return any;
        }
        status = mix_traffic_write(c->traffic, &item, now);
        note(c, status);
        if (status != MIX_OK)
            return any;
        mix_messages_pop(c->messages, lane, now);
        any = true;
    }
    return any;
}

static bool fill_lanes(sim_client *c) {
    bool any = false;
    for (int lane = 0; lane < MIX_LANES; lane++)
        any |= fill_lane(c, (mix_lane)lane);
    return any;
}

static bool refill(sim_client *c, bool idle) {
    uint32_t count = c->cfg.exit ? mix_economy_refill(&c->economy, idle, c->net->sim.now) : 0;
    if (count == 0)
        return false;
    int status = mix_messages_give(c->messages, c->cfg.exit, count);
    note(c, status);
    if (status != MIX_OK)
        return false;
    mix_economy_sent(&c->economy, count, true, c->net->sim.now);
    return fill_lanes(c);
}

static int link_send(void *user, mix_bytes packet) {
    sim_account *a = user;
    sim_link_send(&a->up, 0, packet);
    return MIX_OK;
}

static size_t link_room(void *user, size_t *waiting) {
    sim_account *a = user;
    *waiting = a->up.cut ? SOCKET_PACKETS : sim_link_backlog(&a->up) / MIX_SPHINX_REGULAR_LEN;
    return *waiting < SOCKET_PACKETS ? SOCKET_PACKETS - *waiting : 0;
}

static size_t tell_backlog(sim_client *c) {
    size_t waiting, room = c->wire.room(c->wire.user, &waiting);
    mix_traffic_set_backlog(c->traffic, waiting, room, c->net->sim.now);
    return waiting;
}

static bool send_one(sim_client *c) {
    mix_buf out = {0};
    tell_backlog(c);
    int status = mix_traffic_drain(c->traffic, &out, c->net->sim.now);
    note(c, status);
    if (status == MIX_OK) {
        note(c, c->wire.send(c->wire.user, mix_buf_bytes(&out)));
        if (c->cfg.sent)
            c->cfg.sent(c->cfg.user, c, out.len);
    }
    mix_buf_deinit(&out);
    return status == MIX_OK;
}

/* Few SURBs at a time, and only when none of them wait: what waits is out of date. */
static bool send_all(sim_client *c) {
    bool any = false, more = true;
    while (more) {
        if (mix_traffic_room(c->traffic, MIX_LANE_SURBS) == c->cfg.traffic.lane_packets)
            any |= refill(c, mix_traffic_idle(c->traffic, c->net->sim.now));
        more = send_one(c);
        any |= more;
    }
    return any;
}

/* ---- time ---- */

static void on_timer(void *user, uint64_t number, mix_bytes none) {
    sim_client *c = user;
    (void)none;
    if (number != c->timer_number)
        return;
    c->timer = MIX_NEVER;
    note(c, mix_traffic_tick(c->traffic, c->net->sim.now));
    note(c, mix_messages_tick(c->messages, c->net->sim.now));
    sim_client_pump(c);
}

static void set_timer(sim_client *c) {
    mix_time now = c->net->sim.now, at = mix_traffic_deadline(c->traffic),
             other = mix_messages_deadline(c->messages);
    at = other < at ? other : at;
    if (mix_traffic_waiting(c->traffic) > 0 && tell_backlog(c) > 0)
        at = now + MIX_MS(5) < at ? now + MIX_MS(5)
                                  : at; /* the socket tells when it has room again */
    at = at < now ? now : at;
    if (at == c->timer)
        return;
    c->timer = at;
    c->timer_number++;
    if (at < MIX_NEVER)
        sim_at(&c->net->sim, at, on_timer, c, c->timer_number, (mix_bytes){0});
}

void sim_client_pump(sim_client *c) {
    bool any = true;
    while (any) {
        any = false;
        while (take_traffic_event(c))
            any = true;
        if (c->cfg.exit)
            count_replies(c);
        while (take_message_event(c))
            any = true;
        any |= fill_lanes(c);
        any |= send_all(c);
    }
    set_timer(c);
}

/* ---- birth and end ---- */

static void count_warning(void *user, mix_log_level level, const char *layer, const char *text) {
    sim_client *c = (sim_client *)((char *)user - offsetof(sim_client, env));
    (void)level, (void)layer, (void)text;
    c->warnings++;
}

static int make_keys(sim_client *c, const mix_client_keys *given) {
    if (given) {
        c->keys = *given;
        c->address = mix_client_recipient(given);
        return MIX_OK;
    }
    uint8_t seed[MIX_KEY_LEN], identity[MIX_KEY_LEN];
    int status = mix_random(&c->env.env, seed, sizeof seed);
    if (status == MIX_OK)
        status = mix_ed25519_public(c->net->crypto, identity, seed);
    if (status == MIX_OK)
        status = mix_client_keys_init(&c->keys, &c->env.env, identity,
                                      sim_net_gateway(c->net, c->cfg.gateway)->entry.identity);
    c->address = mix_client_recipient(&c->keys);
    return status;
}

static int make_engines(sim_client *c) {
    mix_env *env = &c->env.env;
    int status = mix_sphinx_new(&c->sphinx, c->net->crypto, env);
    c->cfg.messages.crypto = c->cfg.traffic.crypto = c->net->crypto;
    c->cfg.messages.sphinx = c->cfg.traffic.sphinx = c->sphinx;
    c->cfg.messages.keys = c->cfg.traffic.keys = &c->keys;
    if (status == MIX_OK)
        status = mix_messages_new(&c->messages, &c->cfg.messages, env);
    if (status == MIX_OK)
        status = mix_traffic_new(&c->traffic, &c->cfg.traffic, env);
    if (status == MIX_OK)
        status = mix_messages_set_topology(c->messages, c->net->topology, c->net->sim.now);
    if (status == MIX_OK)
        status = mix_traffic_set_topology(c->traffic, c->net->topology, c->net->sim.now);
    return status;
}

int sim_client_init(sim_client *c, sim_net *net, const sim_client_config *cfg, uint64_t seed) {
    *c = (sim_client){.net = net, .cfg = *cfg, .timer = MIX_NEVER};
    mix_test_env_init(&c->env, seed);
    if (!c->env.env.log) {
        c->env.env.log = count_warning;
        c->env.env.log_level = MIX_LOG_WARN;
    }
    int status = make_keys(c, cfg->keys);
    if (status == MIX_OK)
        status = make_engines(c);
    if (status != MIX_OK) {
        note(c, status);
        return status;
    }
    mix_economy_config economy;
    mix_economy_config_init(&economy);
    mix_economy_init(&c->economy, &economy, net->sim.now);
    if (cfg->wire) {
        c->wire = *cfg->wire;
    } else {
        c->account = sim_net_connect(net, cfg->gateway, c->keys.identity_public, from_gateway, c);
        c->wire = (sim_wire){c->account, link_send, link_room};
    }
    sim_client_pump(c);
    return MIX_OK;
}

void sim_client_deinit(sim_client *c) {
    mix_traffic_free(c->traffic);
    mix_messages_free(c->messages);
    mix_sphinx_free(c->sphinx);
    mix_client_keys_deinit(&c->keys);
}

void sim_client_cut(sim_client *c) {
    sim_account_cut(c->account);
    tell_backlog(c);
}

void sim_client_mend(sim_client *c) {
    sim_account_mend(c->account);
    tell_backlog(c);
    sim_client_pump(c);
}
