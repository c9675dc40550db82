/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's promises: the handshake in rows, limits, back-pressure, the ways to an end, time,
 * and no memory at any point. */
#include "websocket/websocket.h"

#include "alloc_fail.h"
#include "mix/errors.h"
#include "websocket/websocket_testing.h"

#include <stdlib.h>

static void encode(mix_buf *out, const char *notation) {
    mix_buf_truncate(out, 0);
    frames_encode(out, notation);
}

static void feed(peer *p, const char *notation) {
    mix_buf frames = {0};
    encode(&frames, notation);
    peer_feed(p, mix_buf_bytes(&frames), CUT_WHOLE);
    mix_buf_deinit(&frames);
}

static void open_peer(peer *p, const mix_websocket_config *config) {
    peer_init(p, config, 5);
    peer_open(p, "");
    assert_string_equal(peer_events(p), "open:");
}

/* --- the request --- */

#define STR(text) {(const uint8_t *)(text), sizeof(text) - 1}

static void request_with_everything(void **state) {
    (void)state;
    static const mix_bytes protocols[] = {STR("chat.v2"), STR("chat")};
    static const mix_websocket_header headers[] = {{STR("User-Agent"), STR("x y")},
                                                   {STR("Authorization"), STR("Basic YQ==")}};
    mix_websocket_config c = {.request = {STR("[::1]:8080"), STR("/a?b=c"),
                                          STR("https://page.example"), protocols, 2, headers, 2}};
    peer p;
    peer_init(&p, &c, 1);
    mix_buf_put_u8(&p.sent, 0);
    const char *text = (const char *)p.sent.data;
    static const char *const parts[] = {"GET /a?b=c HTTP/1.1\r\n",
                                        "\r\nHost: [::1]:8080\r\n",
                                        "\r\nUpgrade: websocket\r\n",
                                        "\r\nConnection: Upgrade\r\n",
                                        "\r\nSec-WebSocket-Key: ",
                                        "==\r\n",
                                        "\r\nOrigin: https://page.example\r\n",
                                        "\r\nSec-WebSocket-Protocol: chat.v2, chat\r\n",
                                        "\r\nSec-WebSocket-Version: 13\r\n",
                                        "\r\nUser-Agent: x y\r\n",
                                        "\r\nAuthorization: Basic YQ==\r\n\r\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_true(strstr(text, parts[i]) != NULL);
    assert_null(strstr(text, "Extensions"));
    peer_deinit(&p);
    c = (mix_websocket_config){0};
    peer_init(&p, &c, 1);
    mix_buf_put_u8(&p.sent, 0);
    assert_memory_equal(p.sent.data, "GET / HTTP/1.1\r\nHost: example.org\r\n", 35);
    assert_null(strstr((char *)p.sent.data, "Origin"));
    assert_null(strstr((char *)p.sent.data, "Protocol"));
    peer_deinit(&p);
}

static void requests_that_cannot_be(void **state) {
    (void)state;
    static const mix_bytes bad_protocol[] = {STR("chat"), STR("a b")}, empty_protocol[] = {STR("")},
                           twice[] = {STR("a"), STR("b"), STR("a")};
    static const mix_websocket_header split[] = {{STR("X"), STR("a\r\nEvil: 1")}},
                                      host[] = {{STR("hOst"), STR("x")}},
                                      key[] = {{STR("sec-websocket-key"), STR("x")}},
                                      name[] = {{STR("a:b"), STR("x")}},
                                      nameless[] = {{STR(""), STR("x")}};
    static const struct {
        mix_websocket_request request;
        int status;
    } rows[] = {
        {{.host = STR("")}, MIX_ERR_WEBSOCKET_HOST},
        {{.host = STR("a b")}, MIX_ERR_WEBSOCKET_HOST},
        {{.host = STR("a\r\nEvil: 1")}, MIX_ERR_WEBSOCKET_HOST},
        {{.host = STR("user@host")}, MIX_ERR_WEBSOCKET_HOST},
        {{.host = STR("host/path")}, MIX_ERR_WEBSOCKET_HOST},
        {{.host = STR("h\xc3\xb6st")}, MIX_ERR_WEBSOCKET_HOST},
        {{.host = STR("h"), .target = STR("path")}, MIX_ERR_WEBSOCKET_TARGET},
        {{.host = STR("h"), .target = STR("/a b")}, MIX_ERR_WEBSOCKET_TARGET},
        {{.host = STR("h"), .target = STR("/a#b")}, MIX_ERR_WEBSOCKET_TARGET},
        {{.host = STR("h"), .target = STR("/a\n")}, MIX_ERR_WEBSOCKET_TARGET},
        {{.host = STR("h"), .origin = STR("a\r\nb")}, MIX_ERR_WEBSOCKET_HEADER},
        {{.host = STR("h"), .protocols = bad_protocol, .protocol_count = 2},
         MIX_ERR_WEBSOCKET_PROTOCOLS},
        {{.host = STR("h"), .protocols = empty_protocol, .protocol_count = 1},
         MIX_ERR_WEBSOCKET_PROTOCOLS},
        {{.host = STR("h"), .protocols = twice, .protocol_count = 3}, MIX_ERR_WEBSOCKET_PROTOCOLS},
        {{.host = STR("h"), .headers = split, .header_count = 1}, MIX_ERR_WEBSOCKET_HEADER},
        {{.host = STR("h"), .headers = host, .header_count = 1}, MIX_ERR_WEBSOCKET_HEADER},
        {{.host = STR("h"), .headers = key, .header_count = 1}, MIX_ERR_WEBSOCKET_HEADER},
        {{.host = STR("h"), .headers = name, .header_count = 1}, MIX_ERR_WEBSOCKET_HEADER},
        {{.host = STR("h"), .headers = nameless, .header_count = 1}, MIX_ERR_WEBSOCKET_HEADER},
    };
    mix_test_env env;
    mix_test_env_init(&env, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_websocket_config c = {.request = rows[i].request};
        mix_websocket *w = (mix_websocket *)1;
        assert_status(mix_websocket_new(&w, &c, &env.env, 0), rows[i].status);
        assert_null(w);
    }
}

/* --- the answer --- */

#define LINE "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define ACCEPT "Sec-WebSocket-Accept: $\r\n"
#define FAILS(name) "error:WEBSOCKET_" name " closed:1006"

typedef struct answer_row {
    const char *text; /* "$" stands for the right accept value */
    const char *events;
    const char *words; /* part of what the error tells */
    int64_t number;
    bool protocols; /* "chat, superchat" were offered */
} answer_row;

static const answer_row answers[] = {
    {LINE UPGRADE CONNECTION ACCEPT "\r\n", "open:", NULL, 0, false},
    {"HTTP/1.1 101\r\n" UPGRADE CONNECTION ACCEPT "\r\n", "open:", NULL, 0, false},
    {"HTTP/1.1 101 \r\n" UPGRADE CONNECTION ACCEPT "\r\n", "open:", NULL, 0, false},
    {LINE "upgrade:WebSocket\r\nCONNECTION:\t keep-alive ,  upGrade\t\r\nsec-websocket-accept:$  "
          "\r\n\r\n",
     "open:", NULL, 0, false},
    {LINE "Connection: keep-alive\r\n" UPGRADE CONNECTION "X:\r\nY: \xe4\r\n" ACCEPT "\r\n",
     "open:", NULL, 0, false},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" LINE UPGRADE CONNECTION ACCEPT "\r\n",
     "open:", NULL, 0, false},
    {LINE UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: superchat\r\n\r\n", "open:superchat",
     NULL, 0, true},
    {LINE UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: Chat\r\n\r\n", FAILS("PROTOCOL"),
     "'Chat'", 1, true},
    {LINE UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: chat, superchat\r\n\r\n",
     FAILS("PROTOCOL"), "not offered", 1, true},
    {LINE UPGRADE CONNECTION ACCEPT
     "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
     FAILS("PROTOCOL"), "chose", 2, true},
    {LINE UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol:\r\n\r\n", FAILS("PROTOCOL"), "''", 1,
     true},
    {LINE UPGRADE CONNECTION ACCEPT "\r\n", FAILS("PROTOCOL"), "chose none", 0, true},
    {LINE UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", FAILS("PROTOCOL"),
     "not offered", 1, false},
    {LINE UPGRADE CONNECTION ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
     FAILS("EXTENSION"), "permessage-deflate", 0, false},
    {LINE UPGRADE CONNECTION "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
     FAILS("ACCEPT"), "not the one", 1, false},
    {LINE UPGRADE CONNECTION "\r\n", FAILS("ACCEPT"), "missing", 0, false},
    {LINE UPGRADE CONNECTION ACCEPT ACCEPT "\r\n", FAILS("ACCEPT"), "more than once", 2, false},
    {LINE CONNECTION ACCEPT "\r\n", FAILS("UPGRADE"), "Upgrade: websocket", 0, false},
    {LINE "Upgrade: h2c\r\n" CONNECTION ACCEPT "\r\n", FAILS("UPGRADE"), "Upgrade: websocket", 0,
     false},
    {LINE UPGRADE UPGRADE CONNECTION ACCEPT "\r\n", FAILS("UPGRADE"), "Upgrade: websocket", 0,
     false},
    {LINE UPGRADE ACCEPT "\r\n", FAILS("UPGRADE"), "Connection: Upgrade", 0, false},
    {LINE UPGRADE "Connection: upgraded, keep-alive\r\n" ACCEPT "\r\n", FAILS("UPGRADE"),
     "Connection: Upgrade", 0, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", FAILS("STATUS"), "200 OK", 200, false},
    {"HTTP/1.1 302 Found\r\nLocation: https://x.example/\r\n\r\n", FAILS("STATUS"),
     "302 Found to https://x.example/", 302, false},
    {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n", FAILS("STATUS"),
     "401 Unauthorized", 401, false},
    {"HTTP/1.1 503\r\n\r\n", FAILS("STATUS"), "answered 503", 503, false},
    {"HTTP/1.0 101 x\r\n" UPGRADE CONNECTION ACCEPT "\r\n", FAILS("HEAD"), "status line", 0, false},
    {"HTTP/2 101 x\r\n\r\n", FAILS("HEAD"), "status line", 0, false},
    {"HTTP/1.1 1x1 x\r\n\r\n", FAILS("HEAD"), "status line", 0, false},
    {"HTTP/1.1 1010 x\r\n\r\n", FAILS("HEAD"), "status line", 0, false},
    {"HTTP/1.1 099 x\r\n\r\n", FAILS("HEAD"), "status line", 0, false},
    {"HTTP/1.1 101 a\x01 b\r\n\r\n", FAILS("HEAD"), "status line", 0, false},
    {"HTTP/1.1\r\n\r\n", FAILS("HEAD"), "status line", 0, false},
    {"SSH-2.0-x\r\n", FAILS("HEAD"), "HTTP", 0, false},
    {"http/1.1 101 x\r\n\r\n", FAILS("HEAD"), "HTTP", 0, false},
    {"\r\n\r\n", FAILS("HEAD"), "HTTP", 0, false},
    {LINE UPGRADE "no colon\r\n\r\n", FAILS("HEAD"), "line 2 ", 2, false},
    {LINE " folded: x\r\n\r\n", FAILS("HEAD"), "line 1 ", 1, false},
    {LINE UPGRADE CONNECTION "Name : x\r\n\r\n", FAILS("HEAD"), "line 3 ", 3, false},
    {LINE ": x\r\n\r\n", FAILS("HEAD"), "line 1 ", 1, false},
    {LINE "A: x\ny: z\r\n\r\n", FAILS("HEAD"), "line 1 ", 1, false},
    {LINE "A: \x07\r\n\r\n", FAILS("HEAD"), "line 1 ", 1, false},
};

static void one_answer(const answer_row *row, cutting how, uint64_t seed) {
    static const mix_bytes protocols[] = {STR("chat"), STR("superchat")};
    mix_websocket_config c = {
        .request = {.protocols = protocols, .protocol_count = row->protocols ? 2 : 0}};
    peer p;
    mix_buf text = {0};
    peer_init(&p, &c, seed);
    peer_answer(&p, &text, row->text);
    if (row->words && how == CUT_WHOLE) { /* by hand, to see the error */
        mix_bytes in = mix_buf_bytes(&text);
        mix_websocket_event ev;
        assert_status(mix_websocket_feed(p.w, &in, p.now), MIX_OK);
        assert_status(mix_websocket_next(p.w, &ev, p.now), MIX_OK);
        assert_int_equal(ev.kind, MIX_WEBSOCKET_EVENT_ERROR);
        if (!strstr(ev.error->words, row->words) || ev.error->number != row->number)
            fail_msg("[%s]: '%s', number %d", row->text, ev.error->words, (int)ev.error->number);
    } else {
        peer_feed(&p, mix_buf_bytes(&text), how);
        if (strcmp(peer_events(&p), row->events) != 0)
            fail_msg("[%s] does not lead to [%s]", row->text, row->events);
    }
    mix_buf_deinit(&text);
    peer_deinit(&p);
}

static void answers_good_and_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        one_answer(&answers[i], CUT_WHOLE, 1);
        one_answer(&answers[i], CUT_BYTES, 1);
        for (uint64_t seed = 1; seed < 6; seed++)
            one_answer(&answers[i], CUT_RANDOM, seed);
    }
}

