/* SPDX-License-Identifier: Apache-2.0 */
/* Byte positions of packets and of what carries them, reading and writing side by side. */
#include "sphinx/wire.h"

#include "mix/errors.h"
#include "sphinx/internal.h"

/* §2.2, by the size byte. An Outfox packet has 6 bytes in front of its body and 323 bytes of layers
 * around the plaintext. */
static const struct {
    uint16_t packet, payload, plaintext;
} sizes[] = {
    [MIX_SIZE_REGULAR] = {2413, 2065, 2048},       [MIX_SIZE_ACK] = {386, 38, 21},
    [MIX_SIZE_EXTENDED32] = {33133, 32785, 32768}, [MIX_SIZE_EXTENDED8] = {8557, 8209, 8192},
    [MIX_SIZE_EXTENDED16] = {16749, 16401, 16384}, [MIX_SIZE_OUTFOX_REGULAR] = {2377, 2371, 2048},
    [MIX_SIZE_OUTFOX_ACK] = {377, 371, 48},
};

static bool known(mix_packet_size size) {
    return size >= MIX_SIZE_REGULAR && size <= MIX_SIZE_OUTFOX_ACK;
}

size_t mix_packet_len(mix_packet_size size) {
    return known(size) ? sizes[size].packet : 0;
}

size_t mix_payload_len(mix_packet_size size) {
    return known(size) ? sizes[size].payload : 0;
}

size_t mix_plaintext_len(mix_packet_size size) {
    return known(size) ? sizes[size].plaintext : 0;
}

int mix_packet_size_of(mix_packet_size *out, size_t packet_len) {
    for (mix_packet_size i = MIX_SIZE_REGULAR; known(i); i++) {
        if (sizes[i].packet == packet_len) {
            *out = i;
            return MIX_OK;
        }
    }
    return MIX_ERR_SPHINX_SIZE;
}

mix_rotation mix_rotation_of(uint32_t rotation_id) {
    if (rotation_id == 0 || rotation_id == UINT32_MAX)
        return MIX_ROTATION_UNKNOWN;
    return rotation_id % 2 == 0 ? MIX_ROTATION_EVEN : MIX_ROTATION_ODD;
}

static bool type_known(uint8_t type) {
    return type == MIX_PACKET_TYPE_MIX || type == MIX_PACKET_TYPE_OUTFOX;
}

/* Appends to out what encode did, or nothing. */
static int all_or_nothing(mix_buf *out, size_t start) {
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, start);
    return status;
}

/* Frames between nodes (§2.2): version, size, type, in version 8 the rotation, packet. */

int mix_frame_encode(mix_buf *out, uint8_t version, uint8_t type, mix_rotation rotation,
                     mix_bytes packet) {
    if (version != 7 && version != 8)
        return MIX_ERR_FRAME_VERSION;
    if (rotation > MIX_ROTATION_EVEN)
        return MIX_ERR_FRAME_ROTATION;
    if (!type_known(type))
        return MIX_ERR_FRAME_TYPE;
    mix_packet_size size;
    int status = mix_packet_size_of(&size, packet.len);
    if (status != MIX_OK)
        return status;
    size_t start = out->len;
    mix_buf_put_u8(out, version);
    mix_buf_put_u8(out, (uint8_t)size);
    mix_buf_put_u8(out, type);
    if (version == 8)
        mix_buf_put_u8(out, (uint8_t)rotation);
    mix_buf_put_bytes(out, packet);
    return all_or_nothing(out, start);
}

/* The checks come in the order of §2.2, as soon as their byte is there. */
int mix_frame_decode(mix_frame *out, size_t *used, mix_bytes in) {
    if (in.len < 3)
        return MIX_DONE;
    mix_reader r = {.in = in};
    mix_frame f = {.version = mix_read_u8(&r)};
    f.size = mix_read_u8(&r);
    f.type = mix_read_u8(&r);
    if (f.version != 7 && f.version != 8)
        return MIX_ERR_FRAME_VERSION;
    if (f.version == 8 && r.in.len < 1)
        return MIX_DONE;
    f.rotation = f.version == 8 ? mix_read_u8(&r) : MIX_ROTATION_UNKNOWN;
    if (f.rotation > MIX_ROTATION_EVEN)
        return MIX_ERR_FRAME_ROTATION;
    if (!known(f.size))
        return MIX_ERR_FRAME_SIZE;
    if (!type_known(f.type))
        return MIX_ERR_FRAME_TYPE;
    f.packet = mix_read_bytes(&r, mix_packet_len(f.size));
    if (r.bad)
        return MIX_DONE;
    *out = f;
    *used = in.len - r.in.len;
    return MIX_OK;
}

/* MixPacket (§2.5): type, in v2 the rotation, compact address, packet. */

