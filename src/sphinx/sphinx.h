/* SPDX-License-Identifier: Apache-2.0 */
/* How a packet is built and unwrapped. Above: traffic, messages (SURBs). Below: crypto. Bytes:
 * wire.c. Spec: 1-sphinx.md. Unless said otherwise a function that fails leaves its outputs as they
 * were, and any can give MIX_ERR_CRYPTO or MIX_ERR_MEMORY. Inputs must not lie in the buffer that
 * is appended to. */
#ifndef MIX_SPHINX_SPHINX_H
#define MIX_SPHINX_SPHINX_H

#include "base/buf.h"
#include "base/log.h"
#include "crypto/crypto.h"

enum {
    MIX_SPHINX_MAX_HOPS = 5,
    MIX_SPHINX_ADDRESS_LEN = 32, /* a node address, zero-padded (§1.4) */
    MIX_SPHINX_IDENTIFIER_LEN = 16,
    MIX_SPHINX_BETA_LEN = 300,
    MIX_SPHINX_HEADER_LEN = 348, /* alpha 32, gamma 16, beta 300 */
    MIX_SPHINX_OVERHEAD = 17,    /* of the payload: 16 zeros in front, 0x01 behind (§1.10) */
    MIX_SPHINX_SEED_LEN = 16,
    MIX_SPHINX_SECRETS_LEN = 288, /* what one hop's shared secret expands to (§1.8) */
    MIX_SPHINX_PAYLOAD_LEAST = MIX_LIONESS_LEAST,
    MIX_SPHINX_PACKET_LEAST =
        MIX_SPHINX_HEADER_LEN + MIX_SPHINX_OVERHEAD, /* shorter ones do not parse */
    MIX_SPHINX_REGULAR_LEN = 2413,
    MIX_SPHINX_ACK_LEN = 386,
    MIX_SURB_LEN_4 = 444,   /* a SURB of version 259 over 4 hops */
    MIX_SURB_LEAST = 396,   /* header, first hop, one seed */
    MIX_SURB_ACK_LEN = 405, /* first hop padded to 19, ack packet (§2.6) */
};

typedef enum mix_sphinx_version { /* any other value is processed as 259 (§1.3) */
                                  MIX_SPHINX_V1 = 1,
                                  MIX_SPHINX_V257 = 257,
                                  MIX_SPHINX_V258 = 258, /* explicit payload keys */
                                  MIX_SPHINX_V259 = 259, /* payload key seeds: current */
} mix_sphinx_version;

typedef struct mix_sphinx_hop {
    uint8_t address[MIX_SPHINX_ADDRESS_LEN];
    uint8_t key[MIX_KEY_LEN]; /* the node's X25519 Sphinx key */
    uint64_t delay_ns;        /* of this hop; the last hop's is not used */
} mix_sphinx_hop;

typedef struct mix_sphinx_route {
    size_t hops; /* 1…5 */
    mix_sphinx_hop hop[MIX_SPHINX_MAX_HOPS];
    uint8_t destination[MIX_KEY_LEN]; /* the client's Ed25519 identity */
    uint8_t identifier[MIX_SPHINX_IDENTIFIER_LEN];
} mix_sphinx_route;

/* The sender's context: fixed-base tables of node keys and the work area of the fast path. One per
 * thread. */
typedef struct mix_sphinx mix_sphinx;
int mix_sphinx_new(mix_sphinx **out, mix_crypto *crypto,
                   const mix_env *env); /* borrows both for life; MIX_ERR_RANDOM */
void mix_sphinx_free(mix_sphinx *s);    /* NULL is fine; wipes */
/* Builds the tables of these keys now instead of at their second use, as many as the bound allows;
 * the first ones count most. For when a topology was loaded. Keys that have a table cost nothing.
 * MIX_ERR_MEMORY: those before the failure stay. */
int mix_sphinx_warm(mix_sphinx *s, const uint8_t (*keys)[MIX_KEY_LEN], size_t count);
/* The bound of tables, each about 26 KiB (curve.h tells); 0: none. The default holds all of today's
 * main network in 6.4 MiB. Keys beyond it cost an X25519 at each use. */
enum { MIX_SPHINX_TABLES_DEFAULT = 256 };
void mix_sphinx_limit(mix_sphinx *s, size_t tables);

/* One header to build, and what comes of it. Set the inputs, call mix_sphinx_headers, read the
 * outputs; wipe when done. */
typedef struct mix_sphinx_job {
    const mix_sphinx_route *route;
    uint16_t version; /* 258 or 259 */
    uint8_t header[MIX_SPHINX_HEADER_LEN];
    /* Payload material per hop: for 258 the 192-byte keys, for 259 the 16-byte seeds in the first
     * bytes of each. */
    uint8_t material[MIX_SPHINX_MAX_HOPS][MIX_LIONESS_KEY_LEN];
} mix_sphinx_job;
/* All headers at once: the more, the cheaper each is. Randomness from env. On failure the outputs
 * of all jobs are wiped. MIX_ERR_SPHINX_ROUTE, _VERSION, MIX_ERR_RANDOM. */
