/* SPDX-License-Identifier: Apache-2.0 */
/* What the directory says, as structs, and their JSON and bincode forms in both directions. Spec:
 * 4-directory.md §3–§5.
 *
 * Decoding is strict where the specification is (a key that must be there, its type, its range) and
 * tolerant elsewhere: unknown keys, their order and absent optional keys do not matter. Of
 * `described`, the optional parts that nobody here uses (auxiliary_details, network_requester,
 * authenticator, wireguard, lewes_protocol) are not even looked at. Every failure is noted with the
 * path and what was expected: "entry-gateways: nodes.data[3].mix_port: expected …".
 *
 * Errors: MIX_ERR_DIRECTORY_MALFORMED, MIX_ERR_DIRECTORY_SIZE, MIX_ERR_MEMORY; outputs are
 * untouched then. */
#ifndef MIX_DIRECTORY_WIRE_H
#define MIX_DIRECTORY_WIRE_H

#include "base/address.h"
#include "base/buf.h"
#include "base/error.h"
#include "directory/rotation.h"
#include "directory/topology.h"

typedef enum mix_wire_format { MIX_WIRE_JSON = 0, MIX_WIRE_BINCODE } mix_wire_format;
/* By the answer's Content-Type: bincode only for application/bincode; anything else, also nothing,
 * is JSON (§3.1). */
mix_wire_format mix_wire_format_of(mix_bytes content_type);

/* Times are microseconds since 1970. */

typedef struct mix_pagination {
    uint64_t total, page, size;
} mix_pagination;

typedef enum mix_page_status {
    MIX_PAGE_NONE = 0,
    MIX_PAGE_NO_UPDATES,
    MIX_PAGE_FRESH,
} mix_page_status;

typedef struct mix_interval {
    uint32_t id, epochs_in_interval, current_epoch_id, total_elapsed_epochs;
    int64_t current_epoch_start;
    uint64_t epoch_seconds;
    uint32_t epoch_nanos;
} mix_interval;

/* Of the skimmed lists (§3.4). */
typedef struct mix_page_metadata {
    mix_page_status status;
    mix_interval fresh; /* zeros unless status is MIX_PAGE_FRESH */
    uint32_t epoch_id;
    uint32_t rotation_id;
    int64_t refreshed_at; /* 0 when its form is not known */
} mix_page_metadata;
/* Whether two pages or lists belong together: everything but refreshed_at (§8.1). */
bool mix_page_metadata_agree(const mix_page_metadata *a, const mix_page_metadata *b);

typedef struct mix_page {
    mix_page_metadata metadata; /* zeros for `described` */
    mix_pagination pagination;
    size_t count;   /* nodes of this page */
    size_t skipped; /* of them: too large to look at */
} mix_page;

typedef struct mix_node_roles {
    bool mixnode, entry, exit_nr, exit_ipr;
} mix_node_roles;

typedef enum mix_skimmed_role {
    MIX_SKIMMED_MIXNODE = 0,
    MIX_SKIMMED_ENTRY,
    MIX_SKIMMED_EXIT,
    MIX_SKIMMED_STANDBY,
    MIX_SKIMMED_INACTIVE,
} mix_skimmed_role;

enum { MIX_NODE_IPS = 8 };
#define MIX_PERFORMANCE_ONE UINT64_C(1000000000000000000)

/* One node of a skimmed list (§4.1). Text is borrowed: from the answer until the visitor returns,
 * or from the caller. */
typedef struct mix_skimmed {
    uint32_t id;
    uint8_t identity[MIX_KEY_LEN];   /* Ed25519, a point of the curve */
    uint8_t sphinx_key[MIX_KEY_LEN]; /* X25519, for the metadata's rotation */
    mix_address ips[MIX_NODE_IPS];   /* without a port; the first is the mix host */
    size_t ip_count;                 /* 0: the node cannot be used. Further ones are dropped */
    uint16_t mix_port;
    mix_skimmed_role role; /* says nothing: layers come from the rewarded set */
    uint8_t layer;         /* of MIX_SKIMMED_MIXNODE */
    mix_node_roles supported;
    bool has_entry;
    mix_bytes hostname; /* empty: none. An operator's word, not checked */
    uint16_t ws_port;
    bool has_wss_port;
    uint16_t wss_port;
    uint64_t performance; /* in units of 10⁻¹⁸, at most MIX_PERFORMANCE_ONE */
    bool has_noise;       /* this and what follows: only written, in the semi-skimmed page (§13) */
    uint8_t noise_version;
    uint8_t noise_key[MIX_KEY_LEN];
} mix_skimmed;
/* The integer percentage by which nodes are compared: truncated. */
uint32_t mix_performance_percent(uint64_t performance);

