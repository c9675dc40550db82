/* SPDX-License-Identifier: Apache-2.0 */
/* What a client pays for each packet: one of data with two SURBs and its acknowledgement, from the
 * message to the MixPacket, against the same packet built the textbook way; and one of cover, with
 * what an idle client makes of a core. */
#include "bench.h"
#include "messages/messages.h"
#include "mix/errors.h"
#include "sphinx/internal.h"
#include "testing.h"
#include "traffic/route.h"

enum {
    MIXES = 9,
    GATEWAYS = 2,
    NODES = MIXES + GATEWAYS,
    HOPS = 4,
    DATA = 600,
    SURBS = 2,
    HEADERS = 2 + SURBS
};

typedef struct bench {
    mix_test_env env;
    mix_crypto *c;
    mix_sphinx *sphinx;
    mix_topology *topology;
    mix_client_keys keys;
    mix_recipient peer;
    mix_messages *messages;
    mix_traffic *traffic, *idle;
    mix_time now, idle_now;
    mix_buf out, plain;
    mix_sphinx_route route[HEADERS];
} bench;

static void must(int status, const char *what) {
    if (status != MIX_OK)
        mix_bench_die(what, status);
}

static void draw(bench *b, uint8_t *out, size_t len) {
    must(mix_random(&b->env.env, out, len), "random");
}

static void make_network(bench *b) {
    mix_node nodes[NODES] = {{0}};
    for (size_t i = 0; i < NODES; i++) {
        uint8_t secret[MIX_KEY_LEN];
        mix_address at = {.family = 4, .port = 1789, .octets = {10, 0, 0, (uint8_t)i}};
        draw(b, secret, sizeof secret);
        nodes[i].id = (uint32_t)i + 1;
        nodes[i].role = i < MIXES ? (mix_role)(MIX_ROLE_LAYER1 + i / 3) : MIX_ROLE_ENTRY;
        must(mix_ed25519_public(b->c, nodes[i].identity, secret), "identity");
        mix_x25519_public(nodes[i].sphinx_key, secret);
        mix_address_pad(nodes[i].address, sizeof nodes[i].address, &at);
    }
    must(mix_topology_new(&b->topology, nodes, NODES, 2, 7), "topology");
    must(mix_client_keys_init(&b->keys, &b->env.env, nodes[0].identity, nodes[MIXES].identity),
         "keys");
    b->peer = mix_client_recipient(&b->keys);
    memcpy(b->peer.gateway, nodes[MIXES + 1].identity, MIX_KEY_LEN);
    uint8_t keys[NODES][MIX_KEY_LEN];
    for (size_t i = 0; i < NODES; i++)
        memcpy(keys[i], nodes[i].sphinx_key, MIX_KEY_LEN);
    must(mix_sphinx_warm(b->sphinx, (const uint8_t(*)[MIX_KEY_LEN])keys, NODES), "warm");
    for (size_t i = 0; i < HEADERS; i++)
        must(mix_route_draw(&b->route[i], NULL, NULL,
                            &(mix_route_source){b->topology, NULL, &b->env.env},
                            nodes[MIXES].identity, b->keys.identity_public, MIX_MS(15)),
             "route");
}

static void start(bench *b) {
    mix_test_env_init(&b->env, 1);
    must(mix_crypto_new(&b->c), "crypto");
    must(mix_sphinx_new(&b->sphinx, b->c, &b->env.env), "sphinx");
    make_network(b);
    mix_messages_config messages;
    mix_messages_config_client(&messages);
    messages.crypto = b->c;
    messages.sphinx = b->sphinx;
    messages.keys = &b->keys;
    must(mix_messages_new(&b->messages, &messages, &b->env.env), "messages");
    must(mix_messages_set_topology(b->messages, b->topology, 0), "topology");
    mix_traffic_config traffic;
    mix_traffic_config_init(&traffic);
    traffic.crypto = b->c;
    traffic.sphinx = b->sphinx;
    traffic.keys = &b->keys;
    must(mix_traffic_new(&b->idle, &traffic, &b->env.env), "traffic");
    must(mix_traffic_set_topology(b->idle, b->topology, 0), "topology");
    traffic.pacing_off = traffic.cover_off = true;
    must(mix_traffic_new(&b->traffic, &traffic, &b->env.env), "traffic");
    must(mix_traffic_set_topology(b->traffic, b->topology, 0), "topology");
}

/* From the message to the MixPacket, through both engines. */
static void data_packet(void *user) {
    bench *b = user;
    static const uint8_t data[DATA];
    mix_message m = {.type = MIX_NYM_REPLIABLE,
                     .data = MIX_BYTES(data),
                     .to = &b->peer,
                     .surbs = SURBS,
                     .user = 1};
    mix_traffic_item item;
    must(mix_messages_write(b->messages, &m, b->now), "write");
    must(mix_messages_peek(b->messages, MIX_LANE_GENERAL, &item, b->now), "peek");
    must(mix_traffic_write(b->traffic, &item, b->now), "traffic");
    mix_messages_pop(b->messages, MIX_LANE_GENERAL, b->now);
    mix_buf_truncate(&b->out, 0);
    must(mix_traffic_drain(b->traffic, &b->out, b->now), "drain");
    mix_traffic_cancel(b->traffic, 1);
    if (mix_messages_peek(b->messages, MIX_LANE_GENERAL, &item, b->now) != MIX_DONE)
        mix_bench_die("the message took more than one packet", 0);
}

