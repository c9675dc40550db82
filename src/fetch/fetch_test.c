/* SPDX-License-Identifier: Apache-2.0 */
/* fetch/ by the standard's rules, against servers on the far side, in virtual time. */
#include "fetch/fetch.h"

#include "alloc_fail.h"
#include "http/web_testing.h"
#include "mix/errors.h"

#include <stdlib.h>

static struct {
    web web;
    mix_fetch *f;
    uint32_t id;
    bool responded, finished;
    int status;
    unsigned redirects;
    mix_buf body, log; /* log: what the servers saw, a line a request */
    mix_time done_at;
    size_t to_write, written;
} s;

static void write_body(mix_time now) {
    uint8_t chunk[700] = {0};
    size_t taken;
    while (s.written < s.to_write) {
        size_t n = s.to_write - s.written < sizeof chunk ? s.to_write - s.written : sizeof chunk;
        if (mix_fetch_write(s.f, s.id, mix_bytes_of(chunk, n), &taken, now) != MIX_OK)
            return;
        s.written += taken;
    }
}

static void pump(void *user, mix_time now) {
    mix_http_event ev;
    mix_fetch_event e;
    uint8_t chunk[2000];
    size_t got;
    (void)user;
    while (mix_http_next(s.web.http, &ev) == MIX_OK)
        assert_true(mix_fetch_take(s.f, &ev, now) || ev.kind == MIX_HTTP_READABLE);
    while (mix_fetch_next(s.f, &e) == MIX_OK) {
        s.redirects += e.kind == MIX_FETCH_REDIRECTED;
        s.responded |= e.kind == MIX_FETCH_RESPONSE;
        if (e.kind == MIX_FETCH_WRITABLE)
            write_body(now);
        if (e.kind == MIX_FETCH_READABLE)
            while (mix_fetch_read(s.f, s.id, chunk, sizeof chunk, &got, now) == MIX_OK && got > 0)
                mix_buf_put(&s.body, chunk, got);
        if (e.kind == MIX_FETCH_FINISHED) {
            s.finished = true;
            s.status = e.status;
            s.done_at = now;
        }
    }
}

/* /STATUS/TARGET redirects to TARGET; /loop to itself, /long with a body that does not end; else it
 * answers. */
static void serve(void *user, web_request *r) {
    char line[700], value[200] = "", host[200] = "";
    (void)user;
    web_header(r, "host", host, sizeof host);
    snprintf(line, sizeof line, "%s %s %zu", r->method, r->path, r->body.len);
    mix_buf_put_str(&s.log, line);
    const char *shown[] = {"authorization", "cookie", "content-type", "x-own", "user-agent"};
    for (size_t i = 0; i < 5; i++)
        if (web_header(r, shown[i], value, sizeof value)) {
            snprintf(line, sizeof line, " %s=%s", shown[i], value);
            mix_buf_put_str(&s.log, line);
        }
    mix_buf_put_str(&s.log, "\n");
    int status = atoi(r->path + 1);
    const char *target = strchr(r->path + 1, '/');
    if (strcmp(r->path, "/loop") == 0) {
        web_respond(r, 302, "location: /loop\n", mix_bytes_str("looping"));
    } else if (strcmp(r->path, "/long") == 0) {
        web_respond(r, 302, "location: /x\ncontent-length: 100000\n", mix_bytes_str("it begins"));
    } else if (status >= 300 && target) {
        snprintf(line, sizeof line, "location: %s\n",
                 target + (target[1] == '/' || strncmp(target, "/http", 5) == 0 ||
                           strncmp(target, "/ftp", 4) == 0));
        web_respond(r, status, line, mix_bytes_str("a redirect's body"));
    } else if (status >= 200) {
        web_respond(r, status, "x-answer: yes\n", mix_bytes_str(status == 204 ? "" : "body"));
    } else {
        web_respond(r, 200, "x-answer: yes\n", mix_bytes_str("answer"));
    }
}

static void begin(void) {
    if (s.web.far)
        web_end(&s.web);
    memset(&s, 0, sizeof s);
    web_begin(&s.web, &(web_options){.link = {.delay = MIX_MS(50), .seed = 1},
                                     .no_h2 = true,
                                     .handler = serve,
                                     .pump = pump});
    assert_status(mix_fetch_new(&s.f, NULL, s.web.http), MIX_OK);
}

