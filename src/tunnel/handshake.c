/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "tunnel/handshake.h"

#include "base/alloc.h"
#include "base/text.h"
#include "http/http.h"

/* ---- the URL ---- */

static bool has_scheme(const char *url, const char *scheme) {
    for (; *scheme; url++, scheme++)
        if ((*url | 32) != *scheme)
            return false;
    return *url == ':';
}

/* ws is http and wss is https (RFC 6455 §3); a fragment means nothing here and is refused. */
static int read_url(mix_buf *out, const char *url) {
    mix_buf text = {0};
    if (strchr(url, '#'))
        return MIX_ERR_HTTP_URL;
    bool plain = has_scheme(url, "ws"), secure = has_scheme(url, "wss");
    mix_buf_put_str(&text, plain ? "http" : secure ? "https" : "");
    mix_buf_put_str(&text, url + (plain ? 2 : secure ? 3 : 0));
    mix_buf_put_u8(&text, 0);
    int status = mix_buf_status(&text);
    if (status == MIX_OK)
        status = mix_http_join(out, (const char *)text.data, (const char *)text.data);
    mix_buf_deinit_wiped(&text); /* it may hold a password */
    mix_buf_put_u8(out, 0);
    return status == MIX_OK ? mix_buf_status(out) : status;
}

/* What is not %XX stays as it is. */
static void put_decoded(mix_buf *out, mix_bytes in) {
    for (size_t i = 0; i < in.len; i++) {
        uint8_t octet = in.data[i];
        mix_buf decoded = mix_buf_fixed(&octet, 1);
        if (octet == '%' && i + 2 < in.len &&
            mix_hex_decode(&decoded, mix_bytes_slice(in, i + 1, 2)) == MIX_OK)
            i += 2;
        mix_buf_put_u8(out, octet);
    }
}

/* RFC 7617. */
static int authorize(mix_buf *out, mix_bytes user_info) {
    mix_buf plain = {0};
    put_decoded(&plain, user_info);
    if (user_info.len > 0 && !memchr(user_info.data, ':', user_info.len))
        mix_buf_put_u8(&plain, ':');
    mix_buf_put_str(out, "Basic ");
    int status = mix_buf_status(&plain);
    if (status == MIX_OK)
        status = mix_base64_encode(out, mix_buf_bytes(&plain));
    mix_buf_deinit_wiped(&plain);
    return status == MIX_OK ? mix_buf_status(out) : status;
}

static bool ends_with(mix_bytes b, const char *end) {
    size_t n = strlen(end);
    return b.len >= n && memcmp(b.data + b.len - n, end, n) == 0;
}

/* The normal form is scheme://[user@]host[:port]/path. */
static int split_url(mix_handshake *h) {
    const char *url = (const char *)h->url.data;
    bool secure = has_scheme(url, "https");
    const char *start = strstr(url, "://"), *slash = start ? strchr(start + 3, '/') : NULL;
    if (!slash)
        return MIX_ERR_HTTP_URL;
    mix_bytes host = mix_bytes_of(start + 3, (size_t)(slash - start - 3));
    int status = MIX_OK;
    for (size_t i = host.len; i-- > 0;)
        if (host.data[i] == '@') {
            status = authorize(&h->authorization, mix_bytes_slice(host, 0, i));
            host = mix_bytes_slice(host, i + 1, host.len);
            break;
        }
    const char *usual = secure ? ":443" : ":80";
    if (ends_with(host, usual)) /* an IPv6 number ends with a bracket */
        host.len -= strlen(usual);
    h->request.host = host;
    h->request.target = mix_bytes_str(slash);
    return host.len > 0 ? status : MIX_ERR_HTTP_URL;
}

/* ---- headers ---- */

static bool same(const char *a, const char *b) {
    return mix_text_same(mix_bytes_str(a), b);
}

static void add_header(mix_handshake *h, const char *name, mix_bytes value) {
    h->headers[h->request.header_count++] =
        (mix_websocket_header){.name = mix_bytes_str(name), .value = value};
}

static void add_headers(mix_handshake *h, const mix_websocket_options *o, const char *user_agent) {
    bool agent = *user_agent != 0, authorized = h->authorization.len == 0;
    for (size_t i = 0; i < o->header_count; i++) {
        const mix_header *in = &o->headers[i];
        agent &= !same(in->name, "user-agent");
        authorized |= same(in->name, "authorization");
        if (same(in->name, "origin") && h->request.origin.len == 0 && *in->value)
            h->request.origin = mix_bytes_str(in->value);
        else
            add_header(h, in->name, mix_bytes_str(in->value));
    }
    if (agent)
        add_header(h, "User-Agent", mix_bytes_str(user_agent));
    if (!authorized)
        add_header(h, "Authorization", mix_buf_bytes(&h->authorization));
    h->request.headers = h->headers;
}

int mix_handshake_make(mix_handshake *h, const mix_websocket_options *o, const char *user_agent) {
    int status = read_url(&h->url, o->url);
    if (status == MIX_OK)
        status = split_url(h);
    if (status != MIX_OK)
        return status;
    h->headers = mix_alloc_zero(o->header_count + 2, sizeof *h->headers);
    h->protocols = mix_alloc_zero(o->protocol_count + 1, sizeof *h->protocols);
    if (!h->headers || !h->protocols)
        return MIX_ERR_MEMORY;
    add_headers(h, o, user_agent);
    for (size_t i = 0; i < o->protocol_count; i++)
        h->protocols[i] = mix_bytes_str(o->protocols[i]);
    h->request.protocols = h->protocols;
    h->request.protocol_count = o->protocol_count;
    return MIX_OK;
}

void mix_handshake_deinit(mix_handshake *h) {
    mix_buf_deinit_wiped(&h->url);
    mix_buf_deinit_wiped(&h->authorization);
    mix_free(h->headers);
    mix_free(h->protocols);
}
