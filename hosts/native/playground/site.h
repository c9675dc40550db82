/* SPDX-License-Identifier: Apache-2.0 */
/* The playground's own web site, which its local mixnet leads to: something to fetch at once. A
 * request in, an answer out; no I/O. */
#ifndef HOSTS_NATIVE_PLAYGROUND_SITE_H
#define HOSTS_NATIVE_PLAYGROUND_SITE_H

#include "base/buf.h"

enum { SITE_BODY_MAX = 1 << 20, SITE_BYTES_MAX = 64 << 20 };

typedef struct site_request {
    const char *method, *path, *query; /* query: "" when there is none */
    const char *type;                  /* of the body; "" when it says none */
    const char *from;                  /* the address that it came from */
    mix_bytes headers;                 /* lines "name: value\n" */
    mix_bytes body;
} site_request;

typedef struct site_answer {
    int status;
    const char *type;     /* static, or in own_type */
    const char *location; /* static; NULL: none */
    char own_type[128];
    mix_bytes body; /* borrowed: static, or in own */
    mix_buf own;
    uint64_t pattern; /* or so many bytes of site_pattern */
} site_answer;

/* Fills in the answer, whose own is the caller's to deinit. MIX_OK, MIX_ERR_MEMORY. */
int site_answer_to(site_answer *out, const site_request *request);
/* Bytes at … at + len - 1 of an endless text that is always the same and hardly compresses. */
void site_pattern(uint8_t *out, uint64_t at, size_t len);
/* What a header may hold: letters, digits and a few signs of media types. */
bool site_type_is_fine(const char *type);

#endif
