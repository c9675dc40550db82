/* SPDX-License-Identifier: Apache-2.0 */
/* The one state of the seam, and socket addresses in both forms. */
#ifndef MIX_SOCKETS_INTERNAL_H
#define MIX_SOCKETS_INTERNAL_H

#include "base/map.h"
#include "sockets/seam.h"
#include "sockets/sockets.h"

#include <netinet/in.h>

/* A socket's descriptor is its number in tcpip/, plus the first one (never one of a real file in
 * WASM), plus as many as there can be for each stack before: those of stacks that are gone can be
 * told from all others. */
enum { FIRST_FD = 16, STACKS = 1 << 22 };

typedef struct seam_state {
    const mix_env *env;
    mix_tcpip *stack;
    int stacks; /* before this one, modulo STACKS */
    mix_time now;
    uint64_t moved;
    bool random_failed;
    uint8_t secret[MIX_SIPHASH_KEY_LEN];
    uint64_t drawn; /* with the secret: what random() falls back to */
} seam_state;
extern seam_state mix_seam;

/* The mix_address of a sockaddr; MIX_ERR_ADDRESS (another family, too short). */
int mix_seam_from_sockaddr(mix_address *out, const struct sockaddr *in, socklen_t len);
void mix_seam_to_sockaddr(struct sockaddr *out, socklen_t *len, const mix_address *in);

#endif
