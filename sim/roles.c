/* SPDX-License-Identifier: Apache-2.0 */
/* The roles of a local mixnet tied together as its daemon does it, without its sockets. */
#include "roles.h"

#include "mix/errors.h"

enum { FIRST_PORT = 1789 };

static const char url[] = "ws://127.0.0.1:9000/";

static void note(sim_roles *r, int status) {
    if (status < 0 && mix_error_ends(status) != MIX_ENDS_PACKET && r->error == MIX_OK)
        r->error = status;
}

/* ---- epochs ---- */

static int set_keys(sim_roles *r, const sim_role *role, uint32_t rotation, bool first_epoch) {
    uint8_t secret[MIX_KEY_LEN];
    uint32_t other = first_epoch ? rotation - 1 : rotation + 1;
    int status = mixnet_member_sphinx(r->crypto, role->member, rotation, secret);
    if (status == MIX_OK)
        status = mixnet_node_set_key(role->node, true, rotation, secret);
    if (status == MIX_OK)
        status = mixnet_member_sphinx(r->crypto, role->member, other, secret);
    if (status == MIX_OK)
        status = mixnet_node_set_key(role->node, false, other, secret);
    return status;
}

static int enter_epoch(sim_roles *r) {
    const mix_rotation_info *clock = &r->network.clock;
    uint32_t rotation = mix_rotation_id_at(clock, r->epoch);
    bool first = mix_rotation_id_at(clock, r->epoch - 1) != rotation;
    mix_topology *topology;
    int status = mixnet_network_topology(&r->network, r->crypto, r->env.wall, &topology);
    if (status != MIX_OK)
        return status;
    mix_topology_free(r->older);
    r->older = r->topology;
    r->topology = topology;
    for (size_t i = 0; i < SIM_ROLES && status == MIX_OK; i++)
        status = set_keys(r, &r->role[i], rotation, first);
    return status;
}

static bool follow_epochs(sim_roles *r) {
    uint32_t epoch = mix_rotation_epoch_at(&r->network.clock, r->env.wall);
    if (epoch == r->epoch)
        return false;
    r->epoch = epoch;
    note(r, enter_epoch(r));
    return true;
}

static mix_time next_epoch(const sim_roles *r) {
    const mix_rotation_info *c = &r->network.clock;
    return c->epoch_start + ((int64_t)(r->epoch - c->epoch) + 1) * c->epoch_length - r->wall_start;
}

/* ---- birth and end ---- */

static int make_network(sim_roles *r, uint32_t validity_epochs) {
    mixnet_plan plan = {.mixes_per_layer = 1,
                        .gateways = SIM_ROLES_GATEWAYS - 1,
                        .exits = 1, /* as a gateway: no router lives in it */
                        .host = {.family = 4, .octets = {10, 0, 0, 1}}};
    mix_rotation_info *clock = &r->network.clock;
    int status = mixnet_network_make(&r->network, &plan, r->crypto, &r->env.env);
    if (status != MIX_OK)
        return status;
    clock->validity_epochs = validity_epochs;
    clock->initial_epoch = clock->epoch - MIXNET_FIRST_ROTATION * validity_epochs;
    for (size_t i = 0; i < r->network.count; i++)
        r->network.members[i].address.port = (uint16_t)(FIRST_PORT + i);
    return MIX_OK;
}

static int make_role(sim_roles *r, size_t i, const mixnet_gateway_limits *limits) {
    sim_role *role = &r->role[i];
    role->member = &r->network.members[i];
    bool mix = role->member->kind == MIXNET_MIX;
    mixnet_node_config node = {.mix = mix, .final = !mix};
    int status = mixnet_node_new(&role->node, &node, r->crypto, &r->env.env);
    if (status != MIX_OK || mix)
        return status;
    mixnet_gateway_config gateway = {0};
    if (limits)
        gateway.limits = *limits;
    status = mixnet_member_identity(r->crypto, role->member, gateway.seed);
    if (status == MIX_OK)
        status = mixnet_gateway_new(&role->gateway, &gateway, r->crypto, &r->env.env);
    return status;
}

int sim_roles_init(sim_roles *r, uint32_t validity_epochs, const mixnet_gateway_limits *limits,
                   uint64_t seed) {
    *r = (sim_roles){0};
    mix_test_env_init(&r->env, seed);
    r->env.wall = r->wall_start = (int64_t)1790000000 * 1000000;
    int status = mix_crypto_new(&r->crypto);
    if (status == MIX_OK)
        status = make_network(r, validity_epochs);
    for (size_t i = 0; i < SIM_ROLES && status == MIX_OK; i++)
        status = make_role(r, i, limits);
    r->epoch = r->network.clock.epoch;
    return status == MIX_OK ? enter_epoch(r) : status;
}

