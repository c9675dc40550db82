/* SPDX-License-Identifier: Apache-2.0 */
/* A day of a local mixnet in virtual time: keys rotate every hour while clients come, talk, go,
 * come again or never more. Each message arrives once, also those for clients that are away, no
 * role drops anything, and the memory of the last hour is that of the second one. */
#include "alloc_fail.h"
#include "client.h"
#include "mix/errors.h"
#include "roles.h"

#include <stdlib.h>

enum {
    ALWAYS = 2,     /* clients that stay all day … */
    RESIDENTS = 10, /* … and these come and go with one identity; the others come once */
    PERSONS = 24,
    MESSAGES = 20000,
    SURBS = 14, /* 10 of them are kept for requests */
    ANSWER = 1500,
    OWED = 16,
    DAY_HOURS = 24,
    GROWTH = 64 << 10, /* bytes; a leak of 8 for each message is more */
    TABLES = 16,       /* of node keys that a client may have: a rotation brings 5 new ones */
};
/* Sanitizers make it slower: the same day with fewer messages. */
#ifdef MIX_DEBUG_MOVE
#define DAY_PAUSE MIX_SECONDS(20)
#else
#define DAY_PAUSE MIX_SECONDS(10)
#endif
#define MINUTE MIX_SECONDS(60)
#define HOUR (60 * MINUTE)
#define QUIET (30 * MINUTE) /* of each hour: only those are here who stay all day */
#define CALM (MINUTE)       /* nobody leaves so soon after talking */

typedef struct message {
    uint32_t from, to, len; /* persons by their number */
    uint32_t arrived;
    bool question, stored;
} message;

typedef struct person {
    struct day *day;
    uint32_t number; /* no two people of the day have the same one */
    mix_identity identity;
    mix_recipient address;
    sim_session session;
    sim_client client;
    bool known;   /* has an identity */
    bool here;    /* has a session */
    bool talking; /* has engines */
    bool closing; /* a connection that the gateway still takes for open … */
    uint64_t dead_conn;
    mix_time closed_at; /* … until then */
    mix_time next;      /* comes or leaves */
    mix_time refresh_at;
    uint8_t owed_tag[OWED][MIX_SENDER_TAG_LEN];
    uint32_t owed_to[OWED];
    size_t owed;
} person;

typedef struct day {
    sim_net bag; /* what sim_client asks for: clock, crypto and topology */
    sim_roles roles;
    mix_test_env chance;
    person persons[PERSONS];
    message messages[MESSAGES];
    uint32_t count, people;
    mix_time hours, next_message, pause; /* pause: mean time between messages */
    uint32_t rude, stored, answers, kicks, wrong;
    uint64_t retransmitted;
    size_t live[64]; /* bytes at each half hour, without what is stored */
    int error;
} day;

static void note(day *d, int status) {
    if (status < 0 && mix_error_ends(status) != MIX_ENDS_PACKET && d->error == MIX_OK)
        d->error = status;
}

static mix_time now_of(const day *d) {
    return d->bag.sim.now;
}

static mix_time between(day *d, mix_time least, mix_time most) {
    return least + (mix_time)mix_test_below(&d->chance, (uint64_t)(most - least));
}

static mix_time earlier(mix_time a, mix_time b) {
    return a < b ? a : b;
}

/* ---- messages ---- */

static uint8_t letter(uint32_t id, size_t at) {
    return (uint8_t)(id * 31 + at);
}

static int write_message(person *p, mix_message *m, uint32_t id) {
    static uint8_t bytes[8192];
    const message *e = &p->day->messages[id];
    mix_put_u32(bytes, id);
    for (size_t i = 4; i < e->len; i++)
        bytes[i] = letter(id, i);
    m->data = mix_bytes_of(bytes, e->len);
    return mix_messages_write(p->client.messages, m, now_of(p->day));
}

static uint32_t new_message(day *d, const person *from, uint32_t to, size_t len) {
    if (d->count == MESSAGES)
        fail_msg("more than %d messages", MESSAGES);
    d->messages[d->count] = (message){.from = from->number, .to = to, .len = (uint32_t)len};
    return d->count++;
}

