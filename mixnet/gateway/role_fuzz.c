/* SPDX-License-Identifier: Apache-2.0 */
/* A script of what connections, the node and time do to a gateway with tight limits: any bytes from
 * strangers and from registered clients, in any order. */
#include "gateway/wire_handshake.h"
#include "mixnet/gateway/gateway.h"
#include "testing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONNS = 4, CLIENTS = 3 };

static mix_crypto *crypto;
static mix_test_env env;
static uint8_t gateway_identity[MIX_KEY_LEN];
static struct {
    uint8_t seed[MIX_KEY_LEN], identity[MIX_KEY_LEN], key[MIX_KEY_LEN];
} clients[CLIENTS];
static const mixnet_gateway_limits limits = {.connections = 3,
                                             .clients = 2,
                                             .replies = 8,
                                             .reply_bytes = 4096,
                                             .live_bytes = 1000,
                                             .early = 2,
                                             .early_bytes = 256,
                                             .connection_bytes = 6000,
                                             .stored_client = 2000,
                                             .stored_total = 3000,
                                             .forward = 2};

static void must(bool holds) {
    if (!holds)
        abort();
}

static void once(void) {
    static const uint8_t seed[MIX_KEY_LEN] = {5};
    must(mix_crypto_new(&crypto) == MIX_OK);
    must(mix_ed25519_public(crypto, gateway_identity, seed) == MIX_OK);
    for (uint8_t i = 0; i < CLIENTS; i++) {
        clients[i].seed[0] = i;
        must(mix_ed25519_public(crypto, clients[i].identity, clients[i].seed) == MIX_OK);
    }
}

static void feed_text(mixnet_gateway *g, uint64_t conn, const mix_text *t, mix_time now) {
    mix_buf out = {0};
    must(mix_text_encode(&out, t) == MIX_OK);
    (void)mixnet_gateway_feed(g, conn, MIXNET_WS_TEXT, mix_buf_bytes(&out), now);
    mix_buf_deinit(&out);
}

/* The next envelope of the handshake on this connection, past all else that is sent. */
static bool envelope(mixnet_gateway *g, uint64_t conn, mix_text *t, mix_buf *scratch,
                     mix_time now) {
    mixnet_gateway_out out;
    while (mixnet_gateway_drain(g, conn, &out, now) == MIX_OK) {
        if (out.kind == MIXNET_WS_TEXT &&
            mix_text_decode(t, scratch, MIX_TEXT_HANDSHAKE, out.bytes, NULL) == MIX_OK)
            return t->type == MIX_TEXT_PAYLOAD;
    }
    return false;
}

static void register_client(mixnet_gateway *g, uint64_t conn, size_t client, mix_time now) {
    mix_handshake h = {0};
    mix_buf message = {0}, scratch = {0};
    mix_text t;
    must(mix_handshake_start(&h, &message, &env.env, clients[client].identity) == MIX_OK);
    feed_text(g, conn,
              &(mix_text){.type = MIX_TEXT_PAYLOAD, .version = 6, .data = mix_buf_bytes(&message)},
              now);
    mix_buf_truncate(&message, 0);
    if (envelope(g, conn, &t, &scratch, now) &&
        mix_handshake_answer(&h, &message, crypto, &env.env, clients[client].seed, gateway_identity,
                             t.data) == MIX_OK) {
        feed_text(
            g, conn,
            &(mix_text){.type = MIX_TEXT_PAYLOAD, .version = 6, .data = mix_buf_bytes(&message)},
            now);
        if (envelope(g, conn, &t, &scratch, now))
            memcpy(clients[client].key, h.key, MIX_KEY_LEN);
    }
    mix_buf_deinit(&message);
    mix_buf_deinit(&scratch);
}

static void login(mixnet_gateway *g, uint64_t conn, size_t client, mix_time now) {
    mix_buf text = {0};
    must(mix_authenticate_write(&text, crypto, &env.env, clients[client].seed,
                                clients[client].identity, clients[client].key, 6,
                                (uint64_t)(env.wall / 1000000)) == MIX_OK);
    (void)mixnet_gateway_feed(g, conn, MIXNET_WS_TEXT, mix_buf_bytes(&text), now);
    mix_buf_deinit(&text);
}

/* Bytes that a client sealed: a packet, a request, or a ticket. */
static void sealed(mixnet_gateway *g, uint64_t conn, size_t client, uint8_t how, mix_bytes plain,
                   mix_time now) {
    mix_buf out = {0};
    const uint8_t *key = clients[client].key;
    if (how % 4 < 2)
        must(mix_gateway_frame_seal(&out, crypto, &env.env, key, (uint8_t)(1 + how % 2), plain,
                                    (mix_bytes){0}) == MIX_OK);
    else
        must(mix_text_seal(&out, crypto, &env.env, key,
                           how % 4 == 2 ? MIX_TEXT_SEALED_REQUEST : MIX_TEXT_TICKET,
                           plain) == MIX_OK);
    (void)mixnet_gateway_feed(g, conn, how % 4 < 2 ? MIXNET_WS_BINARY : MIXNET_WS_TEXT,
                              mix_buf_bytes(&out), now);
    mix_buf_deinit(&out);
}

