/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of HTTP/1 messages, read and written anew. */
#include "proxy/http_head.h"

#include "base/address.h"
#include "base/text.h"
#include "mix/errors.h"
#include "proxy/http_text.h"

#include <stdio.h>

enum { FIELDS_MOST = 256 };
#define LENGTH_MOST ((uint64_t)1 << 60)

int http_head_end(mix_bytes in, size_t *looked, size_t *len) {
    size_t most = in.len < HTTP_HEAD_MOST ? in.len : HTTP_HEAD_MOST;
    while (*looked < most) {
        const uint8_t *end = memchr(in.data + *looked, '\n', most - *looked);
        if (!end) {
            *looked = most;
            break;
        }
        size_t at = (size_t)(end - in.data), next = at + 1;
        if (next < most && in.data[next] == '\r')
            next++;
        if (next >= most) { /* what follows the line's end decides */
            *looked = at;
            break;
        }
        if (in.data[next] == '\n') {
            *len = next + 1;
            return MIX_OK;
        }
        *looked = at + 1;
    }
    return in.len >= HTTP_HEAD_MOST ? MIX_ERR_LIMIT : MIX_DONE;
}

size_t http_blank(mix_bytes in) {
    size_t n = 0;
    while (n < in.len && (in.data[n] == '\r' || in.data[n] == '\n'))
        n++;
    return n;
}

/* ---- the request line ---- */

static int refuse(const char **why, int status, const char *words) {
    *why = words;
    return status;
}

static bool is_name(mix_bytes host) {
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            c != '-' && c != '.' && c != '_')
            return false;
    }
    return host.len > 0 && host.len < 256;
}

/* host, host:port, [number]:port; port 0 when none is there. */
static bool read_authority(http_request *out, mix_bytes text) {
    mix_bytes host;
    mix_address number;
    uint64_t port = 0;
    if (text.len > 0 && text.data[0] == '[') {
        text = mix_bytes_slice(text, 1, text.len);
        bool is_closed = text.len > 0 && memchr(text.data, ']', text.len) != NULL;
        host = http_cut(&text, ']');
        if (!is_closed || mix_ip_parse(&number, host) != MIX_OK || number.family != 6)
            return false;
        if (text.len > 0 && text.data[0] != ':')
            return false;
        text = mix_bytes_slice(text, 1, text.len);
    } else {
        host = http_cut(&text, ':');
        if (!is_name(host))
            return false;
    }
    if (text.len > 0 && (!http_number(text, UINT16_MAX, &port) || port == 0))
        return false;
    memcpy(out->host, host.data, host.len);
    out->host[host.len] = 0;
    out->port = (uint16_t)port;
    return true;
}

static int read_url(http_request *out, mix_bytes url, const char **why) {
    static const char http[] = "http://", https[] = "https://";
    if (http_is(mix_bytes_slice(url, 0, sizeof https - 1), https))
        return refuse(why, 501, "For https, use this proxy by CONNECT.");
    if (!http_is(mix_bytes_slice(url, 0, sizeof http - 1), http)) {
        if (url.len > 0 && (url.data[0] == '/' || url.data[0] == '*'))
            return refuse(why, 400, "This is a proxy, not a web server.");
        return refuse(why, 501, "This proxy passes on http only.");
    }
    mix_bytes rest = mix_bytes_slice(url, sizeof http - 1, url.len);
    size_t n = 0;
    while (n < rest.len && rest.data[n] != '/' && rest.data[n] != '?')
        n++;
    out->authority = mix_bytes_slice(rest, 0, n);
    out->path = mix_bytes_slice(rest, n, rest.len);
    if (!read_authority(out, out->authority))
        return refuse(why, 400, "The URL's host or port is malformed.");
    if (out->port == 0)
        out->port = 80;
    return 0;
}

static bool is_visible(mix_bytes text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] == 127 || text.data[i] == '#')
            return false;
    return text.len > 0;
}

static int read_version(mix_bytes text, int *minor) {
    if (text.len != 8 || memcmp(text.data, "HTTP/", 5) != 0 || text.data[6] != '.' ||
        text.data[5] < '0' || text.data[5] > '9' || text.data[7] < '0' || text.data[7] > '9')
        return 400;
    *minor = text.data[7] - '0';
    return text.data[5] == '1' ? 0 : 505;
}

