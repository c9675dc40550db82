/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stream of frames, as MixPackets, as a plaintext with an acknowledgement: what
 * decodes encodes to the same. */
#include "mix/errors.h"
#include "sphinx/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frames(mix_bytes in) {
    for (;;) {
        mix_frame f = {0};
        size_t used = 0;
        int status = mix_frame_decode(&f, &used, in);
        if (status != MIX_OK) {
            if (used != 0 || f.version != 0)
                abort();
            return;
        }
        mix_buf out = {0};
        if (mix_frame_encode(&out, f.version, f.type, f.rotation, f.packet) != MIX_OK ||
            !mix_bytes_equal(mix_buf_bytes(&out), mix_bytes_slice(in, 0, used)))
            abort();
        mix_buf_deinit(&out);
        /* One byte less is not a whole frame. */
        mix_frame shorter = {0};
        size_t none = 0;
        if (mix_frame_decode(&shorter, &none, mix_bytes_slice(in, 0, used - 1)) != MIX_DONE)
            abort();
        in = mix_bytes_slice(in, used, SIZE_MAX);
    }
}

static void mix_packets(mix_bytes in) {
    mix_packet p;
    mix_buf out = {0};
    if (mix_packet_decode_v1(&p, in) == MIX_OK &&
        (mix_packet_encode_v1(&out, &p) != MIX_OK || !mix_bytes_equal(mix_buf_bytes(&out), in)))
        abort();
    mix_buf_truncate(&out, 0);
    if (mix_packet_decode_v2(&p, in) == MIX_OK &&
        (mix_packet_encode_v2(&out, &p) != MIX_OK || !mix_bytes_equal(mix_buf_bytes(&out), in)))
        abort();
    mix_buf_deinit(&out);
}

static void ack(mix_bytes in) {
    mix_address hop;
    mix_bytes packet, message;
    if (mix_surb_ack_split(&hop, &packet, &message, in) == MIX_OK &&
        (packet.len != 386 || packet.data != in.data + 19 || message.len != in.len - 405))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    frames(mix_bytes_of(data, size));
    mix_packets(mix_bytes_of(data, size));
    ack(mix_bytes_of(data, size));
    return 0;
}