void sim_roles_deinit(sim_roles *r) {
    for (size_t i = 0; i < SIM_ROLES; i++) {
        for (size_t to = 0; to < SIM_ROLES; to++) {
            mixnet_link_free(r->role[i].from_here[to]);
            mixnet_link_free(r->role[i].at[to]);
        }
        mixnet_gateway_free(r->role[i].gateway);
        mixnet_node_free(r->role[i].node);
    }
    mix_topology_free(r->topology);
    mix_topology_free(r->older);
    mixnet_network_wipe(&r->network);
    mix_buf_deinit(&r->work);
    mix_crypto_free(r->crypto);
}

/* ---- between nodes ---- */

static int open_link(sim_roles *r, size_t from, size_t to, mix_time now) {
    sim_role *role = &r->role[from];
    mixnet_link_config config = {.connects = true};
    int status = mixnet_link_new(&role->from_here[to], &config, r->crypto, &r->env.env, now);
    config.connects = false;
    if (status == MIX_OK)
        status = mixnet_link_new(&role->at[to], &config, r->crypto, &r->env.env, now);
    return status;
}

static void send_frame(sim_roles *r, size_t from, const mixnet_node_out *out, mix_time now) {
    size_t to = (size_t)out->next.port - FIRST_PORT;
    if (to >= SIM_ROLES) {
        note(r, MIX_ERR_ADDRESS);
        return;
    }
    if (!r->role[from].from_here[to])
        note(r, open_link(r, from, to, now));
    if (r->role[from].from_here[to])
        note(r, mixnet_link_write(r->role[from].from_here[to], out->frame));
}

static void read_link(sim_roles *r, mixnet_link *at, mixnet_node *node, mix_time now) {
    mix_bytes in = mix_buf_bytes(&r->work);
    mix_frame frame;
    int status;
    while ((status = mixnet_link_feed(at, &in, &frame)) == MIX_OK)
        (void)mixnet_node_feed(node, &frame, now); /* what is dropped is counted there */
    note(r, status);
}

static bool flush_links(sim_roles *r, mix_time now) {
    bool any = false;
    for (size_t from = 0; from < SIM_ROLES; from++) {
        for (size_t to = 0; to < SIM_ROLES; to++) {
            mixnet_link *link = r->role[from].from_here[to];
            for (mix_buf_truncate(&r->work, 0); link && mixnet_link_drain(link, &r->work) == MIX_OK;
                 mix_buf_truncate(&r->work, 0)) {
                read_link(r, r->role[from].at[to], r->role[to].node, now);
                any = true;
            }
        }
    }
    return any;
}

static bool move_node(sim_roles *r, size_t i, mix_time now) {
    sim_role *role = &r->role[i];
    mixnet_node_final final;
    mixnet_node_out out;
    bool any = false;
    for (; mixnet_node_next(role->node, &final) == MIX_OK; any = true)
        note(r, mixnet_gateway_deliver(role->gateway, final.destination, final.message, now));
    for (; mixnet_node_drain(role->node, &out, now) == MIX_OK; any = true) {
        if (!r->acks_lost || out.frame.len > MIX_SPHINX_ACK_LEN + 4)
            send_frame(r, i, &out, now);
    }
    return any;
}

/* ---- between gateways and clients ---- */

static sim_session *session_of(const sim_roles *r, uint64_t conn) {
    for (size_t i = 0; i < SIM_SESSIONS_MAX; i++) {
        sim_session *s = r->sessions[i];
        if (s && s->linked && s->conn == conn)
            return s;
    }
    return NULL;
}

static bool take_events(sim_session *s) {
    mix_gateway_event ev;
    bool any = false;
    for (; mix_gateway_next(s->session, &ev) == MIX_OK; any = true) {
        if (s->event)
            s->event(s->user, &ev);
    }
    return any;
}

static void give(sim_session *s, const mixnet_gateway_out *out, mix_time now) {
    sim_roles *r = s->roles;
    if (out->kind == MIXNET_WS_PING) {
        (void)mixnet_gateway_feed(sim_roles_gateway(r, s->gateway)->gateway, s->conn,
                                  MIXNET_WS_PONG, out->bytes, now);
    } else if (out->kind == MIXNET_WS_CLOSE) {
        s->linked = false;
        mix_gateway_closed(s->session, s->link, out->code, "closed by the gateway", now);
    } else if (out->kind != MIXNET_WS_PONG) {
        int status;
        do
            status = mix_gateway_feed(s->session, s->link, out->kind == MIXNET_WS_BINARY,
                                      out->bytes, now);
        while (status == MIX_BLOCKED && take_events(s));
        note(r, status);
    }
}

