/* SPDX-License-Identifier: Apache-2.0 */
/* The table of forwards: public addresses and ports that are local servers. */
#ifndef HOSTS_NATIVE_MIXNET_INTERNET_FORWARD_H
#define HOSTS_NATIVE_MIXNET_INTERNET_FORWARD_H

#include "base/address.h"
#include "base/error.h"

typedef struct forward {
    mix_address asked, server;
} forward;

typedef struct forwards {
    forward *items;
    size_t count;
} forwards; /* {0} is empty */

/* From "IP:PORT=HOST:PORT". MIX_ERR_ARGUMENT (words name the entry), MIX_ERR_MEMORY; to be
 * deinitialised in any case. */
int forwards_init(forwards *f, const char *const *entries, size_t count, mix_error *e);
void forwards_deinit(forwards *f);
/* Where packets to this address and port go, or NULL. */
const mix_address *forwards_find(const forwards *f, const mix_address *asked);
/* Whether any port of this address is forwarded. */
bool forwards_have(const forwards *f, const mix_address *asked);

#endif