static void received(void *user, sim_client *c, const mix_messages_event *ev) {
    person *p = user;
    day *d = p->day;
    (void)c;
    if (ev->kind == MIX_MESSAGES_DROPPED)
        d->wrong++;
    if (ev->kind != MIX_MESSAGES_RECEIVED)
        return;
    uint32_t id = ev->data.len >= 4 ? mix_get_u32(ev->data.data) : UINT32_MAX;
    message *m = id < d->count ? &d->messages[id] : NULL;
    bool good = m && m->to == p->number && m->len == ev->data.len;
    for (size_t i = 4; good && i < m->len; i++)
        good = ev->data.data[i] == letter(id, i);
    d->wrong += !good;
    if (!good)
        return;
    m->arrived++;
    if (m->question && p->owed < OWED) {
        memcpy(p->owed_tag[p->owed], ev->tag, MIX_SENDER_TAG_LEN);
        p->owed_to[p->owed++] = m->from;
    }
}

static bool answer(person *p) {
    if (!p->talking || p->owed == 0)
        return false;
    mix_message m = {.type = MIX_NYM_REPLY, .limit = 10};
    p->owed--;
    memcpy(m.tag, p->owed_tag[p->owed], sizeof m.tag);
    note(p->day, write_message(p, &m, new_message(p->day, p, p->owed_to[p->owed], ANSWER)));
    p->day->answers++;
    sim_client_pump(&p->client);
    return true;
}

static bool may_talk(const person *p) {
    return p->talking && p->next > now_of(p->day) + CALM;
}

static bool may_be_written(const person *p) {
    return may_talk(p) || (!p->here && p->known && p->number < RESIDENTS);
}

static person *pick(day *d, bool (*fit)(const person *), const person *but) {
    for (int i = 0; i < 100; i++) {
        person *p = &d->persons[mix_test_below(&d->chance, PERSONS)];
        if (p != but && fit(p))
            return p;
    }
    return NULL;
}

static void talk(day *d) {
    person *from = pick(d, may_talk, NULL), *to = from ? pick(d, may_be_written, from) : NULL;
    d->next_message = now_of(d) + 1 + sim_exponential(&d->chance, d->pause);
    if (!to)
        return;
    size_t len = 4 + (size_t)mix_test_below(&d->chance, mix_test_below(&d->chance, 4000) + 1);
    message *e = &d->messages[new_message(d, from, to->number, len)];
    e->question = to->talking && mix_test_below(&d->chance, 8) == 0;
    e->stored = !to->here;
    d->stored += e->stored;
    mix_message m = {.type = e->question ? MIX_NYM_REPLIABLE : MIX_NYM_PLAIN,
                     .to = &to->address,
                     .surbs = e->question ? SURBS : 0,
                     .limit = MIX_RETRANSMIT_FOREVER};
    note(d, write_message(from, &m, (uint32_t)(e - d->messages)));
    sim_client_pump(&from->client);
}

/* ---- coming ---- */

static int wire_send(void *user, mix_bytes packet) {
    person *p = user;
    return mix_gateway_write(p->session.session, packet, now_of(p->day));
}

static size_t wire_room(void *user, size_t *waiting) {
    person *p = user;
    *waiting = mix_gateway_backlog(p->session.session);
    return mix_gateway_room(p->session.session);
}

static void start_talking(person *p) {
    day *d = p->day;
    mix_client_keys keys = {0};
    sim_client_config cfg;
    sim_wire wire = {p, wire_send, wire_room};
    sim_client_config_init(&cfg, false);
    memcpy(keys.identity_public, p->identity.public_key, MIX_KEY_LEN);
    memcpy(keys.encryption_secret, p->identity.encryption_secret, MIX_KEY_LEN);
    memcpy(keys.encryption_public, p->identity.encryption_public, MIX_KEY_LEN);
    memcpy(keys.ack_key, p->identity.ack_key, MIX_ACK_KEY_LEN);
    memcpy(keys.gateway, sim_roles_gateway(&d->roles, p->session.gateway)->member->identity,
           MIX_KEY_LEN);
    cfg.keys = &keys;
    cfg.wire = &wire;
    cfg.traffic.pacing_off = cfg.traffic.cover_off = true;
    cfg.messages.reply_key_age =
        2 * HOUR; /* so long lives a rotation, and with it what it sealed */
    cfg.received = received;
    cfg.user = p;
    d->bag.topology = d->roles.topology;
    p->refresh_at = MIX_NEVER;
    note(d, sim_client_init(&p->client, &d->bag, &cfg, mix_test_random(&d->chance)));
    mix_sphinx_limit(p->client.sphinx, TABLES);
    p->client.env.wall = d->roles.env.wall;
    mix_messages_set_rotations(p->client.messages, &d->roles.network.clock, now_of(d));
    p->address = p->client.address;
    p->talking = true;
}

