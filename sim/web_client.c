/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "web_client.h"

#include "mix/errors.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 16384, TEXT = 4096 };

uint8_t web_byte(uint64_t i) {
    return (uint8_t)((i * 2654435761u) >> 13 ^ i);
}

void web_body(mix_buf *out, size_t len) {
    size_t at = out->len;
    uint8_t *p = len > 0 ? mix_buf_space(out, len) : NULL;
    assert_true(p || len == 0);
    for (size_t i = 0; i < len; i++)
        p[i] = web_byte(at + i);
}

static mix_time now_of(const web_client *c) {
    return c->client->world->sim.now;
}

static void enter(const web_client *c) {
    if (c->client->enter)
        c->client->enter(c->client->user);
}

static void leave(const web_client *c) {
    if (c->client->leave)
        c->client->leave(c->client->user);
}

/* ---- the server ---- */

static bool is_body(mix_bytes data) {
    for (size_t i = 0; i < data.len; i++)
        if (data.data[i] != web_byte(i))
            return false;
    return true;
}

void web_client_server(void *user, web_request *r) {
    mix_buf body = {0};
    char headers[700] = "";
    int status = 200;
    (void)user;
    if (strcmp(r->path, "/never") == 0)
        return;
    if (strncmp(r->path, "/bytes/", 7) == 0)
        web_body(&body, strtoul(r->path + 7, NULL, 10));
    else if (strncmp(r->path, "/status/", 8) == 0)
        status = (int)strtol(r->path + 8, NULL, 10);
    else if (strcmp(r->path, "/echo") == 0) {
        mix_buf_put_bytes(&body, mix_buf_bytes(&r->body));
        (void)snprintf(headers, sizeof headers, "x-got: %zu\nx-intact: %s\n", r->body.len,
                       is_body(mix_buf_bytes(&r->body)) ? "yes" : "no");
    } else if (strncmp(r->path, "/to/", 4) == 0) {
        status = 302;
        (void)snprintf(headers, sizeof headers, "location: %s\n", r->path + 4);
    }
    web_respond(r, status, headers, mix_buf_bytes(&body));
    mix_buf_deinit(&body);
}

/* ---- the client ---- */

static void take_bytes(web_asked *a, const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++)
        a->intact &= data[i] == web_byte(a->got + i);
    if (a->text.len < TEXT)
        mix_buf_put(&a->text, data, len < TEXT - a->text.len ? len : TEXT - a->text.len);
    a->got += len;
}

void web_client_read(web_client *c, web_asked *a) {
    uint8_t chunk[CHUNK];
    size_t got;
    int status = MIX_OK;
    while (!a->ended && status == MIX_OK) {
        enter(c);
        status =
            mix_tunnel_fetch_read(c->client->tunnel, a->id, chunk, sizeof chunk, &got, now_of(c));
        leave(c);
        take_bytes(a, chunk, got);
        a->ended = status == MIX_OK && got == 0;
    }
    a->read_status = status;
}

static void write_body(web_client *c, web_asked *a) {
    uint8_t chunk[CHUNK];
    size_t taken = 1;
    while (a->sent < a->to_send && taken > 0) {
        uint64_t rest = a->to_send - a->sent;
        size_t n = rest < sizeof chunk ? (size_t)rest : sizeof chunk;
        for (size_t i = 0; i < n; i++)
            chunk[i] = web_byte(a->sent + i);
        enter(c);
        (void)mix_tunnel_fetch_write(c->client->tunnel, a->id, chunk, n, &taken, now_of(c));
        a->sent += taken;
        if (a->sent == a->to_send)
            (void)mix_tunnel_fetch_end(c->client->tunnel, a->id, now_of(c));
        leave(c);
    }
}

