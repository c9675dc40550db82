/* SPDX-License-Identifier: Apache-2.0 */
/* What client and entry gateway say to each other, as structs: JSON texts, binary frames, handshake
 * messages; both directions, for the client and for the local mixnet's gateway. Spec: 3-gateway.md;
 * sections are cited. */
#ifndef MIX_GATEWAY_WIRE_H
#define MIX_GATEWAY_WIRE_H

#include "base/buf.h"
#include "base/error.h"
#include "crypto/crypto.h"

enum {
    MIX_GATEWAY_VERSION = 6,          /* the newest that we speak (§3.4) */
    MIX_GATEWAY_VERSION_LEAST = 4,    /* authenticateV2 */
    MIX_GATEWAY_VERSION_ROTATION = 5, /* packets carry their key rotation: kind 2 */
    MIX_GATEWAY_TEXT_MAX =
        65536, /* longer texts are refused unread; the longest real ones have some hundred bytes */
    MIX_GATEWAY_BINARY_MAX = 33184, /* frame of the largest packet with the largest address */
};

/* ---- texts (§3.3) ---- */

/* Who understands a text: a request goes to the gateway, a response to the client, the handshake's
 * envelopes (§3.6) to both while they register. The same name can mean different things on
 * different sides. */
typedef enum mix_text_side {
    MIX_TEXT_REQUEST = 1,
    MIX_TEXT_RESPONSE = 2,
    MIX_TEXT_HANDSHAKE = 4
} mix_text_side;

typedef enum mix_text_type {
    /* requests (§3.7, §3.8) */
    MIX_TEXT_AUTHENTICATE, /* authenticateV2: version, identity, data (sealed address), nonce,
                              timestamp, signature */
    MIX_TEXT_REGISTER,     /* registerHandshakeInitRequest, also handshakePayload: version, data */
    MIX_TEXT_TICKET,       /* ecashCredential: data (sealed ticket), nonce */
    MIX_TEXT_UPGRADE,      /* upgradeModeJWT: text (token) */
    MIX_TEXT_CLAIM,        /* claimFreeTestnetBandwidth */
    MIX_TEXT_SEALED_REQUEST,   /* encryptedRequest: data (ciphertext), nonce */
    MIX_TEXT_ASK_PROTOCOL,     /* supportedProtocol */
    MIX_TEXT_AUTHENTICATE_OLD, /* authenticate, refused today: version or no_version, text, data,
                                  nonce (base58 texts) */
    MIX_TEXT_CREDENTIAL,       /* bandwidthCredential, refused today: data, nonce */
    MIX_TEXT_CREDENTIAL_2,     /* bandwidthCredentialV2, refused today: data, nonce */
    /* responses (§3.9) */
    MIX_TEXT_AUTHENTICATED,   /* authenticate: version, status, amount (remaining), upgrade_mode */
    MIX_TEXT_REGISTERED,      /* register: version, status, upgrade_mode */
    MIX_TEXT_SEALED_RESPONSE, /* encryptedResponse: data (ciphertext), nonce */
    MIX_TEXT_BANDWIDTH,       /* bandwidth: amount (total), upgrade_mode */
    MIX_TEXT_SENT,            /* send: amount (remaining), upgrade_mode */
    MIX_TEXT_PROTOCOL,        /* supportedProtocol: version */
    MIX_TEXT_ERROR,           /* error: text */
    MIX_TEXT_TYPED_ERROR, /* typedError: out_of_bandwidth with required and amount (available), or
                             ticket_replay */
    /* envelopes of the handshake (§3.6) */
    MIX_TEXT_PAYLOAD, /* handshakePayload: version, data */
    MIX_TEXT_FAILURE, /* handshakeError: text */
    MIX_TEXT_TYPES,
} mix_text_type;

typedef struct mix_text {
    mix_text_type type; /* which of the rest counts: see there */
    uint8_t version;
    bool no_version;       /* MIX_TEXT_AUTHENTICATE_OLD: null */
    bool status;           /* the answer is yes */
    bool upgrade_mode;     /* the network is free of charge for now (§3.13) */
    bool out_of_bandwidth; /* MIX_TEXT_TYPED_ERROR: else it is ticket_replay */
    int64_t amount;        /* bytes, may be negative */
    int64_t required;      /* bytes */
    uint64_t timestamp;    /* UTC seconds */
    uint8_t identity[MIX_KEY_LEN];
    uint8_t signature[MIX_SIGNATURE_LEN];
    mix_bytes data, nonce, text;
} mix_text;

/* Reads one text. Byte members of out borrow from scratch, which is emptied first. Members in any
 * order, unknown ones are ignored; the array form is understood too. MIX_ERR_GATEWAY_LONG, _JSON
 * (e->number: offset), _TYPE, _FIELD (e names type and member), MIX_ERR_MEMORY; out is untouched
 * then. e may be NULL. */
int mix_text_decode(mix_text *out, mix_buf *scratch, mix_text_side side, mix_bytes text,
                    mix_error *e);
