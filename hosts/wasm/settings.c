/* SPDX-License-Identifier: Apache-2.0 */
/* Settings into the structs of the public API, by tables of names. A header is two pairs, "header"
 * with its name and "value". */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

typedef enum kind { TEXT, FLAG, MILLISECONDS, INTEGER, LONG, LENGTH, LIST, HEADER, VALUE } kind;

typedef struct row {
    const char *name;
    kind kind;
    size_t at;    /* of the member, or of the list's pointer */
    size_t count; /* LIST: of its count; the list's storage is const */
} row;

/* The value behind a text, which is a value behind its name. */
static const char *after(const char *text) {
    return text + strlen(text) + 1;
}

/* Where the text that starts at at ends, its zero included; 0: it does not end. */
static size_t text_end(const char *in, size_t len, size_t at) {
    const char *end = at < len ? memchr(in + at, 0, len - at) : NULL;
    return end ? (size_t)(end - in) + 1 : 0;
}

size_t mix_settings_len(const char *in, size_t len) {
    size_t at = 0;
    while (at < len && in[at]) {
        at = text_end(in, len, at);
        at = at ? text_end(in, len, at) : 0;
        if (at == 0)
            return 0;
    }
    return at < len ? at + 1 : 0;
}

size_t mix_settings_count(const char *in, const char *name) {
    size_t count = 0;
    for (; *in; in = after(after(in)))
        count += strcmp(in, name) == 0;
    return count;
}

static const row *find(const row *rows, const char *name) {
    while (rows->name && strcmp(rows->name, name) != 0)
        rows++;
    return rows->name ? rows : NULL;
}

/* Puts one pair into out; lists and headers are the caller's. */
static void put(void *out, const row *r, const char *value) {
    char *member = (char *)out + r->at;
    long long number = strtoll(value, NULL, 10);
    switch (r->kind) {
    case TEXT:
        *(const char **)(void *)member = value;
        break;
    case FLAG:
        *(bool *)member = number != 0;
        break;
    case MILLISECONDS:
        *(mix_time *)(void *)member = number < 0 ? -1 : MIX_MS(number);
        break;
    case INTEGER:
        *(int *)(void *)member = (int)number;
        break;
    case LONG:
        *(long *)(void *)member = (long)number;
        break;
    case LENGTH:
        *(int64_t *)(void *)member = number;
        break;
    default:
        break;
    }
}

/* ---- the tunnel ---- */

#define AT(member) offsetof(mix_tunnel_settings, config.member)
static const row tunnel_rows[] = {
    {"directory", LIST, offsetof(mix_tunnel_settings, directories), AT(directory_count)},
    {"dns_server", LIST, offsetof(mix_tunnel_settings, dns_servers), AT(dns_server_count)},
    {"gateway", TEXT, AT(gateway), 0},
    {"exit", TEXT, AT(exit), 0},
    {"plain_gateway", FLAG, AT(plain_gateway), 0},
    {"pacing_off", FLAG, AT(pacing_off), 0},
    {"cover_off", FLAG, AT(cover_off), 0},
    {"copies_off", FLAG, AT(copies_off), 0},
    {"forget", FLAG, AT(forget), 0},
    {"exit_timeout", MILLISECONDS, AT(exit_timeout), 0},
    {"connect_timeout", MILLISECONDS, AT(connect_timeout), 0},
    {"setup_timeout", MILLISECONDS, AT(setup_timeout), 0},
    {"passphrase", TEXT, AT(passphrase), 0},
    {"doh_url", TEXT, AT(doh_url), 0},
    {"dns_timeout", MILLISECONDS, AT(dns_timeout), 0},
    {"stream_timeout", MILLISECONDS, AT(stream_timeout), 0},
    {"keepalive", MILLISECONDS, AT(keepalive), 0},
    {"max_redirects", INTEGER, AT(max_redirects), 0},
    {"per_host", LONG, AT(per_host), 0},
    {"user_agent", TEXT, AT(user_agent), 0},
    {"roots", TEXT, AT(roots), 0},
    {0},
};
#undef AT

int mix_settings_tunnel(mix_tunnel_settings *out, const char *in) {
    memset(out, 0, sizeof *out);
    for (; *in; in = after(after(in))) {
        const row *r = find(tunnel_rows, in);
        if (!r)
            return MIX_ERR_ARGUMENT;
        if (r->kind == LIST) {
            size_t *count = (size_t *)(void *)((char *)out + r->count);
            if (*count >= MIX_SETTINGS_LIST)
                return MIX_ERR_ARGUMENT;
            ((const char **)(void *)((char *)out + r->at))[(*count)++] = after(in);
        } else {
            put(out, r, after(in));
        }
    }
    out->config.directories = out->directories;
    out->config.dns_servers = out->dns_servers;
    out->config.roots_len = out->config.roots ? strlen(out->config.roots) : 0;
    return MIX_OK;
}

/* ---- requests and WebSockets ---- */

static const row request_rows[] = {
    {"method", TEXT, offsetof(mix_request, method), 0},
    {"url", TEXT, offsetof(mix_request, url), 0},
    {"streams", FLAG, offsetof(mix_request, streams), 0},
    {"stream_length", LENGTH, offsetof(mix_request, stream_length), 0},
    {"redirect", INTEGER, offsetof(mix_request, redirect), 0},
    {"max_redirects", INTEGER, offsetof(mix_request, max_redirects), 0},
    {"timeout", MILLISECONDS, offsetof(mix_request, timeout), 0},
    {"header", HEADER, 0, 0},
    {"value", VALUE, 0, 0},
    {0},
};
_Static_assert(sizeof(mix_redirect) == sizeof(int), "redirect is set as an int");

/* Adds what a HEADER or VALUE pair says; false: a value without a name. */
static bool put_header(mix_header *headers, size_t *count, kind kind, const char *text) {
    if (kind == HEADER)
        headers[(*count)++] = (mix_header){.name = text, .value = ""};
    else if (*count == 0)
        return false;
    else
        headers[*count - 1].value = text;
    return true;
}

int mix_settings_request(mix_request *out, mix_header *headers, const char *in) {
    *out = (mix_request){.headers = headers, .stream_length = -1};
    for (; *in; in = after(after(in))) {
        const row *r = find(request_rows, in);
        if (!r)
            return MIX_ERR_ARGUMENT;
        if (r->kind != HEADER && r->kind != VALUE)
            put(out, r, after(in));
        else if (!put_header(headers, &out->header_count, r->kind, after(in)))
            return MIX_ERR_ARGUMENT;
    }
    return MIX_OK;
}

static const row websocket_rows[] = {
    {"url", TEXT, offsetof(mix_websocket_options, url), 0},
    {"protocol", LIST, 0, 0},
    {"open_timeout", MILLISECONDS, offsetof(mix_websocket_options, open_timeout), 0},
    {"header", HEADER, 0, 0},
    {"value", VALUE, 0, 0},
    {0},
};

int mix_settings_websocket(mix_websocket_options *out, mix_header *headers, const char **protocols,
                           const char *in) {
    *out = (mix_websocket_options){.headers = headers, .protocols = protocols};
    for (; *in; in = after(after(in))) {
        const row *r = find(websocket_rows, in);
        if (!r)
            return MIX_ERR_ARGUMENT;
        if (r->kind == LIST)
            protocols[out->protocol_count++] = after(in);
        else if (r->kind != HEADER && r->kind != VALUE)
            put(out, r, after(in));
        else if (!put_header(headers, &out->header_count, r->kind, after(in)))
            return MIX_ERR_ARGUMENT;
    }
    return MIX_OK;
}
