/* SPDX-License-Identifier: Apache-2.0 */
/* The session driven by any script of time steps, link events, right and wrong messages, failing
 * memory: it must not crash, leak, spin, exceed its bounds, or give out what came on another
 * connection. */
#include "alloc_fail.h"
#include "gateway/gateway.h"
#include "gateway/wire_handshake.h"
#include "gateway/wire_refusals.h"
#include "mix/errors.h"
#include "testing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    STALE = 0xee,           /* fills messages that must never come out */
    FRESH = 0x11,           /* fills those that may */
    MEMORY_BOUND = 4 << 20, /* queues, and the JSON reader at work on the longest text */
    OPERATIONS = 400,       /* a script */
};

static mix_crypto *crypto;
static mix_test_env env;
static const uint8_t gateway_seed[2][MIX_KEY_LEN] = {{1}, {2}};
static uint8_t gateway_identity[2][MIX_KEY_LEN];

typedef struct machine {
    mix_gateway *g;
    mix_reader in;
    mix_time now;
    mix_gateway_order order;
    size_t which; /* of the two gateways */
    mix_handshake handshake;
    uint8_t key[MIX_KEY_LEN];
    bool has_key;
    size_t before;    /* bytes in use when it began */
    size_t fail_next; /* the n-th allocation of the next call fails */
} machine;

static void must(bool holds) {
    if (!holds)
        abort();
}

static void feed(machine *m, uint32_t link, bool binary, mix_bytes message) {
    int status = mix_gateway_feed(m->g, link, binary, message, m->now);
    must(status <= MIX_BLOCKED &&
         (status >= 0 || mix_gateway_error(m->g)->code != 0 || status == MIX_ERR_MEMORY));
}

