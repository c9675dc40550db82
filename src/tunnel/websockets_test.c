/* SPDX-License-Identifier: Apache-2.0 */
/* WebSockets through a whole network in virtual time. */
#include "mix/websocket.h"

#include "mix/errors.h"
#include "tunnel/memory_testing.h"
#include "tunnel/websockets_testing.h"

enum { MANY = 30, MEGA = 1 << 20 };

static struct state {
    hosts *net;
    struct one {
        uint32_t id;
        mix_buf log; /* what happened, as words */
        mix_failure failure;
        mix_time at; /* of the last event */
        bool open, closed, writable;
        size_t bytes;
        unsigned messages;
    } ones[MANY];
    size_t count;
    bool echo; /* messages are written back */
    mix_buf last;
} s;

/* ---- what happened ---- */

static void put_word(struct one *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_word(struct one *o, const char *format, ...) {
    char word[300];
    va_list args;
    va_start(args, format);
    vsnprintf(word, sizeof word, format, args);
    va_end(args);
    mix_buf_put_str(&o->log, o->log.len > 0 ? " " : "");
    mix_buf_put_str(&o->log, word);
}

static void on_message(struct one *o, const mix_tunnel_event *ev) {
    char letter = ev->websocket->text ? 'T' : 'B';
    o->messages++;
    o->bytes += ev->len;
    mix_buf_truncate(&s.last, 0);
    mix_buf_put(&s.last, ev->data, ev->len);
    if (ev->len > 60)
        put_word(o, "%c*%zu", letter, ev->len);
    else
        put_word(o, "%c:%.*s", letter, (int)ev->len, ev->len > 0 ? (const char *)ev->data : "");
    if (s.echo)
        (void)mix_tunnel_websocket_write(hosts_tunnel(), o->id, ev->websocket->text, ev->data,
                                         ev->len, hosts_now());
}

static void on_one(struct one *o, const mix_tunnel_event *ev) {
    const mix_websocket_news *n = ev->websocket;
    assert_false(o->closed); /* the last one */
    o->at = hosts_now();
    switch (ev->what) {
    case MIX_WEBSOCKET_WHAT_OPEN:
        o->open = true;
        put_word(o, "open:%s", n->protocol);
        break;
    case MIX_WEBSOCKET_WHAT_MESSAGE:
        on_message(o, ev);
        break;
    case MIX_WEBSOCKET_WHAT_PONG:
        put_word(o, "pong:%.*s", (int)ev->len, (const char *)ev->data);
        break;
    case MIX_WEBSOCKET_WHAT_WRITABLE:
        o->writable = true;
        break;
    case MIX_WEBSOCKET_WHAT_CLOSING:
        put_word(o, "closing:%u:%s", n->code, n->reason);
        break;
    case MIX_WEBSOCKET_WHAT_ERROR:
        o->failure = ev->failure;
        put_word(o, "error:%s", mix_error_name(ev->failure.code) + sizeof "MIX_ERR_" - 1);
        assert_true(ev->failure.words[0] != 0);
        break;
    default:
        o->closed = true;
        put_word(o, "closed:%u:%s%s", n->code, n->reason, n->clean ? ":clean" : "");
    }
}

static void on_event(const mix_tunnel_event *ev) {
    if (ev->kind != MIX_TUNNEL_EVENT_WEBSOCKET)
        return;
    for (size_t i = 0; i < s.count; i++)
        if (s.ones[i].id == ev->id)
            on_one(&s.ones[i], ev);
}

static const char *log_of(struct one *o) {
    mix_buf_put_u8(&o->log, 0);
    o->log.len--;
    return (const char *)o->log.data;
}

static bool has(struct one *o, const char *word) {
    return strstr(log_of(o), word) != NULL;
}

/* ---- life ---- */

static void begin(mix_tunnel_config config) {
    hosts_options o = {.tunnel = config,
                       .ports = {80, 8080, 443},
                       .opened = ws_opened,
                       .received = ws_received,
                       .gone = ws_gone,
                       .event = on_event,
                       .seed = 11};
    ws_reset_all();
    s = (struct state){0};
    o.tunnel.pacing_off = o.tunnel.cover_off = true;
    s.net = hosts_begin(&o);
}

static void end(void) {
    hosts_end();
    ws_reset_all();
    for (size_t i = 0; i < s.count; i++)
        mix_buf_deinit(&s.ones[i].log);
    mix_buf_deinit(&s.last);
}

static struct one *open_with(mix_websocket_options options) {
    struct one *o = &s.ones[s.count++];
    assert_status(mix_tunnel_websocket(hosts_tunnel(), &o->id, &options, hosts_now()), MIX_OK);
    return o;
}

static struct one *open_one(const char *url) {
    return open_with((mix_websocket_options){.url = url});
}

static bool all_open(void *user) {
    (void)user;
    for (size_t i = 0; i < s.count; i++)
        if (!s.ones[i].open && !s.ones[i].closed)
            return false;
    return true;
}

static bool all_closed(void *user) {
    (void)user;
    for (size_t i = 0; i < s.count; i++)
        if (!s.ones[i].closed)
            return false;
    return true;
}

static struct one *up(const char *url) {
    struct one *o = open_one(url);
    assert_true(hosts_run(all_open, MIX_SECONDS(100)));
    assert_true(o->open);
    return o;
}

static void say(const struct one *o, bool text, mix_bytes message) {
    assert_status(mix_tunnel_websocket_write(hosts_tunnel(), o->id, text, message.data, message.len,
                                             hosts_now()),
                  MIX_OK);
}

static void finish(const struct one *o, unsigned code, const char *reason) {
    assert_status(mix_tunnel_websocket_close(hosts_tunnel(), o->id, code, reason, hosts_now()),
                  MIX_OK);
    assert_true(hosts_run(all_closed, MIX_SECONDS(100)));
}

static const char *seen(void) {
    mix_buf_put_u8(&server.seen, 0);
    server.seen.len--;
    return (const char *)server.seen.data;
}

static void text_and_bytes(void **state) {
    const char *urls[] = {"ws://a.test/echo", "wss://a.test/echo", "WSS://six.test:443/echo",
                          "http://a.test:8080/echo", "ws://[2606:2800::7]/pieces"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        begin((mix_tunnel_config){0});
        struct one *o = up(urls[i]);
        say(o, true, mix_bytes_str("Gr\xc3\xbc\xc3\x9f"));
        say(o, false, mix_bytes_str("\xff\xfe"));
        say(o, true, mix_bytes_str(""));
        assert_status(mix_tunnel_websocket_ping(hosts_tunnel(), o->id, (const uint8_t *)"ping", 4,
                                                hosts_now()),
                      MIX_OK);
        hosts_run(NULL, MIX_SECONDS(1));
        finish(o, 1000, "done");
        assert_string_equal(seen(), "T:Gr\xc3\xbc\xc3\x9f B:\xff\xfe T: P:ping X:1000:done");
        assert_string_equal(log_of(o), "open: T:Gr\xc3\xbc\xc3\x9f B:\xff\xfe T: pong:ping "
                                       "closed:1000:done:clean");
        assert_int_equal(mix_tunnel_websocket_buffered(hosts_tunnel(), o->id), 0);
        assert_status(mix_tunnel_websocket_write(hosts_tunnel(), o->id, true, NULL, 0, hosts_now()),
                      MIX_ERR_ARGUMENT); /* forgotten */
        hosts_run(NULL, MIX_SECONDS(1));
        assert_int_equal(server.gone, 1);
        end();
    }
}

static bool got_a_mega(void *user) {
    (void)user;
    return s.ones[0].bytes >= MEGA;
}

static void a_megabyte_each_way(void **state) {
    const char *urls[] = {"ws://a.test/echo", "wss://a.test/pieces"};
    static uint8_t data[MEGA];
    (void)state;
    for (size_t i = 0; i < MEGA; i++)
        data[i] = (uint8_t)(i * 7 >> 2);
    for (size_t i = 0; i < 2; i++) {
        begin((mix_tunnel_config){0});
        struct one *o = up(urls[i]);
        say(o, false, MIX_BYTES(data));
        size_t waiting = mix_tunnel_websocket_buffered(hosts_tunnel(), o->id);
        assert_true(waiting > 0 && waiting <= MEGA);
        assert_true(hosts_run(got_a_mega, MIX_SECONDS(300)));
        assert_bytes(mix_buf_bytes(&s.last), MIX_BYTES(data));
        assert_int_equal(mix_tunnel_websocket_buffered(hosts_tunnel(), o->id), 0);
        hosts_run(NULL, MIX_SECONDS(5));
        assert_true(i == 0 ? server.pings == 0 : server.pings > 100); /* not each needs a pong */
        end();
    }
}

/* The request, as the server has it. */
static void requests(void **state) {
    const char *protocols[] = {"soap", "chat"};
    const mix_header headers[] = {{"X-Token", "abc"}, {"Origin", "https://page.test"}};
    const struct {
        mix_websocket_options options;
        const char *want[6], *not_there;
    } rows[] = {
        {{.url = "ws://a.test/echo?x=1&y=%20z"},
         {"GET /echo?x=1&y=%20z HTTP/1.1\r\n", "\r\nHost: a.test\r\n", "\r\nUser-Agent: lwmix\r\n"},
         "Origin"},
        {{.url = "ws://a.test:8080/echo"}, {"\r\nHost: a.test:8080\r\n"}, "Protocol"},
        {{.url = "ws://a.test:80/echo"}, {"\r\nHost: a.test\r\n"}, "Extensions"},
        {{.url = "wss://a.test:443/echo"}, {"\r\nHost: a.test\r\n"}, "Cookie"},
        {{.url = "ws://[2606:2800::7]:8080/echo"}, {"\r\nHost: [2606:2800::7]:8080\r\n"}, "@"},
        {{.url = "ws://[2606:2800::7]/echo"}, {"\r\nHost: [2606:2800::7]\r\n"}, "@"},
        {{.url = "ws://me:pa%3Ass@a.test/echo"},
         {"\r\nHost: a.test\r\n", "\r\nAuthorization: Basic bWU6cGE6c3M=\r\n"},
         "@"},
        {{.url = "ws://me%2fyou:100%25%4%zz@a.test/echo"},
         {"\r\nAuthorization: Basic bWUveW91OjEwMCUlNCV6eg==\r\n"},
         "@"},
        {{.url = "ws://a.test/chat",
          .protocols = protocols,
          .protocol_count = 2,
          .headers = headers,
          .header_count = 2},
         {"\r\nX-Token: abc\r\n", "\r\nOrigin: https://page.test\r\n",
          "\r\nSec-WebSocket-Protocol: soap, chat\r\n"},
         "Authorization"},
    };
    (void)state;
    begin((mix_tunnel_config){0});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one *o = open_with(rows[i].options);
        assert_true(hosts_run(all_open, MIX_SECONDS(100)));
        for (size_t k = 0; k < 6 && rows[i].want[k]; k++)
            if (!strstr(server.request, rows[i].want[k]))
                fail_msg("%s is not in\n%s", rows[i].want[k], server.request);
        assert_null(strstr(server.request, rows[i].not_there));
        assert_string_equal(log_of(o), rows[i].options.protocol_count > 0 ? "open:chat" : "open:");
    }
    end();
    begin((mix_tunnel_config){.user_agent = ""});
    (void)up("ws://a.test/echo");
    assert_null(strstr(server.request, "User-Agent"));
    end();
}

