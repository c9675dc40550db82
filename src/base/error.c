/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts of the error table, and the note of a failure. */
#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

typedef struct error_row {
    int code;
    mix_ends ends;
    const char *name;
    const char *text;
} error_row;

#define ROW(name, number, ends, text) {-(number), MIX_ENDS_##ends, "MIX_ERR_" #name, text},
static const error_row rows[] = {MIX_ERROR_TABLE(ROW)};
#undef ROW

static const error_row *find(int status) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].code == status)
            return &rows[i];
    }
    return NULL;
}

const char *mix_error_name(int status) {
    if (status == MIX_OK)
        return "MIX_OK";
    if (status == MIX_DONE)
        return "MIX_DONE";
    if (status == MIX_BLOCKED)
        return "MIX_BLOCKED";
    const error_row *row = find(status);
    return row ? row->name : "MIX_ERR_UNKNOWN";
}

const char *mix_error_text(int status) {
    if (status == MIX_OK)
        return "ok";
    if (status == MIX_DONE)
        return "nothing more";
    if (status == MIX_BLOCKED)
        return "blocked";
    const error_row *row = find(status);
    return row ? row->text : "unknown error";
}

mix_ends mix_error_ends(int status) {
    const error_row *row = find(status);
    return row ? row->ends : MIX_ENDS_CALL;
}

int mix_error_note(mix_error *e, int code, const char *layer, int64_t number, const char *format, ...) {
    if (!e)
        return code;
    e->code = code;
    e->layer = layer;
    e->number = number;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(e->words, sizeof e->words, format, args);
    va_end(args);
    return code;
}

void mix_error_clear(mix_error *e) {
    *e = (mix_error){0};
}
