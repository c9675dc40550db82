/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind the acknowledgement in a Sphinx plaintext: a key or its digest, then the
 * encrypted fragment. Spec: 2-messages.md §0.1, §6. */
#ifndef MIX_TRAFFIC_PAYLOAD_H
#define MIX_TRAFFIC_PAYLOAD_H

#include "base/buf.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "sphinx/wire.h"

enum { MIX_PAYLOAD_KEY_LEN = 16 };

/* What stands in place of a fragment in cover packets: this text, 01, then zeros (§11). */
#define MIX_COVER_MARK "The cake is a lie!"

/* Bytes of a fragment in a packet of this size, forward or reply: 1611 for regular; 0 for sizes
 * that carry none. */
size_t mix_fragment_space(mix_packet_size size);

/* Appends ephemeral public key || encrypted content (§6.1), with a new key pair each time.
 * MIX_ERR_RANDOM, MIX_ERR_CRYPTO, MIX_ERR_MEMORY; out is as before then. */
int mix_payload_seal_forward(mix_crypto *c, const mix_env *env, mix_buf *out,
                             const uint8_t recipient_key[static MIX_KEY_LEN], mix_bytes content);
/* Appends BLAKE3(key) || encrypted content (§6.2). A key serves once. MIX_ERR_CRYPTO,
 * MIX_ERR_MEMORY. */
int mix_payload_seal_reply(mix_crypto *c, mix_buf *out,
                           const uint8_t key[static MIX_PAYLOAD_KEY_LEN], mix_bytes content);
/* Appends the content of what seal_forward made, delivered whole; secret is the recipient's
 * encryption key. Nothing authenticates it here: any 32 bytes open to something.
 * MIX_ERR_DELIVERED_SHORT for less, MIX_ERR_CRYPTO, MIX_ERR_MEMORY. */
int mix_payload_open_forward(mix_crypto *c, mix_buf *out, const uint8_t secret[static MIX_KEY_LEN],
                             mix_bytes delivered);
/* Appends the content; sealed is what follows the digest, by which the caller found the key. */
int mix_payload_open_reply(mix_crypto *c, mix_buf *out,
                           const uint8_t key[static MIX_PAYLOAD_KEY_LEN], mix_bytes sealed);

#endif
