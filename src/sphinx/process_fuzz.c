/* SPDX-License-Identifier: Apache-2.0 */
/* A node's secret and a packet: as they are, and again with the MAC made right, so that what lies
 * behind it is reached. */
#include "mix/errors.h"
#include "sphinx/internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void process(mix_crypto *c, const uint8_t secret[static MIX_KEY_LEN], mix_bytes packet) {
    mix_sphinx_result r = {.kind = 77};
    mix_buf out = {0};
    int status = mix_sphinx_process(c, &r, &out, secret, packet);
    mix_bytes message;
    if (status != MIX_OK) {
        if (out.len != 0 || r.kind != 77)
            abort();
    } else if (r.kind == MIX_SPHINX_FORWARD) {
        if (out.len != packet.len)
            abort();
    } else if (out.len != packet.len - MIX_SPHINX_HEADER_LEN) {
        abort();
    } else if (mix_sphinx_unpad(&message, mix_buf_bytes(&out)) == MIX_OK &&
               (message.data < out.data || message.data + message.len >= out.data + out.len)) {
        abort();
    }
    mix_buf_deinit(&out);
}

static void make_right(mix_crypto *c, const uint8_t secret[static MIX_KEY_LEN], mix_buf *packet) {
    uint8_t shared[MIX_KEY_LEN], secrets[MIX_SPHINX_SECRETS_LEN];
    mix_x25519(shared, secret, packet->data);
    if (mix_sphinx_expand(c, secrets, MIX_SPHINX_SECRETS_LEN, shared) != MIX_OK ||
        mix_sphinx_mac(c, packet->data + MIX_AT_GAMMA, secrets, packet->data + MIX_AT_BETA) !=
            MIX_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mix_crypto *c;
    if (!c && mix_crypto_new(&c) != MIX_OK)
        abort();
    if (size < MIX_KEY_LEN)
        return 0;
    mix_bytes packet = mix_bytes_of(data + MIX_KEY_LEN, size - MIX_KEY_LEN);
    process(c, data, packet);
    if (packet.len < MIX_SPHINX_HEADER_LEN)
        return 0;
    mix_buf copy = {0};
    mix_buf_put_bytes(&copy, packet);
    make_right(c, data, &copy);
    process(c, data, mix_buf_bytes(&copy));
    mix_buf_deinit(&copy);
    return 0;
}
