/* SPDX-License-Identifier: Apache-2.0 */
/* Packets and SURBs made and walked hop by hop, and what bad input and missing memory get. */
#include "alloc_fail.h"
#include "base/alloc.h"
#include "mix/errors.h"
#include "sphinx/internal.h"
#include "sphinx/wire.h"
#include "testing.h"

#include <stdlib.h>

enum { NODES = 12 };

typedef struct fixture {
    mix_test_env env;
    mix_crypto *c;
    mix_sphinx *s;
    uint8_t secret[NODES][MIX_KEY_LEN], key[NODES][MIX_KEY_LEN];
} fixture;

static void setup(fixture *f, uint64_t seed) {
    mix_test_env_init(&f->env, seed);
    assert_status(mix_crypto_new(&f->c), MIX_OK);
    assert_status(mix_sphinx_new(&f->s, f->c, &f->env.env), MIX_OK);
    for (size_t i = 0; i < NODES; i++) {
        assert_int_equal(f->env.env.random(&f->env, f->secret[i], MIX_KEY_LEN), 0);
        mix_x25519_public(f->key[i], f->secret[i]);
    }
}

static void teardown(fixture *f) {
    mix_sphinx_free(f->s);
    mix_crypto_free(f->c);
}

/* Node `first` and those after it. */
static mix_sphinx_route route_from(const fixture *f, size_t first, size_t hops) {
    mix_sphinx_route route = {.hops = hops};
    for (size_t i = 0; i < hops && i < MIX_SPHINX_MAX_HOPS; i++) {
        size_t node = (first + i) % NODES;
        mix_address a = {.family = 4, .port = 1789, .octets = {10, 0, 0, (uint8_t)node}};
        mix_address_pad(route.hop[i].address, MIX_SPHINX_ADDRESS_LEN, &a);
        memcpy(route.hop[i].key, f->key[node], MIX_KEY_LEN);
        route.hop[i].delay_ns = 1000000 * (node + 1);
    }
    memset(route.destination, 0xd0, sizeof route.destination);
    memset(route.identifier, 0x1d, sizeof route.identifier);
    return route;
}

/* Walks the packet along its route; checks what each hop learns, and the message at the end. Frees
 * the packet. */
static void walk(fixture *f, mix_buf *packet, const mix_sphinx_route *route, size_t first,
                 uint16_t version, mix_bytes message) {
    for (size_t i = 0; i < route->hops; i++) {
        mix_sphinx_result r;
        mix_buf out = {0};
        size_t len = packet->len;
        assert_status(mix_sphinx_process(f->c, &r, &out, f->secret[(first + i) % NODES],
                                         mix_buf_bytes(packet)),
                      MIX_OK);
        assert_int_equal(r.version, version);
        if (i + 1 < route->hops) {
            assert_int_equal(r.kind, MIX_SPHINX_FORWARD);
            assert_int_equal(out.len, len);
            assert_true(r.delay_ns == route->hop[i].delay_ns);
            assert_bytes(MIX_BYTES(r.next_address), MIX_BYTES(route->hop[i + 1].address));
        } else {
            mix_bytes found = {0};
            assert_int_equal(r.kind, MIX_SPHINX_FINAL);
            assert_int_equal(out.len, len - MIX_SPHINX_HEADER_LEN);
            assert_bytes(MIX_BYTES(r.destination), MIX_BYTES(route->destination));
            assert_bytes(MIX_BYTES(r.identifier), MIX_BYTES(route->identifier));
            assert_status(mix_sphinx_unpad(&found, mix_buf_bytes(&out)), MIX_OK);
            assert_bytes(found, message);
        }
        mix_buf_deinit(packet);
        *packet = out;
    }
    mix_buf_deinit(packet);
}

static void packets_reach_their_end(void **state) {
    (void)state;
    static const size_t payloads[] = {33, 38, 2065, 8209, 16401, 32785};
    fixture f;
    setup(&f, 1);
    uint8_t *message = calloc(1, 32768);
    assert_non_null(message);
    for (size_t i = 0; i < 60; i++) {
        size_t hops = 1 + i % 5, payload = payloads[i % 6];
        uint16_t version = i % 2 ? MIX_SPHINX_V258 : MIX_SPHINX_V259;
        size_t room = payload - MIX_SPHINX_OVERHEAD,
               len = i < 12 ? room : (size_t)mix_test_below(&f.env, room + 1);
        assert_int_equal(f.env.env.random(&f.env, message, len), 0);
        mix_sphinx_route route = route_from(&f, i, hops);
        mix_buf packet = {0};
        assert_status(
            mix_sphinx_build(f.s, &packet, &route, version, payload, mix_bytes_of(message, len)),
            MIX_OK);
        assert_int_equal(packet.len, MIX_SPHINX_HEADER_LEN + payload);
        walk(&f, &packet, &route, i, version, mix_bytes_of(message, len));
    }
    free(message);
    teardown(&f);
}