static void cover_packet(void *user) {
    bench *b = user;
    b->idle_now = mix_traffic_deadline(b->idle);
    mix_buf_truncate(&b->out, 0);
    must(mix_traffic_drain(b->idle, &b->out, b->idle_now), "cover");
}

static void textbook_job(bench *b, mix_sphinx_job *job, const mix_sphinx_route *route) {
    mix_sphinx_secrets secrets;
    uint8_t initial[MIX_KEY_LEN], padding[MIX_SPHINX_PADDING_MAX];
    draw(b, initial, sizeof initial);
    draw(b, padding, sizeof padding);
    job->route = route;
    job->version = MIX_SPHINX_V259;
    must(mix_sphinx_derive_textbook(b->c, &secrets, initial, route, job->version), "textbook");
    must(mix_sphinx_header(b->c, job->header, &secrets, route, job->version, padding), "header");
    for (size_t hop = 0; hop < HOPS; hop++)
        memcpy(job->material[hop], secrets.hop[hop] + MIX_AT_PAYLOAD, MIX_SPHINX_SEED_LEN);
}

/* The same work without any of our short cuts: four headers by the textbook, X25519 twice for the
 * payload's key. */
static void data_packet_textbook(void *user) {
    bench *b = user;
    static const uint8_t iv[MIX_AES128_KEY_LEN];
    mix_sphinx_job jobs[HEADERS];
    uint8_t secret[MIX_KEY_LEN], public[MIX_KEY_LEN], dh[MIX_KEY_LEN], key[MIX_AES128_KEY_LEN],
        ack[MIX_ACK_PLAINTEXT_LEN];
    uint8_t id[MIX_FRAGMENT_ID_LEN] = {1, 2, 3, 4, 5}, fragment[1611] = {0x80};
    for (size_t i = 0; i < HEADERS; i++)
        textbook_job(b, &jobs[i], &b->route[i]);
    for (size_t i = 2; i < HEADERS; i++)
        memcpy(fragment + 100 + (i - 2) * MIX_SPHINX_HEADER_LEN, jobs[i].header,
               MIX_SPHINX_HEADER_LEN);
    mix_buf_truncate(&b->plain, 0);
    must(mix_ack_seal(b->c, &b->env.env, ack, b->keys.ack_key, id), "ack");
    mix_buf_put(&b->plain, jobs[1].route->hop[0].address, MIX_ADDRESS_ACK);
    must(mix_sphinx_seal(b->sphinx, &b->plain, &jobs[1], mix_payload_len(MIX_SIZE_ACK),
                         MIX_BYTES(ack)),
         "ack");
    draw(b, secret, sizeof secret);
    mix_x25519_public(public, secret);
    mix_x25519(dh, secret, b->peer.encryption);
    mix_hkdf_blake3(key, sizeof key, MIX_BYTES(dh), (mix_bytes){0}, (mix_bytes){0});
    must(mix_aes128_ctr(b->c, key, iv, fragment, sizeof fragment), "fragment");
    mix_buf_put(&b->plain, public, sizeof public);
    mix_buf_put(&b->plain, fragment, sizeof fragment);
    mix_buf_truncate(&b->out, 0);
    must(mix_sphinx_seal(b->sphinx, &b->out, &jobs[0], mix_payload_len(MIX_SIZE_REGULAR),
                         mix_buf_bytes(&b->plain)),
         "seal");
}

int main(void) {
    static bench b;
    start(&b);
    enum { PACKET, TEXTBOOK, COVER, CASES };
    mix_bench_case t[CASES] = {
        [PACKET] = {"packet", data_packet, &b, 0},
        [TEXTBOOK] = {"textbook", data_packet_textbook, &b, 0},
        [COVER] = {"cover", cover_packet, &b, 0},
    };
    mix_bench_times(t, CASES, 0.5);
    /* Ratio of data packets: how many times as fast as the textbook. Idle: 50 packets a second of
     * the main stream and 5 of loop cover. */
    double faster = t[TEXTBOOK].seconds / t[PACKET].seconds;
    mix_bench_row("traffic-packet-2-surbs", 1 / t[PACKET].seconds, "packets/s", faster);
    mix_bench_row("traffic-packet-2-surbs-textbook", 1 / t[TEXTBOOK].seconds, "packets/s", 0);
    mix_bench_row("traffic-cover", 1 / t[COVER].seconds, "packets/s", 0);
    mix_bench_row("traffic-idle", 55 * t[COVER].seconds * 100, "% of a core", 0);
#ifdef __wasm__
    mix_bench_bound("traffic-packet-2-surbs", faster, ">=", 4);
#endif
    mix_messages_free(b.messages);
    mix_traffic_free(b.traffic);
    mix_traffic_free(b.idle);
    mix_sphinx_free(b.sphinx);
    mix_topology_free(b.topology);
    mix_crypto_free(b.c);
    mix_buf_deinit(&b.out);
    mix_buf_deinit(&b.plain);
    return mix_bench_status();
}
