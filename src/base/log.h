/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines by level through mix_env, and its randomness with a checked result. */
#ifndef MIX_BASE_LOG_H
#define MIX_BASE_LOG_H

#include "mix/env.h"
#include "mix/errors.h"

#include <stdbool.h>

/* True when a line of this level would be written: guard costly formatting with it. */
static inline bool mix_log_on(const mix_env *env, mix_log_level level) {
    return env->log && level <= env->log_level;
}
/* One line, at most 255 bytes; control characters become '?', so that a peer's text cannot forge lines. */
void mix_log(const mix_env *env, mix_log_level level, const char *layer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* MIX_OK or MIX_ERR_RANDOM; out is wiped on error. */
int mix_random(const mix_env *env, void *out, size_t len);

#endif
