/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a binary frame, a handshake message, a ticket or a mix packet. */
#include "gateway/wire_handshake.h"
#include "gateway/wire_refusals.h"
#include "mix/errors.h"
#include "testing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mix_crypto *crypto;
static mix_test_env env;

static void must(bool holds) {
    if (!holds)
        abort();
}

static void frames(mix_text_side side, mix_bytes in) {
    static const uint8_t key[MIX_KEY_LEN] = {7};
    mix_gateway_frame f;
    mix_buf plain = {0}, text = {0};
    int status = mix_gateway_frame_decode(&f, side, in);
    if (status == MIX_OK) {
        must(f.body.len + MIX_FRAME_HEAD == in.len && f.kind != 0);
        status = mix_gateway_frame_open(&plain, crypto, key, &f);
        must(status == MIX_OK || plain.len == 0);
    }
    if (status != MIX_OK)
        must(mix_refusal_binary_encode(&text, status, in, mix_buf_bytes(&plain)) == MIX_OK);
    mix_buf_deinit(&plain);
    mix_buf_deinit(&text);
}

static void handshakes(mix_bytes in) {
    static const uint8_t seed[MIX_KEY_LEN] = {9};
    mix_handshake h = {0};
    mix_buf out = {0};
    if (mix_handshake_accept(&h, &out, crypto, &env.env, seed, in) != MIX_OK)
        must(out.len == 0);
    else
        must(in.len == 80 && out.len == 124);
    mix_buf_truncate(&out, 0);
    must(mix_handshake_start(&h, &out, &env.env, seed) == MIX_OK && out.len == 80);
    mix_buf_truncate(&out, 0);
    must(mix_handshake_answer(&h, &out, crypto, &env.env, seed, seed, in) != MIX_OK &&
         out.len == 0);
    must(mix_handshake_finish(&h, &out, crypto, in) != MIX_OK && out.len == 0);
    mix_buf_deinit(&out);
    mix_handshake_wipe(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_bytes in = mix_bytes_of(data, size), type, rest;
    if (!crypto) {
        mix_test_env_init(&env, 1);
        must(mix_crypto_new(&crypto) == MIX_OK);
    }
    frames(MIX_TEXT_REQUEST, in);
    frames(MIX_TEXT_RESPONSE, in);
    handshakes(in);
    mix_ticket ticket;
    if (mix_ticket_decode(&ticket, in) == MIX_OK) {
        mix_buf out = {0};
        mix_ticket_encode(&out, &ticket);
        must(mix_bytes_equal(mix_buf_bytes(&out), in));
        mix_buf_deinit(&out);
    }
    must(mix_packet_cost(in) < size || size == 0);
    mix_packet_without_rotation(&type, &rest, in);
    must(type.len + rest.len <= size);
    for (int status = -599; status < 0; status++) {
        mix_buf out = {0};
        if (status == MIX_ERR_FRAME_TYPE || status == MIX_ERR_FRAME_ROTATION ||
            status == MIX_ERR_SPHINX_SIZE || status == MIX_ERR_ADDRESS ||
            status == MIX_ERR_TRUNCATED)
            must(mix_refusal_binary_encode(&out, status, in, rest) == MIX_OK && out.len < 300);
        mix_buf_deinit(&out);
    }
    return 0;
}
