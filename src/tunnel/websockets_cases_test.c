/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of websocket/cases_testing.h through a whole network: an echo client against a server
 * that sends what a row says and ends. */
#include "mix/errors.h"
#include "mix/websocket.h"
#include "tunnel/websockets_testing.h"
#include "websocket/cases_testing.h"

static struct state {
    uint32_t id;
    bool closing, closed;
    char log[1000];
} s;

static void put_word(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put_word(const char *format, ...) {
    size_t at = strlen(s.log);
    va_list args;
    va_start(args, format);
    snprintf(s.log + at, sizeof s.log - at, "%s", at > 0 ? " " : "");
    at = strlen(s.log);
    vsnprintf(s.log + at, sizeof s.log - at, format, args);
    va_end(args);
}

static void on_event(const mix_tunnel_event *ev) {
    const mix_websocket_news *n = ev->websocket;
    if (ev->kind != MIX_TUNNEL_EVENT_WEBSOCKET || ev->id != s.id)
        return;
    switch (ev->what) {
    case MIX_WEBSOCKET_WHAT_MESSAGE:
        assert_status(mix_tunnel_websocket_write(hosts_tunnel(), s.id, n->text, ev->data, ev->len,
                                                 hosts_now()),
                      MIX_OK);
        break;
    case MIX_WEBSOCKET_WHAT_PONG:
        put_word("pong:%.*s", (int)ev->len, ev->len > 0 ? (const char *)ev->data : "");
        break;
    case MIX_WEBSOCKET_WHAT_CLOSING:
        put_word("closing:%u:%s", n->code, n->reason);
        break;
    case MIX_WEBSOCKET_WHAT_ERROR:
        put_word("error:%s", mix_error_name(ev->failure.code) + sizeof "MIX_ERR_" - 1);
        break;
    case MIX_WEBSOCKET_WHAT_CLOSED:
        put_word("closed:%u%s", n->code, n->clean ? ":clean" : "");
        s.closed = true;
        break;
    default:
        break;
    }
}

static bool is_over(void *user) {
    (void)user;
    return s.closed && !server.last;
}

static void run(const websocket_case *c, bool secure) {
    const mix_websocket_options o = {.url = secure ? "wss://a.test/case" : "ws://a.test/case"};
    s = (struct state){0};
    ws_reset_all();
    server.script = c->server;
    assert_status(mix_tunnel_websocket(hosts_tunnel(), &s.id, &o, hosts_now()), MIX_OK);
    assert_true(hosts_run(is_over, MIX_SECONDS(60)));
    mix_buf_put_u8(&server.seen, 0);
    const char *sent = (const char *)server.seen.data;
    const char *want = strcmp(c->sent, "X") == 0 ? "X:0" : c->sent;
    if (strcmp(sent, want) != 0 || strcmp(s.log, c->events) != 0)
        fail_msg("[%s]\n got [%s] [%s]\nwant [%s] [%s]", c->server, sent, s.log, want, c->events);
}

static void all_sections(void **state) {
    size_t count = 0;
    (void)state;
    hosts_begin(&(hosts_options){.tunnel = {.pacing_off = true, .cover_off = true},
                                 .ports = {80, 443},
                                 .opened = ws_opened,
                                 .received = ws_received,
                                 .gone = ws_gone,
                                 .event = on_event,
                                 .seed = 3});
    for (size_t i = 0; i < WEBSOCKET_SECTIONS; i++)
        for (size_t k = 0; k < websocket_sections[i].count; k++)
            run(&websocket_sections[i].rows[k], count++ % 4 == 0);
    print_message("%zu rows\n", count);
    assert_true(count > 80);
    hosts_end();
    ws_reset_all();
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(all_sections)};
MIX_TEST_MAIN(websockets_cases_door_test, tests)