static void calls_that_cannot_be(void **state) {
    const char *twice[] = {"a", "a"};
    const mix_header host = {"Host", "b.test"}, broken = {"X-A", "a\r\nb: c"};
    const struct {
        mix_websocket_options options;
        int status;
    } rows[] = {
        {{.url = "ws://a.test/#x"}, MIX_ERR_HTTP_URL},
        {{.url = "ws://a.test#"}, MIX_ERR_HTTP_URL},
        {{.url = "ftp://a.test/"}, MIX_ERR_HTTP_SCHEME},
        {{.url = "wsss://a.test/"}, MIX_ERR_HTTP_SCHEME},
        {{.url = "ws://"}, MIX_ERR_HTTP_URL},
        {{.url = ""}, MIX_ERR_HTTP_URL},
        {{.url = "a.test"}, MIX_ERR_HTTP_URL},
        {{.url = "ws://a.test:70000/"}, MIX_ERR_HTTP_URL},
        {{.url = "ws://a b/"}, MIX_ERR_HTTP_URL},
        {{.url = "ws://a.test/", .protocols = twice, .protocol_count = 2},
         MIX_ERR_WEBSOCKET_PROTOCOLS},
        {{.url = "ws://a.test/", .headers = &host, .header_count = 1}, MIX_ERR_WEBSOCKET_HEADER},
        {{.url = "ws://a.test/", .headers = &broken, .header_count = 1}, MIX_ERR_WEBSOCKET_HEADER},
        {{.url = "ws://a.test/", .open_timeout = -1}, MIX_ERR_ARGUMENT},
    };
    uint32_t id;
    (void)state;
    begin((mix_tunnel_config){0});
    mix_tunnel *t = hosts_tunnel();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        id = 7;
        int status = mix_tunnel_websocket(t, &id, &rows[i].options, hosts_now());
        if (status != rows[i].status)
            print_message("row %zu\n", i);
        assert_status(status, rows[i].status);
        assert_int_equal(id, 0);
    }
    assert_status(mix_tunnel_websocket_close(t, 1, 1000, NULL, hosts_now()), MIX_ERR_ARGUMENT);
    assert_status(mix_tunnel_websocket_ping(t, 1, NULL, 0, hosts_now()), MIX_ERR_ARGUMENT);
    mix_tunnel_websocket_drop(t, 1, hosts_now());
    struct one *o = open_one("ws://a.test/echo");
    assert_status(mix_tunnel_websocket_write(t, o->id, true, NULL, 0, hosts_now()), MIX_BLOCKED);
    assert_true(hosts_run(all_open, MIX_SECONDS(10)));
    hosts_run(NULL, MIX_MS(10));
    assert_true(o->writable);
    assert_status(
        mix_tunnel_websocket_write(t, o->id, true, (const uint8_t *)"\xff", 1, hosts_now()),
        MIX_ERR_WEBSOCKET_TEXT);
    assert_status(mix_tunnel_websocket_close(t, o->id, 1005, NULL, hosts_now()),
                  MIX_ERR_WEBSOCKET_CODE);
    assert_status(mix_tunnel_websocket_close(t, o->id, 0, "why", hosts_now()),
                  MIX_ERR_WEBSOCKET_REASON);
    assert_status(mix_tunnel_websocket_close(t, o->id, 3000, "why", hosts_now()), MIX_OK);
    assert_status(mix_tunnel_websocket_write(t, o->id, true, NULL, 0, hosts_now()), MIX_ERR_STATE);
    assert_status(mix_tunnel_websocket_close(t, o->id, 1000, NULL, hosts_now()), MIX_OK);
    assert_true(hosts_run(all_closed, MIX_SECONDS(10)));
    assert_string_equal(log_of(o), "open: closed:3000:why:clean");
    const mix_websocket_options many = {.url = "ws://93.184.216.66/"};
    for (int i = 0; i < 128; i++)
        assert_status(mix_tunnel_websocket(t, &id, &many, hosts_now()), MIX_OK);
    assert_status(mix_tunnel_websocket(t, &id, &many, hosts_now()), MIX_ERR_LIMIT);
    world_client_stop(&s.net->client);
    assert_status(mix_tunnel_websocket(t, &id, &many, hosts_now()), MIX_ERR_STATE);
    end();
}