static void on_event(void *user, const mix_gateway_event *ev) {
    person *p = user;
    if (ev->kind == MIX_GATEWAY_READY)
        sim_client_pump(&p->client);
    else if (ev->kind == MIX_GATEWAY_PUSHED)
        note(p->day, sim_client_delivered(&p->client, ev->bytes));
    else if (ev->kind == MIX_GATEWAY_WANTED || ev->kind == MIX_GATEWAY_FAILED)
        note(p->day, MIX_ERR_STATE);
}

/* The next quiet time after a moment. */
static mix_time quiet_after(mix_time at) {
    return at - at % HOUR + QUIET + (at % HOUR < QUIET ? 0 : HOUR);
}

static mix_time leaves_at(person *p) {
    day *d = p->day;
    mix_time at = now_of(d) + between(d, 3 * MINUTE, 20 * MINUTE), quiet = quiet_after(now_of(d));
    if (p->number < ALWAYS)
        return MIX_NEVER;
    return at < quiet - MINUTE ? at : between(d, quiet - 2 * MINUTE, quiet - MINUTE);
}

static void come(person *p) {
    day *d = p->day;
    mix_gateway_config cfg;
    if (!p->known) {
        p->number =
            (uint32_t)(p - d->persons) < RESIDENTS ? (uint32_t)(p - d->persons) : d->people++;
        note(d, mix_identity_new(&p->identity, d->roles.crypto, &d->chance.env));
        p->known = true;
    }
    mix_gateway_config_init(&cfg);
    cfg.crypto = d->roles.crypto;
    cfg.identity = &p->identity;
    cfg.tries_known = cfg.tries_new = 1000;
    p->session = (sim_session){
        .gateway = (size_t)(p - d->persons) % SIM_ROLES_GATEWAYS, .event = on_event, .user = p};
    note(d, sim_session_init(&p->session, &d->roles, &cfg, &d->roles.env.env, now_of(d)));
    p->here = true;
    p->next = leaves_at(p);
    start_talking(p); /* what is stored may come before the session is ready */
}

/* ---- going ---- */

static mix_time comes_at(person *p) {
    day *d = p->day;
    bool resident = (size_t)(p - d->persons) < RESIDENTS;
    mix_time at = now_of(d) + (resident ? between(d, 10 * MINUTE, 150 * MINUTE)
                                        : between(d, MINUTE, 60 * MINUTE));
    mix_time quiet = quiet_after(at - MINUTE);
    return at < quiet - 6 * MINUTE ? at : between(d, quiet + MINUTE, quiet + 5 * MINUTE);
}

/* Rude: the gateway does not learn of it for minutes. Those who never come again tell it. */
static void go(person *p) {
    day *d = p->day;
    bool resident = p->number < RESIDENTS, rude = resident && mix_test_below(&d->chance, 3) == 0;
    if (p->talking) {
        d->retransmitted += mix_traffic_count(p->client.traffic).retransmitted;
        note(d, p->client.error);
        p->client.timer_number = UINT64_MAX; /* its timer finds nobody */
        sim_client_deinit(&p->client);
    }
    p->talking = false;
    p->identity = *mix_gateway_identity(p->session.session);
    if (rude) {
        d->rude++;
        p->closing = p->session.linked;
        p->dead_conn = p->session.conn;
        p->closed_at = earlier(now_of(d) + between(d, MIX_SECONDS(5), 15 * MINUTE),
                               quiet_after(now_of(d)) - 1);
    } else {
        mix_gateway_stop(p->session.session, !resident, now_of(d));
        for (bool any = true; any;) {
            any = sim_session_move(&p->session, now_of(d));
            any |= sim_roles_move(&d->roles, now_of(d));
        }
    }
    sim_session_deinit(&p->session);
    p->here = false;
    p->known = resident;
    p->next = comes_at(p);
    p->owed = 0;
}

/* ---- time ---- */

static void refresh(person *p) {
    day *d = p->day;
    p->refresh_at = MIX_NEVER;
    if (!p->talking)
        return;
    note(d, mix_messages_set_topology(p->client.messages, d->roles.topology, now_of(d)));
    note(d, mix_traffic_set_topology(p->client.traffic, d->roles.topology, now_of(d)));
    mix_messages_set_rotations(p->client.messages, &d->roles.network.clock, now_of(d));
    sim_client_pump(&p->client);
}

