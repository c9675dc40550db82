/* SPDX-License-Identifier: Apache-2.0 */
/* The deterministic core of sphinx/: secrets and padding are given, nothing is drawn. For the files
 * of this folder, its tests and its benches. */
#ifndef MIX_SPHINX_INTERNAL_H
#define MIX_SPHINX_INTERNAL_H

#include "sphinx/sphinx.h"

enum {
    MIX_ROUTING_FORWARD_LEN = 60, /* with gamma: what a hop consumes of beta */
    MIX_ROUTING_FINAL_LEN = 52,
    MIX_SPHINX_GAMMA_LEN = 16,
    MIX_SPHINX_STREAM_LEN = MIX_SPHINX_BETA_LEN + MIX_ROUTING_FORWARD_LEN,
    MIX_SPHINX_PADDING_MAX =
        MIX_SPHINX_BETA_LEN -
        MIX_ROUTING_FINAL_LEN, /* of a route of one hop; 60 less for each more */

    /* Positions in a header (§1.2) and in the expanded secret of a hop (§1.8). */
    MIX_AT_ALPHA = 0,
    MIX_AT_GAMMA = 32,
    MIX_AT_BETA = 48,
    MIX_AT_STREAM_KEY = 0,
    MIX_AT_MAC_KEY = 16,
    MIX_AT_PAYLOAD = 32, /* seed (16) or key (192): they overlap */
    MIX_AT_BLINDING = 224,
    MIX_AT_REPLAY_TAG = 256,
};

/* What one hop reads: a routing block without its padding. wire.c */
typedef struct mix_routing {
    mix_sphinx_kind kind;
    uint16_t version;
    uint8_t address[MIX_SPHINX_ADDRESS_LEN];       /* of the next hop; final: the destination */
    uint64_t delay_ns;                             /* forward */
    uint8_t gamma[MIX_SPHINX_GAMMA_LEN];           /* forward: the next hop's */
    uint8_t identifier[MIX_SPHINX_IDENTIFIER_LEN]; /* final */
} mix_routing;
size_t mix_routing_encode(uint8_t out[static MIX_ROUTING_FORWARD_LEN],
                          const mix_routing *r); /* bytes written */
int mix_routing_decode(mix_routing *out,
                       const uint8_t in[static MIX_ROUTING_FORWARD_LEN]); /* MIX_ERR_SPHINX_FLAG */

/* What a sender derives for one header. secrets.c */
typedef struct mix_sphinx_secrets {
    uint8_t alpha[MIX_KEY_LEN];
    uint8_t hop[MIX_SPHINX_MAX_HOPS][MIX_SPHINX_SECRETS_LEN];
} mix_sphinx_secrets;
static inline bool mix_sphinx_explicit(uint16_t version) { /* payload keys travel whole */
    return version == MIX_SPHINX_V1 || version == MIX_SPHINX_V257 || version == MIX_SPHINX_V258;
}
static inline bool mix_sphinx_legacy(uint16_t version) { /* arithmetic of §1.7 */
    return version == MIX_SPHINX_V1 || version == MIX_SPHINX_V257;
}
/* The first len of the MIX_SPHINX_SECRETS_LEN bytes. */
int mix_sphinx_expand(mix_crypto *c, uint8_t *out, size_t len,
                      const uint8_t shared[static MIX_KEY_LEN]);
/* The payload key of a hop from its material (a seed, or the key itself). */
int mix_sphinx_payload_key(mix_crypto *c, uint8_t out[static MIX_LIONESS_KEY_LEN],
                           const uint8_t *material, bool is_key);
/* As the paper and §1.6 (§1.7 for versions 1 and 257) have it, multiplication by multiplication:
 * the oracle. */
int mix_sphinx_derive_textbook(mix_crypto *c, mix_sphinx_secrets *out,
                               const uint8_t initial[static MIX_KEY_LEN],
                               const mix_sphinx_route *route, uint16_t version);

/* sender.c. The same for count routes at once (at most MIX_SPHINX_TOGETHER), in versions from 258
 * on: one multiplication a hop, tables where there are. Of each hop's secrets only what a sender
 * needs: the first mix_sphinx_needed bytes. */
enum { MIX_SPHINX_TOGETHER = 8 };
static inline size_t mix_sphinx_material_len(uint16_t version) {
    return mix_sphinx_explicit(version) ? MIX_LIONESS_KEY_LEN : MIX_SPHINX_SEED_LEN;
}
/* The replay tag is the node's, and nothing is blinded after the last hop. */
static inline size_t mix_sphinx_needed(uint16_t version, bool last) {
    return last ? MIX_AT_PAYLOAD + mix_sphinx_material_len(version) : MIX_AT_REPLAY_TAG;
}
mix_crypto *mix_sphinx_crypto(const mix_sphinx *s);
int mix_sphinx_derive_fast(mix_sphinx *s, mix_sphinx_secrets *out,
                           const uint8_t (*initial)[MIX_KEY_LEN],
                           const mix_sphinx_route *const *routes, const uint16_t *versions,
                           size_t count);

/* header.c */
/* The first len of the MIX_SPHINX_STREAM_LEN bytes; reads the stream key alone. */
int mix_sphinx_stream(mix_crypto *c, uint8_t *out, size_t len, const uint8_t *hop);
/* Writes 60·(hops − 1) bytes; streams of all hops but the last. */
void mix_sphinx_filler(uint8_t *out, const uint8_t (*streams)[MIX_SPHINX_STREAM_LEN], size_t hops);
int mix_sphinx_mac(mix_crypto *c, uint8_t out[static MIX_SPHINX_GAMMA_LEN],
                   const uint8_t hop[static MIX_SPHINX_SECRETS_LEN],
                   const uint8_t beta[static MIX_SPHINX_BETA_LEN]);
/* padding: MIX_SPHINX_PADDING_MAX − 60·(hops − 1) bytes. */
int mix_sphinx_header(mix_crypto *c, uint8_t out[static MIX_SPHINX_HEADER_LEN],
                      const mix_sphinx_secrets *secrets, const mix_sphinx_route *route,
                      uint16_t version, const uint8_t *padding);

/* payload.c. Appends header || payload, one layer for each of the materials that stand stride bytes
 * apart in hop order. */
int mix_sphinx_seal_with(mix_crypto *c, mix_buf *out,
                         const uint8_t header[static MIX_SPHINX_HEADER_LEN],
                         const uint8_t *material, size_t stride, size_t layers, bool are_keys,
                         size_t payload_size, mix_bytes message);
/* Fills size bytes: 16 zeros, message, 0x01, zeros. The message fits. */
void mix_sphinx_pad(uint8_t *out, size_t size, mix_bytes message);

#endif
