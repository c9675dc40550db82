/* SPDX-License-Identifier: Apache-2.0 */
/* The roles, the links between them, and whose turn it is. */
#include "world.h"

#include "base/alloc.h"
#include "mix/errors.h"
#include "world_internal.h"

#define WALL_START (1760000000LL * 1000000)

/* ---- birth ---- */

static void on_frame(void *user, uint64_t number, mix_bytes bytes) {
    world_member *m = user;
    mix_frame frame;
    size_t used;
    (void)number;
    if (!m->dead && mix_frame_decode(&frame, &used, bytes) == MIX_OK)
        (void)mixnet_node_feed(m->node, &frame, m->world->sim.now);
    world_turn(m->world);
}

static int set_keys(world *w, world_member *m) {
    uint8_t secret[MIX_KEY_LEN];
    uint32_t rotation = mixnet_network_rotation(&w->net, w->env.wall);
    int status = mixnet_member_sphinx(w->crypto, m->member, rotation, secret);
    if (status == MIX_OK)
        status = mixnet_node_set_key(m->node, true, rotation, secret);
    mix_wipe(secret, sizeof secret);
    return status;
}

static int make_exit(world_member *m) {
    world *w = m->world;
    mixnet_service_keys keys;
    mixnet_exit_config c;
    int status = mixnet_member_router(w->crypto, m->member, &keys);
    mixnet_exit_config_init(&c);
    c.crypto = w->crypto;
    c.sphinx = w->sphinx;
    c.keys = &keys;
    c.gateway = m->member->identity;
    c.cover_off = true;
    c.router.allow_local = w->cfg.allow_local;
    if (status == MIX_OK)
        status = mixnet_exit_new(&m->exit, &c, &w->env.env);
    if (status == MIX_OK)
        status = mixnet_exit_set_topology(m->exit, w->topology, w->sim.now);
    if (status == MIX_OK)
        mixnet_exit_set_rotations(m->exit, &w->net.clock, w->sim.now);
    return status;
}

/* The old snapshot stays for those who hold it. */
int world_rotate(world *w) {
    mix_topology *next;
    uint8_t old[MIX_KEY_LEN];
    int status = MIX_OK;
    uint32_t before = mixnet_network_rotation(&w->net, w->env.wall);
    mixnet_network_rotate(&w->net, w->env.wall);
    for (size_t i = 0; i < w->count && status == MIX_OK; i++) {
        status = set_keys(w, &w->members[i]);
        if (status == MIX_OK)
            status = mixnet_member_sphinx(w->crypto, w->members[i].member, before, old);
        if (status == MIX_OK)
            status = mixnet_node_set_key(w->members[i].node, false, before, old);
    }
    mix_wipe(old, sizeof old);
    if (status == MIX_OK)
        status = mixnet_network_topology(&w->net, w->crypto, w->env.wall, &next);
    if (status != MIX_OK)
        return status;
    mix_topology_free(w->retired);
    w->retired = w->topology;
    w->topology = next;
    for (size_t i = 0; i < w->count && status == MIX_OK; i++) {
        if (!w->members[i].exit)
            continue;
        status = mixnet_exit_set_topology(w->members[i].exit, next, w->sim.now);
        mixnet_exit_set_rotations(w->members[i].exit, &w->net.clock, w->sim.now);
    }
    return status;
}

void world_retire(world *w) {
    for (size_t i = 0; i < w->count; i++)
        mixnet_node_drop_secondary(w->members[i].node);
}

int world_restart_exit(world_member *m) {
    mixnet_exit_free(m->exit);
    m->exit = NULL;
    return make_exit(m);
}

static int make_member(world *w, mixnet_member *of) {
    world_member *m = &w->members[w->count++];
    mixnet_node_config node = {.mix = of->kind == MIXNET_MIX, .final = of->kind != MIXNET_MIX};
    mixnet_gateway_config gateway = {0};
    *m = (world_member){.world = w, .member = of};
    sim_link_init(&m->in, &w->sim, &w->cfg.hop, on_frame, m);
    int status = mixnet_node_new(&m->node, &node, w->crypto, &w->env.env);
    if (status == MIX_OK)
        status = set_keys(w, m);
    if (status != MIX_OK || of->kind == MIXNET_MIX)
        return status;
    status = mixnet_member_identity(w->crypto, of, gateway.seed);
    if (status == MIX_OK)
        status = mixnet_gateway_new(&m->gateway, &gateway, w->crypto, &w->env.env);
    return status == MIX_OK && of->kind == MIXNET_EXIT ? make_exit(m) : status;
}

int world_init(world *w, const world_config *cfg) {
    *w = (world){.cfg = *cfg, .timer = MIX_NEVER};
    w->cfg.plan.host = (mix_address){.family = 4, .octets = {127, 0, 0, 1}};
    sim_init(&w->sim, cfg->seed);
    w->sim.now = MIX_SECONDS(1);
    mix_test_env_init(&w->env, cfg->seed + 1);
    w->env.wall = WALL_START;
    int status = mix_crypto_new(&w->crypto);
    if (status == MIX_OK)
        status = mix_sphinx_new(&w->sphinx, w->crypto, &w->env.env);
    if (status == MIX_OK)
        status = mixnet_network_make(&w->net, &w->cfg.plan, w->crypto, &w->env.env);
    if (status == MIX_OK && w->net.count > WORLD_MEMBERS)
        status = MIX_ERR_LIMIT;
    for (size_t i = 0; i < w->net.count; i++) {
        mixnet_member *m = &w->net.members[i];
        m->address.port = (uint16_t)(1000 + i);
        m->ws_port = m->kind == MIXNET_MIX ? 0 : (uint16_t)(2000 + i);
        m->wss_port = m->kind == MIXNET_MIX ? 0 : (uint16_t)(3000 + i);
    }
    if (status == MIX_OK)
        status = mixnet_network_topology(&w->net, w->crypto, w->env.wall, &w->topology);
    for (size_t i = 0; i < w->net.count && status == MIX_OK; i++)
        status = make_member(w, &w->net.members[i]);
    return status;
}

