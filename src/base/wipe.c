/* SPDX-License-Identifier: Apache-2.0 */
/* Wiping of memory that held secrets. */
#include "base/alloc.h"

#include <string.h>

void mix_wipe(void *p, size_t size) {
    if (size == 0)
        return;
    memset(p, 0, size);
    __asm__ __volatile__("" : : "r"(p) : "memory"); /* the compiler must assume that somebody reads it */
}

void mix_free_wiped(void *p, size_t size) {
    if (!p)
        return;
    mix_wipe(p, size);
    mix_free(p);
}
