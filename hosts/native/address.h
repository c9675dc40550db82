/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as the core writes them and as the system does. */
#ifndef HOSTS_NATIVE_ADDRESS_H
#define HOSTS_NATIVE_ADDRESS_H

#include "base/address.h"

#include <sys/socket.h>

mix_address host_address(const struct sockaddr *a); /* neither IPv4 nor IPv6: family 0 */
void host_sockaddr(struct sockaddr_storage *out, const mix_address *a);
/* ::ffff:1.2.3.4 becomes 1.2.3.4; every other stays as it is. */
void host_address_unmap(mix_address *a);
bool host_is_loopback(const mix_address *a); /* also written as ::ffff:127.0.0.1 */

#endif
