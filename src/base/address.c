/* SPDX-License-Identifier: Apache-2.0 */
/* Node routing addresses: one byte 4 or 6, the port, the octets. The text forms are read without a resolver. */
#include "base/address.h"

#include "mix/errors.h"

#include <assert.h>
#include <stdio.h>

static size_t octets_of(uint8_t family) {
    return family == 4 ? 4 : family == 6 ? 16 : 0;
}

void mix_address_encode(mix_buf *out, const mix_address *a) {
    assert(octets_of(a->family) != 0);
    uint8_t bytes[MIX_ADDRESS_MAX];
    bytes[0] = a->family;
    mix_put_u16(bytes + 1, a->port);
    memcpy(bytes + 3, a->octets, octets_of(a->family));
    mix_buf_put(out, bytes, 3 + octets_of(a->family));
}

void mix_address_pad(uint8_t *out, size_t len, const mix_address *a) {
    assert(len >= MIX_ADDRESS_MAX);
    memset(out, 0, len);
    mix_buf b = mix_buf_fixed(out, len);
    mix_address_encode(&b, a);
}

int mix_address_decode(mix_address *out, size_t *used, mix_bytes in) {
    mix_reader r = {.in = in};
    mix_address a = {.family = mix_read_u8(&r)};
    a.port = mix_read_u16(&r);
    mix_read_into(&r, a.octets, octets_of(a.family));
    if (r.bad || octets_of(a.family) == 0)
        return MIX_ERR_ADDRESS;
    *out = a;
    if (used)
        *used = in.len - r.in.len;
    return MIX_OK;
}

/* A number without sign or leading zeros, at most max; NULL when there is none. */
static const char *parse_number(const char *p, unsigned base, unsigned long max, unsigned long *out) {
    const char *start = p;
    unsigned long v = 0;
    for (;; p++) {
        unsigned long d;
        if (*p >= '0' && *p <= '9')
            d = (unsigned long)(*p - '0');
        else if (base == 16 && (*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
            d = (unsigned long)((*p | 0x20) - 'a' + 10);
        else
            break;
        v = v * base + d;
        if (v > max || p - start > 4)
            return NULL;
    }
    if (p == start || (base == 10 && *start == '0' && p - start > 1))
        return NULL;
    *out = v;
    return p;
}

static const char *parse_v4(const char *p, uint8_t out[static 4]) {
    for (int i = 0; i < 4; i++) {
        unsigned long v = 0;
        p = parse_number(p, 10, 255, &v);
        if (!p || (i < 3 && *p++ != '.'))
            return NULL;
        out[i] = (uint8_t)v;
    }
    return p;
}

/* RFC 4291 §2.2: groups, one "::", and dotted octets as the last two groups. Ends at the first other character. */
static const char *parse_v6(const char *p, uint8_t out[static 16]) {
    uint8_t bytes[16] = {0};
    size_t len = 0, gap = 17; /* 17: no "::" seen */
    if (p[0] == ':' && p[1] != ':')
        return NULL;
    for (;;) {
        if (p[0] == ':' && p[1] == ':') {
            if (gap != 17)
                return NULL;
            gap = len;
            p += 2;
        } else if (len > 0 && *p == ':') {
            p++;
        } else if (len > 0) {
            break;
        }
        unsigned long v = 0;
        const char *end = parse_number(p, 16, 0xffff, &v);
        if (end && *end == '.' && len <= 12) {
            p = parse_v4(p, bytes + len);
            len += 4;
            break;
        }
        if (!end && gap == len)
            break; /* "::" at the end */
        if (!end || len > 14)
            return NULL;
        mix_put_u16(bytes + len, (uint16_t)v);
        len += 2;
        p = end;
    }
    if (!p || (gap == 17 ? len != 16 : len > 14))
        return NULL;
    memset(out, 0, 16);
    size_t front = gap == 17 ? 16 : gap, back = gap == 17 ? 0 : len - gap;
    memcpy(out, bytes, front);
    memcpy(out + 16 - back, bytes + front, back);
    return p;
}

int mix_address_parse(mix_address *out, const char *text) {
    mix_address a = {0};
    const char *p;
    if (*text == '[') {
        a.family = 6;
        p = parse_v6(text + 1, a.octets);
        p = p && *p == ']' ? p + 1 : NULL;
    } else {
        a.family = 4;
        p = parse_v4(text, a.octets);
    }
    unsigned long port = 0;
    p = p && *p == ':' ? parse_number(p + 1, 10, 65535, &port) : NULL;
    if (!p || *p)
        return MIX_ERR_ADDRESS;
    a.port = (uint16_t)port;
    *out = a;
    return MIX_OK;
}

/* RFC 5952: lower case, the longest run of two or more zero groups as "::". */
static int format_v6(char *out, size_t size, const uint8_t octets[static 16]) {
    int best = -1, best_len = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && mix_get_u16(octets + 2 * (i + n)) == 0)
            n++;
        if (n > best_len) {
            best = i;
            best_len = n;
        }
    }
    int at = 0;
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            at += snprintf(out + at, size - (size_t)at, "::");
            i += best_len - 1;
        } else {
            bool after_gap = best >= 0 && i == best + best_len;
            at += snprintf(out + at, size - (size_t)at, "%s%x", i > 0 && !after_gap ? ":" : "",
                           mix_get_u16(octets + 2 * i));
        }
    }
    return at;
}

void mix_ip_format(char out[static MIX_ADDRESS_TEXT], const mix_address *a) {
    const uint8_t *o = a->octets;
    if (a->family == 4)
        snprintf(out, MIX_ADDRESS_TEXT, "%u.%u.%u.%u", o[0], o[1], o[2], o[3]);
    else
        (void)format_v6(out, MIX_ADDRESS_TEXT, o);
}

void mix_address_format(char out[static MIX_ADDRESS_TEXT], const mix_address *a) {
    char ip[MIX_ADDRESS_TEXT];
    mix_ip_format(ip, a);
    snprintf(out, MIX_ADDRESS_TEXT, a->family == 4 ? "%.45s:%u" : "[%.45s]:%u", ip, a->port);
}

int mix_ip_parse(mix_address *out, mix_bytes text) {
    char copy[MIX_ADDRESS_TEXT];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, 0, text.len))
        return MIX_ERR_ADDRESS;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    mix_address a = {.family = strchr(copy, ':') ? 6 : 4};
    const char *end = a.family == 6 ? parse_v6(copy, a.octets) : parse_v4(copy, a.octets);
    if (!end || *end)
        return MIX_ERR_ADDRESS;
    *out = a;
    return MIX_OK;
}