static void on_fetch(web_client *c, const mix_tunnel_event *ev) {
    web_asked *a = NULL;
    for (size_t i = 0; i < c->count; i++)
        if (c->asked[i].id == ev->id)
            a = &c->asked[i];
    assert_non_null(a);
    assert_false(a->finished);
    switch ((mix_fetch_what)ev->what) {
    case MIX_FETCH_WHAT_REDIRECTED:
        a->redirects++;
        break;
    case MIX_FETCH_WHAT_RESPONSE:
        a->responses++;
        assert_status(mix_tunnel_fetch_response(c->client->tunnel, a->id, &a->response), MIX_OK);
        break;
    case MIX_FETCH_WHAT_READABLE:
        if (!a->slow)
            web_client_read(c, a);
        break;
    case MIX_FETCH_WHAT_WRITABLE:
        write_body(c, a);
        break;
    case MIX_FETCH_WHAT_FINISHED:
        if (!a->slow)
            web_client_read(c, a);
        a->finished = true;
        a->finishes++;
        a->failure = ev->failure;
        a->done = now_of(c);
        break;
    }
}

static void on_answer(web_client *c, const mix_tunnel_event *ev) {
    assert_int_equal(ev->id, c->answer_id);
    c->answers++;
    c->answer_failure = ev->failure;
    c->ttl = ev->dns->ttl;
    c->cached = ev->dns->cached;
    (void)snprintf(c->canonical, sizeof c->canonical, "%s", ev->dns->canonical);
    c->answer[0] = 0;
    for (size_t i = 0; i < ev->dns->count; i++) {
        size_t len = strlen(c->answer);
        (void)snprintf(c->answer + len, sizeof c->answer - len, "%s%s", i ? " " : "",
                       ev->dns->records[i].text);
    }
}

static void on_event(void *user, const mix_tunnel_event *ev) {
    if (ev->kind == MIX_TUNNEL_EVENT_FETCH)
        on_fetch(user, ev);
    else if (ev->kind == MIX_TUNNEL_EVENT_DNS)
        on_answer(user, ev);
}

void web_client_begin(web_client *c, world_client *client, world_web *web) {
    *c = (web_client){.client = client, .web = web};
    client->on_event = on_event;
    client->user = c;
}

void web_client_end(web_client *c) {
    for (size_t i = 0; i < c->count; i++)
        mix_buf_deinit(&c->asked[i].text);
    c->count = 0;
}

web_asked *web_client_ask(web_client *c, const mix_request *r) {
    assert_true(c->count < WEB_ASKED);
    web_asked *a = &c->asked[c->count++];
    *a = (web_asked){.intact = true, .begun = now_of(c)};
    enter(c);
    a->status = mix_tunnel_fetch(c->client->tunnel, &a->id, r, now_of(c));
    leave(c);
    if (a->status != MIX_OK) {
        a->finished = true;
        return a;
    }
    if (r->streams) {
        a->to_send = r->stream_length > 0 ? (uint64_t)r->stream_length : 0;
        write_body(c, a);
    }
    world_turn(c->client->world);
    return a;
}

web_asked *web_client_get(web_client *c, const char *url) {
    return web_client_ask(c, &(mix_request){.url = url});
}

void web_client_close(web_client *c, web_asked *a) {
    enter(c);
    mix_tunnel_fetch_close(c->client->tunnel, a->id, now_of(c));
    leave(c);
    world_turn(c->client->world);
    mix_buf_deinit(&a->text);
    *a = c->asked[--c->count];
}

static bool is_finished(void *user) {
    return ((const web_asked *)user)->finished;
}

bool web_client_run(web_client *c, const web_asked *a, mix_time at_most) {
    return world_web_run(c->web, is_finished, (void *)(uintptr_t)a, now_of(c) + at_most);
}

static bool are_finished(void *user) {
    const web_client *c = user;
    for (size_t i = 0; i < c->count; i++)
        if (!c->asked[i].finished)
            return false;
    return true;
}

bool web_client_run_all(web_client *c, mix_time at_most) {
    return world_web_run(c->web, are_finished, c, now_of(c) + at_most);
}

static bool is_answered(void *user) {
    return ((const web_client *)user)->answers > 0;
}

bool web_client_look_up(web_client *c, const char *name, unsigned families, uint16_t type,
                        mix_time at_most) {
    mix_tunnel *t = c->client->tunnel;
    c->answers = 0;
    enter(c);
    int status = families ? mix_tunnel_lookup(t, &c->answer_id, name, families, now_of(c))
                          : mix_tunnel_query(t, &c->answer_id, name, type, now_of(c));
    leave(c);
    assert_status(status, MIX_OK);
    world_turn(c->client->world);
    return world_web_run(c->web, is_answered, c, now_of(c) + at_most);
}