static void settle(day *d) {
    uint32_t epoch = d->roles.epoch;
    for (bool any = true; any;) {
        any = sim_roles_move(&d->roles, now_of(d));
        for (size_t i = 0; i < PERSONS; i++) {
            person *p = &d->persons[i];
            p->client.env.wall = d->roles.env.wall;
            any |= p->here && sim_session_move(&p->session, now_of(d));
            any |= answer(p);
        }
    }
    for (size_t i = 0; epoch != d->roles.epoch && i < PERSONS; i++) /* nobody hears of it at once */
        d->persons[i].refresh_at = now_of(d) + between(d, 1, 10 * MINUTE);
}

static void move_person(person *p) {
    mix_time now = now_of(p->day);
    if (p->closing && p->closed_at <= now) {
        sim_session_closed(&p->day->roles, (size_t)(p - p->day->persons) % SIM_ROLES_GATEWAYS,
                           p->dead_conn, now);
        p->closing = false;
    }
    if (p->refresh_at <= now)
        refresh(p);
    if (p->next <= now && p->here &&
        mix_gateway_state_of(p->session.session) != MIX_GATEWAY_IS_READY)
        p->next = now + MIX_SECONDS(1); /* to say that it goes it has to be there */
    else if (p->next <= now && p->here)
        go(p);
    else if (p->next <= now)
        come(p);
}

static mix_time deadline(const day *d) {
    mix_time at = earlier(sim_roles_deadline(&d->roles), d->next_message);
    for (size_t i = 0; i < PERSONS; i++) {
        const person *p = &d->persons[i];
        at = earlier(at, earlier(p->next, p->refresh_at));
        if (p->closing)
            at = earlier(at, p->closed_at);
        if (p->here)
            at = earlier(at, mix_gateway_deadline(p->session.session));
    }
    return at;
}

static void pass_until(day *d, mix_time end) {
    while (now_of(d) < end) {
        mix_time next = deadline(d), soon = now_of(d) + 1;
        next = next < soon ? soon : next;
        (void)sim_step(&d->bag.sim, next < end ? next : end);
        for (size_t i = 0; i < PERSONS; i++)
            move_person(&d->persons[i]);
        if (d->next_message <= now_of(d))
            talk(d);
        settle(d);
    }
}

/* ---- the day ---- */

static mixnet_gateway_stats stats_of(const day *d, size_t gateway) {
    mixnet_gateway_stats s;
    mixnet_gateway_get_stats(d->roles.role[MIX_LAYERS + gateway].gateway, &s);
    return s;
}

static void set_up(day *d, uint64_t seed) {
    memset(d, 0, sizeof *d);
    sim_init(&d->bag.sim, seed);
    mix_test_env_init(&d->chance, seed + 1);
    assert_status(sim_roles_init(&d->roles, 1, NULL, seed + 2), MIX_OK);
    d->bag.crypto = d->roles.crypto;
    d->people = RESIDENTS;
    for (size_t i = 0; i < PERSONS; i++) {
        d->persons[i] = (person){.day = d, .refresh_at = MIX_NEVER, .closed_at = MIX_NEVER};
        if (i >= ALWAYS)
            d->persons[i].next = between(d, 1, 20 * MINUTE);
    }
}

static void tear_down(day *d) {
    for (size_t i = 0; i < PERSONS; i++) {
        person *p = &d->persons[i];
        if (p->here)
            go(p);
        mix_identity_wipe(&p->identity);
    }
    sim_roles_deinit(&d->roles);
    sim_deinit(&d->bag.sim);
}

/* At rest: nobody else is here, and nothing is under way. */
static void take_stock(day *d, size_t hour) {
    size_t stored = 0, waiting = 0;
    for (size_t i = 0; i < SIM_ROLES_GATEWAYS; i++) {
        mixnet_gateway_stats s = stats_of(d, i);
        stored += s.stored_bytes;
        assert_int_equal(s.active, ALWAYS / SIM_ROLES_GATEWAYS);
        assert_in_range(s.clients, 1, RESIDENTS / SIM_ROLES_GATEWAYS);
    }
    for (size_t i = 0; i < SIM_ROLES; i++) {
        mixnet_node_stats s;
        mixnet_node_get_stats(d->roles.role[i].node, &s);
        waiting += s.waiting;
    }
    assert_int_equal(waiting, 0);
    d->live[hour] = mix_alloc_live_bytes() - stored;
    if (getenv("MIX_DAY_PRINT"))
        printf("hour %2zu: %zu bytes in %zu blocks, %zu stored, %u messages, %u people\n", hour,
               d->live[hour], mix_alloc_live(), stored, d->count, d->people);
}

