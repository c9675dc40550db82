/* SPDX-License-Identifier: Apache-2.0 */
/* All heap memory of the core comes from here, so that a test can make the n-th call fail (tests/alloc_fail.h):
 * tests link their own definitions of these names in front of the library's. */
#ifndef MIX_BASE_ALLOC_H
#define MIX_BASE_ALLOC_H

#include <stddef.h>

void *mix_alloc(size_t size);                   /* uninitialised; NULL when there is none. size > 0 */
void *mix_alloc_zero(size_t count, size_t size); /* zeroed, multiplication checked */
void *mix_realloc(void *p, size_t size);        /* as realloc; p is untouched on NULL. size > 0 */
void mix_free(void *p);                         /* NULL is fine */
/* For memory that held secrets: wipes size bytes first. */
void mix_free_wiped(void *p, size_t size);
/* Overwrites memory in a way that the compiler keeps. */
void mix_wipe(void *p, size_t size);

#endif
