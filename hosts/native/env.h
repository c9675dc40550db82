/* SPDX-License-Identifier: Apache-2.0 */
/* The native host's mix_env and its monotonic clock. */
#ifndef HOSTS_NATIVE_ENV_H
#define HOSTS_NATIVE_ENV_H

#include "mix/env.h"

#include <stdio.h>

/* Fills in an env that draws from the kernel, reads the real-time clock and writes log lines to
 * `log` (NULL: none). */
void host_env_init(mix_env *env, FILE *log, mix_log_level level);
mix_time host_now(void); /* monotonic microseconds */

#endif
