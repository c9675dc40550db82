/* SPDX-License-Identifier: Apache-2.0 */
/* What an acknowledgement carries: the identifier of a fragment, sealed by its sender for itself.
 * Spec: 2-messages.md §7. */
#ifndef MIX_TRAFFIC_ACK_H
#define MIX_TRAFFIC_ACK_H

#include "base/log.h"
#include "crypto/crypto.h"

enum {
    MIX_FRAGMENT_ID_LEN = 5, /* set identifier (u32, bit 31 clear), position; zeros: cover */
    MIX_ACK_PLAINTEXT_LEN = 21,
    /* In the first byte of an identifier: of a packet's copy. Nobody but us sees it. */
    MIX_ACK_OF_COPY = 0x80,
};

/* MIX_ERR_RANDOM, MIX_ERR_CRYPTO; out is wiped then. */
int mix_ack_seal(mix_crypto *c, const mix_env *env, uint8_t out[static MIX_ACK_PLAINTEXT_LEN],
                 const uint8_t key[static MIX_AES128_KEY_LEN],
                 const uint8_t id[static MIX_FRAGMENT_ID_LEN]);
/* id may have MIX_ACK_OF_COPY set. MIX_ERR_ACK when it has the wrong length, only one of set and
 * position is zero, or a copy's are. MIX_ERR_CRYPTO. */
int mix_ack_open(mix_crypto *c, uint8_t id[static MIX_FRAGMENT_ID_LEN],
                 const uint8_t key[static MIX_AES128_KEY_LEN], mix_bytes delivered);

#endif
