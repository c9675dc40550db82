/* SPDX-License-Identifier: Apache-2.0 */
/* Global addresses and exit policies. */
#include "ipr/policy.h"

#include "base/alloc.h"
#include "mix/errors.h"

#include <stdio.h>

typedef struct prefix {
    uint8_t family, bits;
    bool global;
    uint8_t octets[16];
} prefix;

/* The first that matches decides, so exceptions stand in front of what they are taken from. */
static const prefix special[] = {
    {4, 32, true, {192, 0, 0, 9}},
    {4, 32, true, {192, 0, 0, 10}},
    {4, 8, false, {0}},
    {4, 8, false, {10}},
    {4, 12, false, {172, 16}},
    {4, 16, false, {192, 168}},
    {4, 10, false, {100, 64}},
    {4, 8, false, {127}},
    {4, 16, false, {169, 254}},
    {4, 24, false, {192, 0, 0}},
    {4, 24, false, {192, 0, 2}},
    {4, 24, false, {198, 51, 100}},
    {4, 24, false, {203, 0, 113}},
    {4, 15, false, {198, 18}},
    {4, 4, false, {240}},
    {6, 128, true, {0x20, 0x01, 0, 1, [15] = 1}},
    {6, 128, true, {0x20, 0x01, 0, 1, [15] = 2}},
    {6, 32, true, {0x20, 0x01, 0, 3}},
    {6, 48, true, {0x20, 0x01, 0, 4, 0x01, 0x12}},
    {6, 27, true, {0x20, 0x01, 0, 0x20}}, /* 2001:20:: to 2001:3f:… */
    {6, 128, false, {0}},
    {6, 128, false, {[15] = 1}},
    {6, 96, false, {[10] = 0xff, 0xff}},
    {6, 48, false, {0, 0x64, 0xff, 0x9b, 0, 1}},
    {6, 64, false, {0x01, 0}},
    {6, 23, false, {0x20, 0x01}},
    {6, 16, false, {0x20, 0x02}},
    {6, 32, false, {0x20, 0x01, 0x0d, 0xb8}},
    {6, 7, false, {0xfc}},
    {6, 10, false, {0xfe, 0x80}},
};

static bool in_prefix(const uint8_t *ip, const uint8_t *network, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(ip, network, whole) != 0)
        return false;
    return rest == 0 || ((ip[whole] ^ network[whole]) >> (8 - rest)) == 0;
}

bool mix_ip_is_global(const mix_address *ip) {
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (special[i].family == ip->family && in_prefix(ip->octets, special[i].octets, special[i].bits))
            return special[i].global;
    }
    return true;
}

/* --- text --- */

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static mix_bytes trim(mix_bytes t) {
    while (t.len > 0 && is_space(t.data[0]))
        t = mix_bytes_slice(t, 1, t.len);
    while (t.len > 0 && is_space(t.data[t.len - 1]))
        t.len--;
    return t;
}

/* Position of c, or t.len. */
static size_t find(mix_bytes t, uint8_t c) {
    const uint8_t *p = t.len > 0 ? memchr(t.data, c, t.len) : NULL;
    return p ? (size_t)(p - t.data) : t.len;
}

static bool parse_number(mix_bytes t, unsigned max, unsigned *out) {
    unsigned v = 0;
    if (t.len == 0 || t.len > 5)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        v = v * 10 + (unsigned)(t.data[i] - '0');
    }
    *out = v;
    return v <= max;
}

static bool parse_ports(mix_policy_rule *rule, mix_bytes t) {
    unsigned first = 1, last = UINT16_MAX;
    if (!mix_bytes_equal(t, mix_bytes_str("*"))) {
        size_t dash = find(t, '-');
        if (!parse_number(mix_bytes_slice(t, 0, dash), UINT16_MAX, &first))
            return false;
        last = first;
        if (dash < t.len && (!parse_number(mix_bytes_slice(t, dash + 1, t.len), UINT16_MAX, &last) || first == 0 || last < first))
            return false;
    }
    rule->first = (uint16_t)first;
    rule->last = (uint16_t)last;
    return true;
}

static bool parse_ip(mix_policy_rule *rule, mix_bytes t) {
    if (t.len > 0 && t.data[0] == '*') {
        rule->family = t.len == 2 ? (uint8_t)(t.data[1] - '0') : 0;
        return t.len == 1 || (t.len == 2 && (rule->family == 4 || rule->family == 6));
    }
    size_t slash = find(t, '/');
    mix_bytes ip = mix_bytes_slice(t, 0, slash);
    if (ip.len > 1 && ip.data[0] == '[' && ip.data[ip.len - 1] == ']')
        ip = mix_bytes_slice(ip, 1, ip.len - 2);
    if (mix_ip_parse(&rule->ip, ip) != MIX_OK)
        return false;
    unsigned full = rule->ip.family == 4 ? 32 : 128, bits = full;
    if (slash < t.len && !parse_number(mix_bytes_slice(t, slash + 1, t.len), full, &bits))
        return false;
    rule->family = rule->ip.family;
    rule->bits = (uint8_t)bits;
    return true;
}