static void kick_all(day *d, size_t hour) {
    mixnet_gateway_kick(sim_roles_gateway(&d->roles, hour % SIM_ROLES_GATEWAYS)->gateway, NULL,
                        now_of(d));
    d->kicks++;
    settle(d);
}

static void live_through(day *d, size_t hours) {
    for (size_t hour = 0; hour <= hours; hour++) {
        mix_time start = (mix_time)hour * HOUR;
        pass_until(d, start + between(d, 5 * MINUTE, 25 * MINUTE));
        kick_all(d, hour);
        pass_until(d, start + QUIET - MINUTE);
        d->next_message = start + QUIET + MINUTE;
        pass_until(d, start + QUIET);
        take_stock(d, hour);
    }
}

/* All who ever come again do, and get what waits for them. */
static void come_all(day *d) {
    for (size_t i = 0; i < PERSONS; i++)
        d->persons[i].next = i < RESIDENTS && !d->persons[i].here ? now_of(d) : MIX_NEVER;
    d->next_message = MIX_NEVER;
    pass_until(d, now_of(d) + 5 * MINUTE);
}

static void nothing_was_lost(const day *d) {
    size_t missing = 0, twice = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        const message *m = &d->messages[i];
        missing += m->arrived == 0;
        twice += m->arrived > 1;
        if (m->arrived != 1)
            fprintf(stderr, "message %u from %u to %u (%s) arrived %u times\n", i, m->from, m->to,
                    m->stored     ? "stored"
                    : m->question ? "question"
                                  : "",
                    m->arrived);
    }
    assert_int_equal(missing, 0);
    assert_int_equal(twice, 0);
    assert_int_equal(d->wrong, 0);
}

static void nothing_was_dropped(const day *d) {
    for (size_t i = 0; i < SIM_ROLES; i++) {
        mixnet_node_stats s;
        mixnet_node_get_stats(d->roles.role[i].node, &s);
        assert_int_equal(s.bad + s.replays + s.expired_key + s.refused_role, 0);
        assert_int_equal(s.bad_address + s.bad_ack + s.full + s.no_memory, 0);
    }
    for (size_t i = 0; i < SIM_ROLES_GATEWAYS; i++) {
        mixnet_gateway_stats s = stats_of(d, i);
        assert_int_equal(s.no_bandwidth + s.forwarder_full + s.connections_full + s.expired, 0);
        assert_int_equal(s.client_full + s.store_full + s.message_size + s.no_memory, 0);
    }
}

/* The most of three hours: a node has a replay filter only for a key that was used. */
static size_t memory_around(const day *d, size_t hour) {
    size_t most = 0;
    for (size_t i = hour - 1; i <= hour + 1; i++)
        most = d->live[i] > most ? d->live[i] : most;
    return most;
}

static void memory_stayed(const day *d, size_t hours) {
    size_t before = memory_around(d, 3), after = memory_around(d, hours - 1);
    if (after > before + GROWTH)
        fail_msg("%zu bytes in hours 2 to 4, %zu in the last three", before, after);
}

static void run_day(size_t hours, mix_time pause, uint64_t seed) {
    static day d;
    mix_alloc_fail_at(0, 0);
    set_up(&d, seed);
    d.pause = pause;
    live_through(&d, hours);
    come_all(&d);
    nothing_was_lost(&d);
    nothing_was_dropped(&d);
    memory_stayed(&d, hours);
    uint32_t rotation = d.roles.topology->rotation_id - MIXNET_FIRST_ROTATION;
    assert_int_equal(rotation, hours);
    tear_down(&d);
    assert_status(d.error, MIX_OK);
    assert_status(d.roles.error, MIX_OK);
    assert_int_equal(mix_alloc_live(), 0);
    printf("%zu hours: %u messages of %u people arrived once, %u of them stored and %u by reply "
           "blocks; %u rotations, %u rude departures, %u times a gateway lost all its connections; "
           "%llu packets went again; memory %zu bytes in hours 2 to 4, %zu in the last three\n",
           hours, d.count, d.people, d.stored, d.answers, rotation, d.rude, d.kicks,
           (unsigned long long)d.retransmitted, memory_around(&d, 3), memory_around(&d, hours - 1));
}

static void test_a_day(void **state) {
    (void)state;
    run_day(DAY_HOURS, DAY_PAUSE, 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_a_day),
};
MIX_TEST_MAIN(sim_day_test, tests)
