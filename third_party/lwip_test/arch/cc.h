/* SPDX-License-Identifier: Apache-2.0 */
/* What lwIP asks of its surroundings. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#define LWIP_RAND() 4u /* initial sequence numbers may be the same in each run here */
#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(x) (fprintf(stderr, "lwIP: %s\n", x), abort())
