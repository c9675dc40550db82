/* SPDX-License-Identifier: Apache-2.0 */
/* The NAT's table: which flow of a client is which port of the one address that the outside sees.
 */
#include "internet_flows.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"

enum { CLIENT_KEY = 38, GUEST_KEY = 4, FIRST_PORT = 1024, DRAWS = 16 };

struct flows {
    mix_map by_client, by_guest;
    mix_timers timers;
    mix_address guest4, guest6;
    flow *newest, *oldest;
    size_t max;
    flows_on_end *on_end;
    void *user;
    const mix_env *env;
};

static void client_key(uint8_t key[static CLIENT_KEY], uint8_t protocol, const mix_address *client,
                       const mix_address *asked) {
    key[0] = protocol;
    key[1] = client->family;
    memcpy(key + 2, client->octets, 16);
    mix_put_u16(key + 18, client->port);
    memcpy(key + 20, asked->octets, 16);
    mix_put_u16(key + 36, asked->port);
}

static void guest_key(uint8_t key[static GUEST_KEY], uint8_t protocol, const mix_address *guest) {
    key[0] = protocol;
    key[1] = guest->family;
    mix_put_u16(key + 2, guest->port);
}

int flows_new(flows **out, size_t max, const mix_address *guest4, const mix_address *guest6,
              flows_on_end *on_end, void *user, const mix_env *env) {
    flows *t = mix_alloc_zero(1, sizeof *t);
    if (!t)
        return MIX_ERR_MEMORY;
    *t = (flows){.guest4 = *guest4,
                 .guest6 = *guest6,
                 .max = max,
                 .on_end = on_end,
                 .user = user,
                 .env = env};
    int rc = mix_map_init(&t->by_client, CLIENT_KEY, max, env);
    if (rc == MIX_OK)
        rc = mix_map_init(&t->by_guest, GUEST_KEY, max, env);
    if (rc != MIX_OK) {
        mix_free(t);
        return rc;
    }
    *out = t;
    return MIX_OK;
}

void flows_free(flows *t) {
    if (!t)
        return;
    while (t->oldest)
        flows_drop(t, t->oldest);
    mix_map_deinit(&t->by_client);
    mix_map_deinit(&t->by_guest);
    mix_timers_deinit(&t->timers);
    mix_free(t);
}

static void unlink_flow(flows *t, flow *f) {
    *(f->newer ? &f->newer->older : &t->newest) = f->older;
    *(f->older ? &f->older->newer : &t->oldest) = f->newer;
    f->newer = f->older = NULL;
}

static void link_newest(flows *t, flow *f) {
    f->older = t->newest;
    *(t->newest ? &t->newest->newer : &t->oldest) = f;
    t->newest = f;
}

void flows_drop(flows *t, flow *f) {
    uint8_t key[CLIENT_KEY];
    client_key(key, f->protocol, &f->client, &f->asked);
    mix_map_take(&t->by_client, key);
    guest_key(key, f->protocol, &f->guest);
    mix_map_take(&t->by_guest, key);
    mix_timers_stop(&t->timers, &f->timer);
    unlink_flow(t, f);
    mix_free(f);
}

static void end_flow(flows *t, flow *f) {
    t->on_end(t->user, f);
    flows_drop(t, f);
}

/* How long a flow stays without a packet. RFC 4787 and 5382: UDP at least 2 minutes, TCP 4 minutes
 * before it is open and 2 h 4 min after; libslirp's own UDP sockets live 4 minutes. */
static mix_time patience(const flow *f) {
    if (f->protocol == PACKET_UDP)
        return MIX_SECONDS(240);
    if (f->protocol != PACKET_TCP)
        return MIX_SECONDS(60);
    if (f->ended & FLOW_RESET)
        return MIX_SECONDS(10);
    bool both = (f->ended & FLOW_CLIENT_FIN) && (f->ended & FLOW_SERVER_FIN);
    return both || !(f->ended & FLOW_ANSWERED) ? MIX_SECONDS(240) : MIX_SECONDS(7440);
}

flow *flows_find(const flows *t, const packet *p) {
    uint8_t key[CLIENT_KEY];
    client_key(key, p->protocol, &p->from, &p->to);
    return mix_map_get(&t->by_client, key);
}

