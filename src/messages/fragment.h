/* SPDX-License-Identifier: Apache-2.0 */
/* How a message is cut: the number of fragments and sets, the padding, and what each fragment is
 * (2-messages.md §4, §5.2). */
#ifndef MIX_MESSAGES_FRAGMENT_H
#define MIX_MESSAGES_FRAGMENT_H

#include "base/log.h"
#include "messages/wire.h"

enum { MIX_FRAGMENT_SPACE_LEAST = MIX_FRAGMENT_LINKED_LEN + 1 };

/* A plan for a padded message: everything follows from its length and the space for one fragment.
 */
typedef struct mix_split {
    size_t space; /* bytes of each fragment, header included */
    size_t sets;
    size_t fragments; /* of all sets */
    size_t zeros;     /* behind the end mark, so that the last fragment is full */
} mix_split;

/* For message_len bytes (the end mark comes on top); space ≥ MIX_FRAGMENT_SPACE_LEAST and
 * message_len < SIZE_MAX / 2 (assert). */
mix_split mix_split_plan(size_t message_len, size_t space);
/* The index-th fragment (0 …): header fields and, as payload.len, the length of its payload
 * (payload.data is NULL). ids holds one identifier for each set. */
mix_fragment mix_split_at(const mix_split *plan, const uint32_t *ids, size_t index);
/* Draws identifiers for all sets of a message, different from each other. MIX_ERR_RANDOM. */
int mix_split_ids(uint32_t *ids, size_t sets, const mix_env *env);
/* Takes the padding off: the message in front of the last 01. MIX_ERR_MESSAGE_PADDING. */
int mix_message_unpad(mix_bytes *message, mix_bytes padded);

#endif
