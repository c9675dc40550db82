/* SPDX-License-Identifier: Apache-2.0 */
/* The TCP/IP stack of a tunnel, for the layers that the tunnel builds on it. */
#ifndef MIX_TUNNEL_STACK_H
#define MIX_TUNNEL_STACK_H

#include "mix/tunnel.h"
#include "tcpip/tcpip.h"

/* NULL before the first ADDRESSES event, after the end, and with ip_packets. It stays while the
 * addresses stay, also from one session with the exit to the next; other addresses make a new one,
 * and all sockets are gone. */
mix_tcpip *mix_tunnel_tcpip(mix_tunnel *t);
/* After calls that may have brought something about: moves it. now: the host's time. */
void mix_tunnel_pump(mix_tunnel *t, mix_time now);

#endif
