/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake (RFC 6455 §4): the request that a client sends, and whether the answer is
 * what it asked for. */
#include "websocket/wire.h"

#include "base/text.h"
#include "crypto/crypto.h"
#include "mix/errors.h"

/* --- characters (RFC 9110 §5) --- */

static bool is_alnum(uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_token(mix_bytes b) {
    for (size_t i = 0; i < b.len; i++)
        if (!is_alnum(b.data[i]) && (b.data[i] == 0 || !strchr("!#$%&'*+-.^_`|~", b.data[i])))
            return false;
    return b.len > 0;
}

/* No control characters but the tab; bytes above ASCII are let through. */
static bool is_value(mix_bytes b) {
    for (size_t i = 0; i < b.len; i++)
        if ((b.data[i] < ' ' && b.data[i] != '\t') || b.data[i] == 0x7f)
            return false;
    return true;
}

/* Visible ASCII, without the characters of `except`. */
static bool is_visible(mix_bytes b, const char *except) {
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] <= ' ' || b.data[i] >= 0x7f || strchr(except, b.data[i]))
            return false;
    return b.len > 0;
}

static mix_bytes trim(mix_bytes b) {
    while (b.len > 0 && (b.data[0] == ' ' || b.data[0] == '\t'))
        b = mix_bytes_slice(b, 1, b.len);
    while (b.len > 0 && (b.data[b.len - 1] == ' ' || b.data[b.len - 1] == '\t'))
        b.len--;
    return b;
}

/* Takes the text in front of the next `mark` off *in, and the mark; all of it when there is none.
 * False when *in is at its end. */
static bool take_until(mix_bytes *out, mix_bytes *in, char mark) {
    if (in->len == 0)
        return false;
    const uint8_t *end = memchr(in->data, mark, in->len);
    *out = mix_bytes_slice(*in, 0, end ? (size_t)(end - in->data) : in->len);
    *in = mix_bytes_slice(*in, out->len + 1, in->len);
    return true;
}

/* --- the request --- */

static const char *const OURS[] = {"Host",   "Connection",     "Upgrade",
                                   "Origin", "Content-Length", "Transfer-Encoding"};

static bool header_allowed(const mix_websocket_header *h) {
    for (size_t i = 0; i < sizeof OURS / sizeof *OURS; i++)
        if (mix_text_same(h->name, OURS[i]))
            return false;
    if (h->name.len >= 14 && mix_text_same(mix_bytes_slice(h->name, 0, 14), "Sec-WebSocket-"))
        return false;
    return is_token(h->name) && is_value(h->value);
}

static int check_request(const mix_websocket_request *q) {
    if (!is_visible(q->host, "/?#@\\"))
        return MIX_ERR_WEBSOCKET_HOST;
    if (q->target.len > 0 && (q->target.data[0] != '/' || !is_visible(q->target, "#")))
        return MIX_ERR_WEBSOCKET_TARGET;
    if (q->origin.len > 0 && !is_visible(q->origin, ""))
        return MIX_ERR_WEBSOCKET_HEADER;
    for (size_t i = 0; i < q->protocol_count; i++) {
        if (!is_token(q->protocols[i]))
            return MIX_ERR_WEBSOCKET_PROTOCOLS;
        for (size_t k = 0; k < i; k++)
            if (mix_bytes_equal(q->protocols[i], q->protocols[k]))
                return MIX_ERR_WEBSOCKET_PROTOCOLS;
    }
    for (size_t i = 0; i < q->header_count; i++)
        if (!header_allowed(&q->headers[i]))
            return MIX_ERR_WEBSOCKET_HEADER;
    return MIX_OK;
}

static void put_header(mix_buf *out, mix_bytes name, mix_bytes value) {
    mix_buf_put_bytes(out, name);
    mix_buf_put_str(out, ": ");
    mix_buf_put_bytes(out, value);
    mix_buf_put_str(out, "\r\n");
}

