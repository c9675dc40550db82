/* SPDX-License-Identifier: Apache-2.0 */
/* Entry gateways and exits to try, from what is kept of the directory's answers. Spec:
 * 4-directory.md §7, §9. */
#ifndef MIX_DIRECTORY_SELECT_H
#define MIX_DIRECTORY_SELECT_H

#include "directory/choice.h"
#include "directory/snapshot.h"

typedef struct mix_entry {
    uint8_t identity[MIX_KEY_LEN];
    char url[MIX_URL_MAX];
} mix_entry;

typedef struct mix_exit {
    mix_recipient address;
    uint8_t ipr_version;           /* 9 or 10: what its release speaks best */
    char release[MIX_RELEASE_MAX]; /* empty: not known */
} mix_exit;

typedef struct mix_selection {
    const mix_env *env;
    const mix_kept_list *mixnodes, *gateways;
    const mix_kept_exits *exits;
    const mix_topology *topology;
    mix_time now;
} mix_selection;

/* The gateway with this identity. MIX_ERR_PREFERRED_GATEWAY, noted. */
int mix_select_entry(const mix_selection *s, bool tls, const uint8_t identity[static MIX_KEY_LEN],
                     mix_entry *out, mix_error *e);
/* Any gateway, each with the same chance; keep (or NULL) and an only exit come last.
 * MIX_ERR_NO_ENTRY (noted), MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_select_entries(const mix_selection *s, bool tls, const uint8_t *keep, const mix_blames *bad,
                       mix_entry *out, size_t max, size_t *count, mix_error *e);
/* Any exit, by its performance; entry (or NULL) comes last. MIX_ERR_NO_EXIT (noted),
 * MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_select_exits(const mix_selection *s, const uint8_t *entry, const mix_blames *bad,
                     mix_exit *out, size_t max, size_t *count, mix_error *e);

#endif