int mix_sphinx_headers(mix_sphinx *s, mix_sphinx_job *jobs, size_t count);

/* Appends header || sealed payload: message padded to payload_size and a layer per hop.
 * MIX_ERR_SPHINX_MESSAGE when the message is longer than payload_size − 17,
 * MIX_ERR_SPHINX_PAYLOAD_SIZE when payload_size < 33. */
int mix_sphinx_seal(mix_sphinx *s, mix_buf *out, const mix_sphinx_job *job, size_t payload_size,
                    mix_bytes message);
/* Both in one: a whole packet. */
int mix_sphinx_build(mix_sphinx *s, mix_buf *out, const mix_sphinx_route *route, uint16_t version,
                     size_t payload_size, mix_bytes message);

/* SURBs (§1.13): count of them appended one after another, each header || first hop || seeds (259)
 * or keys (258). Errors as of mix_sphinx_headers. */
int mix_surb_make(mix_sphinx *s, mix_buf *out, const mix_sphinx_route *routes, size_t count,
                  uint16_t version);
/* Length of a SURB with this many hops. */
size_t mix_surb_len(size_t hops, uint16_t version);
/* Checks the shape of a SURB and its first hop: MIX_OK, MIX_ERR_SPHINX_SURB or MIX_ERR_ADDRESS.
 * What its header does is known to the nodes alone. */
int mix_surb_check(mix_bytes surb);
/* Uses a SURB: appends the packet, and gives the first hop's address. Errors of mix_surb_check and
 * mix_sphinx_seal. */
int mix_surb_use(mix_sphinx *s, mix_buf *out, uint8_t first_hop[static MIX_SPHINX_ADDRESS_LEN],
                 mix_bytes surb, size_t payload_size, mix_bytes message);
/* The creator's side of a single-seed SURB (§1.14, version 260), whose last hop is the creator
 * itself: takes off the layers that the hops put on, given the seeds of all hops in their order.
 * Appends the message. MIX_ERR_SPHINX_SURB for seeds that are not 1…5 times 16 bytes,
 * MIX_ERR_SPHINX_PAYLOAD when the payload does not open with them. */
int mix_surb_recover(mix_crypto *c, mix_buf *out, mix_bytes seeds, mix_bytes payload);

/* Processing at a node (§1.11), in two steps: the replay check of the tag fits between them. */
typedef enum mix_sphinx_kind { MIX_SPHINX_FORWARD = 1, MIX_SPHINX_FINAL = 2 } mix_sphinx_kind;
typedef struct mix_sphinx_opened {
    uint8_t replay_tag[MIX_KEY_LEN];
    uint8_t secrets[MIX_SPHINX_SECRETS_LEN]; /* of this hop; private to sphinx/ */
} mix_sphinx_opened;
typedef struct mix_sphinx_result {
    mix_sphinx_kind kind;
    uint16_t version;                             /* as the sender wrote it; any value */
    uint8_t next_address[MIX_SPHINX_ADDRESS_LEN]; /* forward */
    uint64_t delay_ns;                            /* forward */
    uint8_t destination[MIX_KEY_LEN];             /* final */
    uint8_t identifier[MIX_SPHINX_IDENTIFIER_LEN];
} mix_sphinx_result;
/* Step one: the header's MAC holds under this key. A packet that is not finished then needs
 * mix_sphinx_opened_deinit. MIX_ERR_SPHINX_SIZE for less than 365 bytes, MIX_ERR_SPHINX_MAC. */
int mix_sphinx_open(mix_crypto *c, mix_sphinx_opened *out, const uint8_t secret[static MIX_KEY_LEN],
                    mix_bytes packet);
/* Step two, with the same packet: appends the next packet (forward) or the still padded payload
 * (final) to out. Wipes opened, also on failure. MIX_ERR_SPHINX_FLAG; MIX_ERR_SPHINX_PAYLOAD_SIZE
 * for a payload under 33 bytes. */
int mix_sphinx_finish(mix_crypto *c, mix_sphinx_result *result, mix_buf *out,
                      mix_sphinx_opened *opened, mix_bytes packet);
void mix_sphinx_opened_deinit(mix_sphinx_opened *opened); /* wipes */
/* Both steps in one. */
int mix_sphinx_process(mix_crypto *c, mix_sphinx_result *result, mix_buf *out,
                       const uint8_t secret[static MIX_KEY_LEN], mix_bytes packet);
/* Takes the padding off a final payload: the message inside it, borrowed. MIX_ERR_SPHINX_PAYLOAD.
 */
int mix_sphinx_unpad(mix_bytes *message, mix_bytes payload);

#endif
