/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP as the test of our patches builds it: TCP over IPv4, both ends in one stack, no operating system. */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_IPV6 0
#define LWIP_ARP 0
#define LWIP_TIMERS 0
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define TCP_MSS 1380
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 5
#define TCP_WND (1024 * 1024)
#define TCP_SND_BUF (512 * 1024)
#define TCP_SND_QUEUELEN 1024
#define TCP_SNDLOWAT (4 * TCP_MSS)
#define TCP_SNDQUEUELOWAT 16
#define LWIP_TCP_SACK_OUT 1
#define TCP_TMR_INTERVAL 25
#define LWIP_TCP_RTO_TIME 1000
#define LWIP_STATS 0
#define CHECKSUM_CHECK_TCP 0 /* the link rewrites options */
