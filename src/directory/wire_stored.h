/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of the directory's answers as one value, with which a later run can begin
 * (mix/storage.h). Numbers are big-endian:
 *   form 1 (1 byte); wall times of the topology's answers and of the descriptions (8, 8), digest of
 * the URLs that were asked (32); epoch, rotation (4, 4), refreshed_at (8); of the key rotation:
 * validity_epochs, initial_epoch, epoch (4 each), epoch_start, epoch_length (8, 8);
 *   the rewarded set, its six roles in the order of mix_role: count (4), ids (4 each);
 *   mix nodes, then gateways: count (4), each: id (4), identity, Sphinx key (32, 32), percent (1),
 * bits (1: exit_ipr 1, has_entry 2, has_wss_port 4), ports mix, ws, wss (2 each), count of
 * addresses (1), each: family (1), octets (4 or 16); length of the hostname (1), hostname; exits:
 * count (4), each: address (96, its gateway is the node itself), version of its router (1), length
 * of the release (1), release. */
#ifndef MIX_DIRECTORY_WIRE_STORED_H
#define MIX_DIRECTORY_WIRE_STORED_H

#include "directory/snapshot.h"

enum {
    MIX_STORED_MAX = 4 << 20,   /* bytes of a value; that of a thousand nodes has some 150 KB */
    MIX_STORED_IDS_MAX = 65536, /* of a rewarded set: an answer cannot hold more */
};

typedef struct mix_stored {
    int64_t fetched, described; /* µs since 1970 by our clock */
    uint8_t asked[MIX_KEY_LEN]; /* mix_stored_digest */
    mix_page_metadata metadata; /* epoch_id, rotation_id, refreshed_at alone */
    mix_rotation_info rotation;
    mix_rewarded rewarded; /* epoch_id is the metadata's */
    mix_kept_list mixnodes, gateways;
    mix_kept_exits exits;
} mix_stored;
void mix_stored_deinit(mix_stored *s);

/* Of base URLs, in their order. MIX_ERR_MEMORY. */
int mix_stored_digest(uint8_t out[static MIX_KEY_LEN], char *const *urls, size_t count);
/* Appends the value. MIX_ERR_MEMORY, MIX_ERR_DIRECTORY_SIZE; nothing is appended then. */
int mix_stored_encode(mix_buf *out, const mix_stored *s);
/* Strictly what encode writes, by the rules of snapshot.h; that identities are points of the curve
 * was seen to when they came. *out is the caller's to deinit. MIX_ERR_DIRECTORY_MALFORMED (also for
 * another form), MIX_ERR_DIRECTORY_SIZE, MIX_ERR_MEMORY, noted. */
int mix_stored_decode(mix_stored *out, mix_bytes in, mix_error *e);

#endif
