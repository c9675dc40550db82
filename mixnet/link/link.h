/* SPDX-License-Identifier: Apache-2.0 */
/* One connection between two nodes: the connecting side sends frames, the accepting side reads
 * them; in the clear, or within Noise. Above: node/node.h. Below: the host's TCP. Bytes: wire.c and
 * sphinx/wire.h. Spec: 1-sphinx.md §2.1–2.3. */
#ifndef MIXNET_LINK_LINK_H
#define MIXNET_LINK_LINK_H

#include "base/log.h"
#include "crypto/crypto.h"
#include "sphinx/wire.h"

typedef struct mixnet_link mixnet_link;

enum {
    MIXNET_LINK_QUEUE = 2000,           /* frames that wait for the other side at most */
    MIXNET_LINK_QUEUE_BYTES = 16 << 20, /* and their bytes */
    MIXNET_LINK_HANDSHAKE_MS = 1500,    /* for the whole handshake */
    MIXNET_LINK_DRAIN_MAX = 65543,      /* bytes that one drain appends at most */
};

/* Sums over all links that are given the same one. */
typedef struct mixnet_link_stats {
    uint64_t bytes_in, bytes_out; /* as they go over the wire */
    uint64_t frames_in, frames_out;
    uint64_t handshakes; /* that succeeded */
    /* dropped frames, by reason */
    uint64_t full;   /* the queue was */
    uint64_t broken; /* they waited when the link ended */
    /* broken links, by reason */
    uint64_t bad_frame, bad_noise, late, no_memory;
} mixnet_link_stats;

/* Noise of a link: NULL in the configuration for none. Which it is follows from the directory at
 * both ends; a link of another kind fails. */
typedef struct mixnet_link_noise {
    uint8_t secret[MIX_KEY_LEN]; /* our static key */
    uint8_t peer[MIX_KEY_LEN];   /* the side that connects: the other's public key */
} mixnet_link_noise;

typedef struct mixnet_link_config {
    bool connects;                  /* we opened it: it sends */
    const mixnet_link_noise *noise; /* only read by new */
    mixnet_link_stats *stats;       /* borrowed; NULL: not counted */
} mixnet_link_config;

/* crypto and env are borrowed; both may be NULL without Noise. MIX_ERR_MEMORY, and with Noise
 * MIX_ERR_RANDOM, MIX_ERR_CRYPTO. */
int mixnet_link_new(mixnet_link **out, const mixnet_link_config *config, mix_crypto *crypto,
                    const mix_env *env, mix_time now);
void mixnet_link_free(mixnet_link *l); /* NULL is fine; wipes keys */
/* The connection is there only now: the time of the handshake starts here. For a link that was made
 * before, so that frames can wait in it. */
void mixnet_link_connected(mixnet_link *l, mix_time now);

/* From below: takes bytes from the front of *in until a frame is whole: MIX_OK, the frame is valid
 * until the next call or until the bytes of *in go. MIX_DONE: all was taken; a handshake may have
 * to be drained. Else the connection is of no more use: MIX_ERR_FRAME_…, MIX_ERR_NOISE (header or
 * handshake malformed, or a link of another kind), MIX_ERR_AEAD, MIX_ERR_STATE (the other side may
 * not send), MIX_ERR_MEMORY; it says the same ever after. */
int mixnet_link_feed(mixnet_link *l, mix_bytes *in, mix_frame *out);

/* From above: a whole frame for the other side, kept until it is drained. MIX_BLOCKED when full: it
 * is dropped and counted. MIX_ERR_STATE on the side that accepts, MIX_ERR_MEMORY, or why the link
 * is broken. */
int mixnet_link_write(mixnet_link *l, mix_bytes frame);
/* To below: appends what is to be sent next; MIX_DONE when there is nothing for now. */
int mixnet_link_drain(mixnet_link *l, mix_buf *out);

mix_time mixnet_link_deadline(const mixnet_link *l);
/* MIX_OK, or MIX_ERR_LINK_TIMEOUT when the handshake takes too long: the connection is of no more
 * use. */
int mixnet_link_tick(mixnet_link *l, mix_time now);

bool mixnet_link_open(const mixnet_link *l); /* frames can pass: no handshake is in progress */
/* The other side's static key once the link is open; false without Noise. */
bool mixnet_link_peer(const mixnet_link *l, uint8_t out[static MIX_KEY_LEN]);

#endif
