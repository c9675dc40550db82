/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of abi.h, one function each. */
#include "module.h"
#include "settings.h"

#include <stdlib.h>
#include <string.h>

#define OUT (mix_wasm.out)
#define TUNNEL (mix_wasm.tunnel)

enum { READ_MOST = 64 * 1024, WHY_MOST = 160 };

/* ---- life ---- */

static int start(const mix_wasm_call *c) {
    return mix_tunnel_start(TUNNEL, c->now);
}

static int stop(const mix_wasm_call *c) {
    mix_tunnel_stop(TUNNEL, c->now);
    return MIX_OK;
}

static int end(const mix_wasm_call *c) {
    (void)c;
    mix_wasm_end();
    return MIX_OK;
}

static int nudge(const mix_wasm_call *c) {
    mix_tunnel_nudge(TUNNEL, c->now);
    return MIX_OK;
}

static int rehearse(const mix_wasm_call *c) {
    return mix_tunnel_rehearse(TUNNEL, (size_t)c->number);
}

static int log_level(const mix_wasm_call *c) {
    mix_wasm.env.log_level = (mix_log_level)c->number;
    return MIX_OK;
}

static int stats(const mix_wasm_call *c) {
    static mix_tunnel_stats s;
    static mix_wasm_stats out;
    (void)c;
    mix_tunnel_get_stats(TUNNEL, &s);
#define COPY(type, name) out.name = (type)s.name;
    MIX_WASM_STATS(COPY)
#undef COPY
    OUT.text = mix_wasm_offset(s.gateway);
    OUT.more = mix_wasm_offset(s.exit);
    mix_wasm_put_data(&out, sizeof out);
    return MIX_OK;
}

/* ---- directory and gateway ---- */

static int answer_piece(const mix_wasm_call *c, bool last) {
    const uint8_t *zero = c->len > 0 ? memchr(c->data, 0, c->len) : NULL;
    if (!zero)
        return MIX_ERR_ARGUMENT;
    size_t head = (size_t)(zero - c->data) + 1;
    mix_tunnel_answer answer = {
        .id = (uint64_t)c->wide_id,
        .status = c->number,
        .content_type = (const char *)c->data,
        .body = c->data + head,
        .len = c->len - head,
        .last = last,
    };
    return mix_tunnel_feed_answer(TUNNEL, &answer, c->now);
}

static int answer(const mix_wasm_call *c) {
    return answer_piece(c, false);
}

static int answer_end(const mix_wasm_call *c) {
    return answer_piece(c, true);
}

/* The host's words, cut. */
static const char *why(const mix_wasm_call *c) {
    static char text[WHY_MOST];
    size_t len = c->len < sizeof text - 1 ? c->len : sizeof text - 1;
    if (len > 0)
        memcpy(text, c->data, len);
    text[len] = 0;
    return text;
}

static int answer_failed(const mix_wasm_call *c) {
    mix_tunnel_answer answer = {.id = (uint64_t)c->wide_id, .failure = why(c), .last = true};
    return mix_tunnel_feed_answer(TUNNEL, &answer, c->now);
}

static int link_opened(const mix_wasm_call *c) {
    mix_tunnel_link_opened(TUNNEL, c->id, c->now);
    return MIX_OK;
}

static int link_text_came(const mix_wasm_call *c) {
    mix_tunnel_feed_link(TUNNEL, c->id, false, c->data, c->len, c->now);
    return MIX_OK;
}

static int link_binary_came(const mix_wasm_call *c) {
    mix_tunnel_feed_link(TUNNEL, c->id, true, c->data, c->len, c->now);
    return MIX_OK;
}

static int link_closed(const mix_wasm_call *c) {
    mix_tunnel_link_closed(TUNNEL, c->id, c->number, c->len > 0 ? why(c) : NULL, c->now);
    return MIX_OK;
}

/* ---- requests ---- */

/* Room for the headers that settings name; *room is freed by the caller. */
static int make_headers(const char *in, mix_header **room) {
    size_t count = mix_settings_count(in, "header");
    *room = calloc(count + 1, sizeof **room);
    return *room ? MIX_OK : MIX_ERR_MEMORY;
}

static int fetch(const mix_wasm_call *c) {
    size_t body = c->number > 0 ? (size_t)c->number : 0;
    const char *in = (const char *)c->data;
    mix_header *headers = NULL;
    mix_request request;
    uint32_t id = 0;
    if (body > c->len || mix_settings_len(in, c->len - body) != c->len - body)
        return MIX_ERR_ARGUMENT;
    int status = make_headers(in, &headers);
    if (status == MIX_OK)
        status = mix_settings_request(&request, headers, in);
    if (status == MIX_OK) {
        request.has_body = c->number >= 0;
        request.body = c->data + c->len - body;
        request.body_len = body;
        status = mix_tunnel_fetch(TUNNEL, &id, &request, c->now);
    }
    free(headers);
    OUT.id = id;
    return status;
}