/* A port that no flow of this protocol has. */
static bool draw_port(flows *t, flow *f) {
    uint8_t key[GUEST_KEY], random[2 * DRAWS];
    if (mix_random(t->env, random, sizeof random) != MIX_OK)
        return false;
    for (size_t i = 0; i < DRAWS; i++) {
        f->guest.port = mix_get_u16(random + 2 * i);
        guest_key(key, f->protocol, &f->guest);
        if (f->guest.port >= FIRST_PORT && !mix_map_get(&t->by_guest, key))
            return true;
    }
    return false;
}

flow *flows_add(flows *t, const packet *p, const mix_address *server, mix_time now) {
    if (t->by_client.len >= t->max)
        end_flow(t, t->oldest);
    flow *f = mix_alloc_zero(1, sizeof *f);
    if (!f)
        return NULL;
    *f = (flow){
        .protocol = p->protocol, .client = p->from, .asked = p->to, .server = *server, .used = now};
    f->guest = server->family == 4 ? t->guest4 : t->guest6;
    uint8_t client[CLIENT_KEY], guest[GUEST_KEY];
    client_key(client, f->protocol, &f->client, &f->asked);
    if (!draw_port(t, f) || mix_timers_set(&t->timers, &f->timer, now + patience(f)) != MIX_OK)
        goto failed;
    guest_key(guest, f->protocol, &f->guest);
    if (mix_map_put(&t->by_client, client, f) != MIX_OK)
        goto failed;
    if (mix_map_put(&t->by_guest, guest, f) != MIX_OK) {
        mix_map_take(&t->by_client, client);
        goto failed;
    }
    link_newest(t, f);
    return f;
failed:
    mix_timers_stop(&t->timers, &f->timer);
    mix_free(f);
    return NULL;
}

static flow *by_guest(const flows *t, uint8_t protocol, const mix_address *guest,
                      const mix_address *server) {
    uint8_t key[GUEST_KEY];
    guest_key(key, protocol, guest);
    flow *f = mix_map_get(&t->by_guest, key);
    bool known = f && memcmp(f->server.octets, server->octets, sizeof server->octets) == 0 &&
                 f->server.port == server->port &&
                 memcmp(f->guest.octets, guest->octets, sizeof guest->octets) == 0;
    return known ? f : NULL;
}

flow *flows_find_answer(const flows *t, const packet *p) {
    return by_guest(t, p->protocol, &p->to, &p->from);
}

flow *flows_find_sent(const flows *t, const packet *inner) {
    return by_guest(t, inner->protocol, &inner->from, &inner->to);
}

void flows_touch(flows *t, flow *f, const packet *p, bool from_client, mix_time now) {
    f->used = now;
    unlink_flow(t, f);
    link_newest(t, f);
    if (f->protocol != PACKET_TCP || p->offset != 0)
        return;
    uint8_t flags = packet_tcp_flags(p), before = f->ended;
    if (flags & PACKET_FIN)
        f->ended |= from_client ? FLOW_CLIENT_FIN : FLOW_SERVER_FIN;
    if (flags & PACKET_RST)
        f->ended |= FLOW_RESET;
    if (!from_client && flags & PACKET_ACK) {
        f->ended |= FLOW_ANSWERED;
        f->next = packet_tcp_ack(p);
    }
    if (f->ended != before) /* moving a timer that runs needs no memory */
        mix_timers_set(&t->timers, &f->timer, now + patience(f));
}

void flows_end_all(flows *t) {
    while (t->oldest)
        end_flow(t, t->oldest);
}

size_t flows_count(const flows *t) {
    return t->by_client.len;
}

mix_time flows_deadline(const flows *t) {
    return mix_timers_deadline(&t->timers);
}

/* Timers are not moved by each packet: one that was too early is set again. */
void flows_tick(flows *t, mix_time now) {
    mix_timer *timer;
    while ((timer = mix_timers_pop(&t->timers, now))) {
        flow *f = (flow *)(void *)((char *)timer - offsetof(flow, timer));
        if (f->used + patience(f) > now &&
            mix_timers_set(&t->timers, timer, f->used + patience(f)) == MIX_OK)
            continue;
        end_flow(t, f);
    }
}
