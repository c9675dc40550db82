/* SPDX-License-Identifier: Apache-2.0 */
/* Blame that decays, and the ranking. */
#include "directory/choice.h"

#include "directory/pick.h"

/* Halves at each half-life, straight in between. */
static uint32_t decayed(const struct mix_blame *row, mix_time now) {
    mix_time age = now > row->at ? now - row->at : 0;
    if (age >= 32 * MIX_BLAME_HALF_LIFE)
        return 0;
    uint32_t from = row->score >> (age / MIX_BLAME_HALF_LIFE);
    return from -
           (uint32_t)(from / 2 * (uint64_t)(age % MIX_BLAME_HALF_LIFE) / MIX_BLAME_HALF_LIFE);
}

static struct mix_blame *find(const mix_blames *b, const uint8_t identity[static MIX_KEY_LEN]) {
    for (size_t i = 0; i < b->count; i++) {
        if (memcmp(b->rows[i].identity, identity, MIX_KEY_LEN) == 0)
            return (struct mix_blame *)&b->rows[i];
    }
    return NULL;
}

static struct mix_blame *least_blamed(mix_blames *b, mix_time now) {
    struct mix_blame *least = &b->rows[0];
    for (size_t i = 1; i < b->count; i++) {
        if (decayed(&b->rows[i], now) < decayed(least, now))
            least = &b->rows[i];
    }
    return least;
}

void mix_blame_add(mix_blames *b, const uint8_t identity[static MIX_KEY_LEN], mix_time now) {
    struct mix_blame *row = find(b, identity);
    if (!row) {
        row = b->count < MIX_BLAMED_MAX ? &b->rows[b->count++] : least_blamed(b, now);
        *row = (struct mix_blame){.at = now};
        memcpy(row->identity, identity, MIX_KEY_LEN);
    }
    uint32_t score = decayed(row, now) + MIX_BLAME_ONE;
    row->score = score < MIX_BLAME_MOST ? score : MIX_BLAME_MOST;
    row->at = now;
}

void mix_blame_clear(mix_blames *b, const uint8_t identity[static MIX_KEY_LEN]) {
    struct mix_blame *row = find(b, identity);
    if (row)
        *row = b->rows[--b->count];
}

uint32_t mix_blame_score(const mix_blames *b, const uint8_t identity[static MIX_KEY_LEN],
                         mix_time now) {
    const struct mix_blame *row = find(b, identity);
    return row ? decayed(row, now) : 0;
}

static void swap(mix_candidate *a, mix_candidate *b) {
    mix_candidate was = *a;
    *a = *b;
    *b = was;
}

typedef enum tier { GOOD, BLAMED, LAST } tier;

static tier tier_of(const mix_candidate *c) {
    return c->last ? LAST : c->blame < MIX_BLAME_GOOD ? GOOD : BLAMED;
}

/* Draws one of this tier among candidates; MIX_DONE when there is none. */
static int draw(const mix_env *env, const mix_candidate *candidates, size_t n, tier t,
                size_t *out) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += tier_of(&candidates[i]) == t ? candidates[i].weight : 0;
    if (sum == 0)
        return MIX_DONE;
    uint32_t at = 0;
    int status = mix_pick_below(env, (uint32_t)sum, &at);
    if (status != MIX_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        uint32_t weight = tier_of(&candidates[i]) == t ? candidates[i].weight : 0;
        if (at < weight) {
            *out = i;
            return MIX_OK;
        }
        at -= weight;
    }
    return MIX_DONE;
}

static int least(const mix_candidate *candidates, size_t n, size_t *out) {
    int status = MIX_DONE;
    for (size_t i = 0; i < n; i++) {
        bool blamed = tier_of(&candidates[i]) == BLAMED && candidates[i].weight > 0;
        if (blamed && (status == MIX_DONE || candidates[i].blame < candidates[*out].blame)) {
            *out = i;
            status = MIX_OK;
        }
    }
    return status;
}

int mix_choice_rank(const mix_env *env, mix_candidate *candidates, size_t n, size_t max,
                    size_t *count) {
    size_t ranked = 0;
    for (tier t = GOOD; t <= LAST && ranked < max;) {
        size_t at = 0;
        int status = t == BLAMED ? least(candidates + ranked, n - ranked, &at)
                                 : draw(env, candidates + ranked, n - ranked, t, &at);
        if (status < 0)
            return status;
        if (status == MIX_DONE)
            t++;
        else
            swap(&candidates[ranked], &candidates[ranked + at]), ranked++;
    }
    *count = ranked;
    return MIX_OK;
}
