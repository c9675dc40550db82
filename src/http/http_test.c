/* SPDX-License-Identifier: Apache-2.0 */
/* http/ over the whole stack below it, against servers on the far side, in virtual time. */
#include "http/http.h"

#include "alloc_fail.h"
#include "http/web_testing.h"
#include "mix/errors.h"
#include "sockets/sockets.h"

#include <stdlib.h>
#include <zlib.h>

enum { MANY = 16 };

static struct state {
    web web;
    struct one {
        uint32_t id;
        bool headers, finished, connected, readable;
        int status;
        mix_buf body;
        mix_time done_at;
    } ones[MANY];
    size_t count;
    bool hold;    /* nobody reads */
    bool discard; /* what is read */
    size_t to_write, written;
    mix_buf seen_body;
    char seen[4000];
} s;

static struct one *one_of(uint32_t id) {
    for (size_t i = 0; i < s.count; i++)
        if (s.ones[i].id == id)
            return &s.ones[i];
    return NULL;
}

static void write_body(struct one *o, mix_time now) {
    uint8_t chunk[1000];
    size_t taken;
    while (s.written < s.to_write) {
        size_t n = s.to_write - s.written < sizeof chunk ? s.to_write - s.written : sizeof chunk;
        for (size_t i = 0; i < n; i++)
            chunk[i] = (uint8_t)((s.written + i) * 31 >> 3);
        if (mix_http_write(s.web.http, o->id, mix_bytes_of(chunk, n), &taken, now) != MIX_OK)
            return;
        s.written += taken;
    }
}

static void read_body(struct one *o, mix_time now) {
    uint8_t chunk[3000];
    size_t got;
    while (!s.hold && mix_http_read(s.web.http, o->id, chunk, sizeof chunk, &got, now) == MIX_OK &&
           got > 0)
        if (!s.discard) {
            mix_alloc_fail_pause(1); /* this memory is the test's */
            mix_buf_put(&o->body, chunk, got);
            mix_alloc_fail_pause(0);
        }
}

static void pump(void *user, mix_time now) {
    mix_http_event ev;
    (void)user;
    while (mix_http_next(s.web.http, &ev) == MIX_OK) {
        struct one *o = one_of(ev.id);
        assert_non_null(o);
        o->headers |= ev.kind == MIX_HTTP_HEADERS;
        o->connected |= ev.kind == MIX_HTTP_CONNECTED;
        if (ev.kind == MIX_HTTP_READABLE)
            read_body(o, now);
        if (ev.kind == MIX_HTTP_WRITABLE)
            write_body(o, now);
        if (ev.kind == MIX_HTTP_FINISHED) {
            o->finished = true;
            o->status = ev.status;
            if (ev.status != MIX_OK && getenv("MIX_TEST_LOG"))
                fprintf(stderr, "%s (%lld)\n", mix_http_failure(s.web.http, o->id)->words,
                        (long long)mix_http_failure(s.web.http, o->id)->number);
            o->done_at = now;
        }
    }
}

