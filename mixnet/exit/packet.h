/* SPDX-License-Identifier: Apache-2.0 */
/* IP packets as the exit looks at them (5-ipr.md §5.6.1), and those it makes itself: resets,
 * refusals, echoes. */
#ifndef MIXNET_EXIT_PACKET_H
#define MIXNET_EXIT_PACKET_H

#include "base/address.h"
#include "base/buf.h"
#include "ipr/wire.h"

typedef enum mixnet_ip_kind {
    MIXNET_IP_OTHER,
    MIXNET_IP_TCP,
    MIXNET_IP_UDP,
    MIXNET_IP_ICMP4,
    MIXNET_IP_ICMP6
} mixnet_ip_kind;

typedef struct mixnet_ip {
    mixnet_ip_kind kind;
    mix_address source, destination; /* ports: of TCP and UDP, else 0 */
    size_t header;                   /* bytes in front of the transport header */
    mix_bytes
        transport; /* transport header and what follows, as far as the IP header's length says */
} mixnet_ip;

/* Whether the packet has an IP header and, behind IPv6's extension headers, a transport header.
 * Fragments have none. Lengths are checked as far as the headers go, checksums are not. Borrows. */
bool mixnet_ip_parse(mixnet_ip *out, mix_bytes packet);
/* The destination alone, as the router reads it of packets from the internet: 1 to 15 or 24 to 39,
 * nothing else is looked at. The port is 0. */
bool mixnet_ip_destination(mix_address *out, mix_bytes packet);

/* Appends the answer by which the sender of a refused packet learns at once that it was refused:
 * for TCP a reset in the name of the destination, for anything else "communication administratively
 * prohibited" from `own`. Nothing for resets, ICMP errors and packets to many. MIX_ERR_MEMORY; out
 * is unchanged then. */
int mixnet_ip_refuse(mix_buf *out, const mixnet_ip *ip, mix_bytes packet, const mix_ipr_ips *own);
/* Appends the answer to an echo request; nothing for other packets. MIX_ERR_MEMORY. */
int mixnet_ip_echo(mix_buf *out, const mixnet_ip *ip);

/* The internet checksum of a transport header and what follows, its pseudo header included, with
 * what stands in the checksum's place: 0 when it is right. ICMP over IPv4 has no pseudo header. */
uint16_t mixnet_ip_checksum(const mix_address *source, const mix_address *destination,
                            uint8_t protocol, mix_bytes transport);

#endif