void world_deinit(world *w) {
    for (size_t i = 0; i < w->count; i++) {
        mixnet_exit_free(w->members[i].exit);
        mixnet_gateway_free(w->members[i].gateway);
        mixnet_node_free(w->members[i].node);
    }
    mix_topology_free(w->topology);
    mix_topology_free(w->retired);
    mixnet_network_wipe(&w->net);
    mix_sphinx_free(w->sphinx);
    mix_crypto_free(w->crypto);
    sim_deinit(&w->sim);
}

world_member *world_find(world *w, const char *name) {
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->members[i].member->name, name) == 0)
            return &w->members[i];
    }
    fail_msg("there is no %s", name);
    return NULL;
}

void world_from_internet(world *w, world_member *exit, mix_bytes packet) {
    mixnet_exit_from_internet(exit->exit, packet, w->sim.now);
}

/* ---- the turn ---- */

static void send_frame(world *w, const mixnet_node_out *out) {
    for (size_t i = 0; i < w->count; i++) {
        if (w->members[i].member->address.port == out->next.port)
            sim_link_send(&w->members[i].in, 0, out->frame);
    }
}

static void move_node(world_member *m) {
    world *w = m->world;
    mixnet_node_final final;
    mixnet_node_out out;
    while (mixnet_node_next(m->node, &final) == MIX_OK) {
        mix_recipient router = m->exit ? mixnet_exit_address(m->exit) : (mix_recipient){0};
        if (m->exit && memcmp(final.destination, router.identity, MIX_KEY_LEN) == 0)
            (void)mixnet_exit_feed(m->exit, final.message, w->sim.now);
        else if (m->gateway)
            (void)mixnet_gateway_deliver(m->gateway, final.destination, final.message, w->sim.now);
    }
    while (mixnet_node_drain(m->node, &out, w->sim.now) == MIX_OK)
        send_frame(w, &out);
}

static void move_exit(world_member *m) {
    world *w = m->world;
    mix_packet packet;
    mix_bytes ip;
    if (mixnet_exit_deadline(m->exit) <= w->sim.now)
        (void)mixnet_exit_tick(m->exit, w->sim.now);
    while (mixnet_exit_next(m->exit, &ip) == MIX_OK) {
        if (w->internet)
            w->internet(w->user, w, m, ip);
    }
    while (mixnet_exit_drain(m->exit, &packet, w->sim.now) == MIX_OK)
        (void)mixnet_node_send(m->node, &packet, w->sim.now);
}

static void move_gateway(world_member *m) {
    world *w = m->world;
    mix_packet packet;
    mixnet_gateway_ready_conn ready;
    mixnet_gateway_out out;
    mixnet_gateway_tick(m->gateway, w->sim.now);
    while (mixnet_gateway_next(m->gateway, &packet) == MIX_OK)
        (void)mixnet_node_send(m->node, &packet, w->sim.now);
    while (mixnet_gateway_ready(m->gateway, &ready) == MIX_OK) {
        while (mixnet_gateway_drain(m->gateway, ready.conn, &out, w->sim.now) == MIX_OK)
            world_socket_down(w, ready.conn, &out);
    }
}

static mix_time earlier(mix_time a, mix_time b) {
    return a < b ? a : b;
}

static mix_time deadline(const world *w) {
    mix_time at = MIX_NEVER;
    for (size_t i = 0; i < w->count; i++) {
        const world_member *m = &w->members[i];
        if (m->dead)
            continue;
        at = earlier(at, mixnet_node_deadline(m->node));
        if (m->gateway)
            at = earlier(at, mixnet_gateway_deadline(m->gateway));
        if (m->exit)
            at = earlier(at, mixnet_exit_deadline(m->exit));
    }
    for (size_t i = 0; i < w->clients_len; i++)
        at = earlier(at, mix_tunnel_deadline(w->clients[i]->tunnel));
    return at;
}

static void on_timer(void *user, uint64_t number, mix_bytes none) {
    world *w = user;
    (void)none;
    if (number != w->timer_number)
        return;
    w->timer = MIX_NEVER;
    world_turn(w);
}

static void set_timer(world *w) {
    mix_time at = deadline(w);
    at = at < w->sim.now ? w->sim.now : at;
    if (at == w->timer)
        return;
    w->timer = at;
    w->timer_number++;
    if (at < MIX_NEVER)
        sim_at(&w->sim, at, on_timer, w, w->timer_number, (mix_bytes){0});
}

void world_turn(world *w) {
    if (w->turning)
        return;
    w->turning = true;
    w->env.wall = WALL_START + w->sim.now;
    for (size_t i = 0; i < w->count; i++) {
        world_member *m = &w->members[i];
        if (m->dead)
            continue;
        move_node(m);
        if (m->gateway)
            move_gateway(m);
        if (m->exit)
            move_exit(m);
        move_node(m);
    }
    for (size_t i = 0; i < w->clients_len; i++) {
        w->clients[i]->env.wall = w->env.wall;
        world_client_move(w->clients[i]);
    }
    set_timer(w);
    w->turning = false;
}

bool world_run(world *w, bool (*done)(void *user), void *user, mix_time until) {
    world_turn(w);
    while (!done || !done(user)) {
        if (!sim_step(&w->sim, until)) {
            w->env.wall = WALL_START + w->sim.now; /* for what is made next */
            return done ? done(user) : true;
        }
    }
    return true;
}