static int packet_encode(mix_buf *out, const mix_packet *p, bool v2) {
    mix_packet_size size;
    if (!type_known(p->type))
        return MIX_ERR_FRAME_TYPE;
    if (p->rotation > MIX_ROTATION_EVEN)
        return MIX_ERR_FRAME_ROTATION;
    if (p->next_hop.family != 4 && p->next_hop.family != 6)
        return MIX_ERR_ADDRESS;
    int status = mix_packet_size_of(&size, p->packet.len);
    if (status != MIX_OK)
        return status;
    size_t start = out->len;
    mix_buf_put_u8(out, p->type);
    if (v2)
        mix_buf_put_u8(out, (uint8_t)p->rotation);
    mix_address_encode(out, &p->next_hop);
    mix_buf_put_bytes(out, p->packet);
    return all_or_nothing(out, start);
}

static int packet_decode(mix_packet *out, mix_bytes in, bool v2) {
    mix_reader r = {.in = in};
    mix_packet p = {.type = mix_read_u8(&r)};
    p.rotation = v2 ? mix_read_u8(&r) : MIX_ROTATION_UNKNOWN;
    if (r.bad)
        return MIX_ERR_TRUNCATED;
    if (!type_known(p.type))
        return MIX_ERR_FRAME_TYPE;
    if (p.rotation > MIX_ROTATION_EVEN)
        return MIX_ERR_FRAME_ROTATION;
    size_t used = 0;
    int status = mix_address_decode(&p.next_hop, &used, r.in);
    if (status != MIX_OK)
        return status;
    p.packet = mix_bytes_slice(r.in, used, SIZE_MAX);
    mix_packet_size size;
    status = mix_packet_size_of(&size, p.packet.len);
    if (status != MIX_OK)
        return status;
    *out = p;
    return MIX_OK;
}

int mix_packet_encode_v1(mix_buf *out, const mix_packet *p) {
    return packet_encode(out, p, false);
}
int mix_packet_encode_v2(mix_buf *out, const mix_packet *p) {
    return packet_encode(out, p, true);
}
int mix_packet_decode_v1(mix_packet *out, mix_bytes in) {
    return packet_decode(out, in, false);
}
int mix_packet_decode_v2(mix_packet *out, mix_bytes in) {
    return packet_decode(out, in, true);
}

/* SURB-ack (§2.6): first hop padded to 19, packet of size "ack", then the message. */

int mix_surb_ack_encode(mix_buf *out, const uint8_t first_hop[static MIX_ADDRESS_PADDED],
                        mix_bytes ack_packet) {
    if (ack_packet.len != mix_packet_len(MIX_SIZE_ACK))
        return MIX_ERR_SPHINX_ACK;
    size_t start = out->len;
    mix_buf_put(out, first_hop, MIX_ADDRESS_ACK);
    mix_buf_put_bytes(out, ack_packet);
    return all_or_nothing(out, start);
}

int mix_surb_ack_split(mix_address *first_hop, mix_bytes *ack_packet, mix_bytes *message,
                       mix_bytes plaintext) {
    mix_reader r = {.in = plaintext};
    mix_bytes padded = mix_read_bytes(&r, MIX_ADDRESS_ACK);
    mix_bytes packet = mix_read_bytes(&r, mix_packet_len(MIX_SIZE_ACK));
    mix_address address;
    if (r.bad || mix_address_decode(&address, NULL, padded) != MIX_OK)
        return MIX_ERR_SPHINX_ACK;
    *first_hop = address;
    *ack_packet = packet;
    *message = r.in;
    return MIX_OK;
}

/* Routing blocks (§1.2). */

size_t mix_routing_encode(uint8_t out[static MIX_ROUTING_FORWARD_LEN], const mix_routing *r) {
    out[0] = (uint8_t)r->kind;
    out[1] = 0;
    mix_put_u16(out + 2, r->version);
    memcpy(out + 4, r->address, sizeof r->address);
    if (r->kind == MIX_SPHINX_FINAL) {
        memcpy(out + 36, r->identifier, sizeof r->identifier);
        return MIX_ROUTING_FINAL_LEN;
    }
    mix_put_u64(out + 36, r->delay_ns);
    memcpy(out + 44, r->gamma, sizeof r->gamma);
    return MIX_ROUTING_FORWARD_LEN;
}

int mix_routing_decode(mix_routing *out, const uint8_t in[static MIX_ROUTING_FORWARD_LEN]) {
    if (in[0] != MIX_SPHINX_FORWARD && in[0] != MIX_SPHINX_FINAL)
        return MIX_ERR_SPHINX_FLAG;
    *out = (mix_routing){.kind = in[0], .version = mix_get_u16(in + 2)};
    memcpy(out->address, in + 4, sizeof out->address);
    if (in[0] == MIX_SPHINX_FINAL) {
        memcpy(out->identifier, in + 36, sizeof out->identifier);
    } else {
        out->delay_ns = mix_get_u64(in + 36);
        memcpy(out->gamma, in + 44, sizeof out->gamma);
    }
    return MIX_OK;
}