static int fetch_write(const mix_wasm_call *c) {
    size_t taken = 0;
    int status = mix_tunnel_fetch_write(TUNNEL, c->id, c->data, c->len, &taken, c->now);
    OUT.number = (double)taken;
    return status;
}

static int fetch_end(const mix_wasm_call *c) {
    return mix_tunnel_fetch_end(TUNNEL, c->id, c->now);
}

static int fetch_read(const mix_wasm_call *c) {
    static uint8_t *room;
    size_t cap = c->number < READ_MOST ? (size_t)c->number : READ_MOST, got = 0;
    if (c->number <= 0)
        return MIX_ERR_ARGUMENT;
    if (!room)
        room = malloc(READ_MOST);
    if (!room)
        return MIX_ERR_MEMORY;
    int status = mix_tunnel_fetch_read(TUNNEL, c->id, room, cap, &got, c->now);
    mix_wasm_put_data(room, got);
    return status;
}

static int fetch_close(const mix_wasm_call *c) {
    mix_tunnel_fetch_close(TUNNEL, c->id, c->now);
    return MIX_OK;
}

static int fetch_response(const mix_wasm_call *c) {
    mix_response r;
    int status = mix_tunnel_fetch_response(TUNNEL, c->id, &r);
    if (status != MIX_OK)
        return status;
    OUT.number = r.status;
    OUT.text = mix_wasm_offset(r.reason ? r.reason : "");
    OUT.more = mix_wasm_offset(r.url ? r.url : "");
    OUT.flags = (r.redirected ? (uint32_t)MIX_WASM_FLAG_REDIRECTED : 0) | (r.null_body ? (uint32_t)MIX_WASM_FLAG_NULL_BODY : 0);
    OUT.count = (uint32_t)r.header_count;
    return MIX_OK;
}

static int fetch_header(const mix_wasm_call *c) {
    mix_header header;
    if (!mix_tunnel_fetch_header(TUNNEL, c->id, (size_t)c->number, &header))
        return MIX_DONE;
    OUT.text = mix_wasm_offset(header.name);
    OUT.more = mix_wasm_offset(header.value);
    return MIX_OK;
}

static int fetch_timing(const mix_wasm_call *c) {
    static mix_wasm_timing out;
    mix_fetch_timing timing;
    int status = mix_tunnel_fetch_timing(TUNNEL, c->id, &timing);
    if (status != MIX_OK)
        return status;
#define COPY(type, name) out.name = (type)timing.name;
    MIX_WASM_TIMING(COPY)
#undef COPY
    OUT.flags = timing.reused ? MIX_WASM_FLAG_REUSED : 0;
    mix_wasm_put_data(&out, sizeof out);
    return MIX_OK;
}

/* ---- names ---- */

/* The input as a text of its own, freed by the caller; bad: the status if a zero is in it. */
static int text_of(const mix_wasm_call *c, char **out, int bad) {
    if (c->len > 0 && memchr(c->data, 0, c->len))
        return bad;
    *out = malloc(c->len + 1);
    if (!*out)
        return MIX_ERR_MEMORY;
    if (c->len > 0)
        memcpy(*out, c->data, c->len);
    (*out)[c->len] = 0;
    return MIX_OK;
}

static int lookup(const mix_wasm_call *c) {
    char *name = NULL;
    uint32_t id = 0;
    int status = text_of(c, &name, MIX_ERR_DNS_NAME);
    if (status == MIX_OK && c->number == 0)
        status = mix_tunnel_lookup(TUNNEL, &id, name, MIX_LOOKUP_IP4 | MIX_LOOKUP_IP6, c->now);
    else if (status == MIX_OK)
        status = mix_tunnel_query(TUNNEL, &id, name, (uint16_t)c->number, c->now);
    free(name);
    OUT.id = id;
    return status;
}

static int lookup_cancel(const mix_wasm_call *c) {
    mix_tunnel_lookup_cancel(TUNNEL, c->id);
    return MIX_OK;
}

static int lookup_record(const mix_wasm_call *c) {
    const mix_tunnel_event *ev = &mix_wasm.event;
    if (ev->kind != MIX_TUNNEL_EVENT_DNS || c->number < 0 || (size_t)c->number >= ev->dns->count)
        return MIX_DONE;
    const mix_record *record = &ev->dns->records[c->number];
    const char *type = mix_record_type_name(record->type);
    OUT.what = record->type;
    OUT.ttl = record->ttl;
    OUT.text = mix_wasm_offset(record->text);
    OUT.more = mix_wasm_offset(type ? type : "");
    return MIX_OK;
}

static int record_type(const mix_wasm_call *c) {
    char *name = NULL;
    int status = text_of(c, &name, MIX_ERR_ARGUMENT);
    OUT.number = status == MIX_OK ? mix_record_type(name) : 0;
    free(name);
    return status;
}

/* ---- WebSockets ---- */