static void failures_have_names(void **state) {
    const struct {
        const char *url, *log, *words;
        int64_t number;
        mix_time timeout, least, most;
    } rows[] = {
        {"ws://a.test/refuse", "error:WEBSOCKET_STATUS closed:1006:", "403 Not for you", 403, 0, 0,
         2},
        {"wss://a.test/refuse", "error:WEBSOCKET_STATUS closed:1006:", "403", 403, 0, 0, 2},
        {"ws://a.test/wrong", "error:WEBSOCKET_ACCEPT closed:1006:", "Accept", 1, 0, 0, 2},
        {"ws://a.test:81/", "error:TCP_REFUSED closed:1006:", "", 7, 0, 0, 2},
        {"ws://nowhere.example/", "error:DNS_NOT_FOUND closed:1006:", "nowhere.example", 3, 0, 0,
         2},
        {"wss://six.test:80/", "error:TLS_HANDSHAKE closed:1006:", "", 35, 0, 0, 3},
        {"wss://both.test/", "error:TLS_NAME closed:1006:", "mismatch", 62, 0, 0, 3},
        {"ws://a.test/mute", "error:WEBSOCKET_OPEN_TIMEOUT closed:1006:", "handshake", 0,
         MIX_SECONDS(5), 5, 5},
        {"ws://hush.test/mute", "error:WEBSOCKET_OPEN_TIMEOUT closed:1006:", "connection", 0,
         MIX_SECONDS(5), 5, 5},
        {"ws://93.184.216.66/", "error:TCP_TIMEOUT closed:1006:", "", 28, 0, 29, 31},
        {"ws://a.test/end", "open: error:WEBSOCKET_LOST closed:1006:", "", 0, 0, 0, 2},
        {"ws://a.test/reset", "closed:1006:", "", -1, 0, 0, 2},
    };
    (void)state;
    begin((mix_tunnel_config){0});
    mix_time from = hosts_now();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        open_with((mix_websocket_options){.url = rows[i].url, .open_timeout = rows[i].timeout});
    assert_true(hosts_run(all_closed, MIX_SECONDS(100)));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one *o = &s.ones[i];
        double took = (double)(o->at - from) / 1e6;
        print_message("%s: %s; %s %lld: %s\n", rows[i].url, log_of(o), o->failure.layer,
                      (long long)o->failure.number, o->failure.words);
        if (rows[i].number >= 0) {
            assert_string_equal(log_of(o), rows[i].log);
            assert_int_equal(o->failure.number, rows[i].number);
        } else {
            assert_true(has(o, rows[i].log));
        }
        assert_non_null(strstr(o->failure.words, rows[i].words));
        assert_true(took >= (double)rows[i].least && took <= (double)rows[i].most + 0.1);
    }
    end();
}

