/* SPDX-License-Identifier: Apache-2.0 */
/* Vector tests: JSON files of testdata/ made by the original's code, and checks that are counted one by one. A vector program
 * ends with "vectors NAME: N passed, M failed". */
#ifndef MIX_TESTS_VECTORS_H
#define MIX_TESTS_VECTORS_H

#include "base/buf.h"
#include "testing.h"

#include <yyjson.h>

typedef struct mix_vectors {
    const char *name;
    yyjson_doc *doc;
    yyjson_val *root;
    int passed, failed;
    char where[128]; /* printed in front of a failed check */
    struct {
        uint8_t *data[4096];
        size_t len;
    } pool; /* decoded byte strings; freed at the end or by mix_vectors_sweep */
} mix_vectors;

/* Reads testdata/FILE below the working directory; ends the program with a message when it cannot. */
void mix_vectors_open(mix_vectors *v, const char *name, const char *file);
/* Prints the closing line; the program's exit status. */
int mix_vectors_close(mix_vectors *v);
/* Frees the byte strings decoded so far (call it between entries of large files). */
void mix_vectors_sweep(mix_vectors *v);
/* Names the entry that following checks belong to. */
void mix_vectors_at(mix_vectors *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One check: counts, and prints what failed. Returns whether it held. */
#define VCHECK(v, condition) mix_vectors_check((v), (condition) ? 1 : 0, #condition, __FILE__, __LINE__)
/* A check that fails. */
#define VFAIL(v, text) mix_vectors_check((v), 0, (text), __FILE__, __LINE__)
int mix_vectors_check(mix_vectors *v, int holds, const char *what, const char *file, int line);
/* Equal bytes; prints both when not. */
#define VBYTES(v, got, want) mix_vectors_bytes((v), (got), (want), #got, __FILE__, __LINE__)
int mix_vectors_bytes(mix_vectors *v, mix_bytes got, mix_bytes want, const char *what, const char *file, int line);
#define VSTATUS(v, got, want) mix_vectors_status((v), (got), (want), #got, __FILE__, __LINE__)
int mix_vectors_status(mix_vectors *v, int got, int want, const char *what, const char *file, int line);

/* Members of objects. A missing or wrong one ends the program: the vectors are ours to keep right. */
yyjson_val *mix_vec(mix_vectors *v, yyjson_val *object, const char *key);
mix_bytes mix_vec_hex(mix_vectors *v, yyjson_val *object, const char *key); /* valid until sweep or close */
mix_bytes mix_vec_hex_value(mix_vectors *v, yyjson_val *string);
const char *mix_vec_str(mix_vectors *v, yyjson_val *object, const char *key);
uint64_t mix_vec_u64(mix_vectors *v, yyjson_val *object, const char *key); /* a number, or a decimal string */
bool mix_vec_bool(mix_vectors *v, yyjson_val *object, const char *key);

#endif
