/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile web server answers, over the whole stack: any bytes, in pieces that the first byte
 * chooses, then the end. */
#include "http/http.h"
#include "mix/errors.h"
#include "sockets/sockets.h"
#include "tcpip/near_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    mix_test_env env;
    far *f;
    mix_tcpip *t;
    mix_dns *d;
    mix_tls *tls;
    mix_http *h;
    mix_bytes answer;
    size_t piece, read;
    bool answered, finished;
} w;

static mix_time deadline(void *user) {
    return mix_earlier(near_deadline(user), mix_http_deadline(w.h));
}
static void pump(void *user, mix_time now) {
    mix_http_event ev;
    uint8_t out[1000];
    size_t got;
    (void)user;
    mix_http_tick(w.h, now);
    while (mix_http_next(w.h, &ev) == MIX_OK) {
        if (ev.kind == MIX_HTTP_READABLE)
            while (w.read < (1 << 20) &&
                   mix_http_read(w.h, ev.id, out, sizeof out, &got, now) == MIX_OK && got > 0)
                w.read += got;
        w.finished |= ev.kind == MIX_HTTP_FINISHED;
    }
}
static void received(void *user, far_conn *c, mix_bytes data) {
    (void)user, (void)data;
    if (w.answered)
        return;
    w.answered = true;
    for (size_t at = 0; at < w.answer.len; at += w.piece)
        far_write(c, mix_bytes_slice(w.answer, at, w.piece));
    far_end(c);
}
static bool finished(void *user) {
    (void)user;
    return w.finished || w.read >= (1 << 20);
}

static void look(uint32_t id) {
    mix_http_response r;
    mix_http_header header;
    size_t n = 0;
    if (mix_http_get_response(w.h, id, &r) != MIX_OK)
        return;
    if (r.status < 200 || r.status > 999)
        __builtin_trap();
    while (mix_http_get_header(w.h, id, n, &header))
        n += header.name[0] != 0 ? 1 : 2;
    if (n != r.header_count)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const far_near near = {&w.t, near_feed, near_drain, deadline, near_tick, pump};
    static const far_handlers handlers = {.received = received};
    far_options o = {.delay = MIX_MS(10), .seed = 1};
    mix_tcpip_config c = {.ip4 = {.family = 4, .octets = {10, 0, 0, 2}}};
    mix_dns_config d = {.servers = {{.family = 4, .port = 53, .octets = {8, 8, 8, 8}}}};
    uint32_t id;
    if (size < 1)
        return 0;
    w.answer = mix_bytes_of(data + 1, size - 1);
    w.piece = 1u + data[0];
    w.read = 0;
    w.answered = w.finished = false;
    mix_test_env_init(&w.env, 1);
    w.f = far_new(&o, &near, &handlers, NULL);
    far_listen(w.f, 80);
    if (mix_sockets_begin(&w.env.env) != MIX_OK || mix_tls_begin(&w.env.env) != MIX_OK ||
        mix_tcpip_new(&w.t, &c, &w.env.env, far_now(w.f)) != MIX_OK)
        __builtin_trap();
    mix_sockets_attach(w.t);
    mix_sockets_set_time(far_now(w.f));
    if (mix_dns_new(&w.d, &d) != MIX_OK ||
        mix_tls_new(&w.tls, &(mix_tls_config){0}, &w.env.env) != MIX_OK ||
        mix_http_new(&w.h, NULL, w.d, w.tls) != MIX_OK ||
        mix_http_start(w.h, &id,
                       &(mix_http_request){
                           .method = "GET", .url = "http://192.0.2.7/", .body = MIX_HTTP_NO_BODY},
                       far_now(w.f)) != MIX_OK)
        __builtin_trap();
    if (!far_run(w.f, finished, far_now(w.f) + MIX_SECONDS(300)))
        __builtin_trap(); /* it waits for ever */
    look(id);
    mix_http_free(w.h);
    mix_tls_free(w.tls);
    mix_dns_free(w.d);
    if (mix_sockets_open() != 0)
        __builtin_trap();
    mix_sockets_end();
    mix_tcpip_free(w.t);
    far_free(w.f);
    return 0;
}