/* Appends the compact text with members in the order of the real ones. MIX_ERR_MEMORY. */
int mix_text_encode(mix_buf *out, const mix_text *t);
/* The name of a type on the wire, for messages; never NULL. */
const char *mix_text_name(mix_text_type type);

/* ---- what encryptedRequest and encryptedResponse hold (§3.10) ---- */

typedef enum mix_inner_type {
    MIX_INNER_FORGET_ME,   /* client, stats */
    MIX_INNER_REMEMBER_ME, /* session */
    MIX_INNER_FORGET_ME_ACK,
    MIX_INNER_REMEMBER_ME_ACK,
} mix_inner_type;
typedef enum mix_session_kind {
    MIX_SESSION_VPN,
    MIX_SESSION_MIXNET,
    MIX_SESSION_WASM,
    MIX_SESSION_NATIVE,
    MIX_SESSION_SOCKS5,
    MIX_SESSION_UNKNOWN,
} mix_session_kind;
typedef struct mix_inner {
    mix_inner_type type;
    bool client, stats;
    mix_session_kind session;
} mix_inner;
int mix_inner_decode(mix_inner *out, mix_text_side side, mix_bytes plain,
                     mix_error *e); /* as mix_text_decode */
int mix_inner_encode(mix_buf *out, const mix_inner *in);

/* ---- binary frames (§3.11, §3.12) ---- */

enum {
    MIX_FRAME_PACKET_V1 = 1,
    MIX_FRAME_PACKET_V2 = 2,
    MIX_FRAME_PUSHED = 1,
    MIX_FRAME_HEAD = 14
};

typedef struct mix_gateway_frame {
    uint8_t kind;         /* MIX_FRAME_PACKET_… to the gateway, MIX_FRAME_PUSHED to the client */
    bool sealed;          /* else body is plaintext, and the nonce counts for nothing */
    const uint8_t *nonce; /* MIX_AEAD_NONCE_LEN bytes, borrowed */
    mix_bytes body;       /* borrowed */
} mix_gateway_frame;
/* side is MIX_TEXT_REQUEST for what a client sent. MIX_ERR_GATEWAY_FRAME_SHORT, _FRAME_FLAG,
 * _FRAME_KIND. */
int mix_gateway_frame_decode(mix_gateway_frame *out, mix_text_side side, mix_bytes in);
/* Appends the head of a sealed frame; ciphertext and tag follow. */
void mix_gateway_frame_head(mix_buf *out, uint8_t kind,
                            const uint8_t nonce[static MIX_AEAD_NONCE_LEN]);

/* A mix packet as kind 2 has it (type, rotation, address, packet), made into what kind 1 has:
 * without rotation. Both parts borrow. */
void mix_packet_without_rotation(mix_bytes *type, mix_bytes *rest, mix_bytes packet_v2);
/* What the gateway charges for a kind 2 packet: its length without all that is in front of the
 * Sphinx packet; 0 when it is none. */
size_t mix_packet_cost(mix_bytes packet_v2);

/* ---- messages of the registration handshake (§3.6) ---- */

enum { MIX_HANDSHAKE_SALT = 16, MIX_SEALED_SIGNATURE = MIX_SIGNATURE_LEN + MIX_AEAD_TAG_LEN };
typedef struct mix_handshake_init { /* 1, client */
    const uint8_t *identity, *ephemeral, *salt;
} mix_handshake_init;
typedef struct mix_handshake_proof { /* 2, gateway; and 3, client (then without ephemeral) */
    const uint8_t *ephemeral;        /* MIX_KEY_LEN bytes or NULL */
    const uint8_t *sealed;           /* MIX_SEALED_SIGNATURE bytes */
    const uint8_t *nonce;            /* MIX_AEAD_NONCE_LEN bytes */
} mix_handshake_proof;
/* Each decodes exactly one message and borrows. MIX_ERR_GATEWAY_HANDSHAKE. */
int mix_handshake_init_decode(mix_handshake_init *out, mix_bytes in);
int mix_handshake_proof_decode(mix_handshake_proof *out, bool with_ephemeral, mix_bytes in);
int mix_handshake_done_decode(mix_bytes in); /* 4: the gateway is content */
void mix_handshake_init_encode(mix_buf *out, const mix_handshake_init *m);
void mix_handshake_proof_encode(mix_buf *out, const mix_handshake_proof *m);
void mix_handshake_done_encode(mix_buf *out);

/* Appends what the signature of authenticateV2 covers (§3.7). */
void mix_authenticate_payload(mix_buf *out, const mix_text *t);

/* ---- the ticket inside ecashCredential (§3.13) ---- */

enum { MIX_TICKET_PAY_INFO = 72 };
typedef struct mix_ticket {
    mix_bytes payment;
    const uint8_t *pay_info; /* MIX_TICKET_PAY_INFO bytes */
    int32_t spend_date;      /* Julian day number */
    uint64_t epoch;
} mix_ticket;
int mix_ticket_decode(mix_ticket *out, mix_bytes in); /* borrows; MIX_ERR_GATEWAY_FIELD */
void mix_ticket_encode(mix_buf *out, const mix_ticket *t);

#endif