static void end(void) {
    mix_fetch_close(s.f, s.id, web_now(&s.web));
    mix_fetch_free(s.f);
    web_end(&s.web);
    mix_buf_deinit(&s.body);
    mix_buf_deinit(&s.log);
    s.web.far = NULL;
}

static bool finished(void *user) {
    (void)user;
    return s.finished;
}

static int run(const mix_fetch_request *r) {
    if (s.id != 0)
        mix_fetch_close(s.f, s.id, web_now(&s.web));
    s.responded = s.finished = false;
    s.redirects = 0;
    mix_buf_truncate(&s.body, 0);
    mix_buf_truncate(&s.log, 0);
    int status = mix_fetch_start(s.f, &s.id, r, web_now(&s.web));
    if (status != MIX_OK)
        return status;
    if (r->streams) {
        write_body(web_now(&s.web));
        while (s.written < s.to_write && !s.finished)
            web_run(&s.web, NULL, MIX_MS(50));
        (void)mix_fetch_end(s.f, s.id, web_now(&s.web));
    }
    assert_true(web_run(&s.web, finished, MIX_SECONDS(200)));
    return s.status;
}

static void assert_log(const char *want) {
    assert_bytes(mix_buf_bytes(&s.log), mix_bytes_str(want));
}

static mix_fetch_response response(void) {
    mix_fetch_response r;
    assert_status(mix_fetch_get_response(s.f, s.id, &r), MIX_OK);
    return r;
}

static void a_plain_get(void **state) {
    mix_http_header h;
    (void)state;
    begin();
    assert_status(run(&(mix_fetch_request){.url = "http://a.test/x#part"}), MIX_OK);
    assert_log("GET /x 0 user-agent=lwmix\n");
    assert_bytes(mix_buf_bytes(&s.body), mix_bytes_str("answer"));
    assert_string_equal(response().url, "http://a.test/x");
    assert_false(response().redirected);
    assert_true(mix_fetch_get_header(s.f, s.id, 0, &h));
    assert_string_equal(h.name, "x-answer");
    assert_status(run(&(mix_fetch_request){.url = "http://a.test/204"}), MIX_OK);
    assert_true(response().null_body);
    assert_status(run(&(mix_fetch_request){.url = "http://a.test/404"}), MIX_OK);
    assert_int_equal(response().status, 404);
    const mix_http_header agent = {"user-agent", "mine"};
    assert_status(
        run(&(mix_fetch_request){
            .method = "options", .url = "http://a.test/x", .headers = &agent, .header_count = 1}),
        MIX_OK);
    assert_log("OPTIONS /x 0 user-agent=mine\n");
    end();
}

