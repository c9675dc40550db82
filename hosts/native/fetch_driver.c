/* SPDX-License-Identifier: Apache-2.0 */
/* A test program: one tunnel and requests through it, as lines of JSON on standard input ask for
 * them. `fetch-driver [OPTION …]` takes the options that all client commands share.
 *   {"do":"fetch","id":1,"url":U}  also: method, headers [[name,value]…], body (text), pattern (so
 *       many bytes), streams (of unknown length), redirect, max_redirects, timeout_ms, and hold:
 * the answer's body is read only when asked for
 *   {"do":"read","id":1,"bytes":N}  once, at most so many; {"do":"flow","id":1}: all from now on
 *   {"do":"abort","id":1}  {"do":"stats"}
 * Answers are lines too: {"id":1,"is":"response"|"redirected"|"readable"|"read"|"end"|"error", …},
 * {"is": "stats"}, {"is":"state"}. It ends when its input does. */
#include "client.h"
#include "env.h"
#include "report.h"

#include "base/buf.h"

#include "mix/fetch.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 256, PIECE = 65536, SHOWN = 4096, HEADERS = 64 };

typedef struct job {
    bool used, hold, end_told;
    uint32_t fetch;
    int64_t id;
    uint64_t received, to_send;
    uint32_t noise; /* state of the pattern that is being sent */
    uint8_t piece[1024];
    size_t piece_len, piece_sent; /* of the pattern: what the tunnel has not taken yet */
    EVP_MD_CTX *hash;
    char shown[SHOWN];
    size_t shown_len;
} job;

typedef struct driver {
    client *client;
    uv_loop_t loop;
    uv_pipe_t in;
    mix_buf line;
    job jobs[JOBS];
    bool done;
    uint8_t piece[PIECE];
} driver;

/* ---- what is told ---- */

static void print(yyjson_mut_doc *doc) {
    (void)report_print(doc, "fetch-driver");
    fflush(stdout);
}

static yyjson_mut_doc *tell(const job *j, const char *what) {
    yyjson_mut_doc *doc = report_new();
    if (j)
        (void)yyjson_mut_obj_add_sint(doc, yyjson_mut_doc_get_root(doc), "id", j->id);
    report_put(doc, yyjson_mut_doc_get_root(doc), "is", what);
    return doc;
}

static void put_number(yyjson_mut_doc *doc, const char *name, int64_t value) {
    (void)yyjson_mut_obj_add_sint(doc, yyjson_mut_doc_get_root(doc), name, value);
}

static void tell_error(const job *j, const mix_failure *why) {
    yyjson_mut_doc *doc = tell(j, "error");
    report_put_failure(doc, yyjson_mut_doc_get_root(doc), why);
    put_number(doc, "bytes", (int64_t)j->received);
    print(doc);
}

static void put_headers(driver *d, yyjson_mut_doc *doc, const job *j, size_t count) {
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    mix_header h;
    for (size_t i = 0;
         i < count && mix_tunnel_fetch_header(client_tunnel(d->client), j->fetch, i, &h); i++) {
        yyjson_mut_val *pair = yyjson_mut_arr_add_arr(doc, list);
        (void)yyjson_mut_arr_append(pair, report_text(doc, h.name));
        (void)yyjson_mut_arr_append(pair, report_text(doc, h.value));
    }
    (void)yyjson_mut_obj_add_val(doc, yyjson_mut_doc_get_root(doc), "headers", list);
}

static void tell_response(driver *d, const job *j, const char *what) {
    mix_response r;
    if (mix_tunnel_fetch_response(client_tunnel(d->client), j->fetch, &r) != MIX_OK)
        return;
    yyjson_mut_doc *doc = tell(j, what);
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    put_number(doc, "status", r.status);
    put_number(doc, "version", r.version);
    report_put(doc, root, "reason", r.reason);
    report_put(doc, root, "url", r.url);
    (void)yyjson_mut_obj_add_bool(doc, root, "redirected", r.redirected);
    (void)yyjson_mut_obj_add_bool(doc, root, "null_body", r.null_body);
    put_headers(d, doc, j, r.header_count);
    print(doc);
}

