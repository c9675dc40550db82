/* SPDX-License-Identifier: Apache-2.0 */
/* Objects by yyjson. */
#include "report.h"

#include "base/utf8.h"
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

yyjson_mut_doc *report_new(void) {
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    if (doc)
        yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
    return doc;
}

yyjson_mut_val *report_text(yyjson_mut_doc *doc, const char *text) {
    size_t len = strlen(text), n = 0;
    if (mix_utf8_valid(mix_bytes_of(text, len)))
        return yyjson_mut_strncpy(doc, text, len);
    char *wide = malloc(2 * len + 1);
    for (size_t i = 0; wide && i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x80)
            wide[n++] = (char)(0xc0 | byte >> 6);
        wide[n++] = (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte);
    }
    yyjson_mut_val *out = wide ? yyjson_mut_strncpy(doc, wide, n) : NULL;
    free(wide);
    return out;
}

void report_put(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text) {
    (void)yyjson_mut_obj_add_val(doc, object, name,
                                 text ? report_text(doc, text) : yyjson_mut_null(doc));
}

void report_put_failure(yyjson_mut_doc *doc, yyjson_mut_val *object, const mix_failure *why) {
    if (why->code == MIX_OK) {
        (void)yyjson_mut_obj_add_null(doc, object, "error");
        return;
    }
    yyjson_mut_val *error = yyjson_mut_obj(doc);
    report_put(doc, error, "code", mix_error_name(why->code));
    report_put(doc, error, "text", mix_error_text(why->code));
    report_put(doc, error, "layer", why->layer);
    (void)yyjson_mut_obj_add_sint(doc, error, "number", why->number);
    report_put(doc, error, "words", why->words);
    (void)yyjson_mut_obj_add_int(doc, error, "exit_status", client_exit_status(why->code));
    (void)yyjson_mut_obj_add_val(doc, object, "error", error);
}

char *report_line(yyjson_mut_doc *doc) {
    char *text = doc ? yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, NULL) : NULL;
    yyjson_mut_doc_free(doc);
    return text;
}

bool report_print(yyjson_mut_doc *doc, const char *command) {
    char *line = report_line(doc);
    bool written = line && fputs(line, stdout) >= 0 && fflush(stdout) == 0;
    if (!written)
        fprintf(stderr, "lwmix %s: standard output: %s\n", command,
                line ? strerror(errno) : "out of memory");
    free(line);
    return written;
}