typedef struct mix_versioned_key {
    uint32_t rotation_id; /* MIX_ROTATION_ID_UNKNOWN: the node does not rotate */
    uint8_t key[MIX_KEY_LEN];
} mix_versioned_key;

enum { /* order of the object's keys */
       MIX_BUILD_BINARY_NAME = 0,
       MIX_BUILD_TIMESTAMP,
       MIX_BUILD_VERSION,
       MIX_BUILD_COMMIT_SHA,
       MIX_BUILD_COMMIT_TIMESTAMP,
       MIX_BUILD_COMMIT_BRANCH,
       MIX_BUILD_RUSTC_VERSION,
       MIX_BUILD_RUSTC_CHANNEL,
       MIX_BUILD_CARGO_PROFILE,
       MIX_BUILD_CARGO_TRIPLE, /* optional */
       MIX_BUILD_FIELDS,
};

typedef enum mix_contract_type {
    MIX_CONTRACT_LEGACY_MIXNODE = 0,
    MIX_CONTRACT_LEGACY_GATEWAY,
    MIX_CONTRACT_NYM_NODE,
} mix_contract_type;

/* One node as it describes itself (§4.4). Text as in mix_skimmed. */
typedef struct mix_described {
    uint32_t id;
    mix_contract_type contract_type;
    int64_t last_polled;
    mix_address ips[MIX_NODE_IPS];
    size_t ip_count;
    mix_bytes hostname;
    uint8_t identity[MIX_KEY_LEN];
    uint8_t x25519[MIX_KEY_LEN]; /* a copy of the sphinx key, for old clients */
    mix_versioned_key current, announced;
    bool has_announced;
    bool has_noise;
    uint8_t noise_version;
    uint8_t noise_key[MIX_KEY_LEN];
    mix_node_roles declared;
    mix_bytes build[MIX_BUILD_FIELDS];
    mix_bytes ipr_address; /* of its IP packet router; empty: none */
    uint16_t ws_port;
    bool has_wss_port;
    uint16_t wss_port;
} mix_described;

/* The roles of the epoch (§4.2): node ids by role. */
typedef struct mix_rewarded {
    uint32_t epoch_id;
    struct {
        uint32_t *ids; /* owned when decoded */
        size_t count;
    } sets[MIX_ROLE_STANDBY + 1]; /* by mix_role; that of MIX_ROLE_NONE is unused */
} mix_rewarded;
void mix_rewarded_deinit(mix_rewarded *r);

int mix_rewarded_decode(mix_rewarded *out, mix_bytes body, mix_error *e);
int mix_rewarded_encode(mix_buf *out, const mix_rewarded *r);
int mix_rotation_info_decode(mix_rotation_info *out, mix_bytes body, mix_error *e);
int mix_rotation_info_encode(mix_buf *out, const mix_rotation_info *info);

/* Lists can be long: they are decoded piece by piece as they come in (bincode: at their end), node
 * by node to a visitor. JSON takes memory for one node, whatever the length of the list. */
typedef struct mix_list_visitor {
    void *user;
    /* One of them, by the list's kind. Anything but MIX_OK ends the decoding and is returned. */
    int (*skimmed)(void *user, const mix_skimmed *node);
    int (*described)(void *user, const mix_described *node);
} mix_list_visitor;
enum {
    MIX_LIST_NODE_MAX =
        65536, /* bytes of one node's JSON, or of another member; larger nodes are skipped */
    MIX_LIST_BINCODE_MAX = 4 << 20, /* bytes of a bincode body */
};

typedef struct mix_list mix_list;
/* name appears in errors and is borrowed. `described` has no bincode form: MIX_ERR_ARGUMENT. */
int mix_list_new(mix_list **out, mix_wire_format format, const char *name,
                 const mix_list_visitor *visitor);
void mix_list_free(mix_list *l); /* NULL is fine */
/* The next piece of the body, of any length. After an error only mix_list_free may follow. */
int mix_list_feed(mix_list *l, mix_bytes piece, mix_error *e);
/* The body is whole. */
int mix_list_end(mix_list *l, mix_page *out, mix_error *e);
/* The same for a body at hand. */
int mix_list_decode(mix_page *out, mix_bytes body, mix_wire_format format, const char *name,
                    const mix_list_visitor *visitor, mix_error *e);

/* count and skipped of the page are not written. */
int mix_skimmed_encode(mix_buf *out, mix_wire_format format, const mix_page *page,
                       const mix_skimmed *nodes, size_t count);
/* The page that real nodes ask for (§13), in JSON: with the Noise keys. */
int mix_semi_skimmed_encode(mix_buf *out, const mix_page *page, const mix_skimmed *nodes,
                            size_t count);
int mix_described_encode(mix_buf *out, const mix_pagination *pagination, const mix_described *nodes,
                         size_t count);

#endif
