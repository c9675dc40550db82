/* SPDX-License-Identifier: Apache-2.0 */
/* What the WASM module exports (abi.h): a tunnel's settings, commands, orders and events. The imports are mix_env, answered by the
 * host's JavaScript; hosts/wasm/imports.txt lists all of them, those of the C library included. */
#include "module.h"

#include "base/alloc.h"
#include "imports.h"
#include "settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(name), visibility("default")))

enum { INPUT_LEAST = 16 * 1024, INPUT_KEPT = 256 * 1024, RANDOM_STOCK = 2048 };

/* A packet takes a dozen small pieces: the host is asked for many at a time. What was given is wiped. */
static int env_random(void *user, uint8_t *out, size_t len) {
    static uint8_t stock[RANDOM_STOCK];
    static size_t left;
    (void)user;
    if (len > sizeof stock / 4)
        return mix_host_random(out, len);
    if (len > left) {
        left = 0;
        if (mix_host_random(stock, sizeof stock) != 0)
            return 1;
        left = sizeof stock;
    }
    left -= len;
    memcpy(out, stock + left, len);
    mix_wipe(stock + left, len);
    return 0;
}

static int64_t env_wall_time(void *user) {
    (void)user;
    return (int64_t)mix_host_wall_time();
}

static void env_log(void *user, mix_log_level level, const char *layer, const char *text) {
    (void)user;
    mix_host_log((int)level, layer, strlen(layer), text, strlen(text));
}

mix_wasm_module mix_wasm = {
    .env = {.random = env_random, .wall_time = env_wall_time, .log = env_log, .log_level = MIX_LOG_WARN},
};

/* ---- the output ---- */

void mix_wasm_put_data(const void *data, size_t len) {
    mix_wasm.out.data = mix_wasm_offset(data);
    mix_wasm.out.len = (uint32_t)len;
}

void mix_wasm_put_failure(const mix_failure *failure) {
    mix_wasm.out.code = failure->code;
    mix_wasm.out.words = mix_wasm_offset(failure->words);
    mix_wasm.out.number = (double)failure->number;
}

EXPORT("mix_output") const mix_wasm_out *mix_wasm_output(void);
const mix_wasm_out *mix_wasm_output(void) {
    return &mix_wasm.out;
}

EXPORT("mix_error_text") const char *mix_wasm_error_text(int status);
const char *mix_wasm_error_text(int status) {
    return mix_error_text(status);
}

EXPORT("mix_error_name") const char *mix_wasm_error_name(int status);
const char *mix_wasm_error_name(int status) {
    return mix_error_name(status);
}

/* ---- the input ---- */

/* Bodies and keys pass through it: what is given back to the heap is wiped. */
static void drop_input(void) {
    if (mix_wasm.input)
        mix_wipe(mix_wasm.input, mix_wasm.input_cap);
    free(mix_wasm.input);
    mix_wasm.input = NULL;
    mix_wasm.input_cap = 0;
}

EXPORT("mix_input") uint8_t *mix_wasm_input(size_t len);
uint8_t *mix_wasm_input(size_t len) {
    if (len <= mix_wasm.input_cap && (mix_wasm.input_cap <= INPUT_KEPT || len > INPUT_KEPT))
        return mix_wasm.input;
    size_t cap = len > INPUT_LEAST ? len : INPUT_LEAST;
    drop_input();
    mix_wasm.input = malloc(cap);
    if (mix_wasm.input)
        mix_wasm.input_cap = cap;
    return mix_wasm.input;
}

/* ---- setup ---- */

static int fail_setup(int status, const char *words) {
    mix_wasm.out.code = status;
    mix_wasm.out.words = mix_wasm_offset(words);
    return status;
}

EXPORT("mix_setup") int mix_wasm_setup(size_t len, size_t identity, size_t directory);
int mix_wasm_setup(size_t len, size_t identity, size_t directory) {
    static mix_failure why;
    mix_tunnel_settings settings;
    const char *in = (const char *)mix_wasm.input;
    memset(&mix_wasm.out, 0, sizeof mix_wasm.out);
    if (mix_wasm.tunnel)
        return fail_setup(MIX_ERR_STATE, "there is a tunnel already");
    if (!in || len > mix_wasm.input_cap || identity > len || directory > len - identity)
        return fail_setup(MIX_ERR_ARGUMENT, "the settings are malformed");
    size_t text = len - identity - directory;
    if (mix_settings_len(in, text) != text)
        return fail_setup(MIX_ERR_ARGUMENT, "the settings are malformed");
    if (mix_settings_tunnel(&settings, in) != MIX_OK)
        return fail_setup(MIX_ERR_ARGUMENT, "a setting is unknown, or given too often");
    if (identity > 0) {
        settings.config.identity = mix_wasm.input + text;
        settings.config.identity_len = identity;
    }
    if (directory > 0) {
        settings.config.stored_directory = mix_wasm.input + text + identity;
        settings.config.stored_directory_len = directory;
    }
    why = (mix_failure){0};
    int status = mix_tunnel_new(&mix_wasm.tunnel, &settings.config, &mix_wasm.env, &why);
    mix_wipe(mix_wasm.input, len);
    if (status != MIX_OK) {
        mix_wasm.tunnel = NULL;
        why.code = status;
        mix_wasm_put_failure(&why);
    }
    return status;
}

void mix_wasm_end(void) {
    mix_tunnel_free(mix_wasm.tunnel);
    mix_wasm.tunnel = NULL;
    drop_input();
}

/* ---- commands ---- */

static mix_time time_of(double now) {
    return (mix_time)now;
}

