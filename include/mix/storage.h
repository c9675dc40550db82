/* SPDX-License-Identifier: Apache-2.0 */
/* What a host keeps for the core between its runs: few small values under short names. The core
 * never asks for one while it runs, since a browser's storage answers late: the host reads all
 * values first and gives them when it makes the tunnel, and from then on writes what the core's
 * store events say. A value must be replaced as a whole or not at all. Where a write fails the
 * tunnel goes on; the next run then begins with the older value. */
#ifndef MIX_STORAGE_H
#define MIX_STORAGE_H

#include <stddef.h>
#include <stdint.h>

/* Names of the values. Each starts with a version of its own, so a value is never moved to another
 * name. */
#define MIX_STORE_IDENTITY                                                                         \
    "identity" /* keys of the client and its registration; sealed if a passphrase is set */

/* One change. */
typedef struct mix_store_change {
    const char *name;    /* one of the above */
    const uint8_t *data; /* NULL: delete the value */
    size_t len;
} mix_store_change;

#endif
