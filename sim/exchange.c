/* SPDX-License-Identifier: Apache-2.0 */
/* The script of a conversation. Message i has a length and bytes that follow from the seed and i;
 * those of 4 bytes and more begin with i. */
#include "exchange.h"

#include "mix/errors.h"

#include <math.h>
#include <stdlib.h>

typedef enum way { PLAIN, REPLIABLE, REPLY } way;

enum { LONGEST = 100000, SURBS_AT_FIRST = 12, MOST_WRITTEN = 4 };

typedef struct exchange {
    const sim_exchange_row *row;
    uint64_t seed;
    sim_net net;
    sim_client alice, bob;
    uint32_t next[2]; /* of each side: the message to write next */
    uint8_t *got;     /* times that each message arrived */
    uint8_t tag[MIX_SENDER_TAG_LEN];
    bool tagged;
    sim_exchange_result result;
} exchange;

/* ---- what message i is ---- */

static void chance_of(const exchange *x, uint32_t i, mix_test_env *chance) {
    mix_test_env_init(chance, x->seed * 1000003 + i);
}

/* Even numbers are Alice's, odd ones Bob's; Bob's third kind goes by Alice's SURBs. */
static way way_of(uint32_t i) {
    uint32_t kind = i / 2 % 3;
    return i % 2 == 1 && kind == 2 ? REPLY : kind == 1 ? REPLIABLE : PLAIN;
}

static size_t len_of(const exchange *x, uint32_t i) {
    mix_test_env chance;
    chance_of(x, i, &chance);
    double magnitude = mix_test_unit(&chance) * log((double)x->row->longest);
    size_t len = (size_t)exp(magnitude);
    if (i < 2)
        len = x->row->longest; /* one of the longest each way, one of the shortest */
    else if (i < 4)
        len = 1;
    return len < 1 ? 1 : len > x->row->longest ? x->row->longest : len;
}

static size_t make_message(const exchange *x, uint32_t i, uint8_t *out) {
    size_t len = len_of(x, i);
    mix_test_env chance;
    chance_of(x, i, &chance);
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = mix_test_random(&chance);
        memcpy(out + at, &word, len - at < 8 ? len - at : 8);
    }
    if (len >= 4)
        mix_put_u32(out, i);
    return len;
}

/* ---- receiving ---- */

/* Which message these bytes are: those of 4 bytes and more tell; of the shorter ones the first of
 * this way with these bytes that has not come yet. x->row->messages: none. */
static uint32_t identify(const exchange *x, mix_bytes data, uint32_t side, way how) {
    static uint8_t want[LONGEST + 8];
    if (data.len >= 4) {
        uint32_t i = mix_get_u32(data.data);
        bool same = i < x->row->messages && i % 2 == side && len_of(x, i) == data.len &&
                    make_message(x, i, want) > 0 && memcmp(want, data.data, data.len) == 0;
        return same ? i : x->row->messages;
    }
    for (uint32_t i = side; i < x->row->messages; i += 2) {
        if (!x->got[i] && way_of(i) == how && len_of(x, i) == data.len &&
            make_message(x, i, want) > 0 && memcmp(want, data.data, data.len) == 0)
            return i;
    }
    return x->row->messages;
}

static void received(void *user, sim_client *c, const mix_messages_event *ev) {
    exchange *x = user;
    if (ev->kind != MIX_MESSAGES_RECEIVED)
        return;
    if (ev->type == MIX_NYM_REPLIABLE && c == &x->bob) {
        memcpy(x->tag, ev->tag, sizeof x->tag);
        x->tagged = true;
    }
    way how = ev->type == MIX_NYM_PLAIN ? PLAIN : ev->type == MIX_NYM_REPLY ? REPLY : REPLIABLE;
    uint32_t i = identify(x, ev->data, c == &x->alice ? 1 : 0, how);
    if (i == x->row->messages) {
        x->result.damaged++;
        return;
    }
    x->result.damaged += way_of(i) != how;
    x->result.twice += x->got[i] > 0;
    x->result.arrived += x->got[i] == 0;
    x->got[i] = 1;
}

/* ---- sending ---- */

static int write_message(exchange *x, sim_client *from, uint32_t i) {
    static uint8_t bytes[LONGEST + 8];
    mix_message m = {.type = MIX_NYM_PLAIN, .limit = MIX_RETRANSMIT_FOREVER, .user = i};
    m.data = mix_bytes_of(bytes, make_message(x, i, bytes));
    m.to = from == &x->alice ? &x->bob.address : &x->alice.address;
    if (way_of(i) == REPLIABLE) {
        m.type = MIX_NYM_REPLIABLE;
        m.surbs = from == &x->alice ? SURBS_AT_FIRST : 0;
    } else if (way_of(i) == REPLY) {
        if (!x->tagged)
            return MIX_BLOCKED;
        m.type = MIX_NYM_REPLY;
        m.to = NULL;
        memcpy(m.tag, x->tag, sizeof m.tag);
    }
    return mix_messages_write(from->messages, &m, x->net.sim.now);
}

