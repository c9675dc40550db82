/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as an echo client against a server that follows rows: the sections are those of the
 * Autobahn test suite (1 framing, 2 pings, 3 reserved bits, 4 opcodes, 5 fragments, 6 UTF-8, 7
 * closing, 9 limits, 10 fragments of others). Each row runs whole, byte by byte and at random cuts,
 * and must end the same. `make conformance` runs the suite itself. */
#include "mix/errors.h"
#include "websocket/websocket_testing.h"

typedef struct row {
    const char *server; /* notation of websocket_testing.h */
    const char *sent;   /* what the client sends */
    const char *events; /* what it learns; echoed messages are left out */
} row;

#define CLEAN "X:1000", "closing:1000: closed:1000:clean"
#define FRAME "X:1002", "error:WEBSOCKET_FRAME closed:1006"
#define UTF8 "X:1007", "error:WEBSOCKET_UTF8 closed:1006"
#define CODE "X:1002", "error:WEBSOCKET_CLOSE_FRAME closed:1006"

static void run(const row *r, cutting how, uint64_t seed) {
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

static void run_all(const row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        run(&rows[i], CUT_WHOLE, 1);
        run(&rows[i], CUT_BYTES, 1);
        for (uint64_t seed = 1; seed <= 4; seed++)
            run(&rows[i], CUT_RANDOM, seed);
    }
}
#define ROWS(rows) run_all((rows), sizeof(rows) / sizeof *(rows))

static void section_1_framing(void **state) {
    (void)state;
    static const row rows[] = {
        {"T: X:1000", "T: " CLEAN},
        {"T*125 X:1000", "T*125 " CLEAN},
        {"T*126 X:1000", "T*126 " CLEAN},
        {"T*127 X:1000", "T*127 " CLEAN},
        {"T*128 X:1000", "T*128 " CLEAN},
        {"B: X:1000", "B: " CLEAN},
        {"B*125 X:1000", "B*125 " CLEAN},
        {"B*126 X:1000", "B*126 " CLEAN},
        {"B*127 X:1000", "B*127 " CLEAN},
        {"B:\xfe\xff\x80 X:1000", "B:\xfe\xff\x80 " CLEAN},
        {"T:a B:b T:c X:1000", "T:a B:b T:c " CLEAN},
        {"=817e007d", FRAME},               /* a length that fits the short form */
        {"=827f000000000000ffff", FRAME},   /* and one that fits 16 bits */
        {"=827f8000000000000001", FRAME},   /* the highest bit of 64 */
        {"=818537fa213d7f9f4d5158", FRAME}, /* masked */
    };
    static const row large[] = {{"T*65535 X:1000", "T*65535 " CLEAN},
                                {"T*65536 X:1000", "T*65536 " CLEAN},
                                {"B*65535 X:1000", "B*65535 " CLEAN},
                                {"B*65536 X:1000", "B*65536 " CLEAN}};
    ROWS(rows);
    for (size_t i = 0; i < 4; i++) {
        run(&large[i], CUT_WHOLE, 1);
        run(&large[i], CUT_RANDOM, i);
    }
}

static void section_2_pings(void **state) {
    (void)state;
    static const row rows[] = {
        {"P X:1000", "O: " CLEAN},
        {"P:Hello,world! X:1000", "O:Hello,world! " CLEAN},
        {"P:\xff\xfe\xfd X:1000", "O:\xff\xfe\xfd " CLEAN},
        {"P*125 X:1000", "O*125 " CLEAN},
        {"P*126 X:1000", FRAME},
        {"O:unasked X:1000", "X:1000", "pong:unasked closing:1000: closed:1000:clean"},
        {"O:unasked P:asked X:1000", "O:asked X:1000",
         "pong:unasked closing:1000: closed:1000:clean"},
        {"O:1 O:2 P:3 O:4 X:1000", "O:3 X:1000",
         "pong:1 pong:2 pong:4 closing:1000: closed:1000:clean"},
        {"P:0 P:1 P:2 P:3 P:4 P:5 P:6 P:7 P:8 P:9 X:1000",
         "O:0 O:1 O:2 O:3 O:4 O:5 O:6 O:7 O:8 O:9 " CLEAN},
    };
    ROWS(rows);
}

