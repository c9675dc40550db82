/* SPDX-License-Identifier: Apache-2.0 */
/* Which destinations an exit lets through: global addresses, and the text form of exit policies. Spec: 5-ipr.md §5.9. */
#ifndef MIX_IPR_POLICY_H
#define MIX_IPR_POLICY_H

#include "base/address.h"

/* Whether the address is a global one; the port is not looked at. Multicast counts as global. */
bool mix_ip_is_global(const mix_address *ip);

typedef struct mix_policy_rule {
    bool accept, six;      /* six: written as accept6 or reject6, which matches no differently */
    uint8_t family;        /* 0: any address, else 4 or 6 */
    uint8_t bits;          /* of the prefix; 0: all of that family */
    mix_address ip;
    uint16_t first, last;  /* ports; 0–0: no port */
} mix_policy_rule;

enum { MIX_POLICY_MAX = 65536 }; /* rules */
typedef struct mix_policy {
    mix_policy_rule *rules;
    size_t count;
} mix_policy; /* {0}: no rules */

/* Reads a whole text; one bad line makes all of it fail: MIX_ERR_POLICY, *bad_line (may be NULL) its number from 1. MIX_ERR_LIMIT for
 * too many rules, MIX_ERR_MEMORY. */
int mix_policy_parse(mix_policy *out, mix_bytes text, size_t *bad_line);
/* The normal form: a line a rule, joined by line ends. */
void mix_policy_format(mix_buf *out, const mix_policy *p);
void mix_policy_deinit(mix_policy *p);
/* The first rule that matches decides: 1 accept, 0 reject, −1 no rule matched. Port 0 (none) matches every range. */
int mix_policy_match(const mix_policy *p, const mix_address *destination);

#endif