static void drain(mixnet_gateway *g, uint64_t conn, size_t most, mix_time now) {
    mixnet_gateway_out out;
    mixnet_gateway_ready_conn ready;
    mix_packet packet;
    while (most-- > 0 && mixnet_gateway_drain(g, conn, &out, now) == MIX_OK)
        must(out.kind != MIXNET_WS_CLOSE || out.bytes.len <= MIXNET_GATEWAY_REASON_MAX);
    if (mixnet_gateway_ready(g, &ready) == MIX_OK && ready.give_up) {
        must(mixnet_gateway_drain(g, ready.conn, &out, now) == MIX_OK &&
             out.kind == MIXNET_WS_CLOSE);
        must(mixnet_gateway_drain(g, ready.conn, &out, now) == MIX_DONE);
    }
    if (most % 2 == 0 && mixnet_gateway_next(g, &packet) == MIX_OK)
        must(packet.packet.len >= 377);
}

static void save_and_load(mixnet_gateway *g, mix_bytes damage) {
    mixnet_gateway *other;
    mixnet_gateway_config config = {.limits = limits};
    mixnet_gateway_stats stats;
    mix_buf table = {0};
    must(mixnet_gateway_save(g, &table) == MIX_OK && !mixnet_gateway_dirty(g));
    must(mixnet_gateway_new(&other, &config, crypto, &env.env) == MIX_OK);
    must(mixnet_gateway_load(other, damage, NULL) < 0);
    must(mixnet_gateway_load(other, mix_buf_bytes(&table), NULL) == MIX_OK);
    mixnet_gateway_get_stats(g, &stats);
    size_t count = stats.clients;
    mixnet_gateway_get_stats(other, &stats);
    must(count == stats.clients);
    mixnet_gateway_free(other);
    mix_buf_deinit(&table);
}

static void check(const mixnet_gateway *g) {
    mixnet_gateway_stats s;
    mixnet_gateway_get_stats(g, &s);
    must(s.connections <= limits.connections && s.active <= s.connections &&
         s.clients <= limits.clients);
    must(s.stored_bytes <= limits.stored_total && s.forward_waiting <= limits.forward);
    must(s.reply_bytes <= limits.connection_bytes);
    must(s.stored > 0 || s.stored_bytes == 0);
}

/* One step: what, which connection, which client or detail, how many bytes follow. */
static void step(mixnet_gateway *g, const uint8_t head[static 4], mix_bytes bytes, mix_time *now) {
    uint64_t conn = head[1] % CONNS;
    size_t client = head[2] % CLIENTS;
    switch (head[0] % 12) {
    case 0:
        (void)mixnet_gateway_opened(g, conn, *now);
        break;
    case 1:
        (void)mixnet_gateway_feed(g, conn, (mixnet_ws_kind)(head[2] % 5), bytes, *now);
        break;
    case 2:
        mixnet_gateway_closed(g, conn, *now);
        break;
    case 3:
        drain(g, conn, head[2], *now);
        break;
    case 4:
        *now += MIX_MS(100) * head[2];
        env.wall += MIX_MS(100) * head[2];
        mixnet_gateway_tick(g, *now);
        must(mixnet_gateway_deadline(g) > *now);
        break;
    case 5:
        (void)mixnet_gateway_deliver(g, clients[client].identity, bytes, *now);
        break;
    case 6:
        register_client(g, conn, client, *now);
        break;
    case 7:
        login(g, conn, client, *now);
        break;
    case 8:
        sealed(g, conn, client, head[2] / CLIENTS, bytes, *now);
        break;
    case 9:
        mixnet_gateway_forget(g, head[1] % 2 ? clients[client].identity : NULL);
        break;
    case 10:
        mixnet_gateway_kick(g, head[1] % 2 ? clients[client].identity : NULL, *now);
        break;
    case 11:
        save_and_load(g, bytes);
        break;
    }
    check(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!crypto)
        once();
    mix_test_env_init(&env, 1);
    mixnet_gateway *g;
    mixnet_gateway_config config = {.seed = {5}, .limits = limits};
    must(mixnet_gateway_new(&g, &config, crypto, &env.env) == MIX_OK);
    mix_reader r = {.in = mix_bytes_of(data, size)};
    mix_time now = MIX_SECONDS(1);
    for (int steps = 0; steps < 60; steps++) {
        const uint8_t *head = mix_read(&r, 4);
        if (!head)
            break;
        size_t len = (size_t)head[3] * 16; /* up to 4 KiB */
        step(g, head, mix_read_bytes(&r, len < r.in.len ? len : r.in.len), &now);
    }
    mixnet_gateway_free(g);
    return 0;
}
