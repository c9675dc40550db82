/* SPDX-License-Identifier: Apache-2.0 */
/* Ephemeral keys for peers that come again: each packet takes a new key and the same recipient, so
 * tables of multiples for the base point and for the peers in use pay after a few packets. */
#include "crypto/context.h"

#include "base/alloc.h"
#include "mix/errors.h"

/* A table costs as much as about this many exchanges gain: see bench/crypto_bench.c. */
enum { USES_BEFORE_TABLE = 8 };

static const uint8_t base_point[MIX_KEY_LEN] = {9};

/* The entry of a peer after this use of it, made in place of the one least recently used. */
static mix_known_peer *use_peer(mix_crypto *c, const uint8_t key[static MIX_KEY_LEN]) {
    mix_known_peer *found = &c->peers[0];
    for (size_t i = 0; i < MIX_KNOWN_PEERS; i++) {
        mix_known_peer *p = &c->peers[i];
        if (p->last_use > 0 && memcmp(p->key, key, MIX_KEY_LEN) == 0) {
            found = p;
            break;
        }
        if (p->last_use < found->last_use)
            found = p;
    }
    if (found->last_use == 0 || memcmp(found->key, key, MIX_KEY_LEN) != 0) {
        mix_curve_table_free(found->table);
        *found = (mix_known_peer){0};
        memcpy(found->key, key, MIX_KEY_LEN);
    }
    found->last_use = ++c->peer_clock;
    found->uses++;
    return found;
}

/* NULL when there is no memory, and for keys of the twist. Both are asked for again only much
 * later. */
static const mix_curve_table *table_of(mix_curve_table **table, uint64_t uses,
                                       const uint8_t key[static MIX_KEY_LEN]) {
    if (!*table && (uses & (uses - 1)) == 0 && uses >= USES_BEFORE_TABLE)
        (void)mix_curve_table_new(table, key);
    return *table;
}

void mix_x25519_ephemeral(mix_crypto *c, uint8_t public[static MIX_KEY_LEN],
                          uint8_t shared[static MIX_KEY_LEN],
                          const uint8_t secret[static MIX_KEY_LEN],
                          const uint8_t peer[static MIX_KEY_LEN]) {
    mix_known_peer *p = use_peer(c, peer);
    const mix_curve_table *tables[2] = {table_of(&c->base, c->peer_clock, base_point),
                                        table_of(&p->table, p->uses, peer)};
    uint8_t copy[MIX_KEY_LEN], product[2][MIX_KEY_LEN];
    memcpy(copy, secret, sizeof copy); /* outputs may lie on it */
    if (tables[0] && tables[1]) {
        mix_scalar_from_clamped(product[0], copy);
        memcpy(product[1], product[0], MIX_KEY_LEN);
        mix_curve_multiply(product, tables, (const uint8_t(*)[MIX_KEY_LEN])product, 2);
    } else {
        mix_x25519(product[1], copy, peer);
        mix_x25519_public(product[0], copy);
    }
    memcpy(public, product[0], MIX_KEY_LEN);
    memcpy(shared, product[1], MIX_KEY_LEN);
    mix_wipe(copy, sizeof copy);
    mix_wipe(product, sizeof product);
}

void mix_known_peers_deinit(mix_crypto *c) {
    mix_curve_table_free(c->base);
    for (size_t i = 0; i < MIX_KNOWN_PEERS; i++)
        mix_curve_table_free(c->peers[i].table);
}
