/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates for both ends of the tunnel. */
#include "directory/select.h"

#include "base/alloc.h"
#include "directory/wire_text.h"

static bool is(const uint8_t *a, const uint8_t identity[static MIX_KEY_LEN]) {
    return a && memcmp(a, identity, MIX_KEY_LEN) == 0;
}

int mix_select_entry(const mix_selection *s, bool tls, const uint8_t identity[static MIX_KEY_LEN],
                     mix_entry *out, mix_error *e) {
    char text[MIX_KEY_TEXT];
    mix_key_format(text, identity);
    const mix_kept_node *node = mix_kept_find(s->gateways, identity);
    if (!node)
        return mix_error_note(e, MIX_ERR_PREFERRED_GATEWAY, "directory", 0,
                              "no gateway with the identity %s", text);
    if (!node->has_entry)
        return mix_error_note(e, MIX_ERR_PREFERRED_GATEWAY, "directory", 0, "%s takes no clients",
                              text);
    mix_entry entry;
    if (!mix_kept_url(entry.url, s->gateways, node, tls, 0))
        return mix_error_note(e, MIX_ERR_PREFERRED_GATEWAY, "directory", 0,
                              "%s has no hostname and port for TLS", text);
    memcpy(entry.identity, identity, MIX_KEY_LEN);
    *out = entry;
    return MIX_OK;
}

/* The one node through which alone the outside could be reached, or NULL. */
static const uint8_t *only_exit(const mix_kept_list *gateways) {
    const uint8_t *only = NULL;
    for (size_t i = 0; i < gateways->count; i++) {
        if (!gateways->nodes[i].exit_ipr)
            continue;
        if (only)
            return NULL;
        only = gateways->nodes[i].identity;
    }
    return only;
}

static size_t put_entries(const mix_selection *s, bool tls, const mix_candidate *ranked, size_t n,
                          mix_entry *out, size_t max) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const mix_kept_node *node = &s->gateways->nodes[ranked[i].index];
        for (size_t which = 0;
             count < max && mix_kept_url(out[count].url, s->gateways, node, tls, which); which++)
            memcpy(out[count++].identity, node->identity, MIX_KEY_LEN);
    }
    return count;
}

int mix_select_entries(const mix_selection *s, bool tls, const uint8_t *keep, const mix_blames *bad,
                       mix_entry *out, size_t max, size_t *count, mix_error *e) {
    const mix_kept_list *gateways = s->gateways;
    const uint8_t *only = only_exit(gateways);
    mix_candidate *candidates = mix_alloc_zero(gateways->count + 1, sizeof *candidates);
    if (!candidates)
        return MIX_ERR_MEMORY;
    size_t n = 0, ranked = 0;
    char url[MIX_URL_MAX];
    for (size_t i = 0; i < gateways->count; i++) {
        const mix_kept_node *node = &gateways->nodes[i];
        if (!mix_kept_url(url, gateways, node, tls, 0))
            continue;
        candidates[n++] = (mix_candidate){
            .index = i,
            .weight = 1,
            .blame = mix_blame_score(bad, node->identity, s->now),
            .last = is(keep, node->identity) || is(only, node->identity),
        };
    }
    int status = mix_choice_rank(s->env, candidates, n, max, &ranked);
    if (status == MIX_OK && n == 0)
        status = mix_error_note(e, MIX_ERR_NO_ENTRY, "directory", (int64_t)gateways->count,
                                "none of %zu gateways takes clients%s", gateways->count,
                                tls ? " by TLS" : "");
    if (status == MIX_OK)
        *count = put_entries(s, tls, candidates, ranked, out, max);
    mix_free(candidates);
    return status;
}

/* §9, and routable (§8.3): a weight of zero is no candidate. */
static uint32_t exit_weight(const mix_selection *s, const mix_kept_exit *x) {
    const mix_kept_node *node = mix_kept_find(s->gateways, x->identity);
    if (!node)
        node = mix_kept_find(s->mixnodes, x->identity);
    return node && node->exit_ipr && mix_topology_find(s->topology, x->identity) ? node->percent
                                                                                 : 0;
}

int mix_select_exits(const mix_selection *s, const uint8_t *entry, const mix_blames *bad,
                     mix_exit *out, size_t max, size_t *count, mix_error *e) {
    const mix_kept_exits *exits = s->exits;
    mix_candidate *candidates = mix_alloc_zero(exits->count + 1, sizeof *candidates);
    if (!candidates)
        return MIX_ERR_MEMORY;
    size_t n = 0, ranked = 0;
    for (size_t i = 0; i < exits->count; i++) {
        const mix_kept_exit *x = &exits->exits[i];
        uint32_t weight = exit_weight(s, x);
        if (weight > 0)
            candidates[n++] = (mix_candidate){
                .index = i,
                .weight = weight,
                .blame = mix_blame_score(bad, x->identity, s->now),
                .last = is(entry, x->identity),
            };
    }
    int status = mix_choice_rank(s->env, candidates, n, max, &ranked);
    if (status == MIX_OK && n == 0)
        status = mix_error_note(
            e, MIX_ERR_NO_EXIT, "directory", (int64_t)exits->count,
            "none of %zu nodes with a packet router can be reached and performs well enough",
            exits->count);
    for (size_t i = 0; status == MIX_OK && i < ranked; i++) {
        const mix_kept_exit *x = &exits->exits[candidates[i].index];
        out[i] = (mix_exit){.address = x->address, .ipr_version = x->ipr_version};
        memcpy(out[i].release, x->release, sizeof x->release);
    }
    if (status == MIX_OK)
        *count = ranked;
    mix_free(candidates);
    return status;
}