EXPORT("mix_command") int mix_wasm_command(int what, double id, int number, size_t len, double now);
int mix_wasm_command(int what, double id, int number, size_t len, double now) {
    mix_wasm_call call = {
        .id = (uint32_t)id,
        .wide_id = id,
        .number = number,
        .data = mix_wasm.input,
        .len = len,
        .now = time_of(now),
    };
    memset(&mix_wasm.out, 0, sizeof mix_wasm.out);
    if (len > mix_wasm.input_cap)
        return MIX_ERR_ARGUMENT;
    return mix_wasm_do(what, &call);
}

/* ---- orders and events ---- */

static int put_state(const mix_tunnel_event *ev) {
    mix_wasm.out.state = ev->state;
    mix_wasm.out.phase = ev->phase;
    return MIX_WASM_KIND_STATE;
}

static int put_store(const mix_tunnel_event *ev) {
    mix_wasm.out.text = mix_wasm_offset(ev->store.name);
    mix_wasm_put_data(ev->store.data, ev->store.len);
    return MIX_WASM_KIND_STORE;
}

static int put_dns(const mix_tunnel_event *ev) {
    const mix_dns_answer *answer = ev->dns;
    mix_wasm.out.code = answer->status;
    mix_wasm.out.ttl = answer->ttl;
    mix_wasm.out.flags = answer->cached ? MIX_WASM_FLAG_CACHED : 0;
    mix_wasm.out.text = mix_wasm_offset(answer->canonical ? answer->canonical : "");
    mix_wasm.out.count = (uint32_t)answer->count;
    return MIX_WASM_KIND_DNS;
}

static int put_websocket(const mix_tunnel_event *ev) {
    const mix_websocket_news *news = ev->websocket;
    if (ev->failure.code == MIX_OK && news) {
        const char *text = ev->what == MIX_WEBSOCKET_WHAT_OPEN ? news->protocol : news->reason;
        mix_wasm.out.text = mix_wasm_offset(text ? text : "");
        mix_wasm.out.number = news->code;
        mix_wasm.out.flags = (news->text ? (uint32_t)MIX_WASM_FLAG_TEXT : 0) | (news->clean ? (uint32_t)MIX_WASM_FLAG_CLEAN : 0);
    }
    return MIX_WASM_KIND_WEBSOCKET;
}

static int put_event(const mix_tunnel_event *ev) {
    mix_wasm.out.id = ev->id;
    mix_wasm.out.what = ev->what;
    mix_wasm_put_data(ev->data, ev->len);
    mix_wasm_put_failure(&ev->failure);
    switch (ev->kind) {
    case MIX_TUNNEL_EVENT_STATE:
        return put_state(ev);
    case MIX_TUNNEL_EVENT_STORE:
        return put_store(ev);
    case MIX_TUNNEL_EVENT_REFUSED:
        return MIX_WASM_KIND_REFUSED;
    case MIX_TUNNEL_EVENT_NOTICE:
        return MIX_WASM_KIND_NOTICE;
    case MIX_TUNNEL_EVENT_FETCH:
        return MIX_WASM_KIND_FETCH;
    case MIX_TUNNEL_EVENT_DNS:
        return put_dns(ev);
    case MIX_TUNNEL_EVENT_WEBSOCKET:
        return put_websocket(ev);
    default:
        return MIX_WASM_KIND_OTHER;
    }
}

static int put_call(const mix_tunnel_call *call) {
    mix_wasm.out.id = (double)call->id;
    if (call->cancel)
        return MIX_WASM_KIND_CALL_CANCEL;
    mix_wasm.out.text = mix_wasm_offset(call->url);
    mix_wasm.out.more = mix_wasm_offset(call->accept ? call->accept : "");
    return MIX_WASM_KIND_CALL;
}

static int put_order(const mix_tunnel_order *order) {
    mix_wasm.out.id = order->link;
    mix_wasm_put_data(order->data, order->len);
    switch (order->act) {
    case MIX_TUNNEL_CONNECT:
        mix_wasm.out.text = mix_wasm.out.data;
        return MIX_WASM_KIND_LINK_CONNECT;
    case MIX_TUNNEL_SEND_TEXT:
        return MIX_WASM_KIND_LINK_TEXT;
    case MIX_TUNNEL_SEND_BINARY:
        return MIX_WASM_KIND_LINK_BINARY;
    default:
        return MIX_WASM_KIND_LINK_CLOSE;
    }
}

EXPORT("mix_next") int mix_wasm_next(double now, int busy);
int mix_wasm_next(double now, int busy) {
    mix_tunnel *t = mix_wasm.tunnel;
    mix_time at = time_of(now);
    mix_tunnel_call call;
    mix_tunnel_order order;
    memset(&mix_wasm.out, 0, sizeof mix_wasm.out);
    if (!t)
        return MIX_WASM_KIND_NOTHING;
    if (mix_tunnel_deadline(t) <= at)
        mix_tunnel_tick(t, at);
    if (mix_tunnel_next(t, &mix_wasm.event, at) == MIX_OK)
        return put_event(&mix_wasm.event);
    if (!busy && mix_tunnel_drain_link(t, &order, at) == MIX_OK) /* a known gateway answers later than the directory */
        return put_order(&order);
    if (mix_tunnel_drain_call(t, &call, at) == MIX_OK)
        return put_call(&call);
    /* What was drained may have brought events about. */
    if (mix_tunnel_next(t, &mix_wasm.event, at) == MIX_OK)
        return put_event(&mix_wasm.event);
    return MIX_WASM_KIND_NOTHING;
}

EXPORT("mix_deadline") double mix_wasm_deadline(void);
double mix_wasm_deadline(void) {
    mix_time at = mix_wasm.tunnel ? mix_tunnel_deadline(mix_wasm.tunnel) : MIX_NEVER;
    return at == MIX_NEVER ? (double)INFINITY : (double)at;
}
