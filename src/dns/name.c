/* SPDX-License-Identifier: Apache-2.0 */
/* Names as they may be asked for, and the names of record types. */
#include "dns/internal.h"

static bool ends_in(const char *name, size_t len, const char *suffix) {
    size_t n = strlen(suffix);
    return len >= n && memcmp(name + len - n, suffix, n) == 0 &&
           (len == n || name[len - n - 1] == '.');
}

int mix_dns_name(char out[static MIX_DNS_NAME_MAX + 1], const char *in) {
    size_t len = strlen(in), label = 0;
    if (len > 0 && in[len - 1] == '.')
        len--;
    if (len == 0 || len > MIX_DNS_NAME_MAX)
        return MIX_ERR_DNS_NAME;
    for (size_t i = 0; i < len; i++) {
        char c = in[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 'a' - 'A');
        if (c == '.') {
            if (label == 0)
                return MIX_ERR_DNS_NAME;
            label = 0;
        } else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') ||
                   ++label > 63) {
            return MIX_ERR_DNS_NAME;
        }
        out[i] = c;
    }
    out[len] = 0;
    /* RFC 6761 and RFC 7686: never to be asked of a server on the internet. */
    return label == 0 || ends_in(out, len, "localhost") || ends_in(out, len, "onion") ||
                   ends_in(out, len, "invalid")
               ? MIX_ERR_DNS_NAME
               : MIX_OK;
}

static const struct {
    const char *name;
    uint16_t number;
} types[] = {{"A", 1},     {"NS", 2},     {"CNAME", 5}, {"SOA", 6},  {"PTR", 12},   {"HINFO", 13},
             {"MX", 15},   {"TXT", 16},   {"AAAA", 28}, {"SRV", 33}, {"NAPTR", 35}, {"TLSA", 52},
             {"SVCB", 64}, {"HTTPS", 65}, {"URI", 256}, {"CAA", 257}};

static char upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

uint16_t mix_dns_type(const char *name) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t at = 0;
        while (name[at] && upper(name[at]) == types[i].name[at])
            at++;
        if (name[at] == types[i].name[at])
            return types[i].number;
    }
    return 0;
}

const char *mix_dns_type_name(uint16_t type) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].number == type)
            return types[i].name;
    return NULL;
}
