/* SPDX-License-Identifier: Apache-2.0 */
/* Stream frames, requests and responses of the IP packet router (IPR), bundles of IP packets: every byte position, both
 * directions. Spec: 5-ipr.md §5.1–5.5. Versions 8, 9 and 10 are spoken; 6 and 7 are read and written for tests and old peers. */
#ifndef MIX_IPR_WIRE_H
#define MIX_IPR_WIRE_H

#include "base/buf.h"

/* --- stream frames (§5.5) --- */
enum { MIX_LP_HEADER_LEN = 16 };
typedef enum mix_lp_kind { MIX_LP_OPAQUE = 0, MIX_LP_REGISTRATION = 1, MIX_LP_FORWARD = 2, MIX_LP_STREAM = 3 } mix_lp_kind;
typedef enum mix_lp_type { MIX_LP_OPEN = 0, MIX_LP_DATA = 1 } mix_lp_type;
typedef struct mix_lp_frame {
    uint16_t kind;
    uint64_t stream_id; /* this and the next two only for MIX_LP_STREAM */
    uint8_t type;
    uint32_t seq;
    mix_bytes payload; /* borrowed */
} mix_lp_frame;
void mix_lp_encode(mix_buf *out, uint64_t stream_id, mix_lp_type type, uint32_t seq, mix_bytes payload);
/* MIX_ERR_LP_NONE: no frame (too short or another kind number): a plain message. MIX_ERR_LP_TYPE: a stream frame of a message
 * type that we do not know, to be dropped. */
int mix_lp_decode(mix_lp_frame *out, mix_bytes in);

/* --- common parts --- */
typedef struct mix_ipr_ips {
    uint8_t v4[4], v6[16];
} mix_ipr_ips;

typedef struct mix_timestamp { /* §5.1 */
    int32_t year;
    uint16_t ordinal; /* day of the year, from 1 */
    uint8_t hour, minute, second;
    uint32_t nanosecond;
    int8_t offset_hours, offset_minutes, offset_seconds;
} mix_timestamp;
/* From microseconds since 1970-01-01 UTC (years 1…9999). */
mix_timestamp mix_timestamp_of(int64_t wall);
/* And back, offset applied; microseconds are cut. */
int64_t mix_timestamp_wall(const mix_timestamp *t);

typedef enum mix_ipr_reason {
    MIX_IPR_ALREADY_CONNECTED,
    MIX_IPR_NO_ADDRESS,
    MIX_IPR_NOT_CONNECTED,
    MIX_IPR_MIXNET_TIMEOUT,
    MIX_IPR_TUN_TIMEOUT,
    MIX_IPR_IP_IN_USE,    /* versions 6 and 7, as the next two */
    MIX_IPR_NYM_ADDRESS_IN_USE,
    MIX_IPR_OUT_OF_DATE,
    MIX_IPR_OTHER,        /* with a text */
} mix_ipr_reason;
const char *mix_ipr_reason_text(mix_ipr_reason reason);

enum { MIX_IPR_RECIPIENT_LEN = 96, MIX_IPR_SIGNATURE_LEN = 64, MIX_IPR_ROUTER = 1, MIX_IPR_BUILD_FIELDS = 10 };

typedef struct mix_ipr_legacy { /* what only versions 6 and 7 have */
    uint8_t reply_to[MIX_IPR_RECIPIENT_LEN];
    mix_ipr_ips ips; /* of a static connect */
    bool has_hops, has_delays, has_signature;
    uint8_t hops;
    double delays;
    uint8_t signature[MIX_IPR_SIGNATURE_LEN];
    mix_bytes signed_bytes; /* decode only: what the signature covers */
} mix_ipr_legacy;

