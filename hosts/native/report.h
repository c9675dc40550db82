/* SPDX-License-Identifier: Apache-2.0 */
/* What commands print as JSON: one object a line. */
#ifndef HOSTS_NATIVE_REPORT_H
#define HOSTS_NATIVE_REPORT_H

#include "mix/tunnel.h"

#include <yyjson.h>

/* An empty object as root; NULL: no memory. yyjson's functions take NULL and then do nothing. */
yyjson_mut_doc *report_new(void);
/* A text of any bytes: UTF-8, or else one character a byte, as the web reads headers. */
yyjson_mut_val *report_text(yyjson_mut_doc *doc, const char *text);
void report_put(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text);
/* "error": {code, text, layer, number, words, exit_status}; null when nothing failed. */
void report_put_failure(yyjson_mut_doc *doc, yyjson_mut_val *object, const mix_failure *why);
/* The line with its end, for free(); NULL: no memory. Frees doc. */
char *report_line(yyjson_mut_doc *doc);
/* The same to stdout; false after a line on stderr: it cannot be written. */
bool report_print(yyjson_mut_doc *doc, const char *command);

#endif
