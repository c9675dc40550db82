/* SPDX-License-Identifier: Apache-2.0 */
/* Byte positions around packets: node addresses (§1.4), frames between nodes (§2.2), packet sizes, MixPacket to the gateway
 * (§2.5), the acknowledgement in front of a message (§2.6). Spec: 1-sphinx.md. */
#ifndef MIX_SPHINX_WIRE_H
#define MIX_SPHINX_WIRE_H

#include "base/buf.h"

/* Where a node listens: IPv4 or IPv6 and a port. */
typedef struct mix_address {
    uint8_t family; /* 4 or 6 */
    uint16_t port;
    uint8_t octets[16]; /* 4 or 16 of them, network order; the rest zero */
} mix_address;

enum { MIX_ADDRESS_PADDED = 32, MIX_ADDRESS_ACK = 19, MIX_ADDRESS_MAX = 19, MIX_ADDRESS_V4_LEN = 7 };

/* Appends the compact form (7 or 19 bytes). */
void mix_address_encode(mix_buf *out, const mix_address *a);
/* The compact form zero-padded to len (19 or 32). */
void mix_address_pad(uint8_t *out, size_t len, const mix_address *a);
/* Reads one from the front of in; *used (may be NULL) is the compact length. MIX_ERR_SPHINX_ADDRESS. */
int mix_address_decode(mix_address *out, size_t *used, mix_bytes in);
/* Text "1.2.3.4:1789" or "[::1]:1789" both ways. MIX_ERR_SPHINX_ADDRESS. */
int mix_address_parse(mix_address *out, const char *text);
enum { MIX_ADDRESS_TEXT = 56 };
void mix_address_format(char out[static MIX_ADDRESS_TEXT], const mix_address *a);

typedef enum mix_packet_size {
    MIX_SIZE_REGULAR = 1,
    MIX_SIZE_ACK = 2,
    MIX_SIZE_EXTENDED32 = 3,
    MIX_SIZE_EXTENDED8 = 4,
    MIX_SIZE_EXTENDED16 = 5,
    MIX_SIZE_OUTFOX_REGULAR = 6,
    MIX_SIZE_OUTFOX_ACK = 7,
} mix_packet_size;

size_t mix_packet_len(mix_packet_size size);    /* whole packet; 0 for an unknown size */
size_t mix_payload_len(mix_packet_size size);   /* Sphinx payload */
size_t mix_plaintext_len(mix_packet_size size); /* what fits in */
/* The size of a packet of this length. MIX_ERR_SPHINX_SIZE. */
int mix_packet_size_of(mix_packet_size *out, size_t packet_len);

typedef enum mix_rotation { MIX_ROTATION_UNKNOWN = 0, MIX_ROTATION_ODD = 1, MIX_ROTATION_EVEN = 2 } mix_rotation;
/* Encoded form of a rotation id (§2.5): 0 and 2³²−1 are unknown. */
mix_rotation mix_rotation_of(uint32_t rotation_id);

enum { MIX_PACKET_TYPE_MIX = 0, MIX_PACKET_TYPE_OUTFOX = 2 };

/* Frames between nodes. */
typedef struct mix_frame {
    uint8_t version; /* 7 or 8 */
    mix_packet_size size;
    uint8_t type;
    mix_rotation rotation; /* unknown in version 7 */
    mix_bytes packet;      /* borrowed */
} mix_frame;
/* Appends header and packet. MIX_ERR_SPHINX_SIZE when the packet's length is not of the table. */
int mix_frame_encode(mix_buf *out, uint8_t version, uint8_t type, mix_rotation rotation, mix_bytes packet);
/* Cuts a frame from the front of in: MIX_OK (*used bytes are done), MIX_DONE (wait for more; nothing written),
 * MIX_ERR_FRAME_VERSION, _ROTATION, _SIZE, _TYPE. */
int mix_frame_decode(mix_frame *out, size_t *used, mix_bytes in);

/* A packet on its way to the entry gateway. */
typedef struct mix_packet {
    uint8_t type;
    mix_rotation rotation;
    mix_address next_hop;
    mix_bytes packet; /* borrowed */
} mix_packet;
int mix_packet_encode_v1(mix_buf *out, const mix_packet *p); /* without rotation */
int mix_packet_encode_v2(mix_buf *out, const mix_packet *p);
int mix_packet_decode_v1(mix_packet *out, mix_bytes in);
int mix_packet_decode_v2(mix_packet *out, mix_bytes in);

/* At the final hop: splits a plaintext into the ack's first hop, the ack packet, and the message. MIX_ERR_SPHINX_ACK. */
int mix_surb_ack_split(mix_address *first_hop, mix_bytes *ack_packet, mix_bytes *message, mix_bytes plaintext);

#endif
