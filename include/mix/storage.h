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
 * name. With a passphrase they are sealed, else readable.
 *
 * The keys of the client and its registration: 640 bytes at most. Without it the client is a new
 * one, which takes longer. */
#define MIX_STORE_IDENTITY "identity"
/* What the directory said, for a run that begins within 300 s: some 150 KB for a thousand nodes,
 * 4 MiB at most. Without it, or with one that is of no use any more, the directory is asked. */
#define MIX_STORE_DIRECTORY "directory"

/* One change. */
typedef struct mix_store_change {
    const char *name;    /* one of the above */
    const uint8_t *data; /* NULL: delete the value */
    size_t len;
} mix_store_change;

#endif
