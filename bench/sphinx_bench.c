/* SPDX-License-Identifier: Apache-2.0 */
/* Sphinx: headers the textbook way and the fast way, packets as a client sends them, packets as a
 * node unwraps them. */
#include "bench.h"
#include "mix/errors.h"
#include "sphinx/internal.h"
#include "sphinx/wire.h"
#include "testing.h"

enum {
    HOPS = 4,
    STRANGERS = 1024, /* twice as many keys as are remembered without a table: none is known when it
                         comes again */
};

typedef struct bench {
    mix_test_env env;
    mix_crypto *c;
    mix_sphinx *warm, *cold;
    mix_sphinx_route route[4];
    uint8_t secret[MIX_KEY_LEN]; /* of the first hop */
    uint8_t strangers[STRANGERS][MIX_KEY_LEN];
    size_t next_stranger;
    uint8_t message[2048];
    mix_buf packet, out;
} bench;

static void must(int status, const char *what) {
    if (status != MIX_OK)
        mix_bench_die(what, status);
}

static void draw(bench *b, uint8_t *out, size_t len) {
    must(mix_random(&b->env.env, out, len), "random");
}

static void draw_key(bench *b, uint8_t key[static MIX_KEY_LEN]) {
    draw(b, b->secret, MIX_KEY_LEN);
    mix_x25519_public(key, b->secret);
}

static void start(bench *b) {
    mix_test_env_init(&b->env, 1);
    must(mix_crypto_new(&b->c), "crypto");
    must(mix_sphinx_new(&b->warm, b->c, &b->env.env), "sphinx");
    must(mix_sphinx_new(&b->cold, b->c, &b->env.env), "sphinx");
    for (size_t i = 0; i < STRANGERS; i++)
        draw_key(b, b->strangers[i]);
    for (size_t i = 0; i < 4; i++) {
        mix_address a = {.family = 4, .port = 1789, .octets = {10, 0, 0, 1}};
        b->route[i].hops = HOPS;
        for (size_t hop = HOPS; hop-- > 0;) { /* the last secret drawn is the first hop's */
            draw_key(b, b->route[i].hop[hop].key);
            mix_address_pad(b->route[i].hop[hop].address, MIX_SPHINX_ADDRESS_LEN, &a);
        }
    }
    uint8_t keys[4 * HOPS][MIX_KEY_LEN];
    for (size_t i = 0; i < 4 * HOPS; i++)
        memcpy(keys[i], b->route[i / HOPS].hop[i % HOPS].key, MIX_KEY_LEN);
    must(mix_sphinx_warm(b->warm, (const uint8_t(*)[MIX_KEY_LEN])keys, 4 * HOPS), "warm");
    must(mix_sphinx_build(b->warm, &b->packet, &b->route[3], MIX_SPHINX_V259, 2065,
                          MIX_BYTES(b->message)),
         "build");
}

static void x25519(void *user) {
    bench *b = user;
    mix_x25519(b->message, b->message, b->route[0].hop[0].key);
}

static void headers_textbook(bench *b, mix_sphinx_job *jobs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        mix_sphinx_secrets secrets;
        uint8_t initial[MIX_KEY_LEN], padding[MIX_SPHINX_PADDING_MAX];
        draw(b, initial, sizeof initial);
        draw(b, padding, sizeof padding);
        must(mix_sphinx_derive_textbook(b->c, &secrets, initial, jobs[i].route, jobs[i].version),
             "textbook");
        must(mix_sphinx_header(b->c, jobs[i].header, &secrets, jobs[i].route, jobs[i].version,
                               padding),
             "header");
        for (size_t hop = 0; hop < HOPS; hop++)
            memcpy(jobs[i].material[hop], secrets.hop[hop] + MIX_AT_PAYLOAD, MIX_SPHINX_SEED_LEN);
    }
}

static void set_jobs(bench *b, mix_sphinx_job *jobs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        jobs[i].route = &b->route[i];
        jobs[i].version = MIX_SPHINX_V259;
    }
}

static void header_textbook(void *user) {
    bench *b = user;
    mix_sphinx_job job;
    set_jobs(b, &job, 1);
    headers_textbook(b, &job, 1);
}

static void header_fast(void *user) {
    bench *b = user;
    mix_sphinx_job job;
    set_jobs(b, &job, 1);
    must(mix_sphinx_headers(b->warm, &job, 1), "headers");
}

static void header_batch(void *user) {
    bench *b = user;
    mix_sphinx_job jobs[4];
    set_jobs(b, jobs, 4);
    must(mix_sphinx_headers(b->warm, jobs, 4), "headers");
}

/* Each node for the first time. */
static void header_cold(void *user) {
    bench *b = user;
    mix_sphinx_route route = b->route[0];
    mix_sphinx_job job = {.route = &route, .version = MIX_SPHINX_V259};
    for (size_t hop = 0; hop < HOPS; hop++)
        memcpy(route.hop[hop].key, b->strangers[b->next_stranger++ % STRANGERS], MIX_KEY_LEN);
    must(mix_sphinx_headers(b->cold, &job, 1), "headers");
}

