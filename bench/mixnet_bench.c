/* SPDX-License-Identifier: Apache-2.0 */
/* The local mixnet itself, all its roles on one core: from a client's sealed frame through the
 * entry gateway, three mixes and the last gateway to the push to the receiver; and the
 * acknowledgement's way back to the sender. Clients' own work is not in it. */
#include "bench.h"
#include "mix/errors.h"
#include "roles.h"
#include "sphinx/sphinx.h"

enum { PACKETS = 25, ROUNDS = 150, PER_MS = 2, WANTED = 2000, HOPS = MIX_LAYERS + 1 };

typedef struct bench {
    sim_roles net;
    mix_sphinx *sphinx;
    mix_identity identity[2]; /* of the sender, of the receiver */
    sim_session session[2];
    uint8_t message[1500]; /* what the receiver gets */
    mix_buf frames[PACKETS];
    size_t pushed[2], answers, intact;
    mix_time now;
    mix_buf regular, ack, out; /* for the rows of single nodes */
    uint8_t secret[MIX_KEY_LEN];
} bench;

static void must(int status, const char *what) {
    if (status != MIX_OK)
        mix_bench_die(what, status);
}

/* ---- clients ---- */

static void on_event(void *user, const mix_gateway_event *ev) {
    bench *b = user;
    b->intact += ev->kind == MIX_GATEWAY_PUSHED && ev->bytes.len >= sizeof b->message &&
                 memcmp(ev->bytes.data, b->message, sizeof b->message) == 0;
}

static void settle(bench *b) {
    bool any = true;
    while (any) {
        any = sim_roles_move(&b->net, b->now);
        for (size_t i = 0; i < 2; i++)
            any |= sim_session_move(&b->session[i], b->now);
    }
}

static void start(bench *b) {
    must(sim_roles_init(&b->net, 24, NULL, 1), "roles");
    must(mix_sphinx_new(&b->sphinx, b->net.crypto, &b->net.env.env), "sphinx");
    must(mix_random(&b->net.env.env, b->message, sizeof b->message), "random");
    for (size_t i = 0; i < 2; i++) {
        mix_gateway_config cfg;
        mix_gateway_config_init(&cfg);
        must(mix_identity_new(&b->identity[i], b->net.crypto, &b->net.env.env), "identity");
        cfg.crypto = b->net.crypto;
        cfg.identity = &b->identity[i];
        cfg.flight_packets = 1 << 20; /* answers are not waited for */
        b->session[i] = (sim_session){.gateway = i, .event = on_event, .user = b};
        must(sim_session_init(&b->session[i], &b->net, &cfg, &b->net.env.env, b->now), "session");
    }
    settle(b);
    for (size_t i = 0; i < 2; i++)
        must(mix_gateway_state_of(b->session[i].session) == MIX_GATEWAY_IS_READY ? MIX_OK
                                                                                 : MIX_ERR_STATE,
             "login");
}

static void stop(bench *b) {
    for (size_t i = 0; i < 2; i++)
        sim_session_deinit(&b->session[i]);
    for (size_t i = 0; i < PACKETS; i++)
        mix_buf_deinit(&b->frames[i]);
    mix_buf_deinit(&b->regular);
    mix_buf_deinit(&b->ack);
    mix_buf_deinit(&b->out);
    mix_sphinx_free(b->sphinx);
    sim_roles_deinit(&b->net);
}

/* ---- packets ---- */

static void set_route(bench *b, mix_sphinx_route *route, size_t to) {
    *route = (mix_sphinx_route){.hops = HOPS};
    for (size_t i = 0; i < route->hops; i++) {
        const mixnet_member *m = b->net.role[i < MIX_LAYERS ? i : MIX_LAYERS + to].member;
        const mix_node *node = mix_topology_find(b->net.topology, m->identity);
        memcpy(route->hop[i].address, node->address, sizeof route->hop[i].address);
        memcpy(route->hop[i].key, node->sphinx_key, MIX_KEY_LEN);
        route->hop[i].delay_ns = mix_test_below(&b->net.env, 100000000); /* 50 ms in the middle */
    }
    memcpy(route->destination, b->identity[to].public_key, MIX_KEY_LEN);
}

/* A packet of the sender for the receiver, its acknowledgement in front of the message. */
static void build(bench *b) {
    mix_sphinx_route route[2];
    mix_sphinx_job job[2] = {{.route = &route[0], .version = MIX_SPHINX_V259},
                             {.route = &route[1], .version = MIX_SPHINX_V259}};
    uint8_t ack_message[21] = {0};
    mix_buf plain = {0};
    set_route(b, &route[0], 1);
    set_route(b, &route[1], 0);
    mix_buf_truncate(&b->regular, 0);
    mix_buf_truncate(&b->ack, 0);
    must(mix_sphinx_headers(b->sphinx, job, 2), "headers");
    must(mix_sphinx_seal(b->sphinx, &b->ack, &job[1], mix_payload_len(MIX_SIZE_ACK),
                         MIX_BYTES(ack_message)),
         "ack");
    must(mix_surb_ack_encode(&plain, route[1].hop[0].address, mix_buf_bytes(&b->ack)), "ack");
    mix_buf_put(&plain, b->message, sizeof b->message);
    mix_buf_put_zeros(&plain, mix_plaintext_len(MIX_SIZE_REGULAR) - plain.len);
    must(mix_sphinx_seal(b->sphinx, &b->regular, &job[0], mix_payload_len(MIX_SIZE_REGULAR),
                         mix_buf_bytes(&plain)),
         "packet");
    mix_buf_deinit(&plain);
}

