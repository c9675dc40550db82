/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking of candidates: a weighted random order in which nodes that failed lately come last. */
#ifndef MIX_DIRECTORY_CHOICE_H
#define MIX_DIRECTORY_CHOICE_H

#include "base/log.h"
#include "crypto/crypto.h"

enum {
    MIX_BLAMED_MAX = 64,    /* nodes remembered; beyond, the least blamed one is forgotten */
    MIX_BLAME_ONE = 1000,   /* one failure; it halves every MIX_BLAME_HALF_LIFE */
    MIX_BLAME_MOST = 16000, /* however often it failed: forgotten after five half-lives */
    MIX_BLAME_GOOD =
        501, /* below it a node is as good as any other: one failure counts for one half-life */
};
#define MIX_BLAME_HALF_LIFE MIX_SECONDS(600)

/* Who failed, and how lately. {0} is empty. */
typedef struct mix_blames {
    struct mix_blame {
        uint8_t identity[MIX_KEY_LEN];
        uint32_t score;
        mix_time at; /* of the score */
    } rows[MIX_BLAMED_MAX];
    size_t count;
} mix_blames;

void mix_blame_add(mix_blames *b, const uint8_t identity[static MIX_KEY_LEN], mix_time now);
void mix_blame_clear(mix_blames *b,
                     const uint8_t identity[static MIX_KEY_LEN]); /* it works again */
uint32_t mix_blame_score(const mix_blames *b, const uint8_t identity[static MIX_KEY_LEN],
                         mix_time now);

typedef struct mix_candidate {
    size_t index;    /* the caller's */
    uint32_t weight; /* 0: never chosen; the sum of all is below 2³² */
    uint32_t blame;
    bool last; /* only when nothing else is left */
} mix_candidate;

/* Puts the first *count ≤ max of the ranking in front of candidates, of which there are n: first
 * those without blame, drawn at random by their weights without putting back; then the blamed ones,
 * the least blamed first; then those marked last, drawn at random. Those of weight 0 are left out.
 * MIX_ERR_RANDOM. */
int mix_choice_rank(const mix_env *env, mix_candidate *candidates, size_t n, size_t max,
                    size_t *count);

#endif