static bool parse_action(mix_policy_rule *rule, mix_bytes t) {
    rule->six = t.len == 7 && t.data[6] == '6';
    t.len -= rule->six;
    rule->accept = mix_bytes_equal(t, mix_bytes_str("accept"));
    return rule->accept || mix_bytes_equal(t, mix_bytes_str("reject"));
}

/* 1: a rule, 0: nothing on this line, −1: malformed. */
static int parse_line(mix_policy_rule *rule, mix_bytes line) {
    static const char prefix_word[] = "ExitPolicy";
    line = trim(mix_bytes_slice(line, 0, find(line, '#')));
    if (line.len == 0)
        return 0;
    size_t n = sizeof prefix_word - 1;
    if (!mix_bytes_equal(mix_bytes_slice(line, 0, n), mix_bytes_str(prefix_word)))
        return -1;
    line = trim(mix_bytes_slice(line, n, line.len));
    size_t space = find(line, ' '), colon = line.len;
    mix_bytes pattern = mix_bytes_slice(line, space + 1, line.len);
    for (colon = pattern.len; colon > 0 && pattern.data[colon - 1] != ':';)
        colon--;
    *rule = (mix_policy_rule){0};
    if (space == line.len || colon == 0 || !parse_action(rule, mix_bytes_slice(line, 0, space)) ||
        !parse_ip(rule, mix_bytes_slice(pattern, 0, colon - 1)) || !parse_ports(rule, mix_bytes_slice(pattern, colon, pattern.len)))
        return -1;
    return 1;
}

int mix_policy_parse(mix_policy *out, mix_bytes text, size_t *bad_line) {
    mix_policy p = {0};
    size_t cap = 0;
    int status = MIX_OK;
    for (size_t number = 1; text.len > 0 && status == MIX_OK; number++) {
        size_t end = find(text, '\n');
        mix_policy_rule rule;
        int kind = parse_line(&rule, mix_bytes_slice(text, 0, end));
        text = mix_bytes_slice(text, end + 1, text.len);
        if (kind < 0) {
            status = MIX_ERR_POLICY;
            if (bad_line)
                *bad_line = number;
        }
        if (kind <= 0)
            continue;
        if (p.count == cap) {
            cap = cap ? cap * 2 : 64;
            mix_policy_rule *rules = cap > MIX_POLICY_MAX ? NULL : mix_realloc(p.rules, cap * sizeof *rules);
            if (!rules) {
                status = cap > MIX_POLICY_MAX ? MIX_ERR_LIMIT : MIX_ERR_MEMORY;
                break;
            }
            p.rules = rules;
        }
        p.rules[p.count++] = rule;
    }
    if (status == MIX_OK)
        *out = p;
    else
        mix_policy_deinit(&p);
    return status;
}

void mix_policy_deinit(mix_policy *p) {
    mix_free(p->rules);
    *p = (mix_policy){0};
}

static void format_rule(mix_buf *out, const mix_policy_rule *rule) {
    char ip[MIX_ADDRESS_TEXT], text[MIX_ADDRESS_TEXT + 48];
    mix_buf_put_str(out, rule->accept ? "ExitPolicy accept" : "ExitPolicy reject");
    mix_buf_put_str(out, rule->six ? "6 " : " ");
    if (rule->bits == 0) {
        mix_buf_put_str(out, rule->family == 0 ? "*" : rule->family == 4 ? "*4" : "*6");
    } else {
        mix_ip_format(ip, &rule->ip);
        snprintf(text, sizeof text, "%s/%u", ip, rule->bits);
        mix_buf_put_str(out, text);
    }
    if (rule->first == 1 && rule->last == UINT16_MAX)
        snprintf(text, sizeof text, ":*");
    else if (rule->first == rule->last)
        snprintf(text, sizeof text, ":%u", rule->first);
    else
        snprintf(text, sizeof text, ":%u-%u", rule->first, rule->last);
    mix_buf_put_str(out, text);
}

void mix_policy_format(mix_buf *out, const mix_policy *p) {
    for (size_t i = 0; i < p->count; i++) {
        if (i > 0)
            mix_buf_put_u8(out, '\n');
        format_rule(out, &p->rules[i]);
    }
}

int mix_policy_match(const mix_policy *p, const mix_address *destination) {
    for (size_t i = 0; i < p->count; i++) {
        const mix_policy_rule *rule = &p->rules[i];
        uint16_t port = destination->port;
        if (rule->family != 0 && rule->family != destination->family)
            continue;
        if (rule->bits > 0 && !in_prefix(destination->octets, rule->ip.octets, rule->bits))
            continue;
        if (port == 0 || (port >= rule->first && port <= rule->last))
            return rule->accept;
    }
    return -1;
}