static void closing(void **state) {
    const struct {
        const char *script, *log, *seen;
    } rows[] = {
        {"X:4001:bye", "open: closing:4001:bye closed:4001:bye:clean", "X:4001"},
        {"T:last X:1001", "open: T:last closing:1001: closed:1001::clean", "X:1001"},
        {"X", "open: closing:1005: closed:1005::clean", "X:0"},
        {"=8900 =818537fa213d7f9f4d5158", "open: error:WEBSOCKET_FRAME closed:1006:", "O: X:1002"},
        {"T:\xff", "open: error:WEBSOCKET_UTF8 closed:1006:", "X:1007"},
        {"t:a P:x C:b P:y X:1000", "open: T:ab closing:1000: closed:1000::clean", "O:x O:y X:1000"},
        {"B*65536 b*10 c*20 C*30000 X:1000",
         "open: B*65536 B*30030 closing:1000: closed:1000::clean", "X:1000"},
        {"=880203", "open:", ""}, /* half a frame: nothing yet */
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        size_t row = i / 2;
        begin((mix_tunnel_config){0});
        server.script = rows[row].script;
        struct one *o = up(i % 2 ? "wss://a.test/script" : "ws://a.test/script");
        hosts_run(NULL, MIX_SECONDS(12));
        assert_string_equal(log_of(o), rows[row].log);
        assert_string_equal(seen(), rows[row].seen);
        end();
    }
}

