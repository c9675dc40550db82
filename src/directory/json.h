/* SPDX-License-Identifier: Apache-2.0 */
/* JSON for this folder: values that know their path, so that a complaint can name it; a splitter of
 * long lists that come in pieces; a writer. The parsing itself is yyjson's. */
#ifndef MIX_DIRECTORY_JSON_H
#define MIX_DIRECTORY_JSON_H

#include "base/buf.h"
#include "base/error.h"

#include <yyjson.h>

/* The first failure of an answer; later ones are not noted. */
typedef struct mix_json_fault {
    const char *answer; /* its name in the note */
    mix_error *error;   /* may be NULL */
    int status;
} mix_json_fault;

/* A value and how it was reached. Getters of a value that is not there, or after a failure, give
 * zeros. */
typedef struct mix_json {
    const struct mix_json *up; /* NULL: the whole */
    const char *key;           /* in the object above; NULL: an element of the array above */
    size_t index;
    yyjson_val *value; /* NULL: absent, null, or there was a failure */
    mix_json_fault *fault;
} mix_json;

/* Parses; *doc is NULL on failure. MIX_ERR_DIRECTORY_MALFORMED, MIX_ERR_MEMORY. */
int mix_json_parse(yyjson_doc **doc, const mix_json *at, mix_bytes text);
/* Notes what was expected at this value and what is there; returns the fault's status. */
int mix_json_wrong(const mix_json *at, const char *expected);

/* The member if it is there and not null. */
mix_json mix_json_optional(const mix_json *object, const char *key);
/* A member that must be an object (which then holds it); its value is NULL otherwise. */
mix_json mix_json_object(const mix_json *object, const char *key);
mix_json mix_json_array(const mix_json *object, const char *key);
mix_json mix_json_element(const mix_json *array, size_t index, yyjson_val *value);

/* Required members. */
uint64_t mix_json_uint(const mix_json *object, const char *key, uint64_t max);
uint32_t mix_json_u32(const mix_json *object, const char *key);
uint16_t mix_json_u16(const mix_json *object, const char *key);
bool mix_json_bool(const mix_json *object, const char *key);
mix_bytes mix_json_text(const mix_json *object, const char *key);
/* Members that may be absent or null; false or empty then. */
bool mix_json_optional_u16(const mix_json *object, const char *key, uint16_t *out);
mix_bytes mix_json_optional_text(const mix_json *object, const char *key);

/* The value itself. */
uint64_t mix_json_as_uint(const mix_json *value, uint64_t max);
mix_bytes mix_json_as_text(const mix_json *value);

/* Cuts {…,"a":{…,"b":[element, …],…},…} into its members and elements as it comes in, holding one
 * of them at a time. Their own syntax is the visitor's to check (mix_json_parse); one larger than
 * the limit is skipped. */
typedef struct mix_json_split mix_json_split;
typedef struct mix_json_split_visitor {
    void *user;
    /* A member of one of the objects on the way to the list: depth 1 is the outermost. key is
     * without its quotes, as written. */
    int (*member)(void *user, size_t depth, mix_bytes key, mix_bytes raw);
    /* raw.len is 0 for one that was skipped. */
    int (*element)(void *user, size_t index, mix_bytes raw);
} mix_json_split_visitor;
enum { MIX_JSON_SPLIT_DEPTH = 2 };
/* path: the keys that lead to the list, 1 to MIX_JSON_SPLIT_DEPTH of them; borrowed.
 * MIX_ERR_MEMORY. */
int mix_json_split_new(mix_json_split **out, const char *const *path, size_t depth, size_t limit,
                       const mix_json_split_visitor *visitor);
void mix_json_split_free(mix_json_split *s);
/* What the visitor returned, MIX_ERR_DIRECTORY_MALFORMED (noted), MIX_ERR_MEMORY. */
int mix_json_split_feed(mix_json_split *s, mix_bytes piece, mix_json_fault *fault);
/* The text is whole: the outermost object was closed. */
int mix_json_split_end(mix_json_split *s, mix_json_fault *fault);
bool mix_json_split_found(const mix_json_split *s); /* the list was there */

/* Writes objects and arrays; the commas come by themselves. Check mix_buf_status at the end. */
typedef struct mix_json_writer {
    mix_buf *out;
    bool comma; /* the next value needs one in front */
} mix_json_writer;
/* key NULL: an element of an array, or the whole. */
void mix_json_open(mix_json_writer *w, const char *key, char bracket); /* '{' or '[' */
void mix_json_close(mix_json_writer *w, char bracket);                 /* '}' or ']' */
void mix_json_put_uint(mix_json_writer *w, const char *key, uint64_t v);
void mix_json_put_bool(mix_json_writer *w, const char *key, bool v);
void mix_json_put_null(mix_json_writer *w, const char *key);
void mix_json_put_text(mix_json_writer *w, const char *key, mix_bytes text);
void mix_json_put_str(mix_json_writer *w, const char *key, const char *text);

#endif
