/* SPDX-License-Identifier: Apache-2.0 */
/* The four allocation calls that tests replace; nothing else may live in this file. */
#include "base/alloc.h"

#include <stdlib.h>

void *mix_alloc(size_t size) {
    return malloc(size);
}

void *mix_alloc_zero(size_t count, size_t size) {
    return calloc(count, size);
}

void *mix_realloc(void *p, size_t size) {
    return realloc(p, size);
}

void mix_free(void *p) {
    free(p);
}
