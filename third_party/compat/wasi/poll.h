/* SPDX-License-Identifier: Apache-2.0 */
/* wasi-libc's poll.h, with the event that it leaves out; the bit is one that it does not use. */
#include_next <poll.h>
#ifndef POLLPRI
#define POLLPRI 0x0400
#endif