/* Its host is gone in mid-connection: the keepalive finds out. */
static void a_server_that_vanishes(void **state) {
    (void)state;
    begin((mix_tunnel_config){.keepalive = MIX_SECONDS(10)});
    struct one *o = up("ws://a.test/echo");
    s.net->mute = true;
    mix_time from = hosts_now();
    assert_true(hosts_run(all_closed, MIX_SECONDS(60)));
    print_message("%s after %lld s: %s\n", log_of(o), (long long)((o->at - from) / 1000000),
                  o->failure.words);
    assert_true(has(o, "open: error:") && has(o, " closed:1006:"));
    end();
    /* and while we close, its time limit does */
    begin((mix_tunnel_config){.keepalive = -1});
    o = up("ws://a.test/echo");
    s.net->mute = true;
    from = hosts_now();
    finish(o, 1000, NULL);
    assert_true(o->at - from <= MIX_SECONDS(11));
    assert_string_equal(log_of(o), "open: error:WEBSOCKET_CLOSE_TIMEOUT closed:1006:");
    end();
}

static void abort_while_connecting(void **state) {
    const mix_time after[] = {0, MIX_MS(50), MIX_MS(150), MIX_MS(250), MIX_MS(350), MIX_MS(500)};
    (void)state;
    for (size_t i = 0; i < 12; i++) {
        begin((mix_tunnel_config){0});
        struct one *o = open_one("wss://a.test/mute");
        hosts_run(NULL, after[i / 2]);
        if (i % 2 == 0) {
            finish(o, 1000, NULL);
            assert_string_equal(log_of(o), "error:WEBSOCKET_ABORTED closed:1006:");
        } else {
            mix_tunnel_websocket_drop(hosts_tunnel(), o->id, hosts_now());
            hosts_run(NULL, MIX_SECONDS(5));
            assert_int_equal(o->log.len, 0);
        }
        hosts_run(NULL, MIX_SECONDS(5));
        assert_null(server.last); /* no connection stays */
        end();
    }
}