/* Writes what the queues take. False when nothing is left to write. */
static bool write_side(exchange *x, sim_client *from, uint32_t side) {
    bool any = false;
    while (x->next[side] < x->row->messages) {
        int status = write_message(x, from, x->next[side]);
        if (status != MIX_OK) {
            if (status < 0 && x->result.error == MIX_OK)
                x->result.error = status;
            break;
        }
        x->next[side] += 2;
        any = true;
    }
    if (any)
        sim_client_pump(from);
    return x->next[side] < x->row->messages;
}

/* ---- what happens to the network ---- */

static void die(void *user, uint64_t node, mix_bytes none) {
    exchange *x = user;
    (void)none;
    x->net.nodes[node].dead = true;
}

static void cut(void *user, uint64_t mend, mix_bytes none) {
    exchange *x = user;
    (void)none;
    if (mend)
        sim_client_mend(&x->alice);
    else
        sim_client_cut(&x->alice);
    mix_time next = mend ? x->row->cut_every - x->row->cut_for : x->row->cut_for;
    sim_at(&x->net.sim, x->net.sim.now + next, cut, x, !mend, (mix_bytes){0});
}

static void configure(exchange *x, sim_client_config *client, bool exit_role) {
    sim_client_config_init(client, exit_role);
    client->gateway = exit_role;
    client->traffic.pacing_off = client->traffic.cover_off = x->row->unpaced;
    client->received = received;
    client->user = x;
}

static int start(exchange *x) {
    const sim_exchange_row *row = x->row;
    sim_net_config cfg = {.per_layer = 3,
                          .hop = {.delay = MIX_MS(2),
                                  .jitter = row->jitter,
                                  .loss = row->loss,
                                  .duplicate = row->duplicate},
                          .access = {.delay = MIX_MS(10), .ordered = true}};
    int status = sim_net_init(&x->net, &cfg, x->seed);
    sim_client_config client;
    configure(x, &client, false);
    if (status == MIX_OK)
        status = sim_client_init(&x->alice, &x->net, &client, x->seed * 2 + 1);
    configure(x, &client, true);
    if (status == MIX_OK)
        status = sim_client_init(&x->bob, &x->net, &client, x->seed * 2 + 2);
    if (status != MIX_OK)
        return status;
    if (row->die_at > 0)
        sim_at(&x->net.sim, row->die_at, die, x, 3, (mix_bytes){0});
    if (row->cut_every > 0)
        sim_at(&x->net.sim, row->cut_every, cut, x, 0, (mix_bytes){0});
    return MIX_OK;
}

static void converse(exchange *x) {
    bool writing = true;
    while (x->result.arrived < x->row->messages && x->net.sim.now < x->row->within) {
        if (writing) {
            bool alice = write_side(x, &x->alice, 0);
            writing = write_side(x, &x->bob, 1) || alice;
        }
        sim_run(&x->net.sim, x->net.sim.now + MIX_MS(20));
    }
    x->result.took = x->net.sim.now;
}

int sim_exchange_run(sim_exchange_result *out, const sim_exchange_row *row, uint64_t seed) {
    exchange *x = calloc(1, sizeof *x);
    if (!x)
        return MIX_ERR_MEMORY;
    x->row = row;
    x->seed = seed;
    x->next[1] = 1;
    x->got = calloc(row->messages, 1);
    int status = x->got ? start(x) : MIX_ERR_MEMORY;
    if (status == MIX_OK) {
        converse(x);
        sim_run(&x->net.sim, x->net.sim.now + MIX_SECONDS(5)); /* for what comes twice */
        x->result.expected = row->messages;
        x->result.steps = x->net.sim.steps;
        x->result.alice = mix_traffic_count(x->alice.traffic);
        x->result.bob = mix_traffic_count(x->bob.traffic);
    }
    if (x->result.error == MIX_OK)
        x->result.error = x->alice.error != MIX_OK ? x->alice.error : x->bob.error;
    *out = x->result;
    sim_client_deinit(&x->alice);
    sim_client_deinit(&x->bob);
    sim_net_deinit(&x->net);
    free(x->got);
    free(x);
    return status;
}

bool sim_exchange_good(const sim_exchange_result *r, const sim_exchange_row *row, uint64_t seed) {
    bool good = r->arrived == r->expected && r->twice == 0 && r->damaged == 0 && r->error == MIX_OK;
    if (!good)
        fprintf(stderr, "%s, seed %d: %u of %u arrived within %.1f s, %u twice, %u damaged, %s\n",
                row->name, (int)seed, r->arrived, r->expected, (double)r->took / 1e6, r->twice,
                r->damaged, mix_error_name(r->error));
    return good;
}
