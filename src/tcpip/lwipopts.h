/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP as this folder builds it: TCP and UDP over IPv4 and IPv6, one interface, no operating
 * system, no timers of its own. */
#ifndef MIX_TCPIP_LWIPOPTS_H
#define MIX_TCPIP_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_TIMERS 0 /* ticks.c drives tcp_tmr() */

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_SINGLE_NETIF 1
#define LWIP_NETIF_LOOPBACK 0
#define LWIP_HAVE_LOOPIF 0
#define LWIP_ARP 0
#define LWIP_ETHERNET 0
#define LWIP_DHCP 0
#define LWIP_DNS 0
#define LWIP_RAW 0
#define LWIP_ICMP 0     /* packets.c reads the errors and answers nothing */
#define IP_REASSEMBLY 0 /* nobody who speaks to us has to send fragments, and they cost memory */
#define IP_FRAG 0
#define LWIP_IPV6_REASS 0
#define LWIP_IPV6_FRAG 0
#define LWIP_IPV6_MLD 0
#define LWIP_IPV6_AUTOCONFIG 0
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 0
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 0
#define LWIP_ND6_QUEUEING 0

#define MEM_CUSTOM_ALLOCATOR 1
#define MEM_CUSTOM_MALLOC mix_alloc
#define MEM_CUSTOM_CALLOC mix_alloc_zero
#define MEM_CUSTOM_FREE mix_free
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8

#define LWIP_TCP 1
#define TCP_MSS 1460 /* the most; the MTU lowers it for each connection */
#define TCP_CALCULATE_EFF_SEND_MSS 1
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 5
#define TCP_WND (1024 * 1024)
#define TCP_SND_BUF (512 * 1024)
#define TCP_SND_QUEUELEN 1024
#define TCP_SNDLOWAT (4 * TCP_MSS)
#define TCP_SNDQUEUELOWAT 16
#define TCP_OVERSIZE TCP_MSS
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_BYTES TCP_WND
#define TCP_OOSEQ_MAX_PBUFS                                                                        \
    2048 /* many tiny segments out of order would cost more than they carry */
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_MAX_SACK_NUM 4
#define LWIP_TCP_KEEPALIVE 1
#define LWIP_TCP_TIMESTAMPS                                                                        \
    0 /* 12 bytes a segment; the patch takes the round trip from each segment without them */
#define TCP_TMR_INTERVAL 25 /* ms; a time-out counts in steps of twice this */
#define LWIP_TCP_RTO_TIME 1000
#define TCP_SYNMAXRTX 12 /* the time limit of a connect comes first */
#define TCP_MSL 5000     /* ports are random, so an old connection's are not used again soon */

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* a fuzzer does not find checksums */
#define CHECKSUM_CHECK_IP 0
#define CHECKSUM_CHECK_TCP 0
#define CHECKSUM_CHECK_UDP 0
#endif

#define LWIP_STATS 0
#define LWIP_CHECKSUM_ON_COPY 0
#define LWIP_NO_CTYPE_H 1
#define LWIP_NO_UNISTD_H 1

#include <stddef.h>
#include <stdint.h>
void *mix_alloc(size_t size);
void *mix_alloc_zero(size_t count, size_t size);
void mix_free(void *p);
/* RFC 6528 (ticks.c). */
struct ip_addr;
uint32_t mix_tcpip_isn(const struct ip_addr *local, uint16_t local_port,
                       const struct ip_addr *remote, uint16_t remote_port);
#define LWIP_HOOK_TCP_ISN mix_tcpip_isn

#endif
