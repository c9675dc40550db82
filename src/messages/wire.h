/* SPDX-License-Identifier: Apache-2.0 */
/* Byte positions of this layer: NymMessage with its lists of reply SURBs (2-messages.md §3),
 * fragment headers (§5.1), recognition of cover (§10). Decoded structs borrow their bytes from the
 * input. */
#ifndef MIX_MESSAGES_WIRE_H
#define MIX_MESSAGES_WIRE_H

#include "base/buf.h"
#include "sphinx/sphinx.h"
#include "sphinx/wire.h"
#include "traffic/ack.h"
#include "traffic/keys.h"

enum {
    MIX_SENDER_TAG_LEN = 16,
    MIX_SURB_KEY_LEN = 16, /* the key in front of a reply SURB (§3.3) */
    MIX_REPLY_SURB_LEN_4 = MIX_SURB_KEY_LEN + MIX_SURB_LEN_4, /* of version 259 over 4 hops: 460 */
    MIX_SURB_LIST_HEADER_LEN = 4,                             /* of either version */
    MIX_SURB_LIST_MOST = 0xffff,                              /* SURBs in a list of version 2 */
    MIX_REPLIABLE_HEADER_LEN = 1 + MIX_SENDER_TAG_LEN + 1,    /* type, tag, content tag */
    MIX_REPLY_HEADER_LEN = 2,
    MIX_FRAGMENT_HEADER_LEN = 7,
    MIX_FRAGMENT_LINKED_LEN = 10, /* the header with a link */
    MIX_FRAGMENT_SET_MOST = 255,  /* fragments in a set */
};

typedef enum mix_nym_type {
    MIX_NYM_PLAIN = 0,
    MIX_NYM_REPLIABLE = 1,
    MIX_NYM_REPLY = 2
} mix_nym_type;

typedef enum mix_nym_content {
    MIX_NYM_DATA,             /* plain, repliable, reply */
    MIX_NYM_ADDITIONAL_SURBS, /* repliable */
    MIX_NYM_HEARTBEAT,        /* repliable */
    MIX_NYM_SURB_REQUEST,     /* reply */
} mix_nym_content;

typedef struct mix_surb_list {
    uint8_t version; /* 1: explicit payload keys, 4 hops; 2: seeds */
    uint32_t count;
    uint8_t hops;          /* as the list says; of an empty list of version 2 anything */
    mix_rotation rotation; /* unknown in version 1 */
    size_t surb_len;       /* bytes of each */
    mix_bytes surbs;       /* count × surb_len */
} mix_surb_list;

typedef struct mix_nym_message {
    mix_nym_type type;
    mix_nym_content content;
    uint8_t tag[MIX_SENDER_TAG_LEN]; /* repliable */
    mix_surb_list surbs;             /* repliable */
    mix_bytes data;                  /* of MIX_NYM_DATA */
    mix_recipient recipient;         /* of MIX_NYM_SURB_REQUEST: who asks */
    uint32_t amount;                 /* of MIX_NYM_SURB_REQUEST */
} mix_nym_message;

/* Appends the message without padding. The list must be consistent in itself (assert). */
void mix_nym_encode(mix_buf *out, const mix_nym_message *m);
/* The whole of in is one message. MIX_ERR_MESSAGE_EMPTY, _TYPE, _TRUNCATED, _CONTENT_TAG, _CONTENT,
 * MIX_ERR_SURB_LIST_HEADER, _ROTATION, _COUNT, MIX_ERR_SPHINX_SURB (a SURB has a wrong shape),
 * MIX_ERR_ADDRESS (a SURB's first hop), MIX_ERR_SURB_REQUEST, MIX_ERR_RECIPIENT_KEY. */
int mix_nym_decode(mix_nym_message *out, mix_bytes in);
/* The i-th SURB of a list, i < count: its key, then what mix_surb_use takes. */
mix_bytes mix_surb_list_at(const mix_surb_list *list, size_t i);
/* The fronts alone, for messages whose SURBs are made while they leave: type, tags and list header
 * (version 2). */
void mix_nym_encode_repliable_front(mix_buf *out, mix_nym_content content,
                                    const uint8_t tag[static MIX_SENDER_TAG_LEN], uint16_t count,
                                    uint8_t hops, mix_rotation rotation);

typedef struct mix_fragment {
    uint32_t set;            /* 1 … 2³¹ − 1 */
    uint8_t total;           /* fragments in the set, 1 … 255 */
    uint8_t current;         /* position, 1 … total */
    uint32_t previous, next; /* linked sets; 0: none; never both */
    mix_bytes payload;
} mix_fragment;

size_t mix_fragment_header_len(const mix_fragment *f);
/* Appends the header, without the payload. The fields must be as a decoder takes them (assert). */
void mix_fragment_encode_header(mix_buf *out, const mix_fragment *f);
/* MIX_ERR_FRAGMENT_TRUNCATED, _MARK, _SET, _POSITION, _LINK_MARK, _LINK_SET, _LINK_PLACE. */
int mix_fragment_decode(mix_fragment *out, mix_bytes in);
/* What an acknowledgement names. */
void mix_fragment_id_encode(uint8_t out[static MIX_FRAGMENT_ID_LEN], uint32_t set, uint8_t current);

/* Whether decrypted contents are cover; a fragment never is. */
bool mix_cover_is(mix_bytes contents);

#endif