static int websocket(const mix_wasm_call *c) {
    const char *in = (const char *)c->data;
    mix_header *headers = NULL;
    mix_websocket_options options;
    uint32_t id = 0;
    if (mix_settings_len(in, c->len) != c->len)
        return MIX_ERR_ARGUMENT;
    const char **protocols = calloc(mix_settings_count(in, "protocol") + 1, sizeof *protocols);
    int status = protocols ? make_headers(in, &headers) : MIX_ERR_MEMORY;
    if (status == MIX_OK)
        status = mix_settings_websocket(&options, headers, protocols, in);
    if (status == MIX_OK)
        status = mix_tunnel_websocket(TUNNEL, &id, &options, c->now);
    free(headers);
    free(protocols);
    OUT.id = id;
    return status;
}

static int websocket_text(const mix_wasm_call *c) {
    return mix_tunnel_websocket_write(TUNNEL, c->id, true, c->data, c->len, c->now);
}

static int websocket_binary(const mix_wasm_call *c) {
    return mix_tunnel_websocket_write(TUNNEL, c->id, false, c->data, c->len, c->now);
}

static int websocket_close(const mix_wasm_call *c) {
    char *reason = NULL;
    int status = text_of(c, &reason, MIX_ERR_WEBSOCKET_REASON);
    if (status == MIX_OK)
        status = mix_tunnel_websocket_close(TUNNEL, c->id, (unsigned)c->number, c->len > 0 ? reason : NULL, c->now);
    free(reason);
    return status;
}

static int websocket_drop(const mix_wasm_call *c) {
    mix_tunnel_websocket_drop(TUNNEL, c->id, c->now);
    return MIX_OK;
}

/* ---- the table ---- */

typedef int (*command)(const mix_wasm_call *c);
static const struct {
    command run;
    bool without_tunnel;
} commands[] = {
    [MIX_WASM_COMMAND_START] = {start, false},
    [MIX_WASM_COMMAND_STOP] = {stop, false},
    [MIX_WASM_COMMAND_FREE] = {end, true},
    [MIX_WASM_COMMAND_NUDGE] = {nudge, false},
    [MIX_WASM_COMMAND_LOG_LEVEL] = {log_level, true},
    [MIX_WASM_COMMAND_REHEARSE] = {rehearse, false},
    [MIX_WASM_COMMAND_STATS] = {stats, false},
    [MIX_WASM_COMMAND_ANSWER] = {answer, false},
    [MIX_WASM_COMMAND_ANSWER_END] = {answer_end, false},
    [MIX_WASM_COMMAND_ANSWER_FAILED] = {answer_failed, false},
    [MIX_WASM_COMMAND_LINK_OPENED] = {link_opened, false},
    [MIX_WASM_COMMAND_LINK_TEXT_CAME] = {link_text_came, false},
    [MIX_WASM_COMMAND_LINK_BINARY_CAME] = {link_binary_came, false},
    [MIX_WASM_COMMAND_LINK_CLOSED] = {link_closed, false},
    [MIX_WASM_COMMAND_FETCH] = {fetch, false},
    [MIX_WASM_COMMAND_FETCH_WRITE] = {fetch_write, false},
    [MIX_WASM_COMMAND_FETCH_END] = {fetch_end, false},
    [MIX_WASM_COMMAND_FETCH_READ] = {fetch_read, false},
    [MIX_WASM_COMMAND_FETCH_CLOSE] = {fetch_close, false},
    [MIX_WASM_COMMAND_FETCH_RESPONSE] = {fetch_response, false},
    [MIX_WASM_COMMAND_FETCH_HEADER] = {fetch_header, false},
    [MIX_WASM_COMMAND_FETCH_TIMING] = {fetch_timing, false},
    [MIX_WASM_COMMAND_LOOKUP] = {lookup, false},
    [MIX_WASM_COMMAND_LOOKUP_CANCEL] = {lookup_cancel, false},
    [MIX_WASM_COMMAND_LOOKUP_RECORD] = {lookup_record, false},
    [MIX_WASM_COMMAND_RECORD_TYPE] = {record_type, true},
    [MIX_WASM_COMMAND_WEBSOCKET] = {websocket, false},
    [MIX_WASM_COMMAND_WEBSOCKET_TEXT] = {websocket_text, false},
    [MIX_WASM_COMMAND_WEBSOCKET_BINARY] = {websocket_binary, false},
    [MIX_WASM_COMMAND_WEBSOCKET_CLOSE] = {websocket_close, false},
    [MIX_WASM_COMMAND_WEBSOCKET_DROP] = {websocket_drop, false},
};

int mix_wasm_do(int what, const mix_wasm_call *call) {
    if (what < 0 || (size_t)what >= sizeof commands / sizeof *commands || !commands[what].run)
        return MIX_ERR_ARGUMENT;
    if (!TUNNEL && !commands[what].without_tunnel)
        return MIX_ERR_STATE;
    if (what != MIX_WASM_COMMAND_LOOKUP_RECORD)
        mix_wasm.event.kind = 0; /* its bytes go with the next call on the tunnel */
    return commands[what].run(call);
}
