/* SPDX-License-Identifier: Apache-2.0 */
/* Replaces base/alloc.c in test programs that name this file. */
#include "alloc_fail.h"

#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct {
    size_t fail_at, count, live, bytes, peak;
    int sticky, paused;
} state;

typedef union header {
    size_t size;
    max_align_t align;
} header;

void mix_alloc_fail_at(size_t n, int sticky) {
    state.fail_at = n;
    state.sticky = sticky;
    state.count = 0;
    state.peak = state.bytes;
}
size_t mix_alloc_count(void) {
    return state.count;
}
size_t mix_alloc_live(void) {
    return state.live;
}
size_t mix_alloc_live_bytes(void) {
    return state.bytes;
}
size_t mix_alloc_peak_bytes(void) {
    return state.peak;
}

void mix_alloc_fail_pause(int pause) {
    state.paused = pause;
}

static int refuse(void) {
    if (state.paused)
        return 0;
    state.count++;
    return state.fail_at != 0 && (state.sticky ? state.count >= state.fail_at : state.count == state.fail_at);
}

static void *tracked(header *h, size_t size) {
    if (!h)
        return NULL;
    h->size = size;
    state.live++;
    state.bytes += size;
    state.peak = state.bytes > state.peak ? state.bytes : state.peak;
    return h + 1;
}

void *mix_alloc(size_t size) {
    if (refuse() || size > SIZE_MAX - sizeof(header))
        return NULL;
    return tracked(malloc(sizeof(header) + size), size);
}

void *mix_alloc_zero(size_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - sizeof(header)) / size)
        return NULL;
    void *p = mix_alloc(count * size);
    return p ? memset(p, 0, count * size) : NULL;
}

void *mix_realloc(void *p, size_t size) {
    if (!p)
        return mix_alloc(size);
    void *bigger = mix_alloc(size);
    if (!bigger)
        return NULL;
    size_t old = ((header *)p - 1)->size;
    memcpy(bigger, p, old < size ? old : size);
    mix_free(p);
    return bigger;
}

void mix_free(void *p) {
    if (!p)
        return;
    header *h = (header *)p - 1;
    state.live--;
    state.bytes -= h->size;
    free(h);
}
