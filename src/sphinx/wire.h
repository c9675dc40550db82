/* SPDX-License-Identifier: Apache-2.0 */
/* Byte positions around packets: frames between nodes (§2.2), packet sizes, MixPacket to the
 * gateway (§2.5), the acknowledgement in front of a message (§2.6). Spec: 1-sphinx.md. */
#ifndef MIX_SPHINX_WIRE_H
#define MIX_SPHINX_WIRE_H

#include "base/address.h"

typedef enum mix_packet_size {
    MIX_SIZE_REGULAR = 1,
    MIX_SIZE_ACK = 2,
    MIX_SIZE_EXTENDED32 = 3,
    MIX_SIZE_EXTENDED8 = 4,
    MIX_SIZE_EXTENDED16 = 5,
    MIX_SIZE_OUTFOX_REGULAR = 6,
    MIX_SIZE_OUTFOX_ACK = 7,
} mix_packet_size;

/* All three are 0 for a size that is not of the table. */
size_t mix_packet_len(mix_packet_size size);    /* whole packet */
size_t mix_payload_len(mix_packet_size size);   /* Sphinx payload (Outfox: its body) */
size_t mix_plaintext_len(mix_packet_size size); /* what fits in */
/* The size of a packet of this length. MIX_ERR_SPHINX_SIZE. */
int mix_packet_size_of(mix_packet_size *out, size_t packet_len);

typedef enum mix_rotation {
    MIX_ROTATION_UNKNOWN = 0,
    MIX_ROTATION_ODD = 1,
    MIX_ROTATION_EVEN = 2
} mix_rotation;
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
/* Appends header and packet; version 7 does not carry the rotation. MIX_ERR_FRAME_VERSION,
 * _ROTATION, _TYPE, and MIX_ERR_SPHINX_SIZE when the packet's length is not of the table;
 * MIX_ERR_MEMORY. */
int mix_frame_encode(mix_buf *out, uint8_t version, uint8_t type, mix_rotation rotation,
                     mix_bytes packet);
enum { MIX_FRAME_MAX = 4 + 33133 }; /* the longest frame: a reader needs no more room */
/* Cuts a frame from the front of in: MIX_OK (*used bytes are done), MIX_DONE (wait for more;
 * nothing written), MIX_ERR_FRAME_VERSION, _ROTATION, _SIZE, _TYPE: the connection is of no more
 * use. */
int mix_frame_decode(mix_frame *out, size_t *used, mix_bytes in);

/* A packet on its way to the entry gateway. */
typedef struct mix_packet {
    uint8_t type;
    mix_rotation rotation;
    mix_address next_hop;
    mix_bytes packet; /* borrowed */
} mix_packet;
/* MIX_ERR_FRAME_TYPE, _ROTATION, MIX_ERR_ADDRESS, and MIX_ERR_SPHINX_SIZE when the packet's length
 * is not of the table; the encoders also MIX_ERR_MEMORY, the decoders MIX_ERR_TRUNCATED for less
 * than type (and rotation). */
int mix_packet_encode_v1(mix_buf *out, const mix_packet *p); /* without rotation */
int mix_packet_encode_v2(mix_buf *out, const mix_packet *p);
int mix_packet_decode_v1(mix_packet *out, mix_bytes in);
int mix_packet_decode_v2(mix_packet *out, mix_bytes in);

/* Appends what stands in front of a message: the first hop (32 bytes zero-padded, as in routes; 19
 * of them are kept) and the ack packet. MIX_ERR_SPHINX_ACK when the packet has not the size "ack";
 * MIX_ERR_MEMORY. */
int mix_surb_ack_encode(mix_buf *out, const uint8_t first_hop[static MIX_ADDRESS_PADDED],
                        mix_bytes ack_packet);
/* At the final hop: splits a plaintext into the ack's first hop, the ack packet, and the message.
 * Only packets that are not of size "ack" are split (§2.6). MIX_ERR_SPHINX_ACK. */
int mix_surb_ack_split(mix_address *first_hop, mix_bytes *ack_packet, mix_bytes *message,
                       mix_bytes plaintext);

#endif
