/* SPDX-License-Identifier: Apache-2.0 */
/* Values with their path, and the writer. */
#include "directory/json.h"

#include "base/alloc.h"

#include <stdio.h>

static void *json_malloc(void *ctx, size_t size) {
    (void)ctx;
    return mix_alloc(size);
}
static void *json_realloc(void *ctx, void *p, size_t old_size, size_t size) {
    (void)ctx;
    (void)old_size;
    return mix_realloc(p, size);
}
static void json_free(void *ctx, void *p) {
    (void)ctx;
    mix_free(p);
}

/* Appends "data[3].mix_port" for the value; at most the buffer's room. */
static void path_of(mix_buf *out, const mix_json *at) {
    if (!at->up)
        return;
    path_of(out, at->up);
    if (at->key) {
        if (at->up->up)
            mix_buf_put_str(out, ".");
        mix_buf_put_str(out, at->key);
        return;
    }
    char index[24];
    snprintf(index, sizeof index, "[%zu]", at->index);
    mix_buf_put_str(out, index);
}

/* What is there, in a few words; bytes that could disturb a log line as '?'. */
static void found(char *out, size_t size, yyjson_val *value) {
    if (!value) {
        snprintf(out, size, "nothing");
    } else if (yyjson_is_str(value)) {
        size_t len = yyjson_get_len(value);
        int n = snprintf(out, size, "the text \"%.*s\"%s", (int)(len < 48 ? len : 48),
                         yyjson_get_str(value), len > 48 ? " …" : "");
        for (int i = 10; i < n && i < 10 + 48 && out[i]; i++) {
            if ((unsigned char)out[i] < ' ' || (unsigned char)out[i] > '~')
                out[i] = '?';
        }
    } else if (yyjson_is_uint(value)) {
        snprintf(out, size, "%llu", (unsigned long long)yyjson_get_uint(value));
    } else {
        snprintf(out, size, "%s",
                 yyjson_is_obj(value)     ? "an object"
                 : yyjson_is_arr(value)   ? "an array"
                 : yyjson_is_num(value)   ? "another number"
                 : yyjson_is_true(value)  ? "true"
                 : yyjson_is_false(value) ? "false"
                                          : "null");
    }
}

int mix_json_wrong(const mix_json *at, const char *expected) {
    mix_json_fault *f = at->fault;
    if (f->status != MIX_OK)
        return f->status;
    char path[96], what[96];
    mix_buf b = mix_buf_fixed(path, sizeof path - 1);
    path_of(&b, at);
    path[b.len] = 0;
    found(what, sizeof what, at->value);
    f->status = mix_error_note(f->error, MIX_ERR_DIRECTORY_MALFORMED, "directory", 0,
                               "%s: %s%sexpected %s, found %s", f->answer, path,
                               path[0] ? ": " : "", expected, what);
    return f->status;
}