static void surbs_reach_their_maker(void **state) {
    (void)state;
    enum { COUNT = 19 };
    fixture f;
    setup(&f, 2);
    mix_sphinx_route routes[COUNT];
    for (int round = 0; round < 2; round++) {
        uint16_t version = round ? MIX_SPHINX_V258 : MIX_SPHINX_V259;
        mix_buf surbs = {0};
        for (size_t i = 0; i < COUNT; i++)
            routes[i] = route_from(&f, i, 1 + i % 5);
        assert_status(mix_surb_make(f.s, &surbs, routes, COUNT, version), MIX_OK);
        size_t at = 0;
        for (size_t i = 0; i < COUNT; i++) {
            mix_buf packet = {0};
            uint8_t first[MIX_SPHINX_ADDRESS_LEN];
            mix_bytes surb =
                mix_bytes_slice(mix_buf_bytes(&surbs), at, mix_surb_len(routes[i].hops, version));
            mix_bytes message = mix_bytes_str("a reply");
            assert_status(mix_surb_check(surb), MIX_OK);
            assert_status(mix_surb_use(f.s, &packet, first, surb, 2065, message), MIX_OK);
            assert_bytes(MIX_BYTES(first), MIX_BYTES(routes[i].hop[0].address));
            walk(&f, &packet, &routes[i], i, version, message);
            at += surb.len;
        }
        assert_int_equal(at, surbs.len);
        mix_buf_deinit(&surbs);
    }
    assert_int_equal(mix_surb_len(4, MIX_SPHINX_V259), MIX_SURB_LEN_4);
    teardown(&f);
}

static void no_two_headers_are_alike(void **state) {
    (void)state;
    fixture f;
    setup(&f, 3);
    mix_sphinx_route route = route_from(&f, 0, 4);
    mix_sphinx_job jobs[9];
    for (size_t i = 0; i < 9; i++)
        jobs[i] = (mix_sphinx_job){.route = &route, .version = MIX_SPHINX_V259};
    assert_status(mix_sphinx_headers(f.s, jobs, 9), MIX_OK);
    for (size_t i = 0; i < 9; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(jobs[i].header, jobs[j].header, 32);
            assert_memory_not_equal(jobs[i].material[3], jobs[j].material[3], 16);
        }
    }
    teardown(&f);
}

