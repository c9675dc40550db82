/* SPDX-License-Identifier: Apache-2.0 */
/* Packets for nobody, over nodes that are not there. */
#ifndef MIX_TRAFFIC_REHEARSAL_H
#define MIX_TRAFFIC_REHEARSAL_H

#include "traffic/traffic.h"

/* Makes so many cover packets and drops them: where code is compiled when it first runs, as in a
 * browser, the first packets that count are then made as fast as later ones. Leaves nothing behind.
 * MIX_ERR_RANDOM, MIX_ERR_MEMORY, MIX_ERR_CRYPTO. */
int mix_traffic_rehearse(mix_crypto *crypto, const mix_env *env, size_t packets);

#endif
