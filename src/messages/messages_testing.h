/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: two engines with a network between them that is one function, and a small mixnet whose
 * keys are known. */
#ifndef MIX_MESSAGES_TESTING_H
#define MIX_MESSAGES_TESTING_H

#include "messages/messages.h"
#include "testing.h"

typedef struct side {
    mix_messages *m;
    mix_client_keys keys;
    mix_recipient address;
} side;

enum { WORLD_NODES = 8 };

typedef struct world {
    mix_test_env env;
    mix_crypto *crypto;
    mix_sphinx *sphinx;
    mix_topology *topology;
    mix_node nodes[WORLD_NODES];
    uint8_t secrets[WORLD_NODES][MIX_KEY_LEN];
    side client, exit;
    mix_time now;
} world;

/* Engines with the configurations of client and exit, changed by these functions if they are not
 * NULL. */
void world_init(world *w, uint64_t seed, void (*client)(mix_messages_config *),
                void (*exit)(mix_messages_config *));
/* New engines and keys in the same world, from this seed. */
void world_renew(world *w, uint64_t seed, void (*client)(mix_messages_config *),
                 void (*exit)(mix_messages_config *));
void world_deinit(world *w);
/* A snapshot of the same nodes in this rotation; the caller's to free. */
mix_topology *world_topology(const world *w, uint32_t rotation_id);

/* What the receiver's gateway would deliver for this item. */
void world_seal(world *w, mix_buf *out, const mix_traffic_item *item);
/* Moves all that waits in all lanes from one side to the other; returns how many packets went.
 * Statuses must be MIX_OK. */
size_t world_carry(world *w, side *from, side *to);
/* Both ways until nothing moves. */
size_t world_settle(world *w);
/* What the next event of a side must be. Its data stay valid until the next call for that side. */
mix_messages_event world_expect(side *s, mix_messages_event_kind kind);
void world_expect_none(side *s);

/* Writes with all that the test does not care for. */
int world_plain(world *w, side *from, const side *to, mix_bytes data);
int world_repliable(world *w, side *from, const side *to, mix_bytes data, uint32_t surbs);
int world_reply(world *w, side *from, const uint8_t *tag, mix_bytes data);

#endif