int mix_json_parse(yyjson_doc **doc, const mix_json *at, mix_bytes text) {
    mix_json_fault *f = at->fault;
    const yyjson_alc alc = {json_malloc, json_realloc, json_free, NULL};
    yyjson_read_err error;
    *doc = NULL;
    if (f->status != MIX_OK)
        return f->status;
    if (text.len > 0) /* without YYJSON_READ_INSITU the text is only read */
        *doc = yyjson_read_opts((char *)(uintptr_t)text.data, text.len, YYJSON_READ_NOFLAG, &alc,
                                &error);
    if (*doc)
        return MIX_OK;
    if (text.len > 0 && error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return f->status = mix_error_note(f->error, MIX_ERR_MEMORY, "directory", 0, "%s: no memory",
                                          f->answer);
    char path[96];
    mix_buf b = mix_buf_fixed(path, sizeof path - 1);
    path_of(&b, at);
    path[b.len] = 0;
    return f->status = mix_error_note(f->error, MIX_ERR_DIRECTORY_MALFORMED, "directory", 0,
                                      "%s: %s%snot JSON: %s at byte %zu", f->answer, path,
                                      path[0] ? ": " : "", text.len > 0 ? error.msg : "empty",
                                      text.len > 0 ? error.pos : 0);
}

static mix_json member(const mix_json *object, const char *key) {
    mix_json m = {.up = object, .key = key, .fault = object->fault};
    if (object->fault->status == MIX_OK)
        m.value = yyjson_obj_get(object->value, key);
    return m;
}

mix_json mix_json_optional(const mix_json *object, const char *key) {
    mix_json m = member(object, key);
    if (yyjson_is_null(m.value))
        m.value = NULL;
    return m;
}

mix_json mix_json_object(const mix_json *object, const char *key) {
    mix_json m = member(object, key);
    if (!yyjson_is_obj(m.value)) {
        mix_json_wrong(&m, "an object");
        m.value = NULL;
    }
    return m;
}

mix_json mix_json_array(const mix_json *object, const char *key) {
    mix_json m = member(object, key);
    if (!yyjson_is_arr(m.value)) {
        mix_json_wrong(&m, "an array");
        m.value = NULL;
    }
    return m;
}

mix_json mix_json_element(const mix_json *array, size_t index, yyjson_val *value) {
    return (mix_json){.up = array, .index = index, .value = value, .fault = array->fault};
}

uint64_t mix_json_as_uint(const mix_json *value, uint64_t max) {
    if (value->fault->status == MIX_OK && yyjson_is_uint(value->value) &&
        yyjson_get_uint(value->value) <= max)
        return yyjson_get_uint(value->value);
    char expected[64];
    snprintf(expected, sizeof expected, "an integer from 0 to %llu", (unsigned long long)max);
    mix_json_wrong(value, expected);
    return 0;
}

mix_bytes mix_json_as_text(const mix_json *value) {
    if (value->fault->status == MIX_OK && yyjson_is_str(value->value))
        return mix_bytes_of(yyjson_get_str(value->value), yyjson_get_len(value->value));
    mix_json_wrong(value, "a text");
    return (mix_bytes){0};
}

uint64_t mix_json_uint(const mix_json *object, const char *key, uint64_t max) {
    mix_json m = member(object, key);
    return mix_json_as_uint(&m, max);
}

uint32_t mix_json_u32(const mix_json *object, const char *key) {
    return (uint32_t)mix_json_uint(object, key, UINT32_MAX);
}

uint16_t mix_json_u16(const mix_json *object, const char *key) {
    return (uint16_t)mix_json_uint(object, key, UINT16_MAX);
}

bool mix_json_bool(const mix_json *object, const char *key) {
    mix_json m = member(object, key);
    if (!yyjson_is_bool(m.value))
        mix_json_wrong(&m, "true or false");
    return yyjson_is_true(m.value);
}

mix_bytes mix_json_text(const mix_json *object, const char *key) {
    mix_json m = member(object, key);
    return mix_json_as_text(&m);
}

bool mix_json_optional_u16(const mix_json *object, const char *key, uint16_t *out) {
    mix_json m = mix_json_optional(object, key);
    if (m.value)
        *out = (uint16_t)mix_json_as_uint(&m, UINT16_MAX);
    return m.value != NULL;
}

mix_bytes mix_json_optional_text(const mix_json *object, const char *key) {
    mix_json m = mix_json_optional(object, key);
    return m.value ? mix_json_as_text(&m) : (mix_bytes){0};
}

static void lead(mix_json_writer *w, const char *key) {
    if (w->comma)
        mix_buf_put_u8(w->out, ',');
    w->comma = true;
    if (key) { /* ours: nothing to escape */
        mix_buf_put_u8(w->out, '"');
        mix_buf_put_str(w->out, key);
        mix_buf_put_str(w->out, "\":");
    }
}

void mix_json_open(mix_json_writer *w, const char *key, char bracket) {
    lead(w, key);
    mix_buf_put_u8(w->out, (uint8_t)bracket);
    w->comma = false;
}

void mix_json_close(mix_json_writer *w, char bracket) {
    mix_buf_put_u8(w->out, (uint8_t)bracket);
    w->comma = true;
}

void mix_json_put_uint(mix_json_writer *w, const char *key, uint64_t v) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    lead(w, key);
    mix_buf_put_str(w->out, text);
}

void mix_json_put_bool(mix_json_writer *w, const char *key, bool v) {
    lead(w, key);
    mix_buf_put_str(w->out, v ? "true" : "false");
}

void mix_json_put_null(mix_json_writer *w, const char *key) {
    lead(w, key);
    mix_buf_put_str(w->out, "null");
}

void mix_json_put_text(mix_json_writer *w, const char *key, mix_bytes text) {
    lead(w, key);
    mix_buf_put_u8(w->out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        char escape[8];
        if (c == '"' || c == '\\') {
            mix_buf_put_u8(w->out, '\\');
            mix_buf_put_u8(w->out, c);
        } else if (c < ' ') {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            mix_buf_put_str(w->out, escape);
        } else {
            mix_buf_put_u8(w->out, c);
        }
    }
    mix_buf_put_u8(w->out, '"');
}

void mix_json_put_str(mix_json_writer *w, const char *key, const char *text) {
    mix_json_put_text(w, key, mix_bytes_str(text));
}
