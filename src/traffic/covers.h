/* SPDX-License-Identifier: Apache-2.0 */
/* Our cover packets that are under way, by the public key in front of what will be delivered of
 * them: so they are known without an X25519, which was half of what an idle client computes for
 * packets that come. One that is forgotten here is opened, and told by its content (§10). */
#ifndef MIX_TRAFFIC_COVERS_H
#define MIX_TRAFFIC_COVERS_H

#include "base/bytes.h"
#include "crypto/crypto.h"

/* About 8 KB. With some 55 cover packets a second and half a second for each, few meet another's
 * place. */
enum { MIX_COVERS = 512, MIX_COVER_PREFIX = 16 };
typedef struct mix_covers {
    bool used[MIX_COVERS];
    uint8_t prefix[MIX_COVERS][MIX_COVER_PREFIX]; /* of the key; its first bytes are the place */
} mix_covers;

void mix_covers_add(mix_covers *c, const uint8_t key[static MIX_KEY_LEN]);
/* Whether this is one of them: it is forgotten then, since each comes back once. */
bool mix_covers_take(mix_covers *c, mix_bytes delivered);

#endif