static void section_3_reserved_bits(void **state) {
    (void)state;
    static const row rows[] = {
        {"=c10548656c6c6f", FRAME},
        {"T:a =a10548656c6c6f P", "T:a " FRAME},
        {"T:a =910548656c6c6f P", "T:a " FRAME},
        {"T:a =f10548656c6c6f P", "T:a " FRAME},
        {"=e2020102", FRAME},
        {"=b900", FRAME},
        {"=f800", FRAME},
        {"t:a =c001 C:b", FRAME},
    };
    ROWS(rows);
}

static void section_4_opcodes(void **state) {
    (void)state;
    static const row rows[] = {
        {"=8300", FRAME},
        {"=8400 P", FRAME},
        {"T:a =8500 P", "T:a " FRAME},
        {"T:a =8601aa P", "T:a " FRAME},
        {"=8700", FRAME},
        {"=8b00 P", FRAME},
        {"T:a =8c00 P", "T:a " FRAME},
        {"T:a =8d01aa P", "T:a " FRAME},
        {"=8e00", FRAME},
        {"=8f00", FRAME},
    };
    ROWS(rows);
}

static void section_5_fragments(void **state) {
    (void)state;
    static const row rows[] = {
        {"=0903616263 C:x", FRAME}, /* a ping in fragments */
        {"=0a03616263 C:x", FRAME},
        {"=080203e8", FRAME},
        {"t:frag C:ment X:1000", "T:fragment " CLEAN},
        {"t:frag P:ping C:ment X:1000", "O:ping T:fragment " CLEAN},
        {"t:a c:b P:1 c:c c:d P:2 C:e X:1000", "O:1 O:2 T:abcde " CLEAN},
        {"b:a c: c: C: X:1000", "B:a " CLEAN},
        {"t: c: C: X:1000", "T: " CLEAN},
        {"t: c:x C: X:1000", "T:x " CLEAN},
        {"C:alone T:x", FRAME},
        {"c:alone C:x T:x", FRAME},
        {"T:a C:b", "T:a " FRAME},
        {"t:a T:b", FRAME},
        {"t:a B:b", FRAME},
        {"b:a b:b", FRAME},
        {"t:a C:b c:c", "T:ab " FRAME},
        {"t:a O:x C:b X:1000", "T:ab X:1000", "pong:x closing:1000: closed:1000:clean"},
        {"t:unfinished X:1000", CLEAN},
    };
    ROWS(rows);
}