static void redirects_by_the_standard(void **state) {
    (void)state;
    const mix_http_header own[] = {{"Content-Type", "text/x"}, {"X-Own", "1"}, {"User-Agent", "u"}};
    const struct {
        int status;
        const char *method, *then;
        bool body, kept;
    } rows[] = {
        {301, "POST", "GET", true, false},      {302, "POST", "GET", true, false},
        {303, "POST", "GET", true, false},      {307, "POST", "POST", true, true},
        {308, "POST", "POST", true, true},      {301, "PUT", "PUT", true, true},
        {302, "DELETE", "DELETE", false, true}, {303, "PUT", "GET", true, false},
        {303, "HEAD", "HEAD", false, true},     {302, "GET", "GET", false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char url[100], want[400], first[150];
        begin();
        snprintf(url, sizeof url, "http://a.test/%d/next", rows[i].status);
        snprintf(first, sizeof first, "%s /%d/next %d content-type=text/x x-own=1 user-agent=u\n",
                 rows[i].method, rows[i].status, rows[i].body ? 4 : 0);
        snprintf(want, sizeof want, "%s%s /next %d%s x-own=1 user-agent=u\n", first, rows[i].then,
                 rows[i].body && rows[i].kept ? 4 : 0, rows[i].kept ? " content-type=text/x" : "");
        assert_status(run(&(mix_fetch_request){.method = rows[i].method,
                                               .url = url,
                                               .headers = own,
                                               .header_count = 3,
                                               .body = mix_bytes_str(rows[i].body ? "data" : ""),
                                               .has_body = rows[i].body}),
                      MIX_OK);
        assert_log(want);
        assert_int_equal(response().status, 200);
        assert_true(response().redirected);
        assert_string_equal(response().url, "http://a.test/next");
        assert_int_equal(s.redirects, 1);
        assert_int_equal(s.web.connections, 1); /* the same one again */
        end();
    }
}

static void what_is_no_redirect(void **state) {
    (void)state;
    const char *urls[] = {"http://a.test/300/x", "http://a.test/304/x", "http://a.test/305/x"};
    begin();
    for (size_t i = 0; i < 3; i++) {
        assert_status(run(&(mix_fetch_request){.url = urls[i]}), MIX_OK);
        assert_false(response().redirected);
    }
    end();
}

static void secrets_stay_with_their_origin(void **state) {
    (void)state;
    const mix_http_header own[] = {
        {"Authorization", "key"}, {"Cookie", "c"}, {"X-Own", "1"}, {"User-Agent", "u"}};
    begin();
    assert_status(run(&(mix_fetch_request){.url = "http://a.test/302/http://b.test/x",
                                           .headers = own,
                                           .header_count = 4}),
                  MIX_OK);
    assert_log("GET /302/http://b.test/x 0 authorization=key cookie=c x-own=1 user-agent=u\nGET /x "
               "0 x-own=1 user-agent=u\n");
    assert_status(
        run(&(mix_fetch_request){.url = "http://a.test/302/x", .headers = own, .header_count = 4}),
        MIX_OK);
    assert_log("GET /302/x 0 authorization=key cookie=c x-own=1 user-agent=u\nGET /x 0 "
               "authorization=key cookie=c x-own=1 user-agent=u\n");
    assert_status(run(&(mix_fetch_request){.url = "http://a.test/302/https://a.test/x",
                                           .headers = own,
                                           .header_count = 4}),
                  MIX_OK);
    assert_non_null(
        strstr((char *)s.log.data, "\nGET /x 0 x-own=1")); /* another scheme is another origin */
    end();
}

static void redirects_that_are_refused(void **state) {
    (void)state;
    const struct {
        mix_fetch_request r;
        int status;
        unsigned requests;
    } rows[] = {
        {{.url = "http://a.test/loop"}, MIX_ERR_FETCH_REDIRECTS, 21},
        {{.url = "http://a.test/loop", .max_redirects = 2}, MIX_ERR_FETCH_REDIRECTS, 3},
        {{.url = "http://a.test/loop", .max_redirects = -1}, MIX_ERR_FETCH_REDIRECTS, 1},
        {{.url = "http://a.test/302/x", .redirect = MIX_FETCH_ERROR},
         MIX_ERR_FETCH_REDIRECT_REFUSED,
         1},
        {{.url = "http://a.test/long", .redirect = MIX_FETCH_ERROR},
         MIX_ERR_FETCH_REDIRECT_REFUSED,
         1},
        {{.url = "http://a.test/302/ftp://b.test/"}, MIX_ERR_FETCH_REDIRECT_URL, 1},
        {{.url = "http://a.test/302/http://b.test:99999/"}, MIX_ERR_FETCH_REDIRECT_URL, 1},
        {{.url = "https://a.test/302/http://a.test/"}, MIX_ERR_FETCH_DOWNGRADE, 1},
        {{.url = "http://a.test/302/http://b.other/"}, MIX_ERR_DNS_NOT_FOUND, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_http_timing t;
        begin();
        assert_status(run(&rows[i].r), rows[i].status);
        assert_int_equal(s.web.requests, rows[i].requests);
        assert_false(s.responded);
        assert_status(mix_fetch_get_timing(s.f, s.id, &t), MIX_OK);
        assert_true(t.finished >= 0); /* nothing goes on that nobody wants */
        assert_true(mix_fetch_failure(s.f, s.id)->words[0] != 0);
        end();
    }
    begin();
    assert_status(
        run(&(mix_fetch_request){.url = "http://a.test/302/x", .redirect = MIX_FETCH_MANUAL}),
        MIX_OK);
    assert_int_equal(response().status, 302);
    end();
}

static void bodies(void **state) {
    (void)state;
    size_t n = 700000;
    uint8_t *big = calloc(1, n);
    begin();
    assert_status(run(&(mix_fetch_request){.method = "post",
                                           .url = "http://a.test/307/x",
                                           .body = mix_bytes_of(big, n),
                                           .has_body = true}),
                  MIX_OK);
    assert_log(
        "POST /307/x 700000 user-agent=lwmix\nPOST /x 700000 user-agent=lwmix\n"); /* sent again */
    end();
    begin();
    s.to_write = n;
    assert_status(
        run(&(mix_fetch_request){
            .method = "POST", .url = "http://a.test/x", .streams = true, .stream_length = -1}),
        MIX_OK);
    assert_log("POST /x 700000 user-agent=lwmix\n");
    end();
    begin();
    s.to_write = 100;
    assert_status(
        run(&(mix_fetch_request){
            .method = "POST", .url = "http://a.test/307/x", .streams = true, .stream_length = 100}),
        MIX_ERR_FETCH_BODY_ONCE);
    end();
    begin();
    s.to_write = 100;
    assert_status(
        run(&(mix_fetch_request){
            .method = "POST", .url = "http://a.test/303/x", .streams = true, .stream_length = 100}),
        MIX_OK);
    size_t taken;
    assert_status(mix_fetch_write(s.f, s.id, mix_bytes_of(big, 1), &taken, web_now(&s.web)),
                  MIX_ERR_STATE); /* it became a GET */
    end();
    free(big);
}

static void requests_that_cannot_be(void **state) {
    (void)state;
    begin();
    const mix_fetch_request bad[] = {{.method = "CONNECT", .url = "http://a.test/"},
                                     {.method = "trace", .url = "http://a.test/"},
                                     {.method = "", .url = "http://a.test/"},
                                     {.method = "GET", .url = "http://a.test/", .has_body = true},
                                     {.method = "head", .url = "http://a.test/", .streams = true}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_status(mix_fetch_start(s.f, &s.id, &bad[i], web_now(&s.web)), MIX_ERR_FETCH_METHOD);
    assert_status(mix_fetch_start(s.f, &s.id, &(mix_fetch_request){.url = "data:text/plain,x"},
                                  web_now(&s.web)),
                  MIX_ERR_HTTP_SCHEME);
    assert_status(mix_fetch_start(s.f, &s.id,
                                  &(mix_fetch_request){.method = "A B", .url = "http://a.test/"},
                                  web_now(&s.web)),
                  MIX_ERR_HTTP_REQUEST);
    end();
}

static void aborted_at_any_moment(void **state) {
    (void)state;
    begin();
    for (int i = 0; i < 12; i++) {
        assert_status(mix_fetch_start(s.f, &s.id,
                                      &(mix_fetch_request){.url = "https://a.test/302/x"},
                                      web_now(&s.web)),
                      MIX_OK);
        web_run(&s.web, NULL, MIX_MS(60 * i));
        mix_fetch_close(s.f, s.id, web_now(&s.web));
    }
    mix_fetch_close(s.f, 4711, web_now(&s.web));
    assert_status(run(&(mix_fetch_request){.url = "https://a.test/x"}), MIX_OK);
    end();
}

/* Whichever allocation fails while a fetch with a body begins: it is refused, or ends. */
static void without_memory_to_begin_with(void **state) {
    const mix_fetch_request r = {.method = "POST",
                                 .url = "http://a.test/x",
                                 .has_body = true,
                                 .body = mix_bytes_str("form")};
    size_t n = 0, used, well = 0, refused = 0, ended = 0;
    (void)state;
    begin();
    assert_status(run(&r), MIX_OK); /* the name is known, and there is a connection */
    mix_fetch_close(s.f, s.id, web_now(&s.web));
    do {
        s.finished = false;
        mix_alloc_fail_at(++n, 0);
        int status = mix_fetch_start(s.f, &s.id, &r, web_now(&s.web));
        used = mix_alloc_count();
        mix_alloc_fail_at(0, 0);
        if (status == MIX_OK && !web_run(&s.web, finished, MIX_SECONDS(200)))
            fail_msg("allocation %zu: it waits for ever", n);
        int end = status == MIX_OK ? s.status : status;
        assert_status(end, end == MIX_OK ? MIX_OK : MIX_ERR_MEMORY);
        *(end == MIX_OK ? &well : status == MIX_OK ? &ended : &refused) += 1;
        mix_fetch_close(s.f, s.id, web_now(&s.web));
    } while (used >= n);
    assert_true(well > 0 && refused > 0 && ended > 0);
    end();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_plain_get),
    cmocka_unit_test(redirects_by_the_standard),
    cmocka_unit_test(what_is_no_redirect),
    cmocka_unit_test(secrets_stay_with_their_origin),
    cmocka_unit_test(redirects_that_are_refused),
    cmocka_unit_test(bodies),
    cmocka_unit_test(requests_that_cannot_be),
    cmocka_unit_test(aborted_at_any_moment),
    cmocka_unit_test(without_memory_to_begin_with),
};
MIX_TEST_MAIN(fetch_test, tests)
