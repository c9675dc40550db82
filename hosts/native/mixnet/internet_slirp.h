/* SPDX-License-Identifier: Apache-2.0 */
/* libslirp on a libuv loop: IP packets of one guest in and out, the host's sockets behind it. It
 * talks Ethernet to its guest: that stays in here. No timer runs while there are no connections. */
#ifndef HOSTS_NATIVE_MIXNET_INTERNET_SLIRP_H
#define HOSTS_NATIVE_MIXNET_INTERNET_SLIRP_H

#include "base/address.h"
#include "base/bytes.h"
#include "base/error.h"

#include <uv.h>

typedef struct usernet usernet;
typedef void usernet_on_packet(void *user, mix_bytes ip_packet);

/* The guest's addresses, and those of libslirp itself; nobody else is in these two networks. */
enum { USERNET_PREFIX4 = 29, USERNET_PREFIX6 = 64 };
extern const mix_address usernet_guest4, usernet_guest6;

/* on_packet is called from inside of calls here and on the loop; it must not call usernet_input or
 * usernet_close. sockets_max: host sockets at once, more flows than that fail. mtu: of the guest's
 * network. MIX_ERR_MEMORY, MIX_ERR_STATE. */
int usernet_new(usernet **out, uv_loop_t *loop, size_t sockets_max, uint16_t mtu,
                usernet_on_packet *on_packet, void *user, mix_error *e);
/* A well-formed packet from the guest. */
void usernet_input(usernet *n, mix_bytes ip_packet);
/* Whether there is room for one more socket. */
bool usernet_has_room(const usernet *n);
/* Closes sockets and handles; no packet comes any more. closed is called when the last handle is
 * gone, then free is allowed. */
void usernet_close(usernet *n, void (*closed)(void *user), void *user);
void usernet_free(usernet *n);

#endif
