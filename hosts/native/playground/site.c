/* SPDX-License-Identifier: Apache-2.0 */
/* What the site has: a table of paths. */
#include "playground/site.h"

#include "mix/errors.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static const char front[] =
    "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>A site behind the "
    "exit</title></head>\n"
    "<body>\n<h1>It works.</h1>\n"
    "<p>This page went from a site on your machine to the exit, through three mixes and a "
    "gateway,\n"
    "one 2 KB packet at a time, and nobody on the way could read both who asked and what for.</p>\n"
    "<ul>\n<li>/bytes?n=100000: so many bytes</li>\n<li>/echo: what you send</li>\n"
    "<li>/you: what this site sees of you</li>\n<li>/image.svg: a picture</li>\n"
    "<li>/redirect: leads to /you</li>\n<li>ws /ws: an echo</li>\n</ul>\n</body>\n</html>\n";

static const char image[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 240 120\" "
                            "width=\"480\" height=\"240\">"
                            "<rect width=\"240\" height=\"120\" rx=\"12\" fill=\"#10262b\"/>"
                            "<g fill=\"none\" stroke=\"#4fb3a5\" stroke-width=\"1.5\">"
                            "<path d=\"M20 60 60 30 110 82 160 40 220 60M20 60 60 90 110 40 160 82 "
                            "220 60M20 60 60 60 110 60 160 60 220 60\"/></g>"
                            "<g fill=\"#ffd479\"><circle cx=\"60\" cy=\"30\" r=\"6\"/><circle "
                            "cx=\"110\" cy=\"82\" r=\"6\"/>"
                            "<circle cx=\"160\" cy=\"40\" r=\"6\"/></g><g fill=\"#e8f3f1\"><circle "
                            "cx=\"20\" cy=\"60\" r=\"8\"/>"
                            "<circle cx=\"220\" cy=\"60\" r=\"8\"/></g></svg>";

/* SplitMix64 of the position: any part can be made by itself. */
static uint64_t word(uint64_t i) {
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void site_pattern(uint8_t *out, uint64_t at, size_t len) {
    for (size_t i = 0; i < len; i++, at++)
        out[i] = (uint8_t)(word(at / 8) >> (at % 8 * 8));
}

bool site_type_is_fine(const char *type) {
    for (const char *c = type; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("/+-.;= ", *c))
            return false;
    }
    return type[0] != 0 && strlen(type) < sizeof((site_answer *)0)->own_type;
}

static int text(site_answer *out, int status, const char *type, const char *content) {
    out->status = status;
    out->type = type;
    out->body = mix_bytes_str(content);
    return MIX_OK;
}

static int get_front(site_answer *out, const site_request *q) {
    (void)q;
    return text(out, 200, "text/html; charset=utf-8", front);
}

static int get_image(site_answer *out, const site_request *q) {
    (void)q;
    return text(out, 200, "image/svg+xml", image);
}

static int get_redirect(site_answer *out, const site_request *q) {
    (void)q;
    out->location = "/you";
    return text(out, 302, "text/plain", "see /you\n");
}

static int get_bytes(site_answer *out, const site_request *q) {
    const char *n = strncmp(q->query, "n=", 2) == 0 ? q->query + 2 : "";
    char *end = NULL;
    unsigned long long count = isdigit((unsigned char)n[0]) ? strtoull(n, &end, 10) : 0;
    if (!end || *end || count > SITE_BYTES_MAX)
        return text(out, 400, "text/plain", "ask for /bytes?n=COUNT, at most 67108864\n");
    out->status = 200;
    out->type = "application/octet-stream";
    out->pattern = count;
    return MIX_OK;
}

static int echo(site_answer *out, const site_request *q) {
    out->status = 200;
    out->type = "text/plain";
    if (site_type_is_fine(q->type)) {
        snprintf(out->own_type, sizeof out->own_type, "%s", q->type);
        out->type = out->own_type;
    }
    mix_buf_put_bytes(&out->own, q->body);
    out->body = mix_buf_bytes(&out->own);
    return mix_buf_status(&out->own);
}

static bool put_headers(yyjson_mut_doc *doc, yyjson_mut_val *o, mix_bytes lines) {
    const char *at = (const char *)lines.data, *end = at + lines.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *colon = stop ? memchr(at, ':', (size_t)(stop - at)) : NULL;
        if (!stop)
            return true;
        if (colon && stop - colon > 1) {
            yyjson_mut_val *name = yyjson_mut_strn(doc, at, (size_t)(colon - at));
            yyjson_mut_val *value = yyjson_mut_strn(doc, colon + 2, (size_t)(stop - colon - 2));
            if (!yyjson_mut_obj_add(o, name, value))
                return false;
        }
        at = stop + 1;
    }
    return true;
}

static int get_you(site_answer *out, const site_request *q) {
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *o = yyjson_mut_obj(doc), *headers = yyjson_mut_obj(doc);
    bool ok = o && headers && yyjson_mut_obj_add_str(doc, o, "from", q->from) &&
              yyjson_mut_obj_add_str(doc, o, "method", q->method) &&
              put_headers(doc, headers, q->headers) &&
              yyjson_mut_obj_add_val(doc, o, "headers", headers);
    size_t len = 0;
    char *json = NULL;
    if (ok) {
        yyjson_mut_doc_set_root(doc, o);
        json = yyjson_mut_write(
            doc, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_ALLOW_INVALID_UNICODE, &len);
    }
    mix_buf_put(&out->own, json ? json : "", len);
    free(json);
    yyjson_mut_doc_free(doc);
    out->status = 200;
    out->type = "application/json";
    out->body = mix_buf_bytes(&out->own);
    return len > 0 ? mix_buf_status(&out->own) : MIX_ERR_MEMORY;
}

static const struct {
    const char *path;
    int (*answer)(site_answer *out, const site_request *q);
} paths[] = {
    {"/", get_front},  {"/bytes", get_bytes},     {"/echo", echo},
    {"/you", get_you}, {"/image.svg", get_image}, {"/redirect", get_redirect},
};

int site_answer_to(site_answer *out, const site_request *q) {
    *out = (site_answer){0};
    if (strcmp(q->method, "OPTIONS") == 0)
        return text(out, 204, "text/plain", "");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (strcmp(q->path, paths[i].path) == 0)
            return paths[i].answer(out, q);
    }
    return text(out, 404, "text/plain", "there is nothing here; / lists what there is\n");
}
