/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a node sends: in the clear, as the handshake of either side, and within an
 * established channel; cut at a place that the input names. */
#include "mixnet/link/link.h"
#include "testing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mix_crypto *crypto;
static mix_test_env env;

static void must(bool holds) {
    if (!holds)
        abort();
}

static mixnet_link *new_link(bool connects, bool noise) {
    mixnet_link *l;
    mixnet_link_noise keys = {.secret = {(uint8_t)(connects ? 0x10 : 0x20)}};
    static const uint8_t responder[MIX_KEY_LEN] = {0x20};
    mix_x25519_public(keys.peer, responder);
    mixnet_link_config config = {.connects = connects, .noise = noise ? &keys : NULL};
    must(mixnet_link_new(&l, &config, crypto, &env.env, 0) == MIX_OK);
    return l;
}

/* What was taken and what came out must agree however the bytes are cut. */
static size_t feed(mixnet_link *l, mix_bytes in, size_t cut) {
    size_t frames = 0;
    int status = MIX_DONE;
    for (int i = 0; i < 2 && status == MIX_DONE; i++) {
        mix_bytes part = i == 0 ? mix_bytes_slice(in, 0, cut) : mix_bytes_slice(in, cut, SIZE_MAX);
        mix_frame frame;
        for (; (status = mixnet_link_feed(l, &part, &frame)) == MIX_OK; frames++)
            must(mix_packet_len(frame.size) == frame.packet.len && frame.packet.data[0] + 1 > 0);
        must(status != MIX_DONE || part.len == 0);
    }
    return frames;
}

static void shake(mixnet_link *from, mixnet_link *to) {
    mixnet_link *ends[] = {from, to};
    mix_frame frame;
    for (int i = 0; i < 3; i++) {
        mix_buf wire = {0};
        must(mixnet_link_drain(ends[i % 2], &wire) == MIX_OK);
        mix_bytes in = mix_buf_bytes(&wire);
        must(mixnet_link_feed(ends[(i + 1) % 2], &in, &frame) == MIX_DONE);
        mix_buf_deinit(&wire);
    }
    must(mixnet_link_open(from) && mixnet_link_open(to));
}

/* The input as frames sealed by an honest channel end: what the inside of the channel makes of it.
 */
static void inside(mix_bytes in, size_t cut, size_t expected) {
    mixnet_link *from = new_link(true, true), *to = new_link(false, true);
    mix_buf wire = {0};
    shake(from, to);
    if (mixnet_link_write(from, mix_bytes_slice(in, 0, MIX_FRAME_MAX)) == MIX_OK && in.len > 0) {
        must(mixnet_link_drain(from, &wire) == MIX_OK);
        size_t frames = feed(to, mix_buf_bytes(&wire), cut);
        must(in.len > MIX_FRAME_MAX || frames == expected);
    }
    mix_buf_deinit(&wire);
    mixnet_link_free(from);
    mixnet_link_free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!crypto) {
        mix_test_env_init(&env, 1);
        must(mix_crypto_new(&crypto) == MIX_OK);
    }
    if (size < 2)
        return 0;
    size_t cut = (size_t)(data[0] << 8 | data[1]);
    mix_bytes in = mix_bytes_of(data + 2, size - 2);
    mixnet_link *whole = new_link(false, false), *parts = new_link(false, false);
    size_t frames = feed(whole, in, SIZE_MAX);
    must(feed(parts, in, cut) == frames);
    mixnet_link_free(whole);
    mixnet_link_free(parts);
    for (int connects = 0; connects < 2; connects++) {
        mixnet_link *l = new_link(connects, true);
        mix_buf wire = {0};
        (void)mixnet_link_drain(l, &wire);
        must(feed(l, in, cut) == 0);
        mix_buf_deinit(&wire);
        mixnet_link_free(l);
    }
    inside(in, cut, frames);
    return 0;
}