static void feed_text(machine *m, const mix_text *t) {
    mix_buf out = {0};
    if (mix_text_encode(&out, t) == MIX_OK)
        feed(m, m->order.link, false, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

/* Seals with the key that both sides should have. */
static void feed_push(machine *m, uint32_t link, uint8_t fill, size_t len) {
    static uint8_t message[4096];
    mix_buf out = {0};
    memset(message, fill, sizeof message);
    if (mix_gateway_frame_seal(&out, crypto, &env.env, m->key, MIX_FRAME_PUSHED,
                               mix_bytes_of(message, len % sizeof message),
                               (mix_bytes){0}) == MIX_OK)
        feed(m, link, true, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

/* What a right gateway answers to this handshake message. */
static void answer_handshake(machine *m, const mix_text *t) {
    mix_buf out = {0};
    bool first = t->data.len == 80;
    int status = first ? mix_handshake_accept(&m->handshake, &out, crypto, &env.env,
                                              gateway_seed[m->which], t->data)
                       : mix_handshake_finish(&m->handshake, &out, crypto, t->data);
    if (status == MIX_OK)
        feed_text(m, &(mix_text){.type = MIX_TEXT_PAYLOAD,
                                 .version = t->version,
                                 .data = mix_buf_bytes(&out)});
    mix_buf_deinit(&out);
    if (status != MIX_OK || first)
        return;
    memcpy(m->key, m->handshake.key, sizeof m->key);
    m->has_key = true;
    feed_text(m, &(mix_text){.type = MIX_TEXT_REGISTERED, .version = t->version, .status = true});
}

static void answer_text(machine *m, mix_bytes text) {
    mix_buf scratch = {0};
    mix_text t;
    int sides = MIX_TEXT_REQUEST | MIX_TEXT_HANDSHAKE;
    int status = mix_text_decode(&t, &scratch, (mix_text_side)sides, text, NULL);
    must(status == MIX_OK || status == MIX_ERR_MEMORY); /* what we write can be read */
    if (status == MIX_OK && t.type == MIX_TEXT_ASK_PROTOCOL)
        feed_text(m, &(mix_text){.type = MIX_TEXT_PROTOCOL, .version = 6});
    else if (status == MIX_OK && (t.type == MIX_TEXT_REGISTER || t.type == MIX_TEXT_PAYLOAD))
        answer_handshake(m, &t);
    else if (status == MIX_OK && t.type == MIX_TEXT_AUTHENTICATE)
        feed_text(m, &(mix_text){.type = MIX_TEXT_AUTHENTICATED,
                                 .version = t.version,
                                 .status = true,
                                 .amount = 7});
    else if (status == MIX_OK && t.type == MIX_TEXT_CLAIM)
        feed_text(m, &(mix_text){.type = MIX_TEXT_BANDWIDTH, .amount = (int64_t)64 << 30});
    mix_buf_deinit(&scratch);
}

/* Takes one order; and if serve, does what it says and answers as a right gateway would. */
static void drain(machine *m, bool serve) {
    mix_gateway_order order;
    mix_buf out = {0};
    int status = mix_gateway_drain(m->g, &order, &out, m->now);
    must(status == MIX_OK || out.len == 0);
    if (status == MIX_OK) {
        must(order.act == MIX_GATEWAY_CLOSE ? out.len == 0 : out.len > 0);
        mix_gateway_state state = mix_gateway_state_of(m->g);
        must(order.act != MIX_GATEWAY_SEND_BINARY || state == MIX_GATEWAY_IS_READY ||
             state == MIX_GATEWAY_IS_CLAIMING); /* a few packets follow the first claim */
        if (order.act != MIX_GATEWAY_CLOSE)
            m->order = order;
        if (serve && order.act == MIX_GATEWAY_CONNECT)
            mix_gateway_opened(m->g, order.link, m->now);
        else if (serve && order.act == MIX_GATEWAY_SEND_TEXT)
            answer_text(m, mix_buf_bytes(&out));
        else if (serve && order.act == MIX_GATEWAY_SEND_BINARY)
            feed_text(m, &(mix_text){.type = MIX_TEXT_SENT, .amount = (int64_t)32 << 30});
    }
    mix_buf_deinit(&out);
}

static void events(machine *m) {
    mix_gateway_event ev;
    int status, count = 0;
    while ((status = mix_gateway_next(m->g, &ev)) == MIX_OK) {
        must(++count < 300);
        must(ev.kind >= MIX_GATEWAY_LOST && ev.kind <= MIX_GATEWAY_PUSHED);
        bool bad = ev.kind == MIX_GATEWAY_LOST || ev.kind == MIX_GATEWAY_WANTED ||
                   ev.kind == MIX_GATEWAY_FAILED;
        must(bad == (ev.error != NULL) && (!bad || ev.error->code != 0));
        must(ev.kind != MIX_GATEWAY_STORE ||
             (ev.store.len > 0 && ev.store.len <= MIX_IDENTITY_MAX));
        must(ev.kind != MIX_GATEWAY_PUSHED || ev.bytes.len == 0 || ev.bytes.data[0] == FRESH);
    }
    must(status == MIX_DONE || status == MIX_ERR_MEMORY);
}

static void pass(machine *m, mix_time span) {
    m->now += span;
    env.wall += span;
    if (mix_gateway_deadline(m->g) > m->now)
        return;
    mix_gateway_tick(m->g, m->now);
    must(mix_gateway_deadline(m->g) > m->now); /* else a host would spin */
}

static void write_packet(machine *m, size_t cost) {
    uint8_t packet[9 + 2413] = {0, 2, 4};
    int status = mix_gateway_write(m->g, mix_bytes_of(packet, 9 + cost), m->now);
    must(status == MIX_OK || status == MIX_BLOCKED || status == MIX_ERR_STATE ||
         status == MIX_ERR_MEMORY);
}

/* Texts that no one asked for, or with content that a script can choose. */
static void strange_text(machine *m, uint8_t which, uint8_t parameter) {
    mix_text t = {.type = (mix_text_type)(MIX_TEXT_AUTHENTICATED +
                                          which % (MIX_TEXT_TYPES - MIX_TEXT_AUTHENTICATED)),
                  .version = parameter,
                  .status = (parameter & 1) != 0,
                  .amount = (int64_t)(parameter & 0x7f) << (parameter & 0x38) >> (parameter & 7),
                  .required = parameter,
                  .out_of_bandwidth = (parameter & 2) != 0,
                  .data = mix_bytes_of(&parameter, 1),
                  .text = mix_bytes_str(
                      mix_refusal_text((mix_refusal)(parameter % (MIX_REFUSAL_UNKNOWN + 1))))};
    feed_text(m, &t);
}

static void choose(machine *m, uint8_t which) {
    m->which = which & 1;
    (void)mix_gateway_choose(m->g, gateway_identity[m->which], mix_bytes_str("wss://a:1/"), m->now);
}

static void step(machine *m) {
    uint8_t operation = mix_read_u8(&m->in);
    mix_alloc_fail_at(m->fail_next, 0);
    m->fail_next = 0;
    switch (operation % 20) {
    case 0:
        (void)mix_gateway_start(m->g, m->now);
        break;
    case 1:
        choose(m, mix_read_u8(&m->in));
        break;
    case 2:
        drain(m, false);
        break;
    case 3:
    case 4:
    case 5:
        drain(m, true);
        break;
    case 6:
        pass(m, MIX_MS(mix_read_u16(&m->in)));
        break;
    case 7:
        mix_gateway_opened(m->g, m->order.link, m->now);
        break;
    case 8:
        mix_gateway_closed(m->g, m->order.link, mix_read_u8(&m->in), "why", m->now);
        break;
    case 9:
        feed(m, m->order.link, false, mix_read_bytes(&m->in, mix_read_u8(&m->in)));
        break;
    case 10:
        feed(m, m->order.link, true, mix_read_bytes(&m->in, mix_read_u8(&m->in)));
        break;
    case 11:
        feed_push(m, m->order.link, FRESH, mix_read_u16(&m->in));
        break;
    case 12:
        feed_push(m, m->order.link - 1 - mix_read_u8(&m->in), STALE, 100);
        break;
    case 13: {
        uint8_t which = mix_read_u8(&m->in);
        strange_text(m, which, mix_read_u8(&m->in));
        break;
    }
    case 14:
    case 15:
        write_packet(m, operation & 32 ? 386 : 2413);
        break;
    case 16:
        events(m);
        break;
    case 17:
        mix_gateway_stop(m->g, (mix_read_u8(&m->in) & 1) != 0, m->now);
        break;
    case 18:
        mix_gateway_nudge(m->g, m->now);
        break;
    default:
        m->fail_next = mix_read_u8(&m->in);
        break;
    }
    mix_alloc_fail_at(0, 0);
}

static void check(const machine *m) {
    mix_gateway_stats stats;
    mix_gateway_stats_get(m->g, &stats);
    must(stats.in_flight <= 256 &&
         stats.packets_accepted + stats.packets_refused <= stats.packets_sent);
    must(mix_gateway_room(m->g) + mix_gateway_backlog(m->g) == 32);
    must(mix_alloc_live_bytes() - m->before < MEMORY_BOUND);
    must(mix_gateway_state_of(m->g) != MIX_GATEWAY_IS_READY ||
         mix_gateway_identity(m->g)->registration.present);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_test_env_init(&env, 1);
    if (!crypto) {
        must(mix_crypto_new(&crypto) == MIX_OK);
        for (size_t i = 0; i < 2; i++)
            must(mix_ed25519_public(crypto, gateway_identity[i], gateway_seed[i]) == MIX_OK);
    }
    size_t live = mix_alloc_live();
    mix_identity identity;
    mix_vault vault = {0};
    must(mix_identity_new(&identity, crypto, &env.env) == MIX_OK);
    mix_gateway_config cfg;
    mix_gateway_config_init(&cfg);
    cfg.crypto = crypto;
    cfg.identity = &identity;
    cfg.vault = &vault;
    machine m = {.in = {.in = mix_bytes_of(data, size)},
                 .now = MIX_SECONDS(5),
                 .before = mix_alloc_live_bytes()};
    must(mix_gateway_new(&m.g, &cfg, &env.env) == MIX_OK);
    for (int i = 0; i < OPERATIONS && m.in.in.len > 0; i++) {
        step(&m);
        check(&m);
    }
    events(&m);
    mix_gateway_free(m.g);
    must(mix_alloc_live() == live);
    return 0;
}