/* Answers that no server should give. */
static bool serve_wrong(web_request *r) {
#define OK_WITH "HTTP/1.1 200 OK\r\n"
    static const struct {
        const char *path, *answer;
        bool closes;
    } rows[] = {
        {"/nonsense", "SSH-2.0-OpenSSH_9\r\n\r\n", false},
        {"/half-head", OK_WITH "x-half: ", true},
        {"/switches", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", false},
        {"/two-lengths", OK_WITH "content-length: 2\r\nContent-Length: 3\r\n\r\nabc", false},
        {"/long-length", OK_WITH "content-length: 9999999999999999999\r\n\r\nabc", false},
        {"/bad-chunk", OK_WITH "transfer-encoding: chunked\r\n\r\nzz\r\nabc", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(r->path, rows[i].path) != 0)
            continue;
        web_send(r->conn, mix_bytes_str(rows[i].answer));
        if (rows[i].closes)
            web_close(r->conn);
        return true;
    }
    return false;
}

/* A hundred megabytes of zeros in a tenth of one. */
static void serve_bomb(web_request *r) {
    static uint8_t zeros[1 << 20], packed[200000];
    z_stream z = {.next_out = packed, .avail_out = sizeof packed};
    deflateInit2(&z, 9, Z_DEFLATED, 31, 8, 0);
    for (int i = 0; i < 100; i++) {
        z.next_in = zeros;
        z.avail_in = sizeof zeros;
        deflate(&z, i == 99 ? Z_FINISH : Z_NO_FLUSH);
    }
    web_respond(r, 200, "content-encoding: gzip\n", mix_bytes_of(packed, z.total_out));
    deflateEnd(&z);
}

static void serve(void *user, web_request *r) {
    char value[200];
    (void)user;
    snprintf(s.seen, sizeof s.seen, "%s %s\n%.*s", r->method, r->path, (int)r->headers.len,
             (const char *)r->headers.data);
    mix_buf_truncate(&s.seen_body, 0);
    mix_buf_put_bytes(&s.seen_body, mix_buf_bytes(&r->body));
    if (serve_wrong(r))
        return;
    if (strncmp(r->path, "/big", 4) == 0) {
        size_t n = strtoul(r->path + 4, NULL, 10);
        uint8_t *data = malloc(n);
        for (size_t i = 0; i < n; i++)
            data[i] = (uint8_t)(i * 7 >> 2);
        web_respond(r, 200, "", mix_bytes_of(data, n));
        free(data);
    } else if (strcmp(r->path, "/gzip") == 0) {
        uint8_t packed[500];
        z_stream z = {.next_in = (Bytef *)(uintptr_t)"unpacked unpacked unpacked",
                      .avail_in = 26,
                      .next_out = packed,
                      .avail_out = sizeof packed};
        deflateInit2(&z, 9, Z_DEFLATED, 31, 8, 0);
        deflate(&z, Z_FINISH);
        web_respond(r, 200, "content-encoding: gzip\n", mix_bytes_of(packed, z.total_out));
        deflateEnd(&z);
    } else if (strcmp(r->path, "/chunked") == 0) {
        web_respond(r, 200, "transfer-encoding: chunked\nx-a: one\nx-a: two\nx-empty: \n",
                    mix_bytes_str("5\r\nhello\r\n6\r\n world\r\n0\r\ntrailer: yes\r\n\r\n"));
    } else if (strcmp(r->path, "/silent") == 0) {
    } else if (strcmp(r->path, "/cut") == 0) {
        web_respond(r, 200, "content-length: 100\n", mix_bytes_str("only this"));
        web_close(r->conn);
    } else if (strcmp(r->path, "/reset") == 0) {
        web_reset(r->conn);
    } else if (strcmp(r->path, "/bomb") == 0) {
        serve_bomb(r);
    } else if (strcmp(r->path, "/stops") == 0) {
        web_respond(r, 200, "content-length: 100\n", mix_bytes_str("part"));
    } else if (strcmp(r->path, "/early") == 0) {
        web_send(r->conn, mix_bytes_str("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"));
        web_respond(r, 204, "x-last: yes\n", mix_bytes_str(""));
    } else {
        snprintf(value, sizeof value, "you asked for %s", r->path);
        web_respond(r, 200, "content-type: text/plain\n", mix_bytes_str(value));
    }
}

static void raw(void *user, web_conn *c, mix_bytes data) {
    (void)user;
    web_send(c, data);
}

static void end(void);

static void begin(web_options o) {
    if (s.web.far) /* of a test that failed */
        end();
    memset(&s, 0, sizeof s);
    o.handler = serve;
    o.pump = pump;
    o.raw = raw;
    if (o.link.delay == 0)
        o.link = (far_options){.delay = MIX_MS(50), .seed = 1};
    web_begin(&s.web, &o);
}

static void end(void) {
    for (size_t i = 0; i < s.count; i++) {
        mix_http_close(s.web.http, s.ones[i].id, web_now(&s.web));
        mix_buf_deinit(&s.ones[i].body);
    }
    mix_buf_deinit(&s.seen_body);
    web_end(&s.web);
    s.web.far = NULL;
}

static struct one *ask_with(mix_http_request r) {
    struct one *o = &s.ones[s.count++];
    memset(o, 0, sizeof *o);
    assert_status(mix_http_start(s.web.http, &o->id, &r, web_now(&s.web)), MIX_OK);
    return o;
}

static struct one *ask(const char *url) {
    return ask_with((mix_http_request){.method = "GET", .url = url, .body = MIX_HTTP_NO_BODY});
}

static bool all_finished(void *user) {
    (void)user;
    for (size_t i = 0; i < s.count; i++)
        if (!s.ones[i].finished)
            return false;
    return true;
}

static struct one *wait(struct one *o) {
    assert_true(web_run(&s.web, all_finished, MIX_SECONDS(300)));
    return o;
}

static void assert_body(const struct one *o, const char *want) {
    assert_bytes(mix_buf_bytes(&o->body), mix_bytes_str(want));
}

static const char *header(const struct one *o, const char *name, size_t n) {
    mix_http_header h;
    for (size_t i = 0; mix_http_get_header(s.web.http, o->id, i, &h); i++)
        if (strcmp(h.name, name) == 0 && n-- == 0)
            return h.value;
    return NULL;
}

static void plain_and_encrypted(void **state) {
    (void)state;
    const struct {
        const char *url;
        bool no_h2;
        int version, round_trips; /* DNS, TCP, TLS, request */
    } rows[] = {{"http://a.test/x?y=1", false, 11, 3},
                {"https://a.test/x?y=1", true, 11, 4},
                {"https://a.test/x?y=1", false, 20, 4}};
    for (size_t i = 0; i < 3; i++) {
        mix_http_response r;
        mix_http_timing t;
        begin((web_options){.no_h2 = rows[i].no_h2});
        mix_time start = web_now(&s.web);
        struct one *o = wait(ask(rows[i].url));
        assert_status(o->status, MIX_OK);
        assert_body(o, "you asked for /x?y=1");
        assert_status(mix_http_get_response(s.web.http, o->id, &r), MIX_OK);
        assert_int_equal(r.status, 200);
        assert_int_equal(r.version, rows[i].version);
        assert_status(mix_http_get_timing(s.web.http, o->id, &t), MIX_OK);
        assert_false(t.reused);
        assert_string_equal(header(o, "content-type", 0), "text/plain");
        assert_in_range((o->done_at - start) / 1000, 100 * rows[i].round_trips,
                        100 * rows[i].round_trips + 5);
        start = web_now(&s.web); /* again: on the same connection, in one round trip */
        o = wait(ask(rows[i].url));
        assert_in_range((o->done_at - start) / 1000, 100, 105);
        assert_status(mix_http_get_timing(s.web.http, o->id, &t), MIX_OK);
        assert_true(t.reused);
        assert_int_equal(s.web.connections, 1);
        end();
    }
}

static void ask_six(const char *url) {
    for (int i = 0; i < 6; i++)
        ask(url);
}

static void six_at_once_on_one_connection(void **state) {
    (void)state;
    begin((web_options){0});
    mix_time start = web_now(&s.web);
    ask_six("https://a.test/");
    wait(&s.ones[5]);
    for (int i = 0; i < 6; i++)
        assert_status(s.ones[i].status, MIX_OK);
    assert_int_equal(s.web.connections, 1);
    assert_int_equal(s.web.lookups, 4);
    assert_in_range((web_now(&s.web) - start) / 1000, 400, 410);
    end();
    begin((web_options){.no_h2 = true, .http = {.per_host = 2}});
    ask_six("http://a.test/");
    wait(&s.ones[5]);
    assert_int_equal(s.web.connections, 2);
    end();
}

static void six_at_once_without_tls(void **state) {
    (void)state;
    begin((web_options){0});
    mix_time start = web_now(&s.web);
    ask_six("HTTP://a.test/");
    for (int i = 0; i < 6; i++)
        assert_status(wait(&s.ones[i])->status, MIX_OK);
    assert_int_equal(s.web.connections, 6);
    assert_in_range((web_now(&s.web) - start) / 1000, 300, 310); /* as one alone */
    end();
}

static void tickets_are_kept(void **state) {
    (void)state;
    begin((web_options){.no_h2 = true, .http = {.idle_age = MIX_SECONDS(30)}});
    wait(ask("https://a.test/"));
    web_run(&s.web, NULL, MIX_SECONDS(40)); /* too old to be used again */
    assert_status(wait(ask("https://a.test/"))->status, MIX_OK);
    assert_int_equal(s.web.connections, 2);
    assert_int_equal(s.web.resumed, 1);
    end();
}

static void bodies_stream_with_back_pressure(void **state) {
    (void)state;
    for (int h2 = 0; h2 < 2; h2++) {
        begin((web_options){.no_h2 = !h2, .http = {.buffer = 64 * 1024}});
        s.hold = true;
        struct one *o = ask("https://a.test/big3000000");
        web_run(&s.web, NULL, MIX_SECONDS(50));
        assert_true(o->headers);
        assert_false(o->finished);
        s.hold = false;
        read_body(o, web_now(&s.web));
        wait(o);
        read_body(o, web_now(&s.web));
        assert_status(o->status, MIX_OK);
        assert_int_equal(o->body.len, 3000000);
        for (size_t i = 0; i < 3000000; i++)
            if (o->body.data[i] != (uint8_t)(i * 7 >> 2))
                fail();
        end();
    }
}

static void request_bodies(void **state) {
    (void)state;
    const struct {
        const char *url, *method;
        int64_t body;
        size_t size;
        const char *seen;
    } rows[] = {
        {"http://a.test/", "POST", 500000, 500000, "content-length: 500000"},
        {"https://a.test/", "PUT", 500000, 500000, "content-length: 500000"},
        {"http://a.test/", "PATCH", MIX_HTTP_UNKNOWN_LENGTH, 300000, "transfer-encoding: chunked"},
        {"https://a.test/", "POST", MIX_HTTP_UNKNOWN_LENGTH, 300000, "POST /"},
        {"http://a.test/", "POST", MIX_HTTP_NO_BODY, 0, "content-length: 0"},
        {"http://a.test/", "POST", 0, 0, "content-length: 0"},
        {"http://a.test/", "DELETE", MIX_HTTP_NO_BODY, 0, "DELETE /\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin((web_options){0});
        s.to_write = rows[i].size;
        struct one *o = ask_with(
            (mix_http_request){.method = rows[i].method, .url = rows[i].url, .body = rows[i].body});
        size_t taken;
        write_body(o, web_now(&s.web));
        for (int turns = 0; s.written < s.to_write && turns < 1000; turns++)
            web_run(&s.web, NULL, MIX_MS(100));
        if (rows[i].body == MIX_HTTP_UNKNOWN_LENGTH)
            assert_status(mix_http_end(s.web.http, o->id, web_now(&s.web)), MIX_OK);
        else
            assert_status(
                mix_http_write(s.web.http, o->id, mix_bytes_str("more"), &taken, web_now(&s.web)),
                MIX_ERR_STATE);
        wait(o);
        assert_status(o->status, MIX_OK);
        assert_int_equal(s.seen_body.len, rows[i].size);
        for (size_t k = 0; k < rows[i].size; k++)
            if (s.seen_body.data[k] != (uint8_t)(k * 31 >> 3))
                fail();
        assert_non_null(strstr(s.seen, rows[i].seen));
        assert_null(strstr(s.seen, "expect"));
        end();
    }
}

static void headers_both_ways(void **state) {
    (void)state;
    begin((web_options){0});
    const mix_http_header given[] = {{"X-One", "1"},
                                     {"x-empty", ""},
                                     {"User-Agent", "lwmix"},
                                     {"Host", "evil.test"},
                                     {"Connection", "close"}};
    struct one *o = wait(ask_with((mix_http_request){.method = "GET",
                                                     .url = "http://a.test/chunked#part",
                                                     .headers = given,
                                                     .header_count = 5,
                                                     .body = MIX_HTTP_NO_BODY}));
    assert_status(o->status, MIX_OK);
    assert_body(o, "hello world");
    assert_string_equal(s.seen, "GET /chunked\nhost: a.test\naccept-encoding: gzip, deflate, br, "
                                "zstd\nx-one: 1\nx-empty:\nuser-agent: lwmix\naccept: */*\n");
    assert_string_equal(header(o, "x-a", 0), "one");
    assert_string_equal(header(o, "x-a", 1), "two");
    assert_string_equal(header(o, "x-empty", 0), "");
    assert_null(header(o, "trailer", 0));
    assert_string_equal(mix_http_header_of(s.web.http, o->id, "X-A"), "one");
    assert_string_equal(mix_http_header_of(s.web.http, o->id, "x-Empty"), "");
    assert_null(mix_http_header_of(s.web.http, o->id, "trailer"));
    assert_null(mix_http_header_of(s.web.http, o->id + 1000, "x-a"));
    assert_body(wait(ask("http://a.test/gzip")), "unpacked unpacked unpacked");
    o = wait(ask("http://a.test/early"));
    mix_http_response r;
    assert_status(mix_http_get_response(s.web.http, o->id, &r), MIX_OK);
    assert_int_equal(r.status, 204);
    assert_string_equal(r.reason, "Word");
    assert_int_equal(r.header_count, 1);
    o = wait(ask_with(
        (mix_http_request){.method = "HEAD", .url = "http://a.test/", .body = MIX_HTTP_NO_BODY}));
    assert_status(o->status, MIX_OK);
    assert_int_equal(o->body.len, 0);
    end();
}

static void requests_that_cannot_be(void **state) {
    (void)state;
    uint32_t id;
    const mix_http_header bad[] = {{"a b", "x"}, {"", "x"}, {"x", "a\r\nevil: 1"}};
    begin((web_options){0});
    const struct {
        const char *method, *url;
        int status;
    } rows[] = {{"GET", "nonsense", MIX_ERR_HTTP_URL},
                {"GET", "http://", MIX_ERR_HTTP_URL},
                {"GET", "http://a.test:99999/", MIX_ERR_HTTP_URL},
                {"GET", "ftp://a.test/", MIX_ERR_HTTP_SCHEME},
                {"GET", "file:///etc/passwd", MIX_ERR_HTTP_SCHEME},
                {"G T", "http://a.test/", MIX_ERR_HTTP_REQUEST},
                {"", "http://a.test/", MIX_ERR_HTTP_REQUEST},
                {"GET\r\n", "http://a.test/", MIX_ERR_HTTP_REQUEST},
                {"GET", "http://localhost/", MIX_ERR_DNS_NAME}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_status(mix_http_start(s.web.http, &id,
                                     &(mix_http_request){.method = rows[i].method,
                                                         .url = rows[i].url,
                                                         .body = MIX_HTTP_NO_BODY},
                                     web_now(&s.web)),
                      rows[i].status);
    for (size_t i = 0; i < 3; i++)
        assert_status(mix_http_start(s.web.http, &id,
                                     &(mix_http_request){.method = "GET",
                                                         .url = "http://a.test/",
                                                         .headers = &bad[i],
                                                         .header_count = 1,
                                                         .body = MIX_HTTP_NO_BODY},
                                     web_now(&s.web)),
                      MIX_ERR_HTTP_REQUEST);
    end();
}

static void failures_have_names(void **state) {
    (void)state;
    const struct {
        const char *url;
        int status;
        bool sent;
    } rows[] = {
        {"http://a.other/", MIX_ERR_DNS_NOT_FOUND, false},
        {"http://a.test:82/", MIX_ERR_TCP_REFUSED, false},
        {"http://192.0.2.8:83/", MIX_ERR_TCP_TIMEOUT, false},
        {"https://192.0.2.7/", MIX_ERR_TLS_NAME, false},
        {"http://a.test:443/", MIX_ERR_HTTP_CUT, true},
        {"https://a.test:80/", MIX_ERR_TLS_HANDSHAKE, false},
        {"http://a.test/cut", MIX_ERR_HTTP_CUT, true},
        {"http://a.test/reset", MIX_ERR_TCP_RESET, true},
        {"http://a.test/nonsense", MIX_ERR_HTTP_PROTOCOL, true},
        {"http://a.test/half-head", MIX_ERR_HTTP_CUT, true},
        {"http://a.test/switches", MIX_ERR_HTTP_PROTOCOL, true},
        {"http://a.test/two-lengths", MIX_ERR_HTTP_PROTOCOL, true},
        {"http://a.test/long-length", MIX_ERR_HTTP_PROTOCOL, true},
        {"http://a.test/bad-chunk", MIX_ERR_HTTP_PROTOCOL, true},
        {"http://a.test/bomb", MIX_ERR_HTTP_ENCODING, true},
        {"http://a.test/silent", MIX_ERR_HTTP_RESPONSE_TIMEOUT, true},
        {"http://a.test/stops", MIX_ERR_HTTP_IDLE, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin((web_options){0});
        far_silence(s.web.far, 83);
        s.discard = true;
        struct one *o = wait(ask(rows[i].url));
        if (o->status != rows[i].status)
            fprintf(stderr, "%s: %s\n", rows[i].url, mix_http_failure(s.web.http, o->id)->words);
        assert_status(o->status, rows[i].status);
        assert_int_equal(mix_http_was_sent(s.web.http, o->id), rows[i].sent);
        assert_true(mix_http_failure(s.web.http, o->id)->words[0] != 0);
        end();
    }
}

static void certificates_are_judged(void **state) {
    (void)state;
    begin((web_options){.certificate = "DNS:other.test"});
    assert_status(wait(ask("https://a.test/"))->status, MIX_ERR_TLS_NAME);
    assert_int_equal(s.web.requests, 0);
    end();
    begin((web_options){0});
    s.web.env.wall = 2300000000000000; /* all have expired */
    assert_status(wait(ask("https://a.test/"))->status, MIX_ERR_TLS_EXPIRED);
    end();
    begin((web_options){0});
    mix_tls *real;
    assert_status(mix_tls_new(&real, &(mix_tls_config){0}, &s.web.env.env),
                  MIX_OK); /* Mozilla's roots do not know our CA */
    mix_tls *ours = s.web.tls;
    mix_http_free(s.web.http);
    assert_status(mix_http_new(&s.web.http, NULL, s.web.dns, real), MIX_OK);
    assert_status(wait(ask("https://a.test/"))->status, MIX_ERR_TLS_UNTRUSTED);
    s.web.tls = ours;
    mix_http_free(s.web.http);
    s.count = 0;
    mix_tls_free(real);
    s.web.http = NULL;
    end();
}

static void time_limits_and_closing(void **state) {
    (void)state;
    begin((web_options){0});
    mix_time start = web_now(&s.web);
    struct one *o = wait(ask_with((mix_http_request){
        .method = "GET", .url = "http://a.test/silent", .body = MIX_HTTP_NO_BODY}));
    assert_status(o->status, MIX_ERR_HTTP_RESPONSE_TIMEOUT);
    assert_in_range(o->done_at - start, MIX_SECONDS(120), MIX_SECONDS(121)); /* the request left */
    for (int i = 0; i < 5; i++) { /* ended at any moment */
        o = ask("https://a.test/big1000000");
        web_run(&s.web, NULL, MIX_MS(90 * i));
        mix_http_close(s.web.http, o->id, web_now(&s.web));
        o->finished = true;
    }
    web_run(&s.web, NULL, MIX_SECONDS(5));
    assert_status(wait(ask("https://a.test/"))->status, MIX_OK);
    web_run(&s.web, NULL, MIX_SECONDS(200));
    assert_int_equal(mix_http_deadline(s.web.http), MIX_NEVER);
    end();
}

static void a_stale_connection_is_replaced(void **state) {
    (void)state;
    begin((web_options){.no_h2 = true});
    wait(ask("http://a.test/"));
    web_close(s.web.last); /* the server closes while we do not look */
    web_run(&s.web, NULL, MIX_SECONDS(1));
    assert_status(wait(ask("http://a.test/"))->status, MIX_OK);
    assert_int_equal(s.web.connections, 2);
    end();
}

static bool is_connected(void *user) {
    (void)user;
    return s.ones[0].connected || s.ones[0].finished;
}
static bool has_read(void *user) {
    (void)user;
    return s.ones[0].body.len >= 5;
}

static void streams(void **state) {
    (void)state;
    const char *urls[] = {"http://a.test:81/", "https://a.test:444/"};
    for (int i = 0; i < 2; i++) {
        size_t taken;
        begin((web_options){0});
        struct one *o = ask_with((mix_http_request){.url = urls[i], .stream = true});
        assert_status(
            mix_http_write(s.web.http, o->id, mix_bytes_str("early"), &taken, web_now(&s.web)),
            MIX_BLOCKED);
        assert_true(web_run(&s.web, is_connected, MIX_SECONDS(10)));
        assert_true(o->connected);
        assert_status(
            mix_http_write(s.web.http, o->id, mix_bytes_str("hello"), &taken, web_now(&s.web)),
            MIX_OK);
        assert_int_equal(taken, 5);
        assert_true(web_run(&s.web, has_read, MIX_SECONDS(10)));
        assert_body(o, "hello");
        end();
    }
}

/* Whatever fails for want of memory ends what it concerns and no more; nothing is lost. curl's
 * memory is ours, OpenSSL's its own. */
static void without_memory_at_any_point(void **state) {
    (void)state;
    const char *urls[] = {"http://a.test/gzip", "https://a.test/x"};
    for (int i = 0; i < 2; i++) {
        for (size_t n = 1;; n += n < 100 ? 3 : n < 1000 ? 17 : 101) {
            begin((web_options){.no_h2 = i == 0});
            struct one *o = &s.ones[s.count++];
            mix_alloc_fail_at(n, 0);
            int status = mix_http_start(
                s.web.http, &o->id,
                &(mix_http_request){.method = "GET", .url = urls[i], .body = MIX_HTTP_NO_BODY},
                web_now(&s.web));
            if (status == MIX_OK) {
                wait(o);
                if (o->status == MIX_OK)
                    assert_true(o->body.len > 5);
            } else {
                assert_status(status, MIX_ERR_MEMORY);
                s.count = 0;
            }
            size_t count = mix_alloc_count();
            mix_alloc_fail_at(0, 0);
            end();
            assert_int_equal(mix_alloc_live(), 0);
            if (count < n)
                break;
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(plain_and_encrypted),
    cmocka_unit_test(six_at_once_on_one_connection),
    cmocka_unit_test(six_at_once_without_tls),
    cmocka_unit_test(tickets_are_kept),
    cmocka_unit_test(bodies_stream_with_back_pressure),
    cmocka_unit_test(request_bodies),
    cmocka_unit_test(headers_both_ways),
    cmocka_unit_test(requests_that_cannot_be),
    cmocka_unit_test(failures_have_names),
    cmocka_unit_test(certificates_are_judged),
    cmocka_unit_test(time_limits_and_closing),
    cmocka_unit_test(a_stale_connection_is_replaced),
    cmocka_unit_test(streams),
    cmocka_unit_test(without_memory_at_any_point),
};
MIX_TEST_MAIN(http_test, tests)