static void what_cannot_be_built(void **state) {
    (void)state;
    fixture f;
    setup(&f, 4);
    uint8_t zeros[sizeof((mix_sphinx_job *)0)->material] = {0}, message[2049] = {0};
    mix_sphinx_route good = route_from(&f, 0, 4), none = route_from(&f, 0, 0),
                     six = route_from(&f, 0, 6);
    const struct {
        const mix_sphinx_route *route;
        uint16_t version;
        size_t payload, len;
        int status;
    } rows[] = {
        {&none, 259, 2065, 0, MIX_ERR_SPHINX_ROUTE},
        {&six, 259, 2065, 0, MIX_ERR_SPHINX_ROUTE},
        {&good, 1, 2065, 0, MIX_ERR_SPHINX_VERSION},
        {&good, 257, 2065, 0, MIX_ERR_SPHINX_VERSION},
        {&good, 260, 2065, 0, MIX_ERR_SPHINX_VERSION},
        {&good, 0, 2065, 0, MIX_ERR_SPHINX_VERSION},
        {&good, 259, 32, 0, MIX_ERR_SPHINX_PAYLOAD_SIZE},
        {&good, 259, 0, 0, MIX_ERR_SPHINX_PAYLOAD_SIZE},
        {&good, 259, 2065, 2049, MIX_ERR_SPHINX_MESSAGE},
        {&good, 259, 33, 17, MIX_ERR_SPHINX_MESSAGE},
        {&good, 259, 33, SIZE_MAX, MIX_ERR_SPHINX_MESSAGE},
        {&good, 259, 2065, 2048, MIX_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_buf out = {0};
        mix_buf_put_str(&out, "before");
        int status = mix_sphinx_build(f.s, &out, rows[i].route, rows[i].version, rows[i].payload,
                                      mix_bytes_of(message, rows[i].len));
        assert_status(status, rows[i].status);
        assert_int_equal(out.len, rows[i].status == MIX_OK ? 6 + 2413 : 6);
        assert_memory_equal(out.data, "before", 6);
        mix_buf_deinit(&out);
    }
    /* One bad job among good ones: nothing comes of any. */
    mix_sphinx_job jobs[12];
    for (size_t i = 0; i < 12; i++)
        jobs[i] = (mix_sphinx_job){
            .route = i == 11 ? &none : &good, .version = 259, .header = {1}, .material = {{1}}};
    assert_status(mix_sphinx_headers(f.s, jobs, 12), MIX_ERR_SPHINX_ROUTE);
    for (size_t i = 0; i < 12; i++) {
        assert_memory_equal(jobs[i].header, zeros, sizeof jobs[i].header);
        assert_memory_equal(jobs[i].material, zeros, sizeof jobs[i].material);
    }
    teardown(&f);
}

static void no_randomness_no_packet(void **state) {
    (void)state;
    fixture f;
    setup(&f, 5);
    mix_sphinx_route routes[9];
    for (size_t i = 0; i < 9; i++)
        routes[i] = route_from(&f, i, 4);
    for (int n = 1;; n++) {
        mix_buf out = {0};
        f.env.fail_random = n;
        int status = mix_surb_make(f.s, &out, routes, 9, MIX_SPHINX_V259);
        bool ran_out = f.env.fail_random == 0;
        f.env.fail_random = 0;
        assert_status(status, ran_out ? MIX_ERR_RANDOM : MIX_OK);
        assert_int_equal(out.len, ran_out ? 0 : 9 * MIX_SURB_LEN_4);
        mix_buf_deinit(&out);
        if (!ran_out) {
            assert_true(n > 2);
            break;
        }
    }
    teardown(&f);
}

static void surbs_of_every_length(void **state) {
    (void)state;
    for (size_t len = 0; len < 380 + 192 * 7; len++) {
        uint8_t *surb = calloc(1, len + 1);
        assert_non_null(surb);
        if (len > 348)
            surb[348] = 4;
        size_t m = len < 380 ? 0 : len - 380;
        bool seeds = m >= 16 && m < 192 && m % 16 == 0 && m / 16 <= 5;
        bool keys = m >= 192 && m % 192 == 0 && m / 192 <= 5;
        mix_bytes in = mix_bytes_of(surb, len);
        assert_status(mix_surb_check(in), seeds || keys ? MIX_OK : MIX_ERR_SPHINX_SURB);
        if (seeds || keys) {
            surb[348] = 7;
            assert_status(mix_surb_check(in), MIX_ERR_ADDRESS);
        }
        free(surb);
    }
}

static void surbs_that_cannot_be_used(void **state) {
    (void)state;
    fixture f;
    setup(&f, 6);
    uint8_t surb[444] = {0}, first[MIX_SPHINX_ADDRESS_LEN] = {9}, message[2049] = {0};
    mix_buf out = {0};
    surb[348] = 4;
    mix_bytes in = MIX_BYTES(surb);
    assert_status(mix_surb_use(f.s, &out, first, in, 32, (mix_bytes){0}),
                  MIX_ERR_SPHINX_PAYLOAD_SIZE);
    assert_status(mix_surb_use(f.s, &out, first, in, 2065, MIX_BYTES(message)),
                  MIX_ERR_SPHINX_MESSAGE);
    assert_status(mix_surb_use(f.s, &out, first, mix_bytes_of(surb, 443), 2065, (mix_bytes){0}),
                  MIX_ERR_SPHINX_SURB);
    assert_status(mix_surb_recover(f.c, &out, mix_bytes_of(surb, 0), in), MIX_ERR_SPHINX_SURB);
    assert_status(mix_surb_recover(f.c, &out, mix_bytes_of(surb, 17), in), MIX_ERR_SPHINX_SURB);
    assert_status(mix_surb_recover(f.c, &out, mix_bytes_of(surb, 96), in), MIX_ERR_SPHINX_SURB);
    assert_status(mix_surb_recover(f.c, &out, mix_bytes_of(surb, 80), mix_bytes_of(surb, 32)),
                  MIX_ERR_SPHINX_PAYLOAD_SIZE);
    assert_status(mix_surb_recover(f.c, &out, mix_bytes_of(surb, 80), in), MIX_ERR_SPHINX_PAYLOAD);
    assert_int_equal(out.len, 0);
    assert_int_equal(first[0], 9);
    teardown(&f);
}

static void padding_comes_off(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[20];
        size_t len;
        int found; /* length of the message, or -1 */
    } rows[] = {
        {{0}, 0, -1},
        {{[15] = 0}, 16, -1},
        {{[16] = 1}, 17, 0},
        {{[16] = 0}, 17, -1},
        {{[15] = 1, [16] = 0}, 17, -1},
        {{[0] = 1, [16] = 1}, 17, -1},
        {{[15] = 0x80, [16] = 1}, 17, -1},
        {{[16] = 1, [19] = 1}, 20, 3},  /* the last mark counts */
        {{[17] = 1, [19] = 2}, 20, 1},  /* what follows it is not looked at */
        {{[16] = 7, [17] = 7}, 20, -1}, /* no mark */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_bytes message = mix_bytes_str("untouched");
        int status = mix_sphinx_unpad(&message, mix_bytes_of(rows[i].bytes, rows[i].len));
        assert_status(status, rows[i].found < 0 ? MIX_ERR_SPHINX_PAYLOAD : MIX_OK);
        assert_int_equal(message.len, rows[i].found < 0 ? 9 : rows[i].found);
    }
}