static void many_at_once(void **state) {
    static uint8_t data[20000];
    (void)state;
    begin((mix_tunnel_config){0});
    s.echo = false;
    for (int i = 0; i < MANY; i++)
        open_one(i % 2 ? "wss://a.test/echo" : "ws://a.test/echo");
    assert_true(hosts_run(all_open, MIX_SECONDS(100)));
    for (int i = 0; i < MANY; i++) {
        memset(data, i, sizeof data);
        say(&s.ones[i], false, MIX_BYTES(data));
        assert_status(
            mix_tunnel_websocket_close(hosts_tunnel(), s.ones[i].id, 3000, NULL, hosts_now()),
            MIX_OK);
    }
    assert_true(hosts_run(all_closed, MIX_SECONDS(100)));
    for (int i = 0; i < MANY; i++)
        assert_string_equal(log_of(&s.ones[i]), "open: B*20000 closed:3000::clean");
    hosts_run(NULL, MIX_SECONDS(5));
    assert_int_equal(server.gone, MANY);
    end();
}

/* What the host does not pull holds the server back, and nothing is lost. */
static void a_slow_reader(void **state) {
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *o = up("ws://a.test/flood");
    s.net->client.deaf = true;
    hosts_run(NULL, MIX_SECONDS(20));
    assert_non_null(server.last);
    uint64_t left = far_unacked(server.last->far);
    print_message("%llu bytes wait at the server\n", (unsigned long long)left);
    assert_true(left > MEGA / 2); /* no more than TCP's window is here */
    assert_true(o->messages < 8);
    s.net->client.deaf = false;
    hosts_run(NULL, MIX_SECONDS(60));
    assert_int_equal(o->messages, 128);
    assert_int_equal(o->bytes, 2 * MEGA);
    end();
}

