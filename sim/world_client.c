/* SPDX-License-Identifier: Apache-2.0 */
/* The host around a tunnel: its requests, its WebSocket, what it tells. */
#include "base/alloc.h"
#include "mix/errors.h"
#include "mixnet/directory/directory.h"
#include "world_internal.h"

#include <stdlib.h>

static void enter(world_client *c) {
    if (c->enter)
        c->enter(c->user);
}

static void leave(world_client *c) {
    if (c->leave)
        c->leave(c->user);
}

/* ---- HTTP ---- */

static bool take_call(world_client *c, uint64_t id) {
    for (size_t i = 0; i < c->calls_len; i++) {
        if (c->calls[i] == id) {
            c->calls[i] = c->calls[--c->calls_len];
            return true;
        }
    }
    return false;
}

static void give_answer(world_client *c, const mix_tunnel_answer *a) {
    enter(c);
    (void)mix_tunnel_feed_answer(c->tunnel, a, c->world->sim.now);
    leave(c);
}

/* The request arrives, and so does its answer: both ways have passed. */
static void on_answer(void *user, uint64_t id, mix_bytes url) {
    world_client *c = user;
    world *w = c->world;
    mixnet_answer answer = {0};
    const char *path = strstr((const char *)url.data, "/api/"), *query = strchr(path, '?');
    mixnet_request q = {.method = mix_bytes_str("GET"),
                        .path = mix_bytes_of(path, query ? (size_t)(query - path) : strlen(path)),
                        .query = query ? mix_bytes_str(query + 1) : (mix_bytes){0}};
    if (!take_call(c, id))
        return;
    if (w->directory_dead) {
        give_answer(c, &(mix_tunnel_answer){.id = id, .failure = "connection refused"});
    } else if (mixnet_directory_answer(&w->net, w->crypto, w->env.wall, &q, &answer) == MIX_OK) {
        size_t half = answer.body.len / 2; /* in two pieces */
        mix_tunnel_answer a = {.id = id,
                               .status = answer.status,
                               .content_type = answer.content_type,
                               .body = answer.body.data,
                               .len = half};
        give_answer(c, &a);
        a.body = half > 0 ? answer.body.data + half : NULL;
        a.len = answer.body.len - half;
        a.last = true;
        give_answer(c, &a);
    }
    mix_buf_deinit(&answer.body);
    world_turn(w);
}

static bool obey_call(world_client *c) {
    world *w = c->world;
    mix_tunnel_call call;
    enter(c);
    int status = mix_tunnel_drain_call(c->tunnel, &call, w->sim.now);
    leave(c);
    if (status != MIX_OK)
        return false;
    if (call.cancel)
        (void)take_call(c, call.id);
    else {
        assert_true(c->calls_len < WORLD_CALLS);
        c->asked++;
        c->calls[c->calls_len++] = call.id;
        sim_at(&w->sim, w->sim.now + 2 * w->cfg.access, on_answer, c, call.id,
               mix_bytes_of(call.url, strlen(call.url) + 1));
    }
    return true;
}

/* ---- WebSocket ---- */

static world_socket *socket_of(world *w, uint64_t id) {
    for (size_t i = 0; i < WORLD_SOCKETS; i++) {
        if (id != 0 && w->sockets[i].id == id)
            return &w->sockets[i];
    }
    return NULL;
}

static world_socket *socket_of_link(world_client *c, uint32_t link) {
    for (size_t i = 0; i < WORLD_SOCKETS; i++) {
        world_socket *s = &c->world->sockets[i];
        if (s->id != 0 && s->client == c && s->link == link)
            return s;
    }
    return NULL;
}

static void link_closed(world_client *c, uint32_t link, int number, const char *why) {
    enter(c);
    mix_tunnel_link_closed(c->tunnel, link, number, why, c->world->sim.now);
    leave(c);
}

/* number: a message's kind. */
static void on_up(void *user, uint64_t kind, mix_bytes message) {
    world_socket *s = user;
    world *w = s->client->world;
    if (s->gateway->dead)
        return;
    if (kind == MIXNET_WS_CLOSE) {
        mixnet_gateway_closed(s->gateway->gateway, s->id, w->sim.now);
        s->id = 0;
    } else {
        (void)mixnet_gateway_feed(s->gateway->gateway, s->id, (mixnet_ws_kind)kind, message,
                                  w->sim.now);
    }
    world_turn(w);
}

