/* SPDX-License-Identifier: Apache-2.0 */
/* wasi-libc's stdlib.h, with the source of randomness that c-ares asks for first; src/sockets defines it. */
#include_next <stdlib.h>
#ifndef COMPAT_STDLIB_H
#define COMPAT_STDLIB_H
void arc4random_buf(void *out, size_t len);
#endif
