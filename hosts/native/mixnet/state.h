/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder of a local mixnet: network.json, keys.json, ca.pem, ca.key, server.pem,
 * server.key, clients-NAME. */
#ifndef HOSTS_NATIVE_MIXNET_STATE_H
#define HOSTS_NATIVE_MIXNET_STATE_H

#include "base/error.h"
#include "mixnet/network/network.h"

/* Reads the network of the folder; makes folder and network when there is none. A network that is
 * there keeps its members: a plan with other numbers is an error. MIX_ERR_NETWORK_FILE,
 * MIX_ERR_STATE_FOLDER (e->number is the errno), and those of making. */
int state_open(const char *folder, const mixnet_plan *plan, mixnet_network *out, mix_crypto *crypto,
               const mix_env *env, mix_error *e);
/* Writes network.json again (ports and clock change). */
int state_save(const char *folder, const mixnet_network *net, mix_error *e);

#endif