/* A packet of one hop whose decrypted routing begins with these bytes. */
static mix_sphinx_opened craft(fixture *f, uint8_t packet[static MIX_SPHINX_HEADER_LEN],
                               const uint8_t start[static 4]) {
    mix_sphinx_route route = route_from(f, 0, 1);
    mix_sphinx_secrets e;
    uint8_t initial[MIX_KEY_LEN] = {7}, stream[MIX_SPHINX_STREAM_LEN];
    assert_status(mix_sphinx_derive_textbook(f->c, &e, initial, &route, MIX_SPHINX_V259), MIX_OK);
    assert_status(mix_sphinx_stream(f->c, stream, MIX_SPHINX_STREAM_LEN, e.hop[0]), MIX_OK);
    memcpy(packet, e.alpha, 32);
    for (size_t i = 0; i < MIX_SPHINX_BETA_LEN; i++)
        packet[MIX_AT_BETA + i] = (uint8_t)(stream[i] ^ (i < 4 ? start[i] : 0x33));
    assert_status(mix_sphinx_mac(f->c, packet + MIX_AT_GAMMA, e.hop[0], packet + MIX_AT_BETA),
                  MIX_OK);
    mix_sphinx_opened opened;
    memcpy(opened.replay_tag, e.hop[0] + MIX_AT_REPLAY_TAG, MIX_KEY_LEN);
    memcpy(opened.secrets, e.hop[0], sizeof opened.secrets);
    return opened;
}

static void flags_and_versions(void **state) {
    (void)state;
    static const struct {
        uint8_t start[4];
        int status;
        uint16_t version;
    } rows[] = {
        {{0, 0, 1, 3}, MIX_ERR_SPHINX_FLAG, 0},
        {{3, 0, 1, 3}, MIX_ERR_SPHINX_FLAG, 0},
        {{255, 0, 1, 3}, MIX_ERR_SPHINX_FLAG, 0},
        {{1, 0, 1, 3}, MIX_OK, 259},
        {{2, 0, 1, 3}, MIX_OK, 259},
        {{2, 9, 0, 1}, MIX_OK, 1}, /* the first byte of the version is ignored */
        {{1, 0, 255, 255}, MIX_OK, 65535},
        {{1, 0, 0, 0}, MIX_OK, 0},
        {{1, 0, 1, 1}, MIX_OK, 257},
        {{2, 0, 1, 2}, MIX_OK, 258},
    };
    fixture f;
    setup(&f, 7);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t packet[MIX_SPHINX_HEADER_LEN + 40] = {0};
        craft(&f, packet, rows[i].start);
        mix_sphinx_result r = {.kind = 77};
        mix_buf out = {0};
        assert_status(mix_sphinx_process(f.c, &r, &out, f.secret[0], MIX_BYTES(packet)),
                      rows[i].status);
        if (rows[i].status != MIX_OK) {
            assert_int_equal(r.kind, 77);
            assert_int_equal(out.len, 0);
        } else {
            assert_int_equal(r.kind, rows[i].start[0]);
            assert_int_equal(r.version, rows[i].version);
            assert_int_equal(out.len, r.kind == MIX_SPHINX_FORWARD ? sizeof packet : 40);
        }
        mix_buf_deinit(&out);
    }
    teardown(&f);
}

