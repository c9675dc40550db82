/* SPDX-License-Identifier: Apache-2.0 */
/* A TUN device on a libuv loop: the kernel's TCP/IP behind the exit. Linux, needs root (or
 * CAP_NET_ADMIN). */
#ifndef HOSTS_NATIVE_MIXNET_INTERNET_TUN_H
#define HOSTS_NATIVE_MIXNET_INTERNET_TUN_H

#include "base/address.h"
#include "base/bytes.h"
#include "base/error.h"

#include <uv.h>

typedef struct tun tun;
typedef void tun_on_packet(void *user, mix_bytes ip_packet);

/* Makes lwmixN, 10.0.0.1/16 and fc00::1/112 (and guest's network, in which guest's neighbour is the
 * machine: whose source address it is, may also send to 127.0.0.1). on_packet is called on the
 * loop. The device goes away with it. *out is NULL after MIX_ERR_MEMORY, and to be closed and freed
 * after MIX_ERR_STATE (number is the system's error, words say at which step). */
int tun_new(tun **out, uv_loop_t *loop, const mix_address *guest4, uint16_t mtu,
            tun_on_packet *on_packet, void *user, mix_error *e);
/* A packet to the kernel; false when it takes none now. */
bool tun_write(tun *t, mix_bytes ip_packet);
const char *tun_name(const tun *t);
void tun_close(tun *t, void (*closed)(void *user), void *user);
void tun_free(tun *t);

#endif