static void on_down(void *user, uint64_t kind, mix_bytes message) {
    world_socket *s = user;
    world_client *c = s->client;
    if (kind == MIXNET_WS_CLOSE) {
        s->id = 0;
        link_closed(c, s->link, 1000, "the gateway closes");
    } else if (kind == MIXNET_WS_TEXT || kind == MIXNET_WS_BINARY) {
        enter(c);
        mix_tunnel_feed_link(c->tunnel, s->link, kind == MIXNET_WS_BINARY, message.data,
                             message.len, c->world->sim.now);
        leave(c);
    }
    world_turn(c->world);
}

void world_socket_down(world *w, uint64_t id, const mixnet_gateway_out *out) {
    world_socket *s = socket_of(w, id);
    if (s)
        sim_link_send(&s->down, (uint32_t)out->kind, out->bytes);
}

static void on_connected(void *user, uint64_t id, mix_bytes none) {
    world *w = user;
    world_socket *s = socket_of(w, id);
    (void)none;
    if (!s)
        return;
    world_client *c = s->client;
    if (s->gateway->dead || mixnet_gateway_opened(s->gateway->gateway, id, w->sim.now) != MIX_OK) {
        uint32_t link = s->link;
        s->id = 0;
        link_closed(c, link, 0, "connection refused");
    } else {
        enter(c);
        mix_tunnel_link_opened(c->tunnel, s->link, w->sim.now);
        leave(c);
    }
    world_turn(w);
}