/* The built packet as a MixPacket: the sender's session makes a frame of it. */
static void write_packet(bench *b) {
    mix_packet packet = {.rotation = mix_rotation_of(b->net.topology->rotation_id),
                         .next_hop = b->net.role[0].member->address,
                         .packet = mix_buf_bytes(&b->regular)};
    mix_buf_truncate(&b->out, 0);
    must(mix_packet_encode_v2(&b->out, &packet), "MixPacket");
    must(mix_gateway_write(b->session[0].session, mix_buf_bytes(&b->out), b->now), "write");
}

static void build_frames(bench *b) {
    for (size_t i = 0; i < PACKETS; i++) {
        mix_gateway_order order;
        build(b);
        write_packet(b);
        mix_buf_truncate(&b->frames[i], 0);
        must(mix_gateway_drain(b->session[0].session, &order, &b->frames[i], b->now), "frame");
        must(order.act == MIX_GATEWAY_SEND_BINARY ? MIX_OK : MIX_ERR_STATE, "frame");
    }
}

/* ---- what is measured ---- */

static void on_written(void *user, uint64_t conn, const mixnet_gateway_out *out) {
    bench *b = user;
    if (out->kind == MIXNET_WS_BINARY)
        b->pushed[conn == b->session[1].conn]++;
    b->answers += out->kind == MIXNET_WS_TEXT;
}

/* All frames, at an even pace in virtual time; seconds for each. */
static double pass(bench *b, bool acks) {
    size_t acks_wanted = acks ? PACKETS : 0, fed = 0;
    b->net.acks_lost = !acks;
    b->pushed[0] = b->pushed[1] = b->answers = 0;
    build_frames(b);
    mixnet_gateway *entry = sim_roles_gateway(&b->net, 0)->gateway;
    mix_time next = b->now, end = b->now + MIX_SECONDS(10);
    double started = mix_bench_now();
    while (next < end && (b->pushed[1] < PACKETS || b->pushed[0] < acks_wanted)) {
        b->now = next;
        for (size_t i = 0; i < PER_MS && fed < PACKETS; i++)
            must(mixnet_gateway_feed(entry, b->session[0].conn, MIXNET_WS_BINARY,
                                     mix_buf_bytes(&b->frames[fed++]), b->now),
                 "feed");
        while (sim_roles_move(&b->net, b->now))
            ;
        next = b->now + MIX_MS(1);
        if (fed == PACKETS && sim_roles_deadline(&b->net) > next)
            next = sim_roles_deadline(&b->net);
    }
    double took = mix_bench_now() - started;
    if (b->pushed[1] != PACKETS || b->pushed[0] != acks_wanted || b->answers != PACKETS)
        mix_bench_die("packets were lost", MIX_ERR_STATE);
    return took / (double)PACKETS;
}

/* Whole and by the real sessions, before anything is measured. */
static void prove(bench *b) {
    for (int i = 0; i < 10; i++) {
        build(b);
        write_packet(b);
    }
    for (mix_time end = b->now + MIX_SECONDS(2); b->now < end; b->now += MIX_MS(1))
        settle(b);
    mix_gateway_stats sender;
    mix_gateway_stats_get(b->session[0].session, &sender);
    must(b->intact == 10 && sender.pushed == 10 ? MIX_OK : MIX_ERR_STATE, "proof");
}

/* As many as all packets of a pass have hops. */
static double unwrap(bench *b, const mix_buf *packet) {
    double started = mix_bench_now();
    for (size_t i = 0; i < PACKETS * HOPS; i++) {
        mix_sphinx_result result;
        mix_buf_truncate(&b->out, 0);
        must(mix_sphinx_process(b->net.crypto, &result, &b->out, b->secret, mix_buf_bytes(packet)),
             "process");
    }
    return (mix_bench_now() - started) / (double)PACKETS;
}

static void keep_best(double *best, double seconds) {
    if (*best == 0 || seconds < *best)
        *best = seconds;
}

int main(void) {
    static bench b;
    double with = 0, without = 0, regular = 0, ack = 0, both = 0;
    start(&b);
    prove(&b);
    b.net.written = on_written;
    b.net.user = &b;
    must(mixnet_member_sphinx(b.net.crypto, b.net.role[0].member, b.net.topology->rotation_id,
                              b.secret),
         "key");
    for (int round = 0; round < ROUNDS; round++) {
        keep_best(&with, pass(&b, true));
        keep_best(&without, pass(&b, false));
        double there = unwrap(&b, &b.regular), back = unwrap(&b, &b.ack);
        keep_best(&regular, there);
        keep_best(&ack, back);
        keep_best(&both, there + back);
    }
    /* Ratios: the cost of a packet in that of its unwrapping alone; of the last row: in the 2,000
     * packets a second that a local mixnet has to carry, of which a busy machine may fall short. */
    mix_bench_row("mixnet-unwrap-regular", (double)HOPS / regular, "packets/s", 0);
    mix_bench_row("mixnet-unwrap-ack", (double)HOPS / ack, "packets/s", 0);
    mix_bench_row("mixnet-packet", 1 / without, "packets/s", without / regular);
    mix_bench_row("mixnet-packet-and-ack", 1 / with, "packets/s", with / both);
    mix_bench_row("mixnet-of-2000-per-core", 1 / with, "packets/s", 1 / with / (double)WANTED);
    mix_bench_bound("mixnet-packet-and-ack", with / both, "<=", 1.5);
    must(b.net.error, "roles");
    stop(&b);
    return mix_bench_status();
}