/* A data packet as a client makes it: acknowledgement in front, two SURBs inside. The first two
 * jobs are packet and ack. */
static void seal_all(bench *b, const mix_sphinx_job *jobs) {
    uint8_t ack_message[21] = {0};
    mix_buf plain = {0}, ack = {0};
    must(mix_sphinx_seal(b->warm, &ack, &jobs[1], mix_payload_len(MIX_SIZE_ACK),
                         MIX_BYTES(ack_message)),
         "ack");
    must(mix_surb_ack_encode(&plain, jobs[1].route->hop[0].address, mix_buf_bytes(&ack)), "ack");
    mix_buf_put_bytes(&plain, mix_buf_bytes(&b->out));
    mix_buf_put_zeros(&plain, mix_plaintext_len(MIX_SIZE_REGULAR) - plain.len);
    mix_buf_truncate(&b->out, 0);
    must(mix_sphinx_seal(b->warm, &b->out, &jobs[0], mix_payload_len(MIX_SIZE_REGULAR),
                         mix_buf_bytes(&plain)),
         "seal");
    mix_buf_deinit(&plain);
    mix_buf_deinit(&ack);
}

static void packet_fast(void *user) {
    bench *b = user;
    mix_sphinx_job jobs[2];
    mix_buf_truncate(&b->out, 0);
    must(mix_surb_make(b->warm, &b->out, b->route + 2, 2, MIX_SPHINX_V259), "SURBs");
    set_jobs(b, jobs, 2);
    must(mix_sphinx_headers(b->warm, jobs, 2), "headers");
    seal_all(b, jobs);
}

static void packet_textbook(void *user) {
    bench *b = user;
    mix_sphinx_job jobs[4];
    mix_buf_truncate(&b->out, 0);
    set_jobs(b, jobs, 4);
    headers_textbook(b, jobs, 4);
    for (size_t i = 2; i < 4; i++) {
        mix_buf_put(&b->out, jobs[i].header, sizeof jobs[i].header);
        mix_buf_put_zeros(&b->out, MIX_SURB_LEN_4 - sizeof jobs[i].header);
    }
    seal_all(b, jobs);
}

static void unwrap(void *user) {
    bench *b = user;
    mix_sphinx_result result;
    mix_buf_truncate(&b->out, 0);
    must(mix_sphinx_process(b->c, &result, &b->out, b->secret, mix_buf_bytes(&b->packet)),
         "process");
}

int main(void) {
    static bench b;
    start(&b);
    enum { X25519, TEXTBOOK, FAST, BATCH, COLD, PACKET, PACKET_TEXTBOOK, UNWRAP, CASES };
    mix_bench_case t[CASES] = {
        [X25519] = {"x25519", x25519, &b, 0},
        [TEXTBOOK] = {"header_textbook", header_textbook, &b, 0},
        [FAST] = {"header_fast", header_fast, &b, 0},
        [BATCH] = {"header_batch", header_batch, &b, 0},
        [COLD] = {"header_cold", header_cold, &b, 0},
        [PACKET] = {"packet_fast", packet_fast, &b, 0},
        [PACKET_TEXTBOOK] = {"packet_textbook", packet_textbook, &b, 0},
        [UNWRAP] = {"unwrap", unwrap, &b, 0},
    };
    mix_bench_times(t, CASES, 0.5);
    double textbook = t[TEXTBOOK].seconds, batch = t[BATCH].seconds / 4;
    double warm = textbook / t[FAST].seconds, cold = textbook / t[COLD].seconds;
    double node = t[UNWRAP].seconds / (2 * t[X25519].seconds);
    /* Ratios of headers and packets: how many times as fast as the textbook. Of unwrapping: its
     * cost in pairs of X25519, of which it contains one. */
    mix_bench_row("x25519", 1 / t[X25519].seconds, "per s", 0);
    mix_bench_row("sphinx-header-4-textbook", 1 / textbook, "headers/s", 0);
    mix_bench_row("sphinx-header-4", 1 / t[FAST].seconds, "headers/s", warm);
    mix_bench_row("sphinx-header-4-batch-of-4", 1 / batch, "headers/s", textbook / batch);
    mix_bench_row("sphinx-header-4-cold", 1 / t[COLD].seconds, "headers/s", cold);
    mix_bench_row("sphinx-packet-ack-2-surbs", 1 / t[PACKET].seconds, "packets/s",
                  t[PACKET_TEXTBOOK].seconds / t[PACKET].seconds);
    mix_bench_row("sphinx-process", 1 / t[UNWRAP].seconds, "packets/s", node);
#ifdef __wasm__
    mix_bench_bound("sphinx-header-4", warm, ">=", 5);
#else
    mix_bench_bound("sphinx-header-4", warm, ">=", 4);
    mix_bench_bound("sphinx-process", node, "<=", 2.5);
#endif
    mix_bench_bound("sphinx-header-4-cold", cold, ">=", 2);
    mix_sphinx_free(b.warm);
    mix_sphinx_free(b.cold);
    mix_crypto_free(b.c);
    mix_buf_deinit(&b.packet);
    mix_buf_deinit(&b.out);
    return mix_bench_status();
}
