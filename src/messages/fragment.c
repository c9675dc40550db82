/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of cutting: all fragments have the same size, so a message is padded up to the end
 * of its last one. */
#include "messages/fragment.h"

#include "mix/errors.h"

#include <assert.h>

static size_t divide_up(size_t a, size_t b) {
    return a / b + (a % b != 0);
}

/* §4, required_fragments: U bytes in a fragment without link, L in one with; every set but the last
 * is full. */
mix_split mix_split_plan(size_t message_len, size_t space) {
    assert(space >= MIX_FRAGMENT_SPACE_LEAST && message_len < SIZE_MAX / 2);
    size_t len = message_len + 1, u = space - MIX_FRAGMENT_HEADER_LEN,
           l = space - MIX_FRAGMENT_LINKED_LEN;
    size_t link = u - l, full = MIX_FRAGMENT_SET_MOST * u;
    mix_split plan = {.space = space};
    if (len <= full) {
        plan.sets = 1;
        plan.fragments = divide_up(len, u);
        plan.zeros = plan.fragments * u - len;
        return plan;
    }
    /* The first set has one link, those in the middle two. The last one is not empty, and takes 255
     * fragments with one link. */
    size_t ends = 2 * (full - link), middle = full - 2 * link;
    plan.sets = len <= ends ? 2 : 2 + divide_up(len - ends, middle);
    size_t rest = len - (full - link) - (plan.sets - 2) * middle;
    size_t more = rest > l ? divide_up(rest - l, u) : 0;
    plan.fragments = (plan.sets - 1) * MIX_FRAGMENT_SET_MOST + 1 + more;
    plan.zeros = l + more * u - rest;
    return plan;
}

mix_fragment mix_split_at(const mix_split *plan, const uint32_t *ids, size_t index) {
    assert(index < plan->fragments);
    size_t set = index / MIX_FRAGMENT_SET_MOST;
    bool last = set == plan->sets - 1;
    mix_fragment f = {.set = ids[set], .current = (uint8_t)(index % MIX_FRAGMENT_SET_MOST + 1)};
    f.total =
        last ? (uint8_t)(plan->fragments - set * MIX_FRAGMENT_SET_MOST) : MIX_FRAGMENT_SET_MOST;
    if (f.current == 1 && set > 0)
        f.previous = ids[set - 1];
    if (f.current == MIX_FRAGMENT_SET_MOST && !last)
        f.next = ids[set + 1];
    f.payload.len = plan->space - mix_fragment_header_len(&f);
    return f;
}

static bool drawn_before(const uint32_t *ids, size_t count, uint32_t id) {
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

int mix_split_ids(uint32_t *ids, size_t sets, const mix_env *env) {
    for (size_t i = 0; i < sets;) {
        uint32_t id;
        int status = mix_random(env, &id, sizeof id);
        if (status != MIX_OK)
            return status;
        id &= 0x7fffffff;
        if (id != 0 && !drawn_before(ids, i, id)) /* 0 is reserved for cover */
            ids[i++] = id;
    }
    return MIX_OK;
}

int mix_message_unpad(mix_bytes *message, mix_bytes padded) {
    for (size_t i = padded.len; i-- > 0;) {
        if (padded.data[i] == 1) {
            *message = mix_bytes_slice(padded, 0, i);
            return MIX_OK;
        }
    }
    return MIX_ERR_MESSAGE_PADDING;
}
