/* SPDX-License-Identifier: Apache-2.0 */
/* What lwIP asks of its surroundings: a way to stop at its own bugs, which only debug builds look
 * for. */
#ifndef MIX_TCPIP_CC_H
#define MIX_TCPIP_CC_H

#include <stdlib.h>

#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(x) __builtin_trap()
#ifdef NDEBUG
#define LWIP_NOASSERT
#endif

#endif
