/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of vectors and counting of checks. */
#include "vectors.h"

#include "base/text.h"
#include "mix/errors.h"

#include <stdlib.h>

static _Noreturn void die(const mix_vectors *v, const char *what, const char *which) {
    fprintf(stderr, "vectors %s: %s: %s '%s'\n", v->name, v->where, what, which);
    exit(2);
}

void mix_vectors_open(mix_vectors *v, const char *name, const char *file) {
    char path[256];
    snprintf(path, sizeof path, "testdata/%s", file);
    *v = (mix_vectors){.name = name};
    snprintf(v->where, sizeof v->where, "%s", file);
    yyjson_read_err error;
    v->doc = yyjson_read_file(path, 0, NULL, &error);
    if (!v->doc)
        die(v, error.msg, path);
    v->root = yyjson_doc_get_root(v->doc);
}

void mix_vectors_sweep(mix_vectors *v) {
    while (v->pool.len > 0)
        free(v->pool.data[--v->pool.len]);
}

int mix_vectors_close(mix_vectors *v) {
    mix_vectors_sweep(v);
    yyjson_doc_free(v->doc);
    printf("vectors %s: %d passed, %d failed\n", v->name, v->passed, v->failed);
    return v->failed != 0 || v->passed == 0;
}

void mix_vectors_at(mix_vectors *v, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(v->where, sizeof v->where, format, args);
    va_end(args);
}

int mix_vectors_check(mix_vectors *v, int holds, const char *what, const char *file, int line) {
    if (holds) {
        v->passed++;
        return 1;
    }
    v->failed++;
    fprintf(stderr, "%s:%d: %s: %s does not hold\n", file, line, v->where, what);
    return 0;
}

static void print_hex(const char *label, mix_bytes b) {
    fprintf(stderr, "  %s (%zu) ", label, b.len);
    for (size_t i = 0; i < b.len && i < 512; i++)
        fprintf(stderr, "%02x", b.data[i]);
    fprintf(stderr, "\n");
}

int mix_vectors_bytes(mix_vectors *v, mix_bytes got, mix_bytes want, const char *what, const char *file, int line) {
    int holds = mix_vectors_check(v, mix_bytes_equal(got, want), what, file, line);
    if (!holds) {
        print_hex("got ", got);
        print_hex("want", want);
    }
    return holds;
}

int mix_vectors_status(mix_vectors *v, int got, int want, const char *what, const char *file, int line) {
    int holds = mix_vectors_check(v, got == want, what, file, line);
    if (!holds)
        fprintf(stderr, "  got %s, want %s\n", mix_error_name(got), mix_error_name(want));
    return holds;
}

yyjson_val *mix_vec(mix_vectors *v, yyjson_val *object, const char *key) {
    yyjson_val *value = yyjson_obj_get(object, key);
    if (!value)
        die(v, "no member", key);
    return value;
}

mix_bytes mix_vec_hex_value(mix_vectors *v, yyjson_val *string) {
    const char *text = yyjson_get_str(string);
    if (!text)
        die(v, "not a string", yyjson_get_type_desc(string));
    mix_buf out = {0};
    if (mix_hex_decode(&out, mix_bytes_of(text, yyjson_get_len(string))) != MIX_OK)
        die(v, "not hexadecimal", text);
    if (out.len == 0) {
        mix_buf_deinit(&out);
        return (mix_bytes){0};
    }
    uint8_t *copy = malloc(out.len); /* of exact size: a read past the end is seen by the sanitizers */
    if (!copy || v->pool.len == sizeof v->pool.data / sizeof *v->pool.data)
        die(v, "no room for", "decoded bytes (sweep more often)");
    memcpy(copy, out.data, out.len);
    v->pool.data[v->pool.len++] = copy;
    mix_bytes bytes = mix_bytes_of(copy, out.len);
    mix_buf_deinit(&out);
    return bytes;
}

mix_bytes mix_vec_hex(mix_vectors *v, yyjson_val *object, const char *key) {
    return mix_vec_hex_value(v, mix_vec(v, object, key));
}

const char *mix_vec_str(mix_vectors *v, yyjson_val *object, const char *key) {
    const char *text = yyjson_get_str(mix_vec(v, object, key));
    if (!text)
        die(v, "not a string", key);
    return text;
}

uint64_t mix_vec_u64(mix_vectors *v, yyjson_val *object, const char *key) {
    yyjson_val *value = mix_vec(v, object, key);
    if (yyjson_is_uint(value))
        return yyjson_get_uint(value);
    const char *text = yyjson_get_str(value);
    char *end = NULL;
    uint64_t number = text ? strtoull(text, &end, 10) : 0;
    if (!text || end == text || *end)
        die(v, "not a number", key);
    return number;
}

bool mix_vec_bool(mix_vectors *v, yyjson_val *object, const char *key) {
    yyjson_val *value = mix_vec(v, object, key);
    if (!yyjson_is_bool(value))
        die(v, "not a boolean", key);
    return yyjson_get_bool(value);
}
