/* SPDX-License-Identifier: Apache-2.0 */
/* What a node does with a packet (§1.11), in all versions. */
#include "base/alloc.h"
#include "mix/errors.h"
#include "sphinx/internal.h"

void mix_sphinx_opened_deinit(mix_sphinx_opened *opened) {
    mix_wipe(opened, sizeof *opened);
}

int mix_sphinx_open(mix_crypto *c, mix_sphinx_opened *out, const uint8_t secret[static MIX_KEY_LEN],
                    mix_bytes packet) {
    if (packet.len < MIX_SPHINX_PACKET_LEAST)
        return MIX_ERR_SPHINX_SIZE;
    uint8_t shared[MIX_KEY_LEN], gamma[MIX_SPHINX_GAMMA_LEN];
    mix_sphinx_opened opened;
    mix_x25519(shared, secret, packet.data + MIX_AT_ALPHA);
    int status = mix_sphinx_expand(c, opened.secrets, MIX_SPHINX_SECRETS_LEN, shared);
    if (status == MIX_OK)
        status = mix_sphinx_mac(c, gamma, opened.secrets, packet.data + MIX_AT_BETA);
    if (status == MIX_OK && !mix_equal(gamma, packet.data + MIX_AT_GAMMA, sizeof gamma))
        status = MIX_ERR_SPHINX_MAC;
    if (status == MIX_OK) {
        memcpy(opened.replay_tag, opened.secrets + MIX_AT_REPLAY_TAG, sizeof opened.replay_tag);
        *out = opened;
    }
    mix_wipe(shared, sizeof shared);
    mix_wipe(gamma, sizeof gamma); /* else a forged header's right MAC stays in memory */
    mix_sphinx_opened_deinit(&opened);
    return status;
}

/* Alpha as the next hop has to see it. */
static void blind(uint8_t out[static MIX_KEY_LEN], uint16_t version,
                  const uint8_t factor[static MIX_KEY_LEN],
                  const uint8_t alpha[static MIX_KEY_LEN]) {
    if (mix_sphinx_legacy(version))
        mix_x25519_unclamped(out, factor, alpha);
    else
        mix_x25519(out, factor, alpha);
}

static void fill_result(mix_sphinx_result *result, const mix_routing *r) {
    *result = (mix_sphinx_result){.kind = r->kind, .version = r->version};
    if (r->kind == MIX_SPHINX_FORWARD) {
        memcpy(result->next_address, r->address, sizeof result->next_address);
        result->delay_ns = r->delay_ns;
    } else {
        memcpy(result->destination, r->address, sizeof result->destination);
        memcpy(result->identifier, r->identifier, sizeof result->identifier);
    }
}

/* beta decrypted: the routing block, then the next hop's beta. */
static int open_routing(mix_crypto *c, mix_routing *r, uint8_t clear[static MIX_SPHINX_STREAM_LEN],
                        const mix_sphinx_opened *opened, mix_bytes packet) {
    int status = mix_sphinx_stream(c, clear, MIX_SPHINX_STREAM_LEN, opened->secrets);
    if (status != MIX_OK)
        return status;
    for (size_t i = 0; i < MIX_SPHINX_BETA_LEN; i++)
        clear[i] ^= packet.data[MIX_AT_BETA + i];
    return mix_routing_decode(r, clear);
}

int mix_sphinx_finish(mix_crypto *c, mix_sphinx_result *result, mix_buf *out,
                      mix_sphinx_opened *opened, mix_bytes packet) {
    uint8_t clear[MIX_SPHINX_STREAM_LEN], key[MIX_LIONESS_KEY_LEN];
    mix_routing r;
    size_t start = out->len;
    int status = packet.len < MIX_SPHINX_HEADER_LEN + MIX_SPHINX_PAYLOAD_LEAST
                     ? MIX_ERR_SPHINX_PAYLOAD_SIZE
                     : MIX_OK;
    if (status == MIX_OK)
        status = open_routing(c, &r, clear, opened, packet);
    if (status == MIX_OK)
        status = mix_sphinx_payload_key(c, key, opened->secrets + MIX_AT_PAYLOAD,
                                        mix_sphinx_explicit(r.version));
    if (status != MIX_OK)
        goto out;

    bool forward = r.kind == MIX_SPHINX_FORWARD;
    mix_bytes sealed = mix_bytes_slice(packet, MIX_SPHINX_HEADER_LEN, SIZE_MAX);
    uint8_t *p = mix_buf_space(out, sealed.len + (forward ? MIX_SPHINX_HEADER_LEN : 0));
    if (!p) {
        status = mix_buf_status(out);
        goto out;
    }
    if (forward) {
        blind(p + MIX_AT_ALPHA, r.version, opened->secrets + MIX_AT_BLINDING,
              packet.data + MIX_AT_ALPHA);
        memcpy(p + MIX_AT_GAMMA, r.gamma, sizeof r.gamma);
        memcpy(p + MIX_AT_BETA, clear + MIX_ROUTING_FORWARD_LEN, MIX_SPHINX_BETA_LEN);
        p += MIX_SPHINX_HEADER_LEN;
    }
    memcpy(p, sealed.data, sealed.len);
    status = mix_lioness_decrypt(c, key, p, sealed.len);
    if (status == MIX_OK)
        fill_result(result, &r);
    else
        mix_buf_truncate(out, start);
out:
    mix_wipe(clear, sizeof clear);
    mix_wipe(key, sizeof key);
    mix_wipe(&r, sizeof r);
    mix_sphinx_opened_deinit(opened);
    return status;
}

int mix_sphinx_process(mix_crypto *c, mix_sphinx_result *result, mix_buf *out,
                       const uint8_t secret[static MIX_KEY_LEN], mix_bytes packet) {
    mix_sphinx_opened opened;
    int status = mix_sphinx_open(c, &opened, secret, packet);
    if (status == MIX_OK)
        status = mix_sphinx_finish(c, result, out, &opened, packet);
    return status;
}