static int read_request_line(http_request *out, mix_bytes line, const char **why) {
    out->method = http_cut(&line, ' ');
    mix_bytes target = http_cut(&line, ' ');
    int status = read_version(line, &out->minor);
    if (status == 505)
        return refuse(why, 505, "This proxy speaks HTTP/1.1 and HTTP/1.0.");
    if (status || !http_is_token(out->method) || !is_visible(target))
        return refuse(why, 400, "That is not an HTTP request.");
    out->connect = mix_bytes_equal(out->method, mix_bytes_str("CONNECT"));
    if (!out->connect)
        return read_url(out, target, why);
    out->authority = target;
    if (!read_authority(out, target) || out->port == 0)
        return refuse(why, 400, "CONNECT takes a host and a port.");
    return 0;
}

/* ---- fields ---- */

/* Whether a Connection field's list has this word. */
static bool nominates(mix_bytes list, mix_bytes word) {
    mix_bytes one;
    char text[64];
    if (word.len >= sizeof text)
        return false;
    memcpy(text, word.data, word.len);
    text[word.len] = 0;
    while (http_next_word(&list, &one))
        if (http_is(one, text))
            return true;
    return false;
}

static bool is_nominated(mix_bytes fields, mix_bytes name) {
    http_field f;
    bool bad = false;
    while (http_next_field(&fields, &f, &bad))
        if (http_is(f.name, "connection") && nominates(f.value, name))
            return true;
    return false;
}

/* Fields of this hop alone, and those that we write ourselves. */
static bool passes_on(mix_bytes fields, mix_bytes name) {
    static const char *const ours[] = {
        "connection",
        "proxy-connection",
        "keep-alive",
        "te",
        "upgrade",
        "proxy-authorization",
        "content-length",
        "proxy-authentication-info",
        "proxy-authenticate",
    };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (http_is(name, ours[i]))
            return false;
    return http_is(name, "transfer-encoding") || !is_nominated(fields, name);
}

static void write_fields(mix_buf *out, mix_bytes fields, bool without_host) {
    http_field f;
    bool bad = false;
    mix_bytes rest = fields;
    while (http_next_field(&rest, &f, &bad)) {
        if (!passes_on(fields, f.name) || (without_host && http_is(f.name, "host")))
            continue;
        mix_buf_put_bytes(out, f.name);
        mix_buf_put_str(out, ": ");
        mix_buf_put_bytes(out, f.value);
        mix_buf_put_str(out, "\r\n");
    }
}

static void write_end(mix_buf *out, bool has_length, uint64_t length, bool keep) {
    char line[64];
    snprintf(line, sizeof line, "Content-Length: %llu\r\n", (unsigned long long)length);
    if (has_length)
        mix_buf_put_str(out, line);
    mix_buf_put_str(out, keep ? "\r\n" : "Connection: close\r\n\r\n");
}

/* What fields say about the body and the connection. */
typedef struct nature {
    size_t fields, hosts;
    bool has_length, bad_length, has_coding, ends_chunked, closes;
    unsigned codings;
    uint64_t length;
    mix_bytes authorization;
} nature;

static void note_length(nature *n, mix_bytes list) {
    mix_bytes word;
    uint64_t length;
    if (list.len == 0)
        n->bad_length = true;
    while (http_next_word(&list, &word)) {
        if (!http_number(word, LENGTH_MOST, &length) || (n->has_length && n->length != length))
            n->bad_length = true;
        else
            n->length = length;
        n->has_length = true;
    }
}

static void note_codings(nature *n, mix_bytes list) {
    mix_bytes word;
    n->has_coding = true;
    while (http_next_word(&list, &word)) {
        n->codings++;
        n->ends_chunked = http_is(word, "chunked");
    }
}

/* False: a line is malformed. */
static bool read_fields(nature *n, mix_bytes fields) {
    http_field f;
    bool bad = false;
    *n = (nature){0};
    while (http_next_field(&fields, &f, &bad)) {
        n->fields++;
        if (http_is(f.name, "host"))
            n->hosts++;
        else if (http_is(f.name, "content-length"))
            note_length(n, f.value);
        else if (http_is(f.name, "transfer-encoding"))
            note_codings(n, f.value);
        else if (http_is(f.name, "proxy-authorization"))
            n->authorization = f.value;
        else if (http_is(f.name, "connection") || http_is(f.name, "proxy-connection"))
            n->closes |= nominates(f.value, mix_bytes_str("close"));
    }
    return !bad;
}

/* ---- requests ---- */

static int frame_request(http_request *out, const nature *n, const char **why) {
    if (n->has_coding && out->minor == 0)
        return refuse(why, 400, "HTTP/1.0 has no Transfer-Encoding.");
    if (n->bad_length || (n->has_coding && n->has_length))
        return refuse(why, 400, "The length of the request's body is ambiguous.");
    if (n->has_coding && (n->codings != 1 || !n->ends_chunked))
        return refuse(why, 501, "The only Transfer-Encoding of requests is chunked.");
    out->framing = n->has_coding ? HTTP_CHUNKED : n->has_length ? HTTP_LENGTH : HTTP_NO_BODY;
    out->length = n->length;
    return 0;
}

