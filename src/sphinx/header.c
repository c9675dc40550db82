/* SPDX-License-Identifier: Apache-2.0 */
/* The routing part of a header: filler and layers (§1.9), once the secrets of its hops are there.
 */
#include "base/alloc.h"
#include "mix/errors.h"
#include "sphinx/internal.h"

enum { STEP = MIX_ROUTING_FORWARD_LEN };

static void xor_into(uint8_t *data, const uint8_t *stream, size_t len) {
    for (size_t i = 0; i < len; i++)
        data[i] ^= stream[i];
}

int mix_sphinx_stream(mix_crypto *c, uint8_t *out, size_t len, const uint8_t *hop) {
    static const uint8_t zero[MIX_AES128_KEY_LEN];
    memset(out, 0, len);
    return mix_aes128_ctr(c, hop + MIX_AT_STREAM_KEY, zero, out, len);
}

int mix_sphinx_mac(mix_crypto *c, uint8_t out[static MIX_SPHINX_GAMMA_LEN],
                   const uint8_t hop[static MIX_SPHINX_SECRETS_LEN],
                   const uint8_t beta[static MIX_SPHINX_BETA_LEN]) {
    uint8_t mac[MIX_KEY_LEN];
    int status = mix_hmac_sha256(c, mac, mix_bytes_of(hop + MIX_AT_MAC_KEY, 16),
                                 mix_bytes_of(beta, MIX_SPHINX_BETA_LEN));
    memcpy(out, mac, MIX_SPHINX_GAMMA_LEN);
    mix_wipe(mac, sizeof mac);
    return status;
}

void mix_sphinx_filler(uint8_t *out, const uint8_t (*streams)[MIX_SPHINX_STREAM_LEN], size_t hops) {
    for (size_t i = 1; i < hops; i++) {
        memset(out + STEP * (i - 1), 0, STEP);
        xor_into(out, streams[i - 1] + MIX_SPHINX_STREAM_LEN - STEP * i, STEP * i);
    }
}

/* The innermost layer: final block, padding, filler. */
static void final_layer(uint8_t beta[static MIX_SPHINX_BETA_LEN],
                        const uint8_t (*streams)[MIX_SPHINX_STREAM_LEN],
                        const mix_sphinx_route *route, uint16_t version, const uint8_t *padding) {
    mix_routing r = {.kind = MIX_SPHINX_FINAL, .version = version};
    size_t last = route->hops - 1, own = MIX_SPHINX_BETA_LEN - STEP * last;
    memcpy(r.address, route->destination, sizeof r.address);
    memcpy(r.identifier, route->identifier, sizeof r.identifier);
    size_t at = mix_routing_encode(beta, &r);
    memcpy(beta + at, padding, own - at);
    xor_into(beta, streams[last], own);
    mix_sphinx_filler(beta + own, streams, route->hops);
}

int mix_sphinx_header(mix_crypto *c, uint8_t out[static MIX_SPHINX_HEADER_LEN],
                      const mix_sphinx_secrets *secrets, const mix_sphinx_route *route,
                      uint16_t version, const uint8_t *padding) {
    uint8_t streams[MIX_SPHINX_MAX_HOPS][MIX_SPHINX_STREAM_LEN];
    uint8_t *beta = out + MIX_AT_BETA, *gamma = out + MIX_AT_GAMMA;
    size_t last = route->hops - 1;
    int status = MIX_OK;
    for (size_t i = 0; status == MIX_OK && i < last; i++)
        status = mix_sphinx_stream(c, streams[i], MIX_SPHINX_STREAM_LEN, secrets->hop[i]);
    if (status == MIX_OK) /* behind the last hop's own part is filler */
        status = mix_sphinx_stream(c, streams[last], MIX_SPHINX_BETA_LEN - STEP * last,
                                   secrets->hop[last]);
    if (status != MIX_OK)
        goto out;
    memcpy(out + MIX_AT_ALPHA, secrets->alpha, sizeof secrets->alpha);
    final_layer(beta, (const uint8_t(*)[MIX_SPHINX_STREAM_LEN])streams, route, version, padding);
    status = mix_sphinx_mac(c, gamma, secrets->hop[last], beta);
    for (size_t i = last; status == MIX_OK && i-- > 0;) {
        mix_routing r = {
            .kind = MIX_SPHINX_FORWARD, .version = version, .delay_ns = route->hop[i].delay_ns};
        memcpy(r.address, route->hop[i + 1].address, sizeof r.address);
        memcpy(r.gamma, gamma, sizeof r.gamma);
        memmove(beta + STEP, beta, MIX_SPHINX_BETA_LEN - STEP);
        mix_routing_encode(beta, &r);
        xor_into(beta, streams[i], MIX_SPHINX_BETA_LEN);
        status = mix_sphinx_mac(c, gamma, secrets->hop[i], beta);
    }
out:
    mix_wipe(streams, sizeof streams);
    if (status != MIX_OK)
        mix_wipe(out, MIX_SPHINX_HEADER_LEN);
    return status;
}