static void tell_end(driver *d, job *j) {
    mix_fetch_timing t = {0};
    uint8_t digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned len = 0;
    EVP_DigestFinal_ex(j->hash, digest, &len);
    for (unsigned i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    (void)mix_tunnel_fetch_timing(client_tunnel(d->client), j->fetch, &t);
    yyjson_mut_doc *doc = tell(j, "end");
    put_number(doc, "bytes", (int64_t)j->received);
    report_put(doc, yyjson_mut_doc_get_root(doc), "sha256", hex);
    j->shown[j->shown_len] = 0;
    report_put(doc, yyjson_mut_doc_get_root(doc), "text", j->received < SHOWN ? j->shown : NULL);
    put_number(doc, "wire_bytes", (int64_t)t.received);
    put_number(doc, "uploaded", (int64_t)t.uploaded);
    put_number(doc, "ms", t.finished / 1000);
    (void)yyjson_mut_obj_add_bool(doc, yyjson_mut_doc_get_root(doc), "reused", t.reused);
    print(doc);
}

static void tell_stats(driver *d) {
    mix_tunnel_stats s;
    size_t memory = 0;
    mix_tunnel_get_stats(client_tunnel(d->client), &s);
    (void)uv_resident_set_memory(&memory);
    yyjson_mut_doc *doc = tell(NULL, "stats");
    put_number(doc, "memory", (int64_t)memory);
    put_number(doc, "data", (int64_t)s.data);
    put_number(doc, "retransmitted", (int64_t)s.retransmitted);
    put_number(doc, "ip_up", (int64_t)s.ip_up);
    put_number(doc, "ip_down", (int64_t)s.ip_down);
    put_number(doc, "links", (int64_t)s.links);
    put_number(doc, "exits", (int64_t)s.exits);
    put_number(doc, "round_trip_us", s.round_trip);
    report_put(doc, yyjson_mut_doc_get_root(doc), "state", mix_tunnel_state_name(s.state));
    print(doc);
}

/* ---- one request ---- */

static void forget(driver *d, job *j) {
    mix_tunnel_fetch_close(client_tunnel(d->client), j->fetch, host_now());
    EVP_MD_CTX_free(j->hash);
    *j = (job){0};
}

/* Reads up to so many bytes; true: there may be more now. */
static bool read_some(driver *d, job *j, size_t most) {
    size_t got = 0;
    int status = mix_tunnel_fetch_read(client_tunnel(d->client), j->fetch, d->piece,
                                       most < PIECE ? most : PIECE, &got, host_now());
    if (status != MIX_OK)
        return false; /* nothing now, or an error that FINISHED tells */
    if (got == 0) {
        if (!j->end_told)
            tell_end(d, j);
        j->end_told = true;
        return false;
    }
    size_t shown = got < SHOWN - 1 - j->shown_len ? got : SHOWN - 1 - j->shown_len;
    memcpy(j->shown + j->shown_len, d->piece, shown);
    j->shown_len += shown;
    EVP_DigestUpdate(j->hash, d->piece, got);
    j->received += got;
    return true;
}

static void read_all(driver *d, job *j) {
    while (read_some(d, j, PIECE))
        ;
}

/* The same bytes as pattern() of e2e/servers.mjs. */
static void make_piece(job *j) {
    size_t n = j->to_send < sizeof j->piece ? (size_t)j->to_send : sizeof j->piece;
    for (size_t i = 0; i < n; i++) {
        j->noise ^= j->noise << 13;
        j->noise ^= j->noise >> 17;
        j->noise ^= j->noise << 5;
        j->piece[i] = (uint8_t)j->noise;
    }
    j->to_send -= n;
    j->piece_len = n;
    j->piece_sent = 0;
}

static void send_more(driver *d, job *j) {
    for (;;) {
        size_t taken = 0;
        if (j->piece_sent == j->piece_len) {
            if (j->to_send == 0)
                break;
            make_piece(j);
        }
        if (mix_tunnel_fetch_write(client_tunnel(d->client), j->fetch, j->piece + j->piece_sent,
                                   j->piece_len - j->piece_sent, &taken, host_now()) != MIX_OK)
            return; /* blocked, or over */
        j->piece_sent += taken;
    }
    (void)mix_tunnel_fetch_end(client_tunnel(d->client), j->fetch, host_now());
}

static void on_fetch(driver *d, job *j, const mix_tunnel_event *ev) {
    switch (ev->what) {
    case MIX_FETCH_WHAT_REDIRECTED:
        print(tell(j, "redirected"));
        break;
    case MIX_FETCH_WHAT_RESPONSE:
        tell_response(d, j, "response");
        break;
    case MIX_FETCH_WHAT_READABLE:
        if (j->hold)
            print(tell(j, "readable"));
        else
            read_all(d, j);
        break;
    case MIX_FETCH_WHAT_WRITABLE:
        send_more(d, j);
        break;
    default: /* FINISHED */
        if (ev->failure.code == MIX_OK && j->hold)
            print(tell(j, "finished"));
        else
            read_all(d, j);
        if (ev->failure.code != MIX_OK)
            tell_error(j, &ev->failure);
    }
    if (j->end_told || ev->failure.code != MIX_OK)
        forget(d, j);
}

static void on_event(void *user, const mix_tunnel_event *ev) {
    driver *d = user;
    if (ev->kind == MIX_TUNNEL_EVENT_STATE) {
        yyjson_mut_doc *doc = tell(NULL, "state");
        report_put(doc, yyjson_mut_doc_get_root(doc), "state", mix_tunnel_state_name(ev->state));
        report_put_failure(doc, yyjson_mut_doc_get_root(doc), &ev->failure);
        print(doc);
    }
    for (size_t i = 0; ev->kind == MIX_TUNNEL_EVENT_FETCH && i < JOBS; i++) {
        if (!d->jobs[i].used || d->jobs[i].fetch != ev->id)
            continue;
        on_fetch(d, &d->jobs[i], ev);
        break;
    }
}

/* ---- what is asked for ---- */

static job *find(driver *d, int64_t id) {
    for (size_t i = 0; i < JOBS; i++)
        if (d->jobs[i].used && d->jobs[i].id == id)
            return &d->jobs[i];
    return NULL;
}

static int64_t number(yyjson_val *o, const char *name) {
    return yyjson_get_sint(yyjson_obj_get(o, name));
}

static size_t take_headers(yyjson_val *list, mix_header out[HEADERS]) {
    size_t i, n, count = 0;
    yyjson_val *pair;
    yyjson_arr_foreach(list, i, n, pair) {
        if (count < HEADERS)
            out[count++] = (mix_header){yyjson_get_str(yyjson_arr_get(pair, 0)),
                                        yyjson_get_str(yyjson_arr_get(pair, 1))};
    }
    return count;
}

static mix_redirect redirect_of(const char *text) {
    return text && strcmp(text, "error") == 0    ? MIX_REDIRECT_ERROR
           : text && strcmp(text, "manual") == 0 ? MIX_REDIRECT_MANUAL
                                                 : MIX_REDIRECT_FOLLOW;
}

static void begin(driver *d, yyjson_val *o) {
    job *j = d->jobs;
    mix_header headers[HEADERS];
    yyjson_val *body = yyjson_obj_get(o, "body");
    while (j < d->jobs + JOBS && j->used)
        j++;
    if (j == d->jobs + JOBS)
        return;
    *j = (job){
        .used = true, .id = number(o, "id"), .hold = yyjson_get_bool(yyjson_obj_get(o, "hold"))};
    j->to_send = (uint64_t)number(o, "pattern");
    j->noise = 0x9e3779b9;
    j->hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(j->hash, EVP_sha256(), NULL);
    mix_request r = {
        .method = yyjson_get_str(yyjson_obj_get(o, "method")),
        .url = yyjson_get_str(yyjson_obj_get(o, "url")),
        .headers = headers,
        .header_count = take_headers(yyjson_obj_get(o, "headers"), headers),
        .has_body = body != NULL,
        .body = (const uint8_t *)yyjson_get_str(body),
        .body_len = yyjson_get_len(body),
        .streams = yyjson_obj_get(o, "pattern") != NULL,
        .stream_length = yyjson_get_bool(yyjson_obj_get(o, "streams")) ? -1 : (int64_t)j->to_send,
        .redirect = redirect_of(yyjson_get_str(yyjson_obj_get(o, "redirect"))),
        .max_redirects = (int)number(o, "max_redirects"),
        .timeout = MIX_MS(number(o, "timeout_ms")),
    };
    int status = mix_tunnel_fetch(client_tunnel(d->client), &j->fetch, &r, host_now());
    if (status != MIX_OK) {
        tell_error(j, &(mix_failure){.code = status, .layer = "fetch"});
        forget(d, j);
    } else if (r.streams) {
        send_more(d, j);
    }
}

static void read_on_command(driver *d, job *j, int64_t bytes) {
    (void)read_some(d, j, bytes > 0 ? (size_t)bytes : PIECE);
    yyjson_mut_doc *doc = tell(j, "read");
    put_number(doc, "bytes", (int64_t)j->received);
    print(doc);
    if (j->end_told)
        forget(d, j);
}

static void obey(driver *d, yyjson_val *o) {
    const char *what = yyjson_get_str(yyjson_obj_get(o, "do"));
    job *j = find(d, number(o, "id"));
    if (!what)
        return;
    if (strcmp(what, "fetch") == 0 && !j)
        begin(d, o);
    else if (strcmp(what, "stats") == 0)
        tell_stats(d);
    else if (j && strcmp(what, "read") == 0)
        read_on_command(d, j, number(o, "bytes"));
    else if (j && strcmp(what, "abort") == 0)
        forget(d, j);
    else if (j && strcmp(what, "flow") == 0) {
        j->hold = false;
        read_all(d, j);
        if (j->end_told)
            forget(d, j);
    }
    client_wake(d->client);
}

static void take_line(driver *d, mix_bytes line) {
    yyjson_doc *doc = yyjson_read((const char *)line.data, line.len, 0);
    obey(d, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    driver *d = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)d->piece, PIECE);
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    driver *d = stream->data;
    if (n < 0) {
        d->done = true;
        uv_stop(&d->loop);
        return;
    }
    mix_buf_put(&d->line, buf->base, (size_t)n); /* the piece is free for what comes now */
    size_t begin_at = 0;
    for (size_t i = 0; i < d->line.len; i++) {
        if (d->line.data[i] != '\n')
            continue;
        take_line(d, mix_bytes_of(d->line.data + begin_at, i - begin_at));
        begin_at = i + 1;
    }
    mix_buf_consume(&d->line, begin_at);
}

