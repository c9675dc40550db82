/* SPDX-License-Identifier: Apache-2.0 */
/* Who makes up the local network: nodes, where they listen, their keys, the clock of epochs. All keys of a node come from one seed:
 * nothing more has to be kept, and a key of any rotation can be made at any time. Text forms: network.json (public) and keys.json
 * (the seeds). */
#ifndef MIXNET_NETWORK_NETWORK_H
#define MIXNET_NETWORK_NETWORK_H

#include "base/address.h"
#include "base/error.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "directory/rotation.h"
#include "directory/topology.h"

typedef enum mixnet_kind { MIXNET_MIX, MIXNET_GATEWAY, MIXNET_EXIT } mixnet_kind;

enum {
    MIXNET_MEMBERS_MAX = 256,
    MIXNET_NAME_MAX = 24,
    MIXNET_HOST_MAX = 64,
    MIXNET_VERSION_MAX = 24,
    MIXNET_EPOCH_SECONDS = 3600,
    MIXNET_VALIDITY_EPOCHS = 24,
    MIXNET_NETWORK_NOISE_VERSION = 1,
    MIXNET_FIRST_ROTATION = 3, /* a fresh network starts here: rotation 0 would be marked "unknown" (4-directory.md §10.2) */
};

typedef struct mixnet_member {
    char name[MIXNET_NAME_MAX]; /* "mix1", "gateway1", "exit1" */
    uint32_t id;
    mixnet_kind kind;
    uint8_t layer;          /* 1…3 for a mix, else 0 */
    mix_address address;    /* its mixnet listener */
    uint16_t ws_port, wss_port; /* of gateways and exits; 0: none */
    char hostname[MIXNET_HOST_MAX];
    uint8_t identity[MIX_KEY_LEN]; /* Ed25519, public */
    bool has_seed;
    uint8_t seed[MIX_KEY_LEN];
} mixnet_member;

typedef struct mixnet_network {
    mixnet_member members[MIXNET_MEMBERS_MAX];
    size_t count;
    mix_rotation_info clock;            /* wall times */
    bool noise;                         /* members publish Noise keys and speak Noise */
    char version[MIXNET_VERSION_MAX];   /* the release that nodes announce; decides the IPR's protocol (5-ipr.md §5.0) */
} mixnet_network;

/* A fresh network on `host` (its port is not used; listeners have port 0 until the host binds them). MIX_ERR_ARGUMENT for numbers that
 * make no network, MIX_ERR_LIMIT, MIX_ERR_RANDOM, MIX_ERR_CRYPTO. */
typedef struct mixnet_plan {
    uint32_t mixes_per_layer, gateways, exits; /* each ≥ 1; exits may serve as entries too */
    mix_address host;
    const char *version;                       /* NULL: "1.37.0" */
    bool nameless; /* gateways and exits have no host names: who takes plain ones comes to their addresses */
} mixnet_plan;
int mixnet_network_make(mixnet_network *out, const mixnet_plan *plan, mix_crypto *crypto, const mix_env *env);
void mixnet_network_wipe(mixnet_network *net);

const mixnet_member *mixnet_network_find(const mixnet_network *net, const char *name); /* or NULL */
uint32_t mixnet_network_rotation(const mixnet_network *net, int64_t wall);
/* Ends the running rotation at once: the next one begins now. */
void mixnet_network_rotate(mixnet_network *net, int64_t wall);

/* Keys, all from the seed. MIX_ERR_STATE without a seed, MIX_ERR_CRYPTO. */
int mixnet_member_identity(mix_crypto *c, const mixnet_member *m, uint8_t seed[static MIX_KEY_LEN]); /* Ed25519, secret */
int mixnet_member_sphinx(mix_crypto *c, const mixnet_member *m, uint32_t rotation, uint8_t secret[static MIX_KEY_LEN]);
int mixnet_member_noise(mix_crypto *c, const mixnet_member *m, uint8_t secret[static MIX_KEY_LEN]);
int mixnet_member_noise_public(mix_crypto *c, const mixnet_member *m, uint8_t out[static MIX_KEY_LEN]);
/* The client inside an exit that is its IP packet router. */
typedef struct mixnet_service_keys {
    uint8_t identity_seed[MIX_KEY_LEN], identity_public[MIX_KEY_LEN];
    uint8_t encryption_secret[MIX_KEY_LEN], encryption_public[MIX_KEY_LEN];
    uint8_t ack_key[16];
} mixnet_service_keys;
int mixnet_member_router(mix_crypto *c, const mixnet_member *m, mixnet_service_keys *out);

/* The snapshot that nodes themselves route by. Members without a seed are left out. */
int mixnet_network_topology(const mixnet_network *net, mix_crypto *crypto, int64_t wall, mix_topology **out);

/* Text. Appends; MIX_ERR_MEMORY. */
int mixnet_network_write(mix_buf *out, const mixnet_network *net);      /* network.json: nothing secret */
int mixnet_network_write_keys(mix_buf *out, const mixnet_network *net); /* keys.json: seeds by name */
/* MIX_ERR_NETWORK_FILE: e names the member that is wrong. */
int mixnet_network_read(mixnet_network *out, mix_bytes text, mix_error *e);
int mixnet_network_read_keys(mixnet_network *net, mix_bytes text, mix_crypto *crypto, mix_error *e);

#endif