int mix_websocket_request_encode(mix_buf *out, const mix_websocket_request *q,
                                 const uint8_t key[static MIX_WEBSOCKET_KEY_LEN]) {
    size_t mark = out->len;
    int status = check_request(q);
    if (status != MIX_OK)
        return status;
    mix_buf_put_str(out, "GET ");
    mix_buf_put_bytes(out, q->target.len > 0 ? q->target : mix_bytes_str("/"));
    mix_buf_put_str(out, " HTTP/1.1\r\n");
    put_header(out, mix_bytes_str("Host"), q->host);
    put_header(out, mix_bytes_str("Upgrade"), mix_bytes_str("websocket"));
    put_header(out, mix_bytes_str("Connection"), mix_bytes_str("Upgrade"));
    put_header(out, mix_bytes_str("Sec-WebSocket-Key"), mix_bytes_of(key, MIX_WEBSOCKET_KEY_LEN));
    if (q->origin.len > 0)
        put_header(out, mix_bytes_str("Origin"), q->origin);
    for (size_t i = 0; i < q->protocol_count; i++) {
        mix_buf_put_str(out, i == 0 ? "Sec-WebSocket-Protocol: " : ", ");
        mix_buf_put_bytes(out, q->protocols[i]);
    }
    mix_buf_put_str(out, q->protocol_count > 0 ? "\r\n" : "");
    put_header(out, mix_bytes_str("Sec-WebSocket-Version"), mix_bytes_str("13"));
    for (size_t i = 0; i < q->header_count; i++)
        put_header(out, q->headers[i].name, q->headers[i].value);
    mix_buf_put_str(out, "\r\n");
    status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

void mix_websocket_accept(uint8_t out[static MIX_WEBSOCKET_ACCEPT_LEN],
                          const uint8_t key[static MIX_WEBSOCKET_KEY_LEN]) {
    static const char salt[] =
        "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* §1.3: a value that nothing else uses */
    uint8_t text[MIX_WEBSOCKET_KEY_LEN + sizeof salt - 1], digest[MIX_SHA1_LEN];
    memcpy(text, key, MIX_WEBSOCKET_KEY_LEN);
    memcpy(text + MIX_WEBSOCKET_KEY_LEN, salt, sizeof salt - 1);
    mix_sha1(digest, MIX_BYTES(text));
    mix_buf b = mix_buf_fixed(out, MIX_WEBSOCKET_ACCEPT_LEN);
    (void)mix_base64_encode(&b, MIX_BYTES(digest)); /* 20 bytes fill 28 characters */
}

/* --- the answer --- */

/* The next line without its CR LF; false at the end, or when a line ends otherwise. */
static bool take_line(mix_bytes *out, mix_bytes *in) {
    if (!take_until(out, in, '\n') || out->len == 0 || out->data[out->len - 1] != '\r')
        return false;
    out->len--;
    return true;
}

bool mix_websocket_header_next(mix_websocket_header *out, mix_bytes *headers) {
    mix_bytes line;
    if (!take_line(&line, headers) || line.len == 0)
        return false;
    if (!take_until(&out->name, &line, ':'))
        return false;
    out->value = trim(line);
    return true;
}

/* "HTTP/1.1 101 Switching Protocols"; the phrase may be missing. */
static bool decode_status_line(mix_websocket_answer *a, mix_bytes line) {
    static const char version[] = "HTTP/1.";
    if (line.len < 12 || memcmp(line.data, version, 7) != 0 || line.data[7] < '1' ||
        line.data[7] > '9' || line.data[8] != ' ')
        return false;
    a->status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
        a->status = 10 * a->status + line.data[i] - '0';
    }
    if (a->status < 100 || (line.len > 12 && line.data[12] != ' '))
        return false;
    a->phrase = trim(mix_bytes_slice(line, 13, line.len));
    return is_value(a->phrase);
}

int mix_websocket_answer_decode(mix_websocket_answer *out, mix_bytes head, mix_error *e) {
    mix_websocket_answer a = {0};
    mix_bytes line, rest = head;
    if (!take_line(&line, &rest) || !decode_status_line(&a, line))
        return mix_error_note(e, MIX_ERR_WEBSOCKET_HEAD, "websocket", 0,
                              "the answer does not start with an HTTP/1.1 status line");
    a.headers = rest;
    for (int n = 1; rest.len > 0; n++) {
        mix_bytes name;
        bool whole = take_line(&line, &rest);
        if (whole && line.len == 0 && rest.len == 0)
            break;
        bool good = whole && memchr(line.data, ':', line.len) != NULL &&
                    take_until(&name, &line, ':') && is_token(name) && is_value(line);
        if (!good)
            return mix_error_note(e, MIX_ERR_WEBSOCKET_HEAD, "websocket", n,
                                  "line %d of the answer's headers is malformed", n);
    }
    *out = a;
    return MIX_OK;
}

/* The only header of that name; *count is how often it is there. */
static mix_bytes find(const mix_websocket_answer *a, const char *name, int *count) {
    mix_bytes headers = a->headers, value = {0};
    mix_websocket_header h;
    for (*count = 0; mix_websocket_header_next(&h, &headers);)
        if (mix_text_same(h.name, name)) {
            value = h.value;
            (*count)++;
        }
    return value;
}

