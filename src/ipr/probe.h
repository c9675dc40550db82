/* SPDX-License-Identifier: Apache-2.0 */
/* The packet that asks whether the exit still knows us: an ICMP echo request to the exit's own address on its TUN device, 10.0.0.1. An
 * exit counts it as activity, and answers in one of two ways: its filter refuses the private address with a notice, or, where local
 * addresses are allowed, the echo comes back (5-ipr.md §5.6, §5.7, §5.9). Only a connected client gets either. */
#ifndef MIX_IPR_PROBE_H
#define MIX_IPR_PROBE_H

#include "base/address.h"

enum { MIX_PROBE_LEN = 28 }; /* IPv4 header 20, ICMP header 8 */

void mix_probe_encode(uint8_t out[static MIX_PROBE_LEN], const uint8_t source[static 4], uint16_t id, uint16_t seq);
bool mix_probe_is_answer(mix_bytes packet, const uint8_t own[static 4], uint16_t id);
bool mix_probe_is_target(const mix_address *destination); /* 10.0.0.1, no port */

#endif
