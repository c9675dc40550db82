/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers as RFC 9112 and RFC 9110 have them, what is sent on in their place, bodies
 * whole and in pieces, and what is refused. */
#include "proxy/http_head.h"

#include "mix/errors.h"
#include "proxy/http_text.h"
#include "testing.h"

#include <stdlib.h>

static void ends_of_heads(void **state) {
    static const struct {
        const char *in;
        size_t len; /* 0: not all there */
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\nbody\r\n\r\n", 18}, {"GET / HTTP/1.1\r\nA: b\r\n\r\n", 24},
        {"GET / HTTP/1.1\nA: b\n\nrest", 21},       {"GET / HTTP/1.1\r\nA: b\r\n\rX\n", 0},
        {"GET / HTTP/1.1\r\nA: b\r\n", 0},          {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_bytes in = mix_bytes_str(rows[i].in);
        size_t looked = 0, len = 0, piecewise = 0;
        int status = http_head_end(in, &looked, &len);
        assert_status(status, rows[i].len ? MIX_OK : MIX_DONE);
        assert_int_equal(len, rows[i].len);
        looked = len = 0;
        for (size_t n = 0; n <= in.len && len == 0; n++) { /* byte by byte */
            status = http_head_end(mix_bytes_of(in.data, n), &looked, &len);
            piecewise = n;
        }
        assert_int_equal(len, rows[i].len);
        if (len)
            assert_int_equal(piecewise, len); /* as soon as it is there */
    }
}

static void a_head_has_a_limit(void **state) {
    uint8_t *in = malloc(HTTP_HEAD_MOST);
    size_t looked = 0, len;
    (void)state;
    memset(in, 'a', HTTP_HEAD_MOST);
    assert_status(http_head_end(mix_bytes_of(in, HTTP_HEAD_MOST - 1), &looked, &len), MIX_DONE);
    assert_status(http_head_end(mix_bytes_of(in, HTTP_HEAD_MOST), &looked, &len), MIX_ERR_LIMIT);
    memcpy(in + HTTP_HEAD_MOST - 4, "\r\n\r\n", 4);
    looked = 0;
    assert_status(http_head_end(mix_bytes_of(in, HTTP_HEAD_MOST), &looked, &len), MIX_OK);
    assert_int_equal(len, HTTP_HEAD_MOST);
    free(in);
}

/* ---- requests ---- */

static void requests_are_written_anew(void **state) {
    static const struct {
        const char *in, *host;
        uint16_t port;
        const char *out;
    } rows[] = {
        {"GET http://a.test/x?y=1 HTTP/1.1\r\nHost: other.test\r\nAccept: */*\r\n\r\n", "a.test",
         80, "GET /x?y=1 HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n"},
        {"GET HTTP://A.test:8080 HTTP/1.1\r\n\r\n", "A.test", 8080,
         "GET / HTTP/1.1\r\nHost: A.test:8080\r\n\r\n"},
        {"GET http://[2001:db8::1]:81?q HTTP/1.1\r\n\r\n", "2001:db8::1", 81,
         "GET /?q HTTP/1.1\r\nHost: [2001:db8::1]:81\r\n\r\n"},
        {"OPTIONS http://a.test HTTP/1.1\r\n\r\n", "a.test", 80,
         "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n"},
        {"GET http://a.test/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "a.test", 80,
         "GET / HTTP/1.0\r\nHost: a.test\r\nConnection: close\r\n\r\n"},
        {"POST http://a.test/ HTTP/1.1\r\ncontent-length: 007\r\nX: 1\r\n\r\n", "a.test", 80,
         "POST / HTTP/1.1\r\nHost: a.test\r\nX: 1\r\nContent-Length: 7\r\n\r\n"},
        {"POST http://a.test/ HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nTrailer: T\r\n\r\n",
         "a.test", 80,
         "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: Chunked\r\nTrailer: T\r\n\r\n"},
        {"GET http://a.test/ HTTP/1.1\r\nConnection: x-hop, Close\r\nX-Hop: 1\r\nX-Stays:\t2 \r\n"
         "Proxy-Connection: keep-alive\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\n"
         "Proxy-Authorization: Basic YTpi\r\n\r\n",
         "a.test", 80, "GET / HTTP/1.1\r\nHost: a.test\r\nX-Stays: 2\r\n\r\n"},
        {"GET http://a.test/ HTTP/1.1\r\nConnection: transfer-encoding, content-length\r\n"
         "Content-Length: 3\r\n\r\n",
         "a.test", 80, "GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\n"},
        {"GET http://a.test/ HTTP/1.1\nA: b\n\n", "a.test", 80,
         "GET / HTTP/1.1\r\nHost: a.test\r\nA: b\r\n\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        http_request r;
        const char *why = "";
        mix_buf out = {0};
        assert_int_equal(http_request_read(&r, mix_bytes_str(rows[i].in), &why), 0);
        assert_string_equal(r.host, rows[i].host);
        assert_int_equal(r.port, rows[i].port);
        assert_false(r.connect);
        http_request_write(&out, &r, r.minor > 0);
        assert_bytes(mix_buf_bytes(&out), mix_bytes_str(rows[i].out));
        mix_buf_deinit(&out);
    }
}

static void what_a_request_says(void **state) {
    http_request r;
    const char *why;
    (void)state;
    assert_int_equal(http_request_read(
                         &r, mix_bytes_str("CONNECT a.test:443 HTTP/1.1\r\nHost: b\r\n\r\n"), &why),
                     0);
    assert_true(r.connect);
    assert_string_equal(r.host, "a.test");
    assert_int_equal(r.port, 443);
    assert_int_equal(
        http_request_read(&r, mix_bytes_str("CONNECT [::1]:22 HTTP/1.0\r\n\r\n"), &why), 0);
    assert_string_equal(r.host, "::1");
    assert_int_equal(r.port, 22);
    assert_int_equal(http_request_read(&r,
                                       mix_bytes_str("PUT http://a.test/ HTTP/1.1\r\n"
                                                     "Content-Length: 1152921504606846975\r\n"
                                                     "Proxy-Authorization: Basic YTpi\r\n\r\n"),
                                       &why),
                     0);
    assert_true(r.keep && !r.repeatable);
    assert_int_equal(r.framing, HTTP_LENGTH);
    assert_true(r.length == 1152921504606846975u);
    assert_bytes(r.authorization, mix_bytes_str("Basic YTpi"));
    assert_int_equal(
        http_request_read(
            &r, mix_bytes_str("GET http://a.test/ HTTP/1.1\r\nConnection: close\r\n\r\n"), &why),
        0);
    assert_true(!r.keep && r.repeatable);
}

static void requests_are_refused(void **state) {
    static const struct {
        const char *in;
        int status;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET https://a.test/ HTTP/1.1\r\n\r\n", 501},
        {"GET ftp://a.test/ HTTP/1.1\r\n\r\n", 501},
        {"PRI * HTTP/2.0\r\n\r\n", 505},
        {"GET http://a.test/\r\n\r\n", 400}, /* HTTP/0.9 */
        {"GET  http://a.test/ HTTP/1.1\r\n\r\n", 400},
        {"GET http://a.test/ HTTP/1.1 \r\n\r\n", 400},
        {"GET http://a.test/\x01 HTTP/1.1\r\n\r\n", 400},
        {"GET http://a.test/#part HTTP/1.1\r\n\r\n", 400},
        {"GET http://user:word@a.test/ HTTP/1.1\r\n\r\n", 400},
        {"GET http:///x HTTP/1.1\r\n\r\n", 400},
        {"GET http://a.test:0/ HTTP/1.1\r\n\r\n", 400},
        {"GET http://a.test:65536/ HTTP/1.1\r\n\r\n", 400},
        {"GET http://[::1/ HTTP/1.1\r\n\r\n", 400},
        {"GET http://[::1]80/ HTTP/1.1\r\n\r\n", 400},
        {"GET http://[1.2.3.4]/ HTTP/1.1\r\n\r\n", 400},
        {"G\"T http://a.test/ HTTP/1.1\r\n\r\n", 400},
        {"CONNECT a.test HTTP/1.1\r\n\r\n", 400},
        {"CONNECT a.test: HTTP/1.1\r\n\r\n", 400},
        {"CONNECT http://a.test/ HTTP/1.1\r\n\r\n", 400},
        {"GET http://a.test/ HTTP/1.1\r\nA b\r\n\r\n", 400},
        {"GET http://a.test/ HTTP/1.1\r\nA : b\r\n\r\n", 400},
        {"GET http://a.test/ HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400}, /* a folded line */
        {"GET http://a.test/ HTTP/1.1\r\nA: b\rc\r\n\r\n", 400},
        {"GET http://a.test/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"POST http://a.test/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"POST http://a.test/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
        {"POST http://a.test/ HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n", 400},
        {"POST http://a.test/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST http://a.test/ HTTP/1.1\r\nContent-Length:\r\n\r\n", 400},
        {"POST http://a.test/ HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
        {"POST http://a.test/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST http://a.test/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"POST http://a.test/ HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501},
        {"POST http://a.test/ HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
        {"\x16\x03\x01\r\n\r\n", 400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        http_request r;
        const char *why = NULL;
        int status = http_request_read(&r, mix_bytes_str(rows[i].in), &why);
        if (status != rows[i].status)
            print_error("%s", rows[i].in);
        assert_int_equal(status, rows[i].status);
        assert_non_null(why);
    }
}

static void a_head_has_so_many_lines(void **state) {
    mix_buf in = {0};
    http_request r;
    const char *why;
    (void)state;
    mix_buf_put_str(&in, "GET http://a.test/ HTTP/1.1\r\n");
    for (int i = 0; i < 257; i++)
        mix_buf_put_str(&in, "A: b\r\n");
    mix_buf_put_str(&in, "\r\n");
    assert_int_equal(http_request_read(&r, mix_buf_bytes(&in), &why), 431);
    mix_buf_deinit(&in);
}

static void credentials(void **state) {
    mix_buf out = {0};
    (void)state;
    assert_true(http_basic(&out, mix_bytes_str("bAsIc  Ym9iOnB3OjE=")));
    assert_bytes(mix_buf_bytes(&out), mix_bytes_str("bob:pw:1"));
    assert_false(http_basic(&out, mix_bytes_str("Basic Ym9iOnB3OjE")));
    assert_false(http_basic(&out, mix_bytes_str("Bearer Ym9iOnB3OjE=")));
    assert_false(http_basic(&out, mix_bytes_str("")));
    mix_buf_deinit(&out);
}

/* ---- answers ---- */

static void answers_are_written_anew(void **state) {
    static const struct {
        const char *method, *in;
        http_framing framing;
        bool keep;
        const char *out; /* with keep */
    } rows[] = {
        {"GET",
         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive, X\r\nX: 1\r\nY: "
         "2\r\n\r\n",
         HTTP_LENGTH, true, "HTTP/1.1 200 OK\r\nY: 2\r\nContent-Length: 5\r\n\r\n"},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_CHUNKED, true,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n",
         HTTP_CHUNKED, false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", HTTP_UNTIL_END, false, NULL},
        {"GET", "HTTP/1.1 200\r\n\r\n", HTTP_UNTIL_END, false, NULL},
        {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP_LENGTH, false,
         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", HTTP_LENGTH,
         false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP_NO_BODY, true,
         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
        {"GET", "HTTP/1.1 304 Not Modified\nContent-Length: 5\nETag: x\n\n", HTTP_NO_BODY, true,
         "HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 5\r\n\r\n"},
        {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", HTTP_NO_BODY, true,
         "HTTP/1.1 204 No Content\r\n\r\n"},
        {"GET", "HTTP/1.1 100 Continue\r\n\r\n", HTTP_NO_BODY, true,
         "HTTP/1.1 100 Continue\r\n\r\n"},
        {"GET", "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
         HTTP_LENGTH, true, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\n", HTTP_LENGTH,
         true, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        http_request asked = {.method = mix_bytes_str(rows[i].method), .minor = 1};
        http_answer a;
        mix_buf out = {0};
        assert_status(http_answer_read(&a, mix_bytes_str(rows[i].in), &asked), MIX_OK);
        assert_int_equal(a.framing, rows[i].framing);
        assert_int_equal(a.keep, rows[i].keep);
        http_answer_write(&out, &a, true);
        if (rows[i].out)
            assert_bytes(mix_buf_bytes(&out), mix_bytes_str(rows[i].out));
        mix_buf_deinit(&out);
    }
}

static void answers_are_refused(void **state) {
    static const char *const rows[] = {
        "HTTP/2 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "\r\n",
    };
    http_request asked = {.method = mix_bytes_str("GET"), .minor = 1};
    http_answer a;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_status(http_answer_read(&a, mix_bytes_str(rows[i]), &asked), MIX_ERR_ARGUMENT);
    asked.minor = 0; /* who asked by HTTP/1.0 cannot read chunks */
    assert_status(
        http_answer_read(&a, mix_bytes_str("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                         &asked),
        MIX_ERR_ARGUMENT);
}

/* ---- bodies ---- */

static size_t follow(http_body b, mix_bytes in, size_t most, mix_test_env *random, int *status,
                     bool *done) {
    size_t at = 0;
    *status = MIX_OK;
    while (at < in.len && !b.done && *status == MIX_OK) {
        size_t n = random ? 1 + mix_test_below(random, most) : most, used = 0;
        mix_bytes piece = mix_bytes_slice(in, at, n);
        *status = http_body_feed(&b, piece, &used);
        at += used;
        if (*status == MIX_OK && !b.done)
            assert_int_equal(used, piece.len);
    }
    *done = b.done;
    return at;
}

typedef struct body_row {
    http_framing framing;
    uint64_t length;
    const char *in;
    int status;
    bool done;
    size_t used; /* when fine */
} body_row;

static const body_row bodies[] = {
    {HTTP_NO_BODY, 0, "next", MIX_OK, true, 0},
    {HTTP_LENGTH, 0, "next", MIX_OK, true, 0},
    {HTTP_LENGTH, 3, "abcnext", MIX_OK, true, 3},
    {HTTP_LENGTH, 9, "abc", MIX_OK, false, 3},
    {HTTP_UNTIL_END, 0, "abc", MIX_OK, false, 3},
    {HTTP_CHUNKED, 0, "0\r\n\r\nnext", MIX_OK, true, 5},
    {HTTP_CHUNKED, 0, "3\r\nabc\r\n0a;x=\"y\"\r\n0123456789\r\n0\r\n\r\nnext", MIX_OK, true, 35},
    {HTTP_CHUNKED, 0, "3 \r\nabc\r\n000\r\nT: x\r\nU: y\r\n\r\nnext", MIX_OK, true, 28},
    {HTTP_CHUNKED, 0, "9\r\n\r\n\r\n0\r\n\r\n\r\n", MIX_OK, false, 14},
    {HTTP_CHUNKED, 0, "fffffffffffffff\r\nabc", MIX_OK, false, 20},
    {HTTP_CHUNKED, 0, "1000000000000000\r\n", MIX_ERR_ARGUMENT, false, 0},
    {HTTP_CHUNKED, 0, "\r\n", MIX_ERR_ARGUMENT, false, 0},
    {HTTP_CHUNKED, 0, "x\r\n", MIX_ERR_ARGUMENT, false, 0},
    {HTTP_CHUNKED, 0, "-1\r\n", MIX_ERR_ARGUMENT, false, 0},
    {HTTP_CHUNKED, 0, "0x1\r\n", MIX_ERR_ARGUMENT, false, 0},
    {HTTP_CHUNKED, 0, "1\na\r\n", MIX_ERR_ARGUMENT, false, 0},
    {HTTP_CHUNKED, 0, "1\r\nab\r\n", MIX_ERR_ARGUMENT, false, 0},
    {HTTP_CHUNKED, 0, "1\r\na\n", MIX_ERR_ARGUMENT, false, 0},
    {HTTP_CHUNKED, 0, "1;x\ny\r\n", MIX_ERR_ARGUMENT, false, 0},
    {HTTP_CHUNKED, 0, "0\r\nT: x\n\r\n", MIX_ERR_ARGUMENT, false, 0},
};

static void bodies_at_all_cuts(void **state) {
    mix_test_env random;
    (void)state;
    mix_test_env_init(&random, 7);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        const body_row *r = &bodies[i];
        http_body b = http_body_begin(r->framing, r->length);
        for (int how = 0; how < 20; how++) { /* whole, byte by byte, at random */
            int status;
            bool done;
            size_t used = follow(b, mix_bytes_str(r->in),
                                 how == 0   ? 1000
                                 : how == 1 ? 1
                                            : 7,
                                 how > 1 ? &random : NULL, &status, &done);
            if (status != r->status || done != r->done)
                print_error("%s", r->in);
            assert_status(status, r->status);
            assert_int_equal(done, r->done);
            if (status == MIX_OK)
                assert_int_equal(used, r->used);
        }
    }
}

static void chunk_lines_have_a_limit(void **state) {
    http_body b = http_body_begin(HTTP_CHUNKED, 0);
    size_t used, total = 0;
    (void)state;
    assert_status(http_body_feed(&b, mix_bytes_str("1;"), &used), MIX_OK);
    while (http_body_feed(&b, mix_bytes_str("x"), &used) == MIX_OK)
        total++;
    assert_int_equal(total, 4096 - 2);
    b = http_body_begin(HTTP_CHUNKED, 0);
    assert_status(http_body_feed(&b, mix_bytes_str("0\r\nT: "), &used), MIX_OK);
    for (total = 0; http_body_feed(&b, mix_bytes_str("x"), &used) == MIX_OK; total++)
        continue;
    assert_int_equal(total, HTTP_HEAD_MOST - 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ends_of_heads),
    cmocka_unit_test(a_head_has_a_limit),
    cmocka_unit_test(requests_are_written_anew),
    cmocka_unit_test(what_a_request_says),
    cmocka_unit_test(requests_are_refused),
    cmocka_unit_test(a_head_has_so_many_lines),
    cmocka_unit_test(credentials),
    cmocka_unit_test(answers_are_written_anew),
    cmocka_unit_test(answers_are_refused),
    cmocka_unit_test(bodies_at_all_cuts),
    cmocka_unit_test(chunk_lines_have_a_limit),
};
MIX_TEST_MAIN(http_head_test, tests)