/* Whether any header of that name has the word in its list, in whatever case. */
static bool lists(const mix_websocket_answer *a, const char *name, const char *word) {
    mix_bytes headers = a->headers, item;
    mix_websocket_header h;
    while (mix_websocket_header_next(&h, &headers))
        while (mix_text_same(h.name, name) && take_until(&item, &h.value, ','))
            if (mix_text_same(trim(item), word))
                return true;
    return false;
}

static int refused(const mix_websocket_answer *a, mix_error *e) {
    int count;
    mix_bytes to = find(a, "Location", &count);
    int phrase_len = a->phrase.len < 60 ? (int)a->phrase.len : 60,
        to_len = to.len < 80 ? (int)to.len : 80;
    bool redirect = a->status >= 300 && a->status < 400 && count > 0;
    return mix_error_note(
        e, MIX_ERR_WEBSOCKET_STATUS, "websocket", a->status, "the server answered %d%s%.*s%s%.*s",
        a->status, phrase_len > 0 ? " " : "", phrase_len,
        phrase_len > 0 ? (const char *)a->phrase.data : "", redirect ? " to " : "",
        redirect ? to_len : 0, redirect && to_len > 0 ? (const char *)to.data : "");
}

static int check_protocol(const mix_websocket_answer *a, mix_bytes offered, mix_bytes *protocol,
                          mix_error *e) {
    int count;
    mix_bytes chosen = find(a, "Sec-WebSocket-Protocol", &count), item;
    *protocol = (mix_bytes){0};
    if (count == 0 && offered.len == 0)
        return MIX_OK;
    if (count == 0) /* what the web's standard asks of clients; RFC 6455 leaves it open */
        return mix_error_note(e, MIX_ERR_WEBSOCKET_PROTOCOL, "websocket", 0,
                              "sub-protocols were offered, the server chose none");
    while (count == 1 && take_until(&item, &offered, ','))
        if (mix_bytes_equal(trim(item), chosen)) {
            *protocol = chosen;
            return MIX_OK;
        }
    return mix_error_note(e, MIX_ERR_WEBSOCKET_PROTOCOL, "websocket", count,
                          "the server chose sub-protocol '%.*s', which was not offered",
                          chosen.len < 60 ? (int)chosen.len : 60,
                          chosen.len > 0 ? (const char *)chosen.data : "");
}

int mix_websocket_answer_check(const mix_websocket_answer *a, mix_bytes offered,
                               const uint8_t key[static MIX_WEBSOCKET_KEY_LEN], mix_bytes *protocol,
                               mix_error *e) {
    uint8_t want[MIX_WEBSOCKET_ACCEPT_LEN];
    int count;
    if (a->status != 101) /* §4.1, 1. */
        return refused(a, e);
    mix_bytes upgrade = find(a, "Upgrade", &count);
    if (count != 1 || !mix_text_same(upgrade, "websocket")) /* 2. */
        return mix_error_note(e, MIX_ERR_WEBSOCKET_UPGRADE, "websocket", 0,
                              "the answer has no header 'Upgrade: websocket'");
    if (!lists(a, "Connection", "upgrade")) /* 3. */
        return mix_error_note(e, MIX_ERR_WEBSOCKET_UPGRADE, "websocket", 0,
                              "the answer has no header 'Connection: Upgrade'");
    mix_bytes accept = find(a, "Sec-WebSocket-Accept", &count);
    mix_websocket_accept(want, key);
    if (count != 1 || !mix_bytes_equal(accept, MIX_BYTES(want))) /* 4. */
        return mix_error_note(e, MIX_ERR_WEBSOCKET_ACCEPT, "websocket", count,
                              "the answer's Sec-WebSocket-Accept is %s",
                              count == 0  ? "missing"
                              : count > 1 ? "there more than once"
                                          : "not the one that belongs to our key");
    mix_bytes extension = find(a, "Sec-WebSocket-Extensions", &count);
    if (count > 0) /* 5.: none was offered */
        return mix_error_note(e, MIX_ERR_WEBSOCKET_EXTENSION, "websocket", 0,
                              "the server uses extension '%.*s', which was not offered",
                              extension.len < 60 ? (int)extension.len : 60,
                              extension.len > 0 ? (const char *)extension.data : "");
    return check_protocol(a, offered, protocol, e); /* 6. */
}