/* Versions that nobody knows are processed as 259: same bytes out, but for the version. */
static void unknown_versions_are_the_current_one(void **state) {
    (void)state;
    static const uint8_t starts[][4] = {
        {1, 0, 1, 3}, {1, 0, 1, 4}, {1, 0, 0, 0}, {1, 0, 1, 0}, {1, 0, 3, 231}};
    fixture f;
    setup(&f, 8);
    mix_buf want = {0};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        uint8_t packet[MIX_SPHINX_HEADER_LEN + 100] = {0};
        craft(&f, packet, starts[i]);
        mix_sphinx_result r;
        mix_buf out = {0};
        assert_status(mix_sphinx_process(f.c, &r, &out, f.secret[0], MIX_BYTES(packet)), MIX_OK);
        if (i == 0)
            mix_buf_put_bytes(&want, mix_buf_bytes(&out));
        assert_bytes(mix_buf_bytes(&out), mix_buf_bytes(&want));
        mix_buf_deinit(&out);
    }
    mix_buf_deinit(&want);
    teardown(&f);
}

static void packets_of_every_short_length(void **state) {
    (void)state;
    fixture f;
    setup(&f, 9);
    uint8_t packet[MIX_SPHINX_HEADER_LEN + 40] = {0};
    static const uint8_t start[4] = {2, 0, 1, 3};
    craft(&f, packet, start);
    for (size_t len = 0; len <= sizeof packet; len++) {
        uint8_t *copy = malloc(len + 1); /* a read past the end is seen, but for the longest */
        assert_non_null(copy);
        memcpy(copy, packet, len);
        mix_sphinx_result r;
        mix_buf out = {0};
        int want = len < 365   ? MIX_ERR_SPHINX_SIZE
                   : len < 381 ? MIX_ERR_SPHINX_PAYLOAD_SIZE
                               : MIX_OK;
        assert_status(mix_sphinx_process(f.c, &r, &out, f.secret[0], mix_bytes_of(copy, len)),
                      want);
        assert_int_equal(out.len, want == MIX_OK ? len - MIX_SPHINX_HEADER_LEN : 0);
        mix_buf_deinit(&out);
        free(copy);
    }
    teardown(&f);
}

/* A node tries its two keys, checks for replays, then finishes or drops. */
static void processing_in_two_steps(void **state) {
    (void)state;
    fixture f;
    setup(&f, 10);
    uint8_t packet[MIX_SPHINX_HEADER_LEN + 40] = {0};
    static const uint8_t start[4] = {1, 0, 1, 3}, bad_flag[4] = {9};
    mix_sphinx_opened want = craft(&f, packet, start), opened = {0}, zeros;
    memset(&zeros, 0, sizeof zeros);
    assert_status(mix_sphinx_open(f.c, &opened, f.secret[1], MIX_BYTES(packet)),
                  MIX_ERR_SPHINX_MAC);
    assert_memory_equal(&opened, &zeros, sizeof opened);
    assert_status(mix_sphinx_open(f.c, &opened, f.secret[0], MIX_BYTES(packet)), MIX_OK);
    assert_bytes(MIX_BYTES(opened.replay_tag), MIX_BYTES(want.replay_tag));
    mix_sphinx_opened replayed = opened;
    mix_sphinx_opened_deinit(&replayed);
    assert_memory_equal(&replayed, &zeros, sizeof zeros);

    mix_buf once = {0}, whole = {0};
    mix_sphinx_result r1, r2;
    assert_status(mix_sphinx_finish(f.c, &r1, &once, &opened, MIX_BYTES(packet)), MIX_OK);
    assert_memory_equal(&opened, &zeros, sizeof zeros);
    assert_status(mix_sphinx_process(f.c, &r2, &whole, f.secret[0], MIX_BYTES(packet)), MIX_OK);
    assert_bytes(mix_buf_bytes(&once), mix_buf_bytes(&whole));
    assert_memory_equal(r1.next_address, r2.next_address, sizeof r1.next_address);

    craft(&f, packet, bad_flag);
    assert_status(mix_sphinx_open(f.c, &opened, f.secret[0], MIX_BYTES(packet)), MIX_OK);
    assert_status(mix_sphinx_finish(f.c, &r1, &once, &opened, MIX_BYTES(packet)),
                  MIX_ERR_SPHINX_FLAG);
    assert_memory_equal(&opened, &zeros, sizeof zeros);
    mix_buf_deinit(&once);
    mix_buf_deinit(&whole);
    teardown(&f);
}

