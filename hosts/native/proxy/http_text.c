/* SPDX-License-Identifier: Apache-2.0 */
/* Small readers of HTTP's text. */
#include "proxy/http_text.h"

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool http_is_token(mix_bytes text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = lower(text.data[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return text.len > 0;
}

bool http_is(mix_bytes text, const char *word) {
    size_t i = 0;
    for (; i < text.len && word[i]; i++)
        if (lower(text.data[i]) != lower((uint8_t)word[i]))
            return false;
    return i == text.len && word[i] == 0;
}

mix_bytes http_trim(mix_bytes text) {
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_blank(text.data[0]))
        text = mix_bytes_slice(text, 1, text.len);
    return text;
}

mix_bytes http_cut(mix_bytes *rest, uint8_t at) {
    const uint8_t *found = rest->len > 0 ? memchr(rest->data, at, rest->len) : NULL;
    mix_bytes part = *rest;
    if (found)
        part.len = (size_t)(found - rest->data);
    *rest = mix_bytes_slice(*rest, part.len + 1, rest->len);
    return part;
}

bool http_number(mix_bytes text, uint64_t most, uint64_t *out) {
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c < '0' || c > '9' || n > (most - (uint64_t)(c - '0')) / 10)
            return false;
        n = n * 10 + (uint64_t)(c - '0');
    }
    *out = n;
    return text.len > 0;
}

mix_bytes http_next_line(mix_bytes *rest) {
    mix_bytes line = http_cut(rest, '\n');
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* No control characters but tabs: RFC 9110, section 5.5. */
static bool is_value(mix_bytes text) {
    for (size_t i = 0; i < text.len; i++)
        if ((text.data[i] < 32 && text.data[i] != '\t') || text.data[i] == 127)
            return false;
    return true;
}

bool http_next_field(mix_bytes *lines, http_field *out, bool *bad) {
    mix_bytes line = http_next_line(lines);
    if (line.len == 0)
        return false;
    bool has_colon = memchr(line.data, ':', line.len) != NULL;
    out->name = http_cut(&line, ':');
    out->value = http_trim(line);
    *bad = !has_colon || !http_is_token(out->name) || !is_value(out->value);
    return !*bad;
}

bool http_next_word(mix_bytes *list, mix_bytes *out) {
    while (list->len > 0) {
        *out = http_trim(http_cut(list, ','));
        if (out->len > 0)
            return true;
    }
    return false;
}
