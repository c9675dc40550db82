/* SPDX-License-Identifier: Apache-2.0 */
/* The frames that carry Noise messages. Spec: 1-sphinx.md §2.3. */
#ifndef MIXNET_LINK_WIRE_H
#define MIXNET_LINK_WIRE_H

#include "base/buf.h"

enum {
    MIXNET_NOISE_HEAD = 8,
    MIXNET_NOISE_VERSION = 1,
    MIXNET_NOISE_XKPSK3 = 1, /* the pattern that nodes use */
    MIXNET_NOISE_MESSAGE_MAX = 65535,
};
typedef enum mixnet_noise_kind {
    MIXNET_NOISE_HANDSHAKE = 0,
    MIXNET_NOISE_DATA = 1
} mixnet_noise_kind;

/* Appends a head; so many bytes of message follow. */
void mixnet_noise_head_encode(mix_buf *out, mixnet_noise_kind kind, size_t len);
/* Cuts a message of this kind from the front of in, borrowed: MIX_OK (*used bytes are done),
 * MIX_DONE (wait for more), MIX_ERR_NOISE (another version, pattern or kind). */
int mixnet_noise_decode(mix_bytes *message, size_t *used, mixnet_noise_kind kind, mix_bytes in);

#endif
