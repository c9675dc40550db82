/* SPDX-License-Identifier: Apache-2.0 */
/* Small readers of HTTP's text, for http_head.c and http_url.c. */
#ifndef HOSTS_NATIVE_PROXY_HTTP_TEXT_H
#define HOSTS_NATIVE_PROXY_HTTP_TEXT_H

#include "base/bytes.h"

bool http_is_token(mix_bytes text);
bool http_is(mix_bytes text, const char *word); /* whatever the case */
mix_bytes http_trim(mix_bytes text);            /* blanks and tabs at both ends */
/* The part in front of the first `at`, which is taken away too; all of it when there is none. */
mix_bytes http_cut(mix_bytes *rest, uint8_t at);
/* Decimal digits and nothing else, at most `most`. */
bool http_number(mix_bytes text, uint64_t most, uint64_t *out);

typedef struct http_field {
    mix_bytes name, value;
} http_field;
/* The next line of a head; false at its end, or at one that is malformed (then *bad). */
bool http_next_field(mix_bytes *lines, http_field *out, bool *bad);
/* A line without its end, which may be CRLF or LF alone. */
mix_bytes http_next_line(mix_bytes *rest);
/* The next element of a comma-separated list; false at its end. Empty ones are left out. */
bool http_next_word(mix_bytes *list, mix_bytes *out);

#endif