/* A server that does not read: the queue is bounded, and WRITABLE tells. */
static void a_slow_server(void **state) {
    static const uint8_t data[100000];
    size_t sum = 0;
    int status = MIX_OK;
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *o = up("ws://a.test/stuck");
    for (int i = 0; i < 100 && status == MIX_OK; i++) {
        status = mix_tunnel_websocket_write(hosts_tunnel(), o->id, false, data, sizeof data,
                                            hosts_now());
        sum += status == MIX_OK ? sizeof data : 0;
        hosts_run(NULL, MIX_SECONDS(2));
    }
    assert_status(status, MIX_BLOCKED);
    assert_true(sum > MEGA && sum < 5 * MEGA);
    assert_false(o->writable);
    size_t waiting = mix_tunnel_websocket_buffered(hosts_tunnel(), o->id);
    print_message("%zu bytes taken, %zu wait\n", sum, waiting);
    assert_true(waiting > MEGA / 2 && waiting <= MEGA);
    far_stop_reading(server.last->far, false);
    hosts_run(NULL, MIX_SECONDS(60));
    assert_true(o->writable);
    assert_int_equal(mix_tunnel_websocket_buffered(hosts_tunnel(), o->id), 0);
    say(o, false, MIX_BYTES(data));
    hosts_run(NULL, MIX_SECONDS(60));
    finish(o, 1000, NULL);
    assert_true(strstr(seen(), " X:1000") != NULL);
    end();
}

/* A server that does wrong while it is slow to read is still told why we left. */
static void last_words(void **state) {
    static const uint8_t data[100000];
    int status = MIX_OK;
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *o = up("ws://a.test/stuck");
    for (int i = 0; i < 100 && status == MIX_OK; i++) {
        status = mix_tunnel_websocket_write(hosts_tunnel(), o->id, false, data, sizeof data,
                                            hosts_now());
        hosts_run(NULL, MIX_SECONDS(2));
    }
    assert_status(status, MIX_BLOCKED);
    ws_send(server.last, "=ff00");
    hosts_run(NULL, MIX_SECONDS(2));
    assert_true(has(o, "error:WEBSOCKET_FRAME"));
    assert_false(o->closed);
    far_stop_reading(server.last->far, false);
    assert_true(hosts_run(all_closed, MIX_SECONDS(8)));
    hosts_run(NULL, MIX_SECONDS(10));
    assert_non_null(strstr(seen(), " X:1002"));
    assert_int_equal(server.gone, 1);
    end();
}

static void the_tunnel_stops(void **state) {
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *all[] = {up("wss://a.test/echo"), open_one("ws://hush.test/"),
                         open_one("ws://93.184.216.66/")};
    hosts_run(NULL, MIX_MS(100));
    world_client_stop(&s.net->client);
    hosts_run(NULL, MIX_SECONDS(2));
    for (int i = 0; i < 3; i++) {
        assert_true(all[i]->closed);
        assert_true(has(all[i], "error:STATE closed:1006:"));
    }
    /* and works again after a new start */
    assert_status(world_client_start(&s.net->client), MIX_OK);
    hosts_run(NULL, MIX_SECONDS(10));
    struct one *o = up("wss://a.test/echo");
    say(o, true, mix_bytes_str("again"));
    hosts_run(NULL, MIX_SECONDS(2));
    assert_string_equal(log_of(o), "open: T:again");
    end();
}