int http_request_read(http_request *out, mix_bytes head, const char **why) {
    nature n;
    *out = (http_request){0};
    mix_bytes rest = head;
    int status = read_request_line(out, http_next_line(&rest), why);
    if (status)
        return status;
    out->fields = rest;
    if (!read_fields(&n, rest))
        return refuse(why, 400, "A line of the request's head is malformed.");
    if (n.fields > FIELDS_MOST)
        return refuse(why, 431, "The request's head has too many lines.");
    if (n.hosts > 1)
        return refuse(why, 400, "The request has more than one Host.");
    out->authorization = n.authorization;
    if (!out->connect && (status = frame_request(out, &n, why)) != 0)
        return status;
    out->keep = out->minor > 0 && !n.closes;
    out->repeatable =
        out->framing == HTTP_NO_BODY && (mix_bytes_equal(out->method, mix_bytes_str("GET")) ||
                                         mix_bytes_equal(out->method, mix_bytes_str("HEAD")) ||
                                         mix_bytes_equal(out->method, mix_bytes_str("OPTIONS")));
    return 0;
}

void http_request_write(mix_buf *out, const http_request *r, bool keep) {
    bool asks_server = r->path.len == 0 && mix_bytes_equal(r->method, mix_bytes_str("OPTIONS"));
    mix_buf_put_bytes(out, r->method);
    mix_buf_put_str(out, " ");
    if (r->path.len == 0 || r->path.data[0] == '?')
        mix_buf_put_str(out, asks_server ? "*" : "/"); /* RFC 9112, section 3.2.4 */
    mix_buf_put_bytes(out, r->path);
    mix_buf_put_str(out, r->minor == 0 ? " HTTP/1.0\r\nHost: " : " HTTP/1.1\r\nHost: ");
    mix_buf_put_bytes(out, r->authority);
    mix_buf_put_str(out, "\r\n");
    write_fields(out, r->fields, true);
    write_end(out, r->framing == HTTP_LENGTH, r->length, keep);
}

/* ---- answers ---- */

int http_answer_read(http_answer *out, mix_bytes head, const http_request *asked) {
    nature n;
    uint64_t status = 0;
    *out = (http_answer){0};
    mix_bytes line = http_next_line(&head);
    mix_bytes version = http_cut(&line, ' '), number = http_cut(&line, ' ');
    if (read_version(version, &out->minor) != 0 || number.len != 3 ||
        !http_number(number, 999, &status) || status < 100 || status == 101)
        return MIX_ERR_ARGUMENT;
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] < 32 && line.data[i] != '\t')
            return MIX_ERR_ARGUMENT;
    if (!read_fields(&n, head) || n.bad_length || n.fields > FIELDS_MOST)
        return MIX_ERR_ARGUMENT;
    out->status = (int)status;
    out->reason = line;
    out->fields = head;
    out->has_length = n.has_length && !n.has_coding && status >= 200 && status != 204;
    out->length = n.length;
    if (status < 200 || status == 204 || status == 304 ||
        mix_bytes_equal(asked->method, mix_bytes_str("HEAD")))
        out->framing = HTTP_NO_BODY;
    else if (n.has_coding)
        out->framing = n.ends_chunked ? HTTP_CHUNKED : HTTP_UNTIL_END;
    else
        out->framing = n.has_length ? HTTP_LENGTH : HTTP_UNTIL_END;
    if (out->framing == HTTP_CHUNKED && asked->minor == 0)
        return MIX_ERR_ARGUMENT; /* the client could not read it */
    out->keep = out->minor > 0 && !n.closes && out->framing != HTTP_UNTIL_END &&
                !(n.has_coding && n.has_length);
    return MIX_OK;
}

void http_answer_write(mix_buf *out, const http_answer *a, bool keep) {
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %03d ", a->status);
    mix_buf_put_str(out, line);
    mix_buf_put_bytes(out, a->reason);
    mix_buf_put_str(out, "\r\n");
    write_fields(out, a->fields, false);
    write_end(out, a->has_length, a->length, keep || a->status < 200);
}

bool http_basic(mix_buf *out, mix_bytes authorization) {
    mix_bytes scheme = http_cut(&authorization, ' ');
    return http_is(scheme, "basic") && mix_base64_decode(out, http_trim(authorization)) == MIX_OK;
}
