/* SPDX-License-Identifier: Apache-2.0 */
/* What a node's release says about its packet router. Spec: 4-directory.md §9, 5-ipr.md §5.0. */
#ifndef MIX_DIRECTORY_RELEASE_H
#define MIX_DIRECTORY_RELEASE_H

#include "base/bytes.h"

enum { MIX_IPR_BEFORE_10 = 9 }; /* spoken to exits of which nothing is known */

/* The best version of the packet router's protocol: 10 from 1.37.0 on, 9 from 1.30.0 on, 0 for
 * older releases and for texts that are no semantic version ("v1.31" is none). Pre-releases come
 * before their release. */
uint8_t mix_release_ipr_version(mix_bytes release);

#endif
