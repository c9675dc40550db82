/* SPDX-License-Identifier: Apache-2.0 */
/* What a sender remembers of node keys: on the curve or not, and for those in use a table of
 * multiples. Bounded. */
#ifndef MIX_SPHINX_TABLES_H
#define MIX_SPHINX_TABLES_H

#include "base/map.h"
#include "crypto/curve.h"

typedef enum mix_known_curve { MIX_CURVE_UNKNOWN, MIX_CURVE_ON, MIX_CURVE_OFF } mix_known_curve;

typedef struct mix_known_key mix_known_key;
struct mix_known_key {
    mix_known_key *newer, *older; /* in one of the two lists */
    mix_curve_table *table;       /* or NULL */
    uint64_t used;                /* the clock at the last use */
    mix_known_curve curve;        /* on the curve, or on its twist */
    bool seen_before;             /* the next use is not the first */
    uint8_t key[MIX_KEY_LEN];
};

typedef struct mix_known_list {
    mix_known_key *newest, *oldest;
    size_t len, max;
} mix_known_list;

typedef struct mix_tables {
    mix_map keys;
    mix_known_list with, without; /* a table */
    uint64_t clock;               /* counts uses */
} mix_tables;

int mix_tables_init(mix_tables *t, size_t max, const mix_env *env); /* MIX_ERR_RANDOM */
void mix_tables_deinit(mix_tables *t);
void mix_tables_limit(mix_tables *t, size_t max);
/* What is known of a key, after this use of it; NULL when there is no memory. Valid as are tables
 * found before it, until MIX_TABLES_PINNED further uses. A key gets its table at the second use;
 * when all tables are taken, only if one of them was not used for long: with more keys than tables,
 * keeping those that are there beats building new ones all the time. */
enum { MIX_TABLES_PINNED = 16 };
mix_known_key *mix_tables_use(mix_tables *t, const uint8_t key[static MIX_KEY_LEN]);
/* Whether the key is on the curve: costs something when it is asked first. */
bool mix_known_on_curve(mix_known_key *k);
/* Gives each key a table, in place of those least recently used, until all tables are of these
 * keys. MIX_ERR_MEMORY. */
int mix_tables_warm(mix_tables *t, const uint8_t (*keys)[MIX_KEY_LEN], size_t count);

#endif
