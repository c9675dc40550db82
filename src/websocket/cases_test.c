/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as an echo client against a server that follows rows: the sections are those of the
 * Autobahn test suite (1 framing, 2 pings, 3 reserved bits, 4 opcodes, 5 fragments, 6 UTF-8, 7
 * closing, 9 limits, 10 fragments of others). Each row runs whole, byte by byte and at random cuts,
 * and must end the same. `make conformance` runs the suite itself. */
#include "mix/errors.h"
#include "websocket/cases_testing.h"
#include "websocket/websocket_testing.h"

#define CLEAN "X:1000", "closing:1000: closed:1000:clean"
#define CODE "X:1002", "error:WEBSOCKET_CLOSE_FRAME closed:1006"

static void run(const websocket_case *r, cutting how, uint64_t seed) {
    peer p;
    mix_buf frames = {0};
    peer_init(&p, NULL, seed);
    peer_open(&p, "");
    assert_string_equal(peer_events(&p), "open:");
    p.echo = true;
    frames_encode(&frames, r->server);
    peer_feed(&p, mix_buf_bytes(&frames), how);
    assert_status(mix_websocket_eof(p.w, MIX_OK, p.now), MIX_OK);
    peer_pull(&p);
    const char *sent = peer_sent(&p), *events = peer_events(&p);
    if (strcmp(sent, r->sent) != 0 || strcmp(events, r->events) != 0)
        fail_msg("[%s] cut %d\n got [%s] [%s]\nwant [%s] [%s]", r->server, how, sent, events,
                 r->sent, r->events);
    assert_true(p.closed);
    mix_buf_deinit(&frames);
    peer_deinit(&p);
}

static void run_all(const websocket_case *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        run(&rows[i], CUT_WHOLE, 1);
        run(&rows[i], CUT_BYTES, 1);
        for (uint64_t seed = 1; seed <= 4; seed++)
            run(&rows[i], CUT_RANDOM, seed);
    }
}

static void run_section(int section) {
    run_all(websocket_sections[section].rows, websocket_sections[section].count);
}

static void section_1_framing(void **state) {
    (void)state;
    static const websocket_case large[] = {{"T*65535 X:1000", "T*65535 " CLEAN},
                                           {"T*65536 X:1000", "T*65536 " CLEAN},
                                           {"B*65535 X:1000", "B*65535 " CLEAN},
                                           {"B*65536 X:1000", "B*65536 " CLEAN}};
    run_section(WEBSOCKET_FRAMING);
    for (size_t i = 0; i < 4; i++) {
        run(&large[i], CUT_WHOLE, 1);
        run(&large[i], CUT_RANDOM, i);
    }
}

static void section_2_pings(void **state) {
    (void)state;
    run_section(WEBSOCKET_PINGS);
}

static void section_3_reserved_bits(void **state) {
    (void)state;
    run_section(WEBSOCKET_RESERVED_BITS);
}

static void section_4_opcodes(void **state) {
    (void)state;
    run_section(WEBSOCKET_OPCODES);
}

static void section_5_fragments(void **state) {
    (void)state;
    run_section(WEBSOCKET_FRAGMENTS);
}

static void section_6_utf8(void **state) {
    (void)state;
    run_section(WEBSOCKET_UTF8);
}

static void section_7_closing(void **state) {
    (void)state;
    run_section(WEBSOCKET_CLOSING);
}

static void section_7_codes(void **state) {
    (void)state;
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const uint16_t bad[] = {0,    999,  1004, 1005, 1006, 1015,
                                   1016, 1100, 2000, 2999, 5000, 65535};
    char server[32], sent[16], events[64];
    websocket_case r = {server, sent, events};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(server, sizeof server, "=8802%04x", good[i]);
        snprintf(sent, sizeof sent, "X:%u", good[i]);
        snprintf(events, sizeof events, "closing:%u: closed:%u:clean", good[i], good[i]);
        run_all(&r, 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(server, sizeof server, "=8802%04x", bad[i]);
        run_all(&(websocket_case){server, CODE}, 1);
    }
}

/* A message of `size` bytes in frames of `step`. */
static void message_in_frames(char letter, size_t size, size_t step) {
    peer p;
    mix_buf frames = {0};
    char token[32], want[64];
    peer_init(&p, NULL, size + step);
    peer_open(&p, "");
    p.echo = true;
    for (size_t at = 0; at < size; at += step) {
        size_t n = size - at < step ? size - at : step;
        char kind = at == 0 ? letter : 'C';
        snprintf(token, sizeof token, "%c*%zu", at + n < size ? kind | 0x20 : kind, n);
        frames_encode(&frames, token);
    }
    peer_feed(&p, mix_buf_bytes(&frames), CUT_RANDOM);
    snprintf(want, sizeof want, "%c*%zu", letter, size);
    assert_string_equal(peer_sent(&p), want);
    mix_buf_deinit(&frames);
    peer_deinit(&p);
}

static void section_9_limits(void **state) {
    (void)state;
    static const size_t sizes[] = {65536, 262144, 1048576};
    for (size_t i = 0; i < 3; i++) {
        message_in_frames('T', sizes[i], sizes[i]);
        message_in_frames('B', sizes[i], sizes[i]);
        message_in_frames('T', sizes[i], sizes[i] / 64);
        message_in_frames('B', sizes[i], sizes[i] / 16);
    }
    message_in_frames('B', 65536, 64);
}

static void section_10_fragments_of_others(void **state) {
    (void)state;
    message_in_frames('T', 65536, 1300);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(section_1_framing),       cmocka_unit_test(section_2_pings),
    cmocka_unit_test(section_3_reserved_bits), cmocka_unit_test(section_4_opcodes),
    cmocka_unit_test(section_5_fragments),     cmocka_unit_test(section_6_utf8),
    cmocka_unit_test(section_7_closing),       cmocka_unit_test(section_7_codes),
    cmocka_unit_test(section_9_limits),        cmocka_unit_test(section_10_fragments_of_others),
};
MIX_TEST_MAIN(websocket_cases_test, tests)