static world_member *at_port(world *w, const char *url) {
    const char *colon = strrchr(url, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    for (size_t i = 0; i < w->count; i++) {
        const mixnet_member *m = w->members[i].member;
        if (port > 0 && (m->ws_port == port || m->wss_port == port))
            return &w->members[i];
    }
    fail_msg("nobody listens at %s", url);
    return NULL;
}

static void connect_socket(world_client *c, uint32_t link, const char *url) {
    world *w = c->world;
    sim_link_config way = {.delay = w->cfg.access, .ordered = true};
    for (size_t i = 0; i < WORLD_SOCKETS; i++) {
        world_socket *s = &w->sockets[i];
        if (s->id != 0)
            continue;
        uint32_t up = s->up.cuts + 1,
                 down = s->down.cuts + 1; /* what is under way goes to nobody */
        *s = (world_socket){
            .id = ++w->last_socket, .client = c, .link = link, .gateway = at_port(w, url)};
        sim_link_init(&s->up, &w->sim, &way, on_up, s);
        sim_link_init(&s->down, &w->sim, &way, on_down, s);
        s->up.cuts = up;
        s->down.cuts = down;
        sim_at(&w->sim, w->sim.now + 2 * w->cfg.access, on_connected, w, s->id, (mix_bytes){0});
        return;
    }
    fail_msg("more than %d sockets", WORLD_SOCKETS);
}

static bool obey_link(world_client *c) {
    mix_tunnel_order order;
    enter(c);
    int status = mix_tunnel_drain_link(c->tunnel, &order, c->world->sim.now);
    leave(c);
    if (status != MIX_OK)
        return false;
    world_socket *s = socket_of_link(c, order.link);
    if (order.act == MIX_TUNNEL_CONNECT) {
        connect_socket(c, order.link, (const char *)order.data);
    } else if (s) {
        mixnet_ws_kind kind = order.act == MIX_TUNNEL_CLOSE       ? MIXNET_WS_CLOSE
                              : order.act == MIX_TUNNEL_SEND_TEXT ? MIXNET_WS_TEXT
                                                                  : MIXNET_WS_BINARY;
        sim_link_send(&s->up, kind, mix_bytes_of(order.data, order.len));
    }
    return true;
}

void world_cut(world *w, world_member *gateway) {
    for (size_t i = 0; i < WORLD_SOCKETS; i++) {
        world_socket *s = &w->sockets[i];
        if (s->id == 0 || (gateway && s->gateway != gateway))
            continue;
        uint64_t id = s->id;
        sim_link_cut(&s->up);
        sim_link_cut(&s->down);
        s->id = 0;
        mixnet_gateway_closed(s->gateway->gateway, id, w->sim.now);
        link_closed(s->client, s->link, 1006, "connection lost");
    }
    world_turn(w);
}

/* ---- events ---- */

static void write_history(world_client *c, const mix_tunnel_event *ev) {
    size_t len = strlen(c->history);
    bool phase = ev->state == MIX_TUNNEL_DEGRADED || ev->state == MIX_TUNNEL_FAILED;
    (void)snprintf(c->history + len, sizeof c->history - len, "%s%s%s%s", len ? " " : "",
                   mix_tunnel_state_name(ev->state), phase ? ":" : "",
                   phase ? mix_tunnel_state_name(ev->phase) : "");
}

static bool take_event(world_client *c) {
    mix_tunnel_event ev;
    enter(c);
    int status = mix_tunnel_next(c->tunnel, &ev, c->world->sim.now);
    leave(c);
    if (status != MIX_OK)
        return false;
    switch (ev.kind) {
    case MIX_TUNNEL_EVENT_STATE:
        write_history(c, &ev);
        c->last = ev;
        break;
    case MIX_TUNNEL_EVENT_ADDRESSES:
        c->address = ev;
        break;
    case MIX_TUNNEL_EVENT_STORE: {
        bool identity = strcmp(ev.store.name, MIX_STORE_IDENTITY) == 0;
        mix_buf *value = identity ? &c->stored : &c->directory;
        mix_buf_truncate(value, 0);
        mix_buf_put(value, ev.store.data, ev.store.len);
        c->deleted += ev.store.data == NULL;
        break;
    }
    case MIX_TUNNEL_EVENT_PACKET:
        c->packets++;
        if (c->on_packet)
            c->on_packet(c->user, mix_bytes_of(ev.data, ev.len));
        break;
    case MIX_TUNNEL_EVENT_REFUSED:
        c->refused++;
        break;
    case MIX_TUNNEL_EVENT_NOTICE:
        break;
    case MIX_TUNNEL_EVENT_PONG:
        c->pongs++;
        c->round_trip = ev.round_trip;
        break;
    case MIX_TUNNEL_EVENT_FETCH:
    case MIX_TUNNEL_EVENT_DNS:
    case MIX_TUNNEL_EVENT_WEBSOCKET:
    case MIX_TUNNEL_EVENT_SOCKET:
        if (c->on_event)
            c->on_event(c->user, &ev);
        break;
    }
    return true;
}

void world_client_move(world_client *c) {
    enter(c);
    if (mix_tunnel_deadline(c->tunnel) <= c->world->sim.now)
        mix_tunnel_tick(c->tunnel, c->world->sim.now);
    leave(c);
    for (bool any = true; any;) {
        any = obey_call(c);
        any |= obey_link(c);
        any |= !c->deaf && take_event(c);
    }
}

/* ---- life ---- */

mix_tunnel_config world_tunnel_config(const world *w) {
    static const char *const urls[] = {"https://directory.example/api/"};
    (void)w;
    return (mix_tunnel_config){.directories = urls, .directory_count = 1, .ip_packets = true};
}

int world_client_init(world_client *c, world *w, const mix_tunnel_config *cfg, uint64_t seed) {
    *c = (world_client){.world = w};
    mix_test_env_init(&c->env, seed);
    c->env.wall = w->env.wall;
    int status = mix_tunnel_new(&c->tunnel, cfg, &c->env.env, NULL);
    if (status == MIX_OK)
        w->clients[w->clients_len++] = c;
    return status;
}

void world_client_deinit(world_client *c) {
    world *w = c->world;
    for (size_t i = 0; i < w->clients_len; i++) {
        if (w->clients[i] == c)
            w->clients[i--] = w->clients[--w->clients_len];
    }
    for (size_t i = 0; i < WORLD_SOCKETS; i++) {
        world_socket *s = &w->sockets[i];
        if (s->id != 0 && s->client == c) {
            mixnet_gateway_closed(s->gateway->gateway, s->id, w->sim.now);
            s->id = 0;
        }
    }
    mix_tunnel_free(c->tunnel);
    mix_buf_deinit_wiped(&c->stored);
    mix_buf_deinit_wiped(&c->directory);
    c->tunnel = NULL;
    c->calls_len = 0; /* answers under way find nothing */
}

int world_client_start(world_client *c) {
    enter(c);
    int status = mix_tunnel_start(c->tunnel, c->world->sim.now);
    leave(c);
    world_turn(c->world);
    return status;
}

void world_client_stop(world_client *c) {
    enter(c);
    mix_tunnel_stop(c->tunnel, c->world->sim.now);
    leave(c);
    world_turn(c->world);
}

int world_client_write(world_client *c, mix_bytes packet) {
    enter(c);
    int status = mix_tunnel_write(c->tunnel, packet.data, packet.len, c->world->sim.now);
    leave(c);
    world_turn(c->world);
    return status;
}

mix_tunnel_state world_client_state(const world_client *c) {
    mix_tunnel_stats s;
    mix_tunnel_get_stats(c->tunnel, &s);
    return s.state;
}