static int run(driver *d) {
    int status = client_up(d->client);
    if (status != 0)
        return status;
    print(tell(NULL, "ready"));
    uv_pipe_init(&d->loop, &d->in, 0);
    uv_pipe_open(&d->in, 0);
    d->in.data = d;
    uv_read_start((uv_stream_t *)&d->in, on_alloc, on_input);
    status = client_run(d->client, &d->done);
    for (size_t i = 0; i < JOBS; i++)
        if (d->jobs[i].used)
            forget(d, &d->jobs[i]);
    uv_close((uv_handle_t *)&d->in, NULL);
    client_down(d->client);
    return status;
}

int main(int argc, char **argv) {
    client_options o = {0};
    bool help = false;
    driver *d = calloc(1, sizeof *d);
    const arg_option options[] = {
        {"--connect-timeout", ARG_TIME, &o.stream_timeout, "SECONDS", "of TCP and TLS"},
        CLIENT_OPTIONS(&o),
        {0},
    };
    if (!d || !args_read("fetch-driver", options, argc, argv, NULL, &help) || help)
        return CLIENT_EXIT_USAGE;
    uv_loop_init(&d->loop);
    client_events events = {d, on_event};
    int status = client_new(&d->client, &d->loop, "fetch-driver", &o, &events);
    if (status == 0)
        status = run(d);
    client_free(d->client);
    uv_loop_close(&d->loop);
    mix_buf_deinit(&d->line);
    free(d);
    return status;
}
