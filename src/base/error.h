/* SPDX-License-Identifier: Apache-2.0 */
/* Where a failure is born it is noted once: code, layer, a number and a few words; callers carry it up unchanged. */
#ifndef MIX_BASE_ERROR_H
#define MIX_BASE_ERROR_H

#include "mix/errors.h"

#include <stdint.h>

enum { MIX_ERROR_WORDS = 160 };

typedef struct mix_error {
    int code;          /* MIX_OK: nothing noted */
    const char *layer; /* a folder's name, static */
    int64_t number;    /* a TLS alert, an HTTP status, an offset: what the layer documents; else 0 */
    char words[MIX_ERROR_WORDS]; /* what was wrong and where; never a secret; cut when too long */
} mix_error;

/* Notes the failure and returns code, for `return mix_error_note(…)`. A NULL e is fine. */
int mix_error_note(mix_error *e, int code, const char *layer, int64_t number, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void mix_error_clear(mix_error *e);

#endif
