/* SPDX-License-Identifier: Apache-2.0 */
/* IP packets of both families, read, readdressed and made: what NAT, DNS and the answers of the
 * internet's own need. */
#ifndef HOSTS_NATIVE_MIXNET_INTERNET_PACKET_H
#define HOSTS_NATIVE_MIXNET_INTERNET_PACKET_H

#include "base/address.h"
#include "base/buf.h"

enum {
    PACKET_ICMP = 1,
    PACKET_TCP = 6,
    PACKET_UDP = 17,
    PACKET_ICMP6 = 58,
    PACKET_FIN = 1, /* TCP flags */
    PACKET_SYN = 2,
    PACKET_RST = 4,
    PACKET_ACK = 16
};

typedef enum packet_fault {
    PACKET_OK,
    PACKET_MALFORMED,
    PACKET_FRAGMENT,
    PACKET_PROTOCOL
} packet_fault;

/* One packet. from and to have the ports of TCP and UDP. Of an echo request, from.port is its
 * identifier, of an echo reply to.port; the other one is 0, and both are of any other ICMP message.
 */
typedef struct packet {
    uint8_t protocol, hops, service; /* service: TOS or traffic class */
    mix_address from, to;
    mix_bytes transport; /* TCP, UDP or ICMP, header and data; exactly as long as the headers say */
    uint16_t id;         /* of IPv4 fragments, with their offset (in units of 8 bytes) and flag */
    uint16_t offset;     /* > 0: transport has no header, and the ports are 0 */
    bool more;
} packet;

/* Reads a packet, checks every length in it and the IPv4 header's checksum; extension headers of
 * IPv6 are skipped. PACKET_FRAGMENT: a fragment; filled all the same for IPv4. The transport's
 * checksum is left to packet_checksum_good. */
packet_fault packet_read(packet *out, mix_bytes in);
bool packet_checksum_good(const packet *p);

uint8_t packet_tcp_flags(const packet *p);
uint32_t packet_tcp_ack(const packet *p);
bool packet_is_echo_request(const packet *p);
bool packet_is_echo_reply(const packet *p);

/* Appends p with other addresses and ports, which may be of the other family (TCP and UDP; no
 * fragments then). Its checksum is adjusted, not made anew: what was damaged stays so. Urgent data
 * becomes ordinary data. Errors are kept in out. */
void packet_readdress(mix_buf *out, const packet *p, const mix_address *from,
                      const mix_address *to);
/* Appends a packet around a transport whose checksum is filled in here. */
void packet_make(mix_buf *out, uint8_t protocol, const mix_address *from, const mix_address *to,
                 mix_bytes transport);
void packet_make_udp(mix_buf *out, const mix_address *from, const mix_address *to,
                     mix_bytes payload);

/* The answers of a host that is there but does not want p: a reset (none to a reset), port
 * unreachable, an echo reply. */
void packet_refuse(mix_buf *out, const packet *p);
void packet_echo(mix_buf *out, const packet *p);
/* A reset that comes from `from`, with the sequence number that `to` waits for. */
void packet_reset(mix_buf *out, const mix_address *from, const mix_address *to, uint32_t seq);

/* What an ICMP error of either family is about. */
typedef enum packet_trouble {
    TROUBLE_NET,
    TROUBLE_HOST,
    TROUBLE_PORT,
    TROUBLE_HOPS
} packet_trouble;
/* When p is an ICMP error: true, and the packet within it, of which only addresses, ports and
 * protocol are filled, and its transport may be cut after 8 bytes. */
bool packet_error_read(const packet *p, packet_trouble *trouble, packet *inner);
/* Appends the error from `reporter` about inner as its sender knew it: with these addresses. */
void packet_error_make(mix_buf *out, packet_trouble trouble, const mix_address *reporter,
                       const packet *inner, const mix_address *from, const mix_address *to);

#endif
