/* SPDX-License-Identifier: Apache-2.0 */
/* What the host gives to the core: randomness, wall time and a place for log lines. Time itself is a parameter. */
#ifndef MIX_ENV_H
#define MIX_ENV_H

#include <stddef.h>
#include <stdint.h>

/* Monotonic time in microseconds from any fixed start. Always a parameter called now. */
typedef int64_t mix_time;
#define MIX_NEVER INT64_MAX
#define MIX_MS(n) ((mix_time)(n)*1000)
#define MIX_SECONDS(n) ((mix_time)(n)*1000000)

typedef enum mix_log_level {
    MIX_LOG_NONE = 0,
    MIX_LOG_ERROR,
    MIX_LOG_WARN,
    MIX_LOG_INFO,
    MIX_LOG_DEBUG,
    MIX_LOG_TRACE,
} mix_log_level;

/* All members are called from within calls of the core, on the caller's thread. The core borrows it for life. */
typedef struct mix_env {
    void *user; /* given back as the first parameter */
    /* Fills out with len random bytes fit for keys; 0 on success, anything else fails the call that needed them.
     * There is no fallback. */
    int (*random)(void *user, uint8_t *out, size_t len);
    /* Microseconds since 1970-01-01 UTC; for certificates, epochs and stored dates only. */
    int64_t (*wall_time)(void *user);
    /* One line without its end, never a secret; layer is a folder's name. NULL: no log. */
    void (*log)(void *user, mix_log_level level, const char *layer, const char *text);
    mix_log_level log_level; /* lines above it are not made */
} mix_env;

#endif
