/* SPDX-License-Identifier: Apache-2.0 */
/* One small IPv4 packet, both ways. */
#include "ipr/probe.h"

static const uint8_t target[4] = {10, 0, 0, 1};

/* The internet checksum over an even number of bytes. */
static uint16_t checksum(const uint8_t *p, size_t len) {
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i += 2)
        sum += mix_get_u16(p + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

void mix_probe_encode(uint8_t out[static MIX_PROBE_LEN], const uint8_t source[static 4], uint16_t id, uint16_t seq) {
    memset(out, 0, MIX_PROBE_LEN);
    out[0] = 0x45; /* version 4, five words */
    mix_put_u16(out + 2, MIX_PROBE_LEN);
    out[6] = 0x40; /* don't fragment */
    out[8] = 64;   /* hops */
    out[9] = 1;    /* ICMP */
    memcpy(out + 12, source, 4);
    memcpy(out + 16, target, 4);
    mix_put_u16(out + 10, checksum(out, 20));
    out[20] = 8; /* echo request */
    mix_put_u16(out + 24, id);
    mix_put_u16(out + 26, seq);
    mix_put_u16(out + 22, checksum(out + 20, 8));
}

bool mix_probe_is_answer(mix_bytes packet, const uint8_t own[static 4], uint16_t id) {
    const uint8_t *p = packet.data;
    return packet.len == MIX_PROBE_LEN && p[0] == 0x45 && p[9] == 1 && memcmp(p + 12, target, 4) == 0 && memcmp(p + 16, own, 4) == 0 &&
           p[20] == 0 && mix_get_u16(p + 24) == id;
}

bool mix_probe_is_target(const mix_address *destination) {
    return destination->family == 4 && destination->port == 0 && memcmp(destination->octets, target, 4) == 0;
}
