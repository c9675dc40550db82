/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for X25519 and Sphinx, for runs of millions of packets: the same sizes, the same routes
 * and delays, nothing hidden. They take the place of the real ones at link time (--wrap), so the
 * product has no seam for it. Everything else, the encryption of fragments and acknowledgements
 * included, is the real thing. */
#include "mix/errors.h"
#include "sphinx/sphinx.h"

/* In clear: magic, hops, place, version, then each hop's address and delay, then destination and
 * identifier. */
enum {
    MAGIC = 0xc1,
    AT_HOPS = 1,
    AT_PLACE = 2,
    AT_VERSION = 3,
    AT_HOP = 8,
    HOP_LEN = 40,
    AT_DESTINATION = AT_HOP + 5 * HOP_LEN
};

void __wrap_mix_x25519(uint8_t *out, const uint8_t *secret, const uint8_t *point);
void __wrap_mix_x25519_public(uint8_t *out, const uint8_t *secret);
void __wrap_mix_x25519_ephemeral(mix_crypto *c, uint8_t *public, uint8_t *shared,
                                 const uint8_t *secret, const uint8_t *point);
int __wrap_mix_sphinx_headers(mix_sphinx *s, mix_sphinx_job *jobs, size_t count);
int __wrap_mix_sphinx_seal(mix_sphinx *s, mix_buf *out, const mix_sphinx_job *job, size_t size,
                           mix_bytes message);
int __wrap_mix_surb_make(mix_sphinx *s, mix_buf *out, const mix_sphinx_route *routes, size_t count,
                         uint16_t version);
int __wrap_mix_surb_use(mix_sphinx *s, mix_buf *out, uint8_t *first_hop, mix_bytes surb,
                        size_t size, mix_bytes message);
int __wrap_mix_sphinx_process(mix_crypto *c, mix_sphinx_result *r, mix_buf *out,
                              const uint8_t *secret, mix_bytes packet);

/* a·b as a xor b: both sides get the same, and it depends on both. */
void __wrap_mix_x25519(uint8_t *out, const uint8_t *secret, const uint8_t *point) {
    for (size_t i = 0; i < MIX_KEY_LEN; i++)
        out[i] = secret[i] ^ point[i];
}

void __wrap_mix_x25519_public(uint8_t *out, const uint8_t *secret) {
    for (size_t i = 0; i < MIX_KEY_LEN; i++)
        out[i] = secret[i] ^ 0x5a;
}

void __wrap_mix_x25519_ephemeral(mix_crypto *c, uint8_t *public, uint8_t *shared,
                                 const uint8_t *secret, const uint8_t *point) {
    (void)c;
    __wrap_mix_x25519_public(public, secret);
    __wrap_mix_x25519(shared, secret, point);
}

static void put_header(uint8_t *h, const mix_sphinx_route *route, uint16_t version) {
    memset(h, 0, MIX_SPHINX_HEADER_LEN);
    h[0] = MAGIC;
    h[AT_HOPS] = (uint8_t)route->hops;
    mix_put_u16(h + AT_VERSION, version);
    for (size_t i = 0; i < route->hops; i++) {
        memcpy(h + AT_HOP + i * HOP_LEN, route->hop[i].address, MIX_SPHINX_ADDRESS_LEN);
        mix_put_u64(h + AT_HOP + i * HOP_LEN + MIX_SPHINX_ADDRESS_LEN, route->hop[i].delay_ns);
    }
    memcpy(h + AT_DESTINATION, route->destination, MIX_KEY_LEN);
    memcpy(h + AT_DESTINATION + MIX_KEY_LEN, route->identifier, MIX_SPHINX_IDENTIFIER_LEN);
}

int __wrap_mix_sphinx_headers(mix_sphinx *s, mix_sphinx_job *jobs, size_t count) {
    (void)s;
    for (size_t i = 0; i < count; i++)
        put_header(jobs[i].header, jobs[i].route, jobs[i].version);
    return MIX_OK;
}

static int put_packet(mix_buf *out, const uint8_t *header, size_t size, mix_bytes message) {
    if (message.len + MIX_SPHINX_OVERHEAD > size)
        return MIX_ERR_SPHINX_MESSAGE;
    mix_buf_put(out, header, MIX_SPHINX_HEADER_LEN);
    mix_buf_put_zeros(out, 16);
    mix_buf_put_bytes(out, message);
    mix_buf_put_u8(out, 1);
    mix_buf_put_zeros(out, size - message.len - MIX_SPHINX_OVERHEAD);
    return mix_buf_status(out);
}

int __wrap_mix_sphinx_seal(mix_sphinx *s, mix_buf *out, const mix_sphinx_job *job, size_t size,
                           mix_bytes message) {
    (void)s;
    return put_packet(out, job->header, size, message);
}

int __wrap_mix_surb_make(mix_sphinx *s, mix_buf *out, const mix_sphinx_route *routes, size_t count,
                         uint16_t version) {
    (void)s;
    for (size_t i = 0; i < count; i++) {
        uint8_t *p = mix_buf_space(out, MIX_SPHINX_HEADER_LEN);
        if (p)
            put_header(p, &routes[i], version);
        mix_buf_put(out, routes[i].hop[0].address, MIX_SPHINX_ADDRESS_LEN);
        mix_buf_put_zeros(out, MIX_SPHINX_SEED_LEN * routes[i].hops);
    }
    return mix_buf_status(out);
}

int __wrap_mix_surb_use(mix_sphinx *s, mix_buf *out, uint8_t *first_hop, mix_bytes surb,
                        size_t size, mix_bytes message) {
    (void)s;
    memcpy(first_hop, surb.data + MIX_SPHINX_HEADER_LEN, MIX_SPHINX_ADDRESS_LEN);
    return put_packet(out, surb.data, size, message);
}

int __wrap_mix_sphinx_process(mix_crypto *c, mix_sphinx_result *r, mix_buf *out,
                              const uint8_t *secret, mix_bytes packet) {
    (void)c, (void)secret;
    const uint8_t *h = packet.data;
    if (packet.len < MIX_SPHINX_PACKET_LEAST || h[0] != MAGIC || h[AT_PLACE] >= h[AT_HOPS])
        return MIX_ERR_SPHINX_MAC;
    size_t place = h[AT_PLACE];
    *r = (mix_sphinx_result){.kind = MIX_SPHINX_FINAL, .version = mix_get_u16(h + AT_VERSION)};
    if (place + 1 == h[AT_HOPS]) {
        memcpy(r->destination, h + AT_DESTINATION, MIX_KEY_LEN);
        mix_buf_put_bytes(out, mix_bytes_slice(packet, MIX_SPHINX_HEADER_LEN, packet.len));
        return mix_buf_status(out);
    }
    r->kind = MIX_SPHINX_FORWARD;
    memcpy(r->next_address, h + AT_HOP + (place + 1) * HOP_LEN, MIX_SPHINX_ADDRESS_LEN);
    r->delay_ns = mix_get_u64(h + AT_HOP + place * HOP_LEN + MIX_SPHINX_ADDRESS_LEN);
    size_t at = out->len;
    mix_buf_put_bytes(out, packet);
    if (mix_buf_status(out) == MIX_OK)
        out->data[at + AT_PLACE]++;
    return mix_buf_status(out);
}