static void head_is_bounded(void **state) {
    (void)state;
    static const struct {
        size_t filler;
        bool interim;
        const char *events;
    } rows[] = {{0, false, "open:"}, {1, false, FAILS("HEAD_SIZE")}, {0, true, FAILS("HEAD_SIZE")}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (cutting how = CUT_WHOLE; how <= CUT_RANDOM; how++) {
            peer p;
            mix_buf text = {0}, all = {0};
            peer_init(&p, NULL, 1);
            peer_answer(&p, &text, LINE UPGRADE CONNECTION ACCEPT "X: ");
            mix_buf_put_str(&all, rows[i].interim ? "HTTP/1.1 100 Continue\r\n\r\n" : "");
            mix_buf_put_bytes(&all, mix_buf_bytes(&text));
            for (size_t n = text.len; n < MIX_WEBSOCKET_HEAD_MAX - 4 + rows[i].filler; n++)
                mix_buf_put_u8(&all, 'x');
            mix_buf_put_str(&all, "\r\n\r\n");
            peer_feed(&p, mix_buf_bytes(&all), how);
            assert_string_equal(peer_events(&p), rows[i].events);
            mix_buf_deinit(&text);
            mix_buf_deinit(&all);
            peer_deinit(&p);
        }
}

static void headers_are_handed_on(void **state) {
    (void)state;
    peer p;
    mix_buf text = {0};
    mix_websocket_event ev;
    mix_websocket_header h;
    peer_init(&p, NULL, 1);
    peer_answer(&p, &text, LINE UPGRADE CONNECTION ACCEPT "Set-Cookie:  a=b \r\n\r\n");
    frames_encode(&text, "T:first"); /* in one piece with the head */
    mix_bytes in = mix_buf_bytes(&text);
    assert_int_equal(mix_websocket_get_state(p.w), MIX_WEBSOCKET_CONNECTING);
    assert_status(mix_websocket_feed(p.w, &in, p.now), MIX_BLOCKED);
    assert_int_equal(in.len, 7);
    assert_status(mix_websocket_next(p.w, &ev, p.now), MIX_OK);
    int count = 0;
    while (mix_websocket_header_next(&h, &ev.headers))
        count++;
    assert_int_equal(count, 4);
    assert_bytes(h.name, mix_bytes_str("Set-Cookie"));
    assert_bytes(h.value, mix_bytes_str("a=b"));
    assert_int_equal(mix_websocket_get_state(p.w), MIX_WEBSOCKET_OPEN);
    assert_status(mix_websocket_feed(p.w, &in, p.now), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "gotT:first");
    mix_buf_deinit(&text);
    peer_deinit(&p);
}

/* --- limits --- */

static void sizes_are_bounded(void **state) {
    (void)state;
    static const struct {
        const char *server, *sent, *events;
    } rows[] = {
        {"T*100 T*100", "", "gotT*100 gotT*100"},
        {"T*101", "X:1009", "error:WEBSOCKET_SIZE closed:1006"},
        {"t*60 C*40 T*60", "", "gotT*100 gotT*60"},
        {"t*60 P C*41", "O: X:1009", "error:WEBSOCKET_SIZE closed:1006"},
        {"t*60 c*40 C*1", "X:1009", "error:WEBSOCKET_SIZE closed:1006"},
        {"=827f7fffffffffffffff", "X:1009",
         "error:WEBSOCKET_SIZE closed:1006"}, /* refused by its announcement */
        {"t*60 =807f7fffffffffffffff", "X:1009", "error:WEBSOCKET_SIZE closed:1006"},
        {"B*81", "X:1009", "error:WEBSOCKET_SIZE closed:1006"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        peer p;
        mix_websocket_config c = {.message_max = 100, .frame_max = i == 7 ? 80 : 0};
        open_peer(&p, &c);
        feed(&p, rows[i].server);
        assert_string_equal(peer_sent(&p), rows[i].sent);
        assert_string_equal(peer_events(&p), rows[i].events);
        peer_deinit(&p);
    }
}

static void memory_grows_with_what_comes_only(void **state) {
    (void)state;
    peer p;
    mix_buf frames = {0};
    open_peer(&p, NULL);
    mix_alloc_fail_at(0, 0);
    size_t before = mix_alloc_live_bytes();
    encode(&frames, "=827f0000000003ffffff00000000"); /* 64 MiB − 1 announced, 4 bytes sent */
    mix_bytes in = mix_buf_bytes(&frames);
    size_t own = mix_alloc_live_bytes() - before;
    assert_status(mix_websocket_feed(p.w, &in, p.now), MIX_OK);
    assert_in_range(mix_alloc_live_bytes() - before - own, 4, 4096);
    mix_buf_deinit(&frames);
    peer_deinit(&p);
}

static void a_large_message_leaves_no_large_buffer(void **state) {
    (void)state;
    peer p;
    open_peer(&p, NULL);
    mix_alloc_fail_at(0, 0);
    feed(&p, "B*200000");
    feed(&p, "B*10");
    assert_string_equal(peer_events(&p), "gotB*200000 gotB*10");
    assert_true(mix_alloc_live_bytes() < 100000);
    assert_true(mix_alloc_peak_bytes() > 200000);
    peer_deinit(&p);
}

static void a_flood_of_pings_is_bounded(void **state) {
    (void)state;
    peer p;
    mix_buf frames = {0};
    open_peer(&p, NULL);
    mix_alloc_fail_at(0, 0);
    size_t before = mix_alloc_live_bytes();
    for (int n = 0; n < 5000; n++) { /* we do not get rid of our pongs */
        char text[16];
        snprintf(text, sizeof text, "P:%d", n);
        encode(&frames, text);
        mix_bytes in = mix_buf_bytes(&frames);
        assert_status(mix_websocket_feed(p.w, &in, p.now), MIX_OK);
    }
    mix_buf_deinit(&frames);
    assert_in_range(mix_alloc_live_bytes() - before, 1, 16384);
    peer_drain(&p, 9); /* one pong and a part of another: there is room again */
    feed(&p, "P:more");
    const char *sent = peer_sent(&p);
    assert_memory_equal(sent, "O:0 O:1 O:2 ", 12);
    assert_string_equal(sent + strlen(sent) - 13, "O:4999 O:more"); /* the newest are answered */
    peer_deinit(&p);
}

static void writing_blocks_and_loses_nothing(void **state) {
    (void)state;
    peer p;
    mix_websocket_config c = {.queue_bytes = 1000};
    static uint8_t big[5000];
    memset(big, '*', sizeof big);
    peer_init(&p, &c, 1);
    assert_status(mix_websocket_write(p.w, true, mix_bytes_str("early"), p.now), MIX_BLOCKED);
    assert_int_equal(mix_websocket_room(p.w), 0);
    peer_open(&p, "");
    size_t room = mix_websocket_room(p.w);
    assert_in_range(room, 800, 1000);
    assert_status(mix_websocket_write(p.w, false, mix_bytes_of(big, 300), p.now), MIX_OK);
    assert_int_equal(mix_websocket_buffered(p.w), 300);
    room = mix_websocket_room(p.w);
    assert_status(mix_websocket_write(p.w, false, mix_bytes_of(big, room + 1), p.now), MIX_BLOCKED);
    assert_status(mix_websocket_write(p.w, false, mix_bytes_of(big, room), p.now), MIX_OK);
    assert_int_equal(mix_websocket_room(p.w), 0);
    assert_int_equal(mix_websocket_buffered(p.w), 300 + room);
    assert_status(mix_websocket_write(p.w, false, (mix_bytes){0}, p.now), MIX_BLOCKED);
    peer_drain(&p, 100); /* 8 of them are the header */
    assert_int_equal(mix_websocket_buffered(p.w), 300 + room - 92);
    size_t steps = 0;
    for (; mix_websocket_buffered(p.w) > 0; steps++)
        peer_drain(&p, 7);
    assert_true(steps > 50);
    char want[40];
    snprintf(want, sizeof want, "B*300 B*%zu", room);
    assert_string_equal(peer_sent(&p), want);
    assert_status(mix_websocket_write(p.w, false, MIX_BYTES(big), p.now),
                  MIX_OK); /* larger than the queue, alone */
    assert_status(mix_websocket_write(p.w, true, mix_bytes_str("x"), p.now), MIX_BLOCKED);
    peer_drain(&p, SIZE_MAX);
    assert_string_equal(peer_sent(&p), "B*5000");
    assert_status(mix_websocket_write(p.w, true, mix_bytes_str("\xff"), p.now),
                  MIX_ERR_WEBSOCKET_TEXT);
    peer_deinit(&p);
}

static void many_small_messages_cost_what_they_occupy(void **state) {
    (void)state;
    peer p;
    mix_websocket_config c = {.queue_bytes = 10000};
    open_peer(&p, &c);
    mix_alloc_fail_at(0, 0);
    size_t before = mix_alloc_live_bytes(), count = 0;
    while (mix_websocket_write(p.w, true, (mix_bytes){0}, p.now) == MIX_OK)
        count++;
    assert_in_range(count, 10, 1000);
    assert_true(mix_alloc_live_bytes() - before <= 10000);
    peer_deinit(&p);
}

static void pongs_pass_between_fragments(void **state) {
    (void)state;
    peer p;
    mix_websocket_config c = {.fragment = 100};
    static uint8_t big[250];
    memset(big, '*', sizeof big);
    open_peer(&p, &c);
    assert_status(mix_websocket_write(p.w, true, MIX_BYTES(big), p.now), MIX_OK);
    assert_status(mix_websocket_write(p.w, true, mix_bytes_of(big, 100), p.now), MIX_OK);
    peer_drain(&p, 50); /* within the first frame */
    mix_buf frames = {0};
    encode(&frames, "P:now");
    mix_bytes in = mix_buf_bytes(&frames);
    assert_status(mix_websocket_feed(p.w, &in, p.now), MIX_OK);
    peer_drain(&p, SIZE_MAX);
    assert_string_equal(peer_sent(&p), "t*100 O:now c*100 C*50 T*100");
    size_t room = mix_websocket_room(p.w);
    uint8_t *most = calloc(room, 1);
    assert_true(most != NULL);
    assert_status(mix_websocket_write(p.w, true, mix_bytes_str("x"), p.now), MIX_OK);
    room = mix_websocket_room(p.w);
    assert_status(mix_websocket_write(p.w, false, mix_bytes_of(most, room), p.now),
                  MIX_OK); /* room counts the headers of fragments */
    free(most);
    mix_buf_deinit(&frames);
    peer_deinit(&p);
}

static void pings_of_our_own(void **state) {
    (void)state;
    peer p;
    uint8_t long_payload[126] = {0};
    peer_init(&p, NULL, 1);
    assert_status(mix_websocket_ping(p.w, (mix_bytes){0}, p.now), MIX_BLOCKED);
    peer_open(&p, "");
    (void)peer_events(&p);
    assert_status(mix_websocket_ping(p.w, MIX_BYTES(long_payload), p.now), MIX_ERR_WEBSOCKET_PING);
    assert_status(mix_websocket_ping(p.w, mix_bytes_str("there?"), p.now), MIX_OK);
    feed(&p, "O:there?");
    peer_drain(&p, SIZE_MAX);
    assert_string_equal(peer_sent(&p), "P:there?");
    assert_string_equal(peer_events(&p), "pong:there?");
    int taken = 0;
    while (mix_websocket_ping(p.w, (mix_bytes){0}, p.now) == MIX_OK)
        taken++;
    assert_int_equal(taken, 32);
    peer_deinit(&p);
}

/* --- endings --- */

static void closing_by_us(void **state) {
    (void)state;
    peer p;
    open_peer(&p, NULL);
    assert_status(mix_websocket_write(p.w, true, mix_bytes_str("last"), p.now), MIX_OK);
    assert_status(mix_websocket_close(p.w, 4000, mix_bytes_str("done"), p.now), MIX_OK);
    assert_int_equal(mix_websocket_get_state(p.w), MIX_WEBSOCKET_CLOSING);
    assert_status(mix_websocket_write(p.w, true, mix_bytes_str("late"), p.now), MIX_ERR_STATE);
    assert_status(mix_websocket_ping(p.w, mix_bytes_str("late"), p.now), MIX_ERR_STATE);
    assert_status(mix_websocket_close(p.w, 1000, (mix_bytes){0}, p.now), MIX_OK);
    peer_drain(&p, SIZE_MAX);
    assert_string_equal(peer_sent(&p), "T:last X:4000:done");
    feed(&p, "P:late T:crossing X:4000:done"); /* no frame follows our close frame */
    assert_string_equal(peer_sent(&p), "");
    assert_string_equal(peer_events(&p), "gotT:crossing");
    assert_status(mix_websocket_eof(p.w, MIX_OK, p.now), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "closed:4000:clean");
    assert_int_equal(mix_websocket_get_state(p.w), MIX_WEBSOCKET_CLOSED);
    assert_int_equal(mix_websocket_deadline(p.w), MIX_NEVER);
    feed(&p, "T:late"); /* nothing happens any more */
    assert_status(mix_websocket_eof(p.w, MIX_OK, p.now), MIX_OK);
    assert_status(mix_websocket_tick(p.w, p.now + MIX_SECONDS(1000)), MIX_OK);
    assert_status(mix_websocket_close(p.w, 1000, (mix_bytes){0}, p.now), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "");
    peer_deinit(&p);
}

static void codes_and_reasons_that_may_be_sent(void **state) {
    (void)state;
    static const unsigned good[] = {0, 1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999};
    static const unsigned bad[] = {1,    999,  1004, 1005,         1006, 1015,
                                   1016, 2999, 5000, 65536 + 1000, 70000};
    char reason[125];
    memset(reason, 'r', sizeof reason);
    peer p;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char want[16];
        snprintf(want, sizeof want, good[i] ? "X:%u" : "X", good[i]);
        open_peer(&p, NULL);
        assert_status(mix_websocket_close(p.w, good[i], (mix_bytes){0}, p.now), MIX_OK);
        peer_drain(&p, SIZE_MAX);
        assert_string_equal(peer_sent(&p), want);
        peer_deinit(&p);
    }
    open_peer(&p, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_status(mix_websocket_close(p.w, bad[i], (mix_bytes){0}, p.now),
                      MIX_ERR_WEBSOCKET_CODE);
    assert_status(mix_websocket_close(p.w, 0, mix_bytes_str("x"), p.now), MIX_ERR_WEBSOCKET_REASON);
    assert_status(mix_websocket_close(p.w, 1000, mix_bytes_str("\xc3"), p.now),
                  MIX_ERR_WEBSOCKET_REASON);
    assert_status(mix_websocket_close(p.w, 1000, mix_bytes_of(reason, 124), p.now),
                  MIX_ERR_WEBSOCKET_REASON);
    assert_int_equal(mix_websocket_get_state(p.w), MIX_WEBSOCKET_OPEN);
    assert_status(mix_websocket_close(p.w, 1000, mix_bytes_of(reason, 123), p.now), MIX_OK);
    peer_deinit(&p);
}

static void closing_before_it_is_open(void **state) {
    (void)state;
    peer p;
    peer_init(&p, NULL, 1);
    assert_status(mix_websocket_close(p.w, 1000, (mix_bytes){0}, p.now), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "error:WEBSOCKET_ABORTED closed:1006");
    peer_deinit(&p);
}

static void the_server_leaves(void **state) {
    (void)state;
    static const struct {
        const char *server;
        int status;
        bool close, drain;
        const char *events;
    } rows[] = {
        {"", MIX_OK, false, true, "error:WEBSOCKET_LOST closed:1006"},
        {"", MIX_ERR_TCP_RESET, false, true, "error:TCP_RESET closed:1006"},
        {"t:half", MIX_OK, false, true, "error:WEBSOCKET_LOST closed:1006"},
        {"", MIX_OK, true, true, "error:WEBSOCKET_LOST closed:1006"},
        {"X:1001", MIX_OK, false, false,
         "closing:1001: closed:1001:clean"}, /* without waiting for our close frame */
        {"X:1001", MIX_ERR_TCP_RESET, false, true, "closing:1001: closed:1001:clean"},
        {"X:1001", MIX_ERR_TCP_RESET, false, false, "closing:1001: error:TCP_RESET closed:1001"},
        {"=8f00", MIX_OK, false, false, "error:WEBSOCKET_FRAME closed:1006"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        peer p;
        mix_buf frames = {0};
        open_peer(&p, NULL);
        if (rows[i].close)
            assert_status(mix_websocket_close(p.w, 1000, (mix_bytes){0}, p.now), MIX_OK);
        encode(&frames, rows[i].server);
        mix_bytes in = mix_buf_bytes(&frames);
        assert_status(mix_websocket_feed(p.w, &in, p.now), MIX_OK);
        if (rows[i].drain)
            peer_drain(&p, SIZE_MAX);
        assert_status(mix_websocket_eof(p.w, rows[i].status, p.now), MIX_OK);
        peer_pull(&p);
        assert_string_equal(peer_events(&p), rows[i].events);
        mix_buf_deinit(&frames);
        peer_deinit(&p);
    }
    peer p;
    peer_init(&p, NULL, 1);
    assert_status(mix_websocket_eof(p.w, MIX_OK, p.now), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "error:WEBSOCKET_LOST closed:1006");
    peer_deinit(&p);
}

static void a_failure_drops_what_waits(void **state) {
    (void)state;
    peer p;
    mix_buf frames = {0};
    open_peer(&p, NULL);
    assert_status(mix_websocket_write(p.w, true, mix_bytes_str("under way"), p.now), MIX_OK);
    assert_status(mix_websocket_write(p.w, true, mix_bytes_str("waits"), p.now), MIX_OK);
    peer_drain(&p, 3);
    encode(&frames, "=8f00 T:ignored");
    mix_bytes in = mix_buf_bytes(&frames);
    assert_status(mix_websocket_feed(p.w, &in, p.now), MIX_OK);
    assert_int_equal(mix_websocket_buffered(p.w), 9);
    peer_pull(&p);
    assert_string_equal(peer_events(&p),
                        "error:WEBSOCKET_FRAME"); /* CLOSED when the server has been told */
    peer_drain(&p, SIZE_MAX);
    peer_pull(&p);
    assert_string_equal(peer_sent(&p), "T:under way X:1002");
    assert_string_equal(peer_events(&p), "closed:1006");
    mix_buf_deinit(&frames);
    peer_deinit(&p);
}

/* --- time --- */

static void time_to_open(void **state) {
    (void)state;
    peer p;
    mix_websocket_config c = {.open_timeout = MIX_SECONDS(7)};
    peer_init(&p, &c, 1);
    assert_int_equal(mix_websocket_deadline(p.w), p.now + MIX_SECONDS(7));
    assert_status(mix_websocket_tick(p.w, p.now + MIX_SECONDS(7) - 1), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "");
    assert_status(mix_websocket_tick(p.w, p.now + MIX_SECONDS(7)), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "error:WEBSOCKET_OPEN_TIMEOUT closed:1006");
    assert_int_equal(mix_websocket_deadline(p.w), MIX_NEVER);
    peer_deinit(&p);
    open_peer(&p, &c);
    assert_int_equal(mix_websocket_deadline(p.w), MIX_NEVER); /* an open one has no limit */
    peer_deinit(&p);
    c = (mix_websocket_config){.open_timeout = MIX_NEVER, .close_timeout = MIX_NEVER};
    peer_init(&p, &c, 1);
    assert_int_equal(mix_websocket_deadline(p.w), MIX_NEVER);
    peer_open(&p, "");
    assert_status(mix_websocket_close(p.w, 1000, (mix_bytes){0}, p.now), MIX_OK);
    assert_int_equal(mix_websocket_deadline(p.w), MIX_NEVER);
    peer_deinit(&p);
}

static void time_to_close(void **state) {
    (void)state;
    peer p;
    mix_websocket_config c = {.close_timeout = MIX_SECONDS(5)};
    open_peer(&p, &c);
    assert_status(mix_websocket_write(p.w, true, mix_bytes_str("slowly"), p.now), MIX_OK);
    assert_status(mix_websocket_close(p.w, 1000, (mix_bytes){0}, p.now), MIX_OK);
    for (int i = 0; i < 4; i++) { /* as long as the server reads, its time starts anew */
        assert_int_equal(mix_websocket_deadline(p.w), p.now + MIX_SECONDS(5));
        p.now += MIX_SECONDS(4);
        assert_status(mix_websocket_tick(p.w, p.now), MIX_OK);
        peer_drain(&p, 5);
    }
    p.now = mix_websocket_deadline(p.w);
    assert_status(mix_websocket_tick(p.w, p.now), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "error:WEBSOCKET_CLOSE_TIMEOUT closed:1006");
    peer_deinit(&p);
    open_peer(&p, &c); /* both close frames are out, the server keeps the stream */
    feed(&p, "X:1000");
    assert_string_equal(peer_events(&p), "closing:1000:");
    assert_status(mix_websocket_tick(p.w, p.now + MIX_SECONDS(5)), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "closed:1000:clean");
    peer_deinit(&p);
    open_peer(&p, &c); /* the server does not take our close frame */
    mix_buf frames = {0};
    encode(&frames, "X:1000");
    mix_bytes in = mix_buf_bytes(&frames);
    assert_status(mix_websocket_feed(p.w, &in, p.now), MIX_OK);
    assert_status(mix_websocket_tick(p.w, p.now + MIX_SECONDS(5)), MIX_OK);
    peer_pull(&p);
    assert_string_equal(peer_events(&p), "closing:1000: error:WEBSOCKET_CLOSE_TIMEOUT closed:1000");
    mix_buf_deinit(&frames);
    peer_deinit(&p);
}

/* --- what the host cannot give --- */

/* A whole life; every failure is reported and nothing leaks. True when it went through. */
static bool live(mix_test_env *env, mix_bytes frames) {
    mix_websocket_config c = {.request = {.host = mix_bytes_str("h")}, .fragment = 8};
    mix_websocket *w;
    mix_buf out = {0}, answer = {0};
    mix_websocket_event ev = {0};
    bool through = true;
    int status = mix_websocket_new(&w, &c, &env->env, 0);
    if (status != MIX_OK) {
        assert_true(status == MIX_ERR_MEMORY || status == MIX_ERR_RANDOM);
        return false;
    }
    if (mix_websocket_drain(w, &out, SIZE_MAX, 0) == MIX_OK) {
        peer p = {.sent = out};
        peer_answer(&p, &answer, LINE UPGRADE CONNECTION ACCEPT "\r\n");
    }
    if (answer.failed || answer.len == 0)
        through = false;
    mix_bytes in = mix_buf_bytes(&answer);
    for (int part = 0; part < 2; part++, in = frames) {
        while (mix_websocket_feed(w, &in, 0) == MIX_BLOCKED ||
               mix_websocket_get_state(w) != MIX_WEBSOCKET_OPEN) {
            if (mix_websocket_next(w, &ev, 0) != MIX_OK)
                break;
            through = through && ev.kind != MIX_WEBSOCKET_EVENT_ERROR;
        }
        if (part == 0)
            through =
                mix_websocket_write(w, true, mix_bytes_str("in three fragments"), 0) == MIX_OK &&
                through;
    }
    (void)mix_websocket_drain(w, &out, SIZE_MAX, 0);
    (void)mix_websocket_eof(w, MIX_OK, 0);
    while (mix_websocket_next(w, &ev, 0) == MIX_OK)
        through = through && ev.kind != MIX_WEBSOCKET_EVENT_ERROR;
    assert_int_equal(ev.kind, MIX_WEBSOCKET_EVENT_CLOSED);
    mix_websocket_free(w);
    mix_buf_deinit(&out);
    mix_buf_deinit(&answer);
    return through;
}

static void no_memory_at_any_point(void **state) {
    (void)state;
    mix_buf frames = {0};
    mix_test_env env;
    encode(&frames, "t:abc P:1 C:def B:xyz P:2 X:1000");
    mix_alloc_fail_at(0, 0);
    size_t live_before = mix_alloc_live();
    size_t failures = 0;
    bool through = false, all = false;
    for (size_t n = 1; !all; n++) {
        mix_test_env_init(&env, 1);
        mix_alloc_fail_at(n, 0);
        through = live(&env, mix_buf_bytes(&frames));
        failures += !through;
        all = mix_alloc_count() < n;
        mix_alloc_fail_at(0, 0);
        assert_int_equal(mix_alloc_live(), live_before);
    }
    assert_true(through);
    assert_in_range(failures, 10, 100);
    mix_buf_deinit(&frames);
}

static void no_randomness_at_any_point(void **state) {
    (void)state;
    mix_buf frames = {0};
    mix_test_env env;
    encode(&frames, "t:abc P:1 C:def B:xyz P:2 X:1000");
    bool through = false;
    int n = 1;
    for (; !through && n < 50; n++) {
        mix_test_env_init(&env, 1);
        env.fail_random = n;
        through = live(&env, mix_buf_bytes(&frames));
    }
    assert_in_range(n, 7, 20); /* the key, three fragments, two pongs, the close frame */
    mix_buf_deinit(&frames);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(request_with_everything),
    cmocka_unit_test(requests_that_cannot_be),
    cmocka_unit_test(answers_good_and_bad),
    cmocka_unit_test(head_is_bounded),
    cmocka_unit_test(headers_are_handed_on),
    cmocka_unit_test(sizes_are_bounded),
    cmocka_unit_test(memory_grows_with_what_comes_only),
    cmocka_unit_test(a_large_message_leaves_no_large_buffer),
    cmocka_unit_test(a_flood_of_pings_is_bounded),
    cmocka_unit_test(writing_blocks_and_loses_nothing),
    cmocka_unit_test(many_small_messages_cost_what_they_occupy),
    cmocka_unit_test(pongs_pass_between_fragments),
    cmocka_unit_test(pings_of_our_own),
    cmocka_unit_test(closing_by_us),
    cmocka_unit_test(codes_and_reasons_that_may_be_sent),
    cmocka_unit_test(closing_before_it_is_open),
    cmocka_unit_test(the_server_leaves),
    cmocka_unit_test(a_failure_drops_what_waits),
    cmocka_unit_test(time_to_open),
    cmocka_unit_test(time_to_close),
    cmocka_unit_test(no_memory_at_any_point),
    cmocka_unit_test(no_randomness_at_any_point),
};
MIX_TEST_MAIN(websocket_test, tests)