/* All that a sender and a node do, with one allocation failing. */
static int everything(fixture *f, const mix_sphinx_route *routes, mix_buf *surbs, mix_buf *packet,
                      mix_buf *out) {
    mix_sphinx *s = NULL;
    uint8_t first[MIX_SPHINX_ADDRESS_LEN];
    mix_sphinx_result r;
    int status = mix_sphinx_new(&s, f->c, &f->env.env);
    if (status == MIX_OK)
        status = mix_sphinx_warm(s, (const uint8_t(*)[MIX_KEY_LEN])f->key, 3);
    if (status == MIX_OK)
        status = mix_surb_make(s, surbs, routes, 2, MIX_SPHINX_V259);
    if (status == MIX_OK)
        status =
            mix_surb_make(s, surbs, routes, 2, MIX_SPHINX_V259); /* keys now get their tables */
    if (status == MIX_OK)
        status = mix_surb_use(s, packet, first, mix_bytes_of(surbs->data, MIX_SURB_LEN_4), 2065,
                              mix_bytes_str("hi"));
    if (status == MIX_OK)
        status = mix_sphinx_process(f->c, &r, out, f->secret[0], mix_buf_bytes(packet));
    if (status == MIX_OK)
        status =
            mix_surb_recover(f->c, out, mix_bytes_of(surbs->data + 380, 64), mix_buf_bytes(packet));
    mix_sphinx_free(s);
    return status;
}

static void no_memory_no_harm(void **state) {
    (void)state;
    fixture f;
    setup(&f, 11);
    mix_sphinx_route routes[2] = {route_from(&f, 0, 4), route_from(&f, 4, 4)};
    size_t live = mix_alloc_live(), refused = 0;
    for (size_t n = 1;; n++) {
        mix_buf surbs = {0}, packet = {0}, out = {0};
        mix_alloc_fail_at(n, 0);
        int status = everything(&f, routes, &surbs, &packet, &out);
        bool reached = mix_alloc_count() >= n;
        mix_alloc_fail_at(0, 0);
        /* A table that finds no memory is done without; all else is an error. The last call fails
         * by itself: no reply. */
        if (status != MIX_ERR_MEMORY)
            assert_status(status, MIX_ERR_SPHINX_PAYLOAD);
        refused += status == MIX_ERR_MEMORY;
        assert_true(surbs.len == 0 || surbs.len % MIX_SURB_LEN_4 == 0);
        assert_true(packet.len == 0 || packet.len == 2413);
        mix_buf_deinit(&surbs);
        mix_buf_deinit(&packet);
        mix_buf_deinit(&out);
        assert_int_equal(mix_alloc_live(), live);
        if (!reached)
            break;
    }
    assert_true(refused > 5);
    teardown(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(packets_reach_their_end),
    cmocka_unit_test(surbs_reach_their_maker),
    cmocka_unit_test(no_two_headers_are_alike),
    cmocka_unit_test(what_cannot_be_built),
    cmocka_unit_test(no_randomness_no_packet),
    cmocka_unit_test(surbs_of_every_length),
    cmocka_unit_test(surbs_that_cannot_be_used),
    cmocka_unit_test(padding_comes_off),
    cmocka_unit_test(flags_and_versions),
    cmocka_unit_test(unknown_versions_are_the_current_one),
    cmocka_unit_test(packets_of_every_short_length),
    cmocka_unit_test(processing_in_two_steps),
    cmocka_unit_test(no_memory_no_harm),
};

MIX_TEST_MAIN(sphinx_test, tests)