/* A connection that nobody reads is not written to, unless it is to be given up. */
static bool move_gateway(sim_roles *r, sim_role *role, mix_time now) {
    mixnet_gateway_ready_conn ready;
    mixnet_gateway_out out;
    mix_packet packet;
    bool any = false;
    if (mixnet_gateway_deadline(role->gateway) <= now)
        mixnet_gateway_tick(role->gateway, now);
    for (; mixnet_gateway_next(role->gateway, &packet) == MIX_OK; any = true)
        note(r, mixnet_node_send(role->node, &packet, now));
    for (; mixnet_gateway_ready(role->gateway, &ready) == MIX_OK; any = true) {
        sim_session *s = r->written ? NULL : session_of(r, ready.conn);
        if (!r->written && !s && !ready.give_up)
            continue;
        while (mixnet_gateway_drain(role->gateway, ready.conn, &out, now) == MIX_OK) {
            if (r->written)
                r->written(r->user, ready.conn, &out);
            else if (s && s->linked)
                give(s, &out, now);
        }
    }
    return any;
}

bool sim_roles_move(sim_roles *r, mix_time now) {
    bool any = false;
    r->env.wall = r->wall_start + now;
    any |= follow_epochs(r);
    for (size_t i = 0; i < SIM_ROLES; i++) {
        any |= move_node(r, i, now);
        if (r->role[i].gateway && move_gateway(r, &r->role[i], now))
            any |= move_node(r, i, now);
    }
    return flush_links(r, now) || any;
}

mix_time sim_roles_deadline(const sim_roles *r) {
    mix_time at = next_epoch(r);
    for (size_t i = 0; i < SIM_ROLES; i++) {
        const sim_role *role = &r->role[i];
        mix_time node = mixnet_node_deadline(role->node),
                 gateway = role->gateway ? mixnet_gateway_deadline(role->gateway) : MIX_NEVER;
        at = node < at ? node : at;
        at = gateway < at ? gateway : at;
    }
    return at;
}

/* ---- clients ---- */

int sim_session_init(sim_session *s, sim_roles *r, const mix_gateway_config *cfg,
                     const mix_env *env, mix_time now) {
    const mixnet_member *member = sim_roles_gateway(r, s->gateway)->member;
    size_t place = 0;
    s->roles = r;
    s->linked = false;
    while (place < SIM_SESSIONS_MAX && r->sessions[place])
        place++;
    if (place == SIM_SESSIONS_MAX)
        return MIX_ERR_LIMIT;
    int status = mix_gateway_new(&s->session, cfg, env);
    if (status != MIX_OK)
        return status;
    r->sessions[place] = s;
    status = mix_gateway_choose(s->session, member->identity, mix_bytes_str(url), now);
    return status == MIX_OK ? mix_gateway_start(s->session, now) : status;
}

void sim_session_deinit(sim_session *s) {
    for (size_t i = 0; s->roles && i < SIM_SESSIONS_MAX; i++) {
        if (s->roles->sessions[i] == s)
            s->roles->sessions[i] = NULL;
    }
    mix_gateway_free(s->session);
    s->session = NULL;
}

void sim_session_closed(sim_roles *r, size_t gateway, uint64_t conn, mix_time now) {
    mixnet_gateway_closed(sim_roles_gateway(r, gateway)->gateway, conn, now);
}

static void connect_it(sim_session *s, uint32_t link, mix_time now) {
    sim_roles *r = s->roles;
    mixnet_gateway *g = sim_roles_gateway(r, s->gateway)->gateway;
    s->link = link;
    s->conn = ++r->next_conn;
    s->linked = mixnet_gateway_opened(g, s->conn, now) == MIX_OK;
    if (s->linked)
        mix_gateway_opened(s->session, link, now);
    else
        mix_gateway_closed(s->session, link, 0, "refused", now);
}

bool sim_session_move(sim_session *s, mix_time now) {
    mixnet_gateway *g = sim_roles_gateway(s->roles, s->gateway)->gateway;
    mix_gateway_order order;
    mix_buf *out = &s->roles->work;
    bool any = false;
    if (mix_gateway_deadline(s->session) <= now)
        mix_gateway_tick(s->session, now);
    for (mix_buf_truncate(out, 0); mix_gateway_drain(s->session, &order, out, now) == MIX_OK;
         mix_buf_truncate(out, 0), any = true) {
        if (order.act == MIX_GATEWAY_CONNECT) {
            connect_it(s, order.link, now);
        } else if (order.act == MIX_GATEWAY_CLOSE) {
            s->linked = false;
            sim_session_closed(s->roles, s->gateway, s->conn, now);
        } else if (s->linked) {
            mixnet_ws_kind kind =
                order.act == MIX_GATEWAY_SEND_TEXT ? MIXNET_WS_TEXT : MIXNET_WS_BINARY;
            (void)mixnet_gateway_feed(g, s->conn, kind, mix_buf_bytes(out), now);
        }
    }
    return take_events(s) || any;
}