/* While nothing gets through to the exit nothing times out but what the host has limited. */
static void the_tunnel_stands_still(void **state) {
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *o = up("wss://a.test/echo");
    world_member *gateway = world_find(&s.net->net, "gateway1");
    gateway->dead = true;
    world_cut(&s.net->net, gateway);
    assert_true(hosts_run(hosts_degraded, MIX_SECONDS(100)));
    mix_time from = hosts_now();
    struct one *waits = open_with((mix_websocket_options){.url = "wss://a.test/echo",
                                                          .open_timeout = MIX_SECONDS(150)}),
               *gives_up = open_with((mix_websocket_options){.url = "wss://a.test/echo",
                                                             .open_timeout = MIX_SECONDS(20)});
    say(o, true, mix_bytes_str("meanwhile"));
    hosts_run(NULL, MIX_SECONDS(30));
    assert_string_equal(log_of(gives_up), "error:WEBSOCKET_OPEN_TIMEOUT closed:1006:");
    assert_true(gives_up->at - from >= MIX_SECONDS(20) && gives_up->at - from < MIX_SECONDS(21));
    assert_int_equal(waits->log.len, 0);
    gateway->dead = false;
    assert_true(hosts_run(hosts_ready_again, MIX_SECONDS(200)));
    hosts_run(NULL, MIX_SECONDS(10));
    assert_string_equal(log_of(waits), "open:");
    assert_string_equal(log_of(o), "open: T:meanwhile");
    end();
}

static void another_address(void **state) {
    (void)state;
    begin((mix_tunnel_config){0});
    struct one *o = up("wss://a.test/echo");
    world_restart_exit(world_find(&s.net->net, "exit1"));
    struct one *waiting = open_one("wss://a.test/echo");
    assert_true(hosts_run(hosts_ready_again, MIX_SECONDS(200)));
    hosts_run(NULL, MIX_SECONDS(5));
    assert_string_equal(log_of(o), "open: error:TCP_MOVED closed:1006:");
    assert_string_equal(log_of(waiting), "open:"); /* began anew */
    end();
}

static bool echoed(void *user) {
    struct one *o = &s.ones[0];
    (void)user;
    if (o->open && o->messages == 0) {
        memory_enter(NULL);
        (void)mix_tunnel_websocket_write(hosts_tunnel(), o->id, true, (const uint8_t *)"hello", 5,
                                         hosts_now());
        memory_leave(NULL);
        o->open = false;
    }
    return o->closed || o->messages > 0;
}

/* Without memory in the tunnel at any point: one that fails or goes on, and nothing is lost. */
static void without_memory(void **state) {
    unsigned failures = 0;
    (void)state;
    for (size_t n = 1;; n += n < 80 ? 1 : n < 300 ? 13 : n < 1000 ? 71 : 331) {
        begin((mix_tunnel_config){0});
        struct one *o = &s.ones[s.count++];
        const mix_websocket_options options = {.url = n % 2 ? "ws://a.test/echo"
                                                            : "wss://a.test/echo"};
        s.net->client.enter = memory_enter;
        s.net->client.leave = memory_leave;
        mix_alloc_fail_at(n, 0);
        int status = mix_tunnel_websocket(hosts_tunnel(), &o->id, &options, hosts_now());
        memory_leave(NULL);
        if (status == MIX_OK) {
            (void)hosts_run(echoed, MIX_SECONDS(100));
            assert_true(o->closed || o->messages == 1 || o->at > 0);
        } else {
            assert_status(status, MIX_ERR_MEMORY);
        }
        failures += status != MIX_OK || o->closed;
        memory_enter(NULL);
        size_t count = mix_alloc_count();
        mix_alloc_fail_at(0, 0);
        end();
        assert_int_equal(mix_alloc_live(), 0);
        if (count < n)
            break;
    }
    print_message("%u ended for want of memory\n", failures);
    assert_true(failures > 10);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(text_and_bytes),
    cmocka_unit_test(a_megabyte_each_way),
    cmocka_unit_test(requests),
    cmocka_unit_test(calls_that_cannot_be),
    cmocka_unit_test(failures_have_names),
    cmocka_unit_test(closing),
    cmocka_unit_test(a_server_that_vanishes),
    cmocka_unit_test(abort_while_connecting),
    cmocka_unit_test(many_at_once),
    cmocka_unit_test(a_slow_reader),
    cmocka_unit_test(a_slow_server),
    cmocka_unit_test(last_words),
    cmocka_unit_test(the_tunnel_stops),
    cmocka_unit_test(the_tunnel_stands_still),
    cmocka_unit_test(another_address),
    cmocka_unit_test(without_memory),
};
MIX_TEST_MAIN(websockets_door_test, tests)