/* --- requests (§5.2) --- */
typedef enum mix_ipr_request_kind {
    MIX_IPR_REQ_DATA,
    MIX_IPR_REQ_CONNECT,
    MIX_IPR_REQ_DISCONNECT,
    MIX_IPR_REQ_PING,
    MIX_IPR_REQ_HEALTH,
    MIX_IPR_REQ_STATIC_CONNECT, /* versions 6 and 7 */
} mix_ipr_request_kind;
typedef struct mix_ipr_request {
    uint8_t version;  /* 6…10 */
    uint8_t provider; /* from version 8 on: MIX_IPR_ROUTER */
    mix_ipr_request_kind kind;
    uint64_t id;
    bool has_timeout;
    uint64_t buffer_timeout; /* ms, of a connect */
    mix_timestamp time;
    mix_bytes bundle; /* of data; borrowed */
    mix_ipr_legacy legacy;
} mix_ipr_request;
int mix_ipr_request_encode(mix_buf *out, const mix_ipr_request *q);
/* MIX_ERR_IPR_VERSION for a version outside 6…10, MIX_ERR_IPR_REQUEST for everything else that is wrong. */
int mix_ipr_request_decode(mix_ipr_request *out, mix_bytes in);

/* --- responses (§5.3) --- */
typedef enum mix_ipr_response_kind {
    MIX_IPR_RES_DATA,
    MIX_IPR_RES_CONNECT,
    MIX_IPR_RES_DISCONNECT,
    MIX_IPR_RES_UNREQUESTED_DISCONNECT,
    MIX_IPR_RES_PONG,
    MIX_IPR_RES_HEALTH,
    MIX_IPR_RES_INFO,
    MIX_IPR_RES_STATIC_CONNECT, /* versions 6 and 7 */
} mix_ipr_response_kind;
typedef enum mix_ipr_info { MIX_IPR_INFO_GENERIC = 0, MIX_IPR_INFO_VERSION = 1, MIX_IPR_INFO_REFUSED = 2 } mix_ipr_info;
typedef struct mix_ipr_response {
    uint8_t version;
    mix_ipr_response_kind kind;
    uint64_t id;
    bool success;          /* connects and disconnects */
    mix_ipr_ips ips;       /* of a successful dynamic connect */
    uint16_t mtu;          /* version 10 */
    mix_ipr_reason reason; /* of a failure, or of an unrequested disconnect */
    mix_bytes text;        /* MIX_IPR_OTHER: words; info: message, or "ip:port" that was refused. UTF-8, borrowed */
    mix_bytes build[MIX_IPR_BUILD_FIELDS]; /* health; the third is the version */
    int routable;          /* health: −1 unknown, 0, 1 */
    mix_ipr_info info;
    uint8_t info_request_version, info_response_version;
    uint8_t level;         /* info: 0 info, 1 warning, 2 error */
    mix_bytes bundle;      /* data; borrowed */
    uint8_t reply_to[MIX_IPR_RECIPIENT_LEN]; /* versions 6 and 7 */
} mix_ipr_response;
int mix_ipr_response_encode(mix_buf *out, const mix_ipr_response *p);
/* shape is the version whose layout is expected: 0 takes that of the first byte; the original's clients read 10 as 9 after
 * the connect (§5.8). MIX_ERR_IPR_VERSION, MIX_ERR_IPR_RESPONSE. */
int mix_ipr_response_decode(mix_ipr_response *out, mix_bytes in, uint8_t shape);

/* --- bundles (§5.4) --- */
enum { MIX_BUNDLE_MAX = 1500, MIX_BUNDLE_PREFIX = 2 };
/* Appends length and packet. */
void mix_bundle_put(mix_buf *out, mix_bytes packet);
/* Takes the next packet off the front of *in; false when none is left (what remains is ignored). */
bool mix_bundle_take(mix_bytes *packet, mix_bytes *in);
/* The server's writer: puts packet into buffer; when true, *emit (a fresh buffer's content) is to be sent. */
typedef struct mix_bundler {
    mix_buf waiting;
} mix_bundler;
/* Appends to out what must go now (may be nothing). MIX_ERR_MEMORY changes nothing. */
int mix_bundler_put(mix_bundler *b, mix_buf *out, mix_bytes packet);
int mix_bundler_flush(mix_bundler *b, mix_buf *out);
void mix_bundler_deinit(mix_bundler *b);

#endif
