/* SPDX-License-Identifier: Apache-2.0 */
/* Semantic versions (semver.org 2.0.0), as far as they are compared here. */
#include "directory/release.h"

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/* A number without leading zeros; above 2³² it stays there. */
static bool number(mix_bytes *text, uint64_t *out) {
    size_t n = 0;
    uint64_t v = 0;
    for (; n < text->len && is_digit(text->data[n]); n++)
        v = v > UINT32_MAX ? v : v * 10 + (uint64_t)(text->data[n] - '0');
    if (n == 0 || n > 19 || (n > 1 && text->data[0] == '0'))
        return false;
    *text = mix_bytes_slice(*text, n, text->len);
    *out = v;
    return true;
}

static bool dot(mix_bytes *text) {
    if (text->len == 0 || text->data[0] != '.')
        return false;
    *text = mix_bytes_slice(*text, 1, text->len);
    return true;
}

/* Identifiers with dots between them, up to '+' or the end; of a pre-release, numbers have no
 * leading zeros. */
static bool identifiers(mix_bytes *text, bool pre_release) {
    size_t start = 0, i = 0;
    for (;; i++) {
        bool ends = i == text->len || text->data[i] == '.' || (pre_release && text->data[i] == '+');
        if (!ends && !is_digit(text->data[i]) && !is_letter(text->data[i]))
            return false;
        if (!ends)
            continue;
        bool numeric = true;
        for (size_t k = start; k < i; k++)
            numeric = numeric && is_digit(text->data[k]);
        if (i == start || (pre_release && numeric && i - start > 1 && text->data[start] == '0'))
            return false;
        start = i + 1;
        if (i == text->len || text->data[i] == '+')
            break;
    }
    *text = mix_bytes_slice(*text, i, text->len);
    return true;
}

uint8_t mix_release_ipr_version(mix_bytes release) {
    uint64_t major, minor, patch;
    mix_bytes rest = release;
    if (!number(&rest, &major) || !dot(&rest) || !number(&rest, &minor) || !dot(&rest) ||
        !number(&rest, &patch))
        return 0;
    bool pre = rest.len > 0 && rest.data[0] == '-';
    if (pre) {
        rest = mix_bytes_slice(rest, 1, rest.len);
        if (!identifiers(&rest, true))
            return 0;
    }
    if (rest.len > 0) {
        bool build = rest.data[0] == '+';
        rest = mix_bytes_slice(rest, 1, rest.len);
        if (!build || !identifiers(&rest, false))
            return 0;
    }
    static const struct {
        uint64_t minor;
        uint8_t version;
    } since[] = {{37, 10}, {30, 9}}; /* 1.minor.0 */
    for (size_t i = 0; i < 2; i++) {
        bool exact = major == 1 && minor == since[i].minor && patch == 0;
        if (major > 1 || (major == 1 &&
                          (minor > since[i].minor || (minor == since[i].minor && !(exact && pre)))))
            return since[i].version;
    }
    return 0;
}