static void section_6_utf8(void **state) {
    (void)state;
    static const row rows[] = {
        {"T:Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!! X:1000",
         "T:Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!! " CLEAN},
        {"t:\xce\xba\xe1 c:\xbd C:\xb9\xcf\x83 X:1000",
         "T:\xce\xba\xe1\xbd\xb9\xcf\x83 " CLEAN}, /* cut within a character */
        {"t:\xf0 c: P c:\x9f\x98 C:\x80 X:1000", "O: T:\xf0\x9f\x98\x80 " CLEAN},
        {"T:\xce\xba\xed\xa0\x80"
         "edited",
         UTF8},                                      /* a surrogate */
        {"t:\xce\xba\xf4\x90 c:\x80\x80 C:x", UTF8}, /* beyond U+10FFFF, known at its second byte */
        {"t:abc c:\xff", UTF8},                      /* within a message that is not finished */
        {"=8105"
         "616263ff",
         UTF8},               /* and within a frame that is not */
        {"T:\xe2\x82", UTF8}, /* ends within a character */
        {"t:\xe2\x82 C:", UTF8},
        {"t:\xe2\x82 C:x", UTF8},
        {"T:\xc0\xaf", UTF8},
        {"T:\xc1\xbf", UTF8},
        {"T:\xe0\x80\xaf", UTF8},
        {"T:\xe0\x9f\xbf", UTF8}, /* overlong */
        {"T:\xf0\x80\x80\xaf", UTF8},
        {"T:\xf0\x8f\xbf\xbf", UTF8},
        {"T:\xf8\x88\x80\x80\x80", UTF8},
        {"T:\xfc\x84\x80\x80\x80\x80", UTF8},
        {"T:\xfe", UTF8},
        {"T:\xff", UTF8},
        {"T:\x80", UTF8},
        {"T:\xbf", UTF8},
        {"T:\xed\xa0\x80", UTF8},
        {"T:\xed\xad\xbf", UTF8},
        {"T:\xed\xbf\xbf", UTF8},
        {"T:\xed\xa0\x80\xed\xb0\x80", UTF8},
        {"T:\xf4\x90\x80\x80", UTF8},
        {"T:\xf7\xbf\xbf\xbf", UTF8},
        {"T:\x7f X:1000", "T:\x7f " CLEAN},
        {"T:\xc2\x80 X:1000", "T:\xc2\x80 " CLEAN},
        {"T:\xdf\xbf X:1000", "T:\xdf\xbf " CLEAN},
        {"T:\xe0\xa0\x80 X:1000", "T:\xe0\xa0\x80 " CLEAN},
        {"T:\xed\x9f\xbf X:1000", "T:\xed\x9f\xbf " CLEAN},
        {"T:\xee\x80\x80 X:1000", "T:\xee\x80\x80 " CLEAN},
        {"T:\xef\xbf\xbe X:1000", "T:\xef\xbf\xbe " CLEAN},
        {"T:\xef\xbf\xbf X:1000", "T:\xef\xbf\xbf " CLEAN},
        {"T:\xf0\x90\x80\x80 X:1000", "T:\xf0\x90\x80\x80 " CLEAN},
        {"T:\xf4\x8f\xbf\xbf X:1000", "T:\xf4\x8f\xbf\xbf " CLEAN},
        {"B:\xed\xa0\x80 X:1000", "B:\xed\xa0\x80 " CLEAN}, /* bytes may be anything */
    };
    ROWS(rows);
}

static void section_7_closing(void **state) {
    (void)state;
    static const row rows[] = {
        {"T:a X:1000", "T:a " CLEAN},
        {"X:1000 X:1000", CLEAN},
        {"X:1000 P T:late", CLEAN},
        {"X:1000 =ff00", CLEAN},
        {"t:a X:1000 C:b", CLEAN},
        {"X", "X", "closing:1005: closed:1005:clean"},
        {"=880103", CODE},
        {"X:1000:bye", "X:1000", "closing:1000:bye closed:1000:clean"},
        {"X:1000:\xe2\x82\xac", "X:1000", "closing:1000:\xe2\x82\xac closed:1000:clean"},
        {"X:1000:"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "012",
         "X:1000",
         "closing:1000:"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "012 closed:1000:clean"},
        {"X:1000:"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123456789"
         "0123",
         FRAME},
        {"X:1000:\xff", UTF8},
        {"X:1000:\xe2\x82", UTF8},
        {"T:a", "T:a", "error:WEBSOCKET_LOST closed:1006"},
        {"=81054865", "", "error:WEBSOCKET_LOST closed:1006"},
    };
    ROWS(rows);
}

static void section_7_codes(void **state) {
    (void)state;
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const uint16_t bad[] = {0,    999,  1004, 1005, 1006, 1015,
                                   1016, 1100, 2000, 2999, 5000, 65535};
    char server[32], sent[16], events[64];
    row r = {server, sent, events};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(server, sizeof server, "=8802%04x", good[i]);
        snprintf(sent, sizeof sent, "X:%u", good[i]);
        snprintf(events, sizeof events, "closing:%u: closed:%u:clean", good[i], good[i]);
        run_all(&r, 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(server, sizeof server, "=8802%04x", bad[i]);
        run_all(&(row){server, CODE}, 1);
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
